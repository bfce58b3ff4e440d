//! What pages say of a service in an environment, a control file, a gate and a change: sentences and times from the documents.

use super::common::{Clock, Commit, Moment, shown};
use crate::model::BY_SCHEDULE;
use crate::view::{
    Change, ControlBody, EnvironmentState, EnvironmentStatus, FreezeBody, Gate, GateAnswer, HealthBody,
    HealthState, ProblemBody, ReleaseScope, SoakBody, time,
};

/// A service in an environment.
pub(super) struct Cell {
    pub(super) environment: String,
    pub(super) state: EnvironmentState,
    /// The state in words.
    pub(super) word: &'static str,
    pub(super) running: String,
    pub(super) since: Option<Moment>,
    pub(super) commit: Option<Commit>,
    pub(super) next: Option<String>,
    /// Why it stands as it does; empty where it is up to date.
    pub(super) sentence: String,
    /// How many more gates are closed than the sentence names.
    pub(super) more_gates: usize,
    pub(super) earliest: Option<Moment>,
    pub(super) soak: Option<SoakBar>,
    /// What its clusters say against what runs.
    pub(super) unhealthy: Option<String>,
    pub(super) pull_request: Option<PullRequestLink>,
}

/// How much of a soak is over.
pub(super) struct SoakBar {
    pub(super) lasted_seconds: u64,
    pub(super) needed_seconds: u64,
    pub(super) percent: u64,
    /// For programs: when it ends.
    pub(super) ends_at: Option<Moment>,
}

pub(super) struct PullRequestLink {
    pub(super) number: u64,
    /// None where the address is no web address.
    pub(super) url: Option<String>,
}

impl Cell {
    pub(super) fn new(here: &EnvironmentStatus, clock: Clock, commit_page: Option<&String>) -> Self {
        let (sentence, more_gates) = sentence(here);
        // The line below says it, with how long that is.
        let end = here.earliest.map(|at| format!("; ends at {}", time::local(at, clock.zone)));
        let sentence = end.map_or_else(|| sentence.clone(), |end| sentence.replace(&end, ""));
        let soak = here.soak.as_ref().filter(|soak| soak.lasted_seconds < soak.needed_seconds);
        Self {
            environment: here.environment.clone(),
            state: here.state,
            word: word(here.state),
            running: if here.running.is_empty() { "nothing".to_owned() } else { here.running.join(" + ") },
            since: here.since.map(|at| clock.moment(at)),
            commit: here.commit.as_ref().map(|id| Commit::new(id, commit_page)),
            next: here.next.clone(),
            sentence,
            more_gates,
            earliest: here.earliest.filter(|at| *at > clock.now).map(|at| clock.moment(at)),
            soak: soak.map(|soak| soak_bar(soak, clock)),
            unhealthy: here.health.as_ref().and_then(unhealthy),
            pull_request: here
                .pull_request
                .as_ref()
                .map(|one| PullRequestLink { number: one.number, url: web_address(&one.url) }),
        }
    }
}

fn unhealthy(health: &HealthBody) -> Option<String> {
    let reason = health.reason.as_deref().map(shown).unwrap_or_default();
    match health.state {
        HealthState::Healthy => None,
        HealthState::Unhealthy => Some(format!("Not healthy: {reason}")),
        HealthState::Unknown => Some(format!("Health unknown: {reason}")),
    }
}

fn soak_bar(soak: &SoakBody, clock: Clock) -> SoakBar {
    SoakBar {
        lasted_seconds: soak.lasted_seconds,
        needed_seconds: soak.needed_seconds,
        percent: soak.lasted_seconds.saturating_mul(100) / soak.needed_seconds.max(1),
        ends_at: soak.ends_at.map(|at| clock.moment(at)),
    }
}

/// A state in words.
pub(super) fn word(state: EnvironmentState) -> &'static str {
    match state {
        EnvironmentState::UpToDate => "up to date",
        EnvironmentState::Open => "moves next",
        EnvironmentState::InReview => "in review",
        EnvironmentState::Waiting => "waits",
        EnvironmentState::Blocked => "blocked",
        EnvironmentState::Refused => "refused",
        EnvironmentState::Failed => "failed",
        EnvironmentState::Undecided => "not decided",
    }
}

/// What blocks it most, and how many more gates are closed.
fn sentence(here: &EnvironmentStatus) -> (String, usize) {
    let closed: Vec<&Gate> = here.gates.iter().filter(|gate| gate.answer != GateAnswer::Open).collect();
    // A refusal first, then what somebody must do, then what takes longest.
    let worst = closed.iter().max_by_key(|gate| match gate.answer {
        GateAnswer::Refused => (2, None),
        GateAnswer::Closed => (1, None),
        GateAnswer::ClosedUntil | GateAnswer::Open => (0, gate.opens_at),
    });
    match (worst, here.state) {
        (_, EnvironmentState::UpToDate) => (String::new(), 0),
        (_, EnvironmentState::Failed) => {
            ("Every gate is open, and it could not be written; see the problems".to_owned(), 0)
        }
        (_, EnvironmentState::Undecided) => ("The registry did not answer".to_owned(), 0),
        (Some(gate), _) => (shown(&gate.reason), closed.len() - 1),
        (None, EnvironmentState::Open) => ("Every gate is open".to_owned(), 0),
        (None, EnvironmentState::InReview) => ("Needs a review of its pull request".to_owned(), 0),
        (None, _) => (here.reason.as_deref().map(shown).unwrap_or_default(), 0),
    }
}

