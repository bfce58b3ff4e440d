//! What an answer of an API server, or the lack of one, means in a sentence.

use kube::runtime::watcher;

use crate::model::Printable;

/// Why a cluster cannot be read, as a printable sentence without a full stop.
pub(super) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            "the API server does not accept the credentials".to_owned()
        }
        kube::Error::Api(status) if status.code == 403 => {
            format!("reading is not allowed: {}", Printable::bounded(&status.message, 160))
        }
        // The error of a program quotes its output, which may hold a token.
        kube::Error::Auth(_) => {
            "cannot get credentials: the program or the file that the kubeconfig names fails".to_owned()
        }
        kube::Error::Api(status) => {
            format!("the API server answers {}: {}", status.code, Printable::bounded(&status.message, 160))
        }
        other => {
            // The innermost cause says what happened to the connection.
            let mut cause: &dyn std::error::Error = other;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            Printable::bounded(&cause.to_string(), 160).to_string()
        }
    }
}

/// Why watching failed. `None` where the resource version expired, after which the watcher lists again by itself.
pub(super) fn describe_watch(error: &watcher::Error) -> Option<String> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(describe(error)),
        watcher::Error::WatchError(status) if status.code == 410 => None,
        watcher::Error::WatchError(status) => Some(format!(
            "the API server ends a watch with {}: {}",
            status.code,
            Printable::bounded(&status.message, 160)
        )),
        watcher::Error::NoResourceVersion => {
            Some("the API server answers without a resource version".to_owned())
        }
    }
}
