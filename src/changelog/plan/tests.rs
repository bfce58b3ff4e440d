//! Every case of a missing or wrong label, with its remark.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::changelog::fixture::id;

const OURS: &str = "https://github.com/vtr/app";
const BASE: &str = "https://github.com/nodejs/docker-node";
const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn origin(source: Option<&str>, revision: Option<&str>) -> Origin {
    let mut labels = BTreeMap::new();
    let mut add = |key: &str, value: Option<&str>| {
        labels.extend(value.map(|value| (format!("org.opencontainers.image.{key}"), value.to_owned())));
    };
    add("source", source);
    add("revision", revision);
    Origin::read(&labels)
}

fn plan(from: &Origin, to: &Origin, configured: Option<&str>) -> Result<Plan, Vec<Remark>> {
    let tags: [Tag; 2] = ["v1.0.1".parse().unwrap(), "v1.0.2".parse().unwrap()];
    let digests: [Digest; 2] =
        ["a", "b"].map(|letter| format!("sha256:{}", letter.repeat(64)).parse().unwrap());
    let configured = configured.map(|name| Source::Named(name.parse().unwrap()));
    Plan::make(
        LabelledImage { tag: &tags[0], digest: &digests[0], origin: from },
        LabelledImage { tag: &tags[1], digest: &digests[1], origin: to },
        configured.as_ref(),
        |name| name.path().starts_with("vtr/"),
    )
}

fn texts(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(ToString::to_string).collect()
}

#[test]
fn valid_labels_need_no_remark() {
    let plan = plan(&origin(Some(OURS), Some(A)), &origin(Some(OURS), Some(B)), None).unwrap();
    assert_eq!(plan.source, Source::Named("github.com/vtr/app".parse().unwrap()));
    assert_eq!(plan.remarks, []);
    let range = plan.resolve(CommitMatch::Revision(id(1)), CommitMatch::Revision(id(2))).unwrap();
    assert_eq!((range.from, range.to, range.remarks), (id(1), id(2), vec![]));
}

#[rstest]
#[case::none(None, None, "neither image names its source repository (label org.opencontainers.image.source)")]
#[case::from_base(
    Some(BASE),
    Some(BASE),
    "v1.0.1 names github.com/nodejs/docker-node as its source, which changelog.sources does not allow"
)]
#[case::no_url(Some("internal"), None, "the source label of v1.0.1 names no repository: `internal`")]
#[case::a_path(
    Some("file:///etc/passwd"),
    None,
    "the source label of v1.0.1 names no repository: `file:///etc/passwd`"
)]
fn labels_without_a_usable_source(
    #[case] from: Option<&str>,
    #[case] to: Option<&str>,
    #[case] sentence: &str,
) {
    let unplanned = plan(&origin(from, Some(A)), &origin(to, Some(B)), None).unwrap_err();
    assert_eq!(texts(&unplanned)[0], sentence);
}

#[test]
fn one_valid_source_is_enough() {
    for (from, to) in [(None, Some(OURS)), (Some(OURS), None), (Some(BASE), Some(OURS))] {
        assert!(plan(&origin(from, Some(A)), &origin(to, Some(B)), None).is_ok());
    }
}

#[test]
fn uses_the_new_images_source_if_it_moved() {
    let to = origin(Some("https://github.com/vtr/app-two"), Some(B));
    let plan = plan(&origin(Some(OURS), Some(A)), &to, None).unwrap();
    assert_eq!(
        texts(&plan.remarks),
        [
            "the source moved from github.com/vtr/app to github.com/vtr/app-two; only github.com/vtr/app-two is read"
        ]
    );
}

#[test]
fn the_configuration_takes_precedence_over_labels() {
    let plan =
        plan(&origin(Some(BASE), Some(A)), &origin(None, Some(B)), Some("github.com/vtr/app")).unwrap();
    assert_eq!(plan.source.to_string(), "github.com/vtr/app");
    assert_eq!(
        texts(&plan.remarks),
        [
            "v1.0.1 names github.com/nodejs/docker-node as its source, perhaps inherited from its base image; github.com/vtr/app is used, as configured"
        ]
    );
}

#[test]
fn without_a_revision_a_tag_of_the_source_is_used() {
    let plan = plan(&origin(Some(OURS), None), &origin(Some(OURS), Some("main")), None).unwrap();
    let range = plan
        .clone()
        .resolve(CommitMatch::Tag(id(1), "v1.0.1".into()), CommitMatch::Tag(id(2), "app-1.0.2".into()))
        .unwrap();
    assert_eq!(
        texts(&range.remarks),
        [
            "the revision label of v1.0.2 is no commit: `main`",
            "no label names the commit of v1.0.1; the source's tag v1.0.1 is used instead",
            "no label names the commit of v1.0.2; the source's tag app-1.0.2 is used instead",
        ]
    );
    let missing = plan.resolve(CommitMatch::Missing, CommitMatch::Tag(id(2), "v1.0.2".into())).unwrap_err();
    let sentence = "v1.0.1 does not say which commit it was built from (label org.opencontainers.image.revision), \
                    and github.com/vtr/app has no tag for it";
    assert!(texts(&missing).contains(&sentence.to_owned()));
}

#[test]
fn the_source_lacks_the_revision() {
    let plan = plan(&origin(Some(OURS), Some(A)), &origin(Some(OURS), Some(B)), None).unwrap();
    let unplanned = plan.resolve(CommitMatch::Missing, CommitMatch::Revision(id(2))).unwrap_err();
    assert_eq!(
        texts(&unplanned),
        [
            "github.com/vtr/app does not have commit aaaaaaa, which v1.0.1 names",
            "github.com/vtr/app has no tag for v1.0.1 either",
        ]
    );
}

#[test]
fn an_image_rebuilt_from_the_same_commit() {
    let plan = plan(&origin(Some(OURS), Some(A)), &origin(Some(OURS), Some(A)), None).unwrap();
    let unplanned = plan.resolve(CommitMatch::Revision(id(1)), CommitMatch::Revision(id(1))).unwrap_err();
    assert_eq!(texts(&unplanned), ["rebuilt from the same commit 0101010; the source did not change"]);
}

#[test]
fn a_dirty_build_gets_a_remark() {
    let dirty = format!("{A}-dirty");
    let plan = plan(&origin(Some(OURS), Some(&dirty)), &origin(Some(OURS), Some(B)), None).unwrap();
    assert_eq!(texts(&plan.remarks), ["v1.0.1 was built with uncommitted changes"]);
}

#[test]
fn two_tags_of_one_image() {
    let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
    let tag: Tag = "v1".parse().unwrap();
    let none = Origin::default();
    let image = LabelledImage { tag: &tag, digest: &digest, origin: &none };
    assert_eq!(Plan::make(image, image, None, |_| true), Err(vec![Remark::SameImage]));
}
