//! Findings, and the edits that correct them.

use std::ops::Range;

use super::flux_version::FluxVersion;
use super::rule::{Rule, RuleSeverity};
use crate::manifest::Position;
use crate::model::RepoPath;

/// A place where a convention is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How much it matters, after the configuration.
    pub severity: RuleSeverity,
    /// The file.
    pub file: RepoPath,
    /// The place in the file.
    pub position: Position,
    /// What is wrong. Never contains a credential.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The edit that corrects it, where one is certain.
    pub fix: Option<Fix>,
}

/// An edit of one scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The bytes of the scalar, with its quotes.
    pub(super) span: Range<usize>,
    /// The new value.
    pub(super) value: String,
    /// The first version of Flux that accepts it; `None` where any does.
    pub(super) since: Option<FluxVersion>,
}

/// A finding whose file and severity are not known yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) position: Position,
    pub(super) message: String,
    pub(super) hint: String,
    pub(super) fix: Option<Fix>,
}

impl Draft {
    pub(super) fn new(
        rule: Rule,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { rule, position, message: message.into(), hint: hint.into(), fix: None }
    }
}

/// The findings of one file.
#[derive(Debug, Default)]
pub(super) struct Drafts(pub(super) Vec<Draft>);

impl Drafts {
    pub(super) fn add(
        &mut self,
        rule: Rule,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Draft::new(rule, position, message, hint));
    }

    /// Adds a finding with the edit that corrects it.
    pub(super) fn add_fixable(
        &mut self,
        rule: Rule,
        position: Position,
        message: String,
        hint: String,
        fix: Option<Fix>,
    ) {
        self.0.push(Draft { rule, position, message, hint, fix });
    }
}
