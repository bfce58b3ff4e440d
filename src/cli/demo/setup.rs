//! What exists before the daemon starts: a GitOps repository with a history, the source repositories of three services, a
//! registry with releases, and a configuration.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use tempfile::TempDir;

use crate::model::{Class, Fault, Timestamp};

use super::git::{Git, PersonCommit};
use super::layout::{self, Cluster, GRAPHQL, MOBILE, NON_PROD, PAYMENTS, PROD, Service};
use super::registry::Registry;

/// How much longer payments soak than the rest: its tag must be pushed again meanwhile, however short `--soak` is.
const PAYMENTS_EXTRA_SECONDS: u64 = 3;

/// So long that the mobile backend reaches prod by hand only.
const MOBILE_SOAK_SECONDS: u64 = 24 * 3600;

/// The version before, and the one that runs.
const PAST: [(Service, &str, &str); 3] =
    [(GRAPHQL, "v1.0.171", "v1.0.176"), (PAYMENTS, "v2.3.17", "v2.4.0"), (MOBILE, "v3.0.8", "v3.1.2")];

/// A commit's subject, and its tag if it was released.
type SourceCommit = (&'static str, Option<&'static str>);

/// The commits of each source repository.
const SOURCES: [(Service, &[SourceCommit]); 3] = [
    (
        GRAPHQL,
        &[
            ("chore: raise the base image", Some("v1.0.176")),
            ("feat(cache): keep persisted queries (#412)", None),
            ("fix: close idle subscriptions (#418)", None),
            ("docs: describe the cache", Some("v1.0.180")),
        ],
    ),
    (
        PAYMENTS,
        &[
            ("chore: raise the base image", Some("v2.4.0")),
            ("feat: refund in parts (#97)", Some("v2.4.1")),
            ("fix: round refunds to cents (#101)", Some("v2.4.2")),
        ],
    ),
    (
        MOBILE,
        &[
            ("chore: raise the base image", Some("v3.1.2")),
            ("fix(login): refresh expired sessions (#233)", Some("v3.1.3")),
        ],
    ),
];

const CAMILA: &str = "Camila Soto <camila@vtr.example>";
const DIEGO: &str = "Diego Rojas <diego@vtr.example>";

#[derive(Debug)]
pub(super) struct Setup {
    pub(super) git: Git,
    pub(super) registry: Registry,
    pub(super) config_file: PathBuf,
    pub(super) config_text: String,
    /// The head before the daemon starts.
    pub(super) base: String,
    /// The source commit of each release, by the service's name and the tag.
    revisions: HashMap<(&'static str, &'static str), String>,
}

/// How long a version of the service soaks before prod, in seconds, when the others soak for `soak`.
pub(super) fn soak_seconds(service: Service, soak: u64) -> u64 {
    match service.name {
        name if name == PAYMENTS.name => soak + PAYMENTS_EXTRA_SECONDS,
        name if name == MOBILE.name => MOBILE_SOAK_SECONDS,
        _ => soak,
    }
}

/// The folder that everything is in; dropping it removes it.
pub(super) fn folder() -> Result<TempDir, Fault> {
    let failed = |error: io::Error| {
        Fault::new(Class::Failed, "cannot create a temporary folder for the demo")
            .with_source(error)
            .with_hint("set TMPDIR to a folder that you may write to")
    };
    let parent = std::env::temp_dir().canonicalize().map_err(failed)?;
    tempfile::Builder::new().prefix("tidegate-demo-").tempdir_in(parent).map_err(failed)
}

impl Setup {
    /// Creates everything in `folder`, with versions that soak for so many seconds.
    pub(super) async fn create(folder: &Path, soak: u64) -> Result<Self, Fault> {
        let now = chrono::Utc::now();
        let git = Git::create(folder.join("gitops.git"))?;
        git.import(&past(now))?;
        let base = git.text(&["rev-parse", "main"])?;
        let revisions = sources(folder, now)?;
        let setup = Self {
            git,
            registry: Registry::start().await?,
            config_file: folder.join("tidegate.yaml"),
            config_text: String::new(),
            base,
            revisions,
        };
        setup.release_the_past();
        let config_text = configuration(folder, &setup.registry, soak)?;
        std::fs::write(&setup.config_file, &config_text).map_err(|error| {
            Fault::new(Class::Failed, format!("cannot write {}", setup.config_file.display()))
                .with_source(error)
        })?;
        Ok(Self { config_text, ..setup })
    }

