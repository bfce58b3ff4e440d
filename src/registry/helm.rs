//! Helm repositories over HTTP: fetches their indexes, once for all charts of a repository, and parses one only when it changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderValue};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::chart_index::{Chart, ChartIndex};
use super::error::RequestError;
use super::host::Host;
use super::operation::Budget;
use super::settings::Limits;
use super::transport::Request;
use crate::model::{Digest, HelmChart, Tag, TagList};

/// The largest index that Flux's source-controller reads, too.
const MAX_INDEX_BYTES: usize = 50 * 1024 * 1024;

/// The media type of a chart's configuration. It distinguishes charts from other OCI artifacts.
pub(super) const CHART_KIND: &str = "application/vnd.cncf.helm.config.v1+json";

type Slot = Arc<AsyncMutex<Option<Fetched>>>;

/// The indexes of Helm repositories, by host and path.
#[derive(Debug)]
pub(super) struct HelmRepositories {
    slots: Mutex<HashMap<(String, String), Slot>>,
    /// How long an index serves without another request.
    reuse: Duration,
}

#[derive(Debug)]
struct Fetched {
    index: Arc<ChartIndex>,
    /// The hash of the body.
    fingerprint: [u8; 32],
    etag: Option<HeaderValue>,
    at: Instant,
}

/// A chart in the index of its repository.
pub(super) struct FoundChart {
    index: Arc<ChartIndex>,
    name: String,
    /// The request for the index, for messages.
    request: String,
}

impl HelmRepositories {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { slots: Mutex::default(), reuse: limits.index_reuse }
    }

    /// Finds a chart in the index of its repository.
    pub(super) async fn chart(
        &self,
        host: &Host,
        host_name: &str,
        chart: HelmChart<'_>,
        budget: &mut Budget,
    ) -> Result<FoundChart, RequestError> {
        let mut request = Request::get(host.plain_url(chart.repository, "index.yaml"), MAX_INDEX_BYTES);
        request.accept = HeaderValue::from_static("*/*");
        let described = request.describe();
        let slot = self.slot(host_name, chart.repository);
        let waited = budget.for_one_request();
        // A concurrent request waits here for the first one's result.
        let mut known = budget.lock(&slot).await.ok_or_else(|| request.timed_out(waited))?;
        let is_fresh = known.as_ref().is_some_and(|known| known.at.elapsed() < self.reuse);
        if !is_fresh {
            *known = Some(fetch(host, request, known.as_ref(), budget).await?);
        }
        let index = known.as_ref().map(|known| Arc::clone(&known.index)).unwrap_or_default();
        if index.chart(chart.name).is_none() {
            let reason = format!(": the index has no chart `{}`", chart.name);
            return Err(RequestError::NotFound { request: described, reason, anonymous: false });
        }
        Ok(FoundChart { index, name: chart.name.to_owned(), request: described })
    }

    fn slot(&self, host: &str, repository: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((host.to_owned(), repository.to_owned())).or_default())
    }
}

async fn fetch(
    host: &Host,
    mut request: Request,
    before: Option<&Fetched>,
    budget: &mut Budget,
) -> Result<Fetched, RequestError> {
    request.if_none_match = before.and_then(|before| before.etag.clone());
    let response = host.ask(&request, "", budget).await?;
    let at = Instant::now();
    if response.status == StatusCode::NOT_MODIFIED {
        let before = before.ok_or_else(|| RequestError::UnexpectedStatus {
            request: request.describe(),
            status: response.status,
            reason: String::new(),
        })?;
        let (index, etag) = (Arc::clone(&before.index), before.etag.clone());
        return Ok(Fetched { index, fingerprint: before.fingerprint, etag, at });
    }
    let fingerprint: [u8; 32] = Sha256::digest(&response.body).into();
    let etag = response.headers.get(ETAG).cloned();
    if let Some(before) = before.filter(|before| before.fingerprint == fingerprint) {
        return Ok(Fetched { index: Arc::clone(&before.index), fingerprint, etag, at });
    }
    let known = before.map(|before| Arc::clone(&before.index));
    let body = response.body;
    // A large index takes a second to parse.
    let parsed = tokio::task::spawn_blocking(move || ChartIndex::parse(&body, known.as_deref())).await;
    let malformed = |source: Box<dyn std::error::Error + Send + Sync>| RequestError::Malformed {
        request: request.describe(),
        expected: "the index of a Helm repository",
        source: Some(source),
    };
    let index = parsed.map_err(|error| malformed(error.into()))?.map_err(|error| malformed(error.into()))?;
    Ok(Fetched { index: Arc::new(index), fingerprint, etag, at })
}

impl FoundChart {
    fn chart(&self) -> Option<&Chart> {
        self.index.chart(&self.name)
    }

    /// The versions.
    pub(super) fn tags(&self) -> Arc<TagList> {
        self.chart().map(|chart| Arc::clone(&chart.tags)).unwrap_or_default()
    }

    /// The digest of the archive of a version.
    pub(super) fn digest(&self, tag: &Tag) -> Result<Digest, RequestError> {
        let chart = self.chart();
        if let Some(digest) = chart.and_then(|chart| chart.digest(tag)) {
            return Ok(digest.clone());
        }
        let request = self.request.clone();
        Err(if chart.is_some_and(|chart| chart.has(tag)) {
            RequestError::Malformed {
                request,
                expected: "an index with a digest for this version",
                source: None,
            }
        } else {
            let reason = ": the index has no such version".to_owned();
            RequestError::NotFound { request, reason, anonymous: false }
        })
    }

    /// Where the archive with a digest comes from, in the words of image labels.
    pub(super) fn labels(&self, digest: &Digest) -> BTreeMap<String, String> {
        self.chart().and_then(|chart| chart.labels(digest)).cloned().unwrap_or_default()
    }
}
