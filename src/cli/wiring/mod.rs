//! Wiring: a configuration becomes an engine with its parts.

mod changelog;
mod forge;
mod git;
mod ports;
mod registries;
mod releases;
mod repository_policy;
mod session;
mod source_choice;
mod sources;

pub(crate) use crate::store::DataFolder;
pub(crate) use forge::tokens;
pub(crate) use repository_policy::repository_policy;
pub(crate) use session::{Session, config_file, find_config_file, load};
