//! Recordings: a timeline in a file, for a replay elsewhere. `docs/recording.md` describes the format.
//!
//! Recordings are untrusted: limited in size, and refused with the position of the first error.

mod form;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::timeline::{ControlFileChange, Followed, ImageTimeline, Seen, TagTimeline, Timeline};
use crate::model::{
    Class, Fault, FetchEvidence, HealthObservation, HealthSubject, Observation, Printable, PromotionMark,
    TagChange, TagChangeCommit,
};
use crate::policy::SelectionRules;

use form::{
    Commit, Control, HealthChange, Image, Moved, Promotion, Recording, Rules, SeenAs, TagOrderForm, Tagged,
    TargetHealth,
};

/// Maximum size of a recording, in bytes.
pub const MOST_BYTES: usize = 256 * 1024 * 1024;

/// The format version.
const VERSION: u32 = 1;

/// The text is no recording. `Display` includes the position, if there is one.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// It exceeds the limit.
    #[error("the recording is larger than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    /// It does not have the form of a recording.
    #[error("{}", Printable::bounded(&.0.to_string(), 500))]
    Form(serde_json::Error),
    /// Its version is unknown.
    #[error("the recording is of version {found}; this Tidegate reads version {VERSION}")]
    Version {
        /// The version.
        found: u32,
    },
    /// Two parts contradict each other.
    #[error("{place}: {problem}")]
    Sense {
        /// Path in the document.
        place: String,
        /// The contradiction.
        problem: &'static str,
    },
}

impl From<RecordingError> for Fault {
    fn from(error: RecordingError) -> Self {
        let fault = Self::new(Class::Usage, "cannot read the recording").with_source(error);
        fault.with_hint("write one with `tidegate record --write FILE`; docs/recording.md has the form")
    }
}

/// The text of a recording.
///
/// # Errors
/// When it cannot be written as JSON, which no timeline causes.
pub fn write(timeline: &Timeline) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&to_form(timeline))?;
    text.push('\n');
    Ok(text)
}

/// Parses a recording.
///
/// # Errors
/// When the text is none, with the position.
pub fn read(text: &str) -> Result<Timeline, RecordingError> {
    if text.len() > MOST_BYTES {
        return Err(RecordingError::TooLarge);
    }
    let version: form::Versioned = serde_json::from_str(text).map_err(RecordingError::Form)?;
    if version.version != VERSION {
        return Err(RecordingError::Version { found: version.version });
    }
    from_form(serde_json::from_str(text).map_err(RecordingError::Form)?)
}

fn to_form(timeline: &Timeline) -> Recording {
    Recording {
        kind: form::Kind::Recording,
        version: VERSION,
        from: timeline.from,
        to: timeline.to,
        folders: timeline.folders.clone(),
        images: timeline.images.iter().map(|(image, known)| image_form(image, known)).collect(),
        commits: timeline
            .tag_changes
            .chunk_by(|one, next| one.sequence == next.sequence)
            .filter_map(commit_form)
            .collect(),
        controls: timeline
            .controls
            .iter()
            .map(|change| Control { at: change.at, file: change.file.clone(), text: change.text.clone() })
            .collect(),
        rules: timeline.followed.iter().map(rules_form).collect(),
        health: timeline.health.iter().map(health_form).collect(),
    }
}

fn image_form(image: &crate::model::ImageName, known: &ImageTimeline) -> Image {
    let tagged = |(tag, known): (&crate::model::Tag, &TagTimeline)| Tagged {
        tag: tag.clone(),
        at: known.seen.time(),
        seen: match known.seen {
            Seen::At(_) => SeenAs::At,
            Seen::By(_) => SeenAs::By,
        },
        digests: known
            .digests
            .iter()
            .map(|seen| form::Meant { digest: seen.digest.clone(), at: seen.at })
            .collect(),
    };
    Image {
        name: image.clone(),
        watched_since: known.watched_since,
        tags: known.tags.iter().map(tagged).collect(),
    }
}

fn commit_form(tag_changes: &[TagChange]) -> Option<Commit> {
    let commit = &tag_changes.first()?.commit;
    Some(Commit {
        id: commit.id,
        at: commit.committed_at,
        parent_at: commit.parent_committed_at,
        author: commit.author_name.clone(),
        absent_at: commit.fetched.absent_at,
        fetched_at: commit.fetched.fetched_at,
        moved: tag_changes.iter().map(moved_form).collect(),
    })
}

fn moved_form(tag_change: &TagChange) -> Moved {
    Moved {
        file: tag_change.path.clone(),
        service: tag_change.service.clone(),
        image: tag_change.image.clone(),
        before: tag_change.before.clone(),
        after: tag_change.after.clone(),
        promotion: tag_change.promotion.as_ref().map(|mark| Promotion {
            id: mark.id,
            requested_by: mark.requested_by.clone(),
            digest: mark.digest.clone(),
        }),
    }
}

fn rules_form(followed: &Followed) -> Rules {
    let pattern = followed.rules.tag_pattern.as_ref();
    Rules {
        environment: followed.environment.clone(),
        service: followed.service.clone(),
        image: followed.image.clone(),
        versions: followed.rules.versions.clone(),
        tag_pattern: pattern.map(|pattern| pattern.as_str().to_owned()),
        extract: pattern.and_then(|pattern| pattern.extract()).map(str::to_owned),
        order: TagOrderForm::of(followed.rules.order),
        exclusions: followed.rules.exclusions.iter().map(|one| one.as_str().to_owned()).collect(),
    }
}

