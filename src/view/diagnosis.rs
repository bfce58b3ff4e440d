//! A diagnosis as a document.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::Finding;
use crate::model::{EnvironmentName, Printable, ServiceName};

/// What one cluster says of one service.
#[derive(Clone, Debug)]
pub(crate) struct Diagnosed {
    pub(crate) service: ServiceName,
    pub(crate) environment: EnvironmentName,
    pub(crate) cluster: String,
    /// What is wrong, or a printable sentence that says why it is not known.
    pub(crate) found: Result<Found, String>,
}

/// What is wrong with a service, and what could not be read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    /// Printable sentences.
    pub(crate) unread: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Diagnose {
    pub(crate) commit: String,
    pub(crate) diagnoses: Vec<DiagnosisBody>,
}

/// What is wrong with a service in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct DiagnosisBody {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) cluster: String,
    /// `nothing`, `wrong` or `unknown`.
    pub(crate) result: &'static str,
    /// Why the cluster is not known.
    pub(crate) reason: Option<String>,
    /// The cause that explains the others first.
    pub(crate) findings: Vec<FindingBody>,
    /// What could not be read, and why.
    pub(crate) unread: Vec<String>,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct FindingBody {
    pub(crate) cause: &'static str,
    pub(crate) sentence: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) advice: Vec<String>,
}

pub(crate) fn diagnose(commit: &str, diagnosed: &[Diagnosed]) -> Diagnose {
    Diagnose { commit: commit.to_owned(), diagnoses: diagnosed.iter().map(body).collect() }
}

fn body(one: &Diagnosed) -> DiagnosisBody {
    let (result, reason) = match &one.found {
        Err(why) => ("unknown", Some(why.clone())),
        Ok(found) if found.findings.is_empty() => ("nothing", None),
        Ok(_) => ("wrong", None),
    };
    let found = one.found.as_ref().ok();
    let finding = |finding: &Finding| FindingBody {
        cause: finding.cause.as_str(),
        sentence: finding.sentence.clone(),
        evidence: finding.evidence.clone(),
        advice: finding.advice.clone(),
    };
    DiagnosisBody {
        service: one.service.to_string(),
        environment: one.environment.to_string(),
        cluster: Printable::bounded(&one.cluster, 80).to_string(),
        result,
        reason,
        findings: found.iter().flat_map(|found| &found.findings).map(finding).collect(),
        unread: found.map(|found| found.unread.clone()).unwrap_or_default(),
    }
}
