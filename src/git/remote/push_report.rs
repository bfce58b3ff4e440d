//! Reads the output of `git push --porcelain` for one branch.
//!
//! Its lines are `flag TAB from:to TAB summary`. A lost race shows as `[rejected]`, from our lease, or as one of a few
//! fixed reasons from `git receive-pack`, which compares the branch again under its lock.

use super::PushOutcome;
use crate::model::Printable;

/// Reasons of `git receive-pack` that may mean that somebody else moved the branch (builtin/receive-pack.c and, since
/// Git 2.50, refs.c). A lock that nobody releases and a ref that may not be written have the same reason: the caller
/// looks whether the branch did move.
const MOVED_REASONS: [&str; 3] =
    ["failed to update ref", "incorrect old value provided", "reference already exists"];

/// Reasons that mean the server failed, rather than declined.
const BROKEN_REASONS: [&str; 2] = ["unpacker error", "missing necessary objects"];

/// The change of a branch that a push asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushMode {
    /// Move it to a descendant.
    FastForward,
    /// Create, move or delete one of Tidegate's own branches.
    Force,
}

/// The outcome of the push of `reference`; `None` when the output does not say.
pub(super) fn read(reference: &str, stdout: &str, stderr: &str, mode: PushMode) -> Option<PushOutcome> {
    let (flag, summary) = stdout.lines().find_map(|line| of_reference(line, reference))?;
    match flag {
        " " | "=" => Some(PushOutcome::Accepted),
        "!" => refused(summary, stderr),
        // Forced, deleted or new: only a forced push asks for these.
        "+" | "-" | "*" if mode == PushMode::Force => Some(PushOutcome::Accepted),
        _ => None,
    }
}

fn of_reference<'a>(line: &'a str, reference: &str) -> Option<(&'a str, &'a str)> {
    let mut fields = line.splitn(3, '\t');
    let (flag, names, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let to = names.rsplit(':').next()?;
    (to == reference).then_some((flag, summary))
}

fn refused(summary: &str, stderr: &str) -> Option<PushOutcome> {
    let Some(reason) = summary.strip_prefix("[remote rejected] ") else {
        return summary
            .starts_with("[rejected]")
            .then(|| PushOutcome::BranchMoved { reason: summary.to_owned() });
    };
    let reason = reason.strip_prefix('(').and_then(|reason| reason.strip_suffix(')')).unwrap_or(reason);
    if MOVED_REASONS.contains(&reason) {
        return Some(PushOutcome::BranchMoved { reason: with_remote_words(reason, stderr) });
    }
    if BROKEN_REASONS.contains(&reason) {
        return None;
    }
    Some(PushOutcome::Declined { reason: with_remote_words(reason, stderr) })
}

/// The reason with the hook's output, which Git relays in lines that begin with `remote: `.
fn with_remote_words(reason: &str, stderr: &str) -> String {
    let lines = stderr.split(['\n', '\r']);
    let remote = lines.filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let words: Vec<&str> = remote.filter(|words| !words.is_empty()).collect();
    let text = if words.is_empty() { reason.to_owned() } else { format!("{reason}: {}", words.join("; ")) };
    Printable::bounded(&text, 500).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "refs/heads/main";

    fn read_line(line: &str, stderr: &str) -> Option<PushOutcome> {
        read(MAIN, &format!("To /srv/x.git\n{line}\nDone\n"), stderr, PushMode::FastForward)
    }

    #[test]
    fn every_outcome_is_distinct() {
        let declined = |reason: &str| Some(PushOutcome::Declined { reason: reason.into() });
        let moved = |reason: &str| Some(PushOutcome::BranchMoved { reason: reason.into() });
        for (line, outcome) in [
            (" \tabc:refs/heads/main\tabc..def", Some(PushOutcome::Accepted)),
            ("=\tabc:refs/heads/main\t[up to date]", Some(PushOutcome::Accepted)),
            ("!\tabc:refs/heads/main\t[rejected] (stale info)", moved("[rejected] (stale info)")),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (failed to update ref)",
                moved("failed to update ref"),
            ),
            ("!\tabc:refs/heads/main\t[remote rejected] (unpacker error)", None),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (branch is currently checked out)",
                declined("branch is currently checked out"),
            ),
            ("+\tabc:refs/heads/main\tabc...def (forced update)", None),
            (" \tabc:refs/heads/other\tabc..def", None),
            ("garbage", None),
        ] {
            assert_eq!(read_line(line, ""), outcome, "{line}");
        }
    }

    #[test]
    fn a_branch_of_our_own_may_be_made_moved_and_removed() {
        let line = |flag: &str| format!("{flag}\tabc:refs/heads/main\t[whatever]");
        for flag in [" ", "=", "+", "-", "*"] {
            assert_eq!(read(MAIN, &line(flag), "", PushMode::Force), Some(PushOutcome::Accepted), "{flag}");
        }
        assert_eq!(
            read(MAIN, "-\t:refs/heads/main\t[deleted]", "", PushMode::Force),
            Some(PushOutcome::Accepted)
        );
        let stale = "!\tabc:refs/heads/main\t[rejected] (stale info)";
        let moved = read(MAIN, stale, "", PushMode::Force);
        assert!(matches!(moved, Some(PushOutcome::BranchMoved { .. })), "{moved:?}");
    }

    #[test]
    fn a_hooks_words_are_passed_on_and_made_fit_to_be_shown() {
        let line = "!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)";
        let stderr =
            "remote: frozen until Monday        \nremote: \u{1b}[31mask ops\nerror: failed to push\n";
        let reason = "pre-receive hook declined: frozen until Monday; \\u{1b}[31mask ops".to_owned();
        assert_eq!(read_line(line, stderr), Some(PushOutcome::Declined { reason }));
    }
}
