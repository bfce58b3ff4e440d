//! The daemon's loop: a pass at once, and then whenever the schedule says or a gate opens. Knows neither signals nor
//! what is told of a pass, so that `run` and `demo` are the same daemon.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::{PassOptions, PassReport, RepositoryPolicy};
use crate::model::{Fault, Timestamp};

use super::notifications::Notifier;
use super::output::Output;
use super::wiring::Session;

/// How long a pass may go on after a signal to stop.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// Hears of every pass, right after it.
pub(crate) trait Listener {
    /// A pass went through.
    fn passed(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport);

    /// A pass did not go through. The next one tries again.
    fn failed(&mut self, fault: Fault);
}

/// A session at work.
pub(crate) struct Daemon {
    session: Session,
    notifier: Option<Notifier>,
    is_due: bool,
    opening: Option<Timestamp>,
}

impl Daemon {
    /// A daemon whose first pass is due.
    pub(crate) fn new(session: Session) -> Self {
        Self { session, notifier: None, is_due: true, opening: None }
    }

    /// What it works with.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Tells channels what happens from now on, or nobody.
    pub(crate) fn set_notifier(&mut self, notifier: Option<Notifier>) {
        self.notifier = notifier;
    }

    /// Goes on with another session, beginning with a pass.
    pub(crate) fn replace(&mut self, session: Session) {
        self.session = session;
        self.is_due = true;
    }

    /// Works until `call` is ready, and returns its result. A pass is finished first; if the call `ends` the daemon, only if
    /// the pass is about to write.
    pub(crate) async fn work_until<C>(
        &mut self,
        call: impl Future<Output = C>,
        ends: impl Fn(&C) -> bool,
        listener: &mut impl Listener,
        output: &Output,
    ) -> C {
        let mut call = pin!(call);
        loop {
            if self.is_due {
                match self.pass_or_call(call.as_mut(), &ends, listener, output).await {
                    Ok(opening) => self.opening = opening,
                    Err(called) => return called,
                }
                self.is_due = false;
            }
            match self.wait(call.as_mut()).await {
                Some(called) => return called,
                None => self.is_due = true,
            }
        }
    }

    /// One pass, unless the call comes first.
    async fn pass_or_call<C>(
        &mut self,
        call: Pin<&mut impl Future<Output = C>>,
        ends: impl Fn(&C) -> bool,
        listener: &mut impl Listener,
        output: &Output,
    ) -> Result<Option<Timestamp>, C> {
        let (writing, stop) = (self.session.engine.is_writing(), self.session.stop.clone());
        let mut pass = pin!(self.pass(listener, output));
        let called = tokio::select! {
            opening = &mut pass => return Ok(opening),
            called = call => called,
        };
        let is_done = tokio::time::timeout(LAST_MOMENTS, &mut pass).await.is_ok();
        if !is_done && (!ends(&called) || writing.load(Ordering::Relaxed)) {
            pass.await;
        } else if !is_done {
            stop.ask();
        }
        Err(called)
    }

    /// One pass. Tells when the next gate opens.
    async fn pass(&mut self, listener: &mut impl Listener, output: &Output) -> Option<Timestamp> {
        match self.session.over_new_folders().await {
            Ok(Some(session)) => self.session = session,
            Ok(None) => {}
            Err(fault) => {
                self.failed(fault, listener).await;
                return None;
            }
        }
        let outcome = match self.session.lock(output).await {
            Ok(_lock) => self.session.pass(&PassOptions::schedule()).await,
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(report) => {
                listener.passed(self.session.engine.repository_policy(), &report);
                if let Some(notifier) = &mut self.notifier {
                    notifier.passed(&mut self.session, &report).await;
                }
                let due = self.session.due_releases(&report).await;
                if let Some(releases) = self.session.releases.clone().filter(|_| !due.is_empty()) {
                    // The next pass does not wait for it.
                    tokio::spawn(async move { releases.publish(due).await });
                }
                report.next_opening
            }
            Err(fault) => {
                self.failed(fault, listener).await;
                None
            }
        }
    }

    async fn failed(&mut self, fault: Fault, listener: &mut impl Listener) {
        if let Some(notifier) = &mut self.notifier {
            notifier.failed(&fault).await;
        }
        listener.failed(fault);
    }

    /// Waits for the schedule, for a gate to open or a late answer (nothing), or for the call.
    async fn wait<C>(&mut self, call: Pin<&mut impl Future<Output = C>>) -> Option<C> {
        let now = chrono::Utc::now();
        let tick = self.session.config.schedule.value.next_after(now);
        let report = self.notifier.as_ref().and_then(|notifier| notifier.next_report(now));
        let Some(wake) = [tick, self.opening, report].into_iter().flatten().min() else {
            tracing::warn!(
                "the schedule has no time to come, and no gate is known to open; waiting for a signal"
            );
            return Some(call.await);
        };
        // A millisecond more, so that the time has come by the wall clock too.
        let pause = (wake - now).to_std().unwrap_or_default() + Duration::from_millis(1);
        tokio::select! {
            biased;
            called = call => Some(called),
            () = tokio::time::sleep(pause) => None,
            () = self.session.engine.late_answer() => None,
        }
    }
}
