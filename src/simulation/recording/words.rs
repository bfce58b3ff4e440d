//! Model values as JSON strings. Each is parsed by its own rules, so that errors have a position.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize as _, Serializer};

use crate::model::Printable;

/// Maximum length of untrusted text, in characters.
const LONGEST_TEXT_CHARS: usize = 1000;

/// Maximum size of a control file, in bytes.
const LARGEST_FILE_BYTES: usize = 64 * 1024;

pub(super) fn serialize<T: Display, S: Serializer>(word: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(word)
}

pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    parse(&String::deserialize(from)?)
}

fn parse<T, E>(text: &str) -> Result<T, E>
where
    T: FromStr<Err: Display>,
    E: serde::de::Error,
{
    text.parse().map_err(|error: T::Err| {
        let (text, error) = (Printable::bounded(text, 80), error.to_string());
        E::custom(format!("`{text}`: {}", Printable::bounded(&error, 300)))
    })
}

/// Untrusted text.
pub(super) fn bounded_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.chars().count() > LONGEST_TEXT_CHARS {
        return Err(D::Error::custom(format!("a text is longer than {LONGEST_TEXT_CHARS} characters")));
    }
    Ok(text)
}

/// The text of a control file; `None` if it was removed.
pub(super) fn bounded_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    if text.as_ref().is_some_and(|text| text.len() > LARGEST_FILE_BYTES) {
        return Err(D::Error::custom("a control file is larger than 64 KiB"));
    }
    Ok(text)
}

/// An optional value.
pub(super) mod maybe {
    use super::{Deserializer, Display, FromStr, Serializer, parse};
    use serde::Deserialize as _;

    #[expect(clippy::ref_option, reason = "serde hands over a field as it is")]
    pub(in crate::simulation::recording) fn serialize<T: Display, S: Serializer>(
        word: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match word {
            Some(word) => to.collect_str(word),
            None => to.serialize_none(),
        }
    }

    pub(in crate::simulation::recording) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Option::<String>::deserialize(from)?.map(|text| parse(&text)).transpose()
    }
}

/// A list of values.
pub(super) mod list {
    use super::{Deserializer, Display, FromStr, Serializer, parse};
    use serde::Deserialize as _;

    pub(in crate::simulation::recording) fn serialize<T: Display, S: Serializer>(
        words: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(words.iter().map(ToString::to_string))
    }

    pub(in crate::simulation::recording) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Vec::<String>::deserialize(from)?.iter().map(|text| parse(text)).collect()
    }
}

/// Tags as manifests hold them: `v1.0.0`, or `v1.0.0@sha256:…`.
pub(super) mod pinned {
    use super::{Deserializer, Serializer, parse};
    use crate::model::PinnedTag;
    use serde::Deserialize as _;

    pub(in crate::simulation::recording) fn serialize<S: Serializer>(
        held: &[PinnedTag],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = |held: &PinnedTag| match &held.digest {
            Some(digest) => format!("{}@{digest}", held.tag),
            None => held.tag.to_string(),
        };
        to.collect_seq(held.iter().map(text))
    }

    pub(in crate::simulation::recording) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PinnedTag>, D::Error> {
        let read = |text: &String| {
            let (tag, digest) = match text.split_once('@') {
                Some((tag, digest)) => (tag, Some(digest)),
                None => (text.as_str(), None),
            };
            Ok(PinnedTag { tag: parse(tag)?, digest: digest.map(parse).transpose()? })
        };
        Vec::<String>::deserialize(from)?.iter().map(read).collect()
    }
}

/// UTC times in RFC 3339, within plausible years.
pub(super) mod time {
    use chrono::{DateTime, Datelike as _, SecondsFormat};
    use serde::Deserialize as _;

    use super::{Deserializer, Printable, Serializer};
    use crate::model::Timestamp;

    pub(in crate::simulation::recording) fn serialize<S: Serializer>(
        at: &Timestamp,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    pub(in crate::simulation::recording) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Timestamp, D::Error> {
        read(&String::deserialize(from)?)
    }

    fn read<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
        let shown = || Printable::bounded(text, 40).to_string();
        let at = DateTime::parse_from_rfc3339(text)
            .map_err(|_| E::custom(format!("`{}` is not a time such as 2026-11-24T09:00:00Z", shown())))?;
        let at = at.to_utc();
        if !(1970..2200).contains(&at.year()) {
            return Err(E::custom(format!("`{}` is not in the years 1970 to 2199", shown())));
        }
        Ok(at)
    }

    /// An optional time.
    pub(in crate::simulation::recording) mod maybe {
        use super::{Deserializer, Serializer, Timestamp};
        use serde::Deserialize as _;

        #[expect(clippy::ref_option, reason = "serde hands over a field as it is")]
        pub(in crate::simulation::recording) fn serialize<S: Serializer>(
            at: &Option<Timestamp>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match at {
                Some(at) => super::serialize(at, to),
                None => to.serialize_none(),
            }
        }

        pub(in crate::simulation::recording) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            Option::<String>::deserialize(from)?.map(|text| super::read(&text)).transpose()
        }
    }
}
