//! How a cluster is reached. The context is always named: the current one of a kubeconfig is whatever somebody used last.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::model::Printable;

use super::error::describe;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// By a context of a kubeconfig.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The name of the context.
        context: String,
    },
    /// By the service account of the pod that Tidegate runs in.
    InCluster,
}

impl Access {
    /// The name of the cluster for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Kubeconfig { context, .. } => context,
            Self::InCluster => "in-cluster",
        }
    }

    /// A client. No request is made, but a kubeconfig may name a program that gets credentials.
    pub(super) async fn client(&self) -> Result<Client, String> {
        let mut config = match self {
            Self::InCluster => Config::incluster().map_err(|error| printable(&error.to_string()))?,
            Self::Kubeconfig { file, context } => {
                let shown = file.display().to_string();
                let kubeconfig = Kubeconfig::read_from(file).map_err(|error| {
                    format!("cannot read {}: {}", printable(&shown), printable(&error.to_string()))
                })?;
                let options =
                    KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| {
                    format!(
                        "context {} of {}: {}",
                        printable(context),
                        printable(&shown),
                        printable(&error.to_string())
                    )
                })?
            }
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        Client::try_from(config).map_err(|error| describe(&error))
    }
}

fn printable(text: &str) -> String {
    Printable::bounded(text, 160).to_string()
}
