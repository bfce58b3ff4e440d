//! The notifier of a daemon: compares each pass with what was notified, stores the news, and runs one delivery task per
//! channel.
//!
//! Nothing here fails a pass. If the news cannot be stored, the next pass finds them again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cli::wiring::{Session, Token, sender, tokens};
use crate::config::{Channel, Config, Remote};
use crate::engine::{PassReport, RepositoryState};
use crate::metrics::Metrics;
use crate::model::{
    CommitId, Delivery, EventKind, Fault, NewMessage, NotificationChange, NotificationState, OutboxMessage,
    Timestamp,
};
use crate::notify::{ChannelSettings, Event, Outbox, Phase, Wording, deliver};
use crate::store::Store;

use super::conditions::{Condition, Findings, Key, of_pass};
use super::news::{News, of_findings};
use super::{arrivals, credentials, report, routing};

/// The mark of the last notified commit.
const HEAD: &str = "head";

/// Consecutive failed passes before a notification.
const FAILURES: u32 = 3;

/// Interval of the look-up of when credentials end.
const CREDENTIAL_INTERVAL: Duration = Duration::from_hours(12);

/// The notifier of a daemon.
pub(crate) struct Notifier {
    shared: Arc<Shared>,
    failures: u32,
    failing_since: Option<Timestamp>,
    reporting: Arc<AtomicBool>,
    /// The address of a commit's page, without its id.
    page: Option<String>,
    tasks: Vec<JoinHandle<()>>,
}

/// State shared by the tasks.
struct Shared {
    store: Arc<Store>,
    channels: Vec<Channel>,
    wakes: Vec<Arc<Notify>>,
    metrics: Arc<Metrics>,
    state: Mutex<NotificationState>,
}

impl Notifier {
    /// Starts the tasks of the channels. Returns none without channels.
    ///
    /// # Errors
    /// When a channel cannot be set up, or the store cannot be read.
    pub(crate) async fn start(session: &Session) -> Result<Option<Self>, Fault> {
        let config = &session.config;
        let state = session.store.notification_state().await?;
        session.metrics.notifications.forget_backlog();
        if config.channels.is_empty() {
            forget_head(&session.store, &state).await?;
            return Ok(None);
        }
        let shared = Arc::new(Shared {
            store: Arc::clone(&session.store),
            channels: config.channels.clone(),
            wakes: config.channels.iter().map(|_| Arc::default()).collect(),
            metrics: Arc::clone(&session.metrics),
            state: Mutex::new(state),
        });
        let mut tasks = Vec::new();
        for (index, channel) in config.channels.iter().enumerate() {
            let settings = ChannelSettings {
                name: channel.name.clone(),
                give_up_after: channel.give_up_after,
                is_digest: channel.digest.is_some(),
                wording: Wording { title: channel.title.clone(), body: channel.body.clone() },
                sender: sender(config, channel)?,
                deliveries: session.metrics.notifications.channel(&channel.name),
            };
            tasks.push(tokio::spawn(deliver(
                Arc::clone(&shared),
                settings,
                Arc::clone(&shared.wakes[index]),
            )));
        }
        shared.measure().await;
        let wants = |kind| config.channels.iter().any(|channel| channel.events.contains(&kind));
        if wants(EventKind::CredentialEnds) {
            tasks.push(tokio::spawn(watch_credentials(Arc::clone(&shared), tokens(config))));
        }
        let page = commit_page(config);
        let reporting = Arc::default();
        Ok(Some(Self { shared, failures: 0, failing_since: None, reporting, page, tasks }))
    }

    /// Notifies what a pass found, and what moved up to the state of the branch after it. What a pass over some images says of
    /// conditions means nothing.
    pub(crate) async fn passed(
        &mut self,
        session: &mut Session,
        report: &PassReport,
        state: &Arc<RepositoryState>,
    ) {
        (self.failures, self.failing_since) = (0, None);
        if let Err(fault) = self.try_passed(session, report, state).await {
            tracing::warn!(error = %fault.in_one_line(), "cannot store notifications; the next pass tries again");
        }
    }

