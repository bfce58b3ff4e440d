//! The names of the gates.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The gates, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GateName {
    /// The candidate is higher than what runs, and nobody moved back from it.
    Order,
    /// No hold covers it.
    Hold,
    /// The version is not quarantined.
    Quarantine,
    /// Its digest was first seen long enough ago.
    Age,
    /// It has run long enough in the environment before.
    Soak,
    /// The tag means what soaked.
    Digest,
    /// Flux reports it ready in the environment before.
    Health,
    /// No freeze is in effect.
    Freeze,
    /// Now is inside a window.
    Window,
    /// Somebody approved it, if somebody must.
    Approval,
    /// The other services of its set go with it.
    Group,
}

/// The text is not a gate's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a gate is one of order, hold, quarantine, age, soak, digest, health, freeze, window, approval and group"
)]
pub struct GateNameError;

impl GateName {
    /// Every gate, in the order in which they are told.
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

    /// The name as it is written.
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

    /// Whether a person may promote although this gate is closed.
    ///
    /// A set never ships in parts, so nobody may override its gate. The order gate and the digest gate ask for more than
    /// a reason: see [`super::Overrides`].
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
