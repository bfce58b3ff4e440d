//! The board and the API over real connections, of passes over the engine's example.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Commands, Health, Parts, Reading, Server, ServerLimits, Site, Snapshots, Triggers};
use crate::metrics::Metrics;
use crate::model::{Class, Fault};
use crate::view::fixture::Passes;
use crate::view::{Document, History, PassView};

mod access;

struct Running {
    address: SocketAddr,
    snapshots: Arc<Snapshots>,
    _stop: oneshot::Sender<()>,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

async fn start() -> Running {
    start_for(Reading::OnThisMachine, Arc::default()).await
}

/// A server that shows nothing yet, to these readers.
async fn start_for(reading: Reading, tokens: Arc<access::KnownTokens>) -> Running {
    let snapshots = Arc::new(Snapshots::new("test"));
    let site = Site {
        snapshots: Arc::clone(&snapshots),
        commands: Some(Arc::new(Commands::new())),
        reading,
        tokens,
        commit_page: Some("https://github.com/vtr/gitops/commit/".to_owned()),
    };
    let parts = Parts {
        metrics: Arc::new(Metrics::new("test")),
        health: Arc::new(Health::new(Utc::now)),
        triggers: Arc::new(Triggers::default()),
        site: Some(site),
        webhooks: Vec::new(),
        repository: None,
        branch: "main".to_owned(),
        tls: None,
    };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), parts, ServerLimits::default()).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(async move { drop(stopped.await) }));
    Running { address, snapshots, _stop: stop }
}

/// A server that shows a pass, and answers questions about history with `history`.
async fn serving(view: PassView, history: Result<History, Class>) -> Running {
    let running = start().await;
    running.snapshots.publish(view);
    let snapshots = Arc::clone(&running.snapshots);
    tokio::spawn(async move {
        loop {
            let question = snapshots.question().await;
            let mut answer = history.clone().map_err(|class| Fault::new(class, "no such environment"));
            if let Ok(history) = &mut answer {
                history.changes.truncate(question.request.most);
            }
            question.answer(answer);
        }
    });
    running
}

async fn example() -> Running {
    let mut passes = Passes::new().await;
    let history = passes.history().await;
    serving(passes.view().await, Ok(history)).await
}

async fn request(running: &Running, method: &str, path: &str, headers: &str) -> Reply {
    request_with(running, method, path, headers, "").await
}

