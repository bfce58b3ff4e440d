//! Tag changes as a document.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{Move, Mover};
use crate::model::{Tag, Timestamp};

/// Changes of tags.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct History {
    pub(crate) changes: Vec<Change>,
}

/// One change: by a promotion, or by a person's commit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) commit: String,
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) promotion: Option<String>,
    pub(crate) requested_by: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) reason: Option<String>,
}

/// The history as a document.
pub(crate) fn history(moves: &[Move]) -> History {
    let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
    let change = |one: &Move| {
        let (promotion, requested_by, author) = match &one.by {
            Mover::Tidegate { promotion, requested_by } => {
                (Some(promotion.clone()), Some(requested_by.clone()), None)
            }
            Mover::Person { author } => (None, None, Some(author.clone())),
        };
        Change {
            at: one.at,
            commit: one.commit.to_string(),
            service: one.service.to_string(),
            environment: one.environment.to_string(),
            image: one.image.to_string(),
            from: texts(&one.from),
            to: texts(&one.to),
            promotion,
            requested_by,
            author,
            reason: one.why.clone(),
        }
    };
    History { changes: moves.iter().map(change).collect() }
}
