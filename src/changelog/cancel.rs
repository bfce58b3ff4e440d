//! Commits that are not selected: taken back within the range, or selected already under another name.

use std::collections::{HashMap, HashSet};

use super::lineage::{Lineage, Positions};
use super::message::{Merge, Message, Reverts};
use crate::model::{SourceCommit as Commit, Timestamp};

/// What is not selected of a range, by position.
pub(super) struct Cancelled {
    /// The commits that are not selected.
    pub(super) is_dropped: Vec<bool>,
    /// How many reverts met what they take back.
    pub(super) reverts: usize,
    /// How many commits were copies of another one.
    pub(super) copies: usize,
}

/// A range with what is known of its commits.
pub(super) struct Range<'a> {
    pub(super) commits: &'a [Commit],
    pub(super) messages: &'a [Message<'a>],
    pub(super) positions: &'a Positions,
    pub(super) lineage: &'a Lineage,
}

/// What stays when a commit is picked or rebased.
type Origin<'a> = (&'a str, Timestamp, &'a str);

impl Cancelled {
    /// `there` are the commits that the other side of a diverged history has already.
    pub(super) fn find(range: &Range<'_>, there: &[Commit]) -> Self {
        let mut cancelled = Self { is_dropped: vec![false; range.commits.len()], reverts: 0, copies: 0 };
        cancelled.drop_copies(range, there);
        cancelled.drop_reverted(range);
        cancelled
    }

    /// Of a commit and its picks the oldest stays, unless the other side has it too.
    fn drop_copies(&mut self, range: &Range<'_>, there: &[Commit]) {
        let names_there: HashSet<String> = there.iter().map(|commit| commit.id.to_string()).collect();
        let messages_there: Vec<Message<'_>> = there.iter().map(Message::read).collect();
        let mut picked: HashSet<&str> =
            messages_there.iter().filter_map(|message| message.picked_from).collect();
        let mut origins: HashSet<Origin<'_>> =
            there.iter().zip(&messages_there).map(|(commit, message)| origin(commit, message)).collect();
        for position in (0..range.commits.len()).rev() {
            let (commit, message) = (&range.commits[position], &range.messages[position]);
            if message.merge.is_some() {
                continue;
            }
            let is_pick_of_known = message.picked_from.is_some_and(|from| {
                names_there.contains(from)
                    || range.positions.of_prefix(from).is_some()
                    || !picked.insert(from)
            });
            let was_picked = !there.is_empty() && picked.contains(commit.id.to_string().as_str());
            if !origins.insert(origin(commit, message)) || is_pick_of_known || was_picked {
                self.is_dropped[position] = true;
                self.copies += 1;
            }
        }
    }

    /// From the newest to the oldest, so that a revert of a revert brings the first commit back.
    fn drop_reverted(&mut self, range: &Range<'_>) {
        let mut index = None;
        for position in 0..range.commits.len() {
            if range.lineage.brought_by[position].is_some_and(|merge| self.is_dropped[merge]) {
                self.is_dropped[position] = true;
            }
            let Some(reverts) = &range.messages[position].reverts else { continue };
            if self.is_dropped[position] {
                continue;
            }
            let index = index.get_or_insert_with(|| Index::of(range));
            let Some(targets) = index.targets(reverts, range, position, &self.is_dropped) else { continue };
            self.is_dropped[position] = true;
            self.reverts += 1;
            for target in targets {
                self.is_dropped[target] = true;
            }
        }
    }
}

fn origin<'a>(commit: &'a Commit, message: &Message<'a>) -> Origin<'a> {
    (&commit.author.email, commit.authored_at, message.title.text)
}

/// Where reverts find what they name by something else than a commit.
struct Index<'a> {
    /// By subject, oldest last.
    by_subject: HashMap<&'a str, Vec<usize>>,
    by_request: HashMap<u64, usize>,
}

impl<'a> Index<'a> {
    fn of(range: &Range<'a>) -> Self {
        let mut by_subject: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut by_request = HashMap::new();
        for (position, message) in range.messages.iter().enumerate() {
            by_subject.entry(message.subject).or_default().push(position);
            let number = match message.merge {
                Some(Merge::Request { number, .. }) => number,
                Some(Merge::Branch) => None,
                None => message.title.pull_request,
            };
            if let Some(number) = number {
                by_request.entry(number).or_insert(position);
            }
        }
        Self { by_subject, by_request }
    }

