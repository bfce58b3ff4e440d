//! A changelog file that others write in too: a section is put in at one place, and every other byte stays.

use super::keep_a_changelog::{KeepAChangelog, PREAMBLE, is_unreleased, name_of};

/// The largest file that a section is put in, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Why a file takes no section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It has grown beyond what anybody reads.
    #[error("it is larger than 1 MiB")]
    TooLarge,
}

impl KeepAChangelog {
    /// The file with these sections in it, above every version that is there and below what is unreleased. A section
    /// that is there word for word is not put in again: then the file stays as it is. An empty one is begun.
    ///
    /// # Errors
    /// When the file can't take a section.
    pub fn insert_into(&self, file: &[u8]) -> Result<Vec<u8>, FileError> {
        if file.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLarge);
        }
        let text = std::str::from_utf8(file).map_err(|_| FileError::NotUtf8)?;
        if self.is_empty() {
            return Ok(file.to_owned());
        }
        let is_crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let adapted = |section: String| if is_crlf { section.replace('\n', "\r\n") } else { section };
        if text.trim().is_empty() {
            return Ok(format!("{text}{}", adapted(format!("{PREAMBLE}{}", self.render()))).into_bytes());
        }
        let is_missing = |section: &String| {
            let section = section.trim_end();
            !text.ends_with(section)
                && !text.contains(&format!("{section}\n"))
                && !text.contains(&format!("{section}\r\n"))
        };
        let missing: Vec<String> = self.sections().map(adapted).filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(file.to_owned());
        }
        let line_break = if is_crlf { "\r\n" } else { "\n" };
        let place = place(text);
        let (before, after) = text.split_at(place);
        let mut made = before.to_owned();
        if !before.is_empty() && !before.ends_with('\n') {
            made.push_str(line_break);
        }
        let is_parted = before.is_empty() || made.ends_with("\n\n") || made.ends_with("\n\r\n");
        if !is_parted {
            made.push_str(line_break);
        }
        let sections = missing.concat();
        if after.is_empty() {
            made.push_str(sections.trim_end());
            made.push_str(line_break);
        } else {
            made.push_str(&sections);
        }
        made.push_str(after);
        Ok(made.into_bytes())
    }
}

/// Where the first version begins, in bytes: the first heading that is neither in code nor in a comment, and is not of
/// what is unreleased. Without one, the end.
fn place(text: &str) -> usize {
    let mut at = 0;
    let mut state = BlockState::Not;
    for line in text.split_inclusive('\n') {
        let heading = line.strip_prefix("## ").filter(|_| state == BlockState::Not);
        if heading.is_some_and(|heading| !is_unreleased(&name_of(heading))) {
            return at;
        }
        state = state.after(line.trim());
        at += line.len();
    }
    at
}

/// Whether what looks like a heading is none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockState {
    Not,
    /// In code, until its fence is closed.
    Code(&'static str),
    /// In a comment.
    Comment,
}

impl BlockState {
    fn after(self, line: &str) -> Self {
        match self {
            Self::Code(fence) if line.starts_with(fence) => Self::Not,
            Self::Comment if line.contains("-->") => Self::Not,
            Self::Code(_) | Self::Comment => self,
            Self::Not if line.starts_with("```") => Self::Code("```"),
            Self::Not if line.starts_with("~~~") => Self::Code("~~~"),
            Self::Not => match line.rfind("<!--") {
                Some(begin) if !line[begin..].contains("-->") => Self::Comment,
                _ => Self::Not,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::changelog::format::keep_a_changelog::fixture::keep;

    fn put(name: &str, file: &str) -> String {
        String::from_utf8(keep(&[name]).insert_into(file.as_bytes()).unwrap()).unwrap()
    }

    const SECTION: &str = "## [app v2] - 2026-11-20\n\n### Added\n\n- a\n\n";

    #[rstest]
    #[case::before_the_first_version("# C\n\n", "## [v1]\n\n- x\n")]
    #[case::below_what_is_unreleased(
        "# C\n\n## [Unreleased]\n\n- soon\n\n",
        "## v1 - 2026-11-01\n\n- x  \n\n\n"
    )]
    #[case::below_code("```\n## [v9]\n```\n\n", "## [v1]\n")]
    #[case::below_other_code("~~~md\n## [v9]\n```\n## [v8]\n~~~\n\n", "## [v1]\n")]
    #[case::below_a_comment("<!-- how:\n## [v9]\n-->\n\n", "## [v1]\n")]
    #[case::at_once("", "## [v1]\n")]
    #[case::with_links("# C\n\n", "## [v1]\n\n[v1]: https://vtr.cl\n")]
    fn a_section_goes_above_the_versions_and_nothing_else_changes(#[case] before: &str, #[case] after: &str) {
        assert_eq!(put("app v2", &format!("{before}{after}")), format!("{before}{SECTION}{after}"));
    }

    #[rstest]
    #[case::not_parted("# C\n## [v1]\n", "# C\n\n", "## [v1]\n")]
    #[case::no_version("# C\n", "# C\n\n", "")]
    #[case::no_line_break("# C", "# C\n\n", "")]
    fn it_is_parted_from_what_stands_above(#[case] file: &str, #[case] before: &str, #[case] after: &str) {
        let section = if after.is_empty() { &SECTION[..SECTION.len() - 1] } else { SECTION };
        assert_eq!(put("app v2", file), format!("{before}{section}{after}"));
    }

    #[test]
    fn a_file_is_begun_and_grows_at_its_top() {
        let once = put("app v1", "");
        assert!(once.starts_with("# Changelog\n\nThe format is"), "{once}");
        let twice = put("app v2", &once);
        assert!(twice.find("[app v2]").unwrap() < twice.find("[app v1]").unwrap());
        assert_eq!(put("app v1", &twice), twice, "it is there already");
    }

    #[test]
    fn line_breaks_are_those_of_the_file() {
        let made = put("app v2", "# C\r\n\r\n## [v1]\r\nmixed\n");
        assert_eq!(made, format!("# C\r\n\r\n{}## [v1]\r\nmixed\n", SECTION.replace('\n', "\r\n")));
        assert_eq!(put("app v2", &made), made);
    }

    #[test]
    fn what_is_no_text_and_what_is_too_large_take_nothing() {
        assert_eq!(keep(&["v1"]).insert_into(b"\xff"), Err(FileError::NotUtf8));
        assert_eq!(keep(&["v1"]).insert_into(&vec![b'a'; MAX_FILE_BYTES + 1]), Err(FileError::TooLarge));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_byte_stays_and_doing_it_again_changes_nothing(
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
            let made = put("app v2", &file);
            let again = put("app v2", &made);
            prop_assert_eq!(&again, &made);
            let kept = (0..=file.len()).filter(|at| file.is_char_boundary(*at));
            let is_splice = |at: usize| made.starts_with(&file[..at]) && made.ends_with(&file[at..]);
            prop_assert!(kept.into_iter().any(is_splice), "{made:?}");
            let next = put("app v3", &made);
            if !lines.iter().any(|line| line.starts_with("```") || line.starts_with("~~~") || line.starts_with("<!")) {
                prop_assert!(next.find("[app v3]") < next.find("[app v2]"), "{next:?}");
            }
        }
    }
}
