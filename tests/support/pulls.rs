//! An emulation of GitHub's REST API for pull requests, on top of a real bare repository, with conditional responses, limits
//! and faults. Each exchange is checked against GitHub's own API description.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::described::watch::{Watch, Witness};
use super::described::{self, Answer as Described, Asked as Question};
use super::git::{git, try_git};

/// `owner/name` of the one repository.
pub(crate) const REPOSITORY: &str = "vtr/gitops";

/// The only valid token.
pub(crate) const TOKEN: &str = "ghp_s3cret";

/// A fault of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// This status, without effect.
    Status(u16),
    /// It takes effect, and the connection breaks before the answer.
    LostAnswer,
    /// The burst limit, with this `Retry-After` in seconds.
    Secondary(u64),
    /// The hourly limit is used up.
    Primary,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// The server. Its thread ends with the test process.
#[derive(Clone)]
pub(crate) struct GitHub {
    port: u16,
    state: Arc<Mutex<State>>,
    witness: Witness,
    /// Held by tests, not by the thread.
    _watch: Option<Arc<Watch>>,
}

#[derive(Debug)]
struct State {
    /// The bare repository.
    origin: PathBuf,
    pulls: Vec<Pull>,
    comments: Vec<(u64, String)>,
    asked: Vec<Asked>,
    troubles: VecDeque<(&'static str, Trouble)>,
    allows_auto_merge: bool,
    requires_nothing: bool,
    may_push: bool,
    /// The expiry of the token, as GitHub writes it.
    ends: Option<String>,
    clock: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) branch: String,
    base: String,
    pub(crate) sha: String,
    /// `owner/name` of the branch's repository.
    from: String,
    pub(crate) is_draft: bool,
    pub(crate) is_open: bool,
    pub(crate) is_merged: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) reviewers: Vec<String>,
    pub(crate) auto_merge: Option<String>,
    /// Who enabled auto-merge, if not the author.
    auto_merge_by: Option<String>,
    /// Reviewer, state (`APPROVED` …), commit and author association.
    reviews: Vec<(String, &'static str, String, &'static str)>,
    /// Its events: kind, actor and time.
    events: Vec<(&'static str, String, u32)>,
    updated: u32,
}

struct Request {
    method: String,
    path: String,
    /// The query, as received.
    asked: Option<String>,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, Value);

/// The operations that return pull requests: in full, and in the short form of lists.
const ONE: &str = "GET /repos/{owner}/{repo}/pulls/{pull_number}";
const LISTED: &str = "GET /repos/{owner}/{repo}/pulls";

impl Request {
    fn question(&self) -> Question<'_> {
        Question { method: &self.method, path: &self.path, query: self.asked.as_deref(), body: &self.body }
    }
}

