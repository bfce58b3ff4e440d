//! Nothing around Tidegate changes what it does with Git.

use std::fs;
use std::process::Command;

/// Tests of fetching, reading, writing and pushing, run again where everything around them is wrong.
const AGAIN: [&str; 4] = [
    "git::fetch::the_branch_is_fetched_only_when_it_moved",
    "git::history::a_merge_counts_once_by_its_first_parent",
    "git::publish::a_promotion_is_one_commit_that_changes_one_file",
    "git::publish::a_hooks_refusal_is_seen_with_its_words",
];

/// Each of these alone stops Git, or sends it elsewhere.
const VARIABLES: [(&str, &str); 9] = [
    ("GIT_DIR", "/nowhere"),
    ("GIT_OBJECT_DIRECTORY", "/nowhere"),
    ("GIT_INDEX_FILE", "/nowhere"),
    ("GIT_CEILING_DIRECTORIES", "/"),
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "url./nowhere/.insteadOf"),
    ("GIT_CONFIG_VALUE_0", "/"),
    ("GIT_EXEC_PATH", "/nowhere"),
    ("LC_ALL", "de_DE.UTF-8"),
];

fn run_again(configuration: &str) {
    let home = tempfile::tempdir().unwrap();
    for name in [".gitconfig", "config"] {
        fs::write(home.path().join(name), configuration).unwrap();
    }
    fs::create_dir(home.path().join("git")).unwrap();
    fs::write(home.path().join("git/config"), configuration).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact"])
        .args(AGAIN)
        .envs(VARIABLES)
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("GIT_CONFIG_GLOBAL", home.path().join("config"))
        .env("GIT_CONFIG_SYSTEM", home.path().join("config"))
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("4 passed"), "{stdout}");
}

#[test]
fn a_broken_configuration_is_not_read() {
    run_again("[broken");
}

#[test]
fn settings_of_the_user_do_not_count() {
    run_again(
        "[url \"/nowhere/\"]\n\tinsteadOf = /\n[core]\n\thooksPath = /nowhere\n\tbare = false\n\
         [push]\n\tdefault = nothing\n\tfollowTags = true\n[user]\n\tname = Somebody\n\
         [commit]\n\tgpgSign = true\n[push]\n\tgpgSign = true\n[i18n]\n\tcommitEncoding = latin1\n",
    );
}
