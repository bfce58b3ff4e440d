//! One grammar for every command: names, flags, times, exit codes and errors.

use std::fs;

use super::world::{NON_PROD, PROD, Ran, World, release};

const SERVICE: &str = "common/graphql-server";

/// A second service, `mobile/payments`, and a third that has the first one's bare name in another namespace.
fn with_more_services(world: &World) {
    for (namespace, name) in [("mobile", "payments"), ("mobile", "graphql-server")] {
        for folder in ["non-prod", "prod"] {
            let text = release(&world.registry.host(), "v1.0.0")
                .replace("name: graphql-server", &format!("name: {name}"))
                .replace("namespace: common", &format!("namespace: {namespace}"));
            world.person("add", &format!("clusters/{folder}-digital-eks/{namespace}/{name}.yaml"), &text);
        }
    }
}

fn ok(world: &World, arguments: &[&str]) -> Ran {
    let ran = world.run(arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    ran
}

#[tokio::test]
async fn services_are_found_by_bare_names_patterns_and_namespaces() {
    let world = World::new("0s").await;
    with_more_services(&world);
    let planned = |arguments: &[&str]| -> Vec<String> {
        let plan = world.json(&[&["plan"], arguments].concat());
        let services = plan["planned"].as_array().unwrap().iter();
        services.map(|planned| planned["service"].as_str().unwrap().to_owned()).collect()
    };
    for (arguments, services) in [
        (&[][..], &["common/graphql-server", "mobile/graphql-server", "mobile/payments"][..]),
        (&["payments"], &["mobile/payments"]),
        (&["-n", "common"], &["common/graphql-server"]),
        (&["-n", "mobile", "graphql-server"], &["mobile/graphql-server"]),
        (&["*/graphql-*"], &["common/graphql-server", "mobile/graphql-server"]),
        (&["graphql-*"], &["common/graphql-server", "mobile/graphql-server"]),
        (&["payments", SERVICE], &["common/graphql-server", "mobile/payments"]),
        (&["payments", "--env", "prod"], &[]),
    ] {
        assert_eq!(planned(arguments), services, "{arguments:?}");
    }
    for command in [
        &["plan"][..],
        &["sync"],
        &["status"],
        &["history"],
        &["simulate"],
        &["explain"],
        &["changelog"],
        &["promote"],
        &["hold", "--reason", "x"],
        &["pin", "--reason", "x"],
        &["quarantine", "--tag", "v1.0.1", "--reason", "x"],
        &["approve", "--env", "prod"],
        &["release"],
        &["rollback", "--env", "prod", "--reason", "x"],
    ] {
        let ran = world.run(&[command, &["graphql-server"]].concat());
        assert_eq!(ran.code, 2, "{command:?}: {}{}", ran.out, ran.err);
        let expected = "`graphql-server` is the name of 2 services";
        assert!(ran.err.contains(expected), "{command:?}: {}", ran.err);
        let hint = "name one: common/graphql-server, mobile/graphql-server";
        assert!(ran.err.contains(hint), "{command:?}: {}", ran.err);
        let unknown = world.run(&[command, &["nobody/nothing"]].concat());
        assert_eq!(unknown.code, 2, "{command:?}: {}{}", unknown.out, unknown.err);
    }
    assert_eq!(world.commits(), 5, "nothing was written");
}

#[tokio::test]
async fn a_scoped_sync_moves_only_what_is_named() {
    let world = World::new("0s").await;
    with_more_services(&world);
    let ran = ok(&world, &["sync", "payments"]);
    assert!(ran.out.contains("1 moved, 0 wait, 1 up to date"), "{}", ran.out);
    assert_eq!(world.running(), ("v1.0.0".into(), "v1.0.0".into()));
    assert!(world.origin.file("clusters/non-prod-digital-eks/mobile/payments.yaml").contains("v1.0.1"));
    ok(&world, &["sync", "payments", "--env", "non-prod"]);
    assert!(world.origin.file("clusters/prod-digital-eks/mobile/payments.yaml").contains("v1.0.0"));
    ok(&world, &["sync", "-e", "prod"]);
    assert!(world.origin.file("clusters/prod-digital-eks/mobile/payments.yaml").contains("v1.0.1"));
    assert_eq!(world.running(), ("v1.0.0".into(), "v1.0.0".into()));
}

#[tokio::test]
async fn older_spellings_still_work() {
    let world = World::new("0s").await;
    ok(&world, &["sync"]);
    ok(&world, &["promote", SERVICE, "--to", "prod"]);
    ok(&world, &["rollback", SERVICE, "--in", "prod", "--tag", "v1.0.0", "--reason", "x"]);
    ok(&world, &["quarantine", SERVICE, "v1.0.1", "--reason", "again"]);
    ok(&world, &["release", SERVICE, "--version", "v1.0.1"]);
    ok(&world, &["pin", SERVICE, "~1.0", "--in", "prod", "--reason", "x"]);
    ok(&world, &["freeze", "fair", "--in", "prod", "--from", "1h", "--to", "4h", "--reason", "x"]);
    ok(&world, &["simulate", "--from", "7d", "--to", "now", "--most", "3"]);
    ok(&world, &["history", "--most", "3"]);
    ok(&world, &["explain", SERVICE, "--in", "non-prod", "--wait", "--until", "open"]);
}

#[tokio::test]
async fn one_command_holds_several_services_in_one_commit() {
    let world = World::new("0s").await;
    with_more_services(&world);
    let before = world.commits();
    ok(&world, &["hold", "payments", SERVICE, "-e", "prod", "--reason", "fair", "--by", "Ana"]);
    assert_eq!(world.commits(), before + 1);
    for service in ["mobile/payments", SERVICE] {
        let file = world.origin.file(&format!(".tidegate/hold/{service}/prod.yaml"));
        assert!(file.contains("by: Ana\n"), "{file}");
    }
    ok(&world, &["release", "payments", SERVICE, "--kind", "hold", "--yes"]);
    let again = ok(&world, &["release", "payments", SERVICE, "--kind", "hold", "--yes"]);
    assert_eq!(again.out, "Nothing to release: no control file matches\n");
}

#[tokio::test]
async fn periods_have_one_form_everywhere() {
    let world = World::new("0s").await;
    ok(&world, &["sync"]);
    for time in ["7d", "1w", "24h", "yesterday", "2026-01-01", "2026-01-01T09:52", "2026-01-01T09:52+01:00"] {
        ok(&world, &["history", "--since", time]);
        ok(&world, &["changelog", "--all", "--since", time]);
        ok(&world, &["record", "--since", time]);
        ok(&world, &["simulate", "--since", time]);
    }
    let none = world.json(&["history", "--until", "2020-01-01"]);
    assert_eq!(none["changes"].as_array().unwrap().len(), 0);
    for command in ["history", "record", "simulate"] {
        let ran = world.run(&[command, "--since", "today", "--until", "yesterday"]);
        assert_eq!(ran.code, 2, "{command}: {}", ran.err);
        assert!(ran.err.contains("the period ends before it starts"), "{command}: {}", ran.err);
    }
}

#[tokio::test]
async fn plan_exit_code_is_3_when_something_would_move() {
    let world = World::new("24h").await;
    assert_eq!(world.run(&["plan"]).code, 0);
    assert_eq!(world.run(&["plan", "--exit-code"]).code, 3);
    ok(&world, &["sync"]);
    assert_eq!(world.run(&["plan", "--exit-code"]).code, 0, "what waits does not move");
}

#[tokio::test]
async fn the_configuration_is_found_here_and_above() {
    let world = World::new("24h").await;
    let folder = world.origin.beside("team");
    fs::create_dir_all(folder.join("deep/er")).unwrap();
    fs::create_dir_all(folder.join("config")).unwrap();
    let run = |place: &str| {
        let mut command = world.command(&["status"]);
        command.env_remove("TIDEGATE_CONFIG").current_dir(folder.join(place));
        Ran::of(command.output().unwrap())
    };
    // The world's own configuration lies above.
    assert_eq!(run("deep/er").code, 0);
    fs::rename(world.config(), folder.join("config/tidegate.yaml")).unwrap();
    assert_eq!(run("").code, 0);
    let missing = run("deep");
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("no tidegate.yaml here or in a folder above"), "{}", missing.err);
}

