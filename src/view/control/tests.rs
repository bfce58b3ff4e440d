//! Control files as sentences, and the commands that release them.

use rstest::rstest;

use super::*;

const NOTE: &str = "reason: we look into it\nby: ana\nat: 2026-11-24T09:00:00Z\n";

fn read(text: &str) -> Control {
    let file = ".tidegate/x.yaml".parse().unwrap();
    let control = crate::control::read(&file, format!("{text}{NOTE}").as_bytes());
    assert!(control.note().is_some(), "{control:?}");
    control
}

#[rstest]
#[case::hold_everything("kind: Hold\n", "everything in every environment", "tidegate release --kind hold")]
#[case::hold_until(
    "kind: Hold\nservice: common/api\nenvironments: [prod, dr]\nexpires: 2026-11-24T13:00:00Z\n",
    "common/api in prod, dr, until 2026-11-24 10:00 -03 (for 4h)",
    "tidegate release common/api --kind hold --env prod,dr"
)]
#[case::hold_that_is_over(
    "kind: Hold\nservice: 'mobile-*/*'\nexpires: 2026-11-24T08:00:00Z\n",
    "mobile-*/* in every environment, until 2026-11-24 05:00 -03",
    "tidegate release 'mobile-*/*' --kind hold"
)]
#[case::pin(
    "kind: Pin\nservice: common/api\nversions: '~1.0'\n",
    "common/api in every environment to ~1.0",
    "tidegate release common/api --kind pin"
)]
#[case::quarantine(
    "kind: Quarantine\nservice: common/api\nversion: v1.0.2\n",
    "v1.0.2 of common/api in every environment",
    "tidegate release common/api --kind quarantine --version v1.0.2"
)]
#[case::freeze(
    "kind: Freeze\nname: ana's launch\nenvironments: [prod]\nfrom: 2026-12-18T00:00\nto: 2026-12-19T09:30\n",
    "everything in prod from 2026-12-18 00:00 -03 to 2026-12-19 09:30 -03 (ana's launch)",
    "tidegate release --freeze 'ana'\\''s launch'"
)]
fn controls_become_sentences(#[case] text: &str, #[case] sentence: &str, #[case] release: &str) {
    let control = read(text);
    let now = "2026-11-24T09:00:00Z".parse().unwrap();
    assert_eq!(of(&control, chrono_tz::America::Santiago, now, NameStyles::default()), sentence);
    assert_eq!(super::release(&control).as_deref(), Some(release));
}

#[test]
fn an_approval_is_shown_with_its_whole_digest() {
    let digest = format!("sha256:{}", "1f".repeat(32));
    let control = read(&format!(
        "kind: Approval\nservice: common/api\nenvironment: prod\nversion: v1.0.2\ndigest: {digest}\n"
    ));
    let now = "2026-11-24T09:00:00Z".parse().unwrap();
    let sentence_text = of(&control, Tz::UTC, now, NameStyles::default());
    assert_eq!(sentence_text, format!("v1.0.2 of common/api for prod as {digest}"));
    let release = release(&control).unwrap();
    assert_eq!(release, "tidegate release common/api --kind approval --env prod --version v1.0.2");
}
