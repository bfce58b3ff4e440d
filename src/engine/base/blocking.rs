//! Runs blocking work off the async threads.

use crate::model::{Class, Fault};

/// Runs `work` on a thread that may block.
pub(in crate::engine) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Fault::new(Class::Failed, "a worker thread panicked").with_source(error)),
    }
}
