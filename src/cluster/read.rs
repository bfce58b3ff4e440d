//! Reads objects of the API: what they run, and whether Flux or Kubernetes reports them ready.
//!
//! The traps of Flux's conditions, as recorded from its controllers: after a change of the spec, Ready stays true and only its
//! `observedGeneration` lags; Ready is true for a moment while Reconciling is true too; a failure that is retried alternates
//! between false and unknown.

use std::collections::BTreeSet;

use kube::api::{DynamicObject, ResourceExt};
use serde_json::{Value, json};

use crate::manifest;
use crate::model::{
    GitReference, GitSource, LiveKustomization, LiveObject, LiveVersion, ObjectKind, ObjectName, Timestamp,
    UnhealthyCause,
};

/// Longest message of a condition that is kept, in characters.
const MOST_MESSAGE: usize = 400;

/// Longest text of a spec that may be a version, in bytes, and how many are kept of an object.
const MOST_TEXT_BYTES: usize = 128;
const MOST_TEXTS: usize = 100;

/// How deep a spec is searched for texts.
const MOST_DEPTH: usize = 40;

/// The labels by which Flux says who applied an object.
pub(super) const KUSTOMIZATION_LABELS: (&str, &str) =
    ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name");
pub(super) const RELEASE_LABELS: (&str, &str) =
    ("helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/name");

pub(super) fn name_of(object: &DynamicObject) -> ObjectName {
    ObjectName::new(&object.namespace().unwrap_or_default(), &object.name_any())
}

pub(super) fn git_source(object: &DynamicObject) -> GitSource {
    let spec = &object.data["spec"];
    let reference = &spec["ref"];
    let branch_of_name = || text(&reference["name"]).and_then(|name| name.strip_prefix("refs/heads/"));
    // Flux takes the first of these that is set, and `master` where none is.
    let other = ["commit", "name", "semver", "tag"]
        .into_iter()
        .find_map(|key| Some(format!("{key} {}", text(&reference[key])?)));
    let reference = match (branch_of_name(), other) {
        (Some(branch), _) if reference["commit"].is_null() => GitReference::Branch(bounded(branch)),
        (_, Some(other)) => GitReference::Other(bounded(&other)),
        (_, None) => GitReference::Branch(bounded(text(&reference["branch"]).unwrap_or("master"))),
    };
    GitSource { url: bounded(text(&spec["url"]).unwrap_or_default()), reference }
}

pub(super) fn kustomization(object: &DynamicObject) -> LiveKustomization {
    let spec = &object.data["spec"];
    let source = &spec["sourceRef"];
    let namespace = object.namespace().unwrap_or_default();
    let source = (text(&source["kind"]) == Some("GitRepository")).then(|| {
        let namespace = text(&source["namespace"]).unwrap_or(&namespace);
        ObjectName::new(namespace, text(&source["name"]).unwrap_or_default())
    });
    let path = text(&spec["path"]).unwrap_or_default();
    let path = path.strip_prefix("./").unwrap_or(path).trim_matches('/');
    let path = if path == "." { "" } else { path };
    // `main@sha1:…`, or `main/…` of old controllers.
    let revision = text(&object.data["status"]["lastAppliedRevision"]).unwrap_or_default();
    let applied = revision.rsplit([':', '/']).next().and_then(|commit| commit.parse().ok());
    LiveKustomization { source, path: bounded(path), applied }
}

/// An object that can run a version.
pub(super) fn live_object(kind: ObjectKind, object: &DynamicObject) -> LiveObject {
    let spec = match kind {
        // The rest of a release says how it is installed.
        ObjectKind::HelmRelease => {
            json!({"values": object.data["spec"]["values"], "chart": object.data["spec"]["chart"]})
        }
        _ => object.data["spec"].clone(),
    };
    let mut texts = BTreeSet::new();
    gather_texts(&spec, 0, &mut texts);
    LiveObject {
        kustomization: labelled(object, KUSTOMIZATION_LABELS),
        release: labelled(object, RELEASE_LABELS),
        versions: versions(object, &spec),
        texts,
        readiness: readiness(kind, object),
    }
}

