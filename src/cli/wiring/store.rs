//! The store alone, for commands that need nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::model::Fault;
use crate::store::{DataFolder, OpenedStore, Store};

/// How long a command waits for others that open the store.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the store of a configuration; creates it where there is none.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Fault> {
    let _lock = DataFolder::lock_to_open(&data_folder(config), LOCK_TIMEOUT).await?;
    Ok(open(config).await?.store)
}

/// Opens the store; the caller holds the lock of its folder.
pub(super) async fn open(config: &Config) -> Result<OpenedStore, Fault> {
    Ok(Store::open(database(config), &repository(config), config.store.retention).await?)
}

/// The file of the store.
pub(crate) fn database(config: &Config) -> &Path {
    &config.store.database
}

/// The folder of the store and the mirror.
pub(crate) fn data_folder(config: &Config) -> PathBuf {
    database(config).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// The repository and the branch, as the store knows them.
pub(crate) fn repository(config: &Config) -> String {
    format!("{} {}", config.git.remote, config.git.branch)
}
