//! Scans the repository that the user gave, and finds `git.url`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use tempfile::TempDir;

use crate::config::{EnvLookup as _, ProcessEnv, SecretSource};
use crate::git::{
    Checkout, GitError, Login, Mirror, Reach, Secret, Settings, Signature, Signing, local_path,
};
use crate::init::{Finding, FindingKind, Origin, ScannedFile};
use crate::model::{
    BranchName, Class, Fault, LeftAlone, LeftAloneKind, NetworkUrl, Printable, Protocol, RepoPath,
};
use crate::port::Repository as _;

use crate::cli::commands::folder;

/// The branch, unless another one is checked out or given.
const USUAL_BRANCH: &str = "main";
/// The environment variable of an https token.
const TOKEN: &str = "GIT_TOKEN";
/// Git's own environment variable for the certificate authorities of https.
const CA_FILE: &str = "GIT_SSL_CAINFO";
/// The environment variable of the SSH agent's socket.
const SSH_AGENT: &str = "SSH_AUTH_SOCK";

/// The scanned files and their repository.
pub(super) struct Source {
    pub(super) files: Vec<(RepoPath, ScannedFile)>,
    pub(super) manifests: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) origin: Origin,
}

/// The manifests of a folder or of a branch.
struct Scan {
    files: Vec<(RepoPath, ScannedFile)>,
    /// Number of YAML files.
    manifests: usize,
    findings: Vec<Finding>,
}

/// Scans a folder or a repository: the files of a working copy as they are, or the tip of the branch of a bare repository, of a
/// URL, and of another branch than the checked-out one.
pub(super) fn read(repository: &str, branch: Option<BranchName>) -> Result<Source, Fault> {
    match repository.parse::<NetworkUrl>() {
        Ok(url) => read_url(&url, branch),
        Err(_) => read_path(repository, branch),
    }
}

