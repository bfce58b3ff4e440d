//! Notes: what is assumed of the files, or not followed, and harms nothing by itself.

use std::collections::BTreeSet;

use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::kustomize::DeadEntryKind;
use crate::model::{Printable, ServiceName};

use super::flux_policies::Resolver;
use super::snapshot::Snapshot;

/// The notes of a commit.
pub(super) fn of(
    snapshot: &Snapshot,
    resolver: &Resolver,
    repository_policy: &RepositoryPolicy,
) -> Vec<Problem> {
    let mut notes: Vec<Problem> =
        assumed_namespaces(snapshot, resolver, repository_policy).into_iter().collect();
    notes.extend(dead_entries(resolver, repository_policy));
    notes.extend(stray_setters(snapshot, repository_policy));
    notes
}

/// Reports once that the folder stands for a namespace.
fn assumed_namespaces(
    snapshot: &Snapshot,
    resolver: &Resolver,
    repository_policy: &RepositoryPolicy,
) -> Option<Problem> {
    let scope = repository_policy.scope();
    let mut assumed = Vec::new();
    for (path, file) in snapshot.manifests().filter(|(path, _)| scope.iter().any(|root| path.is_within(root)))
    {
        for field in file.reading.manifest().map(|manifest| &manifest.fields).into_iter().flatten() {
            if !field.shape.is_of_chart()
                && resolver.layout().counts(path, field)
                && !field.service.has_namespace()
                && resolver.is_namespace_assumed(path, &field.service)
            {
                assumed.push((path, field, resolver.service_of(path, &field.service)));
            }
        }
    }
    let (path, field, service) = assumed.first()?;
    let services: BTreeSet<&ServiceName> = assumed.iter().map(|(.., service)| service).collect();
    let message = match services.len() {
        1 => format!("no file gives the namespace of {service}: the folder stands for it"),
        count => format!(
            "no file gives the namespace of {count} services, such as {service}: the folder stands for it"
        ),
    };
    let hint = "set `metadata.namespace`, or `namespace` in the kustomization.yaml that lists the file";
    Some(Problem::warning(message).at(path, Some((field.position.line, field.position.column))).hint(hint))
}

fn dead_entries(resolver: &Resolver, repository_policy: &RepositoryPolicy) -> impl Iterator<Item = Problem> {
    let scope = repository_policy.scope();
    let entries = resolver.layout().dead_entries().iter();
    let entries = entries.filter(move |dead| scope.iter().any(|root| dead.file.is_within(root)));
    entries.map(|dead| {
        let entry = Printable::bounded(&dead.entry, 120);
        let message = match dead.kind {
            DeadEntryKind::Missing => format!("`{entry}` is not in the repository"),
            DeadEntryKind::Remote => format!("`{entry}` is in another repository and is not followed"),
            DeadEntryKind::Outside => format!("`{entry}` leads out of the repository"),
            DeadEntryKind::NotYaml => format!("the patch `{entry}` is not a .yaml file and is not read"),
            DeadEntryKind::Cycle => format!("`{entry}` includes this folder again"),
        };
        Problem::warning(message).at(&dead.file, None)
    })
}

/// Reports the setter comments that are on no value, so that neither Flux nor Tidegate follows them.
fn stray_setters<'a>(
    snapshot: &'a Snapshot,
    repository_policy: &'a RepositoryPolicy,
) -> impl Iterator<Item = Problem> + 'a {
    let files = snapshot.manifests().filter(|(path, _)| repository_policy.environment_of(path).is_some());
    files.flat_map(|(path, file)| {
        let strays = file.reading.manifest().map(|manifest| manifest.stray_setters.as_slice());
        strays.into_iter().flatten().map(move |position| {
            Problem::warning("a setter comment is on no value, so nothing follows it")
                .at(path, Some((position.line, position.column)))
                .hint("write it behind the value that it is meant for, or remove it")
        })
    })
}
