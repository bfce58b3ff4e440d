//! Writes the configuration as YAML with comments, for people to go on editing.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::model::{BranchName, Elapsed, Printable, RepoPath};
use crate::policy::TagOrder;

use super::environment::Environment;
use super::finding::{Finding, Severity};
use super::flux::{FluxRules, Override};
use super::hosts;
use super::ownership::ManagedImages;
use super::unmanaged::NameableField;
use super::yaml_scalar::{comment, double_quoted, literal, scalar};

/// Stands for an image that no file names.
const UNKNOWN_IMAGE: &str = "ghcr.io/OWNER/IMAGE";

/// Maximum fields that are proposed.
const MAX_PROPOSALS: usize = 20;

/// Maximum folders on one line.
const MAX_PATHS_ON_ONE_LINE: usize = 3;

/// The repository that was scanned.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The path or URL as the user gave it; untrusted text.
    pub scanned: String,
    /// The value of `git.url`.
    pub url: String,
    /// Comment lines above it; untrusted text.
    pub url_notes: Vec<String>,
    /// The value of `git.auth`, as YAML.
    pub auth: Option<String>,
    /// The value of `git.caFile`.
    pub ca_file: Option<String>,
    /// The owner of the repository, if the remote URL has one: `vtr` of `https://github.com/vtr/gitops`.
    pub owner: Option<String>,
    /// The value of `git.branch`.
    pub branch: BranchName,
}

/// The contents of the configuration.
pub(super) struct ConfigText<'a> {
    pub(super) origin: &'a Origin,
    pub(super) environments: &'a [Environment],
    pub(super) rules: &'a FluxRules,
    pub(super) managed: &'a ManagedImages,
    /// The urgent ones become comments at the top.
    pub(super) findings: &'a [Finding],
    /// The default version range.
    pub(super) versions: &'static str,
    /// The fields that are proposed, by their files.
    pub(super) proposals: Vec<&'a (RepoPath, NameableField)>,
}

impl ConfigText<'_> {
    pub(super) fn write(&self) -> String {
        let sections = [self.head(), self.git(), self.registries(), self.environments(), self.services()];
        sections.into_iter().chain(self.fields()).collect::<Vec<_>>().join("\n")
    }

    /// Proposals for `fields`, in comments: only people know which of them Tidegate shall move.
    fn fields(&self) -> Option<String> {
        let is_glob = |path: &RepoPath| path.as_str().contains(['*', '?', '[', '{', '\\', '!']);
        let lines: Vec<String> = self
            .proposals
            .iter()
            .filter(|(path, _)| !is_glob(path))
            .filter_map(|(path, found)| {
                let (path, at) = (double_quoted(path.as_str()), double_quoted(&found.at()?.to_string()));
                let image = found.image.as_ref().map(ToString::to_string);
                let image = double_quoted(image.as_deref().unwrap_or(UNKNOWN_IMAGE));
                Some(format!("#   - {{files: {path}, at: {at}, image: {image}}}\n"))
            })
            .collect();
        let listed: String = lines.iter().take(MAX_PROPOSALS).map(String::as_str).collect();
        let whose = if listed.contains(UNKNOWN_IMAGE) {
            format!("\n# Where the image is {UNKNOWN_IMAGE}, write whose version it is.")
        } else {
            String::new()
        };
        let more = match lines.len().saturating_sub(MAX_PROPOSALS) {
            0 => String::new(),
            more => format!("#   and {}\n", counted(more, "more place")),
        };
        (!lines.is_empty()).then(|| {
            format!(
                "# Versions that no rule finds. Remove the `#` of those that Tidegate shall promote.{whose}\n\
             # fields:\n{listed}{more}"
            )
        })
    }

    fn head(&self) -> String {
        let urgent = self.findings.iter().filter(|finding| finding.kind.severity() == Severity::Urgent);
        let urgent: String = urgent.map(attention).collect();
        format!(
            "# Written by `tidegate init` from {}. Review it: folders, order and soaks are guesses from names.\n\
             # docs/configuration.md describes every key.\n\
             {urgent}\
             \n\
             # When to look for new versions, as Unix cron. The daemon also wakes up when a gate opens.\n\
             schedule: \"* * * * *\"\n\
             \n\
             # The time zone of the schedule and windows, such as America/Santiago.\n\
             timezone: UTC\n",
            comment(&self.origin.scanned)
        )
    }

    fn git(&self) -> String {
        let Origin { url, url_notes, branch, .. } = self.origin;
        let notes: Vec<String> = url_notes.iter().map(|note| format!("  # {}\n", comment(note))).collect();
        let notes = notes.concat();
        let auth = self.origin.auth.as_ref().map(|auth| format!("  auth: {auth}\n")).unwrap_or_default();
        let ca_file = self.origin.ca_file.as_ref().map(|file| format!("  caFile: {}\n", scalar(file)));
        let ca_file = ca_file.unwrap_or_default();
        format!(
            "git:\n\
             {notes}  url: {}\n  \
               branch: {}\n\
             {auth}{ca_file}  \
               # The author of promotion commits.\n  \
               author: {{name: tidegate, email: tidegate@localhost}}\n  \
               message: {{subject: \"chore({{service}}): update to {{tag}} ({{environment}})\"}}\n",
            scalar(url),
            scalar(branch.as_str())
        )
    }

    fn registries(&self) -> String {
        let images = self.environments.iter().flat_map(|environment| environment.services.values().flatten());
        let hosts: BTreeSet<String> = images.map(|image| image.host().to_owned()).collect();
        format!(
            "# Registries that need more than anonymous HTTPS. Never write a secret here, only the name of its\n\
             # environment variable.\n\
             registries:\n{}",
            hosts::section(hosts)
        )
    }

    fn environments(&self) -> String {
        let mut text = String::from(
            "# Versions pass through these in the order of `after`, each time after running in the environment before for\n\
             # `soak`: 24h before production and 1h before the others, to begin with.\n\
             environments:\n",
        );
        for environment in self.environments {
            // Writing to a String cannot fail.
            let _ = self.environment(&mut text, environment);
        }
        text
    }

    fn environment(&self, text: &mut String, environment: &Environment) -> std::fmt::Result {
        let from = match self.before(environment) {
            Some(before) => format!("versions come from {}", before.name),
            None => "versions come straight from the registry".to_owned(),
        };
        let services = counted(environment.service_count(), "service");
        let images = counted(environment.image_count(), "image");
        writeln!(text, "  # {services}, {images}; {from}.")?;
        writeln!(text, "  - name: {}", scalar(environment.name.as_str()))?;
        paths(text, &environment.paths)?;
        if let Some(before) = self.before(environment) {
            writeln!(text, "    after: {}", scalar(before.name.as_str()))?;
            writeln!(text, "    soak: {}", Elapsed(environment.soak))?;
        }
        if environment.needs_approval {
            writeln!(text, "    # A stage before this one may be missing here: see ATTENTION above.")?;
            writeln!(text, "    approval: required")?;
        }
        if environment.is_production() {
            writeln!(text, "    # When promotions may happen; without windows, at any time.")?;
            writeln!(text, "    # windows:")?;
            writeln!(text, "    #   - {{days: [mon, tue, wed, thu], from: \"09:00\", to: \"17:00\"}}")?;
        }
        Ok(())
    }

    /// Which images are promoted.
    fn images(&self) -> String {
        let globs: Vec<String> = self.managed.globs.iter().map(|glob| double_quoted(glob)).collect();
        match globs.as_slice() {
            [] => "    # Every image is promoted; list globs to promote fewer.\n    # images: [\"ghcr.io/OWNER/**\"]\n"
                .to_owned(),
            globs => format!("    # Only these images are promoted.\n    images: [{}]\n", globs.join(", ")),
        }
    }

    fn before(&self, environment: &Environment) -> Option<&Environment> {
        self.environments.get(environment.after?)
    }

    fn services(&self) -> String {
        let mut text = String::from(
            "# Which versions to promote. A Flux ImagePolicy of the repository takes precedence over `defaults`, an\n\
             # override over both.\n",
        );
        if self.rules.followed > 0 {
            let policies = match self.rules.followed {
                1 => "1 ImagePolicy is followed and needs".to_owned(),
                count => format!("{count} ImagePolicies are followed and need"),
            };
            let _ = writeln!(text, "# {policies} no line here.");
        }
        let _ = writeln!(text, "services:\n  defaults:\n    versions: {}", double_quoted(self.versions));
        text.push_str(&self.images());
        if self.rules.overrides.is_empty() {
            text.push_str(
                "  # overrides:\n  #   - {match: namespace/name, versions: \"~1.0\", soak: {ENVIRONMENT: 4h}}\n",
            );
            return text;
        }
        text.push_str("  # From Flux ImagePolicies, which may be removed.\n  overrides:\n");
        for entry in &self.rules.overrides {
            let _ = write_override(&mut text, entry);
        }
        text
    }
}

