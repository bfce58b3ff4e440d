//! Debian's Chromium without a window, driven through chromedriver.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

const DRIVER: &str = "chromedriver";

/// The longest that a page is waited for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What axe-core must hold pages to: WCAG 2.2 at level AA, and its own best practices.
const AXE: &str = "const done = arguments[arguments.length - 1]; \
                   axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})\
                   .then(found => done(found.violations.map(one => one.id + ': ' + one.help + ' at ' + \
                   one.nodes.map(node => node.target.join(' ') + ' ' + node.failureSummary).join(', '))), \
                   error => done([String(error)]));";

/// A browser with one page. Dropping it ends it.
pub(crate) struct Browser {
    driver: Child,
    http: reqwest::Client,
    /// Where the driver takes commands for the page.
    session: String,
    axe: String,
    _profile: TempDir,
}

/// How wide and high a page is, in CSS pixels.
pub(crate) const DESK: (u32, u32) = (1280, 900);
pub(crate) const PHONE: (u32, u32) = (390, 844);

impl Browser {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(DRIVER)
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {DRIVER} ({error}): apt-get install chromium-driver"));
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = said.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // Nothing that Chromium does by itself may leave this machine, and root may run it.
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                // Chromium ends with its driver, however that ends.
                "--remote-debugging-pipe",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let wanted = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        // As the binary does. The error, that a provider is already installed, is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let driver_url = format!("http://127.0.0.1:{}/session", port.unwrap());
        let begun = post(&http, &driver_url, json!({"capabilities": {"alwaysMatch": wanted}})).await;
        let session = format!("{driver_url}/{}", begun["sessionId"].as_str().unwrap());
        let browser = Self { driver, http, session, axe: axe(), _profile: profile };
        browser.resize(DESK).await;
        browser
    }

    /// Goes to a page, and waits until it is loaded.
    pub(crate) async fn goto(&self, url: &str) {
        self.command("url", json!({"url": url})).await;
    }

    /// Shows pages as a screen of this size does.
    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Shows pages as to somebody who prefers dark ones, or light ones.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs no script of pages from now on.
    pub(crate) async fn without_javascript(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.command("goog/cdp/execute", body).await;
    }

    /// What a script returns.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.command("execute/sync", json!({"script": script, "args": []})).await
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn wait_until(&self, what: &str, expression: &str) {
        let began = Instant::now();
        while self.evaluate(&format!("return Boolean({expression})")).await != json!(true) {
            if began.elapsed() > PATIENCE {
                let page = self.evaluate("return document.documentElement.outerHTML").await;
                panic!("{what} did not come about:\n{}", page.as_str().unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the console says since the last look: errors and warnings, also those of what the policy of a page blocked.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", json!({"type": "browser"})).await;
        let entries = log.as_array().unwrap().iter();
        entries
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// What axe-core finds wrong with the page.
    pub(crate) async fn violations(&self) -> Vec<String> {
        self.evaluate(&self.axe).await;
        let found = self.command("execute/async", json!({"script": AXE, "args": []})).await;
        serde_json::from_value(found).unwrap()
    }

    /// Whether the page is wider than the screen.
    pub(crate) async fn is_too_wide(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.evaluate(script).await == json!(true)
    }

    /// Types one key, such as `?`, wherever the focus is.
    pub(crate) async fn type_key(&self, key: &str) {
        let press = |kind| json!({"type": kind, "value": key});
        let actions = json!([{"type": "key", "id": "keys", "actions": [press("keyDown"), press("keyUp")]}]);
        self.command("actions", json!({"actions": actions})).await;
    }

    /// A picture of the page as far as the screen shows it, in PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let answer = self.http.get(format!("{}/screenshot", self.session)).send().await.unwrap();
        STANDARD.decode(value_of(answer).await.as_str().unwrap()).unwrap()
    }

    async fn command(&self, path: &str, body: Value) -> Value {
        post(&self.http, &format!("{}/{path}", self.session), body).await
    }
}

async fn post(http: &reqwest::Client, url: &str, body: Value) -> Value {
    value_of(http.post(url).json(&body).send().await.unwrap()).await
}

async fn value_of(answer: reqwest::Response) -> Value {
    let (status, mut document) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert!(status.is_success(), "{document:#}");
    document["value"].take()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with itself.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The text of axe-core.
fn axe() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install-axe.sh");
    let output = Command::new(script).arg("--where").output().unwrap();
    let path = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} ({error}): run scripts/install-axe.sh", path.display()))
}
