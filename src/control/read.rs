//! A control file's text to what it says. What can't be read closes the gate that it may have meant.

use chrono::DateTime;
use serde::de::DeserializeOwned;

use super::form::{self, Glimpse, NoteText};
use crate::model::{
    Digest, EnvironmentName, Printable, RepoPath, ServiceName, ServicePattern, Tag, Timestamp,
};
use crate::policy::{
    Approval, Control, Coverage, Freeze, FreezeOrder, GateName, Hold, Note, Pin, Quarantine, Range,
    UnreadableControl, read_wall_time,
};

/// The most bytes of a control file that are read.
const MOST_BYTES: usize = 64 * 1024;

/// The longest reason, in characters.
const LONGEST_REASON_CHARS: usize = 300;

/// The longest name of a person, in characters.
const LONGEST_NAME_CHARS: usize = 200;

/// What is wrong, in plain words.
type Wrong = String;

/// Reads a control file. One that can't be read is a control too: it closes the gate that it may have meant.
pub fn read(file: &RepoPath, text: &[u8]) -> Control {
    let text = match std::str::from_utf8(text) {
        _ if text.len() > MOST_BYTES => return unreadable(file, "", "it is larger than 64 KiB".to_owned()),
        Ok(text) => text,
        Err(_) => return unreadable(file, "", "it is not UTF-8".to_owned()),
    };
    let glimpse = Glimpse::of(text);
    let control = match glimpse.kind.as_deref() {
        Some("Hold") => hold(file, text),
        Some("Pin") => pin(file, text),
        Some("Quarantine") => quarantine(file, text),
        Some("Approval") => approval(file, text),
        Some("Freeze") => freeze(file, text),
        Some(other) => Err(format!(
            "`{}` is no kind of control file; write Hold, Pin, Quarantine, Approval or Freeze",
            Printable::bounded(other, 40)
        )),
        None => Err(match serde_yaml::from_str::<serde_yaml::Value>(text) {
            Ok(_) => "it has no `kind`; write Hold, Pin, Quarantine, Approval or Freeze".to_owned(),
            Err(error) => Printable::new(&error.to_string()).to_string(),
        }),
    };
    control.unwrap_or_else(|problem| unreadable(file, text, problem))
}

fn unreadable(file: &RepoPath, text: &str, problem: Wrong) -> Control {
    let Glimpse { kind, service, environments } = Glimpse::of(text);
    let gate = match kind.as_deref() {
        Some("Quarantine") => GateName::Quarantine,
        Some("Approval") => GateName::Approval,
        Some("Freeze") => GateName::Freeze,
        _ => GateName::Hold,
    };
    let named: Vec<EnvironmentName> = environments.iter().filter_map(|name| name.parse().ok()).collect();
    let covers = Coverage {
        services: service.and_then(|pattern| pattern.parse().ok()),
        // One name that can't be read may be any.
        environments: if named.len() == environments.len() { named } else { Vec::new() },
    };
    Control::Unreadable(UnreadableControl { file: file.clone(), gate, covers, problem })
}

fn hold(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Hold = parse(text)?;
    let covers = coverage(form.service.as_deref(), &form.environments)?;
    Ok(Control::Hold(Hold { note: note(file, &form.note())?, covers }))
}

fn pin(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Pin = parse(text)?;
    let versions: Range =
        form.versions.parse().map_err(|error: crate::policy::RangeError| format!("`versions`: {error}"))?;
    let covers = coverage(Some(&form.service), &form.environments)?;
    Ok(Control::Pin(Pin { note: note(file, &form.note())?, covers, versions }))
}

fn quarantine(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Quarantine = parse(text)?;
    let (services, version) = (pattern(&form.service)?, tag(&form.version)?);
    Ok(Control::Quarantine(Quarantine { note: note(file, &form.note())?, services, version }))
}

fn approval(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Approval = parse(text)?;
    let service: ServiceName = checked("service", &form.service)?;
    let digest: Digest = checked("digest", &form.digest)?;
    let (environment, version) = (environment(&form.environment)?, tag(&form.version)?);
    Ok(Control::Approval(Approval { note: note(file, &form.note())?, service, environment, version, digest }))
}

fn freeze(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Freeze = parse(text)?;
    let name = line("name", &form.name, 100)?;
    let wall = |key: &str, text: &str| {
        let shown = Printable::bounded(text, 40);
        read_wall_time(text)
            .ok_or_else(|| format!("`{key}`: `{shown}` is not a date and a time such as 2026-12-18T00:00"))
    };
    let (from, to) = (wall("from", &form.from)?, wall("to", &form.to)?);
    let Coverage { services, environments } = coverage(form.service.as_deref(), &form.environments)?;
    let freeze = Freeze::new(name, environments, from, to).map_err(|error| error.to_string())?;
    Ok(Control::Freeze(FreezeOrder { note: note(file, &form.note())?, services, freeze }))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    serde_yaml::from_str(text).map_err(|error| Printable::new(&error.to_string()).to_string())
}

fn note(file: &RepoPath, text: &NoteText) -> Result<Note, Wrong> {
    Ok(Note {
        file: file.clone(),
        by: line("by", &text.by, LONGEST_NAME_CHARS)?,
        at: instant("at", &text.at)?,
        reason: line("reason", &text.reason, LONGEST_REASON_CHARS)?,
        expires: text.expires.as_deref().map(|text| instant("expires", text)).transpose()?,
    })
}

fn coverage(service: Option<&str>, environments: &[String]) -> Result<Coverage, Wrong> {
    Ok(Coverage {
        services: service.map(pattern).transpose()?,
        environments: environments.iter().map(|name| environment(name)).collect::<Result<_, _>>()?,
    })
}

fn pattern(text: &str) -> Result<ServicePattern, Wrong> {
    checked("service", text)
}

fn environment(text: &str) -> Result<EnvironmentName, Wrong> {
    checked("environment", text)
}

fn tag(text: &str) -> Result<Tag, Wrong> {
    checked("version", text)
}

fn checked<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|error| format!("`{key}`: `{}`: {error}", Printable::bounded(text, 80)))
}

fn instant(key: &str, text: &str) -> Result<Timestamp, Wrong> {
    let read = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    read.map_err(|_| {
        let shown = Printable::bounded(text, 40);
        format!("`{key}`: `{shown}` is not a time such as 2026-11-24T09:00:00Z or 2026-11-24T06:00:00-03:00")
    })
}

fn line(key: &str, text: &str, most_chars: usize) -> Result<String, Wrong> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most_chars || text.contains(char::is_control) {
        return Err(format!("`{key}` must be one line of 1 to {most_chars} characters"));
    }
    Ok(text.to_owned())
}
