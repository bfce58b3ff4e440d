//! The history of one service in a few words, and its replay under a policy.

mod health;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::*;
use crate::history::TagsByFile;
use crate::model::{
    ByEnvironment, CommitId, Digest, EnvironmentId, EnvironmentName, FetchEvidence, Id, ImageName,
    Observation, PinnedTag, PromotionMark, ServiceName, Tag, TagChange, TagChangeCommit, Timestamp,
};
use crate::policy::{
    ApprovalPolicy, Environment, EnvironmentPolicy, Group, Schedule, SelectionRules, ServiceRules,
    ServiceSettings, SoakMode,
};

/// A Monday, 09:00.
pub(super) fn monday() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// `v1` stands for `v1.0.1`.
fn tag(text: &str) -> Tag {
    match text.strip_prefix('v') {
        Some(patch) => format!("v1.0.{patch}").parse().unwrap(),
        None => text.parse().unwrap(),
    }
}

fn pinned(text: &str) -> Vec<PinnedTag> {
    let tags = text.split('+').filter(|one| *one != "-" && !one.is_empty());
    tags.map(|one| PinnedTag { tag: tag(one), digest: None }).collect()
}

pub(super) fn held(text: &str) -> TagsByFile {
    let files = text.split_whitespace().map(|one| one.split_once('=').unwrap());
    files.map(|(file, tags)| (file.parse().unwrap(), pinned(tags))).collect()
}

fn app(name: &str) -> (ServiceName, ImageName) {
    (format!("common/{name}").parse().unwrap(), format!("ghcr.io/vtr/{name}").parse().unwrap())
}

/// Tag changes of one commit by a person: `1 file before>after`.
pub(super) fn tag_changes(text: &str) -> Vec<TagChange> {
    let moves = text.split(';').map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (before, after) = words[2].split_once('>').unwrap();
        tag_change(words[0].parse().unwrap(), monday(), words[1], (before, after))
    });
    moves.collect()
}

fn tag_change(sequence: u64, at: Timestamp, file: &str, (before, after): (&str, &str)) -> TagChange {
    let name = file.rsplit('/').next().unwrap();
    let (service, image) = app(name);
    TagChange {
        sequence,
        commit: Arc::new(TagChangeCommit {
            id: CommitId::from_bytes([u8::try_from(sequence).unwrap(); 20]),
            committed_at: at,
            parent_committed_at: None,
            author_name: "Ana".to_owned(),
            fetched: FetchEvidence { absent_at: None, fetched_at: at },
        }),
        path: file.parse().unwrap(),
        service,
        image,
        before: pinned(before),
        after: pinned(after),
        promotion: None,
        is_beside: false,
        renamed_from: None,
    }
}

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// The rules of every service.
pub(super) struct Plain {
    rules: Arc<SelectionRules>,
    soak: Duration,
}

impl ServiceRules for Plain {
    fn of(&self, service: &ServiceName) -> ServiceSettings {
        let ignored = service.name() == "ignored";
        ServiceSettings { ignored, rules: Arc::clone(&self.rules), are_explicit: false }
    }

    fn soak(&self, _: &ServiceName, environment: &EnvironmentName) -> Duration {
        if environment.as_str() == "non-prod" { Duration::ZERO } else { self.soak }
    }

    fn manages(&self, _: &ServiceName, _: &ImageName) -> bool {
        true
    }
}

/// The policy: non-prod in `np`, then prod in `p` with a soak of a day.
pub(super) struct Plan {
    pub(super) environments: ByEnvironment<Environment>,
    pub(super) groups: Vec<Group>,
    pub(super) services: Plain,
    pub(super) soak_mode: SoakMode,
    pub(super) schedule: Schedule,
}

impl Plan {
    pub(super) fn new() -> Self {
        let environment = |name: &str, folder: &str, before: Option<EnvironmentId>| Environment {
            policy: EnvironmentPolicy {
                name: name.parse().unwrap(),
                after: before.map(|_| "non-prod".parse().unwrap()),
                freezes: Vec::new(),
                windows: Vec::new(),
                zone: Tz::UTC,
                approval: ApprovalPolicy::NotRequired,
            },
            paths: vec![folder.parse().unwrap()],
            before,
        };
        Self {
            environments: [
                environment("non-prod", "np", None),
                environment("prod", "p", Some(EnvironmentId::at(0))),
            ]
            .into_iter()
            .collect(),
            groups: Vec::new(),
            services: Plain {
                rules: Arc::new(SelectionRules::new(">=1.0.0".parse().unwrap(), None)),
                soak: Duration::from_hours(24),
            },
            soak_mode: SoakMode::Continuous,
            schedule: Schedule::parse("* * * * *", Tz::UTC).unwrap(),
        }
    }

