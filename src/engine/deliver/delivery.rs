//! From edits to the branch: intents, commits, one push, and its outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    Class, CommitDraft, CommitId, Fault, FileEdit, ImageRef, Intent, Outcome, Printable, PromotionId,
    Publication, RepoPath, Timestamp,
};

use super::notes::{MOST_PER_COMMIT, NotesByPlan};
use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::{Batch, RepositoryPolicy};
use crate::engine::message::{self, PromotionText, Wording};
use crate::engine::plan::edit_plan::EditPlan;
use crate::port::{Intents, Ports, Publisher, Repository};

/// The outcome of a push.
pub(in crate::engine) enum Delivery {
    /// The commit of each plan.
    Landed(Vec<CommitId>),
    /// The branch moved first; decide again.
    Moved,
    /// In the server's words.
    Declined { reason: String },
}

/// Who asks for a push.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Requester<'a> {
    pub(in crate::engine) name: &'a str,
    /// The author of the commits; Tidegate if none.
    pub(in crate::engine) author: Option<&'a str>,
    /// Why, if the promotions do not say so.
    pub(in crate::engine) reason: Option<&'a str>,
}

/// Records intents, commits, pushes, and records the outcome.
pub(in crate::engine) async fn deliver<P: Ports>(
    context: Context<'_, P>,
    publisher: &Arc<P::Publisher>,
    base: CommitId,
    plans: &[EditPlan],
    notes: &NotesByPlan,
    (by, now): (Requester<'_>, Timestamp),
) -> Result<Delivery, Fault> {
    let intents: Vec<Intent> =
        plans.iter().map(|plan| intent(context.policy, plan, base, by.name, now)).collect();
    context.store.begin(&intents).await?;
    let (mut drafts, commit_of_plan) = drafts(context.policy, plans, notes, by.name);
    for draft in &mut drafts {
        draft.author = by.author.map(str::to_owned);
        if let Some(reason) = by.reason {
            draft.message = message::with_reason(&draft.message, reason);
        }
    }
    let publisher = Arc::clone(publisher);
    let publication = blocking(move || Ok(publisher.publish(base, &drafts, now)?)).await;
    match publication {
        Ok(Publication::Pushed(commits)) => {
            let landed: Vec<CommitId> = commit_of_plan.iter().map(|draft| commits[*draft]).collect();
            let outcomes: Vec<(PromotionId, Outcome)> =
                plans.iter().zip(&landed).map(|(plan, commit)| (plan.id, Outcome::Landed(*commit))).collect();
            context.store.settle(&outcomes, now).await?;
            Ok(Delivery::Landed(landed))
        }
        Ok(Publication::Moved { .. }) => {
            abandon(&**context.store, plans, now).await?;
            Ok(Delivery::Moved)
        }
        Ok(Publication::Declined { reason }) => {
            abandon(&**context.store, plans, now).await?;
            Ok(Delivery::Declined { reason })
        }
        // The push may have arrived. The intents stay pending, and the next pass searches the branch for them.
        Err(fault) => Err(fault),
    }
}

async fn abandon<S: Intents>(store: &S, plans: &[EditPlan], now: Timestamp) -> Result<(), Fault> {
    let outcomes: Vec<_> = plans.iter().map(|plan| (plan.id, Outcome::Abandoned)).collect();
    Ok(store.settle(&outcomes, now).await?)
}

/// Settles the intents of an interrupted pass: those whose promotion is on the branch landed, the others are abandoned and
/// decided again.
pub(in crate::engine) async fn recover<P: Ports>(
    context: Context<'_, P>,
    head: CommitId,
    now: Timestamp,
) -> Result<Vec<(Intent, Outcome)>, Fault> {
    let pending = context.store.pending().await?;
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_base: BTreeMap<CommitId, Vec<String>> = BTreeMap::new();
    for intent in &pending {
        by_base.entry(intent.base).or_default().push(message::line_of(intent.id));
    }
    let repository = Arc::clone(context.repository);
    let found: BTreeMap<String, CommitId> = blocking(move || {
        let mut found = BTreeMap::new();
        for (base, ids) in by_base {
            found.extend(repository.find_in_messages(head, Some(base), &ids)?);
        }
        Ok(found)
    })
    .await?;
    let outcome = |intent: Intent| {
        let commit = found.get(&message::line_of(intent.id));
        let outcome = commit.map_or(Outcome::Abandoned, |commit| Outcome::Landed(*commit));
        (intent, outcome)
    };
    let settled: Vec<(Intent, Outcome)> = pending.into_iter().map(outcome).collect();
    let outcomes: Vec<_> = settled.iter().map(|(intent, outcome)| (intent.id, *outcome)).collect();
    context.store.settle(&outcomes, now).await?;
    Ok(settled)
}

pub(in crate::engine) fn declined(reason: &str) -> Fault {
    let message = format!("the server declined the push: {}", Printable::bounded(reason.trim(), 1000));
    Fault::new(Class::Failed, message)
        .with_hint("nothing was pushed; let this author pass the hook or the branch protection")
}

fn intent(
    repository_policy: &RepositoryPolicy,
    plan: &EditPlan,
    base: CommitId,
    requested_by: &str,
    at: Timestamp,
) -> Intent {
    Intent {
        id: plan.id,
        service: plan.service.clone(),
        environment: repository_policy.environments[plan.environment].policy.name.clone(),
        image: plan.image.clone(),
        from: plan.approved.from().tag.clone(),
        to: plan.approved.candidate().tag.clone(),
        digest: plan.approved.digest().clone(),
        base,
        requested_by: requested_by.to_owned(),
        at,
    }
}

/// The commits, and for each plan the index of its commit.
fn drafts(
    repository_policy: &RepositoryPolicy,
    plans: &[EditPlan],
    notes: &NotesByPlan,
    requested_by: &str,
) -> (Vec<CommitDraft>, Vec<usize>) {
    let mut drafts = Vec::new();
    let mut commit_of_plan = Vec::with_capacity(plans.len());
    for together in commits(repository_policy, plans) {
        commit_of_plan.extend(std::iter::repeat_n(drafts.len(), together.len()));
        drafts.push(draft(repository_policy, repository_policy.wording(), together, notes, requested_by));
    }
    (drafts, commit_of_plan)
}

/// One commit of all these plans.
pub(in crate::engine) fn draft(
    repository_policy: &RepositoryPolicy,
    wording: Wording<'_>,
    together: &[EditPlan],
    notes: &NotesByPlan,
    requested_by: &str,
) -> CommitDraft {
    let promotions: Vec<PromotionText<'_>> =
        together.iter().map(|plan| promotion_text(repository_policy, plan, notes, requested_by)).collect();
    // A later plan's text of a file includes the earlier edits.
    let texts: BTreeMap<&RepoPath, &Arc<[u8]>> =
        together.iter().flat_map(|plan| &plan.files).map(|file| (&file.path, &file.after)).collect();
    let edits = texts.into_iter().map(|(path, text)| FileEdit::rewrite(path.clone(), text.to_vec()));
    let quarantines: BTreeMap<&RepoPath, &String> = together
        .iter()
        .filter_map(|plan| plan.rollback.as_ref()?.quarantine.as_ref())
        .map(|(path, text)| (path, text))
        .collect();
    let quarantines =
        quarantines.into_iter().map(|(path, text)| FileEdit::write(path.clone(), text.clone().into_bytes()));
    let changelogs: BTreeMap<&RepoPath, &Arc<[u8]>> =
        together.iter().filter_map(|plan| plan.changelog.as_ref()).map(|(path, text)| (path, text)).collect();
    let changelogs = changelogs.into_iter().map(|(path, text)| FileEdit::write(path.clone(), text.to_vec()));
    let edits = edits.chain(quarantines).chain(changelogs).collect();
    let left_out_count = repository_policy
        .notes
        .and_then(|policy| policy.limits)
        .map_or(0, |_| together.len().saturating_sub(MOST_PER_COMMIT));
    CommitDraft { message: message::render(wording, &promotions, left_out_count), author: None, edits }
}

/// The plans by the commits that they go in.
pub(in crate::engine) fn commits<'a>(
    repository_policy: &'a RepositoryPolicy,
    plans: &'a [EditPlan],
) -> impl Iterator<Item = &'a [EditPlan]> {
    plans.chunk_by(|one, other| match repository_policy.batch {
        Batch::Service => {
            let is_one_group = one.group.is_some() && one.group == other.group;
            one.environment == other.environment && (one.service == other.service || is_one_group)
        }
        Batch::Environment => one.environment == other.environment,
        Batch::All => true,
    })
}

