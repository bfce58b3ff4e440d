//! The `git` section.

use super::{file, git_auth, git_signing};
use crate::config::body::BodyForm;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::env_lookup::EnvLookup;
use crate::config::host::{self, Endpoint};
use crate::config::location::Located;
use crate::config::raw;
use crate::config::settings::{Author, Batch, Git, Remote};
use crate::config::subject::SubjectForm;
use crate::model::{BranchName, NetworkUrlError, Printable, Protocol};

const DEFAULT_BRANCH: &str = "main";
const DEFAULT_AUTHOR_NAME: &str = "tidegate";
const DEFAULT_AUTHOR_EMAIL: &str = "tidegate@localhost";

pub(super) fn git(raw: &raw::Git, variables: &dyn EnvLookup, diagnostics: &mut Diagnostics) -> Option<Git> {
    let remote = diagnostics.ok_or_report(raw.url.at, repository(&raw.url.value));
    let auth = git_auth::auth(raw.auth.as_ref(), remote.as_ref(), raw.url.at, variables, diagnostics);
    let ca_file = raw.ca_file.as_ref().and_then(|path| file::path(path, diagnostics));
    let proxy = raw.proxy.as_ref().and_then(|url| diagnostics.ok_or_report(url.at, proxy(&url.value)));
    let branch = match &raw.branch {
        Some(text) => diagnostics.ok_or_report(text.at, branch(&text.value)),
        None => branch(DEFAULT_BRANCH).ok(),
    };
    let author = author(&raw.author, diagnostics);
    let signing = git_signing::signing(raw.signing.as_ref(), diagnostics);
    let verify = git_signing::verify(raw.verify.as_ref(), diagnostics);
    let subject = match &raw.message.subject {
        Some(text) => diagnostics.ok_or_report(text.at, SubjectForm::parse(&text.value)),
        None => Some(SubjectForm::default()),
    };
    let subject = match &raw.message.suffix {
        Some(text) => {
            subject.and_then(|form| diagnostics.ok_or_report(text.at, form.with_suffix(&text.value)))
        }
        None => subject,
    };
    let body = match &raw.message.body {
        Some(text) => diagnostics.ok_or_report(text.at, BodyForm::parse(&text.value)).map(Some),
        None => Some(None),
    };
    warn_of_unused_subject(raw, diagnostics);
    warn_of_unused_https(raw, remote.as_ref(), diagnostics);
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

fn warn_of_unused_https(raw: &raw::Git, remote: Option<&Remote>, diagnostics: &mut Diagnostics) {
    let is_https =
        |remote: &Remote| matches!(remote, Remote::Network(url) if url.protocol() == Protocol::Https);
    if remote.is_none_or(is_https) {
        return;
    }
    let keys =
        [("caFile", raw.ca_file.as_ref().map(|key| key.at)), ("proxy", raw.proxy.as_ref().map(|key| key.at))];
    for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
        let message = format!("`{key}` has no effect, because `git.url` is not an https:// URL");
        diagnostics.warning(at, message, format!("remove `{key}`"));
    }
}

fn proxy(text: &str) -> Result<Endpoint, InvalidValue> {
    let hint = "write `http://`, a host and a port, without a login: `http://proxy.vtr.cl:3128`; put a login into \
                the environment variable HTTPS_PROXY";
    match host::endpoint(text) {
        Ok(proxy) if proxy.path.is_empty() => Ok(proxy),
        _ => Err(InvalidValue::new("this is not the URL of a proxy", hint)),
    }
}

fn batch(raw: &raw::Git) -> Batch {
    match raw.batch {
        None | Some(raw::Batch::Service) => Batch::Service,
        Some(raw::Batch::Environment) => Batch::Environment,
        Some(raw::Batch::All) => Batch::All,
    }
}

fn warn_of_unused_subject(raw: &raw::Git, diagnostics: &mut Diagnostics) {
    if let (Some(subject), false) = (&raw.message.subject, batch(raw) == Batch::Service) {
        diagnostics.warning(
            subject.at,
            "`subject` has no effect on commits of several promotions, and `batch` makes such commits",
            "remove `subject`, or write `batch: service`",
        );
    }
}

/// Parses a path or a URL.
fn repository(text: &str) -> Result<Remote, InvalidValue> {
    let hint = "write a URL such as `ssh://git@github.com/vtr/gitops.git`, `https://github.com/vtr/gitops.git` or \
                `file:///srv/git/gitops.git`, or an absolute path";
    if let Some(rest) = text.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let decoded = file::percent_decoded(path).filter(|path| !path.chars().any(char::is_control));
        return match decoded {
            Some(path) if path.starts_with('/') && path.len() > 1 => Ok(Remote::Path(path.into())),
            _ => Err(InvalidValue::new("the `file://` URL has no absolute path on this machine", hint)),
        };
    }
    match text.parse() {
        Ok(url) => Ok(Remote::Network(url)),
        Err(NetworkUrlError::Path) => {
            file::absolute(text).map(Remote::Path).map_err(|error| InvalidValue::new(error.message, hint))
        }
        Err(error @ NetworkUrlError::Login) => Err(InvalidValue::new(
            error.to_string(),
            "write `git.auth` instead: `auth: {token: {env: GIT_TOKEN}}`",
        )),
        Err(error) => Err(InvalidValue::new(format!("unsupported URL: {error}"), hint)),
    }
}

fn branch(text: &str) -> Result<BranchName, InvalidValue> {
    if let Some(short) = text.strip_prefix("refs/heads/") {
        let hint = format!("write `{}`", Printable::bounded(short, 80));
        return Err(InvalidValue::new("`branch` takes a name without `refs/heads/`", hint));
    }
    text.parse().map_err(|_| {
        InvalidValue::new(
            format!("`{}` is not a valid branch name", Printable::bounded(text, 80)),
            "write the short name of a branch, such as `main`",
        )
    })
}

fn author(raw: &raw::Author, diagnostics: &mut Diagnostics) -> Option<Author> {
    let name = part_of_author(raw.name.as_ref(), DEFAULT_AUTHOR_NAME, diagnostics);
    let email = part_of_author(raw.email.as_ref(), DEFAULT_AUTHOR_EMAIL, diagnostics);
    Some(Author { name: name?, email: email? })
}

/// Git writes an author as `NAME <EMAIL>` on one line, so neither part may contain a delimiter.
fn part_of_author(
    raw: Option<&Located<String>>,
    default: &str,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let Some(raw) = raw else { return Some(default.to_owned()) };
    let text = raw.value.trim();
    if text.is_empty()
        || text.len() > 200
        || text.chars().any(|letter| letter.is_control() || "<>".contains(letter))
    {
        diagnostics.error(
            raw.at,
            "Git does not accept this in an author",
            format!("write 1 to 200 bytes on one line, without `<` and `>`: `{default}`"),
        );
        return None;
    }
    Some(text.to_owned())
}
