//! What may not move, must stay, is bad, or is frozen.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::cli::args::{Freeze, Global, Going, Hold, Pin, Quarantine};
use crate::cli::commands::known;
use crate::cli::output::Output;
use crate::engine::{RepositoryPolicy, RepositoryState};
use crate::model::{Class, EnvironmentName, Fault, ServicePattern, Timestamp};
use crate::policy::{self, Control, Coverage, FreezeControl, Range, ending};

use super::desk::{ControlSession, How};

pub(in crate::cli::commands) async fn hold(
    global: &Global,
    args: &Hold,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let services = pattern(&state, args.service.as_deref(), args.force)?;
    let note = desk.note(&args.saying.reason, args.expires)?;
    let is_broad = services.is_none() && !args.all;
    let covers = Coverage { services, environments: once_each(&args.environments) };
    let hold = Control::Hold(policy::Hold { note, covers });
    let how = how("Hold", &args.saying.going, is_broad.then_some("Hold all of these?"));
    desk.put(&state, vec![hold], &how).await
}

pub(in crate::cli::commands) async fn pin(
    global: &Global,
    args: &Pin,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let services = known::some_pattern(&state, &args.service, args.force)?;
    let versions = match &args.versions {
        Some(versions) => versions.clone(),
        None => what_runs(&state, desk.session.engine.repository_policy(), &services, &args.environments)?,
    };
    let note = desk.note(&args.saying.reason, args.expires)?;
    let is_broad = services.as_str() == "**";
    let covers = Coverage { services: Some(services), environments: once_each(&args.environments) };
    let pin = Control::Pin(policy::Pin { note, covers, versions });
    let how = how("Pin", &args.saying.going, is_broad.then_some("Pin all of these?"));
    desk.put(&state, vec![pin], &how).await
}

/// The one version that runs, as a range.
fn what_runs(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    services: &ServicePattern,
    environments: &[EnvironmentName],
) -> Result<Range, Fault> {
    let name_of = |environment: usize| &repository_policy.environments[environment].policy.name;
    let is_meant =
        |environment: usize| environments.is_empty() || environments.contains(name_of(environment));
    let targets = known::targets(state, services).filter(|target| is_meant(target.environment));
    let running: BTreeSet<String> =
        targets.flat_map(|target| target.running.iter()).map(|running| running.version.to_string()).collect();
    let running: Vec<String> = running.into_iter().collect();
    if let [one] = running.as_slice()
        && let Ok(range) = one.parse()
    {
        return Ok(range);
    }
    let (message, hint) = match running.as_slice() {
        [] => (
            format!("nothing runs of {services} there"),
            "name the versions: a version, or a range".to_owned(),
        ),
        several => (
            format!("{services} runs in several versions: {}", several.join(", ")),
            "name the versions, or the environment by --env".to_owned(),
        ),
    };
    Err(Fault::new(Class::Usage, message).with_hint(hint))
}

pub(in crate::cli::commands) async fn quarantine(
    global: &Global,
    args: &Quarantine,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let services = known::some_pattern(&state, &args.service, args.force)?;
    if !args.force {
        known::version(&desk.session, &state, &services, &args.version, output).await?;
    }
    let note = desk.note(&args.saying.reason, args.expires)?;
    let is_broad = services.as_str() == "**";
    let quarantine =
        Control::Quarantine(policy::Quarantine { note, services, version: args.version.clone() });
    let how = how("Quarantine", &args.saying.going, is_broad.then_some("Quarantine it for every service?"));
    desk.put(&state, vec![quarantine], &how).await
}

pub(in crate::cli::commands) async fn freeze(
    global: &Global,
    args: &Freeze,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let services = pattern(&state, args.service.as_deref(), args.force)?;
    let freeze = span(args, desk.session.config.timezone, desk.now)?;
    let is_broad = services.is_none() && args.environments.is_empty() && !args.all;
    let note = desk.note(&args.saying.reason, None)?;
    let freeze = Control::Freeze(FreezeControl { note, services, freeze });
    let how = how("Freeze", &args.saying.going, is_broad.then_some("Freeze all of these?"));
    desk.put(&state, vec![freeze], &how).await
}

/// From when to when.
fn span(args: &Freeze, zone: chrono_tz::Tz, now: Timestamp) -> Result<policy::Freeze, Fault> {
    let too_far = || Fault::new(Class::Usage, "that is beyond the end of the calendar");
    let (begins_at, from) = match args.from {
        Some(from) => (from.resolve(zone, now), from.wall(zone, now)),
        None => (Some(now), Some(now.with_timezone(&zone).naive_local())),
    };
    let begins_at = begins_at.ok_or_else(too_far)?;
    let (from, to) = (from.ok_or_else(too_far)?, args.to.wall(zone, begins_at).ok_or_else(too_far)?);
    let freeze = policy::Freeze::new(args.name.as_str(), once_each(&args.environments), from, to)?;
    if ending(to, zone) <= now {
        return Err(Fault::new(Class::Usage, format!("the freeze is over already: it ends at {to}"))
            .with_hint("say --to with a time to come, or with how long, such as 4h"));
    }
    Ok(freeze)
}

/// Names in one order, so that the same words have the same file.
fn once_each(environments: &[EnvironmentName]) -> Vec<EnvironmentName> {
    environments.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

fn pattern(
    state: &RepositoryState,
    written: Option<&str>,
    is_forced: bool,
) -> Result<Option<ServicePattern>, Fault> {
    written.map_or(Ok(None), |written| known::pattern(state, written, is_forced))
}

/// What covers everything is confirmed, or said by a word of its own.
fn how<'a>(kind: &'static str, going: &'a Going, question: Option<&'a str>) -> How<'a> {
    How {
        kind,
        going,
        shown: "",
        question,
        unless: Some((
            "no service is named, so everything is meant, and nobody can be asked",
            "name a service, or say --yes if everything is meant",
        )),
    }
}
