//! Mail, by the real binary to aiosmtpd: encrypted, logged in, and what goes wrong.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry/tls").join(name)
}

struct MailServer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl MailServer {
    fn start(mode: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/smtp_server.py");
        // Debian's own Python has Debian's modules.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(mode)
            .args([certificate("server.pem"), certificate("server.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the mail server needs Debian's python3-aiosmtpd: apt-get install python3-aiosmtpd");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .next()
            .expect("the mail server needs Debian's python3-aiosmtpd: apt-get install python3-aiosmtpd")
            .unwrap();
        Self { child, lines, port: port.parse().unwrap() }
    }

    fn message(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `notify test` with a channel of mail.
fn test(port: u16, mail: &str, more: &[&str], trusts: bool) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tidegate.yaml");
    let text = format!(
        "git: {{url: /srv/git/gitops.git}}\nenvironments: [{{name: prod, paths: [clusters/prod]}}]\n\
         store: {{url: \"sqlite://{}/t.db\"}}\nnotifications:\n- name: mail\n  \
         email: {{host: 127.0.0.1, port: {port}, from: Tidegate <tidegate@vtr.cl>, {mail}}}\n",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.env_clear().env("TIDEGATE_CONFIG", config).env("SMTP_PASSWORD", "hunter22hunter22");
    command.env("WRONG_PASSWORD", "correct-horse-battery");
    if trusts {
        command.env("SSL_CERT_FILE", certificate("authority.pem"));
    }
    command.args(["notify", "test", "mail"]).args(more).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const LOGIN: &str = "username: bot, passwordEnv: SMTP_PASSWORD";

#[test]
fn mail_is_sent_encrypted_and_logged_in() {
    for mode in ["startTls", "implicit"] {
        let mut server = MailServer::start(mode);
        let mail = format!("tls: {mode}, {LOGIN}, to: [platform@vtr.cl, Ana <ana@vtr.cl>]");
        let ran = test(server.port, &mail, &[], true);
        assert!(ran.status.success(), "{}", text(&ran));
        assert!(text(&ran).contains("250 2.0.0 queued as 1"), "{}", text(&ran));
        let message = server.message();
        assert_eq!(message["from"], "tidegate@vtr.cl");
        assert_eq!(message["to"], serde_json::json!(["platform@vtr.cl", "ana@vtr.cl"]));
        assert_eq!((&message["tls"], &message["login"]), (&true.into(), &"bot".into()), "{mode}");
        let data = message["data"].as_str().unwrap();
        for header in ["Auto-Submitted: auto-generated", "Message-ID: <", "Subject: "] {
            assert!(data.contains(header), "{data}");
        }
    }
}

#[test]
fn each_kind_arrives_as_text() {
    let mut server = MailServer::start("none");
    let ran = test(server.port, "tls: none, to: [platform@vtr.cl]", &["--each", "-o", "json"], false);
    assert!(ran.status.success(), "{}", text(&ran));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let count = report["messages"].as_array().unwrap().len();
    assert_eq!((&report["kind"], count), (&"NotifyTest".into(), 12));
    let first = server.message();
    let data = first["data"].as_str().unwrap();
    assert!(data.contains("Subject: common/graphql-server v1.0.180 is in prod"), "{data}");
}

#[test]
fn failures_are_reported_without_the_password() {
    let server = MailServer::start("startTls");
    let wrong = "username: bot, passwordEnv: WRONG_PASSWORD";
    for (mail, trusts, word) in [
        (format!("{LOGIN}, to: [platform@vtr.cl]"), false, "certificate"),
        (format!("{wrong}, to: [platform@vtr.cl]"), true, "535"),
        (format!("{LOGIN}, to: [refused@vtr.cl]"), true, "554"),
        (format!("tls: implicit, {LOGIN}, to: [platform@vtr.cl]"), true, "FAIL"),
    ] {
        let ran = test(server.port, &mail, &[], trusts);
        assert_eq!(ran.status.code(), Some(1), "{}", text(&ran));
        let output = text(&ran);
        assert!(output.contains(word), "{word}: {output}");
        assert!(!output.contains("correct-horse") && !output.contains("hunter22"), "{output}");
    }
}

#[test]
fn a_server_without_encryption_gets_nothing_where_encryption_is_asked_for() {
    let server = MailServer::start("none");
    let ran = test(server.port, &format!("{LOGIN}, to: [platform@vtr.cl]"), &[], true);
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran));
}
