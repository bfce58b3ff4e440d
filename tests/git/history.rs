//! History: what landed when, and which promotions are there.

use std::fmt::Write as _;
use tidegate::git::{GitError, Mirror};
use tidegate::model::{CommitId, CommitInfo, FileChange};
use tidegate::port::Repository as _;

use super::{APP, commit, fetched, open, paths};
use crate::support::git::{BETWEEN_COMMITS, Change, FIRST_COMMIT, Origin, git};

/// What changed in some folders from above a commit up to the tip, oldest first.
fn changes(
    mirror: &Mirror,
    tip: CommitId,
    known: Option<CommitId>,
    folders: &[&str],
) -> Vec<(CommitInfo, Vec<FileChange>)> {
    let line = mirror.line(tip, known).unwrap();
    let changed = mirror.changes(&line.commits, &paths(folders)).unwrap().into_iter();
    changed.filter(|one| !one.changes.is_empty()).map(|one| (one.commit, one.changes)).collect()
}

/// The subjects of those that change prod, oldest first, and whether the line goes down to what is known.
fn subjects(mirror: &Mirror, tip: CommitId, known: Option<CommitId>) -> (Vec<String>, bool) {
    let changed = changes(mirror, tip, known, &["clusters/prod"]);
    let subjects = changed.into_iter().map(|(commit, _)| commit.subject().to_owned()).collect();
    (subjects, mirror.line(tip, known).unwrap().is_down_to_known)
}

#[test]
fn commits_that_change_a_manifest_are_listed_oldest_first() {
    let (origin, mirror, first) = fetched();
    origin.commit("readme only", &[Change::File("clusters/prod/readme.md", b"x")]);
    origin.commit("elsewhere", &[Change::File("clusters/test/app.yaml", b"x")]);
    let moved = commit(&origin.commit("v2", &[Change::File(APP, b"tag: v2\n")]));
    origin.commit("gone", &[Change::Gone(APP)]);
    let tip = mirror.fetch().unwrap().head;

    assert_eq!(subjects(&mirror, tip, None), (strings(&["first", "v2", "gone"]), false));
    assert_eq!(subjects(&mirror, tip, Some(first)), (strings(&["v2", "gone"]), true));
    assert_eq!(subjects(&mirror, tip, Some(moved)), (strings(&["gone"]), true));
    assert_eq!(subjects(&mirror, tip, Some(tip)), (vec![], true));
    let elsewhere = CommitId::from_bytes([1; 20]);
    assert_eq!(subjects(&mirror, tip, Some(elsewhere)), (strings(&["first", "v2", "gone"]), false));

    let line = mirror.line(tip, None).unwrap().commits;
    assert_eq!((line.len(), line[0], line[3], line[4]), (5, first, moved, tip));
    // Any part of it can be asked about.
    let part = mirror.changes(&line[1..4], &[]).unwrap();
    let subjects: Vec<&str> = part.iter().map(|one| one.commit.subject()).collect();
    assert_eq!(subjects, ["elsewhere", "v2"]);
    assert_eq!(mirror.changes(&[], &[]).unwrap(), []);
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_commit_is_read_with_its_times_its_parent_and_its_changes() {
    let (origin, mirror, first) = fetched();
    let long = format!("subject\n\n{}", "ñ".repeat(5_000_000));
    origin.commit(&long, &[Change::File(APP, b"tag: v2\n")]);
    let tip = mirror.fetch().unwrap().head;
    let seen = changes(&mirror, tip, None, &["clusters"]);
    let (second, changes) = &seen[1];
    assert_eq!((second.id, second.first_parent), (tip, Some(first)));
    assert_eq!(second.author_name, "Person");
    assert_eq!(second.committed_at.timestamp(), FIRST_COMMIT + BETWEEN_COMMITS);
    assert_eq!(second.parent_committed_at.unwrap().timestamp(), FIRST_COMMIT);
    assert_eq!((second.subject(), second.message.len() <= 8 << 20), ("subject", true));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path.as_str(), APP);
    assert_eq!(changes[0].after.unwrap().to_string(), origin.at(&format!("main:{APP}")));
    assert_eq!(changes[0].before.unwrap().to_string(), origin.at(&format!("main^:{APP}")));
    let (root, changes) = &seen[0];
    assert_eq!((root.first_parent, root.parent_committed_at), (None, None));
    assert!(changes.iter().all(|change| change.before.is_none()));
}

