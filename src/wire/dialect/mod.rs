//! The providers' dialects on the wire, pure: bytes in, values out; no socket, clock or runtime.
//!
//! A guarded call passes the files in reading order: [`route`] says what is served, [`request`] reads the
//! body and writes the one that is sent, [`meter`] watches the answer, [`limits`] and [`failure`] read
//! what else it says, [`refusal`] speaks for the guard, [`header`] decides which headers pass.

pub mod route;
pub mod tape;
pub mod field;
pub mod request;
mod prompt;
mod openai;
mod anthropic;
mod gemini;
mod rewrite;
pub mod sse;
pub mod strip;
pub mod meter;
pub mod limits;
pub mod failure;
pub mod refusal;
pub mod header;

#[cfg(test)]
mod hostile;

use crate::domain::call::Provider;

/// Whose language a request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI` itself.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Gemini's own.
    Gemini,
    /// Any other server that speaks `OpenAI`'s language, with small differences.
    Compatible,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Dialect; 4] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Compatible];

    /// Returns the word that the configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dialect::OpenAi => "openai",
            Dialect::Anthropic => "anthropic",
            Dialect::Gemini => "gemini",
            Dialect::Compatible => "compatible",
        }
    }

    /// Reads the configuration's word.
    pub fn parse(word: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|dialect| dialect.as_str() == word)
    }

    /// Returns who bills for an upstream of this dialect unless the configuration says otherwise.
    pub fn provider(self) -> Provider {
        match self {
            Dialect::Compatible => Provider::unknown(),
            known => Provider::new(known.as_str()),
        }
    }
}
