//! What is measured: each scenario makes its repository, runs the program on it, and tells rows of the report.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Cost, Tidegate};
use super::registry::Registry;
use super::report::{Report, mebibytes, milliseconds, seconds};
use super::repository::{CLUSTERS, Layout, extend, generate, git};

/// The sizes that the targets are set for.
const LARGE: Layout = Layout { services: 5_000, images: 1_000, tags: 300, one_behind_in: 10, commits: 1_000 };
const SMALL: Layout = Layout { services: 500, images: 20, tags: 300, one_behind_in: 10, commits: 200 };
const LONG: Layout = Layout { services: 5_000, images: 1_000, tags: 300, one_behind_in: 0, commits: 100_000 };
const TINY: Layout = Layout { services: 10, images: 10, tags: 20, one_behind_in: 0, commits: 10 };

/// A schedule of a pass every second, and one of a pass in January.
const EVERY_SECOND: &str = "* * * * * *";
const EVERY_YEAR: &str = "0 0 1 1 *";

/// How a repository is configured.
struct Policy {
    schedule: &'static str,
    /// Whether the second cluster comes after the first one.
    is_chain: bool,
}

const CHAIN: Policy = Policy { schedule: EVERY_YEAR, is_chain: true };

/// A generated repository, its registry and the program's configuration.
struct Place {
    folder: tempfile::TempDir,
    registry: Registry,
    tidegate: Tidegate,
}

impl Place {
    fn new(layout: Layout, policy: &Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::start(layout.tags);
        let origin = folder.path().join("origin.git");
        std::fs::create_dir(&origin).unwrap();
        generate(&origin, layout, &registry.host());
        let config = folder.path().join("tidegate.yaml");
        std::fs::write(&config, configuration(folder.path(), &registry.host(), policy)).unwrap();
        Self { tidegate: Tidegate::new(&config), folder, registry }
    }

    fn origin(&self) -> std::path::PathBuf {
        self.folder.path().join("origin.git")
    }

    /// Takes away all that the program keeps.
    fn forget(&self) {
        let data = self.folder.path().join("data");
        if data.exists() {
            std::fs::remove_dir_all(data).unwrap();
        }
    }

