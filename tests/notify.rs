//! Notifications, against real servers: delivery in order, what survives a kill, mail, Flux.

mod delivery;
mod flux;
mod kill;
mod mail;
mod outbox;
