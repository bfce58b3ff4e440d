//! The pull requests of a pass: what is opened, updated or closed, and what is open for people.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, YELLOW};
use crate::engine::{PassReport, PullRequestAction, PullRequestReport};
use crate::model::Timestamp;
use crate::view::time;

pub(crate) fn render(report: &PassReport) -> String {
    let mut text = String::new();
    for request in &report.requests {
        one(&mut text, request, report.evaluation.now);
    }
    text
}

fn one(text: &mut String, request: &PullRequestReport, now: Timestamp) {
    let (done, style) = match (&request.state, request.is_done) {
        (PullRequestAction::Opens, true) => ("opened", GREEN),
        (PullRequestAction::Opens, false) => ("opens", GREEN),
        (PullRequestAction::Updates, true) => ("updated", GREEN),
        (PullRequestAction::Updates, false) => ("updates", GREEN),
        (PullRequestAction::Closes { .. }, true) => ("closed", YELLOW),
        (PullRequestAction::Closes { .. }, false) => ("closes", YELLOW),
        (PullRequestAction::Waits, _) => ("open", CYAN),
        (PullRequestAction::Theirs, _) => ("left", YELLOW),
    };
    let name = match request.number {
        Some(number) => format!("pull request #{number}"),
        None => format!("pull request from {}", request.branch),
    };
    let _ = write!(text, "{style}{done:<8}{style:#}  {name}");
    if let (Some(since), PullRequestAction::Waits | PullRequestAction::Theirs) =
        (request.opened_at, &request.state)
    {
        let _ = write!(text, ", for {}", time::age(since, now));
    }
    if let Some(url) = &request.url {
        let _ = write!(text, "  {DIM}{url}{DIM:#}");
    }
    text.push('\n');
    for one in &request.moves {
        let _ = writeln!(
            text,
            "  {BOLD}{}{BOLD:#} in {CYAN}{}{CYAN:#}: {} -> {}",
            one.service, request.environment, one.from, one.to
        );
    }
    if let Some(review) = &request.review {
        let _ = writeln!(text, "  {DIM}approval: {review}{DIM:#}");
    }
    if let Some(why) = request.pause() {
        let _ = writeln!(text, "  auto-merge off: {why}");
    } else if request.turns_on() {
        let _ = writeln!(text, "  auto-merge on again");
    }
    if let PullRequestAction::Closes { why } = &request.state {
        let _ = writeln!(text, "  because {why}");
    }
}