fn health_form((subject, changes): (&HealthSubject, &Vec<HealthObservation>)) -> TargetHealth {
    let HealthSubject { environment, service, image } = subject.clone();
    let change = |change: &HealthObservation| HealthChange {
        commit: change.commit,
        ready_since: change.ready_since,
        at: change.at,
    };
    TargetHealth { environment, service, image, changes: changes.iter().map(change).collect() }
}

fn health_of(
    health: Vec<TargetHealth>,
) -> Result<BTreeMap<HealthSubject, Vec<HealthObservation>>, RecordingError> {
    let mut found = BTreeMap::new();
    for (at, TargetHealth { environment, service, image, changes }) in health.into_iter().enumerate() {
        let wrong = |problem| RecordingError::Sense { place: format!("health[{at}]"), problem };
        if changes.windows(2).any(|two| two[1].at < two[0].at) {
            return Err(wrong("the changes are not in the order of time"));
        }
        let change = |HealthChange { commit, ready_since, at }| HealthObservation { commit, ready_since, at };
        let changes = changes.into_iter().map(change).collect();
        if found.insert(HealthSubject { environment, service, image }, changes).is_some() {
            return Err(wrong("the same target is there before"));
        }
    }
    Ok(found)
}

fn from_form(recording: Recording) -> Result<Timeline, RecordingError> {
    let wrong = |place: &str, problem| RecordingError::Sense { place: place.to_owned(), problem };
    if recording.to < recording.from {
        return Err(wrong("to", "it ends before it begins"));
    }
    let mut images = BTreeMap::new();
    for (at, image) in recording.images.into_iter().enumerate() {
        let (name, known) = image_of(image, at)?;
        if images.insert(name, known).is_some() {
            return Err(wrong(&format!("images[{at}]"), "the same image is there before"));
        }
    }
    let mut tag_changes = Vec::new();
    for (sequence, commit) in (0..).zip(recording.commits) {
        tag_changes.extend(tag_changes_of(commit, sequence));
    }
    let controls =
        recording.controls.into_iter().map(|Control { at, file, text }| ControlFileChange { at, file, text });
    let controls: Vec<ControlFileChange> = controls.collect();
    if let Some(at) = controls.windows(2).position(|two| two[1].at < two[0].at) {
        return Err(wrong(&format!("controls[{}]", at + 1), "it is earlier than the one before it"));
    }
    let rules = recording.rules.into_iter().enumerate();
    let followed = rules.map(|(at, rules)| followed_of(rules, at)).collect::<Result<_, _>>()?;
    Ok(Timeline {
        from: recording.from,
        to: recording.to,
        folders: recording.folders,
        images,
        tag_changes,
        controls,
        followed,
        health: health_of(recording.health)?,
    })
}

fn image_of(image: Image, at: usize) -> Result<(crate::model::ImageName, ImageTimeline), RecordingError> {
    let mut tags = BTreeMap::new();
    for (place, tagged) in image.tags.into_iter().enumerate() {
        let wrong = |problem| RecordingError::Sense { place: format!("images[{at}].tags[{place}]"), problem };
        if tagged.digests.windows(2).any(|two| two[1].at < two[0].at) {
            return Err(wrong("the digests are not in the order of time"));
        }
        let seen = match tagged.seen {
            SeenAs::At => Seen::At(tagged.at),
            SeenAs::By => Seen::By(tagged.at),
        };
        let digests =
            tagged.digests.into_iter().map(|meant| Observation { digest: meant.digest, at: meant.at });
        let known = TagTimeline { seen, digests: digests.collect() };
        if tags.insert(tagged.tag, known).is_some() {
            return Err(wrong("the same tag is there before"));
        }
    }
    Ok((image.name, ImageTimeline { watched_since: image.watched_since, tags }))
}

fn tag_changes_of(commit: Commit, sequence: u64) -> impl Iterator<Item = TagChange> {
    let facts = Arc::new(TagChangeCommit {
        id: commit.id,
        committed_at: commit.at,
        parent_committed_at: commit.parent_at,
        author_name: commit.author,
        fetched: FetchEvidence { absent_at: commit.absent_at, fetched_at: commit.fetched_at },
    });
    commit.moved.into_iter().map(move |moved| TagChange {
        sequence,
        commit: Arc::clone(&facts),
        path: moved.file,
        service: moved.service,
        image: moved.image,
        before: moved.before,
        after: moved.after,
        promotion: moved.promotion.map(|mark| PromotionMark {
            id: mark.id,
            requested_by: mark.requested_by,
            digest: mark.digest,
            is_pushed_here: true,
        }),
        is_beside: false,
        renamed_from: None,
    })
}

fn followed_of(rules: Rules, at: usize) -> Result<Followed, RecordingError> {
    use crate::policy::TagPattern;
    let pattern = match (&rules.tag_pattern, &rules.extract) {
        (None, _) => None,
        (Some(pattern), None) => Some(pattern.parse::<TagPattern>()),
        (Some(pattern), Some(extract)) => Some(TagPattern::with_extract(pattern, extract)),
    };
    let tag_pattern = pattern.transpose().map_err(|_| RecordingError::Sense {
        place: format!("rules[{at}].tagPattern"),
        problem: "it is no tag pattern that can be used",
    })?;
    let exclusion = |pattern: &String| {
        TagPattern::with_extract(pattern, "").map_err(|_| RecordingError::Sense {
            place: format!("rules[{at}].exclusions"),
            problem: "it is no regular expression that can be used",
        })
    };
    let exclusions = rules.exclusions.iter().map(exclusion).collect::<Result<_, _>>()?;
    Ok(Followed {
        environment: rules.environment,
        service: rules.service,
        image: rules.image,
        rules: SelectionRules {
            versions: rules.versions,
            tag_pattern,
            order: rules.order.order(),
            exclusions,
        },
    })
}
