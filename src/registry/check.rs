//! Whether a registry can be reached, for `tidegate doctor`.

use std::time::Duration;

use reqwest::header::HeaderName;
use tokio::time::Instant;

use super::auth::Challenge;
use super::error::Problem;
use super::host::Host;
use super::operation::Budget;
use super::wire::{Request, shown};
use crate::model::Printable;

/// The largest answer that is read. It should be `{}`.
const MOST_BYTES: usize = 64 * 1024;

/// Where registries say which interface they speak.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// What was found out about a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// Where it was asked.
    pub endpoint: String,
    /// What it wants to be sent.
    pub authentication: Authentication,
    /// Whether it let Tidegate in. Registries that are public in part do not let nobody in here, but to their images.
    pub is_admitted: bool,
    /// The interface that it says it speaks, such as `registry/2.0`. Not every registry says so.
    pub api_version: Option<String>,
    /// How long it took, with the token.
    pub elapsed: Duration,
}

/// What a registry wants to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Nothing.
    None,
    /// A user and a password.
    Basic,
    /// A token.
    Bearer {
        /// The token server.
        realm: String,
    },
}

/// Asks for the base of the interface (distribution specification, *Determining Support*).
pub(super) async fn check(host: &Host, budget: &mut Budget) -> Result<HostReport, Problem> {
    let started = Instant::now();
    let request = Request::get(host.base_url(), MOST_BYTES);
    let answer = match host.ask(&request, "", budget).await {
        Ok(answer) => Some(answer),
        Err(Problem::Denied { anonymous: true, .. }) if host.challenge().is_some() => None,
        Err(problem) => return Err(problem),
    };
    let authentication = match host.challenge().as_deref() {
        None => Authentication::None,
        Some(Challenge::Basic) => Authentication::Basic,
        Some(Challenge::Bearer(bearer)) => Authentication::Bearer { realm: shown(&bearer.realm) },
    };
    let api_version = answer.as_ref().and_then(|answer| answer.header(&API_VERSION));
    Ok(HostReport {
        endpoint: shown(&host.base_url()),
        authentication,
        is_admitted: answer.is_some(),
        api_version: api_version.map(|text| Printable::bounded(text, 64).to_string()),
        elapsed: started.elapsed(),
    })
}
