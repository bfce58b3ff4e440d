//! The soak gate: the candidate has run long enough, without a break, in the previous environment.

use std::fmt;
use std::time::Duration;

use crate::model::{CommitId, Digest, Elapsed, EnvironmentName, InactiveReason, Tag, Timestamp};
use crate::policy::clock::{Began, SoakClock, past_clock, soak_clock, while_healthy};
use crate::policy::facts::{PastRun, PreviousEnvironment, PreviousRunning, SoakMode, TrainHold};
use crate::policy::local_time::{LocalTime, elapsed};
use crate::policy::select::Candidate;

use super::question::{Answer, Question};

/// The reason of the soak gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoakReason {
    /// There is no previous environment.
    First,
    /// It has run long enough.
    Soaked(SoakTime),
    /// It has not run long enough yet.
    Soaking(SoakTime),
    /// The previous environment runs it, but the digest of its tag has not been observed yet.
    NotObserved {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
    /// The tag no longer has the digest that soaked.
    Moved {
        /// The previous environment.
        environment: EnvironmentName,
        /// The digest that soaked.
        soaked: Digest,
        /// The digest that the tag has now.
        now: Digest,
    },
    /// The previous environment lacks the service, or this image of it.
    Missing {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// The previous environment does not run one version in every path.
    Several {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running versions, ascending.
        running: Vec<Tag>,
    },
    /// The previous environment runs another version.
    Other {
        /// The previous environment.
        environment: EnvironmentName,
        /// Its running version.
        running: Tag,
        /// The candidate.
        tag: Tag,
    },
    /// The previous environment runs it by a commit without an allowed signature.
    Unsigned {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
        /// The commit.
        commit: CommitId,
        /// Why the commit does not count.
        because: String,
    },
    /// The previous environment has it in Git, but Flux does not apply it there.
    Inactive {
        /// The previous environment.
        environment: EnvironmentName,
        reason: InactiveReason,
    },
    /// The previous environment runs it, but it is not healthy there, so that its soak has not begun.
    NotHealthy {
        /// The previous environment.
        environment: EnvironmentName,
        /// The candidate.
        tag: Tag,
    },
    /// The running version of the previous environment is unknown.
    Unknown {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// The running version must move on before another replaces it.
    TrainHold {
        /// The running version.
        tag: Tag,
        /// The environment that it moves on to.
        to: EnvironmentName,
        /// When it can move on, if known.
        leaves_at: Option<LocalTime>,
    },
}

/// The soak of a version so far, and the required one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoakTime {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its start.
    pub since: LocalTime,
    /// What the start counts from.
    pub began: Began,
    /// The duration so far.
    pub lasted: Duration,
    /// The required duration.
    pub needed: Duration,
    /// Its end; `None` beyond the end of the calendar, and while the clock stands still.
    pub ends_at: Option<Timestamp>,
    /// How long the clock stood still since the start, because the version was not healthy.
    pub interrupted: Duration,
    /// Since when the clock stands still for that reason.
    pub stopped_at: Option<LocalTime>,
    /// When it was replaced there, if it counts nevertheless.
    pub left_at: Option<LocalTime>,
}

/// The soak of the candidate in the previous environment.
pub(super) enum Soaking<'a> {
    First,
    Unknown(&'a EnvironmentName),
    Missing(&'a EnvironmentName),
    Inactive(&'a EnvironmentName, &'a InactiveReason),
    Several(&'a EnvironmentName, &'a [Candidate]),
    Other(&'a EnvironmentName, &'a Candidate),
    /// Its rollout commit has no allowed signature.
    Unsigned(&'a EnvironmentName, CommitId, &'a str),
    Same {
        environment: &'a EnvironmentName,
        commit: CommitId,
        clock: SoakClock<'a>,
    },
    /// It ran there, was replaced, and counts nevertheless.
    PastRun {
        environment: &'a EnvironmentName,
        run: &'a PastRun,
        clock: SoakClock<'a>,
    },
}

impl<'a> Soaking<'a> {
    pub(super) fn read(question: Question<'a>) -> Self {
        let Question { policy, facts, candidate: wanted, .. } = question;
        let Some(before) = facts.before else {
            // A policy with a soak but facts without one are a mismatch, which must not open the gate.
            return policy.environment.after.as_ref().map_or(Self::First, Self::Unknown);
        };
        if let Some(reason) = before.inactive {
            return Self::Inactive(before.environment, reason);
        }
        let observed = facts.observations.of(&wanted.tag);
        let clock = |rollout_commit| {
            soak_clock(rollout_commit, observed, question.digest_now(), policy.clock_tolerance)
        };
        match before.running {
            PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) }
                if candidate.tag == wanted.tag =>
            {
                let (environment, commit) = (before.environment, rollout_commit.commit);
                if let Some(because) = before.unsigned.get(&commit) {
                    return Self::Unsigned(environment, commit, because);
                }
                let clock = while_healthy(clock(rollout_commit), policy, &before, commit);
                return Self::Same { environment, commit, clock };
            }
            _ => {}
        }
        if let Some(run) = counted(question, before) {
            let clock = past_clock(run, observed, question.digest_now(), policy.clock_tolerance);
            let clock = while_healthy(clock, policy, &before, run.rollout_commit.commit);
            return Self::PastRun { environment: before.environment, run, clock };
        }
        match before.running {
            PreviousRunning::Missing => Self::Missing(before.environment),
            PreviousRunning::Several(running) => Self::Several(before.environment, running),
            PreviousRunning::One { candidate, rollout_commit: None } if candidate.tag == wanted.tag => {
                Self::Unknown(before.environment)
            }
            PreviousRunning::One { candidate, .. } => Self::Other(before.environment, candidate),
        }
    }

    /// The soak clock of the candidate.
    pub(super) fn clock(&self) -> Option<&SoakClock<'a>> {
        match self {
            Self::Same { clock, .. } | Self::PastRun { clock, .. } => Some(clock),
            _ => None,
        }
    }

    /// The commit that brought it.
    pub(super) fn rollout_commit(&self) -> Option<CommitId> {
        match self {
            Self::Same { commit, .. } => Some(*commit),
            Self::PastRun { run, .. } => Some(run.rollout_commit.commit),
            _ => None,
        }
    }

    /// The soak time, while the clock runs.
    pub(super) fn time(&self, question: Question<'_>) -> Option<SoakTime> {
        let (environment, clock, left_at) = match self {
            Self::Same { environment, clock, .. } => (environment, clock, None),
            Self::PastRun { environment, run, clock } => (environment, clock, Some(run.left_at)),
            _ => return None,
        };
        let SoakClock::Running { since, began, interrupted, stopped_at, .. } = clock else { return None };
        let shown = |at| LocalTime { at, zone: question.policy.environment.zone };
        let needed = question.policy.soak;
        Some(SoakTime {
            environment: (*environment).clone(),
            since: shown(*since),
            began: *began,
            lasted: elapsed(*since, stopped_at.unwrap_or(question.now)).saturating_sub(*interrupted),
            needed,
            ends_at: clock.ends_at(needed),
            interrupted: *interrupted,
            stopped_at: stopped_at.map(shown),
            left_at: left_at.map(shown),
        })
    }
}