/// A control file or a configured freeze, as a banner.
pub(super) struct Banner {
    pub(super) kind: &'static str,
    /// What it covers.
    pub(super) text: String,
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) at: Option<Moment>,
    /// When it begins, if it has not begun.
    pub(super) from: Option<Moment>,
    /// When it ends; none where only people end it.
    pub(super) until: Option<Moment>,
    pub(super) file: Option<String>,
    pub(super) release: Option<String>,
    /// The form that releases it.
    pub(super) form: Option<String>,
}

impl Banner {
    pub(super) fn of_control(control: &ControlBody, clock: Clock) -> Self {
        Self {
            kind: control.kind,
            text: shown(&control.description),
            by: control.by.as_deref().map(shown),
            reason: control.reason.as_deref().map(shown),
            at: control.at.map(|at| clock.moment(at)),
            from: control.from.filter(|at| *at > clock.now).map(|at| clock.moment(at)),
            until: control.until.map(|at| clock.moment(at)),
            file: Some(shown(&control.file)),
            release: control.release_command.clone(),
            form: control.release.as_ref().map(release_form),
        }
    }

    pub(super) fn of_freeze(freeze: &FreezeBody, clock: Clock) -> Self {
        let span = freeze.span(clock.zone);
        let places = match freeze.environments.as_slice() {
            [] => "every environment".to_owned(),
            some => some.join(", "),
        };
        Self {
            kind: "freeze",
            text: format!("freeze of {places} ({}), from the configuration", shown(&freeze.name)),
            by: None,
            reason: None,
            at: None,
            from: span.map(|(from, _)| from).filter(|at| *at > clock.now).map(|at| clock.moment(at)),
            until: span.map(|(_, until)| clock.moment(until)),
            file: None,
            release: None,
            form: None,
        }
    }

    /// Whether it stops promotions: approvals and pins do not.
    pub(super) fn stops(&self) -> bool {
        !matches!(self.kind, "approval" | "pin")
    }
}

/// The address of the form that releases a control file.
fn release_form(scope: &ReleaseScope) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let fields = [
        ("services", scope.service.as_deref()),
        ("kinds", scope.kind),
        ("tag", scope.tag.as_deref()),
        ("freeze", scope.freeze.as_deref()),
    ];
    for (name, value) in fields {
        value.map(|value| query.append_pair(name, value));
    }
    for name in &scope.environments {
        query.append_pair("environments", name);
    }
    format!("/act/release?{}", query.finish())
}

/// A problem of the pass.
pub(super) struct ProblemLine {
    pub(super) severity: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) place: Option<String>,
}

impl ProblemLine {
    pub(super) fn new(problem: &ProblemBody) -> Self {
        let position = match (problem.line, problem.column) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            _ => String::new(),
        };
        Self {
            severity: problem.severity,
            message: shown(&problem.message),
            hint: problem.hint.as_deref().map(shown),
            place: problem.file.as_ref().map(|file| format!("{}{position}", shown(file))),
        }
    }
}

/// A change of tags.
pub(super) struct ChangeLine {
    pub(super) at: Moment,
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) commit: Commit,
    pub(super) by: String,
    pub(super) reason: Option<String>,
}

/// For whom Tidegate promoted it, in words.
pub(super) fn promoter(requested_by: &str) -> String {
    if requested_by == BY_SCHEDULE {
        return "Tidegate".to_owned();
    }
    format!("Tidegate, for {}", shown(requested_by))
}

impl ChangeLine {
    pub(super) fn new(change: &Change, clock: Clock, commit_page: Option<&String>) -> Self {
        let tags = |tags: &[String]| match tags {
            [] => "nothing".to_owned(),
            tags => tags.join(" + "),
        };
        Self {
            at: clock.moment(change.at),
            service: change.service.clone(),
            environment: change.environment.clone(),
            from: tags(&change.from),
            to: tags(&change.to),
            commit: Commit::new(&change.commit, commit_page),
            by: match (&change.author, &change.requested_by) {
                (None, Some(requested_by)) => promoter(requested_by),
                (author, _) => author.as_deref().map(shown).unwrap_or_default(),
            },
            reason: change.reason.as_deref().map(shown),
        }
    }
}

/// The address, if a browser may go there.
pub(super) fn web_address(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web.then(|| url.to_owned())
}
