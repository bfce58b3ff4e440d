//! Commits by GitHub's API: the same as by Git, and what happens when the API does not tell them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate::changelog::{
    CommitMatch, CommitQuery, Format, Notes, Rules as Grouping, Source, SourceName, Web,
};
use tidegate::forge::{Api, ApiSettings, Commits, RepositoryAccess};
use tidegate::git::{RangeQuery, Reach, SourceMirror, SourceSettings};
use tidegate::model::{Class, CommitId, Digest, Fault, ImageName, Relation, SourceRange};
use tidegate::source::{
    Cache, CommitRange, Comparison, Histories, Images, Policy, Question, Reader, Scope, SourceRules,
};
use wiremock::ResponseTemplate;

use crate::support::git::{FIRST_COMMIT, Origin};
use crate::support::github::{GitHub, Rules, refusal};

/// A history of so many commits in every style: two lines that meet again and again, several commits in one second,
/// pull requests, reverts, bots, and a release every forty.
fn history(count: usize) -> Origin {
    let origin = Origin::empty();
    let mut stream = String::new();
    for number in 1..=count {
        let message = match number % 9 {
            0 => format!(
                "Merge pull request #{number} from vtr/branch-{number}\n\nRetry upstream calls {number}"
            ),
            1 => format!("feat(retry): retry upstream calls {number} for OPS-42\n\nBREAKING CHANGE: slower"),
            2 => format!("fix(api)!: close `client {number}` (#{number})\n\nFixes #{number}.\n\n\n"),
            3 => format!("build(deps): bump pkg-{} from 1.{number} to 1.{}", number % 5, number + 9),
            4 => format!("Línea {number} con acentos, 日本語 and ✨\n\nCo-authored-by: B <b@vtr.cl>"),
            5 => format!("Revert \"feat(retry): retry upstream calls {} for OPS-42\"", number - 4),
            6 => format!("wip @everyone <script> {number}"),
            7 => format!("docs: tell of {number}"),
            _ => format!("perf: faster {number}\n\nTidegate-Promotion: forged"),
        };
        let _ = writeln!(stream, "commit refs/heads/main\nmark :{number}");
        // Three commits a second.
        let time = FIRST_COMMIT + i64::try_from(number / 3).unwrap();
        let person = number % 7;
        let _ = writeln!(stream, "author Person {person} <p{person}@vtr.cl> {} +0200", time - 30);
        let _ = writeln!(stream, "committer Person <person@example.org> {time} -0300");
        let _ = writeln!(stream, "data {}\n{message}", message.len());
        // Two of nine are on a line of their own.
        let parent = if matches!(number % 9, 6 | 8) { number - 3 } else { number - 1 };
        if parent > 0 {
            let _ = writeln!(stream, "from :{parent}");
        }
        if number % 9 == 0 {
            let _ = writeln!(stream, "merge :{}", number - 2);
        }
        let _ = writeln!(
            stream,
            "M 100644 inline src/{}\ndata {}\n{number}",
            number % 11,
            number.to_string().len()
        );
        if number % 40 == 0 {
            let _ = writeln!(stream, "reset refs/tags/v1.0.{}\nfrom :{number}\n", number / 40);
        }
    }
    origin.import(stream.as_bytes());
    origin.git(&["-c", "user.name=a", "-c", "user.email=a@b", "tag", "-am", "two", "v1.0.0", "main~1"]);
    origin
}

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn commits(github: &GitHub) -> Commits {
    let settings = ApiSettings { url: github.url(), ca_file: None, proxy: None };
    Commits::new(Api::new(&settings).unwrap())
}

const ASKED: RepositoryAccess<'_> = RepositoryAccess { repository: "vtr/app", token: None };

struct ByGit(SourceMirror);

fn by_git(origin: &Origin) -> ByGit {
    let settings = SourceSettings {
        url: origin.url(),
        reach: Reach::default(),
        mirror: origin.beside("sources/one.git"),
        most_bytes: 1 << 30,
    };
    let mirror = SourceMirror::open(&settings).unwrap();
    mirror.fetch().unwrap();
    ByGit(mirror)
}

