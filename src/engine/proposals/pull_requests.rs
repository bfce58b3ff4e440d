//! Promotions that people merge: each waits in a pull request from a branch of Tidegate's own.
//!
//! Nothing of it is kept here: the forge and its branches say what is open and what people refused, and each pass makes
//! the one fit what was decided. `look` reads what is there, `refusals` what people closed, `reviews` what people think of it, `wanted` says what is to be there, `kept`
//! what stays, `fate` what an open one has come to, `auto_merge` whether it may merge by itself now, `body` what one says, and
//! `write` does it. The branch that Flux follows is never written to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{
    EnvironmentName, ImageName, OpenPullRequest, PromotionId, PullRequestBranch, RepoPathError, ServiceName,
    Tag, Timestamp,
};
use crate::policy::{RefusedPullRequest, ReviewedPullRequest};

use crate::engine::base::repository_policy::{Grouping, RepositoryPolicy};
use crate::engine::message::Trailers;
use crate::engine::state::deployed::{DeployedState, Target};

/// What a pass knows of pull requests.
#[derive(Debug, Default)]
pub struct PullRequests {
    /// Those that are open.
    pub open: Vec<Arc<Proposal>>,
    /// For each target that has one, what people refused.
    pub(crate) refused: HashMap<usize, RefusedPullRequest>,
    /// For each target whose approval may be a review and that has an open one, what its reviews come to.
    pub(crate) reviewed: HashMap<usize, ReviewedPullRequest>,
    /// Whether the forge said what is open.
    pub(in crate::engine) is_known: bool,
    /// The branches of which it did not say what people refused.
    pub(in crate::engine) unknown: HashSet<PullRequestBranch>,
}

/// An open pull request, and what its branch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The pull request.
    pub request: OpenPullRequest,
    /// Whether the tip of its branch is Tidegate's, not a person's.
    pub(in crate::engine) is_own: bool,
    /// The promotions that it proposes.
    pub(in crate::engine) told: Vec<Trailers>,
}

/// What waits in an open pull request for people to merge it, as far as one image of a service in an environment goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmerged {
    /// The number of the pull request.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Since when it is open.
    pub opened_at: Timestamp,
    /// The tag that it would bring.
    pub tag: Tag,
}

/// One promotion of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedMove {
    /// The service.
    pub service: ServiceName,
    /// Its image.
    pub image: ImageName,
    /// The tag that ran when it was proposed.
    pub from: Tag,
    /// The tag that is proposed.
    pub to: Tag,
}

impl PullRequests {
    /// The open one of a branch.
    pub(in crate::engine) fn of(&self, branch: &PullRequestBranch) -> Option<&Arc<Proposal>> {
        self.open.iter().find(|proposal| proposal.request.branch == *branch)
    }

    /// The targets that something is proposed for.
    pub(in crate::engine) fn targets(
        &self,
        deployed: &DeployedState,
        repository_policy: &RepositoryPolicy,
    ) -> Vec<usize> {
        let told = self.open.iter().flat_map(|proposal| &proposal.told);
        let place = |told: &Trailers| {
            let subject = (told.service.clone(), told.image.name.clone());
            deployed.place(repository_policy.find(&told.environment)?, &subject)
        };
        told.filter_map(place).collect()
    }

    /// The open one that would move an image of a service in an environment.
    pub fn moving(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        image: &ImageName,
    ) -> Option<Unmerged> {
        self.open.iter().find_map(|proposal| {
            let is_it = |told: &&Trailers| told.environment == *environment && told.is_of(service, image);
            let told = proposal.told.iter().find(is_it)?;
            Some(Unmerged {
                number: proposal.request.number,
                url: proposal.request.url.clone(),
                opened_at: proposal.request.opened_at,
                tag: told.image.tag.clone()?,
            })
        })
    }
}

impl Proposal {
    pub(in crate::engine) fn moves(&self) -> Vec<ProposedMove> {
        let one = |told: &Trailers| {
            Some(ProposedMove {
                service: told.service.clone(),
                image: told.image.name.clone(),
                from: told.from.clone(),
                to: told.image.tag.clone()?,
            })
        };
        self.told.iter().filter_map(one).collect()
    }
}

/// The identity of the promotion of each image, by which a plan of the same is the same promotion.
pub(in crate::engine) fn ids_of(told: &[Trailers]) -> BTreeMap<(&ServiceName, &ImageName), PromotionId> {
    told.iter().map(|told| ((&told.service, &told.image.name), told.mark.id)).collect()
}

/// The branch by which a target's promotions are proposed; nothing where they are pushed.
pub(in crate::engine) fn branch_of(
    repository_policy: &RepositoryPolicy,
    target: &Target,
    goes_back: bool,
) -> Option<Result<PullRequestBranch, RepoPathError>> {
    let rules = repository_policy.requests.get(&target.environment)?;
    let name = &repository_policy.environments[target.environment].policy.name;
    Some(match (goes_back, rules.grouping, repository_policy.group_of(target.service())) {
        (true, ..) => PullRequestBranch::back(name, target.service()),
        (false, Grouping::Environment, _) => PullRequestBranch::of_environment(name),
        // A set ships together or not at all.
        (false, Grouping::Service, Some(set)) => PullRequestBranch::of_set(name, &set.name),
        (false, Grouping::Service, None) => PullRequestBranch::of_service(name, target.service()),
    })
}
