//! The page of changes: promotions and people's commits.

use askama::Template;

use super::common::{Clock, Frame};
use super::model::ChangeLine;
use super::rendered;
use crate::server::problem::Problem;
use crate::server::query::Query;
use crate::server::site::Site;
use crate::server::snapshot::{HistoryRequest, Snapshot};
use crate::view::History;

pub(super) const PARAMETERS: &[&str] = &["service", "environment", "until"];

/// Changes of one page.
const PAGE_CHANGES: usize = 100;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    service: String,
    environment: String,
    is_known: bool,
    changes: Vec<ChangeLine>,
    /// The page of what came before.
    older: Option<String>,
}

pub(super) fn request(query: &Query) -> Result<HistoryRequest, Problem> {
    Ok(HistoryRequest {
        services: query.all_parsed("service", "write namespace/name, or a pattern such as common/*")?,
        environments: query.all_parsed("environment", "write the name of an environment")?,
        since: None,
        until: query.parsed("until", "write a time as in RFC 3339, such as 2026-11-23T14:00:00Z")?,
        most: PAGE_CHANGES,
    })
}

pub(super) fn page(
    site: &Site,
    snapshot: &Snapshot,
    query: &Query,
    history: Option<&History>,
) -> Result<String, Problem> {
    let clock = Clock::of(snapshot);
    let found = history.map(|history| history.changes.as_slice()).unwrap_or_default();
    // A time after the last of them, so that nothing of the same second is passed over.
    let last = found.last().filter(|_| found.len() == PAGE_CHANGES);
    let older = last.map(|last| {
        let until = last.at + chrono::TimeDelta::seconds(1);
        let is_new = query.get("until").is_none_or(|before| before != clock.moment(until).machine);
        let until = if is_new { until } else { last.at };
        format!("/history{}", query.with("until", &clock.moment(until).machine))
    });
    let template = HistoryPage {
        frame: Frame::new(Some(snapshot), "history"),
        service: query.get("service").unwrap_or_default().to_owned(),
        environment: query.get("environment").unwrap_or_default().to_owned(),
        is_known: history.is_some(),
        changes: found.iter().map(|one| ChangeLine::new(one, clock, site.commit_page.as_ref())).collect(),
        older,
    };
    rendered(&template)
}
