//! The page of a service: every gate and what opens it, the versions, the control files, and the history.

use askama::Template;

use super::common::{Clock, Commit, Frame, Moment, shown};
use super::model::{Banner, Cell, ChangeLine, ProblemLine, promoter};
use super::rendered;
use crate::model::{ServiceName, ServicePattern};
use crate::server::problem::Problem;
use crate::server::site::Site;
use crate::server::snapshot::{HistoryRequest, Snapshot};
use crate::view::{ExplainedGate, ExplanationBody, GateAnswer, History};

/// The most changes of the history that are listed; the history page lists all.
const MOST_CHANGES: usize = 50;

/// The most newer versions of one environment that are listed; more are counted.
const MOST_VERSIONS: usize = 30;

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    frame: Frame,
    service: String,
    places: Vec<Place>,
    history: Option<Vec<ChangeLine>>,
}

/// An image of the service in an environment.
struct Place {
    id: String,
    environment: String,
    image: Option<String>,
    running: String,
    since: Option<Moment>,
    commit: Option<Commit>,
    by: Option<String>,
    next: Option<String>,
    releases: Option<usize>,
    reason: Option<String>,
    /// The cell of the board, where the image can be read.
    cell: Option<Cell>,
    gates: Vec<GateLine>,
    override_command: Option<String>,
    versions: Vec<VersionLine>,
    more_versions: usize,
    controls: Vec<Banner>,
    problems: Vec<ProblemLine>,
    actions: Vec<ActionLink>,
    registry: Option<String>,
}

struct ActionLink {
    label: &'static str,
    link: String,
}

struct GateLine {
    name: &'static str,
    answer: &'static str,
    word: &'static str,
    opens_at: Option<Moment>,
    reason: String,
    remedies: Vec<Remedy>,
}

struct Remedy {
    text: String,
    command: Option<String>,
}

struct VersionLine {
    tag: String,
    reason: String,
}

pub(super) fn history(service: &ServiceName) -> HistoryRequest {
    HistoryRequest {
        services: vec![ServicePattern::from(service.clone())],
        environments: Vec::new(),
        since: None,
        until: None,
        most: MOST_CHANGES,
    }
}

pub(super) fn page(
    site: &Site,
    snapshot: &Snapshot,
    service: ServiceName,
    history: Option<&History>,
) -> Result<String, Problem> {
    let clock = Clock::of(snapshot);
    let commit_page = site.commit_page.as_ref();
    let name = service.to_string();
    let explained = snapshot.view.explain(service, None).map_err(|fault| Problem::from(&fault))?;
    let row = |image: Option<&String>| {
        let mut rows = snapshot.status.services.iter();
        rows.find(|row| row.service == name && Some(&row.image) == image)
    };
    let place = |(at, one): (usize, &ExplanationBody)| {
        let here = row(one.image.as_ref())
            .and_then(|row| row.environments.iter().find(|here| here.environment == one.environment));
        Place {
            cell: here.map(|here| Cell::new(here, clock, commit_page)),
            actions: if site.commands.is_some() { actions(&name, one) } else { Vec::new() },
            ..place_of(at, one, clock, commit_page)
        }
    };
    let lines = |history: &History| {
        history.changes.iter().map(|one| ChangeLine::new(one, clock, commit_page)).collect()
    };
    let template = ServicePage {
        frame: Frame::new(Some(snapshot), ""),
        places: explained.explanations.iter().enumerate().map(place).collect(),
        history: history.map(lines),
        service: name,
    };
    rendered(&template)
}

/// The forms that are about a service in an environment.
fn actions(service: &str, one: &ExplanationBody) -> Vec<ActionLink> {
    let link = |label, action: &str, fields: &[(&str, &str)]| {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        ActionLink { label, link: format!("/act/{action}?{query}") }
    };
    let environment = one.environment.as_str();
    let (many, one_environment) = (("services", service), ("environment", environment));
    let environments = ("environments", environment);
    let needs_approval =
        one.gates.iter().any(|gate| gate.gate.name == "approval" && gate.gate.answer != GateAnswer::Open);
    let next = one.next.as_deref();
    let mut links = Vec::new();
    links.extend(
        next.filter(|_| needs_approval)
            .map(|tag| link("Approve", "approve", &[many, environments, ("tag", tag)])),
    );
    links.extend(next.map(|_| link("Promote", "promote", &[many, one_environment])));
    links.push(link("Hold", "hold", &[many, environments]));
    links.push(link("Pin", "pin", &[many, environments]));
    links.push(link("Freeze", "freeze", &[many, environments]));
    if let [running] = one.running.as_slice() {
        links.push(link("Quarantine", "quarantine", &[many, ("tag", running)]));
        links.push(link("Roll back", "rollback", &[("service", service), one_environment]));
    }
    links
}

fn place_of(at: usize, one: &ExplanationBody, clock: Clock, commit_page: Option<&String>) -> Place {
    let gate = |gate: &ExplainedGate| GateLine {
        name: gate.gate.name,
        answer: match gate.gate.answer {
            GateAnswer::Open => "open",
            GateAnswer::ClosedUntil => "waiting",
            GateAnswer::Closed => "blocked",
            GateAnswer::Refused => "refused",
        },
        word: match gate.gate.answer {
            GateAnswer::Open => "open",
            GateAnswer::ClosedUntil | GateAnswer::Closed => "closed",
            GateAnswer::Refused => "refused",
        },
        opens_at: gate.gate.opens_at.map(|at| clock.moment(at)),
        reason: shown(&gate.gate.reason),
        remedies: gate
            .remedies
            .iter()
            .map(|remedy| Remedy { text: shown(&remedy.text), command: remedy.command.clone() })
            .collect(),
    };
    let author = one.author.as_ref().map(|author| format!("committed by {}", shown(author)));
    let requested = one.requested_by.as_ref().map(|by| format!("promoted by {}", promoter(by)));
    let mut versions = one.versions.iter().rev();
    let listed = versions
        .by_ref()
        .take(MOST_VERSIONS)
        .map(|version| VersionLine { tag: version.tag.clone(), reason: shown(&version.reason) });
    Place {
        id: format!("place-{at}"),
        environment: one.environment.clone(),
        image: one.image.clone(),
        running: if one.running.is_empty() { "nothing".to_owned() } else { one.running.join(" + ") },
        since: one.since.map(|at| clock.moment(at)),
        commit: one.commit.as_ref().map(|id| Commit::new(id, commit_page)),
        by: requested.or(author),
        next: one.next.clone(),
        releases: one.releases.filter(|count| *count > 1),
        reason: one.reason.as_deref().map(shown),
        cell: None,
        actions: Vec::new(),
        gates: one.gates.iter().map(gate).collect(),
        override_command: one.override_command.clone(),
        versions: listed.collect(),
        more_versions: versions.count(),
        controls: one.controls.iter().map(|control| Banner::of_control(control, clock)).collect(),
        problems: one.problems.iter().map(ProblemLine::new).collect(),
        registry: one.registry.as_ref().map(|registry| {
            format!(
                "{} tags, {} admitted by “{}”, the highest of them {}",
                registry.tags,
                registry.admitted,
                shown(&registry.versions),
                registry.highest_admitted.as_deref().unwrap_or("none")
            )
        }),
    }
}
