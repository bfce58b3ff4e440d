//! What a control says, in one sentence, and the words by which it is ended.

use std::fmt::Write;

use chrono_tz::Tz;

use crate::cli::output::{BOLD, CYAN, GREEN};
use crate::control::Kind;
use crate::model::{EnvironmentName, Printable, ServicePattern, Timestamp};
use crate::policy::Control;

use crate::cli::render::time;

/// The kind as a word.
pub(super) fn kind(control: &Control) -> &'static str {
    match kind_of(control) {
        Some(kind) => kind.as_word(),
        None => "unreadable file",
    }
}

pub(super) fn kind_of(control: &Control) -> Option<Kind> {
    Some(match control {
        Control::Hold(_) => Kind::Hold,
        Control::Pin(_) => Kind::Pin,
        Control::Quarantine(_) => Kind::Quarantine,
        Control::Approval(_) => Kind::Approval,
        Control::Freeze(_) => Kind::Freeze,
        Control::Unreadable(_) => return None,
    })
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

/// Whom it covers, to what, and until when.
pub(super) fn of(control: &Control, zone: Tz, now: Timestamp) -> String {
    let mut text = match control {
        Control::Hold(hold) => whom(hold.covers.services.as_ref(), &hold.covers.environments),
        Control::Pin(pin) => {
            let whom = whom(pin.covers.services.as_ref(), &pin.covers.environments);
            format!("{whom} to {GREEN}{}{GREEN:#}", Printable::new(pin.versions.as_str()))
        }
        Control::Quarantine(quarantine) => {
            let (version, services) = (&quarantine.version, Some(&quarantine.services));
            format!("{GREEN}{version}{GREEN:#} of {}", whom(services, &[]))
        }
        Control::Approval(approval) => {
            let (service, environment) = (&approval.service, &approval.environment);
            format!(
                "{GREEN}{}{GREEN:#} of {BOLD}{service}{BOLD:#} for {CYAN}{environment}{CYAN:#} as {}",
                approval.version, approval.digest
            )
        }
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            let whom = whom(order.services.as_ref(), order.freeze.environments());
            let form = "%a %Y-%m-%d %H:%M:%S";
            let name = Printable::bounded(order.freeze.name(), 100);
            format!("{whom} from {} to {} ({name})", from.format(form), to.format(form))
        }
        Control::Unreadable(unreadable) => Printable::new(unreadable.file.as_str()).to_string(),
    };
    if let Some(expires) = control.note().and_then(|note| note.expires) {
        let _ = write!(text, ", until {}", time::wall(expires, zone));
        if expires > now {
            let _ = write!(text, " (for {})", time::until(expires, now));
        }
    }
    text
}

fn whom(services: Option<&ServicePattern>, environments: &[EnvironmentName]) -> String {
    let services = services.map_or("everything", ServicePattern::as_str);
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    let place = match names.as_slice() {
        [] => "in every environment".to_owned(),
        names => format!("in {CYAN}{}{CYAN:#}", names.join(", ")),
    };
    format!("{BOLD}{}{BOLD:#} {place}", Printable::new(services))
}

/// The command that ends it.
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

/// A word as a shell takes it.
pub(in crate::cli::render) fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", Printable::new(text).to_string().replace('\'', r"'\''"))
}
