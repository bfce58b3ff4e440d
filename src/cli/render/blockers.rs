//! What blocks a candidate, in a few words: `rolled back by ana`, `needs approval`.

use anstyle::Style;

use crate::cli::output::{CYAN, GREEN, RED, YELLOW};
use crate::model::{Printable, Timestamp};
use crate::policy::{
    Answer, ApprovalReason, ControlReference, DigestReason, FreezeReason, GateEvaluation, GateName,
    GateReport, GroupReason, HealthReason, HoldReason, OrderReason, QuarantineReason, Reason, ReviewReason,
    SoakReason, UnreadableFile,
};
use crate::view::target_state::is_set_by_people;
use crate::view::time;

/// Maximum characters of a name and of a reason.
const MOST_NAME: usize = 40;
const MOST_REASON: usize = 80;

/// The headline of a candidate that is not promoted.
pub(super) struct Headline {
    /// `in 21h58m (soak)`, `needs approval`, `blocked: hold by ana: the fair`.
    pub(super) text: String,
    pub(super) style: Style,
    /// When it is promoted, if time alone decides.
    pub(super) opens_at: Option<Timestamp>,
}

pub(super) fn headline_of(evaluation: &GateEvaluation, now: Timestamp) -> Headline {
    headline(&evaluation.closed().collect::<Vec<_>>(), evaluation.earliest(), now)
}

/// The headline of closed gates. `opens_at` is the time at which they open, if time alone opens them.
pub(super) fn headline(gates: &[&GateReport], opens_at: Option<Timestamp>, now: Timestamp) -> Headline {
    let line = |text: String, style| Headline { text, style, opens_at: None };
    let closed = |is_meant: fn(&GateReport) -> bool| gates.iter().copied().find(|gate| is_meant(gate));
    if let Some(gate) = closed(|gate| gate.answer == Answer::Refused) {
        // The digest gate comes after the soak gate and names the cause.
        let cause = closed(|gate| gate.gate == GateName::Digest && gate.answer == Answer::Refused);
        return line(format!("refused: {}", phrase(cause.unwrap_or(gate))), RED);
    }
    if opens_at.is_some_and(|at| at <= now) {
        // The gates opened after the pass.
        return line("now".to_owned(), GREEN);
    }
    let blocking: fn(&GateReport) -> bool = match opens_at {
        Some(_) => is_set_by_people,
        None => |gate| gate.answer == Answer::Closed,
    };
    // A soak that cannot begin is the health gate's doing, which names the cause.
    let cause = closed(blocking).map(|gate| match &gate.reason {
        Reason::Soak(SoakReason::NotHealthy { .. }) => {
            closed(|gate| gate.gate == GateName::Health && !gate.is_open()).unwrap_or(gate)
        }
        _ => gate,
    });
    match (cause, opens_at) {
        (Some(gate), None) if needs_people(gate) => {
            line(phrase(gate) + &last_of_time(gates, now).unwrap_or_default(), CYAN)
        }
        (Some(gate), _) => line(format!("blocked: {}", phrase(gate)), YELLOW),
        (None, Some(at)) => {
            let text = format!("in {} ({})", time::until(at, now), names(gates));
            Headline { opens_at: Some(at), ..line(text, CYAN) }
        }
        (None, None) => line(format!("blocked: {}", names(gates)), YELLOW),
    }
}

/// The timed gate that opens last.
fn last_of_time(gates: &[&GateReport], now: Timestamp) -> Option<String> {
    let timed = gates.iter().filter_map(|gate| match gate.answer {
        Answer::ClosedUntil(at) => Some((at, gate.gate)),
        _ => None,
    });
    let (at, gate) = timed.max_by_key(|(at, _)| *at)?;
    let verb = if gate == GateName::Window { "opens" } else { "ends" };
    Some(format!("; {gate} {verb} in {}", time::until(at, now)))
}

/// Whether only an approval or review by people is missing.
fn needs_people(gate: &GateReport) -> bool {
    match &gate.reason {
        Reason::Approval(ApprovalReason::Review(review)) => {
            !matches!(review, ReviewReason::ChangesRequested { .. })
        }
        Reason::Approval(reason) => !matches!(reason, ApprovalReason::Unreadable(_)),
        _ => false,
    }
}

