//! Fields that the configuration names, for what no shape covers. A path leads to one value of a file, or is refused.

use super::Manifest;
use super::field::FieldShape;
use super::image::{FieldParts, Reader, Rejection};
use super::objects;
use super::position::Position;
use super::record::{Owner, PathSegment, Recorder};
use super::refusal::{Refusal, RefusalReason};
use super::scalar;
use super::text::SourceText;
use super::tree::{Content, Document, NodeId};
use crate::model::{FieldPath, FieldPathSegment, FieldRule, ImageRef, Tag};

/// Adds the field of each rule to `manifest`.
pub(super) fn read(
    source: SourceText<'_>,
    documents: &[Document<'_>],
    rules: &[&FieldRule],
    manifest: &mut Manifest,
) {
    for rule in rules {
        let found = documents.iter().flat_map(|document| {
            let matches = Search { document, at: &rule.at, path: Vec::new(), found: Vec::new() }.of_root();
            matches.into_iter().map(move |found| (document, found))
        });
        let found: Vec<_> = found.collect();
        match found.as_slice() {
            [(document, found)] => record(Reader { source, document }, rule, found, manifest),
            several => {
                let second = several.get(1).map(|(document, found)| document.node(found.value).position);
                let reason = RefusalReason::NotOneMatch { at: rule.at.to_string(), matches: several.len() };
                manifest.refusals.push(Refusal {
                    service: rule.service.clone(),
                    image: Some(rule.image.clone()),
                    position: second.unwrap_or(Position::START),
                    reason,
                    shape: FieldShape::Configured,
                    data_key: None,
                });
            }
        }
    }
}

fn record(reader: Reader<'_, '_>, rule: &FieldRule, found: &Found<'_>, manifest: &mut Manifest) {
    let span = &reader.document.node(reader.document.target(found.value)).span;
    // The configuration knows better what the value is.
    let position = reader.document.node(found.value).position;
    manifest.fields.retain(|field| field.tag_site.span.start != span.start);
    manifest.refusals.retain(|refusal| refusal.position != position);
    manifest.refused_spans.retain(|(refused, _)| refused.start != span.start);
    let (owner, name_defect) = match &rule.service {
        Some(service) => (Owner::Named(service.clone()), None),
        None => objects::owner(reader, NodeId::ROOT),
    };
    let defect = objects::encrypted_whole(reader.document).or(name_defect);
    let mut recorder = Recorder::new(reader, owner, defect, manifest);
    recorder.shape = FieldShape::Configured;
    recorder.path.clone_from(&found.path);
    recorder.record(Some(rule.image.clone()), None, found.value, parts(reader, rule, found.value));
}

/// The parts of a tag or a reference, which may be the default of a Flux variable: `${VERSION:=v1.0.0}`.
fn parts(reader: Reader<'_, '_>, rule: &FieldRule, id: NodeId) -> Result<FieldParts, Rejection> {
    let at_node = |reason| (reason, id);
    let written = reader.document.text(id).unwrap_or_default();
    let default = written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')?.split_once(":="));
    let (before, value, after) = match default {
        Some((name, value)) if !value.contains(['$', '{', '}']) => (format!("${{{name}:="), value, "}"),
        _ => (String::new(), reader.read(id)?, ""),
    };
    let reference = value.parse::<ImageRef>().ok().filter(|reference| reference.name == rule.image);
    let (tag, digest) = if let Some(ImageRef { tag: Some(tag), digest, .. }) = reference {
        (tag, digest)
    } else {
        let (tag, digest) = match value.split_once('@') {
            Some((tag, digest)) => (tag, Some(digest)),
            None => (value, None),
        };
        let digest = digest
            .map(|digest| digest.parse().map_err(|_| at_node(RefusalReason::NotADigest(digest.to_owned()))));
        let tag: Tag = tag.parse().map_err(|_| at_node(RefusalReason::NotATag(value.to_owned())))?;
        (tag, digest.transpose()?)
    };
    if tag.is_floating() {
        return Err(at_node(RefusalReason::Floating(tag.to_string())));
    }
    let digest_bytes = digest.as_ref().map_or(0, |digest| digest.as_str().len() + 1);
    let before = before + &value[..value.len() - digest_bytes - tag.as_str().len()];
    let mut site = scalar::site(reader.source.text, reader.document, id, &before).map_err(at_node)?;
    site.after_tag = after.into();
    let image = Some(rule.image.clone());
    Ok(FieldParts { image, tag, digest, policy: None, tag_site: site, digest_site: None })
}

/// A value at the end of a path.
struct Found<'d> {
    value: NodeId,
    path: Vec<PathSegment<'d>>,
}

/// A search for the values whose path ends as a rule says.
struct Search<'d, 't, 'r> {
    document: &'d Document<'t>,
    at: &'r FieldPath,
    path: Vec<(PathSegment<'d>, NodeId)>,
    found: Vec<Found<'d>>,
}

