//! The `index.yaml` of a Helm repository (Helm documentation, *The Chart Repository Guide*): the versions of its charts, with the
//! digests of their archives.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{Digest, Tag, TagList};

/// The annotations of a chart that say where it comes from, as labels of images do.
const ORIGIN_ANNOTATIONS: &str = "org.opencontainers.image.";
const SOURCE: &str = "org.opencontainers.image.source";

/// The charts of a Helm repository.
#[derive(Debug, Default)]
pub(super) struct ChartIndex(HashMap<String, Chart>);

/// The versions of a chart.
#[derive(Debug, Default)]
pub(super) struct Chart {
    pub(super) tags: Arc<TagList>,
    versions: HashMap<Tag, ChartVersion>,
}

#[derive(Debug)]
struct ChartVersion {
    /// The digest of the archive; old tools write none.
    digest: Option<Digest>,
    labels: BTreeMap<String, String>,
}

/// An index as it is written; Helm ignores other keys.
#[derive(Deserialize)]
struct Written {
    entries: HashMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    version: String,
    digest: Option<String>,
    home: Option<String>,
    sources: Option<Vec<String>>,
    annotations: Option<BTreeMap<String, String>>,
}

impl ChartIndex {
    /// Reads an index, which may be JSON. A chart whose versions are those of `before` keeps its list.
    pub(super) fn parse(text: &[u8], before: Option<&Self>) -> Result<Self, serde_yaml::Error> {
        let written: Written = serde_yaml::from_slice(text)?;
        let charts = written.entries.into_iter().map(|(name, entries)| {
            let mut chart = Chart::of(entries);
            if let Some(known) = before.and_then(|before| before.chart(&name))
                && known.tags == chart.tags
            {
                chart.tags = Arc::clone(&known.tags);
            }
            (name, chart)
        });
        Ok(Self(charts.collect()))
    }

    /// The chart of this name.
    pub(super) fn chart(&self, name: &str) -> Option<&Chart> {
        self.0.get(name)
    }
}

impl Chart {
    fn of(entries: Vec<Entry>) -> Self {
        let mut chart = Self::default();
        let mut ignored = 0;
        for entry in entries {
            // A version with build metadata (`1.0.0+1`) is no tag.
            let Ok(tag) = entry.version.parse::<Tag>() else {
                ignored += 1;
                continue;
            };
            // Of two entries of one version, Helm takes the first.
            chart.versions.entry(tag).or_insert_with(|| entry.read());
        }
        let mut tags: Vec<Tag> = chart.versions.keys().cloned().collect();
        tags.sort_unstable();
        chart.tags = Arc::new(TagList { tags, ignored });
        chart
    }

    /// The digest of the archive of a version; `None` where the index has no such version, or no digest for it.
    pub(super) fn digest(&self, tag: &Tag) -> Option<&Digest> {
        self.versions.get(tag)?.digest.as_ref()
    }

    /// Whether the index has a version.
    pub(super) fn has(&self, tag: &Tag) -> bool {
        self.versions.contains_key(tag)
    }

    /// Where the archive with a digest comes from, in the words of image labels.
    pub(super) fn labels(&self, digest: &Digest) -> Option<&BTreeMap<String, String>> {
        let mut versions = self.versions.values();
        versions.find(|version| version.digest.as_ref() == Some(digest)).map(|version| &version.labels)
    }
}

impl Entry {
    fn read(self) -> ChartVersion {
        let digest = self.digest.as_deref().map(|text| text.trim_start_matches("sha256:"));
        let digest = digest.and_then(|digits| format!("sha256:{digits}").parse().ok());
        let mut labels = self.annotations.unwrap_or_default();
        labels.retain(|key, _| key.starts_with(ORIGIN_ANNOTATIONS));
        if !labels.contains_key(SOURCE)
            && let Some(source) = self.sources.unwrap_or_default().into_iter().next().or(self.home)
        {
            labels.insert(SOURCE.to_owned(), source);
        }
        ChartVersion { digest, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1\ngenerated: \"2026-01-01T00:00:00Z\"\nentries:\n  app:\n  \
        - {name: app, version: 1.10.0, digest: '1111111111111111111111111111111111111111111111111111111111111111', home: 'https://example.com', \
        sources: ['https://github.com/vtr/app', 'https://other'], annotations: {org.opencontainers.image.revision: 9f2c1ab, category: x}}\n  \
        - {name: app, version: 1.9.0+build, urls: [app.tgz]}\n  - {name: app, version: v1.9.0, home: 'https://github.com/vtr/home'}\n  \
        - {name: app, version: 1.10.0, digest: '2222222222222222222222222222222222222222222222222222222222222222'}\n  other: []\n";

    fn index(before: Option<&ChartIndex>) -> ChartIndex {
        ChartIndex::parse(INDEX.as_bytes(), before).unwrap()
    }

    #[test]
    fn versions_have_the_digests_of_their_archives() {
        let index = index(None);
        let chart = index.chart("app").unwrap();
        let tags: Vec<&str> = chart.tags.tags.iter().map(Tag::as_str).collect();
        assert_eq!((tags.as_slice(), chart.tags.ignored), (&["1.10.0", "v1.9.0"][..], 1));
        let digest = chart.digest(&"1.10.0".parse().unwrap()).unwrap();
        assert_eq!(digest.short(), "sha256:111111111111");
        assert_eq!(chart.digest(&"v1.9.0".parse().unwrap()), None);
        let labels: Vec<String> =
            chart.labels(digest).unwrap().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            labels,
            [
                "org.opencontainers.image.revision=9f2c1ab",
                "org.opencontainers.image.source=https://github.com/vtr/app"
            ]
        );
        assert!(index.chart("other").unwrap().tags.tags.is_empty());
        assert!(index.chart("nothing").is_none());
    }

    #[test]
    fn an_unchanged_list_stays_the_same_allocation() {
        let before = index(None);
        let after = index(Some(&before));
        assert!(Arc::ptr_eq(&before.chart("app").unwrap().tags, &after.chart("app").unwrap().tags));
    }

    #[test]
    fn what_is_no_index_is_an_error() {
        for text in ["", "hello", "apiVersion: v1\n", "entries: {app: [{name: app}]}", "entries: [", "\u{0}"]
        {
            assert!(ChartIndex::parse(text.as_bytes(), None).is_err(), "{text:?}");
        }
        let json = r#"{"apiVersion": "v1", "entries": {"app": [{"version": "1.0.0"}]}}"#;
        assert!(ChartIndex::parse(json.as_bytes(), None).is_ok());
    }
}
