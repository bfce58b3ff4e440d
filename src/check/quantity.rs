//! Kubernetes quantities (`500m`, `256Mi`, `1e3`), compared by value.

/// A quantity in thousandths of its unit: `500m` is 500, `1Gi` is 2^30 · 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantity(u128);

impl Quantity {
    /// Reads a quantity that is not negative. Fractions below a thousandth are cut off.
    pub(super) fn read(text: &str) -> Option<Self> {
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
        let thousandths_per_unit: u128 = match suffix {
            "m" => 1,
            "" => 1_000,
            "k" => 1_000_000,
            "M" => 1_000_000_000,
            "G" => 1_000_000_000_000,
            "T" => 1_000_000_000_000_000,
            "Ki" => 1_000 << 10,
            "Mi" => 1_000 << 20,
            "Gi" => 1_000 << 30,
            "Ti" => 1_000 << 40,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = (!whole.is_empty() || !fraction.is_empty()) && !fraction.contains('.');
        // Longer numbers are no amount of CPU or memory.
        if !is_number || whole.len() > 15 || fraction.len() > 9 {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let digits: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        Some(Self(whole * thousandths_per_unit + digits * thousandths_per_unit / scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_by_value() {
        for (one, other) in
            [("1000m", "1"), ("0.5", "500m"), ("1Gi", "1024Mi"), ("1.5Gi", "1536Mi"), (".5", "0.5")]
        {
            assert_eq!(Quantity::read(one), Quantity::read(other), "{one} {other}");
            assert!(Quantity::read(one).is_some(), "{one}");
        }
        assert!(Quantity::read("1G") < Quantity::read("1Gi"));
        for text in ["", "m", "-1", "1.2.3", "1 Gi", "${MEMORY}", "99999999999999999999"] {
            assert_eq!(Quantity::read(text), None, "{text}");
        }
    }
}
