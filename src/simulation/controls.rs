//! The control files as they were at each moment.

use std::collections::BTreeMap;

use crate::control;
use crate::model::{ByEnvironment, EnvironmentName, RepoPath, Timestamp};
use crate::policy::{Control, Controls, Environment};

use super::timeline::ControlFileChange;

/// The control files that lie in the repository now.
#[derive(Debug)]
pub(super) struct ControlFiles<'a> {
    known: Vec<&'a EnvironmentName>,
    files: BTreeMap<RepoPath, Control>,
    all: Controls,
}

impl<'a> ControlFiles<'a> {
    /// No file at all, among these environments.
    pub(super) fn none(environments: &'a ByEnvironment<Environment>) -> Self {
        let known = environments.iter().map(|environment| &environment.policy.name).collect();
        Self { known, files: BTreeMap::new(), all: Controls::default() }
    }

    /// Takes in changes. Tells when what came ceases to count, as far as that is said.
    pub(super) fn take_in<'c>(
        &mut self,
        changes: impl Iterator<Item = &'c ControlFileChange>,
    ) -> Vec<Timestamp> {
        let mut expiries = Vec::new();
        for change in changes {
            let Some(text) = &change.text else {
                self.files.remove(&change.file);
                continue;
            };
            let control = control::read(&change.file, text.as_bytes()).among(&self.known);
            expiries.extend(control.note().and_then(|note| note.expires));
            self.files.insert(change.file.clone(), control);
        }
        self.all = self.files.values().cloned().collect();
        expiries
    }

    /// Those that are there.
    pub(super) fn all(&self) -> &Controls {
        &self.all
    }
}