pub(super) fn labelled(object: &DynamicObject, (namespace, name): (&str, &str)) -> Option<ObjectName> {
    let labels = object.labels();
    Some(ObjectName::new(labels.get(namespace)?, labels.get(name)?))
}

/// The versions that the object holds, by the rules for manifests.
fn versions(object: &DynamicObject, spec: &Value) -> Vec<LiveVersion> {
    let Some(types) = &object.types else { return Vec::new() };
    let manifest = json!({
        "apiVersion": types.api_version,
        "kind": types.kind,
        "metadata": {"name": object.name_any(), "namespace": object.namespace()},
        "spec": spec,
    });
    let Ok(manifest) = manifest::read(manifest.to_string().as_bytes()) else { return Vec::new() };
    let version = |field: manifest::ImageField| LiveVersion {
        image: field.image,
        tag: field.tag,
        digest: field.digest,
    };
    manifest.fields.into_iter().map(version).collect()
}

/// The texts of a spec that may hold a version.
fn gather_texts(value: &Value, depth: usize, texts: &mut BTreeSet<Box<str>>) {
    if depth > MOST_DEPTH || texts.len() >= MOST_TEXTS {
        return;
    }
    match value {
        Value::String(text)
            if text.len() <= MOST_TEXT_BYTES && text.bytes().any(|byte| byte.is_ascii_digit()) =>
        {
            texts.insert(text.as_str().into());
        }
        Value::Array(items) => items.iter().for_each(|item| gather_texts(item, depth + 1, texts)),
        Value::Object(entries) => entries.values().for_each(|item| gather_texts(item, depth + 1, texts)),
        _ => {}
    }
}

fn readiness(kind: ObjectKind, object: &DynamicObject) -> Result<Timestamp, UnhealthyCause> {
    match kind {
        ObjectKind::HelmRelease | ObjectKind::OciRepository => of_flux(object),
        ObjectKind::Deployment => of_deployment(object),
        ObjectKind::StatefulSet => of_stateful_set(object),
        ObjectKind::DaemonSet => of_daemon_set(object),
        ObjectKind::CronJob if object.data["spec"]["suspend"] == json!(true) => {
            Err(UnhealthyCause::Suspended)
        }
        ObjectKind::CronJob => Ok(created(object)),
    }
}

/// An object of Flux is ready when its Ready condition is true and about its current generation, and it is neither being
/// reconciled nor suspended.
fn of_flux(object: &DynamicObject) -> Result<Timestamp, UnhealthyCause> {
    if object.data["spec"]["suspend"] == json!(true) {
        return Err(UnhealthyCause::Suspended);
    }
    let ready = Condition::of(object, "Ready").ok_or(UnhealthyCause::Outdated)?;
    if ready.observed_generation.is_none() || ready.observed_generation != object.metadata.generation {
        return Err(UnhealthyCause::Outdated);
    }
    match (ready.status, Condition::of(object, "Reconciling")) {
        ("True", Some(Condition { status: "True", message, .. })) => {
            Err(UnhealthyCause::Reconciling { message: bounded(message) })
        }
        ("True", _) => ready.transition.ok_or(UnhealthyCause::Outdated),
        ("Unknown", _) => Err(UnhealthyCause::Reconciling { message: bounded(ready.message) }),
        _ => Err(ready.into_not_ready()),
    }
}

