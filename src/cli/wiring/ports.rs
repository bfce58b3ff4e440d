//! What the program runs with at the engine's ports.

use crate::forge::GitHub;
use crate::git::Mirror;
use crate::model::Timestamp;
use crate::port::{Clock, Ports};
use crate::registry::Client;
use crate::store::Store;

use super::changelog::Changes;

#[derive(Debug)]
pub(crate) struct Real;

impl Ports for Real {
    type Registry = Client;
    type Repository = Mirror;
    type Publisher = Mirror;
    type Store = Store;
    type Changelog = Changes;
    type Forge = GitHub;
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
