//! Bad input gets a clear message, and the others go on.

use std::fs;
use std::process::{Command, Stdio};

use super::world::{NON_PROD, PROD, World, release};
use crate::support::git::{Change, git};

#[tokio::test]
async fn a_broken_file_is_named_and_the_others_go_on() {
    let world = World::new("24h").await;
    let path = "clusters/non-prod-digital-eks/common/broken.yaml";
    world.person("break it", path, "kind: HelmRelease\nmetadata: {name: x\n  values: [\n");
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains(&format!("{path}:")), "{}", ran.out);
    assert_eq!(world.running().0, "v1.0.1", "the other service moved");
}

#[tokio::test]
async fn a_dead_registry_holds_only_its_own_images() {
    let world = World::new("24h").await;
    let text = release("127.0.0.1:1", "v1.0.0").replace("graphql-server", "other");
    world.person("another registry", "clusters/non-prod-digital-eks/other.yaml", &text);
    let world = world.with("");
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 75, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("127.0.0.1:1"), "{}", ran.out);
    assert_eq!(world.running().0, "v1.0.1", "the other service moved");
}

#[tokio::test]
async fn a_tag_that_is_gone_is_not_promoted() {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    let digest = world.json(&["history"])["changes"][0]["commit"].clone();
    assert!(digest.is_string());
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    let digest = message.split('@').nth(1).unwrap().lines().next().unwrap().to_owned();
    world.registry.delete("vtr/graphql-server", &digest).await;
    let ran = world.run(&["sync"]);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()), "{}", ran.out);
    let plan = world.run(&["plan"]);
    assert!(plan.out.contains("v1.0.1") && !plan.out.contains("+      tag"), "{}", plan.out);
}

#[tokio::test]
async fn a_missing_branch_and_an_empty_repository_are_distinguished() {
    let world = World::new("24h").await;
    world.origin.git(&["branch", "-m", "main", "trunk"]);
    let missing = world.run(&["sync"]);
    assert_ne!(missing.code, 0);
    assert!(missing.err.contains("main") && missing.err.contains("trunk"), "{}", missing.err);
    world.origin.git(&["update-ref", "-d", "refs/heads/trunk"]);
    let empty = world.run(&["sync"]);
    assert_ne!(empty.code, 0);
    assert!(empty.err.contains("empty") || empty.err.contains("no commit"), "{}", empty.err);
}

#[tokio::test]
async fn a_declining_hook_is_quoted_and_the_next_pass_promotes() {
    let world = World::new("24h").await;
    world.origin.hook("pre-receive", "echo 'no pushes on a Friday' >&2; exit 1");
    let declined = world.run(&["sync"]);
    assert_eq!(declined.code, 1, "{}", declined.err);
    assert!(
        declined.out.contains(
            "in non-prod: the server declined the push: pre-receive hook declined: no pushes on a Friday"
        ),
        "{}",
        declined.out
    );
    fs::remove_file(world.origin.path().join("hooks/pre-receive")).unwrap();
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.promotions("non-prod", "v1.0.1"), 1);
}

#[tokio::test]
async fn links_submodules_and_templates_are_left_alone() {
    let world = World::new("24h").await;
    let template = release(&world.registry.host(), "'{{ .tag }}'").replace("graphql-server", "templated");
    world.origin.commit(
        "oddities",
        &[
            Change::Link(
                "clusters/non-prod-digital-eks/link.yaml",
                "../prod-digital-eks/common/graphql-server.yaml",
            ),
            Change::Submodule(
                "clusters/non-prod-digital-eks/sub",
                "1111111111111111111111111111111111111111",
            ),
            Change::File(
                "clusters/non-prod-digital-eks/lfs.yaml",
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            ),
            Change::File("clusters/non-prod-digital-eks/template.yaml", template.as_bytes()),
        ],
    );
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert!(ran.out.contains("template.yaml:10:12"), "{}", ran.out);
    assert!(ran.out.contains("symbolic link") && ran.out.contains("submodule"), "{}", ran.out);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()));
}