/// The last run of the candidate in the previous environment that counts although it ended.
fn counted<'a>(question: Question<'a>, before: PreviousEnvironment<'a>) -> Option<&'a PastRun> {
    let Question { policy, facts, candidate, .. } = question;
    if policy.soak_mode != SoakMode::Elapsed {
        return None;
    }
    let was_left = facts
        .rolled_back
        .iter()
        .any(|moved| moved.environment == *before.environment && moved.version == candidate.version);
    let counts = |run: &&PastRun| {
        run.candidate == *candidate && !before.unsigned.contains_key(&run.rollout_commit.commit)
    };
    before.past.iter().find(counts).filter(|_| !was_left)
}

pub(super) fn ask(
    question: Question<'_>,
    soaking: &Soaking<'_>,
    time: Option<&SoakTime>,
) -> (Answer, SoakReason) {
    let (answer, reason) = match time {
        Some(time) => timed(question.now, time),
        None => untimed(question, soaking),
    };
    let train_hold = question.facts.train_hold.filter(|_| answer == Answer::Open);
    train_hold.map_or((answer, reason), |train_hold| held_by_train(question, train_hold))
}

fn timed(now: Timestamp, time: &SoakTime) -> (Answer, SoakReason) {
    match time.ends_at {
        Some(ends_at) if ends_at <= now => (Answer::Open, SoakReason::Soaked(time.clone())),
        Some(ends_at) => (Answer::ClosedUntil(ends_at), SoakReason::Soaking(time.clone())),
        None => (Answer::Closed, SoakReason::Soaking(time.clone())),
    }
}

