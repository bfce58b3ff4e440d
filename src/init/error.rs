//! Why no configuration could be made.

use thiserror::Error;

use crate::config::ConfigError;
use crate::model::{Class, Fault, Printable, RepoPath};

use super::stage::EXAMPLES;

/// What is the matter when the only images are in a base.
const TAG_IN_BASE: &str =
    "A tag in a base is the same in every environment that uses it: write it in each environment's patch.\n";
/// How many folders an error names.
const MOST_NAMED: usize = 5;

/// No configuration could be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is no image field that could be moved.
    #[error("no HelmRelease with an image tag was found in {manifests} YAML files")]
    NoImages {
        /// How many files were looked at.
        manifests: usize,
        /// What was found instead, told with its place.
        instead: Vec<String>,
    },
    /// There are image fields, and no folder above them is named like an environment.
    #[error("no environment was found: no folder above a HelmRelease is named like one")]
    NoEnvironment {
        /// The folders with image fields, sorted.
        folders: Vec<RepoPath>,
    },
    /// What was written is no valid configuration.
    #[error("the configuration that was made of the repository cannot be used")]
    Unusable {
        /// What is wrong with it.
        #[source]
        source: Box<ConfigError>,
    },
}

impl InitError {
    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        Class::Failed
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NoImages { manifests: 0, .. } => {
                "name the folder or the repository that Flux reads; its manifests end in .yaml or .yml".to_owned()
            }
            Self::NoImages { instead, .. } if instead.is_empty() => {
                "image tags are looked for under `spec.values` of each HelmRelease, as `image: {repository, tag}` \
                 or as a whole reference; Deployments and values in ConfigMaps are not read"
                    .to_owned()
            }
            Self::NoImages { instead, .. } => {
                format!("these could not be used:\n{}", listed(instead.iter().map(String::as_str)).trim_end())
            }
            Self::NoEnvironment { folders } => no_environment(folders),
            Self::Unusable { .. } => "this is a mistake in Tidegate; please report it with the message".to_owned(),
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
        "looked for folders named {EXAMPLES}, alone or with other words as in prod-digital-eks.\n\
         Images were found under\n{found}{base}\
         Write the configuration by hand; this is enough to begin with:\n\
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
    let mut lines: Vec<String> = texts.take(MOST_NAMED).map(line).collect();
    if count > MOST_NAMED {
        lines.push(format!("  and {} more\n", count - MOST_NAMED));
    }
    lines.concat()
}