fn read_path(repository: &str, branch: Option<BranchName>) -> Result<Source, Fault> {
    let named = local_path(repository).map_err(Fault::from)?;
    let missing =
        |error| Fault::new(Class::Failed, format!("cannot find {}", shown(&named))).with_source(error);
    let path = named.canonicalize().map_err(missing)?;
    if !path.is_dir() {
        return Err(Fault::new(Class::Usage, format!("{} is a file", shown(&named)))
            .with_hint("give the folder of the repository"));
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
    let remote = checkout.and_then(|checkout| checkout.origin?.parse::<NetworkUrl>().ok());
    Ok(source(scan, shown(&path), address, remote.as_ref(), branch))
}

/// Scans the tip of a branch of a repository on another machine.
fn read_url(url: &NetworkUrl, branch: Option<BranchName>) -> Result<Source, Fault> {
    let login = UrlLogin::find(url);
    let ca_file = ca_file(url);
    let reach = || Reach { login: login.login.clone(), ca_file: ca_file.clone(), ..Reach::default() };
    let (scan, branch) = match branch {
        Some(branch) => (scan_remote(&url.to_string(), reach(), &branch, &[], &temporary_folder()?)?, branch),
        None => scan_default_branch(url, reach)?,
    };
    let ca_file = ca_file.as_deref().map(text_of).transpose()?;
    let UrlLogin { auth, notes, finding, .. } = login;
    let address = Address { url: url.to_string(), notes, auth, ca_file, finding };
    Ok(source(scan, url.to_string(), address, Some(url), branch))
}

/// Scans `main`, or the branch that the repository has instead.
fn scan_default_branch(url: &NetworkUrl, reach: impl Fn() -> Reach) -> Result<(Scan, BranchName), Fault> {
    let usual = usual_branch()?;
    match scan_remote(&url.to_string(), reach(), &usual, &[], &temporary_folder()?) {
        Err(GitError::BranchMissing { existing, .. }) => {
            let only = (existing.len() == 1).then(|| existing.first()).flatten();
            let branch = existing.iter().find(|branch| *branch == "master").or(only);
            let Some(branch) = branch.and_then(|branch| branch.parse::<BranchName>().ok()) else {
                return Err(Fault::new(Class::Usage, format!("{url} has no branch {usual}"))
                    .with_hint(format!("name one with --branch: {}", existing.join(", "))));
            };
            Ok((scan_remote(&url.to_string(), reach(), &branch, &[], &temporary_folder()?)?, branch))
        }
        scanned => Ok((scanned?, usual)),
    }
}

fn source(
    scan: Scan,
    scanned: String,
    address: Address,
    remote: Option<&NetworkUrl>,
    branch: BranchName,
) -> Source {
    let Scan { files, manifests, mut findings } = scan;
    findings.extend(address.finding);
    let owner = remote.and_then(|url| url.path().split('/').next().map(str::to_owned));
    let origin = Origin {
        scanned,
        url: address.url,
        url_notes: address.notes,
        auth: address.auth,
        ca_file: address.ca_file,
        owner,
        branch,
    };
    Source { files, manifests, findings, origin }
}

/// The `git.url` and `git.auth` of the configuration.
struct Address {
    url: String,
    /// Comment lines.
    notes: Vec<String>,
    auth: Option<String>,
    ca_file: Option<String>,
    finding: Option<Finding>,
}

/// The certificate authorities that Git trusts for an https URL.
fn ca_file(url: &NetworkUrl) -> Option<PathBuf> {
    let file = ProcessEnv.value_of(CA_FILE).filter(|value| !value.is_empty())?;
    (url.protocol() == Protocol::Https).then(|| file.into())
}

/// How `init` logs in to a URL, which the configuration then repeats.
struct UrlLogin {
    login: Login,
    auth: Option<String>,
    notes: Vec<String>,
    finding: Option<Finding>,
}

impl UrlLogin {
    fn find(url: &NetworkUrl) -> Self {
        let variables = ProcessEnv;
        let is_set = |name: &str| variables.value_of(name).is_some_and(|value| !value.is_empty());
        match url.protocol() {
            Protocol::Ssh if is_set(SSH_AGENT) => Self::agent(variables.value_of(SSH_AGENT)),
            Protocol::Ssh => Self::key(variables.value_of("HOME")),
            Protocol::Https | Protocol::Http if is_set(TOKEN) => Self::token(),
            Protocol::Https | Protocol::Http | Protocol::Git => Self::anonymous(),
        }
    }

    fn with(login: Login, auth: String) -> Self {
        Self { login, auth: Some(auth), notes: Vec::new(), finding: None }
    }

    fn agent(socket: Option<OsString>) -> Self {
        let socket = socket.map(PathBuf::from).unwrap_or_default();
        Self::with(Login::SshAgent { socket, known_hosts: None }, "{sshAgent: {}}".to_owned())
    }

    /// The first of OpenSSH's usual keys.
    fn key(home: Option<OsString>) -> Self {
        let folder = home.map(PathBuf::from).unwrap_or_default().join(".ssh");
        let usual = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| folder.join(name));
        let file = usual.iter().find(|file| file.is_file()).unwrap_or(&usual[0]).clone();
        let auth = format!("{{sshKey: {{file: {}}}}}", quoted(&file.to_string_lossy()));
        Self::with(Login::SshKey { file, passphrase: None, known_hosts: None }, auth)
    }

    fn token() -> Self {
        let login = Login::Token { username: "x-access-token".to_owned(), token: Arc::new(EnvToken) };
        Self::with(login, format!("{{token: {{env: {TOKEN}}}}}"))
    }

    fn anonymous() -> Self {
        let message = "git.url is read anonymously, so Tidegate cannot push promotions";
        let hint =
            format!("`plan` works as it is; before `sync` or `run`, add `auth: {{token: {{env: {TOKEN}}}}}`");
        Self {
            login: Login::None,
            auth: None,
            notes: vec![format!(
                "Read anonymously. To push promotions, add auth: {{token: {{env: {TOKEN}}}}}."
            )],
            finding: Some(Finding::new(FindingKind::GitUrl, message).with_hint(hint)),
        }
    }
}

/// The token in the environment.
#[derive(Debug)]
struct EnvToken;

