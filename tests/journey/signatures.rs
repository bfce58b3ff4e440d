//! What is signed by nobody who is allowed to does not count.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use crate::support::sshd::make_key;

use super::world::{NON_PROD, World, release};

/// A world whose promotions are signed, and where nobody else may sign.
async fn signed_world() -> World {
    let world = World::new("0s").await;
    let key = world.origin.beside("signing");
    make_key(&key, "ed25519", "");
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let allowed = world.origin.beside("allowed_signers");
    fs::write(&allowed, format!("tidegate@localhost {public}")).unwrap();
    let git = format!(
        "{{url: {}, signing: {{sshKey: {}}}, verify: {{allowedSigners: {}}}}}",
        world.origin.url(),
        key.display(),
        allowed.display()
    );
    world.through(&git)
}

#[tokio::test]
async fn a_signed_promotion_soaks_and_a_persons_unsigned_commit_does_not() {
    let world = signed_world().await;
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.1".to_owned()));
    assert!(world.origin.git(&["cat-file", "commit", "main"]).contains("BEGIN SSH SIGNATURE"));

    world.release("v1.0.2").await;
    let unsigned = world.person("mine", NON_PROD, &release(&world.registry.host(), "v1.0.2"));
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.running(), ("v1.0.2".to_owned(), "v1.0.1".to_owned()));
    let plan = world.run(&["plan"]).out;
    let expected =
        format!("v1.0.2 came to non-prod by commit {}, which does not count: not signed", &unsigned[..7]);
    assert!(plan.contains(&expected), "{plan}");
}

#[tokio::test]
async fn an_unsigned_hold_is_reported_and_does_not_hold() {
    let world = signed_world().await;
    let hold = "apiVersion: tidegate.dev/v1\nkind: Hold\nreason: no\nby: nobody\n";
    let commit = world.person("hold", ".tidegate/hold/_all/_all.yaml", hold);
    let ran = world.run(&["sync"]);
    assert_eq!(world.running().0, "v1.0.1", "{}{}", ran.out, ran.err);
    let expected = format!("the control file is ignored: commit {}: not signed", &commit[..7]);
    assert!(format!("{}{}", ran.out, ran.err).contains(&expected), "{}{}", ran.out, ran.err);
}
