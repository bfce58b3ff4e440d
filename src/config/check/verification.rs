//! `environments[].verifyWithin` and `onFailure`.

use std::time::Duration;

use crate::config::diagnostic::Diagnostics;
use crate::config::raw;
use crate::policy::{OnFailure, VerificationPolicy};

/// The verification of an environment, if it has one.
pub(super) fn verification(
    raw: &raw::Environment,
    within: Option<Duration>,
    diagnostics: &mut Diagnostics,
) -> Option<VerificationPolicy> {
    let Some(duration) = &raw.verify_within else {
        if let Some(on_failure) = &raw.on_failure {
            diagnostics.error(
                on_failure.at,
                "`onFailure` without `verifyWithin`: there is no time in which a version must be healthy",
                "add `verifyWithin: 15m`",
            );
        }
        return None;
    };
    if raw.cluster.is_none() {
        diagnostics.error(
            duration.at,
            "`verifyWithin` needs a cluster that says whether a version is healthy, and this environment has none",
            "add `cluster: {kubeconfig: FILE, context: NAME}` or `cluster: {inCluster: true}`",
        );
    }
    if within.is_some_and(|within| within.is_zero()) {
        diagnostics.error(duration.at, "no version is healthy within no time", "write a time such as `15m`");
    }
    let is_proposed =
        raw.delivery.as_ref().is_some_and(|delivery| delivery.value == raw::Delivery::PullRequest);
    let on_failure = match raw.on_failure.as_ref().map(|on_failure| (on_failure.value, on_failure.at)) {
        None | Some((raw::OnFailure::Report, _)) => OnFailure::Report,
        Some((raw::OnFailure::Hold, _)) => OnFailure::Hold,
        Some((raw::OnFailure::Rollback, at)) => {
            if is_proposed {
                diagnostics.error(
                    at,
                    "`onFailure: rollback` pushes a commit, and this environment has `delivery: pullRequest`",
                    "write `onFailure: hold`, or `delivery: push`",
                );
            }
            OnFailure::RollBack
        }
    };
    Some(VerificationPolicy { within: within?, on_failure })
}
