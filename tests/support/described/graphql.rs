//! The mutations of GitHub's GraphQL schema that Tidegate uses, in the one form that it writes them in:
//! `mutation($a: A!) { name(input: {field: $a}) { field } }`.

use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

use super::{Answer, Asked};

/// Where GraphQL is.
pub(super) const PATH: &str = "/graphql";

const FORM: &str = r"^mutation\((?<variables>[^)]*)\) \{ (?<name>\w+)\(input: \{(?<input>[^}]*)\}\) \{ (?<answer>\w+) \} \}$";

struct Mutation {
    name: String,
    /// The variables' types.
    variables: HashMap<String, String>,
    /// The variables of the given fields.
    input: Vec<(String, String)>,
    answer: String,
    values: Value,
}

pub(super) fn of_request(schema: &Value, asked: Asked<'_>) -> Vec<String> {
    let mutation = match read(asked) {
        Ok(mutation) => mutation,
        Err(why) => return vec![format!("POST {PATH}: {why}")],
    };
    let place = format!("POST {PATH}: {}", mutation.name);
    let Some(known) = schema["mutations"].get(&mutation.name) else {
        return vec![format!("{place}: there is no such mutation")];
    };
    let mut deviations = Vec::new();
    for (field, variable) in &mutation.input {
        let (Some(takes), Some(given)) = (known["input"][field].as_str(), mutation.variables.get(variable))
        else {
            deviations.push(format!("{place}: there is no field {field}, or no variable {variable}"));
            continue;
        };
        if given.trim_end_matches('!') != takes.trim_end_matches('!')
            || (takes.ends_with('!') && !given.ends_with('!'))
        {
            deviations.push(format!("{place}: {field} is {takes} and not {given}"));
        }
        let value = mutation.values[variable].as_str();
        let is_one = match schema["enums"].get(takes.trim_end_matches('!')).and_then(Value::as_array) {
            Some(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
            None => value.is_some(),
        };
        if !is_one {
            deviations.push(format!("{place}: {field} is none of {takes}"));
        }
    }
    let required = known["input"].as_object().into_iter().flatten();
    let required = required.filter(|(_, takes)| takes.as_str().is_some_and(|takes| takes.ends_with('!')));
    let missing = required.filter(|(field, _)| mutation.input.iter().all(|(given, _)| given != *field));
    deviations.extend(missing.map(|(field, _)| format!("{place}: {field} is required")));
    if known["answer"].get(&mutation.answer).is_none() {
        deviations.push(format!("{place}: there is no {} in its answer", mutation.answer));
    }
    deviations
}

pub(super) fn of_answer(schema: &Value, asked: Asked<'_>, answer: &Answer) -> Vec<String> {
    let Ok(mutation) = read(asked) else { return Vec::new() };
    let place = format!("POST {PATH}: answer {} to {}", answer.status, mutation.name);
    let Some(body) = answer.body.as_ref().filter(|_| answer.status == 200) else { return Vec::new() };
    let data = &body["data"][&mutation.name];
    let is_failure =
        body["errors"].as_array().is_some_and(|errors| errors.iter().all(|one| one["message"].is_string()));
    let is_success = data.as_object().is_some_and(|fields| {
        fields.keys().eq([&mutation.answer])
            && schema["mutations"][&mutation.name]["answer"].get(&mutation.answer).is_some()
    });
    if is_failure || is_success { Vec::new() } else { vec![format!("{place}: neither data nor errors")] }
}

fn read(asked: Asked<'_>) -> Result<Mutation, String> {
    if asked.method != "POST" {
        return Err(format!("{} is no method of it", asked.method));
    }
    let body: Value = serde_json::from_slice(asked.body).map_err(|error| error.to_string())?;
    let query = body["query"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let found = Regex::new(FORM).unwrap();
    let found =
        found.captures(&query).ok_or_else(|| format!("{query} is not of the form that is checked"))?;
    let pairs = |text: &str| {
        let pairs = text.split(", ").filter_map(|pair| pair.split_once(": "));
        let bare = |text: &str| text.trim_start_matches('$').to_owned();
        pairs.map(|(name, value)| (bare(name), bare(value))).collect::<Vec<_>>()
    };
    Ok(Mutation {
        name: found["name"].to_owned(),
        variables: pairs(&found["variables"]).into_iter().collect(),
        input: pairs(&found["input"]),
        answer: found["answer"].to_owned(),
        values: body["variables"].clone(),
    })
}
