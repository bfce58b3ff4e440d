//! The store room against real files.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

mod damage;
mod health;
mod index;
mod intents;
mod kill;
mod observations;
mod opening;
mod processes;
mod shared;
mod tags;
mod tokens;
mod upgrade;
mod words;
