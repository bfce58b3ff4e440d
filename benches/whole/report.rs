//! What was measured, and on what machine, as lines for a person and for docs/performance.md.

use std::fs;
use std::io::{self, Write as _};
use std::time::Duration;

use super::process::Cost;

/// Where the results go: the standard output, one row of a table each.
pub(crate) struct Report {
    out: io::Stdout,
}

impl Report {
    /// Begins with the machine and the head of the table.
    pub(crate) fn begin() -> Self {
        let mut report = Self { out: io::stdout() };
        report.line(&format!("{}\n", machine()));
        report.line("| what | target | measured | load |");
        report.line("| --- | --- | --- | --- |");
        report
    }

    /// A row.
    pub(crate) fn tell(&mut self, what: &str, target: &str, measured: &[(&str, String)]) {
        let measured: Vec<String> = measured.iter().map(|(name, value)| format!("{name} {value}")).collect();
        self.line(&format!("| {what} | {target} | {} | {} |", measured.join("; "), load()));
    }

    fn line(&mut self, text: &str) {
        writeln!(self.out, "{text}").unwrap();
        self.out.flush().unwrap();
    }
}

/// Median and range, in seconds.
pub(crate) fn seconds(costs: &[Cost], of: impl Fn(&Cost) -> Duration) -> String {
    spread(costs.iter().map(|cost| of(cost).as_secs_f64()), "s", 3)
}

/// Median and range, in milliseconds.
pub(crate) fn milliseconds(costs: &[Cost], of: impl Fn(&Cost) -> Duration) -> String {
    spread(costs.iter().map(|cost| of(cost).as_secs_f64() * 1e3), "ms", 0)
}

/// Median and range, in MiB.
pub(crate) fn mebibytes(bytes: &[u64]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "no machine has that much memory")]
    let mebibytes = |bytes: &u64| *bytes as f64 / f64::from(1 << 20);
    spread(bytes.iter().map(mebibytes), "MiB", 0)
}

fn spread(values: impl Iterator<Item = f64>, unit: &str, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    if values.len() == 1 {
        return format!("{median:.digits$} {unit}");
    }
    format!("{median:.digits$} {unit} ({least:.digits$} to {most:.digits$})")
}

/// Processor, memory and kernel.
fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes: u64 =
        memory.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{cores} cores of {}, {} GiB, Linux {}",
        model.trim_start_matches(['\t', ' ', ':']),
        kibibytes >> 20,
        kernel.trim()
    )
}

/// How many processes wanted a core, on average in the last minute: above the number of cores, wall time is noise.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
