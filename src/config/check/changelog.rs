//! The `changelog` and `templates` sections, and a service's `source`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{file, git_auth};
use crate::changelog::{self, Rules, SourceName};
use crate::config::changelog::{
    Changelog, ChangelogFile, GITHUB, GitHubApi, GitRelease, ServiceSource, SourceHost, SourceRepository,
    Template,
};
use crate::config::compile;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::duration::parse_duration;
use crate::config::location::Located;
use crate::config::raw;
use crate::config::settings::Auth;
use crate::model::{NetworkUrl, Printable, RepoPath};

const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(10);
const DEFAULT_LINES: u32 = 40;
const DEFAULT_MIB: u32 = 1024;

pub(super) fn changelog(file: &raw::File, diagnostics: &mut Diagnostics) -> Option<Changelog> {
    let raw = &file.changelog;
    let releases = releases(file, diagnostics);
    let sources = raw.sources.as_ref().map(|globs| compile::glob_set(globs, "github.com/vtr/*", diagnostics));
    let time_limit = match &raw.time_limit {
        Some(text) => diagnostics.ok_or_report(text.at, parse_duration(&text.value.0)),
        None => Some(DEFAULT_TIME_LIMIT),
    };
    let max_lines = number(raw.max_lines.as_ref(), DEFAULT_LINES, 3..=1000, diagnostics);
    let max_mib = number(raw.max_mib.as_ref(), DEFAULT_MIB, 1..=1_000_000, diagnostics);
    let hosts = hosts(&raw.hosts, diagnostics);
    let rules = Rules {
        tickets: raw.tickets.iter().filter_map(|tickets| self::tickets(tickets, diagnostics)).collect(),
        bots: raw.bots.clone(),
    };
    let changelog_file =
        raw.file.as_ref().map(|text| diagnostics.ok_or_report(text.at, changelog_file(&text.value)));
    let templates = templates(file.templates.as_ref(), diagnostics);
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
        max_lines: max_lines? as usize,
        max_bytes: u64::from(max_mib?) << 20,
        templates,
    })
}

fn releases(file: &raw::File, diagnostics: &mut Diagnostics) -> Option<GitRelease> {
    let asked = file.changelog.releases.as_ref()?;
    let url: Option<NetworkUrl> = file.git.url.value.parse().ok();
    let path = url.as_ref().map(|url| url.path().trim_end_matches('/')).unwrap_or_default();
    let is_at_forge = path.split('/').filter(|part| !part.is_empty()).count() == 2;
    if !is_at_forge {
        diagnostics.error(
            asked.at,
            "`releases` needs a repository on GitHub, and `git.url` is not one",
            "remove `releases`; each promotion commit has the release notes too",
        );
        return None;
    }
    Some(match asked.value {
        raw::Releases::Day => GitRelease::Day,
        raw::Releases::Batch => GitRelease::Batch,
    })
}

fn changelog_file(text: &str) -> Result<ChangelogFile, InvalidValue> {
    ChangelogFile::parse(text).ok_or_else(|| {
        InvalidValue::new(
            format!("`{}` cannot be the path of a changelog", Printable::bounded(text, 80)),
            "write a path from the repository's root that ends in `.md`: `clusters/prod/CHANGELOG.md`",
        )
    })
}

fn number(
    raw: Option<&Located<u32>>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    diagnostics: &mut Diagnostics,
) -> Option<u32> {
    let Some(raw) = raw else { return Some(default) };
    if range.contains(&raw.value) {
        return Some(raw.value);
    }
    let hint = format!("write {} to {}", range.start(), range.end());
    diagnostics.error(raw.at, "this number is out of range", hint);
    None
}

fn hosts(raw: &[raw::SourceHost], diagnostics: &mut Diagnostics) -> Vec<SourceHost> {
    let mut hosts: Vec<SourceHost> = Vec::new();
    for one in raw {
        let Some(host) = host(one, diagnostics) else { continue };
        if hosts.iter().any(|known| known.host == host.host) {
            diagnostics.error(one.host.at, "duplicate host", "write its settings in one entry");
        }
        hosts.push(host);
    }
    hosts
}

