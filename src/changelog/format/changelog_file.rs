//! Inserts sections into a changelog file that people edit too. Every other byte stays.

use super::keep_a_changelog::{KeepAChangelog, PREAMBLE, is_unreleased, name_of};

/// Largest file that is edited.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Why no section can be inserted into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file is not text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The file exceeds the limit.
    #[error("it is larger than 1 MiB")]
    TooLarge,
}

impl KeepAChangelog {
    /// The file with these sections added, above all its versions and below `Unreleased`. A section that is already there
    /// word for word is not added again. An empty file gets a preamble.
    ///
    /// # Errors
    /// When the file is not text or too large.
    pub fn insert_into(&self, file: &[u8]) -> Result<Vec<u8>, FileError> {
        if file.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLarge);
        }
        let text = std::str::from_utf8(file).map_err(|_| FileError::NotUtf8)?;
        if self.is_empty() {
            return Ok(file.to_owned());
        }
        let is_crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let with_line_breaks =
            |section: String| if is_crlf { section.replace('\n', "\r\n") } else { section };
        if text.trim().is_empty() {
            let sections = with_line_breaks(format!("{PREAMBLE}{}", self.render()));
            return Ok(format!("{text}{sections}").into_bytes());
        }
        let is_missing = |section: &String| {
            let section = section.trim_end();
            !text.ends_with(section)
                && !text.contains(&format!("{section}\n"))
                && !text.contains(&format!("{section}\r\n"))
        };
        let missing: Vec<String> = self.sections().map(with_line_breaks).filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(file.to_owned());
        }
        let line_break = if is_crlf { "\r\n" } else { "\n" };
        let (before, after) = text.split_at(first_version(text));
        let mut edited = before.to_owned();
        if !before.is_empty() && !before.ends_with('\n') {
            edited.push_str(line_break);
        }
        let has_blank_line = before.is_empty() || edited.ends_with("\n\n") || edited.ends_with("\n\r\n");
        if !has_blank_line {
            edited.push_str(line_break);
        }
        let sections = missing.concat();
        if after.is_empty() {
            edited.push_str(sections.trim_end());
            edited.push_str(line_break);
        } else {
            edited.push_str(&sections);
        }
        edited.push_str(after);
        Ok(edited.into_bytes())
    }
}

/// Byte offset of the first heading that is not `Unreleased` and stands neither in code nor in a comment. Without one,
/// the end of the text.
fn first_version(text: &str) -> usize {
    let mut at = 0;
    let mut block = Block::Text;
    for line in text.split_inclusive('\n') {
        let heading = line.strip_prefix("## ").filter(|_| block == Block::Text);
        if heading.is_some_and(|heading| !is_unreleased(&name_of(heading))) {
            return at;
        }
        block = block.after(line.trim());
        at += line.len();
    }
    at
}

/// The block in which a line stands. Only in `Text` is `## ` a heading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    /// Fenced code, with the fence that closes it.
    Code(&'static str),
    Comment,
}

