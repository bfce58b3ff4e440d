//! `environments[].cluster`.

use super::file;
use crate::config::diagnostic::Diagnostics;
use crate::config::environment::Cluster;
use crate::config::location::{Located, Location};
use crate::config::raw;

/// The clusters of an environment; none where none is configured.
pub(super) fn clusters(
    raw: Option<&Located<raw::Clusters>>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Cluster>> {
    let Some(raw) = raw else { return Some(Vec::new()) };
    if raw.value.0.is_empty() {
        diagnostics.error(raw.at.start(), "`cluster` names none", "name one, or remove the key");
        return None;
    }
    let checked: Vec<Cluster> =
        raw.value.0.iter().filter_map(|cluster| self::cluster(cluster, raw.at, diagnostics)).collect();
    (checked.len() == raw.value.0.len()).then_some(checked)
}

fn cluster(raw: &raw::Cluster, at: Location, diagnostics: &mut Diagnostics) -> Option<Cluster> {
    let is_inside = raw.is_inside.as_ref().is_some_and(|inside| inside.value);
    match (&raw.kubeconfig, &raw.context) {
        (Some(kubeconfig), Some(context)) if !is_inside => {
            let file = file::path(kubeconfig, diagnostics)?;
            let is_valid =
                (1..=253).contains(&context.value.len()) && !context.value.chars().any(char::is_control);
            if !is_valid {
                diagnostics.error(
                    context.at,
                    "this is not the name of a context",
                    "`kubectl config get-contexts` lists the names",
                );
                return None;
            }
            Some(Cluster::Kubeconfig { file, context: context.value.clone() })
        }
        (None, None) if is_inside => Some(Cluster::InCluster),
        (Some(kubeconfig), None) if !is_inside => {
            diagnostics.error(
                kubeconfig.at,
                "a kubeconfig without the context to use",
                "add `context: NAME`; the current context is whatever somebody used last",
            );
            None
        }
        _ => {
            diagnostics.error(
                at.start(),
                "a cluster is either in a kubeconfig or the one that Tidegate runs in",
                "write `{kubeconfig: FILE, context: NAME}`, or `{inCluster: true}`",
            );
            None
        }
    }
}
