//! What the messages of commits and of pull requests tell of promotions.

use std::collections::HashMap;

use crate::model::{
    BY_SCHEDULE, Digest, EnvironmentName, ImageName, ImageRef, PromotionId, PromotionMark, ServiceName, Tag,
};
use crate::policy::{Approved, Override};

use super::{ENVIRONMENT, FROM, IMAGE, OVERRIDE, PROMOTION, REQUESTED_BY, ROLLBACK, SERVICE};

/// One promotion as a commit's trailers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trailers {
    pub(crate) service: ServiceName,
    pub(crate) environment: EnvironmentName,
    pub(crate) image: ImageRef,
    pub(crate) from: Tag,
    pub(crate) mark: PromotionMark,
    /// The gates that were passed by hand for it, in their order.
    pub(crate) overrides: Vec<Override>,
}

impl Trailers {
    /// Whether it is of this image of this service.
    pub(crate) fn is_of(&self, service: &ServiceName, image: &ImageName) -> bool {
        self.service == *service && self.image.name == *image
    }

    /// Whether every gate was passed by hand for it that was for this.
    pub(crate) fn has_passed(&self, approved: &Approved) -> bool {
        approved.overrides().iter().all(|one| self.overrides.iter().any(|told| told.gate() == one.gate()))
    }
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
        overrides: lines.iter().filter_map(|line| read_override(*line)).collect(),
    })
}

fn read_override((key, value): (&str, &str)) -> Option<Override> {
    let (gate, reason) = value.trim().split_once(" (").filter(|_| key == OVERRIDE)?;
    // Escaped when it was written, it may be longer than what was said.
    let reason: String = inner(reason).chars().take(Override::LONGEST_REASON_CHARS).collect();
    Override::new(gate.parse().ok()?, &reason).ok()
}
