//! `tidegate hold`, `pin`, `quarantine` and `freeze`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::cli::args::{Consent, Freeze, Hold, Pin, Quarantine};
use crate::cli::commands::resolve::{self, Typed};
use crate::cli::output::Output;
use crate::cli::wiring::Session;
use crate::engine::{RepositoryPolicy, RepositoryState};
use crate::model::{Class, EnvironmentId, EnvironmentName, Fault, ServicePattern, Tag, Timestamp};
use crate::policy::{self, Control, Coverage, FreezeControl, Range, ending};

use super::session::{ControlSession, Prompt, too_far};

pub(in crate::cli::commands) async fn hold(
    session: &mut Session,
    args: &Hold,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.note.consent, output);
    let state = session.refresh().await?;
    let services = covered(&state, Typed::from(&args.services), args.note.force)?;
    let note = session.note(&args.note.reason, args.expiry.expires)?;
    let is_broad = is_everything(&services) && !args.all;
    let hold = |services| {
        let covers = Coverage { services, environments: sorted(&args.environments.environments) };
        Control::Hold(policy::Hold { note: note.clone(), covers })
    };
    let holds = services.into_iter().map(hold).collect();
    let prompt = prompt("Hold", &args.note.consent, is_broad.then_some("Hold all of these?"));
    session.put(&state, holds, &prompt).await
}

pub(in crate::cli::commands) async fn pin(
    session: &mut Session,
    args: &Pin,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.note.consent, output);
    let state = session.refresh().await?;
    let (typed, versions) = trailing(Typed::from(&args.services), args.versions.as_ref());
    let services = typed.resolve(&state.services(), args.note.force)?;
    let note = session.note(&args.note.reason, args.expiry.expires)?;
    let is_broad = services.iter().any(|services| services.as_str() == "**");
    let environments = &args.environments.environments;
    let mut pins = Vec::new();
    for services in services {
        let versions = match &versions {
            Some(versions) => versions.clone(),
            None => running(&state, session.session.engine.repository_policy(), &services, environments)?,
        };
        let covers = Coverage { services: Some(services), environments: sorted(environments) };
        pins.push(Control::Pin(policy::Pin { note: note.clone(), covers, versions }));
    }
    let prompt = prompt("Pin", &args.note.consent, is_broad.then_some("Pin all of these?"));
    session.put(&state, pins, &prompt).await
}

/// The one version that runs, as a range.
fn running(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    services: &ServicePattern,
    environments: &[EnvironmentName],
) -> Result<Range, Fault> {
    let name_of = |environment: EnvironmentId| &repository_policy.environments[environment].policy.name;
    let is_meant =
        |environment: EnvironmentId| environments.is_empty() || environments.contains(name_of(environment));
    let targets = resolve::targets(state, services).filter(|target| is_meant(target.environment));
    let running: BTreeSet<String> =
        targets.flat_map(|target| target.running.iter()).map(|running| running.version.to_string()).collect();
    let running: Vec<String> = running.into_iter().collect();
    if let [one] = running.as_slice()
        && let Ok(range) = one.parse()
    {
        return Ok(range);
    }
    let (message, hint) = match running.as_slice() {
        [] => (format!("{services} runs nowhere there"), "pass --versions"),
        several => (
            format!("{services} runs {} versions: {}", several.len(), several.join(", ")),
            "pass --versions, or one environment by --env",
        ),
    };
    Err(Fault::new(Class::Usage, message).with_hint(hint))
}

pub(in crate::cli::commands) async fn quarantine(
    session: &mut Session,
    args: &Quarantine,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.note.consent, output);
    let state = session.refresh().await?;
    let (typed, version) = trailing::<Tag>(Typed::from(&args.services), args.tag.as_ref());
    let version =
        version.ok_or_else(|| Fault::new(Class::Usage, "no version is named").with_hint("pass --tag TAG"))?;
    let services = typed.resolve(&state.services(), args.note.force)?;
    if !args.note.force {
        for services in &services {
            resolve::version(session.session, &state, services, &version, output).await?;
        }
    }
    let note = session.note(&args.note.reason, args.expiry.expires)?;
    let is_broad = services.iter().any(|services| services.as_str() == "**");
    let quarantine = |services| {
        Control::Quarantine(policy::Quarantine { note: note.clone(), services, version: version.clone() })
    };
    let quarantines = services.into_iter().map(quarantine).collect();
    let question = is_broad.then_some("Quarantine it for every service?");
    session.put(&state, quarantines, &prompt("Quarantine", &args.note.consent, question)).await
}

