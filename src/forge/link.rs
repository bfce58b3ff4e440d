//! The `Link` header: where the next page of a list is (RFC 8288), as GitHub writes it.

use reqwest::header::{HeaderMap, LINK};

/// The longest header that is looked at.
const MOST_BYTES: usize = 16 * 1024;

/// The path of the next page at the API at `url`, with its query. A page elsewhere is none: the token is not for it.
pub(super) fn next<'a>(headers: &'a HeaderMap, url: &str) -> Option<&'a str> {
    let texts = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let target = texts.filter(|text| text.len() <= MOST_BYTES).find_map(next_in)?;
    target.strip_prefix(url).filter(|path| path.starts_with('/'))
}

/// `<https://…>; rel="next", <https://…>; rel="last"`. GitHub's URLs have neither commas nor brackets in them that are
/// not escaped.
fn next_in(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |parameter: &str| matches!(parameter.trim(), "rel=\"next\"" | "rel=next");
        parameters.split(';').any(is_next).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn next_of(header: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_static(header))]);
        next(&headers, "https://api.github.com").map(str::to_owned)
    }

    #[test]
    fn the_next_page_is_where_the_header_says() {
        let both = "<https://api.github.com/repositories/1/tags?page=2>; rel=\"next\", \
                    <https://api.github.com/repositories/1/tags?page=9>; rel=\"last\"";
        assert_eq!(next_of(both).as_deref(), Some("/repositories/1/tags?page=2"));
        assert_eq!(next_of("<https://api.github.com/x?page=1>; rel=\"prev\""), None);
        assert_eq!(next_of("nonsense"), None);
        assert_eq!(next_of("<https://api.github.com/x>; rel=\"next"), None);
    }

    #[test]
    fn a_page_at_another_host_is_none() {
        for header in [
            "<https://evil.example/x?page=2>; rel=\"next\"",
            "<https://api.github.com.evil.example/x>; rel=\"next\"",
            "<https://api.github.com@evil.example/x>; rel=\"next\"",
        ] {
            assert_eq!(next_of(header), None, "{header}");
        }
    }
}
