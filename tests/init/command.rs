//! The command itself, on real repositories.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tidegate::config::{Config, EnvLookup, Remote};

use crate::support::git::Origin;
use crate::support::git_http::{GitServer, Rules};

const FILES: [(&str, &str); 2] = [
    ("clusters/non-prod-digital-eks/common/a.yaml", RELEASE),
    ("clusters/prod-digital-eks/common/a.yaml", RELEASE),
];
const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
                       metadata: {name: a, namespace: common}\n\
                       spec: {values: {image: {repository: ghcr.io/vtr/a, tag: v1.0.0}}}\n";

struct State;

impl EnvLookup for State {
    fn value_of(&self, name: &str) -> Option<std::ffi::OsString> {
        (name == "STATE_DIRECTORY").then(|| "/var/lib/tidegate".into())
    }
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .env_remove("TIDEGATE_CONFIG")
        .current_dir(folder)
        .arg("init")
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn parse(text: &str) -> Config {
    Config::parse(text, "tidegate.yaml", &State).unwrap().config
}

#[test]
fn a_bare_repository_is_read_at_the_branch_of_its_head() {
    let origin = Origin::with_files(&FILES);
    origin.git(&["branch", "-m", "main", "trunk"]);
    origin.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    for named in [origin.url(), format!("file://{}", origin.url())] {
        let output = init(Path::new("/"), &[&named]);
        let config = parse(&stdout(&output));
        assert_eq!(config.git.remote, Remote::Path(origin.path().canonicalize().unwrap()));
        assert_eq!(config.git.branch.as_str(), "trunk");
        let names: Vec<&str> = config.environments().iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["non-prod", "prod"]);
        assert!(
            stderr(&output).contains("1 service, 1 image: 1 in every environment"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_clone_is_read_as_it_is_and_its_origin_is_written() {
    let origin = Origin::with_files(&FILES);
    let clone = origin.clone_to("clone");
    fs::remove_dir_all(clone.join("clusters/prod-digital-eks")).unwrap();
    let config = parse(&stdout(&init(&clone.join("clusters"), &["."])));
    assert_eq!(config.git.remote, Remote::Path(origin.path().canonicalize().unwrap()));
    assert_eq!(config.environments().len(), 1, "what is gone in the working copy is gone");
    let config = parse(&stdout(&init(&clone, &[".", "--branch", "main"])));
    assert_eq!(config.environments().len(), 1, "the branch that is checked out is the working copy");
    crate::support::git::git(&clone, &["checkout", "--quiet", "-B", "other"]);
    let config = parse(&stdout(&init(&clone, &[".", "--branch", "main"])));
    assert_eq!(config.environments().len(), 2, "another branch is read from its tip");
}

#[test]
fn a_remote_elsewhere_is_shown_without_its_password() {
    let origin = Origin::with_files(&FILES);
    let clone = origin.clone_to("clone");
    let url = "https://bot:hunter2@github.com/vtr/gitops.git";
    crate::support::git::git(&clone, &["remote", "set-url", "origin", url]);
    let output = init(&clone, &["."]);
    let text = stdout(&output);
    assert_eq!(parse(&text).git.remote, Remote::Path(clone.canonicalize().unwrap()));
    assert!(text.contains("https://github.com/vtr/gitops.git"), "{text}");
    let messages = stderr(&output);
    assert!(messages.contains("urgent: git.url is the working copy"), "{messages}");
    assert!(!text.contains("hunter2") && !messages.contains("hunter2"));
}

#[test]
fn a_file_is_written_and_not_replaced_unasked() {
    let origin = Origin::with_files(&FILES);
    let file = origin.beside("config/tidegate.yaml");
    let name = file.to_str().unwrap();
    let output = init(Path::new("/"), &[&origin.url(), "--write", name]);
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains(&format!("tidegate -c {name} plan")), "{}", stderr(&output));
    parse(&fs::read_to_string(&file).unwrap());
    fs::write(&file, "mine").unwrap();
    let refused = init(Path::new("/"), &[&origin.url(), "--write", name]);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    stdout(&init(Path::new("/"), &[&origin.url(), "--write", name, "--force"]));
    parse(&fs::read_to_string(&file).unwrap());
}

#[test]
fn programs_get_the_report_as_json() {
    let origin = Origin::with_files(&FILES);
    let output = init(Path::new("/"), &[&origin.url(), "-o", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(answer["kind"], "Init");
    assert_eq!(answer["environments"][1]["after"], "non-prod");
    assert_eq!(answer["environments"][1]["soakSeconds"], 86_400);
    assert_eq!(answer["services"]["inEveryEnvironment"], 1);
    parse(answer["configuration"].as_str().unwrap());
}

#[test]
fn an_unreadable_folder_is_an_error() {
    let origin = Origin::empty();
    for (named, code, said) in [
        ("/nowhere/at/all".to_owned(), 1, "cannot find /nowhere/at/all"),
        (env!("CARGO_BIN_EXE_tidegate").to_owned(), 2, "is a file"),
        (origin.url(), 1, "is empty"),
    ] {
        let output = init(Path::new("/"), &[&named]);
        assert_eq!(output.status.code(), Some(code), "{named}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{named}: {}", stderr(&output));
    }
}

#[test]
fn a_repository_is_read_over_https_with_a_token_and_a_private_authority() {
    let origin = Origin::with_files(&FILES);
    let rules = Rules { login: Some("x-access-token:s3cret".to_owned()), ..Rules::default() };
    let server = GitServer::start(&origin.beside(""), rules);
    let url = server.url("origin.git");
    let with = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.env_remove("TIDEGATE_CONFIG").env_remove("GIT_TOKEN").env_remove("GIT_SSL_CAINFO");
        command.envs(variables.iter().copied()).current_dir("/").args(["init", &url]).output().unwrap()
    };
    let authority = GitServer::authority();
    let trusted = ("GIT_SSL_CAINFO", authority.to_str().unwrap());
    let text = stdout(&with(&[trusted, ("GIT_TOKEN", "s3cret")]));
    assert!(
        text.contains(&format!("url: \"{url}\"")) && text.contains("auth: {token: {env: GIT_TOKEN}}"),
        "{text}"
    );
    assert!(text.contains(&format!("caFile: {}", authority.display())) && !text.contains("s3cret"), "{text}");
    let anonymous = with(&[trusted]);
    assert!(!anonymous.status.success(), "the server wants a login");
    server.set(Rules::default());
    let anonymous = with(&[trusted]);
    assert!(stderr(&anonymous).contains("git.url is read anonymously"), "{}", stderr(&anonymous));
    assert!(stdout(&anonymous).contains("name: non-prod"));
    let untrusted = with(&[("GIT_TOKEN", "s3cret")]);
    assert!(stderr(&untrusted).contains("GIT_SSL_CAINFO"), "{}", stderr(&untrusted));
}