#[test]
fn a_merge_counts_once_by_its_first_parent() {
    let (origin, mirror, _) = fetched();
    let clone = origin.clone_to("clone");
    git(&clone, &["checkout", "--quiet", "-b", "side"]);
    std::fs::write(clone.join(APP), "tag: side\n").unwrap();
    git(&clone, &["commit", "--quiet", "-am", "on the side\n\nTidegate-Promotion: 42"]);
    git(&clone, &["checkout", "--quiet", "main"]);
    git(&clone, &["merge", "--quiet", "--no-ff", "-m", "the merge", "side"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
    let tip = mirror.fetch().unwrap().head;
    assert_eq!(subjects(&mirror, tip, None).0, ["first", "the merge"]);
    // A promotion that was merged has landed too.
    let needles = strings(&["Tidegate-Promotion: 42", "Tidegate-Promotion: 43"]);
    let found = mirror.find_in_messages(tip, None, &needles).unwrap();
    assert_eq!(found, [(needles[0].clone(), commit(&git(&clone, &["rev-parse", "side"])))]);
}

#[test]
fn promotions_are_found_down_to_a_commit_and_no_further() {
    let (origin, mirror, first) = fetched();
    let one = commit(&origin.commit("one\n\nid-1", &[Change::File(APP, b"1")]));
    let two = commit(&origin.commit("two\n\nid-2", &[Change::File(APP, b"2")]));
    let tip = mirror.fetch().unwrap().head;
    let needles = strings(&["id-1", "id-2"]);
    let find = |until| mirror.find_in_messages(tip, until, &needles).unwrap();
    let (has_one, has_two) = ((needles[0].clone(), one), (needles[1].clone(), two));
    assert_eq!(find(None), [has_two.clone(), has_one.clone()]);
    assert_eq!(find(Some(first)), [has_two.clone(), has_one.clone()]);
    assert_eq!(find(Some(one)), std::slice::from_ref(&has_two));
    assert_eq!(find(Some(CommitId::from_bytes([1; 20]))), [has_two, has_one], "a rewritten branch");
    assert!(matches!(
        mirror.find_in_messages(CommitId::from_bytes([1; 20]), None, &needles),
        Err(GitError::UnknownCommit { .. })
    ));
}

#[test]
fn thousands_of_commits_are_walked() {
    let (origin, mirror, _) = fetched();
    origin.commits(10_000, |number| match number % 10 {
        0 => (APP.into(), format!("tag: v2.0.{number}\n")),
        _ => (format!("other/{}.txt", number % 100), format!("{number}")),
    });
    let tip = mirror.fetch().unwrap().head;
    let (seen, _) = subjects(&mirror, tip, None);
    assert_eq!((seen.len(), seen[0].as_str(), seen[1000].as_str()), (1_001, "first", "commit 9990"));
    assert!(seen[1..].is_sorted_by_key(|subject| subject[7..].parse::<u32>().unwrap()));
}

#[test]
fn a_merge_is_read_with_the_messages_that_it_brought() {
    let (origin, mirror, _) = fetched();
    origin.git(&["branch", "request", "main"]);
    origin.commit("meanwhile", &[Change::File("clusters/prod/other.yaml", b"tag: v1\n")]);
    origin.commit_on("request", "v2\n\nproposed", &[Change::File(APP, b"tag: v2\n")]);
    origin.commit_on("request", "a person's word", &[Change::File("clusters/prod/more.yaml", b"x")]);
    let clone = origin.clone_to("work");
    git(&clone, &["merge", "--quiet", "--no-ff", "-m", "Merge pull request #1", "origin/request"]);
    git(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
    let tip = mirror.fetch().unwrap().head;
    let mut seen: Vec<(String, Vec<String>)> = changes(&mirror, tip, None, &["clusters/prod"])
        .into_iter()
        .map(|(commit, _)| (commit.subject().to_owned(), commit.merged))
        .collect();
    seen.reverse();
    let merge = ("Merge pull request #1".to_owned(), strings(&["a person's word", "v2\n\nproposed"]));
    assert_eq!(seen[0], merge);
    let elsewhere = CommitId::from_bytes([1; 20]);
    let messages = mirror.messages(&[tip, elsewhere]).unwrap();
    let told_first: Vec<&str> = messages[0].iter().map(|text| text.trim_end()).collect();
    assert_eq!(told_first, ["Merge pull request #1", "a person's word", "v2\n\nproposed"]);
    assert!(messages[1].is_empty(), "a commit that the mirror does not have says nothing");
    let rest: Vec<_> = seen[1..].iter().map(|(subject, merged)| (subject.as_str(), merged.len())).collect();
    assert_eq!(rest, [("meanwhile", 0), ("first", 0)]);
}

#[test]
fn a_malformed_commit_is_part_of_history_like_any_other() {
    let (origin, mirror, first) = fetched();
    let tree = origin.git(&["rev-parse", "main^{tree}"]);
    let headers =
        ["author A <a@b> 1 +0000\ncommitter A <a@b> 9223372036854775808 +0000", "committer A <a@b> 2 +0000"];
    let mut head = first.to_string();
    for header in headers {
        let file = origin.beside("commit");
        std::fs::write(&file, format!("tree {}\nparent {head}\n{header}\n\nodd\n", tree.trim())).unwrap();
        let write = ["hash-object", "-t", "commit", "-w", "--literally", file.to_str().unwrap()];
        head = origin.git(&write).trim().to_owned();
    }
    origin.git(&["update-ref", "refs/heads/main", &head]);
    let moved = commit(&origin.commit("v2", &[Change::File(APP, b"tag: v2\n")]));
    let tip = mirror.fetch().unwrap().head;
    assert_eq!(tip, moved);
    assert_eq!(mirror.line(tip, None).unwrap().commits.len(), 4);
    assert_eq!(subjects(&mirror, tip, Some(first)), (strings(&["v2"]), true));
    assert!(mirror.contains(first, tip).unwrap());
    assert_eq!(mirror.find_in_messages(tip, Some(first), &strings(&["odd"])).unwrap().len(), 2);
    assert_eq!(mirror.fetch().unwrap().head, tip, "the mirror is as it was");
    assert!(!origin.beside("mirror.broken-1").exists());
}

#[test]
fn a_merge_lists_the_commits_beside_the_first_parent_line() {
    let (origin, mirror, _) = fetched();
    let clone = origin.clone_to("work");
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    origin.commit("up", &[Change::File(APP, b"tag: v2\n")]);
    origin.commit("back", &[Change::File(APP, b"tag: v1.0.0\n")]);
    git(&clone, &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]);
    git(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
    let tip = mirror.fetch().unwrap().head;
    let line = mirror.line(tip, None).unwrap().commits;
    let changed = mirror.changes(&line, &[]).unwrap();
    let merge = changed.iter().find(|one| one.commit.id == tip).unwrap();
    let beside: Vec<&str> = merge.merged.iter().map(|(commit, _)| commit.subject()).collect();
    assert_eq!((beside, merge.changes.len()), (vec!["up", "back"], 0));
}

#[test]
fn the_line_goes_through_what_tidegate_pushed() {
    let (origin, mirror, first) = fetched();
    let clone = origin.clone_to("work");
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    let message = format!("up\n\nTidegate-Branch: {} main", origin.url());
    let ours = commit(&origin.commit(&message, &[Change::File(APP, b"tag: v2\n")]));
    git(&clone, &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]);
    git(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
    let tip = mirror.fetch().unwrap().head;
    assert_eq!(mirror.line(tip, None).unwrap().commits, [first, ours, tip]);
    assert_eq!(mirror.line(tip, Some(ours)).unwrap().commits, [tip]);
}

#[test]
fn a_force_push_is_remembered() {
    let (origin, mirror, first) = fetched();
    let lost = commit(&origin.commit("up", &[Change::File(APP, b"tag: v2\n")]));
    mirror.fetch().unwrap();
    assert_eq!(mirror.replaced_heads().unwrap(), []);
    origin.git(&["update-ref", "refs/heads/main", &first.to_string()]);
    mirror.fetch().unwrap();
    let replaced = mirror.replaced_heads().unwrap();
    assert_eq!(replaced.iter().map(|one| (one.old, one.new)).collect::<Vec<_>>(), [(lost, first)]);
}

/// Commits of every kind of entry and change, with merges and octopus merges, made from a fixed seed.
fn random_history(commits: usize) -> Vec<u8> {
    let deep = format!("clusters/prod/{}deep.yaml", "d/".repeat(80));
    let allowed = format!("clusters/prod/{}deep.yaml", "e/".repeat(64));
    let paths = [
        "clusters/prod/a.yaml",
        "clusters/prod/a.yaml/inner.yaml",
        "clusters/prod/a-b.yaml",
        "clusters/prod/b.yml",
        "clusters/prod/x",
        "clusters/prod/x/Kustomization",
        "clusters/prod/x/y/z.yaml",
        "clusters/prod/notes.txt",
        "\"clusters/prod/\\303\\261.yaml\"",
        "\"clusters/prod/\\377.yaml\"",
        "\"clusters/prod/\\377/inner.yaml\"",
        "\"clusters/prod/new\\nline.yaml\"",
        "clusters/prod*/literal.yaml",
        "clusters/non-prod",
        "clusters/non-prod/app.yaml",
        "other/o.yaml",
        "top.yaml",
        &deep,
        &allowed,
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut stream = String::new();
    let (mut mark, mut head) = (0, 0);
    for _ in 0..commits {
        let mut add = |branch: &str, parents: &[usize]| {
            mark += 1;
            let at = FIRST_COMMIT + i64::try_from(mark).unwrap();
            let length = format!("c{mark}").len();
            writeln!(stream, "commit refs/heads/{branch}\nmark :{mark}\ncommitter P <p@x> {at} +0000")
                .unwrap();
            writeln!(stream, "data {length}\nc{mark}").unwrap();
            for (at, parent) in parents.iter().filter(|parent| **parent > 0).enumerate() {
                writeln!(stream, "{} :{parent}", if at == 0 { "from" } else { "merge" }).unwrap();
            }
            for _ in 0..=roll(3) {
                let (path, text) = (paths[roll(paths.len())], format!("tag: v{}\n", roll(4)));
                let length = text.len();
                match roll(8) {
                    0 => writeln!(stream, "D {path}"),
                    1 => writeln!(stream, "M 120000 inline {path}\ndata {length}\n{text}"),
                    2 => writeln!(stream, "M 160000 {} {path}", "a".repeat(40)),
                    3 => writeln!(stream, "M 100755 inline {path}\ndata {length}\n{text}"),
                    _ => writeln!(stream, "M 100644 inline {path}\ndata {length}\n{text}"),
                }
                .unwrap();
            }
            mark
        };
        let before = head;
        head = add("main", &[before]);
        if before > 0 && head % 4 == 0 {
            let side = add("side", &[before]);
            let side = add("side", &[side]);
            let parents =
                if head % 8 == 0 { vec![head, side, add("more", &[before])] } else { vec![head, side] };
            head = add("main", &parents);
        }
    }
    stream.into_bytes()
}

/// Many commits at once are compared by the git program, few by libgit2.
#[test]
fn both_ways_to_read_trees_agree() {
    let origin = Origin::empty();
    origin.import(&random_history(120));
    let mirror = open(&origin);
    let tip = mirror.fetch().unwrap().head;
    let line = mirror.line(tip, None).unwrap().commits;
    assert!(line.len() >= 150, "{}", line.len());
    let many: Vec<String> = (0..200).map(|number| format!("clusters/prod/f{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["clusters/prod/x", "other"]).collect();
    for scope in [
        &[][..],
        &["clusters"],
        &["clusters/prod", "clusters/non-prod"],
        &["other", "clusters/prod/x", "clusters/prod/a.yaml"],
        &["clusters/prod*"],
        &many,
    ] {
        let together = mirror.changes(&line, &paths(scope)).unwrap();
        let single = |id: &CommitId| mirror.changes(std::slice::from_ref(id), &paths(scope)).unwrap();
        let apart: Vec<_> = line.iter().flat_map(single).collect();
        assert!(!together.is_empty(), "{scope:?}");
        assert_eq!(together, apart, "{scope:?}");
        let merged = together.iter().filter(|one| !one.merged.is_empty()).count();
        assert!(merged > 5 || scope.len() != 1, "{merged} merges");
    }
}
