//! The pushes and commands while the daemon runs, and their expected results.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED};
use crate::engine::Promoted;
use crate::model::{Class, Fault, Printable};

use super::events::{Event, Target};
use super::layout::{Cluster, GRAPHQL, MOBILE, NON_PROD, PAYMENTS, PROD, Service};
use super::screen::Screen;
use super::setup::{Setup, soak_seconds};
use super::soak_progress::SoakProgress;

/// How long something may take beside the soak, on a busy machine.
const MARGIN: Duration = Duration::from_secs(30);

const FRAME_INTERVAL: Duration = Duration::from_millis(100);

/// The longest pause before a tag is pushed again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The person of the manual promotion, and the reason.
const PERSON: &str = "Camila Soto";
const REASON: &str = "logins fail since this morning";

pub(super) struct Scenario<'a> {
    screen: &'a Screen<'a>,
    setup: &'a Setup,
    events: UnboundedReceiver<Event>,
    soak_seconds: u64,
}

impl<'a> Scenario<'a> {
    pub(super) fn new(
        screen: &'a Screen<'a>,
        setup: &'a Setup,
        events: UnboundedReceiver<Event>,
        soak_seconds: u64,
    ) -> Self {
        Self { screen, setup, events, soak_seconds }
    }

    pub(super) async fn play(mut self) -> Result<(), Fault> {
        self.screen.heading("tidegate run: a version is pushed; the daemon does the rest")?;
        self.push(GRAPHQL, "v1.0.180")?;
        self.goes_through(GRAPHQL, "v1.0.180").await?;
        self.screen.heading("The same tag is pushed again with another image while it soaks")?;
        self.push(PAYMENTS, "v2.4.1")?;
        self.is_refused(PAYMENTS, "v2.4.1").await?;
        self.push(PAYMENTS, "v2.4.2")?;
        self.goes_through(PAYMENTS, "v2.4.2").await?;
        self.screen.heading("tidegate promote: a fix cannot wait for its soak of 24 h")?;
        self.push(MOBILE, "v3.1.3")?;
        self.lands(MOBILE, NON_PROD, "v3.1.3").await?;
        self.promote(MOBILE).await
    }

    fn push(&self, service: Service, tag: &str) -> Result<(), Fault> {
        let digest = self.setup.push(service, tag);
        self.pushed(service, tag, &digest, "is pushed")
    }

    fn pushed(&self, service: Service, tag: &str, digest: &str, verb: &str) -> Result<(), Fault> {
        let digest = digest.get(..19).unwrap_or_default();
        let text = format!("{}:{BOLD}{tag}{BOLD:#} {verb} {DIM}{digest}{DIM:#}", service.image());
        self.screen.event("registry", CYAN, &text)
    }

    /// A version reaches non-prod, soaks, and reaches prod.
    async fn goes_through(&mut self, service: Service, tag: &str) -> Result<(), Fault> {
        self.lands(service, NON_PROD, tag).await?;
        self.lands(service, PROD, tag).await
    }

    /// A version soaks, its tag is pushed again, and prod refuses it.
    async fn is_refused(&mut self, service: Service, tag: &str) -> Result<(), Fault> {
        self.lands(service, NON_PROD, tag).await?;
        sleep(self.soak(service).div_f64(6.0).min(LONGEST_PAUSE)).await;
        let digest = self.setup.push_again(service, tag);
        self.pushed(service, tag, &digest, "is pushed again")?;
        let expected = target(service, PROD, tag);
        let what = format!("{tag} of {} to be refused", expected.service);
        let reason = self
            .until(&what, None, |event| match event {
                Event::Refused { target, reason } if *target == expected => Some(Ok(reason.clone())),
                Event::Promoted(promoted) if is(promoted, &expected) => Some(Err(too_slow(&expected))),
                _ => None,
            })
            .await??;
        let refused = RED.bold();
        let text = format!("{refused}REFUSED{refused:#} {} {BOLD}{tag}{BOLD:#}", expected.service);
        self.screen.event(PROD.environment, RED, &text)?;
        self.screen.remark(&reason)?;
        self.screen.remark("what soaked is what ships; the next version may pass")
    }

