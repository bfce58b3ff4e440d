//! The `git` section.

use super::{file, git_auth, git_signing};
use crate::config::body::BodyForm;
use crate::config::environment_variables::EnvLookup;
use crate::config::host::{self, Endpoint};
use crate::config::location::Located;
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::settings::{Author, Batch, Git, Remote};
use crate::config::subject::SubjectForm;
use crate::model::{BranchName, NetworkUrlError, Printable, Protocol};

const DEFAULT_BRANCH: &str = "main";
const DEFAULT_AUTHOR_NAME: &str = "tidegate";
const DEFAULT_AUTHOR_EMAIL: &str = "tidegate@localhost";

pub(super) fn git(raw: &raw::Git, variables: &dyn EnvLookup, findings: &mut Findings) -> Option<Git> {
    let remote = findings.take(raw.url.at, repository(&raw.url.value));
    let auth = git_auth::auth(raw.auth.as_ref(), remote.as_ref(), raw.url.at, variables, findings);
    let ca_file = raw.ca_file.as_ref().and_then(|path| file::path(path, findings));
    let proxy = raw.proxy.as_ref().and_then(|url| findings.take(url.at, proxy(&url.value)));
    let branch = match &raw.branch {
        Some(text) => findings.take(text.at, branch(&text.value)),
        None => branch(DEFAULT_BRANCH).ok(),
    };
    let author = author(&raw.author, findings);
    let signing = git_signing::signing(raw.signing.as_ref(), findings);
    let verify = git_signing::verify(raw.verify.as_ref(), findings);
    let subject = match &raw.message.subject {
        Some(text) => findings.take(text.at, SubjectForm::parse(&text.value)),
        None => Some(SubjectForm::default()),
    };
    let subject = match &raw.message.suffix {
        Some(text) => subject.and_then(|form| findings.take(text.at, form.with_suffix(&text.value))),
        None => subject,
    };
    let body = match &raw.message.body {
        Some(text) => findings.take(text.at, BodyForm::parse(&text.value)).map(Some),
        None => Some(None),
    };
    warn_of_unused_subject(raw, findings);
    warn_of_unused_https(raw, remote.as_ref(), findings);
    Some(Git {
        remote: remote?,
        auth: auth?,
        ca_file,
        proxy,
        branch: branch?,
        author: author?,
        signing: signing?,
        verify,
        batch: batch(raw),
        subject: subject?,
        body: body?,
    })
}

fn warn_of_unused_https(raw: &raw::Git, remote: Option<&Remote>, findings: &mut Findings) {
    let is_https =
        |remote: &Remote| matches!(remote, Remote::Network(url) if url.protocol() == Protocol::Https);
    if remote.is_none_or(is_https) {
        return;
    }
    let keys =
        [("caFile", raw.ca_file.as_ref().map(|key| key.at)), ("proxy", raw.proxy.as_ref().map(|key| key.at))];
    for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
        let message = format!("`{key}` has no effect, since the repository is not reached over https");
        findings.warning(at, message, format!("leave `{key}` out"));
    }
}

fn proxy(text: &str) -> Result<Endpoint, Wrong> {
    let example = "write `http://`, a host and a port, without a login: `http://proxy.vtr.cl:3128`; a login belongs \
                   into the variable HTTPS_PROXY";
    match host::endpoint(text) {
        Ok(proxy) if proxy.path.is_empty() => Ok(proxy),
        _ => Err(("this is not the address of a proxy".to_owned(), example.to_owned())),
    }
}

fn batch(raw: &raw::Git) -> Batch {
    match raw.batch {
        None | Some(raw::Batch::Service) => Batch::Service,
        Some(raw::Batch::Environment) => Batch::Environment,
        Some(raw::Batch::All) => Batch::All,
    }
}

fn warn_of_unused_subject(raw: &raw::Git, findings: &mut Findings) {
    if let (Some(subject), false) = (&raw.message.subject, batch(raw) == Batch::Service) {
        findings.warning(
            subject.at,
            "the subject is used only for commits of one promotion, and `batch` puts several into one",
            "leave the subject out, or write `batch: service`",
        );
    }
}

/// Where a repository is, from a path or a URL.
fn repository(text: &str) -> Result<Remote, Wrong> {
    let example =
        "write a URL such as `ssh://git@github.com/vtr/gitops.git`, `https://github.com/vtr/gitops.git` or \
                   `file:///srv/git/gitops.git`, or an absolute path"
            .to_owned();
    if let Some(rest) = text.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let decoded = file::percent_decoded(path).filter(|path| !path.chars().any(char::is_control));
        return match decoded {
            Some(path) if path.starts_with('/') && path.len() > 1 => Ok(Remote::Path(path.into())),
            _ => Err(("the `file://` URL names no absolute path on this machine".to_owned(), example)),
        };
    }
    match text.parse() {
        Ok(url) => Ok(Remote::Network(url)),
        Err(NetworkUrlError::Path) => {
            file::absolute(text).map(Remote::Path).map_err(|(message, _)| (message, example))
        }
        Err(error @ NetworkUrlError::Login) => {
            Err((error.to_string(), "write it as `git.auth`: `auth: {token: {env: GIT_TOKEN}}`".to_owned()))
        }
        Err(error) => Err((format!("this URL can't be used: {error}"), example)),
    }
}

fn branch(text: &str) -> Result<BranchName, Wrong> {
    if let Some(short) = text.strip_prefix("refs/heads/") {
        let hint = format!("write `{}`", Printable::bounded(short, 80));
        return Err(("a branch is named without `refs/heads/`".to_owned(), hint));
    }
    text.parse().map_err(|_| {
        (
            format!("`{}` is not the name of a branch", Printable::bounded(text, 80)),
            "write the short name of a branch, such as `main`".to_owned(),
        )
    })
}

fn author(raw: &raw::Author, findings: &mut Findings) -> Option<Author> {
    let name = part_of_author(raw.name.as_ref(), DEFAULT_AUTHOR_NAME, findings);
    let email = part_of_author(raw.email.as_ref(), DEFAULT_AUTHOR_EMAIL, findings);
    Some(Author { name: name?, email: email? })
}

/// Git keeps an author as `NAME <EMAIL>` on one line, so neither may hold what ends it.
fn part_of_author(raw: Option<&Located<String>>, default: &str, findings: &mut Findings) -> Option<String> {
    let Some(raw) = raw else { return Some(default.to_owned()) };
    let text = raw.value.trim();
    if text.is_empty()
        || text.len() > 200
        || text.chars().any(|letter| letter.is_control() || "<>".contains(letter))
    {
        findings.error(
            raw.at,
            "Git does not take this as a part of an author",
            format!("write 1 to 200 bytes on one line, without `<` and `>`: `{default}`"),
        );
        return None;
    }
    Some(text.to_owned())
}
