//! Pull requests at GitHub, against an emulation on a real repository.

use std::sync::Arc;

use tidegate::forge::{Api, ApiSettings, GitHub, GitHubSettings};
use tidegate::model::{
    AutoMerge, Class, ClosedBy, Fault, MergeMethod, Opinion, PullRequestBranch, PullRequestDraft,
    PullRequestOptions,
};
use tidegate::port::Forge as _;

use crate::support::git::{Change, Origin};
use crate::support::pulls::{self, REPOSITORY, TOKEN, Trouble};

const APP: &str = "clusters/prod/app.yaml";

fn client(server: &pulls::GitHub, token: &'static str) -> GitHub {
    let api = Api::new(&ApiSettings { url: server.url(), ca_file: None, proxy: None }).unwrap();
    GitHub::new(
        api,
        GitHubSettings {
            repository: REPOSITORY.to_owned(),
            base: "main".parse().unwrap(),
            bearer: Arc::new(|| Ok(token.into())),
        },
    )
}

fn branch() -> PullRequestBranch {
    "tidegate/prod/common/app".parse().unwrap()
}

/// A repository with a branch to propose.
fn world() -> (Origin, pulls::GitHub, GitHub) {
    let origin = Origin::with_files(&[(APP, "tag: v1.0.0\n")]);
    origin.git(&["branch", branch().as_str(), "main"]);
    origin.commit_on(branch().as_str(), "chore(app): update", &[Change::File(APP, b"tag: v1.0.1\n")]);
    let server = pulls::GitHub::of(origin.path());
    let client = client(&server, TOKEN);
    (origin, server, client)
}

fn draft() -> PullRequestDraft {
    PullRequestDraft { branch: branch(), title: "a title".into(), body: "a body\n".into(), is_draft: true }
}

fn asked(server: &pulls::GitHub) -> Vec<String> {
    server.asked().iter().map(|one| format!("{} {}", one.method, one.status)).collect()
}

#[tokio::test]
async fn one_is_opened_changed_and_closed() {
    let (origin, server, client) = world();
    assert_eq!(client.open_requests().await.unwrap(), []);
    let opened = client.open(&draft()).await.unwrap();
    assert_eq!((opened.number, opened.branch.clone()), (1, branch()));
    assert_eq!(opened.head.to_string(), origin.at(branch().as_str()));
    assert!(opened.is_draft && opened.url.ends_with("/pull/1"));
    assert_eq!(client.open_requests().await.unwrap(), std::slice::from_ref(&opened));

    client.amend(1, Some("another"), "text").await.unwrap();
    client.amend(1, None, "another text").await.unwrap();
    client.comment(1, "a word").await.unwrap();
    let pull = server.open();
    assert_eq!((pull.title.as_str(), pull.body.as_str()), ("another", "another text"));
    assert_eq!(server.comments(), ["#1 a word"]);

    client.close(1, "over").await.unwrap();
    assert_eq!(client.open_requests().await.unwrap(), []);
    let closed = client.closed_requests(&branch(), 1).await.unwrap().requests;
    assert_eq!((closed.len(), closed[0].is_merged, closed[0].body.as_str()), (1, false, "over"));
    assert_eq!(closed[0].head, opened.head);
    assert_eq!(client.message(opened.head).await.unwrap(), "chore(app): update");
    let other: PullRequestBranch = "tidegate/prod/common/web".parse().unwrap();
    assert_eq!(client.closed_requests(&other, 1).await.unwrap().requests, []);
}

#[tokio::test]
async fn the_person_who_closed_a_pull_request_is_reported() {
    let (origin, server, client) = world();
    for (number, close) in (1..).zip([
        &(|number| server.close_as(number, "stale[bot]")) as &dyn Fn(u64),
        &|number| server.close(number),
        &|_| drop(origin.git(&["branch", "-D", branch().as_str()])),
    ]) {
        assert_eq!(client.open(&draft()).await.unwrap().number, number);
        close(number);
        assert_eq!(client.open_requests().await.unwrap(), []);
    }
    let expected = [
        ClosedBy::Bot("stale[bot]".into()),
        ClosedBy::Person(Some("ana".into())),
        ClosedBy::BranchDeletion(Some("janitor".into())),
    ];
    for (number, expected) in (1..).zip(expected) {
        assert_eq!(client.closed_by(number).await.unwrap(), expected);
    }
    let closed = client.recently_closed().await.unwrap();
    assert_eq!(closed.iter().map(|request| request.number).collect::<Vec<_>>(), [3, 2, 1]);
    server.asked();
    client.closed_by(1).await.unwrap();
    assert_eq!(asked(&server), ["GET 304"]);
}

