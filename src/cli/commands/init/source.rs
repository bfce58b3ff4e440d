//! Where the manifests are read from, and what `git.url` should be.

use std::path::Path;

use crate::git::{Checkout, GitError, Mirror, Reach, Settings, Signature, Signing, local_path};
use crate::init::{Finding, FindingKind, Origin, ScannedFile};
use crate::model::{BranchName, Class, Fault, LeftAlone, LeftAloneKind, Printable, RepoPath};

use super::folder::{self, Scan};

/// The branch where none is checked out and none was named.
const USUAL_BRANCH: &str = "main";

/// What was read, and where it is from.
pub(super) struct Source {
    pub(super) files: Vec<(RepoPath, ScannedFile)>,
    pub(super) manifests: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) origin: Origin,
}

/// Reads the manifests of the folder or the repository that a person named: the files as they are in a working copy,
/// or the tip of the branch in a bare repository or when another branch was named.
pub(super) fn read(repository: &str, branch: Option<BranchName>) -> Result<Source, Fault> {
    let named = local_path(repository).map_err(not_local)?;
    let missing =
        |error| Fault::new(Class::Failed, format!("cannot find {}", shown(&named))).with_source(error);
    let path = named.canonicalize().map_err(missing)?;
    if !path.is_dir() {
        return Err(Fault::new(Class::Usage, format!("{} is a file", shown(&named)))
            .with_hint("name the folder of the repository"));
    }
    let checkout = Checkout::around(&path)?;
    let checked_out = checkout.as_ref().and_then(|checkout| checkout.branch.clone());
    let is_other = branch.is_some() && branch != checked_out;
    let branch = match branch.or(checked_out) {
        Some(branch) => branch,
        None => usual_branch()?,
    };
    let scan = match &checkout {
        Some(checkout) if checkout.is_bare || is_other => scan_branch(checkout, &path, &branch)?,
        Some(checkout) => scan_folder(&path, &checkout.top)?,
        None => scan_folder(&path, &path)?,
    };
    let address = match &checkout {
        Some(checkout) => Address::of(checkout)?,
        None => Address::of_no_repository(&path)?,
    };
    let Scan { files, manifests, mut findings } = scan;
    findings.extend(address.finding);
    let scanned = shown(&path);
    let origin = Origin { scanned, url: address.url, url_notes: address.notes, branch };
    Ok(Source { files, manifests, findings, origin })
}

/// What `git.url` becomes.
struct Address {
    url: String,
    /// What is said of it in the configuration.
    notes: Vec<String>,
    finding: Option<Finding>,
}

impl Address {
    fn of(checkout: &Checkout) -> Result<Self, Fault> {
        if checkout.is_bare {
            return Ok(Self { url: text_of(&checkout.top)?, notes: Vec::new(), finding: None });
        }
        match checkout.origin.as_deref().map(|origin| remote(origin, &checkout.top)) {
            Some(Ok(url)) => {
                let notes = vec![format!("The remote `origin` of {}.", shown(&checkout.top))];
                Ok(Self { url, notes, finding: None })
            }
            Some(Err(elsewhere)) => Self::of_working_copy(&checkout.top, Some(&elsewhere)),
            None => Self::of_working_copy(&checkout.top, None),
        }
    }

    /// ScannedFile from a working copy works; pushing to what is checked out in it does not.
    fn of_working_copy(top: &Path, origin: Option<&str>) -> Result<Self, Fault> {
        let url = text_of(top)?;
        let mut notes = vec![
            "A working copy: `plan` can read it, but Git does not push to the branch that is checked out."
                .to_owned(),
            "Before `run`, name the repository that it is pushed to.".to_owned(),
        ];
        let message =
            format!("git.url is the working copy {}, which can be read and not pushed to", shown(top));
        if let Some(origin) = origin {
            notes.push(format!(
                "Its remote is {origin}: name that as `url`, with how to log in there as `auth`."
            ));
        }
        let finding = Finding::new(FindingKind::GitUrl, message).with_hint(
            "`plan` works as it is; before `sync` or `run`, name the repository that Flux reads as `git.url`",
        );
        Ok(Self { url, notes, finding: Some(finding) })
    }

