//! How long decisions take: 10,000 targets in two environments, and the selection from 300 tags.

use std::hint::black_box;
use std::time::Duration;

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::model::{CommitId, Digest, EnvironmentName, Tag, Timestamp};
use tidegate::policy::{
    ApprovalPolicy, Candidate, Control, Controls, Coverage, DigestNow, EnvironmentPolicy, Facts, Fetched,
    Freeze, Hold, Note, Observations, Observed, PastRun, PreviousEnvironment, PreviousRunning, Range,
    ReviewState, RolloutCommit, Schedule, Selection, SelectionRules, SoakMode, TargetPolicy, UnsignedCommits,
    Window, decide,
};

const TRACKS: usize = 10_000;

/// What every target of a bench borrows.
struct Fleet {
    now: Timestamp,
    rules: SelectionRules,
    selection: Selection,
    environments: [EnvironmentPolicy; 2],
    digest: Digest,
    targets: Vec<Target>,
    /// What every first environment ran before, newest first.
    past: Vec<PastRun>,
    unsigned: UnsignedCommits,
    controls: Controls,
}

/// What differs between targets.
struct Target {
    /// What each of the two environments runs.
    running: [Vec<Candidate>; 2],
    rollout_commit: RolloutCommit,
    observations: Observations,
}

fn parse<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text}"))
}

fn tags() -> Vec<Tag> {
    (0..300).map(|patch| parse(&format!("v1.0.{patch}"))).collect()
}

fn environment(name: &str, after: Option<&str>) -> EnvironmentPolicy {
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
    let day =
        |month, day| NaiveDate::from_ymd_opt(2026, month, day).and_then(|date| date.and_hms_opt(0, 0, 0));
    let (Some(from), Some(to)) = (day(12, 18), day(12, 31)) else { unreachable!() };
    EnvironmentPolicy {
        name: parse(name),
        after: after.map(parse::<EnvironmentName>),
        freezes: Freeze::new("december", Vec::new(), from, to).into_iter().collect(),
        windows: after
            .and_then(|_| Window::new(days, parse("09:00"), parse("17:00")).ok())
            .into_iter()
            .collect(),
        zone: Tz::America__Santiago,
        approval: ApprovalPolicy::NotRequired,
    }
}

fn rollout_commit(at: Timestamp, digest: &Digest) -> RolloutCommit {
    RolloutCommit {
        commit: CommitId::from_bytes([1; 20]),
        committed_at: at,
        parent_committed_at: Some(at),
        fetched: Some(Fetched { absent_at: Some(at), fetched_at: at }),
        digest: Some(digest.clone()),
        by_tidegate: true,
        author: "tidegate".into(),
    }
}

impl Fleet {
    /// A third of the targets of the second environment is up to date, a third soaks and a third has soaked.
    fn new() -> Self {
        let rules = SelectionRules::new(parse("~1.0"), None);
        let selection = rules.select(&tags());
        // A Monday at noon in Santiago.
        let now: Timestamp = parse("2026-03-02T15:00:00Z");
        let digest: Digest = parse(&format!("sha256:{}", "a".repeat(64)));
        let candidate = |patch: usize| selection.candidates()[patch].clone();
        let targets = (0..TRACKS)
            .map(|at| {
                let hours = if at % 3 == 1 { 2 } else { 50 };
                let landed_at = now - chrono::Duration::hours(hours);
                let seen = vec![Observed { digest: digest.clone(), at: landed_at }];
                let mut observations = Observations::default();
                observations.recall(candidate(299).tag, seen);
                Target {
                    running: [vec![candidate(299)], vec![candidate(if at % 3 == 0 { 299 } else { 290 })]],
                    rollout_commit: rollout_commit(landed_at, &digest),
                    observations,
                }
            })
            .collect();
        let environments = [environment("non-prod", None), environment("prod", Some("non-prod"))];
        Self {
            now,
            rules,
            selection,
            environments,
            digest,
            targets,
            past: Vec::new(),
            unsigned: UnsignedCommits::new(),
            controls: Controls::default(),
        }
    }