    /// Pushes the image of a release, built from its source commit, and returns its digest.
    pub(super) fn push(&self, service: Service, tag: &str) -> String {
        let revision = self.revisions.get(&(service.name, tag)).map_or("", String::as_str);
        self.registry.push(&service.image(), tag, revision)
    }

    /// Moves the tag of a release to another image.
    pub(super) fn push_again(&self, service: Service, tag: &str) -> String {
        self.registry.push(&service.image(), tag, &"0".repeat(40))
    }

    /// The releases of the past, and tags that are never chosen.
    fn release_the_past(&self) {
        let release = |service: Service, minor: &str, patches: std::ops::RangeInclusive<u32>| {
            for patch in patches {
                self.push(service, &format!("v{minor}.{patch}"));
            }
        };
        for service in [GRAPHQL, PAYMENTS, MOBILE] {
            for tag in ["latest", "main", "v9.0.0-rc.1"] {
                self.push(service, tag);
            }
        }
        release(GRAPHQL, "1.0", 1..=176);
        release(PAYMENTS, "2.3", 1..=17);
        release(PAYMENTS, "2.4", 0..=0);
        release(MOBILE, "3.0", 1..=8);
        release(MOBILE, "3.1", 0..=2);
    }
}

/// Writes the source repositories, and returns the commit of each release.
fn sources(folder: &Path, now: Timestamp) -> Result<HashMap<(&'static str, &'static str), String>, Fault> {
    let mut revisions = HashMap::new();
    for (service, commits) in SOURCES {
        let git = Git::create(source(folder, service))?;
        let commit =
            |(number, (subject, tag)): (usize, &(&'static str, Option<&'static str>))| PersonCommit {
                at: now - TimeDelta::hours(10) + TimeDelta::hours(i64::try_from(number).unwrap_or_default()),
                author: if number % 2 == 0 { DIEGO } else { CAMILA },
                subject: (*subject).to_owned(),
                files: vec![("src/main.ts".to_owned(), format!("// {number}\n"))],
                tag: *tag,
            };
        git.import(&commits.iter().enumerate().map(commit).collect::<Vec<_>>())?;
        for tag in commits.iter().filter_map(|(_, tag)| *tag) {
            revisions.insert((service.name, tag), git.text(&["rev-parse", tag])?);
        }
    }
    Ok(revisions)
}

fn source(folder: &Path, service: Service) -> PathBuf {
    folder.join(format!("{}.git", service.name))
}

/// The commits of people in the weeks before.
fn past(now: Timestamp) -> Vec<PersonCommit> {
    let commit = |days: i64, author, subject: &str, files| PersonCommit {
        at: now - TimeDelta::days(days),
        author,
        subject: subject.to_owned(),
        files,
        tag: None,
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

fn configuration(folder: &Path, registry: &Registry, soak: u64) -> Result<String, Fault> {
    let text = folder
        .to_str()
        .filter(|text| !text.contains(['%', '?', '#', '"', '\\']) && !text.contains(char::is_control));
    let folder = text.ok_or_else(|| {
        Fault::new(
            Class::Usage,
            format!("the name of the folder {} cannot be part of a URL", folder.display()),
        )
        .with_hint("set TMPDIR to a plain one, such as /tmp")
    })?;
    let address = registry.address();
    let (non_prod, prod) = (NON_PROD.environment, PROD.environment);
    let (non_prod_folder, prod_folder) = (NON_PROD.folder, PROD.folder);
    let overrides: Vec<String> = [GRAPHQL, PAYMENTS, MOBILE]
        .into_iter()
        .map(|service| {
            let (name, source) = (service.full_name(), service.name);
            let seconds = soak_seconds(service, soak);
            let soak = match seconds {
                MOBILE_SOAK_SECONDS => ", soak: {prod: 24h}".to_owned(),
                seconds if seconds == soak => String::new(),
                seconds => format!(", soak: {{prod: {seconds}s}}"),
            };
            format!("    - {{match: {name}{soak}, source: {{repository: \"{folder}/{source}.git\"}}}}\n")
        })
        .collect();
    let overrides = overrides.concat();
    Ok(format!(
        "schedule: \"*/2 * * * * *\"             # every 2 s here; every minute by default
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
{overrides}store: {{url: \"sqlite://{folder}/data/tidegate.db\"}}
"
    ))
}
