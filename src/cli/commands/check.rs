//! `tidegate check`: the conventions of a repository on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::check::{
    self, CheckReport, CheckSettings, CheckedEnvironment, CheckedFile, Finding, Rule, RuleSeverity,
};
use crate::cli::args::{Check, CheckFormat, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::render::check::Checked;
use crate::cli::wiring;
use crate::config::{Config, PathGlobs};
use crate::git::{ChangedFiles, Checkout};
use crate::model::{Class, Content, Fault, Printable, RepoPath};

use super::{activity, folder};

pub(super) async fn run(global: &Global, args: &Check, output: &Output) -> Result<ExitCode, Fault> {
    let repository = Repository::find(&args.path)?;
    let config = configuration(global, &repository, output)?;
    let changed = args.since.as_deref().map(|reference| repository.changed_since(reference)).transpose()?;
    let fixes = args.fix;
    // Reading blocks.
    let work =
        tokio::task::spawn_blocking(move || repository.check(config.as_ref(), changed.as_ref(), fixes));
    let checked = activity::during("Checking", work).await;
    let checked = checked.map_err(|error| Fault::new(Class::Failed, "cannot check").with_source(error))??;
    let shows_notes = global.verbose > 0;
    match args.format {
        Some(CheckFormat::Sarif) => output.text(&render::check::sarif(&checked.report)?)?,
        Some(CheckFormat::Github) => output.text(&render::check::github(&checked.report))?,
        None => output.result(
            "Check",
            || render::check::json(&checked),
            || render::check::text(&checked, shows_notes, output.is_quiet()),
        )?,
    }
    let least = if args.strict { RuleSeverity::Warning } else { RuleSeverity::Error };
    let fails = checked.report.findings.iter().any(|finding| finding.severity >= least);
    Ok(if fails { ExitCode::from(Class::Failed.exit_code()) } else { ExitCode::SUCCESS })
}

/// The folder to check, and the repository that it is in.
struct Repository {
    folder: PathBuf,
    top: PathBuf,
    checkout: Option<Checkout>,
}

impl Repository {
    fn find(path: &Path) -> Result<Self, Fault> {
        let missing = |error| {
            Fault::new(Class::Usage, format!("cannot find the folder {}", shown(path))).with_source(error)
        };
        let folder = path.canonicalize().map_err(missing)?;
        if !folder.is_dir() {
            return Err(Fault::new(Class::Usage, format!("{} is a file", shown(path)))
                .with_hint("give the folder of the repository"));
        }
        let checkout = Checkout::around(&folder)?.filter(|checkout| !checkout.is_bare);
        let top = checkout.as_ref().map_or_else(|| folder.clone(), |checkout| checkout.top.clone());
        Ok(Self { folder, top, checkout })
    }

    fn changed_since(&self, reference: &str) -> Result<ChangedFiles, Fault> {
        let Some(checkout) = &self.checkout else {
            return Err(Fault::new(
                Class::Usage,
                format!(
                    "{} is in no Git repository, so nothing is known to have changed",
                    shown(&self.folder)
                ),
            )
            .with_hint("leave --since out"));
        };
        Ok(checkout.changed_since(reference)?)
    }

    fn check(
        &self,
        config: Option<&Config>,
        changed: Option<&ChangedFiles>,
        is_corrected: bool,
    ) -> Result<Checked, Fault> {
        let settings = config.map(|config| config.check.clone()).unwrap_or_default();
        let unread = PathGlobs::default();
        let exclude = config.map_or(&unread, |config| &config.exclude);
        // Other folders may hold the bases and sources that this one uses.
        let files = folder::read(&self.top, &self.top, |path, content| {
            (!exclude.is_match(path)).then(|| CheckedFile::read(path, content, &settings))
        });
        let scan = files.map_err(|error| {
            Fault::new(Class::Failed, format!("cannot read the folder {}", shown(&self.top)))
                .with_source(error)
        })?;
        let mut skipped = scan.skipped;
        skipped.extend(
            scan.unreadable
                .into_iter()
                .map(|(path, error)| format!("{}: cannot be read: {error}", Printable::new(path.as_str()))),
        );
        let paths: Vec<RepoPath> = scan.files.iter().map(|(path, _)| path.clone()).collect();
        let environments = config.map(|config| environments(config, &paths)).transpose()?.unwrap_or_default();
        let files: Vec<CheckedFile> = scan.files.into_iter().map(|(_, file)| file).collect();
        let mut found = check::check(files, &environments, &settings);
        self.keep(&mut found, changed);
        let corrected = if is_corrected { self.correct(&mut found, &settings)? } else { Vec::new() };
        Ok(Checked { report: found, skipped, has_environments: !environments.is_empty(), corrected })
    }

    /// Keeps the findings of the folder that was asked for, and of what changed.
    fn keep(&self, report: &mut CheckReport, changed: Option<&ChangedFiles>) {
        let below = self.folder.strip_prefix(&self.top).ok().and_then(Path::to_str).unwrap_or_default();
        let folder: Option<RepoPath> = below.parse().ok();
        report.findings.retain(|finding| {
            let is_within = folder.as_ref().is_none_or(|folder| finding.file.is_within(folder));
            is_within && changed.is_none_or(|changed| is_of_change(finding, changed))
        });
    }

    /// Writes the corrections, and removes what they correct from the report.
    fn correct(
        &self,
        report: &mut CheckReport,
        settings: &CheckSettings,
    ) -> Result<Vec<(RepoPath, usize)>, Fault> {
        let mut by_file: BTreeMap<&RepoPath, Vec<&Finding>> = BTreeMap::new();
        for finding in report.findings.iter().filter(|finding| finding.fix.is_some()) {
            by_file.entry(&finding.file).or_default().push(finding);
        }
        let mut corrected = Vec::new();
        for (file, findings) in by_file {
            let path = self.top.join(file.as_str());
            let failed = |error| {
                Fault::new(Class::Failed, format!("cannot correct {}", Printable::new(file.as_str())))
                    .with_source(error)
            };
            let text = fs::read_to_string(&path).map_err(failed)?;
            // The file may have changed since it was checked.
            let again = CheckedFile::read(file, Content::Bytes(text.as_bytes()), settings);
            if !again.has_same_fixes(&findings) {
                return Err(Fault::new(
                    Class::TryAgain,
                    format!("{} changed while it was checked", Printable::new(file.as_str())),
                )
                .with_hint("run the command again"));
            }
            let new_text = check::corrected(&text, &findings).map_err(|error| {
                let message = format!("cannot correct {}", Printable::new(file.as_str()));
                Fault::new(error.class(), message).with_hint(error.hint()).with_source(error)
            })?;
            write(&path, &new_text).map_err(failed)?;
            corrected.push((file.clone(), findings.len()));
        }
        report.findings.retain(|finding| finding.fix.is_none());
        Ok(corrected)
    }
}

/// Whether a change may have caused a finding: it is in a changed file, or it misses something while files were removed.
fn is_of_change(finding: &Finding, changed: &ChangedFiles) -> bool {
    let misses = matches!(finding.rule, Rule::BrokenEntry | Rule::MissingSource | Rule::NamespaceObject);
    changed.files.contains(&finding.file) || misses && changed.has_removed
}

/// The configuration that is named, or the one of the repository; `None` if there is none.
fn configuration(global: &Global, repository: &Repository, output: &Output) -> Result<Option<Config>, Fault> {
    let file = match &global.config {
        Some(file) => Some(file.clone()),
        None => wiring::config_file_in(&[&repository.folder, &repository.top]),
    };
    let Some(file) = file else { return Ok(None) };
    let loaded = Config::load(&file)?;
    if global.quiet == 0 && loaded.warnings.is_some() {
        output.complain(&loaded.render_warnings());
    }
    Ok(Some(loaded.config))
}

fn environments(config: &Config, files: &[RepoPath]) -> Result<Vec<CheckedEnvironment>, Fault> {
    let config = config.with_folders(files)?;
    let environments = config.environments().iter().map(|environment| CheckedEnvironment {
        name: environment.name.clone(),
        paths: environment.paths.clone(),
        after: environment.after.clone(),
    });
    Ok(environments.collect())
}

/// Replaces a file whole, with its permissions.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let permissions = fs::metadata(path)?.permissions();
    let mut temporary = tempfile::Builder::new().prefix(".tidegate-check-").tempfile_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

fn shown(path: &Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}
