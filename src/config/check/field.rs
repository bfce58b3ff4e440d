//! The `fields` section.

use crate::config::compile;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::fields::ConfiguredField;
use crate::config::raw;
use crate::model::FieldRule;

/// The fields that the configuration names; `None` if and only if an error was reported.
pub(super) fn fields(raw: &[raw::Field], diagnostics: &mut Diagnostics) -> Option<Vec<ConfiguredField>> {
    let checked: Vec<_> = raw.iter().filter_map(|field| self::field(field, diagnostics)).collect();
    (checked.len() == raw.len()).then_some(checked)
}

fn field(raw: &raw::Field, diagnostics: &mut Diagnostics) -> Option<ConfiguredField> {
    let files =
        diagnostics.ok_or_report(raw.files.at, compile::glob(&raw.files.value, "clusters/*/vars.yaml"));
    let at = raw.at.value.parse().map_err(|error: crate::model::FieldPathError| {
        InvalidValue::new(error.to_string(), "write the keys above the value, the closest last")
    });
    let at = diagnostics.ok_or_report(raw.at.at, at);
    let image = raw.image.value.parse().map_err(|error: crate::model::ImageError| {
        InvalidValue::new(error.to_string(), "write the image without a tag")
    });
    let image = diagnostics.ok_or_report(raw.image.at, image);
    let service = match &raw.service {
        None => Some(None),
        Some(text) => {
            let service = text.value.parse().map_err(|error: crate::model::ServiceNameError| {
                InvalidValue::new(error.to_string(), "write `namespace/name`")
            });
            diagnostics.ok_or_report(text.at, service).map(Some)
        }
    };
    Some(ConfiguredField {
        files: raw.files.value.clone(),
        matcher: files?.compile_matcher(),
        rule: FieldRule { at: at?, image: image?, service: service? },
    })
}
