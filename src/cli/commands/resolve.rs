//! From the names that people type to services, environments and versions that exist.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::args::{Namespace, Services};
use crate::cli::output::{Output, YELLOW};
use crate::cli::wiring::Session;
use crate::config::nearest;
use crate::engine::{RepositoryPolicy, RepositoryState, Target, services_like};
use crate::model::{
    Class, EnvironmentId, EnvironmentName, Fault, ImageName, Printable, ServiceName, ServicePattern, Tag,
    Version,
};
use crate::port::Registry as _;

use super::activity;

/// The pattern that covers every service.
const EVERYTHING: &str = "**";

/// Names and patterns of services as they were typed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed<'a> {
    words: &'a [String],
    namespace: Option<&'a str>,
}

impl<'a, const REQUIRED: bool> From<&'a Services<REQUIRED>> for Typed<'a> {
    fn from(services: &'a Services<REQUIRED>) -> Self {
        Self::new(&services.services, &services.namespace)
    }
}

impl<'a> Typed<'a> {
    pub(super) fn new(words: &'a [String], namespace: &'a Namespace) -> Self {
        Self { words, namespace: namespace.namespace.as_deref() }
    }

    /// The same namespace with fewer words.
    pub(super) fn with_words(self, words: &'a [String]) -> Self {
        Self { words, ..self }
    }

    pub(super) fn words(self) -> &'a [String] {
        self.words
    }

    /// Whether nothing was typed that limits the services.
    pub(super) fn is_empty(self) -> bool {
        self.words.is_empty() && self.namespace.is_none()
    }

    /// The words with their namespace.
    fn qualified(self) -> Result<Vec<Cow<'a, str>>, Fault> {
        if let (Some(namespace), []) = (self.namespace, self.words) {
            return Ok(vec![Cow::Owned(format!("{namespace}/*"))]);
        }
        self.words.iter().map(|word| qualified(word, self.namespace)).collect()
    }

    /// The patterns, if no repository is needed to read them: nothing was given by a bare name.
    pub(super) fn patterns(self) -> Result<Option<Vec<ServicePattern>>, Fault> {
        let words = self.qualified()?;
        Ok(words.iter().map(|word| word.parse().ok()).collect())
    }

    /// The patterns. Every pattern matches a service unless `is_forced`.
    pub(super) fn resolve(
        self,
        services: &BTreeSet<&ServiceName>,
        is_forced: bool,
    ) -> Result<Vec<ServicePattern>, Fault> {
        self.qualified()?.iter().map(|word| pattern(services, word, is_forced)).collect()
    }

    /// The patterns, for a command that finds out by itself whether a full name exists. Bare names and globs must match.
    pub(super) async fn resolve_unchecked(self, session: &mut Session) -> Result<Vec<ServicePattern>, Fault> {
        match self.patterns()? {
            Some(patterns) if patterns.iter().all(|pattern| pattern.exact().is_some()) => Ok(patterns),
            _ => self.resolve(&refresh(session).await?.services(), false),
        }
    }

    /// The services that are typed, which exist.
    pub(super) fn services(self, state: &RepositoryState) -> Result<Vec<ServiceName>, Fault> {
        let patterns = self.resolve(&state.services(), false)?;
        let is_meant = |service: &&ServiceName| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(service))
        };
        Ok(state.services().into_iter().filter(is_meant).cloned().collect())
    }
}

fn qualified<'a>(word: &'a str, namespace: Option<&str>) -> Result<Cow<'a, str>, Fault> {
    let is_whole = word.contains('/') || word == EVERYTHING;
    match namespace {
        Some(namespace) if is_whole => {
            let message = format!("`{}` and --namespace {namespace} both name a namespace", shown(word));
            Err(Fault::new(Class::Usage, message).with_hint("leave one of them out"))
        }
        Some(namespace) => Ok(Cow::Owned(format!("{namespace}/{word}"))),
        None if !is_whole && word.contains(['*', '?', '[', '{']) => Ok(Cow::Owned(format!("*/{word}"))),
        None => Ok(Cow::Borrowed(word)),
    }
}

fn pattern(services: &BTreeSet<&ServiceName>, word: &str, is_forced: bool) -> Result<ServicePattern, Fault> {
    if !word.contains('/') && word != EVERYTHING {
        return bare(services, word);
    }
    let Ok(pattern) = word.parse::<ServicePattern>() else {
        let message = format!("`{}` names no service", shown(word));
        return Err(Fault::new(Class::Usage, message)
            .with_hint("write namespace/name, or a pattern such as 'common/*'"));
    };
    let exists = word == EVERYTHING || services.iter().any(|service| pattern.matches(service));
    if exists || is_forced { Ok(pattern) } else { Err(unknown(services, word)) }
}

