//! What each path of the API does: its body becomes the arguments of the command of the same name.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::model::{CommitId, Printable};
use crate::server::access::Visitor;
use crate::server::commands::{CommandReply, CommandRequest, CommandRun};
use crate::server::problem::Problem;
use crate::server::site::{Reading, Site};

/// The longest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest `Idempotency-Key`, in characters.
const MAX_KEY_CHARS: usize = 200;

/// The header of draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A command that acts.
pub(in crate::server) struct Action {
    pub(in crate::server) name: &'static str,
    pub(in crate::server) summary: &'static str,
    /// The `kind` of its document.
    pub(in crate::server) kind: &'static str,
    /// The scope that a token needs.
    pub(in crate::server) scope: &'static str,
    pub(in crate::server) fields: &'static [Field],
    /// Whether the command itself takes a reason.
    takes_reason: bool,
}

/// A field of a body and of a form.
#[derive(Clone, Copy)]
pub(in crate::server) struct Field {
    pub(in crate::server) name: &'static str,
    pub(in crate::server) shape: Shape,
    pub(in crate::server) description: &'static str,
    pub(in crate::server) is_required: bool,
}

/// How a field stands on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Shape {
    /// A word without a flag.
    Word,
    /// Several words without a flag.
    Words,
    /// A flag with a value.
    Text(&'static str),
    /// A flag with a value that may be given several times.
    Texts(&'static str),
    /// A flag alone.
    Flag(&'static str),
}

const fn field(name: &'static str, shape: Shape, description: &'static str) -> Field {
    Field { name, shape, description, is_required: false }
}

const fn required(field: Field) -> Field {
    Field { is_required: true, ..field }
}

const SERVICES: Field =
    field("services", Shape::Words, "Services, `namespace/name`, or patterns such as `common/*`");
const ENVIRONMENTS: Field =
    field("environments", Shape::Texts("--env"), "Environments; all if none is named");
const EXPIRES: Field =
    field("expires", Shape::Text("--expires"), "When it expires: `4h`, `3d`, `2026-12-01T09:00`");
const TAG: Field = field("tag", Shape::Text("--tag"), "The tag; the one that comes next if none is named");
const IMAGE: Field = field("image", Shape::Text("--image"), "The image, for a service that has several");
const ENVIRONMENT: Field = field("environment", Shape::Text("--env"), "The environment");
const FORCE: Field = field("force", Shape::Flag("--force"), "Accept services and tags that do not exist yet");
const ALL: Field = field("all", Shape::Flag("--all"), "Every service");
const CONFIRMED: Field = field(
    "confirmed",
    Shape::Flag("--yes"),
    "Do it although it affects several control files, or everything",
);
const ACCEPT_DIGEST: Field = field(
    "acceptDigest",
    Shape::Text("--accept-digest"),
    "Allow this image although another one had the tag",
);
const DRY_RUN: Field = field("dryRun", Shape::Flag("--dry-run"), "Say what would change, and change nothing");

/// Every action.
pub(in crate::server) const ACTIONS: &[Action] = &[
    Action {
        name: "hold",
        summary: "Hold services: nothing is promoted until the hold is released or expires",
        kind: "Hold",
        scope: "act",
        fields: &[SERVICES, ENVIRONMENTS, EXPIRES, ALL, FORCE, CONFIRMED, DRY_RUN],
        takes_reason: true,
    },
    Action {
        name: "release",
        summary: "Remove control files: holds, pins, quarantines, approvals, freezes",
        kind: "Release",
        scope: "act",
        fields: &[
            SERVICES,
            field(
                "kinds",
                Shape::Texts("--kind"),
                "Only these kinds: hold, pin, quarantine, approval, freeze",
            ),
            field("environments", Shape::Texts("--env"), "Only control files for exactly these environments"),
            field("tag", Shape::Text("--tag"), "Only quarantines and approvals of this tag"),
            field("freeze", Shape::Text("--freeze"), "Only the freeze with this name"),
            field("expired", Shape::Flag("--expired"), "Every control file that no longer counts"),
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: false,
    },
    Action {
        name: "quarantine",
        summary: "Quarantine a version: it is promoted nowhere",
        kind: "Quarantine",
        scope: "act",
        fields: &[
            required(SERVICES),
            required(field("tag", Shape::Text("--tag"), "The tag of the bad version")),
            EXPIRES,
            FORCE,
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: true,
    },
    Action {
        name: "pin",
        summary: "Pin services to a range of versions, or to the one that runs",
        kind: "Pin",
        scope: "act",
        fields: &[
            required(SERVICES),
            field(
                "versions",
                Shape::Text("--versions"),
                "Versions that may still come, such as `~1.0`; only the one that runs if none is named",
            ),
            ENVIRONMENTS,
            EXPIRES,
            FORCE,
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: true,
    },
    Action {
        name: "freeze",
        summary: "Freeze environments for a time",
        kind: "Freeze",
        scope: "act",
        fields: &[
            required(field("name", Shape::Word, "The name of the freeze")),
            required(field("until", Shape::Text("--until"), "The end: `4h`, `2026-12-18T18:00`")),
            field("since", Shape::Text("--since"), "The start; now if none is given"),
            ENVIRONMENTS,
            field("services", Shape::Texts("--service"), "Only this service or pattern"),
            ALL,
            FORCE,
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: true,
    },
    Action {
        name: "approve",
        summary: "Approve the image that comes next to an environment that requires approval",
        kind: "Approve",
        scope: "approve",
        fields: &[
            required(SERVICES),
            required(field("environments", Shape::Texts("--env"), "Environments that the image may enter")),
            TAG,
            IMAGE,
            field(
                "digest",
                Shape::Text("--digest"),
                "The digest that you reviewed; refused if the tag means another image",
            ),
            EXPIRES,
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: true,
    },
    Action {
        name: "promote",
        summary: "Promote services by hand: the same gates, each override named",
        kind: "Promote",
        scope: "act",
        fields: &[
            required(SERVICES),
            ENVIRONMENT,
            TAG,
            IMAGE,
            field(
                "overrides",
                Shape::Texts("--override"),
                "Closed gates to pass; `approval` needs the scope approve",
            ),
            field(
                "allowDowngrade",
                Shape::Flag("--allow-downgrade"),
                "With the override `order`: allow a lower version than the one that runs",
            ),
            ACCEPT_DIGEST,
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: false,
    },
    Action {
        name: "rollback",
        summary: "Go back to the version that ran before, and quarantine the current one, in one commit",
        kind: "Rollback",
        scope: "act",
        fields: &[
            required(field("service", Shape::Word, "The service, `namespace/name`")),
            required(ENVIRONMENT),
            field(
                "to",
                Shape::Text("--to"),
                "The tag to go back to; the last one that ran well if none is named",
            ),
            IMAGE,
            field(
                "noQuarantine",
                Shape::Flag("--no-quarantine"),
                "Do not quarantine the version that is rolled back",
            ),
            ACCEPT_DIGEST,
            field("overrides", Shape::Texts("--override"), "`order`: allow a tag that never ran there"),
            CONFIRMED,
            DRY_RUN,
        ],
        takes_reason: true,
    },
];

impl Action {
    /// The action of this name.
    pub(in crate::server) fn named(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// The arguments of the command, and the reason where the command does not take it.
    pub(in crate::server) fn arguments(
        &self,
        body: &Map<String, Value>,
    ) -> Result<(Vec<String>, Option<String>), Problem> {
        let is_known = |name: &String| name == "reason" || self.fields.iter().any(|field| field.name == name);
        if let Some(name) = body.keys().find(|name| !is_known(name)) {
            let names: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
            let name = Printable::bounded(name, 100);
            return Err(Problem::new(StatusCode::BAD_REQUEST, format!("`{name}` is no field of this body"))
                .with_hint(format!("it has reason, {}", names.join(", "))));
        }
        let (mut arguments, mut words) = (vec![self.name.to_owned()], Vec::new());
        for field in self.fields {
            let values = field.values(body.get(field.name))?;
            if field.is_required && values.is_empty() {
                return Err(missing(field.name));
            }
            match field.shape {
                Shape::Word | Shape::Words => words.extend(values),
                Shape::Text(flag) | Shape::Texts(flag) => {
                    arguments.extend(values.iter().map(|value| format!("{flag}={value}")));
                }
                Shape::Flag(flag) => arguments.extend(values.first().map(|_| flag.to_owned())),
            }
        }
        let mut reason = match body.get("reason") {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => return Err(missing("reason")),
        };
        let overrides = arguments.iter().any(|argument| argument.starts_with("--override="));
        if let Some(text) = reason.take_if(|_| self.takes_reason || overrides) {
            arguments.push(format!("--reason={text}"));
        }
        if !words.is_empty() {
            arguments.push("--".to_owned());
            arguments.append(&mut words);
        }
        Ok((arguments, reason))
    }

    /// The schema of its body.
    pub(super) fn schema(&self) -> Value {
        let mut properties = Map::new();
        for field in self.fields {
            let mut schema = match field.shape {
                Shape::Words | Shape::Texts(_) => json!({ "type": "array", "items": { "type": "string" } }),
                Shape::Word | Shape::Text(_) => json!({ "type": "string" }),
                Shape::Flag(_) => json!({ "type": "boolean" }),
            };
            schema["description"] = json!(field.description);
            properties.insert(field.name.to_owned(), schema);
        }
        properties.insert(
            "reason".to_owned(),
            json!({ "type": "string", "minLength": 1, "description": "Why, in one line; written into the commit" }),
        );
        let required: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| field.is_required)
            .map(|field| field.name)
            .chain(["reason"])
            .collect();
        json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
    }
}

impl Field {
    /// The values of the field; a flag that is set has one.
    fn values(&self, given: Option<&Value>) -> Result<Vec<String>, Problem> {
        let is_list = matches!(self.shape, Shape::Words | Shape::Texts(_));
        let wrong = || {
            let kind = match self.shape {
                Shape::Flag(_) => "true or false",
                _ if is_list => "a list of strings",
                _ => "a string",
            };
            Problem::new(StatusCode::BAD_REQUEST, format!("`{}` is {kind}", self.name))
        };
        let text = |value: &Value| match value {
            Value::String(text) if !text.contains('\0') => Ok(text.trim().to_owned()),
            _ => Err(wrong()),
        };
        let values = match (given, self.shape) {
            (None | Some(Value::Null), _) => Vec::new(),
            (Some(Value::Bool(is_set)), Shape::Flag(_)) => {
                if *is_set {
                    vec!["true".to_owned()]
                } else {
                    Vec::new()
                }
            }
            (_, Shape::Flag(_)) => return Err(wrong()),
            (Some(Value::Array(values)), _) if is_list => {
                values.iter().map(text).collect::<Result<_, _>>()?
            }
            (Some(_), _) if is_list => return Err(wrong()),
            (Some(value), _) => vec![text(value)?],
        };
        Ok(values.into_iter().filter(|value| !value.is_empty()).collect())
    }
}

fn missing(name: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("`{name}` is missing"))
}

/// Does what a program asks for.
pub(super) async fn act(
    action: &Action,
    site: &Site,
    visitor: Option<&Visitor>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let token = by_token(visitor)?;
    let body = object(headers, &whole(body)?)?;
    let (mut arguments, reason) = action.arguments(&body)?;
    arguments.insert(1, "--output=json".to_owned());
    let request = CommandRequest {
        arguments,
        width: None,
        token: Some(token.clone()),
        reason,
        seen: seen(headers)?,
        key: key(headers)?,
    };
    let run = ran(site.run(request).await?)?;
    let document: Option<Value> = serde_json::from_str(&run.output).ok();
    if run.exit_code != 0 {
        return Err(problem_of(&run, document));
    }
    Ok(json_response(run.output))
}

fn json_response(text: String) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Runs a command as `tidegate --server` asks for it, and gives what it printed.
pub(super) async fn run_command(
    site: &Site,
    visitor: Option<&Visitor>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    // A browser's session must not act by a request that another page can forge.
    let token = match visitor {
        None if site.reading == Reading::OnThisMachine => None,
        _ => Some(by_token(visitor)?.clone()),
    };
    let body = object(headers, &whole(body)?)?;
    let wrong = || {
        Problem::new(StatusCode::BAD_REQUEST, "The body is not a command")
            .with_hint("send {\"arguments\": [\"status\"], \"width\": 120}")
    };
    let arguments = match body.get("arguments") {
        Some(Value::Array(words)) if words.len() <= 1000 => words
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let width = body.get("width").and_then(Value::as_u64).and_then(|width| usize::try_from(width).ok());
    let (seen, key) = (seen(headers)?, key(headers)?);
    let request = CommandRequest { arguments, width, token, reason: None, seen, key };
    let run = ran(site.run(request).await?)?;
    let answer = json!({ "exitCode": run.exit_code, "output": run.output, "errors": run.errors });
    Ok(json_response(answer.to_string()))
}

/// The token of a program. A browser's session acts by forms, which have a secret.
fn by_token(visitor: Option<&Visitor>) -> Result<&crate::model::AccessToken, Problem> {
    let needs = |detail: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, detail)
            .with_hint("send `Authorization: Bearer TOKEN`; `tidegate token create --scope act` makes one")
    };
    match visitor {
        None => Err(needs("Acting needs a token")),
        Some(visitor) => {
            visitor.program_token().ok_or_else(|| needs("The session of a browser acts by forms only"))
        }
    }
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        let detail = format!("The body cannot be read; it has at most {MAX_BODY_BYTES} bytes");
        Problem::new(rejection.status(), detail)
    })
}

fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body has to be JSON")
            .with_hint("send `Content-Type: application/json`"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "The body is no JSON object")),
    }
}

/// The commit that the client saw.
fn seen(headers: &HeaderMap) -> Result<Option<CommitId>, Problem> {
    let Some(header) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default().trim().trim_matches('"');
    text.parse().map(Some).map_err(|_| {
        Problem::bad_value("If-Match", text, "send the `commit` of an earlier answer, in quotes")
    })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(header) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default();
    if text.trim().is_empty() || text.chars().count() > MAX_KEY_CHARS {
        let hint = format!("send from 1 to {MAX_KEY_CHARS} visible characters");
        return Err(Problem::bad_value("Idempotency-Key", text, hint));
    }
    Ok(Some(text.to_owned()))
}

/// The run of a reply, or why there is none.
pub(in crate::server) fn ran(reply: CommandReply) -> Result<CommandRun, Problem> {
    match reply {
        CommandReply::Ran(run) => Ok(run),
        CommandReply::Denied { missing } => Err(Problem::new(StatusCode::FORBIDDEN, missing)
            .with_hint("`tidegate token create` makes a token that allows more")),
        CommandReply::Moved { head, commits } => {
            let detail = match commits.first() {
                Some(last) => format!("The branch changed meanwhile: {last}"),
                None => format!("The branch changed meanwhile and is now at {}", head.short()),
            };
            let problem = Problem::new(StatusCode::CONFLICT, detail)
                .with_hint("nothing was done; look at what changed, and send the new commit as `If-Match`");
            Err(Problem {
                result: Some(json!({ "commit": head.to_string(), "changes": commits })),
                ..problem
            })
        }
        CommandReply::KeyReused => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Another request had the same Idempotency-Key",
        )
        .with_hint("use a new key for a new request")),
    }
}

