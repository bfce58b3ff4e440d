//! What a pass could not read, match or do.

use std::fmt;

use crate::model::{Class, EnvironmentName, Fault, ImageName, RepoPath, ServiceName, Tag, Timestamp};

/// Something that a pass could not read, match or do. Everything else goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Drives the exit code and whether a pass tries again.
    pub class: Class,
    /// Whether something is broken; else it is only worth knowing.
    pub is_error: bool,
    /// The environment, if it concerns one.
    pub environment: Option<EnvironmentName>,
    /// The service, if it concerns one.
    pub service: Option<ServiceName>,
    /// The place in a file, if there is one.
    pub place: Option<Place>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The condition behind it, which lasts while its message changes.
    pub condition: Option<ProblemCondition>,
}

/// A condition that a problem reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemCondition {
    /// A registry does not answer, or only sometimes.
    SilentRegistry {
        /// Its host.
        host: String,
    },
    /// A registry refuses some of its images.
    RefusingRegistry {
        /// Its host.
        host: String,
        /// How it refuses.
        class: Class,
    },
    /// The health of an environment is unknown: one of its clusters cannot be asked, or is not the right one.
    SilentCluster {
        /// The environment.
        environment: EnvironmentName,
        /// The name of the cluster.
        cluster: String,
    },
    /// A version did not become healthy in time.
    Unhealthy(Box<UnhealthyVersion>),
    /// A name in the configuration matches nothing.
    UnmatchedName {
        /// Its key in the configuration, and the name.
        name: String,
    },
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// The line and the column, from 1.
    pub position: Option<(usize, usize)>,
}

/// A version that did not become healthy in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnhealthyVersion {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The version.
    pub tag: Tag,
    /// When its time was over.
    pub since: Timestamp,
}

impl Problem {
    pub(crate) fn error(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            is_error: true,
            environment: None,
            service: None,
            place: None,
            message: message.into(),
            hint: None,
            condition: None,
        }
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(Class::Refused, message) }
    }

    pub(crate) fn from_fault(fault: &Fault) -> Self {
        Self { hint: fault.hint().map(str::to_owned), ..Self::error(fault.class(), fault.in_one_line()) }
    }

    /// The same, as something worth knowing that is no error.
    pub(crate) fn into_warning(self) -> Self {
        Self { is_error: false, ..self }
    }

    /// What makes two problems of different passes the same: the condition, or else the text.
    pub fn key(&self) -> String {
        match &self.condition {
            Some(ProblemCondition::SilentRegistry { host }) => format!("registry {host}"),
            Some(ProblemCondition::RefusingRegistry { host, class }) => {
                format!("registry {host} {}", class.as_str())
            }
            Some(ProblemCondition::SilentCluster { environment, cluster }) => {
                format!("cluster {cluster} of {environment}")
            }
            Some(ProblemCondition::Unhealthy(version)) => {
                format!("{} {} {}", version.environment, version.service, version.image)
            }
            Some(ProblemCondition::UnmatchedName { name }) => format!("name {name}"),
            None => self.to_string(),
        }
    }

    pub(crate) fn of(mut self, environment: &EnvironmentName, service: &ServiceName) -> Self {
        self.environment = Some(environment.clone());
        self.service = Some(service.clone());
        self
    }

    pub(crate) fn at(mut self, path: &RepoPath, position: Option<(usize, usize)>) -> Self {
        self.place = Some(Place { path: path.clone(), position });
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(formatter, "{}:{line}:{column}", self.path),
            None => write!(formatter, "{}", self.path),
        }
    }
}

impl Problem {
    /// Where it is, and whose it is; empty where neither is known.
    pub fn subject(&self) -> String {
        let place = self.place.as_ref().map(ToString::to_string);
        let target = self.service.as_ref().zip(self.environment.as_ref());
        let target = target.map(|(service, environment)| format!("{service} in {environment}"));
        place.into_iter().chain(target).collect::<Vec<_>>().join(": ")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject() {
            subject if subject.is_empty() => formatter.write_str(&self.message),
            subject => write!(formatter, "{subject}: {}", self.message),
        }
    }
}
