//! Reads notes: labels, then commits, then what is made of them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::changelog::{Found, Heading, Labelled, Material, Notes, Origin, Plan, Remark, Settled};
use crate::model::{CommitId, Digest, Fault, ImageName, Printable, Relation, Tag};

use super::kept::{Kept, Knew};
use super::order::newest_first;
use super::ports::{Between, Cache, Histories, Images};
use super::settings::{Policy, Question};

/// Reads notes. Cheap to clone.
pub struct Reader<I, H, S> {
    images: Arc<I>,
    histories: Arc<H>,
    shelf: Arc<S>,
    policy: Arc<Policy>,
}

impl<I, H, S> Clone for Reader<I, H, S> {
    fn clone(&self) -> Self {
        Self {
            images: Arc::clone(&self.images),
            histories: Arc::clone(&self.histories),
            shelf: Arc::clone(&self.shelf),
            policy: Arc::clone(&self.policy),
        }
    }
}

impl<I, H, S> fmt::Debug for Reader<I, H, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<I: Images, H: Histories, S: Cache> Reader<I, H, S> {
    /// A reader of these.
    pub fn new(images: Arc<I>, histories: Arc<H>, shelf: Arc<S>, policy: Arc<Policy>) -> Self {
        Self { images, histories, shelf, policy }
    }

    /// What changed between two images. What can't be had is told in the notes.
    pub async fn notes(&self, question: &Question) -> Notes {
        let heading = Heading {
            service: question.service.clone(),
            from: question.from.0.to_string(),
            to: question.to.0.to_string(),
            is_downgrade: question.is_downgrade,
            source: None,
            compare: None,
        };
        match self.range(question).await {
            Ok((settled, kept)) => self.gather(heading, settled, &kept),
            Err(remarks) => Notes::without_commits(heading, remarks),
        }
    }

    fn gather(&self, mut heading: Heading, settled: Settled, kept: &Kept) -> Notes {
        let web = settled.source.name().and_then(|name| self.policy.sources.web(name));
        heading.source = Some(settled.source.to_string());
        heading.compare = web.as_ref().map(|web| match kept.range.relation {
            Relation::Backward => web.compare(settled.to, settled.from),
            _ => web.compare(settled.from, settled.to),
        });
        let mut remarks = settled.remarks;
        match kept.range.relation {
            Relation::Forward => {}
            Relation::Backward => remarks.push(Remark::Downgrade),
            Relation::Diverged => remarks.push(Remark::Diverged { lost: kept.range.lost.len() }),
            Relation::Unrelated => remarks.push(Remark::Unrelated),
        }
        heading.is_downgrade |= kept.range.relation == Relation::Backward;
        if kept.range.is_cut {
            remarks.push(Remark::Cut { read: kept.range.commits.len() });
        }
        let material = Material {
            heading,
            commits: &kept.range.commits,
            lost: &kept.range.lost,
            releases: &kept.releases,
            web: web.as_ref(),
            remarks,
        };
        Notes::gather(material, &self.policy.rules)
    }

    async fn range(&self, question: &Question) -> Result<(Settled, Kept), Vec<Remark>> {
        let plan = self.plan(question).await?;
        let digests = [&question.from.1, &question.to.1];
        let scope = format!("{} {}", plan.source, question.scope.fingerprint);
        if let Some(text) = self.shelf.range(&question.image, digests, &scope).await
            && let Some(kept) = Kept::read(&text)
        {
            let settled = plan.settle(found(&kept.from), found(&kept.to))?;
            return Ok((settled, kept));
        }
        let answer = self
            .histories
            .read(&plan.source, &question.scope, [&plan.from, &plan.to])
            .await
            .map_err(|fault| with_fault(plan.remarks.clone(), &fault))?;
        let [from, to] = answer.found;
        let knew = [&from, &to].map(knew);
        let settled = plan.settle(from, to)?;
        // Both were found, or it could not be settled.
        let ([Some(from), Some(to)], Some(between)) = (knew, answer.between) else {
            return Err(settled.remarks);
        };
        let kept = keep(question, [from, to], between);
        if let Some(text) = kept.write() {
            self.shelf.keep_range(&question.image, digests, &scope, &text).await;
        }
        Ok((settled, kept))
    }

    async fn plan(&self, question: &Question) -> Result<Plan, Vec<Remark>> {
        let (from_tag, from_digest) = &question.from;
        let (to_tag, to_digest) = &question.to;
        if from_digest == to_digest {
            return Err(vec![Remark::SameImage]);
        }
        let (from, to) = tokio::join!(
            self.origin(&question.image, from_tag, from_digest),
            self.origin(&question.image, to_tag, to_digest)
        );
        let (from, to) = (from?, to?);
        Plan::make(
            Labelled { tag: from_tag, digest: from_digest, origin: &from },
            Labelled { tag: to_tag, digest: to_digest, origin: &to },
            question.scope.repository.as_ref(),
            |name| self.policy.sources.allows(&question.image, name),
        )
    }

    async fn origin(&self, image: &ImageName, tag: &Tag, digest: &Digest) -> Result<Origin, Vec<Remark>> {
        if let Some(labels) = self.shelf.labels(image, digest).await {
            return Ok(Origin::read(&labels));
        }
        let labels: BTreeMap<String, String> = self.images.labels(image, digest).await.map_err(|fault| {
            let reason = format!("the labels of {tag}: {}", shown(&fault));
            vec![Remark::Unavailable { reason }]
        })?;
        self.shelf.keep_labels(image, digest, &labels).await;
        Ok(Origin::read(&labels))
    }
}

/// What is kept of an answer: its commits in one order, wherever they come from, and the tags that part them.
fn keep(question: &Question, [from, to]: [Knew; 2], Between { mut range, tags }: Between) -> Kept {
    range.commits = newest_first(range.commits);
    range.lost = newest_first(range.lost);
    let in_range: HashSet<CommitId> = range.commits.iter().map(|commit| commit.id).collect();
    let release = |(id, name): (CommitId, String)| {
        let is_in_range = in_range.contains(&id);
        is_in_range.then(|| question.scope.release(&name, &question.to.0)).flatten().map(|name| (id, name))
    };
    let releases = tags.into_iter().filter_map(release).collect();
    Kept { from, to, range, releases }
}

fn with_fault(mut remarks: Vec<Remark>, fault: &Fault) -> Vec<Remark> {
    remarks.push(Remark::Unavailable { reason: shown(fault) });
    remarks
}

fn shown(fault: &Fault) -> String {
    Printable::bounded(&fault.in_one_line(), 300).to_string()
}

fn knew(found: &Found) -> Option<Knew> {
    match found {
        Found::Revision(commit) => Some(Knew { commit: *commit, tag: None }),
        Found::Tag(commit, tag) => Some(Knew { commit: *commit, tag: Some(tag.clone()) }),
        Found::Missing => None,
    }
}

fn found(knew: &Knew) -> Found {
    match &knew.tag {
        None => Found::Revision(knew.commit),
        Some(tag) => Found::Tag(knew.commit, tag.clone()),
    }
}
