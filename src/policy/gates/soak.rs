//! The soak gate: the candidate has run long enough, in one piece, in the environment before.

use std::fmt;
use std::time::Duration;

use crate::model::{Digest, EnvironmentName, Tag, Timestamp};
use crate::policy::clock::{Began, SoakClock, soak_clock};
use crate::policy::facts::BeforeRunning;
use crate::policy::select::Candidate;
use crate::policy::shown::{ShownDuration, ShownTime, elapsed, later};

use super::{Answer, GateName, GateReport, Question, Reason};

/// Why the soak gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoakReason {
    /// There is no environment before.
    First,
    /// It has run long enough.
    Soaked(SoakTime),
    /// It has not run long enough yet.
    Soaking(SoakTime),
    /// The environment before runs it, but nobody has seen yet which image its tag means.
    NotObserved {
        /// The environment before.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
    /// The tag no longer means the image that soaked.
    Moved {
        /// The environment before.
        environment: EnvironmentName,
        /// What soaked.
        soaked: Digest,
        /// What the tag means now.
        now: Digest,
    },
    /// The environment before doesn't have the service, or not this image of it.
    Missing {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// The environment before doesn't run one version in every path.
    Several {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs, ascending.
        running: Vec<Tag>,
    },
    /// The environment before runs another version.
    Other {
        /// The environment before.
        environment: EnvironmentName,
        /// What it runs.
        running: Tag,
        /// The candidate.
        tag: Tag,
    },
    /// There is an environment before, but what it runs isn't known.
    Unknown {
        /// The environment before.
        environment: EnvironmentName,
    },
}

/// How long a version has run, and must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoakTime {
    /// Where it runs.
    pub environment: EnvironmentName,
    /// Since when it counts.
    pub since: ShownTime,
    /// Why since then.
    pub began: Began,
    /// How long that is.
    pub lasted: Duration,
    /// How long it must be.
    pub needed: Duration,
    /// When it will be that long; none beyond the end of the calendar.
    pub ends_at: Option<Timestamp>,
}

