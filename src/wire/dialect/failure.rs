//! Reads a provider's refusal: its own code first, then its words, then the status.

use std::borrow::Cow;

use super::super::usage::Object;
use super::limits::{self, Answered};
use crate::domain::failure::{Charge, Failure, FailureClass};
use crate::domain::label::Label;
use crate::domain::time::{Millis, Timestamp};

/// The longest body that is looked at: errors are short.
const MAX_BODY: usize = 1 << 20;

/// What an error body says, in whichever of the known shapes.
#[derive(Debug, Default)]
struct Told {
    /// Codes, the most exact first.
    codes: Vec<String>,
    /// The message, in lower case.
    message: String,
    /// A status given as a number inside the body.
    status: Option<u16>,
    /// `Gemini`'s names of the quotas that were passed.
    quotas: Vec<String>,
    /// `Gemini`'s delay.
    delay: Option<Millis>,
    /// There is an error object at all.
    is_error: bool,
}

/// Judges a complete answer with an error status from `provider`.
pub fn classify(status: u16, answered: &Answered<'_>, body: &[u8], provider: &str) -> Failure {
    let told = read(body);
    let class = class(&told, Some(status));
    let mut failure = failure(&told, class);
    failure.charge = charge(status, &told, class);
    let asked = limits::wait(answered, provider);
    failure.wait = asked.into_iter().chain(failure.wait).max();
    if let Some(says) = limits::should_retry(answered) {
        failure.retryable = says;
    }
    failure
}

/// Judges an error inside an answer that began with status 200: what was generated is billed.
pub fn in_stream(body: &Object<'_>) -> Failure {
    let told = told(body);
    let class = class(&told, told.status);
    failure(&told, class)
}

/// Judges the reason for which an answer with status 200 stopped; `None` where it is a plain one.
pub fn of_finish(reason: &str) -> Option<Failure> {
    let class = match reason {
        "content_filter"
        | "refusal"
        | "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "LANGUAGE" => FailureClass::ContentFilter,
        "model_context_window_exceeded" => FailureClass::ContextLength,
        "insufficient_system_resource" | "error" | "failed" => FailureClass::ServerError,
        _ if reason.starts_with("blocked:") => FailureClass::ContentFilter,
        _ => return None,
    };
    Some(failure(&Told { codes: vec![reason.to_owned()], ..Told::default() }, class))
}

fn failure(told: &Told, class: FailureClass) -> Failure {
    Failure {
        class,
        code: Label::new(told.codes.first().map_or("", String::as_str)),
        charge: Charge::Uncertain,
        retryable: class.is_transient(),
        wait: told.delay.into_iter().chain(waits(&told.message)).max(),
        until: until(&told.message),
    }
}

/// Says whether a complete answer proves that nothing was billed (`reliability.md` M6).
fn charge(status: u16, told: &Told, class: FailureClass) -> Charge {
    match status {
        // A filter on the answer ran after the answer was written.
        400 if class == FailureClass::ContentFilter && told.message.contains("output") => Charge::Uncertain,
        400 | 401 | 403 | 404 | 413 | 422 | 429 => Charge::Unbilled,
        503 | 529 if told.is_error => Charge::Unbilled,
        _ => Charge::Uncertain,
    }
}

fn read(body: &[u8]) -> Told {
    let body = body.get(..body.len().min(MAX_BODY)).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(body) else { return Told::default() };
    // Gemini wraps the error of a stream in an array.
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    Object::parse(text).map(|object| told(&object)).unwrap_or_default()
}

fn told(body: &Object<'_>) -> Told {
    let inner = body.object("error");
    let error = if inner.is_empty() { body } else { &inner };
    let metadata = error.object("metadata");
    let candidates = [
        error.object("details").text("error_code"),
        metadata.text("error_type"),
        error.object("innererror").text("code"),
        error.text("code"),
        error.text("type"),
        error.text("status"),
    ];
    let mut told = Told { is_error: body.has("error") || error.has("message"), ..Told::default() };
    for code in candidates.into_iter().flatten() {
        match code.parse::<u16>() {
            Ok(status) if (100..600).contains(&status) => told.status = Some(status),
            Ok(_) => {}
            Err(_) => told.codes.push(code.into_owned()),
        }
    }
    let flat = body.text("error").filter(|_| inner.is_empty());
    told.message = error.text("message").or(flat).unwrap_or_default().to_ascii_lowercase();
    for detail in error.objects("details") {
        told.delay = detail.text("retryDelay").and_then(|text| limits::duration(&text)).or(told.delay);
        told.codes.extend(detail.text("reason").map(Cow::into_owned));
        let quota = |violation: Object<'_>| violation.text("quotaId").map(Cow::into_owned);
        told.quotas.extend(detail.objects("violations").into_iter().filter_map(quota));
    }
    told
}