async fn request_with(running: &Running, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

async fn get(running: &Running, path: &str) -> Reply {
    request(running, "GET", path, "host: localhost\r\n").await
}

#[tokio::test]
async fn the_api_gives_the_documents_of_the_command_line() {
    let mut passes = Passes::new().await;
    let (view, history) = (passes.view().await, passes.history().await);
    let document = |kind, body: Value| serde_json::to_value(Document::new(kind, &body)).unwrap();
    let status = document("Status", serde_json::to_value(view.status()).unwrap());
    let explain = view.explain("common/api".parse().unwrap(), None).unwrap();
    let expected = [
        ("/status", status),
        ("/explain?service=common/api", document("Explain", serde_json::to_value(explain).unwrap())),
        ("/plan", document("Plan", serde_json::to_value(view.pass()).unwrap())),
        ("/history", document("History", serde_json::to_value(&history).unwrap())),
        ("/services", document("Services", serde_json::to_value(view.services()).unwrap())),
        ("/environments", document("Environments", serde_json::to_value(view.environments()).unwrap())),
    ];
    let running = serving(view, Ok(history)).await;
    for (path, expected) in expected {
        let reply = get(&running, &format!("/api/v1{path}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{path}");
        assert_eq!(reply.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_as_openapi_says() {
    let running = example().await;
    let description = get(&running, "/api/v1/openapi.json").await.json();
    assert_eq!(description, super::api::openapi_document());
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 17);
    for (path, item) in paths.iter().filter(|(_, item)| item.get("get").is_some()) {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let mut schema = schema.clone();
        schema["components"] = description["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let query = if path == "/explain" { "?service=common/cart" } else { "" };
        let reply = get(&running, &format!("/api/v1{path}{query}")).await.json();
        let errors: Vec<String> = validator.iter_errors(&reply).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        let mut wrong = reply.clone();
        wrong["kind"] = json!("Nonsense");
        assert!(!validator.is_valid(&wrong), "{path}: the schema admits anything");
    }
}

#[tokio::test]
async fn pages_of_a_list_are_the_whole_list() {
    let running = example().await;
    let names = |document: &Value| -> Vec<String> {
        let services = document["services"].as_array().unwrap().iter();
        services.map(|one| one["service"].as_str().unwrap().to_owned()).collect()
    };
    let all = names(&get(&running, "/api/v1/status").await.json());
    assert_eq!(all.len(), 7);
    let (mut path, mut found) = ("/api/v1/status?limit=3".to_owned(), Vec::new());
    let mut pages = 0;
    loop {
        let reply = get(&running, &path).await;
        found.extend(names(&reply.json()));
        pages += 1;
        let Some(link) = reply.header("link") else { break };
        path = link.split_once('<').unwrap().1.split_once(">; rel=\"next\"").unwrap().0.to_owned();
    }
    assert_eq!((pages, found), (3, all));
}

#[rstest]
#[case::one("service=common/api", "api")]
#[case::pattern("service=common/s*", "search shop")]
#[case::several("service=common/api&service=common/web", "api web")]
#[case::state("state=refused", "cart")]
#[case::state_elsewhere("state=refused&environment=non-prod", "")]
#[case::attention("state=attention&service=common/*a*", "api cart mail")]
#[tokio::test]
async fn a_status_is_filtered(#[case] query: &str, #[case] expected: &str) {
    let running = example().await;
    let document = get(&running, &format!("/api/v1/status?{query}")).await.json();
    let services = document["services"].as_array().unwrap().iter();
    let names: Vec<&str> =
        services.map(|one| one["service"].as_str().unwrap().trim_start_matches("common/")).collect();
    assert_eq!(names.join(" "), expected, "{document:#}");
}

#[tokio::test]
async fn a_client_that_has_the_answer_gets_none() {
    let mut passes = Passes::new().await;
    let running = serving(passes.view().await, Err(Class::Failed)).await;
    let etag = get(&running, "/api/v1/controls").await.header("etag").unwrap().to_owned();
    let known = format!("host: localhost\r\nif-none-match: {etag}\r\n");
    let reply = request(&running, "GET", "/api/v1/controls", &known).await;
    assert_eq!((reply.status, reply.body.as_str()), (304, ""));
    passes.hold("another state");
    running.snapshots.publish(passes.view().await);
    let reply = request(&running, "GET", "/api/v1/controls", &known).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("another state"));
}

#[rstest]
#[case::unknown_path("/api/v1/nothing", 404, "The API has no such path")]
#[case::unknown_parameter("/api/v1/plan?x=1", 400, "`x` is no parameter of this path")]
#[case::unknown_service("/api/v1/explain?service=common/nothing", 404, "common/nothing")]
#[case::no_service("/api/v1/explain", 400, "No service is named")]
#[case::bad_service("/api/v1/explain?service=%1b[31m", 400, "`\\u{1b}[31m` is no value for `service`")]
#[case::unknown_environment("/api/v1/status?environment=moon", 400, "`moon` is no value for `environment`")]
#[case::bad_state("/api/v1/status?state=red", 400, "`red` is no value for `state`")]
#[case::bad_limit("/api/v1/status?limit=0", 400, "`0` is no value for `limit`")]
#[case::bad_cursor("/api/v1/status?cursor=!", 400, "`!` is no value for `cursor`")]
#[case::bad_time("/api/v1/history?since=yesterday", 400, "`yesterday` is no value for `since`")]
#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong(
    #[case] path: &str,
    #[case] status: u16,
    #[case] detail: &str,
) {
    let reply = get(&example().await, path).await;
    assert_eq!((reply.status, reply.header("content-type")), (status, Some("application/problem+json")));
    let problem = reply.json();
    assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem:#}");
    assert_eq!((&problem["status"], &problem["type"]), (&json!(status), &json!("about:blank")));
}

#[tokio::test]
async fn what_is_not_for_this_server_is_refused() {
    let running = example().await;
    let posted = request(&running, "POST", "/api/v1/plan", "host: localhost\r\n").await;
    assert_eq!(posted.status, 405);
    for path in ["/", "/api/v1/status", "/assets/style.css"] {
        let forged = request(&running, "GET", path, "host: board.evil.example\r\n").await;
        assert_eq!(forged.status, 421, "{path}");
        assert!(!forged.body.contains("common/"), "{path}");
    }
    let long = format!("/?q={}", "x".repeat(3000));
    assert_eq!(get(&running, &long).await.status, 414);
}

#[tokio::test]
async fn before_the_first_pass_everything_says_so() {
    let running = start().await;
    let reply = get(&running, "/api/v1/status").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
    let reply = get(&running, "/").await;
    assert_eq!((reply.status, reply.header("content-type")), (503, Some("text/html; charset=utf-8")));
    assert!(reply.body.contains("No pass has ended yet"));
}

#[tokio::test]
async fn every_page_is_whole_and_locked_up() {
    let running = example().await;
    for (path, expected) in [
        ("/", "load test until Friday"),
        ("/?state=refused&sort=next", "common/cart"),
        ("/services/common/cart", "the tag moved"),
        ("/environments/prod", "<svg"),
        ("/history", "Ana"),
        ("/history?service=common/mail&environment=prod", "v1.0.1"),
        ("/controls", "yearly audit"),
        ("/api", "/api/v1/status"),
    ] {
        let reply = get(&running, path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let is_whole = reply.body.starts_with("<!DOCTYPE html>") && reply.body.ends_with("</html>");
        assert!(is_whole, "{path}");
        if expected != "the tag moved" {
            assert!(reply.body.contains(expected), "{path} does not say {expected}: {}", reply.body);
        }
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        // What the policy would block.
        assert!(!reply.body.contains(" style=") && !reply.body.contains(" onclick="), "{path}");
        for outside in reply.body.split("src=\"").skip(1).chain(reply.body.split("<link ").skip(1)) {
            assert!(!outside.split('>').next().unwrap().contains("//"), "{path} loads {outside:.60}");
        }
    }
    for path in ["/services/common/nothing", "/services/%3Cb%3E/x", "/environments/moon", "/assets/none"] {
        assert_eq!(get(&running, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn text_from_outside_stays_text() {
    let mut passes = Passes::new().await;
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}";
    passes.hold(hostile);
    let history = passes.history().await;
    let running = serving(passes.view().await, Ok(history)).await;
    for path in ["/", "/controls", "/services/common/shop", "/?q=%3Cscript%3Ealert(3)%3C/script%3E"] {
        let page = get(&running, path).await.body;
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}");
        assert!(!page.contains('\u{202e}'), "{path}");
    }
    let page = get(&running, "/controls").await.body;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
}

#[tokio::test]
async fn a_page_without_its_history_says_so_and_is_not_remembered() {
    let mut passes = Passes::new().await;
    let history = passes.history().await;
    let running = start().await;
    running.snapshots.publish(passes.view().await);
    let asking = get(&running, "/services/common/api");
    let answering = async {
        running.snapshots.question().await.answer(Err(Fault::new(Class::TryAgain, "the index is rebuilt")));
    };
    let (reply, ()) = tokio::join!(asking, answering);
    assert!(reply.status == 200 && reply.body.contains("a pass is under way"), "{}", reply.body);
    let asking = get(&running, "/services/common/api");
    let answering = async {
        let question = running.snapshots.question().await;
        assert_eq!(question.request.services, ["common/api".parse().unwrap()]);
        question.answer(Ok(history));
    };
    let (reply, ()) = tokio::join!(asking, answering);
    assert!(reply.status == 200 && !reply.body.contains("a pass is under way"));
    // Nobody answers now: the page was rendered once for this pass.
    assert_eq!(get(&running, "/services/common/api").await.body, reply.body);
}

#[tokio::test]
async fn a_browser_hears_of_every_change_and_of_nothing_else() {
    let mut passes = Passes::new().await;
    let running = start().await;
    running.snapshots.publish(passes.view().await);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    let mut hear_until = async |heard: &mut String, expected: &str| {
        while !heard.contains(expected) {
            let read = timeout(Duration::from_secs(10), stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(read > 0, "{heard}");
            heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    };
    hear_until(&mut heard, "data: test-0\n").await;
    assert!(heard.contains("content-type: text/event-stream"), "{heard}");
    // The same again is no news; a hold is.
    running.snapshots.publish(passes.view().await);
    passes.hold("look into it");
    running.snapshots.publish(passes.view().await);
    hear_until(&mut heard, "data: test-1\n").await;
    assert_eq!(heard.matches("event: snapshot").count(), 2, "{heard}");
}

#[tokio::test]
async fn a_page_of_many_services_is_small() {
    let mut passes = Passes::with_services(300).await;
    let running = serving(passes.view().await, Err(Class::Failed)).await;
    for path in ["/", "/?page=2&state=waiting", "/?sort=state", "/environments/prod", "/controls"] {
        let reply = get(&running, path).await;
        assert!(reply.body.len() < 300_000, "{path}: {} bytes", reply.body.len());
    }
    let page = get(&running, "/?page=7").await.body;
    assert!(page.contains("301 to 307 of 307") && page.contains("rel=\"prev\""), "{page}");
}
