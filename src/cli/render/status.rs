//! The board: services by environments, what is coming, and when.

mod beneath;
mod changes;
mod next;

use std::collections::BTreeMap;

use globset::GlobSet;

use crate::cli::output::{BOLD, DIM, YELLOW};
use crate::engine::{PassReport, RepositoryPolicy, Target, Unmerged};
use crate::model::{ImageName, ServiceName, Timestamp};
use crate::policy::Decision;

use super::table::{self, Cell};
use super::{problems, time};

/// The fewest characters that are left of a service's name, and of what comes next, where a terminal is narrow.
const FEWEST: (usize, usize) = (16, 24);

/// A pass, and what of it is shown.
pub(crate) struct Board<'a> {
    pub(crate) repository_policy: &'a RepositoryPolicy,
    pub(crate) report: &'a PassReport,
    /// The environments that are shown, by their places in the repository policy.
    pub(crate) environments: Vec<usize>,
    pub(crate) rows: Vec<Row>,
}

/// One image of one service across the environments that are shown.
pub(crate) struct Row {
    pub(crate) service: ServiceName,
    pub(crate) image: ImageName,
    /// Whether the service has other images too.
    is_one_of_several: bool,
    /// For each environment that is shown, the place of the target on the board.
    pub(crate) targets: Vec<Option<usize>>,
}

/// Which rows are shown.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The services.
    pub(crate) services: GlobSet,
    /// The environments, by their places in the repository policy; every one when there is none.
    pub(crate) environments: Vec<usize>,
    /// Only where something newer may not come yet, or of which nothing can be said.
    pub(crate) only_blocked: bool,
}

impl<'a> Board<'a> {
    /// What waits in a pull request for people to merge it, as far as a target goes.
    pub(super) fn unmerged(&self, at: usize) -> Option<Unmerged> {
        let target = &self.report.evaluation.state.deployed.targets[at];
        let environment = &self.repository_policy.environments[target.environment].policy.name;
        self.report.evaluation.requests.moving(environment, target.service(), target.image())
    }

    /// The board of a pass.
    pub(crate) fn of(
        repository_policy: &'a RepositoryPolicy,
        report: &'a PassReport,
        choice: &Choice,
    ) -> Self {
        let environments = match choice.environments.as_slice() {
            [] => (0..repository_policy.environments.len()).collect(),
            some => some.to_vec(),
        };
        let mut board = Self { repository_policy, report, environments, rows: Vec::new() };
        board.rows = board.chosen_rows(choice);
        board
    }

    /// The targets that are shown, by their places on the engine's board.
    pub(crate) fn targets(&self) -> Vec<usize> {
        self.rows.iter().flat_map(|row| &row.targets).flatten().copied().collect()
    }

    fn chosen_rows(&self, choice: &Choice) -> Vec<Row> {
        let targets = &self.report.evaluation.state.deployed.targets;
        let mut by_subject: BTreeMap<(&ServiceName, &ImageName), Vec<Option<usize>>> = BTreeMap::new();
        for (at, target) in targets.iter().enumerate() {
            let column = self.environments.iter().position(|shown| *shown == target.environment);
            if let Some(column) = column.filter(|_| choice.services.is_match(target.service().to_string())) {
                let row = by_subject.entry((target.service(), target.image()));
                row.or_insert_with(|| vec![None; self.environments.len()])[column] = Some(at);
            }
        }
        let mut images_of: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for (service, _) in by_subject.keys() {
            *images_of.entry(service).or_default() += 1;
        }
        let row = |((service, image), targets): ((&ServiceName, &ImageName), Vec<Option<usize>>)| Row {
            is_one_of_several: images_of.get(service).is_some_and(|count| *count > 1),
            service: service.clone(),
            image: image.clone(),
            targets,
        };
        let rows = by_subject.into_iter().map(row);
        rows.filter(|row| !choice.only_blocked || self.is_blocked(row)).collect()
    }

