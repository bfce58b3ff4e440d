//! Clusters in memory, which a test drives through what Flux reports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{image, lock, path};
use crate::model::{
    ClusterObjects, ClusterReport, CommitId, EnvironmentName, GitReference, GitSource, LiveKustomization,
    LiveObject, LiveVersion, ObjectKind, ObjectName, Timestamp, UnhealthyCause,
};
use crate::port::Clusters;

/// What the clusters of each environment say; none at first.
#[derive(Default)]
pub(in crate::engine) struct FakeClusters(Mutex<BTreeMap<EnvironmentName, Vec<ClusterReport>>>);

impl FakeClusters {
    /// Gives an environment a cluster, whose Flux applies a folder of the repository.
    pub(in crate::engine) fn add(&self, environment: &str, folder: &str) {
        let flux = ObjectName::new("flux-system", "flux-system");
        let source = GitSource { url: "fake".to_owned(), reference: GitReference::Branch("main".to_owned()) };
        let kustomization = LiveKustomization {
            source: Some(flux.clone()),
            path: path(folder).as_str().to_owned(),
            applied: None,
        };
        let objects = ClusterObjects {
            sources: [(flux.clone(), Arc::new(source))].into(),
            kustomizations: [(flux, Arc::new(kustomization))].into(),
            objects: BTreeMap::new(),
        };
        let report = ClusterReport { name: format!("{folder}-eks"), objects: Ok(Arc::new(objects)) };
        lock(&self.0).entry(environment.parse().unwrap()).or_default().push(report);
    }

    /// Changes the objects of the last cluster of an environment.
    pub(in crate::engine) fn change(&self, environment: &str, change: impl FnOnce(&mut ClusterObjects)) {
        let mut clusters = lock(&self.0);
        let report = clusters.get_mut(&environment.parse().unwrap()).unwrap().last_mut().unwrap();
        change(Arc::make_mut(report.objects.as_mut().unwrap()));
    }

    /// Lets Flux apply a commit.
    pub(in crate::engine) fn apply(&self, environment: &str, commit: CommitId) {
        self.change(environment, |objects| {
            for kustomization in objects.kustomizations.values_mut() {
                Arc::make_mut(kustomization).applied = Some(commit);
            }
        });
    }

    /// Lets the HelmRelease of `app` hold a tag, and be ready since then or not.
    pub(in crate::engine) fn release(
        &self,
        environment: &str,
        tag: &str,
        readiness: Result<Timestamp, UnhealthyCause>,
    ) {
        let version = LiveVersion { image: Some(image("app")), tag: tag.parse().unwrap(), digest: None };
        let object = LiveObject {
            kustomization: Some(ObjectName::new("flux-system", "flux-system")),
            release: None,
            versions: vec![version],
            texts: [tag.into()].into(),
            readiness,
        };
        self.change(environment, |objects| {
            let key = (ObjectKind::HelmRelease, ObjectName::new("common", "app"));
            objects.objects.insert(key, Arc::new(object));
        });
    }

    /// Lets nobody reach the clusters of an environment, or everybody again: what they said before.
    pub(in crate::engine) fn cut(&self, environment: &str) -> Vec<ClusterReport> {
        let mut clusters = lock(&self.0);
        let reports = clusters.get_mut(&environment.parse().unwrap()).unwrap();
        let before = reports.clone();
        for report in reports {
            report.objects = Err("connection refused".to_owned());
        }
        before
    }

    /// Restores what clusters said before [`Self::cut`].
    pub(in crate::engine) fn mend(&self, environment: &str, before: Vec<ClusterReport>) {
        lock(&self.0).insert(environment.parse().unwrap(), before);
    }
}

impl Clusters for FakeClusters {
    async fn look(&self, environment: &EnvironmentName, _wait: Duration) -> Vec<ClusterReport> {
        lock(&self.0).get(environment).cloned().unwrap_or_default()
    }
}
