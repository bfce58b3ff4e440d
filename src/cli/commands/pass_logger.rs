//! The daemon's log of its passes: what a pass did; every condition once when it begins and once when it ends, with how many
//! passes found it; and, now and then, that passes succeed. What varies is in fields, so that messages can be counted.

mod conditions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::cli::daemon::Listener;
use crate::engine::{PassReport, Problem, PullRequestAction, PullRequestReport, RepositoryPolicy, Target};
use crate::model::{Elapsed, Fault, Outcome, Printable, Timestamp};
use crate::policy::{Answer, Decision, GateEvaluation};
use crate::view::control;

use conditions::{Condition, Conditions};

/// An environment, and a service with its image.
type Key = (String, String);

/// The conditions that the last pass found.
#[derive(Debug)]
pub(super) struct PassLogger {
    waiting: Conditions<Key>,
    starving: Conditions<Key>,
    /// The controls, by path.
    controls: BTreeMap<String, String>,
    /// The problems, by [`Problem::key`].
    problems: Conditions<String>,
    failure: Option<Condition>,
    heartbeat: Heartbeat,
}

impl PassLogger {
    /// A logger that logs a heartbeat at this interval; none when it is zero.
    pub(super) fn new(heartbeat: Duration) -> Self {
        Self {
            waiting: Conditions::default(),
            starving: Conditions::default(),
            controls: BTreeMap::new(),
            problems: Conditions::default(),
            failure: None,
            heartbeat: Heartbeat { interval: heartbeat, passes: 0, last: None },
        }
    }

    /// Changes the interval of the heartbeat.
    pub(super) fn set_heartbeat(&mut self, interval: Duration) {
        self.heartbeat.interval = interval;
    }
}

impl Listener for PassLogger {
    fn passed(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        if let Some(failure) = self.failure.take() {
            let (error, lasted) = (&failure.text, failure.lasted(Utc::now()));
            tracing::info!(%error, failed_passes = failure.passes, %lasted, "passes succeed again");
        }
        log_recovered(report);
        log_promoted(report);
        self.log_controls(policy, report);
        self.log_waiting(policy, report);
        self.log_starving(policy, report);
        self.log_problems(&report.problems, report.evaluation.now);
        let (commit, targets) = (report.evaluation.state.commit(), report.evaluation.decisions.len());
        tracing::debug!(
            %commit,
            targets,
            promoted = report.promoted.len(),
            problems = report.problems.len(),
            next_opening = report.next_opening.map(|at| at.to_rfc3339()),
            "pass succeeded"
        );
        if let Some(passes) = self.heartbeat.beat(report.evaluation.now) {
            let (waiting, problems) = (self.waiting.len(), self.problems.len());
            tracing::info!(passes, %commit, targets, waiting, problems, "passes succeed");
        }
    }

    /// Conditions are left to the next pass over everything.
    fn images_passed(&mut self, _policy: &RepositoryPolicy, report: &PassReport) {
        log_recovered(report);
        log_promoted(report);
        tracing::debug!(
            commit = %report.evaluation.state.commit(),
            targets = report.scope.as_ref().map_or(0, Vec::len),
            promoted = report.promoted.len(),
            problems = report.problems.len(),
            "pass over some images succeeded"
        );
    }

    /// A repetition is logged at the debug level only.
    fn failed(&mut self, fault: Fault) {
        let error = fault.in_one_line();
        if let Some(failure) = self.failure.as_mut().filter(|failure| is_same(&failure.text, &error)) {
            failure.passes += 1;
            let failed_passes = failure.passes;
            tracing::debug!(%error, class = fault.class().as_str(), failed_passes, "pass failed again");
            return;
        }
        tracing::error!(%error, hint = fault.hint(), class = fault.class().as_str(), "pass failed");
        let earlier = self.failure.take();
        self.failure = Some(Condition {
            passes: earlier.as_ref().map_or(1, |earlier| earlier.passes + 1),
            since: earlier.map_or_else(Utc::now, |earlier| earlier.since),
            text: error,
        });
    }
}

/// Whether two texts of a failure differ in numbers alone, such as tries and seconds.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| letter.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    words(one) == words(other)
}

/// Time of the last heartbeat.
#[derive(Debug)]
struct Heartbeat {
    interval: Duration,
    passes: u64,
    last: Option<Timestamp>,
}

impl Heartbeat {
    /// Counts a pass. Returns how many succeeded since the last heartbeat, if another one is due.
    fn beat(&mut self, now: Timestamp) -> Option<u64> {
        self.passes += 1;
        let last = *self.last.get_or_insert(now);
        let interval = TimeDelta::from_std(self.interval).unwrap_or(TimeDelta::MAX);
        if self.interval.is_zero() || now - last < interval {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.passes))
    }
}

