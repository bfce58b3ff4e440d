//! Text from commits, made into one line that is fit to be shown anywhere.
//!
//! What comes out has no control character, no mark that reorders or hides text, no line break, and a bounded length.
//! What a format must escape beyond that is the format's own business.

use crate::model::Printable;

/// The longest line that is made of a subject or a note, in characters.
const MAX_CHARS: usize = 240;

/// The longest name of a person, a scope or a package.
const MAX_NAME_CHARS: usize = 80;

/// How much of a text is looked at to make a line of it.
const MAX_BYTES: usize = 4096;

/// One line of `text`.
pub(super) fn line(text: &str) -> String {
    bounded(text, MAX_CHARS)
}

/// A name of somebody or something, on one line.
pub(super) fn name(text: &str) -> String {
    bounded(text, MAX_NAME_CHARS)
}

fn bounded(text: &str, most_chars: usize) -> String {
    let head = &text[..text.floor_char_boundary(MAX_BYTES)];
    if is_plain(head, most_chars) {
        return head.to_owned();
    }
    let mut joined = String::with_capacity(head.len());
    for word in head.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    Printable::bounded(&joined, most_chars).to_string()
}

/// Whether nothing has to be done: short printable ASCII whose words are parted by single blanks.
fn is_plain(text: &str, most_chars: usize) -> bool {
    text.len() <= most_chars
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

/// `text` without what chat programs and forges take for a mention: the sign before a name becomes its wide twin, which
/// reads the same and calls nobody. Addresses such as `a@b.cl` stay.
pub(super) fn without_mentions(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let mut calm = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_mention = character == '@' && is_mention(before, characters.peek().copied());
        calm.push(if is_mention { '＠' } else { character });
        before = Some(character);
    }
    calm
}

/// Whether an `@` between these two characters calls somebody. Only what can end the first part of an address keeps it
/// from that, as forges have it.
pub(super) fn is_mention(before: Option<char>, after: Option<char>) -> bool {
    !before.is_some_and(|before| before.is_ascii_alphanumeric())
        && after.is_some_and(|after| after.is_alphanumeric() || after == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("cache queries", "cache queries")]
    #[case::blanks("  a \t b  ", "a b")]
    #[case::several_lines("a\nb\r\n\r\nc", "a b c")]
    #[case::escapes("a\u{1b}[31mb", "a\\u{1b}[31mb")]
    #[case::right_to_left("a\u{202e}b", "a\\u{202e}b")]
    #[case::null("a\0b", "a\\u{0}b")]
    #[case::emoji("✨ línea", "✨ línea")]
    #[case::nothing("\n", "")]
    fn lines(#[case] text: &str, #[case] made: &str) {
        assert_eq!(line(text), made);
    }

    #[rstest]
    #[case::everyone("cc @everyone", "cc ＠everyone")]
    #[case::first("@here look", "＠here look")]
    #[case::address("mail a@b.cl", "mail a@b.cl")]
    #[case::alone("a @ b", "a @ b")]
    #[case::scope("bump @types/node", "bump ＠types/node")]
    #[case::twice("@@x", "@＠x")]
    fn mentions(#[case] text: &str, #[case] made: &str) {
        assert_eq!(without_mentions(text), made);
    }

    #[test]
    fn ten_megabytes_make_a_line() {
        assert_eq!(line(&"x".repeat(10_000_000)).chars().count(), MAX_CHARS + 1);
        assert_eq!(line(&"é".repeat(10_000_000)).chars().count(), MAX_CHARS + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_line_is_one_line_whatever_the_text(text in any::<String>()) {
            let made = line(&text);
            prop_assert!(!made.chars().any(char::is_control), "{made:?}");
            prop_assert!(!made.contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{made:?}");
            // Each character is at most an escape of ten.
            prop_assert!(made.chars().count() <= 10 * (MAX_CHARS + 1));
        }
    }
}
