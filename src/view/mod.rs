//! What people and programs are shown: the documents of `-o json` and of the API, and the words that the command line and the
//! pages share. Made from what the engine found; nothing here decides anything. `docs/json.md` describes the documents.
//!
//! Must not do IO, read a clock or be async.

mod common;
pub(crate) mod control;
mod control_files;
mod diagnosis;
mod document;
mod environments;
mod explain;
#[cfg(test)]
pub(crate) mod fixture;
mod history;
mod pass;
mod pass_view;
pub(crate) mod remedy;
mod status;
mod status_table;
pub(crate) mod target_state;
pub(crate) mod time;
mod token;
pub(crate) mod verification;

pub(crate) use common::{Gate, GateAnswer, HealthBody, HealthState, ProblemBody};
pub(crate) use control::ReleaseScope;
pub(crate) use control_files::{control_files, no_control_files};
pub(crate) use diagnosis::{Diagnosed, Found, diagnose};
pub(crate) use document::{API_VERSION, Document, FaultBody};
pub(crate) use environments::{Approval, Delivery, EnvironmentBody, Environments, Services};
pub(crate) use explain::{ControlBody, Explain, ExplainedGate, ExplanationBody, Waited, explain};
pub(crate) use history::{Change, History, history};
pub(crate) use pass::{Pass, pass};
pub use pass_view::PassView;
pub(crate) use status::{
    Controls, EnvironmentState, EnvironmentStatus, FreezeBody, ServiceStatus, SoakBody, Status, status,
};
pub(crate) use status_table::{Row, StatusTable};
pub(crate) use target_state::{Counts, TargetState, state_of};
pub(crate) use token::{Audit, NewTokenBody, RevokedBody, TokensBody, audit_body, token_body};
