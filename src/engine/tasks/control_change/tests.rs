//! Control files by command, and what they do to the next pass.

use rstest::rstest;

use super::*;
use crate::config::SubjectForm;
use crate::engine::fake::{Push, Settings, World, digest, service};
use crate::model::ServicePattern;
use crate::policy::{
    Approval, ApprovalPolicy, ControlKind, Coverage, Freeze, FreezeControl, Hold, Note, Pin, Quarantine,
};

fn note() -> Note {
    Note {
        file: control::FOLDER.parse().unwrap(),
        by: "Ana".into(),
        at: "2026-03-02T09:00:00Z".parse().unwrap(),
        reason: "we look into it".into(),
        expires: None,
    }
}

fn hold(services: Option<ServicePattern>, environment: &str) -> ControlChange {
    let covers = Coverage { services, environments: vec![environment.parse().unwrap()] };
    ControlChange::Put(vec![Control::Hold(Hold { note: note(), covers })])
}

fn app() -> ServicePattern {
    service("app").into()
}

async fn give(world: &mut World, order: &ControlChange) -> ControlChangeResult {
    world.engine.change_controls(order, "Ana", false).await.unwrap()
}

#[tokio::test]
async fn a_hold_holds_until_it_is_released() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let ordered = give(&mut world, &hold(Some(app()), "non-prod")).await;
    assert_eq!(ordered.written[0].0.as_str(), ".tidegate/hold/common/app/non-prod.yaml");
    let message = world.branch.messages().pop().unwrap();
    let expected = "chore(tidegate): hold common/app in non-prod\n\nwe look into it\n\n\
                    Tidegate-Control: .tidegate/hold/common/app/non-prod.yaml\nTidegate-Branch: fake main\nTidegate-Requested-By: Ana\n";
    assert_eq!(message, expected);
    assert!(world.pass().await.is_empty());
    world.restart();
    assert!(world.pass().await.is_empty(), "a restart changes nothing");
    let again = give(&mut world, &hold(Some(app()), "non-prod")).await;
    assert!(again.commit.is_none() && again.written.is_empty(), "it is said already");
    let release =
        Release { kinds: vec![ControlKind::Hold], services: vec!["common/app".into()], ..Release::default() };
    assert_eq!(give(&mut world, &ControlChange::Release(release)).await.removed.len(), 1);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_hold_that_lands_between_decision_and_push_wins() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    let (place, text) = {
        let ControlChange::Put(controls) = hold(None, "non-prod") else { unreachable!() };
        (control::place(&controls[0]).unwrap(), control::write(&controls[0]).unwrap())
    };
    let now = world.now();
    let push = move |branch: &crate::engine::fake::Branch| {
        branch.commit("Ana", "hold", now, &[(place.as_str(), Some(text))]);
    };
    world.branch.next_push(Push::After(Box::new(push)));
    assert!(world.pass().await.is_empty(), "the hold came first");
    assert_eq!(world.tag("np/app.yaml"), "v1.0.0");
}

#[tokio::test]
async fn an_order_goes_again_when_somebody_was_first() {
    let mut world = World::new();
    let now = world.now();
    let push = move |branch: &crate::engine::fake::Branch| {
        branch.commit("Ben", "else", now, &[("readme", Some("x".into()))]);
    };
    world.branch.next_push(Push::After(Box::new(push)));
    assert!(give(&mut world, &hold(None, "prod")).await.commit.is_some());
    assert!(world.branch.text(".tidegate/hold/_all/prod.yaml").starts_with("kind: Hold\n"));
    world.branch.next_push(Push::Declined);
    let fault = world.engine.change_controls(&hold(Some(app()), "prod"), "Ana", false).await.unwrap_err();
    assert!(fault.to_string().starts_with("the server declined the push"), "{fault}");
}

#[tokio::test]
async fn a_quarantined_version_is_passed_over() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.push("v1.0.2", '2');
    let quarantine = Quarantine { note: note(), services: app(), version: "v1.0.2".parse().unwrap() };
    give(&mut world, &ControlChange::Put(vec![Control::Quarantine(quarantine)])).await;
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_pin_keeps_to_its_range() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.push("v1.1.0", '2');
    let covers = Coverage { services: Some(app()), environments: Vec::new() };
    let pin = Pin { note: note(), covers, versions: "~1.0".parse().unwrap() };
    give(&mut world, &ControlChange::Put(vec![Control::Pin(pin)])).await;
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    assert!(world.pass().await.is_empty());
}

#[tokio::test]
async fn an_approval_is_of_an_image() {
    let mut world = World::with(Settings { approval: ApprovalPolicy::ByFile, ..Settings::default() });
    world.push("v1.0.1", '1');
    world.pass().await;
    world.wait(24 * 60);
    assert!(world.pass().await.is_empty(), "nobody approved it");
    let approve = |letter| {
        ControlChange::Put(vec![Control::Approval(Approval {
            note: note(),
            service: service("app"),
            environment: "prod".parse().unwrap(),
            version: "v1.0.1".parse().unwrap(),
            digest: digest(letter),
        })])
    };
    give(&mut world, &approve('9')).await;
    assert!(world.pass().await.is_empty(), "another image was approved");
    give(&mut world, &approve('1')).await;
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
}

