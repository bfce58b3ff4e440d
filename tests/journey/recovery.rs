//! Two at once, and killed in the middle: nothing is doubled, nothing is lost.

use std::time::Duration;

use super::daemon::Daemon;
use super::world::{World, wait_until};

#[tokio::test]
async fn two_passes_at_once_promote_once() {
    let world = World::new("24h").await;
    let mut both: Vec<_> = (0..2).map(|_| world.command(&["sync"]).spawn().unwrap()).collect();
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(world.promotions("non-prod", "v1.0.1"), 1);
    assert_eq!(world.commits(), 2);
}

#[tokio::test]
async fn two_data_folders_on_one_repository_promote_once() {
    let world = World::new("24h").await;
    let other = world.origin.beside("other.yaml");
    let text = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(&other, text.replace("/data/", "/data-of-another/")).unwrap();
    let mut one = world.command(&["sync"]).spawn().unwrap();
    let mut two = world.command(&["sync"]).env("TIDEGATE_CONFIG", &other).spawn().unwrap();
    assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    assert_eq!(world.promotions("non-prod", "v1.0.1"), 1);
    assert_eq!(world.commits(), 2);
}

#[tokio::test]
async fn killed_at_any_moment_it_neither_doubles_nor_loses() {
    let world = World::new("0s").await;
    world.run(&["plan"]);
    for round in 1..=12_u64 {
        let tag = format!("v1.1.{round}");
        world.release(&tag).await;
        // From right after the start to beyond the end of a pass.
        let mut child = world.command(&["sync"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 17));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
        let after = world.run(&["sync"]);
        assert_eq!(after.code, 0, "round {round}: {}{}", after.out, after.err);
        let again = world.run(&["sync"]);
        assert_eq!(again.code, 0, "round {round}: {}{}", again.out, again.err);
        assert_eq!(world.promotions("non-prod", &tag), 1, "round {round}");
        assert_eq!(world.promotions("prod", &tag), 1, "round {round}");
        assert_eq!(world.running(), (tag.clone(), tag), "round {round}");
    }
    assert_eq!(world.commits(), 1 + 2 * 12);
}

#[tokio::test]
async fn a_broken_mirror_is_rebuilt() {
    let world = World::new("24h").await;
    world.run(&["plan"]);
    let data = world.database().parent().unwrap().to_owned();
    let mirror = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("mirror-") && path.is_dir())
        .unwrap();
    std::fs::remove_dir_all(mirror.join("objects")).unwrap();
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(world.promotions("non-prod", "v1.0.1"), 1);
}

#[tokio::test]
async fn a_second_daemon_on_a_data_folder_says_so_and_takes_turns() {
    let world = World::new("24h").await.with("schedule: \"* * * * * *\"");
    let mut first = Daemon::start(&world);
    wait_until("the first pass", || world.running().0 == "v1.0.1");
    let mut second = Daemon::start_logging(&world, "second.log");
    wait_until("the second to say so", || second.says("another tidegate run works in this data folder"));
    assert!(second.says(&first.id().to_string()), "it names the process");
    world.release("v1.0.2").await;
    wait_until("the promotion", || world.running().0 == "v1.0.2");
    assert_eq!(world.promotions("non-prod", "v1.0.2"), 1);
    for daemon in [&mut first, &mut second] {
        daemon.signal("TERM");
        assert_eq!(daemon.end(), 0);
    }
}
