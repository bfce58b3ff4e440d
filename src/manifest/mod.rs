//! Manifests: YAML text to image fields with byte spans, and back to verified text. Knows no files, Git or policy.
//!
//! Two entry points. [`read()`] returns the contents of a text: the image fields of each HelmRelease, the refused fields with
//! reasons, and Flux's image objects. [`edit()`] returns a new text in which some fields have other tags and every other byte
//! stays; it parses the new text with two independent parsers and refuses any other difference.
//!
//! Reading goes through `tree` (a flat list of nodes), `release` (objects), `values` (the walk to the fields) and `image` (the
//! shapes of a field). Editing goes through `edit` (which scalars change), `replacement` (the splice) and `verify`.

mod anchors;
mod edit;
mod edit_refused;
mod entries;
mod field;
mod flux;
mod image;
mod kustomization;
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
pub use flux::{FluxAutomation, FluxImagePolicy, FluxImageRepository, FluxKustomization, FluxOrder};
pub use kustomization::{Kustomization, KustomizationPatch, read_kustomization};
pub use marker::PolicyName;
pub use position::Position;
pub use refusal::{Refusal, RefusalReason};
pub use release::Release;
pub use unreadable::{Unreadable, UnreadableReason};

use crate::model::ServiceName;
use text::SourceText;
use tree::{Document, Documents};

/// The most image fields that one file may have: each promotion reads and writes the whole file.
const MAX_FIELDS: usize = 2_000;

/// The contents of a file that concern images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The image fields, in the order of the text.
    pub fields: Vec<ImageField>,
    /// The image fields that cannot be edited, with reasons.
    pub refusals: Vec<Refusal>,
    /// The HelmReleases, with and without image fields.
    pub releases: Vec<Release>,
    /// Flux's ImagePolicy objects.
    pub image_policies: Vec<FluxImagePolicy>,
    /// Flux's ImageRepository objects.
    pub image_repositories: Vec<FluxImageRepository>,
    /// Flux's `ImageUpdateAutomation` objects.
    pub automations: Vec<FluxAutomation>,
    /// Flux Kustomizations.
    pub flux_kustomizations: Vec<FluxKustomization>,
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
            && self.flux_kustomizations.is_empty()
            && self.releases.is_empty()
    }

    /// The HelmRelease of a field or a refusal.
    pub fn release(&self, service: &ServiceName) -> Option<&Release> {
        self.releases.iter().find(|release| release.service.as_ref() == Some(service))
    }

    fn add(&mut self, source: SourceText<'_>, document: &Document<'_>) -> Result<(), Unreadable> {
        release::read(source, document, self);
        if self.is_too_costly() {
            return Err(Unreadable::new(Position::START, UnreadableReason::TooManyFields));
        }
        Ok(())
    }

    /// Whether a field of this HelmRelease names its image itself.
    pub fn has_complete_field(&self, service: &ServiceName) -> bool {
        self.fields.iter().any(|field| field.image.is_some() && field.service == *service)
    }

    /// Whether the file has so many fields that reading more and editing them is not worth the cost.
    fn is_too_costly(&self) -> bool {
        self.fields.len() + self.refusals.len() > MAX_FIELDS
    }
}

/// Reads a manifest.
///
/// A text without `HelmRelease`, `image.toolkit.fluxcd.io` and `kustomize.toolkit.fluxcd.io` is not parsed, so it may be
/// malformed.
///
/// # Errors
/// When the text may concern images and is not UTF-8, not YAML, or exceeds a bound on size, depth or aliases.
pub fn read(text: &[u8]) -> Result<Manifest, Unreadable> {
    let mut manifest = Manifest::default();
    if let Some(text) = text::concerning_images(text)? {
        let source = SourceText::of(text);
        for document in Documents::of(text) {
            manifest.add(source, &document?)?;
        }
    }
    // Room for four fields where most files have one, kept as long as the file is the same.
    manifest.fields.shrink_to_fit();
    Ok(manifest)
}

/// Reads a manifest and returns its documents too.
fn read_documents(text: &str) -> Result<(Manifest, Vec<Document<'_>>), Unreadable> {
    let mut manifest = Manifest::default();
    let documents: Vec<_> = Documents::of(text).collect::<Result<_, _>>()?;
    let source = SourceText::of(text);
    for document in &documents {
        manifest.add(source, document)?;
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
