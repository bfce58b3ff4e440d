//! The `changelog` and `templates` sections, and a service's `source`.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{GlobSet, GlobSetBuilder};

use super::{file, git_auth};
use crate::changelog::{self, Rules, SourceName};
use crate::config::changelog::{
    Changelog, GITHUB, GitHubApi, GitRelease, ServiceSource, SourceHost, SourceRepository, Template,
};
use crate::config::changelog_file::ChangelogFile;
use crate::config::compile;
use crate::config::location::Located;
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::settings::Auth;
use crate::model::{NetworkUrl, Printable, RepoPath};

const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(10);
const DEFAULT_LINES: u32 = 40;
const DEFAULT_MIB: u32 = 1024;

pub(super) fn changelog(file: &raw::File, findings: &mut Findings) -> Option<Changelog> {
    let raw = &file.changelog;
    let releases = releases(file, findings);
    let sources = raw.sources.as_ref().map(|globs| sources(globs, findings));
    let time_limit = match &raw.time_limit {
        Some(text) => findings.take(text.at, compile::length_of_time(&text.value.0)),
        None => Some(DEFAULT_TIME_LIMIT),
    };
    let most_lines = number(raw.most_lines.as_ref(), DEFAULT_LINES, 3..=1000, findings);
    let most_mib = number(raw.most_mib.as_ref(), DEFAULT_MIB, 1..=1_000_000, findings);
    let hosts = hosts(&raw.hosts, findings);
    let rules = Rules {
        tickets: raw.tickets.iter().filter_map(|tickets| self::tickets(tickets, findings)).collect(),
        bots: raw.bots.clone(),
    };
    let changelog_file = raw.file.as_ref().map(|text| findings.take(text.at, changelog_file(&text.value)));
    let templates = templates(file.templates.as_ref(), findings);
    Some(Changelog {
        sources: match sources {
            Some(sources) => Some(sources?),
            None => None,
        },
        hosts,
        rules,
        in_commits: raw.in_commits.unwrap_or(true),
        file: changelog_file.flatten(),
        releases,
        time_limit: time_limit?,
        most_lines: most_lines? as usize,
        most_bytes: u64::from(most_mib?) << 20,
        templates,
    })
}

fn releases(file: &raw::File, findings: &mut Findings) -> Option<GitRelease> {
    let asked = file.changelog.releases.as_ref()?;
    let url: Option<NetworkUrl> = file.git.url.value.parse().ok();
    let path = url.as_ref().map(|url| url.path().trim_end_matches('/')).unwrap_or_default();
    let is_at_forge = path.split('/').filter(|part| !part.is_empty()).count() == 2;
    if !is_at_forge {
        findings.error(
            asked.at,
            "releases are made of a repository at GitHub, and `git.url` names none",
            "leave `releases` out; the notes are in each promotion's commit",
        );
        return None;
    }
    Some(match asked.value {
        raw::Releases::Day => GitRelease::Day,
        raw::Releases::Batch => GitRelease::Batch,
    })
}

fn changelog_file(text: &str) -> Result<ChangelogFile, Wrong> {
    ChangelogFile::read(text).ok_or_else(|| {
        let message = format!("`{}` can be no changelog of the repository", Printable::bounded(text, 80));
        (
            message,
            "write a path from the repository's root that ends in `.md`: `clusters/prod/CHANGELOG.md`"
                .to_owned(),
        )
    })
}

fn sources(raw: &Located<Vec<Located<String>>>, findings: &mut Findings) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for text in &raw.value {
        if let Some(glob) = findings.take(text.at, compile::glob(&text.value, "github.com/vtr/*")) {
            set.add(glob);
        }
    }
    let built = set.build().map_err(|_| {
        ("the globs match too much at once".to_owned(), "write fewer or simpler globs".to_owned())
    });
    findings.take(raw.at.start(), built)
}

fn number(
    raw: Option<&Located<u32>>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    findings: &mut Findings,
) -> Option<u32> {
    let Some(raw) = raw else { return Some(default) };
    if range.contains(&raw.value) {
        return Some(raw.value);
    }
    let hint = format!("write {} to {}", range.start(), range.end());
    findings.error(raw.at, "this number is out of its range", hint);
    None
}

fn hosts(raw: &[raw::SourceHost], findings: &mut Findings) -> Vec<SourceHost> {
    let mut hosts: Vec<SourceHost> = Vec::new();
    for one in raw {
        let Some(host) = host(one, findings) else { continue };
        if hosts.iter().any(|known| known.host == host.host) {
            findings.error(
                one.host.at,
                "this host is configured twice",
                "write all that holds for it in one place",
            );
        }
        hosts.push(host);
    }
    hosts
}

fn host(raw: &raw::SourceHost, findings: &mut Findings) -> Option<SourceHost> {
    // A host is what stands before the path of a name.
    let name = format!("{}/a/b", raw.host.value).parse::<SourceName>().ok();
    let name = name.filter(|name| name.path() == "a/b").ok_or_else(|| not_a_host(&raw.host.value));
    let name = findings.take(raw.host.at, name);
    let token = match &raw.token {
        Some(token) => match git_auth::token_of(token, findings)? {
            Auth::Token { username, token } => Some((username, token)),
            _ => None,
        },
        None => None,
    };
    let forge = raw.forge.map(|forge| match forge {
        raw::Forge::Github | raw::Forge::Gitea => changelog::Forge::GitHub,
        raw::Forge::Gitlab => changelog::Forge::GitLab,
        raw::Forge::Bitbucket => changelog::Forge::Bitbucket,
    });
    let api = api(raw, name.as_ref().is_some_and(|name| name.host() == GITHUB), findings);
    Some(SourceHost { host: name?.host().to_owned(), forge, token, api })
}

