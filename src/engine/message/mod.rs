//! Commit messages of promotions, written and read back.

mod read;
mod write;

#[cfg(test)]
mod tests;

use crate::model::{BRANCH_TRAILER, Printable, PromotionId};

pub(crate) use read::{Trailers, read_trailers, reasons};
pub(crate) use write::{PromotionText, Wording, render, with_reason};

const PROMOTION: &str = "Tidegate-Promotion";
const SERVICE: &str = "Tidegate-Service";
const ENVIRONMENT: &str = "Tidegate-Environment";
const IMAGE: &str = "Tidegate-Image";
const FROM: &str = "Tidegate-From";
const REASON: &str = "Tidegate-Reason";
const REQUESTED_BY: &str = "Tidegate-Requested-By";
const OVERRIDE: &str = "Tidegate-Override";
const ROLLBACK: &str = "Tidegate-Rollback";
const FAILED: &str = "Tidegate-Failed-Promotion";

/// The trailer by which a promotion is found on the branch.
pub(crate) fn line_of(id: PromotionId) -> String {
    format!("{PROMOTION}: {id}")
}

/// The trailer by which a commit says which promotion failed its verification.
pub(crate) fn failed_line(id: PromotionId) -> String {
    format!("{FAILED}: {id}")
}

/// Untrusted text within one line.
fn one_line(text: &str) -> Printable<'_> {
    Printable::bounded(text.trim(), 300)
}
