//! The usual metrics of a process, read from `/proc` at each scrape. Where there is none, they are left out.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// The clock ticks of `/proc` per second, on every architecture that Tidegate is built for.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
struct Process;

pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let unit = Unit::Bytes;
        if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes)
        {
            let help = "Memory that the process has in RAM";
            let name = "process_resident_memory";
            encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?.encode_gauge(&bytes)?;
        }
        let unit = Unit::Seconds;
        let stat = fs::read_to_string("/proc/self/stat").ok();
        if let Some((cpu, start_ticks)) = stat.as_deref().and_then(times) {
            let help = "CPU time that the process used, in user and kernel mode";
            let mut cpu_encoder =
                encoder.encode_descriptor("process_cpu", help, Some(&unit), MetricType::Counter)?;
            cpu_encoder.encode_counter::<[(&str, &str); 0], f64, f64>(&cpu, None)?;
            let booted = fs::read_to_string("/proc/stat").ok().as_deref().and_then(boot_time);
            if let Some(booted) = booted {
                let help = "When the process started, as Unix time";
                encoder
                    .encode_descriptor("process_start_time", help, Some(&unit), MetricType::Gauge)?
                    .encode_gauge(&(booted + start_ticks))?;
            }
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let count = i64::try_from(open.count()).unwrap_or(i64::MAX);
            let help = "Files and sockets that the process has open";
            encoder
                .encode_descriptor("process_open_fds", help, None, MetricType::Gauge)?
                .encode_gauge(&count)?;
        }
        let limits = fs::read_to_string("/proc/self/limits").ok();
        if let Some(most) = limits.as_deref().and_then(open_limit) {
            let help = "Files and sockets that the process may have open";
            encoder
                .encode_descriptor("process_max_fds", help, None, MetricType::Gauge)?
                .encode_gauge(&most)?;
        }
        Ok(())
    }
}

/// The resident memory from the line `VmRSS` of `/proc/self/status`, which is in kB.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}

/// CPU seconds, and seconds from boot to the start, in `/proc/self/stat`. The name of the program may have spaces.
fn times(stat: &str) -> Option<(f64, f64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Fields 14, 15 and 22 of proc(5); the first after the name is the third.
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some(((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND, ticks(22)? / TICKS_PER_SECOND))
}

/// When the machine booted, in `/proc/stat`.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The soft limit of open files in `/proc/self/limits`.
fn open_limit(limits: &str) -> Option<i64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        assert_eq!(resident_bytes("Name:\ttidegate\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 12345 1 1";
        assert_eq!(times(stat), Some((3.0, 123.45)));
        assert_eq!(boot_time("cpu  1\nbtime 1700000000\n"), Some(1.7e9));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(open_limit(limits), Some(1024));
    }
}
