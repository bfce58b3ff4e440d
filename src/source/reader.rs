//! Reads notes: labels, then commits, then their grouping.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::changelog::{
    CommitMatch, Heading, LabelledImage, Notes, NotesInput, Origin, Plan, Remark, ResolvedRange,
};
use crate::model::{CommitId, Digest, Fault, ImageName, Printable, Relation, Secrets, Tag};

use super::cached_range::{CachedCommit, CachedRange};
use super::order::newest_first;
use super::ports::{Cache, CommitRange, Histories, Images};
use super::settings::{Policy, Question};

/// Reads notes. Cheap to clone.
pub struct Reader<I, H, S> {
    images: Arc<I>,
    histories: Arc<H>,
    cache: Arc<S>,
    policy: Arc<Policy>,
}

impl<I, H, S> Clone for Reader<I, H, S> {
    fn clone(&self) -> Self {
        Self {
            images: Arc::clone(&self.images),
            histories: Arc::clone(&self.histories),
            cache: Arc::clone(&self.cache),
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
    pub fn new(images: Arc<I>, histories: Arc<H>, cache: Arc<S>, policy: Arc<Policy>) -> Self {
        Self { images, histories, cache, policy }
    }

    /// What changed between two images. Problems become remarks.
    pub async fn notes(&self, question: &Question) -> Notes {
        let heading = Heading {
            is_downgrade: question.is_downgrade,
            ..Heading::new(&question.service, question.from.0.as_str(), question.to.0.as_str())
        };
        match self.range(question).await {
            Ok((resolved, cached)) => self.gather(heading, resolved, &cached),
            Err(remarks) => Notes::without_commits(heading, remarks),
        }
    }

    fn gather(&self, mut heading: Heading, resolved: ResolvedRange, cached: &CachedRange) -> Notes {
        let web = resolved.source.name().and_then(|name| self.policy.sources.web(name));
        heading.source = Some(resolved.source.to_string());
        heading.compare = web.as_ref().map(|web| match cached.range.relation {
            Relation::Backward => web.compare(resolved.to, resolved.from),
            _ => web.compare(resolved.from, resolved.to),
        });
        let mut remarks = resolved.remarks;
        match cached.range.relation {
            Relation::Forward => {}
            Relation::Backward => remarks.push(Remark::Downgrade),
            Relation::Diverged => remarks.push(Remark::Diverged { lost: cached.range.lost.len() }),
            Relation::Unrelated => remarks.push(Remark::Unrelated),
        }
        heading.is_downgrade |= cached.range.relation == Relation::Backward;
        if cached.range.is_cut {
            remarks.push(Remark::Cut { read: cached.range.commits.len() });
        }
        let input = NotesInput {
            heading,
            commits: &cached.range.commits,
            lost: &cached.range.lost,
            releases: &cached.releases,
            web: web.as_ref(),
            remarks,
        };
        Notes::gather(input, &self.policy.rules)
    }

    async fn range(&self, question: &Question) -> Result<(ResolvedRange, CachedRange), Vec<Remark>> {
        let plan = self.plan(question).await?;
        let digests = [&question.from.1, &question.to.1];
        let scope = format!("{} {}", plan.source, question.scope.fingerprint);
        if let Some(text) = self.cache.range(&question.image, digests, &scope).await
            && let Some(cached) = CachedRange::read(&text)
        {
            let resolved = plan.resolve(found(&cached.from), found(&cached.to))?;
            return Ok((resolved, cached));
        }
        let comparison = self
            .histories
            .read(&plan.source, &question.scope, [&plan.from, &plan.to])
            .await
            .map_err(|fault| with_fault(plan.remarks.clone(), &fault))?;
        let [from, to] = comparison.found;
        let cached = [&from, &to].map(cached);
        let resolved = plan.resolve(from, to)?;
        // `resolve` succeeds only when both were found.
        let ([Some(from), Some(to)], Some(between)) = (cached, comparison.range) else {
            return Err(resolved.remarks);
        };
        let cached = keep(question, [from, to], between);
        if let Some(text) = cached.write() {
            self.cache.keep_range(&question.image, digests, &scope, &text).await;
        }
        Ok((resolved, cached))
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
            LabelledImage { tag: from_tag, digest: from_digest, origin: &from },
            LabelledImage { tag: to_tag, digest: to_digest, origin: &to },
            question.scope.repository.as_ref(),
            |name| self.policy.sources.allows(&question.image, name),
        )
    }

    async fn origin(&self, image: &ImageName, tag: &Tag, digest: &Digest) -> Result<Origin, Vec<Remark>> {
        if let Some(labels) = self.cache.labels(image, digest).await {
            return Ok(Origin::read(&labels));
        }
        let labels: BTreeMap<String, String> = self.images.labels(image, digest).await.map_err(|fault| {
            let reason = format!("the labels of {tag}: {}", shown(&fault));
            vec![Remark::Unavailable { reason }]
        })?;
        self.cache.keep_labels(image, digest, &labels).await;
        Ok(Origin::read(&labels))
    }
}

/// The cached form of a comparison: commits in one order, and the tags within the range.
fn keep(
    question: &Question,
    [from, to]: [CachedCommit; 2],
    CommitRange { mut range, tags }: CommitRange,
) -> CachedRange {
    range.commits = newest_first(range.commits);
    range.lost = newest_first(range.lost);
    let in_range: HashSet<CommitId> = range.commits.iter().map(|commit| commit.id).collect();
    let release = |(id, name): (CommitId, String)| {
        let is_in_range = in_range.contains(&id);
        is_in_range.then(|| question.scope.release(&name, &question.to.0)).flatten().map(|name| (id, name))
    };
    let releases = tags.into_iter().filter_map(release).collect();
    CachedRange { from, to, range, releases }
}

fn with_fault(mut remarks: Vec<Remark>, fault: &Fault) -> Vec<Remark> {
    remarks.push(Remark::Unavailable { reason: shown(fault) });
    remarks
}

fn shown(fault: &Fault) -> String {
    Printable::bounded(&Secrets::mask(&fault.in_one_line()), 300).to_string()
}

fn cached(found: &CommitMatch) -> Option<CachedCommit> {
    match found {
        CommitMatch::Revision(commit) => Some(CachedCommit { commit: *commit, tag: None }),
        CommitMatch::Tag(commit, tag) => Some(CachedCommit { commit: *commit, tag: Some(tag.clone()) }),
        CommitMatch::Missing => None,
    }
}

fn found(cached: &CachedCommit) -> CommitMatch {
    match &cached.tag {
        None => CommitMatch::Revision(cached.commit),
        Some(tag) => CommitMatch::Tag(cached.commit, tag.clone()),
    }
}
