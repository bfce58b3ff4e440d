//! A world in memory for the engine's tests: a branch, a registry, a store and a clock, each of which counts what it is
//! asked and can be told to fail.

mod branch;
mod registry;
mod store;
mod world;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) use branch::{Branch, Push};
pub(super) use registry::FakeRegistry;
pub(super) use store::FakeStore;
pub(super) use world::{FLUX, Settings, World, digest, image, path, release, service};

/// How often what was asked.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<BTreeMap<&'static str, usize>>);

impl Calls {
    fn count(&self, what: &'static str) {
        *lock(&self.0).entry(what).or_default() += 1;
    }

    /// What was asked since the last time, and how often.
    pub(super) fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *lock(&self.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