    /// The same, and every first environment has run 500 versions before, each for two hours.
    fn with_history() -> Self {
        let fleet = Self::new();
        let run = |at: i64| {
            let left_at = fleet.now - chrono::Duration::hours(50 + 2 * at);
            PastRun {
                candidate: fleet.selection.candidates()[298 - usize::try_from(at).unwrap_or(0) % 299].clone(),
                rollout_commit: rollout_commit(left_at - chrono::Duration::hours(2), &fleet.digest),
                left_at,
            }
        };
        Self { past: (0..500).map(run).collect(), ..fleet }
    }

    /// The same, and everything is held in the second environment.
    fn held() -> Self {
        let fleet = Self::new();
        let hold = Control::Hold(Hold {
            note: Note {
                file: parse(".tidegate/hold/_all/prod.yaml"),
                by: "Ana".to_owned(),
                at: fleet.now,
                reason: "we look into the outage of this morning".to_owned(),
                expires: Some(fleet.now + chrono::Duration::hours(4)),
            },
            covers: Coverage::default(),
        });
        Self { controls: [hold].into_iter().collect(), ..fleet }
    }

    fn decide_all(&self) {
        let [first, second] = &self.environments;
        for target in &self.targets {
            let before = PreviousRunning::One {
                candidate: &target.running[0][0],
                rollout_commit: Some(&target.rollout_commit),
            };
            let before = PreviousEnvironment {
                environment: &first.name,
                running: before,
                past: &self.past,
                unsigned: &self.unsigned,
                inactive: None,
                health: None,
            };
            self.decide(first, target, 0, None);
            self.decide(second, target, 1, Some(before));
        }
    }

    fn decide(
        &self,
        environment: &EnvironmentPolicy,
        target: &Target,
        at: usize,
        before: Option<PreviousEnvironment<'_>>,
    ) {
        let policy = TargetPolicy {
            environment,
            rules: &self.rules,
            soak: Duration::from_hours(24),
            soak_mode: SoakMode::Continuous,
            clock_tolerance: Duration::from_mins(10),
            minimum_age: Duration::ZERO,
        };
        let facts = Facts {
            running: &target.running[at],
            selection: &self.selection,
            rolled_back: &[],
            refused: None,
            before,
            observations: &target.observations,
            digest_now: DigestNow::Is { tag: &self.selection.candidates()[299].tag, digest: &self.digest },
            controls: &self.controls,
            reviewing: ReviewState::NotProposed,
            train_hold: None,
        };
        black_box(decide(&policy, &facts, self.now));
    }
}

fn policy(criterion: &mut Criterion) {
    let fleet = Fleet::new();
    criterion.bench_function("decide, 10,000 tracks in two environments", |bencher| {
        bencher.iter(|| fleet.decide_all());
    });
    let closed = Fleet { now: parse("2026-03-06T15:00:00Z"), ..Fleet::new() };
    criterion.bench_function("decide, the same with the window closed", |bencher| {
        bencher.iter(|| closed.decide_all());
    });
    let history = Fleet::with_history();
    criterion.bench_function("decide, the same with 500 versions before", |bencher| {
        bencher.iter(|| history.decide_all());
    });
    let held = Fleet::held();
    criterion.bench_function("decide, the same with everything held", |bencher| {
        bencher.iter(|| held.decide_all());
    });
    let tags = tags();
    criterion.bench_function("select from 300 tags", |bencher| {
        bencher.iter(|| black_box(fleet.rules.select(&tags)));
    });
    let range: Range = parse(">=1.0.0-0 <2, !=1.0.7 || ^3.1");
    criterion.bench_function("ask a range about 300 versions", |bencher| {
        bencher.iter(|| fleet.selection.candidates().iter().filter(|one| range.admits(&one.version)).count());
    });
    let Ok(schedule) = Schedule::parse("30 2 * * 1-5", Tz::America__Santiago) else { unreachable!() };
    criterion.bench_function("the next time of a schedule", |bencher| {
        bencher.iter(|| black_box(schedule.next_after(fleet.now)));
    });
}

criterion_group!(benches, policy);
criterion_main!(benches);
