//! Results as programs read them: the contract that `docs/json.md` describes.

use serde::Serialize;

use crate::engine::{
    EditPlan, Move, Mover, PassReport, Problem, Promoted, PullRequestAction, PullRequestReport,
    RepositoryPolicy, Target, Unmerged,
};
use crate::model::{Outcome, Tag, Timestamp};
use crate::policy::{Answer, Decision, GateEvaluation, GateReport, NoCandidate};

use super::target_state::is_superseded;

mod explain;
mod status;

pub(crate) use explain::explain;
pub(crate) use status::status;

/// A pass.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pass {
    commit: String,
    at: Timestamp,
    planned: Vec<Planned>,
    promoted: Vec<Done>,
    requests: Vec<Requested>,
    waiting: Vec<Waiting>,
    staying: Vec<Staying>,
    recovered: Vec<Recovered>,
    problems: Vec<Told>,
    next_opening: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    service: String,
    environment: String,
    image: String,
    from: String,
    to: String,
    digest: String,
    releases: usize,
    gates: Vec<Gate>,
    files: Vec<String>,
    quarantine: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    promotion: String,
    commit: String,
    service: String,
    environment: String,
    image: String,
    from: String,
    to: String,
    digest: String,
    quarantine: Option<String>,
}

/// What waits in an open pull request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InRequest {
    number: u64,
    url: String,
    opened_at: Timestamp,
    to: String,
}

pub(super) fn in_request(unmerged: &Unmerged) -> InRequest {
    InRequest {
        number: unmerged.number,
        url: unmerged.url.clone(),
        opened_at: unmerged.opened_at,
        to: unmerged.tag.to_string(),
    }
}

/// A pull request, and what is or was done about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Requested {
    number: Option<u64>,
    url: Option<String>,
    branch: String,
    environment: String,
    state: &'static str,
    done: bool,
    opened_at: Option<Timestamp>,
    /// Why it is closed.
    reason: Option<String>,
    /// What the approval gate says of its reviews.
    review: Option<String>,
    /// Why it does not merge by itself for now.
    paused_by: Option<String>,
    moves: Vec<ProposedMove>,
}

#[derive(Serialize)]
struct ProposedMove {
    service: String,
    image: String,
    from: String,
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    service: String,
    environment: String,
    image: String,
    from: Option<String>,
    to: String,
    earliest: Option<Timestamp>,
    gates: Vec<Gate>,
}

/// Something keeps it from having a candidate at all.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Staying {
    service: String,
    environment: String,
    image: String,
    running: Option<String>,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    #[serde(rename = "gate")]
    name: &'static str,
    answer: &'static str,
    opens_at: Option<Timestamp>,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recovered {
    promotion: String,
    service: String,
    environment: String,
    to: String,
    commit: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    severity: &'static str,
    class: &'static str,
    message: String,
    hint: Option<String>,
    environment: Option<String>,
    service: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

/// A pass as JSON.
pub(crate) fn pass(repository_policy: &RepositoryPolicy, report: &PassReport) -> Pass {
    Pass {
        commit: report.evaluation.state.commit().to_string(),
        at: report.evaluation.now,
        planned: report.planned.iter().map(|plan| planned(repository_policy, plan)).collect(),
        promoted: report.promoted.iter().map(done).collect(),
        requests: report.requests.iter().map(requested).collect(),
        waiting: waiting(repository_policy, report),
        staying: staying(repository_policy, report),
        recovered: recovered(report),
        problems: report.problems.iter().map(told).collect(),
        next_opening: report.next_opening,
    }
}

fn planned(repository_policy: &RepositoryPolicy, plan: &EditPlan) -> Planned {
    Planned {
        service: plan.service.to_string(),
        environment: repository_policy.environments[plan.environment].policy.name.to_string(),
        image: plan.image.to_string(),
        from: plan.approved.from().tag.to_string(),
        to: plan.approved.candidate().tag.to_string(),
        digest: plan.approved.digest().to_string(),
        releases: plan.approved.releases_count(),
        gates: plan.approved.gates().iter().map(gate).collect(),
        files: plan.files.iter().map(|file| file.path.to_string()).collect(),
        quarantine: plan
            .rollback
            .as_ref()
            .and_then(|rollback| rollback.quarantine.as_ref())
            .map(|(file, _)| file.to_string()),
    }
}

fn done(promoted: &Promoted) -> Done {
    Done {
        promotion: promoted.id.to_string(),
        commit: promoted.commit.to_string(),
        service: promoted.service.to_string(),
        environment: promoted.environment.to_string(),
        image: promoted.image.to_string(),
        from: promoted.from.to_string(),
        to: promoted.to.to_string(),
        digest: promoted.digest.to_string(),
        quarantine: promoted.quarantine.as_ref().map(ToString::to_string),
    }
}

fn requested(request: &PullRequestReport) -> Requested {
    let (state, reason) = match &request.state {
        PullRequestAction::Waits => ("waits", None),
        PullRequestAction::Opens => ("opens", None),
        PullRequestAction::Updates => ("updates", None),
        PullRequestAction::Closes { why } => ("closes", Some(why.clone())),
        PullRequestAction::Theirs => ("takenOver", None),
    };
    let one = |one: &crate::engine::ProposedMove| ProposedMove {
        service: one.service.to_string(),
        image: one.image.to_string(),
        from: one.from.to_string(),
        to: one.to.to_string(),
    };
    Requested {
        number: request.number,
        url: request.url.clone(),
        branch: request.branch.to_string(),
        environment: request.environment.to_string(),
        state,
        done: request.is_done,
        opened_at: request.opened_at,
        reason,
        review: request.review.clone(),
        paused_by: request.pause().map(str::to_owned),
        moves: request.moves.iter().map(one).collect(),
    }
}

fn waiting(repository_policy: &RepositoryPolicy, report: &PassReport) -> Vec<Waiting> {
    let deployed = &report.evaluation.state.deployed;
    let decided = deployed.targets.iter().zip(&report.evaluation.decisions);
    decided
        .filter_map(|(target, decision)| match decision {
            Some(Decision::Wait(_)) if is_superseded(repository_policy, report, target) => None,
            Some(Decision::Wait(evaluation)) => Some(wait(repository_policy, target, evaluation)),
            _ => None,
        })
        .collect()
}

fn staying(repository_policy: &RepositoryPolicy, report: &PassReport) -> Vec<Staying> {
    let targets = report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions);
    let stays = targets.filter_map(|(target, decision)| match decision {
        Some(Decision::Current { why }) if !why.is_up_to_date() => Some((target, why)),
        _ => None,
    });
    let one = |(target, why): (&Target, &NoCandidate)| Staying {
        service: target.service().to_string(),
        environment: repository_policy.environments[target.environment].policy.name.to_string(),
        image: target.image().to_string(),
        running: target.running.first().map(|running| running.tag.to_string()),
        reason: why.to_string(),
    };
    stays.map(one).collect()
}

