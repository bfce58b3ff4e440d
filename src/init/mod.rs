//! A first configuration from a repository's manifests: which folders are environments, in which order, which services
//! are in them, and what could not be placed. Pure: knows the manifests, the policy's texts and the form of the
//! configuration; no file, no Git, no clock.
//!
//! [`draft()`] is the one way in. Readings go through `catalogue` (everything in one list), `folders` (which folders are
//! environments), `environments` (their names and order), `services` (who is where), `flux` (rules that are to be
//! carried over) and `page` (the text), which is loaded as a configuration before anybody sees it.

mod catalogue;
mod draft;
mod environments;
mod error;
mod extract;
mod finding;
mod flux;
mod folders;
mod homes;
mod hosts;
mod page;
mod scalar;
mod services;
mod stage;

pub use catalogue::Reading;
pub use draft::{Draft, draft};
pub use environments::Environment;
pub use error::InitError;
pub use finding::{Finding, FindingKind, Place, Severity};
pub use page::Origin;
