//! The `store` section, and where the store is when nothing is configured.

use std::path::PathBuf;

use super::file;
use crate::config::environment_variables::EnvLookup;
use crate::config::location::Location;
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::settings::Store;

/// The name of the database file in the folder for state.
const FILE_NAME: &str = "tidegate.db";

const EXAMPLE: &str = "write `sqlite://` and an absolute path: `sqlite:///var/lib/tidegate/tidegate.db`";

/// `fallback` is where the problem is told when there is neither a URL nor a folder for state.
pub(super) fn store(
    raw: &raw::Store,
    fallback: Location,
    variables: &dyn EnvLookup,
    findings: &mut Findings,
) -> Option<Store> {
    let path = match &raw.url {
        Some(url) => findings.take(url.at, sqlite_path(&url.value)),
        None => findings.take(fallback.start(), state_folder(variables).map(|folder| folder.join(FILE_NAME))),
    };
    path.map(Store::Sqlite)
}

fn sqlite_path(url: &str) -> Result<PathBuf, Wrong> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err(("a PostgreSQL store is not possible in this version".to_owned(), EXAMPLE.to_owned()));
    }
    let Some(path) = url.strip_prefix("sqlite://") else {
        return Err(("the store is not a `sqlite://` URL".to_owned(), EXAMPLE.to_owned()));
    };
    if path.contains(['?', '#']) {
        return Err(("the store takes no options in its URL".to_owned(), EXAMPLE.to_owned()));
    }
    let decoded = file::percent_decoded(path).filter(|path| !path.ends_with('/'));
    let absolute = decoded.and_then(|path| file::absolute(&path).ok());
    absolute.ok_or_else(|| ("the store names no absolute path of a file".to_owned(), EXAMPLE.to_owned()))
}

/// The first folder for state that can be told. Systemd may set `STATE_DIRECTORY` to several, separated by `:`.
fn state_folder(variables: &dyn EnvLookup) -> Result<PathBuf, Wrong> {
    let absolute = |name: &str| {
        let value = variables.value_of(name)?.into_string().ok()?;
        let first = value.split(':').next()?;
        file::absolute(first).ok()
    };
    absolute("STATE_DIRECTORY")
        .or_else(|| Some(absolute("XDG_STATE_HOME")?.join("tidegate")))
        .or_else(|| Some(absolute("HOME")?.join(".local/state/tidegate")))
        .ok_or_else(|| {
            (
                "there is no folder for the store: neither `store.url` nor STATE_DIRECTORY, XDG_STATE_HOME or HOME \
                 is set"
                    .to_owned(),
                format!("{EXAMPLE} as `store.url`"),
            )
        })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;

    struct Variables(&'static [(&'static str, &'static str)]);

    impl EnvLookup for Variables {
        fn value_of(&self, name: &str) -> Option<OsString> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        }
    }

    #[test]
    fn the_first_folder_for_state_is_taken() {
        for (label, variables, folder) in [
            (
                "systemd",
                Variables(&[("HOME", "/root"), ("STATE_DIRECTORY", "/var/lib/tidegate")]),
                "/var/lib/tidegate",
            ),
            ("systemd with two", Variables(&[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")]), "/var/lib/a"),
            ("xdg", Variables(&[("HOME", "/root"), ("XDG_STATE_HOME", "/state")]), "/state/tidegate"),
            (
                "relative is no folder",
                Variables(&[("HOME", "/root"), ("XDG_STATE_HOME", "state")]),
                "/root/.local/state/tidegate",
            ),
            ("home", Variables(&[("HOME", "/root")]), "/root/.local/state/tidegate"),
        ] {
            assert_eq!(state_folder(&variables).as_deref(), Ok(Path::new(folder)), "{label}");
        }
        assert!(state_folder(&Variables(&[])).is_err());
    }

    #[test]
    fn urls_of_stores() {
        assert_eq!(sqlite_path("sqlite:///a%20b/t.db").as_deref(), Ok(Path::new("/a b/t.db")));
        for bad in [
            "",
            "/a/t.db",
            "sqlite://t.db",
            "sqlite::memory:",
            "sqlite:///a/",
            "sqlite:///a?mode=ro",
            "postgres://x/y",
        ] {
            assert!(sqlite_path(bad).is_err(), "{bad}");
        }
    }
}