fn wait(repository_policy: &RepositoryPolicy, target: &Target, evaluation: &GateEvaluation) -> Waiting {
    Waiting {
        service: target.service().to_string(),
        environment: repository_policy.environments[target.environment].policy.name.to_string(),
        image: target.image().to_string(),
        from: target.running.first().map(|running| running.tag.to_string()),
        to: evaluation.candidate().tag.to_string(),
        earliest: evaluation.earliest(),
        gates: evaluation.reports().iter().map(gate).collect(),
    }
}

fn gate(report: &GateReport) -> Gate {
    let (answer, opens_at) = match report.answer {
        Answer::Open => ("open", None),
        Answer::ClosedUntil(at) => ("closedUntil", Some(at)),
        Answer::Closed => ("closed", None),
        Answer::Refused => ("refused", None),
    };
    Gate { name: report.gate.as_str(), answer, opens_at, reason: report.reason.to_string() }
}

fn recovered(report: &PassReport) -> Vec<Recovered> {
    let one = |(intent, outcome): &(crate::model::Intent, Outcome)| Recovered {
        promotion: intent.id.to_string(),
        service: intent.service.to_string(),
        environment: intent.environment.to_string(),
        to: intent.to.to_string(),
        commit: match outcome {
            Outcome::Landed(commit) => Some(commit.to_string()),
            Outcome::Abandoned => None,
        },
    };
    report.recovered.iter().map(one).collect()
}

fn told(problem: &Problem) -> Told {
    let position = problem.place.as_ref().and_then(|place| place.position);
    Told {
        severity: if problem.is_error { "error" } else { "warning" },
        class: problem.class.as_str(),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        environment: problem.environment.as_ref().map(ToString::to_string),
        service: problem.service.as_ref().map(ToString::to_string),
        file: problem.place.as_ref().map(|place| place.path.to_string()),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
    }
}

/// What moved.
#[derive(Serialize)]
pub(crate) struct History {
    moves: Vec<Moved>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    at: Timestamp,
    commit: String,
    service: String,
    environment: String,
    image: String,
    from: Vec<String>,
    to: Vec<String>,
    /// Nothing for a person's commit.
    promotion: Option<String>,
    requested_by: Option<String>,
    author: Option<String>,
    why: Option<String>,
}

/// What moved as JSON.
pub(crate) fn history(moves: &[Move]) -> History {
    let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
    let one = |told: &Move| {
        let (promotion, requested_by, author) = match &told.by {
            Mover::Tidegate { promotion, requested_by } => {
                (Some(promotion.clone()), Some(requested_by.clone()), None)
            }
            Mover::Person { author } => (None, None, Some(author.clone())),
        };
        Moved {
            at: told.at,
            commit: told.commit.to_string(),
            service: told.service.to_string(),
            environment: told.environment.to_string(),
            image: told.image.to_string(),
            from: texts(&told.from),
            to: texts(&told.to),
            promotion,
            requested_by,
            author,
            why: told.why.clone(),
        }
    };
    History { moves: moves.iter().map(one).collect() }
}
