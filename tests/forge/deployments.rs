//! Statuses and deployments at GitHub: made once, whatever is lost on the way.

use secrecy::SecretString;
use serde_json::json;
use tidegate::forge::{Api, ApiSettings, CommitStatus, DeploymentDraft, Deployments, RepositoryAccess};
use tidegate::model::Class;
use wiremock::ResponseTemplate;

use crate::support::deployments::DeploymentServer;
use crate::support::github::refusal;
use crate::support::github_api::{TOKEN, Trouble};

const COMMIT: &str = "0707070707070707070707070707070707070707";

fn deployments(server: &DeploymentServer) -> Deployments {
    let settings = ApiSettings { url: server.url(), ca_file: None, proxy: None };
    Deployments::new(Api::new(&settings).unwrap())
}

fn draft() -> DeploymentDraft {
    DeploymentDraft {
        commit: COMMIT.to_owned(),
        environment: "prod".to_owned(),
        description: "common/app is now v1.0.1 in prod".to_owned(),
        id: "id-1".to_owned(),
        payload: json!({"service": "common/app"}),
    }
}

#[tokio::test]
async fn a_status_is_set_with_a_short_description() {
    let (server, token) = (DeploymentServer::start().await, SecretString::from(TOKEN));
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    let status = CommitStatus {
        commit: COMMIT.to_owned(),
        context: "tidegate/prod/common/app".to_owned(),
        description: "x".repeat(500),
    };
    deployments(&server).set_status(access, &status).await.unwrap();
    let set = server.statuses().remove(0);
    assert_eq!((&set["sha"], &set["state"]), (&COMMIT.into(), &"success".into()));
    assert!(set["description"].as_str().unwrap().chars().count() <= 140);
}

#[tokio::test]
async fn a_lost_response_doubles_no_deployment() {
    let (server, token) = (DeploymentServer::start().await, SecretString::from(TOKEN));
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    // The answer to the second request, which creates it, is lost; and then that of the last one.
    let found = ResponseTemplate::new(200).set_body_json(json!([]));
    server.next([Trouble::Instead(found), Trouble::Lost]);
    let fault = deployments(&server).deploy(access, &draft()).await.unwrap_err();
    assert_eq!(fault.class(), Class::TryAgain, "{fault}");
    deployments(&server).deploy(access, &draft()).await.unwrap();
    deployments(&server).deploy(access, &draft()).await.unwrap();
    let made = server.deployments();
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0].0["environment"], &made[0].0["sha"]), (&"prod".into(), &COMMIT.into()));
    // A deployment of another service in the same environment stays active.
    assert_eq!((&made[0].1[0]["state"], &made[0].1[0]["auto_inactive"]), (&"success".into(), &false.into()));
    // Another message about the same commit is another deployment.
    deployments(&server).deploy(access, &DeploymentDraft { id: "id-2".to_owned(), ..draft() }).await.unwrap();
    assert_eq!(server.deployments().len(), 2);
}

#[tokio::test]
async fn a_missing_right_and_an_unknown_commit_are_reported() {
    let (server, wrong) = (DeploymentServer::start().await, SecretString::from("another"));
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&wrong) };
    let fault = deployments(&server).deploy(access, &draft()).await.unwrap_err();
    assert_eq!(fault.class(), Class::Failed);
    assert_eq!(fault.hint(), Some("the token needs the permission `deployments: write`"));
    let token = SecretString::from(TOKEN);
    let access = RepositoryAccess { repository: "vtr/gitops", token: Some(&token) };
    server.next([Trouble::Instead(refusal(422, "No commit found for SHA"))]);
    let status = CommitStatus {
        commit: COMMIT.to_owned(),
        context: "tidegate/prod/common/app".to_owned(),
        description: String::new(),
    };
    let fault = deployments(&server).set_status(access, &status).await.unwrap_err();
    assert_eq!(fault.class(), Class::Refused, "{fault}");
}
