//! Writes the commit messages of promotions.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use crate::config::{BodyForm, BodyValues, OverrideValues, PromotionValues, SubjectForm, SubjectValues};
use crate::model::{Digest, Elapsed, EnvironmentName, ImageRef, PromotionId, ServiceName, Tag};

use super::{
    BRANCH_TRAILER, ENVIRONMENT, FROM, IMAGE, OVERRIDE, REASON, REQUESTED_BY, ROLLBACK, SERVICE, failed_line,
    line_of, one_line,
};

/// What a commit says of one promotion.
#[derive(Clone, Debug)]
pub(crate) struct PromotionText<'a> {
    pub(crate) id: PromotionId,
    pub(crate) service: &'a ServiceName,
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) image: ImageRef,
    pub(crate) from: &'a Tag,
    pub(crate) to: &'a Tag,
    /// How many releases it includes.
    pub(crate) releases: usize,
    pub(crate) soaked: Option<(Duration, &'a EnvironmentName)>,
    pub(crate) requested_by: &'a str,
    /// Its group.
    pub(crate) group: Option<&'a str>,
    /// The reason of a rollback.
    pub(crate) back: Option<&'a str>,
    /// The promotion that it takes back because its verification failed.
    pub(crate) failed: Option<PromotionId>,
    /// From [`Notes::body`](crate::changelog::Notes::body); may be empty.
    pub(crate) notes: String,
    /// The overridden gates, each with its reason.
    pub(crate) overrides: Vec<(&'static str, &'a str)>,
}

/// The configured forms of messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording<'a> {
    /// The subject of a commit about one service in one environment; the first promotion gives the tag.
    pub(crate) subject: &'a SubjectForm,
    /// The body; evidence and notes without one.
    pub(crate) body: Option<&'a BodyForm>,
    /// The URL and the branch that the commit is pushed to; `None` for a pull request.
    pub(crate) branch: Option<&'a str>,
}

/// The message of a commit with these promotions, at least one. `left_out_count` of them carry no release notes.
pub(crate) fn render(
    wording: Wording<'_>,
    promotions: &[PromotionText<'_>],
    left_out_count: usize,
) -> String {
    let mut text = wording.subject.finish(subject_line(wording.subject, promotions));
    text.push_str("\n\n");
    let body = body(wording.body, promotions, left_out_count);
    if !body.is_empty() {
        let _ = write!(text, "{body}\n\n");
    }
    for promotion in promotions {
        trailers(&mut text, promotion, wording.branch);
    }
    text
}

fn body(form: Option<&BodyForm>, promotions: &[PromotionText<'_>], left_out_count: usize) -> String {
    let is_one_service = is_of_one_service(promotions);
    let mut evidence = String::new();
    for promotion in promotions {
        evidence_line(&mut evidence, promotion, is_one_service);
    }
    let evidence = evidence.trim_end();
    let mut changes = String::new();
    notes(&mut changes, promotions);
    if left_out_count > 0 {
        let _ = write!(changes, "Release notes of {left_out_count} more: `tidegate changelog`.");
    }
    let changes = changes.trim_end();
    let filled = form.map(|form| {
        let promotions = promotions.iter().map(PromotionText::values).collect();
        form.fill(&BodyValues { promotions, evidence, notes: changes })
    });
    match filled {
        Some(Ok(body)) => return body,
        // The form was checked when it was read; these values must not hold back a promotion.
        Some(Err(error)) => tracing::warn!(%error, "the body of a commit is not worded by the template"),
        None => {}
    }
    if changes.is_empty() { evidence.to_owned() } else { format!("{evidence}\n\n{changes}") }
}

impl PromotionText<'_> {
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

/// The notes; equal ones once for all their services.
fn notes(text: &mut String, promotions: &[PromotionText<'_>]) {
    let mut by_content: Vec<(&PromotionText<'_>, BTreeSet<&ServiceName>)> = Vec::new();
    for promotion in promotions.iter().filter(|promotion| !promotion.notes.is_empty()) {
        match by_content
            .iter_mut()
            .find(|(first, _)| first.to == promotion.to && first.notes == promotion.notes)
        {
            Some((_, services)) => drop(services.insert(promotion.service)),
            None => by_content.push((promotion, BTreeSet::from([promotion.service]))),
        }
    }
    for (promotion, services) in by_content {
        if promotions.len() > 1 {
            let services: Vec<String> = services.into_iter().map(ToString::to_string).collect();
            let _ = write!(text, "{} {}\n\n", services.join(", "), promotion.to);
        }
        let _ = write!(text, "{}\n\n", promotion.notes);
    }
}

fn is_of_one_service(promotions: &[PromotionText<'_>]) -> bool {
    promotions
        .windows(2)
        .all(|pair| pair[0].service == pair[1].service && pair[0].environment == pair[1].environment)
}

fn subject_line(form: &SubjectForm, promotions: &[PromotionText<'_>]) -> String {
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
    let is_one_group =
        first.group.is_some() && promotions.iter().all(|promotion| promotion.group == first.group);
    if let Some(group) = first.group.filter(|_| is_one_group) {
        return format!("chore({}): update {} images", one_line(group), promotions.len());
    }
    let is_one_environment = promotions.iter().all(|promotion| promotion.environment == first.environment);
    let place = if is_one_environment { first.environment.as_str() } else { "all environments" };
    format!("chore({place}): update {} images", promotions.len())
}

/// The message with a reason as its last trailer.
pub(crate) fn with_reason(message: &str, reason: &str) -> String {
    format!("{}\n{REASON}: {}\n", message.trim_end(), one_line(reason))
}

fn evidence_line(text: &mut String, promotion: &PromotionText<'_>, one_service: bool) {
    if !one_service {
        let _ = write!(text, "{} ", promotion.service);
    }
    let _ = write!(text, "{}: {} -> {}", promotion.environment, promotion.from, promotion.to);
    match (promotion.back, promotion.releases) {
        (Some(reason), _) => drop(write!(text, ", rolled back: {}", one_line(reason))),
        (None, 0) => {}
        (None, 1) => text.push_str(" (1 release)"),
        (None, many) => drop(write!(text, " ({many} releases)")),
    }
    if let Some((soaked, environment)) = promotion.soaked {
        let _ = write!(text, ", soaked {} in {environment}", Elapsed(soaked));
    }
    for (gate, reason) in &promotion.overrides {
        let _ = write!(text, ", {gate} overridden: {}", one_line(reason));
    }
    text.push('\n');
}

fn trailers(text: &mut String, promotion: &PromotionText<'_>, branch: Option<&str>) {
    let _ = writeln!(text, "{}", line_of(promotion.id));
    let _ = writeln!(text, "{SERVICE}: {}", promotion.service);
    let _ = writeln!(text, "{ENVIRONMENT}: {}", promotion.environment);
    if let Some(branch) = branch {
        let _ = writeln!(text, "{BRANCH_TRAILER}: {}", one_line(branch));
    }
    let _ = writeln!(text, "{IMAGE}: {}", promotion.image);
    let _ = writeln!(text, "{FROM}: {}", promotion.from);
    let _ = writeln!(text, "{REQUESTED_BY}: {}", one_line(promotion.requested_by));
    if let Some(reason) = promotion.back {
        let _ = writeln!(text, "{ROLLBACK}: {} ({})", promotion.from, one_line(reason));
    }
    if let Some(failed) = promotion.failed {
        let _ = writeln!(text, "{}", failed_line(failed));
    }
    for (gate, reason) in &promotion.overrides {
        let _ = writeln!(text, "{OVERRIDE}: {gate} ({})", one_line(reason));
    }
}
