//! The text of a pull request: moves, gates, notes, files, and the trailers at its end, so that a squash that takes the text
//! is recognised. Untrusted text is placed where nothing in it is markup.

use std::fmt::Write;

use crate::changelog::{Format, Notes};
use crate::engine::message::{Trailers, line_of};
use crate::engine::plan::edit_plan::{EditPlan, PlannedFile};
use crate::engine::proposals::marks::{has_mark, mark};
use crate::model::Printable;
use crate::policy::{ApprovalReason, GateReport, Reason};

/// GitHub accepts 65,536 characters.
const MOST_CHARS: usize = 60_000;

/// Maximum characters of trailers; the commit has them too.
const MOST_TRAILERS: usize = 40_000;

/// Maximum promotions shown with their gates, and maximum files.
const MOST_TOLD: usize = 40;

/// Surround the note about auto-merge being off.
const PAUSED: &str = "tidegate:paused";
const PAUSED_END: &str = "tidegate:paused-end";
const PAUSED_WORDS: &str = "**Auto-merge is off** while a gate is closed, and Tidegate turns it on again when that opens. \
                            Whoever merges this now, or turns it on, decides so.";

/// How the line about reviews begins: for an approval, and for what reviewers still have to do.
const OPEN: &str = "approval   open: ";
const TO_REVIEW: &str = "approval   yours: ";

const FOOT: &str = "Merge this in whichever way. Close it, and nothing is proposed here until something newer comes. \
                    Push to its branch, and Tidegate leaves it to you.";

/// The text with a note on why auto-merge is off.
pub(in crate::engine) fn paused(body: &str, why: &str) -> String {
    let body = unpaused(body);
    let why = Printable::bounded(why, 600);
    format!("{}{PAUSED_WORDS}\n\n```text\n{why}\n```\n{}{body}", mark(PAUSED), mark(PAUSED_END))
}

/// The text without that note.
pub(in crate::engine) fn unpaused(body: &str) -> String {
    let (begin, end) = (mark(PAUSED), mark(PAUSED_END));
    let Some((above, rest)) = body.split_once(begin.trim_end()) else { return body.to_owned() };
    // Somebody may have removed part of it.
    let below = rest.split_once(end.trim_end()).map_or(rest, |(_, below)| below);
    format!("{above}{}", below.trim_start_matches(['\r', '\n']))
}

/// Whether a text has the note about auto-merge, with this reason if one is given.
pub(in crate::engine) fn is_paused_for(body: &str, why: Option<&str>) -> bool {
    has_mark(body, PAUSED) && why.is_none_or(|why| body.contains(&Printable::bounded(why, 600).to_string()))
}

/// Whether a text describes these promotions. A text without any promotion is somebody's own, and stays.
pub(in crate::engine) fn describes(body: &str, promotions: &[Trailers]) -> bool {
    let is_there = |promotion: &Trailers| body.contains(&line_of(promotion.mark.id));
    !body.contains("Tidegate-Promotion: ") || promotions.iter().all(is_there)
}

/// The text of a pull request with these promotions; `message` is that of its commit.
pub(in crate::engine) fn render<'a>(
    plans: &[EditPlan],
    message: &str,
    notes: impl Fn(&EditPlan) -> Option<&'a Notes>,
) -> String {
    let mut text = String::new();
    for plan in plans.iter().take(MOST_TOLD) {
        promotion(&mut text, plan);
    }
    if plans.len() > MOST_TOLD {
        let _ = writeln!(text, "... and {} more.\n", plans.len() - MOST_TOLD);
    }
    files(&mut text, plans);
    let _ = write!(text, "\n{FOOT}\n");
    let trailers = trailers(message);
    let room = MOST_CHARS.saturating_sub(text.chars().count() + trailers.chars().count());
    let mut notes_text = String::new();
    for notes in plans.iter().filter_map(notes) {
        let _ = writeln!(notes_text, "{}", notes.render(Format::Markdown));
    }
    let notes_text = cut(&notes_text, room);
    format!("{text}\n{notes_text}{trailers}")
}

fn promotion(text: &mut String, plan: &EditPlan) {
    let approved = &plan.approved;
    let releases = match approved.releases_count() {
        0 => String::new(),
        1 => " (1 release)".to_owned(),
        many => format!(" ({many} releases)"),
    };
    let _ = writeln!(
        text,
        "**{}** in **{}**: `{}` → `{}`{releases}\n\n```text\n{}@{}",
        plan.service,
        approved.environment(),
        approved.from().tag,
        approved.candidate().tag,
        plan.image,
        approved.digest(),
    );
    if let Some(back) = &plan.rollback {
        let _ = writeln!(text, "goes back: {}", Printable::bounded(&back.reason, 300));
    }
    if let Some(since) = plan.kept_since {
        let by = Printable::bounded(plan.requested_by.as_deref().unwrap_or_default(), 60);
        let _ =
            writeln!(text, "asked for by {by}, let through at {}; now:", since.format("%Y-%m-%d %H:%M UTC"));
    }
    for gate in approved.gates() {
        let is_overridden = approved.overrides().iter().find(|one| one.gate() == gate.gate);
        let state = match (gate.is_open(), is_overridden) {
            (true, _) => "open",
            (false, Some(_)) => "overridden",
            (false, None) => "closed",
        };
        if let (Some(review), None) = (review_line(gate), is_overridden) {
            let _ = writeln!(text, "{review}");
            continue;
        }
        let reason = gate.reason.to_string();
        let _ = writeln!(text, "{:<10} {state}: {}", gate.gate, Printable::bounded(&reason, 400));
    }
    for one in approved.overrides() {
        let _ = writeln!(text, "{} was overridden: {}", one.gate(), Printable::bounded(one.reason(), 300));
    }
    text.push_str("```\n\n");
}

