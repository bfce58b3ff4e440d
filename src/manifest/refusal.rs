//! Why one image field is left alone.

use std::fmt;

use super::position::Position;
use crate::model::{ImageName, Printable, ServiceName};

/// An image field that was found and that cannot be moved safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HelmRelease it is in, unless that has no usable name.
    pub service: Option<ServiceName>,
    /// The image it is of, where that is certain all the same.
    pub image: Option<ImageName>,
    /// Where the reason is.
    pub position: Position,
    /// The reason, shown in plain words.
    pub reason: RefusalReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(formatter, "{}: {service}: {}", self.position, self.reason),
            None => write!(formatter, "{}: {}", self.position, self.reason),
        }
    }
}

/// The reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The value holds `{{ }}` or `${ }`: something else writes it later.
    Template,
    /// A literal or folded scalar (`|`, `>`).
    BlockScalar,
    /// The value is written with escapes or over several lines.
    Escaped,
    /// A mapping on the way to the field, or the one that holds it, has a key twice.
    DuplicateKey(String),
    /// A merge key (`<<`) that is not one plain alias of a mapping without merge keys of its own.
    MergeKey,
    /// A scalar without quotes that YAML does not read as text, such as `1.10`.
    NotText {
        /// The value as it is written.
        value: String,
        /// What YAML reads it as, with its article: `a number`.
        read_as: &'static str,
    },
    /// A mapping or a sequence where a scalar belongs.
    NotScalar,
    /// Nothing, a null or an empty text.
    Empty,
    /// A YAML tag other than `!!str`.
    CustomTag(String),
    /// Text that is no tag by the grammar of the distribution specification.
    NotATag(String),
    /// Text that is no image's name.
    NotAnImage(String),
    /// Text that is no digest.
    NotADigest(String),
    /// `latest`, `main`, `master` or `dev`.
    Floating(String),
    /// The tag carries one digest and a key beside it another.
    TwoDigests,
    /// A digest with a setter comment and no tag beside it.
    DigestAlone,
    /// A comment that names `$imagepolicy` and cannot be read.
    SetterComment(String),
    /// The HelmRelease has no name that Kubernetes would take.
    ServiceName(String),
    /// A HelmRelease of a version of Flux's API that is not known.
    ApiVersion(String),
}

impl RefusalReason {
    /// What to do about it, in plain words.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Template => {
                "write the value itself in the file, or leave this image to what fills the template"
            }
            Self::BlockScalar => "write the value on the line of its key",
            Self::Escaped => "write the value on one line, without escapes",
            Self::DuplicateKey(_) => "remove one of the two",
            Self::MergeKey => "write the keys out, or merge one anchored mapping with `<<: *anchor`",
            Self::NotText { .. } | Self::CustomTag(_) => "put the value in quotes",
            Self::NotScalar => "write one value there",
            Self::Empty => "write the tag that runs now; from then on it is kept up to date",
            Self::NotATag(_) => "a tag is 1 to 128 letters, digits, `_`, `.` or `-`",
            Self::NotAnImage(_) => "an image is named `host/path`, such as ghcr.io/vtr/app, in lower case",
            Self::NotADigest(_) => "a digest is `sha256:` and 64 hexadecimal digits",
            Self::Floating(_) => "write the version that runs now; a name that moves cannot be promoted",
            Self::TwoDigests => "keep the digest in one place",
            Self::DigestAlone => "add the tag that the digest is of",
            Self::SetterComment(_) => r#"write it as `# {"$imagepolicy": "namespace:name:tag"}`"#,
            Self::ServiceName(_) => {
                "give the HelmRelease a `metadata.name` and a `metadata.namespace` of its own"
            }
            Self::ApiVersion(_) => "use helm.toolkit.fluxcd.io/v2",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text| Printable::bounded(text, 60);
        match self {
            Self::Template => write!(formatter, "the value is a template"),
            Self::BlockScalar => write!(formatter, "the value is a block scalar"),
            Self::Escaped => write!(formatter, "the value is written with escapes or over several lines"),
            Self::DuplicateKey(key) => write!(formatter, "the key `{}` is there twice", show(key)),
            Self::MergeKey => write!(formatter, "the merge key is not one alias of a simple mapping"),
            Self::NotText { value, read_as } => {
                write!(formatter, "`{}` without quotes is {read_as}, not text", show(value))
            }
            Self::NotScalar => write!(formatter, "the value is a mapping or a sequence"),
            Self::Empty => write!(formatter, "the value is empty"),
            Self::CustomTag(tag) => write!(formatter, "the value has the YAML tag `{}`", show(tag)),
            Self::NotATag(text) => write!(formatter, "`{}` is not an image tag", show(text)),
            Self::NotAnImage(text) => write!(formatter, "`{}` is not an image's name", show(text)),
            Self::NotADigest(text) => write!(formatter, "`{}` is not a digest", show(text)),
            Self::Floating(tag) => {
                write!(formatter, "the tag `{}` does not say which version it is", show(tag))
            }
            Self::TwoDigests => write!(formatter, "the image is pinned by two digests"),
            Self::DigestAlone => write!(formatter, "the digest has no tag beside it"),
            Self::SetterComment(text) => {
                write!(formatter, "the setter comment `{}` cannot be read", show(text))
            }
            Self::ServiceName(name) => {
                write!(formatter, "Kubernetes would not take the HelmRelease's name `{}`", show(name))
            }
            Self::ApiVersion(version) => {
                write!(formatter, "the HelmRelease's apiVersion `{}` is not known", show(version))
            }
        }
    }
}
