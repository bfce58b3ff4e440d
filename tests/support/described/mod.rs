//! GitHub's published OpenAPI description, cut to what Tidegate uses (`github.json`, made by
//! `scripts/github-description.mjs`), and the check of requests and answers against it.
//!
//! Every emulation of GitHub in these tests goes through [`watch`]: a request outside the description is not answered, and an
//! answer outside the description is not sent.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

mod graphql;
mod schema;
pub(crate) mod watch;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The description.
static GITHUB: LazyLock<Description> = LazyLock::new(|| Description::read(include_str!("github.json")));

/// A received request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// An answer before it is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

impl Answer {
    pub(crate) fn of(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    /// A refusal.
    pub(crate) fn refusal(status: u16, message: &str) -> Self {
        Self::of(status, json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

struct Description {
    whole: Value,
    /// The referenced schemas, as JSON Schema.
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One method of one path.
struct Operation<'a> {
    /// Its name in the description: `GET /repos/{owner}/{repo}`.
    name: String,
    described: &'a Value,
    /// The parameters in the path.
    in_path: Vec<(&'a str, &'a str)>,
}

/// The deviations of a request.
pub(crate) fn of_request(asked: Asked<'_>) -> Vec<String> {
    if asked.path == graphql::PATH {
        return graphql::of_request(&GITHUB.whole["x-graphql"], asked);
    }
    match GITHUB.operation(asked.method, asked.path) {
        Some(operation) => GITHUB.of_request(&operation, asked),
        None => vec![format!("{} {}: there is no such operation", asked.method, asked.path)],
    }
}

/// The deviations of the answer to a request.
pub(crate) fn of_answer(asked: Asked<'_>, answer: &Answer) -> Vec<String> {
    if asked.path == graphql::PATH {
        return graphql::of_answer(&GITHUB.whole["x-graphql"], asked, answer);
    }
    match GITHUB.operation(asked.method, asked.path) {
        Some(operation) => GITHUB.of_answer(&operation, answer),
        // This may be the answer to any request.
        None if answer.status == 404 => Vec::new(),
        None => vec![format!("{} {}: there is no such operation", asked.method, asked.path)],
    }
}

/// GitHub's example of an operation's answer, or of one element of it, about `repository`, with the fields of `with`.
pub(crate) fn example(operation: &str, repository: &str, with: Value) -> Value {
    let (method, path) = operation.split_once(' ').unwrap();
    let responses = &GITHUB.whole["paths"][path][method.to_ascii_lowercase()]["responses"];
    let response = ["200", "201"].iter().find_map(|status| responses.get(*status)).unwrap();
    let examples = response["content"]["application/json"]["examples"].as_object().unwrap();
    let whole = &GITHUB.followed(examples.values().next().unwrap())["value"];
    let mut value = whole.get(0).unwrap_or(whole).clone();
    rename(&mut value, repository);
    if !with.is_null() {
        overlay(&mut value, with);
    }
    value
}

/// GitHub's example of a repository, without the fields that violate its own schema.
pub(crate) fn repository(name: &str, with: Value) -> Value {
    let mut value =
        example("GET /repos/{owner}/{repo}", name, json!({"language": null, "template_repository": null}));
    let fields = value.as_object_mut().unwrap();
    fields.retain(|key, _| !["parent", "source"].contains(&key.as_str()));
    overlay(&mut value, with);
    value
}

/// Merges the given fields over the existing ones.
pub(crate) fn overlay(value: &mut Value, with: Value) {
    match (value, with) {
        (Value::Object(fields), Value::Object(others)) => {
            for (key, other) in others {
                overlay(fields.entry(key).or_insert(Value::Null), other);
            }
        }
        (value, with) => *value = with,
    }
}

/// GitHub's examples are about one repository.
fn rename(value: &mut Value, repository: &str) {
    match value {
        Value::String(text) => *text = text.replace("octocat/Hello-World", repository),
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, repository)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, repository)),
        _ => {}
    }
}

impl Description {
    fn read(text: &str) -> Self {
        let whole: Value = serde_json::from_str(text).unwrap();
        let schemas = whole["components"]["schemas"].as_object().unwrap();
        let schemas: Map<String, Value> =
            schemas.iter().map(|(name, schema)| (name.clone(), schema::referred_to(schema))).collect();
        Self { components: json!({"schemas": schemas}), whole, validators: Mutex::default() }
    }

    /// The operation of a request.
    fn operation<'a>(&'a self, method: &str, path: &'a str) -> Option<Operation<'a>> {
        let paths = self.whole["paths"].as_object().unwrap();
        // A path without parameters has precedence.
        let mut found: Vec<Operation<'a>> = paths
            .iter()
            .filter_map(|(template, methods)| {
                let described = methods.get(method.to_ascii_lowercase())?;
                let in_path = parameters_in(template, path)?;
                Some(Operation { name: format!("{method} {template}"), described, in_path })
            })
            .collect();
        found.sort_by_key(|operation| operation.in_path.len());
        found.into_iter().next()
    }

