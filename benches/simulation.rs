//! A year of 500 services replayed: two releases a service a week, two environments.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::model::{
    ByEnvironment, CommitId, EnvironmentId, EnvironmentName, FetchEvidence, Id, ImageName, PinnedTag,
    ServiceName, Tag, TagChange, TagChangeCommit, Timestamp,
};
use tidegate::policy::{
    ApprovalPolicy, Environment, EnvironmentPolicy, Schedule, SelectionRules, ServiceRules, ServiceSettings,
    SoakMode, Window,
};
use tidegate::simulation::{
    Figures, ImageTimeline, Policy, Seen, TagTimeline, Timeline, read, replay, write,
};

const SERVICES: i64 = 500;
const RELEASES: i64 = 104;

fn parse<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text}"))
}

/// The same rules for every service.
struct Rules {
    rules: Arc<SelectionRules>,
    soak: Duration,
}

impl ServiceRules for Rules {
    fn of(&self, _: &ServiceName) -> ServiceSettings {
        ServiceSettings { ignored: false, rules: Arc::clone(&self.rules), are_explicit: false }
    }

    fn soak(&self, _: &ServiceName, _: &EnvironmentName) -> Duration {
        self.soak
    }

    fn manages(&self, _: &ServiceName, _: &ImageName) -> bool {
        true
    }
}

fn begin() -> Timestamp {
    parse("2026-01-05T00:00:00Z")
}

fn environment(name: &str, before: Option<EnvironmentId>, windows: Vec<Window>) -> Environment {
    Environment {
        policy: EnvironmentPolicy {
            name: parse(name),
            after: before.map(|_| parse("non-prod")),
            freezes: Vec::new(),
            windows,
            zone: Tz::America__Santiago,
            approval: ApprovalPolicy::NotRequired,
        },
        paths: vec![parse(&format!("clusters/{name}"))],
        before,
    }
}

fn chain(environments: [Environment; 2]) -> ByEnvironment<Environment> {
    environments.into_iter().collect()
}

/// Each service runs `v1.0.0` everywhere and gets a release at two times of its own in each week.
fn year() -> Timeline {
    let mut timeline = Timeline::empty(begin(), begin() + TimeDelta::weeks(52));
    timeline.folders = vec![parse("clusters")];
    let fetched = FetchEvidence { absent_at: None, fetched_at: begin() };
    let commit = Arc::new(TagChangeCommit {
        id: CommitId::from_bytes([1; 20]),
        committed_at: begin() - TimeDelta::days(1),
        parent_committed_at: None,
        author_name: "Ana".to_owned(),
        fetched,
    });
    for number in 0..SERVICES {
        let name = format!("service-{number}");
        let image: ImageName = parse(&format!("ghcr.io/vtr/{name}"));
        for folder in ["non-prod", "prod"] {
            timeline.tag_changes.push(TagChange {
                sequence: 0,
                commit: Arc::clone(&commit),
                path: parse(&format!("clusters/{folder}/{name}.yaml")),
                service: parse(&format!("common/{name}")),
                image: image.clone(),
                before: Vec::new(),
                after: vec![PinnedTag { tag: parse("v1.0.0"), digest: None }],
                promotion: None,
                is_beside: false,
                renamed_from: None,
            });
        }
        let mut known = ImageTimeline { watched_since: Some(begin()), ..ImageTimeline::default() };
        for release in 0..=RELEASES {
            // Some minutes of a working day, each service its own.
            let minutes = release * 5040 + number * 7919 % 5000;
            let at = begin() + TimeDelta::minutes(if release == 0 { -60 } else { minutes - 5040 });
            let tag: Tag = parse(&format!("v1.0.{release}"));
            known.tags.insert(tag, TagTimeline { seen: Seen::At(at), digests: Vec::new() });
        }
        timeline.images.insert(image, known);
    }
    timeline
}

fn simulation(criterion: &mut Criterion) {
    let timeline = year();
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
    let window = || Window::new(days, parse("09:00"), parse("17:00")).into_iter().collect();
    let plain = chain([
        environment("non-prod", None, Vec::new()),
        environment("prod", Some(EnvironmentId::at(0)), Vec::new()),
    ]);
    let windows = chain([
        environment("non-prod", None, Vec::new()),
        environment("prod", Some(EnvironmentId::at(0)), window()),
    ]);
    let rules = |hours| Rules {
        rules: Arc::new(SelectionRules::new(parse(">=1.0.0"), None)),
        soak: Duration::from_hours(hours),
    };
    let (day, week) = (rules(24), rules(168));
    let Ok(schedule) = Schedule::parse("* * * * *", Tz::America__Santiago) else { unreachable!() };
    let policy = |environments, services, soak_mode| Policy {
        environments,
        groups: &[],
        services,
        soak_mode,
        clock_tolerance: Duration::from_mins(10),
        schedule: &schedule,
    };
    let story = replay(&timeline, policy(&plain, &day, SoakMode::Continuous));
    let prod = Figures::of(&story, &parse("prod"));
    assert!(prod.arrivals > 51_000, "{prod:?}");
    let mut group = criterion.benchmark_group("a year of 500 services, 52,000 releases");
    group.sample_size(10);
    let mut bench = |name: &str, policy: Policy<'_>| {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(replay(&timeline, policy))));
    };
    bench("soaks of a day", policy(&plain, &day, SoakMode::Continuous));
    bench("soaks of a day, windows", policy(&windows, &day, SoakMode::Continuous));
    bench("soaks of a week, starving", policy(&plain, &week, SoakMode::Continuous));
    bench("soaks of a week, elapsed", policy(&plain, &week, SoakMode::Elapsed));
    bench("soaks of a week, trains", policy(&plain, &week, SoakMode::Train));
    if let Ok(text) = write(&timeline) {
        group.bench_function("read the recording", |bencher| bencher.iter(|| black_box(read(&text).is_ok())));
    }
    group.finish();
}

criterion_group!(benches, simulation);
criterion_main!(benches);