#[tokio::test]
async fn an_unchanged_list_is_requested_by_its_etag() {
    let (_origin, server, client) = world();
    client.open(&draft()).await.unwrap();
    let first = client.open_requests().await.unwrap();
    server.asked();
    for _ in 0..3 {
        assert_eq!(client.open_requests().await.unwrap(), first);
    }
    assert_eq!(asked(&server), ["GET 304", "GET 304", "GET 304"]);
    server.edit(1, "by hand");
    assert_eq!(client.open_requests().await.unwrap()[0].body, "by hand");
    assert_eq!(asked(&server), ["GET 200"]);
}

#[tokio::test]
async fn one_that_is_open_already_is_found_and_those_of_others_are_not_ours() {
    let (_origin, server, client) = world();
    server.open_from_fork(branch().as_str());
    server.open_from_fork("main");
    assert_eq!(client.open_requests().await.unwrap(), [], "a fork's branch may be called anything");
    let opened = client.open(&draft()).await.unwrap();
    assert_eq!(opened.number, 3);
    assert_eq!(client.open(&draft()).await.unwrap(), opened);
    assert_eq!(client.closed_requests(&branch(), 1).await.unwrap().requests, []);
}

#[tokio::test]
async fn more_than_a_page_is_read() {
    let (_origin, server, client) = world();
    for _ in 0..150 {
        server.open_from_fork("x");
    }
    client.open(&draft()).await.unwrap();
    let open = client.open_requests().await.unwrap();
    assert_eq!(open.iter().map(|request| request.number).collect::<Vec<_>>(), [151]);
    server.asked();
    client.open_requests().await.unwrap();
    assert_eq!(asked(&server), ["GET 304", "GET 304"]);
}

#[tokio::test]
async fn closed_ones_come_by_pages_the_last_to_change_first() {
    let (_origin, server, client) = world();
    for number in 1..=65 {
        client.open(&draft()).await.unwrap();
        server.close(number);
    }
    server.edit(7, "a word");
    let mut numbers = Vec::new();
    for page in 1..=3 {
        let closed = client.closed_requests(&branch(), page).await.unwrap();
        assert_eq!(closed.is_last, page == 3);
        assert!(closed.requests.iter().all(|one| one.opened_at < one.updated_at));
        numbers.extend(closed.requests.iter().map(|request| request.number));
    }
    assert_eq!((numbers.len(), &numbers[..3], numbers[64]), (65, &[7, 65, 64][..], 1));
    server.asked();
    client.closed_requests(&branch(), 1).await.unwrap();
    assert_eq!(asked(&server), ["GET 304"]);
}

#[tokio::test]
async fn settings_of_a_pull_request_apply_once_and_failures_are_reported() {
    let (_origin, server, client) = world();
    client.open(&draft()).await.unwrap();
    let mut extras = PullRequestOptions {
        labels: vec!["promotion".into()],
        reviewers: vec!["ana".into()],
        team_reviewers: vec!["platform".into()],
        auto_merge: Some(MergeMethod::Squash),
    };
    assert!(client.give(1, &extras).await.is_empty());
    let pull = server.open();
    assert_eq!(
        (pull.labels, pull.reviewers),
        (vec!["promotion".to_owned()], vec!["ana".into(), "platform".into()])
    );
    assert_eq!(pull.auto_merge.as_deref(), Some("SQUASH"));

    server.forbid();
    extras.reviewers = vec!["nobody".into()];
    let troubles: Vec<String> = client.give(1, &extras).await.iter().map(Fault::in_one_line).collect();
    assert_eq!(troubles.len(), 2, "{troubles:?}");
    assert!(
        troubles[0].starts_with("cannot set reviewers of pull request #1: GitHub rejected "),
        "{}",
        troubles[0]
    );
    assert!(troubles[1].starts_with(
        "cannot set auto-merge of pull request #1: Auto merge is not allowed for this repository"
    ));
}

#[tokio::test]
async fn a_failing_server_is_tried_again_and_no_change_is_made_twice() {
    let (_origin, server, client) = world();
    server.next("GET", Trouble::Status(502));
    server.next("GET", Trouble::LostAnswer);
    client.open_requests().await.unwrap();
    assert_eq!(asked(&server).len(), 3);
    server.next("POST", Trouble::LostAnswer);
    let fault = client.open(&draft()).await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain);
    assert_eq!(asked(&server), ["POST 201"]);
    assert_eq!(client.open(&draft()).await.unwrap().number, 1);
}

