//! Manifests: YAML text to image fields with byte spans, and back to verified text. Knows no files, Git or policy.
//!
//! Two entry points. [`read()`] returns the contents of a text: the image fields of each HelmRelease, the refused fields with
//! reasons, and Flux's image objects. [`edit()`] returns a new text in which some fields have other tags and every other byte
//! stays; it parses the new text with two independent parsers and refuses any other difference.
//!
//! Reading goes through `tree` (a flat list of nodes), `release` (objects), `values` (the walk to the fields) and `image` (the
//! shapes of a field). Editing goes through `edit` (which scalars change), `replacement` (the splice) and `verify`.

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
mod replacement;
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

use text::SourceText;
use tree::{Document, Documents};

/// The contents of a file that concern images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The image fields, in the order of the text.
    pub fields: Vec<ImageField>,
    /// The image fields that cannot be edited, with reasons.
    pub refusals: Vec<Refusal>,
    /// Flux's ImagePolicy objects.
    pub image_policies: Vec<FluxImagePolicy>,
    /// Flux's ImageRepository objects.
    pub image_repositories: Vec<FluxImageRepository>,
    /// Flux's `ImageUpdateAutomation` objects.
    pub automations: Vec<FluxAutomation>,
    /// The scalars of the refused fields. No edit of another field may change them through an anchor.
    refused_spans: Vec<(Range<usize>, Position)>,
}

impl Manifest {
    /// Whether the file has no such contents.
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
/// A text that contains neither `HelmRelease` nor `image.toolkit.fluxcd.io` is not parsed, so it may be malformed.
///
/// # Errors
/// When the text may concern images and is not UTF-8, not YAML, or exceeds a bound on size, depth or aliases.
pub fn read(text: &[u8]) -> Result<Manifest, Unreadable> {
    let mut manifest = Manifest::default();
    if let Some(text) = text::concerning_images(text)? {
        let source = SourceText::of(text);
        for document in Documents::of(text) {
            release::read(source, &document?, &mut manifest);
        }
    }
    Ok(manifest)
}

/// Reads a manifest and returns its documents too.
fn read_documents(text: &str) -> Result<(Manifest, Vec<Document<'_>>), Unreadable> {
    let mut manifest = Manifest::default();
    let documents: Vec<_> = Documents::of(text).collect::<Result<_, _>>()?;
    let source = SourceText::of(text);
    for document in &documents {
        release::read(source, document, &mut manifest);
    }
    Ok((manifest, documents))
}

/// Compares the two readers of documents, for `fuzz/`.
///
/// # Panics
/// When they read the text differently.
#[doc(hidden)]
pub fn check_readers(text: &str) {
    tree::check_readers(text);
}
