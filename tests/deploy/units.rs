//! The systemd unit, judged by systemd itself.

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
