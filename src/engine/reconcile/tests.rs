//! Pull requests over the fakes: opened, brought up to date, closed, refused, taken over, and what breaks on the way.

mod refusals;
mod reviews;

use std::collections::BTreeMap;

use crate::engine::base::pass_options::{ManualPromotion, PassMode, PassOptions, RollbackRequest};
use crate::engine::fake::{Ask, Push, Settings, World, image, release, service};
use crate::engine::{Grouping, PassReport, PullRequestAction, PullRequestPolicy, PullRequestReport};
use crate::model::{Class, Id, MergeMethod, Opinion, PullRequestBranch, PullRequestOptions, TargetId};
use crate::policy::{ApprovalPolicy, Decision, GateName, Override, Overrides};

pub(in crate::engine) const DAY: u64 = 24 * 60;
pub(in crate::engine) const BRANCH: &str = "tidegate/prod/common/app";

pub(in crate::engine) fn settings(rules: PullRequestPolicy) -> Settings {
    Settings { requests: Some(rules), ..Settings::default() }
}

/// Non-prod has run v1.0.1 for a day, and prod runs v1.0.0.
pub(in crate::engine) async fn soaked(rules: PullRequestPolicy) -> World {
    let mut world = World::with(settings(rules));
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(DAY);
    world
}

/// The same, and it is proposed for prod.
pub(in crate::engine) async fn proposed() -> World {
    let mut world = soaked(PullRequestPolicy::default()).await;
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #1 v1.0.1"]);
    assert_eq!(world.forge.open(), [(1, BRANCH.to_owned())]);
    world
}

pub(in crate::engine) fn states(report: &PassReport) -> Vec<String> {
    let state = |request: &PullRequestReport| match &request.state {
        PullRequestAction::Waits => "waits",
        PullRequestAction::Opens => "opens",
        PullRequestAction::Updates => "updates",
        PullRequestAction::Closes { .. } => "closes",
        PullRequestAction::Theirs => "theirs",
    };
    let lines = report.requests.iter().map(|request| {
        let tags: Vec<&str> = request.moves.iter().map(|one| one.to.as_str()).collect();
        format!("{} #{} {}", state(request), request.number.unwrap_or_default(), tags.join("+"))
    });
    lines.collect()
}

/// What closes the way to prod.
pub(in crate::engine) fn closed(report: &PassReport) -> Vec<String> {
    let waiting = report.evaluation.decisions.iter().flatten().filter_map(|decision| match decision {
        Decision::Wait(evaluation) => Some(evaluation),
        _ => None,
    });
    waiting.flat_map(|evaluation| evaluation.closed().map(ToString::to_string)).collect()
}

/// Ana asks for `app` in prod, against these gates.
pub(in crate::engine) fn by_ana(tag: Option<&str>, gates: &[GateName]) -> PassOptions {
    let overrides = gates.iter().map(|gate| Override::new(*gate, "agreed after all").unwrap()).collect();
    let by_hand = ManualPromotion {
        services: vec![service("app").into()],
        to: Some("prod".parse().unwrap()),
        tag: tag.map(|tag| tag.parse().unwrap()),
        image: None,
        overrides: Overrides { overrides, ..Overrides::default() },
    };
    PassOptions {
        mode: PassMode::Manual(by_hand),
        requested_by: "ana".into(),
        dry_run: false,
        ..PassOptions::schedule()
    }
}

fn tag_on(world: &World) -> String {
    let branch: PullRequestBranch = BRANCH.parse().unwrap();
    world.branch.message_of(world.branch.tip_of(&branch).unwrap())
}

