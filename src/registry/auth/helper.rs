//! Docker credential helpers: `docker-credential-NAME` reads a host from stdin and prints a credential.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::credential::{Credential, CredentialsError};

const MAX_BYTES: u64 = 64 * 1024;

/// Marks the secret as an identity token.
const TOKEN_USERNAME: &str = "<token>";

/// Not `Debug`: these are secrets.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    username: String,
    secret: String,
}

/// Runs the helper `name`, named in `config`, for `server`. No shell is involved.
pub(super) async fn get(
    name: &str,
    config: &Path,
    server: &str,
    deadline: Duration,
) -> Result<Credential, CredentialsError> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_good) {
        return Err(CredentialsError::HelperName { path: config.to_owned() });
    }
    get_from(&format!("docker-credential-{name}"), server, deadline).await
}

/// Runs `program` for `server`, and kills it after `deadline`.
async fn get_from(program: &str, server: &str, deadline: Duration) -> Result<Credential, CredentialsError> {
    let run = timeout(deadline, run(program, server)).await;
    let run =
        run.map_err(|_| CredentialsError::HelperTimeout { program: program.to_owned(), waited: deadline })?;
    let (is_success, output) =
        run.map_err(|source| CredentialsError::HelperRun { program: program.to_owned(), source })?;
    if is_success { read(program, &output) } else { absent_or_failed(program, &output) }
}

async fn run(program: &str, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that ignores its input still reports by its output.
        let _ = input.write_all(server.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(printed) = child.stdout.take() {
        printed.take(MAX_BYTES).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

fn read(program: &str, output: &[u8]) -> Result<Credential, CredentialsError> {
    let how = "it printed something else".to_owned();
    let unreadable = || CredentialsError::Helper { program: program.to_owned(), how };
    let printed: Printed = serde_json::from_slice(output).map_err(|_| unreadable())?;
    let secret = SecretString::from(printed.secret);
    if printed.username == TOKEN_USERNAME {
        return Ok(Credential::IdentityToken(secret));
    }
    Ok(Credential::Password { username: printed.username, password: secret })
}

/// A helper without an entry fails with this text, which Docker's own client matches too.
fn absent_or_failed(program: &str, output: &[u8]) -> Result<Credential, CredentialsError> {
    let text = String::from_utf8_lossy(output);
    if text.trim() == "credentials not found in native keychain" {
        return Ok(Credential::None);
    }
    // Never show the output: it may contain a secret.
    Err(CredentialsError::Helper { program: program.to_owned(), how: "it failed".to_owned() })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    async fn ask(script: &str, deadline: Duration) -> Result<Credential, CredentialsError> {
        let folder = tempfile::tempdir().unwrap();
        let (text, path) = (folder.path().join("text"), folder.path().join("docker-credential-test"));
        std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        // Copied by another process: a program that this one has open for writing, even by a fork, cannot be run.
        let copied = std::process::Command::new("install").args(["-m", "755"]).args([&text, &path]).status();
        assert!(copied.unwrap().success());
        get_from(path.to_str().unwrap(), "ghcr.io", deadline).await
    }

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_helper_is_given_the_host_and_prints_a_password() {
        let script =
            r#"read -r host; echo "{\"ServerURL\":\"$host\",\"Username\":\"$1-$host\",\"Secret\":\"s\"}""#;
        let Credential::Password { username, password } = ask(script, SOON).await.unwrap() else {
            panic!("no password")
        };
        assert_eq!((username.as_str(), password.expose_secret()), ("get-ghcr.io", "s"));
    }

    #[tokio::test]
    async fn a_helper_may_print_an_identity_token() {
        let found = ask(r#"echo '{"Username":"<token>","Secret":"it"}'"#, SOON).await.unwrap();
        assert!(matches!(found, Credential::IdentityToken(_)), "{found:?}");
    }

    #[tokio::test]
    async fn a_helper_that_has_nothing_is_no_failure() {
        let script = "echo 'credentials not found in native keychain'; exit 1";
        assert!(matches!(ask(script, SOON).await.unwrap(), Credential::None));
    }

    #[tokio::test]
    async fn failures_are_reported_without_the_output() {
        for script in ["echo hunter2; exit 1", "echo hunter2", "yes hunter2 | head -c 1000000"] {
            let error = ask(script, SOON).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("gave no credentials") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_ended() {
        let error = ask("exec sleep 60", Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(error, CredentialsError::HelperTimeout { .. }), "{error}");
    }
}
