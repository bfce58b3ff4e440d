//! The story: what is pushed to the registry while the daemon runs, and what must come of it.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED};
use crate::engine::Promoted;
use crate::model::{Class, Fault};

use super::events::{Event, Target};
use super::gauge::Gauge;
use super::layout::{Cluster, GRAPHQL, NON_PROD, PAYMENTS, PROD, Service};
use super::registry::Registry;
use super::screen::Screen;
use super::stage::soak_seconds;

/// How long something may take beside the soak, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the gauge is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// The longest that one looks on before a tag is pushed again.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// The story while it is told.
pub(super) struct Story<'a> {
    screen: &'a Screen<'a>,
    registry: &'a Registry,
    events: UnboundedReceiver<Event>,
    soak_seconds: u64,
}

impl<'a> Story<'a> {
    pub(super) fn new(
        screen: &'a Screen<'a>,
        registry: &'a Registry,
        events: UnboundedReceiver<Event>,
        soak_seconds: u64,
    ) -> Self {
        Self { screen, registry, events, soak_seconds }
    }

    /// Tells it from the beginning to the end.
    pub(super) async fn tell(mut self) -> Result<(), Fault> {
        self.screen.heading("tidegate run: a new version is pushed, and nobody does anything else")?;
        self.push(GRAPHQL, "v1.0.180")?;
        self.goes_through(GRAPHQL, "v1.0.180").await?;
        self.screen.heading("The same tag is pushed again with another image while it soaks")?;
        self.push(PAYMENTS, "v2.4.1")?;
        self.is_refused(PAYMENTS, "v2.4.1").await?;
        self.push(PAYMENTS, "v2.4.2")?;
        self.goes_through(PAYMENTS, "v2.4.2").await
    }

    fn push(&self, service: Service, tag: &str) -> Result<(), Fault> {
        self.push_build(service, tag, "release", "is pushed")
    }

    fn push_build(&self, service: Service, tag: &str, build: &str, what: &str) -> Result<(), Fault> {
        let digest = self.registry.push(&service.image(), tag, build);
        let digest = digest.get(..19).unwrap_or_default();
        let told = format!("{}:{BOLD}{tag}{BOLD:#} {what} {DIM}{digest}{DIM:#}", service.image());
        self.screen.moment("registry", CYAN, &told)
    }

    /// A version reaches non-prod, soaks, and reaches prod.
    async fn goes_through(&mut self, service: Service, tag: &str) -> Result<(), Fault> {
        self.lands(service, NON_PROD, tag).await?;
        self.lands(service, PROD, tag).await
    }

    /// A version soaks, its tag is pushed again, and prod refuses it.
    async fn is_refused(&mut self, service: Service, tag: &str) -> Result<(), Fault> {
        self.lands(service, NON_PROD, tag).await?;
        sleep(self.soak(service).div_f64(6.0).min(LONGEST_LOOK)).await;
        self.push_build(service, tag, "again", "is pushed again")?;
        let wanted = target(service, PROD, tag);
        let what = format!("{tag} of {} to be refused", wanted.service);
        let reason = self
            .until(&what, None, |event| match event {
                Event::Refused { target, reason } if *target == wanted => Some(Ok(reason.clone())),
                Event::Promoted(promoted) if is(promoted, &wanted) => Some(Err(too_slow(&wanted))),
                _ => None,
            })
            .await??;
        let refused = RED.bold();
        let told = format!("{refused}REFUSED{refused:#} {} {BOLD}{tag}{BOLD:#}", wanted.service);
        self.screen.moment(PROD.environment, RED, &told)?;
        self.screen.aside(&reason)?;
        self.screen.aside("what soaked is what ships; the next version is free to pass")
    }

    /// Waits for a version to reach an environment, and tells it.
    async fn lands(&mut self, service: Service, cluster: Cluster, tag: &str) -> Result<(), Fault> {
        let wanted = target(service, cluster, tag);
        let what = format!("{tag} of {} to reach {}", wanted.service, wanted.environment);
        let is_last = cluster.environment == PROD.environment;
        let gauge = is_last.then(|| Gauge::new(self.screen, NON_PROD.environment, self.soak(service)));
        let watched = gauge.map(|gauge| (gauge, wanted.clone()));
        let promoted = self
            .until(&what, watched, |event| match event {
                Event::Promoted(promoted) if is(promoted, &wanted) => Some(promoted.clone()),
                _ => None,
            })
            .await?;
        let Promoted { from, to, commit, .. } = promoted;
        let told = format!(
            "{} {from} -> {GREEN}{BOLD}{to}{BOLD:#}{GREEN:#} {DIM}commit {}{DIM:#}",
            wanted.service,
            commit.short()
        );
        self.screen.moment(cluster.environment, GREEN, &told)
    }

    fn soak(&self, service: Service) -> Duration {
        Duration::from_secs(soak_seconds(service, self.soak_seconds))
    }

    /// Waits for an event, and shows the soak of a target meanwhile.
    async fn until<T>(
        &mut self,
        what: &str,
        mut watched: Option<(Gauge, Target)>,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, Fault> {
        let most = PATIENCE + self.soak(PAYMENTS);
        let deadline = Instant::now() + most;
        while Instant::now() < deadline {
            let heard = timeout(FRAME, self.events.recv()).await.ok().flatten();
            if let Some(found) = heard.as_ref().and_then(&wanted) {
                return Ok(found);
            }
            match (heard, &mut watched) {
                (Some(Event::Failed(fault)), _) => return Err(fault),
                (Some(Event::Waits { target, opens_at: Some(ends_at) }), Some((gauge, of)))
                    if target == *of =>
                {
                    gauge.set_end(ends_at);
                }
                (_, Some((gauge, _))) => gauge.show(self.screen, chrono::Utc::now())?,
                _ => {}
            }
        }
        let message = format!("waited {} s for {what}", most.as_secs());
        Err(Fault::new(Class::Failed, message)
            .with_hint("`tidegate -v demo` tells more of what the daemon does"))
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

/// The soak was over before the tag could be pushed again.
fn too_slow(target: &Target) -> Fault {
    let message = format!(
        "{} {} reached {} before its tag was pushed again",
        target.service, target.tag, target.environment
    );
    Fault::new(Class::Failed, message)
        .with_hint("this machine is very busy; give it more time, such as --soak 30")
}
