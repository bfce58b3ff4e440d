//! Orders environments by `after`, and finds cycles.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::config::diagnostic::Diagnostics;
use crate::config::raw;
use crate::model::Printable;

/// The indexes of the environments, each after the one that it comes after, otherwise in the order of the file. Reports
/// each cycle.
pub(super) fn order(raw: &[raw::Environment], diagnostics: &mut Diagnostics) -> Option<Vec<usize>> {
    let before = previous(raw);
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); raw.len()];
    for (index, before) in before.iter().enumerate() {
        if let Some(before) = before {
            after[*before].push(index);
        }
    }
    let mut waiting: VecDeque<usize> = (0..raw.len()).filter(|index| before[*index].is_none()).collect();
    let mut order = Vec::with_capacity(raw.len());
    while let Some(index) = waiting.pop_front() {
        order.push(index);
        waiting.extend(&after[index]);
    }
    if order.len() == raw.len() {
        return Some(order);
    }
    report_cycles(raw, &before, order.into_iter().collect(), diagnostics);
    None
}

/// For each environment, the index of the one that it comes after, if that exists.
fn previous(raw: &[raw::Environment]) -> Vec<Option<usize>> {
    let indexes: HashMap<&str, usize> =
        raw.iter().enumerate().map(|(index, environment)| (environment.name.value.as_str(), index)).collect();
    raw.iter()
        .map(|environment| {
            environment.after.as_ref().and_then(|after| indexes.get(after.value.as_str()).copied())
        })
        .collect()
}

/// Follows `after` from every environment that is in no order, and reports each cycle once.
fn report_cycles(
    raw: &[raw::Environment],
    before: &[Option<usize>],
    mut settled: BTreeSet<usize>,
    diagnostics: &mut Diagnostics,
) {
    for start in 0..raw.len() {
        let mut walked = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next.filter(|index| !settled.contains(index)) {
            if let Some(first) = walked.iter().position(|earlier| *earlier == index) {
                report_cycle(raw, &walked[first..], diagnostics);
                break;
            }
            walked.push(index);
            next = before[index];
        }
        settled.extend(walked);
    }
}

fn report_cycle(raw: &[raw::Environment], cycle: &[usize], diagnostics: &mut Diagnostics) {
    let names = cycle.iter().chain(cycle.first()).map(|index| raw[*index].name.value.as_str());
    let shown: Vec<String> = names.take(20).map(|name| Printable::bounded(name, 63).to_string()).collect();
    let Some(after) = cycle.iter().min().and_then(|index| raw[*index].after.as_ref()) else { return };
    diagnostics.error(
        after.at,
        format!("`after` forms a cycle: {}", shown.join(" after ")),
        "remove `after` from the environment that takes its versions from the registry",
    );
}
