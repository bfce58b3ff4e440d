//! An explanation for people: what runs, what comes and when, every gate, what would open it, and every version passed over.

use std::fmt::Write;

use anstyle::Style;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::engine::{CandidateStatus, Explained, Explanation, Mover, PolicyPlace, TargetStatus, ToldGate};
use crate::model::{Elapsed, Printable, Timestamp, Version};
use crate::policy::{
    Answer, LeftOut, LeftOutTags, Offer, Reason, RolledBack, SoakReason, Starvation, VersionReport,
    VersionStatus,
};

use super::blockers::{self, Headline};
use super::table::{self, Cell};
use super::{COLOURED, problems};
use crate::view::remedy::{self, Advice};
use crate::view::{control, time, verification};

/// The most versions above what runs that are listed; more are counted.
const MOST_VERSIONS: usize = 12;

pub(crate) fn render(explained: &Explained) -> String {
    let parts: Vec<String> =
        explained.explanations.iter().map(|explanation| one(explanation, explained.now)).collect();
    parts.join("\n")
}

fn one(explanation: &Explanation, now: Timestamp) -> String {
    let mut text = String::new();
    let Explanation { service, environment, .. } = explanation;
    let image = explanation.image.as_ref().map(|image| format!("  {DIM}{image}{DIM:#}")).unwrap_or_default();
    let _ = writeln!(text, "{BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}{image}");
    let _ = writeln!(text, "  runs  {}", running(explanation, now));
    let verification = explanation.verification.as_ref();
    if let Some(sentence) = verification.and_then(|one| verification::sentence(one, explanation.zone)) {
        let _ = writeln!(text, "        {YELLOW}{sentence}{YELLOW:#}");
    }
    let _ = writeln!(text, "  next  {}", next(explanation, now));
    if let Some(unmerged) = &explanation.unmerged {
        let (tag, number) = (&unmerged.tag, unmerged.number);
        let age = time::age(unmerged.opened_at, now);
        let _ = writeln!(
            text,
            "        pull request #{number} with {BOLD}{tag}{BOLD:#} is open for {age}  {DIM}{}{DIM:#}",
            unmerged.url
        );
    }
    registry(&mut text, explanation);
    if let Some(candidate_status) = explanation.candidate_status() {
        text.push('\n');
        gates(&mut text, candidate_status, now);
        hints(&mut text, explanation, candidate_status);
        if let Some(starvation) = &candidate_status.starvation {
            starved(&mut text, starvation, explanation);
        }
    }
    versions(&mut text, explanation);
    rollbacks(&mut text, explanation);
    controls(&mut text, explanation);
    let problems = problems::render(&explanation.problems);
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(&indented(&problems, "  "));
    }
    text
}

fn running(explanation: &Explanation, now: Timestamp) -> String {
    let tags: Vec<&str> = explanation.running.iter().map(|running| running.tag.as_str()).collect();
    if tags.is_empty() {
        return format!("{YELLOW}unknown{YELLOW:#}");
    }
    let mut text = format!("{BOLD}{}{BOLD:#}", tags.join(" and "));
    if let Some(arrival) = &explanation.arrival {
        let by = match &arrival.by {
            Mover::Tidegate { requested_by, .. } => {
                format!("tidegate ({})", Printable::bounded(requested_by, 40))
            }
            Mover::Person { author } => Printable::bounded(author, 60).to_string(),
        };
        let since = time::local(arrival.at, explanation.zone);
        let (age, commit) = (time::age(arrival.at, now), arrival.commit.short());
        let _ = write!(text, " since {since} {DIM}({age}){DIM:#}, by {by} in commit {commit}");
    }
    if let Some(reason) = &explanation.inactive {
        let _ = write!(text, "; {YELLOW}{reason}{YELLOW:#}");
    }
    text
}

