//! The control files at each moment.

use std::collections::BTreeMap;

use crate::control;
use crate::model::{ByEnvironment, EnvironmentName, RepoPath, Timestamp};
use crate::policy::{Control, Controls, Environment};

use super::timeline::ControlFileChange;

/// The control files in the repository now.
#[derive(Debug)]
pub(super) struct ControlFiles<'a> {
    known: Vec<&'a EnvironmentName>,
    files: BTreeMap<RepoPath, Control>,
    all: Controls,
}

impl<'a> ControlFiles<'a> {
    /// No control files.
    pub(super) fn none(environments: &'a ByEnvironment<Environment>) -> Self {
        let known = environments.iter().map(|environment| &environment.policy.name).collect();
        Self { known, files: BTreeMap::new(), all: Controls::default() }
    }

    /// Applies changes. Returns the expiries of the new files.
    pub(super) fn apply<'c>(
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

    /// The current control files.
    pub(super) fn all(&self) -> &Controls {
        &self.all
    }
}
