//! The `services` section.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{GlobSet, GlobSetBuilder};

use super::changelog;
use super::environment;
use super::override_order;
use super::unwritten;
use crate::config::compile;
use crate::config::location::Located;
use crate::config::problem::Findings;
use crate::config::raw;
use crate::config::services::{Defaults, Override, Services};
use crate::model::EnvironmentName;

/// The versions that may be promoted unless something says otherwise: every one that is not a pre-release.
const DEFAULT_VERSIONS: &str = "*";

pub(super) fn services(file: &raw::File, findings: &mut Findings) -> Option<Services> {
    let defaults = findings.unless_wrong(|findings| defaults(&file.services.defaults, findings));
    let raw = &file.services.overrides;
    let matches: Vec<_> = raw
        .iter()
        .filter_map(|entry| {
            let matches = &entry.value.matches;
            findings.take(matches.at, compile::glob(&matches.value, "common/*"))
        })
        .collect();
    let overrides: Vec<_> = raw
        .iter()
        .filter_map(|entry| {
            findings.unless_wrong(|findings| Some(one(&entry.value, &file.environments.value, findings)))
        })
        .collect();
    if matches.len() < raw.len() || overrides.len() < raw.len() {
        return None;
    }
    let mut set = GlobSetBuilder::new();
    for glob in matches {
        set.add(glob);
    }
    let built = set.build().map_err(|_| {
        ("the overrides match too much at once".to_owned(), "write fewer or simpler `match` globs".to_owned())
    });
    let matches = findings.take(raw.first().map_or(file.git.url.at, |first| first.at).start(), built)?;
    override_order::warn(raw, &matches, findings);
    Some(Services { defaults: defaults?, overrides, matches })
}

fn defaults(raw: &raw::ServiceDefaults, findings: &mut Findings) -> Option<Defaults> {
    let versions = match &raw.versions {
        Some(text) => compile::version_range(text, findings),
        None => compile::version_range(&unwritten(DEFAULT_VERSIONS), findings),
    };
    let tag_pattern = raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, findings));
    let images = raw.images.as_ref().and_then(|globs| images(globs, findings));
    Some(Defaults { versions: versions?, tag_pattern, images })
}

fn one(raw: &raw::Override, environments: &[raw::Environment], findings: &mut Findings) -> Override {
    Override {
        versions: raw.versions.as_ref().and_then(|text| compile::version_range(text, findings)),
        tag_pattern: raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, findings)),
        images: raw.images.as_ref().and_then(|globs| images(globs, findings)),
        soak: soak(raw, environments, findings),
        source: raw.source.as_ref().map(|source| changelog::source(source, findings)),
        ignore: raw.ignore,
    }
}

fn soak(
    raw: &raw::Override,
    environments: &[raw::Environment],
    findings: &mut Findings,
) -> BTreeMap<EnvironmentName, Duration> {
    let mut soak = BTreeMap::new();
    for (name, text) in raw.soak.iter().flat_map(|entries| &entries.0) {
        let length = findings.take(text.at, compile::length_of_time(&text.value.0));
        let Some(environment) = environment::known(name, environments, findings) else { continue };
        if environment.after.is_none() {
            environment::refuse_soak_of_first(name.at, &name.value, findings);
        }
        if let (Ok(name), Some(length)) = (name.value.parse(), length) {
            soak.insert(name, length);
        }
    }
    soak
}

fn images(raw: &Located<Vec<Located<String>>>, findings: &mut Findings) -> Option<GlobSet> {
    if raw.value.is_empty() {
        findings.error(
            raw.at.start(),
            "no image is managed",
            "write globs such as `[ghcr.io/vtr/*]`, leave `images` out, or write `ignore: true` in an override",
        );
        return None;
    }
    let mut set = GlobSetBuilder::new();
    for text in &raw.value {
        if let Some(glob) = findings.take(text.at, compile::glob(&text.value, "ghcr.io/vtr/*")) {
            set.add(glob);
        }
    }
    let built = set.build().map_err(|_| {
        ("the globs match too much at once".to_owned(), "write fewer or simpler globs".to_owned())
    });
    findings.take(raw.at.start(), built)
}
