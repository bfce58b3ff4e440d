//! The `check` section: the conventions of the repository.

use crate::check::{CheckSettings, FluxVersion, FluxVersionError, Rule, RuleSeverity, Size, SizeError};
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::location::{Located, Location};
use crate::config::raw;
use crate::config::suggest::nearest;

pub(super) fn conventions(raw: &raw::Check, diagnostics: &mut Diagnostics) -> Option<CheckSettings> {
    diagnostics.if_valid(|diagnostics| {
        let mut settings = CheckSettings::default();
        for (id, setting) in raw.rules.iter().flat_map(|rules| &rules.0) {
            let severity = match setting.value {
                raw::RuleSetting::Off => None,
                raw::RuleSetting::Note => Some(RuleSeverity::Note),
                raw::RuleSetting::Warning => Some(RuleSeverity::Warning),
                raw::RuleSetting::Error => Some(RuleSeverity::Error),
            };
            if let Some(rule) = diagnostics.ok_or_report(id.at, rule(&id.value)) {
                settings.severities.insert(rule, severity);
            }
        }
        if let Some(labels) = &raw.labels {
            settings.labels.clone_from(labels);
        }
        if let Some(sizes) = &raw.sizes {
            let sizes = sizes.0.iter().map(|(name, size)| {
                let raw::ContainerSize { cpu_request, cpu_limit, memory_request, memory_limit } = &size.value;
                let parts = [cpu_request, cpu_limit, memory_request, memory_limit];
                let size = Size::new(&name.value, parts.map(|part| part.value.as_str()));
                let invalid = |error: SizeError| {
                    InvalidValue::new(error.to_string(), "write a quantity such as `500m`, `2` or `256Mi`")
                };
                diagnostics.ok_or_report(size_at(parts, size.as_ref().err(), name.at), size.map_err(invalid))
            });
            settings.sizes = sizes.collect::<Option<_>>()?;
        }
        if let Some(version) = &raw.flux_version {
            let read = version.value.parse::<FluxVersion>();
            let invalid = |error: FluxVersionError| InvalidValue::new(error.to_string(), "write it as `2.6`");
            settings.flux_version = diagnostics.ok_or_report(version.at, read.map_err(invalid));
        }
        Some(settings)
    })
}

fn rule(id: &str) -> Result<Rule, InvalidValue> {
    id.parse().map_err(|_| {
        let ids = Rule::ALL.map(Rule::id);
        let hint = match nearest(id, ids) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the rules are {}", ids.join(", ")),
        };
        InvalidValue::new("there is no such rule", hint)
    })
}

/// The place of the quantity that is wrong.
fn size_at(parts: [&Located<String>; 4], error: Option<&SizeError>, otherwise: Location) -> Location {
    let wrong = error.and_then(|error| parts.into_iter().find(|part| part.value == error.0));
    wrong.map_or(otherwise, |part| part.at)
}
