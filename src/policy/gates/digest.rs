//! The digest gate: what ships is what soaked. A tag is an alias; the digest is the image.

use std::fmt;

use crate::model::{Digest, Tag};
use crate::policy::clock::SoakClock;
use crate::policy::facts::DigestNow;

use super::question::{Answer, Question};
use super::soak::Soaking;

/// Why the digest gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestReason {
    /// The tag means what soaked.
    Same {
        /// The candidate.
        tag: Tag,
        /// What it means.
        digest: Digest,
    },
    /// Nothing soaked that the tag's meaning could be compared with.
    Unsoaked {
        /// The candidate.
        tag: Tag,
        /// What it means.
        digest: Digest,
    },
    /// The tag means something else than what soaked.
    Moved {
        /// The candidate.
        tag: Tag,
        /// What soaked.
        soaked: Digest,
        /// What the tag means now.
        now: Digest,
    },
    /// What the tag means could not be asked.
    NotAsked {
        /// The candidate.
        tag: Tag,
    },
    /// What the tag means is asked when everything else is open.
    AskedLater {
        /// The candidate.
        tag: Tag,
    },
}

pub(super) fn ask(question: Question<'_>, soaking: &Soaking<'_>) -> (Answer, DigestReason) {
    let tag = question.candidate.tag.clone();
    if let Some(SoakClock::Moved { soaked, now }) = soaking.clock() {
        let (soaked, now) = ((*soaked).clone(), (*now).clone());
        return (Answer::Refused, DigestReason::Moved { tag, soaked, now });
    }
    if matches!(question.facts.digest_now, DigestNow::NotAsked) {
        return (Answer::Open, DigestReason::AskedLater { tag });
    }
    let Some(digest) = question.digest_now().cloned() else {
        return (Answer::Closed, DigestReason::NotAsked { tag });
    };
    let has_soaked = matches!(soaking.clock(), Some(SoakClock::Running { .. }));
    let reason =
        if has_soaked { DigestReason::Same { tag, digest } } else { DigestReason::Unsoaked { tag, digest } };
    (Answer::Open, reason)
}

impl fmt::Display for DigestReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { tag, digest } => {
                write!(formatter, "{tag} is still {}, which soaked", digest.short())
            }
            Self::Unsoaked { tag, digest } => write!(formatter, "{tag} is {}", digest.short()),
            Self::Moved { tag, soaked, now } => {
                write!(formatter, "{tag} was {} when it soaked and is now {}", soaked.short(), now.short())
            }
            Self::AskedLater { tag } => {
                write!(formatter, "the digest of {tag} is checked once every other gate is open")
            }
            Self::NotAsked { tag } => {
                write!(formatter, "cannot read the digest of {tag} from the registry")
            }
        }
    }
}
