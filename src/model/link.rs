//! The `Link` header of paged lists (RFC 8288).

/// The longest header that is parsed.
const MAX_BYTES: usize = 16 * 1024;

/// The target of the first link with the relation `next` in `Link` headers, unresolved.
pub fn next_link<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    headers.into_iter().filter(|text| text.len() <= MAX_BYTES).find_map(next_in)
}

fn next_in(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, inside)| inside.split_once('>')) {
        let (parameters, following) = split_outside_quotes(after, ',');
        if is_next(parameters) {
            return Some(target);
        }
        rest = following;
    }
    None
}

/// Whether a link's parameters include the relation `next`.
fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, following) = split_outside_quotes(rest, ';');
        let (key, value) = parameter.split_once('=').unwrap_or_default();
        let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
        if key.trim().eq_ignore_ascii_case("rel") && relations.any(|one| one.eq_ignore_ascii_case("next")) {
            return true;
        }
        rest = following;
    }
    false
}

/// Splits at the first `separator` outside quotes.
fn split_outside_quotes(text: &str, separator: char) -> (&str, &str) {
    let mut is_quoted = false;
    let end = text.find(|character: char| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    });
    match end {
        Some(end) => (&text[..end], &text[end + separator.len_utf8()..]),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::docker(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#, Some("/v2/a/tags/list?last=b&n=2"))]
    #[case::unquoted("</next>;rel=next", Some("/next"))]
    #[case::shouted(r#"</next>; REL="NEXT""#, Some("/next"))]
    #[case::two_relations(r#"</next>; rel="last next""#, Some("/next"))]
    #[case::second_link(r#"</prev>; rel="prev", </next>; rel="next""#, Some("/next"))]
    #[case::comma_in_target("</a,b>; rel=next", Some("/a,b"))]
    #[case::comma_in_quotes(r#"</a>; title="x, <y>; rel=next"; rel=prev"#, None)]
    #[case::other_parameters(r#"</next>; type="text/json"; rel="next""#, Some("/next"))]
    #[case::only_prev("</prev>; rel=prev", None)]
    #[case::no_relation("</next>", None)]
    #[case::unclosed("</next; rel=next", None)]
    #[case::github(
        r#"<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last""#,
        Some("https://api.github.com/x?page=2")
    )]
    #[case::empty("", None)]
    fn next_links(#[case] header: &str, #[case] target: Option<&str>) {
        assert_eq!(next_link([header]), target);
    }
}
