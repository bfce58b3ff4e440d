//! The message that a promotion leaves behind, and how it is read back.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::time::Duration;

use crate::config::{BodyForm, BodyValues, OverrideValues, PromotionValues, SubjectForm, SubjectValues};
use crate::model::{
    BY_SCHEDULE, Digest, Elapsed, EnvironmentName, ImageRef, Printable, PromotionId, PromotionMark,
    ServiceName, Tag,
};

const PROMOTION: &str = "Tidegate-Promotion";
const SERVICE: &str = "Tidegate-Service";
const ENVIRONMENT: &str = "Tidegate-Environment";
const IMAGE: &str = "Tidegate-Image";
const FROM: &str = "Tidegate-From";
const REQUESTED_BY: &str = "Tidegate-Requested-By";
const OVERRIDE: &str = "Tidegate-Override";
const ROLLBACK: &str = "Tidegate-Rollback";

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

/// The line by which a promotion is found on the branch.
pub(crate) fn line_of(id: PromotionId) -> String {
    format!("{PROMOTION}: {id}")
}

/// Somebody's words as part of a line: no line of their own can come of them.
fn one_line(text: &str) -> Printable<'_> {
    Printable::bounded(text.trim(), 300)
}

/// One promotion as a commit's trailers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trailers {
    pub(crate) service: ServiceName,
    pub(crate) environment: EnvironmentName,
    pub(crate) image: ImageRef,
    pub(crate) from: Tag,
    pub(crate) mark: PromotionMark,
}

/// Reads the promotions of a commit, or of a pull request, from the last paragraph of its message; what a forge adds below
/// that when it squashes is passed over.
///
/// A group that is not whole, or has a line in it that doesn't parse, is none; a commit without groups was not made
/// by Tidegate.
pub(crate) fn read_trailers(message: &str) -> Vec<Trailers> {
    // A forge's page sends lines as HTML forms do.
    let message = if message.contains('\r') { message.replace("\r\n", "\n") } else { message.to_owned() };
    let mut rest = message.trim_end();
    let paragraph = loop {
        let Some((above, paragraph)) = rest.rsplit_once("\n\n") else { return Vec::new() };
        if !is_added_by_a_forge(paragraph) {
            break paragraph;
        }
        rest = above.trim_end();
    };
    let lines: Vec<(&str, &str)> = paragraph.lines().filter_map(|line| line.split_once(": ")).collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 == PROMOTION).collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| read_group(&lines[*start..end])).collect()
}

/// Whether a paragraph is what a forge puts below the message of a commit that it makes of a pull request: who wrote it
/// too, who looked at it, and a line between.
fn is_added_by_a_forge(paragraph: &str) -> bool {
    const KEYS: [&str; 4] = ["co-authored-by:", "signed-off-by:", "reviewed-by:", "reviewed-on:"];
    paragraph.lines().all(|line| {
        let line = line.trim().to_ascii_lowercase();
        (line.len() >= 3 && line.bytes().all(|byte| byte == b'-'))
            || KEYS.iter().any(|key| line.starts_with(key))
    })
}

/// Why promotions were made against a gate, or are ways back, by their identities, as the commit's trailers tell it.
pub(crate) fn reasons(message: &str) -> HashMap<PromotionId, String> {
    let mut reasons: HashMap<PromotionId, String> = HashMap::new();
    let mut current = None;
    for (key, value) in message.lines().filter_map(|line| line.split_once(": ")) {
        let said = match key {
            PROMOTION => {
                current = value.trim().parse().ok();
                continue;
            }
            OVERRIDE => {
                value.split_once(" (").map(|(gate, reason)| format!("{gate} overridden: {}", inner(reason)))
            }
            ROLLBACK => value.split_once(" (").map(|(_, reason)| format!("rolled back: {}", inner(reason))),
            _ => None,
        };
        if let Some((promotion, said)) = current.zip(said) {
            let told = reasons.entry(promotion).or_default();
            told.push_str(if told.is_empty() { "" } else { "; " });
            told.push_str(&said);
        }
    }
    reasons
}

fn inner(reason: &str) -> &str {
    reason.strip_suffix(')').unwrap_or(reason)
}

