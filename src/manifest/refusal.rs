//! Why an image field is not managed.

use std::fmt;

use super::field::FieldShape;
use super::position::Position;
use super::unreadable::UnreadableReason;
use crate::model::{ImageName, Printable, ServiceName};

/// A reason to refuse every field below a node, and its place.
pub(super) type Defect = (RefusalReason, Position);

/// An image field that cannot be edited safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service, as the file names it; `None` where its name is not usable.
    pub service: Option<ServiceName>,
    /// The image, where it is certain all the same.
    pub image: Option<ImageName>,
    /// The place of the cause.
    pub position: Position,
    /// The cause.
    pub reason: RefusalReason,
    /// The rule that found the field.
    pub shape: FieldShape,
    /// The key of a ConfigMap's `data` that it is in.
    pub data_key: Option<Box<str>>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(formatter, "{}: {service}: {}", self.position, self.reason),
            None => write!(formatter, "{}: {}", self.position, self.reason),
        }
    }
}

/// Why a field is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The value contains `{{ }}` or `${ }`: something fills it in later.
    Template,
    /// A literal or folded scalar (`|`, `>`).
    BlockScalar,
    /// The value has escapes or spans several lines.
    Escaped,
    /// A mapping above the field has a key twice.
    DuplicateKey(String),
    /// A merge key (`<<`) that is not a single alias of a mapping without merge keys.
    MergeKey,
    /// A plain scalar that YAML does not read as text, such as `1.10`.
    NotText {
        /// The value as written.
        value: String,
        /// The YAML type with its article: `a number`.
        read_as: &'static str,
    },
    /// A mapping or sequence in place of a scalar.
    NotScalar,
    /// Nothing, null or an empty string.
    Empty,
    /// A YAML tag other than `!!str`.
    CustomTag(String),
    /// Not a tag by the grammar of the OCI distribution specification.
    NotATag(String),
    /// Not an image name.
    NotAnImage(String),
    /// Not a digest.
    NotADigest(String),
    /// `latest`, `main`, `master` or `dev`.
    Floating(String),
    /// A digest in the tag and another one in a sibling key.
    TwoDigests,
    /// A digest with a setter comment but without a tag beside it.
    DigestAlone,
    /// A malformed setter comment.
    SetterComment(String),
    /// The name of the object is not valid in Kubernetes.
    ServiceName(String),
    /// A HelmRelease of an unknown API version.
    ApiVersion(String),
    /// A SOPS MAC covers the values that are not encrypted too.
    SopsMac,
    /// `registry` beside the image and `global.imageRegistry` above it differ.
    TwoRegistries(String),
    /// A path in the configuration that does not lead to one value.
    NotOneMatch {
        /// The path.
        at: String,
        /// How many values it leads to.
        matches: usize,
    },
    /// A key beside the tag of an OCIRepository that Flux follows instead.
    Overruled(&'static str),
    /// A patch changes the registry of a tag whose repository is elsewhere.
    RegistryAlone,
    /// Values in a ConfigMap that are not lines of the file, because of folding or escapes.
    NotLiteral,
    /// Values that are not YAML, or exceed a bound.
    Unreadable(UnreadableReason),
    /// A post-renderer of the HelmRelease sets the version.
    PostRenderer(String),
}