#[tokio::test]
async fn history_of_a_name_that_never_was_is_an_error() {
    let world = World::new("24h").await;
    ok(&world, &["sync"]);
    let ran = world.run(&["history", "common/grapql-server"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("did you mean common/graphql-server?"), "{}", ran.err);
    world.origin.commit(
        "remove",
        &[crate::support::git::Change::Gone(NON_PROD), crate::support::git::Change::Gone(PROD)],
    );
    with_more_services(&world);
    let gone = ok(&world, &["history", SERVICE]);
    assert!(gone.out.contains("v1.0.1"), "{}", gone.out);
}

#[tokio::test]
async fn errors_are_documents_where_programs_read() {
    let world = World::new("24h").await;
    for (arguments, message) in [
        (&["history", "--since", "soon", "-o", "json"][..], "invalid value 'soon' for '--since <TIME>'"),
        (&["-ojson", "promote"], "the following required arguments were not provided"),
        (&["hold", "--output=json"], "--reason <TEXT>"),
        (&["nonsense", "-o", "json"], "unrecognized subcommand 'nonsense'"),
        (&["status", "--env", "staging", "-o", "json"], "there is no environment staging"),
        (&["status", "-c", "/nowhere.yaml", "-o", "json"], "cannot read the configuration /nowhere.yaml"),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&document["kind"], &document["class"]), (&"Error".into(), &"usage".into()), "{document}");
        assert!(document["message"].as_str().unwrap().contains(message), "{arguments:?}: {document}");
        assert_eq!(ran.err.matches("error: ").count(), 1, "{arguments:?}: {}", ran.err);
    }
    let yaml = world.run(&["promote", "-o", "yaml"]);
    assert!(yaml.out.starts_with("apiVersion: tidegate/v2\nkind: Error\nclass: usage\n"), "{}", yaml.out);
    assert_eq!(world.run(&["promote"]).out, "", "people read standard error");
    let broken = world.with("environment: prod");
    let ran = broken.run(&["plan"]);
    assert_eq!((ran.code, ran.err.matches("environment").count() > 0), (2, true), "{}", ran.err);
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
}

