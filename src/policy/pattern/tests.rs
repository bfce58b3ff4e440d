//! What patterns take from tags, and which patterns are refused.

use rstest::rstest;

use super::{PatternError, TagPattern};
use crate::model::Tag;

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

#[rstest]
#[case::suffix(r"^(?P<version>v\d+\.\d+\.\d+)-mobile$", "v1.2.3-mobile", Some("v1.2.3"))]
#[case::other_suffix(r"^(?P<version>v\d+\.\d+\.\d+)-mobile$", "v1.2.3-web", None)]
#[case::short_name_syntax(r"^(?<version>\d.*)$", "1.2.3", Some("1.2.3"))]
#[case::not_anchored(r"(?P<version>\d+\.\d+\.\d+)", "build-1.2.3-x", Some("1.2.3"))]
#[case::group_that_took_no_part(r"^v1|(?P<version>v2)$", "v1.0.0", None)]
fn takes_the_named_group(#[case] pattern: &str, #[case] text: &str, #[case] expected: Option<&str>) {
    let pattern: TagPattern = pattern.parse().unwrap();
    assert_eq!(pattern.version_text(&tag(text)).as_deref(), expected);
}

#[rstest]
#[case::named(r"^main-(?P<v>.*)$", "$v", "main-1.2.3", Some("1.2.3"))]
#[case::numbered(r"^(\d+)\.(\d+)-b(\d+)$", "$1.$2.$3", "1.2-b3", Some("1.2.3"))]
#[case::braced(r"^(\d+)-(\d+)$", "${1}0.${2}0.0", "1-2", Some("10.20.0"))]
#[case::dollar(r"^(\d+)$", "$$$1", "5", Some("$5"))]
#[case::whole_match(r"\d+\.\d+\.\d+", "$0", "x-1.2.3-y", Some("1.2.3"))]
#[case::empty_is_the_whole_tag(r"-stable$", "", "1.2.3-stable", Some("1.2.3-stable"))]
#[case::no_match(r"-stable$", "", "1.2.3-beta", None)]
fn expands_what_flux_would(
    #[case] pattern: &str,
    #[case] extract: &str,
    #[case] text: &str,
    #[case] expected: Option<&str>,
) {
    let pattern = TagPattern::with_extract(pattern, extract).unwrap();
    assert_eq!(pattern.version_text(&tag(text)).as_deref(), expected);
}

#[rstest]
#[case::unknown_name("^(?P<v>.*)$", "$version", "version")]
#[case::the_longest_name("^(.*)$", "$1x", "1x")]
#[case::unknown_number("^(.*)$", "${2}", "2")]
#[case::after_a_dollar("^(.*)$", "$$$1 ${two}", "two")]
fn a_template_names_groups_that_exist(#[case] pattern: &str, #[case] extract: &str, #[case] unknown: &str) {
    let error = TagPattern::with_extract(pattern, extract).unwrap_err();
    assert_eq!(error, PatternError::UnknownGroup { group: unknown.to_owned() });
}

#[test]
fn bad_patterns_are_refused() {
    assert_eq!(r"^v\d+$".parse::<TagPattern>().unwrap_err(), PatternError::NoVersionGroup);
    assert_eq!("x".repeat(2000).parse::<TagPattern>().unwrap_err(), PatternError::TooLong);
    assert_eq!(r"(?P<version>(\w{500}){500})".parse::<TagPattern>().unwrap_err(), PatternError::TooLarge);
}

#[rstest]
#[case::open_group("(?P<version>", "unclosed group")]
#[case::look_ahead(
    "(?P<version>a)(?=b)",
    "look-around, including look-ahead and look-behind, is not supported"
)]
fn an_invalid_regular_expression_is_an_error(#[case] pattern: &str, #[case] reason: &str) {
    let error = pattern.parse::<TagPattern>().unwrap_err();
    assert_eq!(error, PatternError::Syntax { reason: reason.to_owned() });
}

#[test]
fn patterns_are_equal_when_they_are_written_alike() {
    let flux = |extract: &str| TagPattern::with_extract("^(?P<version>.*)$", extract).unwrap();
    let own: TagPattern = "^(?P<version>.*)$".parse().unwrap();
    assert_eq!(own, own.clone());
    assert_eq!(flux("$version"), flux("$version"));
    assert_ne!(flux("$version"), flux("$0"));
    assert_ne!(flux(""), own);
}

#[rstest]
#[case::begin_of_word(r"^\<(?P<version>.*)$", r"\<")]
#[case::end_of_word(r"^(?P<version>.*)\>$", r"\>")]
#[case::intersection("^(?P<version>[a-z&&[^x]]+)$", "&&")]
#[case::difference("^(?P<version>[a-z--x]+)$", "--")]
#[case::class_in_class("^(?P<version>[a[bc]]+)$", "[")]
#[case::verbose("(?x)^(?P<version>.*)$", "(?x)")]
#[case::boundary(r"\b{start}(?P<version>.*)$", r"\b{")]
fn syntax_that_go_reads_differently_is_refused(#[case] pattern: &str, #[case] found: &str) {
    let error = pattern.parse::<TagPattern>().unwrap_err();
    assert!(error.to_string().contains(&format!("`{found}`")), "{error}");
}

#[rstest]
#[case::leading_zero("$01")]
#[case::empty("${}")]
#[case::unclosed("${1")]
fn a_template_that_go_reads_differently_is_refused(#[case] extract: &str) {
    let error = TagPattern::with_extract("^v(.*)$", extract).unwrap_err();
    assert!(matches!(error, PatternError::TemplateDiffers { .. }), "{error}");
}

#[test]
fn alternatives_may_use_a_name_again() {
    for pattern in [
        TagPattern::with_extract(r"^web-(?P<v>[\d.]+)$|^(?P<v>[\d.]+)-web$", "$v").unwrap(),
        r"^web-(?P<version>[\d.]+)$|^(?<version>[\d.]+)-web$".parse().unwrap(),
    ] {
        for tag in ["web-1.2.3", "1.2.3-web"] {
            assert_eq!(
                pattern.version_text(&tag.parse().unwrap()).as_deref(),
                Some("1.2.3"),
                "{pattern}: {tag}"
            );
        }
    }
}

#[test]
fn syntax_that_go_and_rust_share_is_accepted() {
    for pattern in
        [r"^(?P<version>[\w\-.&~\[]+)$", "^(?i:(?P<version>[[:alnum:].-]+))$", "^[]a](?P<version>.*)$"]
    {
        assert!(pattern.parse::<TagPattern>().is_ok(), "{pattern}");
    }
}
