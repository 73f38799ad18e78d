//! Who is heard: the studio's own page, on this machine or with the token.

use std::fmt;
use std::net::SocketAddr;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, Uri};

use crate::Error;

/// A word that clients must know.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// One that nobody guesses, 128 random bits in hexadecimal digits.
    ///
    /// # Errors
    /// If the system gives no random bits.
    pub fn random() -> Result<Self, Error> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(Error::other)?;
        Ok(Self(blake3::hash(&bits).to_hex()[..32].to_owned()))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is it; how long that takes tells nothing of it.
    fn is(&self, word: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(word.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Who is heard.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<Token>,
}

impl Guard {
    /// Whether a request comes from the studio's own page.
    ///
    /// Another page in the same browser may send requests here: under a name of its own that it made point to this machine
    /// (DNS rebinding), which the `Host` shows, or from its own origin, which `Origin` and `Sec-Fetch-Site` show.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(&header::HOST).unwrap_or_default();
        if self.token.is_none() && !is_loopback(host) {
            return Err(Error::Refused("the studio answers to `localhost` and its own address alone"));
        }
        if let Some(origin) = headers.get(header::ORIGIN)
            && origin.as_bytes() != format!("http://{host}").as_bytes()
        {
            return Err(Error::Refused("the studio answers to its own page alone"));
        }
        let is_of_interface = uri.path().starts_with("/api/");
        let site = text(&HeaderName::from_static("sec-fetch-site"));
        if is_of_interface && site.is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(Error::Refused("the studio answers to its own page alone"));
        }
        match &self.token {
            Some(token) if is_of_interface && !word(uri, headers).is_some_and(|word| token.is(word)) => {
                Err(Error::NoToken)
            }
            _ => Ok(()),
        }
    }
}

/// The token that a request tells, in a header or, where a browser can send none, in the query.
fn word<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(word) = header.and_then(|header| header.strip_prefix("Bearer ")) {
        return Some(word);
    }
    uri.query()?.split('&').find_map(|part| part.strip_prefix("token="))
}

/// Whether a `Host` names this machine, with any port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn checked(token: Option<&str>, path: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let guard =
            Guard { address: ([127, 0, 0, 1], 7860).into(), token: token.map(|word| Token(word.to_owned())) };
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        guard.check(&path.parse().unwrap(), &headers).err().map(|error| error.status().as_u16())
    }

    #[test]
    fn other_pages_are_not_heard() {
        for host in ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"] {
            assert_eq!(checked(None, "/api/models", &[("host", host)]), None, "{host}");
            let origin = format!("http://{host}");
            assert_eq!(checked(None, "/api/models", &[("host", host), ("origin", &origin)]), None);
            for (name, value) in [
                ("origin", "http://evil.example"),
                ("origin", "null"),
                ("origin", "https://localhost:7860"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                assert_eq!(
                    checked(None, "/api/models", &[("host", host), (name, value)]),
                    Some(403),
                    "{value}"
                );
            }
        }
        for host in
            ["evil.example:7860", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "", "localhost.evil.example"]
        {
            assert_eq!(checked(None, "/", &[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(checked(None, "/", &[]), Some(403));
    }

    #[test]
    fn a_token_is_asked_for_where_there_is_one() {
        let host = ("host", "studio.example:7860");
        assert_eq!(checked(Some("abc"), "/", &[host]), None, "the page itself tells nothing");
        assert_eq!(checked(Some("abc"), "/api/models", &[host]), Some(401));
        assert_eq!(checked(Some("abc"), "/api/models?token=abd", &[host]), Some(401));
        assert_eq!(checked(Some("abc"), "/api/models?x=1&token=abc", &[host]), None);
        assert_eq!(checked(Some("abc"), "/api/models", &[host, ("authorization", "Bearer abc")]), None);
        assert_eq!(checked(Some("abc"), "/api/models", &[host, ("authorization", "Basic abc")]), Some(401));
        let random = Token::random().unwrap();
        assert_eq!((random.as_str().len(), format!("{random:?}").as_str()), (32, "Token(…)"));
    }
}
