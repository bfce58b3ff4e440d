//! Names in the configuration that match nothing: a mistyped override or group member would silently hold nothing.

use std::collections::BTreeSet;

use crate::config::{ConfiguredName, nearest};
use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::model::{Class, ImageName, Printable, ServiceName};

/// Maximum names in a hint.
const MAX_SUGGESTED: usize = 5;

/// What the repository has: every service, and its images as far as they are known.
pub(crate) type Seen<'a> = BTreeSet<(ServiceName, Option<&'a ImageName>)>;

/// An error for each name that matches no service or image.
pub(crate) fn unmatched_names(names: &[ConfiguredName], seen: &Seen<'_>) -> Vec<Problem> {
    let is_unmatched =
        |name: &&ConfiguredName| !seen.iter().any(|(service, image)| name.matches(service, *image));
    names.iter().filter(is_unmatched).map(|name| problem(name, seen)).collect()
}

fn problem(name: &ConfiguredName, seen: &Seen<'_>) -> Problem {
    let what = if name.is_of_images() { "image" } else { "service" };
    let shown = Printable::bounded(&name.text, 120);
    let message =
        format!("no {what} matches `{shown}` ({}, line {} of the configuration)", name.key, name.line);
    let condition = ProblemCondition::UnmatchedName { name: format!("{} {}", name.key, name.text) };
    Problem {
        condition: Some(condition),
        ..Problem::error(Class::Usage, message).hint(hint(name, what, seen))
    }
}

fn hint(name: &ConfiguredName, what: &str, seen: &Seen<'_>) -> String {
    let known: BTreeSet<String> = if name.is_of_images() {
        seen.iter().filter_map(|(_, image)| image.map(ToString::to_string)).collect()
    } else {
        seen.iter().map(|(service, _)| service.to_string()).collect()
    };
    if let Some(suggested) = suggestion(&name.text, &known) {
        return format!("did you mean `{}`?", Printable::bounded(&suggested, 120));
    }
    if known.is_empty() {
        return format!("the repository has no {what}");
    }
    let mut listed: Vec<String> = known.iter().take(MAX_SUGGESTED).cloned().collect();
    if known.len() > MAX_SUGGESTED {
        listed.push(format!("{} more", known.len() - MAX_SUGGESTED));
    }
    format!("the {what}s are {}", listed.join(", "))
}

/// The known name nearest to a name, or to a glob the known folder with the glob's wildcards behind it.
fn suggestion(text: &str, known: &BTreeSet<String>) -> Option<String> {
    let wildcard = text.find(['*', '?', '[', '{']);
    let Some(wildcard) = wildcard else {
        let same_name = || {
            let name = text.rsplit('/').next()?;
            known.iter().find(|known| known.rsplit('/').next() == Some(name)).map(String::as_str)
        };
        return nearest(text, known.iter().map(String::as_str)).or_else(same_name).map(str::to_owned);
    };
    let (folder, rest) = text[..wildcard].rfind('/').map(|slash| text.split_at(slash))?;
    let folders: BTreeSet<&str> = known.iter().flat_map(|known| folders_of(known)).collect();
    if folders.contains(folder) {
        return (rest == "/*").then(|| format!("{folder}/**"));
    }
    nearest(folder, folders).map(|near| format!("{near}{rest}"))
}

fn folders_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(slash, _)| &name[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near() {
        let services: BTreeSet<String> = ["team/app", "team/web", "common/api"].map(String::from).into();
        let images: BTreeSet<String> =
            ["ghcr.io/vtr/team/app", "docker.io/library/redis"].map(String::from).into();
        for (text, known, suggested) in [
            ("taem/app", &services, Some("team/app")),
            ("team/ap", &services, Some("team/app")),
            ("other/web", &services, Some("team/web")),
            ("comon/*", &services, Some("common/*")),
            ("nothing/alike", &services, None),
            ("**", &services, None),
            ("ghcr.io/vtrr/**", &images, Some("ghcr.io/vtr/**")),
            ("ghcr.io/vtr/*", &images, Some("ghcr.io/vtr/**")),
            ("quay.io/x/*", &images, None),
        ] {
            assert_eq!(suggestion(text, known).as_deref(), suggested, "{text}");
        }
    }
}
