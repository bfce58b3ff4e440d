//! A timeline of what the engine did, replayed under the same policy, has the same promotions at the same times.

use proptest::prelude::*;

use super::*;
use crate::engine::fake::{Settings, World, image};
use crate::policy::SoakMode;
use crate::simulation::{ReplayReport, as_it_was, replay};

const FILES: [&str; 2] = ["np/app.yaml", "p/app.yaml"];

#[derive(Clone, Debug)]
enum Step {
    Release { patch: u64, letter: char },
    Person { file: usize, patch: u64 },
    Hold { environment: usize, hours: u64 },
    LetGo { environment: usize },
    Quarantine { patch: u64 },
    Restart,
    Wait { hours: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let letter = prop::sample::select(vec!['a', 'a', 'a', 'b']);
    prop_oneof![
        5 => (1u64..8, letter).prop_map(|(patch, letter)| Step::Release { patch, letter }),
        2 => (0usize..2, 0u64..8).prop_map(|(file, patch)| Step::Person { file, patch }),
        1 => (0usize..2, 1u64..40).prop_map(|(environment, hours)| Step::Hold { environment, hours }),
        1 => (0usize..2).prop_map(|environment| Step::LetGo { environment }),
        1 => (1u64..8).prop_map(|patch| Step::Quarantine { patch }),
        1 => Just(Step::Restart),
        7 => (1u64..30).prop_map(|hours| Step::Wait { hours }),
    ]
}

fn hold_of(environment: usize) -> (String, &'static str) {
    let name = ["non-prod", "prod"][environment];
    (format!(".tidegate/hold/common/app/{name}.yaml"), name)
}

async fn take(daemon: &mut Daemon, step: &Step) {
    let world = &mut daemon.world;
    let note = "by: Ana\nat: 2026-03-02T09:00:00Z\nreason: we look into it\n";
    match step {
        Step::Release { patch, letter } => world.push(&format!("v1.0.{patch}"), *letter),
        Step::Person { file, patch } => drop(world.person(FILES[*file], &format!("v1.0.{patch}"))),
        Step::Hold { environment, hours } => {
            let (file, name) = hold_of(*environment);
            let expires = world.now() + std::time::Duration::from_hours(*hours);
            let text = format!(
                "kind: Hold\n{note}expires: {}\nservice: common/app\nenvironments: [{name}]\n",
                expires.to_rfc3339()
            );
            world.edit(&file, &text);
        }
        Step::LetGo { environment } => {
            let (file, _) = hold_of(*environment);
            world.branch.commit("Ana", "let go", world.now(), &[(&file, None)]);
        }
        Step::Quarantine { patch } => {
            let text = format!("kind: Quarantine\n{note}service: common/app\nversion: v1.0.{patch}\n");
            world.edit(&format!(".tidegate/quarantine/common/app/v1.0.{patch}.yaml"), &text);
        }
        Step::Restart => world.restart(),
        Step::Wait { hours } => daemon.work_for(*hours * 3600).await,
    }
}

/// A daemon that passes every half hour, and whenever something opens.
struct Daemon {
    world: World,
    opening: Option<Timestamp>,
}

impl Daemon {
    async fn new(settings: Settings) -> Self {
        let mut daemon = Self { world: World::with(settings), opening: None };
        daemon.pass().await;
        daemon
    }

    async fn pass(&mut self) {
        self.opening = self.world.try_pass().await.unwrap().next_opening;
    }

    async fn work_for(&mut self, seconds: u64) {
        let end = self.world.now() + std::time::Duration::from_secs(seconds);
        while self.world.now() < end {
            let now = self.world.now();
            let tick = schedule().next_after(now).unwrap();
            let wake = self.opening.into_iter().chain([tick]).min().unwrap().max(now);
            let seconds = u64::try_from((wake.min(end) - now).num_seconds()).unwrap();
            self.world.wait_seconds(seconds);
            if wake <= end {
                self.pass().await;
            }
        }
    }
}

fn schedule() -> Schedule {
    Schedule::parse("*/30 * * * *", chrono_tz::Tz::UTC).unwrap()
}

/// `prod v1.0.1 at …`, for each promotion on schedule and each person's move.
fn summary(story: &ReplayReport) -> Vec<String> {
    let mut lines: Vec<String> = story
        .targets
        .iter()
        .flat_map(|target| target.arrivals.iter().map(move |arrival| (target, arrival)))
        .map(|(target, arrival)| {
            format!("{} {} {} {}", arrival.at, target.environment, arrival.candidate.tag, arrival.by_schedule)
        })
        .collect();
    lines.sort();
    lines
}

async fn both(world: &mut World) -> (Timeline, Vec<String>, Vec<String>) {
    let period = Period { from: None, to: world.now() };
    let timeline = world.engine.timeline(period).await.unwrap();
    let schedule = schedule();
    let policy = world.engine.repository_policy().replayed(&schedule);
    let stories = (replay(&timeline, policy), as_it_was(&timeline, policy));
    (timeline, summary(&stories.0), summary(&stories.1))
}

#[tokio::test]
async fn a_release_is_replayed_as_it_was() {
    let mut daemon = Daemon::new(Settings::default()).await;
    daemon.work_for(3500).await;
    daemon.world.push("v1.0.1", '1');
    daemon.work_for(26 * 3600).await;
    let (timeline, replayed, actual) = both(&mut daemon.world).await;
    let expected =
        ["2026-03-02 10:00:00 UTC non-prod v1.0.1 true", "2026-03-03 10:00:00 UTC prod v1.0.1 true"];
    assert_eq!(actual, expected);
    assert_eq!(replayed, expected);
    let known = &timeline.images[&image("app")];
    assert_eq!(known.watched_since, Some("2026-03-02T09:00:00Z".parse().unwrap()));
    assert_eq!(
        known.tags[&"v1.0.0".parse().unwrap()].seen,
        Seen::By("2026-03-02T09:00:00Z".parse().unwrap())
    );
    assert_eq!(
        known.tags[&"v1.0.1".parse().unwrap()].seen,
        Seen::At("2026-03-02T10:00:00Z".parse().unwrap())
    );
}

#[tokio::test]
async fn a_timeline_contacts_no_registry() {
    let mut world = World::new();
    world.pass().await;
    world.restart();
    for calls in [&world.branch.calls, &world.registry.calls] {
        calls.take();
    }
    both(&mut world).await;
    assert!(!world.branch.calls.take().contains_key("fetch"));
    assert!(world.registry.calls.take().is_empty());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn is_replayed(mode: SoakMode, steps: &[Step]) -> Result<(), TestCaseError> {
    let (replayed, actual) = runtime().block_on(async {
        let mut daemon = Daemon::new(Settings { soak_mode: mode, ..Settings::default() }).await;
        for step in steps {
            // Whatever happens, happens between two ticks, and long enough after one.
            daemon.work_for(137).await;
            take(&mut daemon, step).await;
        }
        daemon.work_for(3600).await;
        let (_, replayed, actual) = both(&mut daemon.world).await;
        (replayed, actual)
    });
    prop_assert_eq!(replayed, actual);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_does_what_the_engine_did(steps in prop::collection::vec(step(), 1..16)) {
        is_replayed(SoakMode::Continuous, &steps)?;
    }

    #[test]
    fn and_on_trains(steps in prop::collection::vec(step(), 1..12)) {
        is_replayed(SoakMode::Train, &steps)?;
    }

    #[test]
    fn and_with_elapsed_soaks(steps in prop::collection::vec(step(), 1..12)) {
        is_replayed(SoakMode::Elapsed, &steps)?;
    }
}
