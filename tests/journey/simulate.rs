//! A policy replayed over what happened, from the store and from a recording.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::world::World;

/// Lets a second pass: commits tell their time in whole seconds.
fn breathe() {
    std::thread::sleep(std::time::Duration::from_millis(1100));
}

/// Three releases, of which the first two went to prod after a soak of a second.
async fn history(world: &World) {
    world.run(&["sync"]);
    for tag in ["v1.0.2", "v1.0.3"] {
        breathe();
        world.run(&["sync"]);
        world.release(tag).await;
        world.run(&["sync"]);
    }
    assert_eq!(world.running(), ("v1.0.3".to_owned(), "v1.0.2".to_owned()));
}

fn came<'a>(simulation: &'a Value, policy: usize, environment: &str) -> Vec<&'a str> {
    let arrivals = simulation["policies"][policy]["arrivals"].as_array().unwrap().iter();
    let here = arrivals.filter(|arrival| arrival["environment"] == environment);
    here.map(|arrival| arrival["to"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_policy_is_replayed_from_the_store_and_from_a_file_the_same() {
    let world = World::new("1s").await;
    history(&world).await;
    let calls = world.commits();
    let recording = world.origin.beside("recording.json");
    let file = recording.to_str().unwrap();
    let to = chrono::Utc::now().to_rfc3339();
    let wrote = world.json(&["record", "--until", &to, "--write", file]);
    assert_eq!((&wrote["kind"], &wrote["images"], &wrote["tags"]), (&json!("Record"), &json!(1), &json!(4)));

    // Nothing is asked of anybody.
    drop(fs::rename(world.origin.path(), world.origin.beside("gone.git")));
    let from_store = world.json(&["simulate", "--until", &to]);
    assert_eq!(from_store["kind"], "Simulation");
    let from_file = world.json(&["simulate", "--recording", file]);
    assert_eq!(from_store, from_file);
    assert_eq!(came(&from_store, 0, "non-prod"), came(&from_store, 1, "non-prod"));
    assert_eq!(came(&from_store, 1, "non-prod")[..], ["v1.0.1", "v1.0.2", "v1.0.3"]);
    assert!(came(&from_store, 1, "prod").starts_with(&["v1.0.1", "v1.0.2"]), "{from_store}");
    drop(fs::rename(world.origin.beside("gone.git"), world.origin.path()));
    assert_eq!(world.commits(), calls, "nothing was committed");
}

#[tokio::test]
async fn a_longer_soak_is_compared_with_the_one_in_force() {
    let world = World::new("1s").await;
    history(&world).await;
    let text = fs::read_to_string(world.config()).unwrap();
    let longer = world.origin.beside("longer.yaml");
    fs::write(&longer, text.replace("soak: 1s", "soak: 3s")).unwrap();
    breathe();
    breathe();
    let against = world.json(&["simulate", "--against", longer.to_str().unwrap()]);
    let names: Vec<&str> = (0..3).map(|at| against["policies"][at]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["actual", "tidegate.yaml", "longer.yaml"]);
    assert!(came(&against, 1, "prod").contains(&"v1.0.1"));
    assert!(!came(&against, 2, "prod").contains(&"v1.0.1"), "it had not soaked for three seconds: {against}");
    let ran = world.run(&["simulate", "--against", longer.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("never"), "{}", ran.out);
    assert!(ran.out.contains("skipped"), "{}", ran.out);

    let forge = "forge: {github: {repository: vtr/gitops, token: {env: NONE}}}\n";
    let review = text.replace("soak: 1s", "soak: 1s, delivery: pullRequest, approval: review") + forge;
    fs::write(&longer, review).unwrap();
    let reviewed = world.json(&["simulate", "--against", longer.to_str().unwrap()]);
    assert_eq!(came(&reviewed, 2, "prod"), came(&reviewed, 1, "prod"));
    assert_eq!(reviewed["reviewedAtOnce"], json!(["prod"]));
    assert_eq!(reviewed["mergedAtOnce"], json!(["prod"]));
    assert_eq!(against["mergedAtOnce"], json!([]));
    let ran = world.run(&["simulate", "--against", longer.to_str().unwrap()]);
    assert!(ran.out.contains("every review in prod is given at once"), "{}", ran.out);
    assert!(ran.out.contains("every pull request in prod is merged at once"), "{}", ran.out);

    let other = world.origin.beside("other.yaml");
    fs::write(&other, text.replace("clusters/prod-digital-eks", "clusters/elsewhere")).unwrap();
    let refused = world.run(&["simulate", "--against", other.to_str().unwrap()]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("of which nothing is recorded"), "{}", refused.err);
}

#[tokio::test]
async fn a_file_that_is_no_recording_is_refused_with_its_place() {
    let world = World::new("1s").await;
    let nothing = world.run(&["simulate"]);
    assert_eq!(nothing.code, 1, "{}", nothing.err);
    assert!(nothing.err.contains("run `tidegate plan` once"), "{}", nothing.err);

    world.run(&["sync"]);
    let file = world.origin.beside("recording.json");
    let written: Command = world.command(&["record"]);
    let output = { written }.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    fs::write(&file, text.replacen("v1.0.1", "v1.0.1 \\u001b[31m", 1)).unwrap();
    let refused = world.run(&["simulate", "--recording", file.to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("at line "), "{}", refused.err);
    assert!(!refused.err.contains('\u{1b}'), "{}", refused.err);

    let nobody = world.run(&["simulate", "common/nothing"]);
    assert_eq!(nobody.code, 2, "{}", nobody.err);
    let backwards = world.run(&["simulate", "--since", "1h", "--until", "2h"]);
    assert_eq!(backwards.code, 2, "{}", backwards.err);
}
