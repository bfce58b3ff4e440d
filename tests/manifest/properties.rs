//! Properties of edits, on generated documents of all shapes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidegate::manifest::{self, Edit};
use tidegate::model::{Digest, Tag};

use super::laws;

/// A text that can be written with any set of tags.
#[derive(Clone, Debug)]
struct Sample {
    has_mark: bool,
    is_crlf: bool,
    ends_in_newline: bool,
    documents: Vec<Object>,
}

/// A document of one kind.
#[derive(Clone, Debug)]
enum Object {
    /// A HelmRelease with these values.
    Release(Vec<Part>),
    /// A ConfigMap with these values.
    ConfigMap(Vec<Part>),
    /// A file of these values.
    Values(Vec<Part>),
    /// A workload of this kind, with a container for each image.
    Workload(&'static str, Vec<Written>),
    /// A kustomization.yaml with an entry of `images` for each.
    Kustomization(Vec<Written>),
    /// Another object, with a scalar with a setter comment for each.
    Marked(Vec<Written>),
}

/// How a value is written.
#[derive(Clone, Debug)]
struct Written {
    quote: &'static str,
    tail: &'static str,
    has_digest: bool,
    is_flow: bool,
}

/// Something in the values.
#[derive(Clone, Debug)]
enum Part {
    /// Lines that hold no image.
    Filler(&'static str),
    Image(Image),
}

#[derive(Clone, Debug)]
struct Image {
    shape: Shape,
    quote: &'static str,
    tail: &'static str,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Block,
    Flow,
    Reference,
    TagFirst,
    TagWithDigest,
    DigestBeside,
    ReferenceWithDigest,
    InSequence,
    Anchored,
    Setter,
}

impl Shape {
    fn has_digest(self) -> bool {
        matches!(self, Self::TagWithDigest | Self::DigestBeside | Self::ReferenceWithDigest)
    }
}

const SHAPES: [Shape; 10] = [
    Shape::Block,
    Shape::Flow,
    Shape::Reference,
    Shape::TagFirst,
    Shape::TagWithDigest,
    Shape::DigestBeside,
    Shape::ReferenceWithDigest,
    Shape::InSequence,
    Shape::Anchored,
    Shape::Setter,
];

/// `KEY` is replaced by a unique key.
const FILLERS: [&str; 12] = [
    "# a comment with tag: v1.0.0",
    "",
    "KEY: 3",
    "KEY: 1.10",
    "KEY: \"a \\\"b\\\" # c\"",
    "KEY: 'it''s {{ braces }}'",
    "KEY: |\n  image:\n    tag: v1.0.0\n\n  done",
    "KEY: >-\n  one\n  two",
    "KEY:\n- a\n- {b: c}\n- [d, 'e']",
    "KEY: {A: \"1\", B: null, C: ~}",
    "KEY: ¡olé! 🌊",
    "? KEY\n: value",
];

const HEAD: &str = "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: ";
const CONFIG_MAP_HEAD: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ";
const TO_DATA: &str = "\ndata:\n  values.yaml: |\n      first: 1\n";
const TO_VALUES: &str = "\nspec:\n  values:\n    first: 1\n";

impl Sample {
    /// The text, with `tag(n)` and `digest(n)` for the image number n.
    fn write(&self, tag: impl Fn(usize) -> String, digest: impl Fn(usize) -> String) -> Vec<u8> {
        let mut text = String::new();
        let mut number = 0;
        for (index, object) in self.documents.iter().enumerate() {
            let (parts, depth) = match object {
                Object::Release(parts) => {
                    text.extend([HEAD, &format!("app-{index}"), TO_VALUES]);
                    (parts, 2)
                }
                Object::ConfigMap(parts) => {
                    text.extend([CONFIG_MAP_HEAD, &format!("app-{index}"), TO_DATA]);
                    (parts, 3)
                }
                Object::Values(parts) => {
                    text.push_str("---\nfirst: 1\n");
                    (parts, 0)
                }
                Object::Workload(..) | Object::Kustomization(_) | Object::Marked(_) => {
                    let values = object.written().iter().map(|_| {
                        number += 1;
                        (tag(number - 1), digest(number - 1))
                    });
                    let values: Vec<_> = values.collect();
                    text.push_str(&object.write(index, &values));
                    continue;
                }
            };
            for (at, part) in parts.iter().enumerate() {
                let lines = match part {
                    Part::Filler(lines) => lines.replace("KEY", &format!("key-{at}")),
                    Part::Image(image) => {
                        number += 1;
                        image.write(at, &tag(number - 1), &digest(number - 1))
                    }
                };
                let lines = if lines.ends_with('\n') { lines } else { lines + "\n" };
                text.push_str(&(0..depth).fold(lines, |lines, _| indent(&lines)));
            }
        }
        if !self.ends_in_newline {
            text.truncate(text.trim_end().len());
        }
        let text = if self.is_crlf { text.replace('\n', "\r\n") } else { text };
        let mark = if self.has_mark { "\u{feff}" } else { "" };
        format!("{mark}{text}").into_bytes()
    }

