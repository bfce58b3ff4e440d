//! An image field: what a HelmRelease runs, and the bytes that say so.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::marker::PolicyName;
use super::plain::PlainReading;
use super::position::Position;
use crate::model::{Digest, ImageName, ServiceName, Tag};

/// The place in a HelmRelease that holds an image's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageField {
    /// The HelmRelease that it is in.
    pub service: ServiceName,
    /// The image, or none when only a setter comment says which it is.
    pub image: Option<ImageName>,
    /// The tag that the file holds.
    pub tag: Tag,
    /// The digest that the file pins the image to, in the tag or in a key beside it.
    pub digest: Option<Digest>,
    /// Where the field stands; for an alias, where the alias stands.
    pub position: Position,
    /// The keys that lead to it, such as `spec.values.sidecar.image.tag`.
    pub key_path: String,
    /// The Flux ImagePolicy that a setter comment names.
    pub marker: Option<PolicyName>,
    /// The scalar that holds the tag.
    pub(super) tag_site: Site,
    /// The scalar beside it that holds the digest.
    pub(super) digest_site: Option<Site>,
}

impl ImageField {
    /// Whether both are one image of one service, so that moving them together is what is meant.
    pub(super) fn is_same_image(&self, other: &Self) -> bool {
        self.service == other.service && self.image == other.image && self.marker == other.marker
    }

    /// The scalars that an edit of this field changes.
    pub(super) fn sites(&self) -> impl Iterator<Item = &Site> {
        std::iter::once(&self.tag_site).chain(&self.digest_site)
    }

    /// The values of the scalars once the field holds `tag` and `digest`.
    ///
    /// None when the file pins a digest and there is no new one. Where the file pins none, none is written.
    pub(super) fn new_values(&self, tag: &Tag, digest: Option<&Digest>) -> Option<Vec<(&Site, String)>> {
        let digest = match (&self.digest, digest) {
            (None, _) => None,
            (Some(_), digest) => Some(digest?),
        };
        let before = &self.tag_site.before_tag;
        Some(match (&self.digest_site, digest) {
            (None, None) => vec![(&self.tag_site, format!("{before}{tag}"))],
            (None, Some(digest)) => vec![(&self.tag_site, format!("{before}{tag}@{digest}"))],
            (Some(site), digest) => {
                let digest = digest.map(ToString::to_string).unwrap_or_default();
                vec![(&self.tag_site, format!("{before}{tag}")), (site, digest)]
            }
        })
    }
}

/// One scalar that edits replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The bytes of the scalar with its quotes.
    pub(super) span: Range<usize>,
    pub(super) quotes: Quotes,
    /// What the scalar holds before the tag: nothing, or `ghcr.io/vtr/app:`.
    pub(super) before_tag: Box<str>,
}

impl Site {
    /// How `value` is written here: in the quotes that are there, or in new ones where it would be read as something
    /// other than text without.
    pub(super) fn write(&self, value: &str) -> String {
        match self.quotes {
            Quotes::None if PlainReading::of(value) == PlainReading::Text => value.to_owned(),
            Quotes::Single => format!("'{value}'"),
            Quotes::None | Quotes::Double => format!("\"{value}\""),
        }
    }
}

/// How a scalar is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

impl Quotes {
    /// The quotes of a scalar's style; block scalars have none of these.
    pub(super) fn of(style: ScalarStyle) -> Option<Self> {
        match style {
            ScalarStyle::Plain => Some(Self::None),
            ScalarStyle::SingleQuoted => Some(Self::Single),
            ScalarStyle::DoubleQuoted => Some(Self::Double),
            ScalarStyle::Literal | ScalarStyle::Folded => None,
        }
    }

    /// How many bytes stand before the value, and as many after it.
    pub(super) fn width_bytes(self) -> usize {
        usize::from(self != Self::None)
    }
}
