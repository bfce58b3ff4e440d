//! What is news: the conditions that begin, change or end, by what was told before. Pure.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::model::{ConditionRecord, Timestamp, Told, ToldChange};
use crate::notify::{Event, Phase};

use super::conditions::{Condition, Findings, Key};

/// An event to tell, with the limit of the wait that it tells, if it tells one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) event: Event,
    pub(super) limit_s: Option<u64>,
}

/// Compares what was found with what was told. What has not lasted long enough is stored, so that a restart does not begin
/// anew.
pub(super) fn of_findings(told: &Told, findings: &Findings, now: Timestamp) -> (ToldChange, Vec<News>) {
    let mut change = ToldChange::default();
    let mut news = Vec::new();
    let mut present = BTreeSet::new();
    for condition in &findings.conditions {
        let key = condition.key.to_text();
        if !present.insert(key.clone()) {
            continue;
        }
        let known = told.conditions.get(&key);
        if let Some((record, event)) = begun(known, condition, now) {
            news.extend(event.map(|event| News { event, limit_s: condition.key.limit_s }));
            change.conditions.push((key, record));
        }
    }
    for (text, record) in &told.conditions {
        let Some(key) = Key::from_text(text) else {
            change.ended.push(text.clone());
            continue;
        };
        let goes_on = present.contains(text)
            || !findings.kinds.contains(&key.kind)
            || findings.unknown.contains(&key.subject);
        if goes_on {
            continue;
        }
        change.ended.push(text.clone());
        if record.told.is_some()
            && let Some(event) = Event::from_json(&record.event)
        {
            let event = Event { phase: Phase::Ended, at: now, since: Some(record.since), ..event };
            news.push(News { event, limit_s: key.limit_s });
        }
    }
    (change, news)
}

/// What to store of a condition that holds, and what to tell; nothing where all of it is known.
fn begun(
    known: Option<&ConditionRecord>,
    condition: &Condition,
    now: Timestamp,
) -> Option<(ConditionRecord, Option<Event>)> {
    let since = known.map(|record| record.since).or(condition.since).unwrap_or(now);
    let limit = TimeDelta::from_std(condition.tell_after).unwrap_or(TimeDelta::MAX);
    let is_told = known.is_some_and(|record| record.told.as_ref() == Some(&condition.state));
    let is_due = !is_told && now - since >= limit;
    if !is_due && known.is_some() {
        return None;
    }
    let event = Event { since: Some(since), ..condition.event.clone() };
    let record =
        ConditionRecord { since, told: is_due.then(|| condition.state.clone()), event: event.to_json() };
    Some((record, is_due.then_some(event)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::model::EventKind;

    fn at(minute: i64) -> Timestamp {
        "2026-11-30T10:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minute)
    }

    fn silent(host: &str, state: &str, after_mins: u64) -> Condition {
        let mut event = Event::new(EventKind::RegistrySilent, Phase::Began, at(0));
        event.subject = Some(host.to_owned());
        Condition {
            key: Key::new(EventKind::RegistrySilent, host),
            state: state.to_owned(),
            tell_after: Duration::from_mins(after_mins),
            since: None,
            event,
        }
    }

    fn findings(conditions: Vec<Condition>, unknown: &[&str]) -> Findings {
        Findings {
            kinds: [EventKind::RegistrySilent].into(),
            conditions,
            unknown: unknown.iter().map(|subject| (*subject).to_owned()).collect(),
        }
    }

    /// What is told by passes a minute apart, as minute, phase and how long it lasted.
    fn told(passes: &[(i64, Findings)]) -> Vec<(i64, Phase, i64)> {
        let mut told = Told::default();
        let mut all = Vec::new();
        for (minute, findings) in passes {
            let (change, news) = of_findings(&told, findings, at(*minute));
            // As after a restart: nothing is known but what was stored.
            told.apply(&change);
            all.extend(news.into_iter().map(|news| {
                let since = news.event.since.unwrap();
                (*minute, news.event.phase, (at(*minute) - since).num_minutes())
            }));
        }
        all
    }

    #[rstest]
    #[case::told_once_and_its_end_once(
        &[(0, vec![silent("a", "", 0)]), (1, vec![silent("a", "", 0)]), (2, vec![]), (3, vec![])],
        &[(0, Phase::Began, 0), (2, Phase::Ended, 2)]
    )]
    #[case::told_when_it_has_lasted(
        &[(0, vec![silent("a", "", 5)]), (4, vec![silent("a", "", 5)]), (5, vec![silent("a", "", 5)]), (6, vec![])],
        &[(5, Phase::Began, 5), (6, Phase::Ended, 6)]
    )]
    #[case::short_and_never_told(&[(0, vec![silent("a", "", 5)]), (1, vec![])], &[])]
    #[case::told_again_when_it_changes(
        &[(0, vec![silent("a", "x", 0)]), (1, vec![silent("a", "y", 0)]), (2, vec![silent("a", "y", 0)])],
        &[(0, Phase::Began, 0), (1, Phase::Began, 1)]
    )]
    #[case::told_again_after_it_was_over(
        &[(0, vec![silent("a", "", 0)]), (1, vec![]), (2, vec![silent("a", "", 0)])],
        &[(0, Phase::Began, 0), (1, Phase::Ended, 1), (2, Phase::Began, 0)]
    )]
    #[case::twice_in_one_pass(
        &[(0, vec![silent("a", "", 0), silent("a", "", 0)])],
        &[(0, Phase::Began, 0)]
    )]
    fn transitions_are_told(
        #[case] passes: &[(i64, Vec<Condition>)],
        #[case] expected: &[(i64, Phase, i64)],
    ) {
        let passes: Vec<_> =
            passes.iter().map(|(minute, found)| (*minute, findings(found.clone(), &[]))).collect();
        assert_eq!(told(&passes), expected);
    }

    #[test]
    fn what_is_unknown_goes_on() {
        let passes = [
            (0, findings(vec![silent("a", "", 0)], &[])),
            (1, findings(vec![], &["a"])),
            (2, findings(vec![silent("a", "", 0)], &[])),
        ];
        assert_eq!(told(&passes), [(0, Phase::Began, 0)]);
    }

    #[test]
    fn what_was_not_looked_for_goes_on() {
        let other = Findings { kinds: [EventKind::CredentialEnds].into(), ..Findings::default() };
        let passes = [(0, findings(vec![silent("a", "", 0)], &[])), (1, other)];
        assert_eq!(told(&passes), [(0, Phase::Began, 0)]);
    }

    #[test]
    fn nothing_new_is_nothing_to_store() {
        let mut told = Told::default();
        let found = findings(vec![silent("a", "", 0), silent("b", "", 5)], &[]);
        let (change, _) = of_findings(&told, &found, at(0));
        told.apply(&change);
        let (change, news) = of_findings(&told, &found, at(1));
        assert!(change.is_empty() && news.is_empty(), "{change:?}");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_dropped() {
        let mut told = Told::default();
        let record = ConditionRecord { since: at(0), told: Some(String::new()), event: "{".to_owned() };
        told.conditions.insert("nonsense".to_owned(), record.clone());
        told.conditions.insert("registrySilent a".to_owned(), record);
        let (change, news) = of_findings(&told, &findings(vec![], &[]), at(1));
        assert_eq!((change.ended.len(), news.len()), (2, 0));
    }
}