    async fn try_passed(
        &mut self,
        session: &mut Session,
        report: &PassReport,
        state: &Arc<RepositoryState>,
    ) -> Result<(), Fault> {
        let is_over_all = report.scope.is_none();
        let policy = session.engine.repository_policy();
        let findings =
            if is_over_all { of_pass(policy, report, &self.limits()) } else { Findings::default() };
        let now = report.evaluation.now;
        let (moves, head) = self.moves(session, report, state).await?;
        let marks = head.map(|head| (HEAD.to_owned(), head)).into_iter().collect();
        self.shared.notify(&findings, moves, marks, now).await?;
        if is_over_all { self.begin_reports(session, now).await } else { Ok(()) }
    }

    /// The waits after which some channel wants to hear of a blocked promotion.
    fn limits(&self) -> BTreeSet<Duration> {
        let channels = self.shared.channels.iter();
        channels
            .filter(|channel| channel.events.contains(&EventKind::Blocked))
            .map(|channel| channel.blocked_after)
            .collect()
    }

    /// The moves between the last notified head and this state, and its head if it differs.
    async fn moves(
        &self,
        session: &Session,
        report: &PassReport,
        state: &Arc<RepositoryState>,
    ) -> Result<(Vec<News>, Option<String>), Fault> {
        let notified = self.shared.state.lock().await.marks.get(HEAD).cloned();
        let head = state.commit().to_string();
        if notified.as_ref() == Some(&head) {
            return Ok((Vec::new(), None));
        }
        // Moves before the first pass with channels are not notified.
        let since = notified.and_then(|commit| commit.parse::<CommitId>().ok());
        let since = since.unwrap_or_else(|| report.evaluation.state.commit());
        let Some(arrivals) = session.engine.arrivals(state, since).await? else {
            tracing::info!(commit = %since, "the branch no longer has the last notified commit");
            return Ok((Vec::new(), Some(head)));
        };
        let policy = session.engine.repository_policy();
        let now = report.evaluation.now;
        let events = arrivals::events(policy, state, &arrivals, self.page.as_deref(), now);
        let news = events.into_iter().map(|event| News { event, limit_s: None }).collect();
        Ok((news, Some(head)))
    }

    /// Notifies once several passes in a row failed.
    pub(crate) async fn failed(&mut self, fault: &Fault) {
        let now = Utc::now();
        self.failures += 1;
        let since = *self.failing_since.get_or_insert(now);
        if self.failures < FAILURES {
            return;
        }
        let event = Event {
            reason: Some(fault.in_one_line()),
            hint: fault.hint().map(str::to_owned),
            ..Event::new(EventKind::PassesFailing, Phase::Began, now)
        };
        let condition = Condition {
            key: Key::new(EventKind::PassesFailing, "all"),
            state: String::new(),
            notify_after: Duration::ZERO,
            since: Some(since),
            event,
        };
        let findings = Findings {
            kinds: [EventKind::PassesFailing].into(),
            conditions: vec![condition],
            unknown: BTreeSet::new(),
        };
        if let Err(fault) = self.shared.notify(&findings, Vec::new(), Vec::new(), now).await {
            tracing::debug!(error = %fault.in_one_line(), "cannot store notifications");
        }
    }

    /// The time of the next report.
    pub(crate) fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        let reports = self.shared.channels.iter().filter_map(|channel| channel.report.as_ref());
        reports.filter_map(|report| report.schedule.value.next_after(now)).min()
    }

    /// Starts the due reports. Their release notes are read in tasks of their own, so no pass waits for them.
    async fn begin_reports(&mut self, session: &mut Session, now: Timestamp) -> Result<(), Fault> {
        for channel in self.shared.channels.clone() {
            let Some(schedule) = &channel.report else { continue };
            let mark = format!("report {}", channel.name);
            let last = self.shared.state.lock().await.marks.get(&mark).cloned();
            let last = last.and_then(|text| text.parse::<Timestamp>().ok());
            let change = |messages| NotificationChange {
                marks: vec![(mark.clone(), now.to_rfc3339())],
                messages,
                ..NotificationChange::default()
            };
            let Some(last) = last else {
                // No report for the time before the channel existed.
                self.shared.store_change(&change(Vec::new()), now).await?;
                continue;
            };
            let is_due = schedule.schedule.value.next_after(last).is_some_and(|next| next <= now);
            if !is_due || self.reporting.swap(true, Ordering::Relaxed) {
                continue;
            }
            let since = report::since(schedule.since, now);
            let lines = match report::lines(session, &channel, since).await {
                Ok(lines) => lines,
                Err(fault) => {
                    self.reporting.store(false, Ordering::Relaxed);
                    return Err(fault);
                }
            };
            let (shared, reporting) = (Arc::clone(&self.shared), Arc::clone(&self.reporting));
            let (changes, change) = (Arc::clone(&session.changes), change(Vec::new()));
            tokio::spawn(async move {
                let event = report::event(changes, lines, since, now).await;
                let message = NewMessage {
                    id: Uuid::now_v7().to_string(),
                    channel: channel.name.clone(),
                    event: event.to_json(),
                    due_at: now,
                };
                let change = NotificationChange { messages: vec![message], ..change };
                if let Err(fault) = shared.store_change(&change, now).await {
                    tracing::warn!(error = %fault.in_one_line(), "cannot store the report; the next pass tries again");
                }
                reporting.store(false, Ordering::Relaxed);
            });
        }
        Ok(())
    }
}

