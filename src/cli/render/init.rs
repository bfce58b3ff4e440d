//! The report of `init`: as text next to the configuration, and as JSON with it.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::init::{Draft, Environment, Finding, FindingKind, Severity};
use crate::model::{Elapsed, Printable};

use super::table::{self, Cell};

/// Maximum findings of one kind with a line each; more are counted in one line.
const MAX_SEPARATE: usize = 3;
/// Examples under such a line.
const MAX_EXAMPLES: usize = 2;
/// Maximum folders per environment in the table.
const MAX_FOLDERS: usize = 2;

/// The report; `written` is the file with the configuration.
pub(crate) fn report(draft: &Draft, written: Option<&Path>) -> String {
    let (urgent, others): (Vec<&[Finding]>, Vec<&[Finding]>) = draft
        .findings
        .chunk_by(|one, other| one.kind == other.kind)
        .partition(|of_kind| of_kind.iter().any(|finding| finding.kind.severity() == Severity::Urgent));
    let rows: Vec<Vec<Cell>> = draft.environments.iter().map(|one| row(draft, one)).collect();
    let mut text: String = urgent.into_iter().map(render_findings).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n{}\n{}", table::render(&rows), summary(draft));
    text.extend(others.into_iter().map(render_findings));
    let _ = writeln!(text, "\n{}", next(written));
    text
}

fn row(draft: &Draft, environment: &Environment) -> Vec<Cell> {
    let before = environment.after.and_then(|after| draft.environments.get(after));
    let from = match before {
        Some(before) => format!("after {}, soak {}", before.name, Elapsed(environment.soak)),
        None => "from the registry".to_owned(),
    };
    let shown = |path| Printable::bounded(path, 60).to_string();
    let mut folders: Vec<String> =
        environment.paths.iter().take(MAX_FOLDERS).map(|path| shown(path.as_str())).collect();
    if environment.paths.len() > MAX_FOLDERS {
        folders.push(format!("and {} more", environment.paths.len() - MAX_FOLDERS));
    }
    vec![
        Cell::styled(environment.name.as_str(), BOLD),
        Cell::plain(from),
        Cell::plain(counted(environment.service_count(), "service")),
        Cell::plain(counted(environment.image_count(), "image")),
        Cell::styled(folders.join(", "), DIM),
    ]
}

fn summary(draft: &Draft) -> String {
    let found = format!("{}, {}", counted(draft.services, "service"), counted(draft.images, "image"));
    format!(
        "{found}: {GREEN}{} in every environment{GREEN:#}, {} in some, {} in none; {} cannot be promoted",
        draft.services_in_every,
        draft.services_in_some,
        draft.services_in_none,
        counted(count(draft, FindingKind::FieldRefused), "image field"),
    )
}

fn count(draft: &Draft, kind: FindingKind) -> usize {
    draft.findings.iter().filter(|finding| finding.kind == kind).count()
}

/// The findings of one kind: a line each, or their count and examples.
fn render_findings(findings: &[Finding]) -> String {
    let Some(kind) = findings.first().map(|finding| finding.kind) else { return String::new() };
    let style = match kind.severity() {
        Severity::Urgent => RED,
        Severity::Warning => YELLOW,
        Severity::Note => DIM,
    };
    let (style, name) = (style.bold(), kind.severity().as_str());
    let mut text = String::new();
    // A finding about a shape is a count already.
    let is_grouped = findings.len() > MAX_SEPARATE && kind != FindingKind::UnmanagedShape;
    let (indent, most) = if is_grouped {
        let _ = writeln!(text, "{style}{name}{style:#}: {}", kind.summary(findings.len()));
        ("  ".to_owned(), MAX_EXAMPLES)
    } else {
        (format!("{style}{name}{style:#}: "), findings.len())
    };
    let shown: Vec<&Finding> = findings.iter().take(most).collect();
    // Several in a row with the same hint share it.
    for group in shown.chunk_by(|one, other| one.hint == other.hint) {
        for finding in group {
            let _ = writeln!(text, "{indent}{}{}", subject(finding), finding.message);
        }
        if let Some(hint) = group.first().and_then(|finding| finding.hint.as_ref()) {
            let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {hint}");
        }
    }
    if is_grouped {
        let _ = writeln!(text, "  and {} more; -o json lists all", findings.len() - shown.len());
    }
    text
}

/// File and service, each followed by a colon.
fn subject(finding: &Finding) -> String {
    let mut text = String::new();
    if let Some(file) = &finding.file {
        let _ = write!(text, "{}:", Printable::new(file.path.as_str()));
        if let Some((line, column)) = file.position {
            let _ = write!(text, "{line}:{column}:");
        }
        text.push(' ');
    }
    if let Some(service) = &finding.service {
        let _ = write!(text, "{service}: ");
    }
    text
}

fn next(written: Option<&Path>) -> String {
    match written {
        Some(file) => {
            let file = shell_quoted(&file.to_string_lossy());
            format!("Written to {BOLD}{file}{BOLD:#}. Next: {BOLD}tidegate -c {file} plan{BOLD:#}")
        }
        None => format!("Next, with the configuration in FILE: {BOLD}tidegate -c FILE plan{BOLD:#}"),
    }
}

/// A path to paste into a shell, quoted if necessary.
fn shell_quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
    let shown = Printable::new(path).to_string();
    if shown.chars().all(is_plain) { shown } else { format!("'{}'", shown.replace('\'', r"'\''")) }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The JSON document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    configuration: &'a str,
    /// The file with the configuration.
    file: Option<String>,
    environments: Vec<EnvironmentBody<'a>>,
    services: Counts,
    images: usize,
    findings: Vec<FindingBody<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentBody<'a> {
    name: &'a str,
    paths: Vec<&'a str>,
    after: Option<&'a str>,
    soak_seconds: u64,
    services: usize,
    images: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    total: usize,
    in_every_environment: usize,
    in_some: usize,
    in_none: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingBody<'a> {
    kind: &'static str,
    severity: &'static str,
    service: Option<String>,
    path: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    hint: Option<&'a str>,
}

/// The JSON document; `written` is the file with the configuration.
pub(crate) fn json<'a>(draft: &'a Draft, written: Option<&Path>) -> Body<'a> {
    let name = |at: usize| draft.environments.get(at).map(|one| one.name.as_str());
    let environment = |one: &'a Environment| EnvironmentBody {
        name: one.name.as_str(),
        paths: one.paths.iter().map(crate::model::RepoPath::as_str).collect(),
        after: one.after.and_then(name),
        soak_seconds: one.soak.as_secs(),
        services: one.service_count(),
        images: one.image_count(),
    };
    Body {
        configuration: &draft.configuration,
        file: written.map(|file| file.to_string_lossy().into_owned()),
        environments: draft.environments.iter().map(environment).collect(),
        services: Counts {
            total: draft.services,
            in_every_environment: draft.services_in_every,
            in_some: draft.services_in_some,
            in_none: draft.services_in_none,
        },
        images: draft.images,
        findings: draft.findings.iter().map(finding_body).collect(),
    }
}

fn finding_body(finding: &Finding) -> FindingBody<'_> {
    let file = finding.file.as_ref();
    let position = file.and_then(|file| file.position);
    FindingBody {
        kind: finding.kind.as_str(),
        severity: finding.kind.severity().as_str(),
        service: finding.service.as_ref().map(ToString::to_string),
        path: file.map(|file| file.path.as_str()),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        message: &finding.message,
        hint: finding.hint.as_deref(),
    }
}
