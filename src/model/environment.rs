//! The name of an environment.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of an environment, such as `non-prod`: letters, digits, `-`, `_` and `.`, at most 63 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnvironmentName(Box<str>);

/// The text is not the name of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "an environment's name is 1 to 63 letters, digits, `-`, `_` or `.`, and begins with a letter or a digit"
)]
pub struct EnvironmentNameError;

impl EnvironmentName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvironmentName {
    type Err = EnvironmentNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = (1..=63).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if good { Ok(Self(text.into())) } else { Err(EnvironmentNameError) }
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["prod", "non-prod", "eu1", "0", "a.b_c"] {
            assert!(good.parse::<EnvironmentName>().is_ok(), "{good}");
        }
        for bad in ["", "-prod", "pro d", "prod\n", "näh", &"x".repeat(64)] {
            assert!(bad.parse::<EnvironmentName>().is_err(), "{bad}");
        }
    }
}
