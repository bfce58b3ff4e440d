//! Turns text from commits into one printable line.
//!
//! The result has no control characters, no marks that reorder or hide text, no line breaks, and a bounded length.
//! Escaping markup is left to the format.

use crate::model::Printable;

/// Maximum characters of a subject or a note.
const MAX_CHARS: usize = 240;

/// Maximum characters of the name of a person, a scope or a package.
const MAX_NAME_CHARS: usize = 80;

/// Maximum bytes of input read for one line.
const MAX_BYTES: usize = 4096;

/// `text` on one line.
pub(super) fn line(text: &str) -> String {
    bounded(text, MAX_CHARS)
}

/// A name on one line.
pub(super) fn name(text: &str) -> String {
    bounded(text, MAX_NAME_CHARS)
}

fn bounded(text: &str, max_chars: usize) -> String {
    let head = &text[..text.floor_char_boundary(MAX_BYTES)];
    if is_plain(head, max_chars) {
        return head.to_owned();
    }
    let mut joined = String::with_capacity(head.len());
    for word in head.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    Printable::bounded(&joined, max_chars).to_string()
}

/// Whether the text can stay as it is: short printable ASCII with single spaces between words.
fn is_plain(text: &str, max_chars: usize) -> bool {
    text.len() <= max_chars
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

/// `text` without mentions: an `@` before a name becomes a full-width `＠`, which reads the same and notifies nobody.
/// Addresses such as `a@b.cl` stay.
pub(super) fn without_mentions(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let mut replaced = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_mention = character == '@' && is_mention(before, characters.peek().copied());
        replaced.push(if is_mention { '＠' } else { character });
        before = Some(character);
    }
    replaced
}

/// Whether forges read an `@` between these two characters as a mention: not behind the local part of an address.
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
    fn makes_one_printable_line(#[case] text: &str, #[case] printable: &str) {
        assert_eq!(line(text), printable);
    }

    #[rstest]
    #[case::everyone("cc @everyone", "cc ＠everyone")]
    #[case::first("@here look", "＠here look")]
    #[case::address("mail a@b.cl", "mail a@b.cl")]
    #[case::alone("a @ b", "a @ b")]
    #[case::scope("bump @types/node", "bump ＠types/node")]
    #[case::twice("@@x", "@＠x")]
    fn replaces_mentions_but_not_addresses(#[case] text: &str, #[case] replaced: &str) {
        assert_eq!(without_mentions(text), replaced);
    }

    #[test]
    fn truncates_ten_megabytes() {
        assert_eq!(line(&"x".repeat(10_000_000)).chars().count(), MAX_CHARS + 1);
        assert_eq!(line(&"é".repeat(10_000_000)).chars().count(), MAX_CHARS + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_becomes_one_printable_line(text in any::<String>()) {
            let line = line(&text);
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(!line.contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{line:?}");
            // An escape has at most ten characters.
            prop_assert!(line.chars().count() <= 10 * (MAX_CHARS + 1));
        }
    }
}
