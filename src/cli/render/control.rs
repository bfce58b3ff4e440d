//! Control files for people and programs: what was written, and what was removed.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono_tz::Tz;

use crate::cli::output::{CYAN, DIM, GREEN, YELLOW};
use crate::control;
use crate::engine::{ControlChangeResult, RepositoryPolicy, RepositoryState, Target};
use crate::model::{Printable, RepoPath, ServiceName, ServicePattern, Timestamp};
use crate::policy::{Candidate, Control, Quarantine};

use crate::view::control::{self as sentence, kind, release};
use crate::view::time;

use super::{COLOURED, diff};

/// The most services that are listed.
const MOST_LISTED: usize = 6;

/// The state before a change of control files.
pub(crate) struct RenderContext<'a> {
    /// The repository before the change.
    pub(crate) state: &'a RepositoryState,
    pub(crate) repository_policy: &'a RepositoryPolicy,
    pub(crate) zone: Tz,
    pub(crate) now: Timestamp,
    /// Whether it was only tried.
    pub(crate) dry_run: bool,
}

/// The kinds of the control files at these places, each once.
pub(crate) fn kinds(state: &RepositoryState, files: &[RepoPath]) -> Vec<&'static str> {
    let kinds: BTreeSet<&str> = files.iter().filter_map(|file| state.control_at(file)).map(kind).collect();
    kinds.into_iter().collect()
}

/// The written and removed files, or those of a dry run.
pub(crate) fn text(context: &RenderContext<'_>, change: &ControlChangeResult) -> String {
    let mut text = String::new();
    let commit = change.commit.map(|commit| format!("  {DIM}{}{DIM:#}", commit.short())).unwrap_or_default();
    for (file, content) in &change.written {
        written(&mut text, context, file, content, &commit);
    }
    for file in &change.removed {
        removed(&mut text, context, file, &commit);
    }
    text
}

fn written(text: &mut String, context: &RenderContext<'_>, file: &RepoPath, yaml: &str, commit: &str) {
    let control = control::read(file, yaml.as_bytes());
    let (verb, sentence) =
        (sentence::verb(&control), sentence::of(&control, context.zone, context.now, COLOURED));
    let would = if context.dry_run { "would be " } else { "" };
    let _ = writeln!(text, "{GREEN}{would}{verb}{GREEN:#}  {sentence}{commit}");
    if let Some(note) = control.note() {
        let _ = writeln!(text, "  because   {}", Printable::bounded(&note.reason, 300));
    }
    covered(text, context, &control);
    if let Some(before) = context.state.control_at(file) {
        replaced(text, before);
    }
    if context.dry_run {
        text.push_str(&diff::added(file, yaml));
        return;
    }
    let _ = writeln!(text, "  file      {DIM}{file}{DIM:#}");
    if let Some(release) = release(&control) {
        let _ = writeln!(text, "  undo      {DIM}{release}{DIM:#}");
    }
}

fn removed(text: &mut String, context: &RenderContext<'_>, file: &RepoPath, commit: &str) {
    let would = if context.dry_run { "would be " } else { "" };
    let control = context.state.control_at(file);
    let file = Printable::new(file.as_str());
    let Some(control) = control else {
        let _ = writeln!(text, "{GREEN}{would}removed{GREEN:#}  {file}{commit}");
        return;
    };
    let (kind, sentence) = (kind(control), sentence::of(control, context.zone, context.now, COLOURED));
    let _ = writeln!(text, "{GREEN}{would}released{GREEN:#}  {YELLOW}{kind}{YELLOW:#} of {sentence}{commit}");
    if let Some(note) = control.note() {
        let (by, reason) = (Printable::bounded(&note.by, 60), Printable::bounded(&note.reason, 300));
        let _ = writeln!(text, "  was       by {by}, {} ago: {reason}", time::age(note.at, context.now));
    }
    let _ = writeln!(text, "  file      {DIM}{file}{DIM:#}");
}

fn replaced(text: &mut String, before: &Control) {
    let _ = match before.note() {
        Some(note) => {
            let (by, reason) = (Printable::bounded(&note.by, 60), Printable::bounded(&note.reason, 200));
            writeln!(text, "  replaces  the one by {by}: {reason}")
        }
        None => writeln!(text, "  replaces  {YELLOW}a file that could not be read{YELLOW:#}"),
    };
}

/// The services that it covers now, where the sentence does not name them all.
fn covered(text: &mut String, context: &RenderContext<'_>, control: &Control) {
    let environment_of =
        |target: &Target| &context.repository_policy.environments[target.environment].policy.name;
    let targets = || context.state.deployed.targets.iter();
    let listed: Vec<&Target> = match control {
        Control::Hold(hold) => {
            targets().filter(|target| hold.covers.covers(target.service(), environment_of(target))).collect()
        }
        Control::Pin(pin) => {
            let stays =
                targets().filter(|target| pin.covers.covers(target.service(), environment_of(target)));
            for target in
                stays.filter(|target| !target.running.iter().all(|one| pin.versions.admits(&one.version)))
            {
                stay(
                    text,
                    target,
                    environment_of(target).as_str(),
                    "which is outside the pin, and stays there",
                );
            }
            return;
        }
        Control::Quarantine(quarantine) => {
            for target in targets().filter(|target| runs_it(quarantine, target)) {
                stay(
                    text,
                    target,
                    environment_of(target).as_str(),
                    "and stays there until `tidegate rollback`",
                );
            }
            return;
        }
        Control::Freeze(order) => targets()
            .filter(|target| {
                let is_service =
                    order.services.as_ref().is_none_or(|services| services.matches(target.service()));
                is_service && order.freeze.covers(environment_of(target))
            })
            .collect(),
        Control::Approval(_) | Control::Unreadable(_) => return,
    };
    let services: BTreeSet<&ServiceName> = listed.into_iter().map(Target::service).collect();
    if services.len() != 1 || !matches!(control, Control::Hold(hold) if is_one(hold.covers.services.as_ref()))
    {
        let names: Vec<String> = services.iter().take(MOST_LISTED).map(ToString::to_string).collect();
        let more = services.len().saturating_sub(MOST_LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = if names.is_empty() { "no service".to_owned() } else { names.join(", ") };
        let _ = writeln!(text, "  covers    {names}{more}");
    }
}

fn is_one(services: Option<&ServicePattern>) -> bool {
    services.is_some_and(|services| services.exact().is_some())
}

fn runs_it(quarantine: &Quarantine, target: &Target) -> bool {
    let is_bad = |running: &Candidate| quarantine.covers(running);
    quarantine.services.matches(target.service()) && target.running.iter().any(is_bad)
}

fn stay(text: &mut String, target: &Target, environment: &str, what: &str) {
    let tags: Vec<&str> = target.running.iter().map(|running| running.tag.as_str()).collect();
    let _ = writeln!(
        text,
        "  {YELLOW}note{YELLOW:#}      {} in {CYAN}{environment}{CYAN:#} runs {}, {what}",
        target.service(),
        tags.join("+")
    );
}
