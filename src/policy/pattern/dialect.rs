//! Syntax that Go (and so Flux) and Rust read differently without an error.

use std::fmt::Write as _;

use super::PatternError;

/// Refuses syntax that Go and Rust read differently. Returns the expression with unique group names, and the original
/// names with their group numbers.
pub(super) fn check(pattern: &str) -> Result<(String, Vec<(String, usize)>), PatternError> {
    let mut unique = String::with_capacity(pattern.len());
    let mut names: Vec<(String, usize)> = Vec::new();
    let mut groups = 0;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => escape(rest)?,
            '[' => class(rest)?,
            '(' => {
                let open = opening(rest)?;
                groups += usize::from(open.is_capturing);
                if let Some(name) = open.name {
                    let is_repeated = names.iter().any(|(known, _)| known == name);
                    names.push((name.to_owned(), groups));
                    if is_repeated {
                        // Rust requires unique names; the number makes them so, and no name begins with a digit.
                        let _ = write!(unique, "(?P<tidegate_{groups}>");
                        rest = &rest[open.length..];
                        continue;
                    }
                }
                open.length
            }
            other => other.len_utf8(),
        };
        unique.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok((unique, names))
}

fn differs(found: &'static str, reason: &'static str, instead: &'static str) -> PatternError {
    PatternError::Differs { found, reason, instead }
}

/// The length of an escape.
fn escape(text: &str) -> Result<usize, PatternError> {
    match text.chars().nth(1) {
        Some('<') => {
            Err(differs(r"\<", "a plain `<` there, the beginning of a word here", r"write `<` or `\b`"))
        }
        Some('>') => Err(differs(r"\>", "a plain `>` there, the end of a word here", r"write `>` or `\b`")),
        Some('b' | 'B') if text[2..].starts_with('{') => {
            Err(differs(r"\b{", "a repeated `\\b` there, a kind of boundary here", r"write `\b`"))
        }
        Some(next) => Ok(1 + next.len_utf8()),
        None => Ok(1),
    }
}

/// The length of a character class.
fn class(text: &str) -> Result<usize, PatternError> {
    let mut rest = text[1..].strip_prefix('^').unwrap_or(&text[1..]);
    // A leading `]` is a literal.
    rest = rest.strip_prefix(']').unwrap_or(rest);
    while let Some(next) = rest.chars().next() {
        let length = match next {
            ']' => return Ok(text.len() - rest.len() + 1),
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' if rest.starts_with("[:") => rest.find(":]").map_or(rest.len(), |end| end + 2),
            '[' => {
                let reason = "a plain `[` there, a class inside the class here";
                return Err(differs("[", reason, r"write `\[`"));
            }
            '&' if rest.starts_with("&&") => {
                let reason = "two plain `&` there, an intersection here";
                return Err(differs("&&", reason, "write one `&`"));
            }
            '~' if rest.starts_with("~~") => {
                let reason = "two plain `~` there, a symmetric difference here";
                return Err(differs("~~", reason, "write one `~`"));
            }
            '-' if rest.starts_with("--") => {
                let reason = "a range from `-` there, a difference here";
                return Err(differs("--", reason, "write `-` once, at the end of the class"));
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    Ok(text.len())
}

/// What a `(` opens.
struct Opening<'a> {
    length: usize,
    is_capturing: bool,
    name: Option<&'a str>,
}

fn opening(text: &str) -> Result<Opening<'_>, PatternError> {
    let Some(after) = text.strip_prefix("(?") else {
        return Ok(Opening { length: 1, is_capturing: true, name: None });
    };
    let named = after.strip_prefix("P<").or_else(|| after.strip_prefix('<'));
    if let Some((name, _)) = named.and_then(|named| named.split_once('>')) {
        let length = text.len() - named.map_or(0, str::len) + name.len() + 1;
        return Ok(Opening { length, is_capturing: true, name: Some(name) });
    }
    let flags = &after[..after.find([':', ')']).unwrap_or(0)];
    if let Some(flag) = flags.chars().find(|flag| matches!(flag, 'x' | 'u' | 'R')) {
        let found = match flag {
            'x' => "(?x)",
            'u' => "(?u)",
            _ => "(?R)",
        };
        return Err(differs(found, "Go has no such flag", "leave the flag out"));
    }
    Ok(Opening { length: 2, is_capturing: false, name: None })
}
