//! The page of an environment: what a promotion into it has to meet, and when: a timeline of windows, freezes, promotions
//! past and to come.

use askama::Template;
use chrono::TimeDelta;

use super::common::{Clock, Frame};
use super::model::{Banner, Cell, ChangeLine};
use super::rendered;
use super::timeline::{Mark, Span, Timeline};
use crate::model::{EnvironmentName, Timestamp};
use crate::server::problem::Problem;
use crate::server::site::Site;
use crate::server::snapshot::{HistoryRequest, Snapshot};
use crate::view::{Approval, ControlBody, Delivery, EnvironmentBody, History};

/// How far the timeline shows what was, and what comes.
const PAST: TimeDelta = TimeDelta::days(2);
const FUTURE: TimeDelta = TimeDelta::days(5);

/// The most promotions to come and the most changes that are listed; more are counted.
const MOST: usize = 60;

#[derive(Template)]
#[template(path = "environment.html")]
struct EnvironmentPage {
    frame: Frame,
    here: EnvironmentBody,
    delivery: &'static str,
    approval: &'static str,
    timeline: Timeline,
    coming: Vec<Coming>,
    more_coming: usize,
    stuck: usize,
    /// What keeps promotions out, now or later.
    banners: Vec<Banner>,
    history: Option<Vec<ChangeLine>>,
}

/// A promotion to come.
struct Coming {
    service: String,
    cell: Cell,
}

pub(super) fn history(environment: &EnvironmentName, now: Timestamp) -> HistoryRequest {
    HistoryRequest {
        services: Vec::new(),
        environments: vec![environment.clone()],
        since: now.checked_sub_signed(PAST),
        until: None,
        most: 500,
    }
}

pub(super) fn page(
    site: &Site,
    snapshot: &Snapshot,
    environment: &EnvironmentName,
    history: Option<&History>,
) -> Result<String, Problem> {
    let clock = Clock::of(snapshot);
    let commit_page = site.commit_page.as_ref();
    let mut all = snapshot.view.environments().environments.into_iter();
    let Some(here) = all.find(|one| one.environment == environment.as_str()) else {
        return Err(Problem::new(axum::http::StatusCode::NOT_FOUND, "There is no such environment"));
    };
    let rows = || {
        let rows = snapshot.status.services.iter();
        rows.flat_map(|row| {
            let here = row.environments.iter().filter(|one| one.environment == environment.as_str());
            here.map(move |one| (row, one))
        })
    };
    let mut coming: Vec<_> = rows().filter(|(_, one)| one.next.is_some() && one.earliest.is_some()).collect();
    coming.sort_by_key(|(_, one)| one.earliest);
    let changes = history.map(|history| history.changes.as_slice()).unwrap_or_default();
    let past = changes.iter().map(|change| Mark {
        at: change.at,
        label: format!("{} to {}", change.service, change.to.join(" + ")),
    });
    let forecast = coming.iter().filter_map(|(row, one)| {
        Some(Mark {
            at: one.earliest?.max(clock.now),
            label: format!("{} to {}", row.service, one.next.as_deref()?),
        })
    });
    let (freezes, banners) = obstacles(snapshot, &here, clock);
    let (from, until) = (clock.now - PAST, clock.now + FUTURE);
    let open = snapshot.view.open_spans(environment, from, until);
    let timeline = Timeline::new(from, until, clock, &open, freezes.into_iter(), past, forecast);
    let template = EnvironmentPage {
        frame: Frame::new(Some(snapshot), ""),
        delivery: match here.delivery {
            Delivery::Push => "a commit on the branch",
            Delivery::PullRequest => "a pull request",
        },
        approval: match here.approval {
            Approval::None => "not required",
            Approval::Required => "required",
            Approval::Review => "a review of the pull request, or a control file",
        },
        timeline,
        more_coming: coming.len().saturating_sub(MOST),
        coming: coming
            .iter()
            .take(MOST)
            .map(|(row, one)| Coming {
                service: row.service.clone(),
                cell: Cell::new(one, clock, commit_page),
            })
            .collect(),
        stuck: rows().filter(|(_, one)| crate::server::filter::needs_attention(one.state)).count(),
        banners,
        history: history
            .map(|_| changes.iter().take(MOST).map(|one| ChangeLine::new(one, clock, commit_page)).collect()),
        here,
    };
    rendered(&template)
}

/// The freezes on the timeline, and what keeps promotions out, now or later.
fn obstacles(snapshot: &Snapshot, here: &EnvironmentBody, clock: Clock) -> (Vec<Span>, Vec<Banner>) {
    let configured = here.freezes.iter().filter_map(|freeze| {
        let (from, until) = freeze.span(clock.zone)?;
        Some(Span { from, until, label: freeze.name.clone() })
    });
    let covers = |control: &&ControlBody| {
        control.environments.is_empty() || control.environments.contains(&here.environment)
    };
    let controls = || snapshot.status.controls.iter().filter(covers);
    let written = controls().filter_map(|control| {
        Some(Span { from: control.from?, until: control.until?, label: control.description.clone() })
    });
    let banners = here.freezes.iter().map(|freeze| Banner::of_freeze(freeze, clock));
    let banners = banners.chain(controls().map(|control| Banner::of_control(control, clock)));
    (configured.chain(written).collect(), banners.filter(Banner::stops).take(MOST).collect())
}
