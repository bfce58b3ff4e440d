//! From two images to notes, over ports that count.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::changelog::{CommitMatch, CommitQuery, Notes, Rules, Source, SourceName, Web};
use crate::model::{
    Class, CommitId, Digest, Fault, ImageName, Person, Relation, SourceCommit, SourceRange, Tag,
};

fn id(number: u8) -> CommitId {
    CommitId::from_bytes([number; 20])
}

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

#[derive(Default)]
struct World {
    labels: HashMap<Digest, BTreeMap<String, String>>,
    relation: Option<Relation>,
    commits: Vec<SourceCommit>,
    lost: Vec<SourceCommit>,
    requests: AtomicUsize,
    ranges: Mutex<HashMap<String, String>>,
    cached: Mutex<HashMap<Digest, BTreeMap<String, String>>>,
}

impl Images for World {
    async fn labels(&self, _: &ImageName, digest: &Digest) -> Result<BTreeMap<String, String>, Fault> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.labels.get(digest).cloned().ok_or_else(|| Fault::new(Class::TryAgain, "the registry is away"))
    }
}

impl Histories for World {
    async fn read(&self, _: &Source, _: &Scope, queries: [&CommitQuery; 2]) -> Result<Comparison, Fault> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let found = |queries: &CommitQuery| match &queries.revision {
            Some(revision) => CommitMatch::Revision(revision.hex().parse().unwrap()),
            None => CommitMatch::Missing,
        };
        let found = queries.map(found);
        let Some(relation) = self.relation else { return Err(Fault::new(Class::TryAgain, "GitHub is away")) };
        let (commits, lost) = (self.commits.clone(), self.lost.clone());
        let range = SourceRange { relation, commits, lost, is_cut: false };
        let between = CommitRange { range, tags: vec![(id(2), "v1.0.2".into())] };
        Ok(Comparison { range: Comparison::ends(&found).map(|_| between), found })
    }
}

impl Cache for World {
    async fn labels(&self, _: &ImageName, digest: &Digest) -> Option<BTreeMap<String, String>> {
        self.cached.lock().unwrap().get(digest).cloned()
    }

    async fn keep_labels(&self, _: &ImageName, digest: &Digest, labels: &BTreeMap<String, String>) {
        self.cached.lock().unwrap().insert(digest.clone(), labels.clone());
    }

    async fn range(&self, _: &ImageName, digests: [&Digest; 2], scope: &str) -> Option<String> {
        self.ranges.lock().unwrap().get(&format!("{} {} {scope}", digests[0], digests[1])).cloned()
    }

    async fn keep_range(&self, _: &ImageName, digests: [&Digest; 2], scope: &str, content: &str) {
        let key = format!("{} {} {scope}", digests[0], digests[1]);
        self.ranges.lock().unwrap().insert(key, content.to_owned());
    }
}

fn commit(number: u8, message: &str) -> SourceCommit {
    let at = "2026-11-20T09:00:00Z".parse().unwrap();
    SourceCommit {
        id: id(number),
        parents: vec![id(number - 1)],
        author: Person { name: "Ana".into(), email: format!("{number}@vtr.cl") },
        authored_at: at,
        committed_at: at,
        message: message.into(),
        is_relevant: true,
    }
}

fn labelled(revisions: [Option<u8>; 2]) -> World {
    let labels = |revision: Option<u8>| {
        let mut labels =
            BTreeMap::from([("org.opencontainers.image.source".into(), "https://github.com/vtr/app".into())]);
        labels.extend(
            revision.map(|number| ("org.opencontainers.image.revision".to_owned(), id(number).to_string())),
        );
        labels
    };
    World {
        labels: HashMap::from([(digest('a'), labels(revisions[0])), (digest('b'), labels(revisions[1]))]),
        relation: Some(Relation::Forward),
        commits: vec![commit(3, "feat: c"), commit(2, "fix: b")],
        ..World::default()
    }
}

struct Ours;

impl SourceRules for Ours {
    fn allows(&self, _: &ImageName, source: &SourceName) -> bool {
        source.path().starts_with("vtr/")
    }

    fn web(&self, source: &SourceName) -> Option<Web> {
        Web::of(source)
    }
}

fn question() -> Question {
    Question {
        service: "common/app".into(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
        from: ("v1.0.1".parse().unwrap(), digest('a')),
        to: ("v1.0.3".parse().unwrap(), digest('b')),
        is_downgrade: false,
        scope: Scope::default(),
    }
}

async fn notes(world: &std::sync::Arc<World>) -> Notes {
    let policy = Policy { rules: Rules::default(), sources: Box::new(Ours) };
    let (images, histories, cache) = (world.clone(), world.clone(), world.clone());
    Reader::new(images, histories, cache, policy.into()).notes(&question()).await
}

fn said(notes: &Notes) -> Vec<&'static str> {
    notes.remarks.iter().map(crate::changelog::Remark::code).collect()
}

