//! Promotions into prod that people merge: the real binary, a real registry, a real repository, and GitHub emulated.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use rstest::rstest;
use serde_json::Value;

use super::daemon::Daemon;
use super::world::{NON_PROD, PROD, World, wait_until};
use crate::support::pulls::{Asked, GitHub, REPOSITORY, TOKEN, Trouble};

const BRANCH: &str = "tidegate/prod/common/graphql-server";

/// Prod takes pull requests, and comes right after non-prod; `last` comes after prod.
async fn world(more: &str) -> (World, GitHub) {
    let world = World::new("0s").await;
    let server = GitHub::of(world.origin.path());
    let token = world.origin.beside("token");
    fs::write(&token, TOKEN).unwrap();
    let configured = fs::read_to_string(world.config()).unwrap();
    let configured = configured.replace("soak: 0s}", &format!("soak: 0s, delivery: pullRequest{more}}}"));
    let forge = format!(
        "forge: {{github: {{repository: {REPOSITORY}, api: \"{}\", token: {{file: {}}}}}}}\n",
        server.url(),
        token.display()
    );
    fs::write(world.config(), configured + &forge).unwrap();
    (world, server)
}

/// One pass, which must end well.
fn sync(world: &World) -> Value {
    world.json(&["sync"])
}

/// Non-prod runs v1.0.1, and it is proposed for prod.
async fn proposed() -> (World, GitHub) {
    let (world, server) = world("").await;
    sync(&world);
    let report = sync(&world);
    assert_eq!(
        (&report["pullRequests"][0]["action"], &report["pullRequests"][0]["done"]),
        (&"open".into(), &true.into())
    );
    (world, server)
}

fn asked(server: &GitHub) -> Vec<String> {
    server.asked().iter().map(|one| format!("{} {}", one.method, one.status)).collect()
}

#[tokio::test]
async fn a_promotion_is_proposed_updated_in_place_and_merged() {
    let (world, server) =
        world(", pullRequest: {labels: [promotion], reviewers: [ana], autoMerge: squash}").await;
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    assert!(
        doctor.out.contains("pull requests of vtr/gitops: the token may open them; 0 of Tidegate's are open"),
        "{}",
        doctor.out
    );
    assert!(!doctor.out.contains("expires at"), "{}", doctor.out);
    server.ends("2099-12-01 10:00:00 UTC");
    let doctor = world.run(&["doctor"]);
    assert!(doctor.out.contains("forge.github.token: expires at 2099-12-01 10:00:00 UTC"), "{}", doctor.out);
    sync(&world);
    let plan = world.run(&["plan"]);
    assert!(plan.out.contains(&format!("opens     pull request from {BRANCH}")), "{}", plan.out);
    let head = world.origin.at("main");
    let opened = world.run(&["sync"]);
    assert!(opened.out.contains("opened    pull request #1"), "{}", opened.out);
    assert_eq!((world.origin.at("main"), world.running().1), (head, "v1.0.0".into()));
    let pull = server.open();
    assert_eq!(
        (pull.branch.as_str(), pull.title.as_str()),
        (BRANCH, "chore(graphql-server): update to v1.0.1")
    );
    assert!(pull.body.contains("\n\n```text\nTidegate-Promotion: "), "{}", pull.body);
    assert!(!pull.body.contains("tidegate:opening"), "{}", pull.body);
    assert_eq!((pull.labels, pull.reviewers), (vec!["promotion".to_owned()], vec!["ana".to_owned()]));
    assert_eq!(pull.auto_merge.as_deref(), Some("SQUASH"));
    let changed = world.origin.git(&["diff", "--name-only", "main", BRANCH]);
    assert_eq!(changed, PROD);

    let plan = world.run(&["plan"]);
    assert!(plan.out.contains("open      pull request #1, for "), "{}", plan.out);
    assert!(plan.out.contains("0 would move, 0 wait, 1 in a pull request, 1 up to date"), "{}", plan.out);
    let status = world.run(&["status"]);
    assert!(status.out.contains("prod v1.0.1 in pull request #1"), "{}", status.out);
    let explain = world.run(&["explain", "common/graphql-server", "--env", "prod"]);
    assert!(explain.out.contains("pull request #1 with v1.0.1 is open for "), "{}", explain.out);
    let request = &world.json(&["status"])["services"][0]["environments"][1]["pullRequest"];
    assert_eq!((&request["number"], &request["to"]), (&1.into(), &"v1.0.1".into()));
    server.asked();
    sync(&world);
    assert_eq!(asked(&server), ["GET 200"], "an open one costs one question");

    world.release("v1.0.2").await;
    sync(&world);
    let updated = world.run(&["sync"]);
    assert!(updated.out.contains("updated   pull request #1"), "{}", updated.out);
    assert_eq!(server.open().title, "chore(graphql-server): update to v1.0.2");
    assert_eq!(server.comments(), ["#1 - **common/graphql-server**: `v1.0.1` is superseded by `v1.0.2`"]);
    assert_eq!(world.origin.git(&["rev-list", "--count", &format!("main..{BRANCH}")]), "1");

    server.merge(1, "merge");
    assert_eq!(world.running().1, "v1.0.2");
    let after = sync(&world);
    assert_eq!(after["pullRequests"], Value::Array(Vec::new()), "{after}");
}

