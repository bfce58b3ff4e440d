//! Reviews of a pull request: whether they come to an approval of what lies on its branch now.

use std::collections::HashMap;

use crate::model::{CommitId, Digest, Opinion, PullRequestReview, Tag};

/// An open pull request that proposes a version for a target, and what its reviews come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedPullRequest {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// The tag that it proposes.
    pub tag: Tag,
    /// What the tag meant when it was proposed; nothing when it does not say.
    pub digest: Option<Digest>,
    /// What its reviews come to; nothing when they could not be asked.
    pub verdict: Option<ReviewVerdict>,
}

/// What the reviews of a pull request come to. Logins are somebody else's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// Approved by these, as it is now.
    Approved(Vec<String>),
    /// These want changes, whatever others say.
    ChangesRequested(Vec<String>),
    /// Not approved as it is now; these approved an earlier state of it.
    Waits(Vec<String>),
}

impl ReviewVerdict {
    /// What `reviews`, the earliest first, come to of a pull request that is at `head` and that `opened_by` opened.
    ///
    /// Of each reviewer the last opinion counts, and only of those who may write to the repository, as far as the forge
    /// tells; nobody approves what they opened. An approval is of the commit that it was given on, and of no other.
    pub fn of(reviews: &[PullRequestReview], head: CommitId, opened_by: Option<&str>) -> Self {
        let mut last: HashMap<String, &PullRequestReview> = HashMap::new();
        let is_opener = |by: &str| opened_by.is_some_and(|opener| opener.eq_ignore_ascii_case(by));
        let counting = reviews.iter().filter(|review| review.may_write && !is_opener(&review.by));
        for review in counting.filter(|review| review.opinion != Opinion::None) {
            last.insert(review.by.to_ascii_lowercase(), review);
        }
        let those = |is_meant: &dyn Fn(&PullRequestReview) -> bool| {
            let mut names: Vec<String> =
                last.values().filter(|review| is_meant(review)).map(|review| review.by.clone()).collect();
            names.sort();
            names
        };
        let against = those(&|review| review.opinion == Opinion::ChangesRequested);
        if !against.is_empty() {
            return Self::ChangesRequested(against);
        }
        let is_of_head = |review: &PullRequestReview| review.commit == Some(head);
        let approved = those(&|review| review.opinion == Opinion::Approved && is_of_head(review));
        if !approved.is_empty() {
            return Self::Approved(approved);
        }
        Self::Waits(those(&|review| review.opinion == Opinion::Approved))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HEAD: u8 = 7;

    /// `ana+` approves, `ana-` wants changes, `ana~` is dismissed, `ana.` comments; `ana+1` is of an earlier commit, and
    /// whoever begins with `x` may only read.
    fn read(text: &str) -> Vec<PullRequestReview> {
        let review = |word: &str| {
            let at = word.find(['+', '-', '~', '.']).unwrap();
            let (by, rest) = word.split_at(at);
            PullRequestReview {
                by: by.to_owned(),
                opinion: match &rest[..1] {
                    "+" => Opinion::Approved,
                    "-" => Opinion::ChangesRequested,
                    "~" => Opinion::Dismissed,
                    _ => Opinion::None,
                },
                commit: Some(CommitId::from_bytes([rest[1..].parse().unwrap_or(HEAD); 20])),
                may_write: !by.starts_with('x'),
            }
        };
        text.split_whitespace().map(review).collect()
    }

    #[rstest]
    #[case::nobody("", "waits")]
    #[case::one("ana+", "approved ana")]
    #[case::two("bruno+ ana+", "approved ana bruno")]
    #[case::a_comment_says_nothing("ana.", "waits")]
    #[case::a_comment_takes_nothing_back("ana+ ana.", "approved ana")]
    #[case::an_earlier_commit("ana+1", "waits ana")]
    #[case::an_earlier_and_this_one("ana+1 ana+", "approved ana")]
    #[case::another_state_of_it_after_this_one("ana+ ana+1", "waits ana")]
    #[case::changes("ana+ bruno-", "changes bruno")]
    #[case::changes_to_an_earlier_commit_still_count("ana+ bruno-1", "changes bruno")]
    #[case::changed_their_mind("bruno- bruno+", "approved bruno")]
    #[case::and_back("bruno+ bruno-", "changes bruno")]
    #[case::a_dismissed_approval("ana~", "waits")]
    #[case::a_dismissed_request_for_changes("bruno~ ana+", "approved ana")]
    #[case::a_dismissed_last_word("ana+ ana~", "waits")]
    #[case::whoever_may_only_read("xavier+", "waits")]
    #[case::whoever_may_only_read_does_not_stop_it("xavier- ana+", "approved ana")]
    #[case::who_opened_it("tidegate[bot]+", "waits")]
    #[case::in_any_case("Tidegate[Bot]+", "waits")]
    #[case::one_reviewer_in_any_case("Ana- ana+", "approved ana")]
    fn reviews_come_to(#[case] reviews: &str, #[case] expected: &str) {
        let verdict =
            ReviewVerdict::of(&read(reviews), CommitId::from_bytes([HEAD; 20]), Some("tidegate[bot]"));
        let (word, names) = match verdict {
            ReviewVerdict::Approved(names) => ("approved", names),
            ReviewVerdict::ChangesRequested(names) => ("changes", names),
            ReviewVerdict::Waits(names) => ("waits", names),
        };
        assert_eq!(format!("{word} {}", names.join(" ")).trim_end(), expected);
    }
}