    /// All that the revert at `position` takes back, when all of it is in the range, older, and still selected.
    fn targets(
        &self,
        reverts: &Reverts<'_>,
        range: &Range<'_>,
        position: usize,
        is_dropped: &[bool],
    ) -> Option<Vec<usize>> {
        let named: Vec<Option<usize>> =
            reverts.commits.iter().map(|name| range.positions.of_prefix(name)).collect();
        // A revert on a branch of releases often names the commit of the main branch that was picked onto it: then none
        // of its names is here, and its title is.
        let are_elsewhere = !named.is_empty() && reverts.title.is_some() && named.iter().all(Option::is_none);
        let targets: Vec<usize> = if !named.is_empty() && !are_elsewhere {
            named.into_iter().collect::<Option<_>>()?
        } else if let (Some(number), false) = (reverts.pull_request, are_elsewhere) {
            vec![*self.by_request.get(&number)?]
        } else {
            let same = self.by_subject.get(reverts.title?)?;
            vec![*same.iter().find(|other| **other > position && !is_dropped[**other])?]
        };
        targets.iter().all(|target| *target > position && !is_dropped[*target]).then_some(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::{commit, commit_on, id, line};

    fn told_beside(commits: &[Commit], there: &[Commit]) -> Vec<String> {
        let messages: Vec<Message<'_>> = commits.iter().map(Message::read).collect();
        let positions = Positions::of_range(commits);
        let lineage = Lineage::trace(commits, &messages, &positions);
        let range = Range { commits, messages: &messages, positions: &positions, lineage: &lineage };
        let cancelled = Cancelled::find(&range, there);
        let selected = messages.iter().zip(&cancelled.is_dropped).filter(|(_, is_dropped)| !**is_dropped);
        selected.map(|(message, _)| message.subject.to_owned()).collect()
    }

    fn selected(commits: &[Commit]) -> Vec<String> {
        told_beside(commits, &[])
    }

    #[test]
    fn a_revert_and_what_it_takes_back_are_not_told() {
        let revert = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", id(2));
        assert_eq!(selected(&line(&["feat: d", &revert, "feat: b", "feat: a"])), ["feat: d", "feat: a"]);
        let short = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", &id(2).to_string()[..8]);
        assert_eq!(selected(&line(&["feat: d", &short, "feat: b", "feat: a"])), ["feat: d", "feat: a"]);
    }

    #[test]
    fn a_revert_of_a_revert_brings_it_back() {
        let first = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", id(2));
        let second = format!("Reapply \"feat: b\"\n\nThis reverts commit {}.", id(3));
        assert_eq!(selected(&line(&[&second, &first, "feat: b", "feat: a"])), ["feat: b", "feat: a"]);
    }

    #[test]
    fn a_revert_of_what_is_not_in_the_range_is_told() {
        let revert = format!("Revert \"feat: z\"\n\nThis reverts commit {}.", id(99));
        assert_eq!(selected(&line(&[&revert, "feat: a"])), ["Revert \"feat: z\"", "feat: a"]);
        let both = format!("Revert \"x\"\n\nThis reverts commit {}.\nThis reverts commit {}.", id(1), id(99));
        assert_eq!(selected(&line(&[&both, "feat: a"])).len(), 2);
    }

    #[test]
    fn a_revert_that_names_the_commit_of_another_branch_is_met_by_its_title() {
        let revert = format!("Revert \"fix: b (#3)\"\n\nThis reverts commit {}.", id(99));
        assert_eq!(selected(&line(&[&revert, "fix: b (#3)", "feat: a"])), ["feat: a"]);
    }

    #[test]
    fn reverts_by_number_and_by_title() {
        let by_number = "Revert \"feat: b (#12)\" (#13)\n\nReverts vtr/app#12";
        assert_eq!(selected(&line(&[by_number, "feat: b (#12)", "feat: a"])), ["feat: a"]);
        assert_eq!(
            selected(&line(&["Revert \"feat: b\"", "feat: b", "feat: a", "feat: b"])),
            ["feat: a", "feat: b"]
        );
    }

    #[test]
    fn a_revert_of_a_merge_takes_all_of_it_back() {
        let commits = [
            commit_on(6, &[5], &format!("Revert \"Title\"\n\nThis reverts commit {}, reversing", id(5))),
            commit_on(5, &[2, 4], "Merge pull request #1 from a/b\n\nTitle"),
            commit_on(4, &[3], "feat: b"),
            commit_on(3, &[1], "feat: a"),
            commit(2, "feat: main"),
        ];
        assert_eq!(selected(&commits), ["feat: main"]);
    }

    #[test]
    fn a_commit_and_its_pick_are_told_once() {
        let pick = format!("fix: b\n\n(cherry picked from commit {})", id(1));
        assert_eq!(selected(&line(&[&pick, "feat: a", "fix: b"])), ["feat: a", "fix: b"]);
        let rebased = Commit { id: id(9), ..commit(1, "fix: b (#3)") };
        assert_eq!(selected(&[rebased, commit(2, "feat: a"), commit(1, "fix: b")]), ["feat: a", "fix: b"]);
    }

    #[test]
    fn what_the_other_side_has_is_not_told() {
        let there = [commit(40, &format!("fix: b\n\n(cherry picked from commit {})", id(2)))];
        assert_eq!(told_beside(&line(&["feat: c", "fix: b", "feat: a"]), &there), ["feat: c", "feat: a"]);
        let rebased = [Commit { id: id(40), ..commit(1, "feat: a") }];
        assert_eq!(told_beside(&line(&["feat: c", "fix: b", "feat: a"]), &rebased), ["feat: c", "fix: b"]);
    }
}
