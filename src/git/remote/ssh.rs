//! Git over ssh: the options for the `ssh` program, and the diagnosis of a failed connection.
//!
//! `ssh` reads no user configuration, never prompts, offers only the configured key, and accepts only known hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::program;
use super::reach::{Login, Reach, Secret};
use super::remote_error::RemoteError;
use crate::model::{Class, Fault, NetworkUrl, Printable};

/// Timeout of each diagnostic command after a failure.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(15);

/// Carries the passphrase to [`ASKPASS`].
const PASSPHRASE_VARIABLE: &str = "TIDEGATE_SSH_PASSPHRASE";

/// `ssh` takes a passphrase only from a program.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$TIDEGATE_SSH_PASSPHRASE\"\n";

/// The program's name in the mirror's folder.
const ASKPASS_FILE: &str = "tidegate-askpass";

/// Options of every connection. `ssh` uses the first value that it gets for an option.
const OPTIONS: [&str; 14] = [
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "NumberOfPasswordPrompts=1",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
    "ConnectTimeout=20",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
];

/// Sets up `command` to connect over ssh.
pub(super) fn prepare(command: &mut Command, reach: &Reach, mirror: &Path) -> Result<(), Fault> {
    command.env("GIT_SSH_COMMAND", command_line(&reach.login)?).env("GIT_SSH_VARIANT", "ssh");
    if let Login::SshKey { passphrase: Some(passphrase), .. } = &reach.login {
        let askpass = mirror.join(ASKPASS_FILE);
        write_askpass(&askpass).map_err(|error| {
            Fault::new(Class::Failed, format!("cannot write {}", askpass.display())).with_source(error)
        })?;
        with_passphrase(command, passphrase.as_ref(), &askpass)?;
    }
    Ok(())
}

fn with_passphrase(command: &mut Command, passphrase: &dyn Secret, askpass: &Path) -> Result<(), Fault> {
    let passphrase = passphrase.read()?;
    command
        .env("SSH_ASKPASS", askpass)
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env(PASSPHRASE_VARIABLE, passphrase.expose_secret());
    Ok(())
}

fn write_askpass(path: &Path) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|bytes| bytes == ASKPASS.as_bytes()) {
        return Ok(());
    }
    let new = path.with_extension("new");
    fs::write(&new, ASKPASS)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o700))?;
    fs::rename(&new, path)
}

/// The value of `GIT_SSH_COMMAND`, which Git passes to a shell.
fn command_line(login: &Login) -> Result<String, Fault> {
    let mut options: Vec<String> = OPTIONS.iter().map(ToString::to_string).collect();
    let known_hosts = match login {
        Login::SshKey { file, passphrase, known_hosts } => {
            options.push("IdentitiesOnly=yes".to_owned());
            options.push("IdentityAgent=none".to_owned());
            options.push(format!("IdentityFile={}", quoted(file)?));
            let batch = if passphrase.is_some() { "no" } else { "yes" };
            options.push(format!("BatchMode={batch}"));
            known_hosts
        }
        Login::SshAgent { socket, known_hosts } => {
            options.push("IdentityFile=none".to_owned());
            options.push(format!("IdentityAgent={}", quoted(socket)?));
            options.push("BatchMode=yes".to_owned());
            known_hosts
        }
        Login::None | Login::Token { .. } => {
            return Err(Fault::new(Class::Usage, "git.url uses ssh, but no ssh key is configured")
                .with_hint("set git.auth.sshKey, or git.auth.sshAgent for an agent"));
        }
    };
    if let Some(file) = known_hosts {
        options.push(format!("UserKnownHostsFile={}", quoted(file)?));
        options.push("GlobalKnownHostsFile=/dev/null".to_owned());
    }
    let options: Vec<String> = options.iter().map(|option| format!("-o '{option}'")).collect();
    Ok(format!("ssh -F none {}", options.join(" ")))
}

/// A path quoted for an option of `ssh` inside single quotes of a shell.
fn quoted(path: &Path) -> Result<String, Fault> {
    let refused = || {
        let shown = Printable::new(&path.to_string_lossy()).to_string();
        Fault::new(Class::Usage, format!("cannot pass the path {shown} to ssh"))
            .with_hint("use an absolute path without quotes, backslashes, `$`, `%` and control characters")
    };
    let text = path.to_str().ok_or_else(refused)?;
    let is_odd = |letter: char| "'\"\\$%`".contains(letter) || letter.is_control();
    if !path.is_absolute() || text.contains(is_odd) {
        return Err(refused());
    }
    Ok(format!("\"{text}\""))
}

/// Adds what `ssh` does not print: the server's fingerprint, the state of the key. Leaves the error unchanged if that fails.
pub(super) fn diagnose(remote_error: RemoteError, url: &NetworkUrl, reach: &Reach) -> RemoteError {
    match remote_error {
        RemoteError::UnknownHost { kind, .. } => {
            let known_hosts = match &reach.login {
                Login::SshKey { known_hosts, .. } | Login::SshAgent { known_hosts, .. } => {
                    known_hosts.clone()
                }
                _ => None,
            };
            let shown = host_key(url, &kind);
            let (fingerprint, line) = shown.map_or((None, None), |(print, line)| (Some(print), Some(line)));
            RemoteError::UnknownHost { kind, known_hosts, fingerprint, line }
        }
        RemoteError::LoginRefused { message, .. } => match &reach.login {
            Login::SshKey { file, passphrase, .. } => diagnose_key(file, passphrase.as_deref(), message),
            _ => RemoteError::LoginRefused { message, offered: None },
        },
        other => other,
    }
}

