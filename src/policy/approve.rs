//! Approval to promote: the only way to an [`Approved`], with every gate open or overridden by name with a reason.

use std::fmt;

use thiserror::Error;

use crate::model::{Class, Digest, EnvironmentName, Fault, Tag};

use super::evaluate::{GateEvaluation, Soaked};
use super::gate_name::GateName;
use super::gates::{Answer, DigestReason, GateReport, OrderReason, PullRequestReference, Reason};
use super::select::Candidate;

/// Permission to promote a candidate. Only the policy room can make one, so whatever takes one was decided:
///
/// ```compile_fail
/// fn forge(candidate: tidegate::policy::Candidate, digest: tidegate::model::Digest) -> tidegate::policy::Approved {
///     tidegate::policy::Approved { candidate, digest }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    environment: EnvironmentName,
    candidate: Candidate,
    digest: Digest,
    from: Candidate,
    releases_count: usize,
    soaked: Option<Soaked>,
    gates: Vec<GateReport>,
    overrides: Vec<Override>,
    direction: Direction,
}

/// Which fields a promotion may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Only fields with a lower version.
    Forward,
    /// Only fields with a higher version: a person asked for a rollback.
    Back,
}

/// The overrides of a person, with confirmations where a reason is not enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The gates, each with a reason.
    pub overrides: Vec<Override>,
    /// Confirms that a lower version may come.
    pub allow_downgrade: bool,
    /// Confirms this digest, although another one soaked.
    pub accept_digest: Option<Digest>,
}

/// An override of one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    gate: GateName,
    reason: String,
}

/// An override that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OverrideError {
    /// This gate cannot be overridden.
    #[error("the {0} gate cannot be overridden")]
    Gate(GateName),
    /// The reason is missing, or does not fit into a commit's trailer.
    #[error("the reason to override the {0} gate is not one line of 1 to {most} characters", most = Override::LONGEST_REASON_CHARS)]
    Reason(GateName),
}

/// A promotion whose gates are neither all open nor overridden.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct GatesClosed {
    environment: EnvironmentName,
    tag: Tag,
    gates: Vec<GateReport>,
    hint: String,
}

impl Approved {
    /// Which fields it may change.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The environment to promote to.
    pub fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The candidate.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The digest, for the commit's trailer.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The lowest running version.
    pub fn from(&self) -> &Candidate {
        &self.from
    }

    /// Number of releases above the running version, up to the candidate.
    pub fn releases_count(&self) -> usize {
        self.releases_count
    }

    /// How long the candidate soaked, if its soak clock ran.
    pub fn soaked(&self) -> Option<&Soaked> {
        self.soaked.as_ref()
    }

    /// The report of each gate, in order.
    pub fn gates(&self) -> &[GateReport] {
        &self.gates
    }

    /// Whether it may only be proposed: the pull request needs a review first.
    pub fn awaits_review(&self) -> bool {
        let is_overridden = |gate: GateName| self.overrides.iter().any(|one| one.gate == gate);
        self.gates.iter().any(|report| report.is_left_to_request() && !is_overridden(report.gate))
    }

    /// Marks it as proposed by this pull request.
    pub fn propose(&mut self, request: &PullRequestReference) {
        self.gates.iter_mut().for_each(|report| report.propose(request));
    }

    /// Marks that the reviewed commit is about to be replaced by one that nobody reviewed.
    pub fn void_reviews(&mut self) {
        self.gates.iter_mut().for_each(GateReport::void_review);
    }

    /// The overrides that were needed, in the order of the gates.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }
}

impl Override {
    /// Maximum length of a reason, in characters.
    pub const LONGEST_REASON_CHARS: usize = 300;

    /// Overrides `gate` for `reason`.
    ///
    /// # Errors
    /// When the gate cannot be overridden, or when the reason is blank, too long or more than one line.
    pub fn new(gate: GateName, reason: &str) -> Result<Self, OverrideError> {
        if !gate.can_be_overridden() {
            return Err(OverrideError::Gate(gate));
        }
        let reason = reason.trim();
        let length_chars = reason.chars().count();
        if !(1..=Self::LONGEST_REASON_CHARS).contains(&length_chars) || reason.contains(char::is_control) {
            return Err(OverrideError::Reason(gate));
        }
        Ok(Self { gate, reason: reason.to_owned() })
    }

    /// The gate.
    pub fn gate(&self) -> GateName {
        self.gate
    }

