//! The board: services by environments, with what concerns all of them above.

use std::cmp::Reverse;

use askama::Template;

use super::common::{Clock, Frame};
use super::model::{Banner, Cell, ProblemLine, word};
use super::rendered;
use crate::model::Timestamp;
use crate::server::filter::{StateChoice, StatusFilter, needs_attention};
use crate::server::problem::Problem;
use crate::server::query::Query;
use crate::server::site::Site;
use crate::server::snapshot::Snapshot;
use crate::view::{EnvironmentState, ServiceStatus};

pub(super) const PARAMETERS: &[&str] = &["q", "environment", "state", "sort", "page"];

/// Services of one page.
const PAGE_ROWS: usize = 50;

/// The most banners, and the most lines of the lane; more are counted.
const MOST_BANNERS: usize = 12;
const MOST_IN_LANE: usize = 8;
const MOST_PROBLEMS: usize = 8;

/// The orders that the board knows, with what the form calls them.
const SORTS: [(&str, &str); 4] =
    [("service", "name"), ("state", "worst first"), ("next", "what comes first"), ("since", "last change")];

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage {
    frame: Frame,
    form: Form,
    counts: Vec<Count>,
    banners: Vec<Banner>,
    more_banners: usize,
    lane: Vec<LaneLine>,
    more_in_lane: usize,
    problems: Vec<ProblemLine>,
    more_problems: usize,
    environments: Vec<String>,
    rows: Vec<Row>,
    pages: Pages,
}

struct Form {
    words: String,
    environment: String,
    state: String,
    sort: String,
    environments: Vec<Choice>,
    states: Vec<Choice>,
    sorts: Vec<Choice>,
}

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// How many services are in a state in some environment, with a link to them.
struct Count {
    state: &'static str,
    word: &'static str,
    services: usize,
    link: String,
}

/// Something in which somebody must act.
struct LaneLine {
    service: String,
    cell: Cell,
}

struct Row {
    service: String,
    /// The image, where the service has several.
    image: Option<String>,
    /// One for each environment that is shown; none where it does not have the service.
    cells: Vec<Option<Cell>>,
}

struct Pages {
    first: usize,
    last: usize,
    total: usize,
    page: usize,
    count: usize,
    previous: Option<String>,
    next: Option<String>,
}

pub(super) fn page(site: &Site, snapshot: &Snapshot, query: &Query) -> Result<String, Problem> {
    let known: Vec<String> = snapshot.view.environment_names().iter().map(ToString::to_string).collect();
    let filter = filter(query, &known)?;
    let clock = Clock::of(snapshot);
    let status = &snapshot.status;
    let mut rows: Vec<&ServiceStatus> = status.services.iter().filter(|row| filter.admits(row)).collect();
    sort(&mut rows, query.get("sort").unwrap_or(SORTS[0].0), &filter)?;
    let pages = pages(rows.len(), query)?;
    let environments: Vec<String> = known
        .iter()
        .filter(|name| filter.environments.is_empty() || filter.environments.contains(name))
        .cloned()
        .collect();
    let commit_page = site.commit_page.as_ref();
    let row = |row: &ServiceStatus| Row {
        service: row.service.clone(),
        image: has_siblings(&status.services, row).then(|| row.image.clone()),
        cells: environments
            .iter()
            .map(|name| {
                let here = row.environments.iter().find(|here| here.environment == *name);
                here.map(|here| Cell::new(here, clock, commit_page))
            })
            .collect(),
    };
    let shown = rows.iter().skip(pages.first.saturating_sub(1)).take(PAGE_ROWS);
    let shown: Vec<Row> = shown.map(|one| row(one)).collect();
    let banners: Vec<Banner> = status
        .freezes
        .iter()
        .map(|freeze| Banner::of_freeze(freeze, clock))
        .chain(status.controls.iter().map(|control| Banner::of_control(control, clock)))
        .filter(Banner::stops)
        .collect();
    let stuck = || {
        status.services.iter().flat_map(|row| {
            row.environments.iter().filter(|here| needs_attention(here.state)).map(move |here| (row, here))
        })
    };
    let lane = stuck().take(MOST_IN_LANE).map(|(row, here)| LaneLine {
        service: row.service.clone(),
        cell: Cell::new(here, clock, commit_page),
    });
    let template = BoardPage {
        frame: Frame::new(Some(snapshot), "board"),
        form: form(query, &known),
        counts: counts(&status.services),
        more_banners: banners.len().saturating_sub(MOST_BANNERS),
        banners: banners.into_iter().take(MOST_BANNERS).collect(),
        lane: lane.collect(),
        more_in_lane: stuck().count().saturating_sub(MOST_IN_LANE),
        problems: status.problems.iter().take(MOST_PROBLEMS).map(ProblemLine::new).collect(),
        more_problems: status.problems.len().saturating_sub(MOST_PROBLEMS),
        environments,
        rows: shown,
        pages,
    };
    rendered(&template)
}

