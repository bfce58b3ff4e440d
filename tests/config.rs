//! Configuration files as a user writes them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in the helper of a test fails the test")]

mod control_files;
mod generated;
mod good;
mod hostile;
mod rendering;
mod shape;

use std::ffi::OsString;

use tidegate::config::EnvLookup;

/// The variables of a machine with a home and nothing else.
pub(crate) struct HomeOnly;

impl EnvLookup for HomeOnly {
    fn value_of(&self, name: &str) -> Option<OsString> {
        (name == "HOME").then(|| "/home/tidegate".into())
    }
}

/// The text of a file of this package.
pub(crate) fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Compares what was made with the file that holds it, or writes the file when `UPDATE_GENERATED=1` is set.
pub(crate) fn compare_or_write(path: &str, made: &str) {
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(&path, made).unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
        return;
    }
    let kept = read(path);
    assert!(
        kept == made,
        "{path} differs from what is made now; look at the difference, and if it is meant, run \
         `UPDATE_GENERATED=1 cargo test --test rooms config::` and commit\n{}",
        similar::TextDiff::from_lines(&kept, made).unified_diff()
    );
}

/// The names of the `.yaml` files in a folder of this package, without the ending, sorted.
pub(crate) fn cases(folder: &str) -> Vec<String> {
    let path = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("cannot list {path}: {error}"))
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}
