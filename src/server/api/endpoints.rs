//! What each path of the API answers.

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;

use super::PREFIX;
use crate::model::{EnvironmentName, Secrets, ServiceName, ServicePattern, Timestamp};
use crate::server::filter::{StateChoice, StatusFilter};
use crate::server::problem::Problem;
use crate::server::query::Query;
use crate::server::snapshot::{Answer, HistoryRequest, Snapshot};
use crate::view::{
    Audit, Controls, Document, Environments, Explain, History, Pass, ServiceStatus, Services, Status,
};

/// The most services of one page, and how many there are if nobody says.
const STATUS_LIMIT: (usize, usize) = (1000, 100);

/// The most moves of one answer, and how many there are if nobody says.
pub(in crate::server) const HISTORY_LIMIT: (usize, usize) = (1000, 50);

/// A path of the API.
pub(in crate::server) struct Endpoint {
    pub(in crate::server) path: &'static str,
    /// The `kind` of its document.
    pub(in crate::server) kind: &'static str,
    pub(in crate::server) summary: &'static str,
    pub(in crate::server) parameters: &'static [Parameter],
    /// The schema of its document, without `apiVersion` and `kind`.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    pub(super) read: Read,
}

/// How an answer is found.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// In what the last pass found.
    Snapshot(fn(&Snapshot, &Query) -> Result<Answer, Problem>),
    /// In the history, between two passes.
    History,
    /// In the audit log.
    Audit,
}

/// A parameter of a query.
pub(in crate::server) struct Parameter {
    pub(in crate::server) name: &'static str,
    pub(in crate::server) description: &'static str,
    pub(in crate::server) is_required: bool,
    /// Whether it may be given several times.
    pub(in crate::server) is_repeated: bool,
}

const fn parameter(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, description, is_required: false, is_repeated: false }
}

const fn repeated(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, description, is_required: false, is_repeated: true }
}

const SERVICE_PATTERN: &str = "Only services of this name or pattern, such as `common/*`";
const ENVIRONMENT: &str = "Only this environment";

/// Every path of the API that reads.
pub(in crate::server) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        path: "/status",
        kind: "Status",
        summary: "Services by environments: what runs, what comes next and when, and what blocks it",
        parameters: &[
            repeated("service", SERVICE_PATTERN),
            repeated("environment", ENVIRONMENT),
            repeated(
                "state",
                "Only services that are in this state in an environment that is shown; `attention` for every state in which somebody must act",
            ),
            parameter("limit", "Maximum services, 1 to 1000; 100 if not given"),
            parameter("cursor", "Where the next page begins, from the `Link` header of the page before"),
        ],
        schema: |generator| generator.subschema_for::<Status>(),
        read: Read::Snapshot(status),
    },
    Endpoint {
        path: "/explain",
        kind: "Explain",
        summary: "Why a version is where it is, what every gate says about the next one, and what would open them",
        parameters: &[
            Parameter { is_required: true, ..parameter("service", "The service, `namespace/name`") },
            parameter("environment", ENVIRONMENT),
        ],
        schema: |generator| generator.subschema_for::<Explain>(),
        read: Read::Snapshot(explain),
    },
    Endpoint {
        path: "/plan",
        kind: "Plan",
        summary: "The last pass: what it promoted, what waits, and what is wrong",
        parameters: &[],
        schema: |generator| generator.subschema_for::<Pass>(),
        read: Read::Snapshot(|snapshot, _| document("Plan", &snapshot.view.pass())),
    },
    Endpoint {
        path: "/history",
        kind: "History",
        summary: "Promotions and people's changes of tags, newest first",
        parameters: &[
            repeated("service", SERVICE_PATTERN),
            repeated("environment", ENVIRONMENT),
            parameter("since", "Only what was committed then or later, as in RFC 3339"),
            parameter("until", "Only what was committed before, as in RFC 3339"),
            parameter("limit", "Maximum changes, 1 to 1000; 50 if not given"),
        ],
        schema: |generator| generator.subschema_for::<History>(),
        read: Read::History,
    },
    Endpoint {
        path: "/controls",
        kind: "Controls",
        summary: "The holds, pins, quarantines, approvals and freezes in force",
        parameters: &[],
        schema: |generator| generator.subschema_for::<Controls>(),
        read: Read::Snapshot(|snapshot, _| document("Controls", &Controls::of(&snapshot.status))),
    },
    Endpoint {
        path: "/services",
        kind: "Services",
        summary: "Every service with its images and environments",
        parameters: &[],
        schema: |generator| generator.subschema_for::<Services>(),
        read: Read::Snapshot(|snapshot, _| document("Services", &snapshot.view.services())),
    },
    Endpoint {
        path: "/environments",
        kind: "Environments",
        summary: "The environments of the configuration, and what a promotion into each has to meet",
        parameters: &[],
        schema: |generator| generator.subschema_for::<Environments>(),
        read: Read::Snapshot(|snapshot, _| document("Environments", &snapshot.view.environments())),
    },
    Endpoint {
        path: "/audit",
        kind: "Audit",
        summary: "Who made and revoked tokens, and who logged in and out with one, newest first",
        parameters: &[
            parameter("since", "Only what was done then or later, as in RFC 3339"),
            parameter("limit", "Maximum entries, 1 to 1000; 50 if not given"),
        ],
        schema: |generator| generator.subschema_for::<Audit>(),
        read: Read::Audit,
    },
];