/// The fingerprint of the key that the server presents now, and its `known_hosts` line.
fn host_key(url: &NetworkUrl, kind: &str) -> Option<(String, String)> {
    let mut scan = bare("ssh-keyscan");
    if let Some(port) = url.port() {
        scan.arg("-p").arg(port.to_string());
    }
    let scanned = program::run(scan, ["-T", "10", "--", url.host()], DIAGNOSIS_TIMEOUT).ok()?;
    let text = String::from_utf8_lossy(&scanned.stdout);
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.len() < 2_000);
    // `ssh` prints ED25519, RSA, ECDSA; the line has ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256.
    let is_it = |line: &&str| line.split(' ').nth(1).is_some_and(|name| name.contains(&kind.to_lowercase()));
    let line = lines.clone().find(is_it).or_else(|| lines.clone().next())?;
    let file = tempfile::NamedTempFile::new().ok()?;
    fs::write(file.path(), line).ok()?;
    Some((fingerprint(file.path())?, Printable::bounded(line, 2_000).to_string()))
}

/// Why the server rejected the key in `file`.
fn diagnose_key(file: &Path, passphrase: Option<&dyn Secret>, message: String) -> RemoteError {
    let path = file.display().to_string();
    let bad = |reason: &'static str| RemoteError::Key { path: path.clone(), reason };
    if message.contains("bad permissions") || message.contains("UNPROTECTED PRIVATE KEY") {
        return bad("other users can read it, so ssh refuses it");
    }
    match fs::read(file) {
        Err(_) => return bad("the file cannot be read"),
        Ok(bytes) if bytes.is_empty() => return bad("the file is empty"),
        Ok(_) => {}
    }
    let mut open = bare("ssh-keygen");
    open.arg("-y");
    let folder = tempfile::tempdir();
    match (passphrase, &folder) {
        (Some(passphrase), Ok(folder)) => {
            let askpass = folder.path().join(ASKPASS_FILE);
            if write_askpass(&askpass).is_err() || with_passphrase(&mut open, passphrase, &askpass).is_err() {
                return RemoteError::LoginRefused { message, offered: None };
            }
        }
        // An empty passphrase is no secret.
        _ => drop(open.args(["-P", ""])),
    }
    let Ok(opened) = program::run(open, ["-f".as_ref(), file.as_os_str()], DIAGNOSIS_TIMEOUT) else {
        return RemoteError::LoginRefused { message, offered: None };
    };
    if opened.status.success() {
        return RemoteError::LoginRefused { message, offered: public_fingerprint(&opened.stdout) };
    }
    match (passphrase, opened.diagnostics().contains("passphrase")) {
        (Some(_), true) => bad("the passphrase is wrong"),
        (None, true) => bad("it is encrypted; set git.auth.sshKey.passphrase"),
        (_, false) => bad("it contains no private key that ssh can read"),
    }
}

fn public_fingerprint(public_key: &[u8]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().ok()?;
    fs::write(file.path(), public_key).ok()?;
    fingerprint(file.path())
}

/// `256 SHA256:… comment (ED25519)` becomes `SHA256:…`.
fn fingerprint(file: &Path) -> Option<String> {
    let printed =
        program::run(bare("ssh-keygen"), ["-l".as_ref(), "-f".as_ref(), file.as_os_str()], DIAGNOSIS_TIMEOUT);
    let text = String::from_utf8(printed.ok()?.stdout).ok()?;
    let print = text.split(' ').find(|word| word.starts_with("SHA256:"))?;
    Some(Printable::bounded(print, 100).to_string())
}

/// A program of OpenSSH with the minimal environment.
fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    program::unattended(&mut command);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(file: &str) -> Login {
        Login::SshKey { file: file.into(), passphrase: None, known_hosts: Some("/etc/tidegate/known".into()) }
    }

    #[test]
    fn ssh_uses_one_key_one_known_hosts_file_and_no_prompt() {
        let line = command_line(&login("/etc/tide gate/id")).unwrap();
        for part in [
            "ssh -F none ",
            "-o 'BatchMode=yes'",
            "-o 'StrictHostKeyChecking=yes'",
            "-o 'IdentitiesOnly=yes'",
            "-o 'IdentityAgent=none'",
            "-o 'IdentityFile=\"/etc/tide gate/id\"'",
            "-o 'UserKnownHostsFile=\"/etc/tidegate/known\"'",
            "-o 'GlobalKnownHostsFile=/dev/null'",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    #[test]
    fn a_path_with_shell_or_ssh_syntax_is_refused() {
        for path in ["id", "/a'b", "/a\"b", "/a$(touch x)", "/a%d", "/a\\b", "/a\nb", "/a`b"] {
            assert_eq!(command_line(&login(path)).unwrap_err().class(), Class::Usage, "{path}");
        }
        assert_eq!(command_line(&Login::None).unwrap_err().class(), Class::Usage);
    }
}