#[tokio::test]
async fn a_read_only_data_folder_is_refused_first() {
    let world = World::new("24h").await;
    fs::write(world.database().parent().unwrap(), "a file, not a folder").unwrap();
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("data"), "{}", ran.err);
    assert_eq!(world.commits(), 1);
}

#[tokio::test]
async fn a_full_disk_stops_the_pass_and_room_lets_it_go_on() {
    let world = World::new("24h").await;
    // No file may grow beyond 16 KiB: the database, the first thing that is written, can't be made.
    let ran = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" sync", env!("CARGO_BIN_EXE_tidegate")])
        .env("TIDEGATE_CONFIG", world.config())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("hint"), "{stderr}");
    assert_eq!(world.commits(), 1);
    let after = world.run(&["sync"]);
    assert_eq!(after.code, 0, "{}", after.err);
    assert_eq!(world.promotions("non-prod", "v1.0.1"), 1);
}

#[tokio::test]
async fn a_wrong_configuration_is_shown_with_its_line() {
    let world = World::new("24h").await.with("environment: prod");
    let ran = world.run(&["plan"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("tidegate.yaml:7:1") && ran.err.contains("environments"), "{}", ran.err);
    let missing = world.run(&["plan", "-c", "/nowhere/tidegate.yaml"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("tidegate init"), "{}", missing.err);
}

#[tokio::test]
async fn an_environment_without_its_folder_is_reported() {
    let world = World::new("24h").await;
    let tip = world.origin.commit("lose prod", &[Change::Gone(PROD)]);
    assert_eq!(world.origin.at("main"), tip);
    let ran = world.run(&["plan"]);
    assert!(ran.out.contains("clusters/prod-digital-eks"), "{}", ran.out);
    assert!(world.origin.file(NON_PROD).contains("v1.0.0"));
}

#[tokio::test]
async fn names_in_the_configuration_that_match_nothing_are_errors_with_a_suggestion() {
    let world = World::new("24h").await.with(
        "services:\n  defaults: {images: [\"127.0.0.1:*/vtr/**\", \"127.0.0.1:*/other/**\"]}\n  overrides:\n  \
         - {match: comon/graphql-server, versions: ~1}\n  - {match: old/*, ignore: true}\n\
         groups: [{name: shop, services: [common/graphql-sever]}]",
    );
    for command in [&["plan"][..], &["sync"], &["status"], &["doctor"]] {
        let ran = world.run(command);
        let text = format!("{}{}", ran.out, ran.err);
        for expected in [
            "no image matches `127.0.0.1:*/other/**` (services.defaults.images, line 8 of the configuration)",
            "no service matches `comon/graphql-server` (services.overrides[].match, line 10 of the configuration)",
            "did you mean `common/graphql-server`?",
            "no service matches `old/*` (services.overrides[].match, line 11 of the configuration)",
            "no service matches `common/graphql-sever` (groups[].services, line 12 of the configuration)",
        ] {
            assert_eq!(text.matches(expected).count().min(1), 1, "{command:?}: {expected}\n{text}");
        }
        assert_eq!(text.matches("`old/*`").count(), 1, "{command:?}: reported once\n{text}");
    }
    assert_eq!(world.run(&["plan"]).code, 2);
}

#[tokio::test]
async fn images_that_are_not_managed_and_excluded_files_are_silent() {
    let world = World::new("24h").await;
    let other = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: other, namespace: common}\n\
                 spec:\n  values:\n    one: {image: {repository: example.com/other/a, tag: latest}}\n    \
                 two: {image: {repository: example.com/other/b, tag: \"${V}\"}}\n    \
                 three: {image: {repository: example.com/other/c, tag: 1.2}}\n";
    world.person("others", "clusters/non-prod-digital-eks/common/other.yaml", other);
    let broken = "kind: HelmRelease\nmetadata: {name: x\n  values: [\n";
    world.person("a template", "clusters/non-prod-digital-eks/chart/templates/x.yaml", broken);
    let world = world
        .with("exclude: [\"clusters/*/chart/**\"]\nservices: {defaults: {images: [\"127.0.0.1:*/vtr/**\"]}}");
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("other") && !ran.out.contains("chart"), "{}", ran.out);
    assert_eq!(world.running().0, "v1.0.1");
}

#[tokio::test]
async fn patterns_in_paths_match_folders() {
    let world = World::new("24h").await;
    let config = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), config.replace("[clusters/non-prod-digital-eks]", "[\"clusters/non-*-eks\"]"))
        .unwrap();
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running().0, "v1.0.1");
    fs::write(world.config(), config.replace("[clusters/non-prod-digital-eks]", "[\"clusters/non-*-aks\"]"))
        .unwrap();
    let ran = world.run(&["plan"]);
    assert!(ran.out.contains("clusters/non-*-aks"), "{}{}", ran.out, ran.err);
    fs::write(world.config(), config.replace("[clusters/non-prod-digital-eks]", "[\"clusters/*-eks\"]"))
        .unwrap();
    let ran = world.run(&["plan"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("the folder clusters/prod-digital-eks of"), "{}", ran.err);
}

