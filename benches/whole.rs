//! The whole program, measured from outside: the real binary as a child process, on generated repositories and a
//! loopback registry.
//!
//! `cargo bench --bench whole` measures everything; `-- NAME…` only the scenarios of these names, `--runs N` with as
//! many repetitions. docs/performance.md tells what came of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on has nothing to measure"
)]

#[path = "whole/process.rs"]
mod process;
#[path = "whole/registry.rs"]
mod registry;
#[path = "whole/report.rs"]
mod report;
#[path = "whole/repository.rs"]
mod repository;
#[path = "whole/scenario.rs"]
mod scenario;

use report::Report;

/// How often a command is repeated, unless told otherwise.
const RUNS: usize = 5;

type Scenario = fn(&mut Report, usize);

const SCENARIOS: [(&str, Scenario); 8] = [
    ("start", scenario::start),
    ("plan-small", scenario::plan_small),
    ("plan-large", scenario::plan_large),
    ("plan-all-behind", scenario::plan_all_behind),
    ("nothing-changed", scenario::nothing_changed),
    ("sync-all", scenario::sync_all),
    ("history", scenario::history),
    ("idle", scenario::idle),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut wanted = Vec::new();
    let mut runs = RUNS;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            registry::SERVE => return registry::serve(number(&mut arguments)),
            "--runs" => runs = number(&mut arguments),
            // Cargo's own.
            "--bench" => {}
            _ => wanted.push(argument),
        }
    }
    for name in &wanted {
        assert!(SCENARIOS.iter().any(|(known, _)| known == name), "there is no scenario `{name}`");
    }
    let mut report = Report::begin();
    for (name, scenario) in SCENARIOS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            scenario(&mut report, runs);
        }
    }
}

fn number(arguments: &mut impl Iterator<Item = String>) -> usize {
    let text = arguments.next().unwrap_or_default();
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .unwrap_or_else(|| panic!("`{text}` is no number of something"))
}