    /// The reason: a person's text, on one line.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Approves a candidate if all gates are open, except one that awaits a review of its pull request; otherwise `None`.
pub(super) fn approve(evaluation: &GateEvaluation) -> Option<Approved> {
    if !evaluation.may_go() {
        return None;
    }
    approve_with(evaluation, Vec::new(), Direction::Forward)
}

/// Approves a candidate whose closed gates are all overridden. A lower version, and a digest that did not soak, need a
/// confirmation besides.
///
/// # Errors
/// When a gate stays closed; the error reports each of them.
pub fn approve_overriding(
    evaluation: &GateEvaluation,
    overrides: &Overrides,
) -> Result<Approved, GatesClosed> {
    let mut needed = Vec::new();
    let mut gates = Vec::new();
    let mut direction = Direction::Forward;
    for report in evaluation.closed() {
        match overrides.passing(report) {
            Some(one) => needed.push(one.clone()),
            None if report.is_left_to_request() => {}
            None => gates.push(report.clone()),
        }
        if matches!(report.reason, Reason::Order(OrderReason::NotHigher { .. })) {
            direction = Direction::Back;
        }
    }
    let approved = if gates.is_empty() { approve_with(evaluation, needed, direction) } else { None };
    approved.ok_or_else(|| GatesClosed {
        environment: evaluation.environment.clone(),
        tag: evaluation.candidate.tag.clone(),
        hint: hint(&gates, overrides),
        gates,
    })
}

impl Overrides {
    /// The override that opens a closed gate, if there is one.
    pub(super) fn passing(&self, report: &GateReport) -> Option<&Override> {
        let is_enough = match &report.reason {
            Reason::Order(OrderReason::NotHigher { .. }) => self.allow_downgrade,
            Reason::Digest(DigestReason::Moved { now, .. }) => self.accept_digest.as_ref() == Some(now),
            reason => can_pass(reason),
        };
        self.overrides.iter().find(|one| one.gate == report.gate).filter(|_| is_enough)
    }
}

/// Whether an override can pass this reason at all. A missing or unknown version or digest cannot be promoted.
fn can_pass(reason: &Reason) -> bool {
    !matches!(
        reason,
        Reason::Order(
            OrderReason::NotSelected { .. } | OrderReason::NothingRuns | OrderReason::OtherVariant { .. },
        ) | Reason::Digest(DigestReason::NotAsked { .. })
            | Reason::Group(_)
    )
}

/// What to do next about gates that stay closed.
fn hint(gates: &[GateReport], overrides: &Overrides) -> String {
    if let Some(lost) = gates.iter().find(|report| !can_pass(&report.reason)) {
        return format!("the {} gate cannot be overridden here; resolve its cause first", lost.gate);
    }
    let mut words: Vec<String> = Vec::new();
    for report in gates {
        if overrides.overrides.iter().all(|one| one.gate != report.gate) {
            words.push(format!("--override {}", report.gate));
        }
        match &report.reason {
            Reason::Order(OrderReason::NotHigher { .. }) if !overrides.allow_downgrade => {
                words.push("--allow-downgrade".to_owned());
            }
            Reason::Digest(DigestReason::Moved { now, .. }) => words.push(format!("--accept-digest {now}")),
            _ => {}
        }
    }
    let command = format!("{} --reason TEXT", words.join(" "));
    if gates.iter().all(|report| matches!(report.answer, Answer::ClosedUntil(_))) {
        return format!("wait, or override: {command}");
    }
    format!("`tidegate explain` shows what opens each gate; to override: {command}")
}

/// Approves a rollback that a person requested: to a version that ran there before, with the digest that ran.
///
/// It asks no gate, because a rollback is for emergencies. The version that is left counts as rolled back.
pub fn approve_rollback(
    environment: EnvironmentName,
    from: Candidate,
    to: Candidate,
    digest: Digest,
    order_override: Option<Override>,
) -> Approved {
    Approved {
        environment,
        candidate: to,
        digest,
        from,
        releases_count: 0,
        soaked: None,
        gates: Vec::new(),
        overrides: order_override.into_iter().collect(),
        direction: Direction::Back,
    }
}

/// `None` only if the running version is unknown, which closes the order gate, or the tag's digest, which closes the
/// digest gate; neither can be overridden.
pub(super) fn approve_with(
    evaluation: &GateEvaluation,
    overrides: Vec<Override>,
    direction: Direction,
) -> Option<Approved> {
    let GateEvaluation { environment, candidate, from, releases_count, soaked, reports, .. } = evaluation;
    Some(Approved {
        environment: environment.clone(),
        candidate: candidate.clone(),
        digest: evaluation.digest_now.clone()?,
        from: from.clone()?,
        releases_count: *releases_count,
        soaked: soaked.clone(),
        gates: reports.clone(),
        overrides,
        direction,
    })
}

impl GatesClosed {
    /// The gates that are neither open nor overridden.
    pub fn gates(&self) -> &[GateReport] {
        &self.gates
    }

    /// The error class, for exit codes.
    pub fn class(&self) -> Class {
        let is_refused = self.gates.iter().any(|report| report.answer == Answer::Refused);
        if is_refused { Class::Refused } else { Class::GateClosed }
    }

    /// What to do next.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for GatesClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot promote {} to {}", self.tag, self.environment)?;
        for (at, report) in self.gates.iter().enumerate() {
            let separator = if at == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{report}")?;
        }
        Ok(())
    }
}

impl From<GatesClosed> for Fault {
    fn from(error: GatesClosed) -> Self {
        let hint = error.hint().to_owned();
        Self::new(error.class(), error.to_string()).with_hint(hint)
    }
}

impl OverrideError {
    /// How to correct it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gate(_) => {
                "a group moves as one; change `groups` in the configuration if it no longer should"
            }
            Self::Reason(_) => "say in a sentence why this cannot wait",
        }
    }

    /// The error class, for exit codes.
    pub fn class(&self) -> Class {
        Class::Usage
    }
}

impl From<OverrideError> for Fault {
    fn from(error: OverrideError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}

#[cfg(test)]
mod tests;
