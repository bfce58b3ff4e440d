//! What is read of a line of commits: tag changes, whose they are, and when they came.

use rstest::rstest;

use super::*;
use crate::config::SubjectForm;
use crate::engine::fake::{Branch, Settings, digest, image, path, release, service};
use crate::engine::message::{PromotionText, Wording, render};
use crate::model::{ImageRef, Timestamp};

fn at(time: &str) -> Timestamp {
    format!("2026-03-02T{time}:00Z").parse().unwrap()
}

fn seen(absent: Option<&str>, fetched: &str) -> FetchEvidence {
    FetchEvidence { absent_at: absent.map(at), fetched_at: at(fetched) }
}

fn put(branch: &Branch, message: &str, file: &str, tag: &str) -> CommitId {
    branch.commit("Ana", message, at("09:00"), &[(file, Some(release("app", tag)))])
}

/// What moved after what is known, and by that many commits before.
fn news(
    branch: &Branch,
    known: Option<(CommitId, u64)>,
    met: &[(CommitId, FetchEvidence)],
) -> Vec<TagChange> {
    let repository_policy = Settings::default().repository_policy();
    let snapshot = Snapshot::take(branch, branch.head(), None, &Vec::new().into()).unwrap();
    let resolver = Resolver::of(&snapshot, &repository_policy);
    let evidence = seen(Some("10:00"), "10:05");
    let news = HistoryReader {
        repository: branch,
        repository_policy: &repository_policy,
        snapshot: &snapshot,
        resolver: &resolver,
        former_paths: &FormerPaths::default(),
        evidence,
    };
    let line = branch.line(branch.head(), known.map(|(commit, _)| commit)).unwrap().commits;
    news.of(&line, known.map_or(0, |(_, sequence)| sequence), &met.iter().copied().collect())
        .unwrap()
        .tag_changes
}

/// `0 np/app.yaml >v1.0.0`
fn summaries(news: &[TagChange]) -> Vec<String> {
    let tags = |held: &[PinnedTag]| held.iter().map(|held| held.tag.as_str()).collect::<Vec<_>>().join("+");
    let line = |tag_change: &TagChange| {
        let (before, after) = (tags(&tag_change.before), tags(&tag_change.after));
        format!("{} {} {before}>{after}", tag_change.sequence, tag_change.path)
    };
    news.iter().map(line).collect()
}

#[test]
fn every_change_of_a_tag_is_a_tag_change_and_no_other_change() {
    let branch = Branch::default();
    put(&branch, "one", "np/app.yaml", "v1.0.0");
    put(&branch, "elsewhere", "docs/app.yaml", "v1.0.0");
    let comment = format!("# a word\n{}", release("app", "v1.0.0"));
    branch.commit("Ana", "comment", at("09:00"), &[("np/app.yaml", Some(comment))]);
    let moved = [("np/app.yaml", None), ("np/new.yaml", Some(release("app", "v1.0.1")))];
    branch.commit("Ana", "move", at("09:00"), &moved);
    branch.commit("Ana", "break", at("09:00"), &[("np/new.yaml", Some("HelmRelease: [".into()))]);
    let news = news(&branch, None, &[]);
    assert_eq!(
        summaries(&news),
        ["0 np/app.yaml >v1.0.0", "2 np/app.yaml v1.0.0>", "2 np/new.yaml >v1.0.1", "3 np/new.yaml v1.0.1>"]
    );
}

#[test]
fn known_commits_are_not_read_again() {
    let branch = Branch::default();
    let first = put(&branch, "one", "np/app.yaml", "v1.0.0");
    put(&branch, "two", "np/app.yaml", "v1.0.1");
    let after = news(&branch, Some((first, 7)), &[(first, seen(None, "08:00"))]);
    assert_eq!(summaries(&after), ["7 np/app.yaml v1.0.0>v1.0.1"]);
    assert_eq!(after[0].commit.fetched, seen(Some("10:00"), "10:05"));
    assert_eq!(news(&branch, Some((branch.head(), 8)), &[]), []);
}

