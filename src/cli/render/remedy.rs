//! What would open a closed gate: a sentence, and the command where there is one.

use std::fmt::Write;

use crate::engine::{CandidateStatus, Explanation};
use crate::model::{Printable, RepoPath};
use crate::policy::{OverrideRequirement, Remedy};

use super::{control, time};

/// A remedy as it is told.
pub(super) struct Told {
    /// What to do, in plain words.
    pub(super) text: String,
    /// The command that does it.
    pub(super) command: Option<String>,
}

/// Tells a remedy for one that stands in `explanation`.
pub(super) fn tell(remedy: &Remedy, explanation: &Explanation) -> Told {
    let Explanation { service, environment, .. } = explanation;
    let by_hand = |text: String| Told { text, command: None };
    let by_command = |text: String, command: String| Told { text, command: Some(command) };
    let file = |file: &RepoPath| Printable::new(file.as_str()).to_string();
    match remedy {
        Remedy::Wait { until } => by_hand(format!("waiting until {}", time::local(*until, explanation.zone))),
        Remedy::AskAgain => by_hand("the next pass, when the registry answers".to_owned()),
        Remedy::NewerVersion { than } => by_hand(format!("a version above {than}")),
        Remedy::Release { file: path } => {
            let said = explanation.controls.iter().find(|control| control.file() == path);
            let text = format!("taking back what {} says", file(path));
            match said.and_then(control::release) {
                Some(command) => by_command(text, command),
                None => by_hand(format!("a commit that removes {}", file(path))),
            }
        }
        Remedy::Mend { file: path } => by_hand(format!("a commit that mends or removes {}", file(path))),
        Remedy::Unfreeze { name } => {
            let name = Printable::bounded(name, 60);
            by_hand(format!("taking the freeze `{name}` out of `freezes` in the configuration"))
        }
        Remedy::Approve { tag } => by_command(
            format!("somebody's approval of {tag}"),
            format!("tidegate approve {service} --env {environment} --tag {}", control::word(tag.as_str())),
        ),
        Remedy::Review { request } => by_hand(format!("somebody's approving review of {request}")),
        Remedy::Propose => {
            by_hand("a review of the pull request that the next pass opens or brings up to date".to_owned())
        }
        Remedy::Publish { tag } => by_hand(format!("an image pushed under {tag}")),
        Remedy::Admit { tag } => by_hand(match &explanation.offer {
            Some(offer) => {
                format!("`versions` in the configuration that admit {tag}; now they are `{}`", offer.versions)
            }
            None => format!("`versions` in the configuration that admit {tag}"),
        }),
        Remedy::RollBack { to } => by_command(
            format!("going back to {to} on purpose"),
            format!(
                "tidegate rollback {service} --in {environment} --to {} --reason WHY",
                control::word(to.as_str())
            ),
        ),
        Remedy::BringBefore { environment: before, tag } => {
            by_hand(format!("{tag} coming to {before} first"))
        }
        Remedy::Unite { environment: before } => {
            by_hand(format!("a commit that gives every path of {before} one version"))
        }
        Remedy::AddBefore { environment: before } => {
            by_hand(format!("a commit that adds {service} to {before}"))
        }
        Remedy::GoOn { tag, to } => by_command(
            format!(
                "{tag} going on to {to}; `tidegate explain {service} --env {to}` tells what it waits for"
            ),
            format!("tidegate explain {service} --env {to}"),
        ),
        Remedy::Sign { environment: before } => by_hand(format!(
            "the tag committed again in {before}, signed by somebody whom git.verify allows to"
        )),
        Remedy::WriteTag => by_hand(format!("a version's tag written once by hand in {environment}")),
        Remedy::Other { service: other } => by_command(
            format!("{other} being able to go"),
            format!("tidegate explain {other} --env {environment}"),
        ),
        Remedy::MendSet => by_hand("mending the files that are named".to_owned()),
    }
}

/// The command that passes every closed gate at once; nothing when one can't be passed, or none is closed.
pub(super) fn override_all(explanation: &Explanation, candidate_status: &CandidateStatus) -> Option<String> {
    let Explanation { service, environment, .. } = explanation;
    let mut command = format!("tidegate promote {service} --to {environment}");
    if explanation.asked.is_some() {
        let _ = write!(command, " --tag {}", control::word(candidate_status.tag.as_str()));
    }
    let mut is_any = false;
    for gate in candidate_status.closed() {
        is_any = true;
        let _ = write!(command, " --override {}", gate.report.gate);
        match Remedy::override_of(&gate.report)? {
            OverrideRequirement::Reason => {}
            OverrideRequirement::Downgrade => command.push_str(" --allow-downgrade"),
            OverrideRequirement::Digest(digest) => {
                let _ = write!(command, " --accept-digest {digest}");
            }
        }
    }
    command.push_str(" --reason WHY");
    is_any.then_some(command)
}
