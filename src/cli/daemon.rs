//! The daemon's loop: one pass at the start, then one at each scheduled time, gate opening or webhook. It knows neither
//! signals nor output, so `run` and `demo` share it.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::engine::{HistoryQuery, PassMode, PassOptions, PassReport, RepositoryPolicy, RepositoryState};
use crate::metrics::PassScope;
use crate::model::{Class, CommitId, Fault, ImageName, Timestamp};
use crate::server::{Due, HistoryQuestion, Snapshots, Triggers};
use crate::view::{self, PassView};

use super::deployments::DeploymentCounter;
use super::notifications::NotificationDuty;
use super::output::Output;
use super::wiring::Session;

/// Grace period of a running pass after a stop signal.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// The shortest time between two passes that changes in clusters lead to. The first comes at once.
const CLUSTER_PAUSE: Duration = Duration::from_secs(10);

/// Called after every pass.
pub(crate) trait Listener {
    /// A pass over everything succeeded.
    fn passed(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport);

    /// A pass over some images succeeded. Its report on other images means nothing.
    fn images_passed(&mut self, _repository_policy: &RepositoryPolicy, _report: &PassReport) {}

    /// The branch, as it is after each pass, with what that promoted.
    fn refreshed(&mut self, _repository_policy: &RepositoryPolicy, _state: &RepositoryState) {}

    /// A pass failed. The next one tries again.
    fn failed(&mut self, fault: Fault);

    /// A pass ended. Called before its report is used.
    fn ended(&mut self, _scope: PassScope, _failure: Option<Class>, _took: Duration) {}
}

/// A session that runs passes.
pub(crate) struct Daemon {
    session: Session,
    notifications: Option<NotificationDuty>,
    due: Option<Work>,
    opening: Option<Timestamp>,
    /// The head of the branch after the last pass.
    head: Option<CommitId>,
    triggers: Option<Arc<Triggers>>,
    /// Where passes are shown, and where questions about history come from.
    snapshots: Option<Arc<Snapshots>>,
    /// What is shown.
    shown: Option<Arc<PassReport>>,
    /// Whether only a pass over everything can tell what to show.
    is_stale: bool,
    deployments: DeploymentCounter,
    /// When a change in a cluster last led to a pass.
    looked_at: Option<Instant>,
}

/// The scope of a pass.
enum Work {
    All,
    Images(BTreeSet<ImageName>),
}

/// Why the daemon woke up.
enum Wake<C> {
    Called(C),
    Due,
    Triggered(Due),
    ClusterChanged,
    Asked(HistoryQuestion),
}

