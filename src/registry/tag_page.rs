//! Parses the pages of a tag list. No IO.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::{Tag, TagList};

/// Parses the pages of one list; the tags are sorted and unique.
pub(super) fn parse<B: AsRef<[u8]>>(bodies: &[B]) -> Result<TagList, serde_json::Error> {
    let mut list = TagList::default();
    for body in bodies {
        let page: Page = serde_json::from_slice(body.as_ref())?;
        let entries = page.tags.unwrap_or_default();
        list.ignored += entries.ignored;
        list.tags.extend(entries.tags);
    }
    list.tags.sort_unstable();
    list.tags.dedup();
    Ok(list)
}

/// Page sizes at which registries cut lists: the one that Tidegate requests, and the most common cap.
const FULL_PAGES: [usize; 2] = [100, 1_000];

/// The last entry of a page that may be cut: one of a full page's size.
pub(super) fn end_of_full_page(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Entries {
        tags: Vec<serde_json::Value>,
    }
    // Commas separate the entries and a few keys: counting them is cheap, and most pages end here.
    let commas = memchr::memchr_iter(b',', body).count();
    if !FULL_PAGES.iter().any(|size| (size - 1..size + 8).contains(&commas)) {
        return None;
    }
    let page: Entries = serde_json::from_slice(body).ok()?;
    let last = page.tags.last()?.as_str()?;
    FULL_PAGES.contains(&page.tags.len()).then(|| last.to_owned())
}

#[derive(Deserialize)]
struct Page {
    // `null` is an empty list, a missing key is an error; serde needs `with` to tell them apart.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Entries>,
}

/// The entries of one page, parsed straight into tags.
#[derive(Default)]
struct Entries {
    tags: Vec<Tag>,
    ignored: usize,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Entries, A::Error> {
        let mut entries = Entries::default();
        while let Some(Entry(tag)) = sequence.next_element()? {
            match tag {
                Some(tag) => entries.tags.push(tag),
                None => entries.ignored += 1,
            }
        }
        Ok(entries)
    }
}

/// One entry; nothing when it is no valid tag, whatever its JSON type.
struct Entry(Option<Tag>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor).map(Entry)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Option<Tag>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a tag")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Tag>, E> {
        Ok(text.parse().ok())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Tag>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Tag>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Tag>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Tag>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Tag>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Option<Tag>, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Tag>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(&[r#"{"name":"a","tags":["v1","v2"]}"#], &["v1", "v2"], 0)]
    #[case::null(&[r#"{"name":"a","tags":null}"#], &[], 0)]
    #[case::empty(&[r#"{"name":"a","tags":[]}"#], &[], 0)]
    #[case::pages(&[r#"{"tags":["b"]}"#, r#"{"tags":["a"]}"#], &["a", "b"], 0)]
    #[case::twice(&[r#"{"tags":["b","a"]}"#, r#"{"tags":["a","b"]}"#], &["a", "b"], 0)]
    #[case::escaped(&[r#"{"tags":["v\u0031"]}"#], &["v1"], 0)]
    #[case::no_tags(&[r#"{"tags":["../../x","🌊","","a b","v1"]}"#], &["v1"], 4)]
    #[case::no_text(&[r#"{"tags":[1,-1,1.5,true,null,["a"],{"a":"b"},"v1"]}"#], &["v1"], 7)]
    fn pages(#[case] bodies: &[&str], #[case] tags: &[&str], #[case] ignored: usize) {
        let list = parse(bodies).unwrap();
        assert_eq!(list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), tags);
        assert_eq!(list.ignored, ignored);
    }

    #[rstest]
    #[case(99, None)]
    #[case(100, Some("v99"))]
    #[case(101, None)]
    #[case(1_000, Some("v999"))]
    #[case(1_010, None)]
    fn full_pages(#[case] count: usize, #[case] end: Option<&str>) {
        let tags: Vec<String> = (0..count).map(|number| format!("v{number}")).collect();
        let body = serde_json::json!({"name": "a", "tags": tags}).to_string();
        assert_eq!(end_of_full_page(body.as_bytes()).as_deref(), end);
        assert_eq!(end_of_full_page(b"{}"), None);
    }

    #[test]
    fn a_tag_of_ten_thousand_characters_is_none() {
        let body = format!(r#"{{"tags":["{}","v1"]}}"#, "x".repeat(10_000));
        let list = parse(&[&body]).unwrap();
        assert_eq!((list.tags.len(), list.ignored), (1, 1));
    }

    #[rstest]
    #[case::missing(r#"{"status":"ok"}"#)]
    #[case::text(r#"{"tags":"v1"}"#)]
    #[case::list("[]")]
    #[case::cut(r#"{"tags":["v1""#)]
    #[case::page("<html>")]
    #[case::empty("")]
    fn an_invalid_list_is_refused(#[case] body: &str) {
        assert!(parse(&[body]).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        let body = format!(r#"{{"tags":[{}]}}"#, "[".repeat(1_000_000));
        assert!(parse(&[&body]).is_err());
    }
}
