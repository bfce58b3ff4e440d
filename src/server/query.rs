//! The query of a URL: bounded, and without names that nobody knows.

use std::str::FromStr;

use axum::http::StatusCode;

use super::problem::Problem;
use crate::model::Printable;

/// The longest query, in bytes.
const MAX_BYTES: usize = 2048;

/// The names and values of a query, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query that may have these names. Empty values are those of fields that were left empty in a form.
    pub(super) fn parse(text: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let text = text.unwrap_or_default();
        if text.len() > MAX_BYTES {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                format!("The query is longer than {MAX_BYTES} bytes"),
            ));
        }
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !known.contains(&&*name) {
                let name = Printable::bounded(&name, 100);
                let hint = match known {
                    [] => "it has none".to_owned(),
                    known => format!("it has {}", known.join(", ")),
                };
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("`{name}` is no parameter of this path"),
                )
                .with_hint(hint));
            }
            if !value.trim().is_empty() {
                pairs.push((name.into_owned(), value.trim().to_owned()));
            }
        }
        Ok(Self { pairs })
    }

    /// The value of a name; the last one, if it is given several times.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a name as a type.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, hint: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| Problem::bad_value(name, value, hint))
    }

    /// Every value of a name as a type.
    pub(super) fn all_parsed<T: FromStr>(&self, name: &str, hint: &str) -> Result<Vec<T>, Problem> {
        let read = |value: &str| value.parse().map_err(|_| Problem::bad_value(name, value, hint));
        self.all(name).map(read).collect()
    }

    /// A number from 1 to `most`.
    pub(super) fn number(&self, name: &str, most: usize, default: usize) -> Result<usize, Problem> {
        let hint = format!("give a number from 1 to {most}");
        let number = self.parsed(name, &hint)?.unwrap_or(default);
        if (1..=most).contains(&number) {
            return Ok(number);
        }
        Err(Problem::bad_value(name, &number.to_string(), hint))
    }

    /// The query with `value` for `name`, and `?` before it; without the name where the value is empty.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (other, value) in self.pairs.iter().filter(|(other, _)| other != name) {
            text.append_pair(other, value);
        }
        if !value.is_empty() {
            text.append_pair(name, value);
        }
        match text.finish() {
            text if text.is_empty() => text,
            text => format!("?{text}"),
        }
    }

    /// The query in one form, whatever the order of its names: the key of a cache.
    pub(super) fn normal(&self) -> String {
        let mut pairs = self.pairs.clone();
        // Stable, so that the order of values of one name stays.
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_written() {
        let query = Query::parse(Some("q=a%20b&env=prod&env=dr&state="), &["q", "env", "state"]).unwrap();
        assert_eq!((query.get("q"), query.get("env"), query.get("state")), (Some("a b"), Some("dr"), None));
        assert_eq!(query.all("env").collect::<Vec<_>>(), ["prod", "dr"]);
        assert_eq!(query.with("q", "c&d"), "?env=prod&env=dr&q=c%26d");
        assert_eq!(query.normal(), "env=prod&env=dr&q=a+b");
        assert_eq!(Query::default().with("page", ""), "");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let problem = Query::parse(Some("colour=red"), &["q", "env"]).unwrap_err();
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        assert_eq!(problem.hint.as_deref(), Some("it has q, env"));
        let long = format!("q={}", "x".repeat(MAX_BYTES));
        assert_eq!(Query::parse(Some(&long), &["q"]).unwrap_err().status, StatusCode::URI_TOO_LONG);
        for limit in ["0", "-1", "501", "x", "99999999999999999999"] {
            let query = Query::parse(Some(&format!("limit={limit}")), &["limit"]).unwrap();
            assert!(query.number("limit", 500, 100).is_err(), "{limit}");
        }
    }
}
