//! Pods: images that cannot be pulled, containers that end, probes that fail, and nodes without room.

use super::{
    Cause, Condition, Container, Facts, Finding, Pod, events_of, evidence_of, evidence_of_event, has_any,
    quoted,
};

/// Lines of a log that are shown.
const MOST_LOG_LINES: usize = 10;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for pod in &facts.pods {
        for finding in of_pod(facts, pod) {
            // Ten pods of one Deployment fail alike.
            if !findings.iter().any(|known| known.cause == finding.cause) {
                findings.push(finding);
            }
        }
    }
    findings.extend(quota(facts));
    findings
}

fn of_pod(facts: &Facts, pod: &Pod) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        pod.containers.iter().filter_map(|container| of_container(facts, pod, container)).collect();
    findings.extend(unschedulable(facts, pod));
    if pod.reason == "Evicted" {
        findings.push(Finding {
            cause: Cause::Evicted,
            sentence: format!("the node evicted pod {}: {}", quoted(&pod.name), quoted(&pod.message)),
            evidence: vec![format!("Pod {}: {}", quoted(&pod.name), quoted(&pod.message))],
            advice: vec![
                "set requests near what it uses; the node ran out of what the message names".to_owned(),
            ],
        });
    }
    findings
}

fn of_container(facts: &Facts, pod: &Pod, container: &Container) -> Option<Finding> {
    let (reason, message) =
        container.waiting.as_ref().map_or(("", ""), |(reason, message)| (reason, message));
    match reason {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => {
            return Some(image(facts, pod, container, reason, message));
        }
        "CreateContainerConfigError" | "CreateContainerError"
            if has_any(message, &["not found", "couldn't find key"]) =>
        {
            return Some(config_missing(pod, container, message));
        }
        _ => {}
    }
    let ended = container.ended.as_ref();
    if ended.is_some_and(|ended| ended.reason == "OOMKilled") {
        return Some(out_of_memory(pod, container));
    }
    if container
        .log
        .iter()
        .chain(ended.map(|ended| &ended.message))
        .any(|line| has_any(line, &["exec format error"]))
    {
        return Some(platform(pod, container, "its program does not run on this node (exec format error)"));
    }
    // A container that a liveness probe kills is restarted as well.
    if let Some(finding) = probe(facts, pod, container) {
        return Some(finding);
    }
    let is_crashing = reason == "CrashLoopBackOff" || (container.restarts > 2 && !container.is_ready);
    let failed_once = ended.is_some_and(|ended| ended.exit_code != 0) && !container.is_ready;
    (is_crashing || failed_once).then(|| crash_loop(pod, container))
}

fn image(facts: &Facts, pod: &Pod, container: &Container, reason: &str, message: &str) -> Finding {
    let object = format!("Pod {}", pod.name);
    let event = events_of(facts, &object, &["Failed", "InspectFailed"])
        .find(|event| has_any(&event.message, &["image"]));
    let said = event.map_or(message, |event| event.message.as_str());
    let text = format!("{message} {said}");
    let image = quoted(&container.image);
    let (cause, what, advice) = if has_any(&text, &["no match for platform", "no matching manifest for"]) {
        return platform(pod, container, said);
    } else if has_any(
        &text,
        &[
            "unauthorized",
            "authentication required",
            "access denied",
            "no basic auth",
            "denied:",
            "403 forbidden",
            "401",
        ],
    ) {
        (
            Cause::ImageCredentials,
            "the registry does not let the cluster pull",
            "check `imagePullSecrets` of the pod or its service account, and that the credentials may read this repository; \
             many registries answer so for a repository that does not exist, too",
        )
    } else if reason == "InvalidImageName"
        || has_any(
            &text,
            &[
                "not found",
                "manifest unknown",
                "name unknown",
                "couldn't parse image",
                "repository does not exist",
            ],
        )
    {
        (
            Cause::ImageNotFound,
            "the registry does not have",
            "check the name of the image and that the tag was pushed; a tag can be deleted after it was promoted",
        )
    } else {
        (
            Cause::ImageUnreachable,
            "the node cannot pull",
            "check whether the node reaches the registry: DNS, proxy, rate limit",
        )
    };
    let mut evidence = vec![waiting_line(pod, container)];
    evidence.extend(event.map(evidence_of_event));
    Finding {
        cause,
        sentence: format!("{what} {image}: {}", quoted(said)),
        evidence,
        advice: vec![advice.to_owned()],
    }
}

fn platform(pod: &Pod, container: &Container, said: &str) -> Finding {
    Finding {
        cause: Cause::ImagePlatform,
        sentence: format!("{} is not built for the platform of the node: {}", quoted(&container.image), quoted(said)),
        evidence: vec![waiting_line(pod, container)],
        advice: vec![
            "build the image for the platforms of the nodes, or set a `nodeSelector` with `kubernetes.io/arch`".to_owned(),
        ],
    }
}

fn config_missing(pod: &Pod, container: &Container, message: &str) -> Finding {
    Finding {
        cause: Cause::ConfigMissing,
        sentence: format!(
            "container {} needs a ConfigMap or Secret that is missing: {}",
            quoted(&container.name),
            quoted(message)
        ),
        evidence: vec![waiting_line(pod, container)],
        advice: vec![
            "check its name, and that a kustomization.yaml lists the file".to_owned(),
            "for a SealedSecret, check that its controller could decrypt it".to_owned(),
        ],
    }
}

fn out_of_memory(pod: &Pod, container: &Container) -> Finding {
    Finding {
        cause: Cause::OutOfMemory,
        sentence: format!(
            "container {} needs more memory than its limit and was killed",
            quoted(&container.name)
        ),
        evidence: with_log(vec![ended_line(pod, container)], container),
        advice: vec!["raise `resources.limits.memory`, or find what uses it in the new version".to_owned()],
    }
}

