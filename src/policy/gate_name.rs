//! The names of the gates.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The gates, in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GateName {
    /// The candidate is higher than the running version, and nobody rolled back from it.
    Order,
    /// No hold covers the target, and no pin excludes the candidate.
    Hold,
    /// The version is not quarantined.
    Quarantine,
    /// The digest was first seen long enough ago.
    Age,
    /// The version has run long enough in the previous environment.
    Soak,
    /// The tag still has the digest that soaked.
    Digest,
    /// Flux reports the version healthy in the previous environment, where that has a cluster.
    Health,
    /// No freeze is in effect.
    Freeze,
    /// A window is open.
    Window,
    /// The candidate is approved, where an approval is required.
    Approval,
    /// The other services of the group can be promoted too.
    Group,
}

/// Not the name of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a gate is one of order, hold, quarantine, age, soak, digest, health, freeze, window, approval and group"
)]
pub struct GateNameError;

impl GateName {
    /// Every gate, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Order,
        Self::Hold,
        Self::Quarantine,
        Self::Age,
        Self::Soak,
        Self::Digest,
        Self::Health,
        Self::Freeze,
        Self::Window,
        Self::Approval,
        Self::Group,
    ];

    /// The name in commands and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Hold => "hold",
            Self::Quarantine => "quarantine",
            Self::Age => "age",
            Self::Soak => "soak",
            Self::Digest => "digest",
            Self::Health => "health",
            Self::Freeze => "freeze",
            Self::Window => "window",
            Self::Approval => "approval",
            Self::Group => "group",
        }
    }

    /// Whether an override may pass this gate.
    ///
    /// A group is never promoted in part, so its gate has no override. The order and digest gates need a confirmation besides
    /// the reason: see [`super::Overrides`].
    pub fn can_be_overridden(self) -> bool {
        self != Self::Group
    }
}

impl FromStr for GateName {
    type Err = GateNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|gate| gate.as_str() == text).ok_or(GateNameError)
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for gate in GateName::ALL {
            assert_eq!(gate.to_string().parse(), Ok(gate));
        }
        assert!(GateName::ALL.is_sorted());
        assert_eq!("Soak".parse::<GateName>(), Err(GateNameError));
    }
}
