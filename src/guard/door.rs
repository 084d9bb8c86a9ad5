//! The door: who may speak to the guard, before anything is read.
//!
//! A web page in a browser of this machine must not be able to spend (`Host`, `Origin`, content type), and
//! nothing in the head may make the body another than it seems.

use std::net::{IpAddr, SocketAddr};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, Uri};

use crate::wire::dialect::Dialect;
use crate::wire::dialect::refusal::Refusal;

/// The names by which the guard may be called.
#[derive(Clone, Debug)]
pub struct Names {
    given: Vec<String>,
    listen: IpAddr,
}

impl Names {
    /// Takes the names of the configuration beside the loopback ones and the address itself.
    pub fn new(given: &[String], listen: SocketAddr) -> Names {
        Names { given: given.to_vec(), listen: listen.ip() }
    }

    /// Says whether a `Host` names the guard, whatever its port.
    fn know(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let bare = bare(&host);
        let address: Option<IpAddr> = bare.trim_matches(['[', ']']).parse().ok();
        let own = !self.listen.is_unspecified() && address == Some(self.listen);
        let loopback = bare == "localhost" || address.is_some_and(|address| address.is_loopback());
        loopback || own || self.given.iter().any(|name| *name == host || name == bare)
    }
}

/// Returns a host without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Checks a head.
pub fn check(head: &Parts, names: &Names) -> Result<(), Refusal> {
    if !is_origin_form(&head.uri) {
        return Err(Refusal::Malformed("the request names another server"));
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    let (host, other) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next());
    let Some(host) = host.filter(|_| other.is_none()) else {
        return Err(Refusal::Malformed("there is not exactly one host"));
    };
    if !names.know(host) {
        return Err(Refusal::Foreign("the guard is not known by this host name: see guard.hosts"));
    }
    if head.headers.contains_key(ORIGIN) && !mutant!("origin-accepted") {
        return Err(Refusal::Foreign("requests of web pages are not taken"));
    }
    if head.headers.get(EXPECT).is_some_and(|value| value.as_bytes() != b"100-continue") {
        return Err(Refusal::Malformed("only 100-continue can be expected"));
    }
    Ok(())
}

/// Checks what a head says of its body.
pub fn check_body(head: &Parts) -> Result<(), Refusal> {
    if head.method != Method::POST {
        return Ok(());
    }
    let encoding = head.headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::Malformed("the body must not be compressed"));
    }
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let json = types.next().and_then(|kind| kind.to_str().ok()).is_some_and(is_json);
    if json && types.next().is_none() { Ok(()) } else { Err(Refusal::NotJson) }
}

fn is_json(kind: &str) -> bool {
    let name = kind.split(';').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case("application/json")
}

fn is_origin_form(uri: &Uri) -> bool {
    uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/')
}

/// Tells from a head in which language a refusal is best understood.
pub fn dialect(path: &str, headers: &HeaderMap) -> Dialect {
    if path.contains("/models/") || headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else if path.contains("/messages") || headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        Dialect::OpenAi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/v1/messages");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn status(headers: &[(&str, &str)], listen: &str) -> u16 {
        let names = Names::new(&["outlay.internal".to_owned()], listen.parse().expect("an address"));
        let checked = check(&head("POST", headers), &names);
        checked.map_or_else(|refusal| refusal.reply(Dialect::OpenAi).status, |()| 200)
    }

    #[test]
    fn only_names_of_the_guard_are_taken() {
        for host in [
            "localhost",
            "LOCALHOST:4180",
            "127.0.0.1",
            "127.0.0.1:4180",
            "[::1]:4180",
            "[::1]",
            "outlay.internal",
            "outlay.internal:80",
            "10.0.0.7:4180",
        ] {
            assert_eq!(status(&[("host", host)], "10.0.0.7:4180"), 200, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.8", "", "outlay"] {
            assert_eq!(status(&[("host", host)], "10.0.0.7:4180"), 403, "{host}");
        }
        assert_eq!(status(&[("host", "0.0.0.0")], "0.0.0.0:4180"), 403);
        assert_eq!(status(&[], "127.0.0.1:1"), 400);
        assert_eq!(status(&[("host", "localhost"), ("host", "localhost")], "127.0.0.1:1"), 400);
    }

    #[test]
    fn a_web_page_is_turned_away() {
        for origin in ["null", "http://localhost:4180", "https://evil.example"] {
            assert_eq!(status(&[("host", "localhost"), ("origin", origin)], "127.0.0.1:1"), 403);
        }
    }

    #[test]
    fn a_body_is_plain_json() {
        let body = |headers: &[(&str, &str)]| {
            check_body(&head("POST", headers)).map_err(|refusal| refusal.reply(Dialect::OpenAi).status)
        };
        assert_eq!(body(&[("content-type", "application/json; charset=utf-8")]), Ok(()));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"] {
            assert_eq!(body(&[("content-type", kind)]), Err(415), "{kind}");
        }
        assert_eq!(body(&[]), Err(415));
        let json = ("content-type", "application/json");
        assert_eq!(body(&[json, json]), Err(415));
        assert_eq!(body(&[json, ("content-encoding", "gzip")]), Err(400));
    }
}
