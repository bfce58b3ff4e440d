//! Problems of a pass, with hints.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::cli::output::{CYAN, RED, YELLOW};
use crate::engine::Problem;

/// The most problems of one severity that are shown in full.
const MOST_SHOWN: usize = 50;

/// Problems, the errors first, each once.
pub(crate) fn render(problems: &[Problem]) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    let problems: Vec<&Problem> = problems
        .iter()
        .filter(|problem| seen.insert((problem.is_error, problem.to_string(), problem.hint.as_ref())))
        .collect();
    for (is_error, name, style) in [(true, "error", RED), (false, "warning", YELLOW)] {
        let mut of_kind = problems.iter().filter(|problem| problem.is_error == is_error);
        let style = style.bold();
        for problem in of_kind.by_ref().take(MOST_SHOWN) {
            let _ = writeln!(text, "{style}{name}{style:#}: {problem}");
            if let Some(hint) = &problem.hint {
                let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {hint}");
            }
        }
        let rest = of_kind.count();
        if rest > 0 {
            let _ = writeln!(text, "{style}{name}{style:#}: and {rest} more; -o json lists all");
        }
    }
    text
}
