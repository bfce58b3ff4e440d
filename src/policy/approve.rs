//! Approval to promote: the one way to an [`Approved`], with every gate open or overridden by name and reason.

use std::fmt;

use thiserror::Error;

use crate::model::{Class, Digest, EnvironmentName, Fault, Tag};

use super::evaluate::{Evaluation, Soaked};
use super::gates::{Answer, GateName, GateReport};
use super::select::Candidate;

/// The longest reason that is taken, in characters.
const LONGEST_REASON_CHARS: usize = 300;

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
    #[error("the reason to override the {0} gate is not one line of 1 to {LONGEST_REASON_CHARS} characters")]
    Reason(GateName),
}

/// Gates that are neither open nor overridden.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct StillClosed {
    environment: EnvironmentName,
    tag: Tag,
    gates: Vec<GateReport>,
}

impl Approved {
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

    /// The overrides that were needed, in the order of the gates.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }
}

impl Override {
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
        if !(1..=LONGEST_REASON_CHARS).contains(&length_chars) || reason.contains(char::is_control) {
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

/// Approves a candidate whose gates are all open; `None` when one is not.
pub(super) fn approve(evaluation: &Evaluation) -> Option<Approved> {
    if !evaluation.is_open() {
        return None;
    }
    approve_with(evaluation, Vec::new())
}

/// Approves a candidate although gates are closed, if they are all overridden. A gate that refuses, and one that guards
/// what no reason outweighs, stays closed.
///
/// # Errors
/// When a gate stays closed; the error tells each of them.
pub fn approve_overriding(evaluation: &Evaluation, overrides: &[Override]) -> Result<Approved, StillClosed> {
    let mut needed = Vec::new();
    let mut gates = Vec::new();
    for report in evaluation.closed() {
        match overrides.iter().find(|one| one.gate == report.gate) {
            Some(one) if report.answer != Answer::Refused => needed.push(one.clone()),
            _ => gates.push(report.clone()),
        }
    }
    let approved = if gates.is_empty() { approve_with(evaluation, needed) } else { None };
    approved.ok_or_else(|| StillClosed {
        environment: evaluation.environment.clone(),
        tag: evaluation.candidate.tag.clone(),
        gates,
    })
}

/// `None` only when it isn't known what runs, which closes the order gate, or what the tag means, which closes the digest
/// gate: neither can be overridden.
fn approve_with(evaluation: &Evaluation, overrides: Vec<Override>) -> Option<Approved> {
    let Evaluation { environment, candidate, from, releases_count, digest, soaked, reports, .. } = evaluation;
    Some(Approved {
        environment: environment.clone(),
        candidate: candidate.clone(),
        digest: digest.clone()?,
        from: from.clone()?,
        releases_count: *releases_count,
        soaked: soaked.clone(),
        gates: reports.clone(),
        overrides,
    })
}

impl StillClosed {
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
    pub fn hint(&self) -> String {
        let can_be_overridden =
            |report: &&GateReport| report.gate.can_be_overridden() && report.answer != Answer::Refused;
        let names: Vec<&str> =
            self.gates.iter().filter(can_be_overridden).map(|report| report.gate.as_str()).collect();
        if names.len() == self.gates.len() {
            format!("wait, or override {} with a reason", names.join(" and "))
        } else {
            "a person has to settle this first; these gates cannot all be overridden".to_owned()
        }
    }
}

impl fmt::Display for StillClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot promote {} to {}", self.tag, self.environment)?;
        for (at, report) in self.gates.iter().enumerate() {
            let separator = if at == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{report}")?;
        }
        Ok(())
    }
}

impl From<StillClosed> for Fault {
    fn from(error: StillClosed) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}

impl OverrideError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gate(_) => "only soak, freeze, window and approval can be overridden",
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
