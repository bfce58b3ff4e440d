//! Commits made to harm: no format lets their text be more than words.

use std::sync::LazyLock;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;
use rstest::rstest;
use tidegate::changelog::{BodyLimits, Format, Notes};
use tidegate::model::{CommitId, Person, SourceCommit};

use super::{Range, notes};

const SOURCE: Option<&str> = Some("github.com/vtr/graphql-server");

const FORMATS: [Format; 5] =
    [Format::Markdown, Format::KeepAChangelog, Format::Text, Format::Slack, Format::Html];

// Compiled once: that takes longer than all the rest of a check.
static MENTION: LazyLock<Regex> = LazyLock::new(|| expression(r"(?m)(^|[^A-Za-z0-9_])@[A-Za-z0-9_]"));
static MENTION_OUTSIDE_CODE: LazyLock<Regex> =
    LazyLock::new(|| expression(r"(?m)(^|[^`A-Za-z0-9_])@[A-Za-z0-9_]"));
static ANGLES: LazyLock<Regex> = LazyLock::new(|| expression("<[^>]*>?"));
static OUR_HTML: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r#"^(</?(section|h2|h3|h4|p|ul|li|strong|code)>|<br>|</a>|<section class="changelog">|<a href="https://(github\.com|jira\.vtr\.cl)/[^"<>]*">)$"#,
    )
});
static OUR_SLACK_LINK: LazyLock<Regex> =
    LazyLock::new(|| expression(r"^<https://(github\.com|jira\.vtr\.cl)/[^|<>]*\|[^<>]*>$"));

fn expression(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// A range of these messages, each by an author of this name.
fn notes_of(messages: &[String], author: &str, source: Option<&str>) -> Notes {
    let at = "2026-11-20T09:00:00Z".parse().unwrap();
    let id = |number: usize| CommitId::from_bytes([u8::try_from(number % 256).unwrap(); 20]);
    let commit = |(number, message): (usize, &String)| SourceCommit {
        id: id(number),
        parents: vec![id(number + 1)],
        author: Person { name: author.to_owned(), email: format!("{number}@vtr.cl") },
        authored_at: at,
        committed_at: at,
        message: message.clone(),
        is_relevant: true,
    };
    let commits = messages.iter().enumerate().map(commit).collect();
    notes(&Range { commits, lost: Vec::new(), releases: Vec::new() }, source)
}

/// What is in every format, whatever the commits say.
fn check(notes: &Notes) {
    for format in FORMATS {
        let text = notes.render(format);
        let is_bad =
            |one: &char| (one.is_control() && *one != '\n') || "\u{202e}\u{2028}\u{200b}".contains(*one);
        assert_eq!(text.chars().find(is_bad), None, "{format:?}: {text}");
    }
    check_markdown(&notes.render(Format::Markdown));
    check_markdown(&notes.render(Format::KeepAChangelog));
    check_html(&notes.render(Format::Html));
    check_slack(&notes.render(Format::Slack));
    check_body(&notes.body(&BodyLimits::default()));
}

/// Markdown has our headings, bullets and links, and nothing else that is more than words.
fn check_markdown(text: &str) {
    let (mut in_heading, mut in_link) = (false, false);
    let mut quotes = 0;
    // What is left where a forge looks for mentions.
    let mut words_alone = String::new();
    for event in Parser::new_ext(text, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                let ours = ["https://github.com/", "https://jira.vtr.cl/browse/OPS-"];
                assert!(ours.iter().any(|start| dest_url.starts_with(start)), "{dest_url} in {text}");
                in_link = true;
            }
            Event::Start(Tag::Heading { .. }) => in_heading = true,
            Event::End(pulldown_cmark::TagEnd::Heading(_)) => in_heading = false,
            Event::End(pulldown_cmark::TagEnd::Link) => in_link = false,
            Event::Text(words) if in_heading => {
                let ours = [
                    "common/graphql-server v1.0.176 → v1.0.180",
                    "Dependencies",
                    "v1.0.180",
                    "[v1.0.180]",
                    "[",
                    "]",
                ];
                let titles = [
                    "Breaking changes",
                    "Security",
                    "Features",
                    "Fixes",
                    "Performance",
                    "Reverts",
                    "Other changes",
                    "Documentation",
                    "Maintenance",
                    "Added",
                    "Changed",
                    "Deprecated",
                    "Removed",
                    "Fixed",
                ];
                let is_ours =
                    ours.contains(&&*words) || titles.contains(&&*words) || words.starts_with(" - 2026");
                assert!(is_ours, "heading {words:?} in {text}");
            }
            Event::Start(Tag::BlockQuote(_)) => quotes += 1,
            Event::End(pulldown_cmark::TagEnd::Item) => words_alone.push('\n'),
            Event::Text(words) if !in_link => words_alone.push_str(&words),
            Event::Code(_) => words_alone.push('`'),
            Event::Start(Tag::Paragraph | Tag::List(None) | Tag::Item | Tag::Strong)
            | Event::End(_)
            | Event::Text(_)
            | Event::SoftBreak => {}
            other => panic!("{other:?} in {text}"),
        }
    }
    assert_eq!(quotes, 0, "{text}");
    assert!(!MENTION.is_match(&words_alone), "{words_alone:?} in {text}");
}

fn check_html(text: &str) {
    for tag in ANGLES.find_iter(text) {
        assert!(OUR_HTML.is_match(tag.as_str()), "{} in {text}", tag.as_str());
    }
}

