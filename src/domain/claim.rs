//! Which of several records of one call is the one that counts.
//!
//! Logs repeat calls: an answer is written once per content block while it streams, a resumed
//! session copies its history, an echo of a subagent's answer stands in its parent's file. Every
//! record carries an identity ([`super::call::CallId`]) and a [`Claim`]; the rules here say whether two
//! records of one identity are the same call, and which one wins.

use super::tokens::TokenCount;

/// How near a record is to the original (`ledger-formats.md` 1, counting rule 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nearness {
    /// A report of another record, such as a progress line.
    Echo,
    /// A copy in a side conversation.
    Sidechain,
    /// The original.
    #[default]
    Main,
}

impl Nearness {
    /// All, in the order of their stored numbers.
    pub const ALL: [Nearness; 3] = [Nearness::Echo, Nearness::Sidechain, Nearness::Main];
}

/// What decides between records of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Contest {
    /// The later record replaces the earlier one, whatever it holds.
    #[default]
    LastWins,
    /// The first record stays.
    FirstWins,
    /// The nearest, then the one with the largest output, then the largest sum, then the later.
    Fullest,
}

impl Contest {
    /// All, in the order of their stored numbers.
    pub const ALL: [Contest; 3] = [Contest::LastWins, Contest::FirstWins, Contest::Fullest];
}

/// A record's claim to be the one that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What decides.
    pub contest: Contest,
    /// How near it is to the original.
    pub nearness: Nearness,
    /// A second identity, hashed, that may be absent: two originals of one [`super::call::CallId`] with
    /// different request identities are two calls.
    pub request: Option<u64>,
    /// Place in reading order: grows with the ledger's place and the offset in it.
    pub order: u64,
}

/// Says why a record was dropped as a copy: by what it is, not by what came first, so that the order in
/// which records arrive changes no counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Copy {
    /// The same call again, or an earlier state of it.
    Repeated,
    /// A copy in a side conversation.
    Sidechain,
    /// An echo of another record.
    Echo,
}

impl Copy {
    /// All, in the order of their stored numbers.
    pub const ALL: [Copy; 3] = [Copy::Repeated, Copy::Sidechain, Copy::Echo];

    /// Returns the rule in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Copy::Repeated => "same call again, or an earlier state of it",
            Copy::Sidechain => "copy in a side conversation",
            Copy::Echo => "echo of a subagent's record",
        }
    }
}

impl Claim {
    /// Says whether the two records, of one identity, are of one call.
    pub fn same_call(&self, other: &Claim) -> bool {
        match (self.request, other.request) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                self.nearness != Nearness::Main || other.nearness != Nearness::Main
            }
            _ => true,
        }
    }

    /// Says whether this record counts instead of `held`, the one that counts so far.
    pub fn beats(&self, tokens: &TokenCount, held: &Claim, held_tokens: &TokenCount) -> bool {
        match self.contest {
            Contest::LastWins => self.order > held.order,
            Contest::FirstWins => self.order < held.order,
            Contest::Fullest => self.rank(tokens) > held.rank(held_tokens),
        }
    }

    /// Says whether this record counts instead of `held`. Where their claims are equal, their sources
    /// decide, by [`super::label::Label::fingerprint`]: it does not matter which was read first.
    pub fn wins(
        &self,
        (tokens, source): (&TokenCount, u64),
        held: &Claim,
        (held_tokens, held_source): (&TokenCount, u64),
    ) -> bool {
        self.beats(tokens, held, held_tokens)
            || (source < held_source && !held.beats(held_tokens, self, tokens))
    }

    /// Returns why this record, having lost, was dropped.
    pub fn loss(&self) -> Copy {
        match self.nearness {
            Nearness::Main => Copy::Repeated,
            Nearness::Sidechain => Copy::Sidechain,
            Nearness::Echo => Copy::Echo,
        }
    }

    fn rank(&self, tokens: &TokenCount) -> (Nearness, u64, u64, u64) {
        (self.nearness, tokens.output.count(), tokens.total().count(), self.order)
    }
}
