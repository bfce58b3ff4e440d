//! What a control says, as a sentence, and the command that removes it.

use std::fmt::Write;

use anstyle::Style;
use chrono_tz::Tz;

use crate::model::{EnvironmentName, Printable, ServicePattern, Timestamp};
use crate::policy::{Control, ControlKind, Note};

use super::time;

/// How names are set off; in plain text, not at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NameStyles {
    pub(crate) service: Style,
    pub(crate) environment: Style,
    pub(crate) version: Style,
}

/// The kind as a word.
pub(crate) fn kind(control: &Control) -> &'static str {
    control.kind().map_or("unreadable file", ControlKind::as_word)
}

/// What was done by it.
pub(crate) fn verb(control: &Control) -> &'static str {
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
pub(crate) fn subject(control: &Control, zone: Tz, styles: NameStyles) -> String {
    let NameStyles { service: bold, environment: cyan, version: green } = styles;
    match control {
        Control::Hold(hold) => covered(hold.covers.services.as_ref(), &hold.covers.environments, styles),
        Control::Pin(pin) => {
            let covered = covered(pin.covers.services.as_ref(), &pin.covers.environments, styles);
            format!("{covered} to {green}{}{green:#}", Printable::new(pin.versions.as_str()))
        }
        Control::Quarantine(quarantine) => {
            let (version, services) = (&quarantine.version, Some(&quarantine.services));
            format!("{green}{version}{green:#} of {}", covered(services, &[], styles))
        }
        Control::Approval(approval) => {
            let (service, environment) = (&approval.service, &approval.environment);
            format!(
                "{green}{}{green:#} of {bold}{service}{bold:#} for {cyan}{environment}{cyan:#}",
                approval.version
            )
        }
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            let covered = covered(order.services.as_ref(), order.freeze.environments(), styles);
            let name = Printable::bounded(order.freeze.name(), 100);
            format!("{covered} from {} to {} ({name})", time::wall(from, zone), time::wall(to, zone))
        }
        Control::Unreadable(unreadable) => Printable::new(unreadable.file.as_str()).to_string(),
    }
}

/// The subject, the approved image, and until when it counts.
pub(crate) fn of(control: &Control, zone: Tz, now: Timestamp, styles: NameStyles) -> String {
    let mut text = subject(control, zone, styles);
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
    format!("{} of {}", kind(control), subject(control, zone, NameStyles::default()))
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

fn covered(
    services: Option<&ServicePattern>,
    environments: &[EnvironmentName],
    NameStyles { service: bold, environment: cyan, .. }: NameStyles,
) -> String {
    let services = services.map_or("everything", ServicePattern::as_str);
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    let place = match names.as_slice() {
        [] => "in every environment".to_owned(),
        names => format!("in {cyan}{}{cyan:#}", names.join(", ")),
    };
    format!("{bold}{}{bold:#} {place}", Printable::new(services))
}

/// What `tidegate release` needs to remove a control file and no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseScope {
    pub(crate) service: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) environments: Vec<String>,
    pub(crate) tag: Option<String>,
    pub(crate) freeze: Option<String>,
}

/// What removes it; nothing but a person removes what cannot be read.
pub(crate) fn release_scope(control: &Control) -> Option<ReleaseScope> {
    let scope = ReleaseScope {
        service: control.services().map(ToString::to_string),
        kind: Some(kind(control)),
        environments: control.environments().iter().map(ToString::to_string).collect(),
        ..ReleaseScope::default()
    };
    Some(match control {
        Control::Hold(_) | Control::Pin(_) => scope,
        Control::Quarantine(quarantine) => {
            ReleaseScope { tag: Some(quarantine.version.to_string()), environments: Vec::new(), ..scope }
        }
        Control::Approval(approval) => ReleaseScope {
            service: Some(approval.service.to_string()),
            environments: vec![approval.environment.to_string()],
            tag: Some(approval.version.to_string()),
            ..scope
        },
        Control::Freeze(order) => {
            ReleaseScope { freeze: Some(order.freeze.name().to_owned()), ..ReleaseScope::default() }
        }
        Control::Unreadable(_) => return None,
    })
}

/// The command that removes it.
pub(crate) fn release(control: &Control) -> Option<String> {
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
pub(crate) fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", Printable::new(text).to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
