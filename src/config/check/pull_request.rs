//! The `delivery` and `pullRequest` keys of an environment.

use crate::config::location::Located;
use crate::config::problem::Findings;
use crate::config::raw;
use crate::config::settings::PullRequests;
use crate::model::{MergeMethod, Printable};

/// The most labels and reviewers that GitHub takes in one request, by far.
const MOST_NAMES: usize = 15;

/// How promotions into an environment are proposed; nothing when they are pushed.
pub(super) fn pull_requests(raw: &raw::Environment, findings: &mut Findings) -> Option<PullRequests> {
    let is_asked = raw.delivery.as_ref().is_some_and(|asked| asked.value == raw::Delivery::PullRequest);
    if let (Some(settings), false) = (&raw.pull_request, is_asked) {
        findings.warning(
            settings.at.start(),
            "`pullRequest` has no effect, since promotions are pushed here",
            "write `delivery: pullRequest` too, or leave it out",
        );
    }
    if !is_asked {
        return None;
    }
    let Some(raw) = raw.pull_request.as_ref().map(|raw| &raw.value) else {
        return Some(PullRequests::default());
    };
    Some(PullRequests {
        is_whole_environment: matches!(raw.group, Some(raw::RequestGroup::Environment)),
        labels: names(&raw.labels, 50, findings),
        reviewers: names(&raw.reviewers, 39, findings),
        team_reviewers: names(&raw.team_reviewers, 100, findings),
        is_draft: raw.draft.unwrap_or(false),
        auto_merge: raw.auto_merge.map(|method| match method {
            raw::MergeMethod::Merge => MergeMethod::Merge,
            raw::MergeMethod::Squash => MergeMethod::Squash,
            raw::MergeMethod::Rebase => MergeMethod::Rebase,
        }),
    })
}

fn names(raw: &[Located<String>], most_chars: usize, findings: &mut Findings) -> Vec<String> {
    if let Some(too_many) = raw.get(MOST_NAMES) {
        findings.error(too_many.at, "these are too many", format!("name at most {MOST_NAMES}"));
    }
    for name in raw {
        let is_name = !name.value.trim().is_empty()
            && name.value.chars().count() <= most_chars
            && !name.value.chars().any(|letter| letter.is_control() || letter == ',');
        if !is_name {
            let shown = Printable::bounded(&name.value, 60).to_string();
            findings.error(
                name.at,
                format!("`{shown}` is no name that GitHub takes"),
                format!("write 1 to {most_chars} characters on one line, without a comma"),
            );
        }
    }
    raw.iter().map(|name| name.value.clone()).collect()
}
