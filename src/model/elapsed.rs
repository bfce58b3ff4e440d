//! Durations for people.

use std::fmt;
use std::time::Duration;

/// Formats a duration with its two largest units: `26h12m`, `4m10s`, `12s`, `0s`. From three days on it uses days:
/// `3d4h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elapsed(pub Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (large, large_unit, small, small_unit) = match seconds {
            0..60 => return formatter.pad(&format!("{seconds}s")),
            60..3600 => (seconds / 60, 'm', seconds % 60, 's'),
            3600..259_200 => (seconds / 3600, 'h', seconds % 3600 / 60, 'm'),
            _ => (seconds / 86_400, 'd', seconds % 86_400 / 3600, 'h'),
        };
        if small == 0 {
            formatter.pad(&format!("{large}{large_unit}"))
        } else {
            formatter.pad(&format!("{large}{large_unit}{small}{small_unit}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (250, "4m10s"),
            (3600, "1h"),
            (26 * 3600 + 12 * 60 + 5, "26h12m"),
            (71 * 3600 + 59 * 60, "71h59m"),
            (3 * 86_400 + 4 * 3600, "3d4h"),
        ] {
            assert_eq!(Elapsed(Duration::from_secs(seconds)).to_string(), shown);
        }
    }
}