    pub(super) fn soaking(hours: u64) -> Self {
        let mut plan = Self::new();
        plan.services.soak = Duration::from_hours(hours);
        plan
    }

    pub(super) fn policy(&self) -> Policy<'_> {
        Policy {
            environments: &self.environments,
            groups: &self.groups,
            services: &self.services,
            soak_mode: self.soak_mode,
            clock_tolerance: Duration::from_mins(10),
            schedule: &self.schedule,
        }
    }
}

/// A history of two weeks from Monday 09:00, which begins with `v0` of `app` everywhere. Times are hours since then.
pub(super) struct Tale(pub(super) Timeline);

impl Tale {
    pub(super) fn new() -> Self {
        let mut timeline = Timeline::empty(monday(), monday() + TimeDelta::days(14));
        timeline.folders = ["np", "p"].map(|folder| folder.parse().unwrap()).into();
        Self(timeline).with("app")
    }

    /// Adds a service.
    pub(super) fn with(self, name: &str) -> Self {
        let then = -24.0;
        self.tag_of(name, then, "v0", '0')
            .person(then, &format!("np/{name} ->v0"))
            .person(then, &format!("p/{name} ->v0"))
    }

    fn at(hours: f64) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "some weeks")]
        let seconds = (hours * 3600.0) as i64;
        monday() + TimeDelta::seconds(seconds)
    }

    /// Pushes a tag of `app`.
    pub(super) fn tag(self, hours: f64, text: &str) -> Self {
        let letter = text.chars().last().unwrap();
        self.tag_of("app", hours, text, letter)
    }

    /// Pushes a tag, or another image under one.
    pub(super) fn tag_of(mut self, name: &str, hours: f64, text: &str, letter: char) -> Self {
        let at = Self::at(hours);
        let image = self.0.images.entry(app(name).1).or_default();
        image.watched_since.get_or_insert(at);
        let known =
            image.tags.entry(tag(text)).or_insert(TagTimeline { seen: Seen::At(at), digests: Vec::new() });
        known.digests.push(Observation { digest: digest(letter), at });
        self
    }

    /// A person's commit: `file before>after`, several with `;`.
    pub(super) fn person(mut self, hours: f64, text: &str) -> Self {
        let sequence = self.0.tag_changes.last().map_or(1, |last| last.sequence + 1);
        for line in text.split(';') {
            let (file, moved) = line.trim().split_once(' ').unwrap();
            self.0.tag_changes.push(tag_change(
                sequence,
                Self::at(hours),
                file,
                moved.split_once('>').unwrap(),
            ));
        }
        self
    }

    /// A promotion, by the schedule or by hand.
    pub(super) fn promoted(self, hours: f64, by: &str, text: &str) -> Self {
        let mut tale = self.person(hours, text);
        let last = tale.0.tag_changes.last_mut().unwrap();
        let mark = PromotionMark {
            id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
            requested_by: by.to_owned(),
            digest: Some(digest('a')),
            is_pushed_here: true,
        };
        last.promotion = Some(mark);
        tale
    }

    /// Writes a control file; without a text, removes it.
    pub(super) fn control(mut self, hours: f64, file: &str, text: Option<&str>) -> Self {
        let file = format!(".tidegate/{file}.yaml").parse().unwrap();
        let note = "by: Ana\nat: 2026-03-02T09:00:00Z\nreason: we look into it\n";
        let text = text.map(|text| format!("{note}{text}\n"));
        self.0.controls.push(ControlFileChange { at: Self::at(hours), file, text });
        self
    }

    /// The arrivals under a policy: `prod v1 at 24.0 after soak 24.0`.
    pub(super) fn summary(&self, plan: &Plan) -> Vec<String> {
        summary(&replay(&self.0, plan.policy()))
    }

    pub(super) fn really(&self, plan: &Plan) -> Vec<String> {
        summary(&as_it_was(&self.0, plan.policy()))
    }
}

fn summary(story: &ReplayReport) -> Vec<String> {
    let hours = |time: Duration| format!("{:.1}", time.as_secs_f64() / 3600.0);
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for target in &story.targets {
        for arrival in &target.arrivals {
            let name = if target.service.name() == "app" { "" } else { target.service.name() };
            let at = hours((arrival.at - monday()).to_std().unwrap());
            let by = if arrival.by_schedule { "" } else { " by a person" };
            let waited: Vec<String> =
                arrival.waited.iter().map(|(gate, time)| format!("{gate} {}", hours(*time))).collect();
            let waited =
                if waited.is_empty() { String::new() } else { format!(" after {}", waited.join(", ")) };
            let patch = arrival.candidate.version.numbers()[2];
            let line = format!("{name} {} v{patch} at {at}{by}{waited}", target.environment);
            lines.push((arrival.at, line.trim_start().to_owned()));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}
