//! Whatever the registry, people, the network, the clock and the disk do, in whatever order: the rules of a promotion hold,
//! and what nothing speaks against happens at the first moment that it may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use crate::engine::PassReport;
use crate::engine::fake::{Push, World, image};
use crate::engine::message::{Trailers, read_trailers};
use crate::model::{Digest, PromotionId, Timestamp, Version};

const FILES: [&str; 2] = ["np/app.yaml", "p/app.yaml"];
const ENVIRONMENTS: [&str; 2] = ["non-prod", "prod"];
const SOAK: Duration = Duration::from_hours(24);

#[derive(Clone, Debug)]
enum Step {
    /// The registry gets an image under a tag, new or not.
    Release {
        patch: u64,
        letter: char,
    },
    /// Somebody writes a tag into a file, be it by an edit or by a revert.
    Person {
        file: usize,
        patch: u64,
    },
    /// Somebody holds an environment, for some hours or for good, or lets go of it.
    Hold {
        environment: usize,
        hours: Option<u64>,
    },
    LetGo {
        environment: usize,
    },
    Freeze {
        hours: u64,
    },
    Quarantine {
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
    let hours = prop::option::of(1u64..40);
    prop_oneof![
        4 => (1u64..6, letter).prop_map(|(patch, letter)| Step::Release { patch, letter }),
        2 => (0usize..2, 0u64..6).prop_map(|(file, patch)| Step::Person { file, patch }),
        1 => (0usize..2, hours).prop_map(|(environment, hours)| Step::Hold { environment, hours }),
        1 => (0usize..2).prop_map(|environment| Step::LetGo { environment }),
        1 => (1u64..40).prop_map(|hours| Step::Freeze { hours }),
        1 => (1u64..6).prop_map(|patch| Step::Quarantine { patch }),
        5 => (1u64..30).prop_map(|hours| Step::Wait { hours }),
        1 => Just(Step::LoseStore),
        1 => Just(Step::Restart),
        8 => Just(Step::Pass),
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
    left: BTreeSet<Version>,
    /// Until when it is held.
    held_until: Option<Timestamp>,
}

impl Place {
    fn hold(&mut self, version: Version, digest: Option<Digest>, now: Timestamp) {
        self.left.remove(&version);
        if version != self.runs {
            (self.since, self.digest) = (now, digest);
        }
        self.runs = version;
    }

    fn is_held(&self, now: Timestamp) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// Whether a person's rollback speaks against a version: against the one that was left, and against those below one
    /// that can still come.
    fn is_against(&self, version: &Version, can_come: impl Fn(&Version) -> bool) -> bool {
        self.left.iter().any(|left| left == version || (left > version && can_come(left)))
    }
}

struct Witness {
    world: World,
    places: [Place; 2],
    frozen_until: Option<Timestamp>,
    quarantined: BTreeSet<Version>,
    /// When each tag last came to mean another image.
    moved_at: BTreeMap<Version, Timestamp>,
    messages_seen: usize,
    promotions: BTreeMap<PromotionId, usize>,
}

fn version(patch: u64) -> Version {
    format!("v1.0.{patch}").parse().unwrap()
}

impl Witness {
    fn new() -> Self {
        let world = World::new();
        let place = Place {
            runs: version(0),
            since: world.now(),
            digest: None,
            left: BTreeSet::new(),
            held_until: None,
        };
        let moved_at = [(version(0), world.now())].into();
        Self {
            places: [place.clone(), place],
            frozen_until: None,
            quarantined: BTreeSet::new(),
            moved_at,
            messages_seen: 1,
            promotions: BTreeMap::new(),
            world,
        }
    }

    async fn take(&mut self, step: &Step) {
        let now = self.world.now();
        match step {
            Step::Release { patch, letter } => {
                let (tag, before) = (format!("v1.0.{patch}"), self.digest_of(&version(*patch)));
                self.world.push(&tag, *letter);
                if before != self.digest_of(&version(*patch)) {
                    // A tag that moves in the instant of a promotion leaves a doubt about which image that was.
                    let doubt = Duration::from_secs(u64::from(before.is_some()));
                    self.moved_at.insert(version(*patch), now + doubt);
                }
            }
            Step::Person { file, patch } => self.person(*file, *patch),
            Step::Hold { environment, hours } => {
                let until = hours.map(|hours| now + Duration::from_hours(hours));
                let expires =
                    until.map(|until| format!("expires: {}\n", until.to_rfc3339())).unwrap_or_default();
                let scope = format!("environments: [{}]\n{expires}", ENVIRONMENTS[*environment]);
                self.control(&format!("hold-{environment}"), "Hold", &scope);
                self.places[*environment].held_until = Some(until.unwrap_or(Timestamp::MAX_UTC));
            }
            Step::LetGo { environment } => {
                let file = format!(".tidegate/hold-{environment}.yaml");
                self.world.branch.commit("Ana", "let go", now, &[(&*file, None)]);
                self.messages_seen += 1;
                self.places[*environment].held_until = None;
            }
            Step::Freeze { hours } => {
                let until = now + Duration::from_hours(*hours);
                let wall = |at: Timestamp| at.format("%Y-%m-%dT%H:%M:%S").to_string();
                let scope =
                    format!("name: x\nenvironments: [prod]\nfrom: {}\nto: {}\n", wall(now), wall(until));
                self.control("freeze", "Freeze", &scope);
                self.frozen_until = Some(until);
            }
            Step::Quarantine { patch } => {
                let scope = format!("service: common/*\nversion: v1.0.{patch}\n");
                self.control(&format!("bad-{patch}"), "Quarantine", &scope);
                self.quarantined.insert(version(*patch));
            }
            Step::Wait { hours } => self.world.wait(hours * 60),
            Step::LoseStore => {
                self.world.store.lose();
                self.world.restart();
            }
            Step::Restart => self.world.restart(),
            Step::Pass => self.pass(true).await,
            Step::BrokenPass { arrives } => {
                let push = if *arrives { Push::ArrivesUnanswered } else { Push::Lost };
                self.world.branch.next_push(push);
                self.pass(false).await;
                self.world.branch.mend();
            }
        }
    }

    /// Whether a version is in the registry and not quarantined.
    fn can_come(&self, version: &Version) -> bool {
        self.moved_at.contains_key(version) && !self.quarantined.contains(version)
    }

    fn digest_of(&self, version: &Version) -> Option<Digest> {
        self.world.registry.digest_of(&image("app"), &format!("v{version}"))
    }

    fn control(&mut self, file: &str, kind: &str, scope: &str) {
        let text = format!("kind: {kind}\n{scope}reason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n");
        self.world.edit(&format!(".tidegate/{file}.yaml"), &text);
        self.messages_seen += 1;
    }

    fn person(&mut self, file: usize, patch: u64) {
        let (place, version) = (&mut self.places[file], version(patch));
        if version < place.runs {
            place.left.insert(place.runs.clone());
        }
        place.hold(version, None, self.world.now());
        self.world.person(FILES[file], &format!("v1.0.{patch}"));
        self.messages_seen += 1;
    }

    async fn pass(&mut self, is_whole: bool) {
        let due = self.due();
        // A broken push is an error, and what became of it is on the branch.
        let passed = self.world.try_pass().await;
        let messages = self.world.branch.messages();
        for message in &messages[self.messages_seen..] {
            let promotions = read_trailers(message);
            assert_eq!(promotions.len(), 1, "one commit per promotion: {message}");
            self.judge(&promotions[0]);
        }
        self.messages_seen = messages.len();
        if is_whole {
            self.demand(&due, &passed.unwrap());
        }
    }

    /// What must move in a pass now, by environment.
    fn due(&self) -> [Option<Version>; 2] {
        let now = self.world.now();
        let [non_prod, prod] = &self.places;
        let newer = self.moved_at.keys().rev().take_while(|version| **version > non_prod.runs);
        let highest = newer.into_iter().find(|version| !self.quarantined.contains(version)).cloned();
        let first = highest.filter(|version| {
            !non_prod.is_held(now) && !non_prod.is_against(version, |left| self.can_come(left))
        });
        let is_due = self.opens_at().is_some_and(|opens_at| opens_at <= now);
        [first, is_due.then(|| non_prod.runs.clone()).filter(|version| *version > prod.runs)]
    }

    /// When what non-prod runs may come to prod, if only time speaks against it and there is no doubt which image it is.
    fn opens_at(&self) -> Option<Timestamp> {
        let [non_prod, prod] = &self.places;
        let version = &non_prod.runs;
        let is_sure = non_prod.digest.is_some()
            && non_prod.digest == self.digest_of(version)
            && self.moved_at.get(version).is_some_and(|moved_at| *moved_at <= non_prod.since);
        let is_free = *version > prod.runs
            && !prod.is_against(version, |left| self.can_come(left))
            && !non_prod.left.contains(version)
            && !self.quarantined.contains(version)
            && prod.held_until != Some(Timestamp::MAX_UTC);
        let ends = [Some(non_prod.since + SOAK), prod.held_until, self.frozen_until];
        (is_sure && is_free).then(|| ends.into_iter().flatten().max()).flatten()
    }

    /// What nothing speaks against has happened, and what only time speaks against will not be slept through.
    fn demand(&self, due: &[Option<Version>; 2], report: &PassReport) {
        for (place, due) in self.places.iter().zip(due) {
            assert!(
                due.as_ref().is_none_or(|due| place.runs == *due),
                "{due:?} was due, {} runs",
                place.runs
            );
        }
        let now = self.world.now();
        if let Some(opens_at) = self.opens_at().filter(|opens_at| *opens_at > now) {
            let wakes_at = report.next_opening;
            assert!(wakes_at.is_some_and(|at| at <= opens_at), "wakes at {wakes_at:?}, opens at {opens_at}");
        }
    }

    fn judge(&mut self, promotion: &Trailers) {
        let is_prod = promotion.environment.as_str() == "prod";
        let tag = promotion.image.tag.as_ref().unwrap();
        let (to, now): (Version, Timestamp) = (tag.as_str().parse().unwrap(), self.world.now());
        let [non_prod, _] = &self.places;
        let here = &self.places[usize::from(is_prod)];
        assert!(to > here.runs, "{to} is a way back from {}", here.runs);
        assert!(
            !here.is_against(&to, |left| self.can_come(left)),
            "somebody went back from it, or from a higher one: {to}"
        );
        assert!(!here.is_held(now), "{} is held", promotion.environment);
        assert!(!self.quarantined.contains(&to), "{to} is quarantined");
        let digest = promotion.mark.digest.clone();
        assert_eq!(digest, self.digest_of(&to), "a fresh answer");
        if is_prod {
            assert_eq!(to, non_prod.runs, "it runs in non-prod");
            assert!(non_prod.since + SOAK <= now, "{to} soaked since {} at {now}", non_prod.since);
            assert!(non_prod.digest.is_none() || non_prod.digest == digest, "what soaked is what ships");
            assert!(self.frozen_until.is_none_or(|until| until <= now), "prod is frozen");
        }
        self.places[usize::from(is_prod)].hold(to, digest, now);
        *self.promotions.entry(promotion.mark.id).or_default() += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

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
                Step::LetGo { environment: 0 },
                Step::LetGo { environment: 1 },
                Step::Pass,
                Step::Release { patch: 9, letter: 'c' },
                Step::Pass,
                Step::Pass,
                Step::Wait { hours: 40 },
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