fn class(told: &Told, status: Option<u16>) -> FailureClass {
    special(told, status)
        .or_else(|| told.codes.iter().find_map(|code| by_code(CODES, code)))
        .or_else(|| by_words(&told.message))
        .or_else(|| late(status?))
        .or_else(|| told.codes.iter().find_map(|code| by_code(SOFT_CODES, code)))
        .or_else(|| by_status(status?))
        .unwrap_or(FailureClass::Unknown)
}

/// Looks at what wins over the provider's own code.
fn special(told: &Told, status: Option<u16>) -> Option<FailureClass> {
    let daily = told.quotas.iter().any(|quota| quota.contains("PerDay")) || told.message.contains("per-day");
    let credits = told.message.contains("billing") || told.message.contains("credit");
    match status {
        Some(402) => Some(FailureClass::Billing),
        Some(413 | 429) if never_fits(&told.message) => Some(FailureClass::ContextLength),
        _ if daily => Some(FailureClass::Billing),
        Some(400) if credits && told.codes.iter().any(|code| code == "FAILED_PRECONDITION") => {
            Some(FailureClass::Billing)
        }
        _ => None,
    }
}

/// Knows the statuses of what took too long: a gateway that says so puts any word beside it.
fn late(status: u16) -> Option<FailureClass> {
    matches!(status, 408 | 504 | 524).then_some(FailureClass::Timeout)
}

/// Says whether more was requested than the whole limit, which no waiting mends.
fn never_fits(message: &str) -> bool {
    let after = |word: &str| {
        let (_, rest) = message.split_once(word)?;
        let digits: String = rest.chars().filter(|c| *c != ',').take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    matches!((after("limit "), after("requested ")), (Some(limit), Some(requested)) if requested > limit)
}

type Codes = &'static [(FailureClass, &'static [&'static str])];

/// Codes that settle it.
const CODES: Codes = &[
    (
        FailureClass::Billing,
        &[
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "billing_error",
            "enforced_spend_limit_reached",
            "contract_spend_limit_reached",
            "payment_required",
            "budget_exceeded",
        ],
    ),
    (
        FailureClass::ContextLength,
        &["context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long"],
    ),
    (
        FailureClass::ContentFilter,
        &[
            "content_filter",
            "ResponsibleAIPolicyViolation",
            "content_policy_violation",
            "moderation_blocked",
            "invalid_prompt",
            "bio_policy",
            "cyber_policy",
            "misalignment_policy_violation",
            "image_content_policy_violation",
            "refusal",
        ],
    ),
    (
        FailureClass::RateLimit,
        &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "ramp_limit_exceeded",
            "slow_down",
            "throttling_error",
            "ThrottlingException",
        ],
    ),
    (
        FailureClass::Overloaded,
        &[
            "overloaded_error",
            "compaction_unavailable",
            "server_is_overloaded",
            "service_tier_capacity_exceeded",
            "provider_overloaded",
            "provider_unavailable",
            "UNAVAILABLE",
        ],
    ),
    (
        FailureClass::Authentication,
        &[
            "invalid_api_key",
            "authentication_error",
            "authentication",
            "UNAUTHENTICATED",
            "API_KEY_INVALID",
            "API_KEY_SERVICE_BLOCKED",
            "API_KEY_HTTP_REFERRER_BLOCKED",
            "API_KEY_IP_ADDRESS_BLOCKED",
        ],
    ),
    (FailureClass::ModelUnavailable, &["model_not_found", "DeploymentNotFound"]),
    (
        FailureClass::PayloadTooLarge,
        &["request_too_large", "request_body_too_large_after_decoding", "payload_too_large"],
    ),
    (FailureClass::Timeout, &["timeout_error", "timeout", "DEADLINE_EXCEEDED", "request_body_timeout"]),
    (FailureClass::Permission, &["organization_on_hold"]),
];

/// Codes under which several causes come, so that the words are heard first.
const SOFT_CODES: Codes = &[
    (
        FailureClass::Permission,
        &["permission_error", "permission-denied", "permission_denied", "PERMISSION_DENIED"],
    ),
    (FailureClass::RateLimit, &["RESOURCE_EXHAUSTED"]),
    (FailureClass::ServerError, &["api_error", "server_error", "server", "INTERNAL"]),
    (
        FailureClass::InvalidRequest,
        &["not_found_error", "NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION"],
    ),
];

fn by_code(table: Codes, code: &str) -> Option<FailureClass> {
    if code.starts_with("linked_organization_") {
        return Some(FailureClass::Billing);
    }
    table.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class)
}

