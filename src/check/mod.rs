//! The conventions of a GitOps repository as rules: what `tidegate check` finds, where, why it matters and how to correct it.
//!
//! [`CheckedFile::read`] applies the rules that one file can answer, and keeps of the file only what the others need.
//! [`check()`] adds the rules that need all files. Pure: the caller lists the files and writes corrections.

mod api_version;
mod environments;
mod file;
mod finding;
mod flux_version;
mod ignore;
mod images;
mod names;
mod object;
mod probes;
mod quantity;
mod redact;
mod repository;
mod resources;
mod rule;
mod secrets;
mod settings;

pub use environments::CheckedEnvironment;
pub use file::CheckedFile;
pub use finding::{Finding, Fix};
pub use flux_version::{FluxVersion, FluxVersionError};
pub use redact::redact;
pub use repository::{CheckReport, check, corrected};
pub use rule::{Rule, RuleSeverity, UnknownRule};
pub use settings::{CheckSettings, Size, SizeError};

#[cfg(test)]
mod tests;
