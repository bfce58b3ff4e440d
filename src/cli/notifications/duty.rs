//! Which daemon of a data folder sends notifications: the first one. When it ends, the next pass of another one takes over.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::wiring::{DataFolder, FolderLock, Session};
use crate::engine::{PassReport, RepositoryState};
use crate::model::{Fault, Timestamp};

use super::notifier::Notifier;

/// What a daemon does about notifications.
#[derive(Debug, Default)]
pub(crate) struct NotificationDuty {
    /// The data folder, and the mark on it, unless another daemon has that.
    folder: PathBuf,
    mark: Option<FolderLock>,
    notifier: Option<Notifier>,
}

impl NotificationDuty {
    /// Begins, or begins anew with another configuration. Only logs when another daemon sends.
    ///
    /// # Errors
    /// When a channel cannot be set up, or the data folder or the store cannot be used.
    pub(crate) async fn begin(&mut self, session: &Session) -> Result<(), Fault> {
        self.notifier = None;
        if self.folder != session.folder() {
            self.mark = None;
            session.folder().clone_into(&mut self.folder);
        }
        if self.mark.is_none() {
            match DataFolder::mark_daemon(&self.folder)? {
                Ok(mark) => self.mark = Some(mark),
                Err(process) => {
                    tracing::warn!(
                        data_folder = %self.folder.display(),
                        process,
                        "another tidegate run works in this data folder; they take turns, and only that one sends notifications"
                    );
                    return Ok(());
                }
            }
        }
        self.notifier = Notifier::start(session).await?;
        Ok(())
    }

    /// Begins if another daemon sent so far and has ended.
    pub(crate) async fn take_over(&mut self, session: &Session) {
        if self.mark.is_some() {
            return;
        }
        // A folder that cannot be used fails the pass too.
        let Ok(Ok(mark)) = DataFolder::mark_daemon(&self.folder) else { return };
        self.mark = Some(mark);
        match Notifier::start(session).await {
            Ok(notifier) => {
                self.notifier = notifier;
                tracing::info!("the other tidegate run ended; sending notifications from now on");
            }
            Err(fault) => {
                tracing::error!(error = %fault.in_one_line(), hint = fault.hint(), "cannot send notifications");
            }
        }
    }

    /// Reports what a pass found, and what moved up to the state of the branch after it.
    pub(crate) async fn passed(
        &mut self,
        session: &mut Session,
        report: &PassReport,
        state: &Arc<RepositoryState>,
    ) {
        if let Some(notifier) = &mut self.notifier {
            notifier.passed(session, report, state).await;
        }
    }

    /// Reports when several passes in a row failed.
    pub(crate) async fn failed(&mut self, fault: &Fault) {
        if let Some(notifier) = &mut self.notifier {
            notifier.failed(fault).await;
        }
    }

    /// When the next report is due.
    pub(crate) fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        self.notifier.as_ref()?.next_report(now)
    }
}
