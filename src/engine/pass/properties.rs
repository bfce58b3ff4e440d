//! Whatever the registry, people, the network and the disk do, in whatever order: the rules of a promotion hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use crate::engine::fake::{Push, World, image};
use crate::engine::message::{Trailers, read_trailers};
use crate::model::{Digest, PromotionId, Timestamp, Version};

const FILES: [&str; 2] = ["np/app.yaml", "p/app.yaml"];
const SOAK: Duration = Duration::from_hours(24);

#[derive(Clone, Debug)]
enum Step {
    /// The registry gets an image under a tag, new or not.
    Release {
        patch: u64,
        letter: char,
    },
    /// Somebody writes a tag into a file.
    Person {
        file: usize,
        patch: u64,
    },
    Wait {
        hours: u64,
    },
    LoseStore,
    Restart,
    Pass,
    /// A pass whose push breaks, before it arrives or after.
    BrokenPass {
        arrives: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let letter = prop::sample::select(vec!['a', 'a', 'a', 'b']);
    prop_oneof![
        3 => (1u64..6, letter).prop_map(|(patch, letter)| Step::Release { patch, letter }),
        2 => (0usize..2, 0u64..6).prop_map(|(file, patch)| Step::Person { file, patch }),
        4 => (1u64..30).prop_map(|hours| Step::Wait { hours }),
        1 => Just(Step::LoseStore),
        1 => Just(Step::Restart),
        6 => Just(Step::Pass),
        1 => any::<bool>().prop_map(|arrives| Step::BrokenPass { arrives }),
    ]
}

/// What an environment runs, as somebody sees it who was there all the time.
#[derive(Clone)]
struct Place {
    runs: Version,
    since: Timestamp,
    /// What a promotion said that it is.
    digest: Option<Digest>,
    /// What a person left by going lower.
    left: BTreeSet<String>,
}

impl Place {
    fn hold(&mut self, version: Version, digest: Option<Digest>, now: Timestamp) {
        self.left.remove(&version.to_string());
        if version != self.runs {
            (self.since, self.digest) = (now, digest);
        }
        self.runs = version;
    }
}

struct Witness {
    world: World,
    places: [Place; 2],
    messages_seen: usize,
    promotions: BTreeMap<PromotionId, usize>,
}

fn version(patch: u64) -> Version {
    format!("v1.0.{patch}").parse().unwrap()
}

impl Witness {
    fn new() -> Self {
        let world = World::new();
        let place = Place { runs: version(0), since: world.now(), digest: None, left: BTreeSet::new() };
        Self { places: [place.clone(), place], messages_seen: 1, promotions: BTreeMap::new(), world }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Release { patch, letter } => self.world.push(&format!("v1.0.{patch}"), *letter),
            Step::Person { file, patch } => self.person(*file, *patch),
            Step::Wait { hours } => self.world.wait(hours * 60),
            Step::LoseStore => {
                self.world.store.lose();
                self.world.restart();
            }
            Step::Restart => self.world.restart(),
            Step::Pass => self.pass().await,
            Step::BrokenPass { arrives } => {
                let push = if *arrives { Push::ArrivesUnanswered } else { Push::Lost };
                self.world.branch.next_push(push);
                self.pass().await;
                self.world.branch.mend();
            }
        }
    }

    fn person(&mut self, file: usize, patch: u64) {
        let (place, version) = (&mut self.places[file], version(patch));
        if version < place.runs {
            place.left.insert(place.runs.to_string());
        }
        place.hold(version, None, self.world.now());
        self.world.person(FILES[file], &format!("v1.0.{patch}"));
        self.messages_seen += 1;
    }

    async fn pass(&mut self) {
        // A broken push is an error, and what became of it is on the branch.
        let _ = self.world.try_pass().await;
        let messages = self.world.branch.messages();
        for message in &messages[self.messages_seen..] {
            let told = read_trailers(message);
            assert_eq!(told.len(), 1, "a commit a promotion: {message}");
            self.judge(&told[0]);
        }
        self.messages_seen = messages.len();
    }

    fn judge(&mut self, told: &Trailers) {
        let is_prod = told.environment.as_str() == "prod";
        let tag = told.image.tag.as_ref().unwrap();
        let (to, now): (Version, Timestamp) = (tag.as_str().parse().unwrap(), self.world.now());
        let [non_prod, _] = &self.places;
        let here = &self.places[usize::from(is_prod)];
        assert!(to > here.runs, "{to} is a way back from {}", here.runs);
        assert!(!here.left.contains(&to.to_string()), "somebody left {to}");
        let digest = told.mark.digest.clone();
        assert_eq!(digest, self.world.registry.digest_of(&image("app"), tag.as_str()), "a fresh answer");
        if is_prod {
            assert_eq!(to, non_prod.runs, "it runs in non-prod");
            assert!(non_prod.since + SOAK <= now, "{to} soaked since {} at {now}", non_prod.since);
            assert!(non_prod.digest.is_none() || non_prod.digest == digest, "what soaked is what ships");
        }
        self.places[usize::from(is_prod)].hold(to, digest, now);
        *self.promotions.entry(told.mark.id).or_default() += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_a_rule(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut witness = Witness::new();
            for step in &steps {
                witness.take(step).await;
            }
            // Whatever happened: the next release goes all the way, by two commits and no more.
            let finale = [
                Step::Pass,
                Step::Release { patch: 9, letter: 'c' },
                Step::Pass,
                Step::Pass,
                Step::Wait { hours: 24 },
                Step::Pass,
                Step::Pass,
            ];
            for step in &finale {
                witness.take(step).await;
            }
            assert_eq!(FILES.map(|file| witness.world.tag(file)), ["v1.0.9", "v1.0.9"].map(String::from));
            assert!(witness.promotions.values().all(|count| *count == 1), "every promotion exactly once");
            let outcomes = witness.world.store.outcomes();
            assert!(outcomes.iter().all(Option::is_some), "nothing is left open");
        });
    }
}
