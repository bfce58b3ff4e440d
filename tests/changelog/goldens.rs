//! One range of commits of every style, in every format. `UPDATE_GENERATED=1` writes the goldens anew.

use std::fs;

use chrono::NaiveDate;
use rstest::rstest;
use tidegate::changelog::{BodyLimits, Format, Heading, KeepAChangelog, Notes, Remark};

use super::{folder, heading, notes, read};

const SOURCE: Option<&str> = Some("github.com/vtr/graphql-server");

fn every_style() -> Notes {
    notes(&read(&fs::read_to_string(folder().join("every-style.commits")).unwrap()), SOURCE)
}

fn compare(name: &str, made: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, made).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == made, "{name} differs; UPDATE_GENERATED=1 writes it anew. It is now:\n{made}");
}

#[rstest]
#[case::markdown(Format::Markdown, "every-style.md")]
#[case::keep(Format::KeepAChangelog, "every-style.keep.md")]
#[case::text(Format::Text, "every-style.txt")]
#[case::slack(Format::Slack, "every-style.slack")]
#[case::html(Format::Html, "every-style.html")]
fn formats(#[case] format: Format, #[case] golden: &str) {
    compare(golden, &every_style().render(format));
}

#[test]
fn data() {
    compare("every-style.json", &format!("{:#}\n", every_style().json()));
}

#[test]
fn a_commits_body() {
    compare("every-style.body", &every_style().body(&BodyLimits::default()));
    compare("every-style.short.body", &every_style().body(&BodyLimits { lines: 12, bytes: 4000 }));
}

#[test]
fn a_shared_file() {
    let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
    compare(
        "every-style.shared.md",
        &KeepAChangelog::from_promotion(&every_style(), None, day).prepend_to(""),
    );
}

#[test]
fn nothing_but_remarks() {
    let remarks = vec![Remark::NoSource, Remark::Dirty { tag: "v1.0.180".into() }];
    let notes = Notes::without_commits(heading(None), remarks);
    let formats = [Format::Markdown, Format::KeepAChangelog, Format::Text, Format::Slack, Format::Html];
    let mut made: Vec<String> = formats.into_iter().map(|format| notes.render(format)).collect();
    made.push(notes.body(&BodyLimits::default()));
    compare("remarks.all", &made.join("----\n"));
}

#[test]
fn a_downgrade_is_marked() {
    let range = read(&fs::read_to_string(folder().join("every-style.commits")).unwrap());
    let mut notes = notes(&range, SOURCE);
    notes.heading = Heading { is_downgrade: true, ..notes.heading };
    notes.remarks.push(Remark::Downgrade);
    let text = notes.render(Format::Text);
    let said = "common/graphql-server v1.0.176 -> v1.0.180 (downgrade)\n";
    assert!(text.starts_with(said), "{text}");
    assert!(text.contains("this is a downgrade"));
}
