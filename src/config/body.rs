//! The body of promotion commits: a template between the subject and the trailers.

use std::error::Error as _;

use serde::Serialize;

use super::diagnostic::InvalidValue;
use crate::template::{Escape, Template, TemplateError};

/// The body of a promotion commit, as a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyForm(Template);

/// The values that the template sees.
#[derive(Clone, Debug, Serialize)]
pub struct BodyValues<'a> {
    /// The promotions of the commit, at least one.
    pub promotions: Vec<PromotionValues<'a>>,
    /// The default lines: tags, soak and overrides.
    pub evidence: &'a str,
    /// The default release notes; may be empty.
    pub notes: &'a str,
}

/// One promotion.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionValues<'a> {
    /// The service, as `namespace/name`.
    pub service: String,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The environment that it is promoted in.
    pub environment: &'a str,
    /// The image, without a tag.
    pub image: String,
    /// The tag before the promotion.
    pub from: &'a str,
    /// The new tag.
    pub to: &'a str,
    /// The digest of the new tag; may be empty.
    pub digest: &'a str,
    /// How many releases the promotion covers.
    pub releases: usize,
    /// How long it soaked, as `26h12m`; empty without a soak.
    pub soaked_for: String,
    /// The environment in which it soaked.
    pub soaked_in: &'a str,
    /// Who requested it: `schedule` or a person.
    pub requested_by: String,
    /// The group that it ships with; may be empty.
    pub group: &'a str,
    /// The reason of a rollback; empty for a promotion.
    pub rollback: String,
    /// The overridden gates.
    pub overrides: Vec<OverrideValues>,
    /// Its release notes; may be empty.
    pub notes: &'a str,
}

/// A gate that a person overrode.
#[derive(Clone, Debug, Serialize)]
pub struct OverrideValues {
    /// The name of the gate.
    pub gate: &'static str,
    /// The reason given.
    pub reason: String,
}

impl BodyForm {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        let template = Template::new(text.to_owned(), Escape::None, &[]).map_err(|error| invalid(&error))?;
        let form = Self(template);
        // Find a template that cannot be rendered now rather than at the first promotion.
        for count in [1, 2] {
            form.fill(&sample(count)).map_err(|error| invalid(&error))?;
        }
        Ok(form)
    }

    /// Renders the body, without control characters, trailing spaces and repeated empty lines.
    ///
    /// # Errors
    /// When the template uses an unknown value or its output is too large.
    pub fn fill(&self, values: &BodyValues<'_>) -> Result<String, TemplateError> {
        let text = self.0.render(values)?;
        let mut body = String::with_capacity(text.len());
        for line in text.lines() {
            let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
            let is_second_empty = line.trim().is_empty() && (body.is_empty() || body.ends_with("\n\n"));
            if !is_second_empty {
                body.push_str(line.trim_end());
                body.push('\n');
            }
        }
        body.truncate(body.trim_end().len());
        Ok(body)
    }
}

fn invalid(error: &TemplateError) -> InvalidValue {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = "write a Jinja template over `evidence`, `notes` and `promotions`, for example \
                `{{ evidence }}`, an empty line, `{{ notes }}`";
    InvalidValue::new(format!("{error}{cause}"), hint)
}

/// Promotions with every value set.
fn sample(count: usize) -> BodyValues<'static> {
    let promotion = PromotionValues {
        service: "common/graphql-server".to_owned(),
        namespace: "common",
        name: "graphql-server",
        environment: "prod",
        image: "ghcr.io/vtr/graphql-server".to_owned(),
        from: "v1.0.176",
        to: "v1.0.180",
        digest: "sha256:0000",
        releases: 3,
        soaked_for: "26h12m".to_owned(),
        soaked_in: "non-prod",
        requested_by: "schedule".to_owned(),
        group: "",
        rollback: String::new(),
        overrides: vec![OverrideValues { gate: "soak", reason: "urgent".to_owned() }],
        notes: "Features\n- cache persisted queries",
    };
    BodyValues {
        promotions: vec![promotion; count],
        evidence: "prod: v1.0.176 -> v1.0.180 (3 releases)",
        notes: "Features\n- cache persisted queries",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_rendered_and_cleaned() {
        let form = BodyForm::parse(
            "\n\n{{ evidence }}\u{7}  \n\n\n\n{% for one in promotions %}\n{{ one.name }} {{ one.to }}\n{% endfor %}\n\n",
        )
        .unwrap();
        let body = form.fill(&sample(2)).unwrap();
        assert_eq!(
            body,
            "prod: v1.0.176 -> v1.0.180 (3 releases)\n\ngraphql-server v1.0.180\ngraphql-server v1.0.180"
        );
    }

    #[test]
    fn a_template_that_cannot_be_rendered_is_refused_when_parsed() {
        for text in [
            "{{ evidnce }}",
            "{{ promotions[0].tag }}",
            "{{",
            "{% include 'x' %}",
            "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}",
        ] {
            let InvalidValue { message, hint } = BodyForm::parse(text).unwrap_err();
            assert!(message.starts_with("cannot "), "{text}: {message}");
            assert!(hint.contains("{{ evidence }}"), "{text}: {hint}");
        }
    }
}