/// A command that did not do what it was asked for, as a problem.
fn problem_of(run: &CommandRun, document: Option<Value>) -> Problem {
    let (status, detail) = match run.exit_code {
        2 => (StatusCode::BAD_REQUEST, "The request cannot be carried out"),
        3 => (StatusCode::CONFLICT, "A gate is closed"),
        4 => (StatusCode::UNPROCESSABLE_ENTITY, "It is refused for safety"),
        75 => (StatusCode::SERVICE_UNAVAILABLE, "It cannot be done now"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "It failed"),
    };
    let (detail, hint) = run.fault.clone().unwrap_or_else(|| (detail.to_owned(), None));
    let result = document.filter(|document| document["kind"] != "Error");
    Problem { status, detail, hint, result }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(name: &str, body: &Value) -> Result<(Vec<String>, Option<String>), Problem> {
        Action::named(name).unwrap().arguments(body.as_object().unwrap())
    }

    #[test]
    fn a_body_becomes_the_arguments_of_its_command() {
        let body = json!({ "services": ["common/*", "--all"], "environments": ["prod"], "all": false, "reason": " why " });
        let (words, reason) = arguments("hold", &body).unwrap();
        assert_eq!(words, ["hold", "--env=prod", "--reason=why", "--", "common/*", "--all"]);
        assert_eq!(reason, None);
        // `release` takes no reason, and `promote` only with an override.
        let body = json!({ "services": ["common/api"], "reason": "done" });
        assert_eq!(arguments("release", &body).unwrap().1.as_deref(), Some("done"));
        assert_eq!(arguments("promote", &body).unwrap().1.as_deref(), Some("done"));
        let body = json!({ "services": ["common/api"], "overrides": ["soak"], "reason": "urgent" });
        let (words, reason) = arguments("promote", &body).unwrap();
        assert_eq!(words, ["promote", "--override=soak", "--reason=urgent", "--", "common/api"]);
        assert_eq!(reason, None);
    }

    #[test]
    fn a_body_without_a_reason_or_with_an_unknown_field_is_refused() {
        for body in [json!({}), json!({ "reason": " " }), json!({ "reason": 1 })] {
            assert_eq!(arguments("hold", &body).unwrap_err().detail, "`reason` is missing");
        }
        for body in [
            json!({ "reason": "x", "by": "Eve" }),
            json!({ "reason": "x", "services": "common/api" }),
            json!({ "reason": "x", "all": "yes" }),
            json!({ "reason": "x", "expires": ["1h"] }),
        ] {
            assert_eq!(arguments("hold", &body).unwrap_err().status, StatusCode::BAD_REQUEST, "{body}");
        }
        assert_eq!(
            arguments("rollback", &json!({ "reason": "x" })).unwrap_err().detail,
            "`service` is missing"
        );
    }
}