pub(in crate::cli::commands) async fn freeze(
    session: &mut Session,
    args: &Freeze,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.note.consent, output);
    let state = session.refresh().await?;
    let services = covered(&state, Typed::new(&args.services, &args.namespace), args.note.force)?;
    if services.len() > 1 {
        return Err(Fault::new(Class::Usage, "a freeze has one name and covers one service or pattern")
            .with_hint("write several freezes, or one with a pattern"));
    }
    let freeze = span(args, session.session.config.timezone, session.now)?;
    let is_broad = is_everything(&services) && args.environments.environments.is_empty() && !args.all;
    let note = session.note(&args.note.reason, None)?;
    let freeze =
        |services| Control::Freeze(FreezeControl { note: note.clone(), services, freeze: freeze.clone() });
    let freezes = services.into_iter().map(freeze).collect();
    let prompt = prompt("Freeze", &args.note.consent, is_broad.then_some("Freeze all of these?"));
    session.put(&state, freezes, &prompt).await
}

/// The period of a freeze.
fn span(args: &Freeze, zone: chrono_tz::Tz, now: Timestamp) -> Result<policy::Freeze, Fault> {
    let (starts_at, from) = match args.since {
        Some(since) => (since.after(zone, now), since.wall(zone, now)),
        None => (Some(now), Some(now.with_timezone(&zone).naive_local())),
    };
    let starts_at = starts_at.ok_or_else(too_far)?;
    let (from, to) = (from.ok_or_else(too_far)?, args.until.wall(zone, starts_at).ok_or_else(too_far)?);
    let freeze = policy::Freeze::new(args.name.as_str(), sorted(&args.environments.environments), from, to)?;
    if ending(to, zone) <= now {
        return Err(Fault::new(Class::Usage, format!("the freeze ends in the past: {to}"))
            .with_hint("pass --until with a time to come, or a length of time such as 4h"));
    }
    Ok(freeze)
}

/// Each environment once, in one order, so that the same arguments name the same file.
fn sorted(environments: &[EnvironmentName]) -> Vec<EnvironmentName> {
    environments.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// What a control covers, one entry per file; `None` is every service.
fn covered(
    state: &RepositoryState,
    typed: Typed<'_>,
    is_forced: bool,
) -> Result<Vec<Option<ServicePattern>>, Fault> {
    if typed.is_empty() {
        return Ok(vec![None]);
    }
    let patterns = typed.resolve(&state.services(), is_forced)?;
    Ok(patterns.into_iter().map(|pattern| Some(pattern).filter(|pattern| pattern.as_str() != "**")).collect())
}

fn is_everything(services: &[Option<ServicePattern>]) -> bool {
    services.iter().any(Option::is_none)
}

/// A value by its flag or, as older versions took it, as the last word behind a service.
fn trailing<'a, T: Clone + std::str::FromStr>(typed: Typed<'a>, flag: Option<&T>) -> (Typed<'a>, Option<T>) {
    match (flag, typed.words().split_last()) {
        (None, Some((last, services))) if !services.is_empty() && !last.contains('/') => match last.parse() {
            Ok(value) => (typed.with_words(services), Some(value)),
            Err(_) => (typed, None),
        },
        (flag, _) => (typed, flag.cloned()),
    }
}

/// A control that covers everything is confirmed, or asked for by a flag of its own.
fn prompt<'a>(kind: &'static str, consent: &'a Consent, question: Option<&'a str>) -> Prompt<'a> {
    Prompt {
        kind,
        consent,
        preface: "",
        question,
        unattended: Some((
            "this would affect every service",
            "name a service, or pass --yes if you mean all of them",
        )),
    }
}
