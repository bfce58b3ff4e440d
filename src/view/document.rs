//! What every document begins with, and the document of an error.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Fault;

/// The version of the JSON contract, in the `apiVersion` of every document.
pub(crate) const API_VERSION: &str = "tidegate/v2";

/// `body`, with `apiVersion` and `kind` before it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T> Document<'a, T> {
    /// A document of this kind.
    pub(crate) fn new(kind: &'static str, body: &'a T) -> Self {
        Self { api_version: API_VERSION, kind, body }
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct FaultBody {
    class: &'static str,
    message: String,
    hint: Option<String>,
}

impl From<&Fault> for FaultBody {
    fn from(fault: &Fault) -> Self {
        Self {
            class: fault.class().as_str(),
            message: fault.in_one_line(),
            hint: fault.hint().map(str::to_owned),
        }
    }
}
