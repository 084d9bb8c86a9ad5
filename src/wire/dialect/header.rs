//! Which headers pass the guard, each way: a list of what may, nothing else (`reliability.md` S3).

/// What may go upstream. Authorization is not among them: the guard adds its own. Nor is what names an
/// organization, project, profile or workspace: it would choose whose bill it is.
const UPSTREAM: &[&str] = &[
    "accept",
    "content-type",
    "user-agent",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "x-goog-api-client",
    "idempotency-key",
    "x-client-request-id",
    "http-referer",
    "x-title",
];
/// What may go upstream, by the start of its name.
const UPSTREAM_FAMILIES: &[&str] = &["x-stainless-"];

/// What may come back. The length is the server's own to write; cookies and account names stay here.
const DOWNSTREAM: &[&str] = &[
    "content-type",
    "content-encoding",
    "cache-control",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "openai-version",
    "openai-model",
];
/// What may come back, by the start of its name.
const DOWNSTREAM_FAMILIES: &[&str] =
    &["x-ratelimit-", "anthropic-ratelimit-", "anthropic-priority-", "anthropic-fast-"];

/// What belongs to one connection only.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The longest value that passes.
const MAX_VALUE: usize = 4096;

/// Which way a header goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the provider.
    Upstream,
    /// From the provider to the client.
    Downstream,
}

/// Says whether a header passes. `connection` is the value of the message's `Connection` header, whose
/// words name headers that end here; empty where it has none.
pub fn passes(way: Way, name: &str, value: &[u8], connection: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let (names, families) = match way {
        Way::Upstream => (UPSTREAM, UPSTREAM_FAMILIES),
        Way::Downstream => (DOWNSTREAM, DOWNSTREAM_FAMILIES),
    };
    let listed = names.contains(&name.as_str()) || families.iter().any(|start| name.starts_with(start));
    let ends_here = HOP_BY_HOP.contains(&name.as_str())
        || connection.split(',').any(|word| word.trim().eq_ignore_ascii_case(&name));
    listed && !ends_here && is_name(&name) && is_plain(value)
}

/// Says whether text may be written as a header's value, whoever made it: a tenant's name, a model, an id.
pub fn is_plain(value: &[u8]) -> bool {
    value.len() <= MAX_VALUE && value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e))
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns the tenant's key that a client presents: `authorization: Bearer KEY`, `x-api-key` or
/// `x-goog-api-key`. Two different ones are none.
pub fn presented_key<'a>(headers: &[(&'a str, &'a str)]) -> Option<&'a str> {
    let mut found = None;
    for (name, value) in headers {
        let key = match name.to_ascii_lowercase().as_str() {
            "authorization" => match value.split_once(' ') {
                Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
                _ => return None,
            },
            "x-api-key" | "x-goog-api-key" => value.trim(),
            _ => continue,
        };
        if found.is_some_and(|other| other != key) {
            return None;
        }
        found = Some(key);
    }
    found.filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(way: Way, names: &[&str], want: bool) {
        for name in names {
            assert_eq!(passes(way, name, b"value", ""), want, "{way:?} {name}");
        }
    }

    #[test]
    fn the_client_s_rights_and_routes_stay_here() {
        let kept = [
            "Authorization",
            "x-api-key",
            "x-goog-api-key",
            "api-key",
            "Cookie",
            "Host",
            "Content-Length",
            "Accept-Encoding",
            "X-Forwarded-For",
            "Forwarded",
            "Via",
            "OpenAI-Organization",
            "OpenAI-Project",
            "anthropic-user-profile-id",
            "anthropic-workspace-id",
            "Transfer-Encoding",
            "TE",
            "Trailer",
            "Upgrade",
            "Proxy-Authorization",
            "x-outlay-tenant",
            "x-http-method-override",
            "",
            "range",
        ];
        check(Way::Upstream, &kept, false);
        let sent =
            ["Content-Type", "anthropic-version", "Anthropic-Beta", "X-Stainless-Lang", "idempotency-key"];
        check(Way::Upstream, &sent, true);
    }

    #[test]
    fn the_provider_s_secrets_and_accounts_stay_here() {
        let kept = [
            "Set-Cookie",
            "Authorization",
            "x-api-key",
            "openai-organization",
            "openai-project",
            "anthropic-organization-id",
            "cf-ray",
            "Server",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Location",
            "Access-Control-Allow-Origin",
            "x-outlay-call",
            "Alt-Svc",
            "Strict-Transport-Security",
        ];
        check(Way::Downstream, &kept, false);
        let back =
            ["content-type", "Retry-After", "x-should-retry", "request-id", "x-ratelimit-limit-requests"];
        check(Way::Downstream, &back, true);
    }

    #[test]
    fn what_connection_names_ends_here() {
        assert!(!passes(Way::Upstream, "User-Agent", b"x", "close, user-agent"));
        assert!(passes(Way::Upstream, "User-Agent", b"x", "close"));
    }

    #[test]
    fn no_value_can_add_a_line() {
        for value in ["a\r\nx-evil: 1", "a\nb", "a\0b", "\u{7f}", "é", "\u{202e}"] {
            assert!(!passes(Way::Upstream, "user-agent", value.as_bytes(), ""), "{value:?}");
            assert!(!passes(Way::Downstream, "request-id", value.as_bytes(), ""), "{value:?}");
        }
        assert!(!passes(Way::Upstream, "user-agent", &[b'a'; MAX_VALUE + 1], ""));
        assert!(!passes(Way::Upstream, "x-stainless-\r\nevil", b"1", ""));
    }

    #[test]
    fn both_manners_of_showing_a_key_are_read() {
        assert_eq!(presented_key(&[("Authorization", "Bearer k1")]), Some("k1"));
        assert_eq!(presented_key(&[("authorization", "bearer  k1 ")]), Some("k1"));
        assert_eq!(presented_key(&[("X-Api-Key", "k1"), ("Authorization", "Bearer k1")]), Some("k1"));
        assert_eq!(presented_key(&[("x-goog-api-key", "k1")]), Some("k1"));
        for wrong in [
            vec![],
            vec![("authorization", "Basic k1")],
            vec![("authorization", "k1")],
            vec![("authorization", "Bearer ")],
            vec![("authorization", "Bearer k1"), ("x-api-key", "k2")],
            vec![("x-api-key", "")],
        ] {
            assert_eq!(presented_key(&wrong), None, "{wrong:?}");
        }
    }
}
