//! Drops commits from a range: reverted within it, or copies of a commit that is listed already.

use std::collections::{HashMap, HashSet};

use super::lineage::{Lineage, Positions};
use super::message::{Merge, Message, Reverts};
use crate::model::{SourceCommit as Commit, Timestamp};

/// The commits dropped from a range.
pub(super) struct Cancelled {
    /// By position in the range.
    pub(super) is_dropped: Vec<bool>,
    /// Number of reverts whose target is in the range.
    pub(super) reverts: usize,
    /// Number of commits that copy another one.
    pub(super) copies: usize,
}

/// A range with its parsed messages.
pub(super) struct Range<'a> {
    pub(super) commits: &'a [Commit],
    pub(super) messages: &'a [Message<'a>],
    pub(super) positions: &'a Positions,
    pub(super) lineage: &'a Lineage,
}

/// Author's address, author time and title: a cherry-pick or a rebase leaves them unchanged.
type Origin<'a> = (&'a str, Timestamp, &'a str);

impl Cancelled {
    /// `other_side`: the commits that only the other side of a diverged history has.
    pub(super) fn find(range: &Range<'_>, other_side: &[Commit]) -> Self {
        let mut cancelled = Self { is_dropped: vec![false; range.commits.len()], reverts: 0, copies: 0 };
        cancelled.drop_copies(range, other_side);
        cancelled.drop_reverted(range);
        cancelled
    }

    /// Keeps the oldest of a commit and its cherry-picks, or none of them if the other side has one too.
    fn drop_copies(&mut self, range: &Range<'_>, other_side: &[Commit]) {
        let other_ids: HashSet<String> = other_side.iter().map(|commit| commit.id.to_string()).collect();
        let other_messages: Vec<Message<'_>> = other_side.iter().map(Message::read).collect();
        let mut picked: HashSet<&str> =
            other_messages.iter().filter_map(|message| message.picked_from).collect();
        let mut origins: HashSet<Origin<'_>> =
            other_side.iter().zip(&other_messages).map(|(commit, message)| origin(commit, message)).collect();
        for position in (0..range.commits.len()).rev() {
            let (commit, message) = (&range.commits[position], &range.messages[position]);
            if message.merge.is_some() {
                continue;
            }
            let is_pick_of_known = message.picked_from.is_some_and(|from| {
                other_ids.contains(from) || range.positions.of_prefix(from).is_some() || !picked.insert(from)
            });
            let was_picked = !other_side.is_empty() && picked.contains(commit.id.to_string().as_str());
            if !origins.insert(origin(commit, message)) || is_pick_of_known || was_picked {
                self.is_dropped[position] = true;
                self.copies += 1;
            }
        }
    }

    /// Goes from the newest to the oldest, so that a revert of a revert restores the original commit.
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

/// Finds the target of a revert that names a title or a pull request instead of a commit.
struct Index<'a> {
    /// Positions by subject, oldest last.
    by_subject: HashMap<&'a str, Vec<usize>>,
    by_pull_request: HashMap<u64, usize>,
}

impl<'a> Index<'a> {
    fn of(range: &Range<'a>) -> Self {
        let mut by_subject: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut by_pull_request = HashMap::new();
        for (position, message) in range.messages.iter().enumerate() {
            by_subject.entry(message.subject).or_default().push(position);
            let number = match message.merge {
                Some(Merge::PullRequest { number, .. }) => number,
                Some(Merge::Branch) => None,
                None => message.title.pull_request,
            };
            if let Some(number) = number {
                by_pull_request.entry(number).or_insert(position);
            }
        }
        Self { by_subject, by_pull_request }
    }

