//! The real course of events, from the same tag changes, for comparison.

use crate::history::TagsByFile;
use crate::model::ByTarget;
use crate::policy::Candidate;

use super::layout::{Layout, is_scheduled, released};
use super::line;
use super::policy::Policy;
use super::registry::Registry;
use super::report::{Arrival, ReplayReport, TargetReplay};
use super::timeline::Timeline;

/// The versions that really reached the environments of a policy.
pub fn as_it_was(timeline: &Timeline, policy: Policy<'_>) -> ReplayReport {
    let layout = Layout::of(timeline, policy);
    let mut registry = Registry::new(timeline);
    let (from, to) = (timeline.from, timeline.to);
    let mut targets: ByTarget<Followed> = ByTarget::new();
    for target in layout.targets.ids() {
        let selection = layout.selects(&mut registry, target, to);
        let released = selection.map(|selection| released(&registry, selection, from, to));
        let story = layout.blank(target, released.unwrap_or_default());
        targets.push(Followed { held: TagsByFile::new(), running: None, story });
    }
    let mut has_begun = false;
    for commit in layout.commits.iter().take_while(|commit| commit.at <= to) {
        if commit.at > from && !has_begun {
            begin(&mut targets);
            has_begun = true;
        }
        for of_target in commit.tag_changes.chunk_by(|one, next| one.0 == next.0) {
            let Some((target, tag_change)) = of_target.first() else { continue };
            let Followed { held, running, story } = &mut targets[*target];
            for (_, tag_change) in of_target {
                line::hold(held, &tag_change.path, &tag_change.after);
            }
            let before = std::mem::replace(running, line::running(held, &layout.targets[*target].rules));
            if let Some((from, candidate)) = arrived(before.as_deref(), running.as_deref())
                && has_begun
            {
                story.arrivals.push(Arrival {
                    candidate: candidate.clone(),
                    from: Some(from.clone()),
                    at: commit.at,
                    by_schedule: is_scheduled(tag_change),
                    due_since: None,
                    waited: Vec::new(),
                });
            }
        }
    }
    if !has_begun {
        begin(&mut targets);
    }
    ReplayReport { from, to, targets: targets.into_iter().map(|target| target.story).collect() }
}

/// The files of a target, and its arrivals so far.
struct Followed {
    held: TagsByFile,
    running: Option<Vec<Candidate>>,
    story: TargetReplay,
}

fn begin(targets: &mut ByTarget<Followed>) {
    for Followed { running, story, .. } in targets.iter_mut() {
        story.began_with = running.as_ref().and_then(|running| running.first()).cloned();
    }
}

/// The version that arrived, and the lowest that it replaced: a single version runs now, and a lower one ran before.
pub(super) fn arrived<'a>(
    before: Option<&'a [Candidate]>,
    after: Option<&'a [Candidate]>,
) -> Option<(&'a Candidate, &'a Candidate)> {
    let [only] = after? else { return None };
    let lowest = before?.first()?;
    (lowest.version < only.version).then_some((lowest, only))
}
