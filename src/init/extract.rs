//! Translates Flux's `filterTags` into a tag pattern: one regular expression whose group `version` is what `extract` yields.

use std::ops::Range;

use crate::policy::TagPattern;

/// The equivalent tag pattern, as text and compiled, if there is one. Without `extract`, Flux uses the whole tag.
pub(super) fn tag_pattern(pattern: &str, extract: Option<&str>) -> Option<(String, TagPattern)> {
    let written = match extract.filter(|extract| !extract.is_empty()) {
        None => whole_tag(pattern),
        Some(extract) => {
            let group = group_name(extract)?;
            if group == "0" { format!("(?P<version>{pattern})") } else { with_version_group(pattern, group)? }
        }
    };
    let read = written.parse().ok()?;
    Some((written, read))
}

fn whole_tag(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    match inner.filter(|inner| !inner.contains('|') && !ends_in_backslash(inner)) {
        Some(inner) => format!("^(?P<version>{inner})$"),
        None => format!("^(?P<version>.*(?:{pattern}).*)$"),
    }
}

/// Whether a character after the text would be escaped.
fn ends_in_backslash(text: &str) -> bool {
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}

/// The group of a template that consists of one group: `$version`, `${1}`.
fn group_name(extract: &str) -> Option<&str> {
    let name = extract.strip_prefix('$')?;
    let name = name.strip_prefix('{').map_or(Some(name), |braced| braced.strip_suffix('}'))?;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (!name.is_empty() && name.chars().all(is_word)).then_some(name)
}

/// The pattern with the group called `version`; alternatives may use its name several times.
fn with_version_group(pattern: &str, group: &str) -> Option<String> {
    let groups = groups(pattern);
    let named = |opening: &Range<usize>, name: &str| name_in(&pattern[opening.clone()]) == Some(name);
    let number = group.parse::<usize>().ok();
    let is_meant = |at: usize| number.map_or_else(|| named(&groups[at], group), |number| at + 1 == number);
    let (meant, others): (Vec<usize>, Vec<usize>) = (0..groups.len()).partition(|at| is_meant(*at));
    // Another group of that name would be taken for it.
    if meant.is_empty() || others.iter().any(|at| named(&groups[*at], "version")) {
        return None;
    }
    let mut written = pattern.to_owned();
    for at in meant.into_iter().rev() {
        written.replace_range(groups[at].clone(), "(?P<version>");
    }
    Some(written)
}

fn name_in(opening: &str) -> Option<&str> {
    let name = opening.strip_prefix("(?P<").or_else(|| opening.strip_prefix("(?<"))?;
    name.strip_suffix('>')
}

/// The opening of each capturing group, in order: `(`, `(?P<name>` or `(?<name>`.
fn groups(pattern: &str) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(next) = pattern[at..].chars().next() {
        let width = match next {
            '\\' => 1 + pattern[at + 1..].chars().next().map_or(0, char::len_utf8),
            '[' => class_bytes(&pattern[at..]),
            '(' => {
                let opening = opening_bytes(&pattern[at..]);
                groups.extend(opening.map(|bytes| at..at + bytes));
                1
            }
            other => other.len_utf8(),
        };
        at += width;
    }
    groups
}

/// The length of the opening of a capturing group; `None` for `(?:` and the like.
fn opening_bytes(text: &str) -> Option<usize> {
    if !text.starts_with("(?") {
        return Some(1);
    }
    let is_named = text.starts_with("(?P<")
        || (text.starts_with("(?<") && !text.starts_with("(?<=") && !text.starts_with("(?<!"));
    if is_named { text.find('>').map(|end| end + 1) } else { None }
}

/// The length of the character class at the start.
fn class_bytes(text: &str) -> usize {
    let mut at = 1;
    at += usize::from(text[at..].starts_with('^'));
    at += usize::from(text[at..].starts_with(']'));
    while let Some(next) = text[at..].chars().next() {
        at += match next {
            ']' => return at + 1,
            '\\' => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            '[' if text[at..].starts_with("[:") => text[at..].find(":]").map_or(1, |end| end + 2),
            other => other.len_utf8(),
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_becomes_version() {
        for (pattern, extract, written) in [
            (r"^(?P<version>v\d+)-x$", "$version", r"^(?P<version>v\d+)-x$"),
            (r"^(?P<semver>.*)-x$", "$semver", r"^(?P<version>.*)-x$"),
            (r"^(?P<semver>.*)-x$", "${semver}", r"^(?P<version>.*)-x$"),
            (r"^(?<semver>.*)-x$", "$semver", r"^(?P<version>.*)-x$"),
            (r"^main-([a-f]+)-(.*)$", "$2", r"^main-([a-f]+)-(?P<version>.*)$"),
            (r"^(?:main)-[(\]]\((.*)\)$", "${1}", r"^(?:main)-[(\]]\((?P<version>.*)\)$"),
            (r"^[](](.*)[[:alpha:](]$", "$1", r"^[](](?P<version>.*)[[:alpha:](]$"),
            (r"^v.*$", "$0", r"(?P<version>^v.*$)"),
            (r"a|b", "$0", r"(?P<version>a|b)"),
        ] {
            let (made, _) =
                tag_pattern(pattern, Some(extract)).unwrap_or_else(|| panic!("{pattern} {extract}"));
            assert_eq!(made, written, "{pattern} {extract}");
        }
    }

    #[test]
    fn without_extract_the_whole_tag_is_the_version() {
        for (pattern, tag, version) in [
            (r"^v\d+\.\d+\.\d+$", "v1.2.3", Some("v1.2.3")),
            (r"^v1|^v2", "v2.0.0", Some("v2.0.0")),
            ("^v1|^v2$", "v3.0.0", None),
            ("rc", "1.0.0-rc.1", Some("1.0.0-rc.1")),
            (r"^1\$", "1.0.0", None),
        ] {
            for extract in [None, Some("")] {
                let (written, pattern) = tag_pattern(pattern, extract).unwrap();
                let tag = tag.parse().unwrap();
                assert_eq!(pattern.version_text(&tag).as_deref(), version, "{written}");
            }
        }
    }

    #[test]
    fn a_name_of_several_alternatives_becomes_version_in_each() {
        let (written, _) = tag_pattern("^a-(?P<v>.+)$|^(?P<v>.+)-a$", Some("$v")).unwrap();
        assert_eq!(written, "^a-(?P<version>.+)$|^(?P<version>.+)-a$");
    }

    #[test]
    fn inexpressible_extracts_are_none() {
        for (pattern, extract) in [
            ("^(?P<a>.*)-(?P<b>.*)$", "$a.$b"),
            ("^(?P<a>.*)$", "v$a"),
            ("^(?P<a>.*)$", "$b"),
            ("^(.*)$", "$2"),
            ("^(?P<a>.*)-(?P<version>.*)$", "$a"),
            ("(?=look)(.*)", "$1"),
            ("(", "$1"),
            ("[", "$1"),
            ("\\", "$1"),
        ] {
            assert_eq!(tag_pattern(pattern, Some(extract)), None, "{pattern} {extract}");
        }
    }
}
