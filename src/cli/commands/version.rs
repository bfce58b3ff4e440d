//! `tidegate version`: what this binary was built from. A release build sets the variables: `scripts/release.sh`.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::output::Output;
use crate::model::Fault;

/// The commit of this binary; `null` if the build did not set it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    /// The commit, with `-dirty` if its files were changed.
    commit: Option<&'static str>,
    /// The time of the commit: that of the build would make two builds of one commit differ.
    committed_at: Option<&'static str>,
    target: String,
    profile: &'static str,
    compiler: Option<&'static str>,
    is_static: bool,
}

impl BuildInfo {
    fn of_this_binary() -> Self {
        let is_musl = cfg!(target_env = "musl");
        let environment = if is_musl { "musl" } else { "gnu" };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("TIDEGATE_COMMIT"),
            committed_at: option_env!("TIDEGATE_COMMITTED_AT"),
            target: format!("{}-unknown-{}-{environment}", std::env::consts::ARCH, std::env::consts::OS),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            compiler: option_env!("TIDEGATE_COMPILER"),
            is_static: cfg!(target_feature = "crt-static"),
        }
    }

    fn text(&self) -> String {
        let linkage = if self.is_static { "static" } else { "dynamic" };
        format!(
            "tidegate {}\ncommit    {}\ntarget    {}, {linkage}\nprofile   {}\ncompiler  {}\n",
            self.version,
            match (self.commit, self.committed_at) {
                (Some(commit), Some(at)) => format!("{commit} of {at}"),
                (Some(commit), None) => commit.to_owned(),
                (None, _) => "unknown: not a release build".to_owned(),
            },
            self.target,
            self.profile,
            self.compiler.unwrap_or("unknown: not a release build"),
        )
    }
}

pub(super) fn run(output: &Output) -> Result<ExitCode, Fault> {
    let info = BuildInfo::of_this_binary();
    output.result("Version", || &info, || info.text())?;
    Ok(ExitCode::SUCCESS)
}