#[tokio::test]
async fn a_soaked_version_is_proposed_and_the_branch_stays() {
    let mut world = soaked(PullRequestPolicy::default()).await;
    let (head, plan) = (world.branch.head(), world.engine.pass(&PassOptions::plan()).await.unwrap());
    assert_eq!(states(&plan), ["opens #0 v1.0.1"]);
    assert!(world.forge.pulls().is_empty(), "a plan changes nothing");
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty() && report.requests[0].is_done);
    assert_eq!(world.branch.head(), head);
    let pull = &world.forge.pulls()[0];
    assert_eq!(pull.title, "chore(app): update to v1.0.1");
    for words in [
        "**common/app** in **prod**: `v1.0.0` → `v1.0.1` (1 release)",
        "soak       open: ran 24h in non-prod",
        "p/app.yaml | +1 -1",
    ] {
        assert!(pull.body.contains(words), "{words}: {}", pull.body);
    }
    assert_eq!(crate::engine::message::read_trailers(&pull.body).len(), 1, "{}", pull.body);
}

#[tokio::test]
async fn a_pass_with_an_unchanged_request_asks_one_question_and_writes_nothing() {
    let mut world = proposed().await;
    world.pass().await;
    for calls in [&world.branch.calls, &world.store.calls, &world.forge.calls] {
        calls.take();
    }
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #1 v1.0.1"]);
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]));
    assert_eq!(world.store.calls.take(), BTreeMap::new());
    let asked = world.branch.calls.take();
    assert!(!asked.contains_key("propose") && !asked.contains_key("publish"), "{asked:?}");
}

#[tokio::test]
async fn a_newer_candidate_takes_its_place_with_a_word() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    assert_eq!(world.pass().await, ["app non-prod v1.0.1 v1.0.2"]);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #1 v1.0.1"], "the newer one soaks");
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["updates #1 v1.0.2"]);
    let pull = &world.forge.pulls()[0];
    assert_eq!(pull.title, "chore(app): update to v1.0.2");
    assert_eq!(pull.comments, ["- **common/app**: `v1.0.1` is superseded by `v1.0.2`"]);
    assert!(pull.body.contains("`v1.0.0` → `v1.0.2`"), "{}", pull.body);
    assert_eq!(world.forge.open().len(), 1);
}

#[tokio::test]
async fn a_merged_one_is_the_promotion() {
    let mut world = proposed().await;
    world.edit("np/else.txt", "meanwhile");
    world.forge.merge(1, world.now());
    let report = world.try_pass().await.unwrap();
    assert_eq!((states(&report), world.tag("p/app.yaml")), (vec![], "v1.0.1".to_owned()));
    let state = &report.evaluation.state;
    world.engine.read_histories(state, [TargetId::at(1)]).await.unwrap();
    let rollout_commit = state.rollout_commit(TargetId::at(1)).unwrap();
    assert!(rollout_commit.by_tidegate && rollout_commit.digest.is_some());
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #2 v1.0.2"], "the old branch is replaced");
}

#[tokio::test]
async fn a_hold_closes_it_and_its_end_opens_another() {
    let mut world = proposed().await;
    let hold = "kind: Hold\nenvironments: [prod]\nreason: audit\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    world.edit(".tidegate/hold.yaml", hold);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["closes #1 v1.0.1"]);
    let pull = &world.forge.pulls()[0];
    assert!(!pull.is_open && pull.comments[0].contains("audit"), "{pull:?}");
    assert_eq!(world.branch.tip_of(&BRANCH.parse().unwrap()), None, "its branch is gone");
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
    world.branch.commit("Ana", "go on", world.now(), &[(".tidegate/hold.yaml", None)]);
    assert_eq!(
        states(&world.try_pass().await.unwrap()),
        ["opens #2 v1.0.1"],
        "Tidegate's closing is no refusal"
    );
}

