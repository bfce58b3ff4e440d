//! Whether the clusters of environments answer, and whether they are the right ones.

use std::time::Duration;

use crate::cli::wiring::Session;
use crate::engine::check_clusters;
use crate::model::Printable;
use crate::port::Clusters as _;

use super::finding::Finding;

/// How long the clusters of an environment may take to answer.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// What each cluster follows and applies.
pub(super) async fn check(session: &Session) -> Vec<Finding> {
    let policy = session.engine.repository_policy();
    let mut findings = Vec::new();
    for (id, environment) in policy.environments.entries() {
        let name = &environment.policy.name;
        let reports = session.clusters.look(name, TIME_LIMIT).await;
        for check in check_clusters(policy, id, &reports) {
            let what = format!("cluster {} of {name}", Printable::bounded(&check.cluster, 80));
            findings.push(match check.result {
                Ok(found) => Finding::good(what, found),
                Err(why) => Finding::bad(what, why).with_hint(format!(
                    "until then, nothing goes on from {name} without `--override health`"
                )),
            });
        }
    }
    findings
}
