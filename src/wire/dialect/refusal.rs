//! The guard's own refusals, in the shape that the caller's SDK raises as its usual typed error.

use super::Dialect;
use super::field::Unfit;
use super::route::NotServed;
use crate::domain::amount::Unit;
use crate::domain::label::{Label, printable};
use crate::domain::money::Money;
use crate::domain::time::{Millis, Timestamp};

/// Why the guard does not pass a request on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A cap is used up: nothing passes until it starts anew or is raised.
    Exhausted(Cap),
    /// A cap would be passed if every call in flight cost all that is held for it: later there may be room.
    InFlight(Cap, Millis),
    /// The request cannot be read in one way only.
    Unfit(Unfit),
    /// The price cannot be bounded; the reason in plain words.
    Unpriced(String),
    /// The key is missing, unknown, expired or revoked: all the same from outside.
    Unauthorized,
    /// The route is not served.
    NotServed(NotServed),
    /// The head of the request says something that is not taken; what it is, in plain words.
    Malformed(&'static str),
    /// It may come from a web page, or from one that has another name for this machine.
    Foreign(&'static str),
    /// The body says that it is no JSON.
    NotJson,
    /// The body did not come in time.
    TooSlow,
    /// The tenant calls faster than its plan allows.
    TooFast(Millis),
    /// The guard is being stopped.
    Stopping(Millis),
    /// The body is longer than the configuration allows.
    TooLarge,
    /// The same idempotency key came with another body, or is still in flight.
    Conflict,
    /// The books cannot be written, so nothing may be spent.
    Closed(Millis),
    /// The provider cannot be reached; the attempt is known to be unbilled, or was charged as uncertain.
    Unreachable,
    /// The provider took too long.
    TimedOut,
}

/// The cap that stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Whose it is, such as `tenant acme`.
    pub scope: Label,
    /// What it counts.
    pub unit: Unit,
    /// How much it allows: nanodollars, calls or tokens.
    pub limit: u64,
    /// What is spent, uncertain and held, in the same unit.
    pub exposure: u128,
    /// When it starts anew; `None` where it never does.
    pub resets_at: Option<Timestamp>,
}

/// A reply of the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: String,
}

/// The words of one kind of refusal in each language.
struct Words {
    status: u16,
    /// `OpenAI`'s type.
    kind: &'static str,
    /// Our own code, which `OpenAI`'s SDKs show as `code`.
    code: &'static str,
    /// Anthropic's type.
    anthropic: &'static str,
    /// Gemini's status.
    gemini: &'static str,
}

const fn words(
    status: u16,
    code: &'static str,
    kind: &'static str,
    anthropic: &'static str,
    gemini: &'static str,
) -> Words {
    Words { status, kind, code, anthropic, gemini }
}

