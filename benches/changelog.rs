//! The cost of notes: parsing and grouping ten thousand commits, rendering them in each format, and reading a thousand
//! commits from a source repository of fifty thousand.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::changelog::{BodyLimits, Format, Heading, Notes, NotesInput, Rules, Tickets, Web};
use tidegate::git::{RangeQuery, Reach, SourceMirror, SourceSettings};
use tidegate::model::{CommitId, Person, RepoPath, SourceCommit, Timestamp};

const COMMITS: u32 = 10_000;

fn id(number: u32) -> CommitId {
    let mut bytes = [7; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    CommitId::from_bytes(bytes)
}

/// Commits of every style in turn; every seventh merges a pull request with the two before it.
fn commits() -> Vec<SourceCommit> {
    let newest: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap_or_default();
    let message = |number: u32| match number % 7 {
        0 => format!("Merge pull request #{number} from vtr/branch-{number}\n\nRetry upstream calls"),
        1 => "feat(retry): retry upstream calls with backoff for OPS-42".to_owned(),
        2 => "wip".to_owned(),
        3 => {
            format!("fix(api): close idle subscriptions of `client {number}` (#{number})\n\nFixes #{number}.")
        }
        4 => format!(
            "build(deps): bump package-{} from 1.{number} to 1.{} (#{number})",
            number % 40,
            number + 7
        ),
        5 => format!(
            "Raise the pool to {number} connections\n\nIt was too small.\n\nCo-authored-by: B <b@vtr.cl>"
        ),
        _ => format!("feat(api)!: drop endpoint {number}\n\nBREAKING CHANGE: clients call /graphql/{number}"),
    };
    let parents = |number: u32| match number % 7 {
        0 => vec![id(number + 3), id(number + 1)],
        _ => vec![id(number + 1)],
    };
    let make = |number: u32| SourceCommit {
        id: id(number),
        parents: parents(number),
        author: Person { name: format!("Person {}", number % 50), email: format!("p{}@vtr.cl", number % 50) },
        authored_at: newest - chrono::TimeDelta::minutes(i64::from(number)),
        committed_at: newest - chrono::TimeDelta::minutes(i64::from(number)),
        message: message(number),
        is_relevant: true,
    };
    (0..COMMITS).map(make).collect()
}

fn gather(commits: &[SourceCommit], releases: &[(CommitId, String)], rules: &Rules) -> Notes {
    let web = "github.com/vtr/app".parse().ok().as_ref().and_then(Web::of);
    let heading = Heading::new("common/app", "v1.0.0", "v1.1.0");
    let input = NotesInput { heading, commits, lost: &[], releases, web: web.as_ref(), remarks: Vec::new() };
    Notes::gather(input, rules)
}

fn bench(criterion: &mut Criterion) {
    let commits = commits();
    let releases: Vec<(CommitId, String)> =
        (0..COMMITS).step_by(200).map(|number| (id(number), format!("v1.0.{}", COMMITS - number))).collect();
    let tickets = Tickets { project: "OPS".into(), url: Some("https://jira.vtr.cl/browse/{key}".into()) };
    let rules = Rules { tickets: vec![tickets], ..Rules::default() };
    let notes = gather(&commits, &releases, &rules);
    let mut group = criterion.benchmark_group("changelog_10000_commits");
    group.bench_function("gather", |bencher| bencher.iter(|| gather(black_box(&commits), &releases, &rules)));
    for format in [Format::Markdown, Format::KeepAChangelog, Format::Text, Format::Slack, Format::Html] {
        let name = format!("{format:?}").to_lowercase();
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&notes).render(format)));
    }
    group.bench_function("json", |bencher| bencher.iter(|| black_box(&notes).json().to_string()));
    let limits = BodyLimits::default();
    group.bench_function("body", |bencher| bencher.iter(|| black_box(&notes).body(&limits)));
    group.finish();
}

/// Number of commits in the source repository, and in the range.
const SOURCE_COMMITS: u32 = 50_000;
const RANGE_COMMITS: u32 = 1_000;