    /// The targets of the revert at `position`, if all of them are in the range, older, and not dropped yet.
    fn targets(
        &self,
        reverts: &Reverts<'_>,
        range: &Range<'_>,
        position: usize,
        is_dropped: &[bool],
    ) -> Option<Vec<usize>> {
        let named: Vec<Option<usize>> =
            reverts.commits.iter().map(|name| range.positions.of_prefix(name)).collect();
        // A revert on a release branch often names the original commit on main, of which the branch has a cherry-pick.
        // Then no named commit is in the range, but the title is.
        let are_elsewhere = !named.is_empty() && reverts.title.is_some() && named.iter().all(Option::is_none);
        let targets: Vec<usize> = if !named.is_empty() && !are_elsewhere {
            named.into_iter().collect::<Option<_>>()?
        } else if let (Some(number), false) = (reverts.pull_request, are_elsewhere) {
            vec![*self.by_pull_request.get(&number)?]
        } else {
            let positions = self.by_subject.get(reverts.title?)?;
            vec![*positions.iter().find(|other| **other > position && !is_dropped[**other])?]
        };
        targets.iter().all(|target| *target > position && !is_dropped[*target]).then_some(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::{commit, commit_on, id, line};

    fn selected_beside(commits: &[Commit], other_side: &[Commit]) -> Vec<String> {
        let messages: Vec<Message<'_>> = commits.iter().map(Message::read).collect();
        let positions = Positions::of_range(commits);
        let lineage = Lineage::trace(commits, &messages, &positions);
        let range = Range { commits, messages: &messages, positions: &positions, lineage: &lineage };
        let cancelled = Cancelled::find(&range, other_side);
        let selected = messages.iter().zip(&cancelled.is_dropped).filter(|(_, is_dropped)| !**is_dropped);
        selected.map(|(message, _)| message.subject.to_owned()).collect()
    }

    fn selected(commits: &[Commit]) -> Vec<String> {
        selected_beside(commits, &[])
    }

    #[test]
    fn drops_a_revert_and_its_target() {
        let revert = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", id(2));
        assert_eq!(selected(&line(&["feat: d", &revert, "feat: b", "feat: a"])), ["feat: d", "feat: a"]);
        let short = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", &id(2).to_string()[..8]);
        assert_eq!(selected(&line(&["feat: d", &short, "feat: b", "feat: a"])), ["feat: d", "feat: a"]);
    }

    #[test]
    fn a_revert_of_a_revert_restores_the_commit() {
        let first = format!("Revert \"feat: b\"\n\nThis reverts commit {}.", id(2));
        let second = format!("Reapply \"feat: b\"\n\nThis reverts commit {}.", id(3));
        assert_eq!(selected(&line(&[&second, &first, "feat: b", "feat: a"])), ["feat: b", "feat: a"]);
    }

    #[test]
    fn keeps_a_revert_whose_target_is_outside_the_range() {
        let revert = format!("Revert \"feat: z\"\n\nThis reverts commit {}.", id(99));
        assert_eq!(selected(&line(&[&revert, "feat: a"])), ["Revert \"feat: z\"", "feat: a"]);
        let both = format!("Revert \"x\"\n\nThis reverts commit {}.\nThis reverts commit {}.", id(1), id(99));
        assert_eq!(selected(&line(&[&both, "feat: a"])).len(), 2);
    }

    #[test]
    fn matches_a_revert_by_title_if_it_names_a_commit_of_another_branch() {
        let revert = format!("Revert \"fix: b (#3)\"\n\nThis reverts commit {}.", id(99));
        assert_eq!(selected(&line(&[&revert, "fix: b (#3)", "feat: a"])), ["feat: a"]);
    }

    #[test]
    fn matches_reverts_by_pull_request_and_by_title() {
        let by_number = "Revert \"feat: b (#12)\" (#13)\n\nReverts vtr/app#12";
        assert_eq!(selected(&line(&[by_number, "feat: b (#12)", "feat: a"])), ["feat: a"]);
        assert_eq!(
            selected(&line(&["Revert \"feat: b\"", "feat: b", "feat: a", "feat: b"])),
            ["feat: a", "feat: b"]
        );
    }

    #[test]
    fn a_revert_of_a_merge_drops_all_its_commits() {
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
    fn keeps_one_of_a_commit_and_its_cherry_pick() {
        let pick = format!("fix: b\n\n(cherry picked from commit {})", id(1));
        assert_eq!(selected(&line(&[&pick, "feat: a", "fix: b"])), ["feat: a", "fix: b"]);
        let rebased = Commit { id: id(9), ..commit(1, "fix: b (#3)") };
        assert_eq!(selected(&[rebased, commit(2, "feat: a"), commit(1, "fix: b")]), ["feat: a", "fix: b"]);
    }

    #[test]
    fn drops_commits_that_the_other_side_has() {
        let picked = [commit(40, &format!("fix: b\n\n(cherry picked from commit {})", id(2)))];
        assert_eq!(
            selected_beside(&line(&["feat: c", "fix: b", "feat: a"]), &picked),
            ["feat: c", "feat: a"]
        );
        let rebased = [Commit { id: id(40), ..commit(1, "feat: a") }];
        assert_eq!(
            selected_beside(&line(&["feat: c", "fix: b", "feat: a"]), &rebased),
            ["feat: c", "fix: b"]
        );
    }
}
