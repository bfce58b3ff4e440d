//! Findings: what the author of the configuration should know.

use std::cmp::{Ordering, Reverse};

use crate::model::{RepoPath, ServiceName};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something is not promoted, or not the way it is today.
    Warning,
    /// Resolve it before the daemon runs.
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

/// What a finding is about, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Flux image automation writes to the folder of an environment.
    FluxAutomation,
    /// Tidegate cannot push to `git.url`.
    GitUrl,
    /// Folders next to environments have the same services, and their name is no known stage.
    UnknownStage,
    /// Most services are in no environment.
    MostlyUnplaced,
    /// No service of an environment can get a version: all run other images than in the environment before.
    NoImageInCommon,
    /// Production, or the only environment, takes versions without a soak.
    StraightFromRegistry,
    /// A folder is named like an environment and is not one in the configuration.
    FolderLeftOut,
    /// A file is named like another environment than the one that its folder is.
    StageFile,
    /// No environment comes after this one, though it is not production.
    NothingAfter,
    /// A manifest cannot be read.
    Unreadable,
    /// An image field cannot be promoted.
    FieldRefused,
    /// A tag is not a version.
    NotAVersion,
    /// A tag is a variant of an image, such as `1.2.0-alpine`.
    Variant,
    /// The image of a tag is unknown.
    UnknownImage,
    /// A setter comment refers to an ImagePolicy that is not in the repository.
    PolicyMissing,
    /// An ImagePolicy cannot be carried over.
    PolicyNotCarriedOver,
    /// A service has different namespaces in two environments.
    NamespacesDiffer,
    /// A service runs different images in two environments.
    ImagesDiffer,
    /// A service is not in the environment that its versions come from.
    NothingBefore,
    /// A service is in some environments only.
    InSomeOnly,
    /// A service is in no environment.
    Unplaced,
    /// Versions of a shape that Tidegate does not promote.
    UnmanagedShape,
    /// Images that the draft leaves out of `images`.
    Unmanaged,
    /// A submodule, a symbolic link or the like, which is not read.
    Skipped,
}

impl FindingKind {
    /// The kind's name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FluxAutomation => "fluxAutomation",
            Self::GitUrl => "gitUrl",
            Self::UnknownStage => "unknownStage",
            Self::MostlyUnplaced => "mostlyUnplaced",
            Self::NoImageInCommon => "noImageInCommon",
            Self::StraightFromRegistry => "straightFromRegistry",
            Self::FolderLeftOut => "folderLeftOut",
            Self::StageFile => "stageFile",
            Self::NothingAfter => "nothingAfter",
            Self::Unreadable => "unreadable",
            Self::FieldRefused => "fieldRefused",
            Self::NotAVersion => "notAVersion",
            Self::Variant => "variant",
            Self::UnknownImage => "unknownImage",
            Self::PolicyMissing => "policyMissing",
            Self::PolicyNotCarriedOver => "policyNotCarriedOver",
            Self::NamespacesDiffer => "namespacesDiffer",
            Self::ImagesDiffer => "imagesDiffer",
            Self::NothingBefore => "nothingBefore",
            Self::InSomeOnly => "inSomeOnly",
            Self::Unplaced => "unplaced",
            Self::UnmanagedShape => "unmanagedShape",
            Self::Unmanaged => "unmanaged",
            Self::Skipped => "skipped",
        }
    }

    /// What several findings of the kind have in common; `count` is more than one.
    pub fn summary(self, count: usize) -> String {
        let what = match self {
            Self::FluxAutomation => "ImageUpdateAutomations write to environments too",
            Self::GitUrl => "problems with git.url",
            Self::UnknownStage => "folder names are no known stage",
            Self::MostlyUnplaced => "times most services are in no environment",
            Self::NoImageInCommon => "environments cannot get a version",
            Self::StraightFromRegistry => "environments get every new version at once",
            Self::FolderLeftOut => "folders are named like an environment and left out",
            Self::StageFile => "files are named like an environment, but init takes folders alone",
            Self::NothingAfter => "environments have none after them",
            Self::Unreadable => "files cannot be read",
            Self::FieldRefused => "image fields cannot be promoted",
            Self::NotAVersion => "tags are not versions",
            Self::Variant => "tags are variants, each of which follows its own kind only",
            Self::UnknownImage => "tags belong to an unknown image",
            Self::PolicyMissing => "setter comments refer to missing ImagePolicies",
            Self::PolicyNotCarriedOver => "ImagePolicies cannot be followed as they are",
            Self::NamespacesDiffer => "services have another namespace in the environment before",
            Self::ImagesDiffer => "services run another image in the environment before",
            Self::NothingBefore => "services are not in the environment before",
            Self::InSomeOnly => "services are in some environments only",
            Self::Unplaced => "services are in no environment",
            Self::UnmanagedShape => "kinds of versions are not promoted",
            Self::Unmanaged => "groups of images are not promoted",
            Self::Skipped => "entries are skipped",
        };
        format!("{count} {what}")
    }

    /// How urgent it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::FluxAutomation
            | Self::GitUrl
            | Self::UnknownStage
            | Self::MostlyUnplaced
            | Self::NoImageInCommon => Severity::Urgent,
            Self::InSomeOnly | Self::Unplaced | Self::Unmanaged | Self::Skipped | Self::FolderLeftOut => {
                Severity::Note
            }
            _ => Severity::Warning,
        }
    }
}

/// A file of the repository, and perhaps a position in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePosition {
    /// The file.
    pub path: RepoPath,
    /// Line and column, from 1.
    pub position: Option<(usize, usize)>,
}

/// Something that the author of the configuration should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The service concerned.
    pub service: Option<ServiceName>,
    /// The file concerned.
    pub file: Option<FilePosition>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding without service, file and hint.
    pub fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { kind, service: None, file: None, message: message.into(), hint: None }
    }

    /// The order of the report: the most urgent first, those of one kind together.
    pub fn report_order(one: &Self, other: &Self) -> Ordering {
        let key = |finding: &Self| (Reverse(finding.kind.severity()), finding.kind);
        let details =
            (&one.file, &one.service, &one.message).cmp(&(&other.file, &other.service, &other.message));
        key(one).cmp(&key(other)).then(details)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the service concerned.
    #[must_use]
    pub fn for_service(mut self, service: &ServiceName) -> Self {
        self.service = Some(service.clone());
        self
    }

    /// Adds the file concerned.
    #[must_use]
    pub fn in_file(mut self, path: &RepoPath, position: Option<(usize, usize)>) -> Self {
        self.file = Some(FilePosition { path: path.clone(), position });
        self
    }
}
