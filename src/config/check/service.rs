//! The `services` and `groups` sections.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use globset::{GlobSet, GlobSetBuilder};

use super::changelog;
use super::default_text;
use super::environment;
use super::override_order;
use crate::config::compile::{self, VersionRange};
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::duration::parse_duration;
use crate::config::location::{Located, Location};
use crate::config::names::ConfiguredName;
use crate::config::raw;
use crate::config::services::{Defaults, Override, Services};
use crate::config::settings::Group;
use crate::model::{EnvironmentName, Printable, ServiceName, ServicePattern};
use crate::policy::TagOrder;

/// Every version but pre-releases.
const DEFAULT_VERSIONS: &str = "*";

pub(super) fn services(file: &raw::File, diagnostics: &mut Diagnostics) -> Option<Services> {
    let defaults = diagnostics.if_valid(|diagnostics| defaults(&file.services.defaults, diagnostics));
    let raw = &file.services.overrides;
    let matches: Vec<_> = raw
        .iter()
        .filter_map(|entry| {
            let matches = &entry.value.matches;
            diagnostics.ok_or_report(matches.at, compile::glob(&matches.value, "common/*"))
        })
        .collect();
    let overrides: Vec<_> = raw
        .iter()
        .filter_map(|entry| {
            diagnostics.if_valid(|diagnostics| {
                Some(override_of(&entry.value, &file.environments.value, diagnostics))
            })
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
        InvalidValue::new("the `match` globs are too large together", "write fewer or simpler globs")
    });
    let matches =
        diagnostics.ok_or_report(raw.first().map_or(file.git.url.at, |first| first.at).start(), built)?;
    override_order::warn(raw, &matches, diagnostics);
    Some(Services { defaults: defaults?, overrides, matches })
}

fn defaults(raw: &raw::ServiceDefaults, diagnostics: &mut Diagnostics) -> Option<Defaults> {
    let versions = match &raw.versions {
        Some(text) => compile::version_range(text, diagnostics),
        None => compile::version_range(&default_text(DEFAULT_VERSIONS), diagnostics),
    };
    let tag_pattern = raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, diagnostics));
    let images = raw.images.as_ref().and_then(|globs| images(globs, diagnostics));
    let minimum_age = environment::optional_duration(raw.minimum_age.as_ref(), diagnostics);
    let charts = charts(raw.charts.as_ref(), diagnostics);
    let order = raw.order.map(order);
    Some(Defaults { versions: versions?, tag_pattern, order, minimum_age, images, charts })
}

fn override_of(
    raw: &raw::Override,
    environments: &[raw::Environment],
    diagnostics: &mut Diagnostics,
) -> Override {
    Override {
        versions: raw.versions.as_ref().and_then(|text| compile::version_range(text, diagnostics)),
        tag_pattern: raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, diagnostics)),
        order: raw.order.map(order),
        minimum_age: environment::optional_duration(raw.minimum_age.as_ref(), diagnostics),
        images: raw.images.as_ref().and_then(|globs| images(globs, diagnostics)),
        charts: charts(raw.charts.as_ref(), diagnostics),
        soak: soak(raw, environments, diagnostics),
        source: raw.source.as_ref().map(|source| changelog::source(source, diagnostics)),
        ignore: raw.ignore,
    }
}

fn charts(raw: Option<&raw::Charts>, diagnostics: &mut Diagnostics) -> Option<VersionRange> {
    raw.and_then(|charts| compile::version_range(&charts.versions, diagnostics))
}

fn order(raw: raw::TagOrder) -> TagOrder {
    match raw {
        raw::TagOrder::Semver => TagOrder::Semver,
        raw::TagOrder::Numeric => TagOrder::Numeric { is_descending: false },
        raw::TagOrder::NumericDescending => TagOrder::Numeric { is_descending: true },
        raw::TagOrder::Alphabetical => TagOrder::Alphabetical { is_descending: false },
        raw::TagOrder::AlphabeticalDescending => TagOrder::Alphabetical { is_descending: true },
    }
}

