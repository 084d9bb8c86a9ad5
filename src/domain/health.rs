//! How well a provider answers: a word for it, from the calls of the last quarter of an hour.

use super::failure::FailureClass;

/// Calls below which a share says little.
const FEW: u64 = 5;

/// How a provider stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// No call was made.
    Quiet,
    /// Fewer than one of twenty calls failed by it.
    Ok,
    /// One of twenty or more did.
    Shaky,
    /// One of four or more did.
    Failing,
    /// All did, and there were several.
    Down,
}

impl Health {
    /// Judges calls, and those of them that failed by the provider.
    pub const fn of(calls: u64, failed: u64) -> Health {
        match (calls, failed) {
            (0, _) => Health::Quiet,
            (calls, failed) if failed >= calls && calls >= FEW => Health::Down,
            (calls, failed) if failed.saturating_mul(4) >= calls && calls >= FEW => Health::Failing,
            (calls, failed) if failed.saturating_mul(20) >= calls && failed > 0 => Health::Shaky,
            _ => Health::Ok,
        }
    }

    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            Health::Quiet => "quiet",
            Health::Ok => "ok",
            Health::Shaky => "shaky",
            Health::Failing => "failing",
            Health::Down => "down",
        }
    }
}

/// Says whether a failure is the provider's, or of what it grants us, and not the caller's.
pub const fn is_of_provider(class: FailureClass) -> bool {
    !matches!(
        class,
        FailureClass::ContextLength
            | FailureClass::PayloadTooLarge
            | FailureClass::ContentFilter
            | FailureClass::InvalidRequest
            | FailureClass::Cancelled
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_follows_the_share_of_failures() {
        let words = [(0, 0), (100, 0), (100, 4), (100, 5), (100, 25), (100, 100), (2, 2)]
            .map(|(calls, failed)| Health::of(calls, failed).says());
        assert_eq!(words, ["quiet", "ok", "ok", "shaky", "failing", "down", "shaky"]);
    }

    #[test]
    fn what_the_caller_did_wrong_is_not_the_providers() {
        assert!(is_of_provider(FailureClass::RateLimit) && is_of_provider(FailureClass::Authentication));
        assert!(
            !is_of_provider(FailureClass::InvalidRequest) && !is_of_provider(FailureClass::ContentFilter)
        );
    }
}
