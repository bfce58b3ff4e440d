//! Shared by the commands for control files: person, time, and the commit.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::cli::args::Consent;
use crate::cli::commands::{activity, resolve};
use crate::cli::moment::Moment;
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render::control::{self as render, RenderContext};
use crate::cli::wiring::Session;
use crate::control;
use crate::engine::{ControlChange, ControlChangeResult, RepositoryState};
use crate::model::{Class, Fault, Timestamp};
use crate::policy::{Control, Note};
use crate::view::{self, time};

/// A session that writes control files.
pub(super) struct ControlSession<'a> {
    pub(super) session: &'a mut Session,
    pub(super) output: &'a Output,
    pub(super) by: String,
    /// When the command started, to the second.
    pub(super) now: Timestamp,
}

/// How a change is confirmed and printed.
pub(super) struct Prompt<'a> {
    /// The `kind` of the JSON document.
    pub(super) kind: &'static str,
    pub(super) consent: &'a Consent,
    /// Printed before the question.
    pub(super) preface: &'a str,
    /// The question on a terminal; `None` if the arguments are explicit enough.
    pub(super) question: Option<&'a str>,
    /// The error and its hint without a terminal; `None` if no answer is needed.
    pub(super) unattended: Option<(&'a str, &'a str)>,
}

impl<'a> ControlSession<'a> {
    pub(super) fn new(session: &'a mut Session, consent: &Consent, output: &'a Output) -> Self {
        let now = chrono::Utc::now();
        let now = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        Self { session, output, by: person::name(consent.by.as_deref()), now }
    }

    /// The repository as it is now.
    pub(super) async fn refresh(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        resolve::refresh(self.session).await
    }

    /// The note of a new control file.
    pub(super) fn note(&self, reason: &str, expires: Option<Moment>) -> Result<Note, Fault> {
        let zone = self.session.config.timezone;
        let file = control::FOLDER.parse().map_err(|_| too_far())?;
        let expires = match expires {
            None => None,
            Some(moment) => Some(moment.after(zone, self.now).ok_or_else(too_far)?),
        };
        if let Some(past) = expires.filter(|expires| *expires <= self.now) {
            return Err(Fault::new(
                Class::Usage,
                format!("--expires is in the past: {}", time::local(past, zone)),
            )
            .with_hint("give a length of time, such as 4h or 3d, or a time to come"));
        }
        Ok(Note { file, by: self.by.clone(), at: self.now, reason: reason.trim().to_owned(), expires })
    }

    /// Writes control files and prints the result.
    pub(super) async fn put(
        &mut self,
        state: &RepositoryState,
        controls: Vec<Control>,
        prompt: &Prompt<'_>,
    ) -> Result<ExitCode, Fault> {
        let files: Vec<String> =
            controls.iter().filter_map(control::place).map(|file| file.to_string()).collect();
        let unchanged = format!("Nothing to do: {} says so already", files.join(", "));
        let change = ControlChange::Put(controls);
        let tried = self.apply(&change, true).await?;
        if tried.written.is_empty() {
            return self.print_nothing(&unchanged, prompt);
        }
        if prompt.consent.dry_run {
            return self.print(state, &tried, prompt);
        }
        self.confirm(prompt, || self.preview(state, &tried))?;
        let written = self.apply(&change, false).await?;
        if written.written.is_empty() {
            return self.print_nothing(&unchanged, prompt);
        }
        self.print(state, &written, prompt)
    }

    /// Makes a change, or tries it.
    pub(super) async fn apply(
        &mut self,
        change: &ControlChange,
        dry_run: bool,
    ) -> Result<ControlChangeResult, Fault> {
        let what = if dry_run { "Reading the repository" } else { "Writing" };
        activity::during(what, self.session.engine.change_controls(change, &self.by, dry_run)).await
    }

    /// Asks, unless the arguments are explicit enough.
    pub(super) fn confirm(&self, prompt: &Prompt<'_>, preview: impl FnOnce() -> String) -> Result<(), Fault> {
        let Some(question) = prompt.question.filter(|_| !prompt.consent.yes) else { return Ok(()) };
        if let Some((error, hint)) = prompt.unattended.filter(|_| !self.output.is_terminal()) {
            return Err(Fault::new(Class::Usage, error).with_hint(hint));
        }
        person::confirm(self.output, &format!("{}{}", prompt.preface, preview()), question)
    }

    /// The preview of a change.
    pub(super) fn preview(&self, state: &RepositoryState, tried: &ControlChangeResult) -> String {
        render::text(&self.context(state, true), tried)
    }

    /// Prints what was written and removed, or would be.
    pub(super) fn print(
        &self,
        state: &RepositoryState,
        result: &ControlChangeResult,
        prompt: &Prompt<'_>,
    ) -> Result<ExitCode, Fault> {
        let context = self.context(state, prompt.consent.dry_run);
        let json = || view::control_files(state, result, prompt.consent.dry_run);
        self.output.result(prompt.kind, json, || render::text(&context, result))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Prints that there was nothing to do, and why.
    pub(super) fn print_nothing(&self, why: &str, prompt: &Prompt<'_>) -> Result<ExitCode, Fault> {
        let text = || if self.output.is_quiet() { String::new() } else { format!("{why}\n") };
        self.output.result(prompt.kind, || view::no_control_files(prompt.consent.dry_run, why), text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn context<'s>(&'s self, state: &'s RepositoryState, dry_run: bool) -> RenderContext<'s> {
        RenderContext {
            state,
            repository_policy: self.session.engine.repository_policy(),
            zone: self.session.config.timezone,
            now: self.now,
            dry_run,
        }
    }
}

pub(super) fn too_far() -> Fault {
    Fault::new(Class::Usage, "the time is beyond the end of the calendar")
}
