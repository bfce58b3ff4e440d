//! Why no configuration could be drafted.

use thiserror::Error;

use crate::config::ConfigError;
use crate::model::{Class, Fault, Printable, RepoPath};

use super::stage::EXAMPLES;

const TAG_IN_BASE: &str =
    "A tag in a base is the same in every environment: write it in each environment's patch.\n";
/// Maximum folders or reasons in an error.
const MAX_LISTED: usize = 5;

/// No configuration could be drafted.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is no image field.
    #[error("found no HelmRelease with an image tag in {scanned} YAML files")]
    NoImages {
        /// Number of scanned files.
        scanned: usize,
        /// What was found instead, with positions.
        instead: Vec<String>,
    },
    /// There are image fields, but no folder above them is named like an environment.
    #[error("found no environment: no folder above a HelmRelease is named like one")]
    NoEnvironment {
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
                format!("these were found instead:\n{}", listed(instead.iter().map(String::as_str)).trim_end())
            }
            Self::NoEnvironment { folders } => no_environment(folders),
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

fn no_environment(folders: &[RepoPath]) -> String {
    let found = listed(folders.iter().map(RepoPath::as_str));
    let is_base = |folder: &RepoPath| folder.as_str().split('/').any(|part| part == "base");
    let base = if folders.iter().any(is_base) { TAG_IN_BASE } else { "" };
    format!(
        "expected folders named {EXAMPLES}, alone or with other words as in prod-digital-eks.\n\
         Images were found in\n{found}{base}\
         Write the configuration by hand, starting with:\n\
         \n\
         git: {{url: /srv/git/gitops.git, branch: main}}\n\
         environments:\n  \
           - {{name: first, paths: [path/of/the/first]}}\n  \
           - {{name: second, paths: [path/of/the/second], after: first, soak: 24h}}"
    )
}

/// The first few, one a line.
fn listed<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = texts.len();
    let line = |text: &str| format!("  {}\n", Printable::new(text));
    let mut lines: Vec<String> = texts.take(MAX_LISTED).map(line).collect();
    if count > MAX_LISTED {
        lines.push(format!("  and {} more\n", count - MAX_LISTED));
    }
    lines.concat()
}
