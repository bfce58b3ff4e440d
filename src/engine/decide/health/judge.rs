//! Whether a cluster runs what a file holds, and reports it ready. Pure: it looks at a snapshot of the cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{
    ClusterObjects, CommitId, EnvironmentId, ImageName, LiveKustomization, LiveObject, LiveVersion,
    ObjectKind, ObjectName, PinnedTag, RepoPath, ServiceName, Tag, Timestamp, Unhealthy, UnhealthyCause,
};

use super::context::OurKustomizations;

/// A cluster of an environment that was verified, with what is looked up in it.
pub(super) struct ClusterView<'a> {
    name: &'a str,
    objects: &'a ClusterObjects,
    ours: OurKustomizations<'a>,
    /// The objects that a HelmRelease made.
    made_by: HashMap<&'a ObjectName, Vec<Live<'a>>>,
    /// The objects that hold a version of an image.
    holding: HashMap<&'a ImageName, Vec<Live<'a>>>,
}

#[derive(Clone, Copy)]
struct Live<'a> {
    kind: ObjectKind,
    name: &'a ObjectName,
    object: &'a LiveObject,
}

/// What a file holds of an image.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) file: &'a RepoPath,
    pub(super) service: &'a ServiceName,
    pub(super) image: &'a ImageName,
    pub(super) tags: &'a [PinnedTag],
}

/// The cluster runs it and reports it ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    /// The latest transition of its objects.
    pub(super) since: Timestamp,
    /// The Kustomization that applies it, and the last commit that this applied.
    pub(super) kustomization: String,
    pub(super) applied: Option<CommitId>,
}

impl<'a> ClusterView<'a> {
    pub(super) fn new(name: &'a str, objects: &'a ClusterObjects, ours: OurKustomizations<'a>) -> Self {
        let mut made_by: HashMap<_, Vec<Live<'_>>> = HashMap::new();
        let mut holding: HashMap<_, Vec<Live<'_>>> = HashMap::new();
        for ((kind, name), object) in &objects.objects {
            let live = Live { kind: *kind, name, object };
            if let Some(release) = &object.release {
                made_by.entry(release).or_default().push(live);
            }
            for image in object.versions.iter().filter_map(|version| version.image.as_ref()) {
                let holding = holding.entry(image).or_default();
                // An object may hold an image several times in a row.
                if holding.last().is_none_or(|last| !std::ptr::eq(last.object, live.object)) {
                    holding.push(live);
                }
            }
        }
        Self { name, objects, ours, made_by, holding }
    }

    /// Whether the cluster applies a file.
    pub(super) fn applies(&self, file: &RepoPath) -> bool {
        self.kustomization_of(file).is_some()
    }

    /// The innermost Kustomization over a file.
    fn kustomization_of(&self, file: &RepoPath) -> Option<(&'a ObjectName, &'a LiveKustomization)> {
        let covering = self.ours.iter().filter(|(_, kustomization)| kustomization.covers(file.as_str()));
        covering
            .max_by_key(|(_, kustomization)| kustomization.path.len())
            .map(|(name, kustomization)| (*name, &***kustomization))
    }

    /// Whether the cluster runs what a file holds, whatever commit brought it.
    pub(super) fn judge(&self, held: Held<'_>) -> Result<Ready, Unhealthy> {
        let named = self.named(held.service);
        let unhealthy = |cause| self.unhealthy(held.service, cause);
        let of = |live: &Live<'_>, cause| Unhealthy { object: live.label(), ..unhealthy(cause) };
        let covering = self
            .kustomization_of(held.file)
            .ok_or_else(|| unhealthy(UnhealthyCause::NoKustomization { file: held.file.clone() }))?;
        let holders = self.holders(&named, held.image, covering.0);
        let involved: Vec<Live<'_>> = named.iter().chain(&holders).copied().collect();
        let Some(first) = involved.first() else {
            return Err(unhealthy(UnhealthyCause::Missing));
        };
        for live in &holders {
            if let Some(tags) = live.other_versions(held) {
                return Err(of(live, UnhealthyCause::OtherVersion { tags }));
            }
        }
        let is_held = !holders.is_empty() || named.iter().any(|live| live.shows(held));
        if !is_held {
            return Err(unhealthy(UnhealthyCause::VersionNotSeen));
        }
        let mut since = Timestamp::MIN_UTC;
        for live in &involved {
            match &live.object.readiness {
                Ok(ready_since) => since = since.max(*ready_since),
                Err(cause) => return Err(of(live, cause.clone())),
            }
        }
        // The labels of the live object know better than paths which of several Kustomizations it was.
        let by_label = first.object.kustomization.as_ref().and_then(|name| self.ours.get_key_value(name));
        let (name, kustomization) =
            by_label.map_or(covering, |(name, kustomization)| (*name, &***kustomization));
        Ok(Ready { since, kustomization: name.to_string(), applied: kustomization.applied })
    }

