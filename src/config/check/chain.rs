//! The order of environments through `after`, and circles in it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::config::problem::Findings;
use crate::config::raw;
use crate::model::Printable;

/// The places of the environments so that each comes after the one before it, in the order of the file otherwise.
/// Nothing, and a note of each circle, when there is a circle.
pub(super) fn order(raw: &[raw::Environment], findings: &mut Findings) -> Option<Vec<usize>> {
    let before = places_before(raw);
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); raw.len()];
    for (place, before) in before.iter().enumerate() {
        if let Some(before) = before {
            after[*before].push(place);
        }
    }
    let mut waiting: VecDeque<usize> = (0..raw.len()).filter(|place| before[*place].is_none()).collect();
    let mut order = Vec::with_capacity(raw.len());
    while let Some(place) = waiting.pop_front() {
        order.push(place);
        waiting.extend(&after[place]);
    }
    if order.len() == raw.len() {
        return Some(order);
    }
    let placed: BTreeSet<usize> = order.into_iter().collect();
    note_circles(raw, &before, placed, findings);
    None
}

/// For each environment the place of the one before it, if that is known.
fn places_before(raw: &[raw::Environment]) -> Vec<Option<usize>> {
    let places: HashMap<&str, usize> =
        raw.iter().enumerate().map(|(place, environment)| (environment.name.value.as_str(), place)).collect();
    raw.iter()
        .map(|environment| {
            environment.after.as_ref().and_then(|after| places.get(after.value.as_str()).copied())
        })
        .collect()
}

/// Walks back from every environment that could not be placed, and notes each circle that is met once.
fn note_circles(
    raw: &[raw::Environment],
    before: &[Option<usize>],
    mut settled: BTreeSet<usize>,
    findings: &mut Findings,
) {
    for start in 0..raw.len() {
        let mut walked = Vec::new();
        let mut next = Some(start);
        while let Some(place) = next.filter(|place| !settled.contains(place)) {
            if let Some(first) = walked.iter().position(|earlier| *earlier == place) {
                note_circle(raw, &walked[first..], findings);
                break;
            }
            walked.push(place);
            next = before[place];
        }
        settled.extend(walked);
    }
}

fn note_circle(raw: &[raw::Environment], circle: &[usize], findings: &mut Findings) {
    let names = circle.iter().chain(circle.first()).map(|place| raw[*place].name.value.as_str());
    let shown: Vec<String> = names.take(20).map(|name| Printable::bounded(name, 63).to_string()).collect();
    let Some(after) = circle.iter().min().and_then(|place| raw[*place].after.as_ref()) else { return };
    findings.error(
        after.at,
        format!("the environments come after one another in a circle: {}", shown.join(" after ")),
        "leave `after` out of the environment whose versions come from the registry",
    );
}
