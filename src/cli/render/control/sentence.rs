//! What a control says, as a sentence, and the command that removes it.

use std::fmt::Write;

use chrono_tz::Tz;

use crate::cli::output::{BOLD, CYAN, GREEN};
use crate::model::{EnvironmentName, Printable, ServicePattern, Timestamp};
use crate::policy::{Control, ControlKind, Note};

use crate::cli::render::time;

/// The kind as a word.
pub(in crate::cli::render) fn kind(control: &Control) -> &'static str {
    control.kind().map_or("unreadable file", ControlKind::as_word)
}

/// What was done by it.
pub(super) fn verb(control: &Control) -> &'static str {
    match control {
        Control::Hold(_) => "held",
        Control::Pin(_) => "pinned",
        Control::Quarantine(_) => "quarantined",
        Control::Approval(_) => "approved",
        Control::Freeze(_) => "frozen",
        Control::Unreadable(_) => "written",
    }
}

/// Whom it covers, and to what: `common/api in prod to ~1.0`.
pub(in crate::cli::render) fn subject(control: &Control, zone: Tz) -> String {
    match control {
        Control::Hold(hold) => covered(hold.covers.services.as_ref(), &hold.covers.environments),
        Control::Pin(pin) => {
            let covered = covered(pin.covers.services.as_ref(), &pin.covers.environments);
            format!("{covered} to {GREEN}{}{GREEN:#}", Printable::new(pin.versions.as_str()))
        }
        Control::Quarantine(quarantine) => {
            let (version, services) = (&quarantine.version, Some(&quarantine.services));
            format!("{GREEN}{version}{GREEN:#} of {}", covered(services, &[]))
        }
        Control::Approval(approval) => {
            let (service, environment) = (&approval.service, &approval.environment);
            format!(
                "{GREEN}{}{GREEN:#} of {BOLD}{service}{BOLD:#} for {CYAN}{environment}{CYAN:#}",
                approval.version
            )
        }
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            let covered = covered(order.services.as_ref(), order.freeze.environments());
            let name = Printable::bounded(order.freeze.name(), 100);
            format!("{covered} from {} to {} ({name})", time::wall(from, zone), time::wall(to, zone))
        }
        Control::Unreadable(unreadable) => Printable::new(unreadable.file.as_str()).to_string(),
    }
}

/// The subject, the approved image, and until when it counts.
pub(super) fn of(control: &Control, zone: Tz, now: Timestamp) -> String {
    let mut text = subject(control, zone);
    // Writing to a string does not fail.
    if let Control::Approval(approval) = control {
        let _ = write!(text, " as {}", approval.digest);
    }
    if let Some(expires) = control.note().and_then(|note| note.expires) {
        let _ = write!(text, ", until {}", time::local(expires, zone));
        if expires > now {
            let _ = write!(text, " (for {})", time::until(expires, now));
        }
    }
    text
}

/// The kind and the subject without styles: `hold of common/* in prod`.
pub(crate) fn plain(control: &Control, zone: Tz) -> String {
    let text = format!("{} of {}", kind(control), subject(control, zone));
    anstream::adapter::strip_str(&text).to_string()
}

/// Who wrote it, why, where it stands and until when.
pub(crate) fn note(note: &Note, zone: Tz) -> String {
    let (by, reason) = (Printable::bounded(&note.by, 60), Printable::bounded(&note.reason, 200));
    let until = note.expires.map(|at| format!(", until {}", time::local(at, zone))).unwrap_or_default();
    format!(
        "by {by} at {}: {reason} ({}{until})",
        time::local(note.at, zone),
        Printable::new(note.file.as_str())
    )
}

fn covered(services: Option<&ServicePattern>, environments: &[EnvironmentName]) -> String {
    let services = services.map_or("everything", ServicePattern::as_str);
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    let place = match names.as_slice() {
        [] => "in every environment".to_owned(),
        names => format!("in {CYAN}{}{CYAN:#}", names.join(", ")),
    };
    format!("{BOLD}{}{BOLD:#} {place}", Printable::new(services))
}

/// The command that removes it.
pub(in crate::cli::render) fn release(control: &Control) -> Option<String> {
    let scope = |services: Option<&ServicePattern>, environments: &[EnvironmentName]| {
        let mut words = services.map_or_else(String::new, |services| format!(" {}", word(services.as_str())));
        let _ = write!(words, " --kind {}", kind(control));
        if !environments.is_empty() {
            let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
            let _ = write!(words, " --env {}", names.join(","));
        }
        words
    };
    let rest = match control {
        Control::Hold(hold) => scope(hold.covers.services.as_ref(), &hold.covers.environments),
        Control::Pin(pin) => scope(pin.covers.services.as_ref(), &pin.covers.environments),
        Control::Quarantine(quarantine) => {
            format!("{} --version {}", scope(Some(&quarantine.services), &[]), quarantine.version)
        }
        Control::Approval(approval) => {
            let (service, environment) = (&approval.service, &approval.environment);
            format!(" {service} --kind approval --env {environment} --version {}", approval.version)
        }
        Control::Freeze(order) => format!(" --freeze {}", word(order.freeze.name())),
        Control::Unreadable(_) => return None,
    };
    Some(format!("tidegate release{rest}"))
}

/// A word, quoted for a shell where it must be.
pub(in crate::cli::render) fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", Printable::new(text).to_string().replace('\'', r"'\''"))
}
