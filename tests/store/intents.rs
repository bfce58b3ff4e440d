//! Intents: recorded before the push, settled once.

use sqlx::Row;
use tidegate::model::{Class, Outcome};
use tidegate::port::Intents as _;
use tidegate::store::Store;

use super::words::{Place, at, commit, connect, intent, promotion, tamper};

async fn pending(store: &Store) -> Vec<u64> {
    let pending = store.pending().await.unwrap();
    let number = |id: String| u64::from_str_radix(id.rsplit('-').next().unwrap(), 16).unwrap();
    pending.into_iter().map(|intent| number(intent.id.to_string())).collect()
}

/// The audit copy: `outcome commit settled_at_ms`.
async fn audit(place: &Place, number: u64) -> String {
    let row = sqlx::query("SELECT outcome, landed_commit, settled_at_ms FROM intents WHERE promotion = $1")
        .bind(promotion(number).to_string())
        .fetch_one(&mut connect(&place.file).await)
        .await
        .unwrap();
    let [outcome, commit] = [0, 1].map(|at| row.get::<Option<String>, _>(at).unwrap_or("-".to_owned()));
    format!("{outcome} {commit} {}", row.get::<i64, _>(2))
}

#[tokio::test]
async fn an_intent_is_pending_until_it_is_settled() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(2), intent(1), intent(3)]).await.unwrap();
    assert_eq!(store.pending().await.unwrap(), [intent(1), intent(2), intent(3)]);
    drop(store);
    let store = place.reopen().await;
    store.settle(&[(promotion(2), Outcome::Landed(commit(7)))], at(10)).await.unwrap();
    assert_eq!(pending(&store).await, [1, 3]);
    store
        .settle(&[(promotion(1), Outcome::Abandoned), (promotion(3), Outcome::Landed(commit(8)))], at(11))
        .await
        .unwrap();
    assert_eq!(pending(&store).await, [] as [u64; 0]);
    assert_eq!(audit(&place, 1).await, format!("abandoned - {}", at(11).timestamp_millis()));
    assert_eq!(audit(&place, 2).await, format!("landed {} {}", commit(7), at(10).timestamp_millis()));
}

#[tokio::test]
async fn many_are_settled_each_by_its_own_outcome() {
    const MANY: u64 = 250;
    let place = Place::new();
    let store = place.create().await;
    store.begin(&(0..=MANY).map(intent).collect::<Vec<_>>()).await.unwrap();
    let outcome = |number: u64| match number % 2 {
        0 => Outcome::Abandoned,
        _ => Outcome::Landed(commit(7)),
    };
    let outcomes: Vec<_> = (0..MANY).map(|number| (promotion(number), outcome(number))).collect();
    store.settle(&outcomes, at(9)).await.unwrap();
    assert_eq!(pending(&store).await, [MANY]);
    for number in [0, 99, 100, 199, 200, 249] {
        let expected =
            if number % 2 == 0 { "abandoned -".to_owned() } else { format!("landed {}", commit(7)) };
        assert_eq!(
            audit(&place, number).await,
            format!("{expected} {}", at(9).timestamp_millis()),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_landing_overrules_and_is_not_overruled() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(1)]).await.unwrap();
    let landed = format!("landed {} {}", commit(7), at(2).timestamp_millis());
    let steps = [
        (Outcome::Abandoned, 1, format!("abandoned - {}", at(1).timestamp_millis())),
        (Outcome::Landed(commit(7)), 2, landed.clone()),
        (Outcome::Abandoned, 3, landed.clone()),
        (Outcome::Landed(commit(9)), 4, landed),
    ];
    for (outcome, seconds, expected) in steps {
        store.settle(&[(promotion(1), outcome)], at(seconds)).await.unwrap();
        assert_eq!(audit(&place, 1).await, expected, "after {outcome:?}");
    }
}

#[tokio::test]
async fn settling_what_a_rebuilt_database_forgot_is_no_error() {
    let place = Place::new();
    let store = place.create().await;
    store.settle(&[(promotion(1), Outcome::Abandoned)], at(1)).await.unwrap();
    assert_eq!(pending(&store).await, [] as [u64; 0]);
}

#[tokio::test]
async fn an_identity_is_recorded_once_and_its_companions_with_it_or_not_at_all() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(1)]).await.unwrap();
    let error = store.begin(&[intent(2), intent(1)]).await.unwrap_err();
    assert_eq!(error.class(), Class::Failed);
    assert_eq!(error.to_string(), format!("cannot record intents in the database {}", place.file.display()));
    assert_eq!(pending(&store).await, [1]);
}

#[tokio::test]
async fn an_intent_that_cannot_be_read_is_left_out() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(1), intent(2)]).await.unwrap();
    tamper(&place.file, "UPDATE intents SET image = '../../etc' WHERE promotion LIKE '%1'").await;
    assert_eq!(pending(&store).await, [2]);
}
