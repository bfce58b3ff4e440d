//! Changelogs: commits → grouped notes → text in every format.
//!
//! Pure: it knows neither where commits come from nor where the text goes. Everything that it reads was written by
//! somebody else: `clean` makes it fit to be shown, each format escapes what it must, and links are made in `web` of
//! checked parts alone.
//!
//! From labels to commits: `origin` reads an image's labels, and [`Plan`] turns two of them into a question to a source
//! repository and its answer into a range. From commits to notes: [`Notes::gather`] is the way in. `message` takes one commit's message apart; `lineage` finds which merge and which
//! release a commit came with; `cancel` leaves out what was taken back or is told already; `gather` puts it together.

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