    /// That something is the matter with a service here.
    pub(super) fn unhealthy(&self, service: &ServiceName, cause: UnhealthyCause) -> Unhealthy {
        let object = match self.named(service).first() {
            Some(first) => first.label(),
            None => format!("HelmRelease {}", ObjectName::of(service)),
        };
        Unhealthy { cluster: self.name.to_owned(), object, cause }
    }

    /// The objects of the service's name: the HelmRelease, else workloads.
    fn named(&self, service: &ServiceName) -> Vec<Live<'a>> {
        let name = ObjectName::of(service);
        let find = |kind: ObjectKind| {
            let found: Option<(&(ObjectKind, ObjectName), &Arc<LiveObject>)> =
                self.objects.objects.get_key_value(&(kind, name.clone()));
            found.map(|((_, name), object)| Live { kind, name, object })
        };
        match find(ObjectKind::HelmRelease) {
            Some(release) => vec![release],
            None => ObjectKind::ALL.into_iter().filter(|kind| kind.is_workload()).filter_map(find).collect(),
        }
    }

    /// The objects that hold a version of the image: of the service's name; else of what its HelmRelease made; else of what its
    /// Kustomization applies.
    fn holders(&self, named: &[Live<'a>], image: &ImageName, kustomization: &ObjectName) -> Vec<Live<'a>> {
        let holding: &[Live<'a>] = self.holding.get(image).map(Vec::as_slice).unwrap_or_default();
        let has = |found: Vec<Live<'a>>| (!found.is_empty()).then_some(found);
        let among = |fits: &dyn Fn(&Live<'a>) -> bool| {
            has(holding.iter().filter(|live| fits(live)).copied().collect())
        };
        let is_named = |live: &Live<'a>| named.iter().any(|one| std::ptr::eq(one.object, live.object));
        let made: Vec<&Live<'_>> = named
            .iter()
            .filter(|live| live.kind == ObjectKind::HelmRelease)
            .flat_map(|live| self.made_by.get(live.name).into_iter().flatten())
            .collect();
        let is_made = |live: &Live<'a>| made.iter().any(|one| std::ptr::eq(one.object, live.object));
        let is_applied = |live: &Live<'a>| live.object.kustomization.as_ref() == Some(kustomization);
        among(&is_named)
            .or_else(|| among(&is_made))
            .or_else(|| {
                if named.is_empty() { among(&is_applied) } else { chart_source(named, &is_applied, holding) }
            })
            .unwrap_or_default()
    }
}

/// The OCIRepository in the namespace of a HelmRelease that holds its chart's version.
fn chart_source<'a>(
    named: &[Live<'a>],
    is_applied: &dyn Fn(&Live<'a>) -> bool,
    holding: &[Live<'a>],
) -> Option<Vec<Live<'a>>> {
    let is_source = |live: &&Live<'a>| {
        live.kind == ObjectKind::OciRepository
            && is_applied(live)
            && named.iter().any(|one| one.name.namespace == live.name.namespace)
    };
    let found: Vec<Live<'a>> = holding.iter().filter(is_source).copied().collect();
    (!found.is_empty()).then_some(found)
}

impl Live<'_> {
    fn label(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.name)
    }

    /// The versions of the image that it holds beside what the file holds, if there are any.
    fn other_versions(&self, held: Held<'_>) -> Option<Vec<Tag>> {
        let is_ours = |version: &&LiveVersion| version.image.as_ref() == Some(held.image);
        let is_other = |version: &&LiveVersion| {
            !held.tags.iter().any(|pinned| {
                pinned.tag == version.tag && (pinned.digest.is_none() || pinned.digest == version.digest)
            })
        };
        let others: Vec<_> = self
            .object
            .versions
            .iter()
            .filter(is_ours)
            .filter(is_other)
            .map(|version| version.tag.clone())
            .collect();
        (!others.is_empty()).then_some(others)
    }

    /// Whether a text of it can be the version that the file holds: the tag alone, or behind the image's name.
    fn shows(&self, held: Held<'_>) -> bool {
        let is_tag = |text: &str| {
            held.tags.iter().any(|pinned| {
                let text = text.split_once('@').map_or(text, |(before, _)| before);
                text.strip_suffix(pinned.tag.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with(':'))
            })
        };
        self.object.texts.iter().any(|text| is_tag(text))
    }
}

/// The clusters that were verified, by environment.
pub(super) type Views<'a> = BTreeMap<EnvironmentId, Vec<ClusterView<'a>>>;
