//! Approval to promote: the one way to an [`Approved`], with every gate open or overridden by name and reason.

use std::fmt;

use thiserror::Error;

use crate::model::{Class, Digest, EnvironmentName, Fault, Tag};

use super::evaluate::{GateEvaluation, Soaked};
use super::gate_name::GateName;
use super::gates::{Answer, DigestReason, GateReport, OrderReason, PullRequestReference, Reason};
use super::select::Candidate;

/// That a candidate may be promoted. Only the policy room makes one, so that whatever needs one was decided:
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
    /// Only those that hold a lower version.
    Forward,
    /// Only those that hold a higher version, since a person asked to go back.
    Back,
}

/// What a person wants to pass, and says in full where a reason is not enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The gates, each with a reason.
    pub overrides: Vec<Override>,
    /// That a lower version may come.
    pub allow_downgrade: bool,
    /// The image that may come although the tag meant another one when it soaked.
    pub accept_digest: Option<Digest>,
}

/// A gate that a person wants to pass although it is closed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    gate: GateName,
    reason: String,
}

/// A gate can't be overridden so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OverrideError {
    /// Nobody may override this gate.
    #[error("the {0} gate cannot be overridden")]
    Gate(GateName),
    /// There is no reason, or it is none that a commit's trailer can hold.
    #[error("the reason to override the {0} gate is not one line of 1 to {most} characters", most = Override::LONGEST_REASON_CHARS)]
    Reason(GateName),
}

/// Gates that are neither open nor overridden.
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

    /// The environment that the candidate moves into.
    pub fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// What moves.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The image that moves, to be written into the commit.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The lowest version that ran.
    pub fn from(&self) -> &Candidate {
        &self.from
    }

    /// How many releases the move takes in: those above what ran, up to the candidate.
    pub fn releases_count(&self) -> usize {
        self.releases_count
    }

    /// How long the candidate ran in the environment before, when its soak clock ran.
    pub fn soaked(&self) -> Option<&Soaked> {
        self.soaked.as_ref()
    }

    /// What each gate answered, in the order in which they are told.
    pub fn gates(&self) -> &[GateReport] {
        &self.gates
    }

    /// Whether it may be proposed and no more: people are to review the pull request before it goes.
    pub fn awaits_review(&self) -> bool {
        let is_overridden = |gate: GateName| self.overrides.iter().any(|one| one.gate == gate);
        self.gates.iter().any(|report| report.is_left_to_request() && !is_overridden(report.gate))
    }

    /// That it is proposed by this pull request by now.
    pub fn propose(&mut self, request: &PullRequestReference) {
        self.gates.iter_mut().for_each(|report| report.propose(request));
    }

    /// That what people reviewed is about to be written anew: of what takes its place there is no review.
    pub fn void_reviews(&mut self) {
        self.gates.iter_mut().for_each(GateReport::void_review);
    }

    /// The overrides that were needed, in the order of the gates.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }
}

impl Override {
    /// The longest reason that is taken, in characters.
    pub const LONGEST_REASON_CHARS: usize = 300;

    /// Wants to pass `gate` for `reason`.
    ///
    /// # Errors
    /// When nobody may override that gate, and when the reason is blank, too long or more than one line.
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

    /// Why. What a person wrote, in one line.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Approves a candidate whose gates are all open, but for what is left to the pull request that proposes it; `None` when
/// another one is not.
pub(super) fn approve(evaluation: &GateEvaluation) -> Option<Approved> {
    if !evaluation.may_go() {
        return None;
    }
    approve_with(evaluation, Vec::new(), Direction::Forward)
}

/// Approves a candidate although gates are closed, if they are all overridden, and insisted on where a reason is not
/// enough: on a lower version, and on an image that did not soak.
///
/// # Errors
/// When a gate stays closed; the error tells each of them.
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
    /// The override that opens a closed gate, if one does.
    pub(super) fn passing(&self, report: &GateReport) -> Option<&Override> {
        let is_enough = match &report.reason {
            Reason::Order(OrderReason::NotHigher { .. }) => self.allow_downgrade,
            Reason::Digest(DigestReason::Moved { now, .. }) => self.accept_digest.as_ref() == Some(now),
            reason => can_pass(reason),
        };
        self.overrides.iter().find(|one| one.gate == report.gate).filter(|_| is_enough)
    }
}

/// Whether a person can pass a gate that is closed for this reason at all. Nobody can promote what is not there, or what
/// nobody knows.
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

/// Approves a way back that a person asked for by name: to a version that ran there before, as the image that ran.
///
/// It passes no gate, since going back is what is done when something is wrong; the version that is left is left by a
/// person, and does not come again by itself.
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

/// `None` only when it isn't known what runs, which closes the order gate, or what the tag means, which closes the digest
/// gate: neither can be overridden.
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

    /// What the error means for the one who has to act on it.
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
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gate(_) => {
                "a group moves as one; change `groups` in the configuration if it no longer should"
            }
            Self::Reason(_) => "say in a sentence why this cannot wait",
        }
    }

    /// What the error means for the one who has to act on it.
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