fn promotion_text<'a>(
    repository_policy: &'a RepositoryPolicy,
    plan: &'a EditPlan,
    notes: &NotesByPlan,
    requested_by: &'a str,
) -> PromotionText<'a> {
    let approved = &plan.approved;
    PromotionText {
        id: plan.id,
        service: &plan.service,
        environment: &repository_policy.environments[plan.environment].policy.name,
        image: ImageRef {
            name: plan.image.clone(),
            tag: Some(approved.candidate().tag.clone()),
            digest: Some(approved.digest().clone()),
        },
        from: &approved.from().tag,
        to: &approved.candidate().tag,
        releases: approved.releases_count(),
        soaked: approved.soaked().map(|soaked| (soaked.lasted, &soaked.environment)),
        requested_by: plan.requested_by.as_deref().unwrap_or(requested_by),
        group: plan.group.as_deref(),
        back: plan.rollback.as_ref().map(|rollback| rollback.reason.as_str()),
        failed: plan.rollback.as_ref().and_then(|rollback| rollback.failed),
        notes: match repository_policy.notes.and_then(|policy| policy.limits) {
            Some(limits) => notes.of(plan).map(|notes| notes.body(&limits)).unwrap_or_default(),
            None => String::new(),
        },
        overrides: approved.overrides().iter().map(|one| (one.gate().as_str(), one.reason())).collect(),
    }
}

#[cfg(test)]
mod tests;
