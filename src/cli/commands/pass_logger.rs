//! What the daemon logs of its passes: what it did, always; what waits and what is wrong, when that changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cli::daemon::Listener;
use crate::cli::render::control;
use crate::engine::{PassReport, Problem, PullRequestAction, PullRequestReport, RepositoryPolicy};
use crate::model::{Elapsed, Fault, Outcome, Printable};
use crate::policy::{Answer, Decision, GateEvaluation};

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct PassLogger {
    waits: HashMap<(usize, String), String>,
    starving: BTreeSet<(usize, String)>,
    /// What stands in control files, by their paths.
    controls: BTreeMap<String, String>,
    /// Problems of the last pass, by what makes them the same in the next.
    problems: BTreeMap<String, String>,
    failure: Option<String>,
}

impl Listener for PassLogger {
    /// Logs a pass.
    fn passed(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport) {
        if self.failure.take().is_some() {
            tracing::info!("passes go through again");
        }
        tell_recovered(report);
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
        report.requests.iter().filter(|request| request.is_done).for_each(tell_request);
        self.tell_controls(repository_policy, report);
        self.tell_waits(repository_policy, report);
        self.tell_starvation(repository_policy, report);
        self.tell_problems(&report.problems);
        tracing::debug!(
            commit = %report.evaluation.state.commit(),
            targets = report.evaluation.decisions.len(),
            promoted = report.promoted.len(),
            problems = report.problems.len(),
            next_opening = report.next_opening.map(|at| at.to_rfc3339()),
            "pass done"
        );
    }

    /// Logs that a pass did not go through; a repetition only at the level of details.
    fn failed(&mut self, fault: Fault) {
        let line = fault.in_one_line();
        if self.failure.as_ref() == Some(&line) {
            tracing::debug!(error = %line, class = fault.class().as_str(), "the pass failed again");
            return;
        }
        tracing::error!(error = %line, hint = fault.hint(), class = fault.class().as_str(), "the pass failed");
        self.failure = Some(line);
    }
}

impl PassLogger {
    fn tell_waits(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport) {
        let deployed = &report.evaluation.state.deployed;
        let mut waits = HashMap::new();
        for (target, decision) in deployed.targets.iter().zip(&report.evaluation.decisions) {
            let Some(Decision::Wait(evaluation)) = decision else { continue };
            let candidate = evaluation.candidate();
            let key = (target.environment, format!("{} {}", target.service(), target.image()));
            let state = state(candidate.tag.as_str(), evaluation);
            if self.waits.get(&key) != Some(&state) {
                let environment = &repository_policy.environments[target.environment].policy.name;
                for gate in evaluation.closed() {
                    if gate.answer == Answer::Refused {
                        tracing::warn!(
                            service = %target.service(), %environment, tag = %candidate.tag,
                            gate = gate.gate.as_str(), reason = %gate.reason, "refused"
                        );
                    } else {
                        tracing::info!(
                            service = %target.service(), %environment, tag = %candidate.tag,
                            gate = gate.gate.as_str(), reason = %gate.reason, "waits"
                        );
                    }
                }
            }
            waits.insert(key, state);
        }
        self.waits = waits;
    }

    /// What people say by control files is told when it begins to count, and when it no longer does.
    fn tell_controls(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport) {
        let zone = repository_policy.zone();
        let mut now = BTreeMap::new();
        for one in report.evaluation.state.controls.standing(zone, report.evaluation.now) {
            let Some(note) = one.note() else { continue };
            let (file, what) = (one.file().to_string(), control::plain(&one, zone));
            let told = format!("{what} {}", control::note(note, zone));
            if self.controls.get(&file) != Some(&told) {
                tracing::info!(
                    %file, by = %Printable::bounded(&note.by, 200), reason = %Printable::bounded(&note.reason, 300),
                    expires = note.expires.map(|at| at.to_rfc3339()), "{what}"
                );
            }
            now.insert(file, told);
        }
        for file in self.controls.keys().filter(|file| !now.contains_key(*file)) {
            tracing::info!(%file, "a control file no longer counts");
        }
        self.controls = now;
    }

    /// Releases that come faster than they can soak are told when that begins, and when it ends.
    fn tell_starvation(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport) {
        let mut now = BTreeSet::new();
        for (target, decision) in
            report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions)
        {
            let Some(Decision::Wait(evaluation)) = decision else { continue };
            let Some(starvation) = evaluation.starvation() else { continue };
            let environment = &repository_policy.environments[target.environment].policy.name;
            let key = (target.environment, format!("{} {}", target.service(), target.image()));
            if !self.starving.contains(&key) {
                tracing::warn!(
                    service = %target.service(), %environment, before = %starvation.environment,
                    superseded = starvation.superseded_count, since = %starvation.since.to_rfc3339(),
                    soak = %Elapsed(starvation.needed),
                    hint = "`soakMode: train` lets one go on first, `soakMode: elapsed` lets each go on soaking",
                    "starving: versions are replaced before their soak is over"
                );
            }
            now.insert(key);
        }
        for (environment, subject) in self.starving.difference(&now) {
            let environment = &repository_policy.environments[*environment].policy.name;
            tracing::info!(%environment, "no longer starving: {subject}");
        }
        self.starving = now;
    }

    fn tell_problems(&mut self, problems: &[Problem]) {
        let told: BTreeMap<String, String> =
            problems.iter().map(|problem| (problem.key(), problem.to_string())).collect();
        for problem in problems.iter().filter(|problem| !self.problems.contains_key(&problem.key())) {
            let service = problem.service.as_ref().map(ToString::to_string);
            let environment = problem.environment.as_ref().map(ToString::to_string);
            let place = problem.place.as_ref().map(ToString::to_string);
            let (message, hint) = (&problem.message, &problem.hint);
            if problem.is_error {
                tracing::error!(service, environment, place, hint, "{message}");
            } else {
                tracing::warn!(service, environment, place, hint, "{message}");
            }
        }
        let ended = self.problems.iter().filter(|(key, _)| !told.contains_key(*key));
        for (_, mended) in ended {
            tracing::info!("no longer so: {mended}");
        }
        self.problems = told;
    }
}

/// What a waiting target waits for, without the times that pass by themselves.
fn state(tag: &str, evaluation: &GateEvaluation) -> String {
    let gates: Vec<String> = evaluation
        .closed()
        .map(|gate| format!("{}{}", gate.gate.as_str(), u8::from(gate.answer == Answer::Refused)))
        .collect();
    format!("{tag} {}", gates.join(" "))
}

/// What was done about a pull request.
fn tell_request(request: &PullRequestReport) {
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
            tracing::info!(%environment, %branch, number, url, moves, "brought a pull request up to date");
        }
    }
}

fn tell_recovered(report: &PassReport) {
    for (intent, outcome) in &report.recovered {
        let age = (report.evaluation.now - intent.at).to_std().unwrap_or_default();
        match outcome {
            Outcome::Landed(commit) => tracing::warn!(
                service = %intent.service, environment = %intent.environment, tag = %intent.to,
                promotion = %intent.id, %commit, age = %Elapsed(age),
                "a promotion of a pass that was cut short is on the branch"
            ),
            Outcome::Abandoned => tracing::warn!(
                service = %intent.service, environment = %intent.environment, tag = %intent.to,
                promotion = %intent.id, age = %Elapsed(age),
                "a promotion of a pass that was cut short never reached the branch; it is decided anew"
            ),
        }
    }
}
