//! The targets of a pass, and the images that it asks about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::base::context::Context;
use crate::engine::base::pass_options::PassMode;
use crate::engine::decide::{manual, rollback};
use crate::engine::proposals::pull_requests::with_branch_mates;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Fault, ImageName, TargetId};
use crate::port::Ports;

/// The targets of a pass.
pub(super) enum Targets {
    All,
    Some {
        chosen: Vec<TargetId>,
        /// The targets whose registries are asked and whose histories are read: the chosen ones, and those that are proposed
        /// by the same branches.
        about: Vec<TargetId>,
    },
}

impl Targets {
    pub(super) fn about(&self) -> Option<&[TargetId]> {
        match self {
            Self::All => None,
            Self::Some { about, .. } => Some(about),
        }
    }
}

pub(super) async fn targets_of<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
    mode: &PassMode,
) -> Result<Targets, Fault> {
    let chosen = match mode {
        PassMode::Scheduled => return Ok(Targets::All),
        PassMode::Scoped(scope) => manual::targets_in(state, context.policy, scope)?,
        PassMode::Manual(request) => manual::targets(state, context.policy, request)?,
        PassMode::Rollback(request) => {
            let chosen = rollback::targets(context, state, request).await?;
            return Ok(Targets::Some { about: chosen.clone(), chosen });
        }
    };
    let about = with_branch_mates(state, context.policy, &chosen);
    Ok(Targets::Some { chosen, about })
}

/// The images to ask about.
pub(super) fn images_of(state: &RepositoryState, targets: &Targets) -> BTreeSet<ImageName> {
    let all = &state.deployed.targets;
    match targets.about() {
        None => all.iter().map(|target| target.image().clone()).collect(),
        Some(about) => about.iter().map(|at| all[*at].image().clone()).collect(),
    }
}