    /// Waits until the registry has given so many lists. How many it has given.
    fn wait_for_lists(&self, most: u64) -> u64 {
        let started = Instant::now();
        loop {
            let given = self.registry.lists_count();
            if given >= most {
                return given;
            }
            assert!(
                started.elapsed() < Duration::from_mins(2),
                "the daemon has asked for {given} lists only"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn configuration(folder: &Path, host: &str, policy: &Policy) -> String {
    let [first, second] = CLUSTERS;
    let after = if policy.is_chain { format!("\n    after: {first}\n    soak: 24h") } else { String::new() };
    let folder = folder.display();
    format!(
        "schedule: \"{}\"\n\
         timezone: UTC\n\
         git:\n\
         \x20 url: {folder}/origin.git\n\
         \x20 branch: main\n\
         \x20 author: {{name: tidegate, email: tidegate@example.org}}\n\
         \x20 batch: all\n\
         registries:\n\
         \x20 - {{host: \"{host}\", plainHttp: true, rateLimit: {{perSecond: 10000, burst: 10000}}}}\n\
         environments:\n\
         \x20 - name: {first}\n\
         \x20   paths: [clusters/{first}]\n\
         \x20 - name: {second}\n\
         \x20   paths: [clusters/{second}]{after}\n\
         services:\n\
         \x20 defaults: {{versions: \">=1.0.0\"}}\n\
         store: {{url: \"sqlite://{folder}/data/tidegate.db\"}}\n",
        policy.schedule
    )
}

/// `tidegate --version` and a warm `plan` over ten services: what every command costs at least.
pub(crate) fn start(report: &mut Report, runs: usize) {
    let place = Place::new(TINY, &CHAIN);
    let versions = repeat(runs, || place.tidegate.run(&["--version"]).0);
    report.tell("`tidegate --version`", "", &[("wall", seconds(&versions, |cost| cost.wall))]);
    place.tidegate.run(&["plan"]);
    let plans = repeat(runs, || place.tidegate.run(&["plan"]).0);
    report.tell("`plan`, 10 services", "< 50 ms", &usual(&plans));
}

/// A cold `plan` over 1,000 `HelmRelease`s.
pub(crate) fn plan_small(report: &mut Report, runs: usize) {
    plan(report, runs, SMALL, "< 0.25 s, < 60 MiB");
}

/// A cold `plan` over 10,000 `HelmRelease`s.
pub(crate) fn plan_large(report: &mut Report, runs: usize) {
    plan(report, runs, LARGE, "< 3 s, < 150 MiB");
}

/// The same where every service of the first environment has a newer version.
pub(crate) fn plan_all_behind(report: &mut Report, runs: usize) {
    plan(report, runs, Layout { one_behind_in: 1, ..LARGE }, "");
}

fn plan(report: &mut Report, runs: usize, layout: Layout, target: &str) {
    let place = Place::new(layout, &CHAIN);
    let behind = layout.services / layout.one_behind_in;
    let costs = repeat(runs, || {
        place.forget();
        let (cost, output) = place.tidegate.run(&["plan"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let summary = format!("{behind} would move, 0 wait, {} up to date at", layout.releases() - behind);
        assert!(text.lines().last().is_some_and(|last| last.starts_with(&summary)), "{text}");
        cost
    });
    let name = format!(
        "cold `plan`, {} HelmReleases, {} images, {} tags each, {behind} behind",
        layout.releases(),
        layout.images,
        layout.tags
    );
    report.tell(&name, target, &usual(&costs));
}

/// Passes in which nothing changed. With one image for all, the registry's answers are next to nothing.
pub(crate) fn nothing_changed(report: &mut Report, _runs: usize) {
    for (images, target) in [(1, "< 60 ms"), (1_000, "")] {
        let layout = Layout { images, one_behind_in: 0, ..LARGE };
        let place = Place::new(layout, &Policy { schedule: EVERY_SECOND, ..CHAIN });
        let daemon = place.tidegate.daemon();
        let images = images as u64;
        // The first pass is the cold one, and what it leaves behind is settled by the third.
        let before = place.wait_for_lists(3 * images);
        let processor = daemon.processor();
        let after = place.wait_for_lists(before + 20 * images);
        let passes = u32::try_from((after - before) / images).unwrap();
        let each = daemon.processor().saturating_sub(processor) / passes;
        let name =
            format!("a pass in which nothing changed, {} HelmReleases, {images} images", layout.releases());
        let told = format!("{:.1} ms (mean of {passes} passes)", each.as_secs_f64() * 1e3);
        report.tell(
            &name,
            target,
            &[("processor", told), ("resident", mebibytes(&[daemon.resident_bytes()]))],
        );
    }
}

/// A `sync` that moves every tag of both clusters, which do not wait for each other here, in one commit.
pub(crate) fn sync_all(report: &mut Report, runs: usize) {
    let layout = Layout { one_behind_in: 1, ..LARGE };
    let place = Place::new(layout, &Policy { is_chain: false, ..CHAIN });
    let before = git(&["rev-parse", "main"], &place.origin());
    for is_cold in [true, false] {
        let costs = repeat(runs, || {
            git(&["update-ref", "refs/heads/main", before.trim()], &place.origin());
            place.forget();
            if !is_cold {
                place.tidegate.run(&["plan"]);
            }
            let cost = place.tidegate.run(&["sync"]).0;
            let moved = git(&["diff", "--name-only", before.trim(), "main"], &place.origin());
            assert_eq!(moved.lines().count(), layout.releases());
            let commits = git(&["rev-list", "--count", &format!("{}..main", before.trim())], &place.origin());
            assert_eq!(commits.trim(), "1");
            cost
        });
        let begun = if is_cold { "nothing" } else { "the mirror and the index" };
        let name = format!(
            "`sync`, {} tags moved and pushed in one commit, beginning with {begun}",
            layout.releases()
        );
        report.tell(&name, if is_cold { "" } else { "< 3 s" }, &usual(&costs));
    }
}

/// The index over a long history, what a few commits more cost, and reading it back.
pub(crate) fn history(report: &mut Report, runs: usize) {
    let place = Place::new(LONG, &CHAIN);
    let history = |most: &str| {
        let (cost, output) = place.tidegate.run(&["history", "--limit", most, "-o", "json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["moves"].as_array().unwrap().len(), most.parse::<usize>().unwrap());
        cost
    };
    let name = format!("index over {} commits, {} HelmReleases", LONG.commits, LONG.releases());
    report.tell(&name, "< 20 s", &usual(&[history("1")]));
    let told = repeat(runs, || history("10000"));
    report.tell("`history`, 10,000 promotions, warm", "< 1 s", &usual(&told));
    let unmoved = repeat(runs, || history("1"));
    report.tell("`history`, one, nothing new", "", &usual(&unmoved));
    let mut services = (0..).step_by(10);
    let more = repeat(runs, || {
        let first = services.next().unwrap();
        extend(&place.origin(), LONG, &place.registry.host(), first..first + 10);
        history("10")
    });
    report.tell("`history`, ten, all of them new", "", &usual(&more));
}

/// The daemon between two passes of a yearly schedule.
pub(crate) fn idle(report: &mut Report, _runs: usize) {
    const SETTLED: Duration = Duration::from_secs(15);
    const WATCHED: Duration = Duration::from_secs(20);
    for (layout, target) in [(TINY, "< 40 MiB, 0 wake-ups"), (SMALL, ""), (LARGE, "")] {
        let place = Place::new(Layout { one_behind_in: 0, ..layout }, &CHAIN);
        let daemon = place.tidegate.daemon();
        place.wait_for_lists(layout.images as u64);
        // The threads that wait for blocking work end ten seconds after the last of it.
        thread::sleep(SETTLED);
        let wakeups = daemon.wakeups();
        thread::sleep(WATCHED);
        let wakeups = daemon.wakeups() - wakeups;
        let name = format!("idle daemon, {} HelmReleases", layout.releases());
        let resident = mebibytes(&[daemon.resident_bytes()]);
        let told = format!("{wakeups} in {} s", WATCHED.as_secs());
        report.tell(&name, target, &[("resident", resident), ("wake-ups", told)]);
    }
}

fn repeat(runs: usize, mut run: impl FnMut() -> Cost) -> Vec<Cost> {
    (0..runs).map(|_| run()).collect()
}

fn usual(costs: &[Cost]) -> [(&'static str, String); 4] {
    let peaks: Vec<u64> = costs.iter().map(|cost| cost.peak_bytes).collect();
    [
        ("wall", seconds(costs, |cost| cost.wall)),
        ("processor", milliseconds(costs, |cost| cost.processor)),
        ("of git", milliseconds(costs, |cost| cost.processor_of_git)),
        ("peak", mebibytes(&peaks)),
    ]
}
