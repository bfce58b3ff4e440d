//! Reading trees: which files there are, which differ, what is in them.

use tidegate::git::{GitError, MAX_CONTENT_BYTES};
use tidegate::model::{BlobId, CommitId};
use tidegate::model::{Content, LeftAlone, LeftAloneKind};
use tidegate::port::Repository as _;

use super::{commit, fetched, open, paths};
use crate::support::git::{Change, Origin};

#[test]
fn only_manifests_under_the_scope_are_listed() {
    let origin = Origin::with_files(&[
        ("clusters/prod/a.yaml", "a"),
        ("clusters/prod/deep/er/b.yml", "b"),
        ("clusters/prod/readme.md", "no"),
        ("clusters/prod-2/c.yaml", "c"),
        ("top.yaml", "t"),
    ]);
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let listed = |scope: &[&str]| {
        let listing = mirror.files(head, &paths(scope)).unwrap();
        let names = listing.files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>();
        (names, listing.missing.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let prod = names(&["clusters/prod/a.yaml", "clusters/prod/deep/er/b.yml"]);
    assert_eq!(listed(&["clusters/prod"]), (prod.clone(), names(&[])));
    assert_eq!(listed(&["clusters/prod", "clusters/prod/deep"]), (prod, names(&[])), "nothing twice");
    assert_eq!(listed(&["top.yaml"]), (names(&["top.yaml"]), names(&[])), "a file is a scope too");
    assert_eq!(listed(&["clusters/staging", "top.yaml/x"]).1, names(&["clusters/staging", "top.yaml/x"]));
    assert_eq!(listed(&[]).0.len(), 4);
}

#[test]
fn an_entry_that_is_not_followed_is_reported() {
    let origin = Origin::with_files(&[("prod/a.yaml", "a")]);
    let elsewhere = origin.at("main");
    origin.commit(
        "odd things",
        &[
            Change::Executable("prod/run.yaml", b"still a file"),
            Change::Link("prod/link.yaml", "/etc/passwd"),
            Change::Link("staging", "prod"),
            Change::Submodule("prod/module", &elsewhere),
            Change::File("\"prod/\\377.yaml\"", b"not UTF-8"),
        ],
    );
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let listing = mirror.files(head, &paths(&["prod", "staging"])).unwrap();
    let names: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["prod/a.yaml", "prod/run.yaml"]);
    let alone = |path: &str, kind| LeftAlone { path: path.into(), kind };
    assert_eq!(
        listing.left_alone,
        [
            alone("prod/link.yaml", LeftAloneKind::SymbolicLink),
            alone("prod/module", LeftAloneKind::Submodule),
            alone("prod/\u{fffd}.yaml", LeftAloneKind::NotUtf8),
            alone("staging", LeftAloneKind::SymbolicLink),
        ]
    );
    let inside_a_link = mirror.files(head, &paths(&["staging/deeper"])).unwrap();
    assert_eq!(inside_a_link.left_alone, [alone("staging/deeper", LeftAloneKind::SymbolicLink)]);
}

#[test]
fn differences_are_those_of_git_diff() {
    let (origin, mirror, before) = fetched();
    origin.commit(
        "second",
        &[
            Change::File("clusters/prod/app.yaml", b"tag: v2\n"),
            Change::File("clusters/prod/x", b"a file"),
            Change::File("clusters/prod/gone.yaml", b"gone soon"),
            Change::File("clusters/prod/became-link.yaml", b"file"),
            Change::File("clusters/prod/same/deep.yaml", b"same"),
            Change::File("other/away.yaml", b"away"),
        ],
    );
    let middle = mirror.fetch().unwrap().head;
    let after = origin.commit(
        "third",
        &[
            Change::Gone("clusters/prod/x"),
            Change::File("clusters/prod/x/inner.yaml", b"a folder now"),
            Change::Gone("clusters/prod/gone.yaml"),
            Change::Link("clusters/prod/became-link.yaml", "app.yaml"),
            Change::Executable("clusters/prod/same/deep.yaml", b"same"),
            Change::File("clusters/prod/new/one.yml", b"new"),
        ],
    );
    mirror.fetch().unwrap();
    let changes = |from: CommitId, to: CommitId| {
        let changes = mirror.changed_files(from, to, &paths(&["clusters/prod"])).unwrap().files;
        let sign = |id: Option<BlobId>| if id.is_some() { '+' } else { '-' };
        changes
            .iter()
            .map(|change| format!("{}{} {}", sign(change.before), sign(change.after), change.path))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        changes(middle, commit(&after)),
        [
            "+- clusters/prod/became-link.yaml",
            "+- clusters/prod/gone.yaml",
            "-+ clusters/prod/new/one.yml",
            "-+ clusters/prod/x/inner.yaml",
        ]
    );
    assert_eq!(changes(commit(&after), commit(&after)), [""; 0]);
    assert_eq!(changes(before, middle).len(), 4);
    let has_left_alone = |from, to| mirror.changed_files(from, to, &[]).unwrap().has_left_alone;
    assert!(has_left_alone(middle, commit(&after)), "a file became a link");
    let plain = commit(&origin.commit("fourth", &[Change::File("clusters/prod/new/one.yml", b"newer")]));
    mirror.fetch().unwrap();
    assert!(!has_left_alone(commit(&after), plain));
    let odd = Change::File("\".tidegate/\\377\"", b"odd");
    let odd = commit(&origin.commit("fifth", &[odd, Change::File(".tidegate/hold", b"no extension")]));
    mirror.fetch().unwrap();
    assert!(has_left_alone(plain, odd));
    let controls: Vec<_> = mirror.files(odd, &paths(&[".tidegate"])).unwrap().files;
    assert_eq!(controls.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), [".tidegate/hold"]);
    let back: Vec<String> = changes(commit(&after), middle);
    assert_eq!(back[0], "-+ clusters/prod/became-link.yaml");
}