#[tokio::test]
async fn limits_are_respected() {
    for trouble in [Trouble::Secondary(60), Trouble::Primary] {
        let (_origin, server, client) = world();
        server.next("GET", trouble);
        let fault = client.open_requests().await.unwrap_err();
        assert_eq!(fault.class(), Class::TryAgain, "{fault}");
        let again = client.open(&draft()).await.unwrap_err();
        assert!(again.to_string().contains("asked for a pause"), "{again}");
        assert_eq!(asked(&server).len(), 1, "nothing is asked while it lasts");
    }
}

#[tokio::test]
async fn a_token_without_the_right_is_reported_and_never_shown() {
    let (_origin, server, good) = world();
    let rights = good.rights().await.unwrap();
    assert!(rights.may_push && !rights.is_archived && rights.allows_auto_merge == Some(true));
    server.forbid();
    assert!(!good.rights().await.unwrap().may_push);
    let wrong = client(&server, "ghp_wr0ng");
    let fault = wrong.open_requests().await.unwrap_err();
    assert_eq!(fault.class(), Class::Failed);
    assert!(fault.to_string().contains("401"), "{fault}");
    assert!(fault.hint().unwrap().contains("`pull requests: write`"));
    assert!(!fault.in_one_line().contains("wr0ng"), "{fault}");
}

#[tokio::test]
async fn reviews_are_read_as_they_came_and_cost_nothing_while_none_is_added() {
    let (_origin, server, client) = world();
    let opened = client.open(&draft()).await.unwrap();
    assert_eq!(opened.opened_by.as_deref(), Some("tidegate[bot]"));
    for (by, state, association) in [
        ("ana", "APPROVED", "MEMBER"),
        ("bruno", "CHANGES_REQUESTED", "COLLABORATOR"),
        ("bruno", "DISMISSED", "OWNER"),
        ("eve", "COMMENTED", "NONE"),
        ("eve", "APPROVED", "CONTRIBUTOR"),
    ] {
        server.review(1, by, state, association);
    }
    let reviews = client.reviews(1).await.unwrap();
    let opinions: Vec<(&str, Opinion, bool)> =
        reviews.iter().map(|one| (one.by.as_str(), one.opinion, one.may_write)).collect();
    assert_eq!(
        opinions,
        [
            ("ana", Opinion::Approved, true),
            ("bruno", Opinion::ChangesRequested, true),
            ("bruno", Opinion::Dismissed, true),
            ("eve", Opinion::None, false),
            ("eve", Opinion::Approved, false),
        ]
    );
    assert!(reviews.iter().all(|review| review.commit == Some(opened.head)));
    server.asked();
    assert_eq!(client.reviews(1).await.unwrap(), reviews);
    assert_eq!(asked(&server), ["GET 304"]);
    for _ in 0..100 {
        server.review(1, "ana", "COMMENTED", "MEMBER");
    }
    assert_eq!(client.reviews(1).await.unwrap().len(), 105);
}

#[tokio::test]
async fn auto_merge_merges_exactly_what_was_approved() {
    let (origin, server, client) = world();
    let opened = client.open(&draft()).await.unwrap();
    client.let_merge(1, opened.head, MergeMethod::Squash).await.unwrap();
    assert_eq!(server.open().auto_merge.as_deref(), Some("SQUASH"));
    assert_eq!(client.open_requests().await.unwrap()[0].auto_merge, Some(AutoMerge::ByOpener));
    client.keep_open(1).await.unwrap();
    client.keep_open(1).await.unwrap();
    assert_eq!(client.open_requests().await.unwrap()[0].auto_merge, None);
    server.have_merge_by_itself(1, "ana");
    assert_eq!(client.open_requests().await.unwrap()[0].auto_merge, Some(AutoMerge::ByAnother));

    client.keep_open(1).await.unwrap();
    origin.commit_on(branch().as_str(), "meanwhile", &[Change::File(APP, b"tag: v1.0.2\n")]);
    let fault = client.let_merge(1, opened.head, MergeMethod::Squash).await.unwrap_err();
    assert!(fault.to_string().contains("Expected head OID"), "{fault}");
    assert_eq!(server.open().auto_merge, None);

    // GitHub lets nothing merge by itself that could be merged at once.
    server.require_nothing();
    let fault = client.let_merge(1, opened.head, MergeMethod::Squash).await.unwrap_err();
    assert!(fault.to_string().contains("409: Head branch was modified"), "{fault}");
    let head = origin.at(branch().as_str()).parse().unwrap();
    client.let_merge(1, head, MergeMethod::Merge).await.unwrap();
    assert!(server.pulls()[0].is_merged);
    assert_eq!(origin.file(APP), "tag: v1.0.2\n");
}
