//! The ports: the traits by which the engine reaches the outside world. `registry`, `git`, `forge`, `cluster` and
//! `store` implement them, and know nothing of the engine.

mod cluster;
mod forge;
mod registry;
mod repository;
mod store;

use std::future::Future;
use std::time::Duration;

use crate::changelog::Notes;
use crate::model::{Digest, ImageName, ServiceName, Tag, Timestamp};

pub use cluster::Clusters;
pub use forge::Forge;
pub use registry::Registry;
pub use repository::{Publisher, Repository};
pub use store::{
    Fetches, Health, IndexReader, IndexWriter, Intents, Labels, Observations, SeenTags, Store, TaggedImage,
};

/// The ports of one engine.
pub trait Ports: Send + Sync + 'static {
    /// Requests to registries.
    type Registry: Registry;
    /// Reads the repository.
    type Repository: Repository;
    /// Writes to the repository.
    type Publisher: Publisher;
    /// Stores what is known between passes.
    type Store: Store;
    /// Reads the changes between two images.
    type Changelog: Changelog;
    /// Reads and writes pull requests.
    type Forge: Forge;
    /// Reads the clusters of environments.
    type Clusters: Clusters;
    /// The time.
    type Clock: Clock;
}

/// A promotion whose release notes are requested.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotesWanted {
    /// The service.
    pub service: ServiceName,
    /// Its image.
    pub image: ImageName,
    /// The running tag.
    pub from: Tag,
    /// The new tag.
    pub to: Tag,
    /// Its digest.
    pub digest: Digest,
}

/// Reads the changes between two images.
pub trait Changelog: Send + Sync + 'static {
    /// The notes of a promotion. A remark names whatever is missing.
    fn notes(&self, wanted: &NotesWanted) -> impl Future<Output = Notes> + Send;
}

/// The clock.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits for the duration.
    fn sleep(&self, how_long: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(how_long)
    }
}
