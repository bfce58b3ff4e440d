//! Every clause of the soak clock, on one morning: times are `HH:MM` of 2026-03-02, digests are letters.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::model::CommitId;
use crate::policy::facts::Fetched;

fn at(text: &str) -> Timestamp {
    format!("2026-03-02T{text}:00Z").parse().unwrap()
}

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// `a@09:00 b@10:00`
fn observed(text: &str) -> Vec<Observed> {
    text.split_whitespace()
        .map(|change| {
            let (letter, time) = change.split_once('@').unwrap();
            Observed { digest: digest(letter.chars().next().unwrap()), at: at(time) }
        })
        .collect()
}

fn rollout_commit(committed_at: &str) -> RolloutCommit {
    RolloutCommit {
        commit: CommitId::from_bytes([1; 20]),
        committed_at: at(committed_at),
        parent_committed_at: None,
        fetched: None,
        digest: None,
        by_tidegate: false,
        author: "ana".into(),
    }
}

/// `running 09:00 a Landed`, `moved a b`, `not observed`
fn summary(clock: &SoakClock<'_>) -> String {
    let letter = |digest: &Digest| digest.as_str().chars().last().unwrap();
    match clock {
        SoakClock::Running { since, began, digest, .. } => {
            let began = match began {
                Began::Backdated { claimed } => format!("backdated from {}", claimed.format("%H:%M")),
                Began::Postdated { claimed } => format!("postdated from {}", claimed.format("%H:%M")),
                Began::Landed => "landed".into(),
                Began::Observed => "observed".into(),
                Began::CameBack => "came back".into(),
                Began::Healthy => "healthy".into(),
            };
            format!("{} {} {began}", since.format("%H:%M"), letter(digest))
        }
        SoakClock::Moved { soaked, now } => format!("moved {} {}", letter(soaked), letter(now)),
        SoakClock::NotHealthy => "not healthy".into(),
        SoakClock::NotObserved => "not observed".into(),
    }
}

const TOLERANCE: Duration = Duration::from_mins(10);

#[rstest]
#[case::its_own_time("09:00", None, "09:00 a landed")]
#[case::an_older_parent("09:00", Some("08:00"), "09:00 a landed")]
#[case::never_earlier_than_its_parent("09:00", Some("09:30"), "09:30 a landed")]
fn starts_at_the_commit(#[case] committed: &str, #[case] parent: Option<&str>, #[case] expected: &str) {
    let rollout_commit = RolloutCommit {
        parent_committed_at: parent.map(at),
        digest: Some(digest('a')),
        by_tidegate: true,
        ..rollout_commit(committed)
    };
    assert_eq!(summary(&soak_clock(&rollout_commit, &[], None, TOLERANCE)), expected);
}

#[rstest]
#[case::between_the_fetches("09:05", Some("09:00"), "09:10", "09:05 a landed")]
#[case::a_clock_that_is_a_little_slow("08:50", Some("09:00"), "09:10", "08:50 a landed")]
#[case::backdated("08:49", Some("09:00"), "09:10", "09:00 a backdated from 08:49")]
#[case::backdated_by_hours("03:00", Some("09:00"), "09:10", "09:00 a backdated from 03:00")]
#[case::first_fetch_of_all("03:00", None, "09:10", "03:00 a landed")]
#[case::postdated("09:11", Some("09:00"), "09:10", "09:10 a postdated from 09:11")]
#[case::just_fetched("09:10", Some("09:00"), "09:10", "09:10 a landed")]
fn fetches_bear_out_the_claim(
    #[case] committed: &str,
    #[case] absent: Option<&str>,
    #[case] fetched: &str,
    #[case] expected: &str,
) {
    let rollout_commit = RolloutCommit {
        fetched: Some(Fetched { absent_at: absent.map(at), fetched_at: at(fetched) }),
        digest: Some(digest('a')),
        ..rollout_commit(committed)
    };
    assert_eq!(summary(&soak_clock(&rollout_commit, &[], None, TOLERANCE)), expected);
}

