//! The description of the API in OpenAPI 3.1, made from the table of endpoints and the types of the documents. Its schemas are
//! those of JSON Schema 2020-12, which OpenAPI 3.1 takes over.

use std::sync::OnceLock;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::PREFIX;
use super::actions::{ACTIONS, Action};
use super::endpoints::{ENDPOINTS, Endpoint, Parameter, Read};
use crate::server::problem::ProblemDocument;
use crate::view::API_VERSION;

/// The description of the API as text.
pub(in crate::server) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}\n", document()))
}

/// The description.
pub(in crate::server) fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    // Every field is written, also as `null`.
    settings = settings.for_serialize();
    let mut generator = settings.into_generator();
    let problem = serde_json::to_value(generator.subschema_for::<ProblemDocument>()).unwrap_or_default();
    let paths: Map<String, Value> = ENDPOINTS
        .iter()
        .map(|endpoint| (endpoint.path.to_owned(), json!({ "get": operation(endpoint, &mut generator) })))
        .collect();
    let actions =
        ACTIONS.iter().map(|action| (format!("/{}", action.name), json!({ "post": action_of(action) })));
    let paths: Map<String, Value> = paths.into_iter().chain(actions).chain([command()]).collect();
    let response = |description: &str| json!({ "description": description, "content": { "application/problem+json": { "schema": problem } } });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": API_VERSION,
            "summary": "Which version of each service runs where, which comes next, and why it waits",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": PREFIX }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "A token of `tidegate token create`: to act, and to read where `server.access` is `token`" } },
            "schemas": generator.take_definitions(true),
            "responses": {
                "BadRequest": response("A parameter that cannot be read, or is not one of this path"),
                "Unauthorized": response("With `server.access: token`: no token that counts came with the request; 429 after many wrong ones"),
                "Forbidden": response("The token does not allow it: the detail names the scope or the environment that is missing"),
                "Conflict": response("A gate is closed, and `result` is the document of the command; or the branch moved since `If-Match`, and `result.changes` has the commits"),
                "Refused": response("It is refused for safety, or another request had the same `Idempotency-Key`"),
                "NotFound": response("There is no such service or environment"),
                "Unavailable": response("No pass has ended yet, or history cannot be read during a pass; try again after `Retry-After` seconds"),
            },
        },
    })
}

/// What a request that acts has in its headers.
fn acting_headers() -> Value {
    json!([
        { "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
          "description": "The same key and body again within a day act once and give the same answer" },
        { "name": "If-Match", "in": "header", "schema": { "type": "string" },
          "description": "The `commit` of an earlier answer: nothing is done if the branch moved since" },
    ])
}

fn acting_responses(ok: &Value) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    json!({
        "200": ok,
        "400": reference("BadRequest"),
        "401": reference("Unauthorized"),
        "403": reference("Forbidden"),
        "409": reference("Conflict"),
        "415": reference("BadRequest"),
        "422": reference("Refused"),
        "503": reference("Unavailable"),
    })
}

fn action_of(action: &Action) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": { "apiVersion": { "const": API_VERSION }, "kind": { "const": action.kind } },
    });
    let ok = json!({ "description": format!("The document of `tidegate {} -o json`", action.name), "content": { "application/json": { "schema": schema } } });
    json!({
        "operationId": action.name,
        "summary": action.summary,
        "description": format!("Needs a token with the scope `{}`.", action.scope),
        "security": [{ "token": [] }],
        "parameters": acting_headers(),
        "requestBody": { "required": true, "content": { "application/json": { "schema": action.schema() } } },
        "responses": acting_responses(&ok),
    })
}

/// What `tidegate --server` uses.
fn command() -> (String, Value) {
    let integer = json!({ "type": "integer" });
    let text = json!({ "type": "string" });
    let request = json!({
        "type": "object",
        "required": ["arguments"],
        "properties": { "arguments": { "type": "array", "items": text }, "width": integer },
    });
    let answer = json!({
        "type": "object",
        "required": ["exitCode", "output", "errors"],
        "properties": { "exitCode": integer, "output": text, "errors": text },
    });
    let ok = json!({ "description": "What the command printed, and its exit code", "content": { "application/json": { "schema": answer } } });
    let operation = json!({
        "operationId": "commands",
        "summary": "Run `status`, `explain`, `history`, `changelog` or a command that acts, as `tidegate --server` does",
        "parameters": acting_headers(),
        "requestBody": { "required": true, "content": { "application/json": { "schema": request } } },
        "responses": acting_responses(&ok),
    });
    ("/commands".to_owned(), json!({ "post": operation }))
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": { "apiVersion": { "const": API_VERSION }, "kind": { "const": endpoint.kind } },
        "allOf": [(endpoint.schema)(generator)],
    });
    let mut headers = json!({});
    if !matches!(endpoint.read, Read::Audit) {
        headers["ETag"] = json!({
            "description": "Changes with the answer; send it as `If-None-Match`",
            "schema": { "type": "string" },
        });
    }
    if endpoint.parameters.iter().any(|parameter| parameter.name == "cursor") {
        headers["Link"] = json!({
            "description": "The next page, as in RFC 8288; absent on the last one",
            "schema": { "type": "string" },
        });
    }
    json!({
        "operationId": endpoint.path.trim_start_matches('/'),
        "summary": endpoint.summary,
        "parameters": endpoint.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": {
            "200": {
                "description": endpoint.summary,
                "headers": headers,
                "content": { "application/json": { "schema": schema } },
            },
            "304": { "description": "The client has the current answer" },
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "400": { "$ref": "#/components/responses/BadRequest" },
            "404": { "$ref": "#/components/responses/NotFound" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = if parameter.is_repeated {
        json!({ "type": "array", "items": { "type": "string" } })
    } else if parameter.name == "limit" {
        json!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    } else {
        json!({ "type": "string" })
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema,
    })
}
