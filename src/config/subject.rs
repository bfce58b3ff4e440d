//! The subject of promotion commits: `chore({service}): update to {tag}`.

use super::diagnostic::InvalidValue;
use super::suggest;
use crate::model::{EnvironmentName, Printable, ServiceName, Tag};

const MAX_BYTES: usize = 200;

/// The subject that the team writes by hand.
const DEFAULT: &str = "chore({service}): update to {tag}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Service,
    Namespace,
    Environment,
    Tag,
    From,
}

const PLACEHOLDERS: [(&str, Placeholder); 5] = [
    ("service", Placeholder::Service),
    ("namespace", Placeholder::Namespace),
    ("environment", Placeholder::Environment),
    ("tag", Placeholder::Tag),
    ("from", Placeholder::From),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// The subject of a promotion commit: one line with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectForm {
    parts: Vec<Part>,
    /// Appended to every subject, with a leading space; may be empty.
    suffix: String,
}

/// The values of the placeholders.
#[derive(Clone, Copy, Debug)]
pub struct SubjectValues<'a> {
    /// The promoted service.
    pub service: &'a ServiceName,
    /// The environment that it is promoted in.
    pub environment: &'a EnvironmentName,
    /// The new tag.
    pub tag: &'a Tag,
    /// The tag before the promotion.
    pub from: &'a Tag,
}

impl Default for SubjectForm {
    fn default() -> Self {
        Self::parse(DEFAULT).unwrap_or_else(|_| Self { parts: Vec::new(), suffix: String::new() })
    }
}

impl SubjectForm {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |message: &str, hint: &str| Err(InvalidValue::new(message, hint));
        if text.trim().is_empty() {
            return invalid("the subject is empty", "write for example `chore({service}): update to {tag}`");
        }
        if text.chars().any(char::is_control) {
            return invalid(
                "the subject has a line break or a control character",
                "write it on one line, without tabs",
            );
        }
        if text.len() > MAX_BYTES {
            return invalid("the subject is longer than 200 bytes", "write a shorter one; the body has room");
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = take_part(rest, &mut parts)?;
        }
        Ok(Self { parts, suffix: String::new() })
    }

    /// Adds a suffix to every subject.
    pub(crate) fn with_suffix(self, suffix: &str) -> Result<Self, InvalidValue> {
        let is_valid =
            !suffix.trim().is_empty() && suffix.len() <= 50 && !suffix.chars().any(char::is_control);
        if is_valid {
            return Ok(Self { suffix: format!(" {}", suffix.trim()), ..self });
        }
        Err(InvalidValue::new(
            "the suffix is not one short line",
            "write at most 50 bytes on one line, such as `[skip ci]`",
        ))
    }

    /// Appends the suffix, for a subject of one promotion or of several.
    pub fn finish(&self, mut subject: String) -> String {
        subject.push_str(&self.suffix);
        subject
    }

    /// The subject of one promotion.
    pub fn fill(&self, values: &SubjectValues<'_>) -> String {
        let text_of = |part: &'_ Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(Placeholder::Service) => values.service.name().to_owned(),
            Part::Value(Placeholder::Namespace) => values.service.namespace().to_owned(),
            Part::Value(Placeholder::Environment) => values.environment.to_string(),
            Part::Value(Placeholder::Tag) => values.tag.to_string(),
            Part::Value(Placeholder::From) => values.from.to_string(),
        };
        self.parts.iter().map(text_of).collect()
    }
}

/// Takes the first part off the text: a doubled brace, a placeholder, or what stands before the next brace.
fn take_part<'a>(text: &'a str, parts: &mut Vec<Part>) -> Result<&'a str, InvalidValue> {
    for (doubled, brace) in [("{{", "{"), ("}}", "}")] {
        if let Some(rest) = text.strip_prefix(doubled) {
            parts.push(Part::Text(brace.to_owned()));
            return Ok(rest);
        }
    }
    if let Some(inside) = text.strip_prefix('{') {
        let (name, rest) = inside.split_once('}').ok_or_else(lone_brace)?;
        parts.push(Part::Value(placeholder(name)?));
        return Ok(rest);
    }
    if text.starts_with('}') {
        return Err(lone_brace());
    }
    let (plain, rest) = text.split_at(text.find(['{', '}']).unwrap_or(text.len()));
    parts.push(Part::Text(plain.to_owned()));
    Ok(rest)
}

fn placeholder(name: &str) -> Result<Placeholder, InvalidValue> {
    if let Some((_, placeholder)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) {
        return Ok(*placeholder);
    }
    let hint = match suggest::nearest(name, PLACEHOLDERS.iter().map(|(known, _)| *known)) {
        Some(meant) => format!("did you mean `{{{meant}}}`?"),
        None => "write one of `{service}`, `{namespace}`, `{environment}`, `{tag}`, `{from}`".to_owned(),
    };
    Err(InvalidValue::new(format!("unknown placeholder `{{{}}}`", Printable::bounded(name, 40)), hint))
}

fn lone_brace() -> InvalidValue {
    InvalidValue::new("the subject has an unmatched brace", "write `{{` or `}}` for a literal brace")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(form: &str) -> String {
        SubjectForm::parse(form).unwrap().fill(&SubjectValues {
            service: &"common/graphql-server".parse().unwrap(),
            environment: &"prod".parse().unwrap(),
            tag: &"v1.0.180".parse().unwrap(),
            from: &"v1.0.176".parse().unwrap(),
        })
    }

    #[test]
    fn placeholders_are_filled() {
        for (form, subject) in [
            (DEFAULT, "chore(graphql-server): update to v1.0.180"),
            (
                "{namespace}/{service}@{environment}: {from} -> {tag}",
                "common/graphql-server@prod: v1.0.176 -> v1.0.180",
            ),
            ("{{{tag}}}", "{v1.0.180}"),
            ("no placeholder ñ", "no placeholder ñ"),
        ] {
            assert_eq!(fill(form), subject);
        }
    }

    #[test]
    fn the_default_is_the_documented_one() {
        assert_eq!(SubjectForm::default(), SubjectForm::parse(DEFAULT).unwrap());
        assert!(!SubjectForm::default().parts.is_empty());
    }

    #[test]
    fn a_suffix_ends_every_subject() {
        let form = SubjectForm::default().with_suffix("[skip ci]").unwrap();
        assert_eq!(
            form.finish("chore(prod): update 3 images".into()),
            "chore(prod): update 3 images [skip ci]"
        );
        for bad in ["", " ", "a\nb", &"x".repeat(51)] {
            assert!(SubjectForm::default().with_suffix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", " ", "a\nb", "a\tb", "{tag", "tag}", "{}", "{tga}", "{ tag }", &"x".repeat(201)] {
            assert!(SubjectForm::parse(bad).is_err(), "{bad:?}");
        }
    }
}