impl Refusal {
    fn words(&self) -> Words {
        const INVALID: &str = "invalid_request_error";
        match self {
            Refusal::Exhausted(_) => {
                words(402, "cap_exhausted", "insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED")
            }
            Refusal::InFlight(..) => {
                words(429, "cap_held", "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED")
            }
            Refusal::Unfit(_) => words(400, "unfit_request", INVALID, INVALID, "INVALID_ARGUMENT"),
            Refusal::Unpriced(_) => words(400, "unpriced_request", INVALID, INVALID, "INVALID_ARGUMENT"),
            Refusal::Unauthorized => {
                words(401, "invalid_api_key", INVALID, "authentication_error", "UNAUTHENTICATED")
            }
            Refusal::NotServed(NotServed::Method(_)) => {
                words(405, "method_not_allowed", INVALID, INVALID, "INVALID_ARGUMENT")
            }
            Refusal::NotServed(NotServed::Query) => {
                words(400, "query_not_served", INVALID, INVALID, "INVALID_ARGUMENT")
            }
            Refusal::NotServed(NotServed::Path) => {
                words(404, "route_not_served", INVALID, "not_found_error", "NOT_FOUND")
            }
            Refusal::Malformed(_) => words(400, "malformed_request", INVALID, INVALID, "INVALID_ARGUMENT"),
            Refusal::Foreign(_) => {
                words(403, "foreign_request", INVALID, "permission_error", "PERMISSION_DENIED")
            }
            Refusal::NotJson => words(415, "not_json", INVALID, INVALID, "INVALID_ARGUMENT"),
            Refusal::TooSlow => words(408, "request_timeout", INVALID, "timeout_error", "DEADLINE_EXCEEDED"),
            Refusal::TooFast(_) => words(
                429,
                "rate_limit_exceeded",
                "rate_limit_error",
                "rate_limit_error",
                "RESOURCE_EXHAUSTED",
            ),
            Refusal::Stopping(_) => words(503, "guard_stopping", "server_error", "api_error", "UNAVAILABLE"),
            Refusal::TooLarge => {
                words(413, "request_too_large", INVALID, "request_too_large", "INVALID_ARGUMENT")
            }
            Refusal::Conflict => words(409, "idempotency_conflict", INVALID, INVALID, "ABORTED"),
            Refusal::Closed(_) => words(503, "books_unavailable", "server_error", "api_error", "UNAVAILABLE"),
            Refusal::Unreachable => {
                words(502, "upstream_unreachable", "server_error", "api_error", "UNAVAILABLE")
            }
            Refusal::TimedOut => {
                words(504, "upstream_timeout", "server_error", "timeout_error", "DEADLINE_EXCEEDED")
            }
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::Exhausted(cap) => format!("{}; {}", cap.says(), cap.when()),
            Refusal::InFlight(cap, _) => {
                format!("{}, part of it held by calls in flight: try again", cap.says())
            }
            Refusal::Unfit(why) => why.to_string(),
            Refusal::Unpriced(why) => printable(why, 300),
            Refusal::Unauthorized => "the outlay key is missing or not valid".to_owned(),
            Refusal::NotServed(why) => why.to_string(),
            Refusal::Malformed(why) | Refusal::Foreign(why) => (*why).to_owned(),
            Refusal::NotJson => "the content type of the body must be application/json".to_owned(),
            Refusal::TooSlow => "the body did not come in time".to_owned(),
            Refusal::TooFast(_) => "this plan allows no more calls just now: try again".to_owned(),
            Refusal::Stopping(_) => "the guard is being stopped: try again".to_owned(),
            Refusal::TooLarge => "the request body is larger than the guard takes".to_owned(),
            Refusal::Conflict => "this idempotency key is in use by another request".to_owned(),
            Refusal::Closed(_) => {
                "the books cannot be written, so nothing may be spent: try again".to_owned()
            }
            Refusal::Unreachable => "the provider could not be reached".to_owned(),
            Refusal::TimedOut => "the provider took too long".to_owned(),
        }
    }

    fn wait(&self) -> Option<Millis> {
        match self {
            Refusal::InFlight(_, wait)
            | Refusal::Closed(wait)
            | Refusal::TooFast(wait)
            | Refusal::Stopping(wait) => Some(*wait),
            _ => None,
        }
    }

    /// Returns the code by which a program tells it from others.
    pub fn code(&self) -> &'static str {
        self.words().code
    }

    /// Returns the cap that stands in the way.
    pub fn cap(&self) -> Option<&Cap> {
        match self {
            Refusal::Exhausted(cap) | Refusal::InFlight(cap, _) => Some(cap),
            _ => None,
        }
    }

    /// Writes the reply in a dialect.
    pub fn reply(&self, dialect: Dialect) -> Reply {
        let words = self.words();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        // SDKs try 408, 409, 429 and 5xx again unless they are told.
        let again = self.wait().is_some() || matches!(self, Refusal::Unreachable);
        headers.push(("x-should-retry", again.to_string()));
        if let Some(wait) = self.wait() {
            headers.push(("retry-after", wait.count().div_ceil(1000).max(1).to_string()));
            headers.push(("retry-after-ms", wait.count().max(1).to_string()));
        }
        if let Refusal::NotServed(NotServed::Method(method)) = self {
            headers.push(("allow", (*method).to_owned()));
        }
        Reply { status: words.status, headers, body: self.body(dialect, &words) }
    }

    fn body(&self, dialect: Dialect, words: &Words) -> String {
        let message = serde_json::Value::from(self.message());
        let cap = self.cap().map_or(String::new(), |cap| format!(",\"outlay\":{}", cap.json()));
        let code = words.code;
        match dialect {
            Dialect::OpenAi | Dialect::Compatible => {
                let kind = words.kind;
                format!(
                    r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":"{code}"{cap}}}}}"#
                )
            }
            Dialect::Anthropic => {
                let kind = words.anthropic;
                let details = format!(r#""details":{{"error_code":"{code}"}}"#);
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message},{details}{cap}}}}}"#
                )
            }
            Dialect::Gemini => {
                let (number, status) = (words.status, words.gemini);
                let reason = format!(
                    r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{code}","domain":"outlay"}}"#
                );
                format!(
                    r#"{{"error":{{"code":{number},"message":{message},"status":"{status}","details":[{reason}]{cap}}}}}"#
                )
            }
        }
    }
}