    fn of_no_repository(path: &Path) -> Result<Self, Fault> {
        let notes = vec!["This folder is not in a Git repository: name the one that Flux reads.".to_owned()];
        let message = format!("{} is not in a Git repository, so that `git.url` leads nowhere", shown(path));
        let finding =
            Finding::new(FindingKind::GitUrl, message).with_hint("name the repository that Flux reads");
        Ok(Self { url: text_of(path)?, notes, finding: Some(finding) })
    }
}

/// The folder of a remote on this machine, or the remote's URL, fit to be shown.
fn remote(origin: &str, top: &Path) -> Result<String, String> {
    let is_relative = !origin.starts_with('/') && !origin.contains(':');
    let url = if is_relative { top.join(origin).to_string_lossy().into_owned() } else { origin.to_owned() };
    let elsewhere = |error| match error {
        GitError::Url { url, .. } => url,
        _ => "elsewhere".to_owned(),
    };
    let path = local_path(&url).map_err(elsewhere)?;
    let there = path.canonicalize().map_err(|_| shown(&path))?;
    text_of(&there).map_err(|_| shown(&path))
}

fn scan_folder(path: &Path, top: &Path) -> Result<Scan, Fault> {
    folder::scan(path, top).map_err(|error| {
        Fault::new(Class::Failed, format!("cannot read the folder {}", shown(path))).with_source(error)
    })
}

/// Reads the tip of a branch through a mirror that is gone afterwards.
fn scan_branch(checkout: &Checkout, path: &Path, branch: &BranchName) -> Result<Scan, Fault> {
    let cannot = |error| Fault::new(Class::Failed, "cannot make a temporary folder").with_source(error);
    let folder = tempfile::tempdir().map_err(cannot)?;
    let mirror = Mirror::open(Settings {
        url: text_of(&checkout.top)?,
        reach: Reach::default(),
        branch: branch.clone(),
        mirror: folder.path().join("mirror.git"),
        author: Signature { name: "tidegate".to_owned(), email: "tidegate@localhost".to_owned() },
        signing: Signing::None,
        verify: None,
    })?;
    let head = mirror.fetch()?.head;
    let part = path.strip_prefix(&checkout.top).ok().and_then(Path::to_str);
    let scope: Vec<RepoPath> = part.and_then(|part| part.parse().ok()).into_iter().collect();
    let listing = mirror.files(head, &scope)?;
    let blobs: Vec<_> = listing.files.iter().map(|file| file.blob).collect();
    let readings = mirror.read_each(&blobs, |_, content| ScannedFile::scan(content))?;
    let manifests = blobs.len();
    let files = listing.files.into_iter().zip(readings);
    let files = files.filter_map(|(file, reading)| Some((file.path, reading?))).collect();
    let findings = listing.left_alone.iter().map(left_alone).collect();
    Ok(Scan { files, manifests, findings })
}

fn left_alone(entry: &LeftAlone) -> Finding {
    let why = match entry.kind {
        LeftAloneKind::Submodule => "another repository, which is not read",
        LeftAloneKind::SymbolicLink => "a symbolic link, which is not followed",
        LeftAloneKind::NotUtf8 | LeftAloneKind::Unsafe => {
            "its name is none that a path in a repository can have"
        }
    };
    Finding::new(FindingKind::Skipped, format!("{}: {why}", Printable::new(&entry.path)))
}

fn not_local(error: GitError) -> Fault {
    Fault::from(error).with_hint("clone it, and name the clone: tidegate init ./gitops")
}

fn usual_branch() -> Result<BranchName, Fault> {
    USUAL_BRANCH.parse().map_err(|error: crate::model::RepoPathError| {
        Fault::new(Class::Failed, "cannot name the usual branch").with_source(error)
    })
}

/// A path as a value of the configuration.
fn text_of(path: &Path) -> Result<String, Fault> {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Fault::new(Class::Failed, format!("cannot write {} into a configuration", shown(path)))
            .with_hint("give the folder a name in UTF-8, without control characters")),
    }
}

fn shown(path: &Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}
