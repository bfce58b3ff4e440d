//! The documents of a text, laid flat: one list of nodes per document, each node with its place in the text.
//!
//! Two readers make them. `lines` reads the plain block YAML that nearly all manifests consist of and gives up on anything
//! else; `parsed` reads all of YAML. Both give the same nodes for the same text, so callers do not ask which one ran.
//! Knows nothing of what the documents mean.

mod documents;
mod inline;
mod lines;
mod node;
mod parsed;

pub(super) use documents::Documents;
pub(super) use documents::check_readers;
pub(super) use node::Node;
pub(crate) use node::{Content, Document, NodeId};

#[cfg(test)]
mod tests;
