//! `simulate`: what was promoted where under each policy, side by side.

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
use crate::view::time;

pub(crate) use as_json::json;

#[derive(Debug)]
pub(crate) struct Comparison {
    /// The environments of the policy in force, in their order.
    pub(crate) environments: Vec<EnvironmentName>,
    /// Since when all registries are watched.
    pub(crate) watched_since: Option<Timestamp>,
    /// Where a policy uses pull requests, assumed to be merged at once.
    pub(crate) merged_at_once: Vec<EnvironmentName>,
    /// Where a policy needs reviews, assumed to be given at once.
    pub(crate) reviewed_at_once: Vec<EnvironmentName>,
    /// The real course, then that under each policy.
    pub(crate) runs: Vec<Run>,
}

/// The real course, or that under a policy.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) report: ReplayReport,
}

impl Comparison {
    /// The last two, which the list compares.
    fn compared(&self) -> Option<(&Run, &Run)> {
        let [.., one, other] = self.runs.as_slice() else { return None };
        Some((one, other))
    }
}

pub(crate) fn render(comparison: &Comparison, zone: Tz, most: usize) -> String {
    let Some(Run { report, .. }) = comparison.runs.first() else { return String::new() };
    let lasted = (report.to - report.from).to_std().unwrap_or_default();
    let (from, to) = (time::local(report.from, zone), time::local(report.to, zone));
    let mut text = format!("{BOLD}Replayed {from} to {to}{BOLD:#} {DIM}({}){DIM:#}\n", Elapsed(lasted));
    if let Some(note) = note(comparison, report.from, zone) {
        text.push_str(&note);
    }
    text.extend(assumptions(comparison));
    text.push('\n');
    text.push_str(&summary::render(comparison));
    text.push_str(&list::render(comparison, zone, most));
    text
}

/// The tags whose time of appearance is an estimate.
fn note(comparison: &Comparison, from: Timestamp, zone: Tz) -> Option<String> {
    let note = match comparison.watched_since {
        Some(since) if since - from <= TimeDelta::seconds(1) => return None,
        Some(since) => format!(
            "all registries are watched since {}; before that, a tag counts from the time of its image or of a commit",
            time::local(since, zone)
        ),
        None => "no registry was ever watched; a tag counts from the first commit that wrote it".to_owned(),
    };
    Some(format!("{YELLOW}note{YELLOW:#} {note}\n"))
}

/// Assumptions: nothing records when people would have merged or reviewed.
fn assumptions(comparison: &Comparison) -> impl Iterator<Item = String> {
    let note = |names: &[EnvironmentName], what: &str, done: &str| {
        let names: Vec<&str> = names.iter().map(EnvironmentName::as_str).collect();
        let text = || format!("assumes that every {what} in {} is {done} at once", names.join(", "));
        (!names.is_empty()).then(|| format!("{YELLOW}note{YELLOW:#} {}\n", text()))
    };
    let merged = note(&comparison.merged_at_once, "pull request", "merged");
    merged.into_iter().chain(note(&comparison.reviewed_at_once, "review", "given"))
}

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