    /// Whether each image has a digest, in the order of the text.
    fn have_digests(&self) -> Vec<bool> {
        let mut have_digests = Vec::new();
        for object in &self.documents {
            if let Object::Release(parts) | Object::ConfigMap(parts) | Object::Values(parts) = object {
                have_digests.extend(parts.iter().filter_map(|part| match part {
                    Part::Image(image) => Some(image.shape.has_digest()),
                    Part::Filler(_) => None,
                }));
            }
            have_digests.extend(object.written().iter().map(|written| written.has_digest));
        }
        have_digests
    }
}

impl Object {
    fn written(&self) -> &[Written] {
        match self {
            Self::Release(_) | Self::ConfigMap(_) | Self::Values(_) => &[],
            Self::Workload(_, written) | Self::Kustomization(written) | Self::Marked(written) => written,
        }
    }

    fn write(&self, index: usize, values: &[(String, String)]) -> String {
        let values = self.written().iter().zip(values).enumerate();
        let head = |api_version: &str, kind: &str| {
            format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: app-{index}}}\n")
        };
        let mut text = match self {
            Self::Release(_) | Self::ConfigMap(_) | Self::Values(_) => String::new(),
            Self::Workload("Pod", _) => format!("{}spec:\n  containers:\n", head("v1", "Pod")),
            Self::Workload(kind, _) => {
                format!("{}spec:\n  template:\n    spec:\n      containers:\n", head("apps/v1", kind))
            }
            Self::Kustomization(_) => "---\nresources: [a.yaml]\nimages:\n".to_owned(),
            Self::Marked(_) => format!("{}spec:\n", head("example.com/v1", "Whatever")),
        };
        for (at, (Written { quote: q, tail, has_digest, is_flow }, (tag, digest))) in values {
            let pinned = if *has_digest { format!("@{digest}") } else { String::new() };
            let lines = match (self, is_flow) {
                (Self::Release(_) | Self::ConfigMap(_) | Self::Values(_), _) => String::new(),
                (Self::Workload(..), true) => {
                    format!("- {{name: c{at}, image: {q}ghcr.io/vtr/app:{tag}{pinned}{q} }}{tail}\n")
                }
                (Self::Workload(..), false) => {
                    format!(
                        "- name: c{at}\n  image: {q}ghcr.io/vtr/app:{tag}{pinned}{q}{tail}\n  args: [tag]\n"
                    )
                }
                (Self::Kustomization(_), true) if *has_digest => {
                    format!("- {{name: a{at}, digest: {digest}, newTag: {q}{tag}{q} }}{tail}\n")
                }
                (Self::Kustomization(_), false) if *has_digest => {
                    format!("- name: a{at}\n  newTag: {q}{tag}{q}{tail}\n  digest: {q}{digest}{q}{tail}\n")
                }
                (Self::Kustomization(_), _) => format!("- newTag: {q}{tag}{q}{tail}\n  name: a{at}\n"),
                (Self::Marked(_), true) => {
                    format!(
                        "s{at}: [a, {q}{tag}{pinned}{q} ] # {{\"$imagepolicy\": \"flux-system:a:tag\"}}{tail}\n"
                    )
                }
                (Self::Marked(_), false) => {
                    format!("s{at}: {q}{tag}{pinned}{q} #{{\"$imagepolicy\": \"flux-system:a:tag\"}}{tail}\n")
                }
            };
            text.push_str(&if matches!(self, Self::Marked(_)) {
                indent(&lines)
            } else {
                nested(&text, &lines)
            });
        }
        text
    }
}

