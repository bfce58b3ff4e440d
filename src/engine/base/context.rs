//! The reading ports and the policy, borrowed: what a step is given besides its memory. No port in it writes to the
//! followed branch; the steps that do are handed a [`Publisher`](crate::port::Publisher).

use std::sync::Arc;
use std::time::Duration;

use super::repository_policy::RepositoryPolicy;
use crate::port::Ports;

pub(in crate::engine) struct Context<'a, P: Ports> {
    pub(in crate::engine) registry: &'a Arc<P::Registry>,
    pub(in crate::engine) repository: &'a Arc<P::Repository>,
    pub(in crate::engine) store: &'a Arc<P::Store>,
    pub(in crate::engine) changelog: &'a Arc<P::Changelog>,
    pub(in crate::engine) forge: Option<&'a Arc<P::Forge>>,
    pub(in crate::engine) clusters: &'a Arc<P::Clusters>,
    pub(in crate::engine) clock: &'a Arc<P::Clock>,
    pub(in crate::engine) policy: &'a Arc<RepositoryPolicy>,
    /// How long a registry may be silent before a pass goes on without it.
    pub(in crate::engine) registry_wait: Duration,
}

impl<P: Ports> Clone for Context<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Ports> Copy for Context<'_, P> {}
