//! What a pass could not read, match or do, told and left alone.

use std::fmt;

use crate::model::{Class, EnvironmentName, Fault, RepoPath, ServiceName};

/// Something that a pass could not read, match or do. The others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it means for the one who acts on it.
    pub class: Class,
    /// Whether something that should work does not; else it is only worth knowing.
    pub is_error: bool,
    /// The environment that it concerns.
    pub environment: Option<EnvironmentName>,
    /// The service that it concerns.
    pub service: Option<ServiceName>,
    /// Where it is.
    pub place: Option<Place>,
    /// What it is, in plain words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// The line and the column, from 1.
    pub position: Option<(usize, usize)>,
}

impl Problem {
    /// An error about nothing in particular yet.
    pub(crate) fn error(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            is_error: true,
            environment: None,
            service: None,
            place: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Something worth knowing.
    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(Class::Refused, message) }
    }

    pub(crate) fn from_fault(fault: &Fault) -> Self {
        Self { hint: fault.hint().map(str::to_owned), ..Self::error(fault.class(), fault.in_one_line()) }
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

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        if let (Some(service), Some(environment)) = (&self.service, &self.environment) {
            write!(formatter, "{service} in {environment}: ")?;
        }
        formatter.write_str(&self.message)
    }
}