/// Words of messages, in the order in which they are looked for. Never a number: numbers are everywhere.
const WORDS: Codes = &[
    (
        FailureClass::Billing,
        &[
            "exceeded your current quota",
            "credit balance is too low",
            "api usage limits",
            "used all available credits",
            "insufficient balance",
            "insufficient credits",
            "requires more credits",
            "budget has been exceeded",
            "exceededbudget",
            "monthly spending limit",
        ],
    ),
    (
        FailureClass::ContentFilter,
        &["blocked by content filtering", "content management policy", "content_filter"],
    ),
    (
        FailureClass::ContextLength,
        &[
            "maximum context length",
            "exceeds the context window",
            "prompt is too long",
            "exceed context limit",
            "exceeds the maximum number of tokens",
            "maximum prompt length",
            "reduce the length of the messages",
            "maximum context",
            "input is too long for requested model",
            "longer than the model's context length",
            "exceeds the available context size",
            "input tokens exceed the configured limit",
        ],
    ),
    (
        FailureClass::ModelUnavailable,
        &[
            "does not exist or you do not have access",
            "api deployment for this resource does not exist",
            "invalid model",
            "is not found for api version",
        ],
    ),
    (
        FailureClass::Authentication,
        &["api key not valid", "invalid subscription key", "incorrect api key", "invalid x-api-key"],
    ),
];

fn by_words(message: &str) -> Option<FailureClass> {
    let model =
        message.starts_with("model:") || (message.starts_with("models/") && message.contains("not found"));
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let found = WORDS.iter().find(|(_, words)| said(words)).map(|(class, _)| *class);
    found.or(model.then_some(FailureClass::ModelUnavailable))
}

fn by_status(status: u16) -> Option<FailureClass> {
    Some(match status {
        401 => FailureClass::Authentication,
        402 => FailureClass::Billing,
        403 => FailureClass::Permission,
        410 => FailureClass::ModelUnavailable,
        413 => FailureClass::PayloadTooLarge,
        429 => FailureClass::RateLimit,
        499 => FailureClass::Cancelled,
        503 | 529 => FailureClass::Overloaded,
        400..=499 => FailureClass::InvalidRequest,
        500..=599 => FailureClass::ServerError,
        _ => return None,
    })
}

/// Reads a wait out of a message: `please try again in 1m1.04s`, `please retry after 22 seconds`.
fn waits(message: &str) -> Option<Millis> {
    if let Some((_, rest)) = message.split_once("try again in ") {
        let word = rest.split_whitespace().next()?.trim_end_matches('.');
        return limits::duration(word);
    }
    let (_, rest) = message.split_once("retry after ")?;
    let mut words = rest.split_whitespace();
    let (number, unit) = (words.next()?, words.next()?);
    unit.starts_with("second").then(|| limits::duration(&format!("{number}s")))?
}

