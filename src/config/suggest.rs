//! "Did you mean": the known word that is nearest to the one written. Pure; knows no words of its own.

/// The candidate that differs from `written` least, if that is little enough to be a slip of the fingers: at most a
/// third of the letters (and at least one), with case not counted; or else the one that `written` begins with.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MOST_CHARS: usize = 64;
    let written: Vec<char> = written.to_lowercase().chars().take(MOST_CHARS).collect();
    let most_edits = (written.len() / 3).max(1);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let slip = candidates
        .iter()
        .map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().take(MOST_CHARS).collect();
            (edits_between(&written, &letters), *candidate)
        })
        .filter(|(edits, _)| *edits <= most_edits && *edits < written.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate);
    slip.or_else(|| candidates.into_iter().find(|candidate| is_longer_form(&written, candidate)))
}

/// Whether `written` goes on after `candidate`, as `monday` does after `mon`.
fn is_longer_form(written: &[char], candidate: &str) -> bool {
    let letters: Vec<char> = candidate.chars().collect();
    letters.len() >= 3 && written.starts_with(&letters)
}

/// How many letters must be put in, taken out, replaced or swapped with their neighbour to come from one word to the
/// other (optimal string alignment).
fn edits_between(from: &[char], to: &[char]) -> usize {
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1; to.len() + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut fewest = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let is_swap = row > 0 && column > 0 && from[row - 1] == *other && *letter == to[column - 1];
            if is_swap {
                fewest = fewest.min(before_last[column - 1] + 1);
            }
            current[column + 1] = fewest;
        }
        before_last = last;
        last = current;
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
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

    #[test]
    fn edits_are_counted() {
        for (from, to, edits) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 1), ("ca", "abc", 3)]
        {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(edits_between(&letters(from), &letters(to)), edits, "{from} {to}");
        }
    }
}
