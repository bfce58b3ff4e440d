//! The kept history: whatever the branch and other programs do, what is known of the past is what all of Git tells.

use proptest::prelude::*;

use super::*;
use crate::engine::HistoryQuery;
use crate::engine::fake::{Settings, World, release};
use crate::model::{EnvironmentId, Id, TagChangeQuery, TargetId};

mod properties;

/// A world in which Ana made so many commits that each moves something.
fn world(commits: u64) -> World {
    let world = World::new();
    for number in 1..commits {
        world.person("np/app.yaml", &format!("v1.0.{number}"));
    }
    world
}

/// The places of all that is kept up to the view's end, newest first.
async fn places(world: &World, end: IndexEnd) -> Vec<u64> {
    let query = TagChangeQuery { services: Vec::new(), since: None, most: usize::MAX, rest: None };
    let kept = world.store.tag_changes(end, &query).await.unwrap().tag_changes;
    kept.iter().map(|tag_change| tag_change.sequence).collect()
}

#[tokio::test]
async fn a_program_that_dies_on_the_way_goes_on_where_it_was() {
    const COMMITS: usize = 11;
    let mut has_gone_on = false;
    for steps in 0.. {
        let world = world(COMMITS as u64);
        world.branch.calls.take();
        world.fuse.set(Some(steps));
        let mut first = world.again();
        let ended = tokio::spawn(async move { first.engine.refresh().await.map(drop) }).await;
        if !world.fuse.is_burnt() {
            ended.unwrap().unwrap();
            break;
        }
        world.fuse.set(None);
        let read_before = world.branch.calls.take().get("changes").copied().unwrap_or_default();
        let mut second = world.again();
        let state = second.engine.refresh().await.unwrap();
        let read_after = world.branch.calls.take().get("changes").copied().unwrap_or_default();
        assert!(read_before + read_after <= COMMITS + COMMITS_PER_PART, "{read_before} and {read_after}");
        has_gone_on |= read_after < COMMITS;
        let expected: Vec<u64> = [0, 0].into_iter().chain(1..COMMITS as u64).rev().collect();
        assert_eq!(places(&world, state.end).await, expected, "each is there once");
    }
    assert!(has_gone_on);
}

#[tokio::test]
async fn two_programs_that_read_the_same_history_go_on_from_one_another() {
    let world = world(20);
    let (mut one, mut other) = (world.again(), world.again());
    let (one, other) = tokio::join!(one.engine.refresh(), other.engine.refresh());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.commit(), other.commit());
    let kept = places(&world, one.end).await;
    assert_eq!(kept.len(), 21);
    assert!(kept.is_sorted_by(|newer, older| newer >= older));
}

#[tokio::test]
async fn an_index_that_another_process_rebuilt_is_read_again() {
    let mut world = world(4);
    world.push("v1.0.9", '9');
    let state = world.engine.refresh().await.unwrap();
    let settings = Settings { environments: vec![("other", vec!["p"], None)], ..Settings::default() };
    let mut other = World { settings, ..world.again() };
    other.restart();
    other.engine.refresh().await.unwrap();
    let fault = world.engine.read_histories(&state, [TargetId::at(0)]).await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain);
    // The branch is where it was; that is not enough.
    let state = world.engine.refresh().await.unwrap();
    world.engine.read_histories(&state, [TargetId::at(0)]).await.unwrap();
    assert!(state.rollout_commit(TargetId::at(0)).is_some());
    assert_eq!(places(&world, state.end).await.len(), 5);
}

#[tokio::test]
async fn an_index_that_reaches_the_head_reads_no_file() {
    let mut world = world(4);
    world.engine.refresh().await.unwrap();
    let query =
        HistoryQuery { services: Vec::new(), environments: Vec::new(), since: None, until: None, most: 3 };
    let first = world.engine.history(&query).await.unwrap();
    world.branch.calls.take();
    let again = world.again().engine.history(&query).await.unwrap();
    assert_eq!(format!("{again:?}"), format!("{first:?}"));
    let mut asked = world.branch.calls.take();
    assert_eq!((asked.remove("fetch"), asked.len()), (Some(1), 0), "{asked:?}");
    // Another configuration is another history.
    let settings = Settings { environments: vec![("other", vec!["p"], None)], ..Settings::default() };
    let mut other = World { settings, ..world.again() };
    other.restart();
    assert_eq!(other.engine.history(&query).await.unwrap().len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    /// Somebody writes a tag into a file.
    Person { file: usize, patch: u8 },
    /// Somebody puts the branch back to where it was so many steps ago.
    Rewind { steps: usize },
    /// The daemon looks, and learns all that there is.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..5_u8).prop_map(|(file, patch)| Step::Person { file, patch }),
        1 => (1..6_usize).prop_map(|steps| Step::Rewind { steps }),
        3 => Just(Step::Look),
    ]
}

/// All that is known of the past of every target.
async fn known(world: &mut World) -> Vec<String> {
    let state = world.engine.refresh().await.unwrap();
    world.engine.read_histories(&state, state.deployed.targets.ids()).await.unwrap();
    state.deployed.targets.ids().map(|target| format!("{:#?}", state.history_of(target).unwrap())).collect()
}

