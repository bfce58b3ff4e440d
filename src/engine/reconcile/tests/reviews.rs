//! Reviews as approvals, and what they approve.

use super::*;

/// Prod takes an approving review as an approval, and merges by itself then.
fn by_review(auto_merge: Option<MergeMethod>) -> Settings {
    let extras =
        PullRequestOptions { labels: vec!["promotion".into()], auto_merge, ..PullRequestOptions::default() };
    let rules = PullRequestPolicy { extras, ..PullRequestPolicy::default() };
    Settings { approval: ApprovalPolicy::ByReview, ..settings(rules) }
}

async fn to_be_reviewed(auto_merge: Option<MergeMethod>) -> World {
    let mut world = World::with(by_review(auto_merge));
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(DAY);
    let report = world.try_pass().await.unwrap();
    assert_eq!(states(&report), ["opens #1 v1.0.1"]);
    assert_eq!(report.requests[0].review.as_deref(), Some(WAITS));
    assert_eq!(world.forge.pulls()[0].labels, ["promotion"]);
    world
}

/// What the approval gate says of prod, and whether the pull request would merge by itself.
async fn review(world: &mut World) -> (String, bool) {
    let report = world.try_pass().await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let review = report.requests[0].review.clone().unwrap();
    (review, world.forge.pulls()[0].auto_merge.is_some())
}

const WAITS: &str = "v1.0.1 needs a review of #1 (https://forge/1)";

#[tokio::test]
async fn a_review_of_what_lies_there_is_an_approval_and_lets_it_merge() {
    let mut world = to_be_reviewed(Some(MergeMethod::Squash)).await;
    assert_eq!(review(&mut world).await, (WAITS.into(), false));
    let body = world.forge.pulls()[0].body.clone();
    assert!(body.contains("approval   yours: it waits for a review\n"), "{body}");
    world.forge.review(1, "tidegate[bot]", Opinion::Approved);
    world.forge.review(1, "bruno", Opinion::None);
    assert_eq!(review(&mut world).await, (WAITS.into(), false), "nobody approves their own");

    world.forge.review(1, "ana", Opinion::Approved);
    for _ in 0..2 {
        assert_eq!(review(&mut world).await, ("v1.0.1 was approved by ana in #1".into(), true));
    }
    let body = world.forge.pulls()[0].body.clone();
    assert!(body.contains("approval   open: approved by ana\n") && !body.contains("tidegate:"), "{body}");
    for calls in [&world.forge.calls, &world.branch.calls] {
        calls.take();
    }
    world.pass().await;
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1), ("reviews", 1)]));

    world.forge.review(1, "bruno", Opinion::ChangesRequested);
    let asked = format!("{WAITS}; bruno requested changes");
    assert_eq!(review(&mut world).await, (asked.clone(), false));
    assert_eq!(review(&mut world).await, (asked, false));
    let body = world.forge.pulls()[0].body.clone();
    assert!(body.contains("approval   yours: bruno requested changes\n"), "{body}");
    world.forge.review(1, "bruno", Opinion::Dismissed);
    assert_eq!(review(&mut world).await, ("v1.0.1 was approved by ana in #1".into(), true));
    assert_eq!(world.branch.message_of(world.branch.head()).matches("Tidegate-Promotion").count(), 1);
}

#[tokio::test]
async fn an_unreviewed_merge_is_reported_until_it_is_reviewed() {
    let mut world = to_be_reviewed(None).await;
    world.forge.merge(1, world.now());
    for is_new in [false, true] {
        if is_new {
            world.restart();
        }
        let problems = world.try_pass().await.unwrap().problems;
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = "common/app in prod: pull request #1 was merged without the review that `approval: review` asks for";
        assert_eq!(messages, [expected]);
        assert!(!problems[0].is_error);
    }
    world.forge.calls.take();
    world.try_pass().await.unwrap();
    assert_eq!(world.forge.calls.take().get("recently_closed"), None, "nothing moved");
    world.forge.review(1, "ana", Opinion::Approved);
    world.person("np/beside.yaml", "v1.0.1");
    assert_eq!(world.try_pass().await.unwrap().problems, []);
}