#[tokio::test]
async fn the_second_time_nothing_is_asked() {
    let world = std::sync::Arc::new(labelled([Some(1), Some(3)]));
    let first = notes(&world).await;
    assert_eq!(world.requests.swap(0, Ordering::Relaxed), 3);
    assert_eq!(first.counts.commits, 2);
    assert_eq!(first.releases.len(), 2);
    assert_eq!(
        first.heading.compare.as_deref(),
        Some("https://github.com/vtr/app/compare/010101010101...030303030303")
    );
    assert_eq!(notes(&world).await, first);
    assert_eq!(world.requests.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_unreadable_cached_range_is_read_again() {
    let world = std::sync::Arc::new(labelled([Some(1), Some(3)]));
    let first = notes(&world).await;
    for text in world.ranges.lock().unwrap().values_mut() {
        *text = text.replace("\"format\":1", "\"format\":0");
    }
    assert_eq!(notes(&world).await, first);
}

#[tokio::test]
async fn the_notes_report_how_the_two_histories_relate() {
    for (relation, code) in [
        (Relation::Backward, "downgrade"),
        (Relation::Diverged, "diverged"),
        (Relation::Unrelated, "unrelated"),
    ] {
        let world = World { relation: Some(relation), ..labelled([Some(1), Some(3)]) };
        let notes = notes(&world.into()).await;
        assert_eq!(said(&notes), [code]);
        assert_eq!(notes.heading.is_downgrade, relation == Relation::Backward);
        let newest = if relation == Relation::Backward { "v1.0.1" } else { "v1.0.3" };
        assert_eq!(notes.releases[0].name, newest, "{relation:?}");
    }
}

#[tokio::test]
async fn a_source_that_fails_is_reported_and_not_cached() {
    let world = std::sync::Arc::new(World { relation: None, ..labelled([Some(1), Some(3)]) });
    let found = notes(&world).await;
    assert_eq!(found.remarks[0].to_string(), "the commits could not be read: GitHub is away");
    assert!(world.ranges.lock().unwrap().is_empty());
    let away = std::sync::Arc::new(World::default());
    assert_eq!(
        notes(&away).await.remarks[0].to_string(),
        "the commits could not be read: the labels of v1.0.1: the registry is away"
    );
}

#[tokio::test]
async fn a_missing_revision_is_reported() {
    let world = std::sync::Arc::new(labelled([None, Some(3)]));
    assert_eq!(said(&notes(&world).await), ["noRevision"]);
    let rebuilt = std::sync::Arc::new(labelled([Some(3), Some(3)]));
    assert_eq!(said(&notes(&rebuilt).await), ["sameRevision"]);
}

#[test]
fn releases_are_named_like_the_image() {
    let read: ReadVersion = std::sync::Arc::new(|name| name.strip_prefix("app-").map(str::to_owned));
    let scope = Scope { read_version: Some(read), ..Scope::default() };
    let (with, without): (Tag, Tag) = ("v1.0.0".parse().unwrap(), "1.0.0".parse().unwrap());
    assert_eq!(scope.release("app-1.2.0", &with).as_deref(), Some("v1.2.0"));
    assert_eq!(scope.release("app-v1.2.0", &without).as_deref(), Some("1.2.0"));
    assert_eq!(scope.release("v1.2.0", &with), None);
    assert_eq!(Scope::default().release("nightly", &with), None);
}

#[test]
fn tags_are_found_by_their_version() {
    let tag: Tag = "v1.0.3".parse().unwrap();
    let tags = [(1, "1.0.3".to_owned()), (2, "v1.0.3".to_owned()), (3, "app/v1.0.3".to_owned())];
    assert_eq!(Scope::default().tag_of(&tags, &tag).unwrap().0, 2);
    assert_eq!(Scope::default().tag_of(&tags[..1], &tag).unwrap().0, 1);
    let read: ReadVersion = std::sync::Arc::new(|name| name.strip_prefix("app/").map(str::to_owned));
    let scope = Scope { read_version: Some(read), ..Scope::default() };
    assert_eq!(scope.tag_of(&tags, &tag).unwrap().0, 3);
    assert!(scope.tag_of(&tags[..2], &tag).is_none());
}
