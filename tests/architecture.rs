//! The rooms know only what ARCHITECTURE.md lets them know.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A room, and what it may know.
struct Room {
    name: &'static str,
    /// The other rooms that it may name.
    rooms: &'static [&'static str],
    /// Whether it is pure: no IO, no clock, no async.
    is_pure: bool,
    /// The crates that are this room's business, and no other's but wiring's.
    crates: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room { name: "model", rooms: &[], is_pure: true, crates: &[] },
    Room { name: "manifest", rooms: &["model"], is_pure: true, crates: &["granit_parser"] },
    Room { name: "policy", rooms: &["model"], is_pure: true, crates: &["cron"] },
    Room { name: "template", rooms: &[], is_pure: true, crates: &["minijinja"] },
    Room { name: "changelog", rooms: &["model", "template"], is_pure: true, crates: &["git_conventional"] },
    Room { name: "history", rooms: &["model", "policy"], is_pure: true, crates: &[] },
    Room { name: "control", rooms: &["model", "policy"], is_pure: true, crates: &[] },
    Room {
        name: "simulation",
        rooms: &["model", "policy", "history", "control"],
        is_pure: true,
        crates: &[],
    },
    Room {
        name: "config",
        rooms: &["model", "policy", "changelog", "template"],
        is_pure: false,
        crates: &["serde_saphyr"],
    },
    Room { name: "source", rooms: &["model", "changelog"], is_pure: false, crates: &[] },
    Room { name: "init", rooms: &["model", "manifest", "policy", "config"], is_pure: true, crates: &[] },
    Room {
        name: "engine",
        rooms: &["model", "manifest", "policy", "history", "control", "config", "changelog", "simulation"],
        is_pure: false,
        crates: &[],
    },
    Room {
        name: "registry",
        rooms: &["model"],
        is_pure: false,
        crates: &["reqwest", "oci_distribution", "governor", "backon", "rustls"],
    },
    Room { name: "forge", rooms: &["model"], is_pure: false, crates: &["reqwest", "rustls"] },
    Room { name: "git", rooms: &["model"], is_pure: false, crates: &["git2", "ssh_key"] },
    Room { name: "store", rooms: &["model"], is_pure: false, crates: &["sqlx"] },
    Room {
        name: "cli",
        rooms: &[
            "model",
            "manifest",
            "policy",
            "control",
            "config",
            "init",
            "changelog",
            "source",
            "engine",
            "simulation",
            "registry",
            "forge",
            "git",
            "store",
        ],
        is_pure: false,
        crates: &["clap", "clap_complete", "indicatif", "similar", "anstream", "anstyle"],
    },
];

/// What no pure room says.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "tokio",
    "async fn",
    "async move",
    "TcpStream",
    "UdpSocket",
    "tracing::",
];

fn source(room: &str) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(path.clone(), code_of(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// A file without its comments and its tests: both may speak of other rooms.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "fixture.rs" | "reference.rs"))
    })
}

#[test]
fn every_folder_of_the_source_is_a_room() {
    let mut found: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut known: Vec<&str> = ROOMS.iter().map(|room| room.name).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn a_room_names_no_room_that_it_must_not_know() {
    let named = Regex::new(r"\b(?:crate|tidegate)::([a-z_]+)").unwrap();
    let mut wrong = Vec::new();
    for room in ROOMS {
        for (path, code) in source(room.name) {
            for found in named.captures_iter(&code) {
                let other = &found[1];
                let is_a_room = ROOMS.iter().any(|room| room.name == other);
                if is_a_room && other != room.name && !room.rooms.contains(&other) {
                    wrong.push(format!("{}: {} must not know {other}", path.display(), room.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crate_is_the_business_of_one_room() {
    let mut wrong = Vec::new();
    for room in ROOMS {
        let of_others = ROOMS.iter().filter(|owner| owner.name != room.name).flat_map(|owner| owner.crates);
        let of_others: Vec<&str> = of_others.filter(|name| !room.crates.contains(name)).copied().collect();
        let named = Regex::new(&format!(r"\b(?:{})::", of_others.join("|"))).unwrap();
        for (path, code) in source(room.name) {
            if let Some(found) = named.find(&code) {
                wrong.push(format!("{}: {} is the business of another room", path.display(), found.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_do_no_io_and_read_no_clock() {
    let mut wrong = Vec::new();
    for room in ROOMS.iter().filter(|room| room.is_pure) {
        for (path, code) in source(room.name).into_iter().filter(|(path, _)| !is_test(path)) {
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{}: `{word}` has no place in {}", path.display(), room.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_waits_by_its_clock_and_knows_no_transport() {
    for (path, code) in source("engine") {
        for word in ["reqwest", "sqlx", "git2", "Utc::now", "SystemTime", "std::fs", "std::process"] {
            assert!(!code.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for room in ROOMS {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room.name)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(text.starts_with("//! "), "{} does not say what it owns", path.display());
                }
            }
        }
    }
}

#[test]
fn every_test_file_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
            assert!(
                main.contains(&format!("mod {stem};")),
                "tests/{stem}.rs is not a module of tests/main.rs"
            );
        }
    }
}
