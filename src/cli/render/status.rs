//! `tidegate status`: services by environments, what is coming, and when.

mod changes;
mod next;
mod notices;

use globset::GlobSet;

use crate::cli::args::SortKey;
use crate::cli::output::{BOLD, DIM, RED, YELLOW};
use crate::engine::{PassReport, RepositoryPolicy, Target};
use crate::model::{EnvironmentId, Health, InactiveReason, ServiceName, TargetId, Timestamp};
use crate::policy::Decision;
use crate::view::{Row, StatusTable, TargetState, state_of, time};

use super::problems;
use super::table::{self, Cell};

/// The fewest characters of a service and of what comes next while the ages are shown, and without them.
const FEWEST_BESIDE_AGES: (usize, usize) = (30, 40);
const FEWEST: (usize, usize) = (16, 24);

/// Which rows are shown.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) services: GlobSet,
    /// Places in the repository policy; empty for all environments.
    pub(crate) environments: Vec<EnvironmentId>,
    /// Only rows where something newer does not come yet, or is not known.
    pub(crate) only_blocked: bool,
    pub(crate) sort: SortKey,
}

impl<'a> StatusTable<'a> {
    /// The rows and environments that `filter` names, in its order.
    pub(crate) fn filtered(policy: &'a RepositoryPolicy, report: &'a PassReport, filter: &Filter) -> Self {
        let is_shown = |service: &ServiceName| filter.services.is_match(service.to_string());
        let mut table = Self::new(policy, report, &filter.environments, is_shown);
        let rows = std::mem::take(&mut table.rows).into_iter();
        table.rows = rows.filter(|row| !filter.only_blocked || table.is_blocked(row)).collect();
        table.sort(filter.sort);
        table
    }

    fn sort(&mut self, key: SortKey) {
        let mut rows = std::mem::take(&mut self.rows);
        match key {
            SortKey::Service => {}
            SortKey::Since => rows.sort_by_key(|row| std::cmp::Reverse(self.last_change(row))),
            SortKey::Next => rows.sort_by_key(|row| self.next_change(row)),
        }
        self.rows = rows;
    }

    fn last_change(&self, row: &Row) -> Option<Timestamp> {
        let state = &self.report.evaluation.state;
        let commits = row.targets.iter().flatten().filter_map(|at| state.rollout_commit(*at));
        commits.map(|commit| commit.committed_at).max()
    }

    /// The earliest time at which something may move; what is blocked comes after that, and what is up to date last.
    fn next_change(&self, row: &Row) -> (u8, Option<Timestamp>) {
        let evaluation = &self.report.evaluation;
        let next = row.targets.iter().flatten().map(|at| match &evaluation.decisions[*at] {
            Some(Decision::Promote(_)) => (0, Some(evaluation.now)),
            Some(Decision::Wait(gates)) if gates.earliest().is_some() => (0, gates.earliest()),
            Some(Decision::Current { why }) if why.is_up_to_date() => (2, None),
            _ => (1, None),
        });
        next.min().unwrap_or((2, None))
    }

    fn is_blocked(&self, row: &Row) -> bool {
        let is_free =
            |state| matches!(state, TargetState::Moving | TargetState::Proposed | TargetState::UpToDate);
        row.targets.iter().flatten().any(|at| !is_free(state_of(self.policy, self.report, *at)))
    }

