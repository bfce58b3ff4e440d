//! A diagnosis for people: the cause, what shows it, and what to do.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::diagnosis::Finding;
use crate::model::Printable;
use crate::view::Diagnosed;

pub(crate) fn render(diagnosed: &[Diagnosed]) -> String {
    let parts: Vec<String> = diagnosed.iter().map(one).collect();
    parts.join("\n")
}

fn one(diagnosed: &Diagnosed) -> String {
    let mut text = String::new();
    let Diagnosed { service, environment, cluster, found } = diagnosed;
    let _ = writeln!(
        text,
        "{BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}  {DIM}cluster {}{DIM:#}",
        Printable::bounded(cluster, 80)
    );
    match found {
        Err(why) => drop(writeln!(text, "  {YELLOW}unknown{YELLOW:#}: {why}")),
        Ok(found) => {
            if found.findings.is_empty() && found.unread.is_empty() {
                let _ =
                    writeln!(text, "  {GREEN}nothing is wrong{GREEN:#} in what Flux and Kubernetes report");
            } else if found.findings.is_empty() {
                let _ = writeln!(text, "  {GREEN}nothing is wrong{GREEN:#} in what could be read");
            }
            for (at, finding) in found.findings.iter().enumerate() {
                self::finding(&mut text, finding, at == 0);
            }
            for unread in &found.unread {
                let _ = writeln!(text, "  {YELLOW}not read{YELLOW:#} {unread}");
            }
        }
    }
    text
}

fn finding(text: &mut String, finding: &Finding, is_first: bool) {
    let word = if is_first { "cause" } else { "also" };
    let _ = writeln!(text, "  {RED}{word}{RED:#} {}", finding.sentence);
    for line in &finding.evidence {
        let _ = writeln!(text, "    {DIM}{line}{DIM:#}");
    }
    for line in &finding.advice {
        let _ = writeln!(text, "    {CYAN}do{CYAN:#} {line}");
    }
}
