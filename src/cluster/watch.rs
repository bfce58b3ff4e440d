//! Reads a cluster for as long as anybody asks: one list of each kind, page by page, and then a watch, which goes on where it
//! ended. Beside it, a request every few seconds shows whether the API server still answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, pin_mut};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::discovery;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Error};

use crate::model::ObjectKind;

use super::access::Access;
use super::error::{describe, describe_watch};
use super::watched::{Watch, Watched};

/// How often the API server is asked whether it answers, and how long it may take.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// After so many missing answers in a row, the cluster is connected anew.
const MOST_FAILURES: u32 = 3;

/// The longest pause after an error.
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// Pause before the first repetition.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How long one watch lasts before it is resumed. A connection that died in silence is noticed after that time.
const WATCH_SECONDS: u32 = 60;

/// Objects of one page of a list. Larger pages need more memory for a moment.
const PAGE: u32 = 250;

const SOURCES: &str = "source.toolkit.fluxcd.io";

/// Everything that is watched: the group and the kind.
pub(super) const WATCHES: [(Watch, &str, &str); 8] = [
    (Watch::GitRepository, SOURCES, "GitRepository"),
    (Watch::Kustomization, "kustomize.toolkit.fluxcd.io", "Kustomization"),
    (Watch::Object(ObjectKind::HelmRelease), "helm.toolkit.fluxcd.io", ObjectKind::HelmRelease.as_str()),
    (Watch::Object(ObjectKind::OciRepository), SOURCES, ObjectKind::OciRepository.as_str()),
    (Watch::Object(ObjectKind::Deployment), "apps", ObjectKind::Deployment.as_str()),
    (Watch::Object(ObjectKind::StatefulSet), "apps", ObjectKind::StatefulSet.as_str()),
    (Watch::Object(ObjectKind::DaemonSet), "apps", ObjectKind::DaemonSet.as_str()),
    (Watch::Object(ObjectKind::CronJob), "batch", ObjectKind::CronJob.as_str()),
];

/// Connects, and watches until it is dropped. Connects anew where the API server refuses for long: credentials change.
pub(super) async fn run(watched: Arc<Watched>, access: Access) {
    let mut pause = Pause::default();
    loop {
        match connect(&access).await {
            Ok(client) => {
                pause = Pause::default();
                let kinds = WATCHES.map(|(watch, group, kind)| follow(&watched, &client, watch, group, kind));
                let watching = async {
                    futures_util::future::join_all(kinds).await;
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    () = heartbeat(&watched, &client) => {}
                    () = watching => {}
                }
            }
            Err(why) => watched.set_reachable(Err(why)),
        }
        pause.wait().await;
    }
}

/// A client whose API server has answered.
pub(super) async fn connect(access: &Access) -> Result<Client, String> {
    let client = access.client().await?;
    ask(&client).await?;
    Ok(client)
}

async fn ask(client: &Client) -> Result<(), String> {
    match tokio::time::timeout(HEARTBEAT, client.apiserver_version()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(describe(&error)),
        Err(_) => Err(format!("the API server did not answer within {} s", HEARTBEAT.as_secs())),
    }
}

/// Asks every few seconds, until too many answers in a row are missing.
async fn heartbeat(watched: &Watched, client: &Client) {
    let mut failures = 0;
    while failures < MOST_FAILURES {
        let answer = ask(client).await;
        failures = if answer.is_ok() { 0 } else { failures + 1 };
        watched.set_reachable(answer);
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// Lists and watches the objects of one kind.
async fn follow(watched: &Watched, client: &Client, watch: Watch, group: &str, kind: &str) {
    let mut pause = Pause::default();
    let resource = loop {
        match find(client, group, kind).await {
            Ok(Some(resource)) => break resource,
            // Flux's controllers are optional; without its sources, no Kustomization follows the repository.
            Ok(None) => return watched.set_missing(watch),
            Err(error) => watched.set_error(watch, describe(&error)),
        }
        pause.wait().await;
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let events = watcher(api, watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS));
    pin_mut!(events);
    let mut pause = Pause::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                pause = Pause::default();
                take(watched, watch, &event);
            }
            Err(error) => {
                if let Some(why) = describe_watch(&error) {
                    watched.set_error(watch, why);
                }
                pause.wait().await;
            }
        }
    }
}

fn take(watched: &Watched, watch: Watch, event: &Event<DynamicObject>) {
    match event {
        Event::Init => watched.begin_list(watch),
        Event::InitApply(object) => watched.add_listed(watch, object),
        Event::InitDone => watched.end_list(watch),
        Event::Apply(object) => watched.apply(watch, object),
        Event::Delete(object) => watched.delete(watch, object),
    }
}

/// The resource of a kind in the version that the cluster prefers; `None` where it has none.
pub(super) async fn find(client: &Client, group: &str, kind: &str) -> Result<Option<ApiResource>, Error> {
    match discovery::group(client, group).await {
        Ok(group) => Ok(group.recommended_kind(kind).map(|(resource, _)| resource)),
        Err(Error::Discovery(_)) => Ok(None),
        Err(Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// A pause that grows with each error in a row.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(MOST_PAUSE);
    }
}
