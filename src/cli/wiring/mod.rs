//! Wiring: a configuration becomes an engine with its parts.

mod changelog;
mod flux;
mod forge;
mod git;
mod ports;
mod registries;
mod releases;
mod repository_policy;
mod secrets;
mod senders;
mod session;
mod source_choice;
mod sources;
mod store;
mod tokens;

pub(crate) use crate::store::{DataFolder, FolderLock, Store};
pub(crate) use changelog::Changes;
pub(crate) use forge::{Token, tokens};
pub(crate) use repository_policy::repository_policy;
pub(crate) use senders::sender;
pub(crate) use session::{Session, config_file, config_file_in, find_config_file, load};
pub(crate) use store::{data_folder, database, open_store, repository};
pub(crate) use tokens::StoredTokens;
