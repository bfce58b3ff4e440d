//! What the commit of promotions says.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use crate::config::{BodyForm, BodyValues, OverrideValues, PromotionValues, SubjectForm, SubjectValues};
use crate::model::{Digest, Elapsed, EnvironmentName, ImageRef, PromotionId, ServiceName, Tag};

use super::{ENVIRONMENT, FROM, IMAGE, OVERRIDE, REQUESTED_BY, ROLLBACK, SERVICE, line_of, one_line};

/// Everything that a commit says of one promotion.
#[derive(Clone, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) id: PromotionId,
    pub(crate) service: &'a ServiceName,
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) image: ImageRef,
    pub(crate) from: &'a Tag,
    pub(crate) to: &'a Tag,
    /// How many releases this takes in, the last one with them.
    pub(crate) releases: usize,
    pub(crate) soaked: Option<(Duration, &'a EnvironmentName)>,
    pub(crate) requested_by: &'a str,
    /// The set that it ships in.
    pub(crate) group: Option<&'a str>,
    /// Why it goes back, if it does.
    pub(crate) back: Option<&'a str>,
    /// What changed, as [`Notes::body`](crate::changelog::Notes::body) tells it; perhaps nothing.
    pub(crate) notes: String,
    /// Gates that were overridden by hand, with the reason given.
    pub(crate) overrides: Vec<(&'static str, &'a str)>,
}

/// How messages are worded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording<'a> {
    /// The form of the subject of a commit with one promotion, or with several of one service in one environment, of
    /// which the first gives the tag.
    pub(crate) subject: &'a SubjectForm,
    /// The form of the body, if it isn't the evidence and then the notes.
    pub(crate) body: Option<&'a BodyForm>,
}

/// The message of a commit with these promotions in it: at least one. `untold_count` is of how many what changed is not
/// told.
pub(crate) fn render(wording: Wording<'_>, promotions: &[Told<'_>], untold_count: usize) -> String {
    let mut text = wording.subject.finish(subject_line(wording.subject, promotions));
    text.push_str("\n\n");
    let body = body(wording.body, promotions, untold_count);
    if !body.is_empty() {
        let _ = write!(text, "{body}\n\n");
    }
    for told in promotions {
        trailers(&mut text, told);
    }
    text
}

fn body(form: Option<&BodyForm>, promotions: &[Told<'_>], untold_count: usize) -> String {
    let is_one_service = is_of_one_service(promotions);
    let mut evidence = String::new();
    for told in promotions {
        evidence_line(&mut evidence, told, is_one_service);
    }
    let evidence = evidence.trim_end();
    let mut changes = String::new();
    notes(&mut changes, promotions);
    if untold_count > 0 {
        let _ = write!(changes, "What changed in {untold_count} more is told by `tidegate changelog`.");
    }
    let changes = changes.trim_end();
    let filled = form.map(|form| {
        let promotions = promotions.iter().map(Told::values).collect();
        form.fill(&BodyValues { promotions, evidence, notes: changes })
    });
    match filled {
        Some(Ok(body)) => return body,
        // It was tried when it was read; a promotion does not stay behind for what it makes of these values.
        Some(Err(error)) => tracing::warn!(%error, "the body of a commit is not worded by the template"),
        None => {}
    }
    if changes.is_empty() { evidence.to_owned() } else { format!("{evidence}\n\n{changes}") }
}

impl Told<'_> {
    fn values(&self) -> PromotionValues<'_> {
        let reason = |text: &str| one_line(text).to_string();
        PromotionValues {
            service: self.service.to_string(),
            namespace: self.service.namespace(),
            name: self.service.name(),
            environment: self.environment.as_str(),
            image: self.image.name.to_string(),
            from: self.from.as_str(),
            to: self.to.as_str(),
            digest: self.image.digest.as_ref().map_or("", Digest::as_str),
            releases: self.releases,
            soaked_for: self.soaked.map(|(soaked, _)| Elapsed(soaked).to_string()).unwrap_or_default(),
            soaked_in: self.soaked.map_or("", |(_, environment)| environment.as_str()),
            requested_by: reason(self.requested_by),
            group: self.group.unwrap_or_default(),
            rollback: self.back.map(reason).unwrap_or_default(),
            overrides: self
                .overrides
                .iter()
                .map(|(gate, why)| OverrideValues { gate, reason: reason(why) })
                .collect(),
            notes: &self.notes,
        }
    }
}