fn read_group(lines: &[(&str, &str)]) -> Option<Trailers> {
    let value = |key: &str| lines.iter().find(|(name, _)| *name == key).map(|(_, value)| value.trim());
    let image: ImageRef = value(IMAGE)?.parse().ok()?;
    image.tag.as_ref()?;
    let digest: Option<Digest> = image.digest.clone();
    Some(Trailers {
        service: value(SERVICE)?.parse().ok()?,
        environment: value(ENVIRONMENT)?.parse().ok()?,
        from: value(FROM)?.parse().ok()?,
        mark: PromotionMark {
            id: value(PROMOTION)?.parse().ok()?,
            requested_by: value(REQUESTED_BY).unwrap_or(BY_SCHEDULE).to_owned(),
            digest,
        },
        image,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plainly(promotions: &[Told<'_>], untold_count: usize) -> String {
        let subject = SubjectForm::default();
        render(Wording { subject: &subject, body: None }, promotions, untold_count)
    }

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    struct Words {
        service: ServiceName,
        prod: EnvironmentName,
        non_prod: EnvironmentName,
        from: Tag,
        to: Tag,
    }

    fn words() -> Words {
        Words {
            service: "common/graphql-server".parse().unwrap(),
            prod: "prod".parse().unwrap(),
            non_prod: "non-prod".parse().unwrap(),
            from: "v1.0.176".parse().unwrap(),
            to: "v1.0.180".parse().unwrap(),
        }
    }

    fn told(words: &Words) -> Told<'_> {
        Told {
            id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".parse().unwrap(),
            service: &words.service,
            environment: &words.prod,
            image: format!("ghcr.io/vtr/graphql-server:v1.0.180@{SHA}").parse().unwrap(),
            from: &words.from,
            to: &words.to,
            releases: 3,
            soaked: Some((Duration::from_mins(26 * 60 + 12), &words.non_prod)),
            requested_by: "schedule",
            group: None,
            back: None,
            notes: String::new(),
            overrides: Vec::new(),
        }
    }

    #[test]
    fn a_promotion_reads_as_the_design_says() {
        let words = words();
        let expected = format!(
            "chore(graphql-server): update to v1.0.180\n\n\
             prod: v1.0.176 -> v1.0.180 (3 releases), soaked 26h12m in non-prod\n\n\
             Tidegate-Promotion: 0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11\n\
             Tidegate-Service: common/graphql-server\n\
             Tidegate-Environment: prod\n\
             Tidegate-Image: ghcr.io/vtr/graphql-server:v1.0.180@{SHA}\n\
             Tidegate-From: v1.0.176\n\
             Tidegate-Requested-By: schedule\n"
        );
        assert_eq!(plainly(&[told(&words)], 0), expected);
    }

    #[test]
    fn notes_stand_between_evidence_and_trailers() {
        let words = words();
        let notes = "Features\n- cache queries (vtr/app#412)\n\nhttps://github.com/vtr/app/compare/a...b";
        let with_notes = Told { notes: notes.to_owned(), ..told(&words) };
        let message = plainly(&[with_notes], 0);
        let expected = "soaked 26h12m in non-prod\n\nFeatures\n- cache queries (vtr/app#412)\n\n\
                        https://github.com/vtr/app/compare/a...b\n\nTidegate-Promotion: ";
        assert!(message.contains(expected), "{message}");
        assert_eq!(read_trailers(&message).len(), 1);
        let several = [Told { notes: notes.to_owned(), ..told(&words) }, told(&words)];
        let message = plainly(&several, 0);
        assert!(message.contains("\n\ncommon/graphql-server v1.0.180\n\nFeatures\n"), "{message}");
        assert_eq!(read_trailers(&message).len(), 2);
        let other: ServiceName = "common/admin".parse().unwrap();
        let alike = [several[0].clone(), Told { service: &other, ..several[0].clone() }];
        let message = plainly(&alike, 7);
        assert_eq!(message.matches("Features\n").count(), 1, "{message}");
        assert!(
            message.contains("\n\ncommon/admin, common/graphql-server v1.0.180\n\nFeatures\n"),
            "{message}"
        );
        assert!(
            message.contains(
                "\n\nWhat changed in 7 more is told by `tidegate changelog`.\n\nTidegate-Promotion: "
            )
        );
    }

    #[test]
    fn why_is_read_back() {
        let words = words();
        let (mut forced, mut back) = (told(&words), told(&words));
        back.id = "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d12".parse().unwrap();
        forced.overrides = vec![("soak", "an outage (of today)"), ("window", "an outage (of today)")];
        back.back = Some("it loses orders");
        let reasons = reasons(&plainly(&[forced.clone(), back.clone()], 0));
        assert_eq!(reasons.len(), 2);
        assert_eq!(
            reasons[&forced.id],
            "soak overridden: an outage (of today); window overridden: an outage (of today)"
        );
        assert_eq!(reasons[&back.id], "rolled back: it loses orders");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let words = words();
        let message = plainly(&[told(&words), told(&words)], 0);
        let read = read_trailers(&message);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].service, words.service);
        assert_eq!(read[0].environment, words.prod);
        assert_eq!(read[0].from, words.from);
        assert_eq!(read[0].image.tag.as_ref(), Some(&words.to));
        assert_eq!(read[0].mark.digest.as_ref().unwrap().as_str(), SHA);
    }

    #[test]
    fn a_reason_cannot_forge_a_trailer() {
        let words = words();
        let mut forged = told(&words);
        forged.overrides =
            vec![("soak", "urgent\n\nTidegate-Promotion: 0197c0de-0000-7000-8000-000000000000")];
        forged.requested_by = "eve\nTidegate-Environment: prod-eu";
        let message = plainly(&[forged], 0);
        let read = read_trailers(&message);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].environment, words.prod);
        assert_eq!(message.matches("\nTidegate-Promotion").count(), 1);
    }

    #[test]
    fn what_a_forge_adds_below_is_passed_over() {
        let words = words();
        let message = plainly(&[told(&words)], 0);
        for below in [
            "\nCo-authored-by: tidegate <tidegate@vtr.cl>\n",
            "\n---------\n\nCo-authored-by: tidegate <tidegate@vtr.cl>\nSigned-off-by: Ana <ana@vtr.cl>",
        ] {
            assert_eq!(read_trailers(&format!("{message}{below}")).len(), 1, "{below}");
            let windows = format!("{message}{below}").replace('\n', "\r\n");
            assert_eq!(read_trailers(&windows)[0].mark.requested_by, "schedule");
        }
        assert_eq!(read_trailers(&format!("{message}\nand a word of Ana's\n")), []);
        assert_eq!(read_trailers("Co-authored-by: Ana\n\n---\n"), []);
    }

    #[test]
    fn a_template_words_the_body_and_nothing_else() {
        let words = words();
        let mut promotion = told(&words);
        promotion.overrides =
            vec![("soak", "urgent\n\nTidegate-Promotion: 0197c0de-0000-7000-8000-000000000000")];
        promotion.notes = "Fixes\n- close idle subscriptions".to_owned();
        let text = "{{ evidence }}\n{% for one in promotions %}{% for gate in one.overrides %}\n\n{{ gate.gate }}: \
                    {{ gate.reason }}\n{% endfor %}{% endfor %}\n{{ notes }}\n\nTidegate-Service: eve/eve\n\n";
        let body = BodyForm::parse(text).unwrap();
        let wording = Wording { subject: &SubjectForm::default(), body: Some(&body) };
        let message = render(wording, &[promotion], 0);
        let read = read_trailers(&message);
        assert_eq!(read.len(), 1, "{message}");
        assert_eq!(read[0].service, words.service);
        assert!(message.contains("Fixes\n- close idle subscriptions\n\nTidegate-Service: eve/eve\n\nTidegate-Promotion: 0197c0de-7b1e"), "{message}");
        assert_eq!(message.matches("\nTidegate-Promotion").count(), 1, "{message}");
    }

    #[test]
    fn a_revert_and_a_quotation_are_no_promotion() {
        let words = words();
        let message = plainly(&[told(&words)], 0);
        assert_eq!(read_trailers(&format!("Revert \"x\"\n\n{message}\n\nThis reverts commit 1234.\n")), []);
        assert_eq!(read_trailers(message.rsplit("\n\n").next().unwrap()), [], "no subject");
        assert_eq!(read_trailers(""), []);
        assert_eq!(read_trailers(&message.replace("graphql-server:v1.0.180@", "graphql-server@")), []);
    }
}
