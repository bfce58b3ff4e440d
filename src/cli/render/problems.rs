//! What a pass could not do, told so that it can be mended.

use std::fmt::Write;

use crate::cli::output::{CYAN, RED, YELLOW};
use crate::engine::Problem;

/// The most problems of one kind that are told in full.
const MOST_TOLD: usize = 50;

/// Problems, the errors first.
pub(crate) fn render(problems: &[Problem]) -> String {
    let mut text = String::new();
    for (is_error, name, style) in [(true, "error", RED), (false, "warning", YELLOW)] {
        let mut of_kind = problems.iter().filter(|problem| problem.is_error == is_error);
        let style = style.bold();
        for problem in of_kind.by_ref().take(MOST_TOLD) {
            let _ = writeln!(text, "{style}{name}{style:#}: {problem}");
            if let Some(hint) = &problem.hint {
                let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {hint}");
            }
        }
        let rest = of_kind.count();
        if rest > 0 {
            let _ = writeln!(text, "{style}{name}{style:#}: and {rest} more of the kind; -o json lists all");
        }
    }
    text
}
