//! `tidegate backup` and `tidegate restore`: the store in a file.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::cli::args::{Backup, Global, Restore};
use crate::cli::output::Output;
use crate::cli::wiring::{DataFolder, Store, data_folder, database, load, open_store, repository};
use crate::config::Config;
use crate::model::{Class, Fault};

/// How long a restore waits for commands to end that have the store open.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupBody<'a> {
    store: &'a Path,
    file: &'a Path,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreBody<'a> {
    store: &'a Path,
    file: &'a Path,
    kept_aside: Option<&'a Path>,
}

pub(super) async fn backup(global: &Global, args: &Backup, output: &Output) -> Result<ExitCode, Fault> {
    let config = load(global, output)?;
    let (store, file) = (database(&config), args.file.as_path());
    if !args.force && file.exists() {
        let message = format!("{} is there already", file.display());
        return Err(Fault::new(Class::Usage, message).with_hint("name another file, or pass --force"));
    }
    require_store(&config)?;
    let opened = open_store(&config).await?;
    opened.back_up(file).await?;
    opened.close().await;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let body = BackupBody { store, file, bytes };
    let text = || format!("Wrote {} ({} KiB).\n", file.display(), bytes.div_ceil(1024));
    output.result("Backup", || &body, text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(global: &Global, args: &Restore, output: &Output) -> Result<ExitCode, Fault> {
    let config = load(global, output)?;
    let (store, file, folder) = (database(&config), args.file.as_path(), data_folder(&config));
    let _mark = DataFolder::mark_daemon(&folder)?.map_err(in_use)?;
    let _pass = DataFolder::lock(&folder, LOCK_TIMEOUT, || {}).await?;
    let _open = DataFolder::lock_to_open(&folder, LOCK_TIMEOUT).await?;
    let restored = Store::restore(store, file, &repository(&config)).await?;
    let kept_aside = restored.kept_aside.as_deref();
    let body = RestoreBody { store, file, kept_aside };
    let text = || {
        let kept = kept_aside.map(|aside| format!(" The store that was there is {}.", aside.display()));
        format!("Restored {} from {}.{}\n", store.display(), file.display(), kept.unwrap_or_default())
    };
    output.result("Restore", || &body, text)?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing is backed up where nothing is: a new store would be an empty file that looks like a backup.
fn require_store(config: &Config) -> Result<(), Fault> {
    let store = database(config);
    if store.exists() {
        return Ok(());
    }
    Err(Fault::new(Class::Failed, format!("there is no store at {}", store.display()))
        .with_hint("check `store.url`; `tidegate run` or `tidegate sync` creates it"))
}

fn in_use(process: Option<u32>) -> Fault {
    let who =
        process.map_or_else(|| "a daemon".to_owned(), |process| format!("the daemon (process {process})"));
    Fault::new(Class::TryAgain, format!("{who} uses the store"))
        .with_hint("stop it first: systemctl stop tidegate, or scale the Deployment to 0")
}
