//! The tags and images of a changelog: running versions, or the moves of a period.

use std::collections::BTreeMap;

use crate::cli::args::Changelog;
use crate::cli::commands::record;
use crate::cli::commands::resolve::Typed;
use crate::cli::wiring::Session;
use crate::engine::{Move, RepositoryPolicy, RepositoryState, Target};
use crate::model::{Class, EnvironmentId, Fault, ImageName, ServiceName, Tag, Timestamp, Version};

/// Two tags of a service's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) service: ServiceName,
    pub(super) image: ImageName,
    pub(super) from: Tag,
    pub(super) to: Tag,
}

/// The changelogs that the arguments request.
pub(super) async fn choose(
    args: &Changelog,
    session: &Session,
    state: &RepositoryState,
    now: Timestamp,
) -> Result<Vec<Choice>, Fault> {
    let repository_policy = session.engine.repository_policy();
    let environment = match &args.env {
        Some(name) => repository_policy.environment_named(name)?,
        None => repository_policy
            .environments
            .ids()
            .next_back()
            .ok_or_else(|| Fault::new(Class::Usage, "the configuration has no environment"))?,
    };
    let typed = Typed::from(&args.services);
    if typed.is_empty() && !args.all {
        return Err(Fault::new(Class::Usage, "no service is named")
            .with_hint("name one, or pass --all --since TIME for all that changed"));
    }
    let services = typed.services(state)?;
    let during = args.during;
    if during.since.is_some() || during.until.is_some() {
        let period = record::period(during, session.config.timezone, now)?;
        let since = period.from.unwrap_or_default();
        let mut moves = session.engine.moves_since(state, environment, since).await?;
        moves.retain(|moved| moved.at < period.to);
        let choices = in_period(args, &services, moves);
        if choices.is_empty() && !args.all {
            let name = &repository_policy.environments[environment].policy.name;
            let names: Vec<String> = services.iter().map(ToString::to_string).collect();
            let message = format!("no version of {} came to {name} in that time", names.join(", "));
            return Err(Fault::new(Class::Failed, message).with_hint("`tidegate history` lists tag changes"));
        }
        return Ok(choices);
    }
    let first = args.env.as_ref().map_or_else(
        || root(repository_policy, environment),
        |_| repository_policy.environments[environment].before.unwrap_or(environment),
    );
    let sides = (environment, first);
    let images = images(args, &services, state)?;
    images
        .into_iter()
        .map(|(service, image)| between(args, repository_policy, state, sides, service, image))
        .collect()
}

fn between(
    args: &Changelog,
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    (from, to): (EnvironmentId, EnvironmentId),
    service: ServiceName,
    image: ImageName,
) -> Result<Choice, Fault> {
    let subject = (service.clone(), image.clone());
    let running = |environment: EnvironmentId, pick: fn(&Target) -> Option<&Tag>| {
        let name = &repository_policy.environments[environment].policy.name;
        state.deployed.target(environment, &subject).and_then(pick).cloned().ok_or_else(|| {
            Fault::new(
                Class::Failed,
                format!("the version of {image} that {service} runs in {name} is unknown"),
            )
            .with_hint("pass --from TAG --to TAG")
        })
    };
    Ok(Choice {
        from: args.from.clone().map_or_else(|| running(from, lowest_of), Ok)?,
        to: args.to.clone().map_or_else(|| running(to, highest_of), Ok)?,
        service,
        image,
    })
}

fn lowest_of(target: &Target) -> Option<&Tag> {
    target.running.first().map(|candidate| &candidate.tag)
}

fn highest_of(target: &Target) -> Option<&Tag> {
    target.running.last().map(|candidate| &candidate.tag)
}

/// The images of the services, or the one that is named.
fn images(
    args: &Changelog,
    services: &[ServiceName],
    state: &RepositoryState,
) -> Result<Vec<(ServiceName, ImageName)>, Fault> {
    let mut all = Vec::new();
    for service in services {
        let of_service = state.deployed.targets.iter().filter(|target| target.service() == service);
        let mut images: Vec<ImageName> = of_service.map(|target| target.image().clone()).collect();
        images.sort_by_key(ToString::to_string);
        images.dedup();
        if let Some(wanted) = &args.image {
            if !images.contains(wanted) {
                let has: Vec<String> = images.iter().map(ToString::to_string).collect();
                let message = format!("{service} has no image {wanted}");
                return Err(Fault::new(Class::Usage, message).with_hint(format!("it has {}", has.join(", "))));
            }
            images = vec![wanted.clone()];
        }
        all.extend(images.into_iter().map(|image| (service.clone(), image)));
    }
    Ok(all)
}

/// The change of an environment in a period: from before its first tag change to after its last.
fn in_period(args: &Changelog, services: &[ServiceName], moves: Vec<Move>) -> Vec<Choice> {
    let mut sides: BTreeMap<(String, String), Choice> = BTreeMap::new();
    for moved in moves {
        let is_wanted = services.contains(&moved.service)
            && args.image.as_ref().is_none_or(|image| *image == moved.image);
        let (Some(from), Some(to)) = (lowest(&moved.from), highest(&moved.to)) else { continue };
        if !is_wanted {
            continue;
        }
        let key = (moved.service.to_string(), moved.image.to_string());
        // They come oldest first.
        let choice = sides.entry(key).or_insert_with(|| Choice {
            service: moved.service.clone(),
            image: moved.image.clone(),
            from: from.clone(),
            to: to.clone(),
        });
        choice.to = to.clone();
    }
    sides.into_values().filter(|choice| choice.from != choice.to).collect()
}

fn lowest(tags: &[Tag]) -> Option<&Tag> {
    tags.iter()
        .min_by(|one, other| version(one).partial_cmp(&version(other)).unwrap_or(std::cmp::Ordering::Equal))
}

fn highest(tags: &[Tag]) -> Option<&Tag> {
    tags.iter()
        .max_by(|one, other| version(one).partial_cmp(&version(other)).unwrap_or(std::cmp::Ordering::Equal))
}

fn version(tag: &Tag) -> Option<Version> {
    tag.as_str().parse().ok()
}

/// The environment whose versions come from the registry, before this one.
fn root(repository_policy: &RepositoryPolicy, environment: EnvironmentId) -> EnvironmentId {
    let mut at = environment;
    while let Some(before) = repository_policy.environments[at].before {
        at = before;
    }
    at
}
