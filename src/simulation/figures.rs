//! How long versions took from the registry to an environment, and how many never came.

use std::time::Duration;

use crate::model::{EnvironmentName, Timestamp};

use super::report::ReplayReport;

/// What can be said of one environment in one story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many versions came.
    pub arrivals: usize,
    /// How many of them people brought.
    pub by_people: usize,
    /// How long those took that the registry got in this time; nothing when none came.
    pub lead: Option<Lead>,
    /// How many were released and passed over by a higher one.
    pub skipped: usize,
    /// How many were released and had not come at the end.
    pub pending: usize,
    /// In how many services releases came faster than they could soak.
    pub starved: usize,
}

/// Times from the registry to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// How many versions.
    pub count: usize,
    /// Half of them took no longer.
    pub median: Duration,
    /// Nine in ten took no longer.
    pub p90: Duration,
    /// None took longer.
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
            // Arrivals in order of time: of a version that came twice the first time counts.
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
    /// Of so many times. A share of them is the shortest time that at least so many did not exceed (nearest rank).
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
        let told = |hours: &[u64]| {
            let lead = lead(hours).unwrap();
            [lead.median, lead.p90, lead.max].map(|time| time.as_secs() / 3600)
        };
        assert_eq!(told(&[7]), [7, 7, 7]);
        assert_eq!(told(&[3, 1, 2, 4]), [2, 4, 4]);
        assert_eq!(told(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), [5, 9, 10]);
    }
}
