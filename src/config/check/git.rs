//! The `git` section.

use std::path::PathBuf;

use super::file;
use crate::config::location::Located;
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::settings::{Author, Batch, Git};
use crate::config::subject::SubjectForm;
use crate::model::{BranchName, Printable};

const DEFAULT_BRANCH: &str = "main";
const DEFAULT_AUTHOR_NAME: &str = "tidegate";
const DEFAULT_AUTHOR_EMAIL: &str = "tidegate@localhost";

pub(super) fn git(raw: &raw::Git, findings: &mut Findings) -> Option<Git> {
    refuse_what_is_not_possible_yet(raw, findings);
    let remote = findings.take(raw.url.at, local_repository(&raw.url.value));
    let branch = match &raw.branch {
        Some(text) => findings.take(text.at, branch(&text.value)),
        None => branch(DEFAULT_BRANCH).ok(),
    };
    let author = author(&raw.author, findings);
    let subject = match &raw.message.subject {
        Some(text) => findings.take(text.at, SubjectForm::parse(&text.value)),
        None => Some(SubjectForm::default()),
    };
    warn_of_unused_subject(raw, findings);
    Some(Git { remote: remote?, branch: branch?, author: author?, batch: batch(raw), subject: subject? })
}

fn refuse_what_is_not_possible_yet(raw: &raw::Git, findings: &mut Findings) {
    if let Some(auth) = &raw.auth {
        findings.refuse(
            auth.at.start(),
            "`git.auth`",
            "leave `auth` out; this version reads local repositories, which need no login",
        );
    }
    if let Some(signing) = &raw.signing {
        findings.refuse(
            signing.at.start(),
            "`git.signing`",
            "leave `signing` out; commits are not signed yet",
        );
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

/// The absolute path of a repository, from a path or a `file://` URL.
fn local_repository(text: &str) -> Result<PathBuf, Wrong> {
    let example =
        "write an absolute path or a `file://` URL, such as `file:///srv/git/gitops.git`".to_owned();
    if let Some(rest) = text.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let decoded = file::percent_decoded(path).filter(|path| !path.chars().any(char::is_control));
        return match decoded {
            Some(path) if path.starts_with('/') && path.len() > 1 => Ok(PathBuf::from(path)),
            _ => Err(("the `file://` URL names no absolute path on this machine".to_owned(), example)),
        };
    }
    let is_scp_like = !text.starts_with(['/', '.', '~']) && text.contains(':');
    if text.contains("://") || is_scp_like {
        return Err((
            "a repository that is not on this machine is not possible in this version".to_owned(),
            format!("{example}, of a clone that something else keeps in step"),
        ));
    }
    file::absolute(text).map_err(|(message, _)| (message, example))
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
