//! `tidegate run`: the daemon, controlled by signals.

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::args::Global;
use crate::cli::daemon::Daemon;
use crate::cli::notifications::Notifier;
use crate::cli::output::Output;
use crate::cli::signals::{SignalRequest, Signals, end_slow_git};
use crate::cli::wiring::{DataFolder, Session, load};
use crate::config::Config;
use crate::model::Fault;

use super::pass_logger::PassLogger;

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let session = open(load(global, output)?).await?;
    let mark = match DataFolder::mark_daemon(session.folder())? {
        Ok(mark) => Some(mark),
        Err(process) => {
            tracing::warn!(
                data_folder = %session.folder().display(),
                process,
                "another tidegate run works in this data folder; they take turns, and only that one sends notifications"
            );
            None
        }
    };
    let mut daemon = Daemon::new(session);
    let mut pass_logger = PassLogger::new(daemon.session().config.heartbeat);
    log_session(daemon.session(), "started");
    notify(&mut daemon, mark.is_some()).await?;
    loop {
        match daemon
            .work_until(
                signals.next(),
                |request| matches!(request, SignalRequest::Stop(_)),
                &mut pass_logger,
                output,
            )
            .await
        {
            SignalRequest::Stop(signal) => {
                tracing::info!(signal, "stopped");
                return Ok(ExitCode::SUCCESS);
            }
            SignalRequest::Reload => {
                reload(global, output, &mut daemon, mark.is_some()).await;
                pass_logger.set_heartbeat(daemon.session().config.heartbeat);
            }
        }
    }
}

/// Sends notifications, if this daemon is the one that does.
async fn notify(daemon: &mut Daemon, is_marked: bool) -> Result<(), Fault> {
    let notifier = if is_marked { Notifier::start(daemon.session()).await? } else { None };
    daemon.set_notifier(notifier);
    Ok(())
}

async fn open(config: Arc<Config>) -> Result<Session, Fault> {
    let session = Session::of(config).await?;
    end_slow_git(session.stop.clone())?;
    Ok(session)
}

fn log_session(session: &Session, event: &str) {
    let config = &session.config;
    let environments: Vec<&str> =
        config.environments().iter().map(|environment| environment.name.as_str()).collect();
    tracing::info!(
        repository = %config.git.remote,
        branch = %config.git.branch,
        environments = %environments.join(" "),
        data_folder = %session.folder().display(),
        version = env!("CARGO_PKG_VERSION"),
        "{event}"
    );
}

/// Reloads the configuration. A wrong one changes nothing.
async fn reload(global: &Global, output: &Output, daemon: &mut Daemon, is_marked: bool) {
    let reloaded = match load(global, output) {
        Ok(config) => open(config).await,
        Err(fault) => Err(fault),
    };
    match reloaded {
        Ok(session) => {
            log_session(&session, "configuration reloaded");
            daemon.replace(session);
            if let Err(fault) = notify(daemon, is_marked).await {
                tracing::error!(error = %fault.in_one_line(), hint = fault.hint(), "cannot send notifications");
            }
        }
        Err(fault) => tracing::error!(
            error = %fault.in_one_line(),
            "the new configuration is wrong; keeping the old one"
        ),
    }
}
