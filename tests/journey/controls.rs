//! Control files by command: what they stop, and that it goes on when they are gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use super::world::{Ran, World, wait_until};
use crate::support::git::Change;

const SERVICE: &str = "common/graphql-server";

impl World {
    /// Runs a command that must end well.
    pub(super) fn good(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        ran
    }

    /// Runs the command that an answer names as the one that undoes it.
    fn undo(&self, ran: &Ran) {
        let line = ran.out.lines().find_map(|line| line.trim().strip_prefix("undo")).unwrap();
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        self.good(&words);
    }
}

#[tokio::test]
async fn a_hold_stops_a_promotion_and_its_release_lets_it_go() {
    let world = World::new("0s").await;
    world.good(&["sync"]);
    let commits = world.commits();
    let words =
        &["hold", SERVICE, "--env", "prod", "--expires", "2099-01-01", "--reason", "we look into it"][..];
    let tried = world.good(&[words, &["--dry-run"]].concat());
    assert!(tried.out.contains("+++ b/.tidegate/hold/common/graphql-server/prod.yaml"), "{}", tried.out);
    assert!(tried.out.contains("+reason: we look into it"), "{}", tried.out);
    assert_eq!(world.commits(), commits, "a dry run writes nothing");

    let held = world.good(words);
    assert!(held.out.contains("held  common/graphql-server in prod, until "), "{}", held.out);
    let file = world.origin.file(".tidegate/hold/common/graphql-server/prod.yaml");
    assert!(file.starts_with("kind: Hold\nservice: common/graphql-server\n"), "{file}");
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.starts_with("chore(tidegate): hold common/graphql-server in prod\n\nwe look"),
        "{message}"
    );
    assert!(message.contains("Tidegate-Requested-By: ana"), "{message}");
    assert!(world.good(words).out.starts_with("Nothing to do"), "it is said already");

    let waits = world.good(&["sync"]);
    assert!(waits.out.contains("blocked: hold by ana: we look into it"), "{}", waits.out);
    assert_eq!(world.run(&["promote", SERVICE, "--env", "prod"]).code, 3);
    world.undo(&held);
    world.good(&["sync"]);
    assert_eq!(world.running().1, "v1.0.1");
}

