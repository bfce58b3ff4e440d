//! Planned edits as unified diffs, with colours.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use crate::cli::output::{BOLD, CYAN, GREEN, RED};
use crate::engine::PlannedFile;
use crate::model::{Printable, RepoPath};

const CONTEXT_LINES: usize = 2;

/// A new file.
pub(crate) fn added(path: &RepoPath, content: &str) -> String {
    let lines = content.lines().count();
    let mut text = format!("{BOLD}--- /dev/null{BOLD:#}\n{BOLD}+++ b/{path}{BOLD:#}\n");
    let _ = writeln!(text, "{CYAN}@@ -0,0 +1,{lines} @@{CYAN:#}");
    for line in content.lines() {
        let _ = writeln!(text, "{GREEN}+{}{GREEN:#}", Printable::bounded(line, 500));
    }
    text
}

pub(crate) fn unified(file: &PlannedFile) -> String {
    let (before, after) = (String::from_utf8_lossy(&file.before), String::from_utf8_lossy(&file.after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    let _ = writeln!(text, "{BOLD}--- a/{}{BOLD:#}", file.path);
    let _ = writeln!(text, "{BOLD}+++ b/{}{BOLD:#}", file.path);
    for hunk in diff.unified_diff().context_radius(CONTEXT_LINES).iter_hunks() {
        let _ = writeln!(text, "{CYAN}{}{CYAN:#}", hunk.header());
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', RED),
                ChangeTag::Insert => ('+', GREEN),
                ChangeTag::Equal => (' ', anstyle::Style::new()),
            };
            let line = change.value().trim_end_matches(['\r', '\n']);
            let _ = writeln!(text, "{style}{sign}{}{style:#}", Printable::bounded(line, 500));
        }
    }
    text
}