/// What people left in prod, and how each version came to be there, as a program says that was just started: `v1.0.1 by
/// Ana`.
async fn left(world: &World) -> Vec<String> {
    let mut world = world.again();
    let state = world.engine.refresh().await.unwrap();
    world.engine.read_histories(&state, state.deployed.targets.ids()).await.unwrap();
    let prod = state
        .deployed
        .targets
        .ids()
        .filter(|at| state.deployed.targets[*at].environment == EnvironmentId::at(1));
    let left = prod.flat_map(|at| state.rolled_back(at).to_vec());
    left.map(|one| format!("v{} in {} by {}", one.version, one.environment, one.author)).collect()
}

/// The same without the store, and by the program that is running.
async fn left_however_read(world: &mut World) -> Vec<String> {
    let kept = left(world).await;
    let state = world.engine.refresh().await.unwrap();
    assert_eq!(state.commit(), world.branch.head());
    let mut lost = world.again();
    lost.store = Arc::default();
    lost.restart();
    assert_eq!(left(&lost).await, kept, "without the store");
    kept
}

/// Both environments run v1.0.1, prod by a promotion.
async fn promoted() -> World {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(25 * 60);
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    world
}

#[rstest::rstest]
#[case::looked_at_in_between(true)]
#[case::unseen(false)]
#[tokio::test]
async fn a_rollback_that_was_merged_into_somebodys_own_work_stays(#[case] is_seen: bool) {
    let mut world = promoted().await;
    let own = world.branch.commit_on(world.branch.root(), "Bob", world.now(), &[("docs/a.yaml", None)]);
    let back = world.person("p/app.yaml", "v1.0.0");
    if is_seen {
        world.pass().await;
    }
    world.wait(5);
    world.branch.merge_of(&[own, back], back, world.now());
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by Ana"]);
    world.wait(48 * 60);
    assert_eq!(world.pass().await, [""; 0]);
    assert_eq!(world.tag("p/app.yaml"), "v1.0.0");
}

#[tokio::test]
async fn a_rollback_of_what_people_promoted_stays_however_it_is_merged() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let mut world = World::new();
        world.push("v1.0.1", '1');
        let root = world.branch.head();
        world.person("p/app.yaml", "v1.0.1");
        let back = world.person("p/app.yaml", "v1.0.0");
        let one = world.branch.commit_on(root, "Bob", world.now(), &[("docs/a.yaml", None)]);
        let other = world.branch.commit_on(root, "Eva", world.now(), &[("docs/b.yaml", None)]);
        let parents = [one, back, other];
        world.branch.merge_of(&order.map(|at| parents[at]), back, world.now());
        assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by Ana"], "{order:?}");
    }
}

#[rstest::rstest]
#[case::looked_at_in_between(true)]
#[case::unseen(false)]
#[tokio::test]
async fn a_promotion_that_was_taken_away_by_force_stays_away(#[case] is_seen: bool) {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(25 * 60);
    let before = world.branch.head();
    assert_eq!(world.pass().await, ["app prod v1.0.0 v1.0.1"]);
    if is_seen {
        assert_eq!(world.pass().await, [""; 0]);
    }
    world.branch.rewind(before);
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by a force push"]);
    for _ in 0..2 {
        world.wait(48 * 60);
        assert_eq!(world.pass().await, [""; 0]);
    }
    // Another configuration is another index of the same branch.
    world.settings.environments.push(("other", vec!["other"], None));
    world.restart();
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by a force push"]);
    assert_eq!(world.pass().await, [""; 0]);
    world.person("p/app.yaml", "v1.0.1");
    assert_eq!(left_however_read(&mut world).await, [""; 0], "somebody put it back");
}

#[tokio::test]
async fn a_forced_removal_counts_wherever_the_branch_goes_from_there() {
    let mut world = World::new();
    world.push("v1.0.2", '2');
    let root = world.branch.head();
    let higher = world.person("p/app.yaml", "v1.0.2");
    world.person("p/app.yaml", "v1.0.1");
    assert_eq!(left_however_read(&mut world).await, ["v1.0.2 in prod by Ana"]);
    world.branch.rewind(root);
    assert_eq!(
        left_however_read(&mut world).await,
        ["v1.0.1 in prod by a force push", "v1.0.2 in prod by Ana"]
    );
    // Up to a version above the one that was taken away.
    world.branch.rewind(higher);
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by a force push"]);
}

#[tokio::test]
async fn a_renamed_folder_keeps_its_rollbacks() {
    let mut world = promoted().await;
    world.person("p/app.yaml", "v1.0.0");
    world.pass().await;
    let text = world.branch.text("p/app.yaml");
    let moved = [("p/app.yaml", None), ("production/app.yaml", Some(text))];
    world.branch.commit("Ana", "rename the folder", world.now(), &moved);
    world.settings.environments[1].1 = vec!["production"];
    world.restart();
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by Ana"]);
    world.wait(48 * 60);
    assert_eq!(world.pass().await, [""; 0]);
}

