//! The shape of the `server` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// The HTTP server of `tidegate run`: the board, the API under `/api/v1`, `/livez`, `/readyz`, `/startupz`, `/metrics` and
/// `/webhooks/`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Server {
    /// The IP address and port to listen on. On another address than loopback, everybody who reaches it can read
    /// health and metrics, which name services and versions; a webhook needs its secret everywhere.
    #[schemars(extend("examples" = ["127.0.0.1:8080", "[::]:8080"]))]
    pub(in crate::config) listen: Located<String>,

    /// TLS by a certificate in a file. Without it, the server speaks plain HTTP.
    pub(in crate::config) tls: Option<ServerTls>,

    /// Who may read the board and the API: `token` is whoever has a token of `tidegate token create`, `open` is everybody who
    /// reaches the port, and `none` turns them off. Without it, whoever is on this machine may; on another address than
    /// loopback, one of the three is required.
    pub(in crate::config) access: Option<Access>,

    /// The senders whose webhooks are accepted at `/webhooks/NAME`. Each needs a secret. A webhook only starts a look at the
    /// image or repository that it names; nothing else in it is believed.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) webhooks: Webhooks,
}

/// A certificate and its private key, in PEM. Both files are read again within 5 s of a change; files that cannot be used leave
/// the last certificate in use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServerTls {
    /// The certificate, followed by those of the authorities between it and the root.
    #[schemars(extend("examples" = ["/etc/tidegate/tls/tls.crt"]))]
    pub(in crate::config) certificate_file: Located<FilePath>,

    /// The private key, unencrypted.
    #[schemars(extend("examples" = ["/etc/tidegate/tls/tls.key"]))]
    pub(in crate::config) key_file: Located<FilePath>,
}

/// Who may read the board and the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Access {
    None,
    Open,
    Token,
}

/// The senders whose webhooks are accepted, each with its secret.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Webhooks {
    /// GitHub: the events `package`, `registry_package`, `push`, `pull_request` and `pull_request_review`, signed with the
    /// webhook's secret.
    pub(in crate::config) github: Option<Located<WebhookSecret>>,
    /// GitLab: push events, with the webhook's secret token.
    pub(in crate::config) gitlab: Option<Located<WebhookSecret>>,
    /// Gitea and Forgejo: push events, signed with the webhook's secret.
    pub(in crate::config) gitea: Option<Located<WebhookSecret>>,
    /// Harbor: pushed artifacts, with the secret as the policy's auth header.
    pub(in crate::config) harbor: Option<Located<WebhookSecret>>,
    /// Docker Hub: pushed tags. It can send no header, so the secret is the last segment of the URL's path.
    pub(in crate::config) docker_hub: Option<Located<WebhookSecret>>,
    /// Quay: pushed tags. It can send no header, so the secret is the last segment of the URL's path.
    pub(in crate::config) quay: Option<Located<WebhookSecret>>,
    /// CNCF Distribution (`registry:2`, `registry:3`): its notifications, with the secret as a bearer token in the endpoint's
    /// headers.
    pub(in crate::config) distribution: Option<Located<WebhookSecret>>,
    /// Pipelines and other tools: `{"image": "ghcr.io/vtr/app"}` or an empty body, with the secret as a bearer token.
    pub(in crate::config) generic: Option<Located<WebhookSecret>>,
}

/// The secret of a webhook: `secretEnv` or `secretFile`, with 16 characters or more. It may be rotated while Tidegate runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct WebhookSecret {
    /// The name of the environment variable that holds the secret.
    #[schemars(extend("examples" = ["GITHUB_WEBHOOK_SECRET"]))]
    pub(in crate::config) secret_env: Option<Located<String>>,
    /// The file that holds the secret; a trailing line break is ignored.
    pub(in crate::config) secret_file: Option<Located<FilePath>>,
}
