//! Notifications of the daemon: what its passes found becomes events, what was told before decides which are news, and
//! channels choose theirs. Delivery itself is the business of `notify`.

mod arrivals;
mod conditions;
mod news;
mod notifier;
mod report;
mod routing;
mod target;

pub(crate) use notifier::Notifier;
