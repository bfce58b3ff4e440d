//! Platforms, as an OCI index and an image's configuration name them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

use super::Printable;

/// A platform that an image runs on: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// The operating system; `unknown` for attestations.
    #[serde(default)]
    pub os: String,
    /// The processor's architecture.
    #[serde(default)]
    pub architecture: String,
    /// The variant of the architecture, such as `v7`.
    pub variant: Option<String>,
}

/// Text that names no platform.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("`{}` is not a platform", Printable::bounded(.0, 60))]
pub struct PlatformError(String);

impl Platform {
    /// Whether an image for `other` serves; without a variant, any variant does.
    pub fn matches(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [os, architecture] | [os, architecture, _] if parts.iter().all(is_word) => Ok(Self {
                os: (*os).to_owned(),
                architecture: (*architecture).to_owned(),
                variant: parts.get(2).map(|variant| (*variant).to_owned()),
            }),
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

/// The platform of an image is untrusted text, so it is bounded and escaped.
impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |part| Printable::bounded(part, 40);
        write!(formatter, "{}/{}", shown(&self.os), shown(&self.architecture))?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(formatter, "/{}", shown(variant)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("linux", false)]
    #[case("linux/amd64", true)]
    #[case("linux/arm/v7", true)]
    #[case("linux/arm/v7/x", false)]
    #[case("linux/arm/", false)]
    #[case("/amd64", false)]
    #[case("linux / amd64", false)]
    fn platforms_are_os_architecture_and_variant(#[case] text: &str, #[case] is_valid: bool) {
        let parsed = text.parse::<Platform>();
        assert_eq!(parsed.is_ok(), is_valid);
        assert!(parsed.is_err() || parsed.unwrap().to_string() == text);
    }
}
