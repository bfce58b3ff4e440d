//! `kustomization.yaml`: which files a folder includes, under which namespace, and which patches apply to them.

use super::kustomize_images::replaced_images;
use super::patch::{self, InlinePatch, MAX_PATCHES, PatchTarget};
use super::text;
use super::tree::{Content, Document, Documents, NodeId};
use super::unreadable::{Unreadable, UnreadableReason};
use crate::model::ImageName;

/// The most entries that one file may list.
const MAX_ENTRIES: usize = 10_000;

/// A `kustomization.yaml`. Paths are as written, relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kustomization {
    /// `namespace`.
    pub namespace: Option<String>,
    /// `resources`, `bases` and `components`: files and folders.
    pub resources: Vec<String>,
    /// The images in `images`, whose tags in workloads do not count.
    pub replaced_images: Vec<ImageName>,
    /// `components` alone, whose patches apply to all that this file includes.
    pub components: Vec<String>,
    /// `patches`, `patchesStrategicMerge` and `patchesJson6902` that are files.
    pub patches: Vec<KustomizationPatch>,
    /// Those that are not, and `replacements`.
    pub inline_patches: Vec<InlinePatch>,
    /// The ConfigMaps that it makes from files.
    pub config_maps: Vec<GeneratedConfigMap>,
    /// The files that it uses otherwise: of generators, transformers, replacements and the like.
    pub other_files: Vec<String>,
}

/// A ConfigMap that `configMapGenerator` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedConfigMap {
    /// `name`, without the hash that kustomize adds to it everywhere.
    pub name: String,
    /// `namespace`, if it sets one itself.
    pub namespace: Option<String>,
    /// The keys of its data and their files.
    pub files: Vec<(String, String)>,
}

/// A patch in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KustomizationPatch {
    /// The file.
    pub path: String,
    /// `target`; without one, the file names its objects.
    pub target: Option<PatchTarget>,
}

/// Reads a `kustomization.yaml`.
///
/// # Errors
/// When it is not UTF-8, not YAML, or exceeds a bound on size, depth or aliases.
pub fn read_kustomization(bytes: &[u8]) -> Result<Kustomization, Unreadable> {
    let text = text::readable(bytes)?;
    let mut kustomization = Kustomization::default();
    // kustomize reads the first document only.
    if let Some(document) = Documents::of(text).next() {
        let document = document?;
        Reader { text, document: &document, kustomization: &mut kustomization }.read();
        let Kustomization { resources, patches, inline_patches, other_files, .. } = &kustomization;
        let entries = resources.len() + patches.len() + other_files.len();
        if entries > MAX_ENTRIES || inline_patches.len() > MAX_PATCHES {
            let position = document.node(NodeId::ROOT).position;
            return Err(Unreadable::new(position, UnreadableReason::TooLong));
        }
    }
    Ok(kustomization)
}

struct Reader<'d, 't> {
    text: &'d str,
    document: &'d Document<'t>,
    kustomization: &'d mut Kustomization,
}

impl Reader<'_, '_> {
    fn read(mut self) {
        for (key, value) in self.document.entries(NodeId::ROOT) {
            match self.document.text(key) {
                Some("namespace") => self.kustomization.namespace = self.text(value),
                Some(key @ ("resources" | "bases" | "components")) => {
                    let paths = self.items(value).filter_map(|item| self.text(item)).collect::<Vec<_>>();
                    if key == "components" {
                        self.kustomization.components.extend(paths.iter().cloned());
                    }
                    self.kustomization.resources.extend(paths);
                }
                Some("patches" | "patchesStrategicMerge" | "patchesJson6902") => self.patches(value),
                Some("images") => {
                    self.kustomization.replaced_images = replaced_images(self.document, value);
                }
                Some(key) => {
                    if key == "configMapGenerator" {
                        let generated = self.items(value).filter_map(|item| self.config_map(item));
                        let generated = generated.collect::<Vec<_>>();
                        self.kustomization.config_maps.extend(generated);
                    }
                    if key == "replacements" {
                        let entries = self.items(value).collect::<Vec<_>>().into_iter();
                        let patches = entries.flat_map(|entry| patch::replacement(self.document, entry));
                        self.kustomization.inline_patches.extend(patches);
                    }
                    self.other(value, 0);
                }
                None => {}
            }
        }
    }

