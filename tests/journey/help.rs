//! The help of every command, the text of every refusal, what `doctor` prints, and the examples, which run as printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::world::{NON_PROD, PROD, Ran, World, release};
use crate::support::git::git;

const COMMANDS: [&str; 29] = [
    "init",
    "plan",
    "sync",
    "run",
    "promote",
    "rollback",
    "hold",
    "pin",
    "quarantine",
    "approve",
    "freeze",
    "release",
    "status",
    "explain",
    "history",
    "changelog",
    "record",
    "simulate",
    "check",
    "diagnose",
    "doctor",
    "notify",
    "backup",
    "restore",
    "token",
    "audit",
    "demo",
    "completions",
    "version",
];

fn tidegate(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    Ran::of(command.env_clear().args(arguments).output().unwrap())
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn help() {
    settings().bind(|| {
        insta::assert_snapshot!("help", tidegate(&["--help"]).out);
        for command in COMMANDS {
            let help = tidegate(&[command, "--help"]);
            assert_eq!(help.code, 0, "{command}");
            insta::assert_snapshot!(format!("help-{command}"), help.out);
        }
    });
}

#[test]
fn every_command_is_listed_here() {
    let help = tidegate(&["--help"]).out;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed = listed.filter(|line| !line.starts_with("   "));
    let mut listed: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    listed.retain(|command| *command != "help");
    listed.sort_unstable();
    let mut known = COMMANDS;
    known.sort_unstable();
    assert_eq!(listed, known);
}

/// A world with several services, of which production is behind.
pub(super) async fn team() -> World {
    let world = World::new("0s").await;
    for tag in ["v1.0.174", "v1.0.175", "v1.0.176", "v1.0.178", "v1.0.180", "v1.0.182"] {
        world.release(tag).await;
    }
    let host = world.registry.host();
    for tag in ["v1.0.174", "v1.0.176", "v1.0.178", "v1.0.180"] {
        world.person(tag, NON_PROD, &release(&host, tag));
        world.person(tag, PROD, &release(&host, tag));
    }
    for folder in ["non-prod", "prod"] {
        let text = release(&host, "v1.0.178")
            .replace("name: graphql-server", "name: api")
            .replace("namespace: common", "namespace: mobile-backend");
        world.person("add", &format!("clusters/{folder}-digital-eks/mobile-backend/api.yaml"), &text);
    }
    world.good(&["sync", "--env", "non-prod"]);
    world
}

/// The examples below a command's help, each as a shell runs it.
fn examples(command: &str) -> Vec<String> {
    let help = tidegate(&[command, "--help"]).out;
    let mut examples: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in help.lines() {
        if line.starts_with("  tidegate ") || goes_on {
            // What stands three blanks behind an example says what it does.
            let example = line.trim().split("   ").next().unwrap_or_default();
            match examples.last_mut().filter(|_| goes_on) {
                Some(last) => {
                    let _ = write!(last, "\n{example}");
                }
                None => examples.push(example.to_owned()),
            }
            goes_on = example.ends_with('\\');
        }
    }
    examples
}

#[tokio::test]
async fn examples_run_as_they_stand() {
    let mut world = team().await;
    let bin = Path::new(env!("CARGO_BIN_EXE_tidegate")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for command in COMMANDS {
        if matches!(command, "promote" | "rollback" | "approve") {
            world = team().await;
        }
        let home = world.origin.beside("home");
        for folder in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        let folder = world.origin.beside("work");
        fs::create_dir_all(&folder).unwrap();
        if !folder.join("gitops").exists() {
            git(&folder, &["clone", "--quiet", &world.origin.url(), "gitops"]);
        }
        fs::copy(world.config(), folder.join("new.yaml")).unwrap();
        let all = examples(command);
        assert!(!all.is_empty(), "{command} has no example");
        for example in all {
            let line = match command {
                // These run until a signal.
                "run" => example.replace("tidegate", "timeout -s INT 2 tidegate"),
                _ if example.contains("--watch") => example.replace("tidegate", "timeout -s INT 2 tidegate"),
                // Nobody listens to the channel, no cluster is there, and the demonstration has a test of its own.
                "demo" | "notify" | "diagnose" => format!("{example} --help"),
                _ => example.clone(),
            };
            let mut shell = Command::new("sh");
            let ran = shell
                .args(["-c", &line])
                .current_dir(&folder)
                .env_clear()
                .envs([("PATH", path.as_str()), ("HOME", home.to_str().unwrap()), ("USER", "ana")])
                .env("TIDEGATE_CONFIG", world.config())
                .output();
            let ran = Ran::of(ran.unwrap());
            let is_expected = match command {
                // A closed gate is a result, not a mistake in the example.
                "promote" | "explain" | "plan" => matches!(ran.code, 0 | 3),
                "run" | "status" => matches!(ran.code, 0 | 124),
                _ => ran.code == 0,
            };
            assert!(is_expected, "{example}\nexit {}\n{}{}", ran.code, ran.out, ran.err);
        }
    }
}

#[tokio::test]
async fn refusals() {
    let world = team().await;
    let commits = world.commits();
    let mut text = String::new();
    for arguments in [
        &["plan", "graphql-serve"][..],
        &["plan", "comon/*"],
        &["plan", "-n", "comon"],
        &["plan", "-n", "common", "common/graphql-server"],
        &["plan", "Graph QL"],
        &["status", "--env", "prd"],
        &["promote", "common/nothing", "--env", "prod"],
        &["promote", "graphql-server", "--env", "prod", "--tag", "v9.9.9"],
        &["promote", "graphql-server", "--env", "prod", "--tag", "../../x"],
        &["promote", "graphql-server", "--env", "prod", "--override", "soak"],
        &["promote", "graphql-server", "--env", "prod", "--allow-downgrade", "--reason", "x"],
        &["promote", "graphql-server", "--override", "everything", "--reason", "x"],
        &["rollback", "common/*", "--env", "prod", "--reason", "x"],
        &["rollback", "graphql-server", "--env", "prod", "--to", "v1.0.182", "--reason", "x"],
        &["rollback", "api", "--env", "prod", "--reason", "x"],
        &["hold", "--reason", "x"],
        &["hold", "graphql-server", "--reason", ""],
        &["hold", "graphql-server", "--reason", "x", "--expires", "soon"],
        &["hold", "graphql-server", "--reason", "x", "--expires", "2020-01-01"],
        &["pin", "common/*", "*/api", "--reason", "x"],
        &["quarantine", "graphql-server", "--reason", "x"],
        &["quarantine", "graphql-server", "--tag", "v1.0.18", "--reason", "x"],
        &[
            "freeze",
            "fair",
            "--env",
            "prod",
            "--since",
            "2020-02-01",
            "--until",
            "2020-01-01",
            "--reason",
            "x",
        ],
        &[
            "freeze",
            "fair",
            "--service",
            "api",
            "--service",
            "graphql-server",
            "--until",
            "4h",
            "--reason",
            "x",
        ],
        &["release", "graphql-serve"],
        &["release", "graphql-server", "--kind", "holds"],
        &["explain", "common/nothing"],
        &["history", "common/nothing"],
        &["history", "--since", "tomorow"],
        &["history", "--since", "today", "--until", "yesterday"],
        &["changelog"],
        &["changelog", "graphql-server", "--from", "v9.9.9"],
        &["changelog", "graphql-server", "--image", "ghcr.io/vtr/other"],
        &["changelog", "graphql-server", "--template", "weekly"],
        &["simulate", "--recording", "nowhere.json"],
        &["status", "-c", "nowhere.yaml"],
        &["frobnicate"],
    ] {
        let ran = world.run(arguments);
        assert_ne!(ran.code, 0, "{arguments:?}: {}", ran.out);
        let said = ran.err.replace(&world.registry.host(), "HOST");
        let _ = writeln!(text, "$ tidegate {}\n[exit {}]\n{said}", arguments.join(" "), ran.code);
    }
    assert_eq!(world.commits(), commits, "a refusal writes nothing");
    settings().bind(|| insta::assert_snapshot!("refusals", text));
}

/// A result without what differs from run to run: the registry's port, the folder, commits.
fn without_variables(world: &World, text: &str) -> String {
    let folder = world.config().parent().unwrap().to_owned();
    let text = text.replace(&world.registry.host(), "HOST").replace(folder.to_str().unwrap(), "FOLDER");
    world
        .origin
        .git(&["log", "--all", "--format=%h"])
        .lines()
        .fold(text, |text, id| text.replace(&id[..7], "COMMIT"))
}

#[tokio::test]
async fn doctor() {
    let world = World::new("24h").await;
    let healthy = world.run(&["doctor"]);
    assert_eq!(healthy.code, 0, "{}{}", healthy.out, healthy.err);
    let broken = "kind: Hold\nservice: common/*\nreason: the fair\nby: Ana\nat: yesterday\n";
    world.person("hold", ".tidegate/hold/fair.yaml", broken);
    let chart = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x\n  values: [\n";
    world.person("break a file", "clusters/non-prod-digital-eks/common/broken.yaml", chart);
    let ill = world.run(&["doctor"]);
    assert_eq!(ill.code, 1, "{}{}", ill.out, ill.err);
    world.origin.git(&["branch", "-m", "main", "trunk"]);
    let unreachable = world.run(&["doctor"]);
    assert_eq!(unreachable.code, 1, "{}{}", unreachable.out, unreachable.err);
    let text = format!("{}\n{}\n{}", healthy.out, ill.out, unreachable.out);
    settings().bind(|| insta::assert_snapshot!("doctor", without_variables(&world, &text)));
}
