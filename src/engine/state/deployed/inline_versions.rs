//! Versions in inline patches, JSON 6902 patches and replacements. Tidegate does not edit them, so what they change is reported
//! and left alone.

use super::{Column, Gathered};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::flux_policies::Resolver;
use crate::kustomize::InlineVersion;
use crate::model::{Class, RepoPath, ServiceName};

impl Column<'_> {
    /// Holds back the images whose version such a patch sets, and reports them.
    pub(super) fn hold_back_inline(&self, gathered: &mut Gathered<'_>, problems: &mut Vec<Problem>) {
        let name = &self.repository_policy.environments[self.environment].policy.name;
        for version in
            self.resolver.layout().inline_versions().iter().filter(|version| self.concerns(version))
        {
            let Some(image) = &version.image else { continue };
            let service = service_of(self.resolver, version);
            if self.leaves_alone(&service, Some(image)) {
                continue;
            }
            problems.push(refused(version).of(name, &service));
            gathered.hold_back(service, Some(image.clone()));
            if let Some((file, written)) = &version.base {
                gathered.hold_back(self.resolver.service_of(file, written), Some(image.clone()));
            }
        }
    }

    /// Whether a patch changes what this environment runs: by the folder that it applies to, else by the file that holds it, else
    /// by the file of the HelmRelease.
    fn concerns(&self, version: &InlineVersion) -> bool {
        let paths = &self.repository_policy.environments[self.environment].paths;
        let scope = self.repository_policy.scope();
        let base = version.base.as_ref().map(|(file, _)| file.as_str());
        let places = [Some(version.folder.as_str()), Some(version.file.as_str()), base];
        let is_in = |place: &str, folders: &[RepoPath]| {
            folders.iter().any(|folder| super::lies_within(place, folder.as_str()))
        };
        let closest = places.into_iter().flatten().find(|place| is_in(place, &scope));
        closest.is_some_and(|place| is_in(place, paths))
    }
}

/// Versions in such patches whose image is not known: they may be of a chart's own image, which nothing promotes.
pub(super) fn without_image(
    resolver: &Resolver,
    repository_policy: &RepositoryPolicy,
) -> impl Iterator<Item = Problem> {
    let scope = repository_policy.scope();
    let versions = resolver.layout().inline_versions().iter().filter(|version| version.image.is_none());
    let versions = versions.filter(move |version| scope.iter().any(|root| version.file.is_within(root)));
    versions.map(|version| {
        let service = service_of(resolver, version);
        let message = format!("{version} of {service}; its image is not known, so it is not promoted");
        Problem::warning(message).at(&version.file, Some(position(version))).hint(version.hint())
    })
}

fn service_of(resolver: &Resolver, version: &InlineVersion) -> ServiceName {
    let file = version.base.as_ref().map_or(&version.file, |(file, _)| file);
    resolver.service_of(file, &version.service)
}

fn refused(version: &InlineVersion) -> Problem {
    Problem::error(Class::Refused, version.refusal())
        .at(&version.file, Some(position(version)))
        .hint(version.hint())
}

fn position(version: &InlineVersion) -> (usize, usize) {
    (version.position.line, version.position.column)
}