impl Shared {
    /// Stores the news among the findings, and other news, with the messages of both.
    async fn notify(
        &self,
        findings: &Findings,
        mut news: Vec<News>,
        marks: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut state = self.state.lock().await;
        let (mut change, of_conditions) = of_findings(&state, findings, now);
        news.extend(of_conditions);
        change.marks = marks;
        change.messages = routing::messages(&self.channels, &news, now);
        self.write(&mut state, &change, now).await
    }

    async fn store_change(&self, change: &NotificationChange, now: Timestamp) -> Result<(), Fault> {
        let mut state = self.state.lock().await;
        self.write(&mut state, change, now).await
    }

    async fn write(
        &self,
        state: &mut NotificationState,
        change: &NotificationChange,
        now: Timestamp,
    ) -> Result<(), Fault> {
        if change.is_empty() {
            return Ok(());
        }
        let given_up = self.store.save_notifications(change, now).await?;
        state.apply(change);
        if given_up > 0 {
            tracing::error!(messages = given_up, "the outbox is full; gave up the oldest notifications");
        }
        if !change.messages.is_empty() {
            self.wakes.iter().for_each(|wake| wake.notify_one());
            self.measure().await;
        }
        Ok(())
    }

    /// Measures what waits in the outbox, after each change to it.
    async fn measure(&self) {
        match self.store.outbox_backlog().await {
            Ok(backlog) => {
                let names = self.channels.iter().map(|channel| channel.name.as_str());
                self.metrics.notifications.set_backlog(names, &backlog);
            }
            Err(error) => tracing::debug!(%error, "cannot measure the outbox"),
        }
    }
}

/// Clears the last notified head, so that a channel added later does not get every move since.
async fn forget_head(store: &Store, state: &NotificationState) -> Result<(), Fault> {
    if state.marks.get(HEAD).is_none_or(String::is_empty) {
        return Ok(());
    }
    let marks = vec![(HEAD.to_owned(), String::new())];
    store
        .save_notifications(&NotificationChange { marks, ..NotificationChange::default() }, Utc::now())
        .await?;
    Ok(())
}

/// Looks up regularly when tokens end.
async fn watch_credentials(shared: Arc<Shared>, tokens: Vec<Token>) {
    loop {
        let now = Utc::now();
        let findings = credentials::look_up(&tokens, now).await;
        if let Err(fault) = shared.notify(&findings, Vec::new(), Vec::new(), now).await {
            tracing::debug!(error = %fault.in_one_line(), "cannot store notifications");
        }
        tokio::time::sleep(CREDENTIAL_INTERVAL).await;
    }
}

/// The address of a commit's page at GitHub, without its id.
pub(crate) fn commit_page(config: &Config) -> Option<String> {
    let Remote::Network(url) = &config.git.remote else { return None };
    let is_github = config.forge.is_some() || url.host() == "github.com";
    let path = url.path().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    is_github.then(|| format!("https://{}/{path}/commit/", url.host()))
}

impl Outbox for Shared {
    async fn due(&self, channel: &str, now: Timestamp, most: usize) -> Result<Vec<OutboxMessage>, Fault> {
        Ok(self.store.due_messages(channel, now, most).await?)
    }

    async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.store.next_message_due(channel).await?)
    }

    async fn settle(&self, ordinals: &[i64], delivery: Delivery, at: Timestamp) -> Result<(), Fault> {
        self.store.settle_messages(ordinals, delivery, at).await?;
        self.measure().await;
        Ok(())
    }
}

impl Drop for Notifier {
    /// Ends the tasks. A message under way is sent again by the next notifier.
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Notifier")
            .field("channels", &self.shared.channels.len())
            .finish_non_exhaustive()
    }
}
