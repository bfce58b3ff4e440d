//! The board: services by environments, what is coming, and when.

use std::collections::BTreeMap;

use globset::GlobSet;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::engine::{PassReport, Rulebook, Track};
use crate::model::{ImageName, ServiceName};
use crate::policy::{Answer, Decision, GateReport};

use super::table::{self, Cell};
use super::{problems, time};

/// One image of one service across the environments.
pub(crate) struct Row {
    pub(crate) service: ServiceName,
    pub(crate) image: ImageName,
    /// Whether the service has other images too.
    pub(crate) is_one_of_several: bool,
    /// For each environment, the place of the track on the board.
    pub(crate) tracks: Vec<Option<usize>>,
}

/// The rows of the services that are wanted.
pub(crate) fn rows(rulebook: &Rulebook, report: &PassReport, wanted: &GlobSet) -> Vec<Row> {
    let board = &report.assessment.view.board;
    let mut by_subject: BTreeMap<(ServiceName, ImageName), Vec<Option<usize>>> = BTreeMap::new();
    for (at, track) in board.tracks.iter().enumerate() {
        if wanted.is_match(track.service().to_string()) {
            let tracks = by_subject
                .entry((track.service().clone(), track.image().clone()))
                .or_insert_with(|| vec![None; rulebook.environments.len()]);
            tracks[track.environment] = Some(at);
        }
    }
    let mut images_of: BTreeMap<ServiceName, usize> = BTreeMap::new();
    for (service, _) in by_subject.keys() {
        *images_of.entry(service.clone()).or_default() += 1;
    }
    let row = |((service, image), tracks): ((ServiceName, ImageName), Vec<Option<usize>>)| Row {
        is_one_of_several: images_of.get(&service).is_some_and(|count| *count > 1),
        service,
        image,
        tracks,
    };
    by_subject.into_iter().map(row).collect()
}

/// The board as a table.
pub(crate) fn render(rulebook: &Rulebook, report: &PassReport, rows: &[Row]) -> String {
    let mut lines = vec![heading(rulebook)];
    lines.extend(rows.iter().map(|row| line(rulebook, report, row)));
    let mut text = table::render(&lines);
    if rows.is_empty() {
        text.push_str(
            "No service has an image field under the environments' paths; `tidegate doctor` looks closer.\n",
        );
    }
    let told = problems::render(&report.problems);
    if !told.is_empty() {
        text.push('\n');
        text.push_str(&told);
    }
    text
}

fn heading(rulebook: &Rulebook) -> Vec<Cell> {
    let mut cells = vec![Cell::styled("SERVICE", DIM)];
    for environment in &rulebook.environments {
        cells.push(Cell::styled(environment.policy.name.as_str().to_uppercase(), DIM));
        cells.push(Cell::styled("SINCE", DIM));
    }
    cells.push(Cell::styled("NEXT", DIM));
    cells
}

fn line(rulebook: &Rulebook, report: &PassReport, row: &Row) -> Vec<Cell> {
    let name = if row.is_one_of_several {
        format!("{} ({})", row.service, row.image.repository())
    } else {
        row.service.to_string()
    };
    let mut cells = vec![Cell::styled(name, BOLD)];
    let board = &report.assessment.view.board;
    for track in &row.tracks {
        match track {
            None => cells.extend([Cell::styled("-", DIM), Cell::plain("")]),
            Some(at) => {
                cells.push(running(&board.tracks[*at]));
                cells.push(Cell::styled(since(rulebook, report, *at), DIM));
            }
        }
    }
    cells.push(next(rulebook, report, row));
    cells
}

fn running(track: &Track) -> Cell {
    match track.running.as_slice() {
        [one] => Cell::plain(one.tag.as_str()),
        several => {
            let tags: Vec<&str> = several.iter().map(|running| running.tag.as_str()).collect();
            Cell::styled(tags.join("+"), YELLOW)
        }
    }
}

fn since(rulebook: &Rulebook, report: &PassReport, track: usize) -> String {
    let landing = report.assessment.view.landing(rulebook, track);
    landing.map(|landing| time::age(landing.committed_at, report.assessment.now)).unwrap_or_default()
}

/// What comes next to the row: the furthest environment first, since that is what one waits for.
fn next(rulebook: &Rulebook, report: &PassReport, row: &Row) -> Cell {
    let decided = |at: usize| report.assessment.decisions[at].as_ref();
    let mut told = Vec::new();
    let mut style = DIM;
    for (environment, track) in row.tracks.iter().enumerate().rev() {
        let Some(decision) = track.and_then(decided) else { continue };
        let name = &rulebook.environments[environment].policy.name;
        match decision {
            Decision::Promote(approved) => {
                style = GREEN;
                told.push(format!("{name} {} now", approved.candidate().tag));
            }
            Decision::Wait(evaluation) => {
                let closed: Vec<&GateReport> = evaluation.closed().collect();
                let refused = closed.iter().find(|gate| gate.answer == Answer::Refused);
                if refused.is_some() {
                    style = RED;
                } else if style == DIM {
                    style = CYAN;
                }
                let tag = &evaluation.candidate().tag;
                told.push(format!("{name} {tag} {}", when(report, evaluation.earliest(), &closed)));
            }
            Decision::Current { .. } => {}
        }
    }
    let is_unknown = row.tracks.iter().flatten().any(|at| report.assessment.decisions[*at].is_none());
    if told.is_empty() && is_unknown {
        return Cell::styled("not decided, see below", RED);
    }
    Cell::styled(told.join(", "), style)
}

fn when(report: &PassReport, earliest: Option<crate::model::Timestamp>, closed: &[&GateReport]) -> String {
    let now = report.assessment.now;
    let refused: Vec<&str> =
        closed.iter().filter(|gate| gate.answer == Answer::Refused).map(|gate| gate.gate.as_str()).collect();
    if !refused.is_empty() {
        return format!("refused ({})", refused.join(", "));
    }
    let names: Vec<&str> = closed.iter().map(|gate| gate.gate.as_str()).collect();
    let names = names.join(", ");
    match earliest.filter(|at| *at > now) {
        Some(at) => format!("in {} ({names})", time::until(at, now)),
        None => format!("held ({names})"),
    }
}