impl ByGit {
    fn between(&self, from: CommitId, to: CommitId) -> SourceRange {
        let deadline = Instant::now() + Duration::from_mins(1);
        let wanted = RangeQuery { from, to, paths: Vec::new(), most_commits: 20_000, deadline };
        self.0.between(&wanted).unwrap()
    }
}

fn revisions(queries: [&CommitQuery; 2]) -> [CommitId; 2] {
    queries.map(|one| id(one.revision.as_ref().unwrap().hex()))
}

impl Histories for ByGit {
    async fn read(&self, _: &Source, _: &Scope, queries: [&CommitQuery; 2]) -> Result<Comparison, Fault> {
        let [from, to] = revisions(queries);
        let between = CommitRange { range: self.between(from, to), tags: self.0.tags()? };
        Ok(Comparison {
            found: [CommitMatch::Revision(from), CommitMatch::Revision(to)],
            range: Some(between),
        })
    }
}

struct ByApi(Commits);

impl Histories for ByApi {
    async fn read(&self, _: &Source, _: &Scope, queries: [&CommitQuery; 2]) -> Result<Comparison, Fault> {
        let [from, to] = revisions(queries);
        let (range, tags) = (self.0.between(ASKED, from, to).await?, self.0.tags(ASKED).await?);
        let between = CommitRange { range, tags };
        Ok(Comparison {
            found: [CommitMatch::Revision(from), CommitMatch::Revision(to)],
            range: Some(between),
        })
    }
}

/// Images whose digests say what they were built from.
struct Labels(BTreeMap<Digest, String>);

impl Images for Labels {
    async fn labels(&self, _: &ImageName, digest: &Digest) -> Result<BTreeMap<String, String>, Fault> {
        Ok(BTreeMap::from([
            ("org.opencontainers.image.source".to_owned(), "https://github.com/vtr/app".to_owned()),
            ("org.opencontainers.image.revision".to_owned(), self.0[digest].clone()),
        ]))
    }
}

struct Nothing;

impl Cache for Nothing {
    async fn labels(&self, _: &ImageName, _: &Digest) -> Option<BTreeMap<String, String>> {
        None
    }
    async fn keep_labels(&self, _: &ImageName, _: &Digest, _: &BTreeMap<String, String>) {}
    async fn range(&self, _: &ImageName, _: [&Digest; 2], _: &str) -> Option<String> {
        None
    }
    async fn keep_range(&self, _: &ImageName, _: [&Digest; 2], _: &str, _: &str) {}
}

struct AllOfThem;

impl SourceRules for AllOfThem {
    fn allows(&self, _: &ImageName, _: &SourceName) -> bool {
        true
    }
    fn web(&self, source: &SourceName) -> Option<Web> {
        Web::of(source)
    }
}

