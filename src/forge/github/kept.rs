//! Answers that are asked for again: kept up to so many bytes, and the ones that nobody asked for longest go first.

use std::collections::HashMap;
use std::sync::Arc;

/// How many bytes of answers are kept. An open pull request takes some tens of thousands, a hundred of them are a page, and a
/// page is asked for each minute.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// An answer, and what says that it did not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) mark: String,
    pub(super) body: Arc<Vec<u8>>,
}

/// Answers, by what was asked.
#[derive(Debug)]
pub(super) struct Answers {
    by_path: HashMap<String, (Kept, u64)>,
    /// How often one was asked for or kept.
    turn: u64,
    bytes: usize,
    most_bytes: usize,
}

impl Default for Answers {
    fn default() -> Self {
        Self::of(MOST_BYTES)
    }
}

impl Answers {
    fn of(most_bytes: usize) -> Self {
        Self { by_path: HashMap::new(), turn: 0, bytes: 0, most_bytes }
    }

    /// The answer to a question, if it is kept.
    pub(super) fn find(&mut self, path: &str) -> Option<Kept> {
        self.turn += 1;
        let (kept, asked_at) = self.by_path.get_mut(path)?;
        *asked_at = self.turn;
        Some(kept.clone())
    }

    /// Keeps an answer in place of an earlier one, and drops others where there is no room. What is larger than all the room
    /// is not kept.
    pub(super) fn keep(&mut self, path: &str, kept: Kept) {
        self.turn += 1;
        self.drop(path);
        let size = size(path, &kept);
        if size > self.most_bytes {
            return;
        }
        while self.bytes + size > self.most_bytes {
            let oldest = self.by_path.iter().min_by_key(|(_, (_, asked_at))| *asked_at);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else { break };
            self.drop(&oldest);
        }
        self.bytes += size;
        self.by_path.insert(path.to_owned(), (kept, self.turn));
    }

    fn drop(&mut self, path: &str) {
        if let Some((path, (kept, _))) = self.by_path.remove_entry(path) {
            self.bytes -= size(&path, &kept);
        }
    }
}

fn size(path: &str, kept: &Kept) -> usize {
    path.len() + kept.mark.len() + kept.body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Kept {
        Kept { mark: "m".to_owned(), body: Arc::new(vec![b'x'; bytes]) }
    }

    #[test]
    fn what_nobody_asked_for_longest_goes_first() {
        // Each with its path and its mark takes ten bytes.
        let mut answers = Answers::of(35);
        for path in ["a", "b", "c"] {
            answers.keep(path, answer(8));
        }
        assert_eq!(answers.bytes, 30);
        assert_eq!(answers.find("a"), Some(answer(8)));
        answers.keep("d", answer(8));
        assert_eq!(answers.find("b"), None);
        assert!(["a", "c", "d"].iter().all(|path| answers.find(path).is_some()));
    }

    #[test]
    fn no_order_of_answers_takes_more_room_than_there_is() {
        let mut answers = Answers::of(100);
        for turn in 0..1_000usize {
            answers.keep(&format!("{}", turn * 7 % 13), answer(turn * 31 % 120));
            let held: usize = answers.by_path.iter().map(|(path, (kept, _))| size(path, kept)).sum();
            assert_eq!(answers.bytes, held);
            assert!(held <= 100, "{held}");
        }
    }

    #[test]
    fn one_that_fits_nowhere_takes_the_place_of_what_it_was_before() {
        let mut answers = Answers::of(20);
        answers.keep("a", answer(8));
        answers.keep("a", answer(30));
        assert_eq!((answers.find("a"), answers.bytes), (None, 0));
    }
}
