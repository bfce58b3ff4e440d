//! Whatever the registry, people, the network, the forge and the disk do, in whatever order: nothing but a merge changes what
//! prod runs, a branch has at most one open pull request, what people closed or took over is theirs, what they proposed
//! against a gate stays proposed, and nothing is to merge by itself that nobody has reviewed as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::tests::by_ana;
use crate::engine::PullRequestPolicy;
use crate::engine::fake::{Ask, Push, Settings, World};
use crate::engine::message::read_trailers;
use crate::model::{
    CommitId, MergeMethod, Opinion, PullRequestBranch, PullRequestOptions, PullRequestReview, Timestamp,
    Version,
};
use crate::policy::{ApprovalPolicy, Candidate, GateName, ReviewVerdict};

const BRANCH: &str = "tidegate/prod/common/app";

#[derive(Clone, Debug)]
enum Step {
    Release {
        patch: u64,
    },
    /// Somebody writes a tag into non-prod (0) or prod (1).
    Person {
        file: usize,
        patch: u64,
    },
    /// Ana proposes a tag for prod, whatever soaks, holds or was refused.
    Insist {
        patch: u64,
    },
    Hold,
    LetGo,
    Wait {
        hours: u64,
    },
    /// Somebody closes, merges, or pushes to what is open.
    Close,
    Merge,
    PushTo,
    /// Somebody reviews what is open: Ana, Bruno, or Tidegate itself.
    Review {
        by: usize,
        opinion: usize,
    },
    /// Somebody writes something else into the file that is to change.
    Edit {
        word: u64,
    },
    LoseStore,
    Restart,
    Pass,
    /// A pass in which something at the forge, or a push, goes wrong.
    BadPass {
        after: usize,
        ask: usize,
        push: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..6).prop_map(|patch| Step::Release { patch }),
        1 => (0usize..2, 0u64..6).prop_map(|(file, patch)| Step::Person { file, patch }),
        2 => (1u64..6).prop_map(|patch| Step::Insist { patch }),
        1 => Just(Step::Hold),
        1 => Just(Step::LetGo),
        5 => (6u64..30).prop_map(|hours| Step::Wait { hours }),
        2 => Just(Step::Close),
        3 => Just(Step::Merge),
        1 => Just(Step::PushTo),
        6 => (0usize..3, 0usize..6).prop_map(|(by, opinion)| Step::Review { by, opinion }),
        3 => (0u64..9).prop_map(|word| Step::Edit { word }),
        1 => Just(Step::LoseStore),
        1 => Just(Step::Restart),
        8 => Just(Step::Pass),
        3 => (0usize..4, 0usize..3, 0usize..3).prop_map(|(after, ask, push)| Step::BadPass { after, ask, push }),
    ]
}

struct Witness {
    world: World,
    /// What non-prod runs, and since when.
    soaks: (Version, Timestamp),
    /// The highest version that people closed.
    refused: Option<Version>,
    /// The tip of a branch that a person pushed to.
    theirs: Option<CommitId>,
    /// What Ana proposed last, as long as nobody said anything that may be against it.
    insisted: Option<Version>,
    /// What each open pull request proposes.
    proposed: BTreeMap<u64, Version>,
    messages_seen: usize,
}

fn version(tag: &str) -> Version {
    tag.parse().unwrap()
}

impl Witness {
    fn new() -> Self {
        let extras =
            PullRequestOptions { auto_merge: Some(MergeMethod::Squash), ..PullRequestOptions::default() };
        let requests = Some(PullRequestPolicy { extras, ..PullRequestPolicy::default() });
        let settings = Settings { requests, approval: ApprovalPolicy::ByReview, ..Settings::default() };
        let world = World::with(settings);
        let soaks = (version("v1.0.0"), world.now());
        Self {
            world,
            soaks,
            refused: None,
            theirs: None,
            insisted: None,
            proposed: BTreeMap::new(),
            messages_seen: 1,
        }
    }

    fn first_open(&self) -> Option<u64> {
        self.world.forge.open().first().map(|(number, _)| *number)
    }

