//! One field of a cron expression: lists, ranges, steps and names → the set of its values.

use crate::model::Printable;

use crate::policy::syntax_error::SyntaxError;

/// The kind of a field.
pub(super) struct Kind {
    /// Its name in messages, with an article.
    name: &'static str,
    lowest: u32,
    highest: u32,
    /// Names for `lowest` and the values after it, in lower case.
    names: &'static [&'static str],
    /// The value one above the highest that means the lowest: 7 is Sunday too.
    wraps_at: Option<u32>,
}

pub(super) const SECOND: Kind = numbers("a second", 0, 59);
pub(super) const MINUTE: Kind = numbers("a minute", 0, 59);
pub(super) const HOUR: Kind = numbers("an hour", 0, 23);
pub(super) const DAY_OF_MONTH: Kind = numbers("a day of the month", 1, 31);
pub(super) const MONTH: Kind = Kind {
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ..numbers("a month", 1, 12)
};
pub(super) const DAY_OF_WEEK: Kind = Kind {
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    wraps_at: Some(7),
    ..numbers("a day of the week", 0, 6)
};

const fn numbers(name: &'static str, lowest: u32, highest: u32) -> Kind {
    Kind { name, lowest, highest, names: &[], wraps_at: None }
}

/// The values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Bit n is the value n.
    values: u64,
    /// Whether it begins with `*`: to crontab(5), such a field does not restrict, even with a step.
    pub(super) begins_with_star: bool,
}

impl Field {
    pub(super) fn parse(kind: &Kind, word: &str, offset: usize) -> Result<Self, SyntaxError> {
        let mut values = 0;
        let mut item_offset = offset;
        for item in word.split(',') {
            values |= Item { kind, text: item, offset: item_offset }.values()?;
            item_offset += item.len() + 1;
        }
        Ok(Self { values, begins_with_star: word.starts_with('*') })
    }

    /// The values with commas between them.
    pub(super) fn list(self) -> String {
        self.shifted_by(0)
    }

    /// The values, counted from 1 instead of 0.
    pub(super) fn shifted_list(self) -> String {
        self.shifted_by(1)
    }

    fn shifted_by(self, shift: u32) -> String {
        let values = (0..u64::BITS).filter(|value| self.values & (1 << value) != 0);
        values.map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
    }
}

/// One item of a field's list.
struct Item<'a> {
    kind: &'a Kind,
    text: &'a str,
    offset: usize,
}

impl Item<'_> {
    fn values(&self) -> Result<u64, SyntaxError> {
        let (base, step) = match self.text.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (self.text, None),
        };
        let (first, last) = match base.split_once('-') {
            _ if base == "*" => (self.kind.lowest, self.kind.highest),
            Some((first, last)) => self.range(first, last)?,
            None if step.is_some() => {
                let hint = format!("write `{}-{}/…`", Printable::bounded(base, 20), self.kind.highest);
                return Err(self.error("a step follows a range or `*`", hint));
            }
            None => self.value(base).map(|value| (value, value))?,
        };
        let values = (first..=last).step_by(step.unwrap_or(1));
        Ok(values.map(|value| self.wrapped(value)).fold(0, |bits, value| bits | 1 << value))
    }

    fn range(&self, first_text: &str, last_text: &str) -> Result<(u32, u32), SyntaxError> {
        let first = self.value(first_text)?;
        let mut last = self.value(last_text)?;
        if last == self.kind.lowest && first > last {
            // `fri-sun` reaches to the end of the week.
            last = self.kind.wraps_at.unwrap_or(last);
        }
        if first <= last {
            return Ok((first, last));
        }
        let (lowest, highest) = (self.kind.lowest, self.kind.highest);
        let hint = format!("write `{first}-{highest},{lowest}-{last}`");
        Err(self.error("the range goes backwards", hint))
    }

    fn step(&self, text: &str) -> Result<usize, SyntaxError> {
        let highest = self.kind.wraps_at.unwrap_or(self.kind.highest);
        let step = if is_number(text) { text.parse::<u32>().ok() } else { None };
        step.filter(|step| (1..=highest).contains(step))
            .and_then(|step| usize::try_from(step).ok())
            .ok_or_else(|| {
                self.error(
                    "the step is not a number that the field has room for",
                    format!("write 1 to {highest}"),
                )
            })
    }

    fn value(&self, text: &str) -> Result<u32, SyntaxError> {
        let Kind { name, lowest, highest, names, wraps_at } = *self.kind;
        let numbers = lowest..=wraps_at.unwrap_or(highest);
        let number = if is_number(text) { text.parse::<u32>().ok() } else { None };
        let named = (lowest..).zip(names).find(|(_, known)| known.eq_ignore_ascii_case(text));
        number.filter(|number| numbers.contains(number)).or(named.map(|(value, _)| value)).ok_or_else(|| {
            let (first, last) = (numbers.start(), numbers.end());
            let mut hint = format!("write {first} to {last}, or `*`");
            if let ([first, ..], [.., last]) = (names, names) {
                hint = format!("write {} to {}, {first} to {last}, or `*`", numbers.start(), numbers.end());
            }
            self.error(&format!("`{}` is not {name}", Printable::bounded(text, 20)), hint)
        })
    }

    fn wrapped(&self, value: u32) -> u32 {
        if self.kind.wraps_at == Some(value) { self.kind.lowest } else { value }
    }

    fn error(&self, message: &str, hint: String) -> SyntaxError {
        SyntaxError::in_schedule(self.offset, message, hint)
    }
}

/// Digits only; the standard library would accept a sign too.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
