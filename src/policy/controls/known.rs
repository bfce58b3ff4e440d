//! Controls that name an environment that is not there: as good as one that can't be read, so that what it was to close
//! stays closed.

use crate::model::{EnvironmentName, Printable};

use super::{Control, Coverage, UnreadableControl};
use crate::policy::gates::GateName;

impl Control {
    /// The control, where these environments are all there are.
    #[must_use]
    pub fn among(self, known: &[&EnvironmentName]) -> Self {
        let (services, environments, gate) = match &self {
            Self::Hold(hold) => (&hold.covers.services, hold.covers.environments.as_slice(), GateName::Hold),
            Self::Pin(pin) => (&pin.covers.services, pin.covers.environments.as_slice(), GateName::Hold),
            Self::Freeze(order) => (&order.services, order.freeze.environments(), GateName::Freeze),
            Self::Approval(approval) => {
                (&None, std::slice::from_ref(&approval.environment), GateName::Approval)
            }
            Self::Quarantine(_) | Self::Unreadable(_) => return self,
        };
        let Some(unknown) = environments.iter().find(|name| !known.contains(name)) else { return self };
        let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        Self::Unreadable(UnreadableControl {
            file: self.file().clone(),
            gate,
            covers: Coverage { services: services.clone(), environments: Vec::new() },
            problem: format!(
                "there is no environment {}; there is {}",
                Printable::bounded(unknown.as_str(), 63),
                names.join(", ")
            ),
            position: None,
        })
    }
}