#[tokio::test]
async fn a_freeze_ends_and_is_swept() {
    let mut world = World::with(Settings { sweeps_control_files: true, ..Settings::default() });
    world.push("v1.0.1", '1');
    let (from, to) = ("2026-03-02T00:00:00".parse().unwrap(), "2026-03-02T10:00:00".parse().unwrap());
    let freeze = Freeze::new("launch", Vec::new(), from, to).unwrap();
    let order = FreezeControl { note: note(), services: None, freeze };
    give(&mut world, &ControlChange::Put(vec![Control::Freeze(order)])).await;
    let report = world.try_pass().await.unwrap();
    assert!(report.promoted.is_empty());
    assert_eq!(report.next_opening, Some("2026-03-02T10:00:00Z".parse().unwrap()));
    world.wait(60);
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    let subject = world.branch.messages().pop().unwrap();
    assert!(subject.starts_with("chore(tidegate): remove expired .tidegate/freeze/launch.yaml"), "{subject}");
}

#[rstest]
#[case::broken("kind: Hold\n  x: [", ":2:4", 0)]
#[case::of_another_service("kind: Hold\nservice: common/web\n", ":1:1", 1)]
#[case::of_an_unknown_environment(
    "kind: Hold\nservice: common/app\nenvironments: [prdo]\nreason: x\nby: x\nat: 2026-03-02T09:00:00Z\n",
    "",
    0
)]
#[tokio::test]
async fn an_unreadable_control_file_holds_what_it_may_cover(
    #[case] text: &str,
    #[case] place: &str,
    #[case] promoted: usize,
) {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    world.edit(".tidegate/mine.yaml", text);
    let report = world.try_pass().await.unwrap();
    assert_eq!(report.promoted.len(), promoted);
    let message = report.problems[0].to_string();
    let expected = format!(".tidegate/mine.yaml{place}: the control file is invalid and keeps the hold gate");
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn an_unknown_environment_is_an_error_and_an_unmatched_release_is_not() {
    let mut world = World::new();
    let fault = world.engine.change_controls(&hold(None, "prdo"), "Ana", false).await.unwrap_err();
    assert_eq!(fault.to_string(), "there is no environment prdo");
    let release =
        ControlChange::Release(Release { services: vec!["common/app".into()], ..Release::default() });
    let nothing = world.engine.change_controls(&release, "Ana", false).await.unwrap();
    assert!(nothing.commit.is_none() && nothing.removed.is_empty());
    let tried = world.engine.change_controls(&hold(None, "prod"), "Ana", true).await.unwrap();
    assert!(tried.commit.is_none() && tried.written.len() == 1, "a dry run writes nothing");
    assert_eq!(world.branch.messages().len(), 1);
}

#[test]
fn the_configured_suffix_ends_the_subject_of_a_control_change() {
    let mut repository_policy = Settings::default().repository_policy();
    repository_policy.subject = SubjectForm::default().with_suffix("[skip ci]").unwrap();
    let removed = vec![control::FOLDER.parse().unwrap()];
    let ordered = ControlChangeResult { commit: None, written: Vec::new(), removed };
    let draft = draft(&repository_policy, &ControlChange::Sweep, &ordered, "schedule");
    let subject = draft.message.lines().next().unwrap();
    assert_eq!(subject, "chore(tidegate): remove expired .tidegate [skip ci]");
}

#[tokio::test]
async fn a_release_is_of_just_these_environments() {
    let mut world = World::new();
    let covers = |names: &[&str]| Coverage {
        services: Some(app()),
        environments: names.iter().map(|name| name.parse().unwrap()).collect(),
    };
    let holds = [&["prod"][..], &["non-prod", "prod"]];
    let holds = holds.map(|names| Control::Hold(Hold { note: note(), covers: covers(names) }));
    let ordered = give(&mut world, &ControlChange::Put(holds.to_vec())).await;
    assert_eq!(ordered.written.len(), 2);
    let subject = world.branch.messages().pop().unwrap();
    assert!(
        subject.starts_with("chore(tidegate): write 2 control files\n\nwe look into it\n\n"),
        "{subject}"
    );
    for names in [&["prod", "non-prod"][..], &["prod"]] {
        let release = Release {
            environments: covers(names).environments,
            services: vec!["common/app".into()],
            ..Release::default()
        };
        let removed = give(&mut world, &ControlChange::Release(release)).await.removed;
        assert_eq!(removed.len(), 1, "{names:?}: {removed:?}");
    }
}

#[tokio::test]
async fn an_unreadable_control_file_is_not_written() {
    let mut world = World::new();
    for reason in ["", "a\nb", &"x".repeat(301)] {
        let covers = Coverage { services: Some(app()), environments: Vec::new() };
        let hold = Control::Hold(Hold { note: Note { reason: reason.into(), ..note() }, covers });
        let fault =
            world.engine.change_controls(&ControlChange::Put(vec![hold]), "Ana", false).await.unwrap_err();
        assert_eq!(
            fault.to_string(),
            "this would make an invalid control file: `reason` must be one line of 1 to 300 characters"
        );
    }
    assert_eq!(world.branch.messages().len(), 1);
}
