//! The result of one check, and how it is printed.

use serde::Serialize;

use crate::cli::output::{CYAN, GREEN, RED, YELLOW};
use crate::model::Fault;

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) what: String,
    pub(super) state: State,
    detail: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Good,
    Doubtful,
    Bad,
}

impl Finding {
    pub(super) fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Good, detail: detail.into(), hint: None }
    }

    pub(super) fn doubtful(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { state: State::Doubtful, ..Self::good(what, detail) }
    }

    pub(super) fn bad(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::good(what, detail) }
    }

    pub(super) fn of(what: impl Into<String>, fault: &Fault) -> Self {
        Self { hint: fault.hint().map(str::to_owned), ..Self::bad(what, fault.in_one_line()) }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

pub(super) fn render(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let (mark, style) = match finding.state {
            State::Good => ("ok  ", GREEN),
            State::Doubtful => ("warn", YELLOW),
            State::Bad => ("FAIL", RED),
        };
        let hint = finding
            .hint
            .as_ref()
            .map(|hint| format!("      {CYAN}hint{CYAN:#} {hint}\n"))
            .unwrap_or_default();
        format!("{style}{mark}{style:#}  {}: {}\n{hint}", finding.what, finding.detail)
    };
    findings.iter().map(line).collect()
}

/// `1 image`, `2 images`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
