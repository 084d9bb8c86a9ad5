//! Our own ledger line, one JSON object each (`docs/ledger.md`).

use serde_json::value::RawValue;

use super::flat::{Flat, Value};
use super::json;
use super::time::Clock;
use super::{Decoder, Origin, Place, bad_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, Region, Status, TenantId, Tier};
use crate::domain::label::{Label, Labels};
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::Millis;
use crate::domain::tokens::{TokenCount, Tokens};

/// Reads native lines.
pub struct Native {
    tenant: Option<TenantId>,
    rank: u32,
    labels: Labels,
    flat: Flat<{ KEYS.len() }>,
    clock: Clock,
}

/// Declares the keys of a line that are read, and a line with a way to each of their values.
macro_rules! line {
    ($($key:ident),* $(,)?) => {
        const KEYS: &[&str; [$(stringify!($key)),*].len()] = &[$(stringify!($key)),*];

        #[expect(non_camel_case_types, reason = "each is spelled as in the line")]
        enum Key { $($key),* }

        struct Line<'a>([Value<'a>; KEYS.len()]);

        impl<'a> Line<'a> {
            $(fn $key(&self) -> Value<'a> {
                self.0[Key::$key as usize]
            })*
        }
    };
}

line! {
    id,
    ts,
    timestamp,
    tenant,
    tenant_id,
    provider,
    model,
    input,
    prompt_tokens,
    output,
    completion_tokens,
    cache_read,
    cache_write,
    cache_write_short,
    cache_write_long,
    reasoning,
    searches,
    cost_usd,
    tier,
    region,
    status,
    failure,
    latency_ms,
    first_byte_ms,
}

impl Native {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Native {
        Native {
            tenant: origin.tenant,
            rank: origin.rank,
            labels: Labels::default(),
            flat: Flat::new(KEYS),
            clock: Clock::default(),
        }
    }

    /// Reads `text`, which is `line` or says the same, and adds the call.
    fn read(
        &mut self,
        (text, line): (&[u8], &[u8]),
        place: Place,
        calls: &mut Vec<Call>,
    ) -> Result<(), String> {
        let mut record = Line([Value::Missing; KEYS.len()]);
        self.flat.read(text, &mut record.0).map_err(|error| json::not_json(&error))?;
        let ts = if record.ts().is_missing() { record.timestamp() } else { record.ts() };
        let at = match ts.bytes().and_then(|text| self.clock.parse(&text)) {
            Some(at) => at,
            None if ts.is_missing() => return Err("`ts` is missing".to_owned()),
            None => {
                let written = json::short(&ts.as_written());
                return Err(format!("`ts` is {written}: expected a time like 2026-11-20T09:00:00Z"));
            }
        };
        let model = match record.model().bytes() {
            Some(model) if !model.is_empty() => ModelId::from_label(self.labels.of_bytes(&model)),
            _ => return Err("`model` is missing".to_owned()),
        };
        let tenant = self.tenant_of(&record)?;
        let id = match record.id().bytes() {
            Some(id) if !id.is_empty() => CallId::of("native", &[&id]),
            _ => CallId::of("native-line", &[&place.offset.to_le_bytes(), line]),
        };
        let mut call = Call::new(id, at, tenant, model);
        call.claim.order = Origin::order(self.rank, place.offset);
        call.tokens = tokens(&record)?;
        call.reported = record.cost_usd().dollars()?;
        self.describe(&record, &mut call)?;
        calls.push(call);
        Ok(())
    }

    fn tenant_of(&mut self, record: &Line<'_>) -> Result<TenantId, String> {
        if let Some(tenant) = self.tenant {
            return Ok(tenant);
        }
        match record.tenant().bytes().or_else(|| record.tenant_id().bytes()) {
            Some(tenant) if !tenant.is_empty() => Ok(TenantId::from_label(self.labels.of_bytes(&tenant))),
            _ => Err("`tenant` is missing".to_owned()),
        }
    }