#[tokio::test]
async fn one_that_somebody_opened_again_is_theirs_to_close() {
    let mut world = proposed().await;
    let hold = "kind: Hold\nenvironments: [prod]\nreason: audit\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    world.edit(".tidegate/hold.yaml", hold);
    world.pass().await;
    world.branch.commit("Ana", "go on", world.now(), &[(".tidegate/hold.yaml", None)]);
    world.forge.reopen(1);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #1 v1.0.1"]);
    world.forge.close_by_hand(1, world.now());
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_closed_window_does_not_close_it_but_a_quarantine_and_a_way_back_do() {
    let quarantine = "kind: Quarantine\nservice: common/app\nversion: v1.0.1\nreason: bad\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
    let mut world = proposed().await;
    world.edit(".tidegate/bad.yaml", quarantine);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["closes #1 v1.0.1"]);
    let mut world = proposed().await;
    world.person("np/app.yaml", "v1.0.0");
    assert_eq!(states(&world.try_pass().await.unwrap()), ["closes #1 v1.0.1"], "non-prod went back from it");
    let mut world = proposed().await;
    world.person("p/app.yaml", "v1.0.1");
    let report = world.try_pass().await.unwrap();
    let PullRequestAction::Closes { why } = &report.requests[0].state else { panic!("{report:?}") };
    assert_eq!(why, "prod runs v1.0.1 of common/app");
}

#[tokio::test]
async fn a_persons_closing_is_a_refusal_until_something_newer_comes() {
    let mut world = proposed().await;
    world.forge.close_by_hand(1, world.now());
    for is_new in [false, true, false] {
        if is_new {
            world.store.lose();
            world.restart();
        }
        let report = world.try_pass().await.unwrap();
        assert!(report.requests.is_empty(), "{:?}", states(&report));
        assert!(
            closed(&report)[0]
                .starts_with("order: pull request #1 with v1.0.1 was closed unmerged by ana at ")
        );
        world.wait(DAY);
    }
    world.forge.calls.take();
    world.pass().await;
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]), "it is asked once");
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #2 v1.0.2"]);
}

#[tokio::test]
async fn a_refusal_stands_after_the_body_was_edited() {
    let mut world = proposed().await;
    world.forge.edit(1, "not on my watch");
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #1 v1.0.1"], "and the text stays");
    assert_eq!(world.forge.pulls()[0].body, "not on my watch");
    world.forge.close_by_hand(1, world.now());
    assert!(states(&world.try_pass().await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_branch_that_a_person_pushed_to_is_left_to_them() {
    let mut world = proposed().await;
    let branch: PullRequestBranch = BRANCH.parse().unwrap();
    world.branch.push_to_request(&branch, "p/more.yaml", "x");
    let theirs = world.branch.tip_of(&branch);
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    let report = world.try_pass().await.unwrap();
    assert!(report.problems.iter().any(|problem| problem.message.contains("somebody pushed to the branch")));
    assert_eq!(world.branch.tip_of(&branch), theirs);
    world.forge.close_by_hand(1, world.now());
    let report = world.try_pass().await.unwrap();
    assert_eq!(world.branch.tip_of(&branch), theirs, "nor is what is left of it");
    assert_eq!(report.problems[0].class, Class::Refused, "{:?}", report.problems);
}

#[tokio::test]
async fn a_pass_that_was_cut_short_is_carried_on() {
    // The branch is there, and the pull request is not.
    let mut world = soaked(PullRequestPolicy::default()).await;
    world.forge.next(Ask::Lost);
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.problems[0].class, Class::TryAgain);
    world.branch.calls.take();
    assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #1 v1.0.1"]);
    assert!(!world.branch.calls.take().contains_key("propose"), "the branch is as it should be");
    let ids =
        |text: &str| text.lines().find(|line| line.starts_with("Tidegate-Promotion")).unwrap().to_owned();
    assert_eq!(ids(&world.forge.pulls()[0].body), ids(&tag_on(&world)), "one promotion, one identity");

    // It is there, and the answer is not.
    let mut world = soaked(PullRequestPolicy::default()).await;
    world.forge.next(Ask::Unanswered);
    world.try_pass().await.unwrap();
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #1 v1.0.1"]);

    // The push is lost, before it arrived or after.
    for push in [Push::Lost, Push::ArrivesUnanswered] {
        let mut world = soaked(PullRequestPolicy::default()).await;
        world.branch.next_push(push);
        world.try_pass().await.unwrap();
        assert!(world.forge.open().is_empty());
        assert_eq!(states(&world.try_pass().await.unwrap()), ["opens #1 v1.0.1"]);
    }
}

#[tokio::test]
async fn a_stale_body_is_rewritten() {
    let mut world = proposed().await;
    world.push("v1.0.2", '2');
    world.pass().await;
    world.wait(DAY);
    world.forge.next(Ask::Lost);
    world.try_pass().await.unwrap();
    assert_eq!(world.forge.pulls()[0].title, "chore(app): update to v1.0.1");
    let report = world.try_pass().await.unwrap();
    assert!(report.requests[0].is_done);
    assert_eq!(world.forge.pulls()[0].title, "chore(app): update to v1.0.2");
    assert!(!world.try_pass().await.unwrap().requests[0].is_done, "once");
}

#[tokio::test]
async fn a_label_that_failed_is_set_by_a_later_pass() {
    let extras = PullRequestOptions { labels: vec!["promotion".into()], ..PullRequestOptions::default() };
    let mut world = soaked(PullRequestPolicy { extras, ..PullRequestPolicy::default() }).await;
    world.forge.next(Ask::Done);
    world.forge.next(Ask::Lost);
    let report = world.try_pass().await.unwrap();
    assert_eq!((states(&report), report.problems.len()), (vec!["opens #1 v1.0.1".to_owned()], 1));
    assert!(world.forge.pulls()[0].body.starts_with("<!-- tidegate:opening -->"));
    world.try_pass().await.unwrap();
    let pull = &world.forge.pulls()[0];
    assert_eq!(pull.labels, ["promotion"]);
    assert!(!pull.body.contains("tidegate:opening"), "{}", pull.body);
    world.forge.calls.take();
    world.try_pass().await.unwrap();
    assert_eq!(world.forge.calls.take(), BTreeMap::from([("open_requests", 1)]));
}

#[tokio::test]
async fn without_its_forge_nothing_is_proposed_and_the_rest_goes_on() {
    let mut world = soaked(PullRequestPolicy::default()).await;
    *world.forge.is_away.lock().unwrap() = true;
    world.push("v1.0.2", '2');
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), 1, "non-prod moves on");
    assert_eq!(report.problems[0].message, "the forge is away");
    assert_eq!(world.branch.tip_of(&BRANCH.parse().unwrap()), None);
}

