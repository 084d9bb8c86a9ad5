//! Why a call failed, whether it may be tried again, and whether it can have been billed.

use super::label::Label;
use super::time::{Millis, Timestamp};

/// What went wrong, told from the provider's own code, its words, or the status, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// Quota, credit or a spend cap of the provider is used up.
    Billing,
    /// Too many calls or tokens in a short time.
    RateLimit,
    /// The provider has no capacity just now.
    Overloaded,
    /// The prompt does not fit the model.
    ContextLength,
    /// The body is too large.
    PayloadTooLarge,
    /// The provider's key is wrong.
    Authentication,
    /// The key may not do this.
    Permission,
    /// There is no such model, or not for this key.
    ModelUnavailable,
    /// A filter stopped the prompt or the answer.
    ContentFilter,
    /// It took too long.
    Timeout,
    /// The client went away.
    Cancelled,
    /// The provider failed.
    ServerError,
    /// The request is wrong.
    InvalidRequest,
    /// None of these.
    Unknown,
}

impl FailureClass {
    /// All classes.
    pub const ALL: [FailureClass; 14] = [
        FailureClass::Billing,
        FailureClass::RateLimit,
        FailureClass::Overloaded,
        FailureClass::ContextLength,
        FailureClass::PayloadTooLarge,
        FailureClass::Authentication,
        FailureClass::Permission,
        FailureClass::ModelUnavailable,
        FailureClass::ContentFilter,
        FailureClass::Timeout,
        FailureClass::Cancelled,
        FailureClass::ServerError,
        FailureClass::InvalidRequest,
        FailureClass::Unknown,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureClass::Billing => "billing",
            FailureClass::RateLimit => "rate_limit",
            FailureClass::Overloaded => "overloaded",
            FailureClass::ContextLength => "context_length",
            FailureClass::PayloadTooLarge => "payload_too_large",
            FailureClass::Authentication => "authentication",
            FailureClass::Permission => "permission",
            FailureClass::ModelUnavailable => "model_unavailable",
            FailureClass::ContentFilter => "content_filter",
            FailureClass::Timeout => "timeout",
            FailureClass::Cancelled => "cancelled",
            FailureClass::ServerError => "server_error",
            FailureClass::InvalidRequest => "invalid_request",
            FailureClass::Unknown => "unknown",
        }
    }

    /// Says whether the same request may pass later without anyone doing anything.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            FailureClass::RateLimit
                | FailureClass::Overloaded
                | FailureClass::Timeout
                | FailureClass::ServerError
        )
    }
}

/// Whether a failed attempt can have been billed (`reliability.md` M6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    /// The provider documents that it bills nothing: the hold may be voided.
    Unbilled,
    /// Nobody can say: the hold is charged in full.
    Uncertain,
}

/// One failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub class: FailureClass,
    /// The provider's own word for it; empty where it has none.
    pub code: Label,
    /// Whether it can have been billed.
    pub charge: Charge,
    /// Whether trying again may help: the class, unless the provider said so itself.
    pub retryable: bool,
    /// How long the provider asks to wait.
    pub wait: Option<Millis>,
    /// Until when the provider refuses, where it names a date.
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_own_word() {
        let words: std::collections::HashSet<_> =
            FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(words.len(), FailureClass::ALL.len());
    }

    #[test]
    fn what_a_human_must_mend_is_not_transient() {
        assert!(FailureClass::RateLimit.is_transient());
        assert!(!FailureClass::Billing.is_transient());
        assert!(!FailureClass::Unknown.is_transient());
    }
}
