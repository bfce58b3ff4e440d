//! Emulates ghcr.io: a token for each repository, a challenge with a placeholder scope, and a token server that may be
//! another host.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tidegate::model::ImageName;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The registry and its token server, each on its own port.
pub(super) struct Ghcr {
    registry: MockServer,
    _realm: MockServer,
    state: Arc<State>,
}

/// The token server's response.
#[derive(Clone, Copy)]
pub(super) enum Issue {
    /// Tokens with this lifetime.
    Lasting { seconds: i64 },
    /// 403: the package is private or does not exist.
    Denied,
}

struct State {
    realm: String,
    issue: Mutex<Issue>,
    /// Valid tokens and their scopes.
    issued: Mutex<HashMap<String, String>>,
    responses: Mutex<HashMap<String, ResponseTemplate>>,
    tokens: AtomicUsize,
    asked: Mutex<Vec<Request>>,
    asked_for_tokens: Mutex<Vec<Request>>,
}

impl Ghcr {
    /// Starts an empty registry. Its token server's host is `localhost`, other than the registry's.
    pub(super) async fn start() -> Self {
        let (registry, realm) = (MockServer::start().await, MockServer::start().await);
        let state = Arc::new(State {
            realm: format!("http://localhost:{}/token", realm.address().port()),
            issue: Mutex::new(Issue::Lasting { seconds: 300 }),
            issued: Mutex::default(),
            responses: Mutex::default(),
            tokens: AtomicUsize::new(0),
            asked: Mutex::default(),
            asked_for_tokens: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        Mock::given(any())
            .respond_with(move |request: &Request| shared.serve(request))
            .mount(&registry)
            .await;
        let shared = Arc::clone(&state);
        Mock::given(any()).respond_with(move |request: &Request| shared.issue(request)).mount(&realm).await;
        Self { registry, _realm: realm, state }
    }

    pub(super) fn host(&self) -> String {
        self.registry.address().to_string()
    }

    pub(super) fn image(&self, repository: &str) -> ImageName {
        super::image(&self.host(), repository)
    }

    pub(super) fn has_tags(&self, repository: &str, tags: &[&str]) {
        let body = json!({"name": repository, "tags": tags});
        self.responses(repository, "tags/list", ResponseTemplate::new(200).set_body_json(body));
    }

    /// Sets the response for a resource of a repository, given a token.
    pub(super) fn responses(&self, repository: &str, place: &str, response: ResponseTemplate) {
        self.state.responses.lock().unwrap().insert(format!("/v2/{repository}/{place}"), response);
    }

    /// Sets the token server's response.
    pub(super) fn issues(&self, issue: Issue) {
        *self.state.issue.lock().unwrap() = issue;
    }

    /// Invalidates all tokens.
    pub(super) fn revoke_tokens(&self) {
        self.state.issued.lock().unwrap().clear();
    }

    /// The registry's requests since the last call.
    pub(super) fn take_asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.asked.lock().unwrap())
    }

    /// The token server's requests since the last call.
    pub(super) fn take_asked_for_tokens(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.asked_for_tokens.lock().unwrap())
    }
}

impl State {
    fn serve(&self, request: &Request) -> ResponseTemplate {
        self.asked.lock().unwrap().push(request.clone());
        let path = request.url.path();
        let wanted = path.strip_prefix("/v2/").and_then(scope_of);
        let token = header(request, "authorization")
            .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
        let scope = token.and_then(|token| self.issued.lock().unwrap().get(&token).cloned());
        if scope.is_none() || scope != wanted {
            let challenge = format!(
                r#"Bearer realm="{}",service="ghcr.io",scope="repository:user/image:pull""#,
                self.realm
            );
            return refusal(401, "UNAUTHORIZED", "authentication required")
                .insert_header("www-authenticate", challenge.as_str());
        }
        if path == "/v2/" {
            return ResponseTemplate::new(200).set_body_json(json!({}));
        }
        let response = self.responses.lock().unwrap().get(path).cloned();
        response.unwrap_or_else(|| refusal(404, "NAME_UNKNOWN", "repository name not known to registry"))
    }

    fn issue(&self, request: &Request) -> ResponseTemplate {
        self.asked_for_tokens.lock().unwrap().push(request.clone());
        let Issue::Lasting { seconds } = *self.issue.lock().unwrap() else {
            return refusal(403, "DENIED", "requested access to the resource is denied");
        };
        let query: HashMap<_, _> = request.url.query_pairs().into_owned().collect();
        assert_eq!(query["service"], "ghcr.io");
        let token = format!("token-{}", self.tokens.fetch_add(1, Ordering::Relaxed));
        self.issued.lock().unwrap().insert(token.clone(), query.get("scope").cloned().unwrap_or_default());
        ResponseTemplate::new(200).set_body_json(json!({"token": token, "expires_in": seconds}))
    }
}

/// An error in the distribution specification's format.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"errors": [{"code": code, "message": message}]}))
}

pub(super) fn header(request: &Request, name: &str) -> Option<String> {
    Some(request.headers.get(name)?.to_str().unwrap().to_owned())
}

/// The token scope of a path; empty for `/v2/`.
fn scope_of(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(String::new());
    }
    let mut places = ["/tags/", "/manifests/", "/blobs/"].iter();
    let (repository, _) = places.find_map(|place| path.split_once(place))?;
    Some(format!("repository:{repository}:pull"))
}
