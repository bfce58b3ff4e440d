//! A segment: many movements as one JSON text, each commit's facts and each place told once.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{FetchEvidence, ImageName, Movement, MovingCommit, PromotionMark, RepoPath, ServiceName};
use crate::store::row::{self, Unreadable};

use super::pinned;

const COLUMN: &str = "content";

/// As it is written, with strings, and as it is read, with slices. Arrays instead of objects: the names of the fields
/// would be half of the text.
#[derive(Deserialize, Serialize)]
struct Text<S> {
    commits: Vec<CommitText<S>>,
    places: Vec<PlaceText>,
    movements: Vec<MovementText<S>>,
}

/// Sequence, commit, its time and its parent's, author, absent at, fetched at.
type CommitText<S> = (u64, S, i64, Option<i64>, String, Option<i64>, i64);

/// Path, service, image.
type PlaceText = (String, String, String);

/// The position of its commit and of its place in this text, tags before and after, promotion.
type MovementText<S> = (usize, usize, S, S, Option<PromotionText<S>>);

/// Identity, who asked for it, digest.
type PromotionText<S> = (S, String, Option<S>);

/// The text of these movements; those of one commit stand together.
pub(super) fn to_text(movements: &[Movement]) -> serde_json::Result<String> {
    let mut text = Text { commits: Vec::new(), places: Vec::new(), movements: Vec::new() };
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut sequence = None;
    for movement in movements {
        if sequence != Some(movement.sequence) {
            sequence = Some(movement.sequence);
            text.commits.push(commit_text(movement));
        }
        let place =
            *places.entry((&movement.path, &movement.service, &movement.image)).or_insert_with(|| {
                text.places.push(place_text(movement));
                text.places.len() - 1
            });
        text.movements.push(movement_text(movement, text.commits.len() - 1, place));
    }
    serde_json::to_string(&text)
}

fn commit_text(movement: &Movement) -> CommitText<String> {
    let commit = &movement.commit;
    (
        movement.sequence,
        commit.id.to_string(),
        commit.committed_at.timestamp_millis(),
        commit.parent_committed_at.map(|at| at.timestamp_millis()),
        commit.author_name.clone(),
        commit.fetched.absent_at.map(|at| at.timestamp_millis()),
        commit.fetched.fetched_at.timestamp_millis(),
    )
}

fn place_text(movement: &Movement) -> PlaceText {
    (movement.path.to_string(), movement.service.to_string(), movement.image.to_string())
}

fn movement_text(movement: &Movement, commit: usize, place: usize) -> MovementText<String> {
    (
        commit,
        place,
        pinned::to_text(&movement.before),
        pinned::to_text(&movement.after),
        movement.promotion.as_ref().map(promotion_text),
    )
}

fn promotion_text(mark: &PromotionMark) -> PromotionText<String> {
    (mark.id.to_string(), mark.requested_by.clone(), mark.digest.as_ref().map(ToString::to_string))
}

/// A commit, to be shared by its movements.
struct Commit {
    sequence: u64,
    facts: Arc<MovingCommit>,
}

/// Where movements happen.
struct Place {
    path: RepoPath,
    service: ServiceName,
    image: ImageName,
}

/// Adds the movements of which [`to_text`] made this text to those that were read before.
pub(super) fn from_text(text: &str, movements: &mut Vec<Movement>) -> Result<(), Unreadable> {
    let text: Text<&str> = serde_json::from_str(text).map_err(|error| Unreadable::new(COLUMN, error))?;
    let commits = text.commits.into_iter().map(commit).collect::<Result<Vec<_>, _>>()?;
    let places = text.places.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    movements.reserve(text.movements.len());
    for text in text.movements {
        movements.push(movement(text, &commits, &places)?);
    }
    Ok(())
}

fn commit(text: CommitText<&str>) -> Result<Commit, Unreadable> {
    let (sequence, id, committed_at, parent_committed_at, author_name, absent_at, fetched_at) = text;
    let instant = |millis| row::from_millis(millis, COLUMN);
    let facts = MovingCommit {
        id: row::parse(id, COLUMN)?,
        committed_at: instant(committed_at)?,
        parent_committed_at: parent_committed_at.map(instant).transpose()?,
        author_name,
        fetched: FetchEvidence {
            absent_at: absent_at.map(instant).transpose()?,
            fetched_at: instant(fetched_at)?,
        },
    };
    Ok(Commit { sequence, facts: Arc::new(facts) })
}

fn place((path, service, image): &PlaceText) -> Result<Place, Unreadable> {
    Ok(Place {
        path: row::parse(path, COLUMN)?,
        service: row::parse(service, COLUMN)?,
        image: row::parse(image, COLUMN)?,
    })
}

fn movement(
    (commit, place, before, after, promotion): MovementText<&str>,
    commits: &[Commit],
    places: &[Place],
) -> Result<Movement, Unreadable> {
    let commit = commits.get(commit).ok_or_else(|| Unreadable::new(COLUMN, "no such commit"))?;
    let place = places.get(place).ok_or_else(|| Unreadable::new(COLUMN, "no such place"))?;
    Ok(Movement {
        sequence: commit.sequence,
        commit: Arc::clone(&commit.facts),
        path: place.path.clone(),
        service: place.service.clone(),
        image: place.image.clone(),
        before: pinned::from_text(before, COLUMN)?,
        after: pinned::from_text(after, COLUMN)?,
        promotion: promotion.map(promotion_mark).transpose()?,
    })
}

fn promotion_mark((id, requested_by, digest): PromotionText<&str>) -> Result<PromotionMark, Unreadable> {
    let digest = digest.map(|text| row::parse(text, COLUMN)).transpose()?;
    Ok(PromotionMark { id: row::parse(id, COLUMN)?, requested_by, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_which_one_thing_is_wrong_is_not_read() {
        let good = concat!(
            r#"{"commits":[[7,"9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0",1,null,"M \"x\"",null,3]],"#,
            r#""places":[["clusters/prod/a.yaml","common/app","ghcr.io/vtr/app"]],"#,
            r#""movements":[[0,0,"v1","v2",["0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11","schedule",null]]]}"#,
        );
        let mut movements = Vec::new();
        from_text(good, &mut movements).unwrap();
        assert_eq!(movements[0].commit.author_name, "M \"x\"");
        assert_eq!(to_text(&movements).unwrap(), good);
        for (right, wrong) in [
            ("9f2c1ab0d", "HEAD"),
            ("clusters/", "../"),
            ("common/app", "common"),
            ("ghcr.io/vtr/app", "{{ x }}"),
            ("[[0,0", "[[1,0"),
            ("[[0,0", "[[0,1"),
            ("[[0,0", "[[0,-1"),
            ("\"v2\"", "\"v2 \""),
            ("v1", "v\\u0001"),
            ("\"schedule\",null", "\"schedule\",\"sha256:00\""),
            ("\"schedule\",null", "null,null"),
            ("0197c0de", "0197c0d"),
            (",1,null", ",9223372036854775807,null"),
            ("[7,", "[-7,"),
            ("]]}", "]]"),
        ] {
            assert!(good.contains(right), "{right}");
            assert!(from_text(&good.replacen(right, wrong, 1), &mut movements).is_err(), "{wrong}");
        }
    }
}