    /// The table, with what concerns everything above it and the rest below; times count to `now`. No line of the table is
    /// wider than `width` if that can be helped; a wide one shows images and commits, and nothing is cut.
    pub(crate) fn render(&self, now: Timestamp, width: Option<usize>, is_wide: bool) -> String {
        let notices = self.notices(now);
        let parts = [
            notices.above,
            self.table(now, width, is_wide),
            notices.below,
            problems::render(&self.report.problems),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("\n")
    }

    fn table(&self, now: Timestamp, width: Option<usize>, is_wide: bool) -> String {
        if self.rows.is_empty() {
            return "No service to show; `tidegate doctor` lists the environments and their services.\n"
                .to_owned();
        }
        let mut lines = vec![self.heading(is_wide)];
        lines.extend(self.rows.iter().map(|row| self.line(row, now, is_wide)));
        if let Some(width) = width.filter(|_| !is_wide) {
            self.narrow(&mut lines, width);
        }
        table::render(&lines)
    }

    /// Makes the lines no wider than `width`: cuts what comes next and names first, then leaves out the ages.
    fn narrow(&self, lines: &mut [Vec<Cell>], width: usize) {
        cut(lines, width, FEWEST_BESIDE_AGES);
        if table::width(lines) <= width {
            return;
        }
        for column in (0..self.environments.len()).rev() {
            for line in &mut *lines {
                line.remove(2 + 2 * column);
            }
        }
        cut(lines, width, FEWEST);
    }

    fn heading(&self, is_wide: bool) -> Vec<Cell> {
        let mut cells = vec![Cell::styled("SERVICE", DIM)];
        if is_wide {
            cells.push(Cell::styled("IMAGE", DIM));
        }
        for environment in &self.environments {
            let name = self.policy.environments[*environment].policy.name.as_str();
            cells.push(Cell::styled(name.to_uppercase(), DIM));
            cells.push(Cell::styled("SINCE", DIM));
            if is_wide {
                cells.push(Cell::styled("COMMIT", DIM));
            }
        }
        cells.push(Cell::styled("NEXT", DIM));
        cells
    }

    fn line(&self, row: &Row, now: Timestamp, is_wide: bool) -> Vec<Cell> {
        let mut cells = vec![Cell::styled(row.name(), BOLD)];
        if is_wide {
            cells.push(Cell::plain(row.image.to_string()));
        }
        let targets = &self.report.evaluation.state.deployed.targets;
        for target in &row.targets {
            match target {
                None => {
                    cells.push(Cell::styled("-", DIM));
                    cells.extend(vec![Cell::plain(""); 1 + usize::from(is_wide)]);
                }
                Some(at) => {
                    let health = self.report.evaluation.health_of(*at);
                    cells.push(running(&targets[*at], health.map(|health| &health.now)));
                    cells.push(Cell::styled(self.since(*at, now), DIM));
                    if is_wide {
                        let commit = self.report.evaluation.state.rollout_commit(*at);
                        let commit = commit.map(|commit| commit.commit.short());
                        cells.push(Cell::styled(commit.unwrap_or_default(), DIM));
                    }
                }
            }
        }
        cells.push(self.next(row, now));
        cells
    }

    fn since(&self, target: TargetId, now: Timestamp) -> String {
        let rollout_commit = self.report.evaluation.state.rollout_commit(target);
        rollout_commit.map(|rollout_commit| time::age(rollout_commit.committed_at, now)).unwrap_or_default()
    }
}

/// Cuts the last column, then the first, as far as the fewest characters allow.
fn cut(lines: &mut [Vec<Cell>], width: usize, fewest: (usize, usize)) {
    let Some(last) = lines.first().map(|line| line.len().saturating_sub(1)) else { return };
    for (column, fewest) in [(last, fewest.1), (0, fewest.0)] {
        let excess = table::width(lines).saturating_sub(width);
        let most = table::column_width(lines, column).saturating_sub(excess).max(fewest);
        if excess > 0 {
            for line in &mut *lines {
                line[column].cut(most);
            }
        }
    }
}

/// What runs, and what speaks against it.
fn running(target: &Target, health: Option<&Health>) -> Cell {
    match target.running.as_slice() {
        [one] => match target.inactive {
            Some(InactiveReason::NotListed) => Cell::styled(format!("{} (not applied)", one.tag), YELLOW),
            Some(_) => Cell::styled(format!("{} (suspended)", one.tag), YELLOW),
            None => match health {
                Some(Health::Unhealthy(_)) => Cell::styled(format!("{} (not healthy)", one.tag), RED),
                Some(Health::Unknown(_)) => Cell::styled(format!("{} (health unknown)", one.tag), YELLOW),
                Some(Health::Healthy) | None => Cell::plain(one.tag.as_str()),
            },
        },
        several => {
            let tags: Vec<&str> = several.iter().map(|running| running.tag.as_str()).collect();
            Cell::styled(tags.join("+"), YELLOW)
        }
    }
}
