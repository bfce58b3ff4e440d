//! An explanation as people read it: what runs, what comes and when, every gate, what would open it, and what was said
//! and passed over on the way.

use std::fmt::Write;

use anstyle::Style;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::engine::{CandidateStatus, Explained, Explanation, Mover, TargetStatus, ToldGate};
use crate::model::{Elapsed, Printable, Timestamp};
use crate::policy::{Answer, RolledBack, Starvation, VersionReport, VersionStatus};

use super::remedy::{self, Told};
use super::table::{self, Cell};
use super::{control, problems, time};

/// The most versions above what runs that are told; more are counted.
const MOST_VERSIONS: usize = 12;

/// Everything that is explained.
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
    let _ = writeln!(text, "  next  {}", outlook(explanation, now));
    if let Some(unmerged) = &explanation.unmerged {
        let (tag, number) = (&unmerged.tag, unmerged.number);
        let age = time::age(unmerged.opened_at, now);
        let _ = writeln!(
            text,
            "  merge {BOLD}{tag}{BOLD:#} waits for people in pull request #{number}, open for {age}  {DIM}{}{DIM:#}",
            unmerged.url
        );
    }
    registry(&mut text, explanation);
    if let Some(candidate_status) = explanation.candidate_status() {
        text.push('\n');
        gates(&mut text, candidate_status, now);
        ways(&mut text, explanation, candidate_status);
        if let Some(starvation) = &candidate_status.starvation {
            starving(&mut text, starvation, explanation);
        }
    }
    versions(&mut text, explanation);
    verdicts(&mut text, explanation);
    controls(&mut text, explanation);
    let told = problems::render(&explanation.problems);
    if !told.is_empty() {
        text.push('\n');
        text.push_str(&moved_in(&told, "  "));
    }
    text
}

fn running(explanation: &Explanation, now: Timestamp) -> String {
    let tags: Vec<&str> = explanation.running.iter().map(|running| running.tag.as_str()).collect();
    if tags.is_empty() {
        return format!("{YELLOW}not known{YELLOW:#}");
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
        let _ = write!(text, " since {since} {DIM}({age}){DIM:#}, by {by} in {commit}");
    }
    text
}

fn outlook(explanation: &Explanation, now: Timestamp) -> String {
    match &explanation.outlook {
        TargetStatus::Runs => match &explanation.asked {
            Some(tag) => format!("{GREEN}{tag} runs here{GREEN:#}"),
            None => String::new(),
        },
        TargetStatus::Current(why) if why.is_up_to_date() => format!("nothing: {why}"),
        TargetStatus::Current(why) => format!("{YELLOW}nothing{YELLOW:#}: {why}"),
        TargetStatus::NoVersion => match &explanation.asked {
            Some(tag) => format!("{YELLOW}never{YELLOW:#}: the rules find no version in `{tag}`"),
            None => String::new(),
        },
        TargetStatus::Open(candidate_status) | TargetStatus::InReview(candidate_status) => {
            let told = candidate(candidate_status);
            let gates = match &explanation.outlook {
                TargetStatus::Open(_) => format!("{GREEN}every gate is open{GREEN:#}"),
                _ => format!("{YELLOW}waits for a review{YELLOW:#}, every other gate is open"),
            };
            match passed_over(explanation, candidate_status) {
                None => format!("{told}: {gates}; {}", coming(explanation, candidate_status)),
                Some(fate) => format!("{told}: {gates}, but it does not come by itself: {fate}"),
            }
        }
        TargetStatus::Stuck(candidate_status) => {
            format!(
                "{}: every gate is open, but {RED}it cannot be written{RED:#}; see below",
                candidate(candidate_status)
            )
        }
        TargetStatus::Waits(candidate_status) => waits(explanation, candidate_status, now),
        TargetStatus::Unknown => format!("{RED}not known{RED:#}: the registry could not be asked; see below"),
        TargetStatus::Unreadable => {
            format!(
                "{RED}nothing{RED:#}: something of it cannot be read here, so nothing is moved; see below"
            )
        }
    }
}

/// How what may come comes.
fn coming(explanation: &Explanation, candidate_status: &CandidateStatus) -> &'static str {
    let waits = explanation.unmerged.as_ref().is_some_and(|unmerged| unmerged.tag == candidate_status.tag);
    match (explanation.is_proposed, waits, &explanation.outlook) {
        (false, ..) => "the next pass promotes it",
        (true, false, _) => "the next pass proposes it",
        (true, true, TargetStatus::InReview(_)) => "people are to review and merge it",
        (true, true, _) => "people are to merge it",
    }
}