#[test]
fn what_was_met_before_keeps_its_time() {
    let branch = Branch::default();
    let first = put(&branch, "one", "np/app.yaml", "v1.0.0");
    put(&branch, "two", "np/app.yaml", "v1.0.1");
    let news = news(&branch, None, &[(first, seen(None, "08:00"))]);
    let came: Vec<_> = news.iter().map(|tag_change| tag_change.commit.fetched).collect();
    assert_eq!(came, [seen(Some("08:00"), "08:00"), seen(Some("10:00"), "10:05")]);
}

fn message(environment: &str, tag: &str, name: &str) -> String {
    let (service, environment) = (service(name), environment.parse().unwrap());
    let (from, to) = ("v1.0.0".parse().unwrap(), tag.parse().unwrap());
    let text = PromotionText {
        id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
        service: &service,
        environment: &environment,
        image: ImageRef { name: image(name), tag: Some(tag.parse().unwrap()), digest: Some(digest('a')) },
        from: &from,
        to: &to,
        releases: 1,
        soaked: None,
        requested_by: "schedule",
        group: None,
        back: None,
        failed: None,
        notes: String::new(),
        overrides: Vec::new(),
    };
    render(Wording { subject: &SubjectForm::default(), body: None, branch: None }, &[text], 0)
}

#[rstest]
#[case::its_own(message("non-prod", "v1.0.1", "app"), true)]
#[case::a_person_who_copied_it_with_another_tag(message("non-prod", "v1.0.2", "app"), false)]
#[case::of_another_service(message("non-prod", "v1.0.1", "web"), false)]
#[case::of_another_environment(message("prod", "v1.0.1", "app"), false)]
#[case::of_an_environment_that_was_called_otherwise(message("staging", "v1.0.1", "app"), true)]
#[case::quoted_by_a_revert(format!("Revert \"x\"\n\n{}\nThis reverts it.\n", message("non-prod", "v1.0.1", "app")), false)]
#[case::a_persons("by hand".to_owned(), false)]
fn a_message_counts_for_the_tag_change_that_it_names(#[case] message: String, #[case] is_promotion: bool) {
    let branch = Branch::default();
    put(&branch, "one", "np/app.yaml", "v1.0.0");
    put(&branch, &message, "np/app.yaml", "v1.0.1");
    let last = news(&branch, None, &[]).pop().unwrap();
    assert_eq!(last.path, path("np/app.yaml"));
    assert_eq!(last.promotion.is_some(), is_promotion);
}

#[test]
fn a_merge_carries_the_promotion_that_it_brought() {
    let service = service("app");
    let environment = "non-prod".parse().unwrap();
    let (from, to) = ("v1.0.0".parse().unwrap(), "v1.0.1".parse().unwrap());
    let text = PromotionText {
        id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
        service: &service,
        environment: &environment,
        image: ImageRef {
            name: image("app"),
            tag: Some("v1.0.1".parse().unwrap()),
            digest: Some(digest('1')),
        },
        from: &from,
        to: &to,
        releases: 1,
        soaked: None,
        requested_by: "schedule",
        group: None,
        back: None,
        failed: None,
        notes: String::new(),
        overrides: Vec::new(),
    };
    let proposed = render(Wording { subject: &SubjectForm::default(), body: None, branch: None }, &[text], 0);
    let branch = Branch::default();
    put(&branch, "one", "np/app.yaml", "v1.0.0");
    let merged = ["a word of Ana's".to_owned(), proposed];
    branch.merge(
        "Merge pull request #1",
        &merged,
        at("09:00"),
        &[("np/app.yaml", Some(release("app", "v1.0.1")))],
    );
    let other = [("np/app.yaml", Some(release("app", "v1.0.2")))];
    branch.merge("Merge pull request #2", &merged, at("09:00"), &other);
    let news = news(&branch, None, &[]);
    let digests: Vec<_> =
        news.iter().map(|tag_change| tag_change.promotion.as_ref().map(|mark| mark.digest.clone())).collect();
    assert_eq!(
        digests,
        [None, Some(Some(digest('1'))), None],
        "the second brought another tag than it tells of"
    );
}
