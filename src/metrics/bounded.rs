//! Bounds the values that a label takes from outside.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// What every value beyond the bound becomes.
const OTHER: &str = "other";

/// The first so many values of a label; later ones become `other`.
#[derive(Debug)]
pub(super) struct BoundedValues {
    known: RwLock<BTreeSet<String>>,
    most: usize,
}

impl BoundedValues {
    pub(super) fn new(most: usize) -> Self {
        Self { known: RwLock::default(), most }
    }

    /// The value to use.
    pub(super) fn value(&self, value: &str) -> String {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(value) {
            return value.to_owned();
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains(value) {
            return OTHER.to_owned();
        }
        known.insert(value.to_owned());
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_bound_share_one_series() {
        let values = BoundedValues::new(2);
        for (value, used) in [("a", "a"), ("b", "b"), ("c", "other"), ("a", "a"), ("d", "other")] {
            assert_eq!(values.value(value), used);
        }
    }
}
