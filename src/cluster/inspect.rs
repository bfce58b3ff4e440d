//! Reads what a diagnosis needs of one service: on demand, bounded, and nothing that is watched. What may not be read is noted,
//! and the rest goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, LogParams, ResourceExt};
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::check::redact;
use crate::diagnosis::{Condition, Container, Ended, Event, Facts, FluxObject, Pod, Workload};
use crate::model::{EnvironmentName, ObjectName, Printable, Timestamp};

use super::access::Access;
use super::error::describe;
use super::read::{KUSTOMIZATION_LABELS, RELEASE_LABELS, labelled, name_of, text};
use super::{ClusterWatcher, watch};

/// How long one answer may take.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// Maximum objects of each kind.
const MOST_PODS: u32 = 50;
const MOST_OBJECTS: u32 = 200;
const MOST_EVENTS: u32 = 500;

/// Maximum logs that are read, the lines of each, and their bytes.
const MOST_LOGS: usize = 3;
const LOG_LINES: i64 = 20;
const LOG_BYTES: i64 = 16 * 1024;

/// Longest text that is kept, in characters.
const MOST_TEXT: usize = 1_000;

const HELM: &str = "helm.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";

impl ClusterWatcher {
    /// What each cluster of an environment reports of a service, or a printable sentence that says why it is not known.
    pub async fn inspect(
        &self,
        environment: &EnvironmentName,
        service: &ObjectName,
    ) -> Vec<(String, Result<Facts, String>)> {
        let accesses = self.environments.get(environment).map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::with_capacity(accesses.len());
        for access in accesses {
            found.push((access.name().to_owned(), inspect(access, service).await));
        }
        found
    }
}

async fn inspect(access: &Access, service: &ObjectName) -> Result<Facts, String> {
    let client = watch::connect(access).await?;
    let mut inspection = Inspection {
        client,
        service,
        facts: Facts {
            cluster: access.name().to_owned(),
            service: Some(service.clone()),
            ..Facts::default()
        },
    };
    inspection.read().await;
    Ok(inspection.facts)
}

struct Inspection<'a> {
    client: Client,
    service: &'a ObjectName,
    facts: Facts,
}

