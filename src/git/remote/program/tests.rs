//! The git program, with `sh` in its place: deadlines, silence, output on both pipes.

use super::*;
use crate::git::folder::Folder;

fn shell(script: &str, deadline: Duration) -> Result<Output, ProgramError> {
    run(Command::new("sh"), ["-c", script], deadline)
}

#[test]
fn the_deadline_reaches_what_the_program_started() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > '{}'; wait", note.display());
    let error = shell(&script, Duration::from_secs(1)).err().unwrap();
    assert!(matches!(error, ProgramError::Deadline { .. }));
    let pid = std::fs::read_to_string(&note).unwrap();
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    // Killed is gone, or a zombie until init looks.
    let is_dead = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")).eq(&false);
    let started = Instant::now();
    while !is_dead() {
        assert!(started.elapsed() < Duration::from_secs(10), "{stat:?} lives");
        thread::sleep(POLL);
    }
}

#[test]
fn much_on_both_pipes_does_not_block() {
    let script = "head -c 3000000 /dev/zero >&2; head -c 20000000 /dev/zero; exit 3";
    let output = shell(script, Duration::from_secs(30)).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout.len(), MAX_OUTPUT_BYTES);
    assert_eq!(output.stderr.len(), 3_000_000);
}

#[test]
fn a_stream_is_neither_held_whole_nor_blocked_by_its_input() {
    let input = vec![b'x'; 3_000_000];
    let (mut seen, mut largest) = (0, 0);
    let output = stream(Command::new("cat"), input, Duration::from_secs(30), |bytes| {
        (seen, largest) = (seen + bytes.len(), largest.max(bytes.len()));
        Ok(())
    });
    assert!(output.unwrap().status.success());
    assert_eq!(seen, 3_000_000);
    assert!(largest <= 64 * 1024);
    let enough = || ProgramError::Answer { message: "enough".into() };
    let ended = stream(Command::new("yes"), Vec::new(), Duration::from_secs(30), |_| Err(enough()));
    assert!(matches!(ended.err().unwrap(), ProgramError::Answer { .. }));
}

#[test]
fn silence_is_ended_before_the_deadline_and_life_is_not() {
    let timeouts = |silence| Timeouts {
        silence: Some(Duration::from_millis(silence)),
        ..Timeouts::from(Duration::from_secs(30))
    };
    let run = |script: &str, silence| run(Command::new("sh"), ["-c", script], timeouts(silence));
    let mute = run("echo hello >&2; sleep 600", 300).err().unwrap();
    assert!(matches!(mute, ProgramError::Silent { .. }), "{mute}");
    let slow = "for i in 1 2 3 4 5 6; do echo . >&2; sleep 0.1; done";
    assert_eq!(run(slow, 2_000).unwrap().stderr.len(), 12);
}

#[test]
fn a_wish_to_stop_ends_it_at_once() {
    let stop = Stop::default();
    let timeouts = Timeouts { stop: stop.clone(), ..Timeouts::from(Duration::from_mins(10)) };
    let asked = thread::spawn(move || run(Command::new("sleep"), ["600"], timeouts));
    stop.ask();
    assert!(matches!(asked.join().unwrap().err().unwrap(), ProgramError::Stopped));
}

#[test]
fn progress_is_no_complaint() {
    for (line, is) in [
        ("Receiving objects:  45% (9/20), 3.00 KiB", true),
        ("remote: Enumerating objects: 5, done.", true),
        ("remote: Resolving deltas: 100% (1/1)        ", true),
        ("Total 3 (delta 0), reused 0 (delta 0)", true),
        ("remote: Total 3 (delta 0)", true),
        ("fatal: bad objects: x", false),
        ("remote: frozen until Monday", false),
        ("remote: too many objects: ask ops", false),
        ("", false),
    ] {
        assert_eq!(is_progress(line), is, "{line}");
    }
}

#[test]
fn a_missing_program_is_reported_as_missing() {
    let error = run(Command::new("no-such-program-here"), [""; 0], POLL).err().unwrap();
    assert!(matches!(error, ProgramError::Missing { .. }));
}

#[test]
fn a_repository_that_somebody_else_owns_is_opened_since_it_was_named() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    Folder::open(&mirror, String::new()).unwrap();
    let ours = mirror.join(GLOBAL_CONFIG_FILE);
    let works = |global_config: &Path, arguments: &[&str]| {
        let mut command = command(&mirror);
        // Git's own switch for its tests of this.
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").env("GIT_CONFIG_GLOBAL", global_config);
        command.env_remove("GIT_DIR").current_dir(place.path());
        run(command, arguments, Duration::from_secs(30)).unwrap().status.success()
    };
    assert!(works(&ours, &["init", "--quiet", "--bare", "remote.git"]));
    let look = ["-C", "remote.git", "rev-parse", "--absolute-git-dir"];
    assert!(!works(Path::new("/dev/null"), &look), "the switch does not work, so this tests nothing");
    assert!(works(&ours, &look));
    assert!(works(&ours, &["ls-remote", "--quiet", "./remote.git"]));
}

#[test]
fn neither_our_secrets_nor_the_users_configuration_get_in() {
    let command = command(Path::new("/mirror"));
    let mut shell = Command::new("env");
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = run(shell, [""; 0], Duration::from_secs(5)).unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    assert!(!seen.contains("CARGO"), "{seen}");
    assert!(seen.contains("LC_ALL=C") && seen.contains("GIT_CONFIG_GLOBAL=/mirror/"), "{seen}");
}
