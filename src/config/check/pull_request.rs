//! The `delivery` and `pullRequest` keys of an environment.

use crate::config::diagnostic::Diagnostics;
use crate::config::environment::PullRequests;
use crate::config::location::Located;
use crate::config::raw;
use crate::model::{MergeMethod, Printable};

/// Maximum labels or reviewers; GitHub accepts 15 reviewers per request.
const MAX_NAMES: usize = 15;

/// The settings of pull requests, if the environment has `delivery: pullRequest`.
pub(super) fn pull_requests(raw: &raw::Environment, diagnostics: &mut Diagnostics) -> Option<PullRequests> {
    let is_requested =
        raw.delivery.as_ref().is_some_and(|delivery| delivery.value == raw::Delivery::PullRequest);
    if let (Some(settings), false) = (&raw.pull_request, is_requested) {
        diagnostics.warning(
            settings.at.start(),
            "`pullRequest` has no effect, because this environment has `delivery: push`",
            "add `delivery: pullRequest`, or remove `pullRequest`",
        );
    }
    if !is_requested {
        return None;
    }
    let Some(raw) = raw.pull_request.as_ref().map(|raw| &raw.value) else {
        return Some(PullRequests::default());
    };
    Some(PullRequests {
        is_whole_environment: matches!(raw.group, Some(raw::RequestGroup::Environment)),
        labels: names(&raw.labels, 50, diagnostics),
        reviewers: names(&raw.reviewers, 39, diagnostics),
        team_reviewers: names(&raw.team_reviewers, 100, diagnostics),
        is_draft: raw.draft.unwrap_or(false),
        auto_merge: raw.auto_merge.map(|method| match method {
            raw::MergeMethod::Merge => MergeMethod::Merge,
            raw::MergeMethod::Squash => MergeMethod::Squash,
            raw::MergeMethod::Rebase => MergeMethod::Rebase,
        }),
    })
}

fn names(raw: &[Located<String>], max_chars: usize, diagnostics: &mut Diagnostics) -> Vec<String> {
    if let Some(too_many) = raw.get(MAX_NAMES) {
        diagnostics.error(too_many.at, "too many names", format!("write at most {MAX_NAMES}"));
    }
    for name in raw {
        let is_name = !name.value.trim().is_empty()
            && name.value.chars().count() <= max_chars
            && !name.value.chars().any(|letter| letter.is_control() || letter == ',');
        if !is_name {
            let shown = Printable::bounded(&name.value, 60).to_string();
            diagnostics.error(
                name.at,
                format!("GitHub does not accept the name `{shown}`"),
                format!("write 1 to {max_chars} characters on one line, without a comma"),
            );
        }
    }
    raw.iter().map(|name| name.value.clone()).collect()
}
