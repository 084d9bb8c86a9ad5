//! One call: a billed answer of a model, or an attempt at one, in the normal form of every ledger.

use std::fmt;

use super::claim::Claim;
use super::label::Label;
use super::money::Money;
use super::time::{Millis, Timestamp};
use super::tokens::{TokenCount, Tokens};

/// Who the call was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Label);

/// The model that answered, as the ledger names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(Label);

/// Who bills for the call. Empty where the ledger does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provider(Label);

macro_rules! name {
    ($name:ident, $unknown:expr) => {
        impl $name {
            /// Takes text from outside and makes it safe to show; empty text becomes the unknown name.
            pub fn new(raw: &str) -> $name {
                $name(Label::new(if raw.is_empty() { $unknown } else { raw }))
            }

            /// Takes a label.
            pub const fn from_label(label: Label) -> $name {
                $name(label)
            }

            /// The name where the ledger gives none.
            pub fn unknown() -> $name {
                $name::new("")
            }

            /// Returns the label.
            pub const fn label(self) -> Label {
                self.0
            }

            /// Returns the text.
            pub const fn as_str(self) -> &'static str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name!(TenantId, "unknown");
name!(ModelId, "unknown");
name!(Provider, "");

pub(super) use name;

/// What a call is recognised by when it is read again: 128 bits of hash over the ledger kind and
/// the identity that the ledger gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u128);

impl CallId {
    /// Hashes the parts of an identity; `kind` keeps ledgers of different kinds apart.
    pub fn of(kind: &str, parts: &[&[u8]]) -> CallId {
        let parts = || std::iter::once(kind.as_bytes()).chain(parts.iter().copied());
        // The parts of nearly all identities fit here, and hashing them in one piece is much cheaper.
        let short = CallId::of_short::<64>(parts()).or_else(|| CallId::of_short::<240>(parts()));
        short.unwrap_or_else(|| CallId::of_long(parts()))
    }

    #[inline]
    fn of_short<'a, const N: usize>(parts: impl Iterator<Item = &'a [u8]>) -> Option<CallId> {
        let (mut all, mut length) = ([0_u8; N], 0);
        for part in parts {
            let (size, text) = all.get_mut(length..)?.split_first_chunk_mut()?;
            *size = (part.len() as u64).to_le_bytes();
            text.get_mut(..part.len())?.copy_from_slice(part);
            length += size.len() + part.len();
        }
        Some(CallId(xxhash_rust::xxh3::xxh3_128(&all[..length])))
    }

    fn of_long<'a>(parts: impl Iterator<Item = &'a [u8]>) -> CallId {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        CallId(hash.digest128())
    }

    /// Takes the 128 bits as stored.
    pub const fn from_bits(bits: u128) -> CallId {
        CallId(bits)
    }

    /// Returns the 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

/// The service tier that was served. It changes the price and stays visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The plain price.
    #[default]
    Standard,
    /// Batch endpoints.
    Batch,
    /// Cheaper, slower.
    Flex,
    /// Dearer, faster.
    Priority,
    /// Anthropic's fast mode.
    Fast,
    /// `OpenAI`'s fastest.
    Ultrafast,
    /// Answered by a gateway's own cache: tokens without a bill.
    CacheHit,
}

impl Tier {
    /// All tiers, in the order of their stored numbers.
    pub const ALL: [Tier; 7] = [
        Tier::Standard,
        Tier::Batch,
        Tier::Flex,
        Tier::Priority,
        Tier::Fast,
        Tier::Ultrafast,
        Tier::CacheHit,
    ];

    /// Returns the word for it; empty for the plain tier.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Standard => "",
            Tier::Batch => "batch",
            Tier::Flex => "flex",
            Tier::Priority => "priority",
            Tier::Fast => "fast",
            Tier::Ultrafast => "ultrafast",
            Tier::CacheHit => "cache_hit",
        }
    }

    /// Reads a provider's `service_tier`, `speed` or traffic word. Words for the plain tier, and
    /// unknown ones, give the plain tier.
    pub fn parse(word: &str) -> Tier {
        match word.to_ascii_lowercase().as_str() {
            "batch" | "batches" => Tier::Batch,
            "flex" | "on_demand_flex" => Tier::Flex,
            "priority" | "on_demand_priority" => Tier::Priority,
            "fast" => Tier::Fast,
            "ultrafast" => Tier::Ultrafast,
            "cache_hit" => Tier::CacheHit,
            _ => Tier::Standard,
        }
    }
}

