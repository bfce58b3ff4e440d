//! A bounded cache of responses for conditional requests; the least recently used go first.

use std::collections::HashMap;
use std::sync::Arc;

/// An open pull request takes tens of thousands of bytes, a page a hundred of them, and each minute needs a page.
const MAX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CachedResponse {
    pub(super) etag: String,
    pub(super) body: Arc<Vec<u8>>,
}

/// Responses by path.
#[derive(Debug)]
pub(super) struct ResponseCache {
    by_path: HashMap<String, (CachedResponse, u64)>,
    /// A counter for recency.
    turn: u64,
    bytes: usize,
    max_bytes: usize,
}

impl Default for ResponseCache {
    fn default() -> Self {
        Self::of(MAX_BYTES)
    }
}

impl ResponseCache {
    fn of(max_bytes: usize) -> Self {
        Self { by_path: HashMap::new(), turn: 0, bytes: 0, max_bytes }
    }

    pub(super) fn find(&mut self, path: &str) -> Option<CachedResponse> {
        self.turn += 1;
        let (cached, asked_at) = self.by_path.get_mut(path)?;
        *asked_at = self.turn;
        Some(cached.clone())
    }

    /// Stores a response, evicting others; one larger than the whole cache is not stored.
    pub(super) fn keep(&mut self, path: &str, cached: CachedResponse) {
        self.turn += 1;
        self.drop(path);
        let size = size(path, &cached);
        if size > self.max_bytes {
            return;
        }
        while self.bytes + size > self.max_bytes {
            let oldest = self.by_path.iter().min_by_key(|(_, (_, asked_at))| *asked_at);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else { break };
            self.drop(&oldest);
        }
        self.bytes += size;
        self.by_path.insert(path.to_owned(), (cached, self.turn));
    }

    fn drop(&mut self, path: &str) {
        if let Some((path, (cached, _))) = self.by_path.remove_entry(path) {
            self.bytes -= size(&path, &cached);
        }
    }
}

fn size(path: &str, cached: &CachedResponse) -> usize {
    path.len() + cached.etag.len() + cached.body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(bytes: usize) -> CachedResponse {
        CachedResponse { etag: "m".to_owned(), body: Arc::new(vec![b'x'; bytes]) }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        // Each with its path and its etag takes ten bytes.
        let mut answers = ResponseCache::of(35);
        for path in ["a", "b", "c"] {
            answers.keep(path, response(8));
        }
        assert_eq!(answers.bytes, 30);
        assert_eq!(answers.find("a"), Some(response(8)));
        answers.keep("d", response(8));
        assert_eq!(answers.find("b"), None);
        assert!(["a", "c", "d"].iter().all(|path| answers.find(path).is_some()));
    }

    #[test]
    fn the_cache_stays_within_its_bound() {
        let mut answers = ResponseCache::of(100);
        for turn in 0..1_000usize {
            answers.keep(&format!("{}", turn * 7 % 13), response(turn * 31 % 120));
            let held: usize = answers.by_path.iter().map(|(path, (cached, _))| size(path, cached)).sum();
            assert_eq!(answers.bytes, held);
            assert!(held <= 100, "{held}");
        }
    }

    #[test]
    fn an_oversized_response_evicts_its_predecessor() {
        let mut answers = ResponseCache::of(20);
        answers.keep("a", response(8));
        answers.keep("a", response(30));
        assert_eq!((answers.find("a"), answers.bytes), (None, 0));
    }
}