/// A document as an answer.
pub(super) fn document(kind: &'static str, body: &impl Serialize) -> Result<Answer, Problem> {
    let text = serde_json::to_string_pretty(&Document::new(kind, body)).map_err(|error| {
        Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("Cannot write the result as JSON: {error}"),
        )
    })?;
    let body = Bytes::from(format!("{}\n", Secrets::mask(&text)));
    Ok(Answer { content_type: "application/json", body, link: None })
}

fn status(snapshot: &Snapshot, query: &Query) -> Result<Answer, Problem> {
    let filter = StatusFilter {
        services: services(query)?,
        words: Vec::new(),
        environments: environments(query, snapshot)?,
        states: query.all_parsed("state", StateChoice::HINT)?,
    };
    let limit = query.number("limit", STATUS_LIMIT.0, STATUS_LIMIT.1)?;
    let after = query.get("cursor").map(read_cursor).transpose()?;
    let is_after = |row: &&ServiceStatus| match &after {
        Some((service, image)) => (&row.service, &row.image) > (service, image),
        None => true,
    };
    let mut rows = snapshot.status.services.iter().filter(|row| filter.admits(row)).filter(is_after);
    let services: Vec<ServiceStatus> =
        rows.by_ref().take(limit).map(|row| filter.with_environments(row)).collect();
    let link = match (rows.next(), services.last()) {
        (Some(_), Some(last)) => {
            let next = query.with("cursor", &cursor(last));
            Some(format!("<{PREFIX}/status{next}>; rel=\"next\""))
        }
        _ => None,
    };
    let found = &snapshot.status;
    let body = Status {
        commit: found.commit.clone(),
        at: found.at,
        services,
        controls: found.controls.clone(),
        freezes: found.freezes.clone(),
        problems: found.problems.clone(),
        next_opening: found.next_opening,
    };
    Ok(Answer { link, ..document("Status", &body)? })
}

fn explain(snapshot: &Snapshot, query: &Query) -> Result<Answer, Problem> {
    let Some(service) = query.parsed::<ServiceName>("service", "write namespace/name")? else {
        return Err(Problem::new(axum::http::StatusCode::BAD_REQUEST, "No service is named")
            .with_hint("add ?service=namespace/name"));
    };
    let environment = query.parsed::<EnvironmentName>("environment", "write the name of an environment")?;
    let explained = snapshot.view.explain(service, environment);
    document("Explain", &explained.map_err(|fault| Problem::from(&fault))?)
}

/// Since when the audit log is asked for, and how many entries.
pub(super) fn audit(query: &Query) -> Result<(Option<Timestamp>, usize), Problem> {
    Ok((time(query, "since")?, query.number("limit", HISTORY_LIMIT.0, HISTORY_LIMIT.1)?))
}

fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, Problem> {
    query.parsed(name, "write a time as in RFC 3339, such as 2026-11-23T14:00:00Z")
}

/// What a query asks of the history.
pub(super) fn history(query: &Query) -> Result<HistoryRequest, Problem> {
    Ok(HistoryRequest {
        services: services(query)?,
        environments: query.all_parsed("environment", "write the name of an environment")?,
        since: time(query, "since")?,
        until: time(query, "until")?,
        most: query.number("limit", HISTORY_LIMIT.0, HISTORY_LIMIT.1)?,
    })
}

fn services(query: &Query) -> Result<Vec<ServicePattern>, Problem> {
    query.all_parsed("service", "write namespace/name, or a pattern such as common/*")
}

/// The environments that a query names, which exist.
fn environments(query: &Query, snapshot: &Snapshot) -> Result<Vec<String>, Problem> {
    let known = snapshot.view.environment_names();
    let named = |value: &str| {
        let name = known.iter().find(|name| name.as_str() == value);
        name.map(ToString::to_string).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(EnvironmentName::as_str).collect();
            Problem::bad_value("environment", value, format!("the configuration has {}", names.join(", ")))
        })
    };
    query.all("environment").map(named).collect()
}

/// Where the page after this row begins.
fn cursor(last: &ServiceStatus) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\n{}", last.service, last.image))
}

fn read_cursor(text: &str) -> Result<(String, String), Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| {
        let (service, image) = text.split_once('\n')?;
        Some((service.to_owned(), image.to_owned()))
    });
    read.ok_or_else(|| {
        Problem::bad_value("cursor", text, "take it from the `Link` header of the page before")
    })
}
