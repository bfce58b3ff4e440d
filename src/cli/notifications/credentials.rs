//! The ends of tokens, as conditions.

use std::time::Duration;

use chrono::TimeDelta;

use crate::cli::wiring::Token;
use crate::model::{EventKind, Fault, Timestamp};
use crate::notify::{Event, Phase};

use super::conditions::{Condition, Findings, Key};

/// How soon an end is reported.
const NOTICE: TimeDelta = TimeDelta::days(14);

/// What the ends of these tokens come to now.
pub(super) async fn look_up(tokens: &[Token], now: Timestamp) -> Findings {
    let mut ends = Vec::new();
    for token in tokens {
        ends.push((token.key, token.ends().await));
    }
    of_ends(ends, now)
}

/// A token whose end cannot be looked up leaves its condition as it is.
fn of_ends(ends: Vec<(&str, Result<Option<Timestamp>, Fault>)>, now: Timestamp) -> Findings {
    let mut findings = Findings { kinds: [EventKind::CredentialEnds].into(), ..Findings::default() };
    for (key, ends) in ends {
        match ends {
            Ok(Some(ends)) if ends - now < NOTICE => findings.conditions.push(credential(key, ends, now)),
            Ok(_) => {}
            Err(_) => drop(findings.unknown.insert(key.to_owned())),
        }
    }
    findings
}

fn credential(key: &str, ends: Timestamp, now: Timestamp) -> Condition {
    let event = Event {
        subject: Some(key.to_owned()),
        until: Some(ends),
        hint: Some(
            "create a new token and put it where the configuration reads this one; no restart is needed"
                .to_owned(),
        ),
        ..Event::new(EventKind::CredentialEnds, Phase::Began, now)
    };
    Condition {
        key: Key::new(EventKind::CredentialEnds, key),
        state: ends.to_rfc3339(),
        notify_after: Duration::ZERO,
        since: None,
        event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::notifications::news::of_findings;
    use crate::model::{Class, NotificationState};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_end_is_reported_once_within_two_weeks_and_its_renewal_once() {
        let key = "git.auth.token";
        let ends = |text: &str| Ok(Some(at(text)));
        let unreachable = || Err(Fault::new(Class::TryAgain, "no answer"));
        let mut state = NotificationState::default();
        let mut reported = Vec::new();
        for (day, end) in [
            ("2026-11-01T12:00:00Z", ends("2026-11-30T12:00:00Z")),
            ("2026-11-16T11:00:00Z", ends("2026-11-30T12:00:00Z")),
            ("2026-11-16T13:00:00Z", ends("2026-11-30T12:00:00Z")),
            ("2026-11-17T13:00:00Z", ends("2026-11-30T12:00:00Z")),
            ("2026-11-18T13:00:00Z", unreachable()),
            ("2026-11-19T13:00:00Z", ends("2026-11-30T12:00:00Z")),
            ("2026-11-20T13:00:00Z", ends("2027-11-30T12:00:00Z")),
            ("2026-11-21T13:00:00Z", Ok(None)),
        ] {
            let (change, news) = of_findings(&state, &of_ends(vec![(key, end)], at(day)), at(day));
            state.apply(&change);
            reported.extend(news.into_iter().map(|news| (day, news.event.phase, news.event.subject)));
        }
        let subject = Some(key.to_owned());
        assert_eq!(
            reported,
            [
                ("2026-11-16T13:00:00Z", Phase::Began, subject.clone()),
                ("2026-11-20T13:00:00Z", Phase::Ended, subject)
            ]
        );
    }
}
