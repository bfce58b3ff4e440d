//! Lists tags: follows pages, and skips parsing when nothing changed.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::header::{ETAG, HeaderMap, HeaderValue, LINK};
use reqwest::{StatusCode, Url};
use sha2::{Digest as _, Sha256};

use super::error::RequestError;
use super::host::Host;
use super::operation::Budget;
use super::tag_page;
use super::transport::Request;
use crate::model::{Class, Printable, Tag, TagList, next_link};

/// The requested page size. Registries may return less, or everything.
const PAGE_TAGS: u32 = 1_000;

const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of one image's list.
const MAX_PAGES: usize = 1_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The last list of an image, to recognise an unchanged one.
#[derive(Debug)]
pub(super) struct CachedList {
    list: Arc<TagList>,
    /// The hash of all pages; keeping their bytes would double the memory of the tags.
    fingerprint: [u8; 32],
    /// Set for a list of a single page.
    etag: Option<HeaderValue>,
}

impl CachedList {
    pub(super) fn list(&self) -> &Arc<TagList> {
        &self.list
    }

    fn same(&self) -> Self {
        Self { list: Arc::clone(&self.list), fingerprint: self.fingerprint, etag: self.etag.clone() }
    }
}

/// Lists the tags of `repository`. An unchanged response is not parsed again and returns the same allocation.
pub(super) async fn list(
    host: &Host,
    repository: &str,
    before: Option<&CachedList>,
    budget: &mut Budget,
) -> Result<CachedList, RequestError> {
    let Some(pages) = fetch(host, repository, before, budget).await? else {
        // The request was conditional only if there is a cached list.
        return before.map(CachedList::same).ok_or_else(|| unasked_for(host, repository));
    };
    let fingerprint = pages.fingerprint();
    let list = match before.filter(|before| before.fingerprint == fingerprint) {
        Some(before) => Arc::clone(&before.list),
        None => Arc::new(pages.parse()?),
    };
    Ok(CachedList { list, fingerprint, etag: pages.etag })
}

fn unasked_for(host: &Host, repository: &str) -> RequestError {
    let request = Request::get(host.url(repository, "tags/list"), MAX_PAGE_BYTES).describe();
    RequestError::UnexpectedStatus { request, status: StatusCode::NOT_MODIFIED, reason: String::new() }
}

struct Pages {
    request: String,
    bodies: Vec<Vec<u8>>,
    etag: Option<HeaderValue>,
}

/// Fetches all pages; nothing on 304.
async fn fetch(
    host: &Host,
    repository: &str,
    before: Option<&CachedList>,
    budget: &mut Budget,
) -> Result<Option<Pages>, RequestError> {
    let scope = host.pull_scope(repository);
    let mut url = host.url(repository, "tags/list");
    url.set_query(Some(&format!("n={PAGE_TAGS}")));
    let mut request = Request::get(url, MAX_PAGE_BYTES);
    request.if_none_match = before.and_then(|before| before.etag.clone());
    let mut pages = Pages { request: request.describe(), bodies: Vec::new(), etag: None };
    let mut seen = HashSet::from([request.url.clone()]);
    let mut bytes = 0;
    // The tags before a request for what follows a full page without a link; none while links lead on.
    let mut known: Option<HashSet<Tag>> = None;
    loop {
        let response = match host.ask(&request, &scope, budget).await {
            // A registry that does not know `last` has no more.
            Err(error) if known.is_some() && error.class() == Class::Failed => return Ok(Some(pages)),
            response => response?,
        };
        if response.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        bytes += response.body.len();
        if bytes > MAX_BYTES {
            return Err(RequestError::TooLarge { request: pages.request, max_bytes: MAX_BYTES });
        }
        if seen.len() > MAX_PAGES {
            return Err(RequestError::TooManyPages { request: pages.request, max_pages: MAX_PAGES });
        }
        if let Some(known) = &mut known {
            let before = known.len();
            known.extend(parse(&pages.request, &[&response.body])?.tags);
            if known.len() == before {
                return Ok(Some(pages));
            }
        }
        let next = next_target(&response.headers).map(str::to_owned);
        pages.etag =
            response.headers.get(ETAG).filter(|_| pages.bodies.is_empty() && next.is_none()).cloned();
        pages.bodies.push(response.body);
        request.if_none_match = None;
        let Some(target) = next else {
            let Some(last) = pages.bodies.last().and_then(|body| tag_page::end_of_full_page(body)) else {
                return Ok(Some(pages));
            };
            // The registry may cut its lists and send no link, or a proxy may drop it.
            pages.etag = None;
            if known.is_none() {
                known = Some(pages.parse()?.tags.into_iter().collect());
            }
            request
                .url
                .query_pairs_mut()
                .clear()
                .append_pair("n", &PAGE_TAGS.to_string())
                .append_pair("last", &last);
            if !seen.insert(request.url.clone()) {
                return Ok(Some(pages));
            }
            continue;
        };
        known = None;
        request.url =
            resolve(&request.url, &target).filter(|url| seen.insert(url.clone())).ok_or_else(|| {
                RequestError::ForbiddenRedirect {
                    request: request.describe(),
                    what: "a link",
                    to: Printable::new(&target).to_string(),
                }
            })?;
    }
}

impl Pages {
    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for body in &self.bodies {
            // Hash lengths too, so that the same bytes cut into other pages differ.
            hasher.update(body.len().to_le_bytes());
            hasher.update(body);
        }
        hasher.finalize().into()
    }

    fn parse(&self) -> Result<TagList, RequestError> {
        parse(&self.request, &self.bodies)
    }
}

fn parse<B: AsRef<[u8]>>(request: &str, bodies: &[B]) -> Result<TagList, RequestError> {
    tag_page::parse(bodies)
        .map_err(|source| RequestError::malformed(request.to_owned(), "a list of tags", source))
}

/// The target of the link to the next page, as written.
fn next_target(headers: &HeaderMap) -> Option<&str> {
    next_link(headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()))
}

/// The URL of a link on `page`; nothing when it leaves the page's origin.
fn resolve(page: &Url, target: &str) -> Option<Url> {
    let url = page.join(target).ok()?;
    let is_clean = url.username().is_empty() && url.password().is_none();
    (url.origin() == page.origin() && is_clean).then_some(url)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::path("/v2/a/tags/list?last=b", Some("https://ghcr.io/v2/a/tags/list?last=b"))]
    #[case::query("?last=b", Some("https://ghcr.io/v2/a/tags/list?last=b"))]
    #[case::absolute("https://ghcr.io/x", Some("https://ghcr.io/x"))]
    #[case::default_port("https://ghcr.io:443/x", Some("https://ghcr.io/x"))]
    #[case::other_host("https://evil.example/x", None)]
    #[case::scheme_relative("//evil.example/x", None)]
    #[case::other_scheme("http://ghcr.io/x", None)]
    #[case::other_port("https://ghcr.io:8443/x", None)]
    #[case::user("https://user@ghcr.io/x", None)]
    #[case::file("file:///etc/passwd", None)]
    fn targets(#[case] target: &str, #[case] wanted: Option<&str>) {
        let page = "https://ghcr.io/v2/a/tags/list?n=1000".parse().unwrap();
        assert_eq!(resolve(&page, target).as_ref().map(Url::as_str), wanted);
    }
}
