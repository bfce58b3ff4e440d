//! The real binary killed again and again, among people who merge, force, rename, hold and roll back, while the store is
//! deleted and the configuration changes. What it did is judged by `scripts/audit.py` from Git alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;

use crate::support::git::{Origin, command, try_git};
use crate::support::registry::{DockerRegistry, Image};

use super::audit;
use super::crashes::Dice;

/// How often a pass is killed, unless `TIDEGATE_SOAK` says otherwise.
const KILLS: u64 = 30;

const SERVICES: usize = 6;

/// How long a version has to run in non-prod.
const SOAK_SECONDS: u64 = 20;

/// By how much a person's commit may be older than its push: the longest time between two fetches.
const SLACK_SECONDS: u64 = 8;

/// The version that is everywhere at the end.
const LAST: &str = "v9.9.9";

/// How long the last version may take to get everywhere.
const LAST_PATIENCE: Duration = Duration::from_mins(5);

/// SIGKILL.
const KILLED: i32 = 9;

fn kills() -> u64 {
    std::env::var("TIDEGATE_SOAK").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS)
}

struct Soak {
    registry: DockerRegistry,
    origin: Origin,
    /// Where people work.
    clone: PathBuf,
    dice: Dice,
    /// The folder of prod.
    prod: String,
    /// What the services are called now.
    names: Vec<String>,
    /// The newest version of each service.
    newest: Vec<u64>,
    has_stage: bool,
    round: u64,
}

fn release(host: &str, service: usize, name: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: common\nspec:\n  \
         values:\n    image:\n      repository: {host}/vtr/svc-{service}\n      tag: {tag} # ours\n"
    )
}

