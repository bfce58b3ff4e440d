//! Manifests: YAML text to image fields with byte spans, and back to verified text. Knows no files, Git or policy.
//!
//! Two entry points. [`read()`] returns the contents of a text: the image fields of each object, the refused fields with
//! reasons, and Flux's image objects. [`edit()`] returns a new text in which some fields have other tags and every other byte
//! stays; it parses the new text with two independent parsers and refuses any other difference.
//!
//! Reading goes through `tree` (a flat list of nodes), `objects` (which object is what, by the table in `kinds`), `values`,
//! `workload`, `kustomize_images`, `oci_repository`, `chart`, `config_map` and `configured` (the
//! way to the fields), `embedded` (documents inside block scalars), `image` (the parts of a field) and `record`. Editing goes through `edit` (which scalars change), `replacement` (the splice) and `verify`.

mod anchors;
mod chart;
mod config_map;
mod configured;
mod edit;
mod edit_refused;
mod embedded;
mod entries;
mod field;
mod flux;
mod image;
mod kinds;
mod kustomization;
mod kustomize_images;
mod marker;
mod objects;
mod oci_repository;
mod patch;
mod plain;
mod position;
mod post_renderers;
mod record;
mod refusal;
mod release;
mod replacement;
mod scalar;
mod text;
mod tree;
mod unreadable;
mod values;
mod verify;
mod workload;

use std::ops::Range;

pub use chart::{ChartSource, HelmRepository};
pub(crate) use edit::replace_scalars;
pub use edit::{Edit, edit, edit_with};
pub use edit_refused::{EditRefused, SecondParserError};
pub use field::{FieldShape, ImageField};
pub use flux::{FluxAutomation, FluxImagePolicy, FluxImageRepository, FluxKustomization, FluxOrder};
pub use kustomization::{GeneratedConfigMap, Kustomization, KustomizationPatch, read_kustomization};
pub use marker::PolicyName;
pub use patch::{InlinePatch, PatchTarget, ReleaseChange};
pub use position::Position;
pub use refusal::{Refusal, RefusalReason};
pub use release::{ChartRef, Release, ValuesReference};
pub use unreadable::{Unreadable, UnreadableReason};

use crate::model::{FieldRule, ServiceName};
use text::SourceText;
use tree::Documents;
pub(crate) use tree::{Content, Document, NodeId};

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
    /// The OCIRepositories that have a field or a refusal, as the file names them.
    pub oci_repositories: Vec<ServiceName>,
    /// The HelmRepositories.
    pub helm_repositories: Vec<HelmRepository>,
    /// Flux's ImagePolicy objects.
    pub image_policies: Vec<FluxImagePolicy>,
    /// Flux's ImageRepository objects.
    pub image_repositories: Vec<FluxImageRepository>,
    /// Flux's `ImageUpdateAutomation` objects.
    pub automations: Vec<FluxAutomation>,
    /// Flux Kustomizations.
    pub flux_kustomizations: Vec<FluxKustomization>,
    /// The places of setter comments that are on no value, such as those in lines that are commented out.
    pub stray_setters: Vec<Position>,
    /// Number of chart versions; each HelmRelease has one.
    chart_versions: usize,
    /// What the file changes in HelmReleases where it is a JSON 6902 patch.
    pub json_patch: Vec<ReleaseChange>,
    /// The scalars of the refused fields. No edit of another field may change them through an anchor.
    refused_spans: Vec<(Range<usize>, Position)>,
}

impl Manifest {
    /// Whether the file has no such contents.
    pub fn is_empty(&self) -> bool {
        self.has_fields_only()
            && self.fields.is_empty()
            && self.refusals.is_empty()
            && self.stray_setters.is_empty()
    }

    /// Whether it has no HelmRelease and no Flux object, but perhaps fields and refusals.
    pub fn has_fields_only(&self) -> bool {
        self.releases.is_empty()
            && self.flux_kustomizations.is_empty()
            && self.helm_repositories.is_empty()
            && self.image_policies.is_empty()
            && self.image_repositories.is_empty()
            && self.automations.is_empty()
            && self.json_patch.is_empty()
    }

    /// The HelmRelease of a field or a refusal.
    pub fn release(&self, service: &ServiceName) -> Option<&Release> {
        self.releases.iter().find(|release| release.service.as_ref() == Some(service))
    }

    fn add(&mut self, source: SourceText<'_>, document: &Document<'_>) -> Result<(), Unreadable> {
        objects::read(source, document, self);
        self.json_patch.extend(patch::operations(document));
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
        self.fields.len() + self.refusals.len() - self.chart_versions > MAX_FIELDS
    }
}

/// Reads a manifest.
///
/// A text that names no object and no comment that is read, as a search of its bytes shows, is not parsed, so it may be
/// malformed.
///
/// # Errors
/// When the text may concern images and is not UTF-8, not YAML, or exceeds a bound on size, depth or aliases.
pub fn read(text: &[u8]) -> Result<Manifest, Unreadable> {
    match text::concerning_images(text)? {
        Some(text) => read_text(text),
        None if text::has_values(text) => {
            // Only where a HelmRelease takes the values does it matter that they cannot be read.
            let read = text::readable(text).and_then(read_text);
            Ok(read.unwrap_or_else(|Unreadable { position, reason }| Manifest {
                refusals: vec![Refusal {
                    service: None,
                    image: None,
                    position,
                    reason: RefusalReason::Unreadable(reason),
                    shape: FieldShape::ValuesFile,
                    data_key: None,
                }],
                ..Manifest::default()
            }))
        }
        None => Ok(Manifest::default()),
    }
}

fn read_text(text: &str) -> Result<Manifest, Unreadable> {
    let mut manifest = Manifest::default();
    let source = SourceText::of(text);
    let mut scalar_ends = Vec::new();
    for document in Documents::of(text) {
        let document = document?;
        manifest.add(source, &document)?;
        if source.has_markers {
            scalar_ends.extend(document.nodes().iter().map(|node| node.span.end));
        }
    }
    if source.has_markers {
        let strays = marker::strays(text, scalar_ends.into_iter());
        manifest.stray_setters = strays.iter().map(|hash| Position::after(&text[..*hash])).collect();
    }
    // Room for four fields where most files have one, kept as long as the file is the same.
    manifest.fields.shrink_to_fit();
    Ok(manifest)
}

/// Reads a manifest and the fields that the configuration names in it.
///
/// # Errors
/// When the text is not UTF-8, not YAML, or exceeds a bound.
pub fn read_with(text: &[u8], rules: &[&FieldRule]) -> Result<Manifest, Unreadable> {
    let mut manifest = read(text)?;
    if !rules.is_empty() {
        let text = text::readable(text)?;
        let documents: Vec<_> = Documents::of(text).collect::<Result<_, _>>()?;
        configured::read(SourceText::of(text), &documents, rules, &mut manifest);
    }
    Ok(manifest)
}

/// Reads a manifest and returns its documents too.
///
/// # Errors
/// When the text is not YAML, or exceeds a bound on size, depth or aliases.
pub(crate) fn read_documents<'t>(
    text: &'t str,
    rules: &[&FieldRule],
) -> Result<(Manifest, Vec<Document<'t>>), Unreadable> {
    let mut manifest = Manifest::default();
    let documents: Vec<_> = Documents::of(text).collect::<Result<_, _>>()?;
    let source = SourceText::of(text);
    for document in &documents {
        manifest.add(source, document)?;
    }
    configured::read(source, &documents, rules, &mut manifest);
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