#[rstest]
#[case("merge")]
#[case("squash")]
#[case("squash by its text")]
#[case("rebase")]
#[tokio::test]
async fn a_merge_is_the_promotion_and_what_comes_after_soaks(#[case] method: &str) {
    let (world, server) = proposed().await;
    let text = fs::read_to_string(world.config()).unwrap();
    let last = "- {name: last, paths: [clusters/last], after: prod, soak: 1s}\nstore:";
    fs::write(world.config(), text.replacen("store:", last, 1)).unwrap();
    let last = world.origin.file(PROD);
    world.person("add another", "clusters/last/app.yaml", &last);
    server.merge(1, method);
    let moves = world.json(&["history", "--env", "prod"])["changes"].clone();
    let promotion =
        world.origin.git(&["log", "-1", "--format=%(trailers:key=Tidegate-Promotion,valueonly)", BRANCH]);
    assert_eq!(moves[0]["promotion"], promotion.trim(), "{moves}");
    assert_eq!((&moves[0]["to"][0], &moves[0]["requestedBy"]), (&"v1.0.1".into(), &"schedule".into()));
    assert_eq!(moves[0]["commit"], world.origin.at("main"));
    wait_until("what comes after prod", || {
        sync(&world);
        world.origin.file("clusters/last/app.yaml").contains("v1.0.1")
    });
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains("last: v1.0.0 -> v1.0.1 (1 release), soaked ") && message.contains(" in prod"),
        "{message}"
    );
}

#[tokio::test]
async fn a_hold_closes_it_and_a_persons_closing_stays() {
    let (world, server) = proposed().await;
    let hold =
        "kind: Hold\nenvironments: [prod]\nreason: \"audit @everyone\"\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    let commit = world.person("hold", ".tidegate/hold.yaml", hold);
    let closed = world.run(&["sync"]);
    assert!(
        closed.out.contains("closed    pull request #1") && closed.out.contains("audit"),
        "{}",
        closed.out
    );
    assert!(server.comments()[0].contains("audit @everyone") && server.comments()[0].contains("```text\n"));
    assert!(!world.origin.git(&["branch", "--list"]).contains("tidegate/"), "its branch is gone");
    world.origin.git(&["update-ref", "refs/heads/main", &format!("{commit}^")]);
    sync(&world);
    assert_eq!(server.open().number, 2);

    server.close(2);
    for _ in 0..2 {
        let plan = world.run(&["plan"]);
        assert!(
            plan.out.contains("pull request #2 with v1.0.1 was closed unmerged by ana at"),
            "{}",
            plan.out
        );
        sync(&world);
        assert!(server.pulls().iter().all(|pull| !pull.is_open));
        // The forge is asked again by a database that knows nothing.
        fs::remove_dir_all(world.database().parent().unwrap()).unwrap();
    }
    server.reopen(2);
    assert_eq!(sync(&world)["pullRequests"][0]["action"], "none", "whoever opens it again wants it");
    server.close(2);
    world.release("v1.0.2").await;
    sync(&world);
    sync(&world);
    assert_eq!(server.open().title, "chore(graphql-server): update to v1.0.2");
}

