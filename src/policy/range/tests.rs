//! Tables of the versions that ranges admit, and of the errors of invalid ranges.

use proptest::prelude::*;
use rstest::rstest;

use super::{Range, SyntaxError};
use crate::model::{Fault, Version};

fn range(text: &str) -> Range {
    text.parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[rstest]
#[case::bare_is_exact("1.2.3", "1.2.3 v1.2.3", "1.2.4 1.2.2 1.2.3-rc.1")]
#[case::equal_is_exact("=1.2.3", "1.2.3", "1.2.4")]
#[case::bare_two_numbers("1.2", "1.2.0 1.2.99", "1.3.0 1.1.9 2.2.0")]
#[case::bare_one_number("1", "1.0.0 1.99.0", "0.9.9 2.0.0")]
#[case::equal_with_two_numbers("= 1.2", "1.2.7", "1.3.0")]
#[case::wildcard_x("1.2.x", "1.2.0 1.2.9", "1.3.0")]
#[case::wildcard_capital("1.X", "1.0.0 1.9.9", "2.0.0")]
#[case::wildcard_star("1.*", "1.0.0 1.9.9", "2.0.0")]
#[case::what_follows_a_wildcard("1.x.3", "1.0.0 1.9.9", "2.0.0")]
#[case::everything("*", "0.0.0 1.0.0 99.0.0", "1.0.0-rc.1")]
#[case::a_v_before_it("v1.2.3", "1.2.3 v1.2.3", "1.2.4")]
#[case::a_v_after_the_operator(">=v1.2", "1.2.0", "1.1.9")]
#[case::not("!=1.2.3", "1.2.2 1.2.4", "1.2.3 v1.2.3 1.2.4-rc.1")]
#[case::not_two_numbers("!=1.2", "1.1.0 1.3.0 2.2.0", "1.2.0 1.2.9")]
#[case::not_one_number("!=1.x", "0.9.0 2.0.0", "1.0.0 1.9.9")]
#[case::greater(">1.2.3", "1.2.4 2.0.0", "1.2.3 1.2.2")]
#[case::greater_than_two_numbers(">1.2", "1.3.0 2.0.0", "1.2.0 1.2.9 1.1.0")]
#[case::greater_than_one_number(">1", "2.0.0", "1.0.0 1.9.9 0.9.0")]
#[case::greater_or_equal(">=1.2.3", "1.2.3 9.0.0", "1.2.2")]
#[case::greater_or_equal_turned("=>1.2", "1.2.0 9.0.0", "1.1.9")]
#[case::less("<1.2.3", "1.2.2 0.0.1", "1.2.3 1.2.3-rc.1")]
#[case::less_than_two_numbers("<1.2", "1.1.9", "1.2.0 1.2.5")]
#[case::less_or_equal("<=1.2.3", "1.2.3 0.1.0", "1.2.4")]
#[case::less_or_equal_two_numbers("<=1.2", "1.2.9 1.0.0", "1.3.0")]
#[case::less_or_equal_one_number("=<1", "1.9.9 0.1.0", "2.0.0")]
#[case::tilde("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0")]
#[case::tilde_two_numbers("~1.2", "1.2.0 1.2.9", "1.3.0 1.1.0")]
#[case::tilde_one_number("~1", "1.0.0 1.9.0", "2.0.0 0.9.0")]
#[case::tilde_and_greater("~>1.2.3", "1.2.9", "1.3.0")]
#[case::tilde_wildcard("~1.x", "1.9.0", "2.0.0")]
#[case::tilde_everything("~*", "0.0.0 9.9.9", "9.9.9-rc.1")]
#[case::tilde_zero_is_everything("~0.0.0", "0.0.0 9.9.9", "0.0.0-rc.1")]
#[case::tilde_zero_with_two_numbers("~0.0", "0.0.9", "0.1.0")]
#[case::caret("^1.2.3", "1.2.3 1.9.9", "1.2.2 2.0.0")]
#[case::caret_two_numbers("^1.2", "1.2.0 1.9.9", "2.0.0 1.1.9")]
#[case::caret_one_number("^1", "1.0.0 1.9.9", "2.0.0")]
#[case::caret_wildcard("^1.2.x", "1.2.0 1.9.9", "2.0.0 1.1.9")]
#[case::caret_below_one("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0")]
#[case::caret_below_one_two_numbers("^0.2", "0.2.0 0.2.9", "0.3.0")]
#[case::caret_zero_zero("^0.0.3", "0.0.3", "0.0.2 0.0.4 0.1.0")]
#[case::caret_zero_zero_two_numbers("^0.0", "0.0.0 0.0.9", "0.1.0 1.0.0")]
#[case::caret_zero("^0", "0.0.0 0.9.9", "1.0.0")]
#[case::caret_all_zero("^0.0.0", "0.0.0", "0.0.1 1.2.3")]
#[case::hyphen("1.2 - 2.3.4", "1.2.0 2.3.4", "1.1.9 2.3.5")]
#[case::hyphen_to_two_numbers("1.2.3 - 2.3", "1.2.3 2.3.9", "1.2.2 2.4.0")]
#[case::hyphen_to_one_number("1 - 2", "1.0.0 2.9.9", "3.0.0 0.9.0")]
#[case::hyphen_and_more("1.0.0 - 2.0.0, !=1.5.0 <1.9", "1.4.0 1.8.9", "1.5.0 1.9.0")]
#[case::two_hyphens("1 - 3 2 - 4", "2.0.0 3.9.0", "1.9.0 4.0.0")]
#[case::a_hyphen_without_space_is_a_prerelease("1.1-3", "1.1.0-3 1.1.0 1.1.5", "2.0.0 4.0.0")]
#[case::and_by_comma(">=1.1, <2, !=1.2.3", "1.1.0 1.2.4", "1.2.3 2.0.0 1.0.9")]
#[case::and_by_space(">1.1   <  3", "1.2.0 2.9.9", "1.1.5 3.0.0")]
#[case::or(">=1 <2 || >= 3", "1.5.0 3.0.0 4.0.0", "0.9.0 2.5.0")]
#[case::or_of_three("1.0.0||1.2.0 || 2.x", "1.0.0 1.2.0 2.3.4", "1.1.0 3.0.0")]
#[case::build_metadata_does_not_count("1.2.3+build.7", "1.2.3 1.2.3+other", "1.2.4")]
#[case::leading_zeros_are_read_as_numbers(">=01.2", "1.2.0", "1.1.0")]
#[case::large_numbers("~20260101120000.1", "20260101120000.1.5", "20260101120000.2.0")]
#[case::prerelease_lowest(">=1.0.0-0", "1.0.0-alpha 1.0.0 1.5.0-rc.1 2.0.0", "0.9.9 0.9.9-rc.1")]
#[case::prerelease_of_everything("*-0", "1.2.3-alpha 1.2.3", "")]
#[case::prerelease_exact("=1.0.0-rc.1", "1.0.0-rc.1", "1.0.0 1.0.0-rc.2")]
#[case::prerelease_caret(
    "^1.2.0-alpha.2",
    "1.2.0-alpha.2 1.2.1-alpha.1 1.3.0",
    "1.2.0-alpha.1 2.0.0-alpha.2"
)]
#[case::prerelease_tilde("~1.2.3-beta", "1.2.3-rc 1.2.4-alpha 1.2.3", "1.2.3-alpha 1.3.0-beta")]
#[case::prerelease_not("!=4.1-alpha", "4.1.0 5.0.0-alpha 4.1.0-rc", "4.1.0-alpha 4.1.1-alpha")]
#[case::prerelease_opens_its_alternative(">=1.0.0 <=2.0.0-beta", "1.0.1-beta 2.0.0-alpha", "2.0.0 2.0.0-rc")]
#[case::prerelease_opens_no_other(">=1.0.0-0 <2 || >3", "1.5.0-rc.1 4.0.0", "3.5.0 4.0.0-rc.1")]
#[case::prerelease_of_the_upper_bound("<2.0.0-0", "1.9.9 1.0.0-rc.1", "2.0.0-alpha 2.0.0")]
#[case::no_prerelease_beyond_numbers(">11-0", "12.0.0-alpha 12.0.0", "11.1.0 11.0.0-alpha")]
#[case::leading_zeros(">=2024.01.05", "2024.01.05 2024.1.6 2024.11.01", "2024.01.04 2023.12.31")]
#[case::a_variant_is_no_prerelease(
    ">=1.0.0",
    "1.0.0-alpine 1.2.3-debian-11-r5",
    "1.0.0-rc.1 1.0.0-rc1-alpine 0.9.0-alpine"
)]
#[case::a_variant_to_the_letter("1.0.0-alpine", "1.0.0-alpine", "1.0.0 1.0.0-debian 1.0.0-alpine3")]
#[case::not_a_variant(">=1, !=1.0.0-alpine", "1.0.0 1.0.0-debian", "1.0.0-alpine")]
#[case::a_commit_to_the_letter("1.0.0-1a2b3c4", "1.0.0-1a2b3c4", "1.0.0-1a2b3c5")]
#[case::hyphens_in_alternatives("1 - 2 || 4 - 5", "1.5.0 4.5.0", "3.0.0 6.0.0")]
#[case::a_hyphen_after_a_comma(">=1, 1.5 - 3", "1.6.0 3.9.0", "1.0.0 4.0.0")]
fn admits(#[case] range_text: &str, #[case] inside: &str, #[case] outside: &str) {
    let range = range(range_text);
    for text in inside.split_whitespace() {
        assert!(range.admits(&version(text)), "{range_text} admits {text}");
    }
    for text in outside.split_whitespace() {
        assert!(!range.admits(&version(text)), "{range_text} does not admit {text}");
    }
}

