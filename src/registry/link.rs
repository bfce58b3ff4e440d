//! The `Link` header: where the next page of a list is (RFC 8288; distribution specification, *Listing Tags*).

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

/// The longest header that is looked at.
const MOST_BYTES: usize = 16 * 1024;

/// The target of the link with the relation `next`, as it is written.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    texts.filter(|text| text.len() <= MOST_BYTES).find_map(next_in)
}

/// The place a link leads to from `page`, unless that is another origin's.
pub(super) fn resolve(page: &Url, target: &str) -> Option<Url> {
    let url = page.join(target).ok()?;
    let is_clean = url.username().is_empty() && url.password().is_none();
    (url.origin() == page.origin() && is_clean).then_some(url)
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

/// Whether the parameters of a link have the relation `next`.
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

/// The text before the first `separator` that stands in no quotes, and the text after it.
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
    #[case::empty("", None)]
    fn next_links(#[case] header: &str, #[case] target: Option<&str>) {
        let headers = HeaderMap::from_iter([(LINK, header.parse().unwrap())]);
        assert_eq!(next(&headers), target);
    }

    #[rstest]
    #[case::path("/v2/a/tags/list?last=b", Some("https://ghcr.io/v2/a/tags/list?last=b"))]
    #[case::query("?last=b", Some("https://ghcr.io/v2/a/tags/list?last=b"))]
    #[case::absolute("https://ghcr.io/x", Some("https://ghcr.io/x"))]
    #[case::default_port("https://ghcr.io:443/x", Some("https://ghcr.io/x"))]
    #[case::other_host("https://evil.example/x", None)]
    #[case::scheme_relative("//evil.example/x", None)]
    #[case::other_scheme("http://ghcr.io/x", None)]
    #[case::other_port("https://ghcr.io:8443/x", None)]
    #[case::user("https://user@ghcr.io/x", None)]
    #[case::file("file:///etc/passwd", None)]
    fn targets(#[case] target: &str, #[case] wanted: Option<&str>) {
        let page = "https://ghcr.io/v2/a/tags/list?n=1000".parse().unwrap();
        assert_eq!(resolve(&page, target).as_ref().map(Url::as_str), wanted);
    }
}
