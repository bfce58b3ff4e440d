//! Remedies: what opens a closed gate, as data. Overrides are separate: all closed gates must be overridden at once,
//! so [`Remedy::override_of`] answers for one gate and the caller combines the answers.

use crate::model::{Digest, EnvironmentName, RepoPath, ServiceName, Tag, Timestamp, Version};
use crate::policy::gates::{
    AgeReason, Answer, ApprovalReason, ControlReference, DigestReason, FreezeReason, GateReport, GroupReason,
    HealthReason, HoldReason, OrderReason, PullRequestReference, QuarantineReason, Reason, ReviewReason,
    SoakReason, UnreadableFile,
};

/// Something that opens a closed gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Wait: it opens by itself, if nothing else changes.
    Wait {
        /// When it opens.
        until: Timestamp,
    },
    /// The next pass, if the registry answers.
    AskAgain,
    /// A version above this one.
    NewerVersion {
        /// A tag, or the version that was left.
        than: String,
    },
    /// A pin or range below the version that was left.
    PinBelow {
        /// The version that was left.
        version: Version,
    },
    /// A `tagPattern` that settles which tags belong together.
    SetTagPattern,
    /// Removing a control file.
    Release {
        /// The file.
        file: RepoPath,
    },
    /// Correcting or removing an unreadable control file.
    Mend {
        /// The file.
        file: RepoPath,
    },
    /// Health in the previous environment.
    BecomeHealthy {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// An answer of the previous environment's clusters.
    ReachCluster {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// Removing a freeze from the configuration.
    Unfreeze {
        /// The name of the freeze.
        name: String,
    },
    /// An approval.
    Approve {
        /// The tag to approve.
        tag: Tag,
    },
    /// A review of the pull request.
    Review {
        /// The pull request.
        request: PullRequestReference,
    },
    /// The next pass, which opens or updates a pull request.
    Propose,
    /// Pushing an image with the tag.
    Publish {
        /// The tag.
        tag: Tag,
    },
    /// A range that admits the tag.
    Admit {
        /// The tag.
        tag: Tag,
    },
    /// A rollback by a person.
    RollBack {
        /// The lower version.
        to: Tag,
    },
    /// Promoting the tag to the previous environment first.
    BringBefore {
        /// The previous environment.
        environment: EnvironmentName,
        /// The tag.
        tag: Tag,
    },
    /// Resuming the service in the previous environment.
    Activate {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// One version in every path of the previous environment.
    Unite {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// Adding the service to the previous environment.
    AddBefore {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// Promoting the running version to the later environment first.
    GoOn {
        /// The running tag.
        tag: Tag,
        /// The later environment.
        to: EnvironmentName,
    },
    /// Committing the tag in the previous environment again, signed with an allowed key.
    Sign {
        /// The previous environment.
        environment: EnvironmentName,
    },
    /// Writing the tag of a version once by hand.
    WriteTag,
    /// Unblocking another service of the group.
    Other {
        /// The service.
        service: ServiceName,
    },
    /// Correcting the unreadable manifests of the group.
    MendSet,
}

/// What an override of a gate requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideRequirement {
    /// A reason only.
    Reason,
    /// A confirmation that a lower version may come.
    Downgrade,
    /// A confirmation of the digest.
    Digest(Digest),
}

impl Remedy {
    /// What an override of a closed gate requires; `None` if it cannot be overridden.
    pub fn override_of(report: &GateReport) -> Option<OverrideRequirement> {
        match &report.reason {
            _ if !report.gate.can_be_overridden() => None,
            Reason::Order(
                OrderReason::NotSelected { .. } | OrderReason::NothingRuns | OrderReason::OtherVariant { .. },
            )
            | Reason::Digest(DigestReason::NotAsked { .. }) => None,
            Reason::Order(OrderReason::NotHigher { .. }) => Some(OverrideRequirement::Downgrade),
            Reason::Digest(DigestReason::Moved { now, .. }) => Some(OverrideRequirement::Digest(now.clone())),
            _ => Some(OverrideRequirement::Reason),
        }
    }
}

/// What opens a gate, likeliest first; empty for an open gate. `tags` are the registry's.
pub fn remedies(report: &GateReport, tags: &[Tag]) -> Vec<Remedy> {
    if report.is_open() {
        return Vec::new();
    }
    let waiting = match report.answer {
        Answer::ClosedUntil(until) => Some(Remedy::Wait { until }),
        _ => None,
    };
    let acting = match &report.reason {
        Reason::Order(reason) => order(reason, tags),
        Reason::Hold(reason) => hold(reason),
        Reason::Quarantine(reason) => quarantine(reason),
        Reason::Age(AgeReason::NotSeen { .. }) => vec![Remedy::AskAgain],
        Reason::Soak(reason) => soak(reason),
        Reason::Digest(reason) => digest(reason),
        Reason::Health(reason) => health(reason),
        Reason::Freeze(reason) => freeze(reason),
        Reason::Age(_) | Reason::Window(_) => Vec::new(),
        Reason::Approval(reason) => approval(reason),
        Reason::Group(reason) => group(reason),
    };
    waiting.into_iter().chain(acting).collect()
}

fn order(reason: &OrderReason, tags: &[Tag]) -> Vec<Remedy> {
    match reason {
        OrderReason::Higher { .. } => Vec::new(),
        OrderReason::NotSelected { tag } if tags.contains(tag) => vec![Remedy::Admit { tag: tag.clone() }],
        OrderReason::NotSelected { tag } => vec![Remedy::Publish { tag: tag.clone() }],
        OrderReason::NotHigher { tag, .. } => vec![Remedy::RollBack { to: tag.clone() }],
        OrderReason::RolledBack { tag, left: None, .. } | OrderReason::RequestClosed { tag, .. } => {
            vec![Remedy::NewerVersion { than: tag.to_string() }]
        }
        OrderReason::RolledBack { left: Some(left), .. } => {
            vec![Remedy::NewerVersion { than: left.to_string() }, Remedy::PinBelow { version: left.clone() }]
        }
        OrderReason::OtherVariant { .. } => vec![Remedy::SetTagPattern],
        OrderReason::NothingRuns => vec![Remedy::WriteTag],
    }
}

fn hold(reason: &HoldReason) -> Vec<Remedy> {
    match reason {
        HoldReason::NotHeld => Vec::new(),
        HoldReason::Held(note) | HoldReason::Pinned { note, .. } => vec![release(note)],
        HoldReason::Unreadable(problem) => vec![mend(problem)],
    }
}

fn quarantine(reason: &QuarantineReason) -> Vec<Remedy> {
    match reason {
        QuarantineReason::Clean => Vec::new(),
        QuarantineReason::Quarantined { tag, note } => {
            vec![Remedy::NewerVersion { than: tag.to_string() }, release(note)]
        }
        QuarantineReason::Unreadable(problem) => vec![mend(problem)],
    }
}

fn soak(reason: &SoakReason) -> Vec<Remedy> {
    match reason {
        SoakReason::First
        | SoakReason::Soaked(_)
        | SoakReason::Soaking(_)
        // The digest gate has the remedy.
        | SoakReason::Moved { .. }
        // The health gate has the remedy.
        | SoakReason::NotHealthy { .. }
        | SoakReason::Unknown { .. } => Vec::new(),
        SoakReason::NotObserved { .. } => vec![Remedy::AskAgain],
        SoakReason::Missing { environment } => {
            vec![Remedy::AddBefore { environment: environment.clone() }]
        }
        SoakReason::Inactive { environment, .. } => {
            vec![Remedy::Activate { environment: environment.clone() }]
        }
        SoakReason::Several { environment, .. } => {
            vec![Remedy::Unite { environment: environment.clone() }]
        }
        SoakReason::Other { environment, tag, .. } => {
            vec![Remedy::BringBefore { environment: environment.clone(), tag: tag.clone() }]
        }
        SoakReason::Unsigned { environment, .. } => {
            vec![Remedy::Sign { environment: environment.clone() }]
        }
        SoakReason::TrainHold { tag, to, .. } => {
            vec![Remedy::GoOn { tag: tag.clone(), to: to.clone() }]
        }
    }
}

fn digest(reason: &DigestReason) -> Vec<Remedy> {
    match reason {
        DigestReason::Moved { tag, .. } => vec![Remedy::NewerVersion { than: tag.to_string() }],
        DigestReason::NotAsked { .. } => vec![Remedy::AskAgain],
        DigestReason::Same { .. } | DigestReason::Unsoaked { .. } | DigestReason::AskedLater { .. } => {
            Vec::new()
        }
    }
}

fn health(reason: &HealthReason) -> Vec<Remedy> {
    match reason {
        HealthReason::Healthy { .. } | HealthReason::WasHealthy { .. } | HealthReason::NotRunning { .. } => {
            Vec::new()
        }
        HealthReason::Unhealthy { environment, .. } => {
            vec![Remedy::BecomeHealthy { environment: environment.clone() }]
        }
        HealthReason::WasUnhealthy { tag, .. } => vec![Remedy::NewerVersion { than: tag.to_string() }],
        HealthReason::Unknown { environment, .. } => {
            vec![Remedy::ReachCluster { environment: environment.clone() }]
        }
    }
}

fn freeze(reason: &FreezeReason) -> Vec<Remedy> {
    match reason {
        FreezeReason::Thawed => Vec::new(),
        FreezeReason::Frozen { order: Some(note), .. } => vec![release(note)],
        FreezeReason::Frozen { name, order: None, .. } => {
            vec![Remedy::Unfreeze { name: name.to_string() }]
        }
        FreezeReason::Unreadable(problem) => vec![mend(problem)],
    }
}

fn approval(reason: &ApprovalReason) -> Vec<Remedy> {
    match reason {
        ApprovalReason::NotRequired | ApprovalReason::Given { .. } | ApprovalReason::AskedLater { .. } => {
            Vec::new()
        }
        ApprovalReason::NotGiven { tag } | ApprovalReason::Moved { tag, .. } => {
            vec![Remedy::Approve { tag: tag.clone() }]
        }
        ApprovalReason::NotAsked { .. } => vec![Remedy::AskAgain],
        ApprovalReason::Unreadable(problem) => vec![mend(problem)],
        ApprovalReason::Review(reason) => review(reason),
    }
}

fn review(reason: &ReviewReason) -> Vec<Remedy> {
    let or_approve = |first: Remedy, tag: &Tag| vec![first, Remedy::Approve { tag: tag.clone() }];
    match reason {
        ReviewReason::NotProposed { tag } => or_approve(Remedy::Propose, tag),
        ReviewReason::Waits { tag, request, .. }
        | ReviewReason::ChangesRequested { tag, request, .. }
        | ReviewReason::NotAsked { tag, request } => {
            or_approve(Remedy::Review { request: request.clone() }, tag)
        }
        ReviewReason::Approved { .. } | ReviewReason::TakenAsGiven { .. } => Vec::new(),
    }
}

fn group(reason: &GroupReason) -> Vec<Remedy> {
    match reason {
        GroupReason::Together { .. } | GroupReason::Soaking { .. } => Vec::new(),
        GroupReason::Member { service, .. } => vec![Remedy::Other { service: service.clone() }],
        GroupReason::Unclear { .. } => vec![Remedy::MendSet],
    }
}

fn release(note: &ControlReference) -> Remedy {
    Remedy::Release { file: note.file.clone() }
}

fn mend(problem: &UnreadableFile) -> Remedy {
    Remedy::Mend { file: problem.file.clone() }
}

/// Whether waiting cannot open the gate: a person rolled back from the candidate or quarantined it, its digest moved,
/// or the rules exclude it.
pub fn is_permanent(report: &GateReport, tags: &[Tag]) -> bool {
    match &report.reason {
        Reason::Order(OrderReason::NotSelected { tag }) => tags.contains(tag),
        Reason::Order(
            OrderReason::RolledBack { .. }
            | OrderReason::RequestClosed { .. }
            | OrderReason::OtherVariant { .. },
        ) => true,
        Reason::Quarantine(QuarantineReason::Quarantined { .. }) => report.answer == Answer::Closed,
        _ => report.answer == Answer::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate_name::GateName;

    #[test]
    fn an_override_that_cannot_work_is_not_offered() {
        let report = |gate, reason| GateReport { gate, answer: Answer::Closed, reason };
        let tag: Tag = "v1.0.2".parse().unwrap();
        let not_selected = OrderReason::NotSelected { tag: tag.clone() };
        let unclear = GroupReason::Unclear { group: "pair".into(), why: "?".into() };
        let not_higher = OrderReason::NotHigher { tag: tag.clone(), running: tag };
        for (report, expected) in [
            (report(GateName::Order, Reason::Order(not_selected)), None),
            (report(GateName::Group, Reason::Group(unclear)), None),
            (report(GateName::Order, Reason::Order(not_higher)), Some(OverrideRequirement::Downgrade)),
        ] {
            assert_eq!(Remedy::override_of(&report), expected, "{report}");
        }
    }
}
