//! What a webhook is about, by the published form of each sender's payload. None of it is believed: it only says where to look.

use serde::Deserialize;

use crate::model::WebhookSender;

/// Maximum images of one webhook.
const MAX_IMAGES: usize = 100;

/// What a webhook names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// An image, by its name and perhaps by its registry.
    Image { host: Option<String>, name: String },
    /// A push to a branch of a Git repository.
    Branch { repository: Option<String>, branch: String },
    /// Everything: a review, or a request that names nothing.
    Everything,
}

/// The body is not what the sender sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<serde_json::Error> for Malformed {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// Reads what a webhook names; nothing for an event that changes no image and no branch. `event` is the header that names it.
pub(super) fn claims(
    sender: WebhookSender,
    event: Option<&str>,
    body: &[u8],
) -> Result<Vec<Claim>, Malformed> {
    match sender {
        WebhookSender::GitHub => github(event, body),
        WebhookSender::GitLab => gitlab(event, body),
        WebhookSender::Gitea => gitea(event, body),
        WebhookSender::Harbor => harbor(body),
        WebhookSender::DockerHub => docker_hub(body),
        WebhookSender::Quay => quay(body),
        WebhookSender::Distribution => distribution(body),
        WebhookSender::Generic => generic(body),
    }
}

fn image(host: Option<&str>, name: &str) -> Claim {
    Claim::Image { host: host.map(str::to_ascii_lowercase), name: name.to_ascii_lowercase() }
}

/// A push to `refs/heads/BRANCH`; tags and deleted refs are nothing to look at.
fn branch(repository: Option<String>, reference: &str) -> Vec<Claim> {
    let branch = reference.strip_prefix("refs/heads/");
    branch.map(|branch| Claim::Branch { repository, branch: branch.to_owned() }).into_iter().collect()
}

#[derive(Deserialize)]
struct GitHubPush {
    #[serde(rename = "ref")]
    reference: String,
    repository: FullName,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

#[derive(Deserialize)]
struct GitHubPackage {
    #[serde(alias = "registry_package")]
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    namespace: String,
    #[serde(default, rename = "package_type")]
    kind: String,
}

/// "Webhook events and payloads" in GitHub's documentation.
fn github(event: Option<&str>, body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    match event {
        Some("push") => {
            let push: GitHubPush = serde_json::from_slice(body)?;
            Ok(branch(Some(push.repository.full_name), &push.reference))
        }
        Some("package" | "registry_package") => {
            let GitHubPackage { package } = serde_json::from_slice(body)?;
            if !package.kind.eq_ignore_ascii_case("container") {
                return Ok(Vec::new());
            }
            // The namespace of an image is the owner; GitHub Enterprise has another host.
            Ok(vec![image(Some("ghcr.io"), &format!("{}/{}", package.namespace, package.name))])
        }
        Some("pull_request" | "pull_request_review") => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body)?;
            Ok(vec![Claim::Everything])
        }
        _ => Ok(Vec::new()),
    }
}

#[derive(Deserialize)]
struct GitLabPush {
    #[serde(rename = "ref")]
    reference: String,
    project: GitLabProject,
}

#[derive(Deserialize)]
struct GitLabProject {
    path_with_namespace: String,
}

/// "Webhook events" in GitLab's documentation.
fn gitlab(event: Option<&str>, body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    if !matches!(event, Some("Push Hook" | "System Hook")) {
        return Ok(Vec::new());
    }
    let push: GitLabPush = serde_json::from_slice(body)?;
    Ok(branch(Some(push.project.path_with_namespace), &push.reference))
}

/// "Webhooks" in Gitea's documentation; the fields that count are GitHub's.
fn gitea(event: Option<&str>, body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    if event != Some("push") {
        return Ok(Vec::new());
    }
    let push: GitHubPush = serde_json::from_slice(body)?;
    Ok(branch(Some(push.repository.full_name), &push.reference))
}

/// The default payload has `event_data`, that of `CloudEvents` has the same under `data`.
#[derive(Deserialize)]
struct HarborEvent {
    #[serde(rename = "type")]
    kind: String,
    #[serde(alias = "data")]
    event_data: HarborData,
}

