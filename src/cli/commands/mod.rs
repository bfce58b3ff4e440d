//! One file a command.

mod activity;
mod audit;
mod backup;
mod changelog;
mod check;
mod completions;
mod control;
mod demo;
mod diagnose;
mod doctor;
mod explain;
mod folder;
mod history;
mod init;
mod man_pages;
mod moves;
mod notify;
mod pass_logger;
mod passes;
mod plan;
mod promote;
mod record;
mod remote;
mod resolve;
mod rollback;
mod run;
mod simulate;
mod status;
mod token;
mod version;

use std::process::ExitCode;

use crate::engine::{PassReport, Problem, RepositoryPolicy};
use crate::model::{Class, Fault};
use crate::view::Counts;

use super::args::{Cli, Command, Global};
use super::output::Output;
use super::wiring::Session;

pub(super) async fn run(cli: Cli, output: &Output) -> Result<ExitCode, Fault> {
    let global = &cli.global;
    if let Some(address) = global.server.as_deref().filter(|_| remote::is_served(&cli.command)) {
        return Box::pin(remote::run(address, &cli, output)).await;
    }
    match &cli.command {
        Command::Init(args) => init::run(global, args, output).await,
        Command::Plan(args) => plan::plan(global, args, output).await,
        Command::Sync(args) => plan::sync(global, args, output).await,
        Command::Run => run::run(global, output).await,
        Command::Status(args) if args.watch => Box::pin(status::watch::watch(global, args, output)).await,
        Command::Explain(args) if args.wait => explain::wait(global, args, output).await,
        Command::Simulate(args) => Box::pin(simulate::run(global, args, output)).await,
        Command::Record(args) => Box::pin(record::run(global, args, output)).await,
        Command::Check(args) => check::run(global, args, output).await,
        Command::Diagnose(args) => Box::pin(diagnose::run(global, args, output)).await,
        Command::Doctor => doctor::run(global, output).await,
        Command::Notify { command } => notify::run(global, command, output).await,
        Command::Backup(args) => backup::backup(global, args, output).await,
        Command::Restore(args) => backup::restore(global, args, output).await,
        Command::Token { command } => token::run(global, command, output).await,
        Command::Audit(args) => audit::run(global, args, output).await,
        Command::Demo(args) => demo::run(args, output).await,
        Command::Completions { shell } => completions::run(*shell),
        Command::Version => version::run(output),
        Command::ManPages { folder } => man_pages::run(folder),
        command => {
            let mut session = Session::open(global, output).await?;
            Box::pin(run_in(&mut session, global, command, output)).await
        }
    }
}

/// Runs a command that needs nothing but a session: at a terminal, or in the daemon for somebody who asks its server.
pub(super) async fn run_in(
    session: &mut Session,
    global: &Global,
    command: &Command,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let is_verbose = global.verbose > 0;
    match command {
        Command::Promote(args) => promote::run(session, args, is_verbose, output).await,
        Command::Rollback(args) => rollback::run(session, args, is_verbose, output).await,
        Command::Hold(args) => control::hold(session, args, output).await,
        Command::Pin(args) => control::pin(session, args, output).await,
        Command::Quarantine(args) => control::quarantine(session, args, output).await,
        Command::Approve(args) => control::approve(session, args, output).await,
        Command::Freeze(args) => control::freeze(session, args, output).await,
        Command::Release(args) => control::release(session, args, output).await,
        Command::Status(args) if !args.watch => status::run(session, args, output).await,
        Command::Explain(args) if !args.wait => explain::run(session, args, output).await,
        Command::History(args) => history::run(session, args, output).await,
        Command::Changelog(args) => changelog::run(session, args, output).await,
        _ => Err(Fault::new(Class::Usage, "this command is run where its configuration is")),
    }
}

/// The exit code of a pass that went through: 0, or that of the worst thing that it could not do. A refused target is as bad
/// as a refused file.
fn exit_code_of_pass(policy: &RepositoryPolicy, report: &PassReport) -> ExitCode {
    let is_refused = Counts::of(policy, report).refused > 0;
    worst_exit_code(&report.problems, is_refused.then_some(Class::Refused))
}

/// The exit code of the worst problem; 0 without one.
fn exit_code(problems: &[Problem]) -> ExitCode {
    worst_exit_code(problems, None)
}

fn worst_exit_code(problems: &[Problem], more: Option<Class>) -> ExitCode {
    let errors = problems.iter().filter(|problem| problem.is_error).map(|problem| problem.class);
    Class::worst(errors.chain(more)).map_or(ExitCode::SUCCESS, |class| ExitCode::from(class.exit_code()))
}