#[tokio::test]
async fn services_of_one_file_are_proposed_each_by_itself_or_all_together() {
    for (grouping, branches) in [
        (Grouping::Service, vec![BRANCH, "tidegate/prod/common/web"]),
        (Grouping::Environment, vec!["tidegate/prod/_all"]),
    ] {
        let mut world = World::with(settings(PullRequestPolicy { grouping, ..PullRequestPolicy::default() }));
        let both = |tag: &str| format!("{}---\n{}", release("app", tag), release("web", tag));
        world.registry.push(&image("web"), "v1.0.0", crate::engine::fake::digest('0'));
        world.registry.push(&image("web"), "v1.0.1", crate::engine::fake::digest('1'));
        world.push("v1.0.1", '1');
        for file in ["np/app.yaml", "p/app.yaml"] {
            world.edit(file, &both("v1.0.0"));
        }
        assert_eq!(world.pass().await.len(), 2);
        world.wait(DAY);
        world.pass().await;
        let open: Vec<String> = world.forge.open().into_iter().map(|(_, branch)| branch).collect();
        assert_eq!(open, branches);
        world.forge.merge(1, world.now());
        world.pass().await;
        let text = world.branch.text("p/app.yaml");
        let web = if grouping == Grouping::Service { "v1.0.0" } else { "v1.0.1" };
        let expected = format!(
            "{}---
{}",
            release("app", "v1.0.1"),
            release("web", web)
        );
        assert_eq!(text, expected, "what another one changes is not in it");
    }
}

