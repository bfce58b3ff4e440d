//! The stage of the demonstration: a temporary folder with a GitOps repository that has a past, a registry with a
//! release history, and a configuration.

use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use tempfile::TempDir;

use crate::model::{Class, Fault, Timestamp};

use super::git::{Git, PastCommit};
use super::layout::{self, Cluster, GRAPHQL, MOBILE, NON_PROD, PAYMENTS, PROD, Service};
use super::registry::Registry;

/// How much longer payments soak than the rest: no less than it takes to push a tag again meanwhile, however short the
/// soak of the others is.
const PAYMENTS_EXTRA_SECONDS: u64 = 3;

/// What the people of the past ran, and went over to.
const PAST: [(Service, &str, &str); 3] =
    [(GRAPHQL, "v1.0.171", "v1.0.176"), (PAYMENTS, "v2.3.17", "v2.4.0"), (MOBILE, "v3.0.8", "v3.1.2")];

const CAMILA: &str = "Camila Soto <camila@vtr.example>";
const DIEGO: &str = "Diego Rojas <diego@vtr.example>";

/// Everything that is there before the daemon starts.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) git: Git,
    pub(super) registry: Registry,
    pub(super) config_file: PathBuf,
    pub(super) config_text: String,
    /// The commit that the story begins at.
    pub(super) base: String,
}

/// How long a version of the service soaks before prod, in seconds, when the others soak for `soak`.
pub(super) fn soak_seconds(service: Service, soak: u64) -> u64 {
    if service.name == PAYMENTS.name { soak + PAYMENTS_EXTRA_SECONDS } else { soak }
}

/// The folder that everything is in, gone when it is dropped.
pub(super) fn folder() -> Result<TempDir, Fault> {
    let cannot = |error: io::Error| {
        Fault::new(Class::Failed, "cannot make a temporary folder for the demonstration")
            .with_source(error)
            .with_hint("TMPDIR names the folder that it would be in")
    };
    let parent = std::env::temp_dir().canonicalize().map_err(cannot)?;
    tempfile::Builder::new().prefix("tidegate-demo-").tempdir_in(parent).map_err(cannot)
}

impl Stage {
    /// Sets everything up in `folder`, with versions that soak for so many seconds.
    pub(super) async fn set(folder: &Path, soak: u64) -> Result<Self, Fault> {
        let git = Git::create(folder.join("gitops.git"))?;
        git.import(&past(chrono::Utc::now()))?;
        let base = git.text(&["rev-parse", "main"])?;
        let registry = Registry::start().await?;
        stock(&registry);
        let config_file = folder.join("tidegate.yaml");
        let config_text = configuration(folder, &registry, soak)?;
        std::fs::write(&config_file, &config_text).map_err(|error| {
            Fault::new(Class::Failed, format!("cannot write {}", config_file.display())).with_source(error)
        })?;
        Ok(Self { git, registry, config_file, config_text, base })
    }
}

/// What people did in the weeks before.
fn past(now: Timestamp) -> Vec<PastCommit> {
    let commit = |days: i64, author, subject: &str, files| PastCommit {
        at: now - TimeDelta::days(days),
        author,
        subject: subject.to_owned(),
        files,
    };
    let both = |write: fn(Cluster) -> Vec<(String, String)>| [write(NON_PROD), write(PROD)].concat();
    let first = |cluster| PAST.iter().map(|(service, old, _)| service.release(cluster, old)).collect();
    let mut commits = vec![
        commit(90, CAMILA, "feat: both clusters, with Flux", both(layout::groundwork)),
        commit(61, DIEGO, "feat: the first three services", both(first)),
    ];
    for (days, cluster, author) in [(17, NON_PROD, CAMILA), (12, PROD, DIEGO)] {
        for (service, _, new) in PAST {
            let subject = format!("chore({}): update to {new}", service.name);
            commits.push(commit(days, author, &subject, vec![service.release(cluster, new)]));
        }
    }
    commits
}

/// The releases of the past, and tags that are never chosen.
fn stock(registry: &Registry) {
    let released = |service: Service, minor: &str, last: u32| {
        for patch in 1..=last {
            registry.push(&service.image(), &format!("v{minor}.{patch}"), "release");
        }
        for tag in ["latest", "main", "v9.0.0-rc.1"] {
            registry.push(&service.image(), tag, "release");
        }
    };
    released(GRAPHQL, "1.0", 176);
    released(PAYMENTS, "2.3", 17);
    registry.push(&PAYMENTS.image(), "v2.4.0", "release");
    released(MOBILE, "3.0", 8);
    for patch in 0..=2 {
        registry.push(&MOBILE.image(), &format!("v3.1.{patch}"), "release");
    }
}

fn configuration(folder: &Path, registry: &Registry, soak: u64) -> Result<String, Fault> {
    let text = folder
        .to_str()
        .filter(|text| !text.contains(['%', '?', '#', '"', '\\']) && !text.contains(char::is_control));
    let folder = text.ok_or_else(|| {
        Fault::new(
            Class::Usage,
            format!("the folder {} has a name that is no part of a URL", folder.display()),
        )
        .with_hint("set TMPDIR to a plain one, such as /tmp")
    })?;
    let address = registry.address();
    let (payments, payments_soak) = (PAYMENTS.full_name(), soak_seconds(PAYMENTS, soak));
    let (non_prod, prod) = (NON_PROD.environment, PROD.environment);
    let (non_prod_folder, prod_folder) = (NON_PROD.folder, PROD.folder);
    Ok(format!(
        "schedule: \"*/2 * * * * *\"             # when to look: every 2 s here, every minute in earnest
git:
  url: \"{folder}/gitops.git\"
  author: {{name: tidegate, email: tidegate@vtr.example}}
registries:
  - {{host: ghcr.io, endpoint: \"http://{address}\", plainHttp: true}}
environments:
  - {{name: {non_prod}, paths: [{non_prod_folder}]}}
  - {{name: {prod}, paths: [{prod_folder}], after: {non_prod}, soak: {soak}s}}
services:
  defaults: {{versions: \">=1.0.0\"}}
  overrides:
    - {{match: {payments}, soak: {{{prod}: {payments_soak}s}}}}
store: {{url: \"sqlite://{folder}/data/tidegate.db\"}}
"
    ))
}