fn held_by_train(question: Question<'_>, train_hold: &TrainHold) -> (Answer, SoakReason) {
    let zone = question.policy.environment.zone;
    let reason = SoakReason::TrainHold {
        tag: train_hold.tag.clone(),
        to: train_hold.to.clone(),
        leaves_at: train_hold.leaves_at.map(|at| LocalTime { at, zone }),
    };
    // A past time was missed, so it predicts nothing.
    let leaves_at = train_hold.leaves_at.filter(|at| *at > question.now);
    (leaves_at.map_or(Answer::Closed, Answer::ClosedUntil), reason)
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
        Soaking::Inactive(environment, reason) => {
            let (environment, reason) = ((*environment).clone(), (*reason).clone());
            return (Answer::Closed, SoakReason::Inactive { environment, reason });
        }
        Soaking::Several(environment, running) => {
            let running = running.iter().map(|candidate| candidate.tag.clone()).collect();
            return (Answer::Closed, SoakReason::Several { environment: (*environment).clone(), running });
        }
        Soaking::Other(environment, running) => {
            let (environment, running) = ((*environment).clone(), running.tag.clone());
            return (Answer::Closed, SoakReason::Other { environment, running, tag: tag() });
        }
        Soaking::Unsigned(environment, commit, because) => {
            let (environment, because) = ((*environment).clone(), (*because).to_owned());
            let reason = SoakReason::Unsigned { environment, tag: tag(), commit: *commit, because };
            return (Answer::Closed, reason);
        }
        Soaking::Same { environment, clock, .. } | Soaking::PastRun { environment, clock, .. } => {
            ((*environment).clone(), clock)
        }
    };
    let reason = match clock {
        SoakClock::Moved { soaked, now } => {
            SoakReason::Moved { environment, soaked: (*soaked).clone(), now: (*now).clone() }
        }
        SoakClock::NotHealthy => SoakReason::NotHealthy { environment, tag: tag() },
        SoakClock::NotObserved | SoakClock::Running { .. } => {
            SoakReason::NotObserved { environment, tag: tag() }
        }
    };
    (Answer::Closed, reason)
}

impl fmt::Display for SoakReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => write!(formatter, "no previous environment"),
            Self::Soaked(time) => time.fmt(formatter),
            Self::Soaking(time) => {
                time.fmt(formatter)?;
                let zone = time.since.zone;
                time.ends_at.map_or(Ok(()), |at| write!(formatter, "; ends at {}", LocalTime { at, zone }))
            }
            Self::NotObserved { environment, tag } => {
                write!(formatter, "{tag} runs in {environment}, but its digest has not been observed yet")
            }
            Self::Moved { environment, soaked, now } => {
                let (soaked, now) = (soaked.short(), now.short());
                write!(formatter, "the tag ran in {environment} as {soaked} and now points to {now}")
            }
            Self::Missing { environment } => write!(formatter, "{environment} does not have it"),
            Self::Inactive { environment, reason } => {
                write!(formatter, "it does not run in {environment}: {reason}")
            }
            Self::Several { environment, running } => {
                write!(formatter, "{environment} runs different versions: ")?;
                write_tags(formatter, running)
            }
            Self::Other { environment, running, tag } => {
                write!(formatter, "{environment} runs {running}, not {tag}")
            }
            Self::Unsigned { environment, tag, commit, because } => write!(
                formatter,
                "{tag} came to {environment} by commit {}, which does not count: {because}",
                commit.short()
            ),
            Self::NotHealthy { environment, tag } => {
                write!(formatter, "the soak begins when {tag} is healthy in {environment}")
            }
            Self::Unknown { environment } => {
                write!(formatter, "what {environment} runs is unknown")
            }
            Self::TrainHold { tag, to, leaves_at } => {
                write!(formatter, "{tag} must move on to {to} first")?;
                leaves_at.map_or(Ok(()), |at| write!(formatter, "; possible at {at}"))
            }
        }
    }
}

impl fmt::Display for SoakTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, since, lasted, needed, .. } = self;
        let (lasted, needed) = (Elapsed(*lasted), Elapsed(*needed));
        write!(formatter, "ran {lasted} in {environment} ({needed} required), since {since}")?;
        let claim = |claimed| LocalTime { at: claimed, zone: since.zone };
        match self.began {
            Began::Landed => Ok(()),
            Began::Backdated { claimed } => {
                write!(formatter, ", the last fetch without its commit, which claims {}", claim(claimed))
            }
            Began::Postdated { claimed } => {
                write!(formatter, ", when its commit was fetched, which claims {}", claim(claimed))
            }
            Began::Observed => write!(formatter, ", when its digest was first observed"),
            Began::CameBack => write!(formatter, ", when its tag returned from another digest"),
            Began::Healthy => write!(formatter, ", when it was seen healthy"),
        }?;
        if !self.interrupted.is_zero() {
            write!(formatter, "; it was not healthy for {} of that time", Elapsed(self.interrupted))?;
        }
        if let Some(stopped_at) = self.stopped_at {
            write!(formatter, "; stopped at {stopped_at}, when it was no longer healthy")?;
        }
        self.left_at.map_or(Ok(()), |at| write!(formatter, "; replaced there by a newer version at {at}"))
    }
}

/// At most five tags, with commas.
pub(in crate::policy) fn write_tags(formatter: &mut fmt::Formatter<'_>, tags: &[Tag]) -> fmt::Result {
    for (at, tag) in tags.iter().take(5).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(formatter, "{separator}{tag}")?;
    }
    match tags.len().saturating_sub(5) {
        0 => Ok(()),
        more => write!(formatter, " and {more} more"),
    }
}