impl GitHub {
    /// The GitHub of a repository.
    pub(crate) fn of(origin: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            origin,
            pulls: Vec::new(),
            comments: Vec::new(),
            asked: Vec::new(),
            troubles: VecDeque::new(),
            allows_auto_merge: true,
            requires_nothing: false,
            may_push: true,
            ends: None,
            clock: 0,
        };
        let watch = Watch::default();
        let (state, witness) = (Arc::new(Mutex::new(state)), watch.witness());
        let server = Self { port, state, witness, _watch: Some(Arc::new(watch)) };
        let serving = Self { _watch: None, ..server.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    pub(crate) fn pulls(&self) -> Vec<Pull> {
        let mut state = self.state();
        state.look_at_branches();
        state.pulls.clone()
    }

    /// The one open pull request.
    pub(crate) fn open(&self) -> Pull {
        let open: Vec<Pull> = self.pulls().into_iter().filter(|pull| pull.is_open).collect();
        let [one] = open.as_slice() else { panic!("{open:?}") };
        one.clone()
    }

    pub(crate) fn comments(&self) -> Vec<String> {
        self.state().comments.iter().map(|(number, text)| format!("#{number} {text}")).collect()
    }

    /// Sets the fault of the next request with this method.
    pub(crate) fn next(&self, method: &'static str, trouble: Trouble) {
        self.state().troubles.push_back((method, trouble));
    }

    /// Sets the expiry of the token: `2026-12-01 10:00:00 UTC`.
    pub(crate) fn ends(&self, at: &str) {
        self.state().ends = Some(at.to_owned());
    }

    pub(crate) fn forbid(&self) {
        let mut state = self.state();
        (state.may_push, state.allows_auto_merge) = (false, false);
    }

    /// Somebody with this author association (`MEMBER` …) reviews its current commit.
    pub(crate) fn review(&self, number: u64, by: &str, state: &'static str, association: &'static str) {
        let mut state_of_all = self.state();
        state_of_all.look_at_branches();
        state_of_all.change(number, |pull| {
            pull.reviews.push((by.to_owned(), state, pull.sha.clone(), association));
        });
    }

    /// Somebody enables auto-merge.
    pub(crate) fn have_merge_by_itself(&self, number: u64, by: &str) {
        self.state().change(number, |pull| {
            (pull.auto_merge, pull.auto_merge_by) = (Some("SQUASH".to_owned()), Some(by.to_owned()));
        });
    }

    /// Removes the branch protection, so that a pull request can be merged at once.
    pub(crate) fn require_nothing(&self) {
        self.state().requires_nothing = true;
    }

    /// A person closes it.
    pub(crate) fn close(&self, number: u64) {
        self.close_as(number, "ana");
    }

    /// An account closes it.
    pub(crate) fn close_as(&self, number: u64, by: &str) {
        self.state().change(number, |pull| {
            pull.is_open = false;
            pull.happened("closed", by);
        });
    }

    /// A person reopens it.
    pub(crate) fn reopen(&self, number: u64) {
        self.state().change(number, |pull| {
            pull.is_open = true;
            pull.happened("reopened", "ana");
        });
    }

    /// A person edits the body.
    pub(crate) fn edit(&self, number: u64, body: &str) {
        let body = body.replace('\n', "\r\n");
        self.state().change(number, |pull| pull.body = body);
    }

    /// Somebody opens one from a fork, with any branch name.
    pub(crate) fn open_from_fork(&self, branch: &str) {
        let mut state = self.state();
        let sha = git(&state.origin, &["rev-parse", "main"]);
        state.add(branch, "main", "A fork's", "", &sha, "eve/gitops");
    }

    /// A person merges it by `merge`, `squash` or `rebase`, with GitHub's messages.
    pub(crate) fn merge(&self, number: u64, method: &str) {
        let mut state = self.state();
        state.look_at_branches();
        let pull = state.pulls.iter().find(|pull| pull.number == number && pull.is_open).unwrap().clone();
        state.merge(&pull, method);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) {
        let Some(request) = read(&stream) else { return };
        let mut state = self.state();
        state.look_at_branches();
        let trouble = state.troubles.front().copied().filter(|(method, _)| *method == request.method);
        if trouble.is_some() {
            state.troubles.pop_front();
        }
        let trouble = trouble.map(|(_, trouble)| trouble);
        let answered = self.witness.checked(request.question(), || {
            let (status, body) = match trouble {
                Some(Trouble::Status(status)) => (status, json!({"message": "Server Error"})),
                Some(Trouble::Secondary(_)) => {
                    (403, json!({"message": "You have exceeded a secondary rate limit."}))
                }
                Some(Trouble::Primary) => (403, json!({"message": "API rate limit exceeded"})),
                Some(Trouble::LostAnswer) | None => state.answer(&request),
            };
            Described::of(status, body)
        });
        let status = answered.status;
        let text = answered.body.unwrap().to_string();
        let etag = format!("W/\"{:x}\"", Sha256::digest(&text));
        let is_same = status == 200 && request.headers.get("if-none-match") == Some(&etag);
        let status = if is_same { 304 } else { status };
        let query = request.asked.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let full = format!("{}{query}", request.path);
        let ends = state.ends.as_ref();
        let ends = ends.map(|at| format!("github-authentication-token-expiration: {at}\r\n"));
        let ends = ends.unwrap_or_default();
        state.asked.push(Asked { method: request.method.clone(), path: full, status });
        drop(state);
        if matches!(trouble, Some(Trouble::LostAnswer)) {
            return;
        }
        let limits = match trouble {
            Some(Trouble::Secondary(seconds)) => format!("retry-after: {seconds}\r\n"),
            Some(Trouble::Primary) => {
                let reset = chrono::Utc::now().timestamp() + 1800;
                format!("x-ratelimit-remaining: 0\r\nx-ratelimit-reset: {reset}\r\n")
            }
            _ => "x-ratelimit-remaining: 4999\r\n".to_owned(),
        };
        let text = if is_same { String::new() } else { text };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\netag: {etag}\r\n{limits}{ends}content-length: {}\r\n\
             connection: close\r\n\r\n",
            text.len()
        );
        let mut stream = stream;
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes()));
    }
}