async fn notes(histories: impl Histories, from: &str, to: &str) -> Notes {
    let digest =
        |letter: char| format!("sha256:{}", letter.to_string().repeat(64)).parse::<Digest>().unwrap();
    let labels = Labels(BTreeMap::from([(digest('a'), from.to_owned()), (digest('b'), to.to_owned())]));
    let policy = Policy { rules: Grouping::default(), sources: Box::new(AllOfThem) };
    let request = Question {
        service: "common/app".into(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
        from: ("v1.0.1".parse().unwrap(), digest('a')),
        to: ("v1.0.9".parse().unwrap(), digest('b')),
        is_downgrade: false,
        scope: Scope::default(),
    };
    Reader::new(Arc::new(labels), Arc::new(histories), Arc::new(Nothing), Arc::new(policy))
        .notes(&request)
        .await
}

#[tokio::test]
async fn the_api_and_git_list_the_same_commits_in_the_same_order() {
    let origin = history(450);
    let github = GitHub::of(&origin.path()).await;
    let at = |revision: &str| origin.at(revision);
    origin.git(&["branch", "other", "main~200"]);
    let forced = origin.commit_on("other", "hot fix", &[]);
    for (from, to) in [
        (at("main~5"), at("main")),
        (at("v1.0.2"), at("main")),
        (at("main"), at("v1.0.4")),
        (at("main~10"), forced.clone()),
        (forced, at("v1.0.9")),
    ] {
        let git = notes(by_git(&origin), &from, &to).await;
        let api = notes(ByApi(commits(&github)), &from, &to).await;
        assert!(git.counts.commits > 0, "{from} {to}: {:?}", git.remarks);
        assert_eq!(git, api, "{from} {to}");
        for format in [Format::Markdown, Format::Text] {
            assert_eq!(git.render(format), api.render(format));
        }
    }
    let access = github.take_requests();
    assert!(access.iter().any(|request| request.contains("per_page=100&page=4 ")), "{access:#?}");
}

#[tokio::test]
async fn the_relation_of_two_commits_is_reported() {
    let origin = history(30);
    let github = GitHub::of(&origin.path()).await;
    let commits = commits(&github);
    let (first, last) = (id(&origin.at("main~20")), id(&origin.at("main")));
    assert_eq!(commits.between(ASKED, first, last).await.unwrap().relation, Relation::Forward);
    let backward = commits.between(ASKED, last, first).await.unwrap();
    assert_eq!(backward.relation, Relation::Backward);
    assert_eq!(backward.commits.len(), commits.between(ASKED, first, last).await.unwrap().commits.len());
    // Nothing in common, and unknown: Git is asked, which can tell one from the other.
    origin.git(&["fetch", "--quiet", &Origin::with_files(&[("a", "1")]).url(), "main:apart"]);
    for other in [id(&origin.at("apart")), id(&"1".repeat(40))] {
        let fault = commits.between(ASKED, first, other).await.unwrap_err();
        assert!(fault.to_string().contains("not found, or"), "{fault}");
    }
}

#[tokio::test]
async fn a_short_name_is_looked_up_and_a_branch_is_none() {
    let origin = history(10);
    let github = GitHub::of(&origin.path()).await;
    let commits = commits(&github);
    let last = origin.at("main");
    assert_eq!(commits.commit(ASKED, &last[..9]).await.unwrap(), Some(id(&last)));
    assert_eq!(commits.commit(ASKED, "1234567").await.unwrap(), None);
    origin.git(&["branch", "abcdef0", "main~2"]);
    assert_eq!(commits.commit(ASKED, "abcdef0").await.unwrap(), None);
}

#[tokio::test]
async fn an_incomplete_response_does_not_count() {
    let origin = history(30);
    let github = GitHub::of(&origin.path()).await;
    let commits = commits(&github);
    let (first, last) = (id(&origin.at("main~20")), id(&origin.at("main")));
    github.set(Rules { lost: 1, ..Rules::default() });
    let fault = commits.between(ASKED, first, last).await.unwrap_err();
    assert!(fault.to_string().contains(" commits returned"), "{fault}");
    for (instead, expected) in [
        (ResponseTemplate::new(200).set_body_string("{"), "not what GitHub documents"),
        (ResponseTemplate::new(200).set_body_json(serde_json::json!({"commits": []})), "documents"),
        (ResponseTemplate::new(301), "301"),
        (ResponseTemplate::new(200).set_body_bytes(vec![b' '; 17 << 20]), "broke off or is too large"),
    ] {
        github.set(Rules { instead: VecDeque::from([instead]), ..Rules::default() });
        let fault = commits.between(ASKED, first, last).await.unwrap_err();
        assert!(fault.in_one_line().contains(expected), "{}", fault.in_one_line());
    }
    let large = history(1100);
    let github = GitHub::of(&large.path()).await;
    let fault = self::commits(&github)
        .between(ASKED, id(&large.at("v1.0.1")), id(&large.at("main")))
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("commits are too many"), "{fault}");
    assert_eq!(github.take_requests().len(), 1);
}