#[tokio::test]
async fn a_way_back_is_proposed_from_a_branch_of_its_own() {
    let mut world = proposed().await;
    world.forge.merge(1, world.now());
    world.pass().await;
    let back = RollbackRequest {
        service: service("app"),
        environment: "prod".parse().unwrap(),
        to: None,
        image: None,
        reason: "it loses orders".to_owned(),
        quarantines: true,
        accept_digest: None,
        order_override: None,
        decided_on: None,
    };
    let request = PassOptions {
        mode: PassMode::Rollback(back),
        requested_by: "ana".to_owned(),
        dry_run: false,
        ..PassOptions::schedule()
    };
    let report = world.engine.pass(&request).await.unwrap();
    assert_eq!(states(&report), ["opens #2 v1.0.0"]);
    assert_eq!(world.forge.open(), [(2, "tidegate/prod/_back/common/app".to_owned())]);
    assert!(world.forge.pulls()[1].body.contains("goes back: it loses orders"));
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #2 v1.0.0"]);
    let again = world.engine.pass(&request).await.unwrap();
    assert_eq!(states(&again), ["waits #2 v1.0.0"], "asked twice, it is proposed once");
    world.forge.merge(2, world.now());
    let report = world.try_pass().await.unwrap();
    assert_eq!(world.tag("p/app.yaml"), "v1.0.0");
    assert!(report.requests.is_empty(), "{:?}", states(&report));
}

#[tokio::test]
async fn order_by_hand_opens_what_people_refused() {
    let mut world = proposed().await;
    world.forge.close_by_hand(1, world.now());
    assert!(closed(&world.try_pass().await.unwrap())[0].starts_with("order"));
    let request = by_ana(None, &[GateName::Order]);
    assert_eq!(states(&world.engine.pass(&request).await.unwrap()), ["opens #2 v1.0.1"]);
    assert_eq!(states(&world.try_pass().await.unwrap()), ["waits #2 v1.0.1"]);
}

/// One pass, by a program that is started again when it dies. Whether it died.
async fn pass_or_die(world: World) -> (World, bool) {
    let mut running = world.again();
    let ended = tokio::spawn(async move { running.try_pass().await.map(drop) }).await;
    if !world.fuse.is_burnt() {
        ended.unwrap().unwrap();
        return (world, false);
    }
    world.fuse.set(None);
    world.again().try_pass().await.unwrap();
    (world, true)
}

#[tokio::test]
async fn dying_between_any_two_effects_neither_loses_nor_doubles_one() {
    let extras = PullRequestOptions { labels: vec!["promotion".into()], ..PullRequestOptions::default() };
    let rules = PullRequestPolicy { extras, ..PullRequestPolicy::default() };
    let mut steps = 0;
    loop {
        // Opened, superseded, closed by a hold, and opened again; dead once, after so many steps.
        let mut world = soaked(rules.clone()).await;
        world.fuse.set(Some(steps));
        let mut deaths = 0;
        for act in 0..5 {
            let (after, died) = pass_or_die(world).await;
            (world, deaths) = (after, deaths + usize::from(died));
            match act {
                0 => world.push("v1.0.2", '2'),
                1 => world.wait(DAY),
                2 => {
                    let hold =
                        "kind: Hold\nenvironments: [prod]\nreason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
                    world.edit(".tidegate/hold.yaml", hold);
                }
                3 => {
                    world.branch.commit("Ana", "go", world.now(), &[(".tidegate/hold.yaml", None)]);
                }
                _ => {}
            }
        }
        let pulls = world.forge.pulls();
        let titles: Vec<(bool, &str)> =
            pulls.iter().map(|pull| (pull.is_open, pull.title.as_str())).collect();
        let title = "chore(app): update to v1.0.2";
        assert_eq!(titles, [(false, title), (true, title)], "dead after {steps} steps");
        assert!(pulls.iter().all(|pull| pull.labels == ["promotion"]), "dead after {steps} steps");
        assert!(!pulls[1].body.contains("tidegate:"), "dead after {steps} steps: {}", pulls[1].body);
        assert_eq!(world.branch.messages().len(), 5, "dead after {steps} steps");
        if deaths == 0 {
            break;
        }
        steps += 1;
    }
    assert!(steps > 20, "it only died {steps} times");
}