#[derive(Deserialize)]
struct HarborData {
    repository: Option<HarborRepository>,
    #[serde(default)]
    resources: Vec<HarborResource>,
}

#[derive(Deserialize)]
struct HarborRepository {
    repo_full_name: String,
}

#[derive(Deserialize)]
struct HarborResource {
    #[serde(default)]
    resource_url: String,
}

/// "Configure Webhook Notifications" in Harbor's documentation.
fn harbor(body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    let event: HarborEvent = serde_json::from_slice(body)?;
    if !matches!(event.kind.as_str(), "PUSH_ARTIFACT" | "harbor.artifact.pushed") {
        return Ok(Vec::new());
    }
    let Some(repository) = event.event_data.repository else { return Ok(Vec::new()) };
    let url = event.event_data.resources.first().map_or("", |resource| resource.resource_url.as_str());
    let host = url.split('/').next().filter(|host| !host.is_empty());
    Ok(vec![image(host, &repository.repo_full_name)])
}

#[derive(Deserialize)]
struct DockerHubPush {
    repository: DockerHubRepository,
}

#[derive(Deserialize)]
struct DockerHubRepository {
    repo_name: String,
}

/// "Webhooks" in Docker Hub's documentation.
fn docker_hub(body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    let push: DockerHubPush = serde_json::from_slice(body)?;
    Ok(vec![image(Some("docker.io"), &push.repository.repo_name)])
}

#[derive(Deserialize)]
struct QuayEvent {
    repository: String,
    #[serde(default)]
    docker_url: String,
    /// Only a push has them; a list, or a map in older versions.
    updated_tags: Option<serde::de::IgnoredAny>,
}

/// "Repository Notifications" in Quay's documentation.
fn quay(body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    let event: QuayEvent = serde_json::from_slice(body)?;
    if event.updated_tags.is_none() {
        return Ok(Vec::new());
    }
    let host = event.docker_url.split('/').next().filter(|host| !host.is_empty());
    Ok(vec![image(host, &event.repository)])
}

#[derive(Deserialize)]
struct Envelope {
    events: Vec<DistributionEvent>,
}

#[derive(Deserialize)]
struct DistributionEvent {
    action: String,
    target: DistributionTarget,
    request: Option<DistributionRequest>,
}

#[derive(Deserialize)]
struct DistributionTarget {
    repository: String,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct DistributionRequest {
    host: Option<String>,
}

/// "Notifications" in the documentation of CNCF Distribution. Only a manifest that is pushed by tag can be a version.
fn distribution(body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    let Envelope { events } = serde_json::from_slice(body)?;
    let is_tagged = |event: &DistributionEvent| {
        event.action == "push" && event.target.tag.as_ref().is_some_and(|tag| !tag.is_empty())
    };
    let mut claims = Vec::new();
    for event in events.into_iter().filter(is_tagged) {
        let host = event.request.and_then(|request| request.host);
        let claim = image(host.as_deref(), &event.target.repository);
        if claims.len() < MAX_IMAGES && !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    Ok(claims)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generic {
    image: Option<String>,
    #[serde(default)]
    images: Vec<String>,
}

/// `{"image": "ghcr.io/vtr/app"}`, `{"images": [...]}`, each with a tag or without; nothing at all for everything.
fn generic(body: &[u8]) -> Result<Vec<Claim>, Malformed> {
    if body.trim_ascii().is_empty() {
        return Ok(vec![Claim::Everything]);
    }
    let Generic { image: one, images } = serde_json::from_slice(body)?;
    let named: Vec<String> = one.into_iter().chain(images).collect();
    if named.is_empty() {
        return Ok(vec![Claim::Everything]);
    }
    if named.len() > MAX_IMAGES {
        return Err(Malformed);
    }
    named.iter().map(|text| reference(text).ok_or(Malformed)).collect()
}

/// The image of `host/name`, `host/name:tag` or `host/name@digest`.
fn reference(text: &str) -> Option<Claim> {
    let (host, rest) = text.split_once('/')?;
    let name = rest.split('@').next()?;
    let name = name.split(':').next()?;
    (!host.is_empty() && !name.is_empty()).then(|| image(Some(host), name))
}

#[cfg(test)]
mod tests;
