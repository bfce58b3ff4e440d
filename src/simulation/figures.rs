//! Lead times from the registry to an environment, and how many versions never arrived.

use std::time::Duration;

use crate::model::{EnvironmentName, Timestamp};

use super::report::ReplayReport;

/// The figures of one environment in one report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of arrivals.
    pub arrivals: usize,
    /// Number of arrivals by people.
    pub by_people: usize,
    /// Lead times of versions pushed in the period; `None` if none arrived.
    pub lead: Option<Lead>,
    /// Number of versions passed over for a higher one.
    pub skipped: usize,
    /// Number of versions still pending at the end.
    pub pending: usize,
    /// Number of services with releases that came faster than they could soak.
    pub starved: usize,
}

/// Lead times from the registry to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Number of versions.
    pub count: usize,
    /// Median.
    pub median: Duration,
    /// 90th percentile.
    pub p90: Duration,
    /// Maximum.
    pub max: Duration,
}

impl Figures {
    /// The figures of an environment.
    pub fn of(story: &ReplayReport, environment: &EnvironmentName) -> Self {
        let mut figures = Self::default();
        let mut leads = Vec::new();
        for target in story.of(environment) {
            figures.arrivals += target.arrivals.len();
            figures.by_people += target.arrivals.iter().filter(|arrival| !arrival.by_schedule).count();
            figures.skipped += target.skipped().count();
            figures.pending += target.pending().count();
            figures.starved += usize::from(target.starved.is_some());
            // Ordered by time: if a version arrived twice, the first arrival counts.
            let mut first = std::collections::HashMap::new();
            for arrival in &target.arrivals {
                first.entry(&arrival.candidate.tag).or_insert(arrival.at);
            }
            let lead = |released: &super::report::Released| {
                first.get(&released.candidate.tag).map(|at| since(released.at, *at))
            };
            leads.extend(target.released.iter().filter_map(lead));
        }
        Self { lead: Lead::of(leads), ..figures }
    }
}

impl Lead {
    /// Percentile by nearest rank: the shortest time that at least this share did not exceed.
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let rank = |percent: usize| (times.len() * percent).div_ceil(100).max(1) - 1;
        Some(Self {
            count: times.len(),
            median: *times.get(rank(50))?,
            p90: *times.get(rank(90))?,
            max: *times.last()?,
        })
    }
}

fn since(then: Timestamp, at: Timestamp) -> Duration {
    (at - then).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_by_nearest_rank() {
        let lead = |hours: &[u64]| Lead::of(hours.iter().map(|hours| Duration::from_hours(*hours)).collect());
        assert_eq!(lead(&[]), None);
        let hours_of = |hours: &[u64]| {
            let lead = lead(hours).unwrap();
            [lead.median, lead.p90, lead.max].map(|time| time.as_secs() / 3600)
        };
        assert_eq!(hours_of(&[7]), [7, 7, 7]);
        assert_eq!(hours_of(&[3, 1, 2, 4]), [2, 4, 4]);
        assert_eq!(hours_of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), [5, 9, 10]);
    }
}
