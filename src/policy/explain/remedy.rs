//! Remedies: what would open a closed gate, as data. What a person may pass by an override is no remedy of a gate: all
//! closed gates have to be passed at once, so [`Remedy::override_of`] says it of each, and who tells it puts them together.

use crate::model::{Digest, EnvironmentName, RepoPath, ServiceName, Tag, Timestamp, Version};
use crate::policy::gates::{
    AgeReason, Answer, ApprovalReason, ControlReference, DigestReason, FreezeReason, GateReport, GroupReason,
    HoldReason, OrderReason, PullRequestReference, QuarantineReason, Reason, ReviewReason, SoakReason,
    UnreadableFile,
};

/// Something that would open a closed gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Waiting: it opens by itself then, if nothing else changes.
    Wait {
        /// When.
        until: Timestamp,
    },
    /// The next pass, when the registry answers.
    AskAgain,
    /// A version above this one.
    NewerVersion {
        /// A tag, or a version that was left.
        than: String,
    },
    /// A pin or `versions` below the one that was left: it cannot come then, and says nothing about others.
    PinBelow {
        /// The version that was left.
        version: Version,
    },
    /// A `tagPattern` that says which tags belong together.
    SetTagPattern,
    /// What a control file says is taken back.
    Release {
        /// The file.
        file: RepoPath,
    },
    /// A control file that can't be read is mended or removed by a commit.
    Mend {
        /// The file.
        file: RepoPath,
    },
    /// A configured freeze is taken out of the configuration.
    Unfreeze {
        /// What people call it.
        name: String,
    },
    /// Somebody approves.
    Approve {
        /// What.
        tag: Tag,
    },
    /// Somebody approves its pull request.
    Review {
        /// The pull request.
        request: PullRequestReference,
    },
    /// The next pass proposes it.
    Propose,
    /// An image is pushed under the tag.
    Publish {
        /// The tag.
        tag: Tag,
    },
    /// The rules come to admit the tag.
    Admit {
        /// The tag.
        tag: Tag,
    },
    /// A person goes back to a lower version.
    RollBack {
        /// To it.
        to: Tag,
    },
    /// It comes to the environment before.
    BringBefore {
        /// The environment before.
        environment: EnvironmentName,
        /// What.
        tag: Tag,
    },
    /// Flux applies the service in the environment before.
    Activate {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// The environment before runs one version in every path.
    Unite {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// The environment before comes to have the service.
    AddBefore {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// What runs here goes on first.
    GoOn {
        /// What runs here.
        tag: Tag,
        /// The environment that it goes on to.
        to: EnvironmentName,
    },
    /// It is committed again in the environment before, signed by somebody who is allowed to.
    Sign {
        /// The environment before.
        environment: EnvironmentName,
    },
    /// A version's tag is written once by hand.
    WriteTag,
    /// Another service of the set can go.
    Other {
        /// The service.
        service: ServiceName,
    },
    /// What can't be read in the set's manifests is mended.
    MendSet,
}

/// What a person has to say to pass a gate beside a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideRequirement {
    /// Nothing.
    Reason,
    /// That a lower version may come.
    Downgrade,
    /// Which image may come.
    Digest(Digest),
}

impl Remedy {
    /// What has to be said to pass a closed gate by hand; nothing, when nobody can.
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

/// What would open a gate, the likeliest first; nothing for one that is open. `tags` is what the registry has.
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
        // The digest gate says it.
        | SoakReason::Moved { .. }
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

/// Whether a gate is closed by a verdict on the candidate that time does not take back: a person moved back from it or
/// quarantined it, its digest moved, or the rules keep it out. It does not come by itself any more.
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
    fn what_nobody_can_override_is_not_offered() {
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
