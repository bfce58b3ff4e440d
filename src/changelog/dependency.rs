//! Updates of dependencies, as Dependabot, Renovate and people word them.

use super::clean;
use super::message::{Message, Title};

/// Maximum updates read from one commit.
const MAX_UPDATES: usize = 200;

/// An update of one dependency. Its texts are printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DependencyUpdate {
    pub(super) name: String,
    pub(super) from: Option<String>,
    pub(super) to: String,
}

/// The dependency updates in a commit; empty for any other commit.
pub(super) fn read(message: &Message<'_>, title: &Title<'_>) -> Vec<DependencyUpdate> {
    if let Some(update) = bump(title.text).or_else(|| renovate_update(title)) {
        return vec![update];
    }
    let Some(rest) = strip_word(title.text, "bump") else { return Vec::new() };
    if !rest.starts_with("the ") && !rest.contains(" and ") && !rest.contains(" updates") {
        return Vec::new();
    }
    // Dependabot's groups: the title has the number of updates, the body lists them.
    let mut updates: Vec<DependencyUpdate> = Vec::new();
    for update in message.body.lines().filter_map(grouped_update).take(MAX_UPDATES) {
        if !updates.contains(&update) {
            updates.push(update);
        }
    }
    updates
}

/// `Bump tokio from 1.2 to 1.3 in /api`.
fn bump(text: &str) -> Option<DependencyUpdate> {
    let rest = strip_word(text, "bump").or_else(|| strip_word(text, "bumps"))?;
    let (name, rest) = rest.split_once(" from ")?;
    let (from, rest) = rest.split_once(" to ")?;
    let to = rest.split_whitespace().next()?;
    validated(name, Some(from), to)
}

/// Renovate's `update dependency tokio to v1.3`, `Update rust crate tokio to 1.3`, `update tokio to v2 (major)`.
fn renovate_update(title: &Title<'_>) -> Option<DependencyUpdate> {
    const KINDS: [&str; 9] = [
        "dependency ",
        "rust crate ",
        "module ",
        "npm package ",
        "docker tag ",
        "helm release ",
        "terraform ",
        "plugin ",
        "devdependency ",
    ];
    let rest = strip_word(title.text, "update")?;
    let (name, to) = rest.rsplit_once(" to ")?;
    let to = to.split_whitespace().next()?;
    let kind = KINDS.iter().find_map(|kind| strip_prefix(name, kind));
    let action = name.strip_suffix(" action").or_else(|| name.strip_suffix(" docker tag"));
    let has_deps_scope = title.scope.is_some_and(|scope| scope == "deps" || scope == "deps-dev");
    let name = match kind.or(action) {
        Some(name) => name,
        None if has_deps_scope => name,
        None => return None,
    };
    validated(name, None, to)
}

/// ``Updates `tokio` from 1.2 to 1.3`` and `Bumps [tokio](https://…) from 1.2 to 1.3.`
fn grouped_update(line: &str) -> Option<DependencyUpdate> {
    let line = line.trim().trim_start_matches("- ");
    let rest = line.strip_prefix("Updates ").or_else(|| line.strip_prefix("Bumps "))?;
    let (name, rest) = rest.split_once(" from ")?;
    let (from, to) = rest.split_once(" to ")?;
    let name = name.split("](").next()?.trim_matches(['`', '[', ']']);
    validated(name, Some(from), to.split_whitespace().next()?.trim_end_matches('.'))
}

/// Checks that a name and two versions look like ones.
fn validated(name: &str, from: Option<&str>, to: &str) -> Option<DependencyUpdate> {
    let name = name.trim().trim_matches('`');
    let is_name = !name.is_empty() && name.len() <= 120 && !name.contains([' ', '`']);
    let looks_like_version = |text: &str| {
        let text = text.trim_matches('`');
        text.len() <= 80 && text.bytes().any(|byte| byte.is_ascii_digit()) && !text.contains(' ')
    };
    if !is_name || !looks_like_version(to) || !from.is_none_or(looks_like_version) {
        return None;
    }
    let version = |text: &str| clean::name(text.trim_matches(['`', ',', ';']));
    Some(DependencyUpdate { name: clean::name(name), from: from.map(version), to: version(to) })
}

/// The text behind `word` and a space; ignores case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    strip_prefix(text, word)?.strip_prefix(' ')
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::changelog::fixture::commit;

    fn updates(text: &str) -> Vec<(String, Option<String>, String)> {
        let commit = commit(1, text);
        let message = Message::read(&commit);
        read(&message, &message.title).into_iter().map(|one| (one.name, one.from, one.to)).collect()
    }

    #[rstest]
    #[case::dependabot("Bump tokio from 1.2.0 to 1.3.0", "tokio", Some("1.2.0"), "1.3.0")]
    #[case::typed(
        "build(deps): bump @types/node from 20 to 22 in /web (#12)",
        "@types/node",
        Some("20"),
        "22"
    )]
    #[case::renovate("chore(deps): update dependency eslint to v9", "eslint", None, "v9")]
    #[case::crates("fix(deps): update rust crate serde to 1.0.200", "serde", None, "1.0.200")]
    #[case::action("Update actions/checkout action to v4", "actions/checkout", None, "v4")]
    #[case::scoped("chore(deps): update redis to 7.2", "redis", None, "7.2")]
    #[case::image("chore(deps): update node docker tag to v22", "node", None, "v22")]
    fn reads_updates_in_titles(
        #[case] text: &str,
        #[case] name: &str,
        #[case] from: Option<&str>,
        #[case] to: &str,
    ) {
        assert_eq!(updates(text), [(name.to_owned(), from.map(str::to_owned), to.to_owned())]);
    }

    #[test]
    fn reads_grouped_updates_in_the_body() {
        let text = "build(deps): bump the minor group with 2 updates (#9)\n\n\
                    Bumps the minor group with 2 updates: [serde](https://a.cl) and [tokio](https://b.cl).\n\n\
                    Updates `serde` from 1.0.1 to 1.0.2\n- [Release notes](x)\n\n\
                    Updates `tokio` from 1.2 to 1.3.\n";
        let names: Vec<String> =
            updates(text).into_iter().map(|(name, _, to)| format!("{name} {to}")).collect();
        assert_eq!(names, ["serde 1.0.2", "tokio 1.3"]);
    }

    #[rstest]
    #[case::prose("Bump the timeout from two to three seconds")]
    #[case::settings("update replicas to 3")]
    #[case::without_version("Update README to mention ports")]
    #[case::feature("feat: update cache to 2 levels")]
    #[case::short("bump")]
    fn reads_no_update_in_other_titles(#[case] text: &str) {
        assert_eq!(updates(text), []);
    }
}
