//! Which groups a template takes: `$name`, `${name}`, `$1`; `$$` is a dollar sign.

/// The names or numbers of the groups in `template`, in order.
///
/// As when a template is expanded: a name without braces is the longest run of letters, digits and `_`, and a `$` that
/// begins no group stands for itself.
pub(super) fn groups(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('$')?;
            if let Some(after_dollar) = after.strip_prefix('$') {
                rest = after_dollar;
                continue;
            }
            let name = name_at(after);
            rest = after;
            if let Some(name) = name {
                return Some(name);
            }
        }
    })
}

fn name_at(text: &str) -> Option<&str> {
    let is_other = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let name = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?.0,
        None => &text[..text.find(is_other).unwrap_or(text.len())],
    };
    (!name.is_empty()).then_some(name)
}