    fn config_map(&self, item: NodeId) -> Option<GeneratedConfigMap> {
        let text = |key| self.document.get(item, key).and_then(|node| self.text(node));
        let entries = self.document.get(item, "files").map(|files| self.items(files)).into_iter().flatten();
        let entries = entries.filter_map(|entry| self.text(entry)).take(MAX_ENTRIES);
        let files = entries.map(|entry| match entry.split_once('=') {
            Some((key, path)) => (key.to_owned(), path.to_owned()),
            None => (entry.rsplit('/').next().unwrap_or_default().to_owned(), entry),
        });
        Some(GeneratedConfigMap { name: text("name")?, namespace: text("namespace"), files: files.collect() })
    }

    fn patches(&mut self, list: NodeId) {
        for item in self.items(list).collect::<Vec<_>>() {
            let path = self.document.get(item, "path").and_then(|path| self.text(path));
            let path = path.or_else(|| self.text(item));
            let is_inline = |text: &String| text.contains('\n') || text.trim_start().starts_with(['[', '{']);
            let Some(path) = path.filter(|path| !is_inline(path)) else {
                let inline = patch::inline(self.text, self.document, item);
                self.kustomization.inline_patches.extend(inline);
                continue;
            };
            let target = self.document.get(item, "target").map(|node| patch::target(self.document, node));
            self.kustomization.patches.push(KustomizationPatch { path, target });
        }
    }

    /// Collects every scalar, since any may name a file: `configMapGenerator[].files: [values.yaml=app.yaml]`.
    fn other(&mut self, node: NodeId, depth: usize) {
        const MAX_DEPTH: usize = 8;
        let target = self.document.target(node);
        match &self.document.node(target).content {
            Content::Scalar { value, .. } => {
                let path = value.rsplit_once('=').map_or(&**value, |(_, path)| path);
                if path.contains('.')
                    && path.len() < 300
                    && self.kustomization.other_files.len() <= MAX_ENTRIES
                {
                    self.kustomization.other_files.push(path.to_owned());
                }
            }
            Content::Sequence | Content::Mapping if depth < MAX_DEPTH => {
                for child in self.document.children(target) {
                    self.other(child, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn items(&self, list: NodeId) -> impl Iterator<Item = NodeId> + use<'_> {
        let target = self.document.target(list);
        let is_list = matches!(self.document.node(target).content, Content::Sequence);
        is_list.then(|| self.document.children(target)).into_iter().flatten()
    }

    fn text(&self, node: NodeId) -> Option<String> {
        self.document.text(node).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_patches_and_other_files_are_listed() {
        let text = b"namespace: shop\nresources: [app.yaml, ../base]\ncomponents:\n- ../../c\nbases: [b]\n\
            patches:\n- path: p.yaml\n  target: {kind: HelmRelease, name: app}\n- patch: |\n    a: b\n- path: q.yaml\n\
            patchesStrategicMerge:\n- s.yaml\n- |\n  kind: x\nconfigMapGenerator:\n- name: v\n  files: [values.yaml=v.yaml]\n\
            ---\nresources: [second.yaml]\n";
        let read = read_kustomization(text).unwrap();
        assert_eq!(read.namespace.as_deref(), Some("shop"));
        assert_eq!(read.resources, ["app.yaml", "../base", "../../c", "b"]);
        let patches: Vec<_> = read
            .patches
            .iter()
            .map(|patch| {
                (patch.path.as_str(), patch.target.as_ref().and_then(|target| target.name.as_deref()))
            })
            .collect();
        assert_eq!(patches, [("p.yaml", Some("app")), ("q.yaml", None), ("s.yaml", None)]);
        assert_eq!(read.components, ["../../c"]);
        assert_eq!(read.other_files, ["v.yaml"]);
        let files = vec![("values.yaml".to_owned(), "v.yaml".to_owned())];
        let generated = GeneratedConfigMap { name: "v".to_owned(), namespace: None, files };
        assert_eq!(read.config_maps, [generated]);
    }

    #[test]
    fn an_empty_or_odd_file_lists_nothing() {
        for text in
            ["", "# nothing", "[]", "a", "resources: app.yaml", "resources: {a: b}", "patches: [1, {}]"]
        {
            let read = read_kustomization(text.as_bytes()).unwrap();
            assert!(read.resources.is_empty(), "{text}");
        }
        assert!(read_kustomization(b"resources: [").is_err());
    }
}
