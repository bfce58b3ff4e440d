//! Runs blocking work on a thread that may block.

use crate::model::{Class, Fault};

/// Runs what blocks where it keeps nobody waiting.
pub(in crate::engine) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            Err(Fault::new(Class::Failed, "a worker thread stopped in the middle").with_source(error))
        }
    }
}
