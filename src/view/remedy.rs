//! The remedies of a closed gate, with commands where they exist.

use std::fmt::Write;

use crate::engine::{CandidateStatus, Explanation};
use crate::model::{Printable, RepoPath};
use crate::policy::{OverrideRequirement, Remedy};

use super::{control, time};

pub(crate) struct Advice {
    pub(crate) text: String,
    pub(crate) command: Option<String>,
}

/// What opens a gate that `explanation` shows closed.
pub(crate) fn advice(remedy: &Remedy, explanation: &Explanation) -> Advice {
    let Explanation { service, environment, .. } = explanation;
    let text_only = |text: String| Advice { text, command: None };
    let with_command = |text: String, command: String| Advice { text, command: Some(command) };
    match remedy {
        Remedy::Wait { until } => text_only(format!("wait until {}", time::local(*until, explanation.zone))),
        Remedy::AskAgain => text_only("wait for the next pass in which the registry answers".to_owned()),
        Remedy::NewerVersion { than } => text_only(format!("push a version above {than}")),
        Remedy::PinBelow { version } => with_command(
            format!("pin below {version}, if that version was a mistake"),
            format!("tidegate pin {service} --versions '<{version}' --env {environment} --reason TEXT"),
        ),
        Remedy::SetTagPattern => text_only(format!(
            "set `tagPattern` for {service} in the configuration, or write the tag by hand"
        )),
        Remedy::Release { file } => release(file, explanation),
        Remedy::Mend { file } => text_only(format!("fix or remove {} by a commit", shown(file))),
        Remedy::BecomeHealthy { environment: before } => {
            text_only(format!("mend {service} in {before}, or push a version that runs there"))
        }
        Remedy::ReachCluster { environment: before } => {
            with_command(format!("reach the cluster of {before}"), "tidegate doctor".to_owned())
        }
        Remedy::Unfreeze { name } => {
            let name = Printable::bounded(name, 60);
            text_only(format!("remove the freeze `{name}` from `freezes` in the configuration"))
        }
        Remedy::Approve { tag } => with_command(
            format!("approve {tag}"),
            format!("tidegate approve {service} --env {environment} --tag {}", control::word(tag.as_str())),
        ),
        Remedy::Review { request } => text_only(format!("approve pull request {request}")),
        Remedy::Propose => {
            text_only("review the pull request that the next pass opens or updates".to_owned())
        }
        Remedy::Publish { tag } => text_only(format!("push an image as {tag}")),
        Remedy::Admit { tag } => text_only(match &explanation.offer {
            Some(offer) => {
                format!("admit {tag} by `versions` in the configuration, which are `{}`", offer.versions)
            }
            None => format!("admit {tag} by `versions` in the configuration"),
        }),
        Remedy::RollBack { to } => with_command(
            format!("roll back to {to}"),
            format!(
                "tidegate rollback {service} --env {environment} --to {} --reason TEXT",
                control::word(to.as_str())
            ),
        ),
        Remedy::BringBefore { environment: before, tag } => {
            text_only(format!("promote {tag} to {before} first"))
        }
        Remedy::Activate { environment: before } => {
            text_only(format!("resume it in {before}, or list its file in a kustomization.yaml"))
        }
        Remedy::Unite { environment: before } => {
            text_only(format!("write one version in every path of {before}"))
        }
        Remedy::AddBefore { environment: before } => text_only(format!("add {service} to {before}")),
        Remedy::GoOn { tag, to } => {
            with_command(format!("let {tag} go on to {to}"), format!("tidegate explain {service} --env {to}"))
        }
        Remedy::Sign { environment: before } => text_only(format!(
            "commit the tag in {before} again, signed by somebody whom `git.verify` allows"
        )),
        Remedy::WriteTag => text_only(format!("write a version's tag in {environment} once by hand")),
        Remedy::Other { service: other } => {
            with_command(format!("unblock {other}"), format!("tidegate explain {other} --env {environment}"))
        }
        Remedy::MendSet => text_only("fix the files named above".to_owned()),
    }
}

fn release(file: &RepoPath, explanation: &Explanation) -> Advice {
    let control = explanation.controls.iter().find(|control| control.file() == file);
    match control.and_then(control::release) {
        Some(command) => Advice { text: format!("remove {}", shown(file)), command: Some(command) },
        None => Advice { text: format!("remove {} by a commit", shown(file)), command: None },
    }
}

fn shown(file: &RepoPath) -> String {
    Printable::new(file.as_str()).to_string()
}

/// The command that overrides every closed gate; none when one can't be overridden, or none is closed.
pub(crate) fn override_all(explanation: &Explanation, candidate_status: &CandidateStatus) -> Option<String> {
    let Explanation { service, environment, .. } = explanation;
    let mut command = format!("tidegate promote {service} --env {environment}");
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
    command.push_str(" --reason TEXT");
    is_any.then_some(command)
}
