//! `tidegate release`: removes control files.

use std::process::ExitCode;

use crate::cli::args::Release;
use crate::cli::commands::resolve::Typed;
use crate::cli::output::Output;
use crate::cli::render::control::kinds;
use crate::cli::wiring::Session;
use crate::engine::{self, ControlChange, RepositoryState};
use crate::model::Fault;

use super::session::{ControlSession, Prompt};

pub(in crate::cli::commands) async fn release(
    session: &mut Session,
    args: &Release,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.consent, output);
    let state = session.refresh().await?;
    let change = change(args, &state)?;
    let tried = session.apply(&change, true).await?;
    let kinds = kinds(&state, &tried.removed);
    let unattended = match tried.removed.len() {
        1 => format!("this would release the {} that names no service", kinds.join("")),
        many => format!("this would release {many} control files ({})", kinds.join(", ")),
    };
    // One file that was named needs no question, nor do files that no longer count.
    let typed = Typed::from(&args.services);
    let is_named = !typed.is_empty() || args.freeze.is_some() || args.tag.is_some() || !args.kinds.is_empty();
    let is_clear = args.expired || (is_named && tried.removed.len() == 1);
    let question = if tried.removed.len() == 1 { "Release it?" } else { "Release all of these?" };
    let prompt = Prompt {
        kind: "Release",
        consent: &args.consent,
        preface: "",
        question: (!is_clear).then_some(question),
        unattended: Some((&unattended, "narrow it by --kind or --env, or pass --yes")),
    };
    if tried.removed.is_empty() {
        // A mistyped name must not pass for a hold that is gone.
        typed.resolve(&state.services(), false)?;
        let why = match &change {
            ControlChange::Sweep => "Nothing to release: every control file still counts",
            _ => "Nothing to release: no control file matches",
        };
        return session.print_nothing(why, &prompt);
    }
    if args.consent.dry_run {
        return session.print(&state, &tried, &prompt);
    }
    session.confirm(&prompt, || session.preview(&state, &tried))?;
    let released = session.apply(&change, false).await?;
    session.print(&state, &released, &prompt)
}

fn change(args: &Release, state: &RepositoryState) -> Result<ControlChange, Fault> {
    if args.expired {
        return Ok(ControlChange::Sweep);
    }
    // A freeze and a tag are names of their own; otherwise no service means the files that name none.
    let typed = Typed::from(&args.services);
    let services = match typed.is_empty() {
        true if args.freeze.is_some() || args.tag.is_some() => Vec::new(),
        true => vec!["**".to_owned()],
        false => typed.resolve(&state.services(), true)?.iter().map(ToString::to_string).collect(),
    };
    Ok(ControlChange::Release(engine::Release {
        kinds: args.kinds.clone(),
        services,
        environments: args.environments.clone(),
        version: args.tag.clone(),
        freeze: args.freeze.clone(),
    }))
}