/// What the environment before says about the candidate.
pub(super) enum Soaking<'a> {
    First,
    Unknown(&'a EnvironmentName),
    Missing(&'a EnvironmentName),
    Several(&'a EnvironmentName, &'a [Candidate]),
    Other(&'a EnvironmentName, &'a Candidate),
    Same(&'a EnvironmentName, SoakClock<'a>),
}

impl<'a> Soaking<'a> {
    pub(super) fn read(question: Question<'a>) -> Self {
        let Question { policy, facts, candidate: wanted, .. } = question;
        let Some(before) = facts.before else {
            // A policy that wants a soak and facts without one don't fit together; that must not open the gate.
            return policy.environment.after.as_ref().map_or(Self::First, Self::Unknown);
        };
        match before.running {
            BeforeRunning::Missing => Self::Missing(before.environment),
            BeforeRunning::Several(running) => Self::Several(before.environment, running),
            BeforeRunning::One { candidate, .. } if candidate.tag != wanted.tag => {
                Self::Other(before.environment, candidate)
            }
            BeforeRunning::One { landing, observed, .. } => {
                let clock = soak_clock(landing, observed, facts.digest_now, policy.clock_tolerance);
                Self::Same(before.environment, clock)
            }
        }
    }

    /// How long the candidate has run, when its clock runs.
    pub(super) fn time(&self, question: Question<'_>) -> Option<SoakTime> {
        let Self::Same(environment, SoakClock::Running { since, began, .. }) = self else {
            return None;
        };
        Some(SoakTime {
            environment: (*environment).clone(),
            since: ShownTime { at: *since, zone: question.policy.environment.zone },
            began: *began,
            lasted: elapsed(*since, question.now),
            needed: question.policy.soak,
            ends_at: later(*since, question.policy.soak),
        })
    }
}

pub(super) fn ask(question: Question<'_>, soaking: &Soaking<'_>, time: Option<&SoakTime>) -> GateReport {
    let (answer, reason) = match time {
        Some(time) => timed(question.now, time),
        None => untimed(question, soaking),
    };
    GateReport { gate: GateName::Soak, answer, reason: Reason::Soak(reason) }
}

fn timed(now: Timestamp, time: &SoakTime) -> (Answer, SoakReason) {
    match time.ends_at {
        Some(ends_at) if ends_at <= now => (Answer::Open, SoakReason::Soaked(time.clone())),
        Some(ends_at) => (Answer::ClosedUntil(ends_at), SoakReason::Soaking(time.clone())),
        None => (Answer::Closed, SoakReason::Soaking(time.clone())),
    }
}

fn untimed(question: Question<'_>, soaking: &Soaking<'_>) -> (Answer, SoakReason) {
    let tag = || question.candidate.tag.clone();
    let (environment, clock) = match soaking {
        Soaking::First => return (Answer::Open, SoakReason::First),
        Soaking::Unknown(environment) => {
            return (Answer::Closed, SoakReason::Unknown { environment: (*environment).clone() });
        }
        Soaking::Missing(environment) => {
            return (Answer::Closed, SoakReason::Missing { environment: (*environment).clone() });
        }
        Soaking::Several(environment, running) => {
            let running = running.iter().map(|candidate| candidate.tag.clone()).collect();
            return (Answer::Closed, SoakReason::Several { environment: (*environment).clone(), running });
        }
        Soaking::Other(environment, running) => {
            let (environment, running) = ((*environment).clone(), running.tag.clone());
            return (Answer::Closed, SoakReason::Other { environment, running, tag: tag() });
        }
        Soaking::Same(environment, clock) => ((*environment).clone(), clock),
    };
    let reason = match clock {
        SoakClock::Moved { soaked, now } => {
            SoakReason::Moved { environment, soaked: (*soaked).clone(), now: (*now).clone() }
        }
        SoakClock::NotObserved | SoakClock::Running { .. } => {
            SoakReason::NotObserved { environment, tag: tag() }
        }
    };
    (Answer::Closed, reason)
}

impl fmt::Display for SoakReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => write!(formatter, "no environment comes before"),
            Self::Soaked(time) => time.fmt(formatter),
            Self::Soaking(time) => {
                time.fmt(formatter)?;
                let zone = time.since.zone;
                time.ends_at.map_or(Ok(()), |at| write!(formatter, "; ends at {}", ShownTime { at, zone }))
            }
            Self::NotObserved { environment, tag } => {
                write!(formatter, "{tag} runs in {environment}, but its digest has not been observed yet")
            }
            Self::Moved { environment, soaked, now } => {
                let (soaked, now) = (soaked.short(), now.short());
                write!(formatter, "the tag ran in {environment} as {soaked} and now means {now}")
            }
            Self::Missing { environment } => write!(formatter, "{environment} does not have it"),
            Self::Several { environment, running } => {
                write!(formatter, "{environment} does not run one version in every path, but ")?;
                list(formatter, running)
            }
            Self::Other { environment, running, tag } => {
                write!(formatter, "{environment} runs {running}, not {tag}")
            }
            Self::Unknown { environment } => {
                write!(formatter, "it is not known what {environment} runs")
            }
        }
    }
}

impl fmt::Display for SoakTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, since, lasted, needed, .. } = self;
        let (lasted, needed) = (ShownDuration(*lasted), ShownDuration(*needed));
        write!(formatter, "has run {lasted} of {needed} in {environment}, since {since}")?;
        let claim = |claimed| ShownTime { at: claimed, zone: since.zone };
        match self.began {
            Began::Landed => Ok(()),
            Began::Backdated { claimed } => write!(
                formatter,
                ", when its commit was not there yet although it claims to be from {}",
                claim(claimed)
            ),
            Began::Postdated { claimed } => {
                write!(
                    formatter,
                    ", when its commit was fetched although it claims to be from {}",
                    claim(claimed)
                )
            }
            Began::Observed => write!(formatter, ", when its digest was first observed"),
            Began::CameBack => write!(formatter, ", when its tag came back from another digest"),
        }
    }
}

/// At most five tags, with commas.
pub(in crate::policy) fn list(formatter: &mut fmt::Formatter<'_>, tags: &[Tag]) -> fmt::Result {
    for (at, tag) in tags.iter().take(5).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(formatter, "{separator}{tag}")?;
    }
    match tags.len().saturating_sub(5) {
        0 => Ok(()),
        more => write!(formatter, " and {more} more"),
    }
}
