//! Overrides that cannot take effect because of an earlier one. Only warns: what is written is clear, but most likely
//! not what was meant.

use std::collections::{BTreeSet, HashMap};

use globset::GlobSet;

use crate::config::location::Located;
use crate::config::problem::Findings;
use crate::config::raw;
use crate::model::Printable;

/// `globs` are those of `overrides`, in the same order.
pub(super) fn warn(overrides: &[Located<raw::Override>], globs: &GlobSet, findings: &mut Findings) {
    let keys: Vec<Vec<String>> = overrides.iter().map(|entry| keys(&entry.value)).collect();
    let mut earlier = Earlier::default();
    for (place, entry) in overrides.iter().enumerate() {
        if keys[place].is_empty() {
            findings.warning(
                entry.at.start(),
                "this override sets nothing",
                "set a key in it, or take it out",
            );
        }
        warn_of_ignored(entry, &keys[place], findings);
        let covering = earlier.covering(&entry.value.matches.value, globs);
        warn_of_shadowed(overrides, &keys, place, &covering, findings);
        earlier.add(place, &entry.value.matches.value);
    }
}

/// The overrides before the one that is looked at.
#[derive(Default)]
struct Earlier<'a> {
    by_text: HashMap<&'a str, Vec<usize>>,
    of_everything: Vec<usize>,
    count: usize,
}

impl<'a> Earlier<'a> {
    /// The places of those that surely match all that `text` does: they are the same, match everything, or `text` is
    /// a plain name that they match. Where it cannot be told, nothing is said.
    fn covering(&self, text: &str, globs: &GlobSet) -> BTreeSet<usize> {
        let is_plain = !text.contains(['*', '?', '[', '{', '\\']);
        let matching = if is_plain { globs.matches(text) } else { Vec::new() };
        let same = self.by_text.get(text).into_iter().flatten();
        let places = same.chain(&self.of_everything).copied().chain(matching);
        places.filter(|place| *place < self.count).collect()
    }

    fn add(&mut self, place: usize, text: &'a str) {
        self.by_text.entry(text).or_default().push(place);
        if matches!(text, "*/*" | "**" | "**/*") {
            self.of_everything.push(place);
        }
        self.count = place + 1;
    }
}

fn warn_of_ignored(entry: &Located<raw::Override>, keys: &[String], findings: &mut Findings) {
    let others: Vec<&str> = keys.iter().map(String::as_str).filter(|key| *key != "ignore").collect();
    if entry.value.ignore == Some(true) && !others.is_empty() {
        findings.warning(
            entry.at.start(),
            format!("{}: this has no effect, since these services are left alone", quoted(&others)),
            "take it out, or take `ignore` out",
        );
    }
}

fn warn_of_shadowed(
    overrides: &[Located<raw::Override>],
    keys: &[Vec<String>],
    place: usize,
    covering: &BTreeSet<usize>,
    findings: &mut Findings,
) {
    let setter = |key: &String| covering.iter().find(|earlier| keys[**earlier].contains(key));
    let shadowed: Vec<(&String, &usize)> =
        keys[place].iter().filter_map(|key| Some((key, setter(key)?))).collect();
    let Some((_, first)) = shadowed.first() else { return };
    let names: Vec<&str> = shadowed.iter().map(|(key, _)| key.as_str()).collect();
    let message = format!(
        "{}: this never applies, since the override in line {} matches the same services and comes first",
        quoted(&names),
        overrides[**first].value.matches.at.line
    );
    let at = overrides[place].value.matches.at;
    findings.warning(at, message, "put the override for fewer services first, or take the key out");
}

/// The keys that an override sets, with the soak of each environment as one of its own.
fn keys(entry: &raw::Override) -> Vec<String> {
    let simple = [
        ("versions", entry.versions.is_some()),
        ("tagPattern", entry.tag_pattern.is_some()),
        ("images", entry.images.is_some()),
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
