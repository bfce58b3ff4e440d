//! Control files as facts: what people said may not go, must stay, is bad, is approved or is frozen, and until when.
//!
//! Owns whom a control covers and when it is in force. Must not know how the files are written, nor what a gate makes
//! of them.

use crate::model::{
    Digest, EnvironmentName, Printable, RepoPath, ServiceName, ServicePattern, Tag, Timestamp, Version,
};

use crate::policy::calendar::Freeze;
use crate::policy::gate_name::GateName;
use crate::policy::range::Range;
use crate::policy::select::Candidate;

/// What stands in every control file: where it is, who put it there, when, why, and until when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: RepoPath,
    /// Who. Somebody else's text.
    pub by: String,
    /// When, as the file claims.
    pub at: Timestamp,
    /// Why. Somebody else's text.
    pub reason: String,
    /// From when on it no longer counts; never, when nothing is said.
    pub expires: Option<Timestamp>,
}

impl Note {
    /// Whether it counts at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Whom a control covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The services; all, when nothing is said.
    pub services: Option<ServicePattern>,
    /// The environments; all, when there is none.
    pub environments: Vec<EnvironmentName>,
}

impl Coverage {
    /// Whether a service in an environment is covered.
    pub fn covers(&self, service: &ServiceName, environment: &EnvironmentName) -> bool {
        (self.environments.is_empty() || self.environments.contains(environment))
            && self.services.as_ref().is_none_or(|services| services.matches(service))
    }
}

/// Nothing is promoted while it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who, why, until when.
    pub note: Note,
    /// Whom it covers.
    pub covers: Coverage,
}

/// Only these versions are promoted while it is in force: one, or a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Who, why, until when.
    pub note: Note,
    /// Whom it covers.
    pub covers: Coverage,
    /// What may still come.
    pub versions: Range,
}

/// A version is bad, in every environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// Who, why, until when.
    pub note: Note,
    /// Whose version it is.
    pub services: ServicePattern,
    /// The version, as somebody wrote it.
    pub version: Tag,
}

impl Quarantine {
    /// Whether the candidate is the version: by its tag, or by the version that the tag stands for.
    pub fn covers(&self, candidate: &Candidate) -> bool {
        let is_version =
            || self.version.as_str().parse::<Version>().is_ok_and(|version| version == candidate.version);
        candidate.tag == self.version || is_version()
    }
}

/// Somebody approved one image for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who, why, until when.
    pub note: Note,
    /// The service.
    pub service: ServiceName,
    /// Where it may go.
    pub environment: EnvironmentName,
    /// The tag that was approved.
    pub version: Tag,
    /// What the tag meant then. Another image under the same tag is not approved.
    pub digest: Digest,
}

/// A freeze that was put in force by a control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeControl {
    /// Who and why. Until when, the freeze itself says.
    pub note: Note,
    /// The services; all, when nothing is said.
    pub services: Option<ServicePattern>,
    /// When, and in which environments.
    pub freeze: Freeze,
}

/// A control file that can't be read. It closes the gate that it may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableControl {
    /// The file.
    pub file: RepoPath,
    /// The gate that stays closed until somebody mends the file; the hold gate, when not even that can be read.
    pub gate: GateName,
    /// Whom it may have meant.
    pub covers: Coverage,
    /// What is wrong with it, in plain words.
    pub problem: String,
    /// The line and the column of that, from 1, if it has one.
    pub position: Option<(usize, usize)>,
}

/// One control file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing is promoted.
    Hold(Hold),
    /// Only some versions are promoted.
    Pin(Pin),
    /// A version is bad.
    Quarantine(Quarantine),
    /// An image is approved.
    Approval(Approval),
    /// Environments stay as they are for a time.
    Freeze(FreezeControl),
    /// It can't be read.
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

    /// Who, why and until when; nothing for one that can't be read.
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
