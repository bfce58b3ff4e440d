//! Sources: a GitRepository, a HelmRepository, an OCIRepository or a Bucket that Flux cannot fetch.

use super::{Cause, Facts, Finding, FluxObject, evidence_of, has_any, quoted};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    facts.sources.iter().filter_map(finding).collect()
}

fn finding(source: &FluxObject) -> Option<Finding> {
    let title = source.title();
    if source.is_suspended {
        return Some(suspended(source, "source"));
    }
    let failure = source.failure()?;
    let message = quoted(&failure.message);
    let (cause, sentence, advice) = if is_authentication(&failure.reason, &failure.message) {
        (
            Cause::SourceAuthentication,
            format!("Flux may not read {}: {message}", quoted(&title)),
            "check the Secret that `spec.secretRef` names: an expired token, a removed deploy key, an unknown host key",
        )
    } else if has_any(&failure.message, &REFERENCE) {
        (
            Cause::SourceReference,
            format!("what {} follows does not exist: {message}", quoted(&title)),
            "correct `spec.ref`, or push the branch or tag that it names",
        )
    } else {
        (
            Cause::SourceUnreachable,
            format!("Flux cannot fetch {}: {message}", quoted(&title)),
            "check `spec.url`, and whether the cluster reaches it: DNS, proxy, network policy",
        )
    };
    let namespaced = command_name(source);
    Some(Finding {
        cause,
        sentence,
        evidence: vec![evidence_of(&title, failure)],
        advice: vec![
            advice.to_owned(),
            format!("then `flux reconcile source {} {namespaced}`", source_word(source)),
        ],
    })
}

const REFERENCE: [&str; 6] = [
    "couldn't find remote ref",
    "reference not found",
    "does not contain any commit",
    "no match found for semver",
    "manifest unknown",
    "unable to resolve commit",
];

/// Whether credentials are the matter.
fn is_authentication(reason: &str, message: &str) -> bool {
    reason == "AuthenticationFailed"
        || has_any(
            message,
            &[
                "authentication required",
                "authorization failed",
                "unable to authenticate",
                "permission denied",
                "invalid credentials",
                "invalid auth",
                "unauthorized",
                "forbidden",
                "knownhosts",
                "host key",
                "401",
                "403",
            ],
        )
}

/// What somebody suspended.
pub(super) fn suspended(object: &FluxObject, word: &str) -> Finding {
    let title = quoted(&object.title());
    let kind = match word {
        "source" => format!("source {}", source_word(object)),
        other => other.to_owned(),
    };
    Finding {
        cause: Cause::Suspended,
        sentence: format!("{title} is suspended, so Flux does nothing with it"),
        evidence: vec![format!("{title}: spec.suspend is true")],
        advice: vec![
            "remove `spec.suspend` in Git, or".to_owned()
                + &format!(
                    " `flux resume {kind} {}` if somebody suspended it in the cluster",
                    command_name(object)
                ),
        ],
    }
}

/// The kind as the flux command names it.
fn source_word(source: &FluxObject) -> &'static str {
    match source.kind.as_str() {
        "HelmRepository" => "helm",
        "OCIRepository" => "oci",
        "HelmChart" => "chart",
        "Bucket" => "bucket",
        _ => "git",
    }
}

/// Name and namespace as the flux command takes them.
pub(super) fn command_name(object: &FluxObject) -> String {
    let (namespace, name) = object.name.split_once('/').unwrap_or(("default", &object.name));
    format!("{} -n {}", quoted(name), quoted(namespace))
}
