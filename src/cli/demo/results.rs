//! The results: the history, two messages, and every byte that changed.

use std::path::Path;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN};
use crate::model::{Class, Fault};

use super::board::Board;
use super::git::Git;
use super::screen::Screen;
use super::setup::Setup;

/// One line per commit: its author, and for Tidegate's own the environment.
const LOG_FORMAT: &str = "--format=%C(auto)%h%C(reset) %<(52)%s %C(dim)%an%C(reset) \
                          %C(cyan)%(trailers:key=Tidegate-Environment,valueonly,separator=%x2C)%C(reset)";

const MESSAGE_FORMAT: &str = "--format=%C(auto)commit %h%C(reset) %C(dim)by %an%C(reset)%n%n%B";

/// Shows the results with the real `git`, and checks that one line per file differs.
pub(super) fn show(screen: &Screen<'_>, setup: &Setup) -> Result<(), Fault> {
    let Setup { git, base, .. } = setup;
    screen.heading("git log: one commit per service and environment")?;
    screen.quote(&git.text(&["log", LOG_FORMAT, "--color=always", "main"])?)?;
    for (heading, tag) in [
        ("git show: a promotion by the daemon, with what changed in the service", "v1.0.180"),
        ("git show: a promotion by hand, with the gate that it overrode", "v3.1.3"),
    ] {
        screen.heading(heading)?;
        let grep = format!("--grep=update to {tag}");
        screen.quote(&git.text(&["log", "-1", &grep, MESSAGE_FORMAT, "--color=always", "main"])?)?;
    }
    screen.heading("git diff: every byte that is not the tag stays")?;
    screen.quote(&diff(git, base)?)?;
    screen.text("\n")?;
    for path in git.text(&["diff", "--name-only", base, "main"])?.lines() {
        screen.text(&format!("  {GREEN}✓{GREEN:#} {path}: {}\n", compared(git, base, path)?))?;
    }
    Ok(())
}

/// The difference since `base`, without the lines for programs. Carriage returns are not marked as mistakes.
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
        return Err(Fault::new(Class::Failed, message).with_hint("this is a bug; please report it"));
    }
    let ends = if before.windows(2).any(|pair| pair == b"\r\n") { ", CRLF kept" } else { "" };
    Ok(format!("{BOLD}1{BOLD:#} line of {} differs{ends}", lines - 1))
}

/// What to try next; with the folder and the board, if they are kept.
pub(super) fn farewell(screen: &Screen<'_>, folder: Option<&Path>, board: &Board) -> Result<(), Fault> {
    let done = format!("\n{GREEN}Done{GREEN:#} in {:.0} s.", screen.seconds());
    match folder {
        None => screen.text(&format!("{done} --keep keeps the board and the folder.\n"))?,
        Some(_) => screen.text(&format!("{done}\n"))?,
    }
    let command =
        |command: &str, what: &str| format!("  {CYAN}{command}{CYAN:#}\n      {DIM}{what}{DIM:#}\n");
    screen.text("\nWith your own repository:\n")?;
    screen.text(&command(
        "tidegate init ./gitops --write tidegate.yaml",
        "write a configuration from what is in it",
    ))?;
    screen.text(&command("tidegate plan", "show what would move, as a diff; changes nothing"))?;
    screen.text(&command("tidegate run", "the daemon of this demo"))?;
    let Some(folder) = folder else { return Ok(()) };
    let folder = folder.display();
    screen.text("\nIn this demo, whose daemon and registry run until Ctrl-C:\n")?;
    screen.text(&command(
        &format!("tidegate -c {folder}/tidegate.yaml hold payments-api --env prod --reason 'load test'"),
        "hold a service, and see it on the board",
    ))?;
    screen.text(&command(&format!("git -C {folder}/gitops.git log -p main"), "the history, with diffs"))?;
    screen.text(&format!("\nThe board: {BOLD}{}{BOLD:#}\n", board.url))
}

/// Where the folder is after Ctrl-C.
pub(super) fn kept(screen: &Screen<'_>, folder: &Path) -> Result<(), Fault> {
    screen.text(&format!(
        "\nThe folder is kept; its registry is gone, so commands that need one fail. To remove it: rm -r {}\n",
        folder.display()
    ))
}