fn next(explanation: &Explanation, now: Timestamp) -> String {
    match &explanation.outlook {
        TargetStatus::Runs => match &explanation.asked {
            Some(tag) => format!("{GREEN}{tag} runs here{GREEN:#}"),
            None => String::new(),
        },
        TargetStatus::Current(why) if why.is_up_to_date() => format!("nothing: {why}"),
        TargetStatus::Current(why) => format!("{YELLOW}blocked{YELLOW:#}: {why}"),
        TargetStatus::NoImage(reason) => format!("{RED}refused{RED:#}: {reason}"),
        TargetStatus::NoVersion => match &explanation.asked {
            Some(tag) => format!("{YELLOW}never{YELLOW:#}: the rules find no version in `{tag}`"),
            None => String::new(),
        },
        TargetStatus::Open(candidate_status) | TargetStatus::InReview(candidate_status) => {
            let tag = candidate(candidate_status);
            let gates = match &explanation.outlook {
                TargetStatus::Open(_) => format!("{GREEN}every gate is open{GREEN:#}"),
                _ => format!("{YELLOW}needs a review{YELLOW:#}, every other gate is open"),
            };
            match passed_over(explanation, candidate_status) {
                None => format!("{tag}: {gates}; {}", how_it_comes(explanation, candidate_status)),
                Some(fate) => format!("{tag}: {gates}, but only `tidegate promote` brings it: {fate}"),
            }
        }
        TargetStatus::Stuck(candidate_status) => {
            let tag = candidate(candidate_status);
            format!("{tag}: {RED}refused{RED:#}: every gate is open, but it cannot be written; see below")
        }
        TargetStatus::Waits(candidate_status) => waits(explanation, candidate_status, now),
        TargetStatus::Unknown => format!("{RED}unknown{RED:#}: the registry did not answer; see below"),
        TargetStatus::Unreadable => {
            format!("{RED}refused{RED:#}: a file of the service cannot be read here; see below")
        }
    }
}

/// How a candidate with open gates is promoted.
fn how_it_comes(explanation: &Explanation, candidate_status: &CandidateStatus) -> &'static str {
    let is_open = explanation.unmerged.as_ref().is_some_and(|unmerged| unmerged.tag == candidate_status.tag);
    match (explanation.is_proposed, is_open, &explanation.outlook) {
        (false, ..) => "the next pass promotes it",
        (true, false, _) => "the next pass opens a pull request",
        (true, true, TargetStatus::InReview(_)) => "review and merge its pull request",
        (true, true, _) => "merge its pull request",
    }
}

fn waits(explanation: &Explanation, candidate_status: &CandidateStatus, now: Timestamp) -> String {
    let tag = candidate(candidate_status);
    let closed: Vec<_> = candidate_status.closed().map(|gate| &gate.report).collect();
    let Headline { text, style, opens_at } = blockers::headline(&closed, candidate_status.earliest, now);
    let mut line = format!("{tag}: {style}{text}{style:#}");
    if let Some(at) = opens_at {
        let _ = write!(line, " {DIM}at {}{DIM:#}", time::local(at, explanation.zone));
    }
    let is_refused = closed.iter().any(|gate| gate.answer == Answer::Refused);
    if candidate_status.is_lost && !is_refused {
        line.push_str("; only a person brings it back");
    }
    line
}

fn candidate(candidate_status: &CandidateStatus) -> String {
    let releases = match candidate_status.releases_count {
        0 => String::new(),
        1 => format!(" {DIM}(1 release){DIM:#}"),
        many => format!(" {DIM}({many} releases){DIM:#}"),
    };
    format!("{BOLD}{}{BOLD:#}{releases}", candidate_status.tag)
}

/// Why the version that was asked about does not come by itself, if another does.
fn passed_over<'a>(
    explanation: &'a Explanation,
    candidate_status: &CandidateStatus,
) -> Option<&'a VersionStatus> {
    let version = explanation.versions.iter().find(|one| one.tag == candidate_status.tag)?;
    (version.fate != VersionStatus::Candidate).then_some(&version.fate)
}

/// What the registry offers, unless it is all admitted and comes.
fn registry(text: &mut String, explanation: &Explanation) {
    if let Some(policy) = &explanation.image_policy {
        let PolicyPlace { name, file, line } = policy.as_ref();
        let _ = writeln!(text, "        {DIM}by ImagePolicy {name} in {file}:{line}{DIM:#}");
    }
    let Some(offer) = &explanation.offer else { return };
    let is_shown = matches!(explanation.outlook, TargetStatus::Current(_) | TargetStatus::NoVersion);
    if is_shown || !offer.left_out.is_empty() {
        let _ = writeln!(text, "        {DIM}{}{DIM:#}", offered(offer));
    }
}

