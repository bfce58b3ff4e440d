//! Reports every request to an observer, for metrics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use super::error::RequestError;

/// Observes every HTTP request to a registry or its token server.
pub trait RequestObserver: fmt::Debug + Send + Sync {
    /// A request ended. `host` is the registry as images name it.
    fn finished(&self, host: &str, result: RequestResult, took: Duration);

    /// A request is repeated after a failure that may pass.
    fn retried(&self, host: &str);
}

/// The result of a request, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestResult {
    /// Any status 2xx.
    Succeeded,
    /// 304, to a conditional request.
    NotModified,
    /// 401, which also begins a login.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 429.
    RateLimited,
    /// Any status 5xx.
    ServerError,
    /// Any other status.
    OtherStatus,
    /// No response in time.
    TimedOut,
    /// No connection, no trust, or a response that broke off or is not allowed.
    Failed,
}

impl RequestResult {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::NotModified => "notModified",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "notFound",
            Self::RateLimited => "rateLimited",
            Self::ServerError => "serverError",
            Self::OtherStatus => "otherStatus",
            Self::TimedOut => "timedOut",
            Self::Failed => "failed",
        }
    }

    fn of(outcome: Result<StatusCode, &RequestError>) -> Self {
        match outcome {
            Ok(status) => match status {
                status if status.is_success() => Self::Succeeded,
                StatusCode::NOT_MODIFIED => Self::NotModified,
                StatusCode::UNAUTHORIZED => Self::Unauthorized,
                StatusCode::FORBIDDEN => Self::Forbidden,
                StatusCode::NOT_FOUND => Self::NotFound,
                StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
                status if status.is_server_error() => Self::ServerError,
                _ => Self::OtherStatus,
            },
            Err(RequestError::Timeout { .. }) => Self::TimedOut,
            Err(_) => Self::Failed,
        }
    }
}

/// The observer of one registry's requests, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    host: String,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl Observed {
    pub(super) fn new(host: &str, observer: Option<Arc<dyn RequestObserver>>) -> Self {
        Self { host: host.to_owned(), observer }
    }

    pub(super) fn finished(&self, outcome: Result<StatusCode, &RequestError>, took: Duration) {
        if let Some(observer) = &self.observer {
            observer.finished(&self.host, RequestResult::of(outcome), took);
        }
    }

    pub(super) fn retried(&self) {
        if let Some(observer) = &self.observer {
            observer.retried(&self.host);
        }
    }
}