/// The lines, indented as deep as the last line of `text`.
fn nested(text: &str, lines: &str) -> String {
    let list = text.lines().rfind(|line| line.ends_with("ontainers:") || line.ends_with("images:"));
    let depth = list.map_or(0, |line| line.len() - line.trim_start().len());
    let indentation = " ".repeat(depth);
    lines.lines().flat_map(|line| [indentation.as_str(), line, "\n"]).collect()
}

impl Image {
    fn write(&self, at: usize, tag: &str, digest: &str) -> String {
        let Self { quote: q, tail, depth, .. } = self;
        let name = "ghcr.io/vtr/app";
        let body = match self.shape {
            Shape::Block => format!("repository: {name}\ntag: {q}{tag}{q}{tail}"),
            Shape::Flow => format!("image: {{repository: {name}, tag: {q}{tag}{q} }}{tail}"),
            Shape::Reference => format!("image: {q}{name}:{tag}{q}{tail}"),
            Shape::TagFirst => format!("tag: {q}{tag}{q}{tail}\npullPolicy: Always\nrepository: {name}"),
            Shape::TagWithDigest => format!("repository: {name}\ntag: {q}{tag}@{digest}{q}{tail}"),
            Shape::DigestBeside => {
                format!("digest: {q}{digest}{q}{tail}\nrepository: {name}\ntag: {q}{tag}{q}{tail}")
            }
            Shape::ReferenceWithDigest => format!("image: {q}{name}:{tag}@{digest}{q}{tail}"),
            Shape::InSequence => format!("containers:\n- name: x\n  image: {q}{name}:{tag}{q}{tail}"),
            Shape::Anchored => {
                format!("repository: {name}\ntag: &tag{at} {q}{tag}{q}{tail}\nlabel: *tag{at}")
            }
            Shape::Setter => {
                format!("version: {q}{tag}{q} # {{\"$imagepolicy\": \"flux-system:app-{at}:tag\"}}{tail}")
            }
        };
        let mut lines = format!("image-{at}:\n{}", indent(&body));
        for level in 0..*depth {
            lines = format!("level-{level}-{at}:\n{}", indent(&lines));
        }
        lines
    }
}

fn indent(lines: &str) -> String {
    lines.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn tails_of_written() -> impl Strategy<Value = &'static str> + Clone {
    select(&["", " ", " # note", "\t# a\ttab"][..])
}

