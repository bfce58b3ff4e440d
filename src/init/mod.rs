//! Drafts a configuration from the manifests of a repository: which folders are environments, in which order, which
//! services they have, and what cannot be followed. Pure: knows manifests, the policy's texts and the configuration.
//!
//! [`draft()`] is the entry point. Scanned files go through `manifests` (everything in one list), `folders` (which folders
//! are environments), `chain` (their names and order), `services` (which services pair), `flux` (Flux's rules) and
//! `config_text` (the YAML). The result is loaded as a configuration before anybody sees it.

mod chain;
mod config_text;
mod draft;
mod environment;
mod error;
mod extract;
mod finding;
mod flux;
mod folders;
mod hosts;
mod manifests;
mod ownership;
mod services;
mod stage;
mod unmanaged;
mod yaml_scalar;

pub use config_text::Origin;
pub use draft::{Draft, draft};
pub use environment::Environment;
pub use error::InitError;
pub use finding::{FilePosition, Finding, FindingKind, Severity};
pub use flux::Policies;
pub use manifests::ScannedFile;
pub use unmanaged::{Shape, ShapeCount, UnmanagedVersions, unmanaged_in};
