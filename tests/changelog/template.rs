//! A team's own templates: what they see, and that they are bounded.

use std::fs;

use rstest::rstest;
use tidegate::changelog::{Notes, Template, TemplateError};

use super::{folder, notes, read};

fn every_style() -> Notes {
    let range = read(&fs::read_to_string(folder().join("every-style.commits")).unwrap());
    notes(&range, Some("github.com/vtr/graphql-server"))
}

fn render(source: &str) -> Result<String, TemplateError> {
    Template::new(source.to_owned(), false)?.render(&every_style())
}

#[test]
fn a_template_sees_the_data() {
    let source = "{{ service }}: {{ from }} to {{ to }}\n\
                  {% for release in releases %}\n\
                  {% for group in release.groups if group.section == 'fixes' %}\n\
                  {% for entry in group.entries %}\n\
                  * {{ entry.text }} {{ entry.request.label }} ({{ release.name }})\n\
                  {% endfor %}\n{% endfor %}\n{% endfor %}\n";
    let expected = "common/graphql-server: v1.0.176 to v1.0.180\n\
                    * close idle subscriptions #408 (v1.0.179)\n";
    let made = render(source).unwrap();
    assert!(made.starts_with(expected.lines().next().unwrap()), "{made}");
    assert!(made.contains("* close idle subscriptions"), "{made}");
    assert!(!made.contains("\n\n"), "{made}");
}

#[test]
fn html_is_escaped_by_itself() {
    let mut notes = every_style();
    notes.heading.service = "<b>".into();
    let made = Template::new("{{ service }}".into(), true).unwrap().render(&notes).unwrap();
    assert_eq!(made, "&lt;b&gt;");
}

#[test]
fn markdown_has_a_filter() {
    assert_eq!(render("{{ '*a* @b'|markdown }}").unwrap(), "\\*a\\* `@b`");
}

#[rstest]
#[case::syntax("{{ service")]
#[case::unknown_filter("{{ service|shell }}")]
#[case::unknown_value("{{ sercive }}")]
#[case::another_template("{% include 'x' %}")]
#[case::endless("{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}")]
#[case::huge("{% for a in range(9999) %}{{ 'x' * 10000 }}{% endfor %}")]
#[case::deep("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
fn an_invalid_or_endless_template_is_refused(#[case] source: &str) {
    assert!(render(source).is_err());
}

#[test]
fn a_template_has_a_largest_size() {
    assert!(matches!(render(&"x".repeat(70_000)), Err(TemplateError::TooLarge)));
}

#[test]
fn the_template_of_the_documentation_works() {
    let page = include_str!("../../docs/changelog.md");
    let source = page.split("```jinja\n").nth(1).unwrap().split("```").next().unwrap();
    let text = Template::new(source.to_owned(), false).unwrap().render(&every_style()).unwrap();
    assert!(text.starts_with("common/graphql-server v1.0.176 → v1.0.180: "), "{text}");
    assert!(text.contains("\nFeatures\n- "), "{text}");
}
