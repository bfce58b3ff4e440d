//! What really came where, read from the same movements, so that it can be compared.

use crate::history::HeldByPath;
use crate::policy::Candidate;

use super::chronicle::Chronicle;
use super::layout::{Layout, is_scheduled, released};
use super::line;
use super::policy::Policy;
use super::registry::Registry;
use super::story::{Arrival, Story, TrackStory};

/// What really came to the environments of a policy.
pub fn as_it_was(chronicle: &Chronicle, policy: Policy<'_>) -> Story {
    let layout = Layout::of(chronicle, policy);
    let mut registry = Registry::new(chronicle);
    let (from, to) = (chronicle.from, chronicle.to);
    let mut tracks: Vec<(HeldByPath, Option<Vec<Candidate>>, TrackStory)> = Vec::new();
    for track in 0..layout.tracks.len() {
        let selection = layout.selects(&mut registry, track, to);
        let released = selection.map(|selection| released(&registry, selection, from, to));
        tracks.push((HeldByPath::new(), None, layout.blank(track, released.unwrap_or_default())));
    }
    let mut has_begun = false;
    for commit in layout.commits.iter().take_while(|commit| commit.at <= to) {
        if commit.at > from && !has_begun {
            begin(&mut tracks);
            has_begun = true;
        }
        for of_track in commit.movements.chunk_by(|one, next| one.0 == next.0) {
            let Some((track, movement)) = of_track.first() else { continue };
            let (held, running, story) = &mut tracks[*track];
            for (_, movement) in of_track {
                line::hold(held, &movement.path, &movement.after);
            }
            let before = std::mem::replace(running, line::running(held, &layout.tracks[*track].rules));
            if let Some((from, candidate)) = arrived(before.as_deref(), running.as_deref())
                && has_begun
            {
                story.arrivals.push(Arrival {
                    candidate: candidate.clone(),
                    from: Some(from.clone()),
                    at: commit.at,
                    by_schedule: is_scheduled(movement),
                    due_since: None,
                    waited: Vec::new(),
                });
            }
        }
    }
    if !has_begun {
        begin(&mut tracks);
    }
    Story { from, to, tracks: tracks.into_iter().map(|(.., story)| story).collect() }
}

fn begin(tracks: &mut [(HeldByPath, Option<Vec<Candidate>>, TrackStory)]) {
    for (_, running, story) in tracks {
        story.began_with = running.as_ref().and_then(|running| running.first()).cloned();
    }
}

/// The version that has come, and the lowest that it took the place of: a single one runs now, and something lower did.
pub(super) fn arrived<'a>(
    before: Option<&'a [Candidate]>,
    after: Option<&'a [Candidate]>,
) -> Option<(&'a Candidate, &'a Candidate)> {
    let [only] = after? else { return None };
    let lowest = before?.first()?;
    (lowest.version < only.version).then_some((lowest, only))
}
