//! `tidegate doctor`: checks that everything in the configuration can be reached and used.

mod clusters;
mod deployed;
mod finding;
mod remotes;

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::output::Output;
use crate::cli::wiring::{Session, config_file};
use crate::model::{Class, Fault};

use finding::{Finding, State, render};

#[derive(Serialize)]
struct Body<'a> {
    findings: &'a [Finding],
}

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let mut findings = vec![
        Finding::good("configuration", config_file(global).display().to_string()),
        Finding::good("data folder", session.folder().display().to_string()),
    ];
    findings.extend(remotes::forges(&session).await);
    let (found, images) = deployed::check(&mut session).await;
    findings.extend(found);
    findings.extend(clusters::check(&session).await);
    findings.extend(remotes::registries(&session.client, &images).await);
    findings.extend(remotes::receivers(&session).await);
    output.result("Doctor", || Body { findings: &findings }, || render(&findings))?;
    let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if is_bad { ExitCode::from(Class::Failed.exit_code()) } else { ExitCode::SUCCESS })
}
