//! The command blocks of README.md and docs/: each line runs as it stands, in its document's order. A block that needs what a
//! test has no right to (```` ```sh needs-root ````) is only read by the shell.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::help::team;
use super::world::Ran;
use crate::support::git::git;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What keeps a block from being run.
const REASONS: [&str; 4] = ["needs-root", "needs-network", "needs-cluster", "needs-channel"];

/// A block of commands: what its fence says behind `sh`, and its text.
struct Block {
    reason: String,
    text: String,
}

impl Block {
    /// The commands, with their continued lines.
    fn commands(&self) -> Vec<String> {
        let joined = self.text.replace("\\\n", " ");
        joined.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut current: Option<Block> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let (language, reason) = language.split_once(' ').unwrap_or((&language, ""));
                current =
                    (language == "sh").then(|| Block { reason: reason.to_owned(), text: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = &mut current {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(current.take()),
            _ => {}
        }
    }
    blocks
}

/// README.md and every document, by name.
fn documents() -> BTreeMap<String, String> {
    let mut paths = vec![Path::new(ROOT).join("README.md")];
    paths.extend(fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    let named = paths.into_iter().map(|path| {
        let name = path.strip_prefix(ROOT).unwrap().display().to_string();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

#[tokio::test]
async fn every_command_block_runs_unchanged() {
    let mut ran_commands = 0;
    for (name, text) in documents() {
        let blocks = blocks(&text);
        if blocks.is_empty() {
            continue;
        }
        let world = team().await;
        let folder = world.origin.beside("work");
        fs::create_dir_all(&folder).unwrap();
        git(&folder, &["clone", "--quiet", &world.origin.url(), "gitops"]);
        symlink(Path::new(ROOT).join("deploy"), folder.join("deploy")).unwrap();
        let bin = Path::new(env!("CARGO_BIN_EXE_tidegate")).parent().unwrap();
        let tools = crate::deploy::tools::folder();
        let path = format!("{}:{}:{}", bin.display(), tools.display(), std::env::var("PATH").unwrap());
        for block in blocks {
            let is_run = block.reason.is_empty();
            assert!(is_run || REASONS.contains(&block.reason.as_str()), "{name}: {}", block.reason);
            for command in block.commands() {
                let ran = Command::new("sh")
                    .args([if is_run { "-c" } else { "-nc" }, &command])
                    .current_dir(&folder)
                    .env_clear()
                    .envs([("PATH", path.as_str()), ("HOME", folder.to_str().unwrap()), ("USER", "ana")])
                    .env("TIDEGATE_CONFIG", world.config())
                    .output();
                let ran = Ran::of(ran.unwrap());
                // A closed gate is an answer, and no mistake in the document.
                let is_answer =
                    ["explain", "plan"].iter().any(|word| command.contains(&format!("tidegate {word}")));
                assert!(
                    ran.code == 0 || is_answer && ran.code == 3,
                    "{name}: {command}\nexit {}\n{}{}",
                    ran.code,
                    ran.out,
                    ran.err
                );
                ran_commands += usize::from(is_run);
            }
        }
    }
    assert!(ran_commands > 20, "{ran_commands} commands");
}

/// The book has every document once, and no link leads nowhere.
#[test]
fn the_book_is_whole() {
    let documents = documents();
    let targets = |text: &str| -> Vec<String> {
        let links = Parser::new(text).filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        });
        links.filter(|link| !link.contains("://") && !link.starts_with("mailto:")).collect()
    };
    let summary = targets(&documents["docs/SUMMARY.md"]);
    for name in documents.keys().filter_map(|name| name.strip_prefix("docs/")) {
        let entries = summary.iter().filter(|link| *link == name).count();
        assert_eq!(entries, usize::from(name != "SUMMARY.md"), "{name} in docs/SUMMARY.md");
    }
    for (name, text) in &documents {
        let folder = Path::new(ROOT).join(name).parent().unwrap().to_owned();
        for link in targets(text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { Path::new(ROOT).join(name) } else { folder.join(file) };
            assert!(path.exists(), "{name}: {link} leads nowhere");
            if !anchor.is_empty() && path.extension().is_some_and(|end| end == "md") {
                let headings = anchors(&fs::read_to_string(&path).unwrap());
                assert!(
                    headings.iter().any(|heading| heading == anchor),
                    "{name}: no heading for {link}: {headings:?}"
                );
            }
        }
    }
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = heading.take().unwrap_or_default().to_lowercase();
                let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
                anchors.push(kept.collect::<String>().replace(' ', "-"));
            }
            _ => {}
        }
    }
    anchors
}
