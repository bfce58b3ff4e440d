//! The form of the body of a promotion's commit: a template between the subject and the trailers. Pure.

use std::error::Error as _;

use serde::Serialize;

use super::problem::Wrong;
use crate::template::{Escape, Template, TemplateError};

/// The form of the body of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyForm(Template);

/// What a commit puts into the form of its body.
#[derive(Clone, Debug, Serialize)]
pub struct BodyValues<'a> {
    /// What is promoted: at least one.
    pub promotions: Vec<PromotionValues<'a>>,
    /// The lines that tell from where to where, how long it soaked and what was overridden.
    pub evidence: &'a str,
    /// What changed, as the commit tells it without a template; perhaps nothing.
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
    /// Where.
    pub environment: &'a str,
    /// The image, without a tag.
    pub image: String,
    /// The tag that ran before.
    pub from: &'a str,
    /// The tag that it moves to.
    pub to: &'a str,
    /// The digest of that tag; perhaps nothing.
    pub digest: &'a str,
    /// How many releases this takes in.
    pub releases: usize,
    /// How long it soaked, as `26h12m`; nothing where no soak is asked for.
    pub soaked_for: String,
    /// Where it soaked.
    pub soaked_in: &'a str,
    /// Who asked for it.
    pub requested_by: String,
    /// The set that it ships in; perhaps nothing.
    pub group: &'a str,
    /// Why it goes back, if it does.
    pub rollback: String,
    /// The gates that were overridden by hand.
    pub overrides: Vec<OverrideValues>,
    /// What changed; perhaps nothing.
    pub notes: &'a str,
}

/// A gate that was overridden by hand.
#[derive(Clone, Debug, Serialize)]
pub struct OverrideValues {
    /// Its name.
    pub gate: &'static str,
    /// The reason that was given.
    pub reason: String,
}

impl BodyForm {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let template = Template::new(text.to_owned(), Escape::None, &[]).map_err(|error| wrong(&error))?;
        let form = Self(template);
        // What it can't be filled in with is found now, and not by the promotion that needs it.
        for count in [1, 2] {
            form.fill(&sample(count)).map_err(|error| wrong(&error))?;
        }
        Ok(form)
    }

    /// The body of a commit, cleaned: no control characters, nothing at the ends of lines, no more than one empty line.
    ///
    /// # Errors
    /// When the template uses what isn't there, or makes too much.
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

fn wrong(error: &TemplateError) -> Wrong {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = "write a Jinja template over `evidence`, `notes` and `promotions`, for example \
                `{{ evidence }}`, an empty line, `{{ notes }}`";
    (format!("{error}{cause}"), hint.to_owned())
}

/// Promotions with everything in them that there can be.
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
    fn a_body_is_filled_in_and_cleaned() {
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
    fn what_cannot_be_filled_in_is_told_when_it_is_read() {
        for text in [
            "{{ evidnce }}",
            "{{ promotions[0].tag }}",
            "{{",
            "{% include 'x' %}",
            "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}",
        ] {
            let (message, hint) = BodyForm::parse(text).unwrap_err();
            assert!(message.starts_with("cannot "), "{text}: {message}");
            assert!(hint.contains("{{ evidence }}"), "{text}: {hint}");
        }
    }
}