/// The one service with this name, in any namespace.
fn bare(services: &BTreeSet<&ServiceName>, name: &str) -> Result<ServicePattern, Fault> {
    let named: Vec<&ServiceName> =
        services.iter().copied().filter(|service| service.name() == name).collect();
    match named.as_slice() {
        [] => Err(unknown(services, name)),
        [one] => Ok(ServicePattern::from((*one).clone())),
        several => {
            let message = format!("`{name}` is the name of {} services", several.len());
            let choices: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Fault::new(Class::Usage, message).with_hint(format!("name one: {}", choices.join(", "))))
        }
    }
}

/// No service has the given name.
fn unknown(services: &BTreeSet<&ServiceName>, word: &str) -> Fault {
    let near = match word.split_once('/') {
        Some((namespace, rest)) if rest.contains('*') => {
            let namespaces = services.iter().map(|service| service.namespace());
            nearest(namespace, namespaces).map(|near| format!("`{near}/{rest}`")).into_iter().collect()
        }
        _ => services_like(services.clone(), word).iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    let hint = match near.as_slice() {
        [] => "`tidegate status` lists the services".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    };
    Fault::new(Class::Usage, format!("no service matches `{}`", shown(word))).with_hint(hint)
}

fn shown(word: &str) -> Printable<'_> {
    Printable::bounded(word, 100)
}

/// The one service that is typed.
pub(super) async fn one_service(
    session: &mut Session,
    word: &String,
    namespace: &Namespace,
) -> Result<ServiceName, Fault> {
    let patterns = Typed::new(std::slice::from_ref(word), namespace).resolve_unchecked(session).await?;
    let service = patterns.first().and_then(ServicePattern::exact).cloned();
    service.ok_or_else(|| {
        Fault::new(
            Class::Usage,
            format!("`{}` may match several services; this command takes one", shown(word)),
        )
        .with_hint("write namespace/name")
    })
}

/// The places of environments in the configuration, in its order.
pub(super) fn environments(
    repository_policy: &RepositoryPolicy,
    names: &[EnvironmentName],
) -> Result<Vec<EnvironmentId>, Fault> {
    let mut places: Vec<EnvironmentId> =
        names.iter().map(|name| repository_policy.environment_named(name)).collect::<Result<_, _>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

/// The repository as it is now.
pub(super) async fn refresh(session: &mut Session) -> Result<Arc<RepositoryState>, Fault> {
    activity::during("Reading the repository", session.engine.refresh()).await
}

/// The targets of the services.
pub(super) fn targets<'a>(
    state: &'a RepositoryState,
    services: &'a ServicePattern,
) -> impl Iterator<Item = &'a Target> {
    state.deployed.targets.iter().filter(|target| services.matches(target.service()))
}

/// Checks that an image of the services has a version. A registry that does not answer only causes a warning.
pub(super) async fn version(
    session: &Session,
    state: &RepositoryState,
    services: &ServicePattern,
    version: &Tag,
    output: &Output,
) -> Result<(), Fault> {
    let is_it = |tag: &Tag| tag == version || is_same_version(tag, version);
    if targets(state, services).any(|target| target.running.iter().any(|running| is_it(&running.tag))) {
        return Ok(());
    }
    let images: BTreeSet<&ImageName> = targets(state, services).map(Target::image).collect();
    let mut tags: Vec<Tag> = Vec::new();
    for image in &images {
        match session.client.tags(image).await {
            Ok(list) => tags.extend(list.tags.iter().cloned()),
            Err(error) => {
                let fault = Fault::from(error);
                output.complain(&format!(
                    "{YELLOW}warning{YELLOW:#}: cannot check that {version} exists: {}\n",
                    fault.in_one_line()
                ));
                return Ok(());
            }
        }
    }
    if images.is_empty() || tags.iter().any(is_it) {
        return Ok(());
    }
    let names: BTreeSet<&ServiceName> = targets(state, services).map(Target::service).collect();
    let names: Vec<String> = names.into_iter().take(3).map(ToString::to_string).collect();
    let near = nearest(version.as_str(), tags.iter().map(Tag::as_str));
    let near =
        near.map_or_else(String::new, |near| format!("did you mean {}? ", Printable::bounded(near, 128)));
    Err(Fault::new(Class::Usage, format!("no image of {} has a tag {version}", names.join(", ")))
        .with_hint(format!("{near}--force writes it anyway")))
}

fn is_same_version(one: &Tag, other: &Tag) -> bool {
    let version = |tag: &Tag| tag.as_str().parse::<Version>().ok();
    version(one).is_some_and(|one| version(other) == Some(one))
}
