//! GitHub's REST API for commits, on top of a real repository: comparisons by page in chronological order, tags, single
//! commits, limits and refusals. Each exchange is checked against GitHub's own API description.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::described::watch::{Watch, Witness};
use super::described::{Answer, example};
use super::git;

/// The one repository.
const REPOSITORY: &str = "vtr/app";

/// The default page size.
const USUAL_PAGE: usize = 30;

/// The maximum page size.
const MOST_PAGE: usize = 100;

/// A running API with one repository, `vtr/app`.
pub(crate) struct GitHub {
    server: MockServer,
    state: Arc<State>,
    _watch: Watch,
}

#[derive(Default)]
struct State {
    repository: PathBuf,
    url: Mutex<String>,
    rules: Mutex<Rules>,
    requests: Mutex<Vec<String>>,
    witness: Witness,
}

/// Its behaviour.
#[derive(Default)]
pub(crate) struct Rules {
    /// The required token; without it, the repository is hidden.
    pub(crate) token: Option<String>,
    /// The requests left in this hour, and the limit.
    pub(crate) left: Option<(u64, u64)>,
    /// The answers to the next requests instead.
    pub(crate) instead: VecDeque<ResponseTemplate>,
    /// The number of commits that it silently omits at the end of a comparison.
    pub(crate) lost: usize,
}

impl GitHub {
    /// An API of the repository at this path.
    pub(crate) async fn of(repository: &Path) -> Self {
        let (server, watch) = (MockServer::start().await, Watch::default());
        let state = Arc::new(State {
            repository: repository.to_owned(),
            url: Mutex::new(server.uri()),
            witness: watch.witness(),
            ..State::default()
        });
        Mock::given(any()).respond_with(Answers(Arc::clone(&state))).mount(&server).await;
        Self { server, state, _watch: watch }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// Changes its behaviour.
    pub(crate) fn set(&self, rules: Rules) {
        *self.state.rules.lock().unwrap() = rules;
    }

    /// The requests since the last call, as `METHOD path?query status`.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }
}

struct Answers(Arc<State>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.witness.responded(request, || {
            let answer = self.0.answer(request);
            let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let asked = format!("{} {}{query}", request.method, request.url.path());
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            self.0.requests.lock().unwrap().push(format!("{asked} {status}"));
            answer
        })
    }
}

impl State {
    fn answer(&self, request: &Request) -> Result<Answer, ResponseTemplate> {
        let mut rules = self.rules.lock().unwrap();
        if let Some(instead) = rules.instead.pop_front() {
            return Err(instead);
        }
        let sent = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        let is_shown =
            rules.token.as_ref().is_none_or(|token| sent == Some(format!("Bearer {token}").as_str()));
        let path = request.url.path();
        // Links to further pages name the repository by its number.
        let rest = ["/repos/vtr/app/", "/repositories/1/"].iter().find_map(|at| path.strip_prefix(at));
        let mut answer = match rest.filter(|_| is_shown) {
            Some(rest) => self.of_repository(rest, request, rules.lost),
            None => Answer::refusal(404, "Not Found"),
        };
        if let Some((left, of)) = rules.left {
            let resets = chrono::Utc::now().timestamp() + 3000;
            answer = answer
                .with("x-ratelimit-limit", of.to_string())
                .with("x-ratelimit-remaining", left.to_string())
                .with("x-ratelimit-reset", resets.to_string());
            rules.left = Some((left.saturating_sub(1), of));
        }
        Ok(answer)
    }

    fn of_repository(&self, rest: &str, request: &Request, lost: usize) -> Answer {
        let number = |key: &str| {
            let mut pairs = request.url.query_pairs();
            pairs.find(|(name, _)| name == key).and_then(|(_, value)| value.parse().ok())
        };
        let page = Page {
            size: number("per_page").unwrap_or(USUAL_PAGE).clamp(1, MOST_PAGE),
            number: number("page").unwrap_or(1_usize).max(1),
            path: rest.to_owned(),
            url: self.url.lock().unwrap().clone(),
        };
        if let Some(ends) = rest.strip_prefix("compare/") {
            let (from, to) = ends.split_once("...").unwrap();
            return self.compare(from, to, &page, lost);
        }
        if let Some(reference) = rest.strip_prefix("commits/") {
            return match self.commit_of(reference) {
                Some(id) => Answer::of(200, self.commits(&["-1", &id]).remove(0)),
                None => Answer::refusal(422, &format!("No commit found for SHA: {reference}")),
            };
        }
        if rest == "tags" {
            return self.tags(request, &page);
        }
        Answer::refusal(404, "Not Found")
    }

