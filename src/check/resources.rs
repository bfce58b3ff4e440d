//! Requests and limits.

use super::finding::Drafts;
use super::images::{Image, is_template};
use super::object::Object;
use super::quantity::Quantity;
use super::rule::Rule;
use super::settings::CheckSettings;
use crate::manifest::NodeId;
use crate::model::Printable;

/// The parts of `resources`, in the order of [`Size`](super::Size).
const PARTS: [(&str, &str); 4] =
    [("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory")];

/// Adds a finding for every container that does not set both requests and limits, or sets unusual ones.
pub(super) fn check(
    object: &Object<'_, '_>,
    images: &[Image<'_>],
    settings: &CheckSettings,
    findings: &mut Drafts,
) {
    // A patch changes a release that sets them, and other values may come from elsewhere.
    if object.is_patch() || object.get(&["spec", "valuesFrom"]).is_some() {
        return;
    }
    let shared = object.get(&["spec", "values", "resources"]);
    let mut seen: Vec<NodeId> = Vec::new();
    for image in images {
        if seen.contains(&image.container) {
            continue;
        }
        seen.push(image.container);
        let own = object.document.get(image.container, "resources");
        let repository = Printable::bounded(image.repository, 100);
        match own.or(shared) {
            Some(resources) => check_parts(object, resources, &repository, settings, findings),
            None => findings.add(
                Rule::Resources,
                image.position,
                format!("{repository} sets no requests or limits"),
                hint(settings),
            ),
        }
    }
}

fn check_parts(
    object: &Object<'_, '_>,
    resources: NodeId,
    repository: &Printable<'_>,
    settings: &CheckSettings,
    findings: &mut Drafts,
) {
    let written = PARTS.map(|(kind, what)| {
        object.document.get_path(resources, &[kind, what]).and_then(|node| object.text_of(node))
    });
    let missing: Vec<String> = PARTS
        .iter()
        .zip(written)
        .filter(|(_, text)| text.is_none())
        .map(|((kind, what), _)| format!("{kind}.{what}"))
        .collect();
    let position = object.position(resources);
    if !missing.is_empty() {
        findings.add(
            Rule::Resources,
            position,
            format!("{repository} does not set {}", missing.join(", ")),
            hint(settings),
        );
        return;
    }
    if written.iter().flatten().any(|text| is_template(text)) {
        return;
    }
    let quantities = written.map(|text| text.and_then(Quantity::read));
    let is_standard = |size: &super::Size| size.quantities.map(Some) == quantities;
    if !settings.sizes.is_empty() && !settings.sizes.iter().any(is_standard) {
        let [cpu, cpu_limit, memory, memory_limit] =
            written.map(|text| Printable::bounded(text.unwrap_or_default(), 20).to_string());
        findings.add(
            Rule::ResourceSize,
            position,
            format!(
                "{repository} has the size CPU {cpu} to {cpu_limit}, memory {memory} to {memory_limit}, which is no standard size"
            ),
            format!("use one of: {}", sizes(settings)),
        );
    }
}

fn hint(settings: &CheckSettings) -> String {
    match settings.sizes.first() {
        Some(_) => format!("set requests and limits of CPU and memory, such as {}", sizes(settings)),
        None => "set requests and limits of CPU and memory".to_owned(),
    }
}

fn sizes(settings: &CheckSettings) -> String {
    let shown = settings.sizes.iter().map(|size| {
        let [cpu, cpu_limit, memory, memory_limit] = &size.parts;
        format!("{} (CPU {cpu} to {cpu_limit}, memory {memory} to {memory_limit})", size.name)
    });
    shown.collect::<Vec<_>>().join(", ")
}