fn soak(
    raw: &raw::Override,
    environments: &[raw::Environment],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<EnvironmentName, Duration> {
    let mut soak = BTreeMap::new();
    for (name, text) in raw.soak.iter().flat_map(|entries| &entries.0) {
        let duration = diagnostics.ok_or_report(text.at, parse_duration(&text.value.0));
        let Some(environment) = environment::known(name, environments, diagnostics) else { continue };
        if environment.after.is_none() {
            environment::refuse_soak_of_first(name.at, &name.value, diagnostics);
        }
        if let (Ok(name), Some(duration)) = (name.value.parse(), duration) {
            soak.insert(name, duration);
        }
    }
    soak
}

fn images(raw: &Located<Vec<Located<String>>>, diagnostics: &mut Diagnostics) -> Option<GlobSet> {
    if raw.value.is_empty() {
        diagnostics.error(
            raw.at.start(),
            "`images` is empty, so no image would be promoted",
            "write globs such as `[ghcr.io/vtr/*]`, remove `images`, or write `ignore: true` in an override",
        );
        return None;
    }
    compile::glob_set(raw, "ghcr.io/vtr/*", diagnostics)
}

/// The names that must match something in the repository; invalid globs are reported elsewhere.
pub(super) fn names(file: &raw::File) -> Vec<ConfiguredName> {
    let matcher = |text: &Located<String>| Some(compile::glob(&text.value, "").ok()?.compile_matcher());
    let defaults = file.services.defaults.images.iter().flat_map(|globs| &globs.value);
    let mut names: Vec<ConfiguredName> = defaults
        .filter_map(|text| {
            Some(ConfiguredName::images("services.defaults.images", text, matcher(text)?, None))
        })
        .collect();
    for entry in &file.services.overrides {
        let text = &entry.value.matches;
        let Some(services) = matcher(text) else { continue };
        names.push(ConfiguredName::services("services.overrides[].match", text, services.clone()));
        let images = entry.value.images.iter().flat_map(|globs| &globs.value);
        names.extend(images.filter_map(|text| {
            let services = Some(services.clone());
            Some(ConfiguredName::images("services.overrides[].images", text, matcher(text)?, services))
        }));
    }
    let members = file.groups.iter().flat_map(|group| &group.services.value);
    names.extend(
        members.filter_map(|text| Some(ConfiguredName::services("groups[].services", text, matcher(text)?))),
    );
    names
}

/// The `groups`, and a group of its own for each service with `together`.
pub(super) fn groups(file: &raw::File, diagnostics: &mut Diagnostics) -> Vec<Group> {
    let mut names: HashMap<&str, Location> = HashMap::new();
    let mut seen: HashMap<ServiceName, Location> = HashMap::new();
    let mut groups = Vec::with_capacity(file.groups.len());
    for group in &file.groups {
        let name = &group.name;
        if let Some(first) = names.insert(&name.value, name.at) {
            let shown = Printable::bounded(&name.value, 63);
            let message = format!("duplicate group `{shown}`; the other is on line {}", first.line);
            diagnostics.error(name.at, message, "give each group its own name");
        }
        let is_valid = (1..=60).contains(&name.value.trim().len()) && !name.value.contains(char::is_control);
        if !is_valid {
            let hint = "write 1 to 60 bytes on one line, such as `checkout`";
            diagnostics.error(name.at, "this is not a valid group name", hint);
        }
        let services = members(group, &mut seen, diagnostics);
        groups.push(Group { name: name.value.trim().to_owned(), services });
    }
    let bound = file.services.overrides.iter().filter(|entry| entry.value.together == Some(true));
    groups.extend(bound.filter_map(|entry| of_one_service(&entry.value.matches, &mut seen, diagnostics)));
    groups
}

/// The group of the chart and the images of one service.
fn of_one_service(
    matches: &Located<String>,
    seen: &mut HashMap<ServiceName, Location>,
    diagnostics: &mut Diagnostics,
) -> Option<Group> {
    let Ok(service) = matches.value.parse::<ServiceName>() else {
        let hint = "write an override for each service, such as `match: common/graphql-server`";
        diagnostics.error(matches.at, "`together` needs a `match` that names one service", hint);
        return None;
    };
    if let Some(first) = seen.insert(service.clone(), matches.at) {
        let message = format!("`{service}` is in a group already, on line {}", first.line);
        diagnostics.error(matches.at, message, "remove `together`: a group binds all that its services run");
        return None;
    }
    Some(Group { name: service.to_string(), services: vec![service.into()] })
}

fn members(
    group: &raw::Group,
    seen: &mut HashMap<ServiceName, Location>,
    diagnostics: &mut Diagnostics,
) -> Vec<ServicePattern> {
    if group.services.value.is_empty() {
        let hint = "write for example `services: [common/cart, common/payments]`";
        diagnostics.error(group.services.at.start(), "the group has no service", hint);
    }
    let mut patterns = Vec::with_capacity(group.services.value.len());
    for text in &group.services.value {
        let parsed = text.value.parse::<ServicePattern>().map_err(|error| {
            let shown = Printable::bounded(&text.value, 80);
            InvalidValue::new(format!("`{shown}` is not a service or a pattern"), error.to_string())
        });
        let Some(pattern) = diagnostics.ok_or_report(text.at, parsed) else { continue };
        if let Some(first) = pattern.exact().and_then(|exact| seen.insert(exact.clone(), text.at)) {
            let message = format!("`{pattern}` is listed before, on line {}", first.line);
            diagnostics.error(text.at, message, "list a service in one group, once");
        }
        patterns.push(pattern);
    }
    patterns
}
