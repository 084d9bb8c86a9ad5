//! How the simulated provider says no, in each family's shape.

use super::reply::quoted;
use super::route::Family;

/// A page as a gateway in front of a provider sends it.
pub(super) const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    /// The family's own code, where it is not the usual one of the status.
    pub code: Option<String>,
    pub message: String,
    /// How long to wait, in milliseconds, where that is known.
    pub wait_ms: Option<u64>,
}

impl Refusal {
    /// Refuses with the usual code of a status.
    pub fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { status, code: None, message: message.into(), wait_ms: None }
    }

    /// Returns the same refusal with a code.
    pub fn with_code(mut self, code: &str) -> Refusal {
        self.code = Some(code.to_owned());
        self
    }

    /// Returns the body.
    pub fn body(&self, family: Family, number: u64) -> String {
        let message = quoted(&self.message);
        match family {
            Family::OpenAi => {
                let (kind, usual) = openai(self.status);
                let code = self.code.as_deref().or(usual).map_or_else(|| "null".to_owned(), quoted);
                format!(r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":{code}}}}}"#)
            }
            Family::Anthropic => {
                let (kind, details) = self.anthropic();
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message}{details}}},"request_id":"req_{number:016x}"}}"#
                )
            }
            Family::Gemini => format!(
                r#"{{"error":{{"code":{},"message":{message},"status":{}{}}}}}"#,
                self.status,
                quoted(self.code.as_deref().unwrap_or(gemini(self.status))),
                self.retry_info()
            ),
        }
    }

    /// A code that is no type of Anthropic's stands in the details.
    fn anthropic(&self) -> (String, String) {
        let usual = anthropic(self.status);
        match &self.code {
            Some(code) if code.ends_with("_error") => (code.clone(), String::new()),
            Some(code) => (usual.to_owned(), format!(r#","details":{{"error_code":{}}}"#, quoted(code))),
            None => (usual.to_owned(), String::new()),
        }
    }

    fn retry_info(&self) -> String {
        let Some(wait) = self.wait_ms else { return String::new() };
        let seconds = wait.div_ceil(1000);
        format!(
            r#","details":[{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{seconds}s"}}]"#
        )
    }
}

/// Returns the usual sentence of a status, for refusals by script.
pub(super) const fn sentence(status: u16) -> &'static str {
    match status {
        401 => "Incorrect API key provided.",
        402 => "You exceeded your current quota, please check your plan and billing details.",
        403 => "You are not allowed to do this.",
        404 => "The model does not exist or you do not have access to it.",
        413 => "Request exceeds the maximum size",
        429 => "Rate limit reached. Please try again later.",
        503 => "The server is overloaded or not ready yet.",
        504 => "The request timed out.",
        529 => "Overloaded",
        400..500 => "The request is not valid.",
        _ => "The server had an error while processing your request. Sorry about that!",
    }
}

const fn openai(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        503 | 529 => ("server_error", Some("server_is_overloaded")),
        504 => ("timeout", None),
        400..500 => ("invalid_request_error", None),
        _ => ("server_error", None),
    }
}

const fn anthropic(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

const fn gemini(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..500 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}