#[tokio::test]
async fn yaml_and_json_have_the_same_content() {
    let world = World::new("24h").await;
    ok(&world, &["sync"]);
    for command in [&["status"][..], &["plan"], &["history"], &["explain", SERVICE], &["doctor"]] {
        let json = world.run(&[command, &["-o", "json"]].concat());
        let mut json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let yaml = world.run(&[command, &["-o", "yaml"]].concat());
        let mut yaml: serde_json::Value = serde_yaml::from_str(&yaml.out).unwrap();
        for document in [&mut json, &mut yaml] {
            document["at"].take();
            document["explanations"].take();
            document["waiting"].take();
            document["services"].take();
        }
        assert_eq!(json, yaml, "{command:?}");
    }
}

#[tokio::test]
async fn status_sorts_and_shows_every_column() {
    let world = World::new("0s").await;
    with_more_services(&world);
    ok(&world, &["sync", "payments"]);
    let by_name = ["common/graphql-server", "mobile/graphql-server", "mobile/payments"];
    let order = |key: &str| -> Vec<String> {
        let ran = ok(&world, &["status", "--sort", key]);
        let first_words = ran.out.lines().filter_map(|line| line.split_whitespace().next());
        first_words.filter(|word| by_name.contains(word)).map(str::to_owned).collect()
    };
    assert_eq!(order("service"), by_name);
    assert_eq!(order("since")[0], "mobile/payments");
    ok(&world, &["hold", SERVICE, "--reason", "x"]);
    ok(&world, &["sync", "mobile/graphql-server", "-e", "non-prod"]);
    assert_eq!(order("next").iter().position(|name| name == SERVICE), Some(2));
    let wide = ok(&world, &["status", "-o", "wide"]);
    assert!(wide.out.starts_with("SERVICE ") || wide.out.contains("\nSERVICE "), "{}", wide.out);
    assert!(wide.out.contains("IMAGE") && wide.out.contains("COMMIT"), "{}", wide.out);
    let image = format!("{}/vtr/graphql-server", world.registry.host());
    assert!(wide.out.contains(&image), "{}", wide.out);
}