impl Cap {
    fn says(&self) -> String {
        let (kind, unit) = match self.unit {
            Unit::Money => {
                let (limit, exposure) = (money(self.limit.into()), money(self.exposure));
                let (limit, exposure) = (limit.rounded(2), exposure.rounded(2));
                return format!("the spend cap of {} is reached: ${exposure} of ${limit}", self.scope);
            }
            Unit::Calls => ("call", "calls"),
            Unit::Tokens => ("token", "tokens"),
        };
        format!("the {kind} cap of {} is reached: {} of {} {unit}", self.scope, self.exposure, self.limit)
    }

    fn when(&self) -> String {
        match self.resets_at.and_then(rfc3339) {
            Some(at) => format!("it starts anew at {at}"),
            None => "it does not start anew by itself".to_owned(),
        }
    }

    fn json(&self) -> String {
        let scope = serde_json::Value::from(self.scope.as_str());
        let resets =
            self.resets_at.and_then(rfc3339).map_or(serde_json::Value::Null, serde_json::Value::from);
        let (limit, exposure) = (money(self.limit.into()).to_dollars(), money(self.exposure).to_dollars());
        let figures = match self.unit {
            Unit::Money => format!(r#""cap_usd":"{limit}","exposure_usd":"{exposure}""#),
            Unit::Calls => format!(r#""cap_calls":{},"exposure_calls":{}"#, self.limit, self.exposure),
            Unit::Tokens => format!(r#""cap_tokens":{},"exposure_tokens":{}"#, self.limit, self.exposure),
        };
        format!(r#"{{"scope":{scope},{figures},"resets_at":{resets}}}"#)
    }
}

fn money(nanos: u128) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn rfc3339(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(at.millis()).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cap() -> Cap {
        Cap {
            scope: Label::new("tenant \"acme\""),
            unit: Unit::Money,
            limit: 50_000_000_000,
            exposure: 49_999_999_999,
            resets_at: Some(Timestamp::from_seconds(1_795_219_200)),
        }
    }

    fn all() -> Vec<Refusal> {
        vec![
            Refusal::Exhausted(cap()),
            Refusal::InFlight(cap(), Millis::new(1500)),
            Refusal::Unfit(Unfit::Missing("model")),
            Refusal::Unpriced("no price for `gpt-x`".to_owned()),
            Refusal::Unauthorized,
            Refusal::NotServed(NotServed::Path),
            Refusal::NotServed(NotServed::Method("POST")),
            Refusal::NotServed(NotServed::Query),
            Refusal::Malformed("two hosts"),
            Refusal::Foreign("a web page asks"),
            Refusal::NotJson,
            Refusal::TooSlow,
            Refusal::TooFast(Millis::new(100)),
            Refusal::Stopping(Millis::new(1000)),
            Refusal::TooLarge,
            Refusal::Conflict,
            Refusal::Closed(Millis::new(2000)),
            Refusal::Unreachable,
            Refusal::TimedOut,
        ]
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_refusal_is_json_that_its_sdk_reads() {
        for refusal in all() {
            for dialect in Dialect::ALL {
                let reply = refusal.reply(dialect);
                let body: serde_json::Value = serde_json::from_str(&reply.body).expect(&reply.body);
                let error = &body["error"];
                assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", reply.body);
                match dialect {
                    Dialect::Anthropic => {
                        assert_eq!(body["type"], "error");
                        assert!(
                            error["type"]
                                .as_str()
                                .is_some_and(|kind| kind.ends_with("_error") || kind == "request_too_large")
                        );
                    }
                    Dialect::Gemini => assert_eq!(error["code"], reply.status),
                    _ => assert!(error["code"].is_string() && error["param"].is_null()),
                }
            }
        }
    }

    #[test]
    fn an_exhausted_cap_is_final_and_says_which_and_until_when() {
        let reply = Refusal::Exhausted(cap()).reply(Dialect::OpenAi);
        assert_eq!((reply.status, header(&reply, "x-should-retry")), (402, Some("false")));
        assert_eq!(header(&reply, "retry-after"), None);
        let body: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
        let facts = &body["error"]["outlay"];
        assert_eq!(facts["scope"], "tenant \"acme\"");
        assert_eq!(
            (&facts["cap_usd"], &facts["exposure_usd"]),
            (&"50.000000000".into(), &"49.999999999".into())
        );
        assert_eq!(facts["resets_at"], "2026-11-21T00:00:00Z");
        assert_eq!(body["error"]["type"], "insufficient_quota");
    }

    #[test]
    fn a_cap_on_calls_speaks_of_calls() {
        let cap = Cap { unit: Unit::Calls, limit: 10, exposure: 10, ..cap() };
        let reply = Refusal::Exhausted(cap).reply(Dialect::OpenAi);
        let body: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
        assert_eq!(body["error"]["outlay"]["cap_calls"], 10);
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("10 of 10 calls")));
    }

    #[test]
    fn held_money_asks_to_wait() {
        let reply = Refusal::InFlight(cap(), Millis::new(1500)).reply(Dialect::Anthropic);
        assert_eq!((reply.status, header(&reply, "x-should-retry")), (429, Some("true")));
        assert_eq!(
            (header(&reply, "retry-after"), header(&reply, "retry-after-ms")),
            (Some("2"), Some("1500"))
        );
        assert!(reply.body.contains("rate_limit_error"));
    }

    #[test]
    fn only_what_may_pass_later_is_tried_again() {
        let again: Vec<u16> = all()
            .iter()
            .map(|refusal| refusal.reply(Dialect::OpenAi))
            .filter(|reply| header(reply, "x-should-retry") == Some("true"))
            .map(|reply| reply.status)
            .collect();
        assert_eq!(again, [429, 429, 503, 503, 502]);
    }

    /// How often an SDK calls in all, after an answer of this kind: recorded by `tests/sdk_retries.py`.
    #[derive(serde::Deserialize)]
    struct Recorded {
        sdk: String,
        status: u16,
        should_retry: Option<String>,
        retry_after: Option<String>,
        requests: u32,
    }

    #[test]
    fn the_official_sdks_call_again_where_they_are_told_to_and_never_after_402() {
        let recorded = include_str!("../../../tests/fixtures/sdk_retries.json");
        let recorded: Vec<Recorded> = serde_json::from_str(recorded).expect("JSON");
        let mut seen = 0;
        for reply in all().iter().map(|refusal| refusal.reply(Dialect::OpenAi)) {
            let told = header(&reply, "x-should-retry");
            let alike = |row: &&Recorded| {
                row.status == reply.status
                    && row.should_retry.as_deref() == told
                    && row.retry_after.is_some() == header(&reply, "retry-after").is_some()
            };
            let rows: Vec<&Recorded> = recorded.iter().filter(alike).collect();
            assert_eq!(rows.len(), 4, "{} with {told:?}", reply.status);
            for row in rows {
                let again = row.requests > 1;
                assert_eq!(again, told == Some("true"), "{} after {}", row.sdk, reply.status);
                assert!(reply.status != 402 || !again, "{}", row.sdk);
                seen += 1;
            }
        }
        assert_eq!(seen, 4 * all().len());
    }

    #[test]
    fn the_guard_reads_its_own_refusals_as_what_they_are() {
        use super::super::failure::classify;
        use super::super::limits::Answered;
        use crate::domain::failure::FailureClass;
        for dialect in Dialect::ALL {
            let class = |refusal: Refusal| {
                let reply = refusal.reply(dialect);
                let answered = Answered { headers: &[], now: Timestamp::EPOCH };
                classify(reply.status, &answered, reply.body.as_bytes(), "").class
            };
            assert_eq!(class(Refusal::Exhausted(cap())), FailureClass::Billing);
            assert_eq!(class(Refusal::InFlight(cap(), Millis::new(1))), FailureClass::RateLimit);
            assert_eq!(class(Refusal::Unauthorized), FailureClass::Authentication);
        }
    }
}
