//! Fields that the configuration names, by the files that they are in.

use globset::GlobMatcher;

use crate::model::{FieldRule, RepoPath};

/// A field, and the files that have it.
#[derive(Clone, Debug)]
pub struct ConfiguredField {
    /// The glob of the files, as written.
    pub files: String,
    pub(super) matcher: GlobMatcher,
    /// The field.
    pub rule: FieldRule,
}

/// The fields of a file.
pub fn rules_of<'f>(fields: &'f [ConfiguredField], file: &RepoPath) -> Vec<&'f FieldRule> {
    let of_file = fields.iter().filter(|field| field.matcher.is_match(file.as_str()));
    of_file.map(|field| &field.rule).collect()
}
