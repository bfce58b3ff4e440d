//! Parses a range into alternatives of comparators. Errors have a position and a correction.

use crate::model::{Printable, Version};

use super::comparator::{Alternative, Comparator, Given, Operator, Partial};
use crate::policy::syntax_error::SyntaxError;

/// Maximum length of a range, in bytes; usual ranges are a tenth of it.
const LONGEST_BYTES: usize = 512;

/// The limit of Masterminds/semver.
const MOST_ALTERNATIVES: usize = 32;

/// An operator comes before its own prefixes.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

/// The alternatives of a range, at least one, each with at least one comparator.
pub(super) fn alternatives(text: &str) -> Result<Vec<Alternative>, SyntaxError> {
    if text.len() > LONGEST_BYTES {
        let message = format!("it is longer than {LONGEST_BYTES} bytes");
        return Err(SyntaxError::in_range(LONGEST_BYTES, message, "write fewer alternatives"));
    }
    if text.split("||").count() > MOST_ALTERNATIVES {
        let message = format!("it has more than {MOST_ALTERNATIVES} alternatives");
        return Err(SyntaxError::in_range(
            0,
            message,
            "write fewer alternatives, or ranges that cover several",
        ));
    }
    let mut alternatives = Vec::new();
    let mut offset = 0;
    for part in text.split("||") {
        alternatives.push(
            Cursor { whole: text, text: &text[..offset + part.len()], at: offset, is_after_hyphen: false }
                .alternative()?,
        );
        offset += part.len() + "||".len();
    }
    Ok(alternatives)
}

/// A position in the text of an alternative. Offsets count from the start of the whole range.
struct Cursor<'a> {
    /// The whole range.
    whole: &'a str,
    text: &'a str,
    at: usize,
    /// Whether the last comparator was a range with a hyphen.
    is_after_hyphen: bool,
}

impl<'a> Cursor<'a> {
    fn alternative(mut self) -> Result<Alternative, SyntaxError> {
        let mut comparators = Vec::new();
        let mut admits_prereleases = false;
        self.skip_space();
        if self.rest().is_empty() {
            return Err(SyntaxError::in_range(
                self.at,
                "a version is missing",
                "write `*` to admit every version",
            ));
        }
        loop {
            self.comparator(|operator, partial| {
                admits_prereleases |= partial.version.is_prerelease();
                comparators.push(Comparator::new(operator, partial));
            })?;
            if !self.separator()? {
                return Ok(Alternative { comparators, admits_prereleases });
            }
        }
    }

    /// A comparator, or the two of a hyphen range.
    fn comparator(&mut self, mut add: impl FnMut(Operator, Partial)) -> Result<(), SyntaxError> {
        let start = self.at;
        let operator = self.operator();
        self.skip_space();
        let partial = self.partial()?;
        if partial.given == Given::Nothing {
            refuse_pointless_wildcard(start, operator)?;
        }
        let Some(hyphen) = self.hyphen() else {
            add(operator.unwrap_or(Operator::Equal), partial);
            self.is_after_hyphen = false;
            return Ok(());
        };
        self.refuse_what_flux_misreads(start)?;
        self.is_after_hyphen = true;
        if operator.is_some() {
            return Err(SyntaxError::in_range(
                start,
                "a range with a hyphen takes no operator",
                "write `1.2 - 2.3`, or `>=1.2 <=2.3`",
            ));
        }
        self.at = hyphen;
        let to = self.partial()?;
        if to.given == Given::Nothing {
            refuse_pointless_wildcard(hyphen, Some(Operator::LessOrEqual))?;
        }
        if self.rest().is_empty() && self.is_followed_by_an_alternative() {
            return Err(SyntaxError::in_range(
                self.at,
                "Flux reads `||` without a space before it as part of the range with a hyphen",
                "write `1 - 2 || 3 - 4`",
            ));
        }
        add(Operator::GreaterOrEqual, partial);
        add(Operator::LessOrEqual, to);
        Ok(())
    }

    /// Masterminds/semver rewrites a range with a hyphen as text before it reads anything else, which goes wrong when
    /// what stands before it touches it, or is a version without a comma.
    fn refuse_what_flux_misreads(&self, start: usize) -> Result<(), SyntaxError> {
        let before = &self.text[..start];
        if before.ends_with("||") {
            return Err(SyntaxError::in_range(
                start,
                "Flux reads `||` without a space after it as part of the range with a hyphen",
                "write `1 || 2 - 3`",
            ));
        }
        match before.trim_ascii_end().as_bytes().last() {
            None | Some(b'|' | b',') => Ok(()),
            // Masterminds/semver replaces the range before by text that ends with a space.
            Some(_) if self.is_after_hyphen => Ok(()),
            Some(_) => Err(SyntaxError::in_range(
                start,
                "Flux cannot read a range with a hyphen after another condition without a comma",
                "write a comma before it, such as `>=1, 2 - 3`",
            )),
        }
    }