fn samples() -> impl Strategy<Value = Sample> {
    let tails = select(&["", " ", " # note", "\t# a\ttab", "  # {\"not\": \"a setter\"}"][..]);
    let image = (select(&SHAPES[..]), select(&["", "'", "\""][..]), tails, 0..3_usize)
        .prop_map(|(shape, quote, tail, depth)| Part::Image(Image { shape, quote, tail, depth }));
    let part = prop_oneof![select(&FILLERS[..]).prop_map(Part::Filler), image];
    // Flux reads no setter comment in the text of a scalar, and none on values elsewhere makes them Helm values.
    let is_unmarked = |part: &Part| !matches!(part, Part::Image(Image { shape: Shape::Setter, .. }));
    let unmarked = || vec(part.clone().prop_filter("has a setter comment", is_unmarked), 0..8);
    let (config_map, values) = (unmarked(), unmarked());
    let written = (select(&["", "'", "\""][..]), tails_of_written(), any::<bool>(), any::<bool>())
        .prop_map(|(quote, tail, has_digest, is_flow)| Written { quote, tail, has_digest, is_flow });
    let written = || vec(written.clone(), 1..4);
    let kinds = select(&["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"][..]);
    let object = prop_oneof![
        3 => vec(part, 0..8).prop_map(Object::Release),
        1 => config_map.prop_map(Object::ConfigMap),
        1 => values.prop_map(Object::Values),
        1 => (kinds, written()).prop_map(|(kind, written)| Object::Workload(kind, written)),
        1 => written().prop_map(Object::Kustomization),
        1 => written().prop_map(Object::Marked),
    ];
    let documents = vec(object, 1..4);
    (any::<bool>(), any::<bool>(), any::<bool>(), documents).prop_map(
        |(has_mark, is_crlf, ends_in_newline, documents)| Sample {
            has_mark,
            is_crlf,
            ends_in_newline,
            documents,
        },
    )
}

/// Tags that read as text without quotes.
fn tags() -> impl Strategy<Value = String> {
    "v[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(-rc\\.[0-9])?"
}

fn digest_of(number: usize) -> String {
    format!("sha256:{number:064x}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Editing every field gives the text that is written with the new tags from the start, and the reverse edit restores
    /// the old one: no byte outside the scalars differs.
    #[test]
    fn an_edit_writes_the_new_values_and_nothing_else(sample in samples(), new_tags in vec(tags(), 24)) {
        let have_digests = sample.have_digests();
        let old_text = sample.write(|number| format!("v1.0.{number}"), |number| digest_of(number + 1));
        let wanted = sample.write(|number| new_tags[number].clone(), |number| digest_of(number + 1000));
        let found = manifest::read(&old_text).unwrap();
        prop_assert_eq!(&found.refusals, &[]);
        prop_assert_eq!(found.fields.len(), have_digests.len());
        let values: Vec<(Tag, Option<Digest>)> = (0..have_digests.len())
            .map(|number| {
                let digest = have_digests[number].then(|| digest_of(number + 1000).parse().unwrap());
                (new_tags[number].parse().unwrap(), digest)
            })
            .collect();
        let edits = found.fields.iter().zip(&values);
        let edits: Vec<_> =
            edits.map(|(field, (tag, digest))| Edit { field, tag, digest: digest.as_ref() }).collect();
        let new_text = manifest::edit(&old_text, &edits).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&new_text), String::from_utf8_lossy(&wanted));

        let moved = manifest::read(&new_text).unwrap();
        let back = moved.fields.iter().zip(&found.fields);
        let back: Vec<_> =
            back.map(|(field, old)| Edit { field, tag: &old.tag, digest: old.digest.as_ref() }).collect();
        prop_assert_eq!(manifest::edit(&new_text, &back).unwrap(), old_text);
    }

    /// Reading a damaged document does not panic, and editing it keeps the laws.
    #[test]
    fn damaged_documents_keep_the_laws(
        sample in samples(),
        damage in vec((any::<Index>(), select(&b" \t\n\r:-#&*!|>'\"%@`{}[],?~<\\xv0\xef\xff"[..]), 0..3_u8), 1..6),
    ) {
        let mut text = sample.write(|number| format!("v1.0.{number}"), digest_of);
        for (at, byte, kind) in damage {
            let at = at.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        laws::check(&text);
    }

    #[test]
    fn arbitrary_bytes_keep_the_laws(bytes in vec(any::<u8>(), 0..200)) {
        laws::check(&bytes);
        laws::check(&[b"HelmRelease\n", bytes.as_slice()].concat());
    }
}
