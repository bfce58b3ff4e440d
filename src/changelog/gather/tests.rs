//! Which commits are listed, in what words, under which heading.

use std::fmt::Write as _;

use super::*;
use crate::changelog::fixture::{commit, commit_by, commit_on, id, line};
use crate::changelog::inline::plain;

fn heading() -> Heading {
    Heading::new("common/app", "v1.0.1", "v1.0.4")
}

fn gather(commits: &[Commit], releases: &[(CommitId, String)]) -> Notes {
    let web = Web::of(&"github.com/vtr/app".parse().unwrap());
    let input = NotesInput {
        heading: heading(),
        commits,
        lost: &[],
        releases,
        web: web.as_ref(),
        remarks: Vec::new(),
    };
    Notes::gather(input, &Rules::default())
}

fn entry(entry: &Entry) -> String {
    let mut text = entry.scope.as_ref().map_or(String::new(), |scope| format!("{scope}: "));
    text.push_str(&entry.plain_text());
    if let Some(pull_request) = &entry.pull_request {
        let _ = write!(text, " ({})", pull_request.label());
    }
    for note in &entry.breaking {
        let _ = write!(text, " ! {}", plain(note));
    }
    text
}

/// The notes as lines: `Section: entry`.
fn listed(commits: &[Commit]) -> Vec<String> {
    let notes = gather(commits, &[]);
    let mut lines = Vec::new();
    for (section, entries) in notes.merged() {
        lines.extend(entries.iter().map(|one| format!("{}: {}", section.title(), entry(one))));
    }
    for update in notes.merged_updates() {
        let from = update.from.unwrap_or_else(|| "?".into());
        lines.push(format!("Update: {} {from} > {}", update.name, update.to));
    }
    if notes.bots() > 0 {
        lines.push(format!("Bots: {}", notes.bots()));
    }
    lines
}

#[test]
fn lists_sections_in_order() {
    let messages = [
        "chore: tidy",
        "Rename a thing",
        "fix(api): close it (#3)",
        "feat: cache",
        "feat(api)!: drop v1",
        "perf: faster",
        "docs: say so",
        "fix: stop\n\nBREAKING CHANGE: the port moved to 8080",
    ];
    assert_eq!(
        listed(&line(&messages)),
        [
            "Breaking changes: api: drop v1",
            "Breaking changes: stop ! the port moved to 8080",
            "Features: cache",
            "Fixes: api: close it (#3)",
            "Performance: faster",
            "Other changes: Rename a thing",
            "Documentation: say so",
            "Maintenance: tidy",
        ]
    );
}

/// The notes for pull request 7 with this title and these commits.
fn pull_request(title: &str, messages: &[&str]) -> Vec<String> {
    let subject = format!("Merge pull request #7 from vtr/branch\n\n{title}");
    let tip = 10 + u8::try_from(messages.len()).unwrap();
    let mut commits = vec![commit_on(99, &[1, tip - 1], &subject)];
    let numbered = messages.iter().zip((10..tip).rev());
    commits.extend(numbered.map(|(message, number)| match number {
        10 => commit_on(10, &[1], message),
        _ => commit(number, message),
    }));
    listed(&commits)
}

#[test]
fn a_pull_request_with_a_conventional_title_is_listed_by_it() {
    assert_eq!(pull_request("feat: cache", &["wip", "fix: typo"]), ["Features: cache (#7)"]);
    assert_eq!(
        pull_request("feat: cache", &["feat!: drop the file", "wip"]),
        ["Breaking changes: cache (#7) ! drop the file"]
    );
}

#[test]
fn a_pull_request_without_one_is_listed_by_its_conventional_commits() {
    assert_eq!(
        pull_request("Cache", &["wip", "fix: typo", "feat: cache"]),
        ["Features: cache (#7)", "Fixes: typo (#7)"]
    );
}

#[test]
fn a_pull_request_without_either_is_listed_by_its_title() {
    assert_eq!(pull_request("Cache it", &["wip", "more"]), ["Other changes: Cache it (#7)"]);
    assert_eq!(pull_request("", &["wip"]), ["Other changes: vtr/branch (#7)"]);
}

#[test]
fn a_squash_is_listed_by_its_title_or_by_its_commits() {
    let body = "\n\n* feat!: a\n\n* wip\n\n* fix: b";
    assert_eq!(listed(&[commit(1, &format!("feat: all (#7){body}"))]), ["Breaking changes: all (#7) ! a"]);
    assert_eq!(
        listed(&[commit(1, &format!("All (#7){body}"))]),
        ["Breaking changes: a (#7)", "Fixes: b (#7)"]
    );
    assert_eq!(listed(&[commit(1, &format!("All{body}"))]), ["Other changes: All"]);
}

