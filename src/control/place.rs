//! The paths of control files: one path per purpose, so that writing a control again replaces the file.

use sha2::{Digest as _, Sha256};

use crate::model::{CONTROL_FOLDER, EnvironmentName, RepoPath, ServicePattern, is_control_path};
use crate::policy::{Approval, Control, ControlKind};

/// The folder of all control files.
pub const FOLDER: &str = CONTROL_FOLDER;

/// Suffixes and prefixes, in lower case, of other files in the folder, such as documents and Git's own.
const NOTES: [&str; 1] = [".md"];
const NOT_CONTROLS: [&str; 3] = [".git", "readme", "codeowners"];

/// [`FOLDER`] as a path.
pub fn folder() -> Option<RepoPath> {
    FOLDER.parse().ok()
}

/// Whether a file is a control file: every file in [`FOLDER`] with any name, a file in place of the folder, and a folder of
/// that name in other letter case. Only documents and Git's own files are none.
pub fn is_control_file(file: &RepoPath) -> bool {
    let path = file.as_str();
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_note = NOTES.iter().any(|end| name.ends_with(end))
        || NOT_CONTROLS.iter().any(|beginning| name.starts_with(beginning));
    is_control_path(path.as_bytes()) && !is_note
}

/// The path of a control: `.tidegate/hold/common/graphql-server/prod.yaml`. Its parts are validated names or derived from
/// them, never free text.
pub fn place(control: &Control) -> Option<RepoPath> {
    let path = match control {
        Control::Hold(hold) => {
            let covers = &hold.covers;
            scope(ControlKind::Hold, covers.services.as_ref(), &covers.environments)
        }
        Control::Pin(pin) => scope(ControlKind::Pin, pin.covers.services.as_ref(), &pin.covers.environments),
        Control::Quarantine(quarantine) => {
            let folder = services(Some(&quarantine.services));
            format!("{FOLDER}/quarantine/{folder}/{}.yaml", quarantine.version)
        }
        Control::Approval(approval) => {
            // Of an image: a service may have two under the same tag, and each is approved by itself.
            let Approval { service, environment, version, digest, .. } = approval;
            let digits = digest.as_str().rsplit(':').next().unwrap_or_default();
            let digits: String = digits.chars().take(12).collect();
            format!("{FOLDER}/approval/{service}/{environment}/{version}-{digits}.yaml")
        }
        Control::Freeze(order) => format!("{FOLDER}/freeze/{}.yaml", named(order.freeze.name())),
        Control::Unreadable(_) => return None,
    };
    path.parse().ok()
}

fn scope(kind: ControlKind, of: Option<&ServicePattern>, environments: &[EnvironmentName]) -> String {
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    // A name begins with a letter or a digit, so that no environment is called so.
    let file = if names.is_empty() { "_all".to_owned() } else { names.join("+") };
    let file = if file.len() > 100 { short_hash(&file) } else { file };
    format!("{FOLDER}/{}/{}/{file}.yaml", kind.as_word(), services(of))
}

fn services(pattern: Option<&ServicePattern>) -> String {
    match pattern {
        None => "_all".to_owned(),
        Some(pattern) => match pattern.exact() {
            Some(service) => service.to_string(),
            None => pattern_folder(pattern.as_str()),
        },
    }
}

/// `common/*` becomes `common/_all`; any other pattern becomes its letters with `any` for each `*`, and a hash that makes it
/// unique. Neither can be a service name: those begin with a letter or digit and have no `_`.
fn pattern_folder(pattern: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if let Some(namespace) = pattern.strip_suffix("/*")
        && !namespace.is_empty()
        && namespace.chars().all(is_plain)
    {
        return format!("{namespace}/_all");
    }
    let mut readable = String::new();
    for character in pattern.chars().take(40) {
        match character {
            '*' => readable.push_str("any"),
            '/' => readable.push('_'),
            plain if is_plain(plain) => readable.push(plain),
            _ => readable.push('-'),
        }
    }
    format!("_{readable}-{}", short_hash(pattern))
}

/// A free text as part of a path: its letters and digits, and a hash if other characters were dropped.
fn named(text: &str) -> String {
    let is_plain = |character: &char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let plain: String =
        text.chars().take(40).map(|character| if is_plain(&character) { character } else { '-' }).collect();
    if plain == text { plain } else { format!("{}-{}", plain.trim_matches('-'), short_hash(text)) }
}

fn short_hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text)).chars().take(8).collect()
}
