//! The Kubernetes objects of a document, and a reader of their parts.

use crate::manifest::{Content, Document, NodeId, Position};

/// The deepest nesting of lists of objects.
const MAX_LIST_DEPTH: usize = 4;

/// The kinds that run containers.
const WORKLOADS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];

/// A Kubernetes object.
#[derive(Clone, Copy)]
pub(super) struct Object<'d, 't> {
    pub(super) document: &'d Document<'t>,
    pub(super) root: NodeId,
    pub(super) api_version: &'d str,
    pub(super) kind: &'d str,
}

impl<'d, 't> Object<'d, 't> {
    /// The objects of a document: itself, or the items of a list.
    pub(super) fn all(document: &'d Document<'t>) -> Vec<Self> {
        let mut found = Vec::new();
        collect(document, NodeId::ROOT, MAX_LIST_DEPTH, &mut found);
        found
    }

    /// The API group; empty for the core group.
    pub(super) fn group(&self) -> &'d str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The version within the group.
    pub(super) fn version(&self) -> &'d str {
        self.api_version.split_once('/').map_or(self.api_version, |(_, version)| version)
    }

    pub(super) fn is_helm_release(&self) -> bool {
        self.kind == "HelmRelease" && self.group() == "helm.toolkit.fluxcd.io"
    }

    pub(super) fn is_workload(&self) -> bool {
        WORKLOADS.contains(&self.kind) && ["apps", "batch", ""].contains(&self.group())
    }

    /// Whether it is a HelmRelease that only changes another one.
    pub(super) fn is_patch(&self) -> bool {
        self.is_helm_release()
            && self.get(&["spec", "chart"]).is_none()
            && self.get(&["spec", "chartRef"]).is_none()
    }

    pub(super) fn get(&self, path: &[&str]) -> Option<NodeId> {
        self.document.get_path(self.root, path)
    }

    /// Whether a path of keys leads anywhere, through the items of sequences too.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        let mut nodes = vec![self.root];
        for key in path {
            let items = nodes.into_iter().flat_map(|node| match self.items(node) {
                items if items.is_empty() => vec![node],
                items => items,
            });
            nodes = items.filter_map(|node| self.document.get(node, key)).collect();
        }
        !nodes.is_empty()
    }

    /// The value of a scalar; `None` where nothing is written.
    pub(super) fn text(&self, path: &[&str]) -> Option<&'d str> {
        self.text_of(self.get(path)?)
    }

    /// The value of a scalar; `None` where nothing is written.
    pub(super) fn text_of(&self, node: NodeId) -> Option<&'d str> {
        self.document.text(node).filter(|text| !text.is_empty())
    }

    pub(super) fn name(&self) -> &'d str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> Option<&'d str> {
        self.text(&["metadata", "namespace"])
    }

    pub(super) fn position(&self, node: NodeId) -> Position {
        self.document.node(node).position
    }

    /// The place of `metadata.name`, or of the object.
    pub(super) fn name_position(&self) -> Position {
        self.position(self.get(&["metadata", "name"]).unwrap_or(self.root))
    }

    /// The items of a sequence; empty for other nodes.
    pub(super) fn items(&self, list: NodeId) -> Vec<NodeId> {
        let target = self.document.target(list);
        match self.document.node(target).content {
            Content::Sequence => self.document.children(target).collect(),
            _ => Vec::new(),
        }
    }

    /// The pod's specification in a workload.
    pub(super) fn pod_spec(&self) -> Option<NodeId> {
        let path: &[&str] = match self.kind {
            "Pod" => &["spec"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        };
        self.is_workload().then(|| self.get(path)).flatten()
    }

    /// The containers of a workload; `keys` of `containers` and `initContainers`.
    pub(super) fn containers(&self, keys: &[&str]) -> Vec<NodeId> {
        let Some(spec) = self.pod_spec() else { return Vec::new() };
        let lists = keys.iter().filter_map(|key| self.document.get(spec, key));
        lists.flat_map(|list| self.items(list)).collect()
    }

    /// How messages name the object.
    pub(super) fn label(&self) -> String {
        match self.namespace() {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name()),
            None => format!("{} {}", self.kind, self.name()),
        }
    }
}

fn collect<'d, 't>(
    document: &'d Document<'t>,
    root: NodeId,
    lists_left: usize,
    found: &mut Vec<Object<'d, 't>>,
) {
    let text = |key| document.get(root, key).and_then(|node| document.text(node));
    let (Some(kind), Some(api_version)) = (text("kind"), text("apiVersion")) else { return };
    let items = document.get(root, "items").map(|items| document.target(items));
    match items {
        Some(items) if kind.ends_with("List") => {
            for item in document.children(items).filter(|_| lists_left > 0) {
                collect(document, item, lists_left - 1, found);
            }
        }
        _ => found.push(Object { document, root, api_version, kind }),
    }
}
