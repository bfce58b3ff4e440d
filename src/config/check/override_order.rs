//! Warns of overrides that have no effect because of an earlier one.

use std::collections::{BTreeSet, HashMap};

use globset::GlobSet;

use crate::config::diagnostic::Diagnostics;
use crate::config::location::Located;
use crate::config::raw;
use crate::model::Printable;

/// `globs` has the `match` globs of `overrides`, in the same order.
pub(super) fn warn(overrides: &[Located<raw::Override>], globs: &GlobSet, diagnostics: &mut Diagnostics) {
    let keys: Vec<Vec<String>> = overrides.iter().map(|entry| keys(&entry.value)).collect();
    let mut earlier = Earlier::default();
    for (index, entry) in overrides.iter().enumerate() {
        if keys[index].is_empty() {
            diagnostics.warning(
                entry.at.start(),
                "this override has no effect: it sets nothing",
                "set a key, or remove the override",
            );
        }
        warn_of_ignored(entry, &keys[index], diagnostics);
        let covering = earlier.covering(&entry.value.matches.value, globs);
        warn_of_shadowed(overrides, &keys, index, &covering, diagnostics);
        earlier.add(index, &entry.value.matches.value);
    }
}

/// The overrides before the current one.
#[derive(Default)]
struct Earlier<'a> {
    by_text: HashMap<&'a str, Vec<usize>>,
    for_everything: Vec<usize>,
    count: usize,
}

impl<'a> Earlier<'a> {
    /// The overrides that certainly match every service that `text` matches: the same glob, one for every service, or any
    /// glob that matches `text` when that is a plain name.
    fn covering(&self, text: &str, globs: &GlobSet) -> BTreeSet<usize> {
        let is_plain = !text.contains(['*', '?', '[', '{', '\\']);
        let matching = if is_plain { globs.matches(text) } else { Vec::new() };
        let same = self.by_text.get(text).into_iter().flatten();
        let indexes = same.chain(&self.for_everything).copied().chain(matching);
        indexes.filter(|index| *index < self.count).collect()
    }

    fn add(&mut self, index: usize, text: &'a str) {
        self.by_text.entry(text).or_default().push(index);
        if matches!(text, "*/*" | "**" | "**/*") {
            self.for_everything.push(index);
        }
        self.count = index + 1;
    }
}

fn warn_of_ignored(entry: &Located<raw::Override>, keys: &[String], diagnostics: &mut Diagnostics) {
    let others: Vec<&str> = keys.iter().map(String::as_str).filter(|key| *key != "ignore").collect();
    if entry.value.ignore == Some(true) && !others.is_empty() {
        diagnostics.warning(
            entry.at.start(),
            format!("{}: no effect, because the override ignores these services", quoted(&others)),
            "remove it, or remove `ignore`",
        );
    }
}

fn warn_of_shadowed(
    overrides: &[Located<raw::Override>],
    keys: &[Vec<String>],
    index: usize,
    covering: &BTreeSet<usize>,
    diagnostics: &mut Diagnostics,
) {
    let setter = |key: &String| covering.iter().find(|earlier| keys[**earlier].contains(key));
    let shadowed: Vec<(&String, &usize)> =
        keys[index].iter().filter_map(|key| Some((key, setter(key)?))).collect();
    let Some((_, first)) = shadowed.first() else { return };
    let names: Vec<&str> = shadowed.iter().map(|(key, _)| key.as_str()).collect();
    let message = format!(
        "{}: no effect, because the override on line {} matches the same services and comes first",
        quoted(&names),
        overrides[**first].value.matches.at.line
    );
    let at = overrides[index].value.matches.at;
    diagnostics.warning(at, message, "move the override for fewer services up, or remove the key");
}

/// The keys that an override sets; the soak of each environment is a key of its own.
fn keys(entry: &raw::Override) -> Vec<String> {
    let simple = [
        ("versions", entry.versions.is_some()),
        ("tagPattern", entry.tag_pattern.is_some()),
        ("order", entry.order.is_some()),
        ("minimumAge", entry.minimum_age.is_some()),
        ("images", entry.images.is_some()),
        ("charts", entry.charts.is_some()),
        ("source", entry.source.is_some()),
        ("ignore", entry.ignore.is_some()),
    ];
    let mut keys: Vec<String> =
        simple.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| (*key).to_owned()).collect();
    keys.extend(entry.soak.iter().flat_map(|soak| &soak.0).map(|(name, _)| format!("soak.{}", name.value)));
    keys
}

fn quoted(keys: &[&str]) -> String {
    let shown = keys.iter().map(|key| format!("`{}`", Printable::bounded(key, 80)));
    shown.collect::<Vec<_>>().join(", ")
}