#[rstest]
#[case::empty("", 0, "a version is missing")]
#[case::blank("  ", 2, "a version is missing")]
#[case::empty_alternative("1.0.0 || ", 9, "a version is missing")]
#[case::empty_first_alternative("|| 1.0.0", 0, "a version is missing")]
#[case::operator_alone(">=", 2, "a version is missing")]
#[case::word("latest", 0, "`l` was not expected here")]
#[case::version_after_a_word(">= bar", 3, "`b` was not expected here")]
#[case::four_numbers("1.2.3.4", 5, "`.` was not expected here")]
#[case::two_operators("> =1.2", 2, "`=` was not expected here")]
#[case::double_equal("==1.2", 1, "`=` was not expected here")]
#[case::no_separator("1.2.3~ 1.2.4", 5, "`~` was not expected here")]
#[case::two_commas(">1,,<2", 3, "`,` was not expected here")]
#[case::trailing_comma(">1, ", 2, "a version is missing after the comma")]
#[case::leading_comma(",>1", 0, "`,` was not expected here")]
#[case::single_bar("1.2.3 | 1.2.4", 6, "`|` was not expected here")]
#[case::ampersands(">1 && <2", 3, "`&` was not expected here")]
#[case::capital_v("V1.2", 0, "`V` was not expected here")]
#[case::half_a_hyphen("1.2 -2.3", 4, "`-` was not expected here")]
#[case::operator_and_hyphen(">1.2 - 2.3", 0, "a range with a hyphen takes no operator")]
#[case::three_hyphens("1 - 2 - 3", 6, "`-` was not expected here")]
#[case::hyphen_to_nothing("1.2 - ", 6, "a version is missing")]
#[case::hyphen_to_everything("1 - *", 4, "this operator says nothing before a wildcard alone")]
#[case::caret_everything("^*", 0, "this operator says nothing before a wildcard alone")]
#[case::not_everything("1.x, !=*", 5, "this operator says nothing before a wildcard alone")]
#[case::empty_prerelease("1.2.3-", 5, "`1.2.3-` is not a version")]
#[case::leading_zero_in_a_prerelease("v1.2.3-beta.01", 6, "`v1.2.3-beta.01` is not a version")]
#[case::number_too_large("1.99999999999999999999", 2, "the number is too large")]
#[case::digit_and_wildcard("1x.2", 1, "`x` was not expected here")]
#[case::an_emoji("1.2 🌊", 4, "`🌊` was not expected here")]
#[case::a_terminal_escape("\u{1b}[31m", 0, "`\\u{1b}` was not expected here")]
#[case::bars_touch_the_first_hyphen(
    "1 - 2||3 - 4",
    5,
    "Flux reads `||` without a space before it as part of the range with a hyphen"
)]
#[case::bars_touch_the_second_hyphen(
    "1 ||2 - 3",
    4,
    "Flux reads `||` without a space after it as part of the range with a hyphen"
)]
#[case::a_condition_before_a_hyphen(
    "100 4 - 2",
    4,
    "Flux cannot read a range with a hyphen after another condition without a comma"
)]
fn refuses(#[case] text: &str, #[case] offset: usize, #[case] message: &str) {
    let error = text.parse::<Range>().unwrap_err();
    assert_eq!((error.message(), error.offset()), (message, offset));
    assert!(!error.hint().is_empty());
}

#[test]
fn a_long_range_is_refused_unread() {
    let error = "1.0.0 || ".repeat(100).parse::<Range>().unwrap_err();
    assert_eq!(error.message(), "it is longer than 512 bytes");
}

#[test]
fn more_alternatives_than_flux_takes_are_refused() {
    assert!(vec!["1.0.0"; 32].join("||").parse::<Range>().is_ok());
    let error = vec!["1.0.0"; 33].join("||").parse::<Range>().unwrap_err();
    assert_eq!(error.message(), "it has more than 32 alternatives");
}

#[test]
fn an_error_shows_what_to_write() {
    let error: SyntaxError = "1.2.3 | 1.2.4".parse::<Range>().unwrap_err();
    let fault = Fault::from(error);
    assert_eq!(fault.to_string(), "cannot read the version range: `|` was not expected here");
    assert_eq!(fault.hint(), Some("alternatives are separated by `||`"));
}

#[test]
fn a_range_is_shown_as_written() {
    assert_eq!(range(" >=1.0.0,  <2 ").to_string(), ">=1.0.0,  <2");
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[ vVxX*0-9.,|<>=!~^a-c+-]{0,24}|\\PC{0,24}") {
        let _ = text.parse::<Range>();
    }
}
