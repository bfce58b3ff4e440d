//! Forms that act: fields and a reason, then what would change, then the commit. Made for each visitor and never remembered.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::common::Frame;
use super::rendered;
use crate::model::{CommitId, Secrets};
use crate::server::access::{Visitor, is_own_form};
use crate::server::api::{Action, Shape, ran};
use crate::server::commands::{CommandRequest, CommandRun};
use crate::server::problem::Problem;
use crate::server::query::Query;
use crate::server::site::Shown;

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The longest preview, in characters.
const MAX_PREVIEW_CHARS: usize = 60_000;

/// Fields of the API that a form has no use for: it confirms by a page of its own.
const HIDDEN: [&str; 2] = ["dryRun", "confirmed"];

#[derive(Template)]
#[template(path = "act.html")]
struct Page {
    frame: Frame,
    action: &'static Action,
    title: String,
    inputs: Vec<Input>,
    reason: String,
    /// Where the form leads back to.
    back: String,
    form_secret: String,
    problem: Option<Problem>,
    /// The commits since the page that was confirmed.
    changes: Vec<String>,
    preview: Option<Preview>,
}

/// What would change.
struct Preview {
    text: String,
    changelog: Option<String>,
    /// The head of the branch that it was made of.
    seen: String,
    /// Whether there is something to confirm.
    can_confirm: bool,
}

struct Input {
    name: &'static str,
    label: String,
    description: &'static str,
    value: String,
    is_required: bool,
    is_flag: bool,
}

impl Input {
    fn is_set(&self) -> bool {
        !self.value.is_empty()
    }
}

/// The empty form, or what the query fills in.
pub(super) async fn form(
    State(shown): State<std::sync::Arc<Shown>>,
    visitor: Option<Extension<Visitor>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Response {
    let Some(action) = Action::named(&name) else { return super::no_such(&shown, "page") };
    let Some(secret) = visitor.as_ref().and_then(|Extension(visitor)| visitor.form_secret()) else {
        return to_login(&uri);
    };
    let names: Vec<&str> = action.fields.iter().map(|field| field.name).chain(["reason"]).collect();
    match Query::parse(uri.query(), &names) {
        Ok(query) => {
            let fields = |name: &str| query.all(name).collect::<Vec<_>>().join(", ");
            answer(&page(&shown, action, secret, fields))
        }
        Err(problem) => super::failed(&shown, &problem),
    }
}

/// Shows what would change, or does it.
pub(super) async fn submit(
    State(shown): State<std::sync::Arc<Shown>>,
    visitor: Option<Extension<Visitor>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(action) = Action::named(&name) else { return super::no_such(&shown, "page") };
    let Some(Extension(visitor)) = visitor else { return to_login(&Uri::from_static("/")) };
    let field = |name: &str| {
        form_urlencoded::parse(&body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let is_ours = body.len() <= MAX_FORM_BYTES
        && is_own_form(&headers)
        && visitor.has_form_secret(&field("secret").unwrap_or_default());
    if !is_ours {
        let problem =
            Problem::new(StatusCode::FORBIDDEN, "The form did not come from a page of your session");
        return super::failed(&shown, &problem.with_hint("open the page here, and try again"));
    }
    let secret = visitor.form_secret().unwrap_or_default();
    let mut page = page(&shown, action, secret, |name| {
        field(name).map(|value| value.trim().to_owned()).unwrap_or_default()
    });
    let is_confirmed = field("step").as_deref() == Some("confirm");
    let seen = field("seen").and_then(|seen| seen.parse::<CommitId>().ok()).filter(|_| is_confirmed);
    let body = page.body();
    let asked = match action.arguments(&body) {
        Ok(asked) => asked,
        Err(problem) => return answer(&Page { problem: Some(problem), ..page }),
    };
    if is_confirmed && seen.is_some() {
        match act(&shown, &visitor, asked.clone(), seen).await {
            Ok(run) if run.exit_code == 0 => return redirect(&page.back),
            Ok(run) => page.problem = Some(problem_of(&run)),
            Err(problem) if problem.status == StatusCode::CONFLICT => {
                let changes =
                    problem.result.as_ref().and_then(|result| result["changes"].as_array().cloned());
                page.changes =
                    changes.iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect();
                page.problem = Some(
                    Problem { hint: None, ..problem }
                        .with_hint("Nothing was done. This is what it would do now."),
                );
            }
            Err(problem) => page.problem = Some(problem),
        }
    }
    match preview(&shown, &visitor, action, &body, asked).await {
        Ok(preview) => page.preview = Some(preview),
        Err(problem) => {
            page.problem.get_or_insert(problem);
        }
    }
    answer(&page)
}

fn page(shown: &Shown, action: &'static Action, secret: &str, value: impl Fn(&str) -> String) -> Page {
    let snapshot = shown.site.snapshots.latest().ok();
    let fields = action.fields.iter().filter(|field| !HIDDEN.contains(&field.name));
    let inputs: Vec<Input> = fields
        .map(|field| Input {
            name: field.name,
            label: label(field.name),
            description: field.description,
            value: value(field.name),
            is_required: field.is_required,
            is_flag: matches!(field.shape, Shape::Flag(_)),
        })
        .collect();
    let service = inputs.iter().find(|input| matches!(input.name, "service" | "services"));
    let back = service
        .filter(|input| input.value.parse::<crate::model::ServiceName>().is_ok())
        .map_or_else(|| "/".to_owned(), |input| format!("/services/{}", encoded_path(&input.value)));
    Page {
        frame: Frame::new(snapshot.as_deref(), ""),
        action,
        title: label(action.name),
        inputs,
        reason: value("reason"),
        back,
        form_secret: secret.to_owned(),
        problem: None,
        changes: Vec::new(),
        preview: None,
    }
}

impl Page {
    /// The body of the API that says the same.
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        for input in self.inputs.iter().filter(|input| input.is_set()) {
            let shape =
                self.action.fields.iter().find(|field| field.name == input.name).map(|field| field.shape);
            let value = match shape {
                Some(Shape::Flag(_)) => json!(true),
                Some(Shape::Words | Shape::Texts(_)) => {
                    json!(
                        input
                            .value
                            .split([',', ' ', '\n'])
                            .filter(|word| !word.is_empty())
                            .collect::<Vec<_>>()
                    )
                }
                _ => json!(input.value),
            };
            body.insert(input.name.to_owned(), value);
        }
        body.insert("reason".to_owned(), json!(self.reason));
        body
    }
}

async fn act(
    shown: &Shown,
    visitor: &Visitor,
    (mut arguments, reason): (Vec<String>, Option<String>),
    seen: Option<CommitId>,
) -> Result<CommandRun, Problem> {
    // The page was the question.
    arguments.insert(1, "--yes".to_owned());
    run(shown, visitor, arguments, reason, seen).await
}

async fn preview(
    shown: &Shown,
    visitor: &Visitor,
    action: &Action,
    body: &Map<String, Value>,
    (mut arguments, reason): (Vec<String>, Option<String>),
) -> Result<Preview, Problem> {
    arguments.insert(1, "--dry-run".to_owned());
    let tried = run(shown, visitor, arguments, reason, None).await?;
    if tried.fault.is_some() {
        return Err(problem_of(&tried));
    }
    let changelog = match changelog_of(action, body) {
        Some(arguments) => {
            // A page goes without it where it cannot be read.
            let read = run(shown, visitor, arguments, None, None).await.ok();
            read.filter(|read| read.exit_code == 0).map(|read| bounded(&read.output))
        }
        None => None,
    };
    Ok(Preview {
        text: bounded(&tried.output),
        changelog,
        can_confirm: tried.exit_code == 0,
        seen: tried.head.unwrap_or_default(),
    })
}

/// The command that says what the next promotion brings, where there is one service and one environment.
fn changelog_of(action: &Action, body: &Map<String, Value>) -> Option<Vec<String>> {
    if !matches!(action.name, "promote" | "approve") {
        return None;
    }
    let only = |name: &str| match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) if list.len() == 1 => list[0].as_str().map(str::to_owned),
        _ => None,
    };
    let environment = only("environment").or_else(|| only("environments"))?;
    let mut arguments = vec!["changelog".to_owned(), format!("--env={environment}")];
    arguments.extend(only("tag").map(|tag| format!("--to={tag}")));
    arguments.extend(["--".to_owned(), only("services")?]);
    Some(arguments)
}

