//! The conditions that begin, change or end, compared with what was notified before. Pure.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::model::{ConditionRecord, NotificationChange, NotificationState, Timestamp};
use crate::notify::{Event, Phase};

use super::conditions::{Condition, Findings, Key};

/// An event to notify. `limit_s` is the limit of the wait that a `blocked` event reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) event: Event,
    pub(super) limit_s: Option<u64>,
}

/// Compares findings with what was notified. A condition that has not lasted long enough is stored too, so that a restart
/// does not reset its start.
pub(super) fn of_findings(
    state: &NotificationState,
    findings: &Findings,
    now: Timestamp,
) -> (NotificationChange, Vec<News>) {
    let mut change = NotificationChange::default();
    let mut news = Vec::new();
    let mut present = BTreeSet::new();
    for condition in &findings.conditions {
        let key = condition.key.to_text();
        if !present.insert(key.clone()) {
            continue;
        }
        let known = state.conditions.get(&key);
        if let Some((record, event)) = begun(known, condition, now) {
            news.extend(event.map(|event| News { event, limit_s: condition.key.limit_s }));
            change.conditions.push((key, record));
        }
    }
    for (text, record) in &state.conditions {
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
        if record.notified.is_some()
            && let Some(event) = Event::from_json(&record.event)
        {
            let event = Event { phase: Phase::Ended, at: now, since: Some(record.since), ..event };
            news.push(News { event, limit_s: key.limit_s });
        }
    }
    (change, news)
}

/// What to store of a present condition, and the event to notify. None if nothing changed.
fn begun(
    known: Option<&ConditionRecord>,
    condition: &Condition,
    now: Timestamp,
) -> Option<(ConditionRecord, Option<Event>)> {
    let since = known.map(|record| record.since).or(condition.since).unwrap_or(now);
    let limit = TimeDelta::from_std(condition.notify_after).unwrap_or(TimeDelta::MAX);
    let is_notified = known.is_some_and(|record| record.notified.as_ref() == Some(&condition.state));
    let is_due = !is_notified && now - since >= limit;
    if !is_due && known.is_some() {
        return None;
    }
    let event = Event { since: Some(since), ..condition.event.clone() };
    let record =
        ConditionRecord { since, notified: is_due.then(|| condition.state.clone()), event: event.to_json() };
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
            notify_after: Duration::from_mins(after_mins),
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

    /// The events of passes: minute, phase, and minutes since the condition began.
    fn events(passes: &[(i64, Findings)]) -> Vec<(i64, Phase, i64)> {
        let mut state = NotificationState::default();
        let mut all = Vec::new();
        for (minute, findings) in passes {
            let (change, news) = of_findings(&state, findings, at(*minute));
            // As after a restart: only what was stored is known.
            state.apply(&change);
            all.extend(news.into_iter().map(|news| {
                let since = news.event.since.unwrap();
                (*minute, news.event.phase, (at(*minute) - since).num_minutes())
            }));
        }
        all
    }

    #[rstest]
    #[case::notified_once_and_its_end_once(
        &[(0, vec![silent("a", "", 0)]), (1, vec![silent("a", "", 0)]), (2, vec![]), (3, vec![])],
        &[(0, Phase::Began, 0), (2, Phase::Ended, 2)]
    )]
    #[case::notified_once_it_has_lasted(
        &[(0, vec![silent("a", "", 5)]), (4, vec![silent("a", "", 5)]), (5, vec![silent("a", "", 5)]), (6, vec![])],
        &[(5, Phase::Began, 5), (6, Phase::Ended, 6)]
    )]
    #[case::too_short_to_be_notified(&[(0, vec![silent("a", "", 5)]), (1, vec![])], &[])]
    #[case::notified_again_when_it_changes(
        &[(0, vec![silent("a", "x", 0)]), (1, vec![silent("a", "y", 0)]), (2, vec![silent("a", "y", 0)])],
        &[(0, Phase::Began, 0), (1, Phase::Began, 1)]
    )]
    #[case::notified_again_after_it_was_over(
        &[(0, vec![silent("a", "", 0)]), (1, vec![]), (2, vec![silent("a", "", 0)])],
        &[(0, Phase::Began, 0), (1, Phase::Ended, 1), (2, Phase::Began, 0)]
    )]
    #[case::twice_in_one_pass(
        &[(0, vec![silent("a", "", 0), silent("a", "", 0)])],
        &[(0, Phase::Began, 0)]
    )]
    fn transitions_become_news(
        #[case] passes: &[(i64, Vec<Condition>)],
        #[case] expected: &[(i64, Phase, i64)],
    ) {
        let passes: Vec<_> =
            passes.iter().map(|(minute, found)| (*minute, findings(found.clone(), &[]))).collect();
        assert_eq!(events(&passes), expected);
    }

    #[test]
    fn an_unknown_condition_continues() {
        let passes = [
            (0, findings(vec![silent("a", "", 0)], &[])),
            (1, findings(vec![], &["a"])),
            (2, findings(vec![silent("a", "", 0)], &[])),
        ];
        assert_eq!(events(&passes), [(0, Phase::Began, 0)]);
    }

    #[test]
    fn a_condition_of_a_kind_that_was_not_checked_continues() {
        let other = Findings { kinds: [EventKind::CredentialEnds].into(), ..Findings::default() };
        let passes = [(0, findings(vec![silent("a", "", 0)], &[])), (1, other)];
        assert_eq!(events(&passes), [(0, Phase::Began, 0)]);
    }

    #[test]
    fn nothing_new_is_nothing_to_store() {
        let mut state = NotificationState::default();
        let found = findings(vec![silent("a", "", 0), silent("b", "", 5)], &[]);
        let (change, _) = of_findings(&state, &found, at(0));
        state.apply(&change);
        let (change, news) = of_findings(&state, &found, at(1));
        assert!(change.is_empty() && news.is_empty(), "{change:?}");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_dropped() {
        let mut state = NotificationState::default();
        let record = ConditionRecord { since: at(0), notified: Some(String::new()), event: "{".to_owned() };
        state.conditions.insert("nonsense".to_owned(), record.clone());
        state.conditions.insert("registrySilent a".to_owned(), record);
        let (change, news) = of_findings(&state, &findings(vec![], &[]), at(1));
        assert_eq!((change.ended.len(), news.len()), (2, 0));
    }
}
