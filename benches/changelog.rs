//! What notes cost: taking ten thousand commits apart and grouping them, and writing them in each format.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::changelog::{BodyLimits, Format, Heading, Material, Notes, Rules, Tickets, Web};
use tidegate::model::{CommitId, Person, SourceCommit, Timestamp};

const COMMITS: u32 = 10_000;

fn id(number: u32) -> CommitId {
    let mut bytes = [7; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    CommitId::from_bytes(bytes)
}

/// Commits of every style in turn; each seventh is the merge of a pull request with the two before it.
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
    let heading = Heading {
        service: "common/app".into(),
        from: "v1.0.0".into(),
        to: "v1.1.0".into(),
        is_downgrade: false,
        source: None,
        compare: None,
    };
    let material = Material { heading, commits, lost: &[], releases, web: web.as_ref(), remarks: Vec::new() };
    Notes::gather(material, rules)
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

criterion_group!(benches, bench);
criterion_main!(benches);
