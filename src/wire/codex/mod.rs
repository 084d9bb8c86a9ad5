//! Codex CLI rollouts: one thread's story, told by usage records or, in older files, by running counters.

mod record;
mod thread;

use std::collections::{HashMap, VecDeque};

use self::record::{Count, Event, Line, Meta, Record, Settings, Turn};
use self::thread::Family;
use super::json::{self, Raw};
use super::{Decoder, Origin, Place, bad_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId, Tier};
use crate::domain::claim::{Claim, Contest, Nearness};
use crate::domain::label::{Label, Labels};
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::Timestamp;

const KIND: &str = "codex";
/// Records kept to recognise their counters, which follow a few lines later.
const TWINS: usize = 16;

/// Reads a rollout.
///
/// Nothing is known about other files: copied history comes out under the identity that it has in its own
/// thread's file, as an echo, so that the original counts where both are read.
pub struct Codex {
    rank: u32,
    fixed_tenant: Option<TenantId>,
    tenant: TenantId,
    provider: Provider,
    family: Family,
    /// The model of each turn, and of the latest.
    models: HashMap<Box<str>, ModelId>,
    model: ModelId,
    labels: Labels,
    /// The tier in the latest settings, and the one that the running turn began with.
    settings: Option<Tier>,
    tier: Option<Tier>,
    /// The running total of the latest counter.
    total: Option<Count>,
    /// Usages of records whose counters have not been seen.
    twins: VecDeque<Count>,
    records: Style,
}

/// How a file reports usage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// By counters alone, as far as it has been read.
    Counters,
    /// By records, with counters beside them.
    Records,
}

/// Why a line is not read at the first attempt.
enum Trouble {
    /// Not of the expected shape: worth a second attempt after rewriting.
    Shape(String),
    /// A value that makes no sense.
    Value(String),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Trouble {
        Trouble::Value(reason)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Trouble {
        Trouble::Shape(json::not_json(&error))
    }
}

/// A line's place and time.
#[derive(Clone, Copy)]
struct Stamp<'a> {
    place: Place,
    written: Raw<'a>,
}

impl Stamp<'_> {
    fn time(self) -> Result<Timestamp, Trouble> {
        self.written.time().ok_or_else(|| {
            let written = json::short(self.written.as_written());
            Trouble::Value(format!("time is {written}: expected one like 2026-06-20T10:00:00Z"))
        })
    }
}

impl Codex {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Codex {
        Codex {
            rank: origin.rank,
            fixed_tenant: origin.tenant,
            tenant: origin.tenant.unwrap_or_else(TenantId::unknown),
            provider: Provider::unknown(),
            family: Family::of_file(origin.path),
            models: HashMap::new(),
            model: ModelId::unknown(),
            labels: Labels::default(),
            settings: None,
            tier: None,
            total: None,
            twins: VecDeque::new(),
            records: Style::Counters,
        }
    }

    /// Reads one line; `Some` says why there is no call in it.
    fn read(&mut self, line: &[u8], place: Place, out: &mut Decoded) -> Result<Option<Skip>, Trouble> {
        let line: Line<'_> = serde_json::from_slice(line)?;
        let stamp = Stamp { place, written: line.timestamp };
        self.family.line(line.timestamp.time(), line.ordinal.count().ok().flatten());
        let payload = line.payload.as_written();
        let call = match &*line.kind.text().unwrap_or_default() {
            "session_meta" => {
                self.meta(&serde_json::from_str(payload)?);
                None
            }
            "turn_context" => {
                self.turn(&serde_json::from_str(payload)?);
                None
            }
            "token_usage_record" => Some(self.record(&serde_json::from_str(payload)?, stamp)?),
            "compacted" => {
                let compacted: record::Compacted<'_> = serde_json::from_str(payload)?;
                let latest = compacted.latest_token_usage_record.as_written();
                if !latest.starts_with('{') {
                    return Ok(Some(Skip::OtherRecord));
                }
                let mut call = self.usage(&serde_json::from_str(latest)?, stamp)?;
                call.claim.nearness = Nearness::Echo;
                Some(call)
            }
            "event_msg" => return self.event(payload, stamp, out),
            _ => None,
        };
        let skip = call.is_none().then_some(Skip::OtherRecord);
        out.calls.extend(call);
        Ok(skip)
    }

    fn event(&mut self, payload: &str, stamp: Stamp<'_>, out: &mut Decoded) -> Result<Option<Skip>, Trouble> {
        let event: Event<'_> = serde_json::from_str(payload)?;
        match &*event.kind.text().unwrap_or_default() {
            "token_count" => self.counter(event.info.as_written(), stamp, out),
            "thread_settings_applied" => {
                let settings = event.thread_settings.as_written();
                if settings.starts_with('{') {
                    self.apply(&event.thread_id.text().unwrap_or_default(), &serde_json::from_str(settings)?);
                }
                Ok(Some(Skip::OtherRecord))
            }
            _ => Ok(Some(Skip::OtherRecord)),
        }
    }

    fn meta(&mut self, meta: &Meta<'_>) {
        let first = self.family.meta(meta);
        if !first {
            return;
        }
        if let (None, Some(cwd)) = (self.fixed_tenant, meta.cwd.text()) {
            self.tenant = TenantId::new(&cwd);
        }
        if let Some(provider) = meta.model_provider.text() {
            self.provider = Provider::new(&provider);
        }
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        let id = turn.turn_id.text().unwrap_or_default();
        self.model = match turn.model.text().filter(|model| !model.is_empty()) {
            Some(model) => ModelId::from_label(self.labels.label(&model)),
            None => ModelId::unknown(),
        };
        if !id.is_empty() {
            self.models.insert((&*id).into(), self.model);
        }
        self.tier = self.settings;
        self.family.turn(&id);
    }

