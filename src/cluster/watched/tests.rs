//! What is kept of a cluster while it is listed, watched, listed anew, and lost.

use serde_json::{Value, json};

use super::*;

/// How many kinds the tests watch.
const WATCHES: usize = 2;

const DEPLOYMENTS: Watch = Watch::Object(ObjectKind::Deployment);

fn watched() -> Watched {
    Watched::new("np-eks".to_owned(), Arc::default())
}

/// A Deployment of v1.0.0 whose rollout is complete, seen by its controller up to a generation.
fn deployment(name: &str, image: &str, generation: i64, observed: i64) -> DynamicObject {
    let value: Value = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "common", "generation": generation},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        "status": {"observedGeneration": observed, "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "True", "lastTransitionTime": "2026-03-02T09:00:00Z"},
        ]},
    });
    serde_json::from_value(value).unwrap()
}

const IMAGE: &str = "ghcr.io/vtr/app:v1.0.0";

fn list(watched: &Watched, objects: &[DynamicObject]) {
    watched.begin_list(DEPLOYMENTS);
    for object in objects {
        watched.add_listed(DEPLOYMENTS, object);
    }
    watched.end_list(DEPLOYMENTS);
}

async fn report(watched: &Watched) -> Result<Arc<ClusterObjects>, String> {
    watched.report_by(WATCHES, Instant::now()).await.objects
}

/// The names of the Deployments, each with whether it is ready.
async fn names(watched: &Watched) -> Vec<(String, bool)> {
    let objects = report(watched).await.unwrap();
    objects.objects.iter().map(|((_, name), object)| (name.to_string(), object.readiness.is_ok())).collect()
}

#[tokio::test]
async fn nothing_is_said_before_every_kind_was_listed() {
    let watched = watched();
    watched.set_reachable(Ok(()));
    list(&watched, &[deployment("app", IMAGE, 1, 1)]);
    assert_eq!(report(&watched).await, Err("it has not answered yet".to_owned()));
    watched.set_missing(Watch::GitRepository);
    assert_eq!(names(&watched).await, [("common/app".to_owned(), true)]);
}

#[tokio::test]
async fn who_waits_is_told_as_soon_as_it_answers() {
    let watched = watched();
    let late = Instant::now() + Duration::from_mins(5);
    let (report, ()) = tokio::join!(watched.report_by(WATCHES, late), async {
        watched.set_missing(Watch::GitRepository);
        tokio::task::yield_now().await;
        list(&watched, &[]);
    });
    assert!(report.objects.is_ok());
}

/// As after 410: the list is made anew, and what is not in it is gone.
#[tokio::test]
async fn a_new_list_replaces_the_old_one_at_once() {
    let watched = watched();
    watched.set_missing(Watch::GitRepository);
    list(&watched, &[deployment("app", IMAGE, 1, 1), deployment("gone", IMAGE, 1, 1)]);
    watched.begin_list(DEPLOYMENTS);
    watched.add_listed(DEPLOYMENTS, &deployment("app", IMAGE, 1, 1));
    assert_eq!(names(&watched).await.len(), 2, "the new list is not complete");
    watched.end_list(DEPLOYMENTS);
    assert_eq!(names(&watched).await, [("common/app".to_owned(), true)]);
    watched.delete(DEPLOYMENTS, &deployment("app", IMAGE, 1, 1));
    assert!(names(&watched).await.is_empty());
}

#[tokio::test]
async fn scaling_does_not_end_readiness_and_another_image_does() {
    let watched = watched();
    watched.set_missing(Watch::GitRepository);
    list(&watched, &[deployment("app", IMAGE, 1, 1)]);
    watched.apply(DEPLOYMENTS, &deployment("app", IMAGE, 2, 1));
    assert_eq!(names(&watched).await, [("common/app".to_owned(), true)]);
    watched.apply(DEPLOYMENTS, &deployment("app", "ghcr.io/vtr/app:v1.0.1", 3, 1));
    assert_eq!(names(&watched).await, [("common/app".to_owned(), false)]);
}

#[tokio::test]
async fn a_cluster_that_is_lost_says_why_until_it_answers_again() {
    let watched = watched();
    watched.set_missing(Watch::GitRepository);
    list(&watched, &[]);
    watched.set_reachable(Err("connection refused".to_owned()));
    assert_eq!(report(&watched).await, Err("connection refused".to_owned()));
    watched.set_reachable(Ok(()));
    assert!(report(&watched).await.is_ok());
    watched.set_error(DEPLOYMENTS, "reading is not allowed".to_owned());
    assert_eq!(report(&watched).await, Err("reading is not allowed".to_owned()));
    watched.apply(DEPLOYMENTS, &deployment("app", IMAGE, 1, 1));
    assert!(report(&watched).await.is_ok());
}

#[tokio::test]
async fn too_many_objects_are_not_kept() {
    let watched = watched();
    watched.set_missing(Watch::GitRepository);
    let mut object = deployment("app", IMAGE, 1, 1);
    watched.begin_list(DEPLOYMENTS);
    for at in 0..=MOST_OBJECTS {
        object.metadata.name = Some(format!("app-{at}"));
        object.data = json!({});
        watched.add_listed(DEPLOYMENTS, &object);
    }
    watched.end_list(DEPLOYMENTS);
    assert_eq!(report(&watched).await, Err("it has more than 20000 objects of a kind".to_owned()));
}

/// A failure that is retried says something else every few seconds, and no decision follows from it.
#[tokio::test]
async fn only_what_may_decide_wakes_the_daemon() {
    let changed: Arc<Notify> = Arc::default();
    let watched = Watched::new("np-eks".to_owned(), Arc::clone(&changed));
    list(&watched, &[deployment("app", "ghcr.io/vtr/app:v1.0.1", 2, 1)]);
    changed.notified().await;
    let mut failing = deployment("app", "ghcr.io/vtr/app:v1.0.1", 2, 2);
    failing.data["status"]["conditions"][0]["reason"] = json!("ProgressDeadlineExceeded");
    watched.apply(DEPLOYMENTS, &failing);
    let is_woken = tokio::time::timeout(Duration::ZERO, changed.notified()).await.is_ok();
    assert!(!is_woken);
    watched.apply(DEPLOYMENTS, &deployment("app", "ghcr.io/vtr/app:v1.0.1", 2, 2));
    changed.notified().await;
}