fn waits(explanation: &Explanation, candidate_status: &CandidateStatus, now: Timestamp) -> String {
    let told = candidate(candidate_status);
    let is_refused = candidate_status.closed().any(|gate| gate.report.answer == Answer::Refused);
    match candidate_status.earliest.filter(|at| *at > now) {
        _ if is_refused => format!("{told}: {RED}refused{RED:#}"),
        _ if candidate_status.is_lost => {
            format!("{told}: {YELLOW}does not come by itself any more{YELLOW:#}")
        }
        Some(at) => {
            let shown = time::local(at, explanation.zone);
            format!(
                "{told}: at the earliest {YELLOW}{shown}{YELLOW:#} {DIM}(in {}){DIM:#}",
                time::until(at, now)
            )
        }
        None => {
            let lasting = candidate_status.closed().filter(|gate| gate.report.answer == Answer::Closed);
            let names: Vec<&str> = lasting.map(|gate| gate.report.gate.as_str()).collect();
            format!("{told}: {YELLOW}waits{YELLOW:#}; time alone does not open {}", names.join(" and "))
        }
    }
}

fn candidate(candidate_status: &CandidateStatus) -> String {
    let releases = match candidate_status.releases_count {
        0 => String::new(),
        1 => format!(" {DIM}(1 release){DIM:#}"),
        many => format!(" {DIM}({many} releases){DIM:#}"),
    };
    format!("{BOLD}{}{BOLD:#}{releases}", candidate_status.tag)
}

/// Why a version that was asked about does not come by itself, if another does.
fn passed_over<'a>(
    explanation: &'a Explanation,
    candidate_status: &CandidateStatus,
) -> Option<&'a VersionStatus> {
    let told = explanation.versions.iter().find(|one| one.tag == candidate_status.tag)?;
    (told.fate != VersionStatus::Candidate).then_some(&told.fate)
}

/// What the registry offers, where that is not what is on its way.
fn registry(text: &mut String, explanation: &Explanation) {
    let Some(offer) = &explanation.offer else { return };
    let is_told = matches!(explanation.outlook, TargetStatus::Current(_) | TargetStatus::NoVersion)
        || offer.highest != offer.highest_admitted;
    if !is_told {
        return;
    }
    let pattern = offer
        .tag_pattern
        .as_ref()
        .map(|pattern| format!(" by the pattern {}", Printable::bounded(pattern, 80)));
    let pattern = pattern.unwrap_or_default();
    let mut told = match (&offer.highest, &offer.highest_admitted) {
        (None, _) if offer.tag_count == 0 => "has no tag at all".to_owned(),
        (None, _) => {
            let example = offer.without_version.as_ref().map(|tag| format!(", such as {tag}"));
            let (count, example) = (offer.tag_count, example.unwrap_or_default());
            format!("has {count} tags, and none of them is a version{pattern}{example}")
        }
        (Some(highest), Some(admitted)) if highest == admitted => format!("has {highest} as its highest tag"),
        (Some(highest), admitted) => {
            let mut told =
                format!("has {highest} as its highest tag, which is not in the range {}", offer.versions);
            match admitted {
                Some(admitted) => {
                    let _ = write!(told, "; the highest in it is {admitted}");
                }
                None => told.push_str("; none is"),
            }
            told
        }
    };
    if offer.highest.is_some() && offer.tag_pattern.is_some() {
        told.push_str(&pattern.replacen(" by", ", read by", 1));
    }
    let _ = writeln!(text, "        {DIM}the registry {told}{DIM:#}");
}