    /// Waits until a version reaches an environment, and shows that.
    async fn lands(&mut self, service: Service, cluster: Cluster, tag: &str) -> Result<(), Fault> {
        let expected = target(service, cluster, tag);
        let what = format!("{tag} of {} to reach {}", expected.service, expected.environment);
        let is_last = cluster.environment == PROD.environment;
        let progress =
            is_last.then(|| SoakProgress::new(self.screen, NON_PROD.environment, self.soak(service)));
        let watched = progress.map(|progress| (progress, expected.clone()));
        let promoted = self
            .until(&what, watched, |event| match event {
                Event::Promoted(promoted) if is(promoted, &expected) => Some(promoted.clone()),
                _ => None,
            })
            .await?;
        let Promoted { from, to, commit, .. } = promoted;
        let text = format!(
            "{} {from} -> {GREEN}{BOLD}{to}{BOLD:#}{GREEN:#} {DIM}commit {}{DIM:#}",
            expected.service,
            commit.short()
        );
        self.screen.event(cluster.environment, GREEN, &text)
    }

    /// A person promotes a service to prod by command while the daemon runs.
    async fn promote(&self, service: Service) -> Result<(), Fault> {
        let (service, prod) = (service.full_name(), PROD.environment);
        self.screen.command(&format!(
            "tidegate promote {service} --env {prod} --override soak --reason '{REASON}'"
        ))?;
        let config = &self.setup.config_file;
        let failed = |error| Fault::new(Class::Failed, "cannot run `tidegate promote`").with_source(error);
        let program: PathBuf = std::env::current_exe().map_err(failed)?;
        let color = if self.screen.has_colours() { "always" } else { "never" };
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", config.with_file_name("home"))
            .env("GIT_AUTHOR_NAME", PERSON)
            .arg("--config")
            .arg(config)
            .args(["--color", color, "promote", &service, "--env", prod])
            .args(["--override", "soak", "--reason", REASON, "--yes"])
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let output = command.output().await.map_err(failed)?;
        self.screen.quote(&String::from_utf8_lossy(&output.stdout))?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = Printable::bounded(complaint.trim(), 500);
        Err(Fault::new(
            Class::Failed,
            format!("`tidegate promote` ended with {}: {complaint}", output.status),
        ))
    }

    fn soak(&self, service: Service) -> Duration {
        Duration::from_secs(soak_seconds(service, self.soak_seconds))
    }

    /// Waits for an event, and shows the progress of a soak meanwhile.
    async fn until<T>(
        &mut self,
        what: &str,
        mut watched: Option<(SoakProgress, Target)>,
        expected: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, Fault> {
        let most = MARGIN + self.soak(PAYMENTS);
        let deadline = Instant::now() + most;
        while Instant::now() < deadline {
            let event = timeout(FRAME_INTERVAL, self.events.recv()).await.ok().flatten();
            if let Some(found) = event.as_ref().and_then(&expected) {
                return Ok(found);
            }
            match (event, &mut watched) {
                (Some(Event::Failed(fault)), _) => return Err(fault),
                (Some(Event::Waits { target, opens_at: Some(ends_at) }), Some((progress, of)))
                    if target == *of =>
                {
                    progress.set_end(ends_at);
                }
                (_, Some((progress, _))) => progress.show(self.screen, chrono::Utc::now())?,
                _ => {}
            }
        }
        let message = format!("waited {} s for {what}", most.as_secs());
        Err(Fault::new(Class::Failed, message).with_hint("`tidegate -v demo` shows the log of the daemon"))
    }
}

fn target(service: Service, cluster: Cluster, tag: &str) -> Target {
    Target { service: service.full_name(), environment: cluster.environment.to_owned(), tag: tag.to_owned() }
}

fn is(promoted: &Promoted, target: &Target) -> bool {
    promoted.service.to_string() == target.service
        && promoted.environment.as_str() == target.environment
        && promoted.to.as_str() == target.tag
}

/// The soak ended before the tag was pushed again.
fn too_slow(target: &Target) -> Fault {
    let message = format!(
        "{} {} reached {} before its tag was pushed again",
        target.service, target.tag, target.environment
    );
    Fault::new(Class::Failed, message)
        .with_hint("this machine is busy; pass a longer soak, such as --soak 30")
}
