//! `tidegate init`: drafts a configuration from a repository.

mod file;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::args::{Global, Init};
use crate::cli::output::Output;
use crate::cli::render;
use crate::init::{Draft, Finding, Policies, draft};
use crate::model::{BranchName, Class, Fault};

use super::activity;

pub(super) async fn run(global: &Global, args: &Init, output: &Output) -> Result<ExitCode, Fault> {
    let target = args.write.as_ref().map(|path| file::Target::new(path, args.force)).transpose()?;
    let (repository, branch) = (args.repository.clone(), args.branch.clone());
    let policies = if args.from_flux { Policies::CarriedOver } else { Policies::Followed };
    // Scanning blocks.
    let work = tokio::task::spawn_blocking(move || draft_of(&repository, branch, policies));
    let drafted = activity::during("Reading", work).await;
    let draft = drafted.map_err(|error| Fault::new(Class::Failed, "cannot scan").with_source(error))??;
    let written: Option<PathBuf> = match target {
        Some(target) => Some(target.write(&draft.configuration)?),
        None => None,
    };
    if !output.is_text() {
        output.document("Init", &render::init::json(&draft, written.as_deref()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if written.is_none() {
        output.text(&draft.configuration)?;
    }
    if global.quiet == 0 {
        output.complain(&render::init::report(&draft, written.as_deref()));
    }
    Ok(ExitCode::SUCCESS)
}

fn draft_of(repository: &str, branch: Option<BranchName>, policies: Policies) -> Result<Draft, Fault> {
    let source = source::read(repository, branch)?;
    let mut draft = draft(source.files, source.manifests, &source.origin, policies)?;
    draft.findings.extend(source.findings);
    draft.findings.sort_by(Finding::report_order);
    Ok(draft)
}