#[tokio::test]
async fn a_repository_with_sha256_names_is_refused_by_every_command() {
    let world = World::new("24h").await;
    let other = world.origin.beside("sha256");
    let folder = world.origin.beside("");
    git(&folder, &["init", "--quiet", "--object-format=sha256", "--initial-branch=main", "sha256"]);
    git(&other, &["commit", "--quiet", "--allow-empty", "-m", "first"]);
    let other = other.display();
    let world = world.through(&format!("{{url: {other}}}"));
    for command in
        [&["sync"][..], &["status"], &["plan"], &["hold", "common/x", "--reason", "r", "--yes"], &["doctor"]]
    {
        let ran = world.run(command);
        let shown = format!("{}{}", ran.out, ran.err);
        assert!(shown.contains("uses SHA-256 object names"), "{command:?}: {shown}");
        let code = if command[0] == "doctor" { 1 } else { 4 };
        assert_eq!(ran.code, code, "{command:?}: {shown}");
    }
}

#[tokio::test]
async fn pipes_and_devices_block_no_command() {
    let world = World::new("24h").await;
    let pipe = |path: &std::path::Path| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    // A working copy is read from the disk by `init`.
    let clone = world.origin.clone_to("clone");
    pipe(&clone.join("clusters/prod-digital-eks/pipe.yaml"));
    pipe(&clone.join(".tidegate/pipe.yaml"));
    std::os::unix::fs::symlink("/dev/zero", clone.join("clusters/prod-digital-eks/zero.yaml")).unwrap();
    let ran = world.run(&["init", clone.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("clusters/prod-digital-eks"), "{}", ran.out);
    for file in ["tidegate.db", "lock", "daemon.lock"] {
        let path = world.database().with_file_name(file);
        pipe(&path);
        let ran = world.run(&[if file == "daemon.lock" { "run" } else { "sync" }]);
        assert_eq!(ran.code, 1, "{file}: {}", ran.err);
        assert!(ran.err.contains(path.to_str().unwrap()), "{file}: {}", ran.err);
        fs::remove_dir_all(world.database().parent().unwrap()).unwrap();
    }
    assert_eq!(world.commits(), 1);
}

#[tokio::test]
async fn doctor_tells_what_is_assumed_and_what_a_pass_would_warn_about() {
    let world = World::new("24h").await;
    world.person("ahead", PROD, &release(&world.registry.host(), "v1.0.1"));
    let other = release(&world.registry.host(), "v1.0.0")
        .replace("  namespace: common\n", "")
        .replace("v1.0.0", "v0.1.0");
    world.person("without a namespace", "clusters/non-prod-digital-eks/apps/other.yaml", &other);
    let ran = world.run(&["doctor"]);
    for told in [
        "warn  common/graphql-server in prod: runs v1.0.1, ahead of non-prod, which runs v1.0.0",
        "warn  clusters/non-prod-digital-eks/apps/other.yaml:9:12: no file gives the namespace of apps/graphql-server: the folder \
         stands for it",
        "warn  apps/graphql-server in non-prod: v0.1.0 runs, but is not among the 2 tags that the registry lists",
    ] {
        assert!(ran.out.contains(told), "{told}\n{}", ran.out);
    }
    assert_eq!(ran.code, 0, "warnings are no failures: {}", ran.out);
}
