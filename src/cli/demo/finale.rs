//! What is left behind: the history, the last message, and every byte that changed.

use std::path::Path;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN};
use crate::model::{Class, Fault};

use super::git::Git;
use super::screen::Screen;
use super::stage::Stage;

/// A line a commit: who it is by, and for Tidegate's own the environment, since the team's subject does not name it.
const LOG_FORMAT: &str = "--format=%C(auto)%h%C(reset) %<(52)%s %C(dim)%an%C(reset) \
                          %C(cyan)%(trailers:key=Tidegate-Environment,valueonly,separator=%x2C)%C(reset)";

const MESSAGE_FORMAT: &str = "--format=%C(auto)commit %h%C(reset) %C(dim)by %an%C(reset)%n%n%B";

/// Shows it with the real `git`, and makes sure that one line of each file differs.
pub(super) fn show(screen: &Screen<'_>, stage: &Stage) -> Result<(), Fault> {
    let Stage { git, base, .. } = stage;
    screen.heading("git log: one commit a service and environment")?;
    screen.quote(&git.text(&["log", LOG_FORMAT, "--color=always", "main"])?)?;
    screen.heading("git show: the last message says why")?;
    screen.quote(&git.text(&["log", "-1", MESSAGE_FORMAT, "--color=always", "main"])?)?;
    screen.heading("git diff: every byte that is not the tag stays")?;
    screen.quote(&diff(git, base)?)?;
    screen.text("\n")?;
    for path in git.text(&["diff", "--name-only", base, "main"])?.lines() {
        screen.text(&format!("  {GREEN}✓{GREEN:#} {path}: {}\n", compared(git, base, path)?))?;
    }
    Ok(())
}

/// The difference since `base`, without the lines that only programs read. Carriage
/// returns are not marked as mistakes.
fn diff(git: &Git, base: &str) -> Result<String, Fault> {
    let settings =
        ["-c", "core.whitespace=cr-at-eol", "diff", "--unified=0", "--no-prefix", "--color=always"];
    let text = git.text(&[&settings[..], &[base, "main"]].concat())?;
    let is_for_people = |line: &&str| {
        let text = line.strip_prefix("\u{1b}[1m").unwrap_or(line);
        !text.starts_with("diff --git ") && !text.starts_with("index ")
    };
    Ok(text.lines().filter(is_for_people).collect::<Vec<_>>().join("\n"))
}

/// How much of a file is as it was.
fn compared(git: &Git, base: &str, path: &str) -> Result<String, Fault> {
    let read = |commit: &str| git.bytes(&["cat-file", "blob", &format!("{commit}:{path}")]);
    let (before, after) = (read(base)?, read("main")?);
    let lines = before.split(|byte| *byte == b'\n').count();
    let differing = before
        .split(|byte| *byte == b'\n')
        .zip(after.split(|byte| *byte == b'\n'))
        .filter(|(one, other)| one != other);
    let is_one_line = differing.count() == 1 && after.split(|byte| *byte == b'\n').count() == lines;
    if !is_one_line {
        let message = format!("more than the line of the tag differs in {path}");
        return Err(Fault::new(Class::Failed, message).with_hint("this should never be; please report it"));
    }
    let ends = if before.windows(2).any(|pair| pair == b"\r\n") { ", CRLF kept" } else { "" };
    Ok(format!("{BOLD}1{BOLD:#} line of {} differs{ends}", lines - 1))
}

/// What to do next; with the folder, if it is kept.
pub(super) fn farewell(screen: &Screen<'_>, folder: Option<&Path>) -> Result<(), Fault> {
    screen.text(&format!("\n{GREEN}Done{GREEN:#} in {:.0} s.", screen.seconds()))?;
    match folder {
        None => screen.text(" The temporary folder is gone; --keep leaves it.\n")?,
        Some(folder) => screen.text(&format!(" The folder is kept: {BOLD}{}{BOLD:#}\n", folder.display()))?,
    }
    let command =
        |command: &str, what: &str| format!("  {CYAN}{command}{CYAN:#}\n      {DIM}{what}{DIM:#}\n");
    if let Some(folder) = folder {
        let folder = folder.display();
        screen.text("\nPlay with it; its registry ended with this process, so `history` works and `status` does not\nuntil `endpoint` names another:\n")?;
        screen.text(&command(
            &format!("git -C {folder}/gitops.git log -p main"),
            "the whole history, with diffs",
        ))?;
        screen.text(&command(
            &format!("tidegate -c {folder}/tidegate.yaml history"),
            "what moved, read back from Git",
        ))?;
        screen.text(&command(&format!("rm -r {folder}"), "when you are done"))?;
    }
    screen.text("\nNow with your own repository:\n")?;
    screen.text(&command(
        "tidegate init ./gitops --write tidegate.yaml",
        "writes a configuration from what it finds",
    ))?;
    screen.text(&command(
        "tidegate -c tidegate.yaml plan",
        "shows what would move, as a diff; changes nothing",
    ))?;
    screen.text(&command("tidegate -c tidegate.yaml run", "the daemon that you have just seen"))
}