#[test]
fn a_merge_of_a_branch_is_not_listed_but_its_commits_are() {
    let commits = [
        commit_on(5, &[2, 4], "Merge branch 'main' into release"),
        commit_on(4, &[1], "fix: a"),
        commit(2, "feat: b"),
    ];
    assert_eq!(listed(&commits), ["Features: b", "Fixes: a"]);
}

#[test]
fn updates_of_one_dependency_are_merged() {
    let commits = [
        commit_by(4, "dependabot[bot]", "build(deps): bump tokio from 1.3 to 1.4 (#9)"),
        commit_by(3, "renovate[bot]", "chore(deps): update dependency eslint to v9"),
        commit_by(2, "dependabot[bot]", "build(deps): bump tokio from 1.2 to 1.3 (#8)"),
        commit_by(1, "renovate[bot]", "chore: migrate config"),
    ];
    assert_eq!(listed(&commits), ["Update: tokio 1.2 > 1.4", "Update: eslint ? > v9", "Bots: 1"]);
}

#[test]
fn bots_are_not_contributors() {
    let commits = [
        commit_by(3, "dependabot[bot]", "fix: x"),
        commit_by(2, "ana s", "feat: a\n\nCo-authored-by: Bo <bo@vtr.cl>"),
        commit_by(1, "ana s", "feat: b"),
    ];
    let people = gather(&commits, &[]).people;
    let names: Vec<(&str, usize)> = people.iter().map(|one| (one.name.as_str(), one.commits)).collect();
    assert_eq!(names, [("ana s", 2), ("Bo", 1)]);
}

#[test]
fn groups_commits_by_release() {
    let commits = line(&["feat: d", "feat: c", "feat: b", "feat: a"]);
    let releases = [(id(3), "v1.0.3".to_owned()), (id(2), "v1.0.2".to_owned()), (id(77), "v0".to_owned())];
    let notes = gather(&commits, &releases);
    let releases: Vec<(String, String)> = notes
        .releases
        .iter()
        .map(|release| (release.name.clone(), release.groups[0].entries.iter().map(entry).collect()))
        .collect();
    let expected = [("v1.0.4", "d"), ("v1.0.3", "c"), ("v1.0.2", "ba")];
    assert_eq!(releases, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn the_newest_release_has_the_name_of_the_images_tag() {
    let notes = gather(&line(&["feat: b", "feat: a"]), &[(id(2), "release-4".into())]);
    assert_eq!(notes.releases.len(), 1);
    assert_eq!(notes.releases[0].name, "v1.0.4");
}

#[test]
fn commits_outside_the_services_folders_are_omitted() {
    let elsewhere = |mut commit: Commit| {
        commit.is_relevant = false;
        commit
    };
    let mut commits = line(&["feat: b", "feat: a"]);
    commits[0] = elsewhere(commits[0].clone());
    assert_eq!(listed(&commits), ["Features: a"]);
    commits[1] = elsewhere(commits[1].clone());
    let notes = gather(&commits, &[]);
    assert!(notes.is_empty());
    assert_eq!(notes.remarks, [Remark::NothingInPaths { elsewhere: 2 }]);
}

#[test]
fn lists_lost_commits_separately() {
    let (commits, lost) = (line(&["feat: b", "feat: a"]), [commit(50, "fix: hot"), commit(1, "feat: a")]);
    let input = NotesInput {
        heading: heading(),
        commits: &commits,
        lost: &lost,
        releases: &[],
        web: None,
        remarks: vec![],
    };
    let notes = Notes::gather(input, &Rules::default());
    let lost = notes.lost.unwrap();
    assert_eq!((lost.name.as_str(), lost.groups.len()), ("v1.0.1", 1));
    assert_eq!(entry(&lost.groups[0].entries[0]), "hot");
}

#[test]
fn a_revert_is_listed_by_the_title_of_its_target() {
    let text = format!("Revert \"feat(api): old (#1)\" (#9)\n\nThis reverts commit {}.", id(99));
    assert_eq!(listed(&[commit(1, &text)]), ["Reverts: api: old (#9)"]);
}

#[test]
fn an_empty_message_is_listed_as_such() {
    assert_eq!(listed(&[commit(1, "")]), ["Other changes: (no message)"]);
}
