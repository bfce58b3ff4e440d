//! Random histories of a branch that several people and two daemons write to: however they push, merge, force and rename, and
//! whatever their clocks say, what people left stays left, and a lost store only delays.

use std::collections::BTreeSet;

use super::*;
use crate::engine::PassOptions;
use crate::engine::fake::{digest, image};

const PROD: [&str; 4] = ["p", "p1", "p2", "p3"];
const NAMES: [&str; 3] = ["app", "shop", "cart"];
const FILES: [&str; 3] = ["app.yaml", "app.yaml", "beside.yaml"];

#[derive(Clone, Debug)]
enum Event {
    /// Somebody writes a tag into a file, by a clock that is hours behind.
    Person {
        file: usize,
        patch: u8,
        hours_behind: u64,
    },
    /// Somebody merges the branch into work on an older head, as `git pull` does; perhaps an octopus.
    Pull {
        back: usize,
        is_octopus: bool,
    },
    /// A topic branch from an older head, which writes a tag and perhaps another after it, is merged.
    Topic {
        back: usize,
        file: usize,
        patches: (u8, u8),
    },
    /// Somebody forces the branch back to an older head.
    Force {
        back: usize,
    },
    /// The folder of prod gets another name, on the branch and in the configuration.
    RenameFolder,
    /// The service gets another name, or its image.
    Rename {
        is_image: bool,
    },
    /// The store is deleted.
    Lose,
    Pass,
    /// A pass of a daemon with a store of its own.
    OtherPass,
    Wait {
        hours: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let person = (0..3_usize, 0..4_u8, prop_oneof![3 => Just(0), 1 => 1..100_u64]);
    let topic = (0..5_usize, 0..3_usize, (0..4_u8, 0..4_u8));
    prop_oneof![
        6 => person.prop_map(|(file, patch, hours_behind)| Event::Person { file, patch, hours_behind }),
        3 => (0..5_usize, any::<bool>()).prop_map(|(back, is_octopus)| Event::Pull { back, is_octopus }),
        3 => topic.prop_map(|(back, file, patches)| Event::Topic { back, file, patches }),
        1 => (1..4_usize).prop_map(|back| Event::Force { back }),
        1 => Just(Event::RenameFolder),
        1 => any::<bool>().prop_map(|is_image| Event::Rename { is_image }),
        1 => Just(Event::Lose),
        5 => Just(Event::Pass),
        2 => Just(Event::OtherPass),
        3 => (1..30_u64).prop_map(|hours| Event::Wait { hours }),
    ]
}

/// The daemon, the other one, and what everything is called now.
struct Team {
    world: World,
    other: World,
    folder: usize,
    service: usize,
    image: usize,
    heads: Vec<CommitId>,
}

impl Team {
    fn new() -> Self {
        let world = World::new();
        for name in NAMES {
            for patch in 0..4_u8 {
                let tag = format!("v1.0.{patch}");
                world.registry.push(&image(name), &tag, digest(char::from(b'0' + patch)));
            }
        }
        let other = without_store(&world);
        let heads = vec![world.branch.head()];
        Self { world, other, folder: 0, service: 0, image: 0, heads }
    }

    fn path(&self, file: usize) -> String {
        let folder = if file == 0 { "np" } else { PROD[self.folder] };
        format!("{folder}/{}", FILES[file])
    }

    fn text(&self, patch: u8) -> String {
        let text = release(NAMES[self.service], &format!("v1.0.{patch}"));
        let image_of = |name: &str| format!("ghcr.io/vtr/{name}\n");
        text.replace(&image_of(NAMES[self.service]), &image_of(NAMES[self.image]))
    }

    fn older(&self, back: usize) -> CommitId {
        self.heads[self.heads.len() - 1 - back.min(self.heads.len() - 1)]
    }

    /// What files hold, those that there are.
    fn files(&self) -> Vec<(usize, String, String)> {
        let head = self.world.branch.head();
        let text = |file: usize| {
            let path = self.path(file);
            Some((file, path.clone(), self.world.branch.text_at(head, &path)?))
        };
        (0..3).filter_map(text).collect()
    }

    fn commit(&self, changes: &[(String, Option<String>)], at: Timestamp) {
        let changes: Vec<(&str, Option<String>)> =
            changes.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
        self.world.branch.commit("Ana", "by hand", at, &changes);
    }

    /// Restarts both daemons under the present configuration.
    fn restart(&mut self) {
        for world in [&mut self.world, &mut self.other] {
            world.settings.environments[1].1 = vec![PROD[self.folder]];
            world.restart();
        }
    }

    fn rename_folder(&mut self) {
        let files = self.files();
        self.folder = (self.folder + 1) % PROD.len();
        let mut changes = Vec::new();
        for (file, path, text) in files.into_iter().filter(|(file, ..)| *file > 0) {
            changes.extend([(path, None), (self.path(file), Some(text))]);
        }
        self.commit(&changes, self.world.now());
        self.restart();
    }

