//! The board of the demo, on a free port of this machine.

use std::net::Ipv4Addr;
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::oneshot;

use crate::cli::wiring::{Store, StoredTokens};
use crate::metrics::Metrics;
use crate::model::Fault;
use crate::server::{Health, Parts, Reading, Server, ServerLimits, Site, Snapshots, Triggers};

/// A board that answers until it is dropped.
#[derive(Debug)]
pub(super) struct Board {
    /// Where it is.
    pub(super) url: String,
    /// What it shows.
    pub(super) snapshots: Arc<Snapshots>,
    /// What its probes answer.
    pub(super) health: Arc<Health>,
    _stop: oneshot::Sender<()>,
}

impl Board {
    pub(super) async fn start(store: Arc<Store>) -> Result<Self, Fault> {
        let snapshots = Arc::new(Snapshots::new("demo"));
        let health = Arc::new(Health::new(Utc::now));
        let site = Site {
            snapshots: Arc::clone(&snapshots),
            commands: None,
            reading: Reading::OnThisMachine,
            tokens: Arc::new(StoredTokens::new(store)),
            commit_page: None,
        };
        let parts = Parts {
            metrics: Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))),
            health: Arc::clone(&health),
            triggers: Arc::new(Triggers::default()),
            site: Some(site),
            webhooks: Vec::new(),
            repository: None,
            branch: "main".to_owned(),
            tls: None,
        };
        let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), parts, ServerLimits::default()).await?;
        let url = server.url();
        let (stop, stopped) = oneshot::channel::<()>();
        // Dropping the sender stops it.
        tokio::spawn(server.run(async move { drop(stopped.await) }));
        Ok(Self { url, snapshots, health, _stop: stop })
    }
}