impl Inspection<'_> {
    async fn read(&mut self) {
        let release = self.get(HELM, "HelmRelease", self.service).await;
        let mut appliers: BTreeSet<ObjectName> = BTreeSet::new();
        let mut namespaces: BTreeSet<String> = [self.service.namespace.to_string()].into();
        if let Some(release) = &release {
            appliers.extend(labelled(release, KUSTOMIZATION_LABELS));
            namespaces.extend(text(&release.data["spec"]["targetNamespace"]).map(str::to_owned));
            self.facts.releases.push(flux_object(release));
            self.read_chart(release).await;
        }
        let workloads = self.workloads(&namespaces, release.is_some()).await;
        appliers.extend(workloads.iter().filter_map(|(_, object)| labelled(object, KUSTOMIZATION_LABELS)));
        self.read_kustomizations(&appliers).await;
        let pods = self.pods(&workloads).await;
        let mut names: BTreeSet<String> = BTreeSet::new();
        names.extend(self.facts.releases.iter().map(|release| short_name(&release.name).to_owned()));
        names.extend(workloads.iter().map(|(_, object)| object.name_any()));
        self.read_load_balancers(&namespaces, release.is_some()).await;
        self.read_events(&namespaces, &names).await;
        self.read_logs(&pods).await;
    }

    /// The HelmChart of a release, and the source of its chart.
    async fn read_chart(&mut self, release: &DynamicObject) {
        let namespace = release.namespace().unwrap_or_default();
        let spec = &release.data["spec"];
        let chart_of = |reference: &Value| {
            let namespace = text(&reference["namespace"]).unwrap_or(&namespace).to_owned();
            Some((
                text(&reference["kind"])?.to_owned(),
                ObjectName::new(&namespace, text(&reference["name"])?),
            ))
        };
        let references = [&spec["chart"]["spec"]["sourceRef"], &spec["chartRef"]];
        for (kind, name) in references.into_iter().filter_map(chart_of) {
            let Some(source) = self.get(SOURCE, &kind, &name).await else { continue };
            self.facts.sources.push(flux_object(&source));
        }
    }

    async fn read_kustomizations(&mut self, names: &BTreeSet<ObjectName>) {
        let mut sources = BTreeSet::new();
        for name in names {
            let Some(kustomization) = self.get(KUSTOMIZE, "Kustomization", name).await else { continue };
            self.facts.kustomizations.push(flux_object(&kustomization));
            let reference = &kustomization.data["spec"]["sourceRef"];
            let namespace = text(&reference["namespace"]).unwrap_or(&name.namespace);
            if let (Some(kind), Some(source)) = (text(&reference["kind"]), text(&reference["name"])) {
                sources.insert((kind.to_owned(), ObjectName::new(namespace, source)));
            }
        }
        for (kind, name) in sources {
            let Some(source) = self.get(SOURCE, &kind, &name).await else { continue };
            self.facts.sources.push(flux_object(&source));
        }
    }

    /// The workloads that the release made, or that are called like the service.
    async fn workloads(
        &mut self,
        namespaces: &BTreeSet<String>,
        has_release: bool,
    ) -> Vec<(String, DynamicObject)> {
        let mut workloads = Vec::new();
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            let resource = core("apps", kind);
            for namespace in namespaces {
                let listed =
                    self.list(&resource, namespace, &ListParams::default().limit(MOST_OBJECTS)).await;
                let own = listed.into_iter().filter(|object| self.is_own(object, has_release));
                workloads.extend(own.map(|object| (kind.to_owned(), object)));
            }
        }
        for (kind, object) in &workloads {
            self.facts.workloads.push(Workload {
                name: format!("{kind} {}", object.name_any()),
                conditions: conditions(object),
            });
        }
        workloads
    }

    /// Whether an object belongs to the service.
    fn is_own(&self, object: &DynamicObject, has_release: bool) -> bool {
        let is_named = object.name_any() == *self.service.name;
        match labelled(object, RELEASE_LABELS) {
            Some(release) if has_release => release == *self.service,
            _ => is_named,
        }
    }

    async fn pods(&mut self, workloads: &[(String, DynamicObject)]) -> Vec<DynamicObject> {
        let mut pods: Vec<DynamicObject> = Vec::new();
        for (_, workload) in workloads {
            let labels = &workload.data["spec"]["selector"]["matchLabels"];
            let Some(labels) = labels.as_object().filter(|labels| !labels.is_empty()) else { continue };
            let pairs = labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
            let selector = pairs.collect::<Vec<_>>().join(",");
            let wanted = ListParams::default().labels(&selector).limit(MOST_PODS);
            let namespace = workload.namespace().unwrap_or_default();
            pods.extend(self.list(&core("", "Pod"), &namespace, &wanted).await);
        }
        // Pods that the workload replaces say nothing about the new version.
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        self.facts.pods = pods.iter().map(pod).collect();
        pods
    }

    async fn read_load_balancers(&mut self, namespaces: &BTreeSet<String>, has_release: bool) {
        for namespace in namespaces {
            let wanted = ListParams::default().limit(MOST_OBJECTS);
            let services = self.list(&core("", "Service"), namespace, &wanted).await;
            let is_pending = |object: &&DynamicObject| {
                object.data["spec"]["type"] == "LoadBalancer"
                    && object.data["status"]["loadBalancer"]["ingress"].as_array().is_none_or(Vec::is_empty)
            };
            let pending =
                services.iter().filter(is_pending).filter(|object| self.is_own(object, has_release));
            let names: Vec<String> = pending.map(|object| name_of(object).to_string()).collect();
            self.facts.pending_load_balancers.extend(names);
        }
    }

    /// Events about the objects, the newest first. What a workload made is called like it, with a suffix.
    async fn read_events(&mut self, namespaces: &BTreeSet<String>, names: &BTreeSet<String>) {
        let mut events = Vec::new();
        for namespace in namespaces {
            let wanted = ListParams::default().limit(MOST_EVENTS);
            for object in self.list(&core("", "Event"), namespace, &wanted).await {
                let about = &object.data["involvedObject"];
                let (kind, name) =
                    (text(&about["kind"]).unwrap_or_default(), text(&about["name"]).unwrap_or_default());
                let is_own = name == &*self.service.name
                    || names.iter().any(|own| {
                        name.strip_prefix(own.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                    });
                if !is_own {
                    continue;
                }
                // Findings name objects of Flux and Services with their namespace.
                let shown = match kind {
                    "HelmRelease" | "Kustomization" | "Service" => format!("{kind} {namespace}/{name}"),
                    _ => format!("{kind} {name}"),
                };
                events.push(Event {
                    object: bounded(&shown),
                    reason: bounded(text(&object.data["reason"]).unwrap_or_default()),
                    message: bounded(text(&object.data["message"]).unwrap_or_default()),
                    at: ["lastTimestamp", "eventTime", "firstTimestamp"]
                        .into_iter()
                        .find_map(|key| time(&object.data[key])),
                });
            }
        }
        events.sort_by_key(|event: &Event| std::cmp::Reverse(event.at));
        self.facts.events = events;
    }

    /// The logs of containers that do not run well: of the run before where one was restarted.
    async fn read_logs(&mut self, pods: &[DynamicObject]) {
        let mut wanted = Vec::new();
        for (at, pod) in self.facts.pods.iter().enumerate() {
            for (place, container) in pod.containers.iter().enumerate() {
                let has_run = container.restarts > 0 || container.ended.is_some();
                let is_failing = container.ended.as_ref().is_some_and(|ended| ended.exit_code != 0);
                if !container.is_ready && (has_run || container.waiting.is_none()) && (is_failing || has_run)
                {
                    wanted.push((at, place));
                }
            }
        }
        for (at, place) in wanted.into_iter().take(MOST_LOGS) {
            let Some(object) = pods.get(at) else { continue };
            let container = &self.facts.pods[at].containers[place];
            let is_waiting = container.waiting.is_some();
            let parameters = LogParams {
                container: Some(container.name.clone()),
                previous: container.restarts > 0 && is_waiting,
                tail_lines: Some(LOG_LINES),
                limit_bytes: Some(LOG_BYTES),
                ..LogParams::default()
            };
            let api: Api<PodObject> =
                Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());
            let name = object.name_any();
            match tokio::time::timeout(TIME_LIMIT, api.logs(&name, &parameters)).await {
                Ok(Ok(log)) => {
                    let most = usize::try_from(LOG_BYTES).unwrap_or_default();
                    let log = redact(&log[..log.floor_char_boundary(most)]);
                    self.facts.pods[at].containers[place].log = log.lines().map(bounded).collect();
                }
                Ok(Err(error)) => self.note(&format!("the log of pod {name}"), &describe(&error)),
                Err(_) => self.note(&format!("the log of pod {name}"), "no answer in time"),
            }
        }
    }

    /// One object of Flux; `None` if there is none, or if it cannot be read, which is noted.
    async fn get(&mut self, group: &str, kind: &str, name: &ObjectName) -> Option<DynamicObject> {
        let resource = match watch::find(&self.client, group, kind).await {
            Ok(resource) => resource?,
            Err(error) => {
                self.note(&format!("{kind} {name}"), &describe(&error));
                return None;
            }
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &name.namespace, &resource);
        match tokio::time::timeout(TIME_LIMIT, api.get_opt(&name.name)).await {
            Ok(Ok(object)) => object,
            Ok(Err(error)) => {
                self.note(&format!("{kind} {name}"), &describe(&error));
                None
            }
            Err(_) => {
                self.note(&format!("{kind} {name}"), "no answer in time");
                None
            }
        }
    }

    async fn list(
        &mut self,
        resource: &ApiResource,
        namespace: &str,
        wanted: &ListParams,
    ) -> Vec<DynamicObject> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, resource);
        let what = format!("{} in namespace {namespace}", resource.plural);
        match tokio::time::timeout(TIME_LIMIT, api.list(wanted)).await {
            Ok(Ok(list)) => {
                if list.metadata.continue_.as_deref().is_some_and(|more| !more.is_empty()) {
                    self.note(&what, "there are more than are read");
                }
                list.items
            }
            Ok(Err(error)) => {
                self.note(&what, &describe(&error));
                Vec::new()
            }
            Err(_) => {
                self.note(&what, "no answer in time");
                Vec::new()
            }
        }
    }

    fn note(&mut self, what: &str, why: &str) {
        self.facts.unread.push(format!("{}: {why}", Printable::bounded(what, 120)));
    }
}