#[tokio::test]
async fn a_close_by_a_bot_is_no_refusal() {
    let (world, server) = proposed().await;
    server.close_as(1, "stale[bot]");
    sync(&world);
    assert_eq!(server.open().number, 2);
    world.origin.git(&["branch", "--quiet", "-D", BRANCH]);
    sync(&world);
    assert_eq!(server.open().number, 3);
    server.close_as(3, "stale[bot]");
    let plan = world.run(&["plan"]);
    let expected = "pull request #3 with v1.0.1 was closed unmerged by the bot stale[bot] at";
    assert!(plan.out.contains(expected) && plan.out.contains("as others with it before"), "{}", plan.out);
}

#[tokio::test]
async fn a_crash_between_branch_and_pull_request_is_repaired() {
    let (world, server) = world("").await;
    sync(&world);
    server.next("POST", Trouble::Status(502));
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 75, "{}{}", ran.out, ran.err);
    let tip = world.origin.at(BRANCH);
    server.next("POST", Trouble::LostAnswer);
    assert_eq!(world.run(&["sync"]).code, 75);
    assert_eq!(sync(&world)["pullRequests"][0]["action"], "none");
    assert_eq!(
        (server.open().sha, world.origin.at(BRANCH)),
        (tip.clone(), tip),
        "one push, one pull request"
    );
    server.next("GET", Trouble::Primary);
    let limited = world.run(&["sync"]);
    assert_eq!(limited.code, 75);
    assert!(limited.out.contains("API rate limit exceeded"), "{}", limited.out);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()));
    let shown = format!("{}{}", limited.out, limited.err);
    assert!(!shown.contains(TOKEN));
}

#[tokio::test]
async fn a_daemon_asks_one_question_a_pass_that_costs_nothing() {
    let (world, server) = world("").await;
    let text = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), format!("schedule: \"* * * * * *\"\n{text}")).unwrap();
    let mut daemon = Daemon::start(&world);
    wait_until("the pull request", || daemon.says("opened a pull request"));
    server.asked();
    let mut seen = Vec::new();
    wait_until("four passes", || {
        seen.extend(server.asked());
        seen.len() >= 4
    });
    // The first sees what was opened.
    let unchanged = seen.iter().skip(1);
    let is_free = |one: &&Asked| one.status == 304 && one.path.starts_with("/repos/vtr/gitops/pulls?");
    assert!(unchanged.clone().all(|one| is_free(&one)), "{seen:?}");
    assert_eq!(world.origin.file(NON_PROD).matches("v1.0.1").count(), 1);
    daemon.signal("TERM");
    assert_eq!(daemon.end(), 0);
}

