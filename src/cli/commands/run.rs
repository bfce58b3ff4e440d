//! `tidegate run`: the daemon, controlled by signals, with its HTTP server beside it.

mod credentials;
mod deployed;
mod http;
mod monitor;
mod served;
mod systemd;

use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;

use crate::cli::args::Global;
use crate::cli::daemon::Daemon;
use crate::cli::output::Output;
use crate::cli::signals::{SignalRequest, Signals, end_slow_git};
use crate::cli::wiring::{Session, StoredTokens, load};
use crate::config::{Access, Config};
use crate::metrics::Metrics;
use crate::model::Fault;
use crate::server::{Commands, Health, Snapshots, Triggers, WaitingCommand};

use credentials::CredentialWatch;
use http::HttpServer;
use monitor::{Monitor, Shared};
use systemd::Systemd;

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let session = open(load(global, output)?, &metrics).await?;
    let health = Arc::new(Health::new(Utc::now));
    // Another run has other snapshots.
    let run = uuid::Uuid::now_v7().simple().to_string();
    let snapshots = Arc::new(Snapshots::new(&run[..12]));
    let tokens = Arc::new(StoredTokens::new(Arc::clone(&session.store)));
    let (triggers, commands) = (Arc::new(Triggers::default()), Arc::new(Commands::new()));
    let shared = Shared { metrics, health, triggers, snapshots, commands, tokens };
    let mut server = HttpServer::default();
    server.apply(&session.config, &shared).await?;
    let systemd = Systemd::from_environment();
    systemd.ready();
    systemd.watch(Arc::clone(&shared.health));
    let mut _credentials = CredentialWatch::start(&session.config, &shared.metrics);
    let mut monitor = Monitor::new(&session.config, shared.clone(), systemd.clone());
    let mut daemon = Daemon::new(session).triggered_by(Arc::clone(&shared.triggers));
    daemon.set_snapshots(shown(&daemon.session().config, &shared));
    log_session(daemon.session(), "started");
    daemon.notify().await?;
    loop {
        match daemon
            .work_until(
                next(&mut signals, &shared),
                |call| matches!(call, Call::Signal(SignalRequest::Stop(_))),
                &mut monitor,
                output,
            )
            .await
        {
            Call::Signal(SignalRequest::Stop(signal)) => {
                systemd.stopping();
                server.stop().await;
                tracing::info!(signal, "stopped");
                return Ok(ExitCode::SUCCESS);
            }
            Call::Signal(SignalRequest::Reload) if reload(global, output, &mut daemon).await => {
                shared.tokens.set_store(Arc::clone(&daemon.session().store));
                let config = &daemon.session().config;
                let shown = shown(config, &shared);
                monitor.set_config(config);
                _credentials = CredentialWatch::start(config, &shared.metrics);
                if let Err(fault) = server.apply(config, &shared).await {
                    tracing::error!(
                        error = %fault.in_one_line(), hint = fault.hint(),
                        "the HTTP server is stopped until the configuration is reloaded"
                    );
                }
                daemon.set_snapshots(shown);
            }
            Call::Signal(SignalRequest::Reload) => {}
            Call::Command(command) => {
                if Box::pin(served::answer(daemon.session_mut(), *command)).await {
                    daemon.look_again();
                }
            }
        }
    }
}

/// What interrupts the passes.
enum Call {
    Signal(SignalRequest),
    Command(Box<WaitingCommand>),
}

async fn next(signals: &mut Signals, shared: &Shared) -> Call {
    tokio::select! {
        biased;
        signal = signals.next() => Call::Signal(signal),
        command = shared.commands.next() => Call::Command(Box::new(command)),
    }
}

/// Where passes are shown, if anybody may read them.
fn shown(config: &Config, shared: &Shared) -> Option<Arc<Snapshots>> {
    let is_shown = config.server.as_ref().is_some_and(|server| server.access != Access::None);
    is_shown.then(|| Arc::clone(&shared.snapshots))
}

async fn open(config: Arc<Config>, metrics: &Arc<Metrics>) -> Result<Session, Fault> {
    let session = Session::measured(config, Arc::clone(metrics)).await?;
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

/// Reloads the configuration. A wrong one changes nothing. Returns whether there is a new one.
async fn reload(global: &Global, output: &Output, daemon: &mut Daemon) -> bool {
    let metrics = Arc::clone(&daemon.session().metrics);
    let reloaded = match load(global, output) {
        Ok(config) => open(config, &metrics).await,
        Err(fault) => Err(fault),
    };
    match reloaded {
        Ok(session) => {
            log_session(&session, "configuration reloaded");
            daemon.replace(session);
            if let Err(fault) = daemon.notify().await {
                tracing::error!(error = %fault.in_one_line(), hint = fault.hint(), "cannot send notifications");
            }
            true
        }
        Err(fault) => {
            tracing::error!(
                error = %fault.in_one_line(),
                "the new configuration is wrong; keeping the old one"
            );
            false
        }
    }
}