impl Soak {
    async fn new() -> Self {
        let registry = DockerRegistry::start();
        let (host, names) = (registry.host(), (0..SERVICES).map(|service| format!("svc-{service}")));
        let names: Vec<String> = names.collect();
        let mut files = Vec::new();
        for (service, name) in names.iter().enumerate() {
            for folder in ["non-prod", "prod", "stage"] {
                files.push((
                    format!("clusters/{folder}/svc-{service}.yaml"),
                    release(&host, service, name, "v1.0.0"),
                ));
            }
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let origin = Origin::with_files(&files);
        origin.git(&["config", "core.logAllRefUpdates", "always"]);
        let clone = origin.clone_to("clone");
        let soak = Self {
            registry,
            origin,
            clone,
            dice: Dice(20_261_130),
            prod: "prod".to_owned(),
            names,
            newest: vec![0; SERVICES],
            has_stage: false,
            round: 0,
        };
        for service in 0..SERVICES {
            soak.release(service, "v1.0.0").await;
        }
        soak.configure();
        soak
    }

    async fn release(&self, service: usize, tag: &str) {
        self.registry.push(&format!("vtr/svc-{service}"), tag, &Image::labelled("version", tag)).await;
    }

    fn configure(&self) {
        let stage = if self.has_stage {
            "- {name: stage, paths: [clusters/stage], after: non-prod, soak: 0s}\n"
        } else {
            ""
        };
        let text = format!(
            "git: {{url: {url}}}\n\
             clockTolerance: 1s\n\
             registries: [{{host: \"{host}\", plainHttp: true}}]\n\
             environments:\n\
             - {{name: non-prod, paths: [clusters/non-prod]}}\n\
             - {{name: prod, paths: [clusters/{prod}], after: non-prod, soak: {SOAK_SECONDS}s}}\n\
             {stage}store: {{url: \"sqlite://{database}\"}}\n\
             schedule: \"* * * * * *\"\n",
            url = self.origin.url(),
            host = self.registry.host(),
            prod = self.prod,
            database = self.origin.beside("data/tidegate.db").display(),
        );
        fs::write(self.origin.beside("tidegate.yaml"), text).unwrap();
    }

    fn tidegate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).args(arguments);
        for name in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TIDEGATE_CONFIG", self.origin.beside("tidegate.yaml"))
            .env("HOME", self.origin.beside("home"))
            .env("USER", "ana");
        command
    }

    /// A person's git, some time ago. Whether it succeeded.
    fn git_then(&self, arguments: &[&str], seconds_ago: i64) -> bool {
        let date = format!("{} +0000", Utc::now().timestamp() - seconds_ago);
        let mut git = command(&self.clone);
        git.args(arguments).env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        git.output().unwrap().status.success()
    }

    fn git(&self, arguments: &[&str]) -> bool {
        self.git_then(arguments, 0)
    }

    /// Goes to what the branch is now, or was some commits ago.
    fn checkout(&self, back: u64) -> bool {
        self.git(&["fetch", "--quiet", "origin"])
            && self.git(&["checkout", "--quiet", "--force", "--detach", &format!("origin/main~{back}")])
    }

    /// Commits what was changed and pushes it. Somebody else may be first; then it does not happen.
    fn push(&self, message: &str, seconds_ago: i64) -> bool {
        self.git(&["add", "--all"])
            && self.git_then(&["commit", "--quiet", "--allow-empty", "-m", message], seconds_ago)
            && self.git(&["push", "--quiet", "origin", "HEAD:main"])
    }

    fn edit(&self, path: &str, edit: impl FnOnce(String) -> String) {
        let path = self.clone.join(path);
        if let Ok(text) = fs::read_to_string(&path) {
            fs::write(path, edit(text)).unwrap();
        }
    }

    /// A file of a service, and the service.
    fn file(&mut self) -> (String, usize) {
        let folder = if self.dice.roll(2) == 0 { "non-prod".to_owned() } else { self.prod.clone() };
        let service = self.service();
        (format!("clusters/{folder}/svc-{service}.yaml"), service)
    }

    fn service(&mut self) -> usize {
        usize::try_from(self.dice.roll(SERVICES as u64)).unwrap()
    }

    /// A person writes a version: an earlier one or the newest, now or with a clock that is behind.
    fn write_version(&mut self) {
        let (path, service) = self.file();
        let newest = self.newest[service];
        let number = if self.dice.roll(3) == 0 { newest } else { self.dice.roll(newest + 1) };
        let seconds_ago = if self.dice.roll(3) == 0 { 3600 } else { 0 };
        if self.checkout(0) {
            self.edit(&path, |text| with_tag(&text, &format!("v1.0.{number}")));
            self.push(&format!("{path} to v1.0.{number}"), seconds_ago);
        }
    }

    /// Somebody with work on an older head pulls and pushes.
    fn pull(&mut self) {
        let back = 1 + self.dice.roll(4);
        let (round, octopus) = (self.round, self.dice.roll(3) == 0);
        if !self.checkout(back) {
            return;
        }
        fs::write(self.clone.join(format!("note-{round}.md")), "own work\n").unwrap();
        let is_committed = self.git(&["add", "--all"]) && self.git(&["commit", "--quiet", "-m", "own work"]);
        let heads: &[&str] = if octopus { &["origin/main", "origin/main~1"] } else { &["origin/main"] };
        let merge = [&["merge", "--quiet", "--no-edit", "-m", "pull"], heads].concat();
        if is_committed && self.git(&merge) {
            self.git(&["push", "--quiet", "origin", "HEAD:main"]);
        }
        self.git(&["merge", "--abort"]);
    }

    /// Somebody merges a topic branch, which wrote a version and perhaps another one after it.
    fn merge_topic(&mut self) {
        let (path, service) = self.file();
        let (back, newest) = (1 + self.dice.roll(4), self.newest[service]);
        let numbers = [self.dice.roll(newest + 1), self.dice.roll(newest + 1)];
        if !self.checkout(back) {
            return;
        }
        for number in numbers {
            self.edit(&path, |text| with_tag(&text, &format!("v1.0.{number}")));
            self.git(&["commit", "--quiet", "-am", &format!("topic: {path} to v1.0.{number}")]);
        }
        let is_on = self.git(&["branch", "--quiet", "--force", "topic"])
            && self.git(&["checkout", "--quiet", "--detach", "origin/main"]);
        // What the branch has stays where both changed it.
        if is_on && self.git(&["merge", "--quiet", "--no-ff", "-X", "ours", "-m", "topic", "topic"]) {
            self.git(&["push", "--quiet", "origin", "HEAD:main"]);
        }
        self.git(&["merge", "--abort"]);
    }

    /// Somebody puts the branch back by force, to before what Tidegate knows.
    fn force(&mut self) {
        self.tidegate(&["sync", "-qq"]).status().unwrap();
        let back = 1 + self.dice.roll(3);
        if self.checkout(back)
            && self.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("force: {back} back")])
        {
            self.git(&["push", "--quiet", "--force-with-lease=main:origin/main", "origin", "HEAD:main"]);
            self.follow_names();
        }
    }

    /// Follows the names on the branch: a force push may have brought earlier ones back.
    fn follow_names(&mut self) {
        let folders = self.origin.git(&["ls-tree", "--name-only", "main:clusters"]);
        let mut prod = folders.lines().filter(|folder| folder.starts_with("prod"));
        if let Some(first) = prod.clone().next()
            && !prod.any(|folder| folder == self.prod)
        {
            first.clone_into(&mut self.prod);
            self.configure();
        }
        for service in 0..SERVICES {
            let text = self.origin.file(&format!("clusters/non-prod/svc-{service}.yaml"));
            if let Some(name) = text.lines().find_map(|line| line.strip_prefix("  name: ")) {
                name.clone_into(&mut self.names[service]);
            }
        }
    }

    fn rename_folder(&mut self) {
        let to = format!("prod-{}", self.round);
        let (from, into) = (format!("clusters/{}", self.prod), format!("clusters/{to}"));
        if self.checkout(0) && self.git(&["mv", &from, &into]) && self.push("rename prod's folder", 0) {
            self.prod = to;
            self.configure();
        }
    }

    fn rename_service(&mut self) {
        let service = self.service();
        let (from, to) = (self.names[service].clone(), format!("svc-{service}-r{}", self.round));
        if !self.checkout(0) {
            return;
        }
        for folder in ["non-prod", "stage", &self.prod.clone()] {
            self.edit(&format!("clusters/{folder}/svc-{service}.yaml"), |text| {
                text.replace(&format!("name: {from}\n"), &format!("name: {to}\n"))
            });
        }
        if self.push(&format!("rename {from} to {to}"), 0) {
            self.names[service] = to;
        }
    }

    /// Somebody holds a service or prod, or ends what is held.
    fn hold(&mut self) {
        let service = self.service();
        if !self.checkout(0) {
            return;
        }
        if self.dice.roll(2) == 0 {
            let _ = fs::remove_dir_all(self.clone.join(".tidegate/hold"));
            self.push("release all", 0);
            return;
        }
        let what = match self.dice.roll(3) {
            0 => "environments: [prod]\n".to_owned(),
            1 => format!("service: common/{}\n", self.names[service]),
            _ => format!("service: common/{}\nenvironments: [non-prod]\n", self.names[service]),
        };
        fs::create_dir_all(self.clone.join(".tidegate/hold")).unwrap();
        let text = format!("kind: Hold\n{what}reason: soak\nby: ana\nat: 2026-11-24T09:00:00Z\n");
        fs::write(self.clone.join(format!(".tidegate/hold/{}.yaml", self.round)), text).unwrap();
        self.push("hold", 0);
    }

    fn roll_back(&mut self) {
        let service = self.service();
        let service = format!("common/{}", self.names[service]);
        let by = format!("ana-{}", self.round);
        let back = ["rollback", &service, "--env", "prod", "--reason", "soak", "--by", &by, "--yes"];
        self.tidegate(&back).status().unwrap();
    }

    async fn event(&mut self) {
        match self.dice.roll(24) {
            0..6 => {
                let service = self.service();
                self.newest[service] += 1;
                self.release(service, &format!("v1.0.{}", self.newest[service])).await;
            }
            6..10 => self.write_version(),
            10..12 => self.pull(),
            12..14 => self.merge_topic(),
            14 => self.force(),
            15 => self.rename_folder(),
            16 => self.rename_service(),
            17 | 18 => self.hold(),
            19 => self.roll_back(),
            20 => {
                self.has_stage = !self.has_stage;
                self.configure();
            }
            _ => {}
        }
    }

    fn delete_store(&self) {
        let Ok(entries) = fs::read_dir(self.origin.beside("data")) else { return };
        for entry in entries.map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with("tidegate.db") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    fn is_everywhere(&self, tag: &str) -> bool {
        let folders = ["non-prod", "stage", self.prod.as_str()];
        folders.into_iter().flat_map(|folder| (0..SERVICES).map(move |service| (folder, service))).all(
            |(folder, service)| {
                let path = format!("clusters/{folder}/svc-{service}.yaml");
                self.origin.file(&path).contains(&format!("tag: {tag} "))
            },
        )
    }

    /// Ends every hold, and lets a last version of everything go everywhere.
    async fn settle(&mut self) {
        while !(self.checkout(0) && {
            let _ = fs::remove_dir_all(self.clone.join(".tidegate/hold"));
            self.push("release all", 0)
        }) {}
        self.follow_names();
        self.has_stage = true;
        self.configure();
        for service in 0..SERVICES {
            self.release(service, LAST).await;
        }
        let mut daemon = self.tidegate(&["run"]).spawn().unwrap();
        let began = Instant::now();
        while !self.is_everywhere(LAST) && began.elapsed() < LAST_PATIENCE {
            thread::sleep(Duration::from_millis(200));
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert!(try_git(&self.origin.path(), &["fsck", "--strict"]).status.success());
    }

    fn audit(&self) -> (bool, String) {
        let arguments = [
            "--environment=non-prod=clusters/non-prod/*",
            "--environment=prod=clusters/prod*",
            "--environment=stage=clusters/stage/*",
            "--after=prod=non-prod",
            &format!("--soak=prod={SOAK_SECONDS}"),
            &format!("--slack={SLACK_SECONDS}"),
            &format!("--expect={LAST}"),
        ];
        let output =
            Command::new("python3").arg(audit::script()).arg(self.origin.path()).args(arguments).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

fn with_tag(text: &str, tag: &str) -> String {
    let line = |line: &str| {
        let is_tag = line.trim_start().starts_with("tag: ");
        if is_tag { format!("      tag: {tag} # ours\n") } else { format!("{line}\n") }
    };
    text.lines().map(line).collect()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures of a soak are for whoever runs it")]
async fn killed_again_and_again_among_people_every_promise_holds() {
    let mut soak = Soak::new().await;
    let (mut killed, mut longest) = (0, Duration::from_millis(500));
    while killed < kills() {
        soak.round += 1;
        if soak.dice.roll(16) == 0 {
            soak.delete_store();
        }
        let began = Instant::now();
        let mut pass = soak.tidegate(&["sync", "-qq"]).spawn().unwrap();
        // Half of the passes die while somebody else is at work, the others by themselves.
        if soak.dice.roll(2) == 0 {
            soak.event().await;
        }
        let millis = u64::try_from(longest.as_millis()).unwrap() * 5 / 4;
        let dies_at = Duration::from_millis(soak.dice.roll(millis));
        while began.elapsed() < dies_at && pass.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        // It may have ended by itself.
        let _ = pass.kill();
        let status = pass.wait().unwrap();
        if status.signal() == Some(KILLED) {
            killed += 1;
        } else {
            assert_ne!(status.code(), Some(101), "a pass panicked");
            longest = (longest * 7 + began.elapsed().min(Duration::from_secs(5))) / 8;
        }
    }
    soak.settle().await;
    let (is_sound, said) = soak.audit();
    println!("{killed} kills in {} passes; {said}", soak.round);
    assert!(is_sound, "{said}\nthe repository is kept at {}", kept(soak.origin));
}

/// Leaves the repository where somebody can look at it.
fn kept(origin: Origin) -> String {
    let path = origin.url();
    std::mem::forget(origin);
    path
}
