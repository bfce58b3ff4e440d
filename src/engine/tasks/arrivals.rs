//! What moved since a commit that was seen before: promotions and people's changes, by the commits that came. Read from
//! Git, so nothing is missed whoever pushed it and whatever crashed.

use std::collections::HashSet;
use std::sync::Arc;

use crate::engine::base::blocking::blocking;
use crate::engine::history::moves::{Move, moves_of_commits};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{CommitId, Fault};
use crate::port::{Ports, Repository as _};

use super::engine::{Engine, context};

/// Maximum moves that are read at once; the newest stay.
const MAX_MOVES: usize = 500;

/// A move, with what its commit says.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// What moved.
    pub moved: Move,
    /// The body of its commit without trailers, if the commit makes no other move. Untrusted text.
    pub body: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// The moves of the commits that came on top of `since`, oldest first; `None` when the branch no longer has it.
    ///
    /// # Errors
    /// When the repository or the store can't be read, or another process rebuilt its index.
    pub async fn arrivals(
        &self,
        state: &RepositoryState,
        since: CommitId,
    ) -> Result<Option<Vec<Arrival>>, Fault> {
        let head = state.commit();
        if head == since {
            return Ok(Some(Vec::new()));
        }
        let repository = Arc::clone(&self.ports.repository);
        let line = blocking(move || Ok(repository.line(head, Some(since))?)).await?;
        if !line.is_down_to_known {
            return Ok(None);
        }
        let commits: HashSet<CommitId> = line.commits.into_iter().collect();
        let context = context(&self.ports, &self.repository_policy);
        let moves = moves_of_commits(context, state, &commits, MAX_MOVES).await?;
        let repository = Arc::clone(&self.ports.repository);
        blocking(move || {
            let commits: Vec<CommitId> = moves.iter().map(|one| one.commit).collect();
            let messages = repository.messages(&commits)?;
            let is_alone = |commit: CommitId| commits.iter().filter(|other| **other == commit).count() == 1;
            let arrival = |(moved, messages): (Move, Vec<String>)| {
                let body = messages.first().filter(|_| is_alone(moved.commit)).and_then(|text| body_of(text));
                Arrival { moved, body }
            };
            Ok(Some(moves.into_iter().zip(messages).map(arrival).collect()))
        })
        .await
    }
}

/// What stands between the subject of a commit and its last paragraph of trailers.
fn body_of(message: &str) -> Option<String> {
    let message = message.replace("\r\n", "\n");
    let (_, rest) = message.split_once("\n\n")?;
    let is_trailers = |paragraph: &str| paragraph.lines().all(|line| line.contains(": "));
    let body = match rest.trim_end().rsplit_once("\n\n") {
        Some((body, last)) if is_trailers(last) => body,
        None if is_trailers(rest.trim_end()) => "",
        _ => rest,
    };
    let body = body.trim();
    (!body.is_empty()).then(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_what_stands_above_the_trailers() {
        for (message, body) in [
            ("subject", None),
            ("subject\n\nTidegate-From: v1\nTidegate-Promotion: x\n", None),
            ("subject\n\nprod: v1 -> v2\n\nTidegate-From: v1\n", Some("prod: v1 -> v2")),
            ("subject\r\n\r\none\r\n\r\ntwo", Some("one\n\ntwo")),
        ] {
            assert_eq!(body_of(message).as_deref(), body, "{message:?}");
        }
    }
}
