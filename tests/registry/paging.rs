//! Paged tag lists and their links.

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use tidegate::model::{Class, Tag, TagList};
use tidegate::port::Registry as _;
use tidegate::registry::{RegistryError, RequestError};
use wiremock::matchers::{any, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{anonymous, image, in_full};

const LIST: &str = "/v2/vtr/app/tags/list";

fn page(tags: &[&str]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"name": "vtr/app", "tags": tags}))
}

fn linked(tags: &[&str], link: &str) -> ResponseTemplate {
    page(tags).insert_header("link", link)
}

async fn serve_first(server: &MockServer, response: ResponseTemplate) {
    let first = Mock::given(method("GET")).and(path(LIST)).and(query_param_is_missing("last"));
    first.respond_with(response).mount(server).await;
}

async fn serve_after(server: &MockServer, last: &str, response: ResponseTemplate) {
    Mock::given(path(LIST)).and(query_param("last", last)).respond_with(response).mount(server).await;
}

async fn list(server: &MockServer) -> Result<Arc<TagList>, RegistryError> {
    let host = server.address().to_string();
    anonymous(&host).tags(&image(&host, "vtr/app")).await
}

fn texts(list: &TagList) -> Vec<&str> {
    list.tags.iter().map(Tag::as_str).collect()
}

#[tokio::test]
async fn every_page_is_read_with_any_length_and_link_form() {
    let server = MockServer::start().await;
    let absolute = format!("<{}{LIST}?last=c&n=1000>; rel=\"next\"", server.uri());
    serve_first(&server, linked(&["a"], "</v2/vtr/app/tags/list?last=a&n=1000>; rel=\"next\"")).await;
    serve_after(&server, "a", linked(&[], "<?last=b>; rel=next")).await;
    serve_after(&server, "b", linked(&["c", "a"], &absolute)).await;
    serve_after(&server, "c", page(&["d"])).await;
    let list = list(&server).await.unwrap();
    assert_eq!(texts(&list), ["a", "c", "d"]);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.query(), Some("n=1000"));
}

#[rstest]
#[case::other_host("<http://evil.example/v2/vtr/app/tags/list>; rel=next")]
#[case::other_port("<http://127.0.0.1:1/v2/vtr/app/tags/list>; rel=next")]
#[case::no_scheme("<//evil.example/>; rel=next")]
#[case::itself("</v2/vtr/app/tags/list?n=1000>; rel=next")]
#[case::file("<file:///etc/passwd>; rel=next")]
#[tokio::test]
async fn a_link_to_another_origin_or_in_a_circle_is_refused(#[case] link: &str) {
    let server = MockServer::start().await;
    serve_first(&server, linked(&["a"], link)).await;
    let error = list(&server).await.unwrap_err();
    assert!(
        matches!(error.cause(), Some(RequestError::ForbiddenRedirect { what: "a link", .. })),
        "{}",
        in_full(&error)
    );
    assert_eq!(error.class(), Class::Refused);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("v{number:05}")).collect()
}

fn strs(tags: &[String]) -> Vec<&str> {
    tags.iter().map(String::as_str).collect()
}

#[rstest]
#[case::requested_size(1_000)]
#[case::common_cap(100)]
#[tokio::test]
async fn a_full_page_without_a_link_is_continued_after_its_last_tag(#[case] size: usize) {
    let server = MockServer::start().await;
    let (first, second, third) =
        (numbered(0..size), numbered(size..2 * size), numbered(2 * size..2 * size + 3));
    serve_first(&server, page(&strs(&first)).insert_header("etag", "\"one\"")).await;
    serve_after(&server, first.last().unwrap(), page(&strs(&second))).await;
    serve_after(&server, second.last().unwrap(), page(&strs(&third))).await;
    let host = server.address().to_string();
    let (client, app) = (anonymous(&host), image(&host, "vtr/app"));
    let all = client.tags(&app).await.unwrap();
    assert_eq!(texts(&all), strs(&numbered(0..2 * size + 3)));
    let again = client.tags(&app).await.unwrap();
    assert!(Arc::ptr_eq(&all, &again), "unchanged pages are the same list");
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests.iter().all(|request| !request.headers.contains_key("if-none-match")),
        "a 304 of one page says nothing of the next"
    );
}

#[rstest]
#[case::ignores_last(None)]
#[case::ends(Some(page(&[])))]
#[case::does_not_know_last(Some(ResponseTemplate::new(400)))]
#[tokio::test]
async fn a_full_page_that_is_the_last_costs_one_more_request(#[case] next: Option<ResponseTemplate>) {
    let server = MockServer::start().await;
    let first = numbered(0..1_000);
    match next {
        Some(next) => {
            serve_first(&server, page(&strs(&first))).await;
            serve_after(&server, first.last().unwrap(), next).await;
        }
        None => Mock::given(any()).respond_with(page(&strs(&first))).mount(&server).await,
    }
    assert_eq!(list(&server).await.unwrap().tags.len(), 1_000);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn endless_pages_are_refused() {
    let server = MockServer::start().await;
    let response = |request: &wiremock::Request| {
        let last =
            request.url.query_pairs().find(|(key, _)| key == "last").map(|(_, value)| value.into_owned());
        let next: u32 = last.map_or(0, |last| last.parse::<u32>().unwrap() + 1);
        linked(&["a"], &format!("<?last={next}>; rel=next"))
    };
    Mock::given(any()).respond_with(response).mount(&server).await;
    let error = list(&server).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::TooManyPages { .. })), "{}", in_full(&error));
    assert!(in_full(&error).ends_with("has more than 1000 pages"), "{}", in_full(&error));
}

#[tokio::test]
async fn invalid_tags_are_counted_and_skipped() {
    let server = MockServer::start().await;
    serve_first(&server, page(&["../../x", "v1.0.0", "🌊", &"x".repeat(10_000), "v1.0.0"])).await;
    let list = list(&server).await.unwrap();
    assert_eq!((texts(&list), list.ignored), (vec!["v1.0.0"], 3));
}

#[tokio::test]
async fn an_unchanged_list_costs_a_304() {
    let server = MockServer::start().await;
    let known = Mock::given(wiremock::matchers::header("if-none-match", "\"one\""));
    known.respond_with(ResponseTemplate::new(304)).with_priority(1).expect(1).mount(&server).await;
    serve_first(&server, page(&["a"]).insert_header("etag", "\"one\"")).await;
    let host = server.address().to_string();
    let (client, app) = (anonymous(&host), image(&host, "vtr/app"));
    let first = client.tags(&app).await.unwrap();
    assert!(Arc::ptr_eq(&first, &client.tags(&app).await.unwrap()));
}

#[tokio::test]
async fn an_unexpected_304_is_an_error() {
    let server = MockServer::start().await;
    serve_first(&server, ResponseTemplate::new(304)).await;
    let error = list(&server).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::UnexpectedStatus { .. })), "{}", in_full(&error));
}