impl PassLogger {
    fn log_waiting(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        let waits: BTreeMap<Key, (&Target, &GateEvaluation)> = targets(report)
            .filter_map(|(target, decision)| match decision {
                Some(Decision::Wait(evaluation)) => Some((key(policy, target), (target, &**evaluation))),
                _ => None,
            })
            .collect();
        let states = waits.iter().map(|(key, (_, evaluation))| (key.clone(), state(evaluation))).collect();
        let now = report.evaluation.now;
        let changes = self.waiting.update(states, now);
        for key in changes.begun.iter().chain(&changes.changed) {
            if let Some((target, evaluation)) = waits.get(key) {
                log_wait(&key.0, target, evaluation);
            }
        }
        let promoted: BTreeSet<Key> = report
            .promoted
            .iter()
            .map(|one| (one.environment.to_string(), format!("{} {}", one.service, one.image)))
            .collect();
        for ((environment, target), wait) in changes.ended.iter().filter(|(key, _)| !promoted.contains(key)) {
            let lasted = wait.lasted(now);
            tracing::info!(%target, %environment, passes = wait.passes, %lasted, "no longer waiting");
        }
    }

    fn log_controls(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        let zone = policy.zone();
        let mut standing = BTreeMap::new();
        for one in report.evaluation.state.controls.standing(zone, report.evaluation.now) {
            let Some(note) = one.note() else { continue };
            let (file, control) = (one.file().to_string(), control::plain(&one, zone));
            let text = format!("{control} {}", control::note(note, zone));
            if self.controls.get(&file) != Some(&text) {
                tracing::info!(
                    %control, %file, by = %Printable::bounded(&note.by, 200),
                    reason = %Printable::bounded(&note.reason, 300),
                    expires = note.expires.map(|at| at.to_rfc3339()), "control file counts"
                );
            }
            standing.insert(file, text);
        }
        for file in self.controls.keys().filter(|file| !standing.contains_key(*file)) {
            tracing::info!(%file, "control file no longer counts");
        }
        self.controls = standing;
    }

    fn log_starving(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        let mut starving = BTreeMap::new();
        for (target, decision) in targets(report) {
            let Some(Decision::Wait(evaluation)) = decision else { continue };
            let Some(starvation) = evaluation.starvation() else { continue };
            starving.insert(key(policy, target), (target, starvation));
        }
        let now = report.evaluation.now;
        let changes =
            self.starving.update(starving.keys().map(|key| (key.clone(), String::new())).collect(), now);
        for (environment, (target, starvation)) in
            changes.begun.iter().filter_map(|key| Some((&key.0, starving.get(key)?)))
        {
            tracing::warn!(
                service = %target.service(), %environment, before = %starvation.environment,
                superseded = starvation.superseded_count, since = %starvation.since.to_rfc3339(),
                soak = %Elapsed(starvation.needed),
                hint = "`soakMode: train` promotes one first, `soakMode: elapsed` lets each finish its soak",
                "starving: versions are replaced before their soak ends"
            );
        }
        for ((environment, target), condition) in &changes.ended {
            let lasted = condition.lasted(now);
            tracing::info!(%target, %environment, passes = condition.passes, %lasted, "no longer starving");
        }
    }

    fn log_problems(&mut self, problems: &[Problem], now: Timestamp) {
        let by_key: BTreeMap<String, &Problem> =
            problems.iter().map(|problem| (problem.key(), problem)).collect();
        let texts = by_key.iter().map(|(key, problem)| (key.clone(), problem.to_string())).collect();
        let changes = self.problems.update(texts, now);
        for problem in changes.begun.iter().filter_map(|key| by_key.get(key)) {
            let service = problem.service.as_ref().map(ToString::to_string);
            let environment = problem.environment.as_ref().map(ToString::to_string);
            let place = problem.place.as_ref().map(ToString::to_string);
            let (message, hint) = (&problem.message, &problem.hint);
            if problem.is_error {
                tracing::error!(problem = %message, service, environment, place, hint, "problem");
            } else {
                tracing::warn!(problem = %message, service, environment, place, hint, "problem");
            }
        }
        for (_, condition) in &changes.ended {
            let (problem, lasted) = (&condition.text, condition.lasted(now));
            tracing::info!(%problem, passes = condition.passes, %lasted, "problem resolved");
        }
    }
}

fn targets(report: &PassReport) -> impl Iterator<Item = (&Target, &Option<Decision>)> {
    report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions)
}

