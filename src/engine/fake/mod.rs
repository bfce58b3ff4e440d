//! An in-memory world for the engine's tests: a branch, a registry, a store and a clock. Each counts its requests and can
//! be made to fail.

mod branch;
mod clusters;
pub(crate) mod example;
mod forge;
mod registry;
mod store;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Class, Fault, IntoFault};

pub(super) use branch::{Branch, Push};
pub(super) use clusters::FakeClusters;
pub(super) use forge::{Ask, FakeForge};
pub(super) use registry::FakeRegistry;
pub(super) use store::FakeStore;
pub(super) use world::{FLUX, Settings, World, digest, image, path, release, service};

/// Kills the program at a step: what it would have done from there on is not done.
#[derive(Debug, Default)]
pub(super) struct Fuse(Mutex<Option<usize>>);

impl Fuse {
    /// So many steps are done, and then none any more; or all of them.
    pub(super) fn set(&self, steps_left: Option<usize>) {
        *lock(&self.0) = steps_left;
    }

    /// Whether the program is dead.
    pub(super) fn is_burnt(&self) -> bool {
        *lock(&self.0) == Some(0)
    }

    fn step(&self) {
        let mut left = lock(&self.0);
        match left.as_mut() {
            None => return,
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                return;
            }
        }
        drop(left);
        panic!("killed");
    }
}

/// How often what was asked, each time a step at which the program may die.
#[derive(Debug, Default)]
pub(super) struct Calls {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    pub(super) fuse: Arc<Fuse>,
}

impl Calls {
    fn until(fuse: &Arc<Fuse>) -> Self {
        Self { counts: Mutex::default(), fuse: Arc::clone(fuse) }
    }

    fn count(&self, what: &'static str) {
        self.fuse.step();
        *lock(&self.counts).entry(what).or_default() += 1;
    }

    /// What was asked since the last time, and how often.
    pub(super) fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *lock(&self.counts))
    }
}

/// What goes wrong in a fake.
#[derive(Debug)]
pub(super) struct FakeError(Class, String);

impl FakeError {
    /// What may work in a while.
    fn try_again(message: impl Into<String>) -> Self {
        Self(Class::TryAgain, message.into())
    }
}

impl IntoFault for FakeError {
    fn into_fault(self) -> Fault {
        Fault::new(self.0, self.1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