    fn rename(&mut self, is_image: bool) {
        let at = if is_image { &mut self.image } else { &mut self.service };
        let from = NAMES[*at];
        *at = (*at + 1) % NAMES.len();
        let to = NAMES[*at];
        let renamed = |text: &str| {
            if is_image {
                text.replace(&format!("ghcr.io/vtr/{from}\n"), &format!("ghcr.io/vtr/{to}\n"))
            } else {
                text.replace(&format!("{{name: {from},"), &format!("{{name: {to},"))
            }
        };
        let files = self.files().into_iter();
        let changes: Vec<_> = files.map(|(_, path, text)| (path, Some(renamed(&text)))).collect();
        self.commit(&changes, self.world.now());
    }

    /// A pass promotes nothing that people left.
    async fn pass(&mut self, is_other: bool) {
        let world = if is_other { &mut self.other } else { &mut self.world };
        let before = left(world).await;
        for promoted in world.pass().await {
            let words: Vec<&str> = promoted.split(' ').collect();
            let what = format!("{} in {}", words[3], words[1]);
            assert!(!before.iter().any(|left| left.starts_with(&what)), "{promoted}: {before:?}");
        }
    }

    async fn happen(&mut self, event: Event) {
        self.world.wait(7);
        let (now, head) = (self.world.now(), self.world.branch.head());
        match event {
            Event::Person { file, patch, hours_behind } => {
                let change = (self.path(file), Some(self.text(patch)));
                self.commit(&[change], now - chrono::TimeDelta::hours(i64::try_from(hours_behind).unwrap()));
            }
            Event::Pull { back, is_octopus } => {
                let branch = &self.world.branch;
                let one = branch.commit_on(self.older(back), "Bob", now, &[("docs/b.yaml", None)]);
                let other = branch.commit_on(self.older(back + 1), "Eva", now, &[("docs/e.yaml", None)]);
                let parents = [one, head, other];
                branch.merge_of(&parents[..if is_octopus { 3 } else { 2 }], head, now);
            }
            Event::Topic { back, file, patches } => {
                let path = self.path(file);
                let first = [(path.as_str(), Some(self.text(patches.0)))];
                let last = [(path.as_str(), Some(self.text(patches.1)))];
                let branch = &self.world.branch;
                let topic = branch.commit_on(self.older(back), "Bob", now, &first);
                let topic = branch.commit_on(topic, "Bob", now, &last);
                let result = branch.commit_on(head, "Bob", now, &last);
                branch.merge_of(&[head, topic], result, now);
            }
            Event::Force { back } => self.world.branch.rewind(self.older(back)),
            Event::RenameFolder | Event::Rename { .. } => {
                let before = left(&self.world).await;
                match event {
                    Event::Rename { is_image } => self.rename(is_image),
                    _ => self.rename_folder(),
                }
                let after = left(&self.world).await;
                // A branch that was forced back to another name has nothing to rename.
                if !self.files().is_empty() {
                    let is_forgotten = |one: &&String| !after.contains(one);
                    assert_eq!(before.iter().find(is_forgotten), None, "{event:?}: {after:?}");
                }
            }
            Event::Lose => {
                self.world.store = Arc::default();
                self.world.restart();
            }
            Event::Pass => self.pass(false).await,
            Event::OtherPass => self.pass(true).await,
            Event::Wait { hours } => self.world.wait(hours * 60),
        }
        self.heads.push(self.world.branch.head());
    }

    /// Whoever reads the branch, with the store or without it, knows the same; without it nothing counts from an earlier
    /// time, and nothing goes that would not go with it.
    async fn check(&self) {
        let kept = (left(&self.world).await, since(&self.world).await);
        let lost = without_store(&self.world);
        assert_eq!(left(&lost).await, kept.0, "without the store");
        assert_eq!(left(&self.other).await, kept.0, "read by another process");
        for (lost, kept) in since(&lost).await.into_iter().zip(kept.1) {
            assert!(lost >= kept, "{lost:?} is sooner than {kept:?}");
        }
        let (lost, kept) = (planned(&without_store(&self.world)).await, planned(&self.world).await);
        assert!(lost.is_subset(&kept), "without the store: {lost:?}; with it: {kept:?}");
    }
}

/// The same, with the store deleted and the program started anew.
fn without_store(world: &World) -> World {
    let mut lost = world.again();
    lost.store = Arc::default();
    lost.restart();
    lost
}

/// What a program that was just started would promote.
async fn planned(world: &World) -> BTreeSet<String> {
    let report = world.again().engine.pass(&PassOptions::plan()).await.unwrap();
    let one = |plan: &crate::engine::EditPlan| {
        format!("{} in {:?} to {}", plan.service, plan.environment, plan.approved.candidate().tag)
    };
    report.planned.iter().map(one).collect()
}

/// Since when each target counts as what it is now, as a program says that was just started.
async fn since(world: &World) -> Vec<Option<Timestamp>> {
    let mut world = world.again();
    let state = world.engine.refresh().await.unwrap();
    let targets = state.deployed.targets.ids();
    world.engine.read_histories(&state, targets.clone()).await.unwrap();
    let came = |target: TargetId| {
        let rollout = state.rollout_commit(target)?;
        let absent = rollout.fetched.and_then(|fetched| fetched.absent_at);
        Some(rollout.committed_at.max(absent.unwrap_or(rollout.committed_at)))
    };
    targets.map(came).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_version_that_people_left_stays_left(events in prop::collection::vec(event(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut team = Team::new();
            for event in events {
                team.happen(event).await;
                team.check().await;
            }
        });
    }
}