/// Where the call was processed, as far as it changes the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// Global, or not said.
    #[default]
    Global,
    /// Pinned to the United States.
    Us,
    /// Pinned to the European Union.
    Eu,
    /// Any other single region.
    Other,
}

impl Region {
    /// All regions, in the order of their stored numbers.
    pub const ALL: [Region; 4] = [Region::Global, Region::Us, Region::Eu, Region::Other];

    /// Reads `inference_geo` or a like word; empty, `global` and `not_available` are global.
    pub fn parse(word: &str) -> Region {
        match word.to_ascii_lowercase().as_str() {
            "" | "global" | "not_available" => Region::Global,
            "us" => Region::Us,
            "eu" => Region::Eu,
            _ => Region::Other,
        }
    }
}

/// How the call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Answered and billed.
    #[default]
    Settled,
    /// Failed: not counted among the calls, its tokens (if any) still are.
    Failed,
}

impl Status {
    /// All, in the order of their stored numbers.
    pub const ALL: [Status; 2] = [Status::Settled, Status::Failed];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Settled => "settled",
            Status::Failed => "failed",
        }
    }
}

/// What a call cost. Never zero for unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// From the price book.
    Priced(Money),
    /// Stated by the ledger, which wins over the price book.
    Reported(Money),
    /// Nobody knows. Counted and shown apart.
    Unpriced,
}

impl Cost {
    /// Returns the money, nothing where it is unknown.
    pub fn money(self) -> Option<Money> {
        match self {
            Cost::Priced(money) | Cost::Reported(money) => Some(money),
            Cost::Unpriced => None,
        }
    }
}

/// Tokens of a call that stand for no text, within its counts: they have rates of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Sound in the prompt.
    pub audio_input: Tokens,
    /// Sound that was generated.
    pub audio_output: Tokens,
    /// Pictures in the prompt.
    pub image_input: Tokens,
    /// Pictures that were generated.
    pub image_output: Tokens,
}

/// One call as a decoder reads it, before it is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it is recognised by.
    pub id: CallId,
    /// How it competes with other records of the same call.
    pub claim: Claim,
    /// When it was made.
    pub at: Timestamp,
    /// Who it was made for.
    pub tenant: TenantId,
    /// Who bills for it; empty where the ledger does not say.
    pub provider: Provider,
    /// Which model answered.
    pub model: ModelId,
    /// The service tier served.
    pub tier: Tier,
    /// Where it was processed.
    pub region: Region,
    /// The tokens billed.
    pub tokens: TokenCount,
    /// Those of them that stand for no text.
    pub media: Media,
    /// How many calls this record stands for: 1, but for rows of aggregate tables.
    pub calls: u32,
    /// Server-side web searches, billed each.
    pub searches: u32,
    /// Dollars the ledger itself states.
    pub reported: Option<Money>,
    /// How it ended.
    pub status: Status,
    /// Why it failed, in the ledger's word; empty where it did not or does not say.
    pub failure: Label,
    /// How long it took, where known.
    pub latency: Option<Millis>,
    /// Time to the first byte of the answer, where known.
    pub first_byte: Option<Millis>,
}

impl Call {
    /// Returns a call with everything but identity, time, tenant and model at its plain value.
    pub fn new(id: CallId, at: Timestamp, tenant: TenantId, model: ModelId) -> Call {
        Call {
            id,
            claim: Claim::default(),
            at,
            tenant,
            provider: Provider::unknown(),
            model,
            tier: Tier::Standard,
            region: Region::Global,
            tokens: TokenCount::default(),
            media: Media::default(),
            calls: 1,
            searches: 0,
            reported: None,
            status: Status::Settled,
            failure: Label::new(""),
            latency: None,
            first_byte: None,
        }
    }
}
