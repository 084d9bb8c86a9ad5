//! The parts of a Claude Code record that matter, read leniently: anything may be null, missing or of another kind.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::super::json::Raw;
use crate::domain::claim::Nearness;
use crate::domain::tokens::{TokenCount, Tokens};

/// An object where one is expected; `None` where the ledger has anything else.
#[derive(Debug)]
pub struct Object<T>(pub Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Object<T> {
        Object(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<T>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }
}

/// One line.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
    #[serde(borrow, default, rename = "sessionId")]
    session: Raw<'a>,
    #[serde(borrow, default)]
    uuid: Raw<'a>,
    #[serde(borrow, default, rename = "requestId")]
    request: Raw<'a>,
    #[serde(borrow, default, rename = "isSidechain")]
    sidechain: Raw<'a>,
    #[serde(borrow, default, rename = "isApiErrorMessage")]
    error: Raw<'a>,
    #[serde(borrow, default, rename = "costUSD")]
    cost: Raw<'a>,
    #[serde(borrow, default)]
    message: Object<Message<'a>>,
    #[serde(borrow, default)]
    data: Object<Data<'a>>,
}

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    message: Object<Echo<'a>>,
}

/// A subagent's record inside a progress line.
#[derive(Debug, Deserialize)]
struct Echo<'a> {
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
    #[serde(borrow, default)]
    uuid: Raw<'a>,
    #[serde(borrow, default, rename = "requestId")]
    request: Raw<'a>,
    #[serde(borrow, default)]
    message: Object<Message<'a>>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default)]
    model: Raw<'a>,
    #[serde(borrow, default)]
    usage: Object<Usage<'a>>,
}

/// The counts of one answer, or of one of its iterations.
#[derive(Debug, Deserialize)]
pub struct Usage<'a> {
    /// What an iteration is; nothing in a whole answer's usage.
    #[serde(borrow, default, rename = "type")]
    pub kind: Raw<'a>,
    /// The model of an iteration.
    #[serde(borrow, default)]
    pub model: Raw<'a>,
    #[serde(borrow, default)]
    input_tokens: Raw<'a>,
    #[serde(borrow, default)]
    cache_read_input_tokens: Raw<'a>,
    #[serde(borrow, default)]
    cache_creation_input_tokens: Raw<'a>,
    /// Every generated token; a usage without it says nothing.
    #[serde(borrow, default)]
    pub output_tokens: Raw<'a>,
    #[serde(borrow, default)]
    cache_creation: Object<Split<'a>>,
    #[serde(borrow, default)]
    output_tokens_details: Object<Details<'a>>,
    /// `fast` or `standard`.
    #[serde(borrow, default)]
    pub speed: Raw<'a>,
    /// The service tier's word.
    #[serde(borrow, default)]
    pub service_tier: Raw<'a>,
    /// Where it was processed.
    #[serde(borrow, default)]
    pub inference_geo: Raw<'a>,
    #[serde(borrow, default)]
    server_tool_use: Object<ServerTools<'a>>,
    /// The steps of the answer, of which an advisor's are not in the totals.
    #[serde(borrow, default)]
    pub iterations: Raw<'a>,
}

#[derive(Debug, Deserialize)]
struct Split<'a> {
    #[serde(borrow, default)]
    ephemeral_5m_input_tokens: Raw<'a>,
    #[serde(borrow, default)]
    ephemeral_1h_input_tokens: Raw<'a>,
}

#[derive(Debug, Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    thinking_tokens: Raw<'a>,
}

#[derive(Debug, Deserialize)]
struct ServerTools<'a> {
    #[serde(borrow, default)]
    web_search_requests: Raw<'a>,
}

/// A record with usage, wherever in the line it stood.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Identity of the answer.
    pub id: Raw<'a>,
    /// Identity of the record.
    pub uuid: Raw<'a>,
    /// Identity of the request.
    pub request: Raw<'a>,
    /// The session it says it belongs to.
    pub session: Raw<'a>,
    /// When it was written.
    pub timestamp: Raw<'a>,
    /// The model that answered.
    pub model: Raw<'a>,
    /// Dollars, in files of 2025.
    pub cost: Raw<'a>,
    /// Whether the client made it up to show an error.
    pub error: Raw<'a>,
    /// How near it is to the original.
    pub nearness: Nearness,
    /// The counts.
    pub usage: Usage<'a>,
}

impl<'a> Line<'a> {
    /// Returns the record with usage in it; `None` for lines of other kinds, such as a user's line with
    /// the usage of a tool's result.
    pub fn answer(self) -> Option<Answer<'a>> {
        let kind = self.kind.text().unwrap_or_default();
        if kind == "progress" {
            return self.echo();
        }
        if !(kind == "assistant" || kind.is_empty()) {
            return None;
        }
        let message = self.message.0?;
        let sidechain = self.sidechain.as_written() == "true";
        Some(Answer {
            id: message.id,
            uuid: self.uuid,
            request: self.request,
            session: self.session,
            timestamp: self.timestamp,
            model: message.model,
            cost: self.cost,
            error: self.error,
            nearness: if sidechain { Nearness::Sidechain } else { Nearness::Main },
            usage: message.usage.0?,
        })
    }

    fn echo(self) -> Option<Answer<'a>> {
        let echo = self.data.0?.message.0?;
        let message = echo.message.0?;
        Some(Answer {
            id: message.id,
            uuid: if echo.uuid.is_missing() { self.uuid } else { echo.uuid },
            request: echo.request,
            session: self.session,
            timestamp: if echo.timestamp.is_missing() { self.timestamp } else { echo.timestamp },
            model: message.model,
            cost: Raw::default(),
            error: Raw::default(),
            nearness: Nearness::Echo,
            usage: message.usage.0?,
        })
    }
}

impl Usage<'_> {
    /// Returns the counts in normal form.
    pub fn tokens(&self) -> Result<TokenCount, String> {
        let (short, long) = self.cache_writes()?;
        let thinking = match &self.output_tokens_details.0 {
            Some(details) => details.thinking_tokens.count_or_zero()?,
            None => 0,
        };
        let count = TokenCount {
            input: Tokens::new(self.input_tokens.count_or_zero()?),
            cache_read: Tokens::new(self.cache_read_input_tokens.count_or_zero()?),
            cache_write_short: Tokens::new(short),
            cache_write_long: Tokens::new(long),
            output: Tokens::new(self.output_tokens.count_or_zero()?),
            reasoning: Tokens::ZERO,
        };
        Ok(count.with_reasoning(thinking))
    }

    /// Splits the cache writes by lifetime (`ledger-formats.md` 1, counting rule 4): where the split and the
    /// flat count differ, the flat count is the sum and the long part is believed.
    fn cache_writes(&self) -> Result<(u64, u64), String> {
        let flat = self.cache_creation_input_tokens.count_or_zero()?;
        let Some(split) = &self.cache_creation.0 else { return Ok((flat, 0)) };
        let short = split.ephemeral_5m_input_tokens.count_or_zero()?;
        let long = split.ephemeral_1h_input_tokens.count_or_zero()?;
        if flat == 0 {
            return Ok((short, long));
        }
        let long = long.min(flat);
        Ok((flat - long, long))
    }

    /// Returns the web searches billed on top.
    pub fn searches(&self) -> Result<u32, String> {
        let Some(tools) = &self.server_tool_use.0 else { return Ok(0) };
        let count = tools.web_search_requests.count_or_zero()?;
        u32::try_from(count).map_err(|_| format!("web search count is {count}: expected fewer"))
    }
}
