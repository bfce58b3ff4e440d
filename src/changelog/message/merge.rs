//! Messages of merge commits, as forges and Git write them.

use super::title::{Title, read_number};

/// What a merge commit merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::changelog) enum Merge<'a> {
    /// A pull request, or GitLab's merge request.
    PullRequest {
        number: Option<u64>,
        /// Its title, or else its branch.
        title: &'a str,
    },
    /// A branch, a tag or an upstream: nothing with a title.
    Branch,
}

impl<'a> Merge<'a> {
    /// Parses the message of a commit with several parents.
    pub(in crate::changelog) fn read(subject: &'a str, body: &'a str) -> Self {
        let pull_request = |(number, title)| Self::PullRequest { number, title };
        read_github(subject, body)
            .or_else(|| read_gitea(subject))
            .or_else(|| read_gitlab(subject, body))
            .or_else(|| read_bitbucket(subject, body))
            .or_else(|| read_bors(subject, body))
            .or_else(|| read_titled(subject))
            .map_or(Self::Branch, pull_request)
    }
}

type Parsed<'a> = Option<(Option<u64>, &'a str)>;

/// `Merge pull request #12 from owner/branch`, with the title in the body.
fn read_github<'a>(subject: &'a str, body: &'a str) -> Parsed<'a> {
    let rest = subject.strip_prefix("Merge pull request #")?;
    let (number, rest) = split_number(rest)?;
    let branch = rest.strip_prefix(" from ").unwrap_or(rest);
    Some((Some(number), first_line(body).unwrap_or(branch)))
}

/// `Merge pull request 'Title' (#12) from branch into main`.
fn read_gitea(subject: &str) -> Parsed<'_> {
    let rest = subject.strip_prefix("Merge pull request '")?;
    let (title, rest) = rest.rsplit_once("' (#")?;
    let (number, _) = split_number(rest)?;
    Some((Some(number), title))
}

/// `Merge branch 'x' into 'main'`, with the title in the body and `See merge request group/project!12` at its end.
fn read_gitlab<'a>(subject: &'a str, body: &'a str) -> Parsed<'a> {
    subject.strip_prefix("Merge branch '")?;
    let reference = body.lines().rev().find_map(|line| line.trim().strip_prefix("See merge request "))?;
    let number = read_number(reference.rsplit_once('!')?.1);
    let title = first_line(body).filter(|line| !line.starts_with("See merge request "));
    Some((number, title.unwrap_or(subject)))
}

/// `Merged in branch (pull request #12)` with the title in the body, `Pull request #12: Title`, and Azure's
/// `Merged PR 12: Title`.
fn read_bitbucket<'a>(subject: &'a str, body: &'a str) -> Parsed<'a> {
    if let Some(rest) = subject.strip_prefix("Merged in ") {
        let (branch, rest) = rest.rsplit_once(" (pull request #")?;
        let (number, _) = split_number(rest)?;
        return Some((Some(number), first_line(body).unwrap_or(branch)));
    }
    let rest = subject.strip_prefix("Pull request #").or_else(|| subject.strip_prefix("Merged PR "))?;
    let (number, title) = split_number(rest)?;
    Some((Some(number), title.strip_prefix(": ")?))
}

/// `Auto merge of #12 - owner:branch, r=someone` with the title in the body, and `Merge #12` with `12: Title r=… a=…`.
fn read_bors<'a>(subject: &'a str, body: &'a str) -> Parsed<'a> {
    if let Some(rest) = subject.strip_prefix("Auto merge of #") {
        let (number, rest) = split_number(rest)?;
        return Some((Some(number), first_line(body).unwrap_or(rest)));
    }
    let (number, _) = split_number(subject.strip_prefix("Merge #")?)?;
    let line = first_line(body)?;
    let title = line.split_once(": ").map_or(line, |(_, title)| title);
    let title = title.rsplit_once(" r=").map_or(title, |(title, _)| title);
    Some((Some(number), title))
}

/// A merge with the title of its pull request: `feat: a (#12)`. Forges offer that as a setting.
fn read_titled(subject: &str) -> Parsed<'_> {
    let title = Title::read(subject);
    let is_titled = title.pull_request.is_some() || title.is_conventional();
    is_titled.then_some((title.pull_request, subject))
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((read_number(&text[..end])?, &text[end..]))
}

fn first_line(body: &str) -> Option<&str> {
    body.lines().map(str::trim).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::github(
        "Merge pull request #12 from vtr/cache",
        "feat: cache queries\n\nmore",
        12,
        "feat: cache queries"
    )]
    #[case::github_without_title("Merge pull request #12 from vtr/cache", "", 12, "vtr/cache")]
    #[case::gitea("Merge pull request 'Cache (a)' (#12) from cache into main", "", 12, "Cache (a)")]
    #[case::gitlab(
        "Merge branch 'cache' into 'main'",
        "Cache it\n\nSee merge request vtr/app!12",
        12,
        "Cache it"
    )]
    #[case::bitbucket("Merged in cache (pull request #12)", "Cache it\n\nApproved-by: x", 12, "Cache it")]
    #[case::bitbucket_server("Pull request #12: Cache it", "", 12, "Cache it")]
    #[case::azure("Merged PR 12: Cache it", "", 12, "Cache it")]
    #[case::homu("Auto merge of #12 - x:y, r=z", "Cache it\n\nmore", 12, "Cache it")]
    #[case::bors("Merge #12", "12: Cache it r=x a=y\n", 12, "Cache it")]
    #[case::titled("feat: cache (#12)", "", 12, "feat: cache (#12)")]
    fn reads_merges_of_pull_requests(
        #[case] subject: &str,
        #[case] body: &str,
        #[case] number: u64,
        #[case] title: &str,
    ) {
        assert_eq!(Merge::read(subject, body), Merge::PullRequest { number: Some(number), title });
    }

    #[rstest]
    #[case::branch("Merge branch 'main' into feature", "")]
    #[case::remote("Merge remote-tracking branch 'origin/main'", "* a\n* b")]
    #[case::tag("Merge tag 'v1' of https://a.cl/b", "text")]
    #[case::not_a_number("Merge pull request #x from a/b", "")]
    #[case::anything("Sync with upstream", "")]
    fn reads_other_merges_as_branches(#[case] subject: &str, #[case] body: &str) {
        assert_eq!(Merge::read(subject, body), Merge::Branch);
    }
}
