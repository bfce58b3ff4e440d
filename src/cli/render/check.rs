//! The findings of `check`: for people, as a document, as SARIF, and as annotations of a GitHub Actions run.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::check::{CheckReport, Finding, Rule, RuleSeverity};
use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::model::{Class, Fault, Printable, RepoPath};

/// What was checked, and what could not be.
pub(crate) struct Checked {
    pub(crate) report: CheckReport,
    /// Files and folders that were not read, with the reason.
    pub(crate) skipped: Vec<String>,
    /// Whether environments are known, which two rules compare.
    pub(crate) has_environments: bool,
    /// The files that `--fix` changed, each with the number of corrections.
    pub(crate) corrected: Vec<(RepoPath, usize)>,
}

/// The most findings of one rule that have lines of their own.
const MAX_OF_RULE: usize = 25;

/// The findings for people, by rule, the most severe first.
pub(crate) fn text(checked: &Checked, shows_notes: bool, is_quiet: bool) -> String {
    let report = &checked.report;
    let mut text = String::new();
    let mut rules: Vec<(RuleSeverity, Rule)> =
        report.findings.iter().map(|finding| (finding.severity, finding.rule)).collect();
    rules.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    rules.dedup();
    for (severity, rule) in
        rules.into_iter().filter(|(severity, _)| shows_notes || *severity > RuleSeverity::Note)
    {
        let of_rule: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.rule == rule && finding.severity == severity)
            .collect();
        write_rule(&mut text, rule, severity, &of_rule);
    }
    // Writing to a String cannot fail.
    for (file, count) in &checked.corrected {
        let what = if *count == 1 { "finding" } else { "findings" };
        let _ = writeln!(text, "{GREEN}corrected{GREEN:#} {}: {count} {what}", Printable::new(file.as_str()));
    }
    if !is_quiet || !text.is_empty() {
        text.push_str(&summary(checked, shows_notes));
    }
    text
}

fn write_rule(text: &mut String, rule: Rule, severity: RuleSeverity, findings: &[&Finding]) {
    let style = style_of(severity).bold();
    let _ = writeln!(text, "{style}{}{style:#} {BOLD}{rule}{BOLD:#}: {}", severity.as_str(), rule.reason());
    // Several in a row with the same hint share it.
    let shown = &findings[..findings.len().min(MAX_OF_RULE)];
    for group in shown.chunk_by(|one, other| one.hint == other.hint) {
        for finding in group {
            let file = Printable::new(finding.file.as_str());
            let _ = writeln!(text, "  {file}:{}: {}", finding.position, finding.message);
        }
        if let Some(first) = group.first() {
            let _ = writeln!(text, "    {CYAN}hint{CYAN:#} {}", first.hint);
        }
    }
    if findings.len() > shown.len() {
        let _ = writeln!(text, "  and {} more; -o json lists all", findings.len() - shown.len());
    }
    text.push('\n');
}

fn summary(checked: &Checked, shows_notes: bool) -> String {
    let report = &checked.report;
    let count = |severity| report.count(severity);
    let (errors, warnings, notes) =
        (count(RuleSeverity::Error), count(RuleSeverity::Warning), count(RuleSeverity::Note));
    let mut text = format!(
        "{}, {}, {} in {}",
        counted(errors, "error"),
        counted(warnings, "warning"),
        counted(notes, "note"),
        counted(report.files, "file"),
    );
    if notes > 0 && !shows_notes {
        text.push_str(" (-v shows the notes)");
    }
    if report.ignored > 0 {
        let _ = write!(text, "; {} accepted by comments", counted(report.ignored, "finding"));
    }
    text.push('\n');
    let fixable = report.findings.iter().filter(|finding| finding.fix.is_some()).count();
    if fixable > 0 {
        let _ = writeln!(text, "{} can be corrected with --fix", counted(fixable, "finding"));
    }
    if !checked.has_environments {
        let _ = writeln!(
            text,
            "{DIM}no configuration: {} and {} were not checked; pass --config, or write one with `tidegate init`{DIM:#}",
            Rule::MissingBefore,
            Rule::EnvironmentsDiffer
        );
    }
    for skipped in &checked.skipped {
        let _ = writeln!(text, "{DIM}skipped {skipped}{DIM:#}");
    }
    text
}