    /// The target of a reference.
    fn followed<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(reference) => self.whole.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => node,
        }
    }

    fn of_request(&self, operation: &Operation<'_>, asked: Asked<'_>) -> Vec<String> {
        let mut deviations = self.of_parameters(operation, asked.query.unwrap_or_default());
        let described = &operation.described["requestBody"];
        let place = format!("{}: body", operation.name);
        match (described.is_null(), asked.body.is_empty()) {
            (true, false) => deviations.push(format!("{place}: there is none in the description")),
            (false, true) if described["required"] == true => {
                deviations.push(format!("{place}: it is required"));
            }
            (_, true) => {}
            (false, false) => match serde_json::from_slice(asked.body) {
                Ok(body) => {
                    let schema = &described["content"]["application/json"]["schema"];
                    deviations.extend(self.of_value(&place, schema, &body));
                }
                Err(error) => deviations.push(format!("{place}: {error}")),
            },
        }
        deviations
    }

    fn of_parameters(&self, operation: &Operation<'_>, query: &str) -> Vec<String> {
        let parameters = operation.described["parameters"].as_array();
        let parameters: Vec<&Value> =
            parameters.into_iter().flatten().map(|one| self.followed(one)).collect();
        let in_query = reqwest::Url::parse(&format!("http://localhost/?{query}")).unwrap();
        let in_query: Vec<(String, String)> = in_query.query_pairs().into_owned().collect();
        let in_path = operation.in_path.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let given =
            in_path.map(|pair| ("path", pair)).chain(in_query.into_iter().map(|pair| ("query", pair)));
        let mut deviations = Vec::new();
        let mut seen = Vec::new();
        for (place, (name, text)) in given {
            let place_of_it = format!("{}: {place} parameter {name}", operation.name);
            match parameters.iter().find(|one| one["name"] == name && one["in"] == place) {
                Some(described) => {
                    let value = meant(&text, &described["schema"]);
                    deviations.extend(self.of_value(&place_of_it, &described["schema"], &value));
                }
                None => deviations.push(format!("{place_of_it}: there is none in the description")),
            }
            if seen.contains(&(place, name.clone())) {
                deviations.push(format!("{place_of_it}: it is given twice"));
            }
            seen.push((place, name));
        }
        let is_given =
            |one: &&&Value| seen.iter().any(|(place, name)| one["name"] == *name && one["in"] == *place);
        let missing = parameters.iter().filter(|one| one["required"] == true).filter(|one| !is_given(one));
        deviations
            .extend(missing.map(|one| format!("{}: parameter {} is required", operation.name, one["name"])));
        deviations
    }

    fn of_answer(&self, operation: &Operation<'_>, answer: &Answer) -> Vec<String> {
        let place = format!("{}: answer {}", operation.name, answer.status);
        let responses = &operation.described["responses"];
        let described = responses.get(answer.status.to_string()).map(|response| self.followed(response));
        // Errors that any request may have, from
        // docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api and …/best-practices-for-using-the-rest-api.
        let refusal = json!({"$ref": "#/components/schemas/basic-error"});
        let schema = match (described, answer.status) {
            (None, 304 | 500..) => return Vec::new(),
            (None, 401 | 403 | 404 | 429) => &refusal,
            (None, _) => return vec![format!("{place}: there is no such status in the description")],
            (Some(described), status) => match &described["content"]["application/json"]["schema"] {
                Value::Null if status >= 400 => &refusal,
                schema => schema,
            },
        };
        match &answer.body {
            None if schema.is_null() || answer.status >= 500 => Vec::new(),
            None => vec![format!("{place}: the body is missing")],
            Some(_) if schema.is_null() => vec![format!("{place}: there is no body in the description")],
            Some(body) => self.of_value(&place, schema, body),
        }
    }

    /// The deviations of a value from its schema.
    fn of_value(&self, place: &str, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        let messages = validator.iter_errors(value).map(|error| {
            let rule = error.schema_path().to_string();
            let at = error.instance_path().to_string();
            let why: String = error.masked_with("it").to_string().chars().take(300).collect();
            format!("{place}{}{at}: {why} ({rule})", if at.is_empty() { "" } else { " at " })
        });
        messages.collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut kept = self.validators.lock().unwrap();
        let made = kept.entry(schema.to_string()).or_insert_with(|| {
            let mut root = schema::closed(schema);
            root["components"] = self.components.clone();
            let options = jsonschema::draft202012::options();
            Arc::new(options.should_validate_formats(true).build(&root).unwrap())
        });
        Arc::clone(made)
    }
}

/// The parameters of a path, if it matches.
fn parameters_in<'a>(template: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut path: Vec<&str> = path.split('/').collect();
    // Links to further pages name a repository by its number:
    // docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api.
    if let ["", "repositories", number, ..] = *path.as_slice() {
        path.splice(1..=2, ["repos", "of", number]);
    }
    let template: Vec<&str> = template.split('/').collect();
    if template.len() != path.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (part, text) in template.into_iter().zip(path) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !text.is_empty() => parameters.push((name, text)),
            _ if part == text => {}
            _ => return None,
        }
    }
    Some(parameters)
}

/// The text of a parameter as a value of its type.
fn meant(text: &str, schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}