/// What the approval gate says where a review is an approval. It is the only line that changes on its own.
fn review_line(gate: &GateReport) -> Option<String> {
    let Reason::Approval(ApprovalReason::Review(reason)) = &gate.reason else { return None };
    let said = reason.of_itself()?;
    Some(if gate.is_open() { format!("{OPEN}{said}") } else { format!("{TO_REVIEW}{said}") })
}

/// The text with the current answer of the approval gate; `None` if it is there already.
pub(in crate::engine) fn reviewed(body: &str, gates: &[GateReport]) -> Option<String> {
    let line = gates.iter().find_map(review_line)?;
    let with_it = |old: &str| {
        let text = old.trim_end_matches(['\r', '\n']);
        let is_it = text.starts_with(&format!("{OPEN}approved by ")) || text.starts_with(TO_REVIEW);
        if is_it { format!("{line}{}", &old[text.len()..]) } else { old.to_owned() }
    };
    let new: String = body.split_inclusive('\n').map(with_it).collect();
    (new != body).then_some(new)
}

fn files(text: &mut String, plans: &[EditPlan]) {
    let files: Vec<&PlannedFile> = plans.iter().flat_map(|plan| &plan.files).collect();
    text.push_str("```text\n");
    for file in files.iter().take(MOST_TOLD) {
        let changed = changed_lines(file);
        let _ = writeln!(text, "{} | +{changed} -{changed}", Printable::bounded(file.path.as_str(), 300));
    }
    if files.len() > MOST_TOLD {
        let _ = writeln!(text, "... and {} more", files.len() - MOST_TOLD);
    }
    // The last text contains all of it.
    if let Some((path, _)) = plans.iter().rev().find_map(|plan| plan.changelog.as_ref()) {
        let _ = writeln!(text, "{} | what changed", Printable::bounded(path.as_str(), 300));
    }
    text.push_str("```\n");
}

/// Number of changed lines. An edit changes values within lines; it adds and removes none.
fn changed_lines(file: &PlannedFile) -> usize {
    let lines = |text: &'_ [u8]| text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    lines(&file.before).iter().zip(&lines(&file.after)).filter(|(before, after)| before != after).count()
}

/// The last paragraph of a commit's message, as a code block, so that it stays unchanged.
fn trailers(message: &str) -> String {
    let trailers = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    if trailers.len() > MOST_TRAILERS {
        return "The commit has the trailers; they are too many for this text.\n".to_owned();
    }
    format!("```text\n{trailers}\n```\n")
}

/// As many whole lines as fit.
fn cut(text: &str, most_chars: usize) -> String {
    const MORE: &str = "\n... and more; `tidegate changelog` has all of it.\n\n";
    if text.chars().count() <= most_chars {
        return text.to_owned();
    }
    let mut room = most_chars.saturating_sub(MORE.len());
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        let length = line.chars().count();
        if length > room {
            break;
        }
        room -= length;
        kept.push_str(line);
    }
    kept + MORE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::proposals::marks::{OPENING, marked};

    #[test]
    fn why_it_does_not_merge_by_itself_comes_and_goes() {
        let body = marked("text\n", OPENING);
        let said = paused(&body, "freeze: frozen (fair)");
        assert!(is_paused_for(&said, None) && is_paused_for(&said, Some("freeze: frozen (fair)")));
        assert!(!is_paused_for(&said, Some("window: outside")) && !is_paused_for(&body, None));
        assert!(has_mark(&said, OPENING));
        assert_eq!(unpaused(&said), body);
        assert_eq!(unpaused(&paused(&said, "another")), body);
        assert_eq!(unpaused(&said.replace('\n', "\r\n")), body.replace('\n', "\r\n"));
        assert_eq!(unpaused("by hand"), "by hand");
    }

    #[test]
    fn text_is_cut_between_lines() {
        assert_eq!(cut("a\nb\n", 10), "a\nb\n");
        let long = "ñ line\n".repeat(100);
        let short = cut(&long, 200);
        assert!(short.chars().count() <= 200 && short.starts_with("ñ line\nñ line\n"), "{short}");
        assert!(short.ends_with("has all of it.\n\n"));
    }

    #[test]
    fn the_trailers_end_the_text_as_code() {
        let message = "subject\n\nevidence\n\nTidegate-Promotion: 1\nTidegate-Service: a/b\n";
        assert_eq!(trailers(message), "```text\nTidegate-Promotion: 1\nTidegate-Service: a/b\n```\n");
        assert!(trailers(&format!("s\n\n{}", "x".repeat(50_000))).starts_with("The commit has"));
    }
}