/// Reads the date of `you will regain access on 2026-12-01 at 00:00 utc`.
fn until(message: &str) -> Option<Timestamp> {
    let (_, rest) = message.split_once("regain access on ")?;
    let mut words = rest.split_whitespace();
    let (day, _, clock) = (words.next()?, words.next()?, words.next()?);
    super::super::time::parse_calendar(format!("{day}T{clock}Z").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(status: u16, body: &str) -> Failure {
        classify(status, &Answered { headers: &[], now: Timestamp::EPOCH }, body.as_bytes(), "openai")
    }

    #[track_caller]
    fn check(status: u16, body: &str, want: FailureClass) {
        assert_eq!(judged(status, body).class, want, "{status} {body}");
    }

    #[track_caller]
    fn openai(status: u16, (kind, code, message): (&str, &str, &str), want: FailureClass) {
        let body =
            format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#);
        check(status, &body, want);
    }

    #[test]
    fn openai_codes_and_texts() {
        use FailureClass as C;
        openai(429, ("insufficient_quota", "\"insufficient_quota\"", "You exceeded"), C::Billing);
        openai(429, ("insufficient_quota", "null", "x"), C::Billing);
        openai(429, ("requests", "\"rate_limit_exceeded\"", "Rate limit reached"), C::RateLimit);
        openai(
            429,
            ("tokens", "\"rate_limit_exceeded\"", "Limit 30000, Used 0, Requested 90000."),
            C::ContextLength,
        );
        openai(
            413,
            ("tokens", "\"rate_limit_exceeded\"", "Request too large: Limit 8000, Requested 10098"),
            C::ContextLength,
        );
        openai(400, ("invalid_request_error", "\"context_length_exceeded\"", "x"), C::ContextLength);
        openai(
            400,
            ("invalid_request_error", "null", "Your input exceeds the context window of this model."),
            C::ContextLength,
        );
        openai(400, ("invalid_request_error", "null", "max_tokens is too large: 400000"), C::InvalidRequest);
        openai(400, ("invalid_request_error", "\"invalid_prompt\"", "x"), C::ContentFilter);
        openai(
            401,
            ("invalid_request_error", "\"invalid_api_key\"", "Incorrect API key provided"),
            C::Authentication,
        );
        openai(404, ("invalid_request_error", "\"model_not_found\"", "x"), C::ModelUnavailable);
        openai(404, ("invalid_request_error", "null", "no such path"), C::InvalidRequest);
        openai(504, ("server_error", "null", "The server had an error"), C::Timeout);
        openai(524, ("api_error", "\"api_error\"", "x"), C::Timeout);
        openai(504, ("server_error", "\"rate_limit_exceeded\"", "x"), C::RateLimit);
        openai(503, ("server_error", "\"server_is_overloaded\"", "x"), C::Overloaded);
        openai(500, ("server_error", "null", "The server had an error"), C::ServerError);
        openai(402, ("unknown_error", "\"invalid_request_error\"", "Insufficient Balance"), C::Billing);
        openai(403, ("request_forbidden", "\"unsupported_country_region_territory\"", "x"), C::Permission);
    }

    #[test]
    fn anthropic_codes_and_texts() {
        use FailureClass as C;
        let body = |kind: &str, message: &str, details: &str| {
            format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"{details}}},"request_id":"r"}}"#
            )
        };
        check(529, &body("overloaded_error", "Overloaded", ""), C::Overloaded);
        check(429, &body("rate_limit_error", "x", ""), C::RateLimit);
        let spent = r#","details":{"error_code":"enforced_spend_limit_reached"}"#;
        check(429, &body("rate_limit_error", "x", spent), C::Billing);
        let low = "Your credit balance is too low to access the Anthropic API.";
        check(400, &body("invalid_request_error", low, ""), C::Billing);
        let long = "prompt is too long: 213462 tokens > 200000 maximum";
        check(400, &body("invalid_request_error", long, ""), C::ContextLength);
        check(404, &body("not_found_error", "model: claude-x", ""), C::ModelUnavailable);
        check(404, &body("not_found_error", "no such file", ""), C::InvalidRequest);
        check(403, &body("permission_error", "x", ""), C::Permission);
        check(500, &body("api_error", "Internal server error", ""), C::ServerError);
        check(504, &body("timeout_error", "x", ""), C::Timeout);
        check(413, &body("request_too_large", "x", ""), C::PayloadTooLarge);
    }

    #[test]
    fn gemini_codes_and_quotas() {
        use FailureClass as C;
        let body = |status: &str, message: &str, details: &str| {
            format!(
                r#"[{{"error":{{"code":429,"message":"{message}","status":"{status}","details":[{details}]}}}}]"#
            )
        };
        let daily =
            r#"{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]},{"retryDelay":"38.5s"}"#;
        check(429, &body("RESOURCE_EXHAUSTED", "x", daily), C::Billing);
        assert_eq!(judged(429, &body("RESOURCE_EXHAUSTED", "x", daily)).wait, Some(Millis::new(38_500)));
        check(429, &body("RESOURCE_EXHAUSTED", "x", ""), C::RateLimit);
        check(400, &body("INVALID_ARGUMENT", "API key not valid. Please pass", ""), C::Authentication);
        check(
            403,
            &body("PERMISSION_DENIED", "x", r#"{"reason":"API_KEY_SERVICE_BLOCKED"}"#),
            C::Authentication,
        );
        check(404, &body("NOT_FOUND", "models/x is not found for API version v1", ""), C::ModelUnavailable);
        check(503, &body("UNAVAILABLE", "x", ""), C::Overloaded);
        check(400, &body("FAILED_PRECONDITION", "enable billing", ""), C::Billing);
        check(504, &body("DEADLINE_EXCEEDED", "x", ""), C::Timeout);
    }

    #[test]
    fn other_shapes() {
        use FailureClass as C;
        check(
            403,
            r#"{"code":"permission-denied","error":"Your team has either used all available credits or"}"#,
            C::Billing,
        );
        check(403, r#"{"code":"permission-denied","error":"no"}"#, C::Permission);
        check(
            429,
            r#"{"object":"error","message":"x","type":"service_tier_capacity_exceeded","code":"3505"}"#,
            C::Overloaded,
        );
        check(429, r#"{"message":"Requests rate limit exceeded"}"#, C::RateLimit);
        check(422, r#"{"detail":[{"loc":["body"],"msg":"x","type":"y"}]}"#, C::InvalidRequest);
        check(
            429,
            r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day. "}}"#,
            C::Billing,
        );
        check(
            502,
            r#"{"error":{"code":502,"message":"x","metadata":{"error_type":"context_length_exceeded"}}}"#,
            C::ContextLength,
        );
        check(
            400,
            r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            C::ContentFilter,
        );
        check(
            422,
            r#"{"error":{"message":"Budget has been exceeded! Current cost: 10","type":"budget_exceeded","code":"422"}}"#,
            C::Billing,
        );
        check(429, r#"{"error":{"code":"429","message":"Please retry after 22 seconds."}}"#, C::RateLimit);
        check(502, "<html>bad gateway</html>", C::ServerError);
        check(524, "", C::Timeout);
        check(499, "", C::Cancelled);
        check(409, "{}", C::InvalidRequest);
        check(302, "{}", C::Unknown);
    }

    #[test]
    fn only_what_is_documented_as_unbilled_is() {
        for status in [400, 401, 403, 404, 413, 422, 429] {
            assert_eq!(judged(status, "").charge, Charge::Unbilled, "{status}");
        }
        for status in [402, 405, 408, 409, 499, 500, 502, 503, 504, 524, 529] {
            assert_eq!(judged(status, "").charge, Charge::Uncertain, "{status}");
        }
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert_eq!(judged(529, error).charge, Charge::Unbilled);
        assert_eq!(judged(503, error).charge, Charge::Unbilled);
        assert_eq!(judged(502, error).charge, Charge::Uncertain);
        let filtered = r#"{"error":{"message":"Output blocked by content filtering policy"}}"#;
        assert_eq!(judged(400, filtered).charge, Charge::Uncertain);
    }

    #[test]
    fn waits_and_dates_are_read_from_the_words() {
        let wait = |message: &str| judged(429, &format!(r#"{{"error":{{"message":"{message}"}}}}"#)).wait;
        assert_eq!(wait("Please try again in 1m1.04s."), Some(Millis::new(61_040)));
        assert_eq!(wait("Please retry after 22 seconds. To increase"), Some(Millis::new(22_000)));
        assert_eq!(wait("later"), None);
        let message = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.";
        let failure = judged(400, &format!(r#"{{"error":{{"message":"{message}"}}}}"#));
        assert_eq!((failure.class, failure.retryable), (FailureClass::Billing, false));
        assert_eq!(failure.until, Some(Timestamp::from_seconds(1_796_083_200)));
    }

    #[test]
    fn the_providers_own_word_on_retrying_wins() {
        let answered = Answered { headers: &[("x-should-retry", "false")], now: Timestamp::EPOCH };
        assert!(!classify(503, &answered, b"", "openai").retryable);
        let answered = Answered { headers: &[("x-should-retry", "true")], now: Timestamp::EPOCH };
        assert!(classify(409, &answered, b"", "anthropic").retryable);
    }

    proptest! {
        #[test]
        fn any_body_is_judged(status in 0_u16..700, body in prop::collection::vec(any::<u8>(), 0..120)) {
            classify(status, &Answered { headers: &[], now: Timestamp::EPOCH }, &body, "");
        }

        #[test]
        fn any_error_is_judged(status in 0_u16..700, body in super::super::super::usage::testing::json(KEYS)) {
            classify(status, &Answered { headers: &[], now: Timestamp::EPOCH }, body.as_bytes(), "");
        }
    }

    const KEYS: &[&str] =
        &["error", "message", "type", "code", "details", "metadata", "violations", "status", "retryDelay"];
}
