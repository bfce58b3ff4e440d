//! A damaged mirror, a bad disk, somebody's configuration: nothing of that is lost work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tidegate::git::{GitError, Mirror, Settings};
use tidegate::model::{Class, Fault, Fetched};
use tidegate::port::Repository as _;

use super::{fetched, open, settings};
use crate::support::git::{Origin, git};

fn first_with(folder: &Path, extension: &str) -> PathBuf {
    let mut entries = fs::read_dir(folder.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
}

fn cut(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 9] = [
    ("a truncated pack", |mirror| cut(&first_with(mirror, "pack"))),
    ("a truncated index", |mirror| cut(&first_with(mirror, "idx"))),
    ("a missing pack", |mirror| fs::remove_file(first_with(mirror, "pack")).unwrap()),
    ("no packs at all", |mirror| fs::remove_dir_all(mirror.join("objects/pack")).unwrap()),
    ("no HEAD", |mirror| fs::remove_file(mirror.join("HEAD")).unwrap()),
    ("an empty head", |mirror| fs::write(mirror.join("refs/heads/fetched"), "").unwrap()),
    ("an unknown head", |mirror| {
        fs::write(mirror.join("refs/heads/fetched"), format!("{}\n", "7".repeat(40))).unwrap();
    }),
    ("another configuration", |mirror| fs::write(mirror.join("config"), "[core").unwrap()),
    ("a file in its place", |mirror| {
        fs::remove_dir_all(mirror).unwrap();
        fs::write(mirror, "not a folder").unwrap();
    }),
];

#[test]
fn a_damaged_mirror_is_set_aside_and_made_anew() {
    for (name, damage) in DAMAGES {
        let (origin, mirror, head) = fetched();
        drop(mirror);
        damage(&origin.beside("mirror"));
        let mirror = open(&origin);
        assert!(origin.beside("mirror.broken-1").exists(), "{name} was not set aside");
        assert_eq!(mirror.head().unwrap(), None, "{name}");
        assert_eq!(mirror.fetch().unwrap().head, head, "{name}");
        assert_eq!(mirror.files(head, &[]).unwrap().files.len(), 1, "{name}");
        git(&origin.beside("mirror"), &["fsck", "--strict"]);
    }
}

#[test]
fn damage_that_is_met_while_running_is_mended_by_the_next_fetch() {
    let (origin, mirror, head) = fetched();
    let pack = first_with(&origin.beside("mirror"), "pack");
    let index = first_with(&origin.beside("mirror"), "idx");
    // A pack that keeps its ends and loses its middle is not seen by a look from outside.
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let end = bytes.len() - 20;
    bytes[12..end].fill(0);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    assert!(index.exists());
    let error = mirror.files(head, &[]).unwrap_err();
    assert!(matches!(error, GitError::Damaged { .. }), "{error}");
    assert_eq!(error.class(), Class::TryAgain);
    assert!(mirror.fetch().unwrap().moved);
    assert_eq!(mirror.files(head, &[]).unwrap().files.len(), 1);
}

#[test]
fn objects_that_vanish_while_running_are_fetched_again() {
    let (origin, mirror, head) = fetched();
    for entry in fs::read_dir(origin.beside("mirror/objects/pack")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    mirror.files(head, &[]).unwrap_err();
    assert_eq!(mirror.fetch().unwrap(), Fetched { head, moved: true });
    assert_eq!(mirror.files(head, &[]).unwrap().files.len(), 1);
}

#[test]
fn only_a_few_damaged_mirrors_stay() {
    let (origin, mirror, _) = fetched();
    drop(mirror);
    for _ in 0..5 {
        fs::remove_file(origin.beside("mirror/HEAD")).unwrap();
        open(&origin);
    }
    let kept = fs::read_dir(origin.beside("")).unwrap();
    let names = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains("broken")).count(), 3);
}

#[test]
fn locks_that_a_killed_process_left_do_not_stop_the_next_one() {
    let (origin, mirror, _) = fetched();
    drop(mirror);
    for name in ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/heads/fetched.lock"] {
        fs::write(origin.beside("mirror").join(name), "").unwrap();
    }
    fs::write(origin.beside("mirror.lock"), "").unwrap();
    origin.commit("next", &[crate::support::git::Change::File(super::APP, b"next")]);
    assert!(open(&origin).fetch().unwrap().moved);
    assert!(!origin.beside("mirror.broken-1").exists());
}

#[test]
fn a_half_made_mirror_is_made_again() {
    let origin = Origin::with_files(&[(super::APP, "a")]);
    fs::create_dir_all(origin.beside("mirror.new/objects/x")).unwrap();
    assert!(open(&origin).fetch().unwrap().moved);
}

#[test]
fn a_data_folder_under_a_file_is_refused() {
    let origin = Origin::empty();
    fs::write(origin.beside("file"), "").unwrap();
    let error = Mirror::open(settings(&origin, "file/data/mirror")).unwrap_err();
    let fault = Fault::from(error);
    assert_eq!(fault.class(), Class::Failed);
    assert_eq!(fault.hint(), Some("a parent of the data folder is a file"));
    assert!(fault.to_string().starts_with("cannot create "), "{fault}");
}

#[test]
fn an_author_that_git_cannot_write_is_refused_at_once() {
    let origin = Origin::empty();
    let mut settings = settings(&origin, "mirror");
    settings.author.name = "<>".into();
    assert_eq!(Mirror::open(settings).unwrap_err().class(), Class::Usage);
}

#[test]
fn two_mirrors_of_one_folder_take_turns() {
    let (origin, mirror, _) = fetched();
    let second = Mirror::open(Settings { ..settings(&origin, "mirror") }).unwrap();
    std::thread::scope(|scope| {
        for mirror in [&mirror, &second, &mirror, &second] {
            scope.spawn(move || {
                for _ in 0..5 {
                    mirror.fetch().unwrap();
                }
            });
        }
    });
}