fn filter(query: &Query, known: &[String]) -> Result<StatusFilter, Problem> {
    let words = query.get("q").unwrap_or_default().split([' ', ',']).filter(|word| !word.is_empty());
    let (patterns, words): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains(['*', '?', '{']));
    let pattern = |word: &&str| {
        word.parse().map_err(|_| Problem::bad_value("q", word, "write a pattern such as common/*"))
    };
    let environments: Vec<String> = query.all("environment").map(str::to_owned).collect();
    if let Some(unknown) = environments.iter().find(|name| !known.contains(name)) {
        let hint = format!("the configuration has {}", known.join(", "));
        return Err(Problem::bad_value("environment", unknown, hint));
    }
    Ok(StatusFilter {
        services: patterns.iter().map(pattern).collect::<Result<_, _>>()?,
        words: words.into_iter().map(str::to_lowercase).collect(),
        environments,
        states: query.all_parsed("state", StateChoice::HINT)?,
    })
}

fn sort(rows: &mut [&ServiceStatus], key: &str, filter: &StatusFilter) -> Result<(), Problem> {
    match key {
        "service" => {}
        "state" => rows.sort_by_cached_key(|row| {
            let places = filter.shown(row).map(|here| {
                EnvironmentState::ALL.iter().position(|state| *state == here.state).unwrap_or_default()
            });
            Reverse(places.max())
        }),
        "since" => {
            rows.sort_by_cached_key(|row| Reverse(filter.shown(row).filter_map(|here| here.since).max()));
        }
        "next" => rows.sort_by_cached_key(|row| {
            let earliest: Option<Timestamp> = filter.shown(row).filter_map(|here| here.earliest).min();
            (earliest.is_none(), earliest)
        }),
        other => {
            let known: Vec<&str> = SORTS.iter().map(|(value, _)| *value).collect();
            return Err(Problem::bad_value("sort", other, format!("write {}", known.join(", "))));
        }
    }
    Ok(())
}

fn pages(total: usize, query: &Query) -> Result<Pages, Problem> {
    let count = total.div_ceil(PAGE_ROWS).max(1);
    // A page beyond the last one is what a filter left of a longer list.
    let page = query.number("page", usize::from(u16::MAX), 1)?.min(count);
    let link = |page: usize| query.with("page", &if page == 1 { String::new() } else { page.to_string() });
    let path = |page: usize| match link(page) {
        text if text.is_empty() => "/".to_owned(),
        text => format!("/{text}"),
    };
    Ok(Pages {
        first: if total == 0 { 0 } else { (page - 1) * PAGE_ROWS + 1 },
        last: (page * PAGE_ROWS).min(total),
        total,
        page,
        count,
        previous: (page > 1).then(|| path(page - 1)),
        next: (page < count).then(|| path(page + 1)),
    })
}

fn form(query: &Query, known: &[String]) -> Form {
    let chosen = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let choice = |value: &str, label: &str, chosen: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        is_chosen: value == chosen,
    };
    let (environment, state, sort) = (chosen("environment"), chosen("state"), chosen("sort"));
    let states = EnvironmentState::ALL.into_iter().rev();
    Form {
        words: chosen("q"),
        environments: known.iter().map(|name| choice(name, name, &environment)).collect(),
        states: std::iter::once(choice("attention", "needs attention", &state))
            .chain(states.map(|one| choice(one.as_str(), word(one), &state)))
            .collect(),
        sorts: SORTS.iter().map(|(value, label)| choice(value, label, &sort)).collect(),
        environment,
        state,
        sort,
    }
}

fn counts(services: &[ServiceStatus]) -> Vec<Count> {
    let states = EnvironmentState::ALL.into_iter().rev();
    let count = |state: EnvironmentState| Count {
        state: state.as_str(),
        word: word(state),
        services: services
            .iter()
            .flat_map(|row| &row.environments)
            .filter(|here| here.state == state)
            .count(),
        link: format!("/?state={}", state.as_str()),
    };
    states.map(count).filter(|one| one.services > 0).collect()
}

/// Whether the service has other images too. The list is sorted by service.
fn has_siblings(services: &[ServiceStatus], row: &ServiceStatus) -> bool {
    let first = services.partition_point(|other| other.service < row.service);
    services[first..].iter().take_while(|other| other.service == row.service).nth(1).is_some()
}
