//! The systemd unit, its user and its folders, judged and made by systemd itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::tools::root;

/// `systemd-analyze security` counts from 0.0, safe, to 10.0; times ten.
const MOST_EXPOSURE: &str = "--threshold=15";

#[test]
fn the_unit_is_correct_and_closed() {
    let unit = root().join("deploy/systemd/tidegate.service");
    let ran = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", MOST_EXPOSURE])
        .arg(&unit)
        .output()
        .expect("cannot run systemd-analyze: apt-get install systemd");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_user_and_the_folders_are_made_and_secrets_are_closed() {
    let machine = tempfile::tempdir().unwrap();
    let secret = machine.path().join("etc/tidegate/secret/identity");
    fs::create_dir_all(secret.parent().unwrap()).unwrap();
    fs::write(&secret, "key").unwrap();
    let at = format!("--root={}", machine.path().display());
    for (program, arguments, file) in [
        ("systemd-sysusers", &[at.as_str()][..], "tidegate.sysusers"),
        ("systemd-tmpfiles", &["--create", &at], "tidegate.tmpfiles"),
    ] {
        let ran =
            Command::new(program).args(arguments).arg(root().join("deploy/systemd").join(file)).output();
        let ran = ran.expect("cannot run systemd's programs: apt-get install systemd");
        assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let passwd = fs::read_to_string(machine.path().join("etc/passwd")).unwrap();
    assert!(passwd.contains("tidegate:x:") && passwd.contains(":/var/lib/tidegate:"), "{passwd}");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(secret.parent().unwrap()), 0o750);
    assert_eq!(mode(&secret), 0o640);
}
