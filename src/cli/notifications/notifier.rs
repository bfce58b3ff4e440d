//! The notifier of a daemon: hears of passes, stores what is news, and keeps a task per channel that delivers.
//!
//! Nothing here fails a pass. What cannot be stored is found again by the next pass.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cli::wiring::{Session, Token, sender, tokens};
use crate::config::{Channel, Config, Remote};
use crate::engine::PassReport;
use crate::model::{
    CommitId, Delivery, EventKind, Fault, NewMessage, OutboxMessage, Timestamp, Told, ToldChange,
};
use crate::notify::{ChannelSettings, DeliveryCount, Event, Outbox, Phase, Wording, deliver};
use crate::store::Store;

use super::conditions::{Condition, Findings, Key, of_pass};
use super::news::{News, of_findings};
use super::{arrivals, report, routing};

/// The mark of the commit up to which moves were told.
const HEAD: &str = "head";

/// How many passes in a row must fail to be told.
const FAILURES: u32 = 3;

/// How often the ends of credentials are looked up, and how soon an end is told.
const CREDENTIAL_INTERVAL: Duration = Duration::from_hours(12);
const CREDENTIAL_NOTICE: TimeDelta = TimeDelta::days(14);

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

/// What the tasks share.
struct Shared {
    store: Arc<Store>,
    channels: Vec<Channel>,
    wakes: Vec<Arc<Notify>>,
    counts: Vec<Arc<DeliveryCount>>,
    told: Mutex<Told>,
}

impl Notifier {
    /// Starts the tasks of the channels; nothing where there are none.
    ///
    /// # Errors
    /// When a channel cannot be set up, or the store cannot be read.
    pub(crate) async fn start(session: &Session) -> Result<Option<Self>, Fault> {
        let config = &session.config;
        let told = session.store.told().await?;
        if config.channels.is_empty() {
            forget_head(&session.store, &told).await?;
            return Ok(None);
        }
        let shared = Arc::new(Shared {
            store: Arc::clone(&session.store),
            channels: config.channels.clone(),
            wakes: config.channels.iter().map(|_| Arc::default()).collect(),
            counts: config.channels.iter().map(|_| Arc::default()).collect(),
            told: Mutex::new(told),
        });
        let mut tasks = Vec::new();
        for (index, channel) in config.channels.iter().enumerate() {
            let settings = ChannelSettings {
                name: channel.name.clone(),
                give_up_after: channel.give_up_after,
                is_digest: channel.digest.is_some(),
                wording: Wording { title: channel.title.clone(), body: channel.body.clone() },
                sender: sender(config, channel)?,
                count: Arc::clone(&shared.counts[index]),
            };
            let outbox = Arc::new(StoreOutbox(Arc::clone(&session.store)));
            tasks.push(tokio::spawn(deliver(outbox, settings, Arc::clone(&shared.wakes[index]))));
        }
        let wants = |kind| config.channels.iter().any(|channel| channel.events.contains(&kind));
        if wants(EventKind::CredentialEnds) {
            tasks.push(tokio::spawn(watch_credentials(Arc::clone(&shared), tokens(config))));
        }
        let page = commit_page(config);
        let reporting = Arc::default();
        Ok(Some(Self { shared, failures: 0, failing_since: None, reporting, page, tasks }))
    }

    /// Tells what a pass found and what moved since the last one.
    pub(crate) async fn passed(&mut self, session: &mut Session, report: &PassReport) {
        (self.failures, self.failing_since) = (0, None);
        if let Err(fault) = self.try_passed(session, report).await {
            tracing::warn!(error = %fault.in_one_line(), "cannot store notifications; the next pass tries again");
        }
    }

    async fn try_passed(&mut self, session: &mut Session, report: &PassReport) -> Result<(), Fault> {
        let limits: BTreeSet<Duration> = self
            .shared
            .channels
            .iter()
            .filter(|channel| channel.events.contains(&EventKind::Blocked))
            .map(|channel| channel.blocked_after)
            .collect();
        let findings = of_pass(session.engine.repository_policy(), report, &limits);
        let now = report.evaluation.now;
        let (moves, head) = self.moves(session, report, now).await?;
        let marks = head.map(|head| (HEAD.to_owned(), head)).into_iter().collect();
        self.shared.tell(&findings, moves, marks, now).await?;
        self.begin_reports(session, now).await
    }

    /// What moved since the head that was told, and the head now, if it is another one.
    async fn moves(
        &self,
        session: &mut Session,
        report: &PassReport,
        now: Timestamp,
    ) -> Result<(Vec<News>, Option<String>), Fault> {
        let state = if report.promoted.is_empty() {
            Arc::clone(&report.evaluation.state)
        } else {
            session.engine.refresh().await?
        };
        let told = self.shared.told.lock().await.marks.get(HEAD).cloned();
        let head = state.commit().to_string();
        if told.as_ref() == Some(&head) {
            return Ok((Vec::new(), None));
        }
        // What came before the first pass with channels is no news.
        let since = told.and_then(|told| told.parse::<CommitId>().ok());
        let since = since.unwrap_or_else(|| report.evaluation.state.commit());
        let Some(arrivals) = session.engine.arrivals(&state, since).await? else {
            tracing::info!(commit = %since, "the branch no longer has the commit that was told last");
            return Ok((Vec::new(), Some(head)));
        };
        let policy = session.engine.repository_policy();
        let events = arrivals::events(policy, &state, &arrivals, self.page.as_deref(), now);
        let news = events.into_iter().map(|event| News { event, limit_s: None }).collect();
        Ok((news, Some(head)))
    }

