//! `scripts/audit.py`, which the soak trusts: it finds nothing in a sound history, and each kind of fault in one that has it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use tempfile::TempDir;

use crate::support::git::command;

const NON_PROD: &str = "clusters/non-prod/web.yaml";
const PROD: &str = "clusters/prod/web.yaml";

/// Seconds that a version has to run in non-prod.
const SOAK: i64 = 60;

pub(super) fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/audit.py")
}

/// A repository whose pushes arrive at times that are set.
struct History {
    folder: TempDir,
    now: i64,
    promotions: u32,
}

impl History {
    /// Both environments run `v1.0.0`; `v1.0.1` soaked and was promoted.
    fn sound() -> Self {
        let mut history = Self { folder: tempfile::tempdir().unwrap(), now: 1_700_000_000, promotions: 0 };
        history.git(&["init", "--quiet", "--initial-branch=work"], 0);
        history.write(NON_PROD, &file("v1.0.0"));
        history.write(PROD, &file("v1.0.0"));
        history.push("first", 0);
        history.promote(NON_PROD, "v1.0.1");
        history.now += SOAK;
        history.promote(PROD, "v1.0.1");
        history
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Runs git at a time before now.
    fn git(&self, arguments: &[&str], seconds_ago: i64) {
        let date = format!("{} +0000", self.now - seconds_ago);
        let status = command(self.folder.path())
            .args(arguments)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }

    fn write(&self, file: &str, text: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), text).unwrap();
    }

    /// Commits what was written, as of some time ago, and pushes it now.
    fn push(&mut self, message: &str, seconds_ago: i64) {
        self.git(&["add", "--all"], 0);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message], seconds_ago);
        self.git(&["update-ref", "-m", "push", "refs/heads/main", "HEAD"], 0);
        self.now += 1;
    }

    fn person(&mut self, path: &str, tag: &str) {
        self.write(path, &file(tag));
        self.push(&format!("{path} {tag}"), 0);
    }

    fn promote(&mut self, path: &str, tag: &str) {
        self.write(path, &file(tag));
        self.push_promotion(path, "");
    }

    /// Pushes what was written as a promotion.
    fn push_promotion(&mut self, path: &str, more: &str) {
        self.promotions += 1;
        let environment = if path == PROD { "prod" } else { "non-prod" };
        let message = format!(
            "chore(web): update\n\nTidegate-Promotion: {}\nTidegate-Service: common/web\n\
             Tidegate-Environment: {environment}\n{more}",
            self.promotions
        );
        self.push(&message, 0);
    }

    /// Puts the branch back by so many commits, and pushes a commit on top.
    fn force(&mut self, back: usize, message: &str) {
        self.git(&["reset", "--quiet", "--hard", &format!("HEAD~{back}")], 0);
        self.push(message, 0);
    }

    /// What the audit counts, and what it says of each fault.
    fn audit(&self, more: &[&str]) -> (String, String) {
        let soak = format!("prod={SOAK}");
        let arguments = [
            "--environment",
            "non-prod=clusters/non-prod/*",
            "--environment",
            "prod=clusters/prod/*",
            "--after",
            "prod=non-prod",
            "--soak",
            &soak,
        ];
        let output =
            Command::new("python3").arg(script()).arg(self.folder.path()).args(arguments).args(more).output();
        let output = output.unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let faults: Vec<&str> = out.lines().nth(1).unwrap_or_default().split(", ").collect();
        let faults: Vec<&str> = faults.into_iter().filter(|count| !count.starts_with("0 ")).collect();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{out}{err}");
        (faults.join(", "), err)
    }
}

fn file(tag: &str) -> String {
    format!("kind: HelmRelease\nspec:\n  values:\n    image:\n      tag: {tag} # ours\n")
}

fn hold() -> String {
    "kind: Hold\nservice: common/web\nenvironments: [prod]\nreason: r\nby: ana\n".to_owned()
}

