//! An image field: the image that a service runs, and the bytes that hold its tag.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::marker::PolicyName;
use super::plain::PlainReading;
use super::position::Position;
use crate::model::{Digest, ImageName, ServiceName, Tag};

/// The shape of a field: which rule found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldShape {
    /// Helm values.
    Values,
    /// Helm values in a ConfigMap.
    ConfigMap,
    /// Helm values in a file that is no object.
    ValuesFile,
    /// `image` of a container of a workload.
    Container,
    /// `newTag` of an entry of `images`, of kustomize.
    KustomizeImage,
    /// `spec.ref.tag` of an OCIRepository without a setter comment: a chart's version.
    ChartTag,
    /// `spec.chart.spec.version` of a HelmRelease without a setter comment.
    ChartVersion,
    /// Named by the configuration.
    Configured,
    /// A setter comment, anywhere else.
    SetterComment,
}

impl FieldShape {
    /// Whether the field holds a chart's version, which is promoted only where the configuration asks for it.
    pub fn is_of_chart(self) -> bool {
        matches!(self, Self::ChartTag | Self::ChartVersion)
    }

    /// Whether the field is in Helm values outside of a HelmRelease, which count only where a HelmRelease takes them.
    pub fn is_of_values_elsewhere(self) -> bool {
        matches!(self, Self::ConfigMap | Self::ValuesFile)
    }
}

/// A place in a manifest that holds an image tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageField {
    /// The service, as the file names it.
    pub service: ServiceName,
    /// The image; `None` where only a setter comment identifies it.
    pub image: Option<ImageName>,
    /// The tag in the file.
    pub tag: Tag,
    /// The digest that the file pins, in the tag or in a sibling key.
    pub digest: Option<Digest>,
    /// The place of the value; for an alias, the place of the alias.
    pub position: Position,
    /// The path of keys, such as `spec.values.sidecar.image.tag`.
    pub key_path: String,
    /// The Flux ImagePolicy that the setter comment names.
    pub marker: Option<PolicyName>,
    /// The rule that found it.
    pub shape: FieldShape,
    /// The key of a ConfigMap's `data` that it is in.
    pub data_key: Option<Box<str>>,
    pub(super) tag_site: Site,
    /// The sibling scalar that holds the digest.
    pub(super) digest_site: Option<Site>,
}

impl ImageField {
    /// Whether both are one image of one service, so that they may change together.
    pub(super) fn is_same_image(&self, other: &Self) -> bool {
        self.service == other.service && self.image == other.image && self.marker == other.marker
    }

    /// Whether only another file can say which image the tag is of.
    pub(super) fn stands_alone(&self) -> bool {
        self.image.is_none() && self.marker.is_none()
    }

    /// The scalars that an edit replaces.
    pub(super) fn sites(&self) -> impl Iterator<Item = &Site> {
        std::iter::once(&self.tag_site).chain(&self.digest_site)
    }

    /// The new values of the scalars. `None` when the file pins a digest and the edit has none; a digest is written only
    /// where the file pins one.
    pub(super) fn new_values(&self, tag: &Tag, digest: Option<&Digest>) -> Option<Vec<(&Site, String)>> {
        let digest = match (&self.digest, digest) {
            (None, _) => None,
            (Some(_), digest) => Some(digest?),
        };
        let Site { before_tag: before, after_tag: after, .. } = &self.tag_site;
        Some(match (&self.digest_site, digest) {
            (None, None) => vec![(&self.tag_site, format!("{before}{tag}{after}"))],
            (None, Some(digest)) => vec![(&self.tag_site, format!("{before}{tag}@{digest}{after}"))],
            (Some(site), digest) => {
                let digest = digest.map(ToString::to_string).unwrap_or_default();
                vec![(&self.tag_site, format!("{before}{tag}{after}")), (site, digest)]
            }
        })
    }
}

/// A scalar that edits replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The bytes of the scalar with its quotes.
    pub(super) span: Range<usize>,
    /// The first byte of the block scalar whose text the scalar is part of.
    pub(super) block: Option<usize>,
    pub(super) quotes: Quotes,
    /// The prefix of the value before the tag, such as `ghcr.io/vtr/app:`, or empty.
    pub(super) before_tag: Box<str>,
    /// The rest of the value behind the tag, such as the brace of `${TAG:=v1.0.0}`, or empty.
    pub(super) after_tag: Box<str>,
}

impl Site {
    /// Formats `value` in the existing quotes, or in new ones where YAML would not read it as text without.
    pub(super) fn write(&self, value: &str) -> String {
        match self.quotes {
            Quotes::None if PlainReading::of(value) == PlainReading::Text => value.to_owned(),
            Quotes::Single => format!("'{value}'"),
            Quotes::None | Quotes::Double => format!("\"{value}\""),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

impl Quotes {
    /// The quotes of a style; `None` for block scalars.
    pub(super) fn of(style: ScalarStyle) -> Option<Self> {
        match style {
            ScalarStyle::Plain => Some(Self::None),
            ScalarStyle::SingleQuoted => Some(Self::Single),
            ScalarStyle::DoubleQuoted => Some(Self::Double),
            ScalarStyle::Literal | ScalarStyle::Folded => None,
        }
    }

    /// Bytes of the quote on each side.
    pub(super) fn width_bytes(self) -> usize {
        usize::from(self != Self::None)
    }
}
