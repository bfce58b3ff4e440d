//! Signatures by the `gpg` program.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::git::ProgramError;
use crate::git::remote::program::{self, Output};
use crate::model::{Class, Fault};

/// How long one signature may take; a key on a card takes seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// The signature of `commit` by `key`, which has no passphrase, or one that the agent of GPG knows already.
pub(super) fn sign(key: &str, home: Option<&Path>, commit: &[u8]) -> Result<String, Fault> {
    let failed = || Fault::new(Class::Failed, format!("cannot sign a commit by the GPG key {key}"));
    let mut file = tempfile::NamedTempFile::new().map_err(|error| failed().with_source(error))?;
    file.write_all(commit).map_err(|error| failed().with_source(error))?;
    let mut command = Command::new("gpg");
    program::unattended(&mut command);
    if let Some(home) = home {
        command.env("GNUPGHOME", home);
    }
    command.args(["--batch", "--no-tty", "--quiet", "--pinentry-mode", "error", "--armor", "--detach-sign"]);
    command.args(["--local-user", key, "--output", "-", "--"]).arg(file.path());
    let signed = program::run(command, [""; 0], DEADLINE).and_then(Output::success);
    let output = signed.map_err(|error| {
        let hint = match &error {
            ProgramError::Missing { .. } => "install it, on Debian with `apt install gpg`",
            _ => "the keyring in git.signing.gpgHome must have the secret key, without a passphrase",
        };
        failed().with_hint(hint).with_source(error)
    })?;
    String::from_utf8(output.stdout).map_err(|error| failed().with_source(error))
}
