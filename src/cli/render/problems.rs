//! Problems of a pass, with hints.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::cli::output::{CYAN, RED, YELLOW};
use crate::engine::Problem;

/// The most problems of one severity that are shown.
const MOST_SHOWN: usize = 50;

/// So many places with one problem are told together.
const MANY: usize = 4;

/// The places that are shown of those told together.
const SHOWN_PLACES: usize = 2;

/// Problems, the errors first, each once.
pub(crate) fn render(problems: &[Problem]) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    let problems: Vec<&Problem> = problems
        .iter()
        .filter(|problem| seen.insert((problem.is_error, problem.to_string(), problem.hint.as_ref())))
        .collect();
    for (is_error, name, style) in [(true, "error", RED), (false, "warning", YELLOW)] {
        let groups = alike(problems.iter().copied().filter(|problem| problem.is_error == is_error));
        let style = style.bold();
        for group in groups.iter().take(MOST_SHOWN) {
            let [first, ..] = group.as_slice() else { continue };
            if group.len() == 1 {
                let _ = writeln!(text, "{style}{name}{style:#}: {first}");
            } else {
                let _ = writeln!(text, "{style}{name}{style:#}: {}", first.message);
                for problem in group.iter().take(SHOWN_PLACES) {
                    let _ = writeln!(text, "  {}", problem.subject());
                }
                let _ = writeln!(text, "  and {} more; -o json lists all", group.len() - SHOWN_PLACES);
            }
            if let Some(hint) = &first.hint {
                let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {hint}");
            }
        }
        let rest: usize = groups.iter().skip(MOST_SHOWN).map(Vec::len).sum();
        if rest > 0 {
            let _ = writeln!(text, "{style}{name}{style:#}: and {rest} more; -o json lists all");
        }
    }
    text
}

/// Groups problems of many places that say the same; every other one stands alone.
fn alike<'a>(problems: impl Iterator<Item = &'a Problem>) -> Vec<Vec<&'a Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    let mut by_words: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for problem in problems {
        let at = *by_words.entry((&problem.message, problem.hint.as_deref())).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    let apart = |group: Vec<&'a Problem>| {
        let has_subjects = group.iter().all(|problem| !problem.subject().is_empty());
        if group.len() >= MANY && has_subjects {
            vec![group]
        } else {
            group.into_iter().map(|problem| vec![problem]).collect()
        }
    };
    groups.into_iter().flat_map(apart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Class;

    fn problem(service: &str, message: &str) -> Problem {
        let (service, environment) = (service.parse().ok(), "prod".parse().ok());
        let problem = Problem::error(Class::Refused, message);
        Problem { environment, service, ..problem.hint("do this") }
    }

    #[test]
    fn what_is_wrong_in_many_places_is_said_once() {
        let few: Vec<Problem> = ["a/a", "a/b", "a/c"].map(|service| problem(service, "torn")).into();
        assert_eq!(render(&few).matches("torn").count(), 3);
        let many: Vec<Problem> = (0..30).map(|at| problem(&format!("a/s{at}"), "torn")).collect();
        let text = anstream::adapter::strip_str(&render(&many)).to_string();
        assert_eq!(
            text,
            "error: torn\n  a/s0 in prod\n  a/s1 in prod\n  and 28 more; -o json lists all\n  hint do this\n"
        );
    }
}