#[test]
fn contents_come_in_order_and_large_ones_are_not_read() {
    let origin = Origin::empty();
    let large = vec![b'x'; MAX_CONTENT_BYTES + 1];
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    let texts: Vec<String> = (0..300).map(|number| format!("file {number}\n")).collect();
    let names: Vec<String> = (0..300).map(|number| format!("a/{number:03}.yaml")).collect();
    let mut changes: Vec<Change<'_>> =
        names.iter().zip(&texts).map(|(name, text)| Change::File(name, text.as_bytes())).collect();
    changes.push(Change::File("b/large.yaml", &large));
    changes.push(Change::File("b/pointer.yaml", pointer));
    origin.commit("first", &changes);
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let files = mirror.files(head, &[]).unwrap().files;
    let blobs: Vec<BlobId> = files.iter().map(|file| file.blob).collect();
    let seen = mirror
        .read_each(&blobs, |at, content| match content {
            Content::Bytes(bytes) => format!("{at} {}", String::from_utf8_lossy(bytes)),
            Content::LfsPointer => format!("{at} pointer"),
            Content::TooLarge { bytes } => format!("{at} {bytes} bytes"),
        })
        .unwrap();
    let mut expected: Vec<String> =
        texts.iter().enumerate().map(|(at, text)| format!("{at} {text}")).collect();
    expected.push(format!("300 {} bytes", MAX_CONTENT_BYTES + 1));
    expected.push("301 pointer".into());
    assert_eq!(seen, expected);
}

#[test]
fn an_unknown_commit_is_an_error_of_its_own() {
    let (_origin, mirror, head) = fetched();
    let nothing = CommitId::from_bytes([7; 20]);
    assert!(matches!(mirror.files(nothing, &[]), Err(GitError::UnknownCommit { .. })));
    assert!(matches!(mirror.changed_files(head, nothing, &[]), Err(GitError::UnknownCommit { .. })));
    assert!(matches!(mirror.contains(head, nothing), Err(GitError::UnknownCommit { .. })));
    assert!(!mirror.contains(nothing, head).unwrap());
}

#[test]
fn a_tree_that_names_itself_over_and_over_is_refused_quickly() {
    let origin = Origin::with_files(&[("a.yaml", "a")]);
    // Nine levels of twenty names for the same folder: 20^9 files in ten small objects.
    let mut tree = origin.at("main^{tree}");
    for _ in 0..9 {
        let entries: Vec<String> =
            (0..20).map(|number| format!("040000 tree {tree}\tn{number:02}\n")).collect();
        tree = mktree(&origin, &entries.concat());
    }
    let bomb = origin.git(&["commit-tree", "-m", "bomb", &tree]);
    origin.git(&["update-ref", "refs/heads/main", &bomb]);
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    assert!(matches!(mirror.files(head, &[]), Err(GitError::TooManyEntries { .. })));
}

#[test]
fn names_that_git_would_not_write_are_left_alone() {
    let origin = Origin::with_files(&[("a.yaml", "a")]);
    let (tree, blob) = (origin.at("main^{tree}"), origin.at("main:a.yaml"));
    let mut raw = Vec::new();
    for (mode, name, id) in
        [("40000", "..", &tree), ("100644", "ok.yaml", &blob), ("100644", "x/../../y.yaml", &blob)]
    {
        raw.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        raw.extend((0..20).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()));
    }
    std::fs::write(origin.beside("raw"), raw).unwrap();
    let raw = origin.beside("raw");
    let tree = origin.git(&["hash-object", "-w", "-t", "tree", "--literally", raw.to_str().unwrap()]);
    let head = origin.git(&["commit-tree", "-m", "odd", &tree]);
    origin.git(&["update-ref", "refs/heads/main", &head]);
    let mirror = open(&origin);
    let listing = mirror.files(mirror.fetch().unwrap().head, &[]).unwrap();
    let names: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["ok.yaml"]);
    assert!(listing.left_alone.iter().all(|alone| alone.kind == LeftAloneKind::Unsafe));
    assert_eq!(listing.left_alone.len(), 2);
}

fn mktree(origin: &Origin, entries: &str) -> String {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = crate::support::git::command(&origin.path())
        .arg("mktree")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