#[test]
fn a_sound_history_has_no_fault() {
    let mut history = History::sound();
    history.person(PROD, "v1.0.0");
    history.write(".tidegate/hold/web.yaml", &hold());
    history.push("hold", 0);
    history.promote(NON_PROD, "v1.0.2");
    fs::remove_file(history.path(".tidegate/hold/web.yaml")).unwrap();
    history.push("release", 0);
    history.now += SOAK;
    history.promote(PROD, "v1.0.2");
    history.force(1, "force: back");
    history.person(PROD, "v1.0.2");
    assert_eq!(history.audit(&["--expect", "v1.0.2"]), (String::new(), String::new()));
}

#[rstest]
#[case::the_same_promotion_twice("1 doubled", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.2");
    history.promotions -= 1;
    history.promote(NON_PROD, "v1.0.3");
})]
#[case::a_promotion_of_what_is_there("1 doubled", |history: &mut History| {
    history.write(NON_PROD, &(file("v1.0.1") + "# again\n"));
    history.push_promotion(NON_PROD, "");
})]
#[case::a_push_over_others("1 lost", |history: &mut History| {
    history.person("README.md", "v1.0.0");
    history.force(1, "mine");
})]
#[case::lower_than_what_runs("1 lower", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.0");
})]
#[case::before_the_soak_ends("1 early", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.2");
    history.now += SOAK / 2;
    history.promote(PROD, "v1.0.2");
})]
#[case::a_soak_from_a_backdated_commit("1 early", |history: &mut History| {
    history.write(NON_PROD, &file("v1.0.2"));
    history.push("backdated", 10 * SOAK);
    history.promote(PROD, "v1.0.2");
})]
#[case::a_soak_with_a_break("1 early", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.2");
    history.now += SOAK;
    history.person(NON_PROD, "v1.0.1");
    history.person(NON_PROD, "v1.0.2");
    history.promote(PROD, "v1.0.2");
})]
#[case::never_in_the_environment_before("1 early", |history: &mut History| {
    history.promote(PROD, "v1.0.2");
})]
#[case::on_a_hold("1 held", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.2");
    history.now += SOAK;
    history.write(".tidegate/anything", &hold());
    history.push("hold", 0);
    history.promote(PROD, "v1.0.2");
})]
#[case::what_a_person_left("1 forgotten", |history: &mut History| {
    history.person(PROD, "v1.0.0");
    history.promote(PROD, "v1.0.1");
})]
#[case::what_a_person_left_by_a_rollback("1 forgotten", |history: &mut History| {
    history.write(PROD, &file("v1.0.0"));
    history.push_promotion(PROD, "Tidegate-Rollback: broken\n");
    history.promote(PROD, "v1.0.1");
})]
#[case::below_what_a_person_left("1 forgotten", |history: &mut History| {
    history.promote(NON_PROD, "v1.0.3");
    history.person(NON_PROD, "v1.0.1");
    history.promote(NON_PROD, "v1.0.2");
})]
#[case::what_a_person_left_beside_a_merge("1 forgotten", |history: &mut History| {
    history.git(&["branch", "own", "HEAD~1"], 0);
    history.person(PROD, "v1.0.0");
    history.git(&["checkout", "--quiet", "own"], 0);
    history.write("README.md", "own");
    history.git(&["add", "--all"], 0);
    history.git(&["commit", "--quiet", "-m", "own"], 0);
    history.git(&["merge", "--quiet", "-m", "pull", "main"], 0);
    history.push("after the pull", 0);
    history.promote(PROD, "v1.0.1");
})]
#[case::what_a_force_push_took_away("1 forgotten", |history: &mut History| {
    history.force(1, "force: back");
    history.promote(PROD, "v1.0.1");
})]
#[case::another_byte("1 bytes", |history: &mut History| {
    history.write(NON_PROD, &file("v1.0.2").replace(" # ours", ""));
    history.push_promotion(NON_PROD, "");
})]
fn a_fault_is_found(#[case] expected: &str, #[case] happen: fn(&mut History)) {
    let mut history = History::sound();
    happen(&mut history);
    let (faults, said) = history.audit(&[]);
    assert_eq!(faults, expected, "{said}");
}

#[test]
fn what_never_arrived_is_found() {
    let (faults, said) = History::sound().audit(&["--expect", "v1.0.2"]);
    assert_eq!(faults, "2 lost", "{said}");
}
