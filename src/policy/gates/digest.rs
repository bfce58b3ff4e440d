//! The digest gate: the promoted digest is the one that soaked. A tag is only an alias.

use std::fmt;

use crate::model::{Digest, Tag};
use crate::policy::clock::SoakClock;
use crate::policy::facts::DigestNow;

use super::question::{Answer, Question};
use super::soak::Soaking;

/// The reason of the digest gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestReason {
    /// The tag still has the digest that soaked.
    Same {
        /// The candidate.
        tag: Tag,
        /// Its digest.
        digest: Digest,
    },
    /// No soak, so no digest to compare with.
    Unsoaked {
        /// The candidate.
        tag: Tag,
        /// Its digest.
        digest: Digest,
    },
    /// The tag has another digest than the one that soaked.
    Moved {
        /// The candidate.
        tag: Tag,
        /// The digest that soaked.
        soaked: Digest,
        /// The digest that the tag has now.
        now: Digest,
    },
    /// The request of the tag's digest failed.
    NotAsked {
        /// The candidate.
        tag: Tag,
    },
    /// The digest is requested once every other gate is open.
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
