//! Control files: small YAML files under `.tidegate/` by which people hold, pin, quarantine, approve and freeze.
//!
//! Owns their format, paths and schema: parses and renders them. The policy room owns their meaning. Nothing here reads a
//! file or a clock; an unreadable text becomes a control that closes the gate that it may have meant.

mod form;
mod place;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use place::{FOLDER, folder, is_control_file, place};
pub use read::read;
pub use schema::json_schema;
pub use write::{file_of, write};
