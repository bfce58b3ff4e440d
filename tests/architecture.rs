//! The rooms know only what ARCHITECTURE.md lets them know.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
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
    Room { name: "kustomize", rooms: &["model", "manifest"], is_pure: true, crates: &[] },
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
    Room { name: "check", rooms: &["model", "manifest", "kustomize"], is_pure: true, crates: &[] },
    Room {
        name: "config",
        rooms: &["model", "policy", "changelog", "template", "check"],
        is_pure: false,
        crates: &["serde_saphyr"],
    },
    Room { name: "port", rooms: &["model", "changelog"], is_pure: false, crates: &[] },
    Room { name: "diagnosis", rooms: &["model"], is_pure: true, crates: &[] },
    Room { name: "source", rooms: &["model", "changelog"], is_pure: false, crates: &[] },
    Room {
        name: "init",
        rooms: &["model", "manifest", "kustomize", "policy", "config"],
        is_pure: true,
        crates: &[],
    },
    Room {
        name: "engine",
        rooms: &[
            "model",
            "manifest",
            "kustomize",
            "policy",
            "history",
            "control",
            "config",
            "changelog",
            "simulation",
            "port",
        ],
        is_pure: false,
        crates: &[],
    },
    Room {
        name: "registry",
        rooms: &["model", "port"],
        is_pure: false,
        crates: &["reqwest", "oci_distribution", "governor", "backon", "rustls"],
    },
    Room { name: "remote", rooms: &["model"], is_pure: false, crates: &["reqwest", "rustls"] },
    Room { name: "forge", rooms: &["model", "port"], is_pure: false, crates: &["reqwest", "rustls"] },
    Room {
        name: "notify",
        rooms: &["model", "template", "metrics"],
        is_pure: false,
        crates: &["lettre", "reqwest", "rustls", "backon"],
    },
    Room { name: "git", rooms: &["model", "port"], is_pure: false, crates: &["git2", "ssh_key"] },
    Room {
        name: "cluster",
        rooms: &["model", "manifest", "check", "diagnosis", "port"],
        is_pure: false,
        crates: &["kube", "k8s_openapi", "futures_util"],
    },
    Room { name: "store", rooms: &["model", "port"], is_pure: false, crates: &["sqlx"] },
    Room { name: "metrics", rooms: &["model"], is_pure: false, crates: &["prometheus_client"] },
    Room {
        name: "view",
        rooms: &["model", "policy", "control", "diagnosis", "engine"],
        is_pure: true,
        crates: &["anstyle"],
    },
    Room {
        name: "server",
        rooms: &["model", "metrics", "view"],
        is_pure: false,
        crates: &["axum", "rustls"],
    },
    Room {
        name: "cli",
        rooms: &[
            "model",
            "manifest",
            "policy",
            "control",
            "config",
            "init",
            "check",
            "changelog",
            "source",
            "port",
            "engine",
            "simulation",
            "registry",
            "forge",
            "cluster",
            "diagnosis",
            "git",
            "notify",
            "store",
            "metrics",
            "view",
            "server",
            "remote",
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
        let name = part.as_os_str().to_str().unwrap_or_default();
        matches!(name, "tests" | "tests.rs" | "fixture.rs" | "reference.rs") || name.ends_with("_tests.rs")
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

/// The folders of the engine, each with the folders that it may import.
const ENGINE: &[(&str, &[&str])] = &[
    ("message", &[]),
    ("base", &["message"]),
    ("state", &["base"]),
    ("history", &["message", "base", "state"]),
    ("plan", &["base", "state"]),
    ("proposals", &["message", "base", "state"]),
    ("decide", &["message", "base", "state", "history", "plan", "proposals"]),
    ("deliver", &["message", "base", "plan"]),
    ("reconcile", &["message", "base", "state", "plan", "proposals", "decide", "deliver"]),
    (
        "tasks",
        &["message", "base", "state", "history", "plan", "proposals", "decide", "deliver", "reconcile"],
    ),
];

/// Files of tests, which may import anything.
fn is_test_file(path: &Path) -> bool {
    let of_tests = ["tests", "fake", "fixture", "tests.rs", "properties.rs", "deaths.rs", "fixture.rs"];
    path.iter().any(|part| of_tests.iter().any(|name| part == *name))
        || path.to_str().is_some_and(|path| path.ends_with("_tests.rs"))
}

/// The module that a file is.
fn module_of(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    parts.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    parts
}

/// The paths that a `use` tree imports.
fn leaves(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inner = rest.trim_end().trim_end_matches('}');
    let mut depth = 0;
    let branches = inner.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    });
    let branches = branches.map(str::trim).filter(|branch| !branch.is_empty());
    branches.flat_map(leaves).map(|leaf| format!("{}{leaf}", prefix.trim())).collect()
}

