//! "Did you mean": the known word nearest to the one written. The only such function; other rooms use it too.

/// The candidate closest to `written` if it is close enough to be a typo (at most a third of the letters differ, and at
/// least one may, ignoring case), or else a candidate that `written` starts with, as `monday` does with `mon`.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MAX_CHARS: usize = 64;
    let normal = |text: &str| -> String { text.to_lowercase().chars().take(MAX_CHARS).collect() };
    let written = normal(written);
    let length = written.chars().count();
    let max_edits = (length / 3).max(1);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let typo = candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(&written, &normal(candidate)), *candidate))
        .filter(|(edits, _)| *edits <= max_edits && *edits < length)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate);
    let is_prefix = |candidate: &&str| candidate.chars().count() >= 3 && written.starts_with(*candidate);
    typo.or_else(|| candidates.iter().copied().find(is_prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_recognised() {
        let keys = ["schedule", "timezone", "git", "soak", "paths", "tagPattern"];
        for (written, meant) in [
            ("shedule", "schedule"),
            ("timeZone", "timezone"),
            ("saok", "soak"),
            ("path", "paths"),
            ("gti", "git"),
            ("tag_pattern", "tagPattern"),
            ("gitRepository", "git"),
        ] {
            assert_eq!(nearest(written, keys), Some(meant), "{written}");
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        for written in ["", "x", "cluster", "overrides", &"ñ".repeat(10_000)] {
            assert_eq!(nearest(written, ["git", "soak", "paths"]), None, "{written}");
        }
    }
}
