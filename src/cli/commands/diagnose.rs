//! `tidegate diagnose`: what is wrong with a service in the clusters of its environments, and what to do. Changes nothing.

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::args::{Diagnose, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::diagnosis::diagnose;
use crate::engine::{RepositoryState, check_clusters};
use crate::model::{Class, EnvironmentId, Fault, ObjectName, ServiceName};
use crate::port::Clusters as _;
use crate::view::{self, Diagnosed};

use super::activity;
use super::resolve::{self, Typed};

/// How long the clusters of an environment may take to answer.
const TIME_LIMIT: Duration = Duration::from_secs(15);

pub(super) async fn run(global: &Global, args: &Diagnose, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    resolve::environments(session.engine.repository_policy(), &args.environments.environments)?;
    let state = resolve::refresh(&mut session).await?;
    let services = Typed::from(&args.services).services(&state)?;
    let mut diagnosed = Vec::new();
    for service in &services {
        for environment in environments(&session, args, &state, service)? {
            let found = activity::during("Reading the cluster", async {
                Ok::<_, Fault>(inspect(&session, &state, environment, service).await)
            });
            diagnosed.extend(found.await?);
        }
    }
    output.result(
        "Diagnose",
        || view::diagnose(&state.commit().to_string(), &diagnosed),
        || render::diagnose::render(&diagnosed),
    )?;
    let is_unknown = diagnosed.iter().any(|one| one.found.is_err());
    let is_wrong =
        diagnosed.iter().any(|one| one.found.as_ref().is_ok_and(|found| !found.findings.is_empty()));
    let class = is_wrong.then_some(Class::Failed).or_else(|| is_unknown.then_some(Class::TryAgain));
    Ok(class.map_or(ExitCode::SUCCESS, |class| ExitCode::from(class.exit_code())))
}

/// The environments with a cluster that have the service.
fn environments(
    session: &Session,
    args: &Diagnose,
    state: &RepositoryState,
    service: &ServiceName,
) -> Result<Vec<EnvironmentId>, Fault> {
    let policy = session.engine.repository_policy();
    let wanted = &args.environments.environments;
    let has_service = |id: EnvironmentId| {
        state.deployed.targets.iter().any(|target| target.environment == id && target.service() == service)
    };
    let mut found = Vec::new();
    let mut without_cluster = Vec::new();
    for (id, environment) in policy.environments.entries() {
        let name = &environment.policy.name;
        if !has_service(id) || !(wanted.is_empty() || wanted.contains(name)) {
            continue;
        }
        if session.config.environment(name).is_some_and(|configured| !configured.clusters.is_empty()) {
            found.push(id);
        } else {
            without_cluster.push(name.as_str());
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let fault = if without_cluster.is_empty() {
        Fault::new(Class::Usage, format!("no environment that was asked for has {service}"))
    } else {
        let message = format!("no cluster is configured for {}", without_cluster.join(", "));
        Fault::new(Class::Usage, message)
            .with_hint("add `cluster: {kubeconfig: FILE, context: NAME}` to the environment")
    };
    Err(fault)
}

/// What each cluster of an environment says of a service. A cluster that is not the right one says nothing.
async fn inspect(
    session: &Session,
    state: &RepositoryState,
    environment: EnvironmentId,
    service: &ServiceName,
) -> Vec<Diagnosed> {
    let policy = session.engine.repository_policy();
    let name = &policy.environments[environment].policy.name;
    let reports = session.clusters.look(name, TIME_LIMIT).await;
    let checks = check_clusters(policy, environment, &reports);
    let inspected = session.clusters.inspect(name, &ObjectName::of(service)).await;
    let diagnosed = |(cluster, facts): (String, Result<_, String>)| {
        let check = checks.iter().find(|check| check.cluster == cluster);
        let wrong = check.and_then(|check| check.result.as_ref().err()).cloned();
        let found = match wrong {
            Some(why) => Err(why),
            None => facts.map(|mut facts: crate::diagnosis::Facts| {
                facts.head = Some(state.commit());
                view::Found { findings: diagnose(&facts), unread: facts.unread }
            }),
        };
        Diagnosed { service: service.clone(), environment: name.clone(), cluster, found }
    };
    inspected.into_iter().map(diagnosed).collect()
}