/// A bare repository with linear history; each commit changes one file in one of fifty folders.
fn source(folder: &Path) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(arguments);
        command
    };
    let _ = git(&["init", "--quiet", "--bare", "--initial-branch=main", "source.git"]).status();
    let _ = git(&["-C", "source.git", "config", "uploadpack.allowFilter", "true"]).status();
    let mut stream = String::new();
    for number in 0..SOURCE_COMMITS {
        let message =
            format!("feat(part-{}): change number {number} (#{number})\n\nBecause of it.", number % 50);
        let _ = writeln!(stream, "commit refs/heads/main\nmark :{}", number + 1);
        let _ = writeln!(stream, "committer Person <person@vtr.cl> {} +0000", 1_700_000_000 + number * 60);
        let _ = writeln!(stream, "data {}\n{message}", message.len());
        let text = number.to_string();
        let _ = writeln!(
            stream,
            "M 100644 inline services/part-{}/file\ndata {}\n{text}",
            number % 50,
            text.len()
        );
        if number % 100 == 0 {
            let _ = writeln!(stream, "reset refs/tags/v1.0.{}\nfrom :{}\n", number / 100, number + 1);
        }
    }
    let import = git(&["-C", "source.git", "fast-import", "--quiet"]).stdin(Stdio::piped()).spawn();
    if let Ok(mut import) = import {
        if let Some(mut input) = import.stdin.take() {
            let _ = input.write_all(stream.as_bytes());
        }
        let _ = import.wait();
    }
}

fn open(folder: &Path, mirror: &str) -> Option<SourceMirror> {
    let settings = SourceSettings {
        url: folder.join("source.git").to_string_lossy().into_owned(),
        reach: Reach::default(),
        mirror: folder.join(mirror),
        most_bytes: 1 << 30,
    };
    SourceMirror::open(&settings).ok()
}

/// What a changelog reads from a complete mirror.
fn range(mirror: &SourceMirror, ends: &[CommitId; 2], paths: &[RepoPath]) -> usize {
    let tags = mirror.tags().map_or(0, |tags| tags.len());
    let wanted = RangeQuery {
        from: ends[0],
        to: ends[1],
        paths: paths.to_vec(),
        most_commits: 20_000,
        deadline: Instant::now() + Duration::from_mins(1),
    };
    tags + mirror.between(&wanted).map_or(0, |range| range.commits.len())
}

fn bench_source(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    source(folder.path());
    let Some(warm) = open(folder.path(), "warm.git") else { return };
    let _ = warm.fetch();
    let named = |name: String| {
        let tags = warm.tags().unwrap_or_default();
        tags.into_iter().find(|(_, tag)| *tag == name).map(|(id, _)| id)
    };
    let (last, first) = (SOURCE_COMMITS / 100 - 1, (SOURCE_COMMITS - RANGE_COMMITS) / 100 - 1);
    let (Some(from), Some(to)) = (named(format!("v1.0.{first}")), named(format!("v1.0.{last}"))) else {
        return;
    };
    let ends = [from, to];
    assert_eq!(range(&warm, &ends, &[]), SOURCE_COMMITS as usize / 100 + RANGE_COMMITS as usize);
    let paths: Vec<RepoPath> = "services/part-7".parse().into_iter().collect();
    let mut group = criterion.benchmark_group("changelog_1000_of_50000");
    group.sample_size(10);
    group.bench_function("warm", |bencher| bencher.iter(|| range(&warm, &ends, &[])));
    group.bench_function("warm_one_folder", |bencher| bencher.iter(|| range(&warm, &ends, &paths)));
    let mut count = 0;
    group.bench_function("cold", |bencher| {
        bencher.iter(|| {
            count += 1;
            let mirror = open(folder.path(), &format!("cold-{count}.git"));
            mirror.map(|mirror| mirror.fetch().map(|()| range(&mirror, &ends, &[])))
        });
    });
    group.finish();
}

criterion_group!(benches, bench, bench_source);
criterion_main!(benches);
