//! Replays: what came where under each policy, side by side.

mod as_json;
mod list;
mod summary;

use std::path::Path;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::Serialize;

use crate::cli::output::{BOLD, DIM, YELLOW};
use crate::model::{Elapsed, EnvironmentName, Printable, Timestamp};
use crate::simulation::{ReplayReport, Timeline};

use super::time;

pub(crate) use as_json::json;

/// What is compared.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The environments of the policy in force, in their order.
    pub(crate) environments: Vec<EnvironmentName>,
    /// Since when all registries are watched.
    pub(crate) watched_since: Option<Timestamp>,
    /// Where a policy asks for pull requests, which are taken to be merged at once.
    pub(crate) merged_at_once: Vec<EnvironmentName>,
    /// Where a policy asks for reviews, which are taken to be given at once.
    pub(crate) reviewed_at_once: Vec<EnvironmentName>,
    /// What really happened, then what each policy would have made of it.
    pub(crate) arms: Vec<Arm>,
}

/// One way in which it went, or would have gone.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) story: ReplayReport,
}

impl Outcome {
    /// The two that are told apart in the list: the last two.
    fn compared(&self) -> Option<(&Arm, &Arm)> {
        let [.., one, other] = self.arms.as_slice() else { return None };
        Some((one, other))
    }
}

/// The comparison for people.
pub(crate) fn render(outcome: &Outcome, zone: Tz, most: usize) -> String {
    let Some(Arm { story, .. }) = outcome.arms.first() else { return String::new() };
    let lasted = (story.to - story.from).to_std().unwrap_or_default();
    let (from, to) = (time::local(story.from, zone), time::local(story.to, zone));
    let mut text = format!("{BOLD}Replayed {from} to {to}{BOLD:#} {DIM}({}){DIM:#}\n", Elapsed(lasted));
    if let Some(note) = note(outcome, story.from, zone) {
        text.push_str(&note);
    }
    text.extend(taken_to_be_done(outcome));
    text.push('\n');
    text.push_str(&summary::render(outcome));
    text.push_str(&list::render(outcome, zone, most));
    text
}

/// How far times from the registry can be told.
fn note(outcome: &Outcome, from: Timestamp, zone: Tz) -> Option<String> {
    let told = match outcome.watched_since {
        Some(since) if since - from <= TimeDelta::seconds(1) => return None,
        Some(since) => format!(
            "all registries are watched since {}; before that, a tag came when its image or a commit says so",
            time::local(since, zone)
        ),
        None => "no registry was ever watched; a tag came when a commit first wrote it".to_owned(),
    };
    Some(format!("{YELLOW}note{YELLOW:#} {told}\n"))
}

/// What nobody can know: when people would have merged and reviewed.
fn taken_to_be_done(outcome: &Outcome) -> impl Iterator<Item = String> {
    let note = |names: &[EnvironmentName], what: &str, done: &str| {
        let names: Vec<&str> = names.iter().map(EnvironmentName::as_str).collect();
        let told = || {
            format!(
                "every {what} in {} is taken to be {done} at once; nothing records when",
                names.join(", ")
            )
        };
        (!names.is_empty()).then(|| format!("{YELLOW}note{YELLOW:#} {}\n", told()))
    };
    let merged = note(&outcome.merged_at_once, "pull request", "merged");
    merged.into_iter().chain(note(&outcome.reviewed_at_once, "review", "given"))
}

/// What was written.
pub(crate) fn recorded(path: &Path, timeline: &Timeline, zone: Tz) -> String {
    let counts = Counts::of(timeline);
    format!(
        "Wrote {}: {} to {}, {} images with {} tags, {} commits, {} changes of control files\n",
        Printable::new(&path.display().to_string()),
        time::local(timeline.from, zone),
        time::local(timeline.to, zone),
        counts.images,
        counts.tags,
        counts.commits,
        counts.controls,
    )
}

/// The same for programs.
pub(crate) fn recorded_json(path: &Path, timeline: &Timeline) -> impl Serialize {
    #[derive(Serialize)]
    struct Recorded {
        file: String,
        from: Timestamp,
        to: Timestamp,
        #[serde(flatten)]
        counts: Counts,
    }
    Recorded {
        file: path.display().to_string(),
        from: timeline.from,
        to: timeline.to,
        counts: Counts::of(timeline),
    }
}

#[derive(Serialize)]
struct Counts {
    images: usize,
    tags: usize,
    commits: usize,
    controls: usize,
}

impl Counts {
    fn of(timeline: &Timeline) -> Self {
        Self {
            images: timeline.images.len(),
            tags: timeline.images.values().map(|image| image.tags.len()).sum(),
            commits: timeline.tag_changes.chunk_by(|one, next| one.sequence == next.sequence).count(),
            controls: timeline.controls.len(),
        }
    }
}