async fn run(
    shown: &Shown,
    visitor: &Visitor,
    arguments: Vec<String>,
    reason: Option<String>,
    seen: Option<CommitId>,
) -> Result<CommandRun, Problem> {
    let token = Some(visitor.token().clone());
    ran(shown.site.run(CommandRequest { arguments, width: None, token, reason, seen, key: None }).await?)
}

fn problem_of(run: &CommandRun) -> Problem {
    let (detail, hint) = run.fault.clone().unwrap_or_else(|| ("It was not done; see below".to_owned(), None));
    Problem { hint, ..Problem::new(StatusCode::OK, detail) }
}

fn bounded(text: &str) -> String {
    let text = Secrets::mask(text);
    match text.char_indices().nth(MAX_PREVIEW_CHARS) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.into_owned(),
    }
}

/// A name in words: `allowDowngrade` is `Allow downgrade`.
fn label(name: &str) -> String {
    let mut label = String::new();
    for (at, character) in name.chars().enumerate() {
        match (at, character.is_ascii_uppercase()) {
            (0, _) => label.push(character.to_ascii_uppercase()),
            (_, true) => label.extend([' ', character.to_ascii_lowercase()]),
            (_, false) => label.push(character),
        }
    }
    label
}

fn encoded_path(service: &str) -> String {
    let part = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    service.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn answer(page: &Page) -> Response {
    let status = page.problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    match rendered(page) {
        Ok(text) => (status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn to_login(uri: &Uri) -> Response {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    let next: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
    redirect(&format!("/login?next={next}"))
}

fn redirect(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        assert_eq!((label("allowDowngrade").as_str(), label("tag").as_str()), ("Allow downgrade", "Tag"));
    }
}
