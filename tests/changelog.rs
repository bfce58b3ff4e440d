//! Changelogs: every format against its golden, and hostile commits against every format.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod goldens;
mod hostile;
mod template;

use std::path::{Path, PathBuf};

use tidegate::changelog::{Heading, Notes, NotesInput, Rules, Tickets, Web};
use tidegate::model::{CommitId, Person, SourceCommit, Timestamp};

/// The folder of the goldens.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changelog")
}

/// A range of commits, and the tags on them.
struct Range {
    commits: Vec<SourceCommit>,
    lost: Vec<SourceCommit>,
    releases: Vec<(CommitId, String)>,
}

/// Reads commits, newest first. Each begins with a line of its name (two hexadecimal digits that are repeated), its
/// parents, perhaps a tag, and its author; its message is indented by four blanks.
fn read(text: &str) -> Range {
    let mut range = Range { commits: Vec::new(), lost: Vec::new(), releases: Vec::new() };
    let mut is_lost = false;
    for line in text.lines() {
        if line == "only in the running version" {
            is_lost = true;
        } else if let Some(words) = line.strip_prefix("    ") {
            let commit = if is_lost { range.lost.last_mut() } else { range.commits.last_mut() };
            let message = &mut commit.unwrap().message;
            message.push_str(words);
            message.push('\n');
        } else if line.is_empty() {
            if let Some(commit) = range.commits.last_mut().filter(|_| !is_lost) {
                commit.message.push('\n');
            }
        } else if !line.starts_with('#') {
            let (commit, release) = read_head(line, range.commits.len() + range.lost.len());
            range.releases.extend(release.map(|name| (commit.id, name)));
            if is_lost { range.lost.push(commit) } else { range.commits.push(commit) }
        }
    }
    range
}

/// `0b 0a,07 v1.0.3 Ana Soto <ana@vtr.cl>`; a tag begins with `v`.
fn read_head(line: &str, place: usize) -> (SourceCommit, Option<String>) {
    let (head, author) = line.split_once(" | ").unwrap();
    let mut words = head.split(' ');
    let id = |text: &str| CommitId::from_bytes([u8::from_str_radix(text, 16).unwrap(); 20]);
    let commit_id = id(words.next().unwrap());
    let parents = words.next().unwrap().split(',').map(id).collect();
    let (name, email) = author.trim_end_matches('>').split_once(" <").unwrap();
    let newest: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let at = newest - chrono::TimeDelta::hours(6 * i64::try_from(place).unwrap());
    let commit = SourceCommit {
        id: commit_id,
        parents,
        author: Person { name: name.into(), email: email.into() },
        authored_at: at,
        committed_at: at,
        message: String::new(),
        is_relevant: true,
    };
    (commit, words.next().map(str::to_owned))
}

fn rules() -> Rules {
    let tickets = Tickets { project: "OPS".into(), url: Some("https://jira.vtr.cl/browse/{key}".into()) };
    Rules { tickets: vec![tickets], bots: Vec::new() }
}

fn heading(source: Option<&str>) -> Heading {
    Heading {
        source: source.map(str::to_owned),
        compare: source.map(|source| format!("https://{source}/compare/9f2c1ab...d41e77c")),
        ..Heading::new("common/graphql-server", "v1.0.176", "v1.0.180")
    }
}

fn notes(range: &Range, source: Option<&str>) -> Notes {
    let web = source.and_then(|source| Web::of(&source.parse().unwrap()));
    let input = NotesInput {
        heading: heading(source),
        commits: &range.commits,
        lost: &range.lost,
        releases: &range.releases,
        web: web.as_ref(),
        remarks: Vec::new(),
    };
    Notes::gather(input, &rules())
}