#[tokio::test]
async fn a_review_is_the_approval_that_it_merges_by() {
    let (world, server) = world(", approval: review, pullRequest: {autoMerge: squash}").await;
    sync(&world);
    assert_eq!(sync(&world)["pullRequests"][0]["action"], "open");
    assert_eq!(server.open().auto_merge, None);
    let page = format!("https://github.com/{REPOSITORY}/pull/1");
    let waits = format!("v1.0.1 needs a review of #1 ({page})");
    let plan = world.run(&["plan"]);
    assert!(plan.out.contains(&format!("approval: {waits}")), "{}", plan.out);
    let status = world.run(&["status"]);
    assert!(status.out.contains("prod v1.0.1 needs a review of #1"), "{}", status.out);
    let in_prod = &world.json(&["status"])["services"][0]["environments"][1];
    assert_eq!(
        (&in_prod["state"], &in_prod["gates"][8]["reason"]),
        (&"inReview".into(), &waits.clone().into())
    );
    let explain = world.run(&["explain", "common/graphql-server", "--env", "prod"]);
    assert_eq!(explain.code, 3, "{}", explain.out);
    for words in [
        "needs a review, every other gate is open; review and merge its pull request",
        &format!("approve pull request #1 ({page})"),
        "or approve v1.0.1: tidegate approve common/graphql-server --env prod --tag v1.0.1",
    ] {
        assert!(explain.out.contains(words), "{words}: {}", explain.out);
    }

    server.review(1, "eve", "APPROVED", "NONE");
    server.review(1, "ana", "COMMENTED", "MEMBER");
    assert_eq!(sync(&world)["pullRequests"][0]["review"], waits.as_str());
    server.review(1, "ana", "APPROVED", "MEMBER");
    assert_eq!(sync(&world)["pullRequests"][0]["review"], "v1.0.1 was approved by ana in #1");
    let pull = server.open();
    assert_eq!(pull.auto_merge.as_deref(), Some("SQUASH"));
    let status = world.run(&["status"]);
    assert!(status.out.contains("prod v1.0.1 in pull request #1"), "{}", status.out);
    let explain = world.run(&["explain", "common/graphql-server", "--env", "prod"]);
    assert!(explain.out.contains("v1.0.1 was approved by ana in #1"), "{}", explain.out);

    server.review(1, "bruno", "CHANGES_REQUESTED", "OWNER");
    sync(&world);
    assert_eq!(server.open().auto_merge, None);
    server.review(1, "bruno", "APPROVED", "OWNER");
    server.require_nothing();
    sync(&world);
    assert!(server.pulls()[0].is_merged, "nothing else is asked of it");
    assert_eq!(world.running().1, "v1.0.1");
    sync(&world);
    assert!(
        server.pulls()[0].body.contains("approval   open: approved by ana"),
        "{}",
        server.pulls()[0].body
    );
}

#[tokio::test]
async fn nothing_merges_by_itself_in_a_freeze() {
    let (world, server) = world(", pullRequest: {autoMerge: squash}").await;
    sync(&world);
    sync(&world);
    assert_eq!(server.open().auto_merge.as_deref(), Some("SQUASH"));
    let until = ["freeze", "fair", "--until", "2999-01-01T00:00", "--reason", "the fair", "--env", "prod"];
    assert_eq!(world.run(&until).code, 0);
    let plan = world.run(&["plan"]);
    assert!(
        plan.out.contains("auto-merge off: common/graphql-server: freeze: frozen (fair)"),
        "{}",
        plan.out
    );
    sync(&world);
    let pull = server.open();
    assert_eq!(pull.auto_merge, None);
    assert!(pull.body.contains("**Auto-merge is off**") && pull.body.contains("the fair"), "{}", pull.body);
    server.require_nothing();
    server.asked();
    let paused = sync(&world)["pullRequests"][0]["autoMergePausedBy"].as_str().unwrap().to_owned();
    assert!(paused.contains("frozen (fair) until 2999-01-01"), "{paused}");
    assert_eq!(asked(&server), ["GET 200"], "it costs no more");
    assert_eq!(world.running().1, "v1.0.0");
    let released = world.run(&["release", "--freeze", "fair", "--yes"]);
    assert_eq!(released.code, 0, "{}", released.err);
    sync(&world);
    assert!(server.pulls()[0].is_merged);
    assert_eq!(world.running().1, "v1.0.1");
}

#[tokio::test]
async fn a_manual_proposal_stays_open() {
    let (world, server) = world("").await;
    sync(&world);
    world.run(&["hold", "common/graphql-server", "--env", "prod", "--reason", "audit"]);
    assert_eq!(sync(&world)["pullRequests"], Value::Array(Vec::new()));
    let proposed = world.run(&[
        "promote",
        "common/graphql-server",
        "--env",
        "prod",
        "--override",
        "hold",
        "--reason",
        "customers cannot log in",
    ]);
    assert_eq!(proposed.code, 0, "{}{}", proposed.out, proposed.err);
    let (body, tip) = (server.open().body, world.origin.at(BRANCH));
    for _ in 0..2 {
        assert_eq!(sync(&world)["pullRequests"][0]["action"], "none");
    }
    assert_eq!((server.open().body, world.origin.at(BRANCH)), (body, tip));
    server.merge(1, "squash");
    assert_eq!(world.running().1, "v1.0.1");
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("Tidegate-Override: hold (customers cannot log in)"), "{message}");
}