/// The API of a host that is a GitHub and is to be asked by it.
fn api(raw: &raw::SourceHost, is_github_com: bool, findings: &mut Findings) -> Option<GitHubApi> {
    let is_github = match raw.forge {
        Some(forge) => forge == raw::Forge::Github,
        None => is_github_com,
    };
    let at = raw.api.as_ref().map(|api| api.at).or(raw.commits.as_ref().map(|commits| commits.at));
    if let Some(at) = at.filter(|_| !is_github) {
        findings.error(
            at,
            "only a GitHub has this API",
            "say `forge: github` if it is one, or leave this out",
        );
    }
    let url = raw.api.as_ref().map(|url| findings.take(url.at, git_auth::api(&url.value)));
    let is_asked = raw.commits.as_ref().is_none_or(|commits| commits.value == raw::CommitsBy::Api);
    (is_github && is_asked).then(|| GitHubApi { url: url.flatten() })
}

fn not_a_host(text: &str) -> Wrong {
    let message = format!("`{}` is not a host", Printable::bounded(text, 80));
    (message, "write a host alone, such as `github.com` or `git.vtr.cl:8443`".to_owned())
}

fn tickets(raw: &raw::Tickets, findings: &mut Findings) -> Option<changelog::Tickets> {
    let text = &raw.project.value;
    let is_project = text.len() <= 50
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let project = is_project.then(|| text.clone()).ok_or_else(|| {
        let message = format!("`{}` is not what a ticket's key begins with", Printable::bounded(text, 60));
        (message, "write its upper-case letters alone: `OPS` for `OPS-123`".to_owned())
    });
    let url = raw.url.as_ref().map(|url| findings.take(url.at, ticket_url(&url.value)));
    let project = findings.take(raw.project.at, project)?;
    match url {
        Some(url) => Some(changelog::Tickets { project, url: Some(url?) }),
        None => Some(changelog::Tickets { project, url: None }),
    }
}

/// It becomes a link in many formats, so it has no sign in it that any of them reads.
fn ticket_url(text: &str) -> Result<String, Wrong> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@%=&+,{}".contains(&byte);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_sign))
        && text.matches("{key}").count() == 1
        && text.matches(['{', '}']).count() == 2
        && text.len() <= 500;
    if good {
        return Ok(text.to_owned());
    }
    Err((
        "this is not the page of a ticket".to_owned(),
        "write an `https://` URL with `{key}` in it: `https://jira.vtr.cl/browse/{key}`".to_owned(),
    ))
}

fn templates(
    raw: Option<&raw::Entries<raw::Template>>,
    findings: &mut Findings,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, template) in raw.iter().flat_map(|entries| &entries.0) {
        let Some(path) = file::path(&template.value.file, findings) else { continue };
        let template = Template { file: path, is_html: template.value.html };
        if templates.insert(name.value.clone(), template).is_some() {
            findings.error(name.at, "this template is named twice", "give one of them another name");
        }
    }
    templates
}

/// Where the source of a service is.
pub(super) fn source(raw: &raw::ServiceSource, findings: &mut Findings) -> ServiceSource {
    let repository = raw.repository.as_ref().and_then(|text| findings.take(text.at, repository(&text.value)));
    let tag_pattern = raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, findings));
    let path = |text: &Located<String>| {
        let parsed = text.value.trim_end_matches('/').parse::<RepoPath>();
        let wrong = |_| {
            let message =
                format!("`{}` is not a folder of the repository", Printable::bounded(&text.value, 80));
            (message, "write it from the repository's root: `services/graphql-server`".to_owned())
        };
        (text.at, parsed.map_err(wrong))
    };
    let paths = raw.paths.iter().map(path).filter_map(|(at, path)| findings.take(at, path)).collect();
    ServiceSource { repository, tag_pattern, paths }
}

fn repository(text: &str) -> Result<SourceRepository, Wrong> {
    let wrong = || {
        let message = format!("`{}` names no repository", Printable::bounded(text, 80));
        (message, "write `github.com/vtr/app`, an `https://` or `ssh://` URL, or an absolute path".to_owned())
    };
    let path = text.strip_prefix("file://").unwrap_or(text);
    if path.starts_with('/') {
        return file::absolute(path).map(SourceRepository::Path).map_err(|_| wrong());
    }
    if text.contains("://") || text.contains('@') {
        // A login in it would be read by everybody who reads the mirror's origin.
        let url: NetworkUrl = text.parse().map_err(|_| wrong())?;
        let name = text.parse().map_err(|_| wrong())?;
        return Ok(SourceRepository::Named { name, url: Some(url.to_string()) });
    }
    text.parse().map(|name| SourceRepository::Named { name, url: None }).map_err(|_| wrong())
}
