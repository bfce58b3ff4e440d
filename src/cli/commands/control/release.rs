//! What is said no more.

use std::process::ExitCode;

use crate::cli::args::{Global, Release};
use crate::cli::output::Output;
use crate::cli::render::control::kinds;
use crate::engine::{self, ControlChange};
use crate::model::Fault;

use super::desk::{ControlSession, How};

pub(in crate::cli::commands) async fn release(
    global: &Global,
    args: &Release,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let order = order(args);
    let tried = desk.give(&order, true).await?;
    let kinds = kinds(&state, &tried.removed);
    let unless = match tried.removed.len() {
        1 => format!("no service is named, a {} fits, and nobody can be asked", kinds.join("")),
        many => format!("{many} control files fit ({}), and nobody can be asked", kinds.join(", ")),
    };
    // One file that was named is what was meant; what no longer counts is missed by nobody.
    let is_named =
        args.service.is_some() || args.freeze.is_some() || args.version.is_some() || !args.kinds.is_empty();
    let is_clear = args.expired || (is_named && tried.removed.len() == 1);
    let question = if tried.removed.len() == 1 { "Release it?" } else { "Release all of these?" };
    let how = How {
        kind: "Release",
        going: &args.going,
        shown: "",
        question: (!is_clear).then_some(question),
        unless: Some((&unless, "say more of it, as by --kind or --env, or --yes if all of it is meant")),
    };
    if tried.removed.is_empty() {
        return desk.tell_nothing("Nothing to release: every control file still counts", &how);
    }
    if args.going.dry_run {
        return desk.tell(&state, &tried, &how);
    }
    desk.be_sure(&how, || desk.preview(&state, &tried))?;
    let ordered = desk.give(&order, false).await?;
    desk.tell(&state, &ordered, &how)
}

fn order(args: &Release) -> ControlChange {
    if args.expired {
        return ControlChange::Sweep;
    }
    // A freeze and a version are named by themselves; else no service means those files that name none.
    let names_itself = args.freeze.is_some() || args.version.is_some();
    let of_none = (!names_itself).then(|| "**".to_owned());
    ControlChange::Release(engine::Release {
        kinds: args.kinds.clone(),
        service: args.service.clone().or(of_none),
        environments: args.environments.clone(),
        version: args.version.clone(),
        freeze: args.freeze.clone(),
    })
}