impl RefusalReason {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Template => {
                "write the value itself in the file, or let whatever fills the template update this image"
            }
            Self::BlockScalar => "write the value on the line of its key",
            Self::Escaped => "write the value on one line, without escapes",
            Self::DuplicateKey(_) | Self::Overruled(_) => "remove one of the two",
            Self::MergeKey => "write the keys out, or merge one anchored mapping with `<<: *anchor`",
            Self::NotText { .. } | Self::CustomTag(_) => "put the value in quotes",
            Self::NotScalar => "write one value there",
            Self::Empty => "write the tag that runs now",
            Self::NotATag(_) => "a tag is 1 to 128 letters, digits, `_`, `.` or `-`",
            Self::NotAnImage(_) => "an image name is `host/path` in lower case, such as ghcr.io/vtr/app",
            Self::NotADigest(_) => "a digest is `sha256:` and 64 hexadecimal digits",
            Self::Floating(_) => "write the version that runs now; a floating tag cannot be promoted",
            Self::TwoDigests => "remove one of the two digests",
            Self::DigestAlone => "write the tag of this digest beside it",
            Self::SetterComment(_) => r#"use the form `# {"$imagepolicy": "namespace:name:tag"}`"#,
            Self::ServiceName(_) => "set a valid `metadata.name`",
            Self::ApiVersion(_) => "use helm.toolkit.fluxcd.io/v2",
            Self::SopsMac => {
                "set `mac_only_encrypted: true` in .sops.yaml and encrypt the file again, so that the MAC covers encrypted values only"
            }
            Self::TwoRegistries(_) => "keep one of the two registries",
            Self::NotOneMatch { .. } => "correct `at` or `files` under `fields` in the configuration",
            Self::RegistryAlone => "write `repository` beside the tag",
            Self::NotLiteral => "write the values as a literal block scalar (`|`)",
            Self::Unreadable(_) => "correct the YAML",
            Self::PostRenderer(_) => {
                "write the image in `spec.values`, and remove it from `spec.postRenderers`"
            }
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text| Printable::bounded(text, 60);
        match self {
            Self::Template => write!(formatter, "the value is a template"),
            Self::BlockScalar => write!(formatter, "the value is a block scalar"),
            Self::Escaped => write!(formatter, "the value has escapes or spans several lines"),
            Self::DuplicateKey(key) => write!(formatter, "the key `{}` occurs twice", show(key)),
            Self::MergeKey => write!(formatter, "the merge key is not a single alias of a simple mapping"),
            Self::NotText { value, read_as } => {
                write!(formatter, "`{}` without quotes is {read_as}, not text", show(value))
            }
            Self::NotScalar => write!(formatter, "the value is a mapping or a sequence"),
            Self::Empty => write!(formatter, "the value is empty"),
            Self::CustomTag(tag) => write!(formatter, "the value has the YAML tag `{}`", show(tag)),
            Self::NotATag(text) => write!(formatter, "`{}` is not an image tag", show(text)),
            Self::NotAnImage(text) => write!(formatter, "`{}` is not an image name", show(text)),
            Self::NotADigest(text) => write!(formatter, "`{}` is not a digest", show(text)),
            Self::Floating(tag) => {
                write!(formatter, "the tag `{}` does not name a version", show(tag))
            }
            Self::TwoDigests => write!(formatter, "the image has two digests"),
            Self::DigestAlone => write!(formatter, "the digest has no tag beside it"),
            Self::SetterComment(text) => {
                write!(formatter, "the setter comment `{}` is malformed", show(text))
            }
            Self::ServiceName(name) => {
                write!(formatter, "`{}` is not a valid name in Kubernetes", show(name))
            }
            Self::ApiVersion(version) => {
                write!(formatter, "the HelmRelease has the unknown apiVersion `{}`", show(version))
            }
            Self::SopsMac => {
                write!(
                    formatter,
                    "the SOPS MAC covers this value, and changing it would make the file invalid"
                )
            }
            Self::TwoRegistries(global) => {
                write!(formatter, "`registry` differs from the global registry `{}`", show(global))
            }
            Self::NotOneMatch { at, matches: 0 } => {
                write!(formatter, "nothing in the file is at `{}`", show(at))
            }
            Self::NotOneMatch { at, matches } => {
                write!(formatter, "{matches} values of the file are at `{}`", show(at))
            }
            Self::Overruled(key) => {
                write!(formatter, "Flux follows `{key}` beside the tag, so the tag has no effect")
            }
            Self::RegistryAlone => {
                write!(formatter, "the patch sets the registry of the image but not its repository")
            }
            Self::NotLiteral => write!(formatter, "the values are not lines of the file"),
            Self::Unreadable(reason) => write!(formatter, "the values cannot be read: {reason}"),
            Self::PostRenderer(written) => {
                write!(
                    formatter,
                    "a post-renderer sets the image to `{}`, whatever the values say",
                    show(written)
                )
            }
        }
    }
}