fn key(policy: &RepositoryPolicy, target: &Target) -> Key {
    let environment = &policy.environments[target.environment].policy.name;
    (environment.to_string(), format!("{} {}", target.service(), target.image()))
}

/// The closed gates of a candidate, without the times that pass by themselves.
fn state(evaluation: &GateEvaluation) -> String {
    let gates: Vec<String> = evaluation
        .closed()
        .map(|gate| format!("{}{}", gate.gate.as_str(), u8::from(gate.answer == Answer::Refused)))
        .collect();
    format!("{} {}", evaluation.candidate().tag, gates.join(" "))
}

fn log_wait(environment: &str, target: &Target, evaluation: &GateEvaluation) {
    let (service, tag) = (target.service(), &evaluation.candidate().tag);
    let refused = evaluation.closed().find(|gate| gate.answer == Answer::Refused);
    let gates: Vec<&str> = evaluation.closed().map(|gate| gate.gate.as_str()).collect();
    let gates = gates.join(",");
    match refused.or_else(|| evaluation.closed().next()) {
        Some(gate) if gate.answer == Answer::Refused => {
            tracing::warn!(%service, %environment, %tag, gates, reason = %gate.reason, "refused");
        }
        Some(gate) => {
            let until = evaluation.earliest().map(|at| at.to_rfc3339());
            tracing::info!(%service, %environment, %tag, gates, reason = %gate.reason, until, "waiting");
        }
        None => {}
    }
}

fn log_promoted(report: &PassReport) {
    for promoted in &report.promoted {
        tracing::info!(
            service = %promoted.service,
            environment = %promoted.environment,
            image = %promoted.image,
            from = %promoted.from,
            tag = %promoted.to,
            digest = %promoted.digest,
            commit = %promoted.commit,
            promotion = %promoted.id,
            "promoted"
        );
    }
    report.requests.iter().filter(|request| request.is_done).for_each(log_pull_request);
}

fn log_pull_request(request: &PullRequestReport) {
    let PullRequestReport { environment, branch, url, number, .. } = request;
    let moves: Vec<String> = request.moves.iter().map(|one| format!("{} {}", one.service, one.to)).collect();
    let moves = moves.join(", ");
    match &request.state {
        PullRequestAction::Opens => {
            tracing::info!(%environment, %branch, number, url, moves, "opened a pull request");
        }
        PullRequestAction::Closes { why } => {
            tracing::info!(%environment, %branch, number, url, moves, reason = %why, "closed a pull request");
        }
        PullRequestAction::Updates | PullRequestAction::Waits | PullRequestAction::Theirs => {
            tracing::info!(%environment, %branch, number, url, moves, "updated a pull request");
        }
    }
}

fn log_recovered(report: &PassReport) {
    for (intent, outcome) in &report.recovered {
        let age = (report.evaluation.now - intent.at).to_std().unwrap_or_default();
        match outcome {
            Outcome::Landed(commit) => tracing::warn!(
                service = %intent.service, environment = %intent.environment, tag = %intent.to,
                promotion = %intent.id, %commit, age = %Elapsed(age),
                "the promotion of an interrupted pass is on the branch"
            ),
            Outcome::Abandoned => tracing::warn!(
                service = %intent.service, environment = %intent.environment, tag = %intent.to,
                promotion = %intent.id, age = %Elapsed(age),
                "the promotion of an interrupted pass never reached the branch; deciding again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_same_while_only_numbers_differ() {
        let failures = [
            ("cannot fetch: refused (3 tries, 11 s)", "cannot fetch: refused (4 tries, 9 s)", true),
            ("cannot fetch: refused", "cannot fetch: timed out", false),
        ];
        for (one, other, expected) in failures {
            assert_eq!(is_same(one, other), expected, "{one} / {other}");
        }
    }

    #[test]
    fn a_heartbeat_counts_the_passes_of_its_interval() {
        let at = |minute: u32| -> Timestamp { format!("2026-11-29T10:{minute:02}:00Z").parse().unwrap() };
        for (interval_mins, expected) in [
            (0, [None, None, None, None, None]),
            (10, [None, None, Some(3), None, Some(2)]),
            (15, [None, None, None, Some(4), None]),
        ] {
            let interval = Duration::from_mins(interval_mins);
            let mut heartbeat = Heartbeat { interval, passes: 0, last: None };
            let beats = [0, 5, 10, 15, 20].map(|minute| heartbeat.beat(at(minute)));
            assert_eq!(beats, expected, "every {interval_mins} min");
        }
    }
}