    /// Takes over the settings of this file's own thread. A turn that began before any settings were known
    /// began under the first ones.
    fn apply(&mut self, thread: &str, settings: &Settings<'_>) {
        self.family.settings(thread);
        if !thread.is_empty() && thread != self.family.own() {
            return;
        }
        let tier = Tier::parse(&settings.service_tier.text().unwrap_or_default());
        self.settings = Some(tier);
        self.tier = self.tier.or(self.settings);
    }

    fn record(&mut self, record: &Record<'_>, stamp: Stamp<'_>) -> Result<Call, Trouble> {
        let call = self.usage(record, stamp)?;
        self.records = Style::Records;
        if self.twins.len() == TWINS {
            self.twins.pop_front();
        }
        self.twins.push_back(Count::read(record.usage)?.unwrap_or_default());
        Ok(call)
    }

    /// Returns the call of a usage record, whichever line held it. The record names its owner.
    fn usage(&self, record: &Record<'_>, stamp: Stamp<'_>) -> Result<Call, Trouble> {
        let Some(usage) = Count::read(record.usage)? else {
            return Err(Trouble::Value("usage is missing: expected token counts".to_owned()));
        };
        let thread = record.thread_id.text().unwrap_or_default();
        let turn = record.turn_id.text().unwrap_or_default();
        let response = record.response_id.text().unwrap_or_default();
        let id = if response.is_empty() {
            let total = record.thread_token_usage.as_written();
            CallId::of(KIND, &[b"turn", thread.as_bytes(), turn.as_bytes(), total.as_bytes()])
        } else {
            CallId::of(KIND, &[b"response", thread.as_bytes(), response.as_bytes()])
        };
        let root = record.root_turn_id.text().unwrap_or_default();
        let model = self.models.get(&*turn).or_else(|| self.models.get(&*root)).copied();
        let own = thread.is_empty() || thread == self.family.own();
        let nearness = if own { Nearness::Main } else { Nearness::Echo };
        let mut call = self.call(id, nearness, stamp)?;
        call.model = model.unwrap_or_else(ModelId::unknown);
        call.tokens = usage.tokens();
        Ok(call)
    }

    /// Reads a counter: a call where its total has moved and no record tells of the same response.
    fn counter(&mut self, info: &str, stamp: Stamp<'_>, out: &mut Decoded) -> Result<Option<Skip>, Trouble> {
        if !info.starts_with('{') {
            return Ok(Some(Skip::OtherRecord));
        }
        let info: record::Info<'_> = serde_json::from_str(info)?;
        let total = Count::read(info.total_token_usage)?;
        let last = Count::read(info.last_token_usage)?;
        let before = self.total;
        if total.is_some() && total == before {
            return Ok(Some(Skip::Repeat));
        }
        self.total = total.or(before);
        let Some(last) = last.or_else(|| total.and_then(|total| total.since(before))) else {
            return Ok(Some(Skip::NoUsage));
        };
        if let Some(at) = self.twins.iter().position(|twin| *twin == last) {
            self.twins.drain(..=at);
            return Ok(Some(Skip::Repeat));
        }
        if last.is_empty() {
            return Ok(Some(Skip::NoUsage));
        }
        let owner = self.family.owner();
        let own = owner == self.family.own();
        if own && self.records == Style::Records && !self.family.is_root() {
            return Ok(Some(Skip::Repeat));
        }
        let moment = if total.is_some() { "" } else { stamp.written.as_written() };
        let sum = total.unwrap_or_default().bytes();
        let id = CallId::of(KIND, &[b"counter", owner.as_bytes(), &sum, &last.bytes(), moment.as_bytes()]);
        let nearness = if own { Nearness::Main } else { Nearness::Echo };
        let mut call = self.call(id, nearness, stamp)?;
        call.model = match info.model.text().filter(|model| !model.is_empty()) {
            Some(model) => ModelId::from_label(Label::new(&model)),
            None => self.model,
        };
        call.tokens = last.tokens();
        out.calls.push(call);
        Ok(None)
    }

    fn call(&self, id: CallId, nearness: Nearness, stamp: Stamp<'_>) -> Result<Call, Trouble> {
        let mut call = Call::new(id, stamp.time()?, self.tenant, ModelId::unknown());
        call.claim = Claim {
            contest: Contest::Fullest,
            nearness,
            request: None,
            order: Origin::order(self.rank, stamp.place.offset),
        };
        call.provider = self.provider;
        call.tier = self.tier.unwrap_or_default();
        Ok(call)
    }
}

impl Decoder for Codex {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        if line.trim_ascii().is_empty() {
            return out.tally.skip(Skip::Blank);
        }
        let read = match self.read(line, place, out) {
            Err(Trouble::Shape(_)) => {
                json::canonical(line).map_err(Trouble::Shape).and_then(|line| self.read(&line, place, out))
            }
            read => read,
        };
        match read {
            Ok(None) => {}
            Ok(Some(why)) => out.tally.skip(why),
            Err(Trouble::Shape(reason) | Trouble::Value(reason)) => out.bad(bad_line(line, place, reason)),
        }
    }
}

#[cfg(test)]
mod tests;
