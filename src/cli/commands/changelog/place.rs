//! Files that changelogs are read from and written to: whole or not at all.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;

use crate::changelog::{KeepAChangelog, Notes};
use crate::model::{Class, Fault};

/// The largest file that is read.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Adds the releases to a file, which is made if it is not there.
pub(super) fn prepend(path: &Path, notes: &[Notes]) -> Result<(), Fault> {
    let before = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        _ => read(path)?,
    };
    // The last ones go in first, so that the first ones end up on top.
    let after = notes.iter().rev().fold(before.clone(), |file, notes| {
        if notes.releases.is_empty() { file } else { KeepAChangelog::from_releases(notes).prepend_to(&file) }
    });
    if after == before {
        return Ok(());
    }
    write(path, &after)
}

pub(super) fn read(path: &Path) -> Result<String, Fault> {
    let failed = |error: io::Error| {
        Fault::new(Class::Failed, format!("cannot read {}", path.display())).with_source(error)
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

/// Writes a file so that a reader sees the old text or the new. It keeps its permissions.
pub(in crate::cli::commands) fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let failed = |error: io::Error| {
        Fault::new(Class::Failed, format!("cannot write {}", path.display())).with_source(error)
    };
    let path = if path.is_symlink() { &path.canonicalize().map_err(failed)? } else { path };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().permissions(mode_of(path)).tempfile_in(folder).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    new.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Those of the file that is there, or those that a new one has by custom.
fn mode_of(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    let there = fs::metadata(path).map(|metadata| metadata.permissions());
    there.unwrap_or_else(|_| fs::Permissions::from_mode(0o644))
}