/// The modules that a module's code names, from the root of the crate on.
fn imports(module: &[String], code: &str) -> Vec<Vec<String>> {
    let uses = Regex::new(r"(?m)\buse\s+([^;]+);").unwrap();
    let inline = Regex::new(r"\b((?:super|crate|self)(?:::\w+)+)").unwrap();
    let mut paths: Vec<String> =
        uses.captures_iter(code).flat_map(|found| leaves(&found[1].replace('\n', " "))).collect();
    let rest = uses.replace_all(code, "");
    paths.extend(inline.captures_iter(&rest).map(|found| found[1].to_owned()));
    let absolute = |path: String| {
        let mut base = module.to_vec();
        let mut parts = path.split("::").map(str::trim).peekable();
        match parts.peek().copied() {
            Some("crate") => {
                parts.next();
                base.clear();
            }
            Some("super" | "self") => {}
            _ => return None,
        }
        while let Some(part) = parts.next_if(|part| matches!(*part, "self" | "super")) {
            if part == "super" {
                base.pop();
            }
        }
        Some(base.into_iter().chain(parts.map(str::to_owned)).collect())
    };
    paths.into_iter().filter_map(absolute).collect()
}

/// Every file of the crate that is no test, by its path below `src`, with its module and what it imports.
fn all_imports() -> BTreeMap<PathBuf, (Vec<String>, Vec<Vec<String>>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files =
        source("").into_iter().map(|(path, code)| (path.strip_prefix(&root).unwrap().to_owned(), code));
    files
        .filter(|(path, _)| !is_test_file(path))
        .map(|(path, code)| {
            let module = module_of(&path);
            let imports = imports(&module, &code);
            (path, (module, imports))
        })
        .collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files = all_imports();
    let file_of: BTreeMap<&[String], &Path> =
        files.iter().map(|(path, (module, _))| (module.as_slice(), path.as_path())).collect();
    // A `mod.rs` names its files and passes on what they export.
    let is_wiring = |path: &Path| path.ends_with("mod.rs") || path.ends_with("lib.rs");
    let mut arrows: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for (path, (_, imports)) in files.iter().filter(|(path, _)| !is_wiring(path)) {
        let arrows = arrows.entry(path).or_default();
        for import in imports {
            let target = (0..=import.len()).rev().find_map(|length| file_of.get(&import[..length]).copied());
            arrows.extend(target.filter(|target| *target != path.as_path() && !is_wiring(target)));
        }
    }
    // What nothing points at, and what points at nothing, is in no circle.
    loop {
        let pointed_at: BTreeSet<&Path> = arrows.values().flatten().copied().collect();
        let before = arrows.len();
        arrows.retain(|path, targets| !targets.is_empty() && pointed_at.contains(path));
        let left: BTreeSet<&Path> = arrows.keys().copied().collect();
        for targets in arrows.values_mut() {
            targets.retain(|target| left.contains(target));
        }
        if arrows.len() == before {
            break;
        }
    }
    let lines: Vec<String> =
        arrows.iter().map(|(path, targets)| format!("{} -> {targets:?}", path.display())).collect();
    assert!(
        lines.is_empty(),
        "files that import each other in a circle, or lie between circles:\n{}",
        lines.join("\n")
    );
}

#[test]
fn an_engine_folder_imports_only_folders_above_its_line() {
    let mut wrong = Vec::new();
    for (path, (module, imports)) in all_imports() {
        let [room, folder, ..] = module.as_slice() else { continue };
        let Some((_, allowed)) = ENGINE.iter().find(|(name, _)| room == "engine" && name == folder) else {
            assert_ne!(room, "engine", "{} is in no folder of the table", path.display());
            continue;
        };
        for import in imports.iter().filter(|import| import.len() > 1 && import[0] == "engine") {
            if import[1] != *folder && !allowed.contains(&import[1].as_str()) {
                wrong.push(format!("{}: {folder} must not import {}", path.display(), import.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_tasks_give_the_engine_methods() {
    let methods = Regex::new(r"(?m)^impl<[^\n]*> Engine<").unwrap();
    for (path, code) in source("engine") {
        let is_task = path.iter().any(|part| part == "tasks");
        assert!(is_task || !methods.is_match(&code), "{} has methods of Engine", path.display());
    }
}

#[test]
fn every_file_has_a_module_comment() {
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