/// A kind that every cluster has.
fn core(group: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))
}

fn short_name(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, name)| name)
}

fn flux_object(object: &DynamicObject) -> FluxObject {
    let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
    let revision = text(&object.data["status"]["lastAppliedRevision"]).unwrap_or_default();
    FluxObject {
        kind: bounded(&kind),
        name: bounded(&name_of(object).to_string()),
        is_suspended: object.data["spec"]["suspend"] == Value::Bool(true),
        generation: object.metadata.generation,
        applied: revision.rsplit([':', '/']).next().and_then(|commit| commit.parse().ok()),
        conditions: conditions(object),
    }
}

fn conditions(object: &DynamicObject) -> Vec<Condition> {
    let conditions = object.data["status"]["conditions"].as_array();
    let condition = |value: &Value| Condition {
        kind: bounded(text(&value["type"]).unwrap_or_default()),
        status: bounded(text(&value["status"]).unwrap_or_default()),
        reason: bounded(text(&value["reason"]).unwrap_or_default()),
        message: bounded(text(&value["message"]).unwrap_or_default()),
        observed_generation: value["observedGeneration"].as_i64(),
        since: time(&value["lastTransitionTime"]),
    };
    conditions.into_iter().flatten().map(condition).collect()
}

fn pod(object: &DynamicObject) -> Pod {
    let status = &object.data["status"];
    let of = |key: &str| status[key].as_array().cloned().unwrap_or_default();
    let containers: Vec<Value> = [of("initContainerStatuses"), of("containerStatuses")].concat();
    Pod {
        name: bounded(&object.name_any()),
        phase: bounded(text(&status["phase"]).unwrap_or_default()),
        reason: bounded(text(&status["reason"]).unwrap_or_default()),
        message: bounded(text(&status["message"]).unwrap_or_default()),
        conditions: conditions(object),
        containers: containers.iter().map(container).collect(),
    }
}

fn container(value: &Value) -> Container {
    let waiting = &value["state"]["waiting"];
    let of_state = |key: &str| Some(&value[key]["terminated"]).filter(|ended| ended.is_object());
    let ended = of_state("state").or_else(|| of_state("lastState"));
    let text_of = |value: &Value, key: &str| bounded(text(&value[key]).unwrap_or_default());
    // A container that initialized well has ended, and is ready.
    let is_done = of_state("state").is_some_and(|ended| ended["exitCode"] == 0);
    Container {
        name: text_of(value, "name"),
        image: text_of(value, "image"),
        is_ready: value["ready"] == Value::Bool(true) || is_done,
        restarts: value["restartCount"].as_i64().unwrap_or_default(),
        waiting: waiting.is_object().then(|| (text_of(waiting, "reason"), text_of(waiting, "message"))),
        ended: ended.map(|ended| Ended {
            reason: text_of(ended, "reason"),
            exit_code: ended["exitCode"].as_i64().unwrap_or_default(),
            message: redact(&text_of(ended, "message")),
        }),
        log: Vec::new(),
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    text(value)?.parse().ok()
}

fn bounded(text: &str) -> String {
    text.chars().take(MOST_TEXT).collect()
}
