//! Control files as facts: holds, pins, quarantines, approvals and freezes.
//!
//! Decides which targets a control covers and when it is in force. Must not know the file format or the gates.

use crate::model::{
    Digest, EnvironmentName, Printable, RepoPath, ServiceName, ServicePattern, Tag, Timestamp, Version,
};

use crate::policy::calendar::Freeze;
use crate::policy::gate_name::GateName;
use crate::policy::range::Range;
use crate::policy::select::Candidate;

/// The common part of every control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: RepoPath,
    /// Author; untrusted text.
    pub by: String,
    /// Time of writing, as the file claims.
    pub at: Timestamp,
    /// Reason; untrusted text.
    pub reason: String,
    /// When it expires; `None` for never.
    pub expires: Option<Timestamp>,
}

impl Note {
    /// Whether it has not expired at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// The services and environments that a control covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The services; `None` for all.
    pub services: Option<ServicePattern>,
    /// The environments; empty for all.
    pub environments: Vec<EnvironmentName>,
}

impl Coverage {
    /// Whether a service in an environment is covered.
    pub fn covers(&self, service: &ServiceName, environment: &EnvironmentName) -> bool {
        (self.environments.is_empty() || self.environments.contains(environment))
            && self.services.as_ref().is_none_or(|services| services.matches(service))
    }
}

/// A hold: nothing is promoted while it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Author, reason and expiry.
    pub note: Note,
    /// What it covers.
    pub covers: Coverage,
}

/// A pin: only these versions are promoted while it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Author, reason and expiry.
    pub note: Note,
    /// What it covers.
    pub covers: Coverage,
    /// The admitted versions.
    pub versions: Range,
}

/// A quarantine: a version is bad in every environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// Author, reason and expiry.
    pub note: Note,
    /// The services that the version belongs to.
    pub services: ServicePattern,
    /// The version, as written.
    pub version: Tag,
}

impl Quarantine {
    /// Whether the candidate is the quarantined version, by its tag or by the version in the tag.
    pub fn covers(&self, candidate: &Candidate) -> bool {
        let is_version =
            || self.version.as_str().parse::<Version>().is_ok_and(|version| version == candidate.version);
        candidate.tag == self.version || is_version()
    }
}

/// An approval of one image for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Author, reason and expiry.
    pub note: Note,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The approved tag.
    pub version: Tag,
    /// The approved digest. Another image under the same tag is not approved.
    pub digest: Digest,
}

/// A freeze from a control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeControl {
    /// Author and reason. The freeze has its own end.
    pub note: Note,
    /// The services; `None` for all.
    pub services: Option<ServicePattern>,
    /// Its period and environments.
    pub freeze: Freeze,
}

/// An unreadable control file. It closes the gate that it may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableControl {
    /// The file.
    pub file: RepoPath,
    /// The gate that stays closed until the file is corrected; the hold gate if the kind is unreadable too.
    pub gate: GateName,
    /// What it may cover.
    pub covers: Coverage,
    /// What is wrong with it.
    pub problem: String,
    /// Line and column of the error, from 1.
    pub position: Option<(usize, usize)>,
}

/// One control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// A hold.
    Hold(Hold),
    /// A pin.
    Pin(Pin),
    /// A quarantine.
    Quarantine(Quarantine),
    /// An approval.
    Approval(Approval),
    /// A freeze.
    Freeze(FreezeControl),
    /// An unreadable file.
    Unreadable(UnreadableControl),
}

/// The kinds of control files, as `kind:` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ControlKind {
    Hold,
    Pin,
    Quarantine,
    Approval,
    Freeze,
}

impl ControlKind {
    pub const ALL: [Self; 5] = [Self::Hold, Self::Pin, Self::Quarantine, Self::Approval, Self::Freeze];

    /// The value of `kind:` in a control file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "Hold",
            Self::Pin => "Pin",
            Self::Quarantine => "Quarantine",
            Self::Approval => "Approval",
            Self::Freeze => "Freeze",
        }
    }

    /// The kind as part of a path or a sentence.
    pub fn as_word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Pin => "pin",
            Self::Quarantine => "quarantine",
            Self::Approval => "approval",
            Self::Freeze => "freeze",
        }
    }
}

impl Control {
    /// `None` for a file that cannot be read.
    pub fn kind(&self) -> Option<ControlKind> {
        Some(match self {
            Self::Hold(_) => ControlKind::Hold,
            Self::Pin(_) => ControlKind::Pin,
            Self::Quarantine(_) => ControlKind::Quarantine,
            Self::Approval(_) => ControlKind::Approval,
            Self::Freeze(_) => ControlKind::Freeze,
            Self::Unreadable(_) => return None,
        })
    }

    /// The services that it names; `None` if it covers all, and for an approval, which names one service.
    pub fn services(&self) -> Option<&ServicePattern> {
        match self {
            Self::Hold(hold) => hold.covers.services.as_ref(),
            Self::Pin(pin) => pin.covers.services.as_ref(),
            Self::Quarantine(quarantine) => Some(&quarantine.services),
            Self::Freeze(freeze) => freeze.services.as_ref(),
            Self::Approval(_) | Self::Unreadable(_) => None,
        }
    }

    /// The environments that it names; empty when it covers all.
    pub fn environments(&self) -> &[EnvironmentName] {
        match self {
            Self::Hold(hold) => &hold.covers.environments,
            Self::Pin(pin) => &pin.covers.environments,
            Self::Freeze(freeze) => freeze.freeze.environments(),
            Self::Approval(approval) => std::slice::from_ref(&approval.environment),
            Self::Quarantine(_) | Self::Unreadable(_) => &[],
        }
    }

    /// Author, reason and expiry; `None` for an unreadable file.
    pub fn note(&self) -> Option<&Note> {
        match self {
            Self::Hold(hold) => Some(&hold.note),
            Self::Pin(pin) => Some(&pin.note),
            Self::Quarantine(quarantine) => Some(&quarantine.note),
            Self::Approval(approval) => Some(&approval.note),
            Self::Freeze(order) => Some(&order.note),
            Self::Unreadable(_) => None,
        }
    }

    /// The file.
    pub fn file(&self) -> &RepoPath {
        match self {
            Self::Unreadable(unreadable) => &unreadable.file,
            Self::Hold(Hold { note, .. })
            | Self::Pin(Pin { note, .. })
            | Self::Quarantine(Quarantine { note, .. })
            | Self::Approval(Approval { note, .. })
            | Self::Freeze(FreezeControl { note, .. }) => &note.file,
        }
    }

    /// Narrows the control to existing environments.
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
