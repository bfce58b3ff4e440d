//! Label sets that several groups share.

use prometheus_client::encoding::EncodeLabelSet;

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfEnvironment {
    pub(super) environment: String,
}

impl OfEnvironment {
    pub(super) fn new(environment: &str) -> Self {
        Self { environment: environment.to_owned() }
    }
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfResult {
    pub(super) result: &'static str,
}