fn check_slack(text: &str) {
    for tag in ANGLES.find_iter(text) {
        assert!(OUR_SLACK_LINK.is_match(tag.as_str()), "{} in {text}", tag.as_str());
    }
    // The name of a package begins its line, in code.
    assert!(!MENTION_OUTSIDE_CODE.is_match(text), "{text}");
    assert!(text.chars().count() <= 4_000);
}

/// Every line is a heading of ours, a bullet, indented, empty or the link.
fn check_body(text: &str) {
    let titles = [
        "Breaking changes",
        "Security",
        "Features",
        "Fixes",
        "Performance",
        "Reverts",
        "Other changes",
        "Dependencies",
    ];
    for line in text.lines() {
        let is_ours = line.is_empty()
            || titles.contains(&line)
            || ["- ", "  ", "... and ", "Not listed: ", "https://github.com/vtr/graphql-server/compare/"]
                .iter()
                .any(|start| line.starts_with(start));
        assert!(is_ours, "{line:?} in {text}");
    }
    assert!(!text.to_ascii_lowercase().contains("tidegate-"), "{text}");
    assert!(text.len() <= BodyLimits::default().bytes && text.lines().count() <= BodyLimits::default().lines);
    assert!(!MENTION.is_match(text), "{text}");
}

#[rstest]
#[case::trailer("feat: a\n\nTidegate-Promotion: 0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11")]
#[case::trailer_in_subject("Tidegate-Promotion: 0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11")]
#[case::trailer_in_scope("feat(Tidegate-Promotion): 0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11")]
#[case::trailer_in_note("feat: a\n\nBREAKING CHANGE: x\nTIDEGATE-Service: common/app")]
#[case::heading("# Security")]
#[case::heading_below("feat: a\r## Security\r\n- nothing")]
#[case::rule("---")]
#[case::setext("feat: a\u{b}===")]
#[case::list("- [x] done")]
#[case::numbered("1. first")]
#[case::quote("> quoted")]
#[case::fence("```sh")]
#[case::table("a | b\n--- | ---")]
#[case::math("$x$ and $$y$$")]
#[case::footnote("[^1]: note")]
#[case::definition(": defined")]
#[case::subscript("H~2~O^2^ ~~no~~")]
#[case::reference("[a]: https://evil.example")]
#[case::link("[click](https://evil.example) ![x](https://evil.example/x.png)")]
#[case::angle("<https://evil.example>")]
#[case::script("<script>alert(1)</script> <img src=x onerror=alert(1)>")]
#[case::attribute("feat: \" onmouseover=\"alert(1)")]
#[case::comment("<!-- state -->")]
#[case::entity("&lt;b&gt; &#64;everyone")]
#[case::everyone("feat: @everyone <!everyone> <@U123> <!here|x> @channel")]
#[case::team("cc @vtr/ops and (@vtr)")]
#[case::mention_before_a_reference("@#1 and @OPS-7 and @vtr/app#2")]
#[case::code("`a` ``b` `` `")]
#[case::code_mention("`@everyone`")]
#[case::terminal("feat: \u{1b}[31mred\u{1b}]0;title\u{7} \u{9b}31m")]
#[case::right_to_left("feat: a\u{202e}gpj.exe\u{2066}x")]
#[case::separators("feat: a\u{2028}# b\u{2029}c\u{85}d")]
#[case::nulls("feat: a\0b")]
#[case::emphasis("feat: **a _b_ *c*")]
#[case::escapes("feat: \\# \\[a\\](b) \\")]
#[case::blank("   \n\n  ")]
#[case::request("Merge pull request #1 from a/b\n\n# Title <b>")]
#[case::update("Bump [x](https://evil.example) from <b>1</b> to `2`")]
#[case::update_name("bump @types/node from 1.0 to 2.0")]
#[case::front_matter("+++\n---")]
#[case::directive(":::note")]
fn known_tricks(#[case] message: &str) {
    for source in [SOURCE, None] {
        let messages = [
            message.to_owned(),
            format!("feat(x): {message}"),
            format!("fix: y\n\nBREAKING CHANGE: {message}"),
        ];
        check(&notes_of(&messages, message, source));
    }
}

#[test]
fn a_message_of_ten_megabytes() {
    for message in
        ["x".repeat(10_000_000), "\u{1b}".repeat(10_000_000), format!("feat: {}", "[".repeat(9_000_000))]
    {
        let notes = notes_of(&[message], "x", SOURCE);
        check(&notes);
        assert!(notes.render(Format::Markdown).len() < 20_000);
    }
}

#[test]
fn a_name_of_ten_megabytes() {
    let notes = notes_of(&["feat: a".to_owned()], &"@".repeat(10_000_000), SOURCE);
    check(&notes);
    assert!(notes.render(Format::Text).len() < 2_000);
}

#[test]
fn the_commit_closes_no_issue() {
    let closing = Regex::new(r"(?i)(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s+[\w/.-]*#\d").unwrap();
    for message in ["fix: fixes #12", "Closes: #12", "resolved vtr/other#12", "fix #12", "close GH-12"] {
        let body = notes_of(&[message.to_owned()], "x", SOURCE).body(&BodyLimits::default());
        assert!(!closing.is_match(&body), "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(messages in prop::collection::vec(any::<String>(), 1..4), author in any::<String>()) {
        check(&notes_of(&messages, &author, SOURCE));
    }

    #[test]
    fn text_of_signs(messages in prop::collection::vec("[-#>*_`\\[\\]()<>!@&~|$:=+.0-9a-c \n\r\t^{}\"'/]{0,40}", 1..4)) {
        check(&notes_of(&messages, "x", SOURCE));
        let typed: Vec<String> = messages.iter().map(|text| format!("feat({text}): {text}")).collect();
        check(&notes_of(&typed, "x", None));
    }
}
