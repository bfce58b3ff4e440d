//! What a commit says it takes back, or was copied from.

use super::title::read_number;

/// What a revert takes back, by whatever it names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::changelog) struct Reverts<'a> {
    /// The commits that it names, at least seven digits of each.
    pub(in crate::changelog) commits: Vec<&'a str>,
    /// The title that it quotes.
    pub(in crate::changelog) title: Option<&'a str>,
    /// The pull request that it names.
    pub(in crate::changelog) pull_request: Option<u64>,
}

impl<'a> Reverts<'a> {
    /// Reads a message; nothing when it takes nothing back.
    pub(in crate::changelog) fn read(subject: &'a str, body: &'a str) -> Option<Self> {
        let title = quoted(subject);
        let is_typed = subject.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("revert"));
        let mut reverts = Self { title, ..Self::default() };
        for line in body.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("This reverts commit ") {
                reverts.commits.extend(hex(rest));
            } else if let Some(rest) = line.strip_prefix("Reverts ") {
                reverts.name(rest);
            } else if is_typed && let Some(rest) = line.strip_prefix("Refs: ") {
                reverts.commits.extend(rest.split([',', ' ']).filter_map(hex));
            }
        }
        let says_so = title.is_some() || is_typed || !reverts.commits.is_empty();
        says_so.then_some(reverts)
    }

    /// `owner/repo#12`, `#12`, or a commit.
    fn name(&mut self, text: &'a str) {
        if let Some((_, number)) = text.split_once('#') {
            let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
            self.pull_request = self.pull_request.or(read_number(&number[..end]));
        } else {
            self.commits.extend(hex(text));
        }
    }
}

/// The commit that a cherry-pick names as its origin (`git cherry-pick -x`).
pub(in crate::changelog) fn picked_from(body: &str) -> Option<&str> {
    let lines = body.lines().map(str::trim);
    lines.rev().find_map(|line| hex(line.strip_prefix("(cherry picked from commit ")?))
}

/// The title in `Revert "title"` or `Reapply "title"`, quotation marks within it and all.
fn quoted(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix("Revert \"").or_else(|| subject.strip_prefix("Reapply \""))?;
    rest.rfind('"').map(|end| &rest[..end])
}

/// The name of a commit at the start of `text`.
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
    fn reverts(
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
    fn others(#[case] subject: &str, #[case] body: &str) {
        assert_eq!(Reverts::read(subject, body), None);
    }

    #[test]
    fn picks_name_their_origin() {
        assert_eq!(picked_from(&format!("text\n\n(cherry picked from commit {ID})\n")), Some(ID));
        assert_eq!(picked_from("(cherry picked from commit x)"), None);
    }
}