impl<'d> Search<'d, '_, '_> {
    fn of_root(mut self) -> Vec<Found<'d>> {
        self.below(NodeId::ROOT);
        self.found
    }

    fn below(&mut self, id: NodeId) {
        let document = self.document;
        // What an alias repeats is found at its anchor.
        match document.node(id).content {
            Content::Mapping => {
                let entries: Vec<_> = document.entries(id).collect();
                for (key, value) in entries {
                    if let Some(key) = document.text(key) {
                        self.step(PathSegment::Key(key), value);
                    }
                }
            }
            Content::Sequence => {
                let items: Vec<_> = document.children(id).collect();
                for (index, item) in items.into_iter().enumerate() {
                    self.step(PathSegment::Index(index), item);
                }
            }
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }

    fn step(&mut self, segment: PathSegment<'d>, value: NodeId) {
        self.path.push((segment, value));
        if self.is_match() {
            let path = self.path.iter().map(|(segment, _)| *segment).collect();
            self.found.push(Found { value, path });
        } else {
            self.below(value);
        }
        self.path.pop();
    }

    fn is_match(&self) -> bool {
        let segments = self.at.segments();
        let Some(start) = self.path.len().checked_sub(segments.len()) else { return false };
        self.path[start..].iter().zip(segments).all(|((step, node), segment)| match (step, segment) {
            (PathSegment::Key(key), FieldPathSegment::Key(name)) => key == name,
            (PathSegment::Index(_), FieldPathSegment::Item { key, value }) => {
                let text = self.document.get(*node, key).and_then(|node| self.document.text(node));
                text == Some(value)
            }
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Edit, edit_with, read_with};
    use crate::model::Digest;

    fn rule(at: &str, service: Option<&str>) -> FieldRule {
        FieldRule {
            at: at.parse().unwrap(),
            image: "ghcr.io/vtr/app".parse().unwrap(),
            service: service.map(|service| service.parse().unwrap()),
        }
    }

    /// The text with the field at the path moved to `v2.0.0`, or why not.
    fn moved(text: &str, at: &str) -> String {
        let rule = rule(at, Some("common/app"));
        let manifest = read_with(text.as_bytes(), &[&rule]).unwrap();
        if let Some(refusal) = manifest.refusals.first() {
            return refusal.to_string();
        }
        let tag: Tag = "v2.0.0".parse().unwrap();
        let digest: Digest = format!("sha256:{}", "2".repeat(64)).parse().unwrap();
        let edits: Vec<_> =
            manifest.fields.iter().map(|field| Edit { field, tag: &tag, digest: Some(&digest) }).collect();
        assert_eq!(edits.len(), 1, "{text}");
        let new_text = edit_with(text.as_bytes(), &[&rule], &edits).unwrap();
        let reread = read_with(&new_text, &[&rule]).unwrap();
        let field = &manifest.fields[0];
        let back = Edit { field: &reread.fields[0], tag: &field.tag, digest: field.digest.as_ref() };
        assert_eq!(edit_with(&new_text, &[&rule], &[back]).unwrap(), text.as_bytes(), "the reverse edit");
        String::from_utf8(new_text).unwrap()
    }

    #[test]
    fn the_one_value_at_the_path_moves_and_nothing_else() {
        let one = format!("sha256:{}", "1".repeat(64));
        let two = format!("sha256:{}", "2".repeat(64));
        let pinned = format!("a: v1.0.0@{one} # x\n");
        for (text, at, expected) in [
            (
                "kind: X\r\nspec:\r\n  substitute: {VERSION: \"v1.0.0\"} # tail",
                "substitute.VERSION",
                "kind: X\r\nspec:\r\n  substitute: {VERSION: \"v2.0.0\"} # tail",
            ),
            ("a: ${V:=v1.0.0} # x\n", "a", "a: ${V:=v2.0.0} # x\n"),
            ("a: 'ghcr.io/vtr/app:v1.0.0'\n", "a", "a: 'ghcr.io/vtr/app:v2.0.0'\n"),
            ("a: ${V:=ghcr.io/vtr/app:v1.0.0}\n", "a", "a: ${V:=ghcr.io/vtr/app:v2.0.0}\n"),
            (
                "env:\n- {name: OTHER, value: v1.0.0}\n- name: VERSION\n  value: v1.0.0\n",
                "env[name=VERSION].value",
                "env:\n- {name: OTHER, value: v1.0.0}\n- name: VERSION\n  value: v2.0.0\n",
            ),
            ("a: {b: v1.0.0}\n---\nc: {b: v1.0.0}\n", "c.b", "a: {b: v1.0.0}\n---\nc: {b: v2.0.0}\n"),
            ("data: {app.tag: &t v1.0.0}\n", "data[\"app.tag\"]", "data: {app.tag: &t v2.0.0}\n"),
            (pinned.as_str(), "a", &format!("a: v2.0.0@{two} # x\n")),
            // A field of another rule is read by this one.
            (
                "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {containers: [{image: 'ghcr.io/vtr/app:v1.0.0'}]}\n",
                "image",
                "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {containers: [{image: 'ghcr.io/vtr/app:v2.0.0'}]}\n",
            ),
            ("a: v1.0.0\n", "b", "1:1: common/app: nothing in the file is at `b`"),
            ("x: {a: v1}\ny: {a: v1}\n", "a", "2:8: common/app: 2 values of the file are at `a`"),
            ("a: ${V}\n", "a", "1:4: common/app: the value is a template"),
            (
                "a: ghcr.io/vtr/web:v1.0.0\n",
                "a",
                "1:4: common/app: `ghcr.io/vtr/web:v1.0.0` is not an image tag",
            ),
            ("a: latest\n", "a", "1:4: common/app: the tag `latest` does not name a version"),
            ("a: [v1.0.0]\n", "a", "1:4: common/app: the value is a mapping or a sequence"),
            ("a: 1.10\n", "a", "1:4: common/app: `1.10` without quotes is a number, not text"),
        ] {
            assert_eq!(moved(text, at), expected, "{text}");
        }
    }

    #[test]
    fn a_field_without_a_service_belongs_to_its_object() {
        let rule = rule("spec.version", None);
        let text = b"kind: X\nmetadata: {name: web, namespace: shop}\nspec: {version: v1.0.0}\n";
        let manifest = read_with(text, &[&rule]).unwrap();
        assert_eq!(manifest.fields[0].service.to_string(), "shop/web");
        assert_eq!(manifest.fields[0].key_path, "spec.version");
    }
}