/// What changed, once for all that it is the same for.
fn notes(text: &mut String, promotions: &[Told<'_>]) {
    let mut by_content: Vec<(&Told<'_>, BTreeSet<&ServiceName>)> = Vec::new();
    for told in promotions.iter().filter(|told| !told.notes.is_empty()) {
        match by_content.iter_mut().find(|(first, _)| first.to == told.to && first.notes == told.notes) {
            Some((_, services)) => drop(services.insert(told.service)),
            None => by_content.push((told, BTreeSet::from([told.service]))),
        }
    }
    for (told, services) in by_content {
        if promotions.len() > 1 {
            let services: Vec<String> = services.into_iter().map(ToString::to_string).collect();
            let _ = write!(text, "{} {}\n\n", services.join(", "), told.to);
        }
        let _ = write!(text, "{}\n\n", told.notes);
    }
}

fn is_of_one_service(promotions: &[Told<'_>]) -> bool {
    promotions
        .windows(2)
        .all(|pair| pair[0].service == pair[1].service && pair[0].environment == pair[1].environment)
}

fn subject_line(form: &SubjectForm, promotions: &[Told<'_>]) -> String {
    let Some(first) = promotions.first() else { return String::new() };
    if is_of_one_service(promotions) && first.back.is_some() {
        return format!("revert({}): roll back to {}", first.service.name(), first.to);
    }
    if is_of_one_service(promotions) {
        return form.fill(&SubjectValues {
            service: first.service,
            environment: first.environment,
            tag: first.to,
            from: first.from,
        });
    }
    let is_one_set = first.group.is_some() && promotions.iter().all(|told| told.group == first.group);
    if let Some(group) = first.group.filter(|_| is_one_set) {
        return format!("chore({}): update {} images", one_line(group), promotions.len());
    }
    let is_one_environment = promotions.iter().all(|told| told.environment == first.environment);
    let place = if is_one_environment { first.environment.as_str() } else { "all environments" };
    format!("chore({place}): update {} images", promotions.len())
}

fn evidence_line(text: &mut String, told: &Told<'_>, one_service: bool) {
    if !one_service {
        let _ = write!(text, "{} ", told.service);
    }
    let _ = write!(text, "{}: {} -> {}", told.environment, told.from, told.to);
    match (told.back, told.releases) {
        (Some(reason), _) => drop(write!(text, ", rolled back: {}", one_line(reason))),
        (None, 0) => {}
        (None, 1) => text.push_str(" (1 release)"),
        (None, many) => drop(write!(text, " ({many} releases)")),
    }
    if let Some((soaked, environment)) = told.soaked {
        let _ = write!(text, ", soaked {} in {environment}", Elapsed(soaked));
    }
    for (gate, reason) in &told.overrides {
        let _ = write!(text, ", {gate} overridden: {}", one_line(reason));
    }
    text.push('\n');
}

fn trailers(text: &mut String, told: &Told<'_>) {
    let _ = writeln!(text, "{}", line_of(told.id));
    let _ = writeln!(text, "{SERVICE}: {}", told.service);
    let _ = writeln!(text, "{ENVIRONMENT}: {}", told.environment);
    let _ = writeln!(text, "{IMAGE}: {}", told.image);
    let _ = writeln!(text, "{FROM}: {}", told.from);
    let _ = writeln!(text, "{REQUESTED_BY}: {}", one_line(told.requested_by));
    if let Some(reason) = told.back {
        let _ = writeln!(text, "{ROLLBACK}: {} ({})", told.from, one_line(reason));
    }
    for (gate, reason) in &told.overrides {
        let _ = writeln!(text, "{OVERRIDE}: {gate} ({})", one_line(reason));
    }
}
