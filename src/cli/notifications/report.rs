//! The report of what was promoted, by schedule: release notes of everything that came to the last environments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::changelog::Format;
use crate::config::Channel;
use crate::engine::{HistoryQuery, Move};
use crate::model::{EventKind, Fault, ImageName, ServiceName, Tag, Timestamp};
use crate::notify::{Event, Phase};

use crate::cli::wiring::{Changes, Session};

/// How long a report waits for release notes, together.
const DEADLINE: Duration = Duration::from_mins(2);

/// Maximum moves that are read.
const MAX_MOVES: usize = 2_000;

/// From what to what an image of a service moved in an environment.
pub(super) struct Line {
    environment: String,
    service: ServiceName,
    image: ImageName,
    from: Tag,
    to: Tag,
}

/// The moves in the period of a channel's report.
pub(super) async fn lines(
    session: &mut Session,
    channel: &Channel,
    since: Timestamp,
) -> Result<Vec<Line>, Fault> {
    let policy = session.engine.repository_policy();
    let mut environments: Vec<_> = policy
        .environments
        .ids()
        .filter(|at| policy.after(*at).next().is_none())
        .map(|at| policy.environments[at].policy.name.clone())
        .collect();
    if !channel.environments.is_empty() {
        environments = channel.environments.iter().cloned().collect();
    }
    let services = channel.services.clone();
    let query = HistoryQuery { services, environments, since: Some(since), until: None, most: MAX_MOVES };
    let moves = session.engine.history(&query).await?;
    Ok(joined(moves))
}

/// The first tag before and the last tag after of each image. `moves` come newest first.
fn joined(moves: Vec<Move>) -> Vec<Line> {
    let mut lines: BTreeMap<(String, String, String), Line> = BTreeMap::new();
    for moved in moves.into_iter().rev() {
        let (Some(from), Some(to)) = (moved.from.first(), moved.to.last()) else { continue };
        let environment = moved.environment.to_string();
        let key = (environment.clone(), moved.service.to_string(), moved.image.to_string());
        let line = lines.entry(key).or_insert_with(|| Line {
            environment,
            service: moved.service.clone(),
            image: moved.image.clone(),
            from: from.clone(),
            to: to.clone(),
        });
        line.to = to.clone();
    }
    lines.into_values().filter(|line| line.from != line.to).collect()
}

/// The report as an event, with release notes as far as they come in time.
pub(super) async fn event(
    changes: Arc<Changes>,
    lines: Vec<Line>,
    since: Timestamp,
    now: Timestamp,
) -> Event {
    let list: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} → {} in {}", line.service, line.from, line.to, line.environment))
        .collect();
    let mut text = if list.is_empty() { "Nothing was promoted.".to_owned() } else { list.join("\n") };
    let notes = async {
        for line in &lines {
            let notes = changes.between(&line.service, &line.image, &line.from, &line.to).await;
            if let Ok(notes) = notes {
                text.push_str("\n\n");
                text.push_str(notes.render(Format::Text).trim_end());
            }
        }
    };
    let is_whole = tokio::time::timeout(DEADLINE, notes).await.is_ok();
    if !is_whole {
        text.push_str("\n\nThe other release notes took too long; see `tidegate changelog --all`.");
    }
    Event { since: Some(since), notes: Some(text), ..Event::new(EventKind::Report, Phase::Happened, now) }
}

/// The begin of the time that a report covers.
pub(super) fn since(covers: Duration, now: Timestamp) -> Timestamp {
    now - TimeDelta::from_std(covers).unwrap_or(TimeDelta::days(7))
}