    /// Whether something newer may not come yet to one of the environments, or nothing can be said of it.
    fn is_blocked(&self, row: &Row) -> bool {
        row.targets.iter().flatten().any(|target| match &self.report.evaluation.decisions[*target] {
            None | Some(Decision::Wait(_)) => true,
            Some(Decision::Current { why }) => !why.is_up_to_date(),
            Some(Decision::Promote(_)) => false,
        })
    }

    /// The board as a table, and what stands beneath it; times count to `now`. Where there is a width, no line of the table
    /// is wider if that can be helped.
    pub(crate) fn render(&self, now: Timestamp, width: Option<usize>) -> String {
        let mut text = self.table(now, width);
        for part in [self.beneath(now), problems::render(&self.report.problems)] {
            if !part.is_empty() {
                text.push('\n');
                text.push_str(&part);
            }
        }
        text
    }

    fn table(&self, now: Timestamp, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return "No service is to be shown; `tidegate doctor` tells what the environments hold.\n"
                .to_owned();
        }
        let mut lines = vec![self.heading()];
        lines.extend(self.rows.iter().map(|row| self.line(row, now)));
        if let Some(width) = width {
            self.narrow(&mut lines, width);
        }
        table::render(&lines)
    }

    /// Leaves out and cuts what matters least, until the lines are no wider than that.
    fn narrow(&self, lines: &mut [Vec<Cell>], width: usize) {
        let excess = |lines: &[Vec<Cell>]| table::width(lines).saturating_sub(width);
        if excess(lines) > 0 {
            // How long it has run goes before what runs and what comes.
            for column in (0..self.environments.len()).rev() {
                for line in &mut *lines {
                    line.remove(2 + 2 * column);
                }
            }
        }
        let last = 1 + self.environments.len();
        for (column, fewest) in [(last, FEWEST.1), (0, FEWEST.0)] {
            let excess = excess(lines);
            let most = table::column_width(lines, column).saturating_sub(excess).max(fewest);
            if excess > 0 {
                for line in &mut *lines {
                    line[column].cut(most);
                }
            }
        }
    }

    fn heading(&self) -> Vec<Cell> {
        let mut cells = vec![Cell::styled("SERVICE", DIM)];
        for environment in &self.environments {
            let name = self.repository_policy.environments[*environment].policy.name.as_str();
            cells.push(Cell::styled(name.to_uppercase(), DIM));
            cells.push(Cell::styled("SINCE", DIM));
        }
        cells.push(Cell::styled("NEXT", DIM));
        cells
    }

    fn line(&self, row: &Row, now: Timestamp) -> Vec<Cell> {
        let mut cells = vec![Cell::styled(row.name(), BOLD)];
        let board = &self.report.evaluation.state.deployed;
        for target in &row.targets {
            match target {
                None => cells.extend([Cell::styled("-", DIM), Cell::plain("")]),
                Some(at) => {
                    cells.push(running(&board.targets[*at]));
                    cells.push(Cell::styled(self.since(*at, now), DIM));
                }
            }
        }
        cells.push(self.next(row, now));
        cells
    }

    fn since(&self, target: usize, now: Timestamp) -> String {
        let rollout_commit = self.report.evaluation.state.rollout_commit(target);
        rollout_commit.map(|rollout_commit| time::age(rollout_commit.committed_at, now)).unwrap_or_default()
    }
}

impl Row {
    /// The service, and the image where it has several.
    pub(crate) fn name(&self) -> String {
        if self.is_one_of_several {
            format!("{} ({})", self.service, self.image.repository())
        } else {
            self.service.to_string()
        }
    }
}

fn running(target: &Target) -> Cell {
    match target.running.as_slice() {
        [one] => Cell::plain(one.tag.as_str()),
        several => {
            let tags: Vec<&str> = several.iter().map(|running| running.tag.as_str()).collect();
            Cell::styled(tags.join("+"), YELLOW)
        }
    }
}