    async fn take(&mut self, step: &Step) {
        let now = self.world.now();
        if matches!(step, Step::Person { .. } | Step::Hold | Step::Close | Step::Merge | Step::PushTo) {
            self.insisted = None;
        }
        match step {
            Step::Insist { patch } => self.insist(&format!("v1.0.{patch}")).await,
            Step::Release { patch } => {
                let letter = char::from_digit(u32::try_from(*patch).unwrap(), 10).unwrap();
                self.world.push(&format!("v1.0.{patch}"), letter);
            }
            Step::Person { file, patch } => {
                self.world.person(["np/app.yaml", "p/app.yaml"][*file], &format!("v1.0.{patch}"));
            }
            Step::Hold => {
                let text = "kind: Hold\nenvironments: [prod]\nreason: x\nby: Ana\nat: 2026-03-02T09:00:00Z\n";
                self.world.edit(".tidegate/hold.yaml", text);
            }
            Step::LetGo => drop(self.world.branch.commit("Ana", "go", now, &[(".tidegate/hold.yaml", None)])),
            Step::Wait { hours } => self.world.wait(hours * 60),
            Step::Close | Step::Merge | Step::PushTo | Step::Review { .. } => self.at_the_forge(step),
            Step::Edit { word } => {
                let text = self.world.branch.text("p/app.yaml");
                let text: String = text.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
                self.world.edit("p/app.yaml", &format!("# {word}\n{text}"));
            }
            Step::LoseStore => {
                self.world.store.lose();
                self.world.restart();
            }
            Step::Restart => self.world.restart(),
            Step::Pass => {
                self.pass().await;
                if self.theirs.is_none() {
                    self.look_at_reviews(true);
                }
            }
            Step::BadPass { after, ask, push } => {
                for _ in 0..*after {
                    self.world.forge.next(Ask::Done);
                }
                self.world.forge.next([Ask::Done, Ask::Unanswered, Ask::Lost][*ask]);
                match push {
                    0 => self.world.branch.next_push(Push::Lost),
                    1 => self.world.branch.next_push(Push::ArrivesUnanswered),
                    _ => {}
                }
                self.pass().await;
                self.world.forge.mend();
                self.world.branch.mend();
                if self.theirs.is_none() {
                    self.look_at_reviews(false);
                }
            }
        }
        let runs = version(&self.world.tag("np/app.yaml"));
        if runs != self.soaks.0 {
            self.soaks = (runs, self.world.now());
        }
    }

    async fn insist(&mut self, tag: &str) {
        let gates = [GateName::Soak, GateName::Order, GateName::Hold];
        // There may be no such tag, or it may be lower than what runs.
        let _ = self.world.engine.pass(&by_ana(Some(tag), &gates)).await;
        if self.theirs.is_none()
            && let Some((number, promotion)) =
                self.proposal().filter(|(_, promotion)| promotion.version == version(tag))
            && promotion.version > version(&self.world.tag("p/app.yaml"))
        {
            self.proposed.insert(number, promotion.version.clone());
            self.insisted = Some(promotion.version);
        }
    }

    /// What is open, and what it proposes.
    fn proposal(&self) -> Option<(u64, Candidate)> {
        let (number, branch) = self.world.forge.open().pop()?;
        let tip = self.world.branch.tip_of(&branch.parse().unwrap()).unwrap();
        let tag = read_trailers(&self.world.branch.message_of(tip))[0].image.tag.clone().unwrap();
        Some((number, Candidate { version: version(tag.as_str()), tag }))
    }

    /// People do something to what is open.
    fn at_the_forge(&mut self, step: &Step) {
        let Some(number) = self.first_open() else { return };
        let now = self.world.now();
        match step {
            Step::Close => {
                let pulls = self.world.forge.pulls();
                let pull = pulls.iter().find(|pull| pull.number == number).unwrap();
                // What people read is what they refuse, even if its branch is further already.
                let promotion = read_trailers(&pull.body);
                let promotion = promotion.first().and_then(|promotion| promotion.image.tag.as_ref());
                self.world.forge.close_by_hand(number, now);
                self.proposed.remove(&number);
                self.refused = self.refused.clone().max(promotion.map(|tag| version(tag.as_str())));
            }
            Step::Merge => {
                self.world.forge.merge(number, now);
                self.proposed.remove(&number);
            }
            Step::PushTo => {
                let branch: PullRequestBranch = BRANCH.parse().unwrap();
                self.world.branch.push_to_request(&branch, "p/note", "x");
                self.theirs = self.world.branch.tip_of(&branch);
            }
            Step::Review { by, opinion } => {
                let by = ["ana", "bruno", "tidegate[bot]"][*by];
                let others = [Opinion::ChangesRequested, Opinion::Dismissed, Opinion::None];
                let opinion = others.get(*opinion).copied().unwrap_or(Opinion::Approved);
                self.world.forge.review(number, by, opinion);
            }
            _ => {}
        }
    }

