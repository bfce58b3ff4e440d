//! Parses one commit message: title, merge, revert, breaking notes and co-authors.

mod merge;
mod revert;
mod title;

use crate::model::{Person, SourceCommit as Commit};

pub(super) use merge::Merge;
pub(super) use revert::{Reverts, picked_from};
pub(super) use title::{Title, read_number};

/// Maximum bytes read of a message. Explanations are shorter; longer text was pasted.
const MAX_BYTES: usize = 64 * 1024;

/// Maximum co-authors, breaking notes and squashed titles read from one commit.
const MAX_PARTS: usize = 100;

/// A parsed message. Its texts are slices of the message and may contain control characters.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    pub(super) subject: &'a str,
    pub(super) body: &'a str,
    pub(super) title: Title<'a>,
    /// The `BREAKING CHANGE` footers.
    pub(super) breaking: Vec<&'a str>,
    /// Set for commits with several parents.
    pub(super) merge: Option<Merge<'a>>,
    pub(super) reverts: Option<Reverts<'a>>,
    pub(super) picked_from: Option<&'a str>,
}

impl<'a> Message<'a> {
    pub(super) fn read(commit: &'a Commit) -> Self {
        let text = &commit.message[..commit.message.floor_char_boundary(MAX_BYTES)];
        let text = text.trim_start();
        let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
        let subject = subject.trim();
        let merge = (commit.parents.len() > 1).then(|| Merge::read(subject, body));
        Self {
            subject,
            body,
            title: Title::read(subject),
            breaking: breaking(text, body),
            merge,
            reverts: Reverts::read(subject, body),
            picked_from: if body.contains("(cherry picked") { picked_from(body) } else { None },
        }
    }

    /// The title of the pull request, if a commit with one parent is worded as a merge: rebased, or squashed by a bot.
    pub(super) fn merge_title(&self) -> Option<Title<'a>> {
        if self.merge.is_some()
            || !self.subject.starts_with("Merge") && !self.subject.starts_with("Auto merge")
        {
            return None;
        }
        let Merge::PullRequest { number, title } = Merge::read(self.subject, self.body) else { return None };
        let title = Title::read(title);
        Some(Title { pull_request: number.or(title.pull_request), ..title })
    }

    /// The titles of the commits squashed into this one, which GitHub lists in the body: `* feat: a`.
    pub(super) fn squashed(&self) -> impl Iterator<Item = Title<'a>> {
        let bullets = self.body.lines().filter_map(|line| line.strip_prefix("* "));
        bullets.take(MAX_PARTS).map(Title::read).filter(Title::is_conventional)
    }

    pub(super) fn co_authors(&self) -> Vec<Person> {
        if !self.body.contains("uthored-") {
            return Vec::new();
        }
        self.body.lines().filter_map(co_author).take(MAX_PARTS).collect()
    }
}

/// The `BREAKING CHANGE` footers. If the message is not a valid conventional commit, lines with these names count too.
fn breaking<'a>(text: &'a str, body: &'a str) -> Vec<&'a str> {
    if !body.contains("BREAKING") {
        return Vec::new();
    }
    if let Ok(parsed) = git_conventional::Commit::parse(text) {
        let footers = parsed.footers().iter().filter(|footer| footer.breaking());
        let notes: Vec<&str> = footers.map(git_conventional::Footer::value).take(MAX_PARTS).collect();
        if !notes.is_empty() {
            return notes;
        }
    }
    let names = ["BREAKING CHANGE:", "BREAKING-CHANGE:", "BREAKING CHANGES:"];
    let value = |line: &'a str| names.iter().find_map(|name| line.strip_prefix(name));
    body.lines().filter_map(value).map(str::trim).filter(|note| !note.is_empty()).take(MAX_PARTS).collect()
}

/// `Co-authored-by: Name <address>`.
fn co_author(line: &str) -> Option<Person> {
    const NAME: &str = "co-authored-by:";
    let line = line.trim();
    let head = line.get(..NAME.len())?;
    let (name, rest) = line[NAME.len()..].split_once('<')?;
    let (email, _) = rest.split_once('>')?;
    let person = Person { name: name.trim().to_owned(), email: email.trim().to_owned() };
    (head.eq_ignore_ascii_case(NAME) && !person.name.is_empty()).then_some(person)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::changelog::fixture::commit;

    #[rstest]
    #[case::footer("feat: a\n\nbody\n\nBREAKING CHANGE: the port moved", &["the port moved"])]
    #[case::dashed("feat: a\n\nBREAKING-CHANGE: the port moved", &["the port moved"])]
    #[case::unconventional("Move the port\n\nBREAKING CHANGE: the port moved", &["the port moved"])]
    #[case::malformed("feat: a\nno blank line\nBREAKING CHANGE: the port moved", &["the port moved"])]
    #[case::mentioned("feat: a\n\nthis is no BREAKING CHANGE at all", &[])]
    #[case::none("feat: a", &[])]
    fn reads_breaking_notes(#[case] message: &str, #[case] notes: &[&str]) {
        let commit = commit(1, message);
        assert_eq!(Message::read(&commit).breaking, notes);
    }

    #[test]
    fn reads_the_titles_in_a_squash() {
        let commit = commit(1, "Cache (#12)\n\n* feat: cache queries\n\n* wip\n\n* fix(api): close it\n");
        let message = Message::read(&commit);
        let texts: Vec<&str> = message.squashed().map(|title| title.text).collect();
        assert_eq!(texts, ["cache queries", "close it"]);
    }

    #[test]
    fn reads_co_authors() {
        let text = "feat: a\n\nCo-authored-by: Ana Soto <ana@vtr.cl>\nCO-AUTHORED-BY: B <b@vtr.cl>\nCo-authored-by: <x>";
        let commit = commit(1, text);
        let names: Vec<String> =
            Message::read(&commit).co_authors().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["Ana Soto", "B"]);
    }

    #[test]
    fn reads_only_the_start_of_a_message_of_ten_megabytes() {
        let commit = commit(1, &format!("feat: a\n\n{}", "* fix: b\n".repeat(1_200_000)));
        let message = Message::read(&commit);
        assert!(message.body.len() <= MAX_BYTES);
        assert_eq!(message.squashed().count(), MAX_PARTS);
    }
}