/// A rollout is complete once its pods were available; scaling does not undo that.
fn of_deployment(object: &DynamicObject) -> Result<Timestamp, UnhealthyCause> {
    let (spec, status) = (&object.data["spec"], &object.data["status"]);
    is_observed(object)?;
    let progressing = Condition::of(object, "Progressing");
    let (updated, wanted) = (count(&status["updatedReplicas"]), wanted(spec));
    let is_complete = match &progressing {
        Some(condition) if condition.reason == "ProgressDeadlineExceeded" => {
            return Err(progressing.map_or(UnhealthyCause::Outdated, Condition::into_not_ready));
        }
        Some(condition) => condition.reason == "NewReplicaSetAvailable",
        // Without a deadline there is no condition.
        None => updated >= wanted && count(&status["replicas"]) <= updated,
    };
    if !is_complete {
        return Err(rolling_out(updated, wanted));
    }
    let available = Condition::of(object, "Available").ok_or(UnhealthyCause::Outdated)?;
    if available.status != "True" {
        return Err(available.into_not_ready());
    }
    available.transition.ok_or(UnhealthyCause::Outdated)
}

/// A rollout is complete once its revision is the current one; scaling does not undo that.
fn of_stateful_set(object: &DynamicObject) -> Result<Timestamp, UnhealthyCause> {
    let (spec, status) = (&object.data["spec"], &object.data["status"]);
    is_observed(object)?;
    let wanted = wanted(spec);
    if text(&status["currentRevision"]) != text(&status["updateRevision"]) {
        return Err(rolling_out(count(&status["updatedReplicas"]), wanted));
    }
    some_ready(count(&status["readyReplicas"]), wanted)?;
    Ok(created(object))
}

fn of_daemon_set(object: &DynamicObject) -> Result<Timestamp, UnhealthyCause> {
    let status = &object.data["status"];
    is_observed(object)?;
    let (updated, wanted) =
        (count(&status["updatedNumberScheduled"]), count(&status["desiredNumberScheduled"]));
    if updated < wanted {
        return Err(rolling_out(updated, wanted));
    }
    some_ready(count(&status["numberAvailable"]), wanted)?;
    Ok(created(object))
}

fn is_observed(object: &DynamicObject) -> Result<(), UnhealthyCause> {
    let observed = object.data["status"]["observedGeneration"].as_i64();
    if observed >= object.metadata.generation { Ok(()) } else { Err(UnhealthyCause::Outdated) }
}

fn some_ready(ready: i64, wanted: i64) -> Result<(), UnhealthyCause> {
    if ready > 0 || wanted == 0 {
        return Ok(());
    }
    let message = format!("none of {wanted} pods is ready");
    Err(UnhealthyCause::NotReady { reason: "NoReadyPod".to_owned(), message })
}

fn rolling_out(updated: i64, wanted: i64) -> UnhealthyCause {
    UnhealthyCause::RollingOut { progress: format!("{updated} of {wanted} pods are updated") }
}

/// The replicas that are wanted; one where the spec does not say.
fn wanted(spec: &Value) -> i64 {
    spec["replicas"].as_i64().unwrap_or(1)
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// When the object was created. It stands in where Kubernetes reports no transition.
fn created(object: &DynamicObject) -> Timestamp {
    let created = object.metadata.creation_timestamp.as_ref();
    created.and_then(|at| at.0.to_string().parse().ok()).unwrap_or_default()
}

/// A condition of an object's status.
struct Condition<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
    observed_generation: Option<i64>,
    transition: Option<Timestamp>,
}

impl<'a> Condition<'a> {
    fn of(object: &'a DynamicObject, name: &str) -> Option<Self> {
        let conditions = object.data["status"]["conditions"].as_array()?;
        let condition = conditions.iter().find(|condition| condition["type"] == name)?;
        Some(Self {
            status: text(&condition["status"]).unwrap_or_default(),
            reason: text(&condition["reason"]).unwrap_or_default(),
            message: text(&condition["message"]).unwrap_or_default(),
            observed_generation: condition["observedGeneration"].as_i64(),
            transition: text(&condition["lastTransitionTime"]).and_then(|at| at.parse().ok()),
        })
    }

    fn into_not_ready(self) -> UnhealthyCause {
        UnhealthyCause::NotReady { reason: bounded(self.reason), message: bounded(self.message) }
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn bounded(text: &str) -> String {
    text.chars().take(MOST_MESSAGE).collect()
}

#[cfg(test)]
mod tests;