fn names(gates: &[&GateReport]) -> String {
    gates.iter().map(|gate| gate.gate.as_str()).collect::<Vec<_>>().join(", ")
}

/// Why one gate is closed.
pub(super) fn phrase(gate: &GateReport) -> String {
    let name = |author: &str| Printable::bounded(author, MOST_NAME).to_string();
    match &gate.reason {
        Reason::Order(OrderReason::RolledBack { author, elsewhere, .. }) => {
            let place = elsewhere.as_ref().map(|environment| format!(" in {environment}"));
            format!("rolled back by {}{}", name(author), place.unwrap_or_default())
        }
        Reason::Order(OrderReason::RequestClosed { number, by, .. }) => {
            format!("pull request #{number} was {by}")
        }
        Reason::Hold(HoldReason::Held(by)) => format!("hold {}", note(by)),
        Reason::Hold(HoldReason::Pinned { versions, note: by, .. }) => {
            format!("pinned to {} {}", Printable::bounded(versions, MOST_NAME), note(by))
        }
        Reason::Quarantine(QuarantineReason::Quarantined { note: by, .. }) => {
            format!("quarantined {}", note(by))
        }
        Reason::Digest(DigestReason::Moved { .. }) => "its digest changed since it soaked".to_owned(),
        Reason::Digest(DigestReason::NotAsked { .. }) => {
            "the registry did not answer for its digest".to_owned()
        }
        Reason::Health(HealthReason::Unhealthy { environment, why, .. }) => {
            format!("not healthy in {environment}: {}", Printable::bounded(&why.to_string(), MOST_REASON))
        }
        Reason::Health(HealthReason::Unknown { environment, .. }) => {
            format!("the health of {environment} is unknown")
        }
        Reason::Freeze(FreezeReason::Frozen { name, until, .. }) => {
            format!("freeze `{}` (until {until})", Printable::bounded(name, MOST_NAME))
        }
        Reason::Approval(reason) => approval(reason).unwrap_or_else(|| sentence(gate)),
        Reason::Group(GroupReason::Member { service, .. }) => format!("ships together with {service}"),
        Reason::Hold(HoldReason::Unreadable(problem))
        | Reason::Quarantine(QuarantineReason::Unreadable(problem))
        | Reason::Freeze(FreezeReason::Unreadable(problem)) => unreadable(problem),
        _ => sentence(gate),
    }
}

fn approval(reason: &ApprovalReason) -> Option<String> {
    Some(match reason {
        ApprovalReason::NotGiven { .. } => "needs approval".to_owned(),
        ApprovalReason::Moved { .. } => "needs approval: the approved digest changed".to_owned(),
        ApprovalReason::NotAsked { .. } => {
            "approved, but the registry did not answer for its digest".to_owned()
        }
        ApprovalReason::Unreadable(problem) => unreadable(problem),
        ApprovalReason::Review(ReviewReason::NotProposed { .. }) => "needs a review".to_owned(),
        ApprovalReason::Review(
            ReviewReason::Waits { request, .. } | ReviewReason::NotAsked { request, .. },
        ) => format!("needs a review of #{}", request.number),
        ApprovalReason::Review(ReviewReason::ChangesRequested { request, by, .. }) => {
            let by = by.first().map(|by| format!(" by {}", Printable::bounded(by, MOST_NAME)));
            format!("changes requested in #{}{}", request.number, by.unwrap_or_default())
        }
        _ => return None,
    })
}

fn note(note: &ControlReference) -> String {
    let until = note.until.map(|until| format!(" (until {until})")).unwrap_or_default();
    let (by, reason) =
        (Printable::bounded(&note.by, MOST_NAME), Printable::bounded(&note.reason, MOST_REASON));
    format!("by {by}: {reason}{until}")
}

fn unreadable(problem: &UnreadableFile) -> String {
    format!("cannot read {}", Printable::new(problem.file.as_str()))
}

