//! What was noticed on the way, for the one who has to finish the configuration.

use std::cmp::{Ordering, Reverse};

use crate::model::{RepoPath, ServiceName};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will not be promoted, or not as it is now.
    Warning,
    /// To be dealt with before the daemon runs.
    Urgent,
}

impl Severity {
    /// The severity's name in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
        }
    }
}

/// What a finding is about, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Flux itself writes tags to an environment's folder.
    FluxAutomation,
    /// The address in `git.url` has to be changed before anything can be pushed.
    GitUrl,
    /// An environment that should have one before it has none, so that nothing soaks anywhere.
    StraightFromRegistry,
    /// A folder is named like an environment and is none in the configuration.
    FolderLeftOut,
    /// No environment takes its versions from this one, though it is no production.
    NothingAfter,
    /// A manifest could not be read.
    Unreadable,
    /// An image field cannot be moved.
    FieldRefused,
    /// A tag is not a version by the rules that hold for it.
    NotAVersion,
    /// A tag stands alone, and nothing says of which image it is.
    UnknownImage,
    /// A setter comment names an ImagePolicy that is not in the repository.
    PolicyMissing,
    /// An ImagePolicy could not be carried over as it is.
    PolicyNotCarriedOver,
    /// A service has another namespace in another environment.
    NamespacesDiffer,
    /// A service runs another image in another environment.
    ImagesDiffer,
    /// A service is not in the environment that its versions are to come from.
    NothingBefore,
    /// A service is in some environments only.
    InSomeOnly,
    /// A service is in no environment.
    Unplaced,
    /// A submodule, a symbolic link or the like was not followed.
    LeftAlone,
}

impl FindingKind {
    /// The kind's name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FluxAutomation => "fluxAutomation",
            Self::GitUrl => "gitUrl",
            Self::StraightFromRegistry => "straightFromRegistry",
            Self::FolderLeftOut => "folderLeftOut",
            Self::NothingAfter => "nothingAfter",
            Self::Unreadable => "unreadable",
            Self::FieldRefused => "fieldRefused",
            Self::NotAVersion => "notAVersion",
            Self::UnknownImage => "unknownImage",
            Self::PolicyMissing => "policyMissing",
            Self::PolicyNotCarriedOver => "policyNotCarriedOver",
            Self::NamespacesDiffer => "namespacesDiffer",
            Self::ImagesDiffer => "imagesDiffer",
            Self::NothingBefore => "nothingBefore",
            Self::InSomeOnly => "inSomeOnly",
            Self::Unplaced => "unplaced",
            Self::LeftAlone => "leftAlone",
        }
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::FluxAutomation | Self::GitUrl => Severity::Urgent,
            Self::InSomeOnly | Self::Unplaced | Self::LeftAlone | Self::FolderLeftOut => Severity::Note,
            _ => Severity::Warning,
        }
    }
}

/// A place in the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// The line and the column, from 1.
    pub position: Option<(usize, usize)>,
}

/// One thing that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// The service that it concerns.
    pub service: Option<ServiceName>,
    /// Where it is.
    pub place: Option<Place>,
    /// What it is, in plain words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding about nothing in particular yet.
    pub fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { kind, service: None, place: None, message: message.into(), hint: None }
    }

    /// The order in which findings are told: the most urgent first, those of one kind together.
    pub fn in_order(one: &Self, other: &Self) -> Ordering {
        let key = |finding: &Self| (Reverse(finding.kind.severity()), finding.kind);
        let places =
            (&one.place, &one.service, &one.message).cmp(&(&other.place, &other.service, &other.message));
        key(one).cmp(&key(other)).then(places)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which service it concerns.
    #[must_use]
    pub fn of(mut self, service: &ServiceName) -> Self {
        self.service = Some(service.clone());
        self
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, path: &RepoPath, position: Option<(usize, usize)>) -> Self {
        self.place = Some(Place { path: path.clone(), position });
        self
    }
}