fn probe(facts: &Facts, pod: &Pod, container: &Container) -> Option<Finding> {
    if container.is_ready {
        return None;
    }
    let object = format!("Pod {}", pod.name);
    let mut failed = events_of(facts, &object, &["Unhealthy"]);
    let event = failed.find(|event| has_any(&event.message, &["probe failed", "probe errored"]))?;
    let is_killing = events_of(facts, &object, &["Killing"]).next().is_some();
    let exits_alone = container.ended.as_ref().is_some_and(|ended| !matches!(ended.exit_code, 0 | 137 | 143));
    // While a container ends by itself, its probes fail because nobody listens.
    if exits_alone && !is_killing {
        return None;
    }
    Some(Finding {
        cause: Cause::ProbeFails,
        sentence: format!(
            "a probe of container {} fails: {}",
            quoted(&container.name),
            quoted(&event.message)
        ),
        evidence: with_log(vec![evidence_of_event(event)], container),
        advice: vec![
            "check the path and the port of the probe against what the new version serves".to_owned(),
            "give a slow start a `startupProbe` or a longer `initialDelaySeconds`".to_owned(),
        ],
    })
}

fn crash_loop(pod: &Pod, container: &Container) -> Finding {
    let code = container
        .ended
        .as_ref()
        .map(|ended| format!(" with exit code {}", ended.exit_code))
        .unwrap_or_default();
    let last = container.log.iter().rev().find(|line| !line.trim().is_empty());
    let last = last.map(|line| format!("; its last line is \"{}\"", quoted(line))).unwrap_or_default();
    Finding {
        cause: Cause::CrashLoop,
        sentence: format!(
            "container {} ends{code} and is restarted again and again ({} restarts){last}",
            quoted(&container.name),
            container.restarts
        ),
        evidence: with_log(vec![ended_line(pod, container)], container),
        advice: vec![
            "read the log: configuration, a missing variable, or a service that it cannot reach at its start"
                .to_owned(),
            "compare with the version before: `tidegate changelog` says what changed".to_owned(),
        ],
    }
}

fn unschedulable(facts: &Facts, pod: &Pod) -> Option<Finding> {
    let is_unscheduled = |one: &&Condition| {
        one.kind == "PodScheduled" && one.status == "False" && one.reason == "Unschedulable"
    };
    let condition = pod.conditions.iter().find(is_unscheduled)?;
    let object = format!("Pod {}", pod.name);
    let mut evidence = vec![evidence_of(&object, condition)];
    evidence.extend(events_of(facts, &object, &["FailedScheduling"]).next().map(evidence_of_event));
    let advice = if has_any(&condition.message, &["insufficient"]) {
        "lower `resources.requests`, or add nodes; `kubectl describe nodes` shows what is left"
    } else if has_any(&condition.message, &["persistentvolumeclaim", "volume"]) {
        "check the PersistentVolumeClaim: its class, its size, and the zone of its volume"
    } else {
        "compare `nodeSelector`, affinity and tolerations with the labels and taints of the nodes"
    };
    Some(Finding {
        cause: Cause::Unschedulable,
        sentence: format!("no node takes pod {}: {}", quoted(&pod.name), quoted(&condition.message)),
        evidence,
        advice: vec![advice.to_owned()],
    })
}

/// Pods that the API server does not let the workload create.
fn quota(facts: &Facts) -> Option<Finding> {
    let is_quota = |text: &str| has_any(text, &["exceeded quota"]);
    let event = facts.events.iter().find(|event| event.reason == "FailedCreate" && is_quota(&event.message));
    let condition = facts.workloads.iter().find_map(|workload| {
        let failed = |one: &&Condition| one.kind == "ReplicaFailure" && is_quota(&one.message);
        Some((workload.name.as_str(), workload.conditions.iter().find(failed)?))
    });
    let said = event.map(|event| event.message.as_str()).or(condition.map(|(_, one)| one.message.as_str()))?;
    let mut evidence: Vec<String> = event.map(evidence_of_event).into_iter().collect();
    evidence.extend(condition.map(|(name, one)| evidence_of(name, one)));
    Some(Finding {
        cause: Cause::QuotaExceeded,
        sentence: format!("a quota of the namespace is used up: {}", quoted(said)),
        evidence,
        advice: vec![
            "raise the ResourceQuota, or lower the requests of what runs in the namespace".to_owned(),
        ],
    })
}

fn waiting_line(pod: &Pod, container: &Container) -> String {
    let (reason, message) =
        container.waiting.as_ref().map_or(("", ""), |(reason, message)| (reason, message));
    format!(
        "Pod {}, container {}: {} {}",
        quoted(&pod.name),
        quoted(&container.name),
        quoted(reason),
        quoted(message)
    )
    .trim_end()
    .to_owned()
}

fn ended_line(pod: &Pod, container: &Container) -> String {
    let place = format!("Pod {}, container {}", quoted(&pod.name), quoted(&container.name));
    match &container.ended {
        Some(ended) => format!(
            "{place}: ended with {} ({}), {} restarts",
            ended.exit_code,
            quoted(&ended.reason),
            container.restarts
        ),
        None => format!("{place}: {} restarts", container.restarts),
    }
}

fn with_log(mut evidence: Vec<String>, container: &Container) -> Vec<String> {
    let from = container.log.len().saturating_sub(MOST_LOG_LINES);
    evidence.extend(container.log[from..].iter().map(|line| format!("log: {}", quoted(line))));
    evidence
}
