//! Releases at GitHub: made once, whatever is lost on the way.

use tidegate::forge::{Api, ApiSettings, Published, ReleaseDraft, Releases, RepositoryAccess};
use tidegate::model::{Class, CommitId};
use wiremock::ResponseTemplate;

use crate::support::github::refusal;
use crate::support::github_api::{TOKEN, Trouble};
use crate::support::releases::ReleaseServer;

fn releases(server: &ReleaseServer) -> Releases {
    let settings = ApiSettings { url: server.url(), ca_file: None, proxy: None };
    Releases::new(Api::new(&settings).unwrap())
}

fn draft(body: &str) -> ReleaseDraft {
    ReleaseDraft {
        tag: "promotions-2026-11-26".to_owned(),
        commit: CommitId::from_bytes([7; 20]),
        title: "Promotions of 2026-11-26".to_owned(),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn a_release_is_made_amended_and_left_as_it_is() {
    let server = ReleaseServer::start().await;
    let (releases, token) = (releases(&server), TOKEN.into());
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    for (body, published) in
        [("one\n", Published::Created), ("one\n", Published::Unchanged), ("one\ntwo\n", Published::Updated)]
    {
        assert_eq!(releases.publish(access, &draft(body)).await.unwrap(), published);
    }
    let made = server.releases();
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0]["body"], &made[0]["draft"]), (&"one\ntwo\n".into(), &false.into()));
    assert_eq!(made[0]["target_commitish"], "07".repeat(20));
}

#[tokio::test]
async fn a_lost_response_doubles_no_release() {
    let server = ReleaseServer::start().await;
    let token = TOKEN.into();
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    let nothing = || Trouble::Instead(ResponseTemplate::new(503));
    for (troubles, count) in [
        (vec![nothing()], 0),
        // The second request is the one that makes it.
        (vec![Trouble::Instead(refusal(404, "Not Found")), nothing()], 0),
        (vec![Trouble::Instead(refusal(404, "Not Found")), Trouble::Lost], 1),
    ] {
        server.next(troubles);
        let fault = releases(&server).publish(access, &draft("one")).await.unwrap_err();
        assert_eq!((fault.class(), server.releases().len()), (Class::TryAgain, count), "{fault}");
    }
    server.next([]);
    assert_eq!(releases(&server).publish(access, &draft("one")).await.unwrap(), Published::Unchanged);
    assert_eq!(server.releases().len(), 1);
}

#[tokio::test]
async fn the_second_publisher_updates_the_release_of_the_first() {
    let server = ReleaseServer::start().await;
    let token = TOKEN.into();
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    server.next([Trouble::Instead(refusal(404, "Not Found")), Trouble::After("promotions-2026-11-26")]);
    assert_eq!(releases(&server).publish(access, &draft("one")).await.unwrap(), Published::Updated);
    assert_eq!(server.releases().len(), 1);
    assert_eq!(server.releases()[0]["body"], "one");
}

#[tokio::test]
async fn limits_and_missing_rights_are_reported() {
    let server = ReleaseServer::start().await;
    let token = TOKEN.into();
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    let limited = refusal(403, "You have exceeded a secondary rate limit").insert_header("retry-after", "60");
    server.next([Trouble::Instead(limited)]);
    let limited = releases(&server);
    assert_eq!(limited.publish(access, &draft("one")).await.unwrap_err().class(), Class::TryAgain);
    server.take_requests();
    let fault = limited.publish(access, &draft("one")).await.unwrap_err();
    assert!(fault.to_string().contains("asked for a pause"), "{fault}");
    assert!(server.take_requests().is_empty());

    releases(&server).check(access).await.unwrap();
    server.allow_reading_only();
    let fault = releases(&server).check(access).await.unwrap_err();
    assert_eq!(fault.hint(), Some("give it the permission `contents: write`"));
    let fault = releases(&server).publish(access, &draft("one")).await.unwrap_err();
    assert_eq!(fault.class(), Class::Failed);
    let wrong = "wrong".into();
    let unknown = RepositoryAccess { token: Some(&wrong), ..access };
    assert!(releases(&server).check(unknown).await.unwrap_err().to_string().ends_with("404: Not Found"));
}