    fn describe(&mut self, record: &Line<'_>, call: &mut Call) -> Result<(), String> {
        if let Some(provider) = record.provider().bytes() {
            call.provider = Provider::from_label(self.labels.of_bytes(&provider));
        }
        call.tier =
            record.tier().bytes().map_or(Tier::Standard, |word| Tier::parse(&String::from_utf8_lossy(&word)));
        call.region = record
            .region()
            .bytes()
            .map_or(Region::Global, |word| Region::parse(&String::from_utf8_lossy(&word)));
        call.searches = u32::try_from(record.searches().count_or_zero()?).unwrap_or(u32::MAX);
        if record.status().bytes().as_deref() == Some(b"failed") {
            call.status = Status::Failed;
            call.failure =
                record.failure().bytes().map_or(Label::new(""), |word| self.labels.of_bytes(&word));
        }
        // How long it took is no part of the bill: what cannot be read there costs no call.
        call.latency = record.latency_ms().count().unwrap_or(None).map(Millis::new);
        call.first_byte = record.first_byte_ms().count().unwrap_or(None).map(Millis::new);
        Ok(())
    }
}

/// Brings the counts of a line to the normal form: `input` is what no cache served; `prompt_tokens`,
/// as its name says elsewhere, is the whole prompt.
fn tokens(record: &Line<'_>) -> Result<TokenCount, String> {
    let output = match record.output().count()? {
        Some(output) => Some(output),
        None => record.completion_tokens().count()?,
    };
    let read = record.cache_read().count()?;
    let short = record.cache_write_short().count()?.or(record.cache_write().count()?);
    let long = record.cache_write_long().count()?;
    let input = record.input().count()?;
    let prompt = record.prompt_tokens().count()?;
    let others = [record.reasoning().count()?, record.searches().count()?];
    if [output, read, short, long, input, prompt].iter().chain(&others).all(Option::is_none) {
        return Err("no token count: expected `input` or `output`".to_owned());
    }
    let (read, short, long) = (read.unwrap_or(0), short.unwrap_or(0), long.unwrap_or(0));
    let count = match (input, prompt) {
        (None, Some(prompt)) => TokenCount::from_inclusive(prompt, read, (short, long), output.unwrap_or(0)),
        (input, _) => TokenCount {
            input: Tokens::new(input.unwrap_or(0)),
            cache_read: Tokens::new(read),
            cache_write_short: Tokens::new(short),
            cache_write_long: Tokens::new(long),
            output: Tokens::new(output.unwrap_or(0)),
            reasoning: Tokens::ZERO,
        },
    };
    Ok(count.with_reasoning(record.reasoning().count_or_zero()?))
}

impl Decoder for Native {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return out.tally.skip(Skip::Blank);
        }
        if line.trim_ascii_start().first() == Some(&b'[') {
            return self.array(line, place, out);
        }
        self.object(line, place, out);
    }
}

impl Native {
    /// Reads a line that holds an array of records.
    fn array(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        match serde_json::from_slice::<Vec<&RawValue>>(line) {
            Ok(records) if records.is_empty() => out.tally.skip(Skip::OtherRecord),
            Ok(records) => {
                out.more_records(records.len() as u64);
                for (index, record) in (0_u64..).zip(records) {
                    let place = Place { offset: place.offset + index, ..place };
                    self.object(record.get().as_bytes(), place, out);
                }
            }
            Err(error) => out.bad(bad_line(line, place, json::not_json(&error))),
        }
    }

