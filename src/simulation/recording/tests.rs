//! A written recording reads back equal, and other text is refused with the position.

use rstest::rstest;

use super::*;
use crate::policy::TagPattern;
use crate::simulation::tests::Tale;

fn timeline() -> Timeline {
    let mut timeline = Tale::new()
        .tag(1.25, "v1")
        .tag_of("app", 3.0, "v1", 'b')
        .promoted(1.25, "schedule", "np/app v0>v1")
        .person(30.0, "p/app v0>v1+v0; p/other ->v0")
        .control(31.0, "hold/a", Some("kind: Hold"))
        .control(32.0, "hold/a", None)
        .0;
    timeline.tag_changes[0].commit = Arc::new(TagChangeCommit {
        author_name: "Añá \"the\" \u{1b}[31m one".to_owned(),
        ..(*timeline.tag_changes[0].commit).clone()
    });
    timeline.tag_changes[0].after[0].digest = Some(format!("sha256:{}", "c".repeat(64)).parse().unwrap());
    let rules = |pattern: Option<TagPattern>| Followed {
        environment: "prod".parse().unwrap(),
        service: "common/app".parse().unwrap(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
        rules: SelectionRules::new("~1.0".parse().unwrap(), pattern),
    };
    timeline.followed = vec![
        rules(None),
        rules(Some("^(?P<version>v.*)-web$".parse().unwrap())),
        rules(Some(TagPattern::with_extract("^web-(.*)$", "$1").unwrap())),
        rules(Some(TagPattern::with_extract("^v", "").unwrap())),
    ];
    let subject = HealthSubject {
        environment: "non-prod".parse().unwrap(),
        service: "common/app".parse().unwrap(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
    };
    let change = |ready_since: Option<&str>, at: &str| HealthObservation {
        commit: timeline.tag_changes[0].commit.id,
        ready_since: ready_since.map(|at| at.parse().unwrap()),
        at: at.parse().unwrap(),
    };
    let changes = vec![
        change(Some("2026-03-02T10:00:00Z"), "2026-03-02T10:00:07Z"),
        change(None, "2026-03-02T11:00:00Z"),
    ];
    timeline.health = [(subject, changes)].into();
    // Reading numbers positions on the line from 0.
    let mut sequence = 0;
    let mut last = None;
    for tag_change in &mut timeline.tag_changes {
        if last.is_some_and(|last| last != tag_change.sequence) {
            sequence += 1;
        }
        last = Some(tag_change.sequence);
        tag_change.sequence = sequence;
    }
    timeline
}

#[test]
fn what_is_written_reads_back_equal() {
    let timeline = timeline();
    let text = write(&timeline).unwrap();
    assert_eq!(read(&text).unwrap(), timeline);
    assert_eq!(write(&read(&text).unwrap()).unwrap(), text);
    assert!(!text.contains('\u{1b}'), "nothing in it speaks to a terminal");
}

#[rstest]
#[case::no_json("{", "EOF while parsing an object at line 1 column 1")]
#[case::another_document(
    r#"{"kind": "Plan", "version": 1}"#,
    "unknown variant `Plan`, expected `Recording` at line 1 column 15"
)]
#[case::a_later_version(
    r#"{"kind": "Recording", "version": 2}"#,
    "the recording is of version 2; this Tidegate reads version 1"
)]
#[case::nothing_more(r#"{"kind": "Recording", "version": 1}"#, "missing field `from` at line 1 column 35")]
fn an_invalid_recording_is_refused(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(read(text).unwrap_err().to_string(), expected);
}

#[rstest]
#[case::a_tag("\"tag\": \"v1.0.1\"", "\"tag\": \"../x\"", "`../x`: ")]
#[case::a_path(
    "\"file\": \"np/app\"",
    "\"file\": \"../../etc/passwd\"",
    "`../../etc/passwd`: a path in the repository"
)]
#[case::a_time("\"from\": \"2026-03-02T09:00:00Z\"", "\"from\": \"yesterday\"", "`yesterday` is not a time")]
#[case::a_year(
    "\"from\": \"2026-03-02T09:00:00Z\"",
    "\"from\": \"9026-03-02T09:00:00Z\"",
    "is not in the years 1970 to 2199"
)]
#[case::a_digest("sha256:bbbb", "sha256:zzzz", "`sha256:zzzz")]
#[case::an_unknown_field("\"from\":", "\"form\":", "unknown field `form`")]
#[case::the_end(
    "\"to\": \"2026-03-16T09:00:00Z\"",
    "\"to\": \"2026-03-01T09:00:00Z\"",
    "to: it ends before it begins"
)]
#[case::an_escape("\"service\": \"common/app\"", "\"service\": \"\\u001b[31m\"", "`\\u{1b}[31m`")]
#[case::a_pattern("^web-(.*)$", "^web-(.*$", "rules[2].tagPattern: it is no tag pattern")]
#[case::twice(
    "\"tag\": \"v1.0.1\"",
    "\"tag\": \"v1.0.0\"",
    "images[0].tags[1]: the same tag is there before"
)]
#[case::controls(
    "2026-03-03T17:00:00Z",
    "2026-03-03T15:00:00Z",
    "controls[1]: it is earlier than the one before it"
)]
fn a_faulty_recording_is_refused_with_its_place(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] expected: &str,
) {
    let text = write(&timeline()).unwrap();
    assert!(text.contains(right), "{right} in {text}");
    let message = read(&text.replacen(right, wrong, 1)).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
    assert!(message.contains("line") || message.contains(':'), "{message}");
}

#[test]
fn a_text_without_end_is_not_taken_over() {
    let text = write(&timeline()).unwrap();
    let endless = text.replacen(
        "\"requestedBy\": \"schedule\"",
        &format!("\"requestedBy\": \"{}\"", "x".repeat(2000)),
        1,
    );
    assert!(read(&endless).unwrap_err().to_string().contains("longer than 1000 characters"));
}
