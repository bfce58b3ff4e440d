//! The `store` section, and its default.

use std::path::PathBuf;
use std::time::Duration;

use super::file;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::env_lookup::EnvLookup;
use crate::config::location::Location;
use crate::config::raw;
use crate::config::settings::Store;

const FILE_NAME: &str = "tidegate.db";

const DEFAULT_RETENTION: Duration = Duration::from_hours(365 * 24);

/// Shorter, and what a person may still ask about is gone.
const LEAST_RETENTION: Duration = Duration::from_hours(30 * 24);

const EXAMPLE: &str = "write `sqlite://` and an absolute path: `sqlite:///var/lib/tidegate/tidegate.db`";

/// `fallback` is the position of the error when there is neither a URL nor a state folder.
pub(super) fn store(
    raw: &raw::Store,
    fallback: Location,
    variables: &dyn EnvLookup,
    diagnostics: &mut Diagnostics,
) -> Option<Store> {
    let path = match &raw.url {
        Some(url) => diagnostics.ok_or_report(url.at, sqlite_path(&url.value)),
        None => diagnostics
            .ok_or_report(fallback.start(), state_folder(variables).map(|folder| folder.join(FILE_NAME))),
    };
    let retention = super::duration(raw.retention.as_ref(), DEFAULT_RETENTION, diagnostics)?;
    if let Some(written) = raw.retention.as_ref().filter(|_| retention < LEAST_RETENTION) {
        diagnostics.error(written.at, "the retention is shorter than 30 days", "write `30d` or more");
        return None;
    }
    Some(Store { database: path?, retention })
}

fn sqlite_path(url: &str) -> Result<PathBuf, InvalidValue> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err(InvalidValue::new("this version does not support PostgreSQL", EXAMPLE));
    }
    let Some(path) = url.strip_prefix("sqlite://") else {
        return Err(InvalidValue::new("the store is not a `sqlite://` URL", EXAMPLE));
    };
    if path.contains(['?', '#']) {
        return Err(InvalidValue::new("the URL of the store takes no options", EXAMPLE));
    }
    let decoded = file::percent_decoded(path).filter(|path| !path.ends_with('/'));
    let absolute = decoded.and_then(|path| file::absolute(&path).ok());
    absolute.ok_or_else(|| InvalidValue::new("the URL of the store has no absolute path of a file", EXAMPLE))
}

/// The first state folder that is set. systemd may set `STATE_DIRECTORY` to several, separated by `:`.
fn state_folder(variables: &dyn EnvLookup) -> Result<PathBuf, InvalidValue> {
    let absolute = |name: &str| {
        let value = variables.value_of(name)?.into_string().ok()?;
        let first = value.split(':').next()?;
        file::absolute(first).ok()
    };
    absolute("STATE_DIRECTORY")
        .or_else(|| Some(absolute("XDG_STATE_HOME")?.join("tidegate")))
        .or_else(|| Some(absolute("HOME")?.join(".local/state/tidegate")))
        .ok_or_else(|| {
            InvalidValue::new(
                "there is no folder for the store: `store.url`, STATE_DIRECTORY, XDG_STATE_HOME and HOME are not set",
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
    fn the_first_state_folder_is_used() {
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
