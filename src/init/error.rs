//! Why no configuration could be drafted.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::config::ConfigError;
use crate::model::{Class, Fault, Printable, RepoPath};

use super::folders::ancestors;
use super::stage::EXAMPLES;
use super::yaml_scalar::scalar;

const TAG_IN_BASE: &str =
    "a tag in a base is the same in every environment: write it in each environment's patch\n";
/// Maximum folders or reasons in an error.
const MAX_LISTED: usize = 5;

/// No configuration could be drafted.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is no image field.
    #[error("found no image tag in a HelmRelease, in {scanned} YAML files")]
    NoImages {
        /// Number of scanned files.
        scanned: usize,
        /// What was found instead, with positions.
        instead: Vec<String>,
    },
    /// There are image fields, but no folder above them is named like an environment.
    #[error("found no environment: no folder above the image tags is named like one")]
    NoEnvironment {
        /// A folder that is named like an environment, but holds services of its own.
        namespace: Option<RepoPath>,
        /// A file that is named like an environment.
        stage_file: Option<RepoPath>,
        /// The folders with image fields, sorted.
        folders: Vec<RepoPath>,
    },
    /// The drafted configuration does not load: a bug.
    #[error("the drafted configuration does not load")]
    Unusable {
        /// The errors in it.
        #[source]
        source: Box<ConfigError>,
    },
}

impl InitError {
    /// The class of the error.
    pub fn class(&self) -> Class {
        Class::Failed
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoImages { scanned: 0, .. } => {
                "give the folder or the repository that Flux reads; its manifests end in .yaml or .yml".to_owned()
            }
            Self::NoImages { instead, .. } if instead.is_empty() => {
                "`init` reads image tags in `spec.values` of HelmReleases, as `image: {repository, tag}` or as a whole \
                 reference; it does not read Deployments and values in ConfigMaps"
                    .to_owned()
            }
            Self::NoImages { instead, .. } => {
                format!(
                    "`init` reads image tags in `spec.values` of HelmReleases; found instead: {}",
                    short_list(instead.iter().map(String::as_str))
                )
            }
            Self::NoEnvironment { folders, namespace, stage_file } => {
                no_environment(folders, namespace.as_ref(), stage_file.as_ref())
            }
            Self::Unusable { .. } => "this is a bug in Tidegate; please report it with this message".to_owned(),
        }
    }
}

impl From<InitError> for Fault {
    fn from(error: InitError) -> Self {
        let fault = Self::new(error.class(), error.to_string()).with_hint(error.hint());
        match error {
            InitError::Unusable { source } => fault.with_source(source),
            InitError::NoImages { .. } | InitError::NoEnvironment { .. } => fault,
        }
    }
}

fn no_environment(
    folders: &[RepoPath],
    namespace: Option<&RepoPath>,
    stage_file: Option<&RepoPath>,
) -> String {
    let listed = short_list(folders.iter().map(RepoPath::as_str));
    let is_base = |folder: &RepoPath| folder.as_str().split('/').any(|part| part == "base");
    let base = if folders.iter().all(is_base) { TAG_IN_BASE } else { "" };
    let namespace = namespace.map(|folder| {
        let folder = Printable::bounded(folder.as_str(), 120);
        format!("{folder} is most likely a namespace: no other folder has its services\n")
    });
    let namespace = namespace.unwrap_or_default();
    let stage_file = stage_file.map(|file| {
        let file = Printable::bounded(file.as_str(), 120);
        format!("{file} is named like an environment: give each stage a folder, or write `paths: [\"apps/*/prod.yaml\"]`\n")
    });
    let stage_file = stage_file.unwrap_or_default();
    let paths: Vec<String> = top_folders(folders).into_iter().map(scalar).collect();
    format!(
        "environments are found by folder names: {EXAMPLES}\n\
         image tags are in {listed}\n\
         {namespace}{stage_file}{base}write the configuration by hand; this one reads them as one environment:\n\
         {{git: {{url: /srv/git/gitops.git, branch: main}}, environments: [{{name: all, paths: [{}]}}]}}",
        paths.join(", ")
    )
}

/// The folder that contains all of them, or the folders at the root of the repository.
fn top_folders(folders: &[RepoPath]) -> BTreeSet<&str> {
    let is_common = |candidate: &&str| {
        let candidate = candidate.parse::<RepoPath>();
        candidate.is_ok_and(|candidate| folders.iter().all(|folder| folder.is_within(&candidate)))
    };
    let common = folders.first().and_then(|first| ancestors(first.as_str()).find(is_common));
    match common {
        Some(common) => BTreeSet::from([common]),
        None => folders.iter().filter_map(|folder| folder.as_str().split('/').next()).collect(),
    }
}

/// The first few, and how many more.
fn short_list<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = texts.len();
    let mut shown: Vec<String> =
        texts.take(MAX_LISTED).map(|text| Printable::bounded(text, 120).to_string()).collect();
    if count > MAX_LISTED {
        shown.push(format!("{} more", count - MAX_LISTED));
    }
    shown.join(", ")
}
