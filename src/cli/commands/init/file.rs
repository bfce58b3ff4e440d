//! Writes the configuration file atomically, and never replaces one without `--force`.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::{Class, Fault, Printable};

/// The file to write.
pub(super) struct Target {
    path: PathBuf,
    may_replace: bool,
}

impl Target {
    /// Checks that the file may be written, before the scan.
    pub(super) fn new(path: &Path, may_replace: bool) -> Result<Self, Fault> {
        let target = Self { path: path.to_owned(), may_replace };
        if !may_replace && path.symlink_metadata().is_ok() {
            return Err(target.exists());
        }
        Ok(target)
    }

    /// Writes the file, and creates its folder.
    pub(super) fn write(self, text: &str) -> Result<PathBuf, Fault> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let failed = |error| {
            Fault::new(Class::Failed, format!("cannot write {}", shown(&self.path))).with_source(error)
        };
        fs::create_dir_all(folder).map_err(failed)?;
        // In the same folder, so that the rename is atomic. It holds no secret, and the daemon may run as another user.
        let mut temporary = tempfile::Builder::new()
            .prefix(".tidegate-init-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(failed)?;
        temporary.write_all(text.as_bytes()).and_then(|()| temporary.as_file().sync_all()).map_err(failed)?;
        let persisted = if self.may_replace {
            temporary.persist(&self.path)
        } else {
            temporary.persist_noclobber(&self.path)
        };
        match persisted {
            Ok(_) => Ok(self.path),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(self.exists()),
            Err(error) => Err(failed(error.error)),
        }
    }

    fn exists(&self) -> Fault {
        Fault::new(Class::Refused, format!("{} exists already", shown(&self.path)))
            .with_hint("write another file, or replace this one with --force")
    }
}

fn shown(path: &Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_never_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/tidegate.yaml");
        let written = Target::new(&path, false).unwrap().write("one\n").unwrap();
        assert_eq!(fs::read_to_string(written).unwrap(), "one\n");
        let Err(fault) = Target::new(&path, false) else { panic!("it would be replaced") };
        assert_eq!(fault.class(), Class::Refused);
        Target::new(&path, true).unwrap().write("two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_file_that_came_in_between_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidegate.yaml");
        let target = Target::new(&path, false).unwrap();
        fs::write(&path, "somebody's").unwrap();
        assert_eq!(target.write("ours").unwrap_err().class(), Class::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    }
}
