//! The shapes of an image field: which scalars hold an image's name, tag and digest. `values` and others find them.

use super::entries::Entries;
use super::field::Site;
use super::marker::{Marker, PolicyName};
use super::refusal::RefusalReason;
use super::scalar;
use super::text::SourceText;
use super::tree::{Document, NodeId};
use crate::model::{Digest, ImageName, ImageRef, Tag};

/// The parts of an image field.
pub(super) struct FieldParts {
    pub(super) image: Option<ImageName>,
    pub(super) tag: Tag,
    pub(super) digest: Option<Digest>,
    pub(super) policy: Option<PolicyName>,
    pub(super) tag_site: Site,
    pub(super) digest_site: Option<Site>,
}

/// Why a value is not an image field, and the node at fault.
pub(super) type Rejection = (RefusalReason, NodeId);

/// Reads the scalars of one document.
#[derive(Clone, Copy)]
pub(super) struct Reader<'d, 't> {
    pub(super) source: SourceText<'d>,
    pub(super) document: &'d Document<'t>,
}

impl<'d> Reader<'d, '_> {
    /// Whether `repository` names an image, so that `tag` beside it is an image tag.
    ///
    /// A URL such as `https://…` is a Git or chart repository, and an empty value leaves the image to the chart.
    pub(super) fn has_repository(self, entries: &Entries<'_>) -> bool {
        let repository = entries.get("repository").and_then(|node| self.document.text(node));
        repository.is_some_and(|text| !text.is_empty() && !text.contains("://") && !text.starts_with("git@"))
    }

    /// Whether a scalar under the key `image` is meant as a reference with a tag, well formed or not.
    pub(super) fn may_be_reference(self, id: NodeId) -> bool {
        let Some(text) = self.document.text(id) else { return false };
        if scalar::is_template(text) {
            return true;
        }
        if let Ok(reference) = text.parse::<ImageRef>() {
            return reference.tag.is_some();
        }
        let has_tag = text.rsplit_once(':').is_some_and(|(_, tag)| tag.parse::<Tag>().is_ok());
        has_tag && text.contains('/') && !text.contains("://") && !text.contains(char::is_whitespace)
    }

    /// Reads a complete reference: `ghcr.io/vtr/app:v1.0.0`, optionally with a digest.
    pub(super) fn reference(self, id: NodeId, policy: Option<PolicyName>) -> Result<FieldParts, Rejection> {
        let at_node = |reason| (reason, id);
        let value = self.read(id)?;
        let reference: ImageRef =
            value.parse().map_err(|_| at_node(RefusalReason::NotAnImage(value.to_owned())))?;
        let tag = reference.tag.ok_or_else(|| at_node(RefusalReason::NotATag(value.to_owned())))?;
        let digest_bytes = reference.digest.as_ref().map_or(0, |digest| digest.as_str().len() + 1);
        let before_tag = &value[..value.len() - digest_bytes - tag.as_str().len()];
        Ok(FieldParts {
            image: Some(reference.name),
            tag: not_floating(tag).map_err(at_node)?,
            digest: reference.digest,
            policy,
            tag_site: self.site(id, before_tag)?,
            digest_site: None,
        })
    }

    /// The image name in a complete reference, valid tag or not.
    pub(super) fn name_in_reference(self, id: NodeId) -> Option<ImageName> {
        let text = self.document.text(id)?;
        // Where the tag alone is filled in later, the name is certain: `ghcr.io/vtr/app:${TAG}`.
        let text = match text.find("${").or_else(|| text.find("{{")) {
            Some(at) => text[..at].strip_suffix(':')?,
            None => text,
        };
        let reference: ImageRef = text.parse().ok()?;
        Some(reference.name)
    }

    /// Reads a tag, with the digest in it or at `digest`.
    pub(super) fn tag(
        self,
        id: NodeId,
        digest: Option<NodeId>,
        image: Option<ImageName>,
        policy: Option<PolicyName>,
    ) -> Result<FieldParts, Rejection> {
        let at_node = |reason| (reason, id);
        let value = self.read(id)?;
        let (tag, own_digest) = match value.split_once('@') {
            Some((tag, digest)) => (tag, Some(parse_digest(digest).map_err(at_node)?)),
            None => (value, None),
        };
        let tag: Tag = tag.parse().map_err(|_| at_node(RefusalReason::NotATag(value.to_owned())))?;
        let beside = self.digest_beside(digest)?;
        if let (Some(_), Some(_), Some(node)) = (&own_digest, &beside, digest) {
            return Err((RefusalReason::TwoDigests, node));
        }
        let (beside, digest_site) = beside.unzip();
        Ok(FieldParts {
            image,
            tag: not_floating(tag).map_err(at_node)?,
            digest: own_digest.or(beside),
            policy,
            tag_site: self.site(id, "")?,
            digest_site,
        })
    }

    /// The image that `registry` and `repository` name.
    pub(super) fn name(
        self,
        entries: &Entries<'_>,
        global_registry: Option<NodeId>,
    ) -> Result<Option<ImageName>, Rejection> {
        let Some(repository_node) = entries.get("repository") else { return Ok(None) };
        let repository = self.read(repository_node)?;
        let own = entries.get("registry");
        let registry = match (self.optional(own)?, self.optional(global_registry)?) {
            (None, Some(global)) if !has_host(repository) => Some(global),
            // Charts differ in which of the two wins.
            (Some(registry), Some(global))
                if registry.trim_end_matches('/') != global.trim_end_matches('/') =>
            {
                return Err((
                    RefusalReason::TwoRegistries(global.to_owned()),
                    own.unwrap_or(repository_node),
                ));
            }
            (registry, _) => registry,
        };
        let full = match registry {
            Some(registry) => format!("{}/{repository}", registry.trim_end_matches('/')),
            None => repository.to_owned(),
        };
        match full.parse() {
            Ok(name) => Ok(Some(name)),
            Err(_) => Err((RefusalReason::NotAnImage(full), repository_node)),
        }
    }

    /// The value of `global.imageRegistry` or `global.image.registry` in a mapping of values.
    pub(super) fn global_registry(self, entries: &Entries<'_>) -> Option<NodeId> {
        let global = entries.get("global")?;
        let registry = self.document.get(global, "imageRegistry");
        let registry = registry.or_else(|| self.document.get_path(global, &["image", "registry"]))?;
        self.document.text(registry).filter(|text| !text.is_empty()).map(|_| registry)
    }

    /// The text at `id`, or `None` where it is absent or empty.
    pub(super) fn optional(self, id: Option<NodeId>) -> Result<Option<&'d str>, Rejection> {
        match id.map(|id| self.read(id)).transpose() {
            Err((RefusalReason::Empty, _)) => Ok(None),
            read => read,
        }
    }

    /// The setter comment of the scalar or alias at `id`.
    pub(super) fn marker(self, id: NodeId) -> Result<Option<Marker>, Rejection> {
        if !self.source.has_markers || self.document.text(id).is_none() {
            return Ok(None);
        }
        let end = self.document.node(id).span.end;
        Marker::after(self.source.text, end).map_err(|comment| (RefusalReason::SetterComment(comment), id))
    }

    /// The digest and its scalar. An empty value pins nothing and stays empty.
    fn digest_beside(self, id: Option<NodeId>) -> Result<Option<(Digest, Site)>, Rejection> {
        let Some(id) = id else { return Ok(None) };
        let Some(value) = self.optional(Some(id))? else { return Ok(None) };
        let digest = parse_digest(value).map_err(|reason| (reason, id))?;
        Ok(Some((digest, self.site(id, "")?)))
    }

    pub(super) fn read(self, id: NodeId) -> Result<&'d str, Rejection> {
        scalar::read(self.source.text, self.document, id).map_err(|reason| (reason, id))
    }

    fn site(self, id: NodeId, before_tag: &str) -> Result<Site, Rejection> {
        scalar::site(self.source.text, self.document, id, before_tag).map_err(|reason| (reason, id))
    }
}

/// Whether a repository begins with a registry's host, as Docker tells hosts from names.
fn has_host(repository: &str) -> bool {
    let host = repository.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| host.contains(['.', ':']) || host == "localhost")
}

fn parse_digest(text: &str) -> Result<Digest, RefusalReason> {
    text.parse().map_err(|_| RefusalReason::NotADigest(text.to_owned()))
}

fn not_floating(tag: Tag) -> Result<Tag, RefusalReason> {
    if tag.is_floating() { Err(RefusalReason::Floating(tag.to_string())) } else { Ok(tag) }
}
