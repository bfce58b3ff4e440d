//! Reads promotions from the messages of commits and pull requests.

use std::collections::HashMap;

use crate::model::{
    BY_SCHEDULE, Digest, EnvironmentName, ImageName, ImageRef, PromotionId, PromotionMark, ServiceName, Tag,
};
use crate::policy::{Approved, Override};

use super::{BRANCH_TRAILER, ENVIRONMENT, FROM, IMAGE, OVERRIDE, PROMOTION, REQUESTED_BY, ROLLBACK, SERVICE};

/// The trailers of one promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trailers {
    pub(crate) service: ServiceName,
    pub(crate) environment: EnvironmentName,
    pub(crate) image: ImageRef,
    pub(crate) from: Tag,
    /// The URL and the branch that Tidegate pushed the commit to.
    pub(crate) branch: Option<String>,
    pub(crate) mark: PromotionMark,
    /// The gates that were overridden, in order.
    pub(crate) overrides: Vec<Override>,
}

impl Trailers {
    pub(crate) fn is_of(&self, service: &ServiceName, image: &ImageName) -> bool {
        self.service == *service && self.image.name == *image
    }

    /// Whether it has every override of `approved`.
    pub(crate) fn has_passed(&self, approved: &Approved) -> bool {
        approved.overrides().iter().all(|one| self.overrides.iter().any(|other| other.gate() == one.gate()))
    }
}

/// Reads the promotions of a commit or pull request from the last paragraph of its message, above what a forge adds when it
/// squashes.
///
/// An incomplete group, or one with an invalid line, is ignored. A commit without groups is not Tidegate's.
pub(crate) fn read_trailers(message: &str) -> Vec<Trailers> {
    // Forge pages send CRLF, as HTML forms do.
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

/// Whether a paragraph is what a forge appends when it squashes: co-authors, reviewers and a separator.
fn is_added_by_a_forge(paragraph: &str) -> bool {
    const KEYS: [&str; 4] = ["co-authored-by:", "signed-off-by:", "reviewed-by:", "reviewed-on:"];
    paragraph.lines().all(|line| {
        let line = line.trim().to_ascii_lowercase();
        (line.len() >= 3 && line.bytes().all(|byte| byte == b'-'))
            || KEYS.iter().any(|key| line.starts_with(key))
    })
}

/// The reasons of overrides and rollbacks in a commit's trailers, by promotion.
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
            let text = reasons.entry(promotion).or_default();
            text.push_str(if text.is_empty() { "" } else { "; " });
            text.push_str(&said);
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
            is_pushed_here: false,
        },
        branch: value(BRANCH_TRAILER).map(str::to_owned),
        image,
        overrides: lines.iter().filter_map(|line| read_override(*line)).collect(),
    })
}

fn read_override((key, value): (&str, &str)) -> Option<Override> {
    let (gate, reason) = value.trim().split_once(" (").filter(|_| key == OVERRIDE)?;
    // Escaping may have made it longer.
    let reason: String = inner(reason).chars().take(Override::LONGEST_REASON_CHARS).collect();
    Override::new(gate.parse().ok()?, &reason).ok()
}
