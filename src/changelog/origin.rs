//! Reads an image's source repository and revision from its labels: OCI's, or the older label-schema ones.

use std::collections::BTreeMap;

use super::clean;
use super::source_name::SourceName;

// Label keys: OCI first, then label-schema.
const SOURCE: [&str; 2] = ["org.opencontainers.image.source", "org.label-schema.vcs-url"];
const REVISION: [&str; 2] = ["org.opencontainers.image.revision", "org.label-schema.vcs-ref"];

/// Where an image comes from, according to its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The source repository.
    pub source: Label<SourceName>,
    /// The commit that the image was built from.
    pub revision: Label<Revision>,
}

/// The value of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Label<T> {
    /// No label, or an empty one.
    #[default]
    Missing,
    /// A parsed value.
    Valid(T),
    /// The printable text of a value that does not parse.
    Invalid(String),
}

/// A commit id in a label, possibly abbreviated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// 7 to 40 lower-case hexadecimal digits.
    hex: Box<str>,
    /// Whether the image was built with uncommitted changes.
    pub is_dirty: bool,
}

impl Revision {
    /// 7 to 40 lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The first 7 digits.
    pub fn short(&self) -> &str {
        &self.hex[..7]
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (hex, is_dirty) = match text.strip_suffix("-dirty").or_else(|| text.strip_suffix("-modified")) {
            Some(hex) => (hex, true),
            None => (text.as_str(), false),
        };
        let is_hex = (7..=40).contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| Self { hex: hex.into(), is_dirty })
    }
}

impl Origin {
    /// Reads the labels of an image.
    pub fn read(labels: &BTreeMap<String, String>) -> Self {
        Self {
            source: first_value(labels, SOURCE, |text| text.parse().ok()),
            revision: first_value(labels, REVISION, Revision::read),
        }
    }
}

/// The value of the first of these labels that is not empty.
fn first_value<T>(
    labels: &BTreeMap<String, String>,
    keys: [&str; 2],
    read: impl Fn(&str) -> Option<T>,
) -> Label<T> {
    let value = keys.iter().filter_map(|key| labels.get(*key)).find(|value| !value.trim().is_empty());
    let Some(value) = value else { return Label::Missing };
    read(value).map_or_else(|| Label::Invalid(clean::name(value)), Label::Valid)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn oci_labels_take_precedence_over_label_schema() {
        let both = labels(&[
            ("org.opencontainers.image.source", "https://github.com/vtr/app"),
            ("org.label-schema.vcs-url", "https://github.com/vtr/old"),
            ("org.opencontainers.image.revision", " "),
            ("org.label-schema.vcs-ref", "9F2C1AB"),
        ]);
        let origin = Origin::read(&both);
        assert_eq!(origin.source, Label::Valid("github.com/vtr/app".parse().unwrap()));
        let Label::Valid(revision) = origin.revision else { panic!() };
        assert_eq!((revision.hex(), revision.is_dirty), ("9f2c1ab", false));
        assert_eq!(Origin::read(&BTreeMap::new()), Origin::default());
    }

    #[rstest]
    #[case::whole("9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0", true)]
    #[case::dirty("9f2c1ab-dirty", true)]
    #[case::branch("main", false)]
    #[case::short("9f2c1a", false)]
    #[case::long("9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab00", false)]
    #[case::option("--upload-pack=x", false)]
    #[case::described("v1.0.3-12-g9f2c1ab", false)]
    fn reads_revisions(#[case] text: &str, #[case] is_valid: bool) {
        let origin = Origin::read(&labels(&[("org.opencontainers.image.revision", text)]));
        assert_eq!(matches!(origin.revision, Label::Valid(_)), is_valid, "{origin:?}");
    }

    #[test]
    fn invalid_values_are_printable() {
        let origin = Origin::read(&labels(&[("org.opencontainers.image.source", "x\u{1b}[31m\n\n# y")]));
        assert_eq!(origin.source, Label::Invalid("x\\u{1b}[31m # y".into()));
    }
}
