//! The page of control files, and the page that describes the API.

use askama::Template;

use super::common::{Clock, Frame};
use super::model::{Banner, ProblemLine};
use super::rendered;
use crate::server::api::{DOCUMENTED, Endpoint, PREFIX};
use crate::server::problem::Problem;
use crate::server::snapshot::Snapshot;

/// The most control files and problems of the page; more are counted.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "controls.html")]
struct ControlsPage {
    frame: Frame,
    controls: Vec<Banner>,
    more: usize,
    problems: Vec<ProblemLine>,
    more_problems: usize,
}

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    frame: Frame,
    prefix: &'static str,
    endpoints: &'static [Endpoint],
}

pub(super) fn page(snapshot: &Snapshot) -> Result<String, Problem> {
    let (status, clock) = (&snapshot.status, Clock::of(snapshot));
    let freezes = status.freezes.iter().map(|freeze| Banner::of_freeze(freeze, clock));
    let all = freezes.chain(status.controls.iter().map(|control| Banner::of_control(control, clock)));
    let template = ControlsPage {
        frame: Frame::new(Some(snapshot), "controls"),
        controls: all.take(MOST).collect(),
        more: (status.freezes.len() + status.controls.len()).saturating_sub(MOST),
        problems: status.problems.iter().take(MOST).map(ProblemLine::new).collect(),
        more_problems: status.problems.len().saturating_sub(MOST),
    };
    rendered(&template)
}

pub(super) fn api_page(snapshot: &Snapshot) -> Result<String, Problem> {
    let frame = Frame::new(Some(snapshot), "api");
    rendered(&ApiPage { frame, prefix: PREFIX, endpoints: DOCUMENTED })
}