    /// Tells when several passes in a row failed.
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
            tell_after: Duration::ZERO,
            since: Some(since),
            event,
        };
        let findings = Findings {
            kinds: [EventKind::PassesFailing].into(),
            conditions: vec![condition],
            unknown: BTreeSet::new(),
        };
        if let Err(fault) = self.shared.tell(&findings, Vec::new(), Vec::new(), now).await {
            tracing::debug!(error = %fault.in_one_line(), "cannot store notifications");
        }
    }

    /// When the next report is due.
    pub(crate) fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        let reports = self.shared.channels.iter().filter_map(|channel| channel.report.as_ref());
        reports.filter_map(|report| report.schedule.value.next_after(now)).min()
    }

    /// Begins the reports that are due. Release notes are read beside the passes.
    async fn begin_reports(&mut self, session: &mut Session, now: Timestamp) -> Result<(), Fault> {
        for channel in self.shared.channels.clone() {
            let Some(schedule) = &channel.report else { continue };
            let mark = format!("report {}", channel.name);
            let last = self.shared.told.lock().await.marks.get(&mark).cloned();
            let last = last.and_then(|text| text.parse::<Timestamp>().ok());
            let change = |messages| ToldChange {
                marks: vec![(mark.clone(), now.to_rfc3339())],
                messages,
                ..ToldChange::default()
            };
            let Some(last) = last else {
                // The first one is that of the next time.
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
                let change = ToldChange { messages: vec![message], ..change };
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
    /// Stores what is news among the findings, and other news, with the messages of both.
    async fn tell(
        &self,
        findings: &Findings,
        mut news: Vec<News>,
        marks: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut told = self.told.lock().await;
        let (mut change, of_conditions) = of_findings(&told, findings, now);
        news.extend(of_conditions);
        change.marks = marks;
        change.messages = routing::messages(&self.channels, &news, now);
        self.write(&mut told, &change, now).await
    }

    async fn store_change(&self, change: &ToldChange, now: Timestamp) -> Result<(), Fault> {
        let mut told = self.told.lock().await;
        self.write(&mut told, change, now).await
    }

    async fn write(&self, told: &mut Told, change: &ToldChange, now: Timestamp) -> Result<(), Fault> {
        if change.is_empty() {
            return Ok(());
        }
        let given_up = self.store.tell(change, now).await?;
        told.apply(change);
        if given_up > 0 {
            tracing::error!(messages = given_up, "the outbox is full; gave up the oldest notifications");
        }
        if !change.messages.is_empty() {
            self.wakes.iter().for_each(|wake| wake.notify_one());
        }
        Ok(())
    }
}

/// Forgets up to where moves were told, so that a channel that is added later does not hear of all since.
async fn forget_head(store: &Store, told: &Told) -> Result<(), Fault> {
    if told.marks.get(HEAD).is_none_or(String::is_empty) {
        return Ok(());
    }
    let marks = vec![(HEAD.to_owned(), String::new())];
    store.tell(&ToldChange { marks, ..ToldChange::default() }, Utc::now()).await?;
    Ok(())
}

/// Looks up when tokens end, for ever.
async fn watch_credentials(shared: Arc<Shared>, tokens: Vec<Token>) {
    loop {
        let now = Utc::now();
        let mut findings = Findings { kinds: [EventKind::CredentialEnds].into(), ..Findings::default() };
        for token in &tokens {
            match token.ends().await {
                Ok(Some(ends)) if ends - now < CREDENTIAL_NOTICE => {
                    findings.conditions.push(credential(token.key, ends, now));
                }
                Ok(_) => {}
                Err(_) => {
                    findings.unknown.insert(token.key.to_owned());
                }
            }
        }
        if let Err(fault) = shared.tell(&findings, Vec::new(), Vec::new(), now).await {
            tracing::debug!(error = %fault.in_one_line(), "cannot store notifications");
        }
        tokio::time::sleep(CREDENTIAL_INTERVAL).await;
    }
}

fn credential(key: &str, ends: Timestamp, now: Timestamp) -> Condition {
    let event = Event {
        subject: Some(key.to_owned()),
        until: Some(ends),
        hint: Some(
            "create a new token and put it where the configuration reads this one; no restart is needed"
                .to_owned(),
        ),
        ..Event::new(EventKind::CredentialEnds, Phase::Began, now)
    };
    Condition {
        key: Key::new(EventKind::CredentialEnds, key),
        state: ends.to_rfc3339(),
        tell_after: Duration::ZERO,
        since: None,
        event,
    }
}

/// The address of a commit's page at GitHub, without its id.
fn commit_page(config: &Config) -> Option<String> {
    let Remote::Network(url) = &config.git.remote else { return None };
    let is_github = config.forge.is_some() || url.host() == "github.com";
    let path = url.path().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    is_github.then(|| format!("https://{}/{path}/commit/", url.host()))
}

/// The outbox in the store.
struct StoreOutbox(Arc<Store>);

impl Outbox for StoreOutbox {
    async fn due(&self, channel: &str, now: Timestamp, most: usize) -> Result<Vec<OutboxMessage>, Fault> {
        Ok(self.0.due_messages(channel, now, most).await?)
    }

    async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.0.next_message_due(channel).await?)
    }

    async fn settle(&self, ordinals: &[i64], delivery: Delivery, at: Timestamp) -> Result<(), Fault> {
        Ok(self.0.settle_messages(ordinals, delivery, at).await?)
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
