//! A plan that somebody was shown and confirmed: a pass that would do anything else does nothing.

use crate::engine::plan::edit_plan::EditPlan;
use crate::model::{Class, Digest, EnvironmentId, Fault, ImageName, ServiceName, Tag};

/// The moves of a dry run.
#[derive(Clone, Debug)]
pub struct ConfirmedPlan(Vec<ConfirmedMove>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ConfirmedMove {
    environment: EnvironmentId,
    service: ServiceName,
    image: ImageName,
    from: Tag,
    to: Tag,
    digest: Digest,
}

impl ConfirmedMove {
    fn of(plan: &EditPlan) -> Self {
        Self {
            environment: plan.environment,
            service: plan.service.clone(),
            image: plan.image.clone(),
            from: plan.approved.from().tag.clone(),
            to: plan.approved.candidate().tag.clone(),
            digest: plan.approved.digest().clone(),
        }
    }
}

impl ConfirmedPlan {
    /// Confirms these plans.
    pub fn of<'a>(plans: impl Iterator<Item = &'a EditPlan>) -> Self {
        Self(plans.map(ConfirmedMove::of).collect())
    }

    /// Checks that only confirmed moves are planned. Fewer may be, because a gate may have closed since.
    pub(super) fn check<'a>(&self, plans: impl Iterator<Item = &'a EditPlan>) -> Result<(), Fault> {
        let Some(other) = plans.map(ConfirmedMove::of).find(|one| !self.0.contains(one)) else {
            return Ok(());
        };
        let message = format!(
            "something changed meanwhile: it would now move {} from {} to {} ({})",
            other.service,
            other.from,
            other.to,
            other.digest.short()
        );
        Err(Fault::new(Class::TryAgain, message).with_hint("nothing was changed; check again"))
    }
}