    fn compare(&self, from: &str, to: &str, page: &Page, lost: usize) -> Answer {
        let (Some(from), Some(to)) = (self.commit_of(from), self.commit_of(to)) else {
            return Answer::refusal(404, "Not Found");
        };
        let base = git::try_git(&self.repository, &["merge-base", &from, &to]);
        if !base.status.success() {
            return Answer::refusal(404, &format!("No common ancestor between {from} and {to}."));
        }
        let (ahead, behind) = (self.count(&from, &to), self.count(&to, &from));
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let mut commits = self.commits(&[&format!("{from}..{to}")]);
        commits.reverse();
        commits.truncate(commits.len().saturating_sub(lost));
        let base = String::from_utf8(base.stdout).unwrap();
        let with = json!({
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "base_commit": self.commits(&["-1", &from])[0],
            "merge_base_commit": self.commits(&["-1", base.trim()])[0],
            "commits": page.of(&commits),
        });
        let mut answer = example("GET /repos/{owner}/{repo}/compare/{basehead}", REPOSITORY, with);
        // Only the first page has the files.
        if page.number > 1 {
            answer.as_object_mut().unwrap().remove("files");
        }
        page.linked(Answer::of(200, answer), commits.len())
    }

    fn tags(&self, request: &Request, page: &Page) -> Answer {
        const FORM: &str = "--format=%(refname:strip=2) %(objectname) %(*objectname)";
        let listed =
            git::git(&self.repository, &["for-each-ref", "--sort=-version:refname", FORM, "refs/tags"]);
        let tags: Vec<Value> = listed
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let id = words.get(2).filter(|peeled| !peeled.is_empty()).unwrap_or(&words[1]);
                let with = json!({"name": words[0], "commit": {"sha": id}});
                example("GET /repos/{owner}/{repo}/tags", REPOSITORY, with)
            })
            .collect();
        let answer = json!(page.of(&tags));
        let mark = format!(
            "W/\"{:x}\"",
            answer.to_string().bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte))
        );
        if request.headers.get("if-none-match").is_some_and(|known| *known == *mark) {
            return page.linked(Answer { status: 304, ..Answer::default() }, tags.len());
        }
        page.linked(Answer::of(200, answer).with("etag", mark), tags.len())
    }

    fn commit_of(&self, reference: &str) -> Option<String> {
        let found = git::try_git(
            &self.repository,
            &["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")],
        );
        found.status.success().then(|| String::from_utf8(found.stdout).unwrap().trim().to_owned())
    }

    fn count(&self, from: &str, to: &str) -> usize {
        git::git(&self.repository, &["rev-list", "--count", &format!("{from}..{to}")]).parse().unwrap()
    }

    /// The commits of `git log`, newest first.
    fn commits(&self, range: &[&str]) -> Vec<Value> {
        const FORM: &str = "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01";
        let log = git::git(&self.repository, &[&["log", FORM], range].concat());
        let commits = log.split('\u{1}').map(str::trim_start).filter(|text| !text.is_empty());
        commits.map(commit).collect()
    }
}

fn commit(text: &str) -> Value {
    let parts: Vec<&str> = text.split('\0').collect();
    let time = |text: &str| {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let with = json!({
        "sha": parts[0],
        "commit": {
            "author": {"name": parts[2], "email": parts[3], "date": time(parts[4])},
            "committer": {"name": parts[5], "email": parts[6], "date": time(parts[7])},
            "message": parts[8].trim_end(),
        },
        "author": null,
        "committer": null,
        "parents": parts[1].split_whitespace().map(parent).collect::<Vec<_>>(),
        "files": [],
    });
    example("GET /repos/{owner}/{repo}/commits/{ref}", REPOSITORY, with)
}

fn parent(id: &str) -> Value {
    json!({"sha": id, "url": format!("https://api.github.com/repos/{REPOSITORY}/commits/{id}")})
}

/// A page of a list.
struct Page {
    size: usize,
    number: usize,
    path: String,
    url: String,
}

impl Page {
    fn of<'a>(&self, all: &'a [Value]) -> &'a [Value] {
        let first = ((self.number - 1) * self.size).min(all.len());
        &all[first..(first + self.size).min(all.len())]
    }

    /// The answer, with a link to the next page.
    fn linked(&self, answer: Answer, count: usize) -> Answer {
        if self.number * self.size >= count {
            return answer;
        }
        let Self { size, number, path, url } = self;
        let at = |page: usize| format!("<{url}/repositories/1/{path}?per_page={size}&page={page}>");
        let (next, last) = (at(number + 1), at(count.div_ceil(*size)));
        answer.with("link", format!("{next}; rel=\"next\", {last}; rel=\"last\""))
    }
}

/// An error response.
pub(crate) fn refusal(status: u16, message: &str) -> ResponseTemplate {
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest"});
    ResponseTemplate::new(status).set_body_json(body)
}
