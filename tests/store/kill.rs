//! A kill -9 at any moment: what was acknowledged is there, and nothing is there by halves.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tidegate::port::{Intents as _, Observations as _};
use tidegate::store::{OpenState, Store};

use super::words::{KEPT, Place, REPOSITORY, at, intent, seen};

/// The database's file, for the process that is to be killed.
const FILE: &str = "TIDEGATE_TEST_STORE_FILE";
/// The number of its first round.
const FIRST_ROUND: &str = "TIDEGATE_TEST_STORE_FIRST_ROUND";

/// Each round writes three intents at once; by itself two rounds, in a process that is to be killed without end.
#[tokio::test]
async fn the_process_that_writes_rounds() {
    let place = Place::new();
    let given = std::env::var_os(FILE).map(PathBuf::from);
    let first: u64 = std::env::var(FIRST_ROUND).map_or(0, |text| text.parse().unwrap());
    let rounds = if given.is_some() { u64::MAX } else { 2 };
    // Straight to the pipe, past the test harness.
    let mut listener = given.is_some().then(std::io::stdout);
    let mut say = |line| listener.as_mut().map_or(Ok(()), |listener| writeln!(listener, "{line}")).unwrap();
    say("opening");
    let store = Store::open(given.as_ref().unwrap_or(&place.file), REPOSITORY, KEPT).await.unwrap().store;
    for round in (first..).take_while(|round| *round < rounds) {
        let intents = [0, 1, 2].map(|at| intent(3 * round + at));
        store.begin(&intents).await.unwrap();
        store.observe(&[seen("v1", if round % 2 == 0 { 'a' } else { 'b' })], at(1)).await.unwrap();
        say("written");
    }
    assert_eq!(store.pending().await.unwrap().len(), 6);
}

/// Starts the process above and kills it after it reported `kill_after` rounds. Returns the number of reported rounds.
fn run_and_kill(place: &Place, first_round: u64, kill_after: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::kill::the_process_that_writes_rounds"])
        .envs([(FILE, place.file.as_os_str()), (FIRST_ROUND, OsStr::new(&first_round.to_string()))])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("opening")), "the child did not start");
    let written = lines.by_ref().take(kill_after).filter(|line| line == "written").count();
    child.kill().unwrap();
    child.wait().unwrap();
    written + lines.filter(|line| line == "written").count()
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_and_nothing_is_there_by_halves() {
    let place = Place::new();
    let mut acknowledged = 0;
    // The first are killed while they open and migrate.
    for kill_after in [0, 0, 1, 0, 7, 2, 0, 31] {
        let first_round = u64::try_from(acknowledged).unwrap();
        acknowledged += run_and_kill(&place, first_round, kill_after);
        let opened = place.open().await;
        assert!(matches!(opened.state, OpenState::Created | OpenState::Existing), "{:?}", opened.state);
        let pending = opened.store.pending().await.unwrap();
        assert!(pending.len() >= 3 * acknowledged, "{} of {acknowledged} rounds", pending.len());
        let mut ids: Vec<_> = pending.iter().map(|intent| intent.id).collect();
        ids.sort();
        let expected: Vec<_> = (0..).map(|number| intent(number).id).take(ids.len()).collect();
        assert_eq!(ids, expected);
        assert_eq!(pending.len() % 3, 0, "a round is whole");
        // A round that was written but not reported counts as well.
        acknowledged = pending.len() / 3;
        opened.store.close().await;
    }
    assert!(acknowledged >= 41);
}
