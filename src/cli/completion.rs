//! Completions of services, namespaces, environments, gates and tags. They come from the configuration and from the names
//! that the last pass left in the data folder, so that a shell never waits for Git or a registry.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;

use crate::config::Config;
use crate::engine::{PassReport, Target};
use crate::policy::GateName;

use super::wiring::{DataFolder, find_config_file};

/// The environment variable by which shells ask for completions.
pub(crate) const VARIABLE: &str = "TIDEGATE_COMPLETE";

/// The file of names in the data folder: a line for each service, with its tags.
const FILE: &str = "names";

/// Maximum tags of an image that are offered, highest first.
const MAX_TAGS: usize = 30;

/// Leaves the names of a pass in the data folder. Nothing depends on it but completions.
pub(crate) fn keep(folder: &Path, report: &PassReport) {
    let text = names(report);
    let file = folder.join(FILE);
    let is_same = fs::read_to_string(&file).is_ok_and(|before| before == text);
    if !is_same && let Err(error) = replace(&file, &text) {
        tracing::debug!(%error, "cannot keep names for completions");
    }
}

/// Writes the file whole or not at all: a shell may be reading it.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut temporary, text.as_bytes())?;
    if DataFolder::is_shared(folder) {
        temporary.as_file().set_permissions(Permissions::from_mode(0o660))?;
    }
    temporary.persist(file)?;
    Ok(())
}

fn names(report: &PassReport) -> String {
    let evaluation = &report.evaluation;
    let mut tags: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (at, target) in evaluation.state.deployed.targets.entries() {
        let of_service = tags.entry(target.service().to_string()).or_default();
        let admitted = evaluation.selections[at].as_ref();
        let candidates = admitted.into_iter().flat_map(|selection| selection.candidates().iter().rev());
        let running = running(target);
        for tag in candidates.take(MAX_TAGS).map(|candidate| candidate.tag.as_str()).chain(running) {
            if !of_service.contains(&tag) {
                of_service.push(tag);
            }
        }
    }
    tags.iter().fold(String::new(), |mut text, (service, tags)| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{service} {}", tags.join(" "));
        text
    })
}

fn running(target: &Target) -> impl Iterator<Item = &str> {
    target.running.iter().map(|running| running.tag.as_str())
}

pub(super) fn services() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let kept = Kept::read();
        let typed = current.to_string_lossy();
        let names: Vec<&str> = kept.services().collect();
        let in_namespace = |name: &&str| {
            let namespace = option(&["-n", "--namespace"])?;
            name.strip_prefix(&namespace)?.strip_prefix('/').map(str::to_owned)
        };
        if option(&["-n", "--namespace"]).is_some() {
            return candidates(&typed, names.iter().filter_map(in_namespace));
        }
        let bare = |name: &&str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let is_unique = |name: &String| names.iter().filter(|other| bare(other) == *name).count() == 1;
        let bare =
            names.iter().map(bare).filter(is_unique).filter(|_| !typed.is_empty() && !typed.contains('/'));
        candidates(&typed, names.iter().map(ToString::to_string).chain(bare))
    })
}

pub(super) fn namespaces() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let kept = Kept::read();
        let mut names: Vec<String> =
            kept.services().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
        names.dedup();
        candidates(&current.to_string_lossy(), names.into_iter())
    })
}

pub(super) fn environments() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let Some(config) = configuration() else { return Vec::new() };
        let names = config.environments().iter().map(|environment| environment.name.to_string());
        candidates(&current.to_string_lossy(), names)
    })
}

pub(super) fn gates() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        candidates(&current.to_string_lossy(), GateName::ALL.iter().map(|gate| gate.as_str().to_owned()))
    })
}

/// Tags of the services on the command line; of all services where none is there yet.
pub(super) fn tags() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let kept = Kept::read();
        let words: Vec<String> = arguments().collect();
        let namespace = option(&["-n", "--namespace"]);
        let is_named = |name: &str| {
            let (its_namespace, bare) = name.split_once('/').unwrap_or_default();
            words.iter().any(|word| word == name)
                || (namespace.as_deref().is_none_or(|namespace| namespace == its_namespace)
                    && words.iter().any(|word| word == bare))
        };
        let named: Vec<&str> = kept.services().filter(|name| is_named(name)).collect();
        let is_meant = |name: &str| named.is_empty() || named.contains(&name);
        let mut tags: Vec<String> = Vec::new();
        for (_, of_service) in kept.lines().filter(|(name, _)| is_meant(name)) {
            tags.extend(of_service.split(' ').filter(|tag| !tag.is_empty()).map(str::to_owned));
        }
        let mut seen = std::collections::HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        candidates(&current.to_string_lossy(), tags.into_iter())
    })
}

fn candidates(typed: &str, names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    let (done, typed) = typed.rsplit_once(',').map_or(("", typed), |(done, typed)| (done, typed));
    let prefix = if done.is_empty() { String::new() } else { format!("{done},") };
    let matching = names.filter(|name| name.starts_with(typed));
    let ordered = matching.enumerate();
    ordered
        .map(|(at, name)| CompletionCandidate::new(format!("{prefix}{name}")).display_order(Some(at)))
        .collect()
}

/// The names that the last pass left.
struct Kept(String);

impl Kept {
    fn read() -> Self {
        let text = configuration().and_then(|config| {
            let folder = config.store.database.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
            fs::read_to_string(folder.join(FILE)).ok()
        });
        Self(text.unwrap_or_default())
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().map(|line| line.split_once(' ').unwrap_or((line, "")))
    }

    fn services(&self) -> impl Iterator<Item = &str> {
        self.lines().map(|(service, _)| service)
    }
}

fn configuration() -> Option<Config> {
    let named = option(&["-c", "--config"]).map(PathBuf::from);
    let named = named.or_else(|| env::var_os("TIDEGATE_CONFIG").map(PathBuf::from));
    Config::load(&named.unwrap_or_else(find_config_file)).ok().map(|loaded| loaded.config)
}

/// The words of the command line to complete: those behind `--`.
fn arguments() -> impl Iterator<Item = String> {
    env::args_os()
        .skip_while(|argument| argument != "--")
        .skip(2)
        .filter_map(|argument| argument.into_string().ok())
}

/// The value of an option on the command line to complete.
fn option(names: &[&str]) -> Option<String> {
    let mut is_next = false;
    for argument in arguments() {
        if is_next {
            return Some(argument);
        }
        is_next = names.contains(&argument.as_str());
        if let Some((name, value)) = argument.split_once('=')
            && names.contains(&name)
        {
            return Some(value.to_owned());
        }
    }
    None
}