    /// Whether `||` follows without a space, and then a possible number.
    fn is_followed_by_an_alternative(&self) -> bool {
        let after = self.whole[self.at..].strip_prefix("||");
        after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit() || "xX*|".contains(c)))
    }

    fn operator(&mut self) -> Option<Operator> {
        let (text, operator) = OPERATORS.iter().find(|(text, _)| self.rest().starts_with(text))?;
        self.at += text.len();
        Some(*operator)
    }

    /// The start of the second version of a hyphen range, if a hyphen with spaces on both sides follows.
    fn hyphen(&self) -> Option<usize> {
        let is_space = |character: char| character.is_ascii_whitespace();
        let after_space = self.rest().strip_prefix(is_space)?.trim_start_matches(is_space);
        let to = after_space.strip_prefix('-')?.strip_prefix(is_space)?.trim_start_matches(is_space);
        Some(self.text.len() - to.len())
    }

    /// Skips the separator of two comparators. Returns whether another one follows.
    fn separator(&mut self) -> Result<bool, SyntaxError> {
        let before = self.at;
        self.skip_space();
        let comma = self.rest().starts_with(',').then_some(self.at);
        if let Some(comma) = comma {
            self.at = comma + 1;
            self.skip_space();
        }
        match comma {
            Some(comma) if self.rest().is_empty() => Err(SyntaxError::in_range(
                comma,
                "a version is missing after the comma",
                "leave the comma out",
            )),
            _ if self.rest().is_empty() => Ok(false),
            None if self.at == before => Err(self.unexpected()),
            _ => Ok(true),
        }
    }

    fn partial(&mut self) -> Result<Partial, SyntaxError> {
        let start = self.at;
        if self.rest().starts_with('v') {
            self.at += 1;
        }
        let mut numbers = [0; 3];
        let mut given = 0;
        for (place, number) in numbers.iter_mut().enumerate() {
            if place > 0 && !self.skip('.') {
                break;
            }
            // Numbers after a wildcard do not count, as in `1.x.3`.
            if let Some(written) = self.number()?.filter(|_| given == place) {
                *number = written;
                given += 1;
            }
        }
        let suffix_start = self.at;
        self.skip_suffix();
        let [major, minor, patch] = numbers;
        let suffix = &self.text[suffix_start..self.at];
        let version = Version::bound(&format!("{major}.{minor}.{patch}{suffix}")).map_err(|_| {
            let written = Printable::new(&self.text[start..self.at]);
            let message = format!("`{written}` is not a version");
            SyntaxError::in_range(
                suffix_start,
                message,
                "write a pre-release such as `1.2.3-rc.1`, without leading zeros in its numbers",
            )
        })?;
        let given = [Given::Nothing, Given::Major, Given::Minor, Given::Patch][given];
        Ok(Partial { version, given })
    }

    /// A number, or `None` for a wildcard.
    fn number(&mut self) -> Result<Option<u64>, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with(['x', 'X', '*']) {
            self.at += 1;
            return Ok(None);
        }
        let digits = &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()];
        if digits.is_empty() {
            return Err(self.unexpected());
        }
        self.at += digits.len();
        match digits.parse() {
            Ok(number) if number < u64::MAX => Ok(Some(number)),
            _ => Err(SyntaxError::in_range(
                start,
                "the number is too large",
                "write a number of at most 19 digits",
            )),
        }
    }

    /// Skips a pre-release and build metadata.
    fn skip_suffix(&mut self) {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-+.".contains(byte);
        if self.rest().starts_with(['-', '+']) {
            self.at += self.rest().bytes().take_while(is_part).count();
        }
    }

    fn unexpected(&self) -> SyntaxError {
        let Some(found) = self.rest().chars().next() else {
            return SyntaxError::in_range(self.at, "a version is missing", "write one, such as `>=1.2.3`");
        };
        let found_text = found.to_string();
        let message = format!("`{}` was not expected here", Printable::new(&found_text));
        SyntaxError::in_range(self.at, message, hint_for(found))
    }

    fn skip(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

fn hint_for(found: char) -> &'static str {
    match found {
        '.' => "a version has three numbers at most, such as `1.2.3`",
        '|' => "alternatives are separated by `||`",
        '&' => "versions that must all hold are separated by a space or a comma, such as `>=1.2 <2`",
        'V' => "write the `v` in lower case, or leave it out",
        '-' => "a range has a space on both sides of the hyphen, such as `1.2 - 2.3`",
        '=' | '<' | '>' | '~' | '^' | '!' => {
            "write one operator (=, !=, >, >=, <, <=, ~ or ^) and then a version"
        }
        ',' => "write one comma between two versions",
        _ => "write a version such as `1.2.3`, `1.x` or `*`, perhaps after an operator",
    }
}

/// `*` is every version, so an operator before it is a mistake.
fn refuse_pointless_wildcard(offset: usize, operator: Option<Operator>) -> Result<(), SyntaxError> {
    match operator {
        None | Some(Operator::Equal | Operator::Tilde | Operator::GreaterOrEqual) => Ok(()),
        Some(
            Operator::NotEqual | Operator::Greater | Operator::Less | Operator::LessOrEqual | Operator::Caret,
        ) => Err(SyntaxError::in_range(
            offset,
            "this operator says nothing before a wildcard alone",
            "write `*` to admit every version, or a number, such as `<=2`",
        )),
    }
}
