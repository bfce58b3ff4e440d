//! Whether what somebody names is there: services, and versions of their images.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::output::{Output, YELLOW};
use crate::cli::wiring::Session;
use crate::config::nearest;
use crate::engine::{RepositoryState, Target};
use crate::model::{Class, Fault, ImageName, Printable, ServiceName, ServicePattern, Tag, Version};

use super::activity;

/// The pattern of somebody's words; nothing, when they mean every service.
///
/// # Errors
/// When no service is meant, unless that is said to be right.
pub(super) fn pattern(
    state: &RepositoryState,
    written: &str,
    is_forced: bool,
) -> Result<Option<ServicePattern>, Fault> {
    let like = || {
        let like: Vec<String> = state.services_like(written).iter().map(ToString::to_string).collect();
        match like.as_slice() {
            [] => "`tidegate status` lists the services".to_owned(),
            like => format!("did you mean {}?", like.join(", ")),
        }
    };
    let shown = Printable::bounded(written, 100);
    let Ok(pattern) = written.parse::<ServicePattern>() else {
        let message = format!(
            "`{shown}` is no service: it is named as namespace/name, or by a pattern such as 'common/*'"
        );
        return Err(Fault::new(Class::Usage, message).with_hint(like()));
    };
    if written == "**" {
        return Ok(None);
    }
    if !is_forced && !state.services().iter().any(|service| pattern.matches(service)) {
        let message = match pattern.exact() {
            Some(_) => format!("there is no service {shown}"),
            None => format!("the pattern {shown} is of no service"),
        };
        return Err(Fault::new(Class::Usage, message).with_hint(like()));
    }
    Ok(Some(pattern))
}

/// The same, where every service can't be meant.
pub(super) fn some_pattern(
    state: &RepositoryState,
    written: &str,
    is_forced: bool,
) -> Result<ServicePattern, Fault> {
    match pattern(state, written, is_forced)? {
        Some(pattern) => Ok(pattern),
        None => written.parse().map_err(|_| Fault::new(Class::Usage, "name the services")),
    }
}

/// One service, by its name.
pub(super) fn service(state: &RepositoryState, written: &str) -> Result<ServiceName, Fault> {
    let pattern = some_pattern(state, written, false)?;
    pattern.exact().cloned().ok_or_else(|| {
        Fault::new(Class::Usage, format!("{pattern} may be several services, and one is meant"))
            .with_hint("name it as namespace/name")
    })
}

/// The patterns of somebody's words. Whether they mean any service is told by who goes by them.
pub(super) async fn patterns(
    session: &mut Session,
    written: &[String],
    output: &Output,
) -> Result<Vec<ServicePattern>, Fault> {
    if let Ok(patterns) = written.iter().map(|words| words.parse()).collect() {
        return Ok(patterns);
    }
    let state = look(session, output).await?;
    written.iter().map(|words| some_pattern(&state, words, false)).collect()
}

/// The repository as it is now.
pub(super) async fn look(session: &mut Session, output: &Output) -> Result<Arc<RepositoryState>, Fault> {
    let _turn = session.turn(output).await?;
    activity::during("Looking", session.engine.look()).await
}

/// The targets of the services that are meant.
pub(super) fn targets<'a>(
    state: &'a RepositoryState,
    services: &'a ServicePattern,
) -> impl Iterator<Item = &'a Target> {
    state.deployed.targets.iter().filter(|target| services.matches(target.service()))
}

/// Makes sure that an image of the services has such a version. A registry that does not answer stops nobody: it is told.
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
                // Standard error may be closed; the warning is not worth failing for.
                let _ = output.complain(&format!(
                    "{YELLOW}warning{YELLOW:#}: nobody can tell whether there is a tag {version}: {}\n",
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
    let like = nearest(version.as_str(), tags.iter().map(Tag::as_str));
    let like =
        like.map_or_else(String::new, |like| format!("did you mean {}? ", Printable::bounded(like, 128)));
    Err(Fault::new(Class::Usage, format!("no image of {} has a tag {version}", names.join(", ")))
        .with_hint(format!("{like}--force writes it all the same")))
}

fn is_same_version(one: &Tag, other: &Tag) -> bool {
    let version = |tag: &Tag| tag.as_str().parse::<Version>().ok();
    version(one).is_some_and(|one| version(other) == Some(one))
}
