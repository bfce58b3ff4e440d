//! Writes any text as one YAML scalar or as one comment line.

use std::fmt::Write;

use crate::model::Printable;

/// A plain scalar where every parser reads it as the same string, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { double_quoted(text) }
}

/// In single quotes where possible, so that backslashes stay as they are.
pub(super) fn literal(text: &str) -> String {
    if text.chars().all(is_printable) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double_quoted(text)
    }
}

/// In double quotes.
pub(super) fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_printable(character) => quoted.push(character),
            // Writing to a String cannot fail.
            _ => drop(write!(quoted, "\\U{:08X}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

/// As part of a comment.
pub(super) fn comment(text: &str) -> String {
    Printable::new(text).to_string()
}

fn is_plain(text: &str) -> bool {
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
    // Some parsers read these as booleans or null.
    let is_special = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    starts_plain && !is_special && text.chars().all(is_word)
}

/// Whether a character needs no escape.
fn is_printable(character: char) -> bool {
    let mut one = [0; 4];
    let text: &str = character.encode_utf8(&mut one);
    Printable::new(text).to_string() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_read_back_as_the_same_text() {
        for text in [
            "clusters/prod",
            "/srv/git/a.git",
            "",
            "true",
            "No",
            "~",
            "1.10",
            "a: b",
            "a #b",
            "- a",
            "{a}",
            "*a",
            "&a",
            "'",
            "\"",
            "\\",
            "a\\nb",
            "a\nb",
            "\u{1b}[31m",
            "línea 🌊",
            "\u{202e}x",
            "\u{feff}x",
            "\u{7f}",
            "\u{85}",
            "%",
            "@x",
            "`x`",
            "x\t",
            " x ",
            "---",
            "...",
            "key:",
            "0x10",
            "1e3",
            "<<",
            "=",
            "!x",
            "| x",
        ] {
            for written in [scalar(text), literal(text), double_quoted(text)] {
                let read: String = serde_yaml::from_str(&format!("{written} # comment\n"))
                    .unwrap_or_else(|error| panic!("{text:?} as {written}: {error}"));
                assert_eq!(read, text, "{written}");
                let listed: Vec<String> = serde_yaml::from_str(&format!("[{written}, x]")).unwrap();
                assert_eq!(listed[0], text, "{written}");
            }
        }
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(comment("a\nb: c\u{2028}d"), "a\\u{a}b: c\\u{2028}d");
    }
}