impl Block {
    fn after(self, line: &str) -> Self {
        match self {
            Self::Code(fence) if line.starts_with(fence) => Self::Text,
            Self::Comment if line.contains("-->") => Self::Text,
            Self::Code(_) | Self::Comment => self,
            Self::Text if line.starts_with("```") => Self::Code("```"),
            Self::Text if line.starts_with("~~~") => Self::Code("~~~"),
            Self::Text => match line.rfind("<!--") {
                Some(begin) if !line[begin..].contains("-->") => Self::Comment,
                _ => Self::Text,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::changelog::format::keep_a_changelog::fixture::sections;

    fn insert(name: &str, file: &str) -> String {
        String::from_utf8(sections(&[name]).insert_into(file.as_bytes()).unwrap()).unwrap()
    }

    const SECTION: &str = "## [app v2] - 2026-11-20\n\n### Added\n\n- a\n\n";

    #[rstest]
    #[case::before_the_first_version("# C\n\n", "## [v1]\n\n- x\n")]
    #[case::below_unreleased("# C\n\n## [Unreleased]\n\n- soon\n\n", "## v1 - 2026-11-01\n\n- x  \n\n\n")]
    #[case::below_code("```\n## [v9]\n```\n\n", "## [v1]\n")]
    #[case::below_code_in_tildes("~~~md\n## [v9]\n```\n## [v8]\n~~~\n\n", "## [v1]\n")]
    #[case::below_a_comment("<!-- how:\n## [v9]\n-->\n\n", "## [v1]\n")]
    #[case::without_a_preamble("", "## [v1]\n")]
    #[case::with_links("# C\n\n", "## [v1]\n\n[v1]: https://vtr.cl\n")]
    fn inserts_above_the_versions_and_changes_nothing_else(#[case] before: &str, #[case] after: &str) {
        assert_eq!(insert("app v2", &format!("{before}{after}")), format!("{before}{SECTION}{after}"));
    }

    #[rstest]
    #[case::no_blank_line("# C\n## [v1]\n", "# C\n\n", "## [v1]\n")]
    #[case::no_version("# C\n", "# C\n\n", "")]
    #[case::no_line_break("# C", "# C\n\n", "")]
    fn leaves_a_blank_line_above_the_section(#[case] file: &str, #[case] before: &str, #[case] after: &str) {
        let section = if after.is_empty() { &SECTION[..SECTION.len() - 1] } else { SECTION };
        assert_eq!(insert("app v2", file), format!("{before}{section}{after}"));
    }

    #[test]
    fn starts_an_empty_file_and_adds_newer_versions_on_top() {
        let once = insert("app v1", "");
        assert!(once.starts_with("# Changelog\n\nThe format is"), "{once}");
        let twice = insert("app v2", &once);
        assert!(twice.find("[app v2]").unwrap() < twice.find("[app v1]").unwrap());
        assert_eq!(insert("app v1", &twice), twice, "it is there already");
    }

    #[test]
    fn uses_the_line_breaks_of_the_file() {
        let made = insert("app v2", "# C\r\n\r\n## [v1]\r\nmixed\n");
        assert_eq!(made, format!("# C\r\n\r\n{}## [v1]\r\nmixed\n", SECTION.replace('\n', "\r\n")));
        assert_eq!(insert("app v2", &made), made);
    }

    #[test]
    fn refuses_binary_and_too_large_files() {
        assert_eq!(sections(&["v1"]).insert_into(b"\xff"), Err(FileError::NotUtf8));
        assert_eq!(sections(&["v1"]).insert_into(&vec![b'a'; MAX_FILE_BYTES + 1]), Err(FileError::TooLarge));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keeps_every_byte_and_is_idempotent(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("## [v1] - 2026-11-01"), Just("## [Unreleased]"), Just("# C"), Just("- x"), Just(""),
                    Just("```"), Just("~~~"), Just("<!--"), Just("-->"), Just("text ## [v2]"), Just("\u{feff}"),
                ],
                0..12,
            ),
            line_break in prop_oneof![Just("\n"), Just("\r\n")],
            is_ended in any::<bool>(),
        ) {
            let file = lines.join(line_break) + if is_ended { line_break } else { "" };
            let made = insert("app v2", &file);
            let again = insert("app v2", &made);
            prop_assert_eq!(&again, &made);
            let boundaries = (0..=file.len()).filter(|at| file.is_char_boundary(*at));
            let is_splice = |at: usize| made.starts_with(&file[..at]) && made.ends_with(&file[at..]);
            prop_assert!(boundaries.into_iter().any(is_splice), "{made:?}");
            let next = insert("app v3", &made);
            if !lines.iter().any(|line| line.starts_with("```") || line.starts_with("~~~") || line.starts_with("<!")) {
                prop_assert!(next.find("[app v3]") < next.find("[app v2]"), "{next:?}");
            }
        }
    }
}
