//! Signing: what others verify, and what is said of what others signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tidegate::git::{AllowedSigners, Mirror, Secret, Settings, Signing};
use tidegate::model::SignatureCheck;
use tidegate::model::{Class, CommitId, Fault, Publication};
use tidegate::port::{Publisher as _, Repository as _};

use super::ssh::Fixed;
use super::{APP, commit, draft, noon, settings};
use crate::support::git::{Origin, command, git};
use crate::support::sshd::make_key;

fn origin() -> Origin {
    Origin::with_files(&[(APP, "tag: v1.0.0\n")])
}

fn mirror(origin: &Origin, signing: Signing, verify: Option<AllowedSigners>) -> Mirror {
    Mirror::open(Settings { signing, verify, ..settings(origin, "mirror") }).unwrap()
}

fn push(mirror: &Mirror) -> Result<CommitId, Fault> {
    let head = mirror.fetch()?.head;
    let drafts = [draft("mine", APP, &format!("{head}")), draft("ñandú", APP, &format!("{head} again"))];
    match mirror.publish(head, &drafts, noon())? {
        Publication::Pushed(commits) => Ok(*commits.last().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn ssh(file: &Path, passphrase: Option<&'static str>) -> Signing {
    let passphrase = passphrase.map(|text| Arc::new(Fixed(text)) as Arc<dyn Secret>);
    Signing::Ssh { file: file.to_owned(), passphrase }
}

/// Lets the owner of a key sign.
fn allow(origin: &Origin, key: &Path) -> AllowedSigners {
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let file = origin.beside("allowed_signers");
    fs::write(&file, format!("tidegate@vtr.cl namespaces=\"git\" {public}")).unwrap();
    AllowedSigners { ssh: Some(file), gpg_home: None }
}

/// Whether the real `git verify-commit` takes a commit of the origin.
fn is_verified(origin: &Origin, commit: &str, allowed: &AllowedSigners) -> bool {
    let mut command = command(&origin.path());
    if let Some(file) = &allowed.ssh {
        command.arg("-c").arg(format!("gpg.ssh.allowedSignersFile={}", file.display()));
    }
    if let Some(home) = &allowed.gpg_home {
        command.env("GNUPGHOME", home);
    }
    command.args(["verify-commit", commit]).output().unwrap().status.success()
}

#[test]
fn every_kind_of_ssh_key_signs_what_git_verifies() {
    for (name, arguments, passphrase) in [
        ("ed25519", &["ed25519"][..], ""),
        ("ecdsa", &["ecdsa"][..], ""),
        ("locked", &["ed25519"][..], "open sesame"),
    ] {
        let origin = origin();
        let key = origin.beside(name);
        make_key(&key, arguments[0], passphrase);
        let allowed = allow(&origin, &key);
        let passphrase = (!passphrase.is_empty()).then_some("open sesame");
        let mirror = mirror(&origin, ssh(&key, passphrase), Some(allowed.clone()));
        let tip = push(&mirror).unwrap();
        for commit in ["main", "main^"] {
            assert!(is_verified(&origin, commit, &allowed), "{name} {commit}");
        }
        assert_eq!(mirror.signed(tip).unwrap(), SignatureCheck::Valid);
        origin.git(&["fsck", "--strict"]);
        assert_eq!(origin.git(&["log", "-1", "--format=%s|%an", "main"]), "ñandú|tidegate");
    }
}

#[test]
fn a_key_that_cannot_sign_pushes_nothing_and_names_the_cause() {
    let origin = origin();
    let keys = ["rsa", "locked", "garbage"].map(|name| origin.beside(name));
    make_key(&keys[0], "rsa", "");
    make_key(&keys[1], "ed25519", "open sesame");
    fs::write(&keys[2], "no key").unwrap();
    let head = origin.at("main");
    for (file, passphrase, expected) in [
        (&keys[0], None, "ssh-rsa is not supported"),
        (&keys[1], None, "it is encrypted, and no passphrase is configured"),
        (&keys[1], Some("wrong"), "the passphrase is wrong"),
        (&keys[2], None, "it is not a private key in OpenSSH format"),
        (&origin.beside("missing"), None, "it cannot be read: No such file or directory (os error 2)"),
    ] {
        let fault = push(&mirror(&origin, ssh(file, passphrase), None)).unwrap_err();
        assert!(fault.in_one_line().ends_with(expected), "{}", fault.in_one_line());
        assert_eq!(fault.class(), Class::Failed);
    }
    assert_eq!(origin.at("main"), head);
}

/// A keyring with one key, and the key's fingerprint.
fn keyring(place: &Path) -> (PathBuf, String) {
    use std::os::unix::fs::PermissionsExt;
    let home = place.join("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let output = Command::new("gpg").env("GNUPGHOME", &home).args(arguments).output();
        let output =
            output.unwrap_or_else(|error| panic!("cannot run gpg ({error}): apt-get install gpg gpg-agent"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let who = "tidegate <tidegate@vtr.cl>";
    gpg(&["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", who, "ed25519", "sign", "never"]);
    let listed = gpg(&["--batch", "--with-colons", "--list-secret-keys"]);
    let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
    (home.clone(), line.split(':').nth(9).unwrap().to_owned())
}

/// Ends the agent that GPG started for a keyring.
struct Agent(PathBuf);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "gpg-agent"]).env("GNUPGHOME", &self.0).output();
    }
}

#[test]
fn a_gpg_key_signs_what_git_verifies() {
    let origin = origin();
    let (home, key) = keyring(&origin.beside(""));
    let _agent = Agent(home.clone());
    let allowed = AllowedSigners { ssh: None, gpg_home: Some(home.clone()) };
    let signed = mirror(&origin, Signing::Gpg { key, home: Some(home.clone()) }, Some(allowed.clone()));
    let tip = push(&signed).unwrap();
    assert!(is_verified(&origin, "main", &allowed));
    assert_eq!(signed.signed(tip).unwrap(), SignatureCheck::Valid);
    let only_ssh = AllowedSigners { ssh: Some("/dev/null".into()), gpg_home: None };
    let strict = mirror(&origin, Signing::None, Some(only_ssh));
    assert!(matches!(strict.signed(tip).unwrap(), SignatureCheck::Invalid { .. }));
    let unknown = Signing::Gpg { key: "0123456789ABCDEF".into(), home: Some(home) };
    let fault = push(&mirror(&origin, unknown, None)).unwrap_err();
    assert!(fault.in_one_line().contains("cannot sign a commit with the GPG key"), "{}", fault.in_one_line());
}

#[test]
fn who_is_not_allowed_to_sign_does_not_count_until_they_are() {
    let origin = origin();
    let (ours, theirs) = (origin.beside("ours"), origin.beside("theirs"));
    make_key(&ours, "ed25519", "");
    make_key(&theirs, "ed25519", "");
    let clone = origin.clone_to("clone");
    let commit_as = |arguments: &[&str], text: &str| {
        fs::write(clone.join(APP), text).unwrap();
        git(&clone, &[arguments, &["commit", "--quiet", "-am", text]].concat());
        git(&clone, &["push", "--quiet", "origin", "main"]);
        commit(&origin.at("main"))
    };
    let key = format!("user.signingKey={}", theirs.display());
    let signing = ["-c", "gpg.format=ssh", "-c", &key, "-c", "commit.gpgSign=true"];
    let signed = commit_as(&signing, "signed");
    let unsigned = commit_as(&[], "unsigned");
    let allowed = allow(&origin, &ours);
    let mirror = mirror(&origin, Signing::None, Some(allowed.clone()));
    mirror.fetch().unwrap();
    let not = |commit| matches!(mirror.signed(commit).unwrap(), SignatureCheck::Invalid { .. });
    assert!(not(signed) && not(unsigned));
    assert_eq!(mirror.signed(unsigned).unwrap(), SignatureCheck::Invalid { reason: "not signed".into() });
    let file = allowed.ssh.unwrap();
    let public = fs::read_to_string(theirs.with_extension("pub")).unwrap();
    fs::write(&file, format!("person@example.org {public}")).unwrap();
    assert_eq!(mirror.signed(signed).unwrap(), SignatureCheck::Valid);
    assert!(not(unsigned));
    assert!(mirror.signed(CommitId::from_bytes([7; 20])).is_err());
}
