//! Positions in the configuration file, and values that remember theirs. Knows nothing of what the values mean.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A position in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The length of the value in characters; at least 1.
    pub length_chars: u32,
}

impl Location {
    /// The beginning of the file.
    pub(super) const START: Self = Self { line: 1, column: 1, length_chars: 1 };

    pub(super) fn of(location: serde_saphyr::Location) -> Self {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
        Self {
            line: narrow(location.line()),
            column: narrow(location.column()),
            length_chars: u32::try_from(location.span().len()).unwrap_or(1).max(1),
        }
    }

    /// The first character of this position: for a mapping or a list, whose whole would fill the screen.
    pub(super) fn start(self) -> Self {
        Self { length_chars: 1, ..self }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A value of the configuration file and its position; for an alias, the position of its anchor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its position.
    pub at: Location,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { value: spanned.value, at: Location::of(spanned.defined) })
    }
}

/// The schema of the value; its position is not part of the file's shape.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
