//! Makes text from outside printable.

use std::fmt;

/// Printable form of untrusted text: control characters and marks that reorder text are escaped, and long text is
/// truncated with `…`.
///
/// Registry tags, commit messages, author names and server answers go through this before they reach a terminal, a
/// log or an error.
#[derive(Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    most_chars: usize,
}

impl<'a> Printable<'a> {
    /// Up to 200 characters of `text`.
    pub fn new(text: &'a str) -> Self {
        Self::bounded(text, 200)
    }

    /// Up to `most_chars` characters of `text`.
    pub fn bounded(text: &'a str, most_chars: usize) -> Self {
        Self { text, most_chars }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for (count, character) in self.text.chars().enumerate() {
            if count == self.most_chars {
                return formatter.write_char('…');
            }
            if character.is_control() || is_reordering(character) {
                write!(formatter, "{}", character.escape_unicode())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether a character is invisible or changes the order in which others are shown: the general category `Cf` of Unicode
/// 16, and the line and paragraph separators.
fn is_reordering(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_bidi_marks_are_escaped() {
        assert_eq!(Printable::new("a\u{1b}[31mb").to_string(), "a\\u{1b}[31mb");
        assert_eq!(Printable::new("v1\u{202e}").to_string(), "v1\\u{202e}");
        for hidden in ["\u{ad}", "\u{180e}", "\u{206a}", "\u{fffa}", "\u{e0041}"] {
            assert!(Printable::new(hidden).to_string().starts_with("\\u{"), "{hidden:?}");
        }
        assert_eq!(Printable::new("línea 🌊").to_string(), "línea 🌊");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(Printable::bounded("abcdef", 3).to_string(), "abc…");
        assert_eq!(Printable::bounded("abc", 3).to_string(), "abc");
    }
}
