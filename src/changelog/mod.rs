//! Changelogs: commits → grouped notes → text in every format.
//!
//! Pure: it knows neither where commits come from nor where the text goes. All its input is untrusted: `clean` makes it
//! printable, each format escapes its own markup, and `web` builds links from validated parts only.
//!
//! From labels to commits: `origin` reads an image's labels; [`Plan`] turns the labels of two images into queries to a
//! source repository, and the answers into a range.
//!
//! From commits to notes: [`Notes::gather`] is the entry point. `message` parses one commit message; `lineage` finds the
//! merge and the release that brought a commit in; `cancel` drops reverted commits and copies; `gather` groups the rest.

mod cancel;
mod clean;
mod dependency;
#[cfg(test)]
mod fixture;
mod format;
mod gather;
mod inline;
mod lineage;
mod message;
mod notes;
mod origin;
mod plan;
mod remark;
mod rules;
mod section;
mod source_name;
mod web;

pub use format::{BodyLimits, FileError, Format, KeepAChangelog, Template, TemplateError};
pub use gather::NotesInput;
pub use inline::{Issue, Span};
pub use notes::{Contributor, Counts, Entry, Group, Heading, Notes, Release, Update};
pub use origin::{Label, Origin, Revision};
pub use plan::{CommitMatch, CommitQuery, LabelledImage, Plan, ResolvedRange, Source};
pub use remark::Remark;
pub use rules::{Rules, Tickets};
pub use section::Section;
pub use source_name::{SourceName, SourceNameError};
pub use web::{Forge, Web};