#[tokio::test]
async fn a_newer_candidate_in_its_place_is_reviewed_anew() {
    let mut world = to_be_reviewed(Some(MergeMethod::Merge)).await;
    world.forge.review(1, "ana", Opinion::Approved);
    assert!(review(&mut world).await.1);
    world.push("v1.0.2", '2');
    world.pass().await;
    assert!(review(&mut world).await.1, "the newer one soaks");
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["updates #1 v1.0.2"]);
    assert!(world.forge.pulls()[0].auto_merge.is_none(), "nobody has reviewed what lies there");
    let expected = "v1.0.2 needs a review of #1 (https://forge/1); ana approved an earlier commit of it";
    assert_eq!(review(&mut world).await, (expected.into(), false));
    world.forge.review(1, "ana", Opinion::Approved);
    assert_eq!(review(&mut world).await, ("v1.0.2 was approved by ana in #1".into(), true));
}

#[tokio::test]
async fn a_commit_after_a_review_needs_another_review() {
    let mut world = to_be_reviewed(Some(MergeMethod::Merge)).await;
    world.forge.review(1, "ana", Opinion::Approved);
    assert!(review(&mut world).await.1);
    let (asked, head) = (world.forge.calls.take(), world.forge.pulls()[0].head);
    assert!(!asked.contains_key("keep_open"));
    world.edit("p/app.yaml", &format!("# kept by Ana\n{}", release("app", "v1.0.0")));
    let report = world.try_pass().await.unwrap();
    assert_eq!(states(&report), ["updates #1 v1.0.1"]);
    let expected = format!("{WAITS}; ana approved an earlier commit of it");
    assert_eq!(report.requests[0].review.as_ref(), Some(&expected));
    let pull = &world.forge.pulls()[0];
    assert!(pull.head != head && pull.auto_merge.is_none(), "nobody has reviewed what lies there");
    assert!(pull.body.contains("approval   yours: it waits for a review; ana approved"), "{}", pull.body);
    assert_eq!(review(&mut world).await, (expected, false));
    world.forge.review(1, "ana", Opinion::Approved);
    assert!(review(&mut world).await.1);
}

#[tokio::test]
async fn a_control_file_approves_as_well() {
    let mut world = to_be_reviewed(None).await;
    assert_eq!(review(&mut world).await, (WAITS.into(), false));
    let approval = format!(
        "kind: Approval\nservice: common/app\nenvironment: prod\nversion: v1.0.1\ndigest: sha256:{}\nreason: QA\nby: \
         Ana\nat: 2026-03-02T09:00:00Z\n",
        "1".repeat(64)
    );
    world.edit(".tidegate/approval.yaml", &approval);
    let report = world.try_pass().await.unwrap();
    let Some(Decision::Promote(approved)) = &report.evaluation.decisions[TargetId::at(1)] else { panic!() };
    assert!(!approved.awaits_review() && report.requests[0].review.is_none());
}

#[tokio::test]
async fn reviews_that_cannot_be_asked_for_approve_nothing() {
    let mut world = to_be_reviewed(Some(MergeMethod::Squash)).await;
    world.forge.review(1, "ana", Opinion::Approved);
    *world.forge.are_reviews_away.lock().unwrap() = true;
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    let expected = format!("{WAITS}, whose reviews cannot be read");
    assert_eq!(report.requests[0].review.as_ref(), Some(&expected));
    assert!(world.forge.pulls()[0].auto_merge.is_none());
    world.forge.mend();
    assert!(review(&mut world).await.1);
}

#[tokio::test]
async fn a_promotion_that_needs_review_is_never_pushed() {
    let mut world = to_be_reviewed(None).await;
    world.settings.requests = None;
    world.restart();
    let head = world.branch.head();
    for _ in 0..2 {
        assert_eq!(world.pass().await, Vec::<String>::new());
    }
    assert_eq!(world.branch.head(), head);
}
