//! Passes over the engine's example, for tests of what shows them.

use std::sync::Arc;

use super::{History, PassView, history};
use crate::engine::fake::example::Example;

/// The example, and what its passes show.
pub(crate) struct Passes {
    example: Example,
}

impl Passes {
    pub(crate) async fn new() -> Self {
        Self { example: Example::new().await }
    }

    /// With as many more services.
    pub(crate) async fn with_services(count: usize) -> Self {
        Self { example: Example::with_services(count).await }
    }

    /// Ana holds `shop` in production.
    pub(crate) fn hold(&mut self, reason: &str) {
        self.example.hold(reason);
    }

    /// What a pass that writes nothing finds now.
    pub(crate) async fn view(&mut self) -> PassView {
        let report = self.example.status().await;
        PassView::new(self.example.shared_policy(), Arc::new(report))
    }

    pub(crate) async fn history(&mut self) -> History {
        history(&self.example.history().await)
    }
}