    fn object(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let calls = &mut out.calls;
        let read = self.read((line, line), place, calls).or_else(|reason| match json::canonical(line) {
            Ok(text) if text != line => self.read((&text, line), place, calls),
            _ => Err(reason),
        });
        if let Err(reason) = read {
            out.bad(bad_line(line, place, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::money::Money;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn decode(lines: &[u8]) -> Decoded {
        let path = Path::new("calls.jsonl");
        let origin = Origin { path, tenant: None, first_seen: Timestamp::EPOCH, rank: 0 };
        let mut out = Decoded::default();
        Native::new(&origin).block(lines, Place { offset: 0, line: 1 }, &mut out);
        out
    }

    #[track_caller]
    fn reason(line: &str) -> String {
        decode(line.as_bytes()).bad.first().map(|bad| bad.reason.clone()).expect("a bad line")
    }

    #[test]
    fn a_line_is_read_whole() {
        let line = br#"{"v":1,"id":"a","ts":"2026-11-20T09:00:00.123Z","tenant":"acme","provider":"openai",
"model":"gpt-4o","input":1200,"output":340,"cache_read":7,"reasoning":9,"cost_usd":"0.0064","tier":"flex"}"#;
        let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != b'\n').collect();
        let out = decode(&line);
        let call = &out.calls[0];
        assert_eq!((call.tenant.as_str(), call.model.as_str(), call.tier), ("acme", "gpt-4o", Tier::Flex));
        assert_eq!(call.tokens.prompt(), Tokens::new(1207));
        assert_eq!(call.reported, Some(Money::from_nanos(6_400_000)));
        assert_eq!(call.at, Timestamp::from_millis(1_763_629_200_123 + 365 * 86_400_000));
    }

    #[test]
    fn the_spellings_of_other_tools_are_read() {
        let out = decode(
            br#"{"ts":1781949600,"tenant_id":7,"model":"m","prompt_tokens":"100","completion_tokens":1e2,"cache_read":30}"#,
        );
        assert_eq!(out.calls[0].tenant.as_str(), "7");
        assert_eq!(out.calls[0].tokens.input, Tokens::new(70));
        assert_eq!(out.calls[0].tokens.output, Tokens::new(100));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(reason(r#"{"tenant":"a","model":"m","input":1}"#).contains("`ts`"));
        assert!(reason(r#"{"ts":"soon","tenant":"a","model":"m","input":1}"#).contains("soon"));
        assert!(reason(r#"{"ts":1781949600,"model":"m","input":1}"#).contains("`tenant`"));
        assert!(reason(r#"{"ts":1781949600,"tenant":"a","input":1}"#).contains("`model`"));
        assert!(reason(r#"{"ts":1781949600,"tenant":"a","model":"m"}"#).contains("no token count"));
        assert!(reason(r#"{"ts":1781949600,"tenant":"a","model":"m","input":-1}"#).contains("whole number"));
        assert!(
            reason(r#"{"ts":1781949600,"tenant":"a","model":"m","input":1,"cost_usd":"1,5"}"#)
                .contains("1,5")
        );
        assert!(reason("{half a li").contains("JSON"));
    }

    #[test]
    fn an_array_is_many_records_and_oddities_beside_the_bill_cost_no_call() {
        let record =
            r#"{"ts":1781949600,"tenant":"a","model":"m","input":1,"status":200,"latency_ms":{"a":1}}"#;
        let out = decode(format!("[{record},{record}]\n").as_bytes());
        assert_eq!((out.calls.len(), out.tally.bad), (2, 0));
        assert_ne!(out.calls[0].id, out.calls[1].id);
    }

    #[test]
    fn repeated_keys_and_broken_text_are_read() {
        let out = decode(b"{\"ts\":1781949600,\"tenant\":\"a\xff\",\"model\":\"m\",\"input\":1,\"input\":2}");
        assert_eq!(out.calls[0].tokens.input, Tokens::new(2));
    }

    proptest! {
        #[test]
        fn every_line_is_a_call_a_skip_or_bad(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let out = decode(&bytes);
            let skipped: u64 = out.tally.skipped.iter().sum();
            prop_assert_eq!(out.tally.lines, out.calls.len() as u64 + skipped + out.tally.bad);
        }
    }
}