#[tokio::test]
async fn quiet_commands_print_only_what_matters() {
    let world = World::new("24h").await;
    assert!(world.run(&["plan", "-q"]).out.contains("1 would move"), "something would move");
    assert!(ok(&world, &["sync", "-q"]).out.contains("1 moved"), "something moved");
    assert_eq!(ok(&world, &["sync", "-q"]).out, "");
    assert_eq!(ok(&world, &["plan", "-q"]).out, "");
    assert_eq!(ok(&world, &["release", "--kind", "hold", "-q"]).out, "");
}

#[tokio::test]
async fn a_changelog_of_a_missing_tag_is_an_error() {
    let world = World::new("24h").await;
    let ran = world.run(&["changelog", SERVICE, "--from", "v9.9.9"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("has no tag v9.9.9"), "{}", ran.err);
    let near = world.run(&["changelog", SERVICE, "--to", "v1.0.11"]);
    assert!(near.err.contains("did you mean v1.0.1?"), "{}", near.err);
}

#[tokio::test]
async fn changes_carry_gits_identity_by_default() {
    let world = World::new("24h").await;
    let requested_by = |arguments: &[&str]| {
        ok(&world, arguments);
        let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
        message.lines().find_map(|line| line.strip_prefix("Tidegate-Requested-By: ")).unwrap().to_owned()
    };
    assert_eq!(requested_by(&["hold", SERVICE, "--reason", "a"]), "ana", "the system's user");
    fs::create_dir_all(world.origin.beside("home")).unwrap();
    fs::write(world.origin.beside("home/.gitconfig"), "[user]\n  name = Ana Torres\n").unwrap();
    assert_eq!(requested_by(&["hold", SERVICE, "--reason", "b"]), "Ana Torres");
    assert_eq!(requested_by(&["hold", SERVICE, "--reason", "c", "--by", "Eva"]), "Eva");
}

#[tokio::test]
async fn shells_complete_services_environments_gates_and_tags() {
    let world = World::new("24h").await;
    with_more_services(&world);
    let complete = |words: &[&str]| -> Vec<String> {
        let at = words.len().to_string();
        let mut command = world.command(&[&["--", "tidegate"], words].concat());
        let ran = command
            .env("TIDEGATE_COMPLETE", "bash")
            .envs([
                ("_CLAP_COMPLETE_INDEX", at.as_str()),
                ("_CLAP_IFS", "\n"),
                ("_CLAP_COMPLETE_COMP_TYPE", "9"),
            ])
            .output()
            .unwrap();
        let words = Ran::of(ran).out;
        words.lines().filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
    };
    assert_eq!(complete(&["explain", ""]), [""; 0], "nothing is known before the first pass");
    ok(&world, &["plan"]);
    let asked = fs::read_dir(world.database().parent().unwrap()).unwrap().count();
    for (words, expected) in [
        (&["explain", "c"][..], &["common/graphql-server"][..]),
        (&["explain", "pay"], &["payments"]),
        (&["hold", "-n", "mobile", ""], &["graphql-server", "payments"]),
        (&["plan", "-n", ""], &["common", "mobile"]),
        (&["plan", "--env", ""], &["non-prod", "prod"]),
        (&["hold", "payments", "--env", "prod,n"], &["prod,non-prod"]),
        (&["promote", "payments", "--override", "so"], &["soak"]),
        (&["promote", "payments", "--tag", ""], &["v1.0.1", "v1.0.0"]),
        (&["rollback", "payments", "--to", "v1.0.0"], &["v1.0.0"]),
        (&["chang"], &["changelog"]),
    ] {
        assert_eq!(complete(words), expected, "{words:?}");
    }
    assert_eq!(
        fs::read_dir(world.database().parent().unwrap()).unwrap().count(),
        asked,
        "nothing is written"
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ok(&world, &["completions", shell]).out;
        assert!(script.contains("TIDEGATE_COMPLETE"), "{shell}: {script}");
    }
}
