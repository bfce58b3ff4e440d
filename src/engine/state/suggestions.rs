//! Which services somebody may have meant who named one that is not there.

use std::collections::BTreeSet;

use crate::config::nearest;
use crate::model::ServiceName;

use super::repository_state::RepositoryState;

/// The most services that are offered.
const MOST_OFFERED: usize = 5;

impl RepositoryState {
    /// Every service.
    pub fn services(&self) -> BTreeSet<&ServiceName> {
        self.deployed.targets.iter().map(crate::engine::Target::service).collect()
    }

    /// The services that may be meant by a name that none has: those of the same name in another namespace, or else the
    /// one that is written nearly so.
    pub fn services_like(&self, written: &str) -> Vec<&ServiceName> {
        services_like(self.services(), written)
    }
}

/// Those of the services that may be meant by a name that none has.
pub fn services_like<'a>(services: BTreeSet<&'a ServiceName>, written: &str) -> Vec<&'a ServiceName> {
    let name = written.rsplit('/').next().unwrap_or_default();
    let called_so: Vec<&ServiceName> =
        services.iter().copied().filter(|service| service.name() == name).take(MOST_OFFERED).collect();
    if !called_so.is_empty() {
        return called_so;
    }
    let names: Vec<(String, &ServiceName)> = services
        .into_iter()
        .map(|service| {
            let is_whole = written.contains('/');
            (if is_whole { service.to_string() } else { service.name().to_owned() }, service)
        })
        .collect();
    let near = nearest(written, names.iter().map(|(name, _)| name.as_str()));
    names.iter().filter(|(name, _)| Some(name.as_str()) == near).map(|(_, service)| *service).collect()
}