fn merge(work: &Path, pull: &Pull, method: &str) {
    let branch = format!("origin/{}", pull.branch);
    let number = pull.number;
    match method {
        "merge" => {
            let message = format!("Merge pull request #{number} from vtr/{}\n\n{}", pull.branch, pull.title);
            git(work, &["merge", "--quiet", "--no-ff", "-m", &message, &branch]);
        }
        "squash" => {
            // A squash of one commit has its message, and its author where somebody else merges.
            let subject = git(work, &["log", "-1", "--format=%s", &branch]);
            let body = git(work, &["log", "-1", "--format=%b", &branch]);
            git(work, &["merge", "--quiet", "--squash", &branch]);
            let who = "Co-authored-by: tidegate <tidegate@localhost>";
            git(work, &["commit", "--quiet", "-m", &format!("{subject} (#{number})\n\n{body}\n\n{who}")]);
        }
        "squash by its text" => {
            git(work, &["merge", "--quiet", "--squash", &branch]);
            git(work, &["commit", "--quiet", "-m", &format!("{} (#{number})\n\n{}", pull.title, pull.body)]);
        }
        "rebase" => drop(git(work, &["cherry-pick", &format!("main..{branch}")])),
        other => panic!("no way to merge: {other}"),
    }
}

impl State {
    /// An open pull request follows its branch, and is closed when the branch is deleted.
    fn look_at_branches(&mut self) {
        for pull in self.pulls.iter_mut().filter(|pull| pull.is_open && pull.from == REPOSITORY) {
            let reference = format!("refs/heads/{}", pull.branch);
            let found = try_git(&self.origin, &["rev-parse", "--verify", "--quiet", &reference]);
            if found.status.success() {
                String::from_utf8(found.stdout).unwrap().trim().clone_into(&mut pull.sha);
            } else {
                pull.is_open = false;
                pull.happened("closed", "janitor");
                pull.happened("head_ref_deleted", "janitor");
            }
        }
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Pull)) -> Option<Value> {
        self.clock += 1;
        let clock = self.clock;
        let pull = self.pulls.iter_mut().find(|pull| pull.number == number)?;
        change(pull);
        pull.updated = clock;
        Some(shown(pull, ONE))
    }

    fn add(&mut self, branch: &str, base: &str, title: &str, body: &str, sha: &str, from: &str) -> Value {
        self.clock += 1;
        let pull = Pull {
            number: self.pulls.len() as u64 + 1,
            title: title.to_owned(),
            body: body.to_owned(),
            branch: branch.to_owned(),
            base: base.to_owned(),
            sha: sha.to_owned(),
            from: from.to_owned(),
            is_draft: false,
            is_open: true,
            is_merged: false,
            labels: Vec::new(),
            reviewers: Vec::new(),
            auto_merge: None,
            auto_merge_by: None,
            reviews: Vec::new(),
            events: Vec::new(),
            updated: self.clock,
        };
        let answer = shown(&pull, ONE);
        self.pulls.push(pull);
        answer
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if request.headers.get("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return (401, json!({"message": "Bad credentials"}));
        }
        assert_eq!(request.headers["accept"], "application/vnd.github+json");
        assert_eq!(request.headers["x-github-api-version"], "2022-11-28");
        assert!(request.headers["user-agent"].starts_with("tidegate/"));
        let root = format!("/repos/{REPOSITORY}");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if request.method == "POST" && request.path == "/graphql" {
            return self.graphql(&body);
        }
        if request.path == "/rate_limit" {
            return (200, described::example("GET /rate_limit", REPOSITORY, Value::Null));
        }
        let Some(rest) = request.path.strip_prefix(&root) else {
            return (404, json!({"message": "Not Found"}));
        };
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", []) => (200, self.repository()),
            ("GET", ["pulls"]) => (200, self.list(&request.query)),
            ("POST", ["pulls"]) => self.create(&body),
            ("GET", ["pulls", number]) => found(self.change_nothing(number)),
            ("PATCH", ["pulls", number]) => found(self.patch(number, &body)),
            ("GET", ["pulls", number, "reviews"]) => self.reviews(number, &request.query),
            ("PUT", ["pulls", number, "merge"]) => self.merge_at(number, &body),
            ("POST", ["pulls", number, "requested_reviewers"]) => self.reviewers(number, &body),
            ("GET", ["issues", number, "events"]) => self.events(number, &request.query),
            ("POST", ["issues", number, "comments"]) => self.comment(number, &body),
            ("POST", ["issues", number, "labels"]) => {
                let labels = strings(&body["labels"]);
                let pull = self.change(number.parse().unwrap(), |pull| pull.labels.extend(labels));
                found(pull.map(|pull| pull["labels"].clone()))
            }
            ("GET", ["commits", sha]) => {
                let found = try_git(&self.origin, &["log", "-1", "--format=%B", sha]);
                let message = String::from_utf8(found.stdout).unwrap();
                let with = json!({"sha": sha, "commit": {"message": message.trim_end()}, "files": []});
                (200, described::example("GET /repos/{owner}/{repo}/commits/{ref}", REPOSITORY, with))
            }
            _ => (404, json!({"message": "Not Found"})),
        }
    }

    fn repository(&self) -> Value {
        let may =
            json!({"admin": false, "maintain": false, "push": self.may_push, "triage": true, "pull": true});
        let with = json!({"allow_auto_merge": self.allows_auto_merge, "permissions": may});
        described::repository(REPOSITORY, with)
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Value {
        let asked = |key: &str| query.get(key).map(String::as_str);
        let is_asked = |pull: &&Pull| {
            let state = asked("state").unwrap_or("open");
            (state == "all" || (state == "open") == pull.is_open)
                && asked("base").is_none_or(|base| base == pull.base)
                && asked("head").is_none_or(|head| {
                    let owner = pull.from.split('/').next().unwrap();
                    head == format!("{owner}:{}", pull.branch)
                })
        };
        let mut pulls: Vec<&Pull> = self.pulls.iter().filter(is_asked).collect();
        match (asked("sort"), asked("direction")) {
            (Some("updated"), Some("desc")) => pulls.sort_by_key(|pull| std::cmp::Reverse(pull.updated)),
            (Some("created"), Some("asc")) => {}
            order => panic!("an order that nobody asks for: {order:?}"),
        }
        page(pulls, query).into_iter().map(|pull| shown(pull, LISTED)).collect()
    }

    fn create(&mut self, body: &Value) -> Answer {
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let (head, base) = (text("head"), text("base"));
        let invalid = |message: String| {
            (
                422,
                json!({
                    "message": "Validation Failed",
                    "errors": [{"resource": "PullRequest", "code": "custom", "message": message}],
                    "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request",
                }),
            )
        };
        let is_it = |pull: &&Pull| {
            pull.is_open && pull.branch == head && pull.base == base && pull.from == REPOSITORY
        };
        if self.pulls.iter().any(|pull| is_it(&pull)) {
            return invalid(format!("A pull request already exists for vtr:{head}."));
        }
        let found =
            try_git(&self.origin, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{head}")]);
        if !found.status.success() {
            return invalid("head invalid".to_owned());
        }
        let sha = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        if git(&self.origin, &["rev-list", "--count", &format!("{base}..{sha}")]) == "0" {
            return invalid(format!("No commits between {base} and {head}"));
        }
        let is_draft = body["draft"].as_bool().unwrap_or_default();
        let answer = self.add(&head, &base, &text("title"), &text("body"), &sha, REPOSITORY);
        let number = answer["number"].as_u64().unwrap();
        (201, self.change(number, |pull| pull.is_draft = is_draft).unwrap())
    }

    fn change_nothing(&self, number: &str) -> Option<Value> {
        let number: u64 = number.parse().unwrap();
        self.pulls.iter().find(|pull| pull.number == number).map(|pull| shown(pull, ONE))
    }

    fn patch(&mut self, number: &str, body: &Value) -> Option<Value> {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let (title, new_body, state) = (text("title"), text("body"), text("state"));
        self.change(number.parse().unwrap(), |pull| {
            pull.title = title.unwrap_or_else(|| pull.title.clone());
            pull.body = new_body.unwrap_or_else(|| pull.body.clone());
            pull.is_open = state.as_ref().map_or(pull.is_open, |state| state == "open");
            if state.is_some_and(|state| state == "closed") {
                pull.happened("closed", "tidegate[bot]");
            }
        })
    }

    fn reviewers(&mut self, number: &str, body: &Value) -> Answer {
        let wanted = [strings(&body["reviewers"]), strings(&body["team_reviewers"])].concat();
        if wanted.iter().any(|one| one == "nobody") {
            let message = "Reviews may only be requested from collaborators.";
            return (422, json!({"message": message}));
        }
        let number: u64 = number.parse().unwrap();
        self.change(number, |pull| pull.reviewers.extend(wanted)).unwrap();
        let pull = self.pulls.iter().find(|pull| pull.number == number).unwrap();
        (201, shown(pull, LISTED))
    }

    fn reviews(&self, number: &str, query: &BTreeMap<String, String>) -> Answer {
        let number: u64 = number.parse().unwrap();
        let Some(pull) = self.pulls.iter().find(|pull| pull.number == number) else { return found(None) };
        let shown = pull.reviews.iter().map(|(by, state, commit, association)| {
            let with = json!({
                "user": {"login": by},
                "state": state,
                "commit_id": commit,
                "author_association": association,
            });
            described::example("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", REPOSITORY, with)
        });
        (200, page(shown.collect(), query).into())
    }

    fn events(&self, number: &str, query: &BTreeMap<String, String>) -> Answer {
        let number: u64 = number.parse().unwrap();
        let Some(pull) = self.pulls.iter().find(|pull| pull.number == number) else { return found(None) };
        let shown = pull.events.iter().map(|(what, by, at)| {
            let operation = "GET /repos/{owner}/{repo}/issues/{issue_number}/events";
            let kind = if by.ends_with("[bot]") { "Bot" } else { "User" };
            let with = json!({
                "event": what,
                "actor": {"login": by, "type": kind},
                "created_at": format!("2026-11-24T12:{:02}:{:02}Z", at / 60 % 60, at % 60),
            });
            let mut event = described::example(operation, REPOSITORY, with);
            event.as_object_mut().unwrap().remove("label");
            event
        });
        (200, page(shown.collect(), query).into())
    }

    fn merge_at(&mut self, number: &str, body: &Value) -> Answer {
        let number: u64 = number.parse().unwrap();
        let pull = self.pulls.iter().find(|pull| pull.number == number && pull.is_open).unwrap().clone();
        if body["sha"] != pull.sha {
            return (409, json!({"message": "Head branch was modified. Review and try the merge again."}));
        }
        self.merge(&pull, body["merge_method"].as_str().unwrap());
        let with = json!({"sha": git(&self.origin, &["rev-parse", "main"])});
        (200, described::example("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", REPOSITORY, with))
    }

    fn merge(&mut self, pull: &Pull, method: &str) {
        let folder = tempfile::tempdir().unwrap();
        let origin = self.origin.to_str().unwrap().to_owned();
        git(folder.path(), &["clone", "--quiet", &origin, "work"]);
        let work = folder.path().join("work");
        merge(&work, pull, method);
        git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        self.change(pull.number, |pull| (pull.is_open, pull.is_merged) = (false, true));
    }

    fn comment(&mut self, number: &str, body: &Value) -> Answer {
        let text = body["body"].as_str().unwrap().to_owned();
        let with = json!({"id": self.comments.len() + 1, "body": text});
        self.comments.push((number.parse().unwrap(), text));
        let operation = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
        (201, described::example(operation, REPOSITORY, with))
    }

    fn graphql(&mut self, body: &Value) -> Answer {
        let refused = |message: &str| {
            (200, json!({"data": null, "errors": [{"type": "UNPROCESSABLE", "message": message}]}))
        };
        let id = body["variables"]["id"].as_str().unwrap().strip_prefix("PR_").unwrap().parse().unwrap();
        if body["query"].as_str().unwrap().contains("disablePullRequestAutoMerge") {
            self.change(id, |pull| pull.auto_merge = None).unwrap();
            return (200, json!({"data": {"disablePullRequestAutoMerge": {"clientMutationId": null}}}));
        }
        if !self.allows_auto_merge {
            return refused("Auto merge is not allowed for this repository");
        }
        if self.requires_nothing {
            return refused("Pull request Pull request is in clean status");
        }
        if self.pulls.iter().all(|pull| pull.number != id || body["variables"]["head"] != pull.sha) {
            return refused("Expected head OID does not match the head of the pull request");
        }
        let method = body["variables"]["method"].as_str().unwrap().to_owned();
        self.change(id, |pull| pull.auto_merge = Some(method)).unwrap();
        (200, json!({"data": {"enablePullRequestAutoMerge": {"clientMutationId": null}}}))
    }
}

impl Pull {
    fn happened(&mut self, what: &'static str, by: &str) {
        self.events.push((what, by.to_owned(), self.updated));
    }
}

/// The requested page.
fn page<T>(all: Vec<T>, query: &BTreeMap<String, String>) -> Vec<T> {
    let number = |key: &str, usual: usize| query.get(key).map_or(usual, |text| text.parse().unwrap());
    let (size, page) = (number("per_page", 30), number("page", 1));
    assert!(size <= 100, "GitHub gives no larger page");
    all.into_iter().skip((page - 1) * size).take(size).collect()
}

fn found(answer: Option<Value>) -> Answer {
    answer.map_or((404, json!({"message": "Not Found"})), |answer| (200, answer))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// A pull request in the response of an operation: GitHub's example with the values of this one.
fn shown(pull: &Pull, operation: &str) -> Value {
    let closed_at = (!pull.is_open).then_some("2026-11-24T12:00:00Z");
    let labels = pull.labels.iter().map(|name| {
        let mut label = described::example(
            "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
            REPOSITORY,
            json!({}),
        );
        label["name"] = json!(name);
        label
    });
    let mut shown = described::example(
        operation,
        REPOSITORY,
        json!({
            "number": pull.number,
            "node_id": format!("PR_{}", pull.number),
            "html_url": format!("https://github.com/{REPOSITORY}/pull/{}", pull.number),
            "state": if pull.is_open { "open" } else { "closed" },
            "title": pull.title,
            "body": (!pull.body.is_empty()).then(|| pull.body.clone()),
            "draft": pull.is_draft,
            "created_at": "2026-11-24T10:00:00Z",
            "updated_at": format!("2026-11-24T11:{:02}:{:02}Z", pull.updated / 60 % 60, pull.updated % 60),
            "closed_at": closed_at,
            "merged_at": closed_at.filter(|_| pull.is_merged),
            "labels": labels.collect::<Vec<_>>(),
            "user": {"login": "tidegate[bot]", "type": "Bot"},
            "head": {"ref": pull.branch, "sha": pull.sha},
            "base": {"ref": pull.base},
            "requested_teams": [],
        }),
    );
    // In lists, GitHub's example has more fields of repositories than its schema.
    for (end, name) in [("head", pull.from.as_str()), ("base", REPOSITORY)] {
        shown[end]["repo"] = described::example(ONE, name, Value::Null)["base"]["repo"].take();
    }
    if let Some(method) = &pull.auto_merge {
        let mut user = shown["user"].clone();
        if let Some(by) = &pull.auto_merge_by {
            user["login"] = json!(by);
        }
        shown["auto_merge"] = json!({
            "enabled_by": user,
            "merge_method": method.to_ascii_lowercase(),
            "commit_title": pull.title,
            "commit_message": "",
        });
    }
    shown
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((key, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(key.to_ascii_lowercase(), value.to_owned());
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, asked) = target.split_once('?').map_or((&*target, None), |(path, query)| (path, Some(query)));
    let query = asked.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        method,
        path: path.to_owned(),
        asked: asked.map(str::to_owned),
        query: query.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        headers,
        body,
    })
}
