//! Asking for the tags of an image: every page, once, and no parsing when nothing changed.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::error::Problem;
use super::host::Host;
use super::link;
use super::operation::Budget;
use super::tag_page;
use super::wire::Request;
use crate::model::{Printable, TagList};

/// How many tags are asked for at once. Registries may give fewer, or all.
const PAGE_TAGS: u32 = 1_000;

/// The largest page that is read.
const MOST_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The most pages, and the most bytes of all of them together, that one image may have.
const MOST_PAGES: usize = 1_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The last answer for an image, by which the next one is known to be the same.
#[derive(Debug)]
pub(super) struct Remembered {
    list: Arc<TagList>,
    /// Of all pages' bytes. The bytes themselves would double the memory that the tags take.
    fingerprint: [u8; 32],
    /// Of the only page, if there is only one.
    etag: Option<HeaderValue>,
}

impl Remembered {
    pub(super) fn list(&self) -> &Arc<TagList> {
        &self.list
    }

    fn same(&self) -> Self {
        Self { list: Arc::clone(&self.list), fingerprint: self.fingerprint, etag: self.etag.clone() }
    }
}

/// Asks for the tags of `repository`. An answer that is the same as the one before is not parsed again and gives the
/// same list.
pub(super) async fn list(
    host: &Host,
    repository: &str,
    before: Option<&Remembered>,
    budget: &mut Budget,
) -> Result<Remembered, Problem> {
    let Some(pages) = fetch(host, repository, before, budget).await? else {
        // Only asked for when there is one.
        return before.map(Remembered::same).ok_or_else(|| unasked_for(host, repository));
    };
    let fingerprint = pages.fingerprint();
    let list = match before.filter(|before| before.fingerprint == fingerprint) {
        Some(before) => Arc::clone(&before.list),
        None => Arc::new(pages.parse()?),
    };
    Ok(Remembered { list, fingerprint, etag: pages.etag })
}

fn unasked_for(host: &Host, repository: &str) -> Problem {
    let at = Request::get(host.url(repository, "tags/list"), MOST_PAGE_BYTES).at();
    Problem::UnexpectedStatus { at, status: StatusCode::NOT_MODIFIED, said: String::new() }
}

/// The pages of a list as they came.
struct Pages {
    /// The first request, for messages.
    at: String,
    bodies: Vec<Vec<u8>>,
    etag: Option<HeaderValue>,
}

/// Every page, or nothing when the registry says that nothing changed.
async fn fetch(
    host: &Host,
    repository: &str,
    before: Option<&Remembered>,
    budget: &mut Budget,
) -> Result<Option<Pages>, Problem> {
    let scope = host.pull_scope(repository);
    let mut url = host.url(repository, "tags/list");
    url.set_query(Some(&format!("n={PAGE_TAGS}")));
    let mut request = Request::get(url, MOST_PAGE_BYTES);
    request.known = before.and_then(|before| before.etag.clone());
    let mut pages = Pages { at: request.at(), bodies: Vec::new(), etag: None };
    let mut seen = HashSet::from([request.url.clone()]);
    let mut bytes = 0;
    loop {
        let answer = host.ask(&request, &scope, budget).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        bytes += answer.body.len();
        if bytes > MOST_BYTES || seen.len() > MOST_PAGES {
            return Err(Problem::TooLarge { at: pages.at, most_bytes: MOST_BYTES });
        }
        let next = link::next(&answer.headers).map(str::to_owned);
        pages.etag = answer.headers.get(ETAG).filter(|_| pages.bodies.is_empty() && next.is_none()).cloned();
        pages.bodies.push(answer.body);
        let Some(target) = next else {
            return Ok(Some(pages));
        };
        request.known = None;
        request.url =
            link::resolve(&request.url, &target).filter(|url| seen.insert(url.clone())).ok_or_else(|| {
                Problem::Astray { at: request.at(), what: "a link", to: Printable::new(&target).to_string() }
            })?;
    }
}

impl Pages {
    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for body in &self.bodies {
            // The length, so that the same bytes cut into other pages are not the same.
            hasher.update(body.len().to_le_bytes());
            hasher.update(body);
        }
        hasher.finalize().into()
    }

    fn parse(&self) -> Result<TagList, Problem> {
        tag_page::parse(&self.bodies)
            .map_err(|source| Problem::malformed(self.at.clone(), "a list of tags", source))
    }
}
