//! Manifests: YAML text to image fields with byte spans, and back to text, verified. Knows no file, no Git, no policy.
//!
//! Two ways in. [`read()`] tells what a text holds: the image fields of each HelmRelease, the ones that cannot be
//! moved and why, and Flux's own image objects. [`edit()`] gives a new text in which some fields hold other tags and every
//! other byte is as it was; it reads the new text again, with two parsers that know nothing of each other, and
//! refuses if they see any other difference.
//!
//! Text goes through `tree` (a parser's events, laid flat), `release` (the objects that are read), `values` (the walk
//! to the fields) and `image` (the shapes of a field); an edit goes through `edit` (the splice) and `verify`.

mod edit;
mod edit_refused;
mod entries;
mod field;
mod flux;
mod image;
mod marker;
mod plain;
mod position;
mod refusal;
mod release;
mod scalar;
mod text;
mod tree;
mod unreadable;
mod values;
mod verify;

use std::ops::Range;

pub use edit::{Edit, edit};
pub use edit_refused::{EditRefused, SecondParserError};
pub use field::ImageField;
pub use flux::{FluxAutomation, FluxImagePolicy, FluxImageRepository, FluxOrder};
pub use marker::PolicyName;
pub use position::Position;
pub use refusal::{Refusal, RefusalReason};
pub use unreadable::{Unreadable, UnreadableReason};

use text::Source;
use tree::{Document, Documents};

/// What a manifest holds that concerns images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The image fields, in the order of the text.
    pub fields: Vec<ImageField>,
    /// The image fields that are left alone, and why.
    pub refusals: Vec<Refusal>,
    /// Flux's ImagePolicy objects.
    pub image_policies: Vec<FluxImagePolicy>,
    /// Flux's ImageRepository objects.
    pub image_repositories: Vec<FluxImageRepository>,
    /// Flux's `ImageUpdateAutomation` objects.
    pub automations: Vec<FluxAutomation>,
    /// The scalars of the fields that are left alone: no other edit may move them through an anchor.
    refused_spans: Vec<(Range<usize>, Position)>,
}

impl Manifest {
    /// Whether nothing in the file concerns Tidegate.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.refusals.is_empty()
            && self.image_policies.is_empty()
            && self.image_repositories.is_empty()
            && self.automations.is_empty()
    }
}

/// Reads a manifest.
///
/// A text in which neither `HelmRelease` nor `image.toolkit.fluxcd.io` stands is not parsed: it holds nothing that
/// concerns images, and whether it is well formed is not for us to say.
///
/// # Errors
/// When the text may concern images and is not UTF-8, not YAML, or would need more than a bounded effort to read.
pub fn read(text: &[u8]) -> Result<Manifest, Unreadable> {
    let mut manifest = Manifest::default();
    if let Some(text) = text::concerning_images(text)? {
        let source = Source::of(text);
        for document in Documents::of(text) {
            release::read(source, &document?, &mut manifest);
        }
    }
    Ok(manifest)
}

/// Reads a manifest and keeps its documents.
fn read_whole(text: &str) -> Result<(Manifest, Vec<Document<'_>>), Unreadable> {
    let mut manifest = Manifest::default();
    let documents: Vec<_> = Documents::of(text).collect::<Result<_, _>>()?;
    let source = Source::of(text);
    for document in &documents {
        release::read(source, document, &mut manifest);
    }
    Ok((manifest, documents))
}

/// Holds the two readers of documents against each other, for `fuzz/`.
///
/// # Panics
/// When one reads the text otherwise than the other.
#[cfg(fuzzing)]
pub fn check_readers(text: &str) {
    tree::check_readers(text);
}
