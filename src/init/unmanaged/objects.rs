//! The shapes in one object that hold a version and are no image fields.

use serde_yaml::Value;

use super::Shape;
use crate::model::{ImageRef, Version};

/// The deepest nesting of values that is searched.
const MAX_DEPTH: usize = 64;

/// The shapes in an object, or in each object of a list.
pub(super) fn shapes_in(object: &Value) -> Vec<Shape> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let spec = object.get("spec");
    match kind {
        "HelmRelease" => {
            let chart = chart_version(at(spec, &["chart", "spec", "version"]));
            // Without a chart it is a patch, whose tags belong to the base.
            let is_whole = at(spec, &["chart"]).or_else(|| at(spec, &["chartRef"])).is_some();
            let values = at(spec, &["values"]).filter(|_| is_whole);
            let tags = values.map_or(0, |values| chart_image_tags(values, MAX_DEPTH));
            chart.into_iter().chain(std::iter::repeat_n(Shape::ChartImageTag, tags)).collect()
        }
        "OCIRepository" => {
            let tag = at(spec, &["ref", "tag"]).map(|_| Shape::OciRepositoryTag);
            let range = at(spec, &["ref", "semver"]).map(|_| Shape::ChartRange);
            tag.into_iter().chain(range).collect()
        }
        "Kustomization" => kustomize_images(spec.unwrap_or(object)),
        "List" => items(object.get("items")).iter().flat_map(shapes_in).collect(),
        "Pod" => containers(spec),
        "CronJob" => containers(at(spec, &["jobTemplate", "spec", "template", "spec"])),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            containers(at(spec, &["template", "spec"]))
        }
        // A kustomization.yaml may leave `kind` out.
        "" => kustomize_images(object),
        _ => Vec::new(),
    }
}

pub(super) fn at<'a>(value: Option<&'a Value>, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value?, |value, key| value.get(*key))
}

pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_sequence).map(Vec::as_slice).unwrap_or_default()
}

fn chart_version(version: Option<&Value>) -> Option<Shape> {
    let is_exact = version?.as_str().is_some_and(|text| text.parse::<Version>().is_ok());
    Some(if is_exact { Shape::ChartVersion } else { Shape::ChartRange })
}

/// Counts tags whose image the values do not name.
fn chart_image_tags(values: &Value, depth_left: usize) -> usize {
    let below = |value: &Value| match depth_left {
        0 => 0,
        _ => chart_image_tags(value, depth_left - 1),
    };
    match values {
        Value::Sequence(items) => items.iter().map(below).sum(),
        Value::Mapping(entries) => {
            let has_repository = entries.contains_key("repository");
            let count = |(key, value): (&Value, &Value)| {
                let key = key.as_str().unwrap_or_default();
                let is_tag = key == "tag" && !has_repository || key == "imageTag" || key == "image_tag";
                match value.as_str().filter(|_| is_tag) {
                    Some(tag) => usize::from(tag.contains(|letter: char| letter.is_ascii_digit())),
                    None => below(value),
                }
            };
            entries.iter().map(count).sum()
        }
        _ => 0,
    }
}

fn kustomize_images(spec: &Value) -> Vec<Shape> {
    let has_digest_alone = |image: &&Value| image.get("newTag").is_none() && image.get("digest").is_some();
    items(spec.get("images")).iter().filter(has_digest_alone).map(|_| Shape::KustomizeImage).collect()
}

fn containers(pod: Option<&Value>) -> Vec<Shape> {
    let Some(pod) = pod else { return Vec::new() };
    let lists = ["containers", "initContainers"].map(|key| items(pod.get(key)));
    let images = lists.into_iter().flatten().filter_map(|container| container.get("image")?.as_str());
    let has_digest_alone = |image: &&str| {
        image.parse::<ImageRef>().is_ok_and(|image| image.tag.is_none() && image.digest.is_some())
    };
    images.filter(has_digest_alone).map(|_| Shape::WorkloadImage).collect()
}
