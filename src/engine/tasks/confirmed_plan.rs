//! What somebody was shown and said yes to: a pass that would do anything else does nothing.

use crate::model::{Class, Digest, Fault, ImageName, ServiceName, Tag};

use super::pass::PassReport;
use crate::engine::plan::edit_plan::EditPlan;

/// The moves of a pass that was only tried.
#[derive(Clone, Debug)]
pub struct ConfirmedPlan(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    environment: usize,
    service: ServiceName,
    image: ImageName,
    from: Tag,
    to: Tag,
    digest: Digest,
}

impl Step {
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
    /// What a pass would do.
    pub fn to(tried: &PassReport) -> Self {
        Self(tried.plans().map(Step::of).collect())
    }

    /// Makes sure that nothing is done but what was agreed to; less may be, since a gate may have closed.
    pub(in crate::engine) fn check<'a>(
        &self,
        planned: impl Iterator<Item = &'a EditPlan>,
    ) -> Result<(), Fault> {
        let Some(other) = planned.map(Step::of).find(|step| !self.0.contains(step)) else {
            return Ok(());
        };
        let message = format!(
            "something changed meanwhile: it would now be {} from {} to {} ({})",
            other.service,
            other.from,
            other.to,
            other.digest.short()
        );
        Err(Fault::new(Class::TryAgain, message).with_hint("nothing was changed; look again"))
    }
}
