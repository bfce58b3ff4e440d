//! Release notes between two images of a service, for the engine and the command line.

use std::sync::Arc;

use crate::changelog::{Heading, Notes, Remark};
use crate::config::Config;
use crate::model::{Digest, Fault, ImageName, ServiceName, Tag, Version};
use crate::port::{Changelog, NotesWanted, Observations as _, Registry as _};
use crate::registry::Client;
use crate::source::{Question, Reader};
use crate::store::Store;

use super::source_choice::Sources;
use super::sources;

/// Reads release notes.
#[derive(Debug)]
pub(crate) struct Changes {
    config: Arc<Config>,
    client: Arc<Client>,
    store: Arc<Store>,
    reader: Reader<Client, Sources, Store>,
}

impl Changes {
    pub(super) fn new(
        config: Arc<Config>,
        client: Arc<Client>,
        store: Arc<Store>,
        histories: Sources,
    ) -> Self {
        let policy = Arc::new(sources::policy(&config));
        let reader = Reader::new(Arc::clone(&client), Arc::new(histories), Arc::clone(&store), policy);
        Self { config, client, store, reader }
    }

    /// What changed between two tags of a service's image.
    ///
    /// # Errors
    /// When the registry has no such tag.
    pub(crate) async fn between(
        &self,
        service: &ServiceName,
        image: &ImageName,
        from: &Tag,
        to: &Tag,
    ) -> Result<Notes, Fault> {
        let (one, other) = tokio::join!(self.digest(image, from), self.digest(image, to));
        Ok(self.ask(service, image, (from.clone(), one?), (to.clone(), other?)).await)
    }

    async fn ask(
        &self,
        service: &ServiceName,
        image: &ImageName,
        from: (Tag, Digest),
        to: (Tag, Digest),
    ) -> Notes {
        let question = Question {
            service: service.to_string(),
            image: image.clone(),
            is_downgrade: is_lower(&to.0, &from.0),
            from,
            to,
            scope: sources::scope(&self.config, service),
        };
        self.reader.notes(&question).await
    }

    /// A tag's digest: the last observed one, or else the registry's. A running tag was observed.
    async fn digest(&self, image: &ImageName, tag: &Tag) -> Result<Digest, Fault> {
        let key = (image.clone(), tag.clone());
        let seen = self.store.observations(std::slice::from_ref(&key)).await;
        let last = seen.ok().and_then(|mut seen| seen.remove(&key)?.pop());
        match last {
            Some(observation) => Ok(observation.digest),
            None => Ok(self.client.digest(image, tag).await?),
        }
    }
}

impl Changelog for Changes {
    async fn notes(&self, wanted: &NotesWanted) -> Notes {
        match self.digest(&wanted.image, &wanted.from).await {
            Ok(digest) => {
                let (from, to) = ((wanted.from.clone(), digest), (wanted.to.clone(), wanted.digest.clone()));
                self.ask(&wanted.service, &wanted.image, from, to).await
            }
            Err(fault) => {
                let heading =
                    Heading::new(wanted.service.to_string(), wanted.from.as_str(), wanted.to.as_str());
                Notes::without_commits(heading, vec![Remark::Unavailable { reason: fault.in_one_line() }])
            }
        }
    }
}

fn is_lower(one: &Tag, other: &Tag) -> bool {
    let version = |tag: &Tag| tag.as_str().parse::<Version>().ok();
    version(one).zip(version(other)).is_some_and(|(one, other)| one < other)
}
