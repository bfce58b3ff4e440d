//! Which commit a message reverts, or was cherry-picked from.

use super::title::read_number;

/// The target of a revert, by whatever the message names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::changelog) struct Reverts<'a> {
    /// Commit ids, at least seven digits each.
    pub(in crate::changelog) commits: Vec<&'a str>,
    /// The quoted title.
    pub(in crate::changelog) title: Option<&'a str>,
    pub(in crate::changelog) pull_request: Option<u64>,
}

impl<'a> Reverts<'a> {
    /// Parses a message; `None` if it is no revert.
    pub(in crate::changelog) fn read(subject: &'a str, body: &'a str) -> Option<Self> {
        let title = quoted(subject);
        let is_typed = subject.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("revert"));
        let mut reverts = Self { title, ..Self::default() };
        for line in body.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("This reverts commit ") {
                reverts.commits.extend(hex(rest));
            } else if let Some(rest) = line.strip_prefix("Reverts ") {
                reverts.add_target(rest);
            } else if is_typed && let Some(rest) = line.strip_prefix("Refs: ") {
                reverts.commits.extend(rest.split([',', ' ']).filter_map(hex));
            }
        }
        let is_revert = title.is_some() || is_typed || !reverts.commits.is_empty();
        is_revert.then_some(reverts)
    }

    /// `owner/repo#12`, `#12`, or a commit.
    fn add_target(&mut self, text: &'a str) {
        if let Some((_, number)) = text.split_once('#') {
            let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
            self.pull_request = self.pull_request.or(read_number(&number[..end]));
        } else {
            self.commits.extend(hex(text));
        }
    }
}

/// The original of a cherry-pick, as `git cherry-pick -x` records it.
pub(in crate::changelog) fn picked_from(body: &str) -> Option<&str> {
    let lines = body.lines().map(str::trim);
    lines.rev().find_map(|line| hex(line.strip_prefix("(cherry picked from commit ")?))
}

/// The title in `Revert "title"` or `Reapply "title"`, which may contain quotation marks itself.
fn quoted(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix("Revert \"").or_else(|| subject.strip_prefix("Reapply \""))?;
    rest.rfind('"').map(|end| &rest[..end])
}

/// The commit id at the start of `text`.
fn hex(text: &str) -> Option<&str> {
    let end = text.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(text.len());
    (7..=40).contains(&end).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ID: &str = "9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0";

    #[rstest]
    #[case::git("Revert \"feat: a\"", &format!("This reverts commit {ID}."), &[ID], Some("feat: a"), None)]
    #[case::of_merge("Revert \"a\"", &format!("This reverts commit {ID}, reversing\nchanges made to 1."), &[ID], Some("a"), None)]
    #[case::github("Revert \"a (#12)\" (#13)", "Reverts vtr/app#12", &[], Some("a (#12)"), Some(12))]
    #[case::conventional("revert: let us never again", "Refs: 676104e, a215868", &["676104e", "a215868"], None, None)]
    #[case::of_revert("Reapply \"a\"", "This reverts commit 676104e.", &["676104e"], Some("a"), None)]
    #[case::quotes("Revert \"Revert \"a\"\"", "", &[], Some("Revert \"a\""), None)]
    fn reads_reverts(
        #[case] subject: &str,
        #[case] body: &str,
        #[case] commits: &[&str],
        #[case] title: Option<&str>,
        #[case] pull_request: Option<u64>,
    ) {
        let read = Reverts::read(subject, body).unwrap();
        assert_eq!(read, Reverts { commits: commits.to_vec(), title, pull_request });
    }

    #[rstest]
    #[case::feature("feat: a", "text")]
    #[case::other_word("Reverse the order", "Reverts #")]
    #[case::short("a", "This reverts commit 12345.")]
    fn reads_no_revert_in_other_messages(#[case] subject: &str, #[case] body: &str) {
        assert_eq!(Reverts::read(subject, body), None);
    }

    #[test]
    fn reads_the_origin_of_a_cherry_pick() {
        assert_eq!(picked_from(&format!("text\n\n(cherry picked from commit {ID})\n")), Some(ID));
        assert_eq!(picked_from("(cherry picked from commit x)"), None);
    }
}
