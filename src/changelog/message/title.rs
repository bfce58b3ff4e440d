//! Parses the first line of a commit or of a pull request: type, scope and text.

use crate::changelog::section::Section;

/// A parsed title. Its texts are slices of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::changelog) struct Title<'a> {
    /// Set if the title has a known Conventional Commits type.
    pub(in crate::changelog) section: Option<Section>,
    pub(in crate::changelog) scope: Option<&'a str>,
    /// The title without type, scope and the pull request's number.
    pub(in crate::changelog) text: &'a str,
    /// Whether a `!` stands before the colon.
    pub(in crate::changelog) is_breaking: bool,
    pub(in crate::changelog) pull_request: Option<u64>,
}

impl<'a> Title<'a> {
    /// Parses a title. One that is not conventional becomes `text` as a whole.
    pub(in crate::changelog) fn read(line: &'a str) -> Self {
        let line = line.trim();
        let (line, pull_request) = without_number(line);
        let plain = Self { section: None, scope: None, text: line, is_breaking: false, pull_request };
        if !line.contains(':') {
            return plain;
        }
        let Ok(parsed) = git_conventional::Commit::parse(line) else { return plain };
        let Some(section) = Section::of_type(parsed.type_().as_str()) else { return plain };
        Self {
            section: Some(section),
            scope: parsed.scope().map(|scope| scope.as_str()),
            text: parsed.description(),
            is_breaking: parsed.breaking(),
            pull_request,
        }
    }

    pub(in crate::changelog) fn is_conventional(&self) -> bool {
        self.section.is_some()
    }
}

/// Splits ` (#12)` or ` (!12)` off the end, which forges add for the pull request.
fn without_number(line: &str) -> (&str, Option<u64>) {
    let Some(rest) = line.strip_suffix(')') else { return (line, None) };
    let Some((head, number)) = rest.rsplit_once('(') else { return (line, None) };
    let Some(digits) = number.strip_prefix(['#', '!']) else { return (line, None) };
    match (read_number(digits), head.trim_end()) {
        (Some(number), head) if !head.is_empty() => (head, Some(number)),
        _ => (line, None),
    }
}

/// Parses the number of an issue or a pull request: at most ten digits, without leading zeros.
pub(in crate::changelog) fn read_number(digits: &str) -> Option<u64> {
    let is_number = (1..=10).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::feature("feat: a", Some(Section::Features), None, "a", false, None)]
    #[case::scope("fix(api): a b (#12)", Some(Section::Fixes), Some("api"), "a b", false, Some(12))]
    #[case::breaking("feat(api)!: a", Some(Section::Features), Some("api"), "a", true, None)]
    #[case::shouting("FIX: a", Some(Section::Fixes), None, "a", false, None)]
    #[case::unknown_type("net/http: fix a", None, None, "net/http: fix a", false, None)]
    #[case::plain("Fix the thing (#3)", None, None, "Fix the thing", false, Some(3))]
    #[case::merge_request("Fix the thing (!3)", None, None, "Fix the thing", false, Some(3))]
    #[case::number_only("(#3)", None, None, "(#3)", false, None)]
    #[case::no_number("a (#x)", None, None, "a (#x)", false, None)]
    #[case::no_description("feat:", None, None, "feat:", false, None)]
    #[case::nothing("", None, None, "", false, None)]
    #[case::url("https://a.cl/b", None, None, "https://a.cl/b", false, None)]
    fn reads_titles(
        #[case] line: &str,
        #[case] section: Option<Section>,
        #[case] scope: Option<&str>,
        #[case] text: &str,
        #[case] is_breaking: bool,
        #[case] pull_request: Option<u64>,
    ) {
        assert_eq!(Title::read(line), Title { section, scope, text, is_breaking, pull_request });
    }
}