impl Daemon {
    /// A daemon whose first pass is due.
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            notifications: None,
            due: Some(Work::All),
            opening: None,
            head: None,
            triggers: None,
            snapshots: None,
            shown: None,
            is_stale: false,
            deployments: DeploymentCounter::default(),
            looked_at: None,
        }
    }

    /// The same, woken by triggers too.
    pub(crate) fn triggered_by(self, triggers: Arc<Triggers>) -> Self {
        Self { triggers: Some(triggers), ..self }
    }

    /// Shows passes there from now on, or nowhere.
    pub(crate) fn set_snapshots(&mut self, snapshots: Option<Arc<Snapshots>>) {
        self.snapshots = snapshots;
    }

    /// What it works with.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// What it works with, for a command between two passes.
    pub(crate) fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Has a pass over everything come next.
    pub(crate) fn look_again(&mut self) {
        self.due = Some(Work::All);
    }

    /// Sends notifications from now on as the session's configuration says, unless another daemon does.
    pub(crate) async fn notify(&mut self) -> Result<(), Fault> {
        self.notifications.get_or_insert_default().begin(&self.session).await
    }

    /// Goes on with another session, beginning with a pass.
    pub(crate) fn replace(&mut self, session: Session) {
        self.session = session;
        self.shown = None;
        self.due = Some(Work::All);
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
            if let Some(work) = &self.due {
                let options = match work {
                    Work::All => PassOptions::schedule(),
                    Work::Images(images) => PassOptions::images(images.clone()),
                };
                let is_all = matches!(work, Work::All);
                match self.pass_or_call(&options, call.as_mut(), &ends, listener, output).await {
                    Ok(opening) if is_all => self.opening = opening,
                    Ok(opening) => self.opening = self.opening.into_iter().chain(opening).min(),
                    Err(called) => return called,
                }
                self.due = std::mem::take(&mut self.is_stale).then_some(Work::All);
                continue;
            }
            match self.wait(call.as_mut()).await {
                Wake::Called(called) => return called,
                Wake::Due => self.due = Some(Work::All),
                Wake::ClusterChanged => {
                    self.looked_at = Some(Instant::now());
                    self.due = Some(Work::All);
                }
                Wake::Triggered(due) => self.due = self.work_of(due).await,
                Wake::Asked(question) => self.answer(question).await,
            }
        }
    }

    /// One pass, unless the call comes first.
    async fn pass_or_call<C>(
        &mut self,
        options: &PassOptions,
        call: Pin<&mut impl Future<Output = C>>,
        ends: impl Fn(&C) -> bool,
        listener: &mut impl Listener,
        output: &Output,
    ) -> Result<Option<Timestamp>, C> {
        let (writing, stop) = (self.session.engine.is_writing(), self.session.stop.clone());
        let mut pass = pin!(self.pass(options, listener, output));
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

    /// Runs one pass. Returns when the next gate opens.
    async fn pass(
        &mut self,
        options: &PassOptions,
        listener: &mut impl Listener,
        output: &Output,
    ) -> Option<Timestamp> {
        let began = Instant::now();
        let is_all = matches!(options.mode, PassMode::Scheduled);
        let scope = if is_all { PassScope::All } else { PassScope::Images };
        let outcome = self.try_pass(options, output).await;
        listener.ended(scope, outcome.as_ref().err().map(Fault::class), began.elapsed());
        if let Some((limit, remaining)) = self.session.forge.as_ref().and_then(|forge| forge.hourly_limit()) {
            self.session.metrics.forge.set_limit("pullRequests", limit, remaining);
        }
        let report = match outcome {
            Ok(report) => report,
            Err(fault) => {
                self.failed(fault, listener).await;
                return None;
            }
        };
        let policy = self.session.engine.repository_policy();
        if is_all {
            listener.passed(policy, &report);
        } else {
            listener.images_passed(policy, &report);
        }
        self.head = Some(report.head());
        let state = self.session.state_after(&report).await;
        listener.refreshed(self.session.engine.repository_policy(), &state);
        if let Some(notifications) = &mut self.notifications {
            notifications.passed(&mut self.session, &report, &state).await;
        }
        self.deployments.count(&self.session, &report, &state).await;
        let due = self.session.due_releases(&state).await;
        if let Some(releases) = self.session.releases.clone().filter(|_| !due.is_empty()) {
            // The next pass does not wait for it.
            tokio::spawn(async move { releases.publish(due).await });
        }
        let next_opening = report.next_opening;
        self.show(report, is_all).await;
        next_opening
    }

    /// Shows what a pass found, if there is anybody to show it to: of a pass over some images, beside what is shown of the others.
    /// What it promoted is looked at once more, so that nobody is shown as coming what has come.
    async fn show(&mut self, report: PassReport, is_all: bool) {
        if self.snapshots.is_none() {
            return;
        }
        let promoted: BTreeSet<ImageName> =
            report.promoted.iter().map(|promoted| promoted.image.clone()).collect();
        let found = if is_all {
            report
        } else {
            let Some(shown) = &self.shown else { return };
            let Some(found) = report.completed_by(shown) else {
                // People changed the branch: only a pass over everything tells what that means for the others.
                self.is_stale = true;
                return;
            };
            found
        };
        if promoted.is_empty() {
            return self.publish(found).await;
        }
        let look = PassOptions { dry_run: true, recovers: false, ..PassOptions::images(promoted) };
        let looked = self.session.engine.pass(&look).await.map(|report| report.completed_by(&found));
        let newest = match looked {
            Ok(Some(newest)) => newest,
            Ok(None) => {
                self.is_stale = true;
                found
            }
            Err(fault) => {
                tracing::debug!(error = %fault.in_one_line(), "cannot look at what was promoted; the next pass does");
                found
            }
        };
        self.publish(newest).await;
    }

    async fn publish(&mut self, report: PassReport) {
        let Some(snapshots) = self.snapshots.clone() else { return };
        let (engine, state) = (&self.session.engine, &report.evaluation.state);
        // Without them, the board does not say since when what runs.
        if let Err(fault) = engine.read_histories(state, state.deployed.targets.ids()).await {
            tracing::warn!(error = %fault.in_one_line(), "cannot read since when versions run");
        }
        let report = Arc::new(report);
        snapshots.publish(PassView::new(Arc::clone(engine.repository_policy()), Arc::clone(&report)));
        self.shown = Some(report);
    }

    /// Answers a question about history by what the last pass saw.
    async fn answer(&mut self, question: HistoryQuestion) {
        let Some(shown) = self.shown.clone().filter(|_| !question.is_over()) else { return };
        let request = &question.request;
        let query = HistoryQuery {
            services: request.services.clone(),
            environments: request.environments.clone(),
            since: request.since,
            until: request.until,
            most: request.most,
        };
        let moves = self.session.engine.history_at(&shown.evaluation.state, &query).await;
        question.answer(moves.map(|moves| view::history(&moves)));
    }

    async fn failed(&mut self, fault: Fault, listener: &mut impl Listener) {
        if let Some(notifications) = &mut self.notifications {
            notifications.failed(&fault).await;
        }
        listener.failed(fault);
    }

    async fn try_pass(&mut self, options: &PassOptions, output: &Output) -> Result<PassReport, Fault> {
        if let Some(session) = self.session.over_new_folders().await? {
            self.session = session;
        }
        if let Some(notifications) = &mut self.notifications {
            notifications.take_over(&self.session).await;
        }
        let _lock = self.session.lock(output).await?;
        self.session.pass(options).await
    }

    /// The pass that a trigger makes due. A push by Tidegate itself triggers none.
    async fn work_of(&mut self, due: Due) -> Option<Work> {
        if due.everything || (due.branch && self.has_moved().await) {
            return Some(Work::All);
        }
        (!due.images.is_empty()).then_some(Work::Images(due.images))
    }

    /// Whether the head of the branch is another one than the last pass left. An error shows in the next pass.
    async fn has_moved(&mut self) -> bool {
        match self.session.engine.refresh().await {
            Ok(state) => Some(state.commit()) != self.head,
            Err(_) => true,
        }
    }

    /// Waits for the schedule, a gate to open, a late answer, a trigger, or the call.
    async fn wait<C>(&mut self, call: Pin<&mut impl Future<Output = C>>) -> Wake<C> {
        let now = chrono::Utc::now();
        let tick = self.session.config.schedule.value.next_after(now);
        let report = self.notifications.as_ref().and_then(|notifications| notifications.next_report(now));
        let wake = [tick, self.opening, report].into_iter().flatten().min();
        if wake.is_none() {
            tracing::warn!(
                "the schedule has no time to come, and no gate is known to open; waiting for a signal or a webhook"
            );
        }
        let time = async {
            match wake {
                // A millisecond more, so that the time has come by the wall clock too.
                Some(wake) => {
                    let pause = (wake - now).to_std().unwrap_or_default() + Duration::from_millis(1);
                    tokio::time::sleep(pause).await;
                }
                None => pending().await,
            }
        };
        let late_answer = async {
            if !self.session.engine.late_answer().await {
                pending::<()>().await;
            }
        };
        let clusters = Arc::clone(&self.session.clusters);
        let pause = self.looked_at.map(|at| CLUSTER_PAUSE.saturating_sub(at.elapsed()));
        let cluster_changed = async {
            tokio::time::sleep(pause.unwrap_or_default()).await;
            clusters.changed().await;
        };
        let triggers = self.triggers.clone();
        let triggered = async {
            match &triggers {
                Some(triggers) => triggers.due().await,
                None => pending().await,
            }
        };
        let snapshots = self.snapshots.clone();
        let asked = async {
            match &snapshots {
                Some(snapshots) => snapshots.question().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            called = call => Wake::Called(called),
            () = time => Wake::Due,
            () = late_answer => Wake::Due,
            due = triggered => Wake::Triggered(due),
            () = cluster_changed => Wake::ClusterChanged,
            question = asked => Wake::Asked(question),
        }
    }
}
