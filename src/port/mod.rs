//! The ports: the traits by which the engine reaches the outside world. `registry`, `git`, `forge` and `store` implement
//! them, and know nothing of the engine.

mod forge;
mod registry;
mod repository;
mod store;

use std::future::Future;
use std::time::Duration;

use crate::changelog::Notes;
use crate::model::{Digest, ImageName, ServiceName, Tag, Timestamp};

pub use forge::Forge;
pub use registry::Registry;
pub use repository::{Publisher, Repository};
pub use store::{
    Fetches, IndexReader, IndexWriter, Intents, Labels, Observations, SeenTags, Store, TaggedImage,
};

/// The ports of one engine.
pub trait Ports: Send + Sync + 'static {
    /// Asks registries.
    type Registry: Registry;
    /// Reads the repository.
    type Repository: Repository;
    /// Writes to the repository.
    type Publisher: Publisher;
    /// Remembers.
    type Store: Store;
    /// Finds out what changed between two images.
    type Changelog: Changelog;
    /// Reads and writes pull requests.
    type Forge: Forge;
    /// The time.
    type Clock: Clock;
}

/// Of which promotion notes are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotesWanted {
    /// The service.
    pub service: ServiceName,
    /// Its image.
    pub image: ImageName,
    /// The tag that runs.
    pub from: Tag,
    /// The tag that comes.
    pub to: Tag,
    /// Its digest.
    pub digest: Digest,
}

/// Tells what changed between two images.
pub trait Changelog: Send + Sync + 'static {
    /// The notes of a promotion. A remark names whatever is missing.
    fn notes(&self, wanted: &NotesWanted) -> impl Future<Output = Notes> + Send;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits for so long.
    fn sleep(&self, how_long: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(how_long)
    }
}