fn style_of(severity: RuleSeverity) -> anstyle::Style {
    match severity {
        RuleSeverity::Error => RED,
        RuleSeverity::Warning => YELLOW,
        RuleSeverity::Note => DIM,
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The body of the `Check` document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckBody<'a> {
    findings: Vec<FindingBody<'a>>,
    errors: usize,
    warnings: usize,
    notes: usize,
    ignored: usize,
    files: usize,
    flux_version: Option<String>,
    environments_known: bool,
    corrected: Vec<CorrectedBody<'a>>,
    skipped: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingBody<'a> {
    rule: &'static str,
    severity: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    hint: &'a str,
    fixable: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CorrectedBody<'a> {
    file: &'a str,
    findings: usize,
}

pub(crate) fn json(checked: &Checked) -> CheckBody<'_> {
    let report = &checked.report;
    let findings = report.findings.iter().map(|finding| FindingBody {
        rule: finding.rule.id(),
        severity: finding.severity.as_str(),
        file: finding.file.as_str(),
        line: finding.position.line,
        column: finding.position.column,
        message: &finding.message,
        hint: &finding.hint,
        fixable: finding.fix.is_some(),
    });
    let corrected = checked.corrected.iter();
    CheckBody {
        findings: findings.collect(),
        errors: report.count(RuleSeverity::Error),
        warnings: report.count(RuleSeverity::Warning),
        notes: report.count(RuleSeverity::Note),
        ignored: report.ignored,
        files: report.files,
        flux_version: report.flux_version.map(|version| version.to_string()),
        environments_known: checked.has_environments,
        corrected: corrected
            .map(|(file, findings)| CorrectedBody { file: file.as_str(), findings: *findings })
            .collect(),
        skipped: &checked.skipped,
    }
}

/// SARIF 2.1.0 (OASIS, section 3.13 and following): one run with the rules that have findings.
pub(crate) fn sarif(report: &CheckReport) -> Result<String, Fault> {
    let mut rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let descriptors: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id(),
                "shortDescription": {"text": rule.reason()},
                "defaultConfiguration": {"level": rule.default_severity().as_str()},
            })
        })
        .collect();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "ruleId": finding.rule.id(),
                "ruleIndex": rules.binary_search(&finding.rule).unwrap_or_default(),
                "level": finding.severity.as_str(),
                "message": {"text": format!("{}. To correct it: {}", finding.message, finding.hint)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(finding.file.as_str()), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": finding.position.line, "startColumn": finding.position.column},
                }}],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tidegate check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log)
        .map_err(|error| Fault::new(Class::Failed, "cannot write the result as SARIF").with_source(error))?;
    Ok(text + "\n")
}

/// A path as a relative URI reference (RFC 3986, section 4.2).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// Workflow commands of GitHub Actions: one annotation per finding.
pub(crate) fn github(report: &CheckReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            RuleSeverity::Error => "error",
            RuleSeverity::Warning => "warning",
            RuleSeverity::Note => "notice",
        };
        let _ = writeln!(
            text,
            "::{command} file={},line={},col={},title={}::{}",
            property(finding.file.as_str()),
            finding.position.line,
            finding.position.column,
            finding.rule,
            data(&format!("{}. To correct it: {}", finding.message, finding.hint)),
        );
    }
    text
}

/// Text of a workflow command, escaped as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, which may not hold its separators either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_texts_are_escaped() {
        assert_eq!(uri("clusters/prod/a b%.yaml"), "clusters/prod/a%20b%25.yaml");
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }
}
