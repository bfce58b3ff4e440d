//! The connection test behind `tidegate doctor`.

use std::time::Duration;

use reqwest::header::HeaderName;
use tokio::time::Instant;

use super::auth::Challenge;
use super::error::RequestError;
use super::host::Host;
use super::operation::Budget;
use super::transport::{Request, shown};
use crate::model::Printable;

/// Bounds a body that should be `{}`.
const MAX_BYTES: usize = 64 * 1024;

/// The header with the API version.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The result of a connection test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The base URL of the API.
    pub endpoint: String,
    /// The authentication that the registry requires.
    pub authentication: Authentication,
    /// Whether `/v2/` accepted the request. A registry with public images may reject it and still serve them.
    pub is_admitted: bool,
    /// The API version that it reports, such as `registry/2.0`; not every registry does.
    pub api_version: Option<String>,
    /// The time of the test, token included.
    pub elapsed: Duration,
}

/// The authentication that a registry requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// None.
    None,
    /// A username and password.
    Basic,
    /// A token.
    Bearer {
        /// The token server.
        realm: String,
    },
}

/// Requests `/v2/` (distribution specification, *Determining Support*).
pub(super) async fn check(host: &Host, budget: &mut Budget) -> Result<HostReport, RequestError> {
    let started = Instant::now();
    let request = Request::get(host.base_url(), MAX_BYTES);
    let response = match host.ask(&request, "", budget).await {
        Ok(response) => Some(response),
        Err(RequestError::Denied { anonymous: true, .. }) if host.challenge().is_some() => None,
        Err(error) => return Err(error),
    };
    let authentication = match host.challenge().as_deref() {
        None => Authentication::None,
        Some(Challenge::Basic) => Authentication::Basic,
        Some(Challenge::Bearer(bearer)) => Authentication::Bearer { realm: shown(&bearer.realm) },
    };
    let api_version = response.as_ref().and_then(|response| response.header(&API_VERSION));
    Ok(HostReport {
        endpoint: shown(&host.base_url()),
        authentication,
        is_admitted: response.is_some(),
        api_version: api_version.map(|text| Printable::bounded(text, 64).to_string()),
        elapsed: started.elapsed(),
    })
}