#[rstest]
#[case::nothing_seen(None, "", None, "not observed")]
#[case::only_asked_now(None, "", Some('a'), "not observed")]
#[case::in_force_when_it_landed(None, "a@08:00", None, "09:00 a landed")]
#[case::seen_just_then(None, "a@09:00", None, "09:00 a landed")]
#[case::the_last_before_it(None, "b@07:00 a@08:00", None, "09:00 a landed")]
#[case::first_seen_afterwards(None, "a@09:20", None, "09:20 a observed")]
#[case::trailer_without_observations(Some('a'), "", None, "09:00 a landed")]
#[case::trailer_seen_later(Some('a'), "a@09:20", None, "09:00 a landed")]
#[case::asked_now_and_alike(Some('a'), "a@08:00", Some('a'), "09:00 a landed")]
#[case::left_and_came_back(Some('a'), "a@08:00 b@10:00 a@11:00", None, "11:00 a came back")]
#[case::left_twice(None, "a@08:00 b@10:00 a@11:00 c@12:00 a@13:00", None, "13:00 a came back")]
#[case::left_and_came_back_before_it(Some('a'), "a@06:00 b@07:00 a@08:00", None, "09:00 a landed")]
#[case::away_when_it_landed(Some('a'), "b@08:00 a@09:30", None, "09:30 a came back")]
#[case::first_seen_as_another(Some('a'), "b@09:10 a@09:30", None, "09:30 a came back")]
#[case::observed_then_left_and_came_back(None, "a@09:20 b@10:00 a@11:00", None, "11:00 a came back")]
#[case::seen_twice_alike(Some('a'), "a@09:10 a@10:00", None, "09:00 a landed")]
#[case::moved(Some('a'), "a@08:00 b@10:00", None, "moved a b")]
#[case::moved_since_the_trailer(Some('a'), "b@08:00", None, "moved a b")]
#[case::moved_just_now(None, "a@08:00", Some('b'), "moved a b")]
#[case::moved_for_good_after_a_return(None, "a@08:00 b@10:00 a@11:00 b@12:00", None, "moved a b")]
#[case::asked_back_but_last_seen_away(Some('a'), "b@10:00", Some('a'), "moved a b")]
fn the_digest_that_soaks(
    #[case] landed: Option<char>,
    #[case] seen: &str,
    #[case] now: Option<char>,
    #[case] expected: &str,
) {
    let rollout_commit = RolloutCommit { digest: landed.map(digest), ..rollout_commit("09:00") };
    let now = now.map(digest);
    assert_eq!(summary(&soak_clock(&rollout_commit, &observed(seen), now.as_ref(), TOLERANCE)), expected);
}

#[test]
fn observed_first_in_a_backdated_commit() {
    let fetched = Fetched { absent_at: Some(at("09:00")), fetched_at: at("09:10") };
    let rollout_commit = RolloutCommit { fetched: Some(fetched), ..rollout_commit("03:00") };
    let seen_before = observed("a@08:00");
    let clock = soak_clock(&rollout_commit, &seen_before, None, TOLERANCE);
    assert_eq!(summary(&clock), "09:00 a backdated from 03:00");
    let seen_after = observed("a@09:10");
    let clock = soak_clock(&rollout_commit, &seen_after, None, TOLERANCE);
    assert_eq!(summary(&clock), "09:10 a observed");
}

fn changes() -> impl Strategy<Value = Vec<Observed>> {
    prop::collection::vec((0_u32..60, prop::sample::select(vec!['a', 'b'])), 0..6).prop_map(|mut changes| {
        changes.sort_by_key(|change| change.0);
        changes
            .into_iter()
            .map(|(minute, letter)| Observed { digest: digest(letter), at: at(&format!("10:{minute:02}")) })
            .collect()
    })
}

proptest! {
    /// Losing observations may stop the clock or make it start later, never earlier.
    #[test]
    fn a_lost_observation_never_makes_a_person_wait_less(seen in changes(), landed in 0_u32..60, kept in 0_usize..6) {
        let rollout_commit = rollout_commit(&format!("10:{landed:02}"));
        let whole = soak_clock(&rollout_commit, &seen, None, TOLERANCE);
        // After losing the database, only the last observations remain.
        let rest = &seen[seen.len().saturating_sub(kept)..];
        if let (SoakClock::Running { since, digest, .. }, SoakClock::Running { since: again, digest: same, .. }) =
            (whole, soak_clock(&rollout_commit, rest, None, TOLERANCE))
            && digest == same
        {
            prop_assert!(since <= again);
        }
    }

    /// Whatever the start, only the soaking digest was observed since then.
    #[test]
    fn it_soaked_in_one_piece(seen in changes(), landed in 0_u32..60, trailer in any::<bool>()) {
        let rollout_commit = RolloutCommit {
            digest: trailer.then(|| digest('a')),
            ..rollout_commit(&format!("10:{landed:02}"))
        };
        if let SoakClock::Running { since, digest, .. } = soak_clock(&rollout_commit, &seen, None, TOLERANCE) {
            prop_assert!(since >= rollout_commit.committed_at);
            prop_assert!(seen.iter().filter(|change| change.at > since).all(|change| change.digest == *digest));
        }
    }
}
