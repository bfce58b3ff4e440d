//! The situation before the daemon starts: the repository, the registry, the configuration, the status.

use std::fmt::Write as _;

use globset::{Glob, GlobSet};

use crate::cli::args::SortKey;
use crate::cli::output::{BOLD, DIM};
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::PassOptions;
use crate::model::{Class, Fault};
use crate::view::StatusTable;

use super::layout::{GRAPHQL, MOBILE, PAYMENTS};
use super::screen::Screen;
use super::setup::Setup;

pub(super) fn show(screen: &Screen<'_>, setup: &Setup) -> Result<(), Fault> {
    screen.heading("A GitOps repository, as Flux reads it")?;
    screen.quote(&by_folder(&setup.git.text(&["ls-tree", "-r", "--name-only", "main"])?))?;
    screen.heading("A registry with the releases of three services")?;
    for service in [GRAPHQL, PAYMENTS, MOBILE] {
        let count = setup.registry.tags_count(&service.image());
        screen.text(&format!("  ghcr.io/{:<34} {count:>4} tags\n", service.image()))?;
    }
    let address = setup.registry.address();
    screen.text(&format!("  {DIM}(this process stands in for ghcr.io, on {address}){DIM:#}\n"))?;
    screen.heading(&format!("tidegate.yaml: all {} lines of it", setup.config_text.lines().count()))?;
    screen.quote(&setup.config_text)
}

/// Paths, sorted by folder, as one line per folder.
fn by_folder(paths: &str) -> String {
    let mut text = String::new();
    let mut last = ("", "");
    // Writing to a text cannot fail.
    for path in paths.lines() {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if above != last.0 {
            let _ = write!(text, "\n{BOLD}{above}/{BOLD:#}");
        }
        if (above, name) != last {
            let _ = write!(text, "\n  {:<16}", format!("{name}/"));
        }
        let _ = write!(text, " {DIM}{file}{DIM:#}");
        last = (above, name);
    }
    text.split_off(1)
}

/// The output of `tidegate status`.
pub(super) async fn status(screen: &Screen<'_>, session: &mut Session) -> Result<(), Fault> {
    let report = session.engine.pass(&PassOptions::plan()).await?;
    if let Some(problem) = report.problems.iter().find(|problem| problem.is_error) {
        return Err(Fault::new(problem.class, problem.to_string()));
    }
    let filter = render::status::Filter {
        services: every_service()?,
        environments: Vec::new(),
        only_blocked: false,
        sort: SortKey::Service,
    };
    let table = StatusTable::filtered(session.engine.repository_policy(), &report, &filter);
    // `since` is shown even where nothing newer exists.
    session.engine.read_histories(&report.evaluation.state, table.targets()).await?;
    screen.heading("tidegate status")?;
    screen.quote(&table.render(report.evaluation.now, None, false))
}

fn every_service() -> Result<GlobSet, Fault> {
    let every = Glob::new("**").and_then(|glob| GlobSet::builder().add(glob).build());
    every.map_err(|error| Fault::new(Class::Failed, "cannot match every service").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_is_one_line() {
        let text = by_folder("a/b/x.yaml\na/b/y.yaml\na/c/x.yaml\nb/c/z.yaml");
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            plain,
            "a/\n  b/               x.yaml y.yaml\n  c/               x.yaml\nb/\n  c/               z.yaml"
        );
    }
}
