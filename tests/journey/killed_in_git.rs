//! The real binary killed around every run of the git program that a promoting pass makes: just before it, so that nothing
//! of it happens, and just after it, so that all of it did and nobody heard. Started again, everything is there once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use rstest::rstest;

use crate::support::git::git;

use super::world::World;

/// More runs of git than a pass ever makes.
const MOST_RUNS: usize = 60;

/// SIGKILL.
const KILLED: i32 = 9;

/// A `git` that counts its runs, and kills who runs it around one of them.
struct Shim<'a>(&'a World);

impl<'a> Shim<'a> {
    fn of(world: &'a World, when: &str) -> Self {
        let shim = Self(world);
        fs::create_dir_all(shim.folder()).unwrap();
        let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join("git"))
            .find(|program| program.is_file())
            .unwrap();
        let (git, counted, deadly) = (real.display(), shim.counted(), shim.deadly());
        let (counted, deadly) = (counted.display(), deadly.display());
        let script = format!(
            "#!/bin/sh\n\
             echo \"$*\" >> '{counted}'\n\
             is_deadly=$([ \"$(wc -l < '{counted}')\" -eq \"$(cat '{deadly}')\" ] && echo yes)\n\
             if [ \"$is_deadly\" ] && [ {when} = before ]; then kill -9 $PPID; exit 1; fi\n\
             '{git}' \"$@\"\n\
             code=$?\n\
             if [ \"$is_deadly\" ]; then kill -9 $PPID; fi\n\
             exit $code\n"
        );
        let program = shim.folder().join("git");
        fs::write(&program, script).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        shim
    }

    fn folder(&self) -> PathBuf {
        self.0.origin.beside("bin")
    }

    fn counted(&self) -> PathBuf {
        self.0.origin.beside("counted")
    }

    fn deadly(&self) -> PathBuf {
        self.0.origin.beside("deadly")
    }

    /// One pass that dies around this run of git, counted from one. What git was run for; nothing when the pass came to
    /// its end first.
    fn die_at(&self, run: usize) -> Option<String> {
        fs::write(self.counted(), "").unwrap();
        fs::write(self.deadly(), run.to_string()).unwrap();
        let path = std::env::join_paths(
            std::iter::once(self.folder()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let ended = self.0.command(&["sync", "-q"]).env("PATH", path.unwrap()).output().unwrap();
        if ended.status.signal() == Some(KILLED) {
            return Some(fs::read_to_string(self.counted()).unwrap().lines().last().unwrap().to_owned());
        }
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
        None
    }
}

#[rstest]
#[case::before("before")]
#[case::after("after")]
#[tokio::test]
async fn a_pass_that_dies_around_any_run_of_git_neither_loses_nor_doubles(#[case] when: &str) {
    let world = World::new("0s").await;
    let shim = Shim::of(&world, when);
    let mut died_in = Vec::new();
    for run in 1..=MOST_RUNS {
        let tag = format!("v1.1.{run}");
        world.release(&tag).await;
        // The first deaths are of a start without a mirror; each next one goes on with what the last one left.
        let died = shim.die_at(run);
        for _ in 0..2 {
            let ran = world.run(&["sync"]);
            assert_eq!(ran.code, 0, "{when} run {run}, {died:?}: {}{}", ran.out, ran.err);
        }
        assert_eq!(world.running(), (tag.clone(), tag.clone()), "{when} run {run}, {died:?}");
        for environment in ["non-prod", "prod"] {
            assert_eq!(world.promotions(environment, &tag), 1, "{environment}, {when} run {run}, {died:?}");
        }
        let Some(died) = died else { break };
        died_in.push(died);
    }
    world.origin.git(&["fsck", "--strict"]);
    assert!(died_in.len() < MOST_RUNS, "every pass was killed: {died_in:#?}");
    for step in ["ls-remote", "push"] {
        assert!(died_in.iter().any(|run| run.contains(step)), "none died in {step}: {died_in:#?}");
    }
    let data = world.database().parent().unwrap().to_owned();
    let mirrors = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mirrors: Vec<PathBuf> = mirrors.filter(|path| path.join("objects").is_dir()).collect();
    assert_eq!(mirrors.len(), 1, "none was set aside: {mirrors:?}");
    git(&mirrors[0], &["fsck", "--strict", "refs/heads/fetched"]);
}
