//! The clients at the engine's ports.

use std::sync::Arc;

use crate::cluster::ClusterWatcher;
use crate::forge::GitHub;
use crate::git::Mirror;
use crate::metrics::{Metrics, PushResult};
use crate::model::{CommitDraft, CommitId, Publication, PullRequestBranch, Timestamp};
use crate::port::{Clock, Ports, Publisher};
use crate::registry::Client;
use crate::store::Store;

use super::changelog::Changes;

#[derive(Debug)]
pub(crate) struct Real;

impl Ports for Real {
    type Registry = Client;
    type Repository = Mirror;
    type Publisher = CountedPublisher;
    type Store = Store;
    type Changelog = Changes;
    type Forge = GitHub;
    type Clusters = ClusterWatcher;
    type Clock = SystemClock;
}

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }
}

/// The mirror as publisher; its pushes are counted.
#[derive(Debug)]
pub(crate) struct CountedPublisher {
    pub(super) mirror: Arc<Mirror>,
    pub(super) metrics: Arc<Metrics>,
}

type PublishError = <Mirror as Publisher>::Error;

impl CountedPublisher {
    fn count(&self, publication: Result<Publication, PublishError>) -> Result<Publication, PublishError> {
        self.metrics.pushes.ended(match &publication {
            Ok(Publication::Pushed(_)) => PushResult::Pushed,
            Ok(Publication::Moved { .. }) => PushResult::Moved,
            Ok(Publication::Declined { .. }) => PushResult::Declined,
            Err(_) => PushResult::Failed,
        });
        publication
    }
}

impl Publisher for CountedPublisher {
    type Error = PublishError;

    fn publish(
        &self,
        base: CommitId,
        drafts: &[CommitDraft],
        at: Timestamp,
    ) -> Result<Publication, PublishError> {
        self.count(Publisher::publish(&*self.mirror, base, drafts, at))
    }

    fn propose(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        base: CommitId,
        draft: &CommitDraft,
        at: Timestamp,
    ) -> Result<Publication, PublishError> {
        self.count(Publisher::propose(&*self.mirror, branch, seen, base, draft, at))
    }

    fn withdraw(&self, branch: &PullRequestBranch, seen: CommitId) -> Result<bool, PublishError> {
        Publisher::withdraw(&*self.mirror, branch, seen)
    }
}