fn sentence(gate: &GateReport) -> String {
    Printable::bounded(&gate.reason.to_string(), MOST_REASON * 2).to_string()
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Santiago;
    use rstest::rstest;

    use super::*;
    use crate::policy::{LocalTime, WindowReason};

    const NOON: &str = "2026-11-23T15:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn local(text: &str) -> LocalTime {
        LocalTime { at: at(text), zone: Santiago }
    }

    fn closed(gate: GateName, reason: Reason) -> GateReport {
        GateReport { gate, answer: Answer::Closed, reason }
    }

    fn by(name: &str, reason: &str, until: Option<&str>) -> ControlReference {
        let file = ".tidegate/hold/x.yaml".parse().unwrap();
        ControlReference { file, by: name.to_owned(), reason: reason.to_owned(), until: until.map(local) }
    }

    fn hold(until: Option<&str>) -> GateReport {
        let report = closed(GateName::Hold, Reason::Hold(HoldReason::Held(by("ana", "the fair", until))));
        match until {
            Some(until) => GateReport { answer: Answer::ClosedUntil(at(until)), ..report },
            None => report,
        }
    }

    fn rollback() -> GateReport {
        let reason = OrderReason::RolledBack {
            tag: "v1.0.2".parse().unwrap(),
            left: None,
            elsewhere: None,
            author: "Diego Rojas".to_owned(),
            commit: "7".repeat(40).parse().unwrap(),
            at: local(NOON),
        };
        closed(GateName::Order, Reason::Order(reason))
    }

    fn quarantine() -> GateReport {
        let reason = QuarantineReason::Quarantined {
            tag: "v1.0.2".parse().unwrap(),
            note: by("Diego Rojas", "orders are lost", None),
        };
        closed(GateName::Quarantine, Reason::Quarantine(reason))
    }

    fn approval() -> GateReport {
        let reason = ApprovalReason::NotGiven { tag: "v1.0.2".parse().unwrap() };
        closed(GateName::Approval, Reason::Approval(reason))
    }

    fn window(opens_at: &str) -> GateReport {
        let reason = WindowReason::Outside { opens_at: Some(local(opens_at)) };
        GateReport {
            gate: GateName::Window,
            answer: Answer::ClosedUntil(at(opens_at)),
            reason: Reason::Window(reason),
        }
    }

    fn digest() -> GateReport {
        let reason = DigestReason::Moved {
            tag: "v1.0.2".parse().unwrap(),
            soaked: format!("sha256:{}", "1".repeat(64)).parse().unwrap(),
            now: format!("sha256:{}", "2".repeat(64)).parse().unwrap(),
        };
        GateReport { gate: GateName::Digest, answer: Answer::Refused, reason: Reason::Digest(reason) }
    }

    #[rstest]
    #[case::time_alone(&[window("2026-11-23T18:00:00Z")], Some("2026-11-23T18:00:00Z"), "in 3h (window)")]
    #[case::its_time_has_come(&[window("2026-11-23T15:00:00Z")], Some(NOON), "now")]
    #[case::a_hold_for_good(&[hold(None)], None, "blocked: hold by ana: the fair")]
    #[case::a_hold_for_a_time(
        &[hold(Some("2026-11-24T15:00:00Z"))],
        Some("2026-11-24T15:00:00Z"),
        "blocked: hold by ana: the fair (until 2026-11-24 12:00 -03)"
    )]
    #[case::a_rollback_with_its_quarantine(
        &[rollback(), quarantine()],
        None,
        "blocked: rolled back by Diego Rojas"
    )]
    #[case::a_quarantine_alone(&[quarantine()], None, "blocked: quarantined by Diego Rojas: orders are lost")]
    #[case::an_approval(&[approval()], None, "needs approval")]
    #[case::an_approval_and_time(
        &[window("2026-11-23T18:00:00Z"), approval()],
        None,
        "needs approval; window opens in 3h"
    )]
    #[case::a_hold_before_an_approval(&[hold(None), approval()], None, "blocked: hold by ana: the fair")]
    #[case::a_refusal_before_everything(
        &[hold(None), digest(), approval()],
        None,
        "refused: its digest changed since it soaked"
    )]
    fn headlines(#[case] gates: &[GateReport], #[case] opens_at: Option<&str>, #[case] text: &str) {
        let gates: Vec<&GateReport> = gates.iter().collect();
        assert_eq!(headline(&gates, opens_at.map(at), at(NOON)).text, text);
    }

    #[test]
    fn texts_of_others_are_bounded_and_printable() {
        let long = "x".repeat(500) + "\u{1b}[31m";
        let report = closed(GateName::Hold, Reason::Hold(HoldReason::Held(by(&long, &long, None))));
        let text = phrase(&report);
        assert!(text.chars().count() < 200 && !text.contains('\u{1b}'), "{text}");
    }
}