    /// What is to merge by itself was approved by somebody as it is; and after a pass in which nothing broke, the reviews
    /// come to an approval.
    fn look_at_reviews(&self, is_whole: bool) {
        for pull in self.world.forge.pulls().iter().filter(|pull| pull.is_open && pull.auto_merge.is_some()) {
            let verdict = ReviewVerdict::of(&pull.reviews, pull.head, Some("tidegate[bot]"));
            assert!(!is_whole || matches!(verdict, ReviewVerdict::Approved(_)), "{verdict:?}");
            let is_approval = |review: &PullRequestReview| {
                review.opinion == Opinion::Approved
                    && review.commit == Some(pull.head)
                    && review.by != "tidegate[bot]"
            };
            assert!(pull.reviews.iter().any(is_approval), "nobody has reviewed it: {pull:?}");
        }
    }

    async fn pass(&mut self) {
        let prod = self.world.tag("p/app.yaml");
        // A push that breaks is an error, and what became of it is seen below.
        let _ = self.world.try_pass().await;
        let messages = self.world.branch.messages();
        for message in &messages[self.messages_seen.min(messages.len())..] {
            let promotion = read_trailers(message);
            assert!(
                promotion.iter().all(|promotion| promotion.environment.as_str() != "prod"),
                "pushed: {message}"
            );
        }
        self.messages_seen = messages.len();
        assert_eq!(self.world.tag("p/app.yaml"), prod, "only people change what prod runs");
        let open = self.world.forge.open();
        assert!(open.len() <= 1, "{open:?}");
        if let Some(theirs) = self.theirs {
            let tip = self.world.branch.tip_of(&BRANCH.parse().unwrap());
            assert_eq!(tip, Some(theirs), "what a person pushed stays");
            return;
        }
        let proposed = self.proposal();
        if let Some(insisted) = &self.insisted {
            let is_there = proposed.as_ref().is_some_and(|(_, candidate)| candidate.version >= *insisted);
            assert!(is_there, "{insisted} was proposed by hand, and is {proposed:?}");
        }
        if let Some((number, Candidate { version: proposed, .. })) = proposed {
            if self.proposed.get(&number) != Some(&proposed) {
                self.judge(&proposed);
            }
            self.proposed.insert(number, proposed);
        }
        let open: Vec<u64> = self.world.forge.open().into_iter().map(|(number, _)| number).collect();
        self.proposed.retain(|number, _| open.contains(number));
    }

    /// Something is proposed that was not before.
    fn judge(&self, proposed: &Version) {
        let (soaks, since) = &self.soaks;
        assert_eq!(proposed, soaks, "it runs in non-prod");
        assert!(*since + Duration::from_hours(24) <= self.world.now(), "{proposed} did not soak");
        assert!(self.refused.as_ref().is_none_or(|refused| refused < proposed), "{proposed} was refused");
        assert!(*proposed > version(&self.world.tag("p/app.yaml")), "{proposed} is no step forward");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_takes_a_decision_from_people(
        is_approved in any::<bool>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut witness = Witness::new();
            let begin = [
                Step::Release { patch: 1 },
                Step::Pass,
                Step::Wait { hours: 30 },
                Step::Pass,
                Step::Review { by: 0, opinion: 5 },
                Step::Pass,
            ];
            for step in begin.iter().filter(|_| is_approved).chain(&steps) {
                witness.take(step).await;
            }
            if witness.theirs.is_some() {
                return;
            }
            // Whatever happened: the next release is proposed, by one pull request, and merged.
            let finale = [
                Step::LetGo,
                Step::Pass,
                Step::Release { patch: 9 },
                Step::Pass,
                Step::Wait { hours: 40 },
                Step::Pass,
                Step::Pass,
                Step::Merge,
                Step::Pass,
            ];
            for step in &finale {
                witness.take(step).await;
            }
            assert_eq!(witness.world.tag("p/app.yaml"), "v1.0.9");
            assert!(witness.world.forge.open().is_empty());
        });
    }
}
