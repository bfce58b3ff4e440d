//! Parses control files. An unreadable one closes the gate that it may have meant.

use chrono::DateTime;
use serde::de::DeserializeOwned;

use super::form::{self, Glimpse, NoteText};
use super::place::FOLDER;
use crate::model::{
    Digest, EnvironmentName, Printable, RepoPath, ServiceName, ServicePattern, Tag, Timestamp,
};
use crate::policy::{
    Approval, Control, Coverage, Freeze, FreezeControl, GateName, Hold, Note, Pin, Quarantine, Range,
    UnreadableControl, read_wall_time,
};

/// Maximum bytes of a control file.
const MOST_BYTES: usize = 64 * 1024;

/// The longest reason, in characters.
const LONGEST_REASON_CHARS: usize = 300;

/// The longest name of a person, in characters.
const LONGEST_NAME_CHARS: usize = 200;

/// The error, with its position if the YAML parser has one.
struct Wrong {
    problem: String,
    position: Option<(usize, usize)>,
}

impl From<String> for Wrong {
    fn from(problem: String) -> Self {
        Self { problem, position: None }
    }
}

impl From<serde_yaml::Error> for Wrong {
    fn from(error: serde_yaml::Error) -> Self {
        let position = error.location().map(|location| (location.line(), location.column()));
        Self { problem: Printable::new(&error.to_string()).to_string(), position }
    }
}

/// Parses a control file. An unreadable one becomes a control too, which closes the gate that it may have meant.
pub fn read(file: &RepoPath, text: &[u8]) -> Control {
    let text = match std::str::from_utf8(text) {
        _ if text.len() > MOST_BYTES => {
            return unreadable(file, "", "it is larger than 64 KiB".to_owned().into());
        }
        Ok(text) => text,
        Err(_) => return unreadable(file, "", "it is not UTF-8".to_owned().into()),
    };
    if let Some(problem) = misplaced(file) {
        return unreadable(file, text, problem.to_owned().into());
    }
    let glimpse = Glimpse::of(text);
    let control = match glimpse.kind.as_deref() {
        Some("Hold") => hold(file, text),
        Some("Pin") => pin(file, text),
        Some("Quarantine") => quarantine(file, text),
        Some("Approval") => approval(file, text),
        Some("Freeze") => freeze(file, text),
        Some(other) => Err(Wrong::from(format!(
            "`kind`: `{}` is no kind of control file; write Hold, Pin, Quarantine, Approval or Freeze",
            Printable::bounded(other, 40)
        ))),
        None => Err(match serde_yaml::from_str::<serde_yaml::Value>(text) {
            Ok(_) => "it has no `kind`; write Hold, Pin, Quarantine, Approval or Freeze".to_owned().into(),
            Err(error) => error.into(),
        }),
    };
    control.unwrap_or_else(|wrong| unreadable(file, text, wrong))
}

/// The error about the path of a control file.
fn misplaced(file: &RepoPath) -> Option<&'static str> {
    match file.as_str().split_once('/') {
        None => Some("`.tidegate` is a folder of control files, and this is a file"),
        Some((FOLDER, _)) => None,
        Some(_) => Some("control files lie in `.tidegate`, in lower case"),
    }
}

fn unreadable(file: &RepoPath, text: &str, wrong: Wrong) -> Control {
    let Wrong { problem, position } = wrong;
    let position = position.or_else(|| line_of(text, &problem));
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
        // An unreadable name may be any name.
        environments: if named.len() == environments.len() { named } else { Vec::new() },
    };
    Control::Unreadable(UnreadableControl { file: file.clone(), gate, covers, problem, position })
}

/// The line of the key that a problem is of.
fn line_of(text: &str, problem: &str) -> Option<(usize, usize)> {
    let (key, _) = problem.strip_prefix('`')?.split_once('`')?;
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    text.lines().position(is_key).map(|at| (at + 1, 1))
}

fn hold(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Hold = parse(text)?;
    let covers = coverage(form.service.as_deref(), &form.environments)?;
    Ok(Control::Hold(Hold { note: note(file, &form.note())?, covers }))
}

fn pin(file: &RepoPath, text: &str) -> Result<Control, Wrong> {
    let form: form::Pin = parse(text)?;
    let versions: Range =
        form.versions.parse().map_err(|error: crate::policy::SyntaxError| format!("`versions`: {error}"))?;
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
    Ok(Control::Freeze(FreezeControl { note: note(file, &form.note())?, services, freeze }))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    Ok(serde_yaml::from_str(text)?)
}

fn note(file: &RepoPath, text: &NoteText) -> Result<Note, String> {
    Ok(Note {
        file: file.clone(),
        by: line("by", &text.by, LONGEST_NAME_CHARS)?,
        at: instant("at", &text.at)?,
        reason: line("reason", &text.reason, LONGEST_REASON_CHARS)?,
        expires: text.expires.as_deref().map(|text| instant("expires", text)).transpose()?,
    })
}

fn coverage(service: Option<&str>, environments: &[String]) -> Result<Coverage, String> {
    Ok(Coverage {
        services: service.map(pattern).transpose()?,
        environments: environments.iter().map(|name| environment(name)).collect::<Result<_, _>>()?,
    })
}

fn pattern(text: &str) -> Result<ServicePattern, String> {
    checked("service", text)
}

fn environment(text: &str) -> Result<EnvironmentName, String> {
    checked("environment", text)
}

fn tag(text: &str) -> Result<Tag, String> {
    checked("version", text)
}

fn checked<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{key}`: `{}`: {error}", Printable::bounded(text, 80)))
}

fn instant(key: &str, text: &str) -> Result<Timestamp, String> {
    let read = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    read.map_err(|_| {
        let shown = Printable::bounded(text, 40);
        format!("`{key}`: `{shown}` is not a time such as 2026-11-24T09:00:00Z or 2026-11-24T06:00:00-03:00")
    })
}

fn line(key: &str, text: &str, most_chars: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most_chars || text.contains(char::is_control) {
        return Err(format!("`{key}` must be one line of 1 to {most_chars} characters"));
    }
    Ok(text.to_owned())
}