#[tokio::test]
async fn a_renamed_folder_keeps_the_rollbacks_of_a_file_that_was_removed_before() {
    let mut world = promoted().await;
    world.person("p/app.yaml", "v1.0.0");
    let text = world.branch.text("p/app.yaml");
    let replaced = [("p/app.yaml", None), ("p/service.yaml", Some(text.clone()))];
    world.branch.commit("Ana", "another file", world.now(), &replaced);
    let moved = [("p/service.yaml", None), ("production/service.yaml", Some(text))];
    world.branch.commit("Ana", "rename the folder", world.now(), &moved);
    world.settings.environments[1].1 = vec!["production"];
    world.restart();
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by Ana"]);
    world.wait(48 * 60);
    assert_eq!(world.pass().await, [""; 0]);
}

#[tokio::test]
async fn a_renamed_service_keeps_its_rollbacks() {
    let mut world = promoted().await;
    world.person("p/app.yaml", "v1.0.0");
    let renamed = |text: String| Some(text.replace("{name: app,", "{name: shop,"));
    let files = ["np/app.yaml", "p/app.yaml"].map(|file| (file, renamed(world.branch.text(file))));
    world.branch.commit("Ana", "rename the service", world.now(), &files);
    assert_eq!(left_however_read(&mut world).await, ["v1.0.1 in prod by Ana"]);
    world.wait(48 * 60);
    assert_eq!(world.pass().await, [""; 0]);
}

#[tokio::test]
async fn a_rename_that_was_taken_away_by_force_and_made_again_keeps_what_was_taken_away() {
    let mut world = World::new();
    let root = world.branch.head();
    let renamed = |tag: &str| Some(release("app", tag).replace("{name: app,", "{name: shop,"));
    let rename = |world: &World, files: &[&'static str]| {
        let files: Vec<_> = files.iter().map(|file| (*file, renamed("v1.0.0"))).collect();
        world.branch.commit("Ana", "rename the service", world.now(), &files);
    };
    rename(&world, &["np/app.yaml", "p/app.yaml"]);
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["shop non-prod v1.0.0 v1.0.1"]);
    world.wait(7);
    world.branch.rewind(root);
    rename(&world, &["np/app.yaml"]);
    world.wait(7);
    assert_eq!(world.pass().await, [""; 0]);
}

#[tokio::test]
async fn a_replaced_cluster_is_no_rollback() {
    let environments = vec![("non-prod", vec!["np"], None), ("prod", vec!["pa", "pb", "pc"], Some(0))];
    let mut world = World::with(Settings { environments, ..Settings::default() });
    world.push("v1.0.1", '1');
    world.branch.commit("Ana", "without c", world.now(), &[("pc/app.yaml", None)]);
    for file in ["np/app.yaml", "pa/app.yaml", "pb/app.yaml"] {
        world.person(file, "v1.0.1");
    }
    world.branch.commit("Ana", "retire a", world.now(), &[("pa/app.yaml", None)]);
    world.person("pc/app.yaml", "v1.0.0");
    assert_eq!(left_however_read(&mut world).await, [""; 0]);
}

#[tokio::test]
async fn without_the_store_only_tidegates_own_push_to_this_branch_counts_from_its_time() {
    let mut world = World::new();
    world.push("v1.0.1", '1');
    assert_eq!(world.pass().await, ["app non-prod v1.0.0 v1.0.1"]);
    world.wait(25 * 60);
    let lost = |world: &World| {
        let mut lost = world.again();
        lost.store = Arc::default();
        lost.restart();
        lost
    };
    let mut own = lost(&world);
    let head = world.branch.head();
    assert_eq!(own.pass().await, ["app prod v1.0.0 v1.0.1"]);
    // The same promotion, made for another branch and brought here by a fast-forward.
    world.branch.rewind(head);
    world.branch.change_message(head, "Tidegate-Branch: fake main", "Tidegate-Branch: fake other");
    assert_eq!(lost(&world).pass().await, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What a daemon takes over from its last look is what a program reads that was just started.
    #[test]
    fn an_index_taken_over_equals_one_read_from_git(steps in prop::collection::vec(step(), 1..24)) {
        let files = ["np/app.yaml", "np/beside.yaml", "p/app.yaml"];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut daemon = World::new();
            let mut heads = vec![daemon.branch.head()];
            for step in steps {
                daemon.wait(7);
                match step {
                    Step::Person { file, patch } => {
                        heads.push(daemon.person(files[file], &format!("v1.0.{patch}")));
                    }
                    Step::Rewind { steps } => {
                        heads.truncate((heads.len() - steps.min(heads.len())).max(1));
                        daemon.branch.rewind(*heads.last().unwrap());
                    }
                    Step::Look => {
                        let taken_over = known(&mut daemon).await;
                        assert_eq!(taken_over, known(&mut daemon.again()).await);
                    }
                }
            }
        });
    }
}
