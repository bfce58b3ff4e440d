//! The store alone, for commands that need nothing else.

use std::time::Duration;

use crate::config::Config;
use crate::model::Fault;
use crate::store::{DataFolder, Store};

use super::session::{data_folder, database, repository};

/// How long a command waits for others that open the store.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the store of a configuration; creates it where there is none.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Fault> {
    let _lock = DataFolder::lock_to_open(&data_folder(config), LOCK_TIMEOUT).await?;
    Ok(Store::open(database(config), &repository(config)).await?.store)
}
