//! Reviews of a pull request: whether they approve its current commit.

use std::collections::HashMap;

use crate::model::{CommitId, Digest, Opinion, PullRequestReview, Tag};

/// An open pull request that proposes a version for a target, and the verdict of its reviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedPullRequest {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// The proposed tag.
    pub tag: Tag,
    /// The digest that was proposed, if its trailers name one.
    pub digest: Option<Digest>,
    /// The verdict of its reviews; `None` if the request failed.
    pub verdict: Option<ReviewVerdict>,
}

/// The verdict of a pull request's reviews. Logins are untrusted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// These approved the current commit.
    Approved(Vec<String>),
    /// These requested changes, which outweighs approvals.
    ChangesRequested(Vec<String>),
    /// Not approved; these approved an earlier commit.
    Waits(Vec<String>),
}

impl ReviewVerdict {
    /// The verdict of `reviews` (earliest first) on a pull request at `head` that `opened_by` opened.
    ///
    /// The last opinion of each reviewer with write access counts, as far as the forge reports access. Authors cannot
    /// approve their own pull requests. An approval counts only for its own commit.
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