impl Secret for EnvToken {
    fn read(&self) -> Result<SecretString, Fault> {
        Ok(SecretSource::Env(TOKEN.to_owned()).read(&ProcessEnv)?)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Address {
    fn of(checkout: &Checkout) -> Result<Self, Fault> {
        if checkout.is_bare {
            return Ok(Self {
                url: text_of(&checkout.top)?,
                notes: Vec::new(),
                auth: None,
                ca_file: None,
                finding: None,
            });
        }
        match checkout.origin.as_deref().map(|origin| remote(origin, &checkout.top)) {
            Some(Ok(url)) => {
                let notes = vec![format!("The remote `origin` of {}.", shown(&checkout.top))];
                Ok(Self { url, notes, auth: None, ca_file: None, finding: None })
            }
            Some(Err(elsewhere)) => Self::of_working_copy(&checkout.top, Some(&elsewhere)),
            None => Self::of_working_copy(&checkout.top, None),
        }
    }

    /// Reading from a working copy works; pushing to the branch checked out in it does not.
    fn of_working_copy(top: &Path, origin: Option<&str>) -> Result<Self, Fault> {
        let url = text_of(top)?;
        let mut notes = vec![
            "A working copy: `plan` can read it, but Git does not push to its checked-out branch.".to_owned(),
            "Before `run`, write the URL of the repository that Flux reads.".to_owned(),
        ];
        let message =
            format!("git.url is the working copy {}, which Tidegate can read but not push to", shown(top));
        if let Some(origin) = origin {
            notes.push(format!("Its remote is {origin}: write that as `url`, and the login as `auth`."));
        }
        let finding = Finding::new(FindingKind::GitUrl, message).with_hint(
            "`plan` works as it is; before `sync` or `run`, write the URL that Flux reads as `git.url`",
        );
        Ok(Self { url, notes, auth: None, ca_file: None, finding: Some(finding) })
    }

    fn of_no_repository(path: &Path) -> Result<Self, Fault> {
        let notes = vec!["This folder is not in a Git repository: write the URL that Flux reads.".to_owned()];
        let message = format!("{} is not in a Git repository, so `git.url` does not work", shown(path));
        let finding = Finding::new(FindingKind::GitUrl, message)
            .with_hint("write the URL that Flux reads as `git.url`");
        Ok(Self { url: text_of(path)?, notes, auth: None, ca_file: None, finding: Some(finding) })
    }
}

/// The folder of a remote on this machine; the error is the printable URL of one elsewhere.
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
    let read = folder::read(path, top, ScannedFile::scan).map_err(|error| {
        Fault::new(Class::Failed, format!("cannot read the folder {}", shown(path))).with_source(error)
    })?;
    let skipped = read.skipped.into_iter().map(|skipped| Finding::new(FindingKind::Skipped, skipped));
    let unreadable = read.unreadable.into_iter().map(|(file, error)| {
        let message = format!("cannot be read: {error}");
        Finding::new(FindingKind::Unreadable, message).in_file(&file, None)
    });
    let findings = skipped.chain(unreadable).collect();
    Ok(Scan { files: read.files, manifests: read.manifests, findings })
}

/// Scans the tip of a branch of a repository on this machine.
fn scan_branch(checkout: &Checkout, path: &Path, branch: &BranchName) -> Result<Scan, Fault> {
    let part = path.strip_prefix(&checkout.top).ok().and_then(Path::to_str);
    let scope: Vec<RepoPath> = part.and_then(|part| part.parse().ok()).into_iter().collect();
    Ok(scan_remote(&text_of(&checkout.top)?, Reach::default(), branch, &scope, &temporary_folder()?)?)
}

fn temporary_folder() -> Result<TempDir, Fault> {
    tempfile::tempdir()
        .map_err(|error| Fault::new(Class::Failed, "cannot create a temporary folder").with_source(error))
}

/// Scans the tip of a branch through a mirror in a temporary folder.
fn scan_remote(
    url: &str,
    reach: Reach,
    branch: &BranchName,
    scope: &[RepoPath],
    temporary: &TempDir,
) -> Result<Scan, GitError> {
    let mirror = Mirror::open(Settings {
        url: url.to_owned(),
        reach,
        branch: branch.clone(),
        mirror: temporary.path().join("mirror.git"),
        author: Signature { name: "tidegate".to_owned(), email: "tidegate@localhost".to_owned() },
        signing: Signing::None,
        verify: None,
    })?;
    let head = mirror.fetch()?.head;
    let listing = mirror.files(head, scope)?;
    let blobs: Vec<_> = listing.files.iter().map(|file| file.blob).collect();
    let scanned =
        mirror.read_each(&blobs, |at, content| ScannedFile::scan(&listing.files[at].path, content))?;
    let manifests = blobs.len();
    let files = listing.files.into_iter().zip(scanned);
    let files = files.filter_map(|(file, scanned)| Some((file.path, scanned?))).collect();
    let findings = listing.left_alone.iter().map(left_alone).collect();
    Ok(Scan { files, manifests, findings })
}

fn left_alone(entry: &LeftAlone) -> Finding {
    let why = match entry.kind {
        LeftAloneKind::Submodule => "another repository, which is not read",
        LeftAloneKind::SymbolicLink => "a symbolic link, which is not followed",
        LeftAloneKind::NotUtf8 | LeftAloneKind::Unsafe => "its name is not valid in a repository path",
    };
    Finding::new(FindingKind::Skipped, format!("{}: {why}", Printable::new(&entry.path)))
}

fn usual_branch() -> Result<BranchName, Fault> {
    USUAL_BRANCH.parse().map_err(|error: crate::model::RepoPathError| {
        Fault::new(Class::Failed, "cannot parse the default branch").with_source(error)
    })
}

/// A path as a value of the configuration.
fn text_of(path: &Path) -> Result<String, Fault> {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Fault::new(Class::Failed, format!("cannot write {} into a configuration", shown(path)))
            .with_hint("rename the folder: UTF-8 without control characters")),
    }
}

fn shown(path: &Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}
