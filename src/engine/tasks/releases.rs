//! The releases that the GitOps repository should have: promotions to the last environments, by day or by push. Read from Git
//! alone, so nothing is lost in a crash.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::model::{CommitId, Fault, Timestamp};

use crate::engine::history::moves::{Move, Mover, moves_since};
use crate::engine::state::repository_state::RepositoryState;
use crate::port::Ports;

use super::engine::{Engine, context};

/// What one release covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasePer {
    /// A day.
    Day,
    /// One push.
    Batch,
}

/// A release that should exist.
#[derive(Clone, Debug)]
pub struct DueRelease {
    /// Its tag.
    pub tag: String,
    /// Its title.
    pub title: String,
    /// The newest commit in it.
    pub commit: CommitId,
    /// Its moves, oldest first.
    pub moves: Vec<Move>,
}

impl<P: Ports> Engine<P> {
    /// The releases of promotions to the last environments since a time, oldest first. A day that began earlier is left out,
    /// because not all of it is known.
    ///
    /// # Errors
    /// As [`moves_since`](Self::moves_since).
    pub async fn releases(
        &self,
        state: &RepositoryState,
        per: ReleasePer,
        since: Timestamp,
    ) -> Result<Vec<DueRelease>, Fault> {
        let context = context(&self.ports, &self.repository_policy);
        let repository_policy = context.policy;
        let mut moves = Vec::new();
        for last in
            repository_policy.environments.ids().filter(|at| repository_policy.after(*at).next().is_none())
        {
            moves.extend(moves_since(context, state, last, since).await?);
        }
        moves.retain(|one| matches!(one.by, Mover::Tidegate { .. }));
        Ok(releases(moves, per, repository_policy.zone()))
    }
}

fn releases(mut moves: Vec<Move>, per: ReleasePer, zone: Tz) -> Vec<DueRelease> {
    moves.sort_by_key(|one| one.at);
    let mut groups: BTreeMap<String, Vec<Move>> = BTreeMap::new();
    for one in moves {
        let key = match per {
            ReleasePer::Day => one.at.with_timezone(&zone).format("%Y-%m-%d").to_string(),
            // The commits of one push are of one second.
            ReleasePer::Batch => one.at.format("%Y%m%dT%H%M%SZ").to_string(),
        };
        let group = groups.entry(key).or_default();
        // A promotion moves every file of its service.
        let is_same = |other: &Move| {
            (other.commit, &other.service, &other.image) == (one.commit, &one.service, &one.image)
        };
        if !group.iter().any(is_same) {
            group.push(one);
        }
    }
    let release = |(key, moves): (String, Vec<Move>)| {
        let last = moves.last()?;
        let title = match per {
            ReleasePer::Day => format!("Promotions of {key}"),
            ReleasePer::Batch => format!("Promotions of {}", last.at.with_timezone(&zone).format("%F %T %Z")),
        };
        Some(DueRelease { tag: format!("promotions-{key}"), title, commit: last.commit, moves })
    };
    groups.into_iter().filter_map(release).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(service: &str, commit: u8, at: &str) -> Move {
        Move {
            at: at.parse().unwrap(),
            commit: CommitId::from_bytes([commit; 20]),
            service: format!("common/{service}").parse().unwrap(),
            environment: "prod".parse().unwrap(),
            image: format!("ghcr.io/vtr/{service}").parse().unwrap(),
            from: vec!["v1.0.0".parse().unwrap()],
            to: vec!["v1.0.1".parse().unwrap()],
            by: Mover::Tidegate { promotion: String::new(), requested_by: "schedule".to_owned() },
            why: None,
        }
    }

    fn counts(moves: Vec<Move>, per: ReleasePer) -> Vec<(String, usize)> {
        let zone = chrono_tz::America::Santiago;
        releases(moves, per, zone).into_iter().map(|one| (one.tag, one.moves.len())).collect()
    }

    #[test]
    fn a_day_is_that_of_the_zone_and_a_push_is_of_one_second() {
        let moves = || {
            vec![
                moved("app", 3, "2026-11-26T12:00:00Z"),
                moved("app", 1, "2026-11-26T02:59:59Z"),
                moved("api", 2, "2026-11-26T12:00:00Z"),
                moved("api", 2, "2026-11-26T12:00:00Z"),
                moved("web", 4, "2026-11-26T18:00:00Z"),
            ]
        };
        let days = [("promotions-2026-11-25".to_owned(), 1), ("promotions-2026-11-26".to_owned(), 3)];
        assert_eq!(counts(moves(), ReleasePer::Day), days);
        let pushes = [
            ("promotions-20261126T025959Z".to_owned(), 1),
            ("promotions-20261126T120000Z".to_owned(), 2),
            ("promotions-20261126T180000Z".to_owned(), 1),
        ];
        assert_eq!(counts(moves(), ReleasePer::Batch), pushes);
    }
}
