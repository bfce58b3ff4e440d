//! Open pull requests and what they propose.
//!
//! Nothing about them is stored: the forge lists what is open and closed, and the commits on Tidegate's own branches say
//! what each proposes. The branch that Flux follows is never written to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::engine::base::repository_policy::{Grouping, RepositoryPolicy};
use crate::engine::message::Trailers;
use crate::engine::state::deployed::{DeployedState, Target};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    ByTarget, EnvironmentName, ImageName, OpenPullRequest, PromotionId, PullRequestBranch, RepoPathError,
    ServiceName, Tag, TargetId, Timestamp,
};
use crate::policy::{RefusedPullRequest, ReviewedPullRequest, Selection};
use crate::port::TaggedImage;

/// What a pass knows of pull requests.
#[derive(Debug, Default)]
pub struct PullRequests {
    /// The open ones.
    pub open: Vec<Arc<Proposal>>,
    /// The highest version that people refused, by target.
    pub(crate) refused: HashMap<TargetId, RefusedPullRequest>,
    /// The review of the open pull request, by target, where a review counts as an approval.
    pub(crate) reviewed: HashMap<TargetId, ReviewedPullRequest>,
    /// Whether the forge listed the open ones.
    pub(in crate::engine) is_known: bool,
    /// Branches whose closed pull requests could not be read.
    pub(in crate::engine) unknown: HashSet<PullRequestBranch>,
}

/// An open pull request, and the promotions in the commit of its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The pull request.
    pub request: OpenPullRequest,
    /// Whether the tip of its branch is Tidegate's commit, not a person's.
    pub(in crate::engine) is_own: bool,
    pub(in crate::engine) promotions: Vec<Trailers>,
}

/// A promotion that waits in an open pull request to be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmerged {
    /// The number of the pull request.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The proposed tag.
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
    /// The proposed tag.
    pub to: Tag,
}

impl PullRequests {
    /// Adds what an earlier pass knew of all but the chosen targets.
    pub(in crate::engine) fn complete_by(&mut self, earlier: &Self, chosen: &[TargetId]) {
        let is_other = |at: &TargetId| !chosen.contains(at);
        let refused = earlier.refused.iter().filter(|(at, _)| is_other(at));
        self.refused.extend(refused.map(|(at, one)| (*at, one.clone())));
        let reviewed = earlier.reviewed.iter().filter(|(at, _)| is_other(at));
        self.reviewed.extend(reviewed.map(|(at, one)| (*at, one.clone())));
        self.unknown.extend(earlier.unknown.iter().cloned());
    }

    /// The open pull request of a branch.
    pub(in crate::engine) fn of(&self, branch: &PullRequestBranch) -> Option<&Arc<Proposal>> {
        self.open.iter().find(|proposal| proposal.request.branch == *branch)
    }

    /// Whether the open pull request of a branch proposes this tag for a target.
    pub(in crate::engine) fn proposes(&self, branch: &PullRequestBranch, target: &Target, tag: &Tag) -> bool {
        let is_it = |promotion: &Trailers| {
            promotion.is_of(target.service(), target.image()) && promotion.image.tag.as_ref() == Some(tag)
        };
        self.of(branch).is_some_and(|proposal| proposal.promotions.iter().any(is_it))
    }

    /// The targets of all proposed promotions.
    pub(in crate::engine) fn targets(
        &self,
        deployed: &DeployedState,
        repository_policy: &RepositoryPolicy,
    ) -> Vec<TargetId> {
        let promotions = self.open.iter().flat_map(|proposal| &proposal.promotions);
        promotions.filter_map(|promotion| target_of(promotion, deployed, repository_policy)).collect()
    }

    /// The proposed tags that the registry still has. Their digests must be those that were proposed.
    pub(in crate::engine) fn proposed_tags(
        &self,
        state: &RepositoryState,
        selections: &ByTarget<Option<Arc<Selection>>>,
        repository_policy: &RepositoryPolicy,
    ) -> BTreeSet<TaggedImage> {
        let own = self.open.iter().filter(|one| one.is_own && !one.request.branch.goes_back());
        let tag_of = |promotion: &Trailers| {
            let target = target_of(promotion, &state.deployed, repository_policy)?;
            let tag = promotion.image.tag.as_ref()?;
            let is_there = selections[target].as_ref()?.contains(tag);
            is_there.then(|| (promotion.image.name.clone(), tag.clone()))
        };
        own.flat_map(|one| &one.promotions).filter_map(tag_of).collect()
    }

    /// The open promotion of an image of a service in an environment.
    pub fn moving(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        image: &ImageName,
    ) -> Option<Unmerged> {
        self.open.iter().find_map(|proposal| {
            let is_it = |promotion: &&Trailers| {
                promotion.environment == *environment && promotion.is_of(service, image)
            };
            let promotion = proposal.promotions.iter().find(is_it)?;
            Some(Unmerged {
                number: proposal.request.number,
                url: proposal.request.url.clone(),
                opened_at: proposal.request.opened_at,
                tag: promotion.image.tag.clone()?,
            })
        })
    }
}

impl Proposal {
    pub(in crate::engine) fn moves(&self) -> Vec<ProposedMove> {
        let one = |promotion: &Trailers| {
            Some(ProposedMove {
                service: promotion.service.clone(),
                image: promotion.image.name.clone(),
                from: promotion.from.clone(),
                to: promotion.image.tag.clone()?,
            })
        };
        self.promotions.iter().filter_map(one).collect()
    }
}

/// The target of a promotion, if its environment still has that image.
pub(in crate::engine) fn target_of(
    promotion: &Trailers,
    deployed: &DeployedState,
    repository_policy: &RepositoryPolicy,
) -> Option<TargetId> {
    deployed.find(repository_policy, &promotion.environment, &promotion.service, &promotion.image.name)
}

/// The ids of promotions by subject. A plan for the same subject and tag is the same promotion and keeps its id.
pub(in crate::engine) fn ids_of(
    promotions: &[Trailers],
) -> BTreeMap<(&ServiceName, &ImageName), PromotionId> {
    promotions.iter().map(|one| ((&one.service, &one.image.name), one.mark.id)).collect()
}

/// The branch from which a target's promotions are proposed; none where they are pushed.
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
        // A group ships together or not at all.
        (false, Grouping::Service, Some(group)) => PullRequestBranch::of_set(name, &group.name),
        (false, Grouping::Service, None) => PullRequestBranch::of_service(name, target.service()),
    })
}

/// These targets, and all others whose promotions go by the same branches.
pub(in crate::engine) fn with_branch_mates(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    targets: &[TargetId],
) -> Vec<TargetId> {
    let all = &state.deployed.targets;
    let branch = |target: &Target| branch_of(repository_policy, target, false).and_then(Result::ok);
    let branches: HashSet<PullRequestBranch> =
        targets.iter().filter_map(|target| branch(&all[*target])).collect();
    let is_mate = |target: &Target| branch(target).is_some_and(|branch| branches.contains(&branch));
    let mates = all.entries().filter(|(_, target)| is_mate(target)).map(|(at, _)| at);
    mates.chain(targets.iter().copied()).collect::<BTreeSet<TargetId>>().into_iter().collect()
}