fn gates(text: &mut String, candidate_status: &CandidateStatus, now: Timestamp) {
    let rows: Vec<Vec<Cell>> = candidate_status.gates.iter().map(|gate| gate_row(gate, now)).collect();
    text.push_str(&moved_in(&table::render(&rows), "  "));
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

/// What would open the closed gates, one by one and all at once.
fn ways(text: &mut String, explanation: &Explanation, candidate_status: &CandidateStatus) {
    let closed: Vec<&ToldGate> = candidate_status.closed().collect();
    if closed.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}what would open it{DIM:#}");
    let mut rows = Vec::new();
    for gate in closed {
        let name = gate.report.gate.as_str();
        let told: Vec<Told> = gate.remedies.iter().map(|remedy| remedy::tell(remedy, explanation)).collect();
        if told.is_empty() {
            rows.push(vec![Cell::plain(name), Cell::plain("what the gate says, settled by hand")]);
        }
        let is_time_alone = told.len() == 1 && matches!(gate.report.answer, Answer::ClosedUntil(_));
        for (at, Told { text, command }) in told.into_iter().enumerate() {
            let first = if at == 0 { Cell::plain(name) } else { Cell::plain("") };
            let text = if is_time_alone { format!("nothing but {text}") } else { text };
            let text = if at > 0 { format!("or {text}") } else { text };
            let row = match command {
                Some(command) => vec![first, Cell::plain(format!("{text}: {command}"))],
                None => vec![first, Cell::plain(text)],
            };
            rows.push(row);
        }
    }
    text.push_str(&moved_in(&table::render(&rows), "    "));
    if let Some(command) = remedy::override_all(explanation, candidate_status) {
        let _ = writeln!(text, "  {DIM}to promote it all the same{DIM:#}\n    {command}");
    }
}

fn starving(text: &mut String, starvation: &Starvation, explanation: &Explanation) {
    let since = time::local(starvation.since, explanation.zone);
    let needed = Elapsed(starvation.needed);
    let _ = writeln!(
        text,
        "\n  {YELLOW}starving{YELLOW:#}: since {since} {} versions were replaced in {} one after the other before their \
         soak of {needed} was over.\n    `soakMode: train` in the configuration lets one go on first, `soakMode: elapsed` \
         lets each go on soaking after it was replaced",
        starvation.superseded_count, starvation.environment
    );
}

/// What becomes of the versions above what runs; neighbours of the same fate stand in one line.
fn versions(text: &mut String, explanation: &Explanation) {
    let is_told = |one: &&VersionReport| match &explanation.outlook {
        // That the one version above is the one that comes is said already.
        TargetStatus::Open(candidate_status)
        | TargetStatus::InReview(candidate_status)
        | TargetStatus::Waits(candidate_status)
        | TargetStatus::Stuck(candidate_status) => {
            one.fate != VersionStatus::Candidate
                || explanation.asked.as_ref().is_some_and(|asked| *asked != candidate_status.tag)
        }
        _ => true,
    };
    let told: Vec<&VersionReport> = explanation.versions.iter().filter(is_told).collect();
    if told.is_empty() {
        return;
    }
    let Some(lowest) = explanation.running.first() else { return };
    let _ = writeln!(text, "\n  {DIM}other versions above {}{DIM:#}", lowest.tag);
    let runs: Vec<&[&VersionReport]> =
        told.chunk_by(|one, other| one.fate.to_string() == other.fate.to_string()).collect();
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
    text.push_str(&moved_in(&table::render(&rows), "    "));
}

fn verdicts(text: &mut String, explanation: &Explanation) {
    if explanation.rolled_back.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}moved back by people{DIM:#}");
    let row = |moved: &RolledBack| {
        let at = time::local(moved.at, explanation.zone);
        let author = Printable::bounded(&moved.author, 60);
        let what = format!("left in {} at {at}, by {author} in {}", moved.environment, moved.commit.short());
        vec![Cell::plain(moved.version.to_string()), Cell::plain(what)]
    };
    let rows: Vec<Vec<Cell>> = explanation.rolled_back.iter().map(row).collect();
    text.push_str(&moved_in(&table::render(&rows), "    "));
}

fn controls(text: &mut String, explanation: &Explanation) {
    if explanation.controls.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n  {DIM}said by control files{DIM:#}");
    for one in &explanation.controls {
        let zone = explanation.zone;
        let note = one.note().map(|note| control::note(note, zone)).unwrap_or_default();
        let (kind, subject) = (control::kind(one), control::subject(one, zone));
        let _ = writeln!(text, "    {kind} of {subject} {DIM}{note}{DIM:#}");
    }
}

fn moved_in(text: &str, by: &str) -> String {
    text.lines().fold(String::with_capacity(text.len()), |mut moved, line| {
        let _ = writeln!(moved, "{by}{line}");
        moved
    })
}
