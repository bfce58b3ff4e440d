//! The git room on repositories of the size that DESIGN.md's team has, and ten times that.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has nothing to measure")]

#[path = "../tests/support/git.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod support;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use support::{Change, Origin, git, import, stream_of};
use tidegate::git::{Mirror, Reach, Settings, Signature, Signing};
use tidegate::model::{BlobId, CommitDraft, CommitId, Content, FileEdit, Publication, Timestamp};
use tidegate::port::{Publisher as _, Repository as _};

const FILES: usize = 10_000;
const COMMITS: i64 = 5_000;

/// Half of the files in each of two clusters, a folder for every namespace of fifty services.
fn path(number: usize) -> String {
    let cluster = ["non-prod", "prod"][number % 2];
    format!("clusters/{cluster}-eks/namespace-{:03}/service-{number:05}.yaml", number / 100)
}

fn manifest(number: usize, tag: &str) -> String {
    let mut values = String::new();
    for line in 0..40 {
        let _ = writeln!(values, "    key{line}: value {number} {line}");
    }
    format!(
        "kind: HelmRelease\nspec:\n  values:\n    image: {{repository: r/{number}, tag: {tag}}}\n{values}"
    )
}

fn origin() -> Origin {
    let files: Vec<(String, String)> =
        (0..FILES).map(|number| (path(number), manifest(number, "v1.0.0"))).collect();
    let changes: Vec<Change<'_>> =
        files.iter().map(|(path, text)| Change::File(path, text.as_bytes())).collect();
    let origin = Origin::empty();
    origin.commit("first", &changes);
    origin
}

fn mirror(origin: &Origin) -> (Mirror, CommitId) {
    let author = Signature { name: "tidegate".into(), email: "tidegate@example.org".into() };
    let settings = Settings {
        url: origin.url(),
        reach: Reach::default(),
        branch: "main".parse().unwrap(),
        mirror: origin.beside("mirror"),
        author,
        signing: Signing::None,
        verify: None,
    };
    let mirror = Mirror::open(settings).unwrap();
    let head = mirror.fetch().unwrap().head;
    (mirror, head)
}

fn now() -> Timestamp {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

fn edit(number: usize, tag: &str) -> FileEdit {
    FileEdit::rewrite(path(number).parse().unwrap(), manifest(number, tag))
}

fn publish(mirror: &Mirror, drafts: &[CommitDraft]) {
    let head = mirror.fetch().unwrap().head;
    let publication = mirror.publish(head, drafts, now()).unwrap();
    assert!(matches!(publication, Publication::Pushed(_)), "{publication:?}");
}

fn reading(criterion: &mut Criterion) {
    let origin = origin();
    origin.commits(COMMITS, |number| {
        let service = usize::try_from(number).unwrap() % FILES;
        (path(service), manifest(service, &format!("v1.1.{number}")))
    });
    let (mirror, head) = mirror(&origin);
    let blobs: Vec<BlobId> = mirror.files(head, &[]).unwrap().files.iter().map(|file| file.blob).collect();
    let mut group = criterion.benchmark_group("git/read");
    group.sample_size(10);
    group.bench_function("fetch, nothing moved", |bencher| bencher.iter(|| mirror.fetch().unwrap()));
    group.bench_function("list 10,000 files", |bencher| {
        bencher.iter(|| black_box(mirror.files(head, &[]).unwrap()));
    });
    group.bench_function("read 10,000 files", |bencher| {
        let size = |_, content: Content<'_>| match content {
            Content::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        bencher.iter(|| black_box(mirror.read_each(&blobs, size).unwrap()));
    });
    group.bench_function("history of 5,000 commits", |bencher| {
        bencher.iter(|| {
            let line = mirror.line(head, None).unwrap();
            black_box(mirror.changes(&line.commits, &["clusters".parse().unwrap()]).unwrap())
        });
    });
    group.bench_function("search 5,000 messages", |bencher| {
        let needles = ["Tidegate-Promotion: 1".to_owned()];
        bencher.iter(|| black_box(mirror.find_in_messages(head, None, &needles).unwrap()));
    });
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let origin = origin();
    let (mirror, _) = mirror(&origin);
    let mut group = criterion.benchmark_group("git/write");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let mut version = 0;
    let mut next_tag = move || {
        version += 1;
        format!("v2.0.{version}")
    };
    group.bench_function("fetch to push, 1 file", |bencher| {
        let drafts = |tag: String| {
            vec![CommitDraft { message: format!("{tag}\n"), author: None, edits: vec![edit(7, &tag)] }]
        };
        bencher.iter_batched(
            || drafts(next_tag()),
            |drafts| publish(&mirror, &drafts),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("fetch to push, 10,000 files in a commit", |bencher| {
        let drafts = |tag: String| {
            let edits = (0..FILES).map(|number| edit(number, &tag)).collect();
            vec![CommitDraft { message: format!("{tag}\n"), author: None, edits }]
        };
        bencher.iter_batched(
            || drafts(next_tag()),
            |drafts| publish(&mirror, &drafts),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("fetch to push, 1,000 commits", |bencher| {
        let draft = |number: usize, tag: &str| CommitDraft {
            message: format!("{tag} {number}\n"),
            author: None,
            edits: vec![edit(number * 7, tag)],
        };
        let drafts = |tag: String| (0..1_000).map(|number| draft(number, &tag)).collect::<Vec<_>>();
        bencher.iter_batched(
            || drafts(next_tag()),
            |drafts| publish(&mirror, &drafts),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// What a person would type for one file, and the fastest that the git program knows for a thousand commits.
fn writing_by_git(criterion: &mut Criterion) {
    let origin = origin();
    let work = origin.clone_to("work");
    let mut group = criterion.benchmark_group("git/write, by the git program");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let mut version = 0;
    let mut next_tag = move || {
        version += 1;
        format!("v2.0.{version}")
    };
    group.bench_function("pull, commit and push, 1 file", |bencher| {
        bencher.iter_batched(
            || manifest(7, &next_tag()),
            |text| {
                git(&work, &["pull", "--quiet", "--ff-only"]);
                std::fs::write(work.join(path(7)), text).unwrap();
                git(&work, &["commit", "--quiet", "-am", "one"]);
                git(&work, &["push", "--quiet"]);
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("fetch, fast-import and push, 1,000 commits", |bencher| {
        bencher.iter_batched(
            || {
                let tag = next_tag();
                let change = |number: i64| {
                    let service = usize::try_from(number).unwrap() * 7;
                    (path(service), manifest(service, &tag))
                };
                stream_of(("imported", "refs/remotes/origin/main"), 0..1_000, change)
            },
            |stream| {
                git(&work, &["fetch", "--quiet"]);
                import(&work, &stream);
                git(&work, &["push", "--quiet", "origin", "imported:main"]);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, reading, writing, writing_by_git);
criterion_main!(benches);
