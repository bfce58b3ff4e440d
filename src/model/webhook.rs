//! The senders of webhooks that Tidegate understands.

/// A sender of webhooks. Each has its own form of payload and its own way to prove that it knows the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WebhookSender {
    /// GitHub and GitHub Enterprise: packages, pushes, pull requests and reviews.
    GitHub,
    /// GitLab: pushes.
    GitLab,
    /// Gitea and Forgejo: pushes.
    Gitea,
    /// Harbor.
    Harbor,
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// CNCF Distribution (`registry:2`, `registry:3`), by its own notifications.
    Distribution,
    /// Anything that can send a bearer token, such as a pipeline.
    Generic,
}

impl WebhookSender {
    /// Every sender.
    pub const ALL: [Self; 8] = [
        Self::GitHub,
        Self::GitLab,
        Self::Gitea,
        Self::Harbor,
        Self::DockerHub,
        Self::Quay,
        Self::Distribution,
        Self::Generic,
    ];

    /// The name in the configuration, in paths and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Harbor => "harbor",
            Self::DockerHub => "dockerHub",
            Self::Quay => "quay",
            Self::Distribution => "distribution",
            Self::Generic => "generic",
        }
    }

    /// The sender of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sender| sender.as_str() == name)
    }

    /// Whether it can only be given a URL, so that the secret is part of the path.
    pub fn has_secret_in_path(self) -> bool {
        matches!(self, Self::DockerHub | Self::Quay)
    }
}
