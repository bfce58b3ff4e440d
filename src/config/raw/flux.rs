//! The shape of `git.fluxReceivers`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FilePath, or_default};
use crate::config::location::Located;

/// A Flux Receiver that is called after each push, so that Flux reconciles at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct FluxReceiver {
    /// The name, which the log uses.
    #[schemars(extend("examples" = ["prod-digital-eks"]))]
    pub(in crate::config) name: Located<String>,
    /// The file that holds the URL: the address of the notification-controller and the Receiver's `status.webhookPath`. Who
    /// knows it may call the Receiver, so it is a secret.
    pub(in crate::config) url_file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the URL.
    #[schemars(extend("examples" = ["FLUX_RECEIVER_URL"]))]
    pub(in crate::config) url_env: Option<Located<String>>,
    /// The file that holds the Receiver's token, for `type: generic-hmac`. Without a secret, `type: generic`.
    pub(in crate::config) secret_file: Option<Located<FilePath>>,
    /// The name of the environment variable that holds the Receiver's token.
    #[schemars(extend("examples" = ["FLUX_RECEIVER_TOKEN"]))]
    pub(in crate::config) secret_env: Option<Located<String>>,
    /// Call it only after pushes to these environments. Without it, after each.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = [], "examples" = [["prod"]]))]
    pub(in crate::config) environments: Vec<Located<String>>,
}