#[tokio::test]
async fn a_freeze_is_released_and_what_is_over_is_swept() {
    let world = World::new("0s").await;
    world.good(&["sync"]);
    let frozen = world.good(&["freeze", "launch", "--env", "prod", "--until", "4h", "--reason", "campaign"]);
    assert!(frozen.out.contains("covers    common/graphql-server"), "{}", frozen.out);
    world.good(&["hold", SERVICE, "--env", "prod", "--expires", "1s", "--reason", "a moment"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let waits = world.json(&["sync"]);
    let gates = waits["waiting"][0]["gates"].as_array().unwrap().clone();
    let closed: Vec<&str> = gates
        .iter()
        .filter(|gate| gate["answer"] != "open")
        .map(|gate| gate["gate"].as_str().unwrap())
        .collect();
    assert_eq!(closed, ["freeze"], "the hold is over");

    let swept = world.json(&["release", "--expired"]);
    assert_eq!(swept["removed"][0]["file"], ".tidegate/hold/common/graphql-server/prod.yaml", "{swept}");
    assert_eq!(swept["removed"].as_array().unwrap().len(), 1, "the freeze is not over");
    world.undo(&frozen);
    assert_eq!(world.origin.git(&["ls-tree", "-r", "--name-only", "main", ".tidegate"]), "");
    world.good(&["sync"]);
    assert_eq!(world.running().1, "v1.0.1");
}

#[tokio::test]
async fn a_quarantined_version_is_passed_over_and_a_pin_keeps_what_runs() {
    let world = World::new("0s").await;
    let pinned = world.good(&["pin", SERVICE, "--env", "prod", "--reason", "the gateway is old"]);
    assert!(pinned.out.contains("in prod to 1.0.0"), "what runs: {}", pinned.out);
    world.good(&["quarantine", SERVICE, "v1.0.1", "--reason", "loses orders"]);
    world.good(&["sync"]);
    assert_eq!(world.running(), ("v1.0.0".into(), "v1.0.0".into()));
    world.release("v1.0.2").await;
    world.good(&["sync"]);
    let stays = world.good(&["sync"]);
    assert_eq!(world.running(), ("v1.0.2".into(), "v1.0.0".into()));
    assert!(stays.out.contains("pinned"), "{}", stays.out);
    let by_hand = world.run(&["promote", SERVICE, "--env", "prod"]);
    assert_eq!(by_hand.code, 3, "{}", by_hand.out);
    assert!(by_hand.out.contains("--tag v1.0.2 --override hold"), "{}", by_hand.out);
    world.undo(&pinned);
    world.good(&["sync"]);
    assert_eq!(world.running().1, "v1.0.2");
    let unknown = world.run(&["quarantine", SERVICE, "v1.0.22", "--reason", "x"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    assert!(unknown.err.contains("did you mean v1.0.2?"), "{}", unknown.err);
    world.good(&["quarantine", SERVICE, "v1.0.22", "--reason", "x", "--force"]);
}

#[tokio::test]
async fn an_approval_is_of_an_image_and_dies_with_its_digest() {
    let world = World::new("0s").await.with_prod(", approval: required");
    world.good(&["sync"]);
    world.good(&["sync"]);
    assert_eq!(world.running().1, "v1.0.0", "nobody approved it");
    let none = world.good(&["approve", SERVICE, "--env", "non-prod"]);
    assert!(none.out.starts_with("Nothing to approve"), "{}", none.out);
    let other = format!("sha256:{}", "1".repeat(64));
    assert_eq!(world.run(&["approve", SERVICE, "--env", "prod", "--digest", &other]).code, 4);
    let approved = world.json(&["approve", SERVICE, "--env", "prod", "--reason", "QA-118"]);
    let digest = approved["written"][0]["digest"].as_str().unwrap().to_owned();
    assert_eq!(approved["written"][0]["version"], "v1.0.1", "{approved}");

    let now = world.release_again("v1.0.1").await;
    assert_ne!(now, digest);
    let refused = world.run(&["sync"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.out.contains("REFUSED digest")
            && refused.out.contains("closed approval: v1.0.1 was approved as "),
        "{}",
        refused.out
    );
    assert_eq!(world.running().1, "v1.0.0", "the approval was of another image");
    let again = world.run(&["approve", SERVICE, "--env", "prod"]);
    assert_eq!(again.code, 4, "{}", again.err);
    assert!(again.err.contains(&format!("--digest {now}")), "{}", again.err);

    world.release("v1.0.2").await;
    world.good(&["sync"]);
    world.good(&["approve", "common/*", "--env", "prod"]);
    wait_until("the promotion", || {
        world.good(&["sync"]);
        world.running().1 == "v1.0.2"
    });
}

#[tokio::test]
async fn a_wrong_name_is_an_error_with_suggestions() {
    let world = World::new("24h").await;
    for (arguments, expected) in [
        (&["hold", "graphql-srver", "--reason", "x"][..], "did you mean common/graphql-server?"),
        (&["hold", "common/grapql-server", "--reason", "x"], "did you mean common/graphql-server?"),
        (&["hold", "mobile/*", "--reason", "x"], "no service matches `mobile/*`"),
        (&["hold", SERVICE, "--env", "prd", "--reason", "x"], "the configuration has non-prod, prod"),
        (&["hold", SERVICE], "--reason"),
        (&["hold", SERVICE, "--reason", ""], "`reason` must be one line"),
        (&["hold", SERVICE, "--reason", "a\nkind: Freeze"], "`reason` must be one line"),
        (&["hold", SERVICE, "--reason", "x", "--expires", "2020-01-01"], "--expires is in the past"),
        (&["hold", SERVICE, "--reason", "x", "--expires", "soon"], "write a length of time as 4h"),
        (&["hold", "--reason", "x"], "this would affect every service"),
        (&["pin", SERVICE, "--versions", ">>1", "--reason", "x"], "cannot read the version range"),
        (
            &["freeze", "x", "--env", "prod", "--since", "2d", "--until", "2020-01-01", "--reason", "x"],
            "not after",
        ),
        (
            &["freeze", "x", "--env", "prod", "--since", "2020-01-01", "--until", "3d", "--reason", "x"],
            "ends in the past",
        ),
        (&["approve", SERVICE, "--env", "prod", "--tag", "v1.0.11"], "did you mean v1.0.1?"),
        (&["release", "common/graphql"], "no service matches `common/graphql`"),
        (&["quarantine", SERVICE, "--reason", "x"], "pass --tag TAG"),
        (&["hold", SERVICE, "-n", "common", "--reason", "x"], "both name a namespace"),
        (&["release", "--kind", "holds"], "possible values: hold"),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(world.commits(), 1, "nothing was written");
    world.good(&["hold", "--reason", "incident", "--all"]);
    world.good(&["pin", SERVICE, "~1.0", "--reason", "x"]);
    world.good(&["hold", SERVICE, "--reason", "x"]);
    let several = world.run(&["release", SERVICE]);
    assert_eq!(several.code, 2, "{}", several.out);
    assert!(several.err.contains("this would release 2 control files (hold, pin)"), "{}", several.err);
    world.good(&["release", SERVICE, "--yes"]);
}

const HOLD: &str = "kind: Hold\nenvironments: [prod]\nreason: the audit\nby: Ana\nat: 2026-03-02T09:00:00Z\n";

#[tokio::test]
async fn a_control_file_counts_or_is_reported_as_unreadable() {
    let world = World::new("0s").await;
    let hold = HOLD.as_bytes();
    let json = br#"{"kind": "Hold", "environments": ["prod"], "reason": "r", "by": "Ana", "at": "2026-03-02T09:00:00Z"}"#;
    let counts = [
        (".tidegate/a.yml", Change::File(".tidegate/a.yml", hold)),
        (".tidegate/A.YAML", Change::File(".tidegate/A.YAML", hold)),
        (".tidegate/a.json", Change::File(".tidegate/a.json", json)),
        (".tidegate/hold", Change::File(".tidegate/hold", hold)),
        (".tidegate/a.yaml.txt", Change::File(".tidegate/a.yaml.txt", hold)),
        (".tidegate/x/y/z.yaml", Change::Executable(".tidegate/x/y/z.yaml", hold)),
    ];
    let cases = [
        (".tidegate/link.yaml", "a symbolic link", Change::Link(".tidegate/link.yaml", "../hold.yaml")),
        (
            ".tidegate/sub",
            "a submodule",
            Change::Submodule(".tidegate/sub", "1111111111111111111111111111111111111111"),
        ),
        ("\".tidegate/\\377.yaml\"", "not UTF-8", Change::File("\".tidegate/\\377.yaml\"", hold)),
        (".Tidegate/a.yaml", "in lower case", Change::File(".Tidegate/a.yaml", hold)),
        (".tidegate/empty", "no `kind`", Change::File(".tidegate/empty", b"")),
        (".tidegate", "this is a file", Change::File(".tidegate", hold)),
        (".tidegate", "a symbolic link", Change::Link(".tidegate", "elsewhere")),
        (
            ".tidegate",
            "a submodule",
            Change::Submodule(".tidegate", "1111111111111111111111111111111111111111"),
        ),
    ];
    for (path, change) in counts {
        world.origin.commit("held", &[change]);
        world.run(&["sync"]);
        let status = world.run(&["status"]);
        assert_eq!((status.code, world.running().1.as_str()), (0, "v1.0.0"), "{path}: {}", status.out);
        assert!(status.out.contains("hold"), "{path}: {}", status.out);
        world.origin.commit("gone", &[Change::Gone(path)]);
    }
    for (path, expected, change) in cases {
        world.origin.commit("held", &[change]);
        let ran = world.run(&["sync"]);
        assert_eq!((ran.code, world.running().1.as_str()), (4, "v1.0.0"), "{path}: {}", ran.out);
        for shown in [&ran.out, &world.run(&["status"]).out, &world.run(&["doctor"]).out] {
            assert!(shown.contains(expected), "{path}: {expected}: {shown}");
        }
        world.origin.commit("gone", &[Change::Gone(path)]);
    }
    world.origin.commit("notes", &[Change::File(".tidegate/README.md", b"# Who may hold what\n")]);
    let ran = world.run(&["sync"]);
    assert_eq!((ran.code, world.running().1.as_str()), (0, "v1.0.1"), "{}", ran.out);
}

#[tokio::test]
async fn a_hold_for_what_does_not_exist_is_an_error_on_the_board() {
    let world = World::new("24h").await;
    let hold = HOLD.replace("environments: [prod]", "service: common/graphql-srver");
    world.person("hold", ".tidegate/hold/x.yaml", &hold);
    for command in ["sync", "status", "doctor"] {
        let ran = world.run(&[command]);
        let expected = "the hold covers nothing: no service matches `common/graphql-srver`";
        assert!(ran.out.contains(expected), "{command}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("did you mean `common/graphql-server`?"), "{command}: {}", ran.out);
    }
}
