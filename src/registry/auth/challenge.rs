//! Parses `WWW-Authenticate` (RFC 9110, section 11.6.1; Docker's token specification).

use reqwest::Url;
use reqwest::header::WWW_AUTHENTICATE;

use crate::model::Printable;
use crate::registry::error::RequestError;
use crate::registry::transport::{Request, Response};

const MAX_BYTES: usize = 8 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) enum Challenge {
    Basic,
    Bearer(Bearer),
}

/// The token server. The challenge's scope is ignored on purpose: ghcr.io sends a placeholder.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) struct Bearer {
    pub(in crate::registry) realm: Url,
    /// The registry's name at the token server.
    pub(in crate::registry) service: Option<String>,
    /// The request that was challenged, for messages.
    pub(super) request: String,
}

impl Challenge {
    /// The challenge of a 401; nothing when it has no supported scheme, or comes from another origin after a redirect.
    pub(super) fn of(request: &Request, response: &Response) -> Result<Option<Self>, RequestError> {
        if response.url.origin() != request.url.origin() {
            return Ok(None);
        }
        let headers = response.headers.get_all(WWW_AUTHENTICATE).iter();
        let texts = headers.filter_map(|value| value.to_str().ok()).filter(|text| text.len() <= MAX_BYTES);
        let offers: Vec<Offer<'_>> = texts.flat_map(offers).collect();
        let named = |name: &str| offers.iter().find(|offer| offer.scheme.eq_ignore_ascii_case(name));
        if let Some(offer) = named("bearer") {
            return Bearer::of(request, offer).map(|bearer| Some(Self::Bearer(bearer)));
        }
        Ok(named("basic").map(|_| Self::Basic))
    }
}

impl Bearer {
    fn of(request: &Request, offer: &Offer<'_>) -> Result<Self, RequestError> {
        let text = offer.parameter("realm").unwrap_or_default();
        let realm = Url::parse(text).map_err(|source| {
            let reason = format!("`{}`: {source}", Printable::new(text));
            RequestError::malformed(request.describe(), "a challenge with a valid token realm", reason)
        })?;
        let service = offer.parameter("service").map(str::to_owned);
        Ok(Self { realm, service, request: request.describe() })
    }
}

/// One challenge of a header.
#[derive(Debug, PartialEq, Eq)]
struct Offer<'a> {
    scheme: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl Offer<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// Splits a header into challenges, skipping what is neither scheme nor parameter.
fn offers(header: &str) -> Vec<Offer<'_>> {
    let mut offers: Vec<Offer<'_>> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return offers;
        }
        let (word, after) = split_token(rest);
        if word.is_empty() {
            rest = after_next_comma(rest);
            continue;
        }
        if let Some(value) = after.trim_start().strip_prefix('=')
            && let Some(offer) = offers.last_mut()
        {
            let (value, after) = split_value(value.trim_start());
            offer.parameters.push((word, value));
            rest = after;
        } else {
            offers.push(Offer { scheme: word, parameters: Vec::new() });
            rest = after;
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    text.split_at(text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len()))
}

/// A parameter's value, quoted or not, and the rest.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

fn after_next_comma(text: &str) -> &str {
    text.split_once(',').map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn challenge(headers: &[&str], answered_by: &str) -> Result<Option<Challenge>, RequestError> {
        let request = Request::get("https://ghcr.io/v2/vtr/app/tags/list".parse().unwrap(), 1024);
        let values = headers.iter().map(|text| HeaderValue::from_str(text).unwrap());
        let mut map = HeaderMap::new();
        for value in values {
            map.append(WWW_AUTHENTICATE, value);
        }
        let url = answered_by.parse().unwrap();
        let response = Response { status: StatusCode::UNAUTHORIZED, headers: map, url, body: Vec::new() };
        Challenge::of(&request, &response)
    }

    const GHCR: &str =
        r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#;
    const HERE: &str = "https://ghcr.io/v2/vtr/app/tags/list";

    #[rstest]
    #[case::ghcr(&[GHCR], "https://ghcr.io/token", Some("ghcr.io"))]
    #[case::case_and_spaces(&[r#"bearer  Realm = "https://a.b/t" ,	Service=x"#], "https://a.b/t", Some("x"))]
    #[case::unquoted(&["Bearer realm=https://a.b/t,service=x"], "https://a.b/t", Some("x"))]
    #[case::no_service(&[r#"Bearer realm="https://a.b/t?tenant=1""#], "https://a.b/t?tenant=1", None)]
    #[case::escaped(&[r#"Bearer realm="https://a.b/t",service="a \"b\"""#], "https://a.b/t", Some("a \"b\""))]
    #[case::comma_in_quotes(&[r#"Bearer scope="a,b",realm="https://a.b/t""#], "https://a.b/t", None)]
    #[case::after_basic(&[r#"Basic realm="x", Bearer realm="https://a.b/t""#], "https://a.b/t", None)]
    #[case::second_header(&["Basic realm=x", r#"Bearer realm="https://a.b/t""#], "https://a.b/t", None)]
    #[case::after_token68(&[r#"Negotiate YWJj==, Bearer realm="https://a.b/t""#], "https://a.b/t", None)]
    #[case::unclosed(&[r#"Bearer service=x,realm="https://a.b/t"#], "https://a.b/t", Some("x"))]
    fn bearer(#[case] headers: &[&str], #[case] realm: &str, #[case] service: Option<&str>) {
        let Some(Challenge::Bearer(bearer)) = challenge(headers, HERE).unwrap() else {
            panic!("no bearer challenge")
        };
        assert_eq!((bearer.realm.as_str(), bearer.service.as_deref()), (realm, service));
    }

    #[rstest]
    #[case::basic(&[r#"Basic realm="Registry Realm""#], Some(Challenge::Basic))]
    #[case::bare(&["Basic"], Some(Challenge::Basic))]
    #[case::none(&[], None)]
    #[case::other(&["Negotiate"], None)]
    #[case::garbage(&[r#"=,"",;;;"#], None)]
    fn others(#[case] headers: &[&str], #[case] wanted: Option<Challenge>) {
        assert_eq!(challenge(headers, HERE).unwrap(), wanted);
    }

    #[test]
    fn a_challenge_of_another_origin_is_not_met() {
        assert_eq!(challenge(&[GHCR], "https://storage.example.com/blob").unwrap(), None);
    }

    #[rstest]
    #[case::missing("Bearer service=x")]
    #[case::relative(r#"Bearer realm="/token""#)]
    fn a_bearer_without_a_realm_is_an_error(#[case] header: &str) {
        let error = challenge(&[header], HERE).unwrap_err();
        assert!(error.to_string().ends_with("is not a challenge with a valid token realm"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_parsed_without_end_or_panic(text in "\\PC{0,200}") {
            let parts = offers(&text);
            proptest::prop_assert!(parts.len() <= text.len());
        }
    }
}