/// `the registry has 9 tags: 6 admitted by >=1.0.0, the highest of them v1.0.3; left out: 2 without a version (latest)`
fn offered(offer: &Offer) -> String {
    if offer.tag_count == 0 {
        return "the registry has no tag at all".to_owned();
    }
    let tags = if offer.tag_count == 1 { "tag" } else { "tags" };
    let mut text = format!("the registry has {} {tags}: ", offer.tag_count);
    let _ = match &offer.highest_admitted {
        Some(highest) => {
            write!(
                text,
                "{} admitted by {}, the highest of them {highest}",
                offer.admitted_count, offer.versions
            )
        }
        None => write!(text, "none admitted by {}", offer.versions),
    };
    if let Some(pattern) = &offer.tag_pattern {
        let _ = write!(text, " and the pattern {}", Printable::bounded(pattern, 80));
    }
    for (at, (reason, LeftOutTags { count, example })) in offer.left_out.iter().enumerate() {
        let lead = if at == 0 { "; left out: " } else { ", " };
        let reason = match (reason, offer.tag_pattern.is_some()) {
            (LeftOut::NoVersion, true) => "not matched by the pattern",
            (LeftOut::NoVersion, false) => "without a version",
            (LeftOut::Floating, _) => "naming no version",
            (LeftOut::Excluded, _) => "excluded",
            (LeftOut::Prerelease, _) => "pre-releases",
            (LeftOut::OutOfRange, _) => "outside of the range",
            (LeftOut::OtherVariant, _) => "of other variants",
            (LeftOut::NoImage, _) => "without an image for these platforms",
        };
        let example = Printable::bounded(example.as_str(), 40);
        let _ = write!(text, "{lead}{count} {reason} ({example})");
    }
    text
}

fn gates(text: &mut String, candidate_status: &CandidateStatus, now: Timestamp) {
    let rows: Vec<Vec<Cell>> = candidate_status.gates.iter().map(|gate| gate_row(gate, now)).collect();
    text.push_str(&indented(&table::render(&rows), "  "));
}

fn gate_row(gate: &ToldGate, now: Timestamp) -> Vec<Cell> {
    let report = &gate.report;
    let (state, style): (String, Style) = match report.answer {
        Answer::Open => ("open".to_owned(), GREEN),
        Answer::ClosedUntil(at) => (format!("closed for {}", time::until(at, now)), YELLOW),
        Answer::Closed => ("closed".to_owned(), YELLOW),
        Answer::Refused => ("REFUSED".to_owned(), RED),
    };
    let reason = report.reason.to_string();
    let reason = if report.is_open() { Cell::styled(reason, DIM) } else { Cell::plain(reason) };
    vec![Cell::plain(report.gate.as_str()), Cell::styled(state, style), reason]
}

/// The remedies of the closed gates, and the override of all.
fn hints(text: &mut String, explanation: &Explanation, candidate_status: &CandidateStatus) {
    let closed: Vec<&ToldGate> = candidate_status.closed().collect();
    if closed.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}to open{DIM:#}");
    let mut rows = Vec::new();
    for gate in closed {
        let name = gate.report.gate.as_str();
        if gate.remedies.is_empty() {
            let text = match gate.report.reason {
                Reason::Soak(SoakReason::Moved { .. }) => "the same as for digest",
                _ => "fix what the gate reports",
            };
            rows.push(vec![Cell::plain(name), Cell::plain(text)]);
        }
        for (at, remedy) in gate.remedies.iter().enumerate() {
            let first = if at == 0 { Cell::plain(name) } else { Cell::plain("") };
            let or = if at > 0 { "or " } else { "" };
            let Advice { text, command } = remedy::advice(remedy, explanation);
            let command = command.map(|command| format!(": {command}")).unwrap_or_default();
            rows.push(vec![first, Cell::plain(format!("{or}{text}{command}"))]);
        }
    }
    text.push_str(&indented(&table::render(&rows), "    "));
    if let Some(command) = remedy::override_all(explanation, candidate_status) {
        let _ = writeln!(text, "  {DIM}to promote it anyway{DIM:#}\n    {command}");
    }
}