fn attention(finding: &Finding) -> String {
    let line = |text: &str| format!("{}\n", Printable::bounded(text, 600));
    let hint = finding.hint.as_ref().map(|hint| format!("#   {}", line(hint))).unwrap_or_default();
    format!("#\n# ATTENTION: {}{hint}", line(&finding.message))
}

fn write_override(text: &mut String, entry: &Override) -> std::fmt::Result {
    writeln!(text, "    # ImagePolicy {} in {}", entry.policy, comment(entry.file.path.as_str()))?;
    writeln!(text, "    - match: {}", scalar(&entry.service.to_string()))?;
    match order(entry.rules.order) {
        None => writeln!(text, "      versions: {}", double_quoted(entry.rules.versions.as_str()))?,
        Some(order) => writeln!(text, "      order: {order}")?,
    }
    match &entry.tag_pattern {
        Some(pattern) => writeln!(text, "      tagPattern: {}", literal(pattern)),
        None => Ok(()),
    }
}

/// The name of an order in the configuration; `None` for the default.
fn order(order: TagOrder) -> Option<&'static str> {
    match order {
        TagOrder::Semver => None,
        TagOrder::Numeric { is_descending: false } => Some("numeric"),
        TagOrder::Numeric { is_descending: true } => Some("numericDescending"),
        TagOrder::Alphabetical { is_descending: false } => Some("alphabetical"),
        TagOrder::Alphabetical { is_descending: true } => Some("alphabeticalDescending"),
    }
}

fn paths(text: &mut String, paths: &[RepoPath]) -> std::fmt::Result {
    let written: Vec<String> = paths.iter().map(|path| scalar(path.as_str())).collect();
    if written.len() <= MAX_PATHS_ON_ONE_LINE {
        return writeln!(text, "    paths: [{}]", written.join(", "));
    }
    writeln!(text, "    paths:")?;
    written.iter().try_for_each(|path| writeln!(text, "      - {path}"))
}

/// `1 service`, `2 services`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
