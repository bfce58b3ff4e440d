//! Comments that accept a finding: `# tidegate:ignore RULE: REASON` at the end of the line or on the line above, and
//! `# tidegate:ignore-file RULE: REASON` for a whole file.

use std::collections::BTreeSet;

use memchr::memmem;

use super::finding::Drafts;
use super::rule::Rule;
use crate::manifest::Position;
use crate::model::Printable;

const MARK: &str = "tidegate:ignore";
/// The most comments of one file that count.
const MAX_COMMENTS: usize = 1_000;

/// The findings of one file that its comments accept.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    in_file: BTreeSet<Rule>,
    on_lines: BTreeSet<(usize, Rule)>,
}

impl Ignored {
    /// Reads the comments of a text. One that does not count is a finding.
    pub(super) fn read(text: &str, findings: &mut Drafts) -> Self {
        let mut ignored = Self::default();
        let bytes = text.as_bytes();
        let mut line = 1;
        let mut counted_to = 0;
        for at in memmem::find_iter(bytes, MARK).take(MAX_COMMENTS) {
            line += memchr::memchr_iter(b'\n', &bytes[counted_to..at]).count();
            counted_to = at;
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let before = &text[start..at];
            let Some(hash) = before.rfind('#').filter(|hash| before[hash + 1..].trim().is_empty()) else {
                continue;
            };
            let rest = text[at + MARK.len()..].lines().next().unwrap_or_default();
            let (rest, is_file) = match rest.strip_prefix("-file") {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            let position = Position { line, column: before[..hash].chars().count() + 1 };
            match parse(rest) {
                Ok(rule) if is_file => {
                    ignored.in_file.insert(rule);
                }
                Ok(rule) => {
                    let is_alone = before[..hash].trim().is_empty();
                    ignored.on_lines.insert((if is_alone { line + following(text, at) } else { line }, rule));
                }
                Err((message, hint)) => findings.add(Rule::InvalidIgnore, position, message, hint),
            }
        }
        ignored
    }

    /// Whether a finding of the rule on this line is accepted.
    pub(super) fn accepts(&self, rule: Rule, line: usize) -> bool {
        self.in_file.contains(&rule) || self.on_lines.contains(&(line, rule))
    }
}

/// How many lines below the one at `at` the next one is that is no comment.
fn following(text: &str, at: usize) -> usize {
    let below = text[at..].lines().skip(1);
    1 + below.take_while(|line| line.trim_start().starts_with('#')).count()
}

/// The rule of a comment that gives a reason too; else what is wrong with it.
fn parse(text: &str) -> Result<Rule, (String, String)> {
    let (id, reason) = text.split_once(':').unwrap_or((text, ""));
    let id = id.trim();
    let rule = id.parse::<Rule>().map_err(|_| {
        let ids = Rule::ALL.map(Rule::id).join(", ");
        (
            format!("there is no rule `{}` to ignore", Printable::bounded(id, 40)),
            format!("name one of: {ids}"),
        )
    })?;
    if reason.trim().is_empty() {
        let message = format!("the comment ignores {rule} without a reason, so it does not count");
        return Err((message, format!("write `# {MARK} {rule}: REASON`")));
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_with_a_reason_accepts_a_finding_on_its_line_or_the_next() {
        let text = "a: b # tidegate:ignore floating-tag: a demo\n\
            # tidegate:ignore plain-secret: public\n# really\nc: d\n\
            # tidegate:ignore-file labels: set by the chart\n\
            e: \"# tidegate:ignore name: no comment but ends so\"\n";
        let mut findings = Drafts::default();
        let ignored = Ignored::read(text, &mut findings);
        assert!(findings.0.is_empty(), "{findings:?}");
        for (rule, line, accepts) in [
            (Rule::FloatingTag, 1, true),
            (Rule::FloatingTag, 2, false),
            (Rule::PlainSecret, 4, true),
            (Rule::PlainSecret, 2, false),
            (Rule::Labels, 99, true),
        ] {
            assert_eq!(ignored.accepts(rule, line), accepts, "{rule} {line}");
        }
    }

    #[test]
    fn a_comment_without_reason_or_rule_is_a_finding() {
        let text = "a: b # tidegate:ignore floating-tag\n  # tidegate:ignore latest: x\n";
        let mut findings = Drafts::default();
        let ignored = Ignored::read(text, &mut findings);
        assert!(!ignored.accepts(Rule::FloatingTag, 1));
        let places: Vec<String> = findings.0.iter().map(|finding| finding.position.to_string()).collect();
        assert_eq!(places, ["1:6", "2:3"]);
    }
}
