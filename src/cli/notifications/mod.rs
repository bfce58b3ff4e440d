//! Notifications of the daemon: turns what its passes found into events, drops those that were notified before, and routes
//! the rest to channels. `notify` delivers them.

mod arrivals;
mod conditions;
mod credentials;
mod duty;
mod news;
mod notifier;
mod report;
mod routing;
mod target;

pub(crate) use duty::NotificationDuty;
pub(crate) use notifier::commit_page;