fn starved(text: &mut String, starvation: &Starvation, explanation: &Explanation) {
    let since = time::local(starvation.since, explanation.zone);
    let needed = Elapsed(starvation.needed);
    let _ = writeln!(
        text,
        "\n  {YELLOW}starving{YELLOW:#}: since {since} {} versions in a row were replaced in {} within their soak of \
         {needed}.\n    `soakMode: train` lets one go on before the next comes; `soakMode: elapsed` lets each soak on after \
         it is replaced",
        starvation.superseded_count, starvation.environment
    );
}

/// The versions above what runs; neighbours of the same fate share a line.
fn versions(text: &mut String, explanation: &Explanation) {
    let is_shown = |one: &&VersionReport| match &explanation.outlook {
        // The headline names the one that comes.
        TargetStatus::Open(candidate_status)
        | TargetStatus::InReview(candidate_status)
        | TargetStatus::Waits(candidate_status)
        | TargetStatus::Stuck(candidate_status) => {
            let is_asked = explanation.asked.is_some();
            one.tag != candidate_status.tag || is_asked && one.fate != VersionStatus::Candidate
        }
        _ => true,
    };
    let shown: Vec<&VersionReport> = explanation.versions.iter().filter(is_shown).collect();
    let (Some(lowest), false) = (explanation.running.first(), shown.is_empty()) else { return };
    let _ = writeln!(text, "\n  {DIM}other versions above {}{DIM:#}", lowest.tag);
    let runs: Vec<&[&VersionReport]> =
        shown.chunk_by(|one, other| one.fate.to_string() == other.fate.to_string()).collect();
    let left_out = runs.len().saturating_sub(MOST_VERSIONS);
    let row = |run: &&[&VersionReport]| {
        let name = match run {
            [one] => one.tag.to_string(),
            [first, .., last] => format!("{} to {} ({})", first.tag, last.tag, run.len()),
            [] => String::new(),
        };
        let fate = run.first().map(|one| one.fate.to_string()).unwrap_or_default();
        vec![Cell::plain(name), Cell::plain(fate)]
    };
    // The newest are the ones that people ask about.
    let rows: Vec<Vec<Cell>> = runs.iter().skip(left_out).map(row).collect();
    if left_out > 0 {
        let _ = writeln!(text, "    {DIM}... and {left_out} more below; -o json lists all{DIM:#}");
    }
    text.push_str(&indented(&table::render(&rows), "    "));
}

fn rollbacks(text: &mut String, explanation: &Explanation) {
    if explanation.rolled_back.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}rolled back{DIM:#}");
    let row = |rollback: &RolledBack| {
        let at = time::local(rollback.at, explanation.zone);
        let (author, commit) = (Printable::bounded(&rollback.author, 60), rollback.commit.short());
        let what = format!("in {} at {at}, by {author} in commit {commit}", rollback.environment);
        vec![Cell::plain(tag_of(explanation, &rollback.version)), Cell::plain(what)]
    };
    let rows: Vec<Vec<Cell>> = explanation.rolled_back.iter().map(row).collect();
    text.push_str(&indented(&table::render(&rows), "    "));
}

/// A version, spelled like the tags of the image: with a `v` where they have one.
fn tag_of(explanation: &Explanation, version: &Version) -> String {
    let text = version.to_string();
    let versions = explanation.versions.iter().map(|one| &one.tag);
    let mut tags = versions.chain(explanation.running.iter().map(|one| &one.tag));
    match tags.next() {
        Some(tag) if tag.as_str().starts_with('v') && !text.starts_with('v') => format!("v{text}"),
        _ => text,
    }
}

fn controls(text: &mut String, explanation: &Explanation) {
    if explanation.controls.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}control files{DIM:#}");
    for one in &explanation.controls {
        let zone = explanation.zone;
        let note = one.note().map(|note| control::note(note, zone)).unwrap_or_default();
        let (kind, subject) = (control::kind(one), control::subject(one, zone, COLOURED));
        let _ = writeln!(text, "    {kind} of {subject} {DIM}{note}{DIM:#}");
    }
}

fn indented(text: &str, by: &str) -> String {
    text.lines().fold(String::with_capacity(text.len()), |mut indented, line| {
        let _ = writeln!(indented, "{by}{line}");
        indented
    })
}