#[tokio::test]
async fn tags_that_did_not_change_are_not_sent_again() {
    let origin = history(130);
    for number in 0..120 {
        origin.git(&["tag", &format!("nightly-{number}"), "main"]);
    }
    let github = GitHub::of(&origin.path()).await;
    let commits = commits(&github);
    let first = commits.tags(ASKED).await.unwrap();
    assert_eq!(first.len(), 124);
    assert!(first.contains(&(id(&origin.at("main~1")), "v1.0.0".to_owned())), "peeled");
    github.take_requests();
    assert_eq!(commits.tags(ASKED).await.unwrap(), first);
    let statuses: Vec<String> =
        github.take_requests().iter().map(|request| request[request.len() - 3..].to_owned()).collect();
    assert_eq!(statuses, ["304", "304"]);
    origin.git(&["tag", "v1.0.99", "main"]);
    assert_eq!(commits.tags(ASKED).await.unwrap().len(), 125);
}

#[tokio::test]
async fn a_hidden_repository_is_reported_as_such() {
    let origin = history(10);
    let github = GitHub::of(&origin.path()).await;
    github.set(Rules { token: Some("ghs_x".to_owned()), ..Rules::default() });
    let commits = commits(&github);
    let fault = commits.tags(ASKED).await.unwrap_err();
    assert!(fault.to_string().ends_with("or private and no token is set"), "{fault}");
    assert_eq!(fault.class(), Class::Failed);
    let (wrong, right) = ("ghs_y".into(), "ghs_x".into());
    assert!(commits.tags(RepositoryAccess { token: Some(&wrong), ..ASKED }).await.is_err());
    assert!(commits.tags(RepositoryAccess { token: Some(&right), ..ASKED }).await.is_ok());
}

#[tokio::test]
async fn limits_are_respected() {
    let origin = history(10);
    let github = GitHub::of(&origin.path()).await;
    let last = id(&origin.at("main"));
    let limited = |status: u16, headers: &[(&str, String)], message: &str| {
        let answer = headers.iter().fold(refusal(status, message), |answer, (name, value)| {
            answer.insert_header(*name, value.as_str())
        });
        github.set(Rules { instead: VecDeque::from([answer]), ..Rules::default() });
        github.take_requests();
    };
    let resets = (chrono::Utc::now().timestamp() + 1800).to_string();
    for (status, headers, message) in [
        (
            403,
            vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", resets)],
            "API rate limit exceeded",
        ),
        (429, vec![("retry-after", "60".to_owned())], "You have exceeded a secondary rate limit"),
        (403, vec![], "You have exceeded a secondary rate limit. Please wait a few minutes"),
        (429, vec![], "slow down"),
    ] {
        let commits = commits(&github);
        limited(status, &headers, message);
        let fault = commits.between(ASKED, last, last).await.unwrap_err();
        assert_eq!(fault.class(), Class::TryAgain, "{fault}");
        github.take_requests();
        let fault = commits.between(ASKED, last, last).await.unwrap_err();
        assert!(fault.to_string().contains("asked for a pause of "), "{fault}");
        assert!(github.take_requests().is_empty(), "no request is sent meanwhile");
    }
    // One that may not is refused, and others are not held up by that.
    let commits = commits(&github);
    limited(403, &[], "Resource not accessible by personal access token");
    assert_eq!(commits.tags(ASKED).await.unwrap_err().class(), Class::Failed);
    assert!(commits.tags(ASKED).await.is_ok());
    limited(502, &[], "");
    assert_eq!(commits.tags(ASKED).await.unwrap_err().class(), Class::TryAgain);
    // The last requests of an hour are for what Git can't do.
    github.set(Rules { left: Some((500, 5000)), ..Rules::default() });
    assert!(commits.check().is_ok());
    commits.tags(ASKED).await.unwrap();
    assert!(commits.check().unwrap_err().to_string().contains("has few requests left"));
}