fn host(raw: &raw::SourceHost, diagnostics: &mut Diagnostics) -> Option<SourceHost> {
    let name = format!("{}/a/b", raw.host.value).parse::<SourceName>().ok();
    let name = name.filter(|name| name.path() == "a/b").ok_or_else(|| not_a_host(&raw.host.value));
    let name = diagnostics.ok_or_report(raw.host.at, name);
    let token = match &raw.token {
        Some(token) => match git_auth::token_of(token, diagnostics)? {
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
    let api = api(raw, name.as_ref().is_some_and(|name| name.host() == GITHUB), diagnostics);
    Some(SourceHost { host: name?.host().to_owned(), forge, token, api })
}

/// The API of a host that runs GitHub, unless `commits: git` is set.
fn api(raw: &raw::SourceHost, is_github_com: bool, diagnostics: &mut Diagnostics) -> Option<GitHubApi> {
    let is_github = match raw.forge {
        Some(forge) => forge == raw::Forge::Github,
        None => is_github_com,
    };
    let at = raw.api.as_ref().map(|api| api.at).or(raw.commits.as_ref().map(|commits| commits.at));
    if let Some(at) = at.filter(|_| !is_github) {
        diagnostics.error(
            at,
            "only GitHub has this API",
            "write `forge: github` if this host runs GitHub, or remove the key",
        );
    }
    let url = raw.api.as_ref().map(|url| diagnostics.ok_or_report(url.at, git_auth::api(&url.value)));
    let is_asked = raw.commits.as_ref().is_none_or(|commits| commits.value == raw::CommitsBy::Api);
    (is_github && is_asked).then(|| GitHubApi { url: url.flatten() })
}

fn not_a_host(text: &str) -> InvalidValue {
    InvalidValue::new(
        format!("`{}` is not a host", Printable::bounded(text, 80)),
        "write only the host, such as `github.com` or `git.vtr.cl:8443`",
    )
}

fn tickets(raw: &raw::Tickets, diagnostics: &mut Diagnostics) -> Option<changelog::Tickets> {
    let text = &raw.project.value;
    let is_project = text.len() <= 50
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let project = is_project.then(|| text.clone()).ok_or_else(|| {
        InvalidValue::new(
            format!("`{}` is not the project of a ticket", Printable::bounded(text, 60)),
            "write the upper-case letters before the number: `OPS` for `OPS-123`",
        )
    });
    let url = raw.url.as_ref().map(|url| diagnostics.ok_or_report(url.at, ticket_url(&url.value)));
    let project = diagnostics.ok_or_report(raw.project.at, project)?;
    match url {
        Some(url) => Some(changelog::Tickets { project, url: Some(url?) }),
        None => Some(changelog::Tickets { project, url: None }),
    }
}

/// The URL becomes a link in several formats, so it has no character that needs escaping in one of them.
fn ticket_url(text: &str) -> Result<String, InvalidValue> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@%=&+,{}".contains(&byte);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_safe))
        && text.matches("{key}").count() == 1
        && text.matches(['{', '}']).count() == 2
        && text.len() <= 500;
    if good {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new(
        "this is not the URL of a ticket",
        "write an `https://` URL that contains `{key}`: `https://jira.vtr.cl/browse/{key}`",
    ))
}

fn templates(
    raw: Option<&raw::Entries<raw::Template>>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, template) in raw.iter().flat_map(|entries| &entries.0) {
        let Some(path) = file::path(&template.value.file, diagnostics) else { continue };
        let template = Template { file: path, is_html: template.value.html };
        if templates.insert(name.value.clone(), template).is_some() {
            diagnostics.error(name.at, "duplicate template", "rename one of them");
        }
    }
    templates
}

pub(super) fn source(raw: &raw::ServiceSource, diagnostics: &mut Diagnostics) -> ServiceSource {
    let repository =
        raw.repository.as_ref().and_then(|text| diagnostics.ok_or_report(text.at, repository(&text.value)));
    let tag_pattern = raw.tag_pattern.as_ref().and_then(|text| compile::tag_pattern(text, diagnostics));
    let path = |text: &Located<String>| {
        let parsed = text.value.trim_end_matches('/').parse::<RepoPath>();
        let invalid = |_| {
            InvalidValue::new(
                format!("`{}` is not a folder of a repository", Printable::bounded(&text.value, 80)),
                "write it from the repository's root: `services/graphql-server`",
            )
        };
        (text.at, parsed.map_err(invalid))
    };
    let paths =
        raw.paths.iter().map(path).filter_map(|(at, path)| diagnostics.ok_or_report(at, path)).collect();
    ServiceSource { repository, tag_pattern, paths }
}

fn repository(text: &str) -> Result<SourceRepository, InvalidValue> {
    let invalid = || {
        InvalidValue::new(
            format!("`{}` is not a repository", Printable::bounded(text, 80)),
            "write `github.com/vtr/app`, an `https://` or `ssh://` URL, or an absolute path",
        )
    };
    let path = text.strip_prefix("file://").unwrap_or(text);
    if path.starts_with('/') {
        return file::absolute(path).map(SourceRepository::Path).map_err(|_| invalid());
    }
    if text.contains("://") || text.contains('@') {
        // `NetworkUrl` refuses a login, which the mirror's configuration would show.
        let url: NetworkUrl = text.parse().map_err(|_| invalid())?;
        let name = text.parse().map_err(|_| invalid())?;
        return Ok(SourceRepository::Named { name, url: Some(url.to_string()) });
    }
    text.parse().map(|name| SourceRepository::Named { name, url: None }).map_err(|_| invalid())
}
