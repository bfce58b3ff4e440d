//! What the commands for control files share: who asks, when, and the way from an order to its commit.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::cli::args::{Format, Global, Going};
use crate::cli::commands::{activity, known};
use crate::cli::moment::Moment;
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render::control::{self as render, RenderContext};
use crate::cli::wiring::Session;
use crate::control;
use crate::engine::{ControlChange, ControlChangeResult, RepositoryState};
use crate::model::{Class, Fault, Timestamp};
use crate::policy::{Control, Note};

/// A place to write control files from.
pub(super) struct ControlSession<'a> {
    pub(super) session: Session,
    pub(super) output: &'a Output,
    pub(super) by: String,
    /// When it was asked, to the second.
    pub(super) now: Timestamp,
}

/// How an order is gone about.
pub(super) struct How<'a> {
    /// The name of the answer in JSON.
    pub(super) kind: &'static str,
    pub(super) going: &'a Going,
    /// What is shown before it is asked.
    pub(super) shown: &'a str,
    /// What is asked at a terminal; nothing, when what was said is enough.
    pub(super) question: Option<&'a str>,
    /// What is wrong when nobody can be asked, and what to say; nothing, when it may go on then.
    pub(super) unless: Option<(&'a str, &'a str)>,
}

impl<'a> ControlSession<'a> {
    pub(super) async fn open(global: &Global, output: &'a Output) -> Result<Self, Fault> {
        let session = Session::open(global, output).await?;
        let now = chrono::Utc::now();
        let now = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        Ok(Self { session, output, by: person::name(), now })
    }

    /// The repository as it is now.
    pub(super) async fn look(&mut self) -> Result<Arc<RepositoryState>, Fault> {
        known::look(&mut self.session, self.output).await
    }

    /// Who, why, now, and until when.
    pub(super) fn note(&self, reason: &str, expires: Option<Moment>) -> Result<Note, Fault> {
        let zone = self.session.config.timezone;
        let file = control::FOLDER.parse().map_err(|_| too_far())?;
        let expires = match expires {
            None => None,
            Some(moment) => Some(moment.resolve(zone, self.now).ok_or_else(too_far)?),
        };
        if let Some(over) = expires.filter(|expires| *expires <= self.now) {
            return Err(Fault::new(Class::Usage, format!("{} is over already", render::wall(over, zone)))
                .with_hint("say --expires with how long, such as 4h or 3d, or with a time to come"));
        }
        Ok(Note { file, by: self.by.clone(), at: self.now, reason: reason.trim().to_owned(), expires })
    }

    /// Writes controls, and tells what came of it.
    pub(super) async fn put(
        &mut self,
        state: &RepositoryState,
        controls: Vec<Control>,
        how: &How<'_>,
    ) -> Result<ExitCode, Fault> {
        let said = controls.clone();
        let order = ControlChange::Put(controls);
        let tried = self.give(&order, true).await?;
        if tried.written.is_empty() {
            return self.tell_said(&said, how);
        }
        if how.going.dry_run {
            return self.tell(state, &tried, how);
        }
        self.be_sure(how, || self.preview(state, &tried))?;
        let ordered = self.give(&order, false).await?;
        if ordered.written.is_empty() {
            return self.tell_said(&said, how);
        }
        self.tell(state, &ordered, how)
    }

    /// Carries out an order, or tries it.
    pub(super) async fn give(
        &mut self,
        order: &ControlChange,
        dry_run: bool,
    ) -> Result<ControlChangeResult, Fault> {
        let _turn = self.session.turn(self.output).await?;
        let what = if dry_run { "Looking" } else { "Writing" };
        activity::during(what, self.session.engine.order(order, &self.by, dry_run)).await
    }

    /// Asks, where it is to be asked. Nobody is asked whose words were enough.
    pub(super) fn be_sure(&self, how: &How<'_>, tried: impl FnOnce() -> String) -> Result<(), Fault> {
        let Some(question) = how.question.filter(|_| !how.going.yes) else { return Ok(()) };
        if let Some((wrong, hint)) = how.unless.filter(|_| !self.output.is_terminal()) {
            return Err(Fault::new(Class::Usage, wrong).with_hint(hint));
        }
        let shown = format!("{}{}", how.shown, tried());
        person::confirm(self.output, false, &shown, question)
    }

    /// What would be told of an order.
    pub(super) fn preview(&self, state: &RepositoryState, tried: &ControlChangeResult) -> String {
        render::text(&self.scene(state, true), tried)
    }

    /// Tells what was written and removed, or would be.
    pub(super) fn tell(
        &self,
        state: &RepositoryState,
        ordered: &ControlChangeResult,
        how: &How<'_>,
    ) -> Result<ExitCode, Fault> {
        let scene = self.scene(state, how.going.dry_run);
        match self.output.format {
            Format::Text => self.output.text(&render::text(&scene, ordered))?,
            Format::Json => self.output.json(how.kind, &render::json(&scene, ordered))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Tells that there was nothing to do, and why.
    pub(super) fn tell_nothing(&self, why: &str, how: &How<'_>) -> Result<ExitCode, Fault> {
        match self.output.format {
            Format::Text => self.output.text(&format!("{why}\n"))?,
            Format::Json => self.output.json(how.kind, &render::nothing(how.going.dry_run, why))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn tell_said(&self, said: &[Control], how: &How<'_>) -> Result<ExitCode, Fault> {
        let files: Vec<String> =
            said.iter().filter_map(control::place).map(|file| file.to_string()).collect();
        self.tell_nothing(&format!("Nothing to do: {} says that already", files.join(", ")), how)
    }

    fn scene<'s>(&'s self, state: &'s RepositoryState, dry_run: bool) -> RenderContext<'s> {
        RenderContext {
            state,
            repository_policy: self.session.engine.repository_policy(),
            zone: self.session.config.timezone,
            now: self.now,
            dry_run,
        }
    }
}

fn too_far() -> Fault {
    Fault::new(Class::Usage, "that is beyond the end of the calendar")
}
