//! The message that a promotion leaves behind, and how it is read back.

mod read;
mod write;

#[cfg(test)]
mod tests;

use crate::model::{Printable, PromotionId};

pub(crate) use read::{Trailers, read_trailers, reasons};
pub(crate) use write::{Told, Wording, render};

const PROMOTION: &str = "Tidegate-Promotion";
const SERVICE: &str = "Tidegate-Service";
const ENVIRONMENT: &str = "Tidegate-Environment";
const IMAGE: &str = "Tidegate-Image";
const FROM: &str = "Tidegate-From";
const REQUESTED_BY: &str = "Tidegate-Requested-By";
const OVERRIDE: &str = "Tidegate-Override";
const ROLLBACK: &str = "Tidegate-Rollback";

/// The line by which a promotion is found on the branch.
pub(crate) fn line_of(id: PromotionId) -> String {
    format!("{PROMOTION}: {id}")
}

/// Somebody's words as part of a line: no line of their own can come of them.
fn one_line(text: &str) -> Printable<'_> {
    Printable::bounded(text.trim(), 300)
}
