//! What every decoder must withstand: one target each, fed any bytes by the fuzzer (`fuzz/`) and the kept ones
//! (`tests/corpus/`) by the ordinary tests.

use std::path::Path;
use std::sync::LazyLock;

use outlay::config::{self, FormatChoice, Settings};
use outlay::domain::call::{Call, CallId, Cost, ModelId, TenantId};
use outlay::domain::money::Money;
use outlay::domain::observation::Decoded;
use outlay::domain::price::{PriceBook, parse_catalogue, write_catalogue};
use outlay::domain::time::Timestamp;
use outlay::domain::tokens::Tokens;
use outlay::feed::detect::detect;
use outlay::wire::dialect::limits::{self, Answered};
use outlay::wire::dialect::meter::{self, Meter};
use outlay::wire::dialect::request::{Request, Sending, UsageAsk};
use outlay::wire::dialect::route::{self, Route};
use outlay::wire::dialect::strip::Strip;
use outlay::wire::dialect::{Dialect, failure, header};
use outlay::wire::flat::{self, Flat};
use outlay::wire::format::Format;
use outlay::wire::row::{Row, Value};
use outlay::wire::{Origin, Place, price_file};

/// Takes any bytes; panics where a decoder does, or where a law is broken.
pub type Target = fn(&[u8]);

/// All targets, by the name of their fuzz target, their corpus and their dictionary.
pub const TARGETS: [(&str, Target); 22] = [
    ("native", |data| file(&Format::Native, LOG, data)),
    ("claude_code", |data| file(&Format::ClaudeCode, CLAUDE_CODE, data)),
    ("codex", |data| file(&Format::Codex, CODEX, data)),
    ("gemini_cli", |data| file(&Format::GeminiCli, GEMINI_CLI, data)),
    ("litellm", |data| file(&Format::Litellm, LOG, data)),
    ("litellm_csv", |data| file(&Format::LitellmCsv, LOG, data)),
    ("otel", |data| file(&Format::Otel, LOG, data)),
    ("openai_batch", |data| file(&Format::OpenAiBatch, LOG, data)),
    ("provider_body", |data| file(&Format::Body, LOG, data)),
    ("llm", |data| table(&Format::Llm, data)),
    ("opencode", |data| table(&Format::OpenCode, data)),
    ("opencode_file", |data| file(&Format::OpenCodeFile, OPENCODE, data)),
    ("mapped_lines", |data| mapped("lines", data)),
    ("mapped_csv", |data| mapped("csv", data)),
    ("mapped_table", |data| mapped("table", data)),
    ("price_file", prices),
    ("detect", detection),
    ("config", configuration),
    ("flat", flat),
    ("request", request),
    ("stream", stream),
    ("answer", answer),
];

const LOG: &str = "/logs/calls.jsonl";
const CLAUDE_CODE: &str = "/h/.claude/projects/-home-dev-shop/0a1b2c3d-0000-4000-8000-000000000001.jsonl";
const CODEX: &str = "/h/sessions/rollout-2026-11-22T03-02-37-01a20134-a516-76c1-a9f1-d482056a19be.jsonl";
const GEMINI_CLI: &str = "/h/.gemini/tmp/shop/chats/session-1.jsonl";
const OPENCODE: &str = "/h/storage/message/ses_1/msg_1.json";

/// The APIs of the guard; the first byte of an input says which.
const APIS: [(Dialect, &str, Option<&str>); 8] = [
    (Dialect::OpenAi, "/v1/chat/completions", None),
    (Dialect::OpenAi, "/v1/responses", None),
    (Dialect::OpenAi, "/v1/completions", None),
    (Dialect::Compatible, "/v1/chat/completions", None),
    (Dialect::Anthropic, "/v1/messages", None),
    (Dialect::Gemini, "/v1beta/models/m:generateContent", None),
    (Dialect::Gemini, "/v1beta/models/m:streamGenerateContent", Some("alt=sse")),
    (Dialect::Gemini, "/v1beta/models/m:streamGenerateContent", None),
];

/// Mappings that use every key there is, for each way that records lie on disk.
const MAPPINGS: &str = r#"
[mapping.lines]
key = ["id", "for.run"]
winner = { max = "llm.use.out" }
filter = [{ path = "status", prefix = "2" }, { path = "kind", not = "ping" }]
input_includes_cache_read = true
output_excludes_reasoning = true
[mapping.lines.columns]
time = { path = ["at", "[0]"], zone = "Europe/Berlin" }
tenant = { path = ["for.team", "job"], after = "/", before = ":", values = { a = "ants" }, default = "nobody" }
model = ["llm.model", "meta | json | model", "[1]"]
provider = { constant = "openai" }
tier = "tier"
input = ["llm.use.in", "[2]"]
cache_read = "llm.use.hit"
cache_write = "llm.use.write"
cache_write_long = "llm.use.long"
output = "llm.use.out"
reasoning = "choices[0].think"
calls = "n"
cost = { path = "price", unit = "cents", currency = "currency" }

[mapping.csv]
container = "csv"
delimiter = ";"
input_includes_cache_write = true
[mapping.csv.columns]
day = "Day"
tenant = "Team"
model = "Model"
input = "In"
cache_write_short = "Short"
output = "Out"
calls = "Calls"
cost_micro_usd = "Cost (µUSD)"

[mapping.bare]
container = "csv"
header = false
winner = "first"
key = ["1"]
columns = { time = { path = "2", unit = "ms" }, tenant = "3", model = "4", input = "5", output = "6" }

[mapping.table]
table = "calls"
mode = "append"
key = ["id"]
[mapping.table.columns]
time = { path = "ts", unit = "s" }
tenant = "meta | json | team[0].name"
model = "model"
input = "p"
output = "c"
cost_usd = "usd"

[mapping.sums]
query = "SELECT * FROM usages"
columns = { tenant = "user_id", day = "date", calls = "n", input = "i", output = "o", cost_cents = "cents" }
"#;

static MAPPED: LazyLock<Settings> = LazyLock::new(|| {
    let settings = config::parse(Path::new("/h/outlay.toml"), MAPPINGS, &|_| None);
    settings.unwrap_or_else(|errors| panic!("{errors:?}"))
});

static BOOK: LazyLock<PriceBook> = LazyLock::new(PriceBook::builtin);

/// When a reader comes to the end of what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// After the last block.
    Once,
    /// After every block.
    Often,
}

/// Reads a file at once, and in two parts: every line is accounted for, and a reader that does not pause between
/// the parts makes the same of them. To be quick, an input takes one of the two ways, by its length.
fn file(format: &Format, path: &str, data: &[u8]) {
    let middle = data.len() / 2;
    let cut = data[middle..].iter().position(|&byte| byte == b'\n').map_or(0, |at| middle + at + 1);
    let (front, back) = data.split_at(cut);
    let whole = read(format, path, &[data], Pause::Once);
    let way = if data.len().is_multiple_of(2) { Pause::Once } else { Pause::Often };
    if cut > 0 {
        let parts = read(format, path, &[front, back], way);
        if way == Pause::Once {
            assert_eq!((&whole.calls, &whole.bad), (&parts.calls, &parts.bad), "cut at {cut}");
            assert_eq!(whole.tally, parts.tally, "cut at {cut}");
        }
    }
    price(&whole.calls);
}

fn read(format: &Format, path: &str, blocks: &[&[u8]], pause: Pause) -> Decoded {
    let mut decoder = format.decoder(&origin(path)).expect("a format of lines");
    let mut out = Decoded::default();
    let mut place = Place { offset: 0, line: 1 };
    for (index, block) in blocks.iter().enumerate() {
        decoder.block(block, place, &mut out);
        place.offset += block.len() as u64;
        place.line += block.split(|&byte| byte == b'\n').count() as u64 - 1;
        if pause == Pause::Often || index + 1 == blocks.len() {
            decoder.pause(&mut out);
            account(&out);
        }
    }
    out
}

/// Reads a table from text: the names of the columns, then a row a line, all parted by tabs.
fn table(format: &Format, data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let cells = |line: &[u8]| -> Vec<String> {
        line.split(|&byte| byte == b'\t').map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
    };
    let columns = cells(lines.next().unwrap_or_default());
    let mut decoder = format.row_decoder(&origin("/h/calls.db")).expect("a format of rows");
    let queries = decoder.queries(&|_| Some(columns.clone())).map_or(1, |queries| queries.len().max(1));
    let mut out = Decoded::default();
    for (number, line) in (1..).zip(lines) {
        let values: Vec<Value> = cells(line).into_iter().map(value).collect();
        let query = usize::try_from(number).unwrap_or(0) % queries;
        decoder.row(query, &Row { columns: &columns, values: &values }, number, &mut out);
        out.tally.lines += 1;
    }
    account(&out);
    price(&out.calls);
}

fn value(cell: String) -> Value {
    match cell.parse() {
        Ok(number) => Value::Integer(number),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) if cell.parse::<f64>().is_ok() => Value::Real(cell),
        Err(_) => Value::Text(cell),
    }
}

/// Reads with the mappings of one kind.
fn mapped(kind: &str, data: &[u8]) {
    let names: &[&str] = match kind {
        "lines" => &["lines"],
        "csv" => &["csv", "bare"],
        _ => &["table", "sums"],
    };
    for format in names.iter().filter_map(|name| MAPPED.format(name)) {
        any(&format, data);
    }
}

fn any(format: &Format, data: &[u8]) {
    match format.row_decoder(&origin("/h/calls.db")) {
        Some(_) => table(format, data),
        None => file(format, LOG, data),
    }
}

/// Every line is a call, left out or bad, and what is bad says why.
fn account(out: &Decoded) {
    let accounted = out.calls.len() as u64 + out.tally.skipped.iter().sum::<u64>() + out.tally.bad;
    assert_eq!(out.tally.lines, accounted, "{:?}", out.tally);
    assert!(out.bad.iter().all(|bad| !bad.reason.is_empty()), "{:?}", out.bad);
}

/// What a call costs by the price book is a sum of money, never the end of its range.
fn price(calls: &[Call]) {
    let mut pricer = BOOK.pricer();
    for call in calls.iter().take(4) {
        if let Cost::Priced(money) = pricer.cost(call) {
            assert!(money >= Money::ZERO && money < Money::from_nanos(i64::MAX), "{call:?}");
        }
    }
}

/// What is read from a price file can be written as a catalogue and read again, and prices a call.
fn prices(data: &[u8]) {
    let Ok(prices) = price_file::read(data) else { return };
    let mut call = Call::new(CallId::of("x", &[]), Timestamp::EPOCH, TenantId::new("a"), ModelId::new("m"));
    call.tokens.input = Tokens::new(Tokens::MAX_PER_CALL);
    call.searches = 2;
    for price in &prices {
        let _ = price.cost(&call);
    }
    let read = parse_catalogue(&write_catalogue(&prices)).expect("our own catalogue");
    assert_eq!(write_catalogue(&read), write_catalogue(&prices));
    assert_eq!(read.len(), prices.len());
}

/// What is taken for a format can be read as it.
fn detection(data: &[u8]) {
    for there in [true, false] {
        if let Some(format) = detect(data, Path::new(LOG), &|_| there) {
            any(&format, data);
        }
    }
}

/// Reads a configuration; what follows a line of `%%` is read by the formats in it.
fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, rest) = text.split_once("%%\n").unwrap_or((&text, ""));
    match config::parse(Path::new("/h/outlay.toml"), text, &|_| None) {
        Ok(settings) => {
            assert!(settings.shown().len() >= settings.feeds.len());
            let named = settings.mappings.keys().filter_map(|name| settings.format(name));
            let chosen = settings.feeds.iter().filter_map(|feed| match &feed.format {
                FormatChoice::Named(format) => Some(format.clone()),
                FormatChoice::Auto => None,
            });
            named.chain(chosen).for_each(|format| any(&format, rest.as_bytes()));
            for template in settings.feeds.iter().filter_map(|feed| feed.tenant.as_ref()) {
                let _ = template.tenant(Path::new(LOG));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty()));
        }
    }
}

/// Of a line that is plain, the quick reader and `serde_json` read the same; a blank before it keeps it from the
/// quick one.
fn flat(data: &[u8]) {
    const KEYS: [&str; 6] = ["id", "ts", "model", "input", "output", "cost_usd"];
    let mut quick = Flat::new(&KEYS);
    for line in data.split(|&byte| byte == b'\n') {
        let blank = [b" ", line].concat();
        let (mut values, mut others) = ([flat::Value::Missing; 6], [flat::Value::Missing; 6]);
        let (read, other) = (quick.read(line, &mut values), Flat::new(&KEYS).read(&blank, &mut others));
        assert_eq!(read.is_ok(), other.is_ok(), "{read:?} {other:?}");
        if read.is_ok() {
            let all = |values: &[flat::Value<'_>]| -> Vec<_> {
                let of = |value: &flat::Value<'_>| {
                    (value.bytes().map(std::borrow::Cow::into_owned), value.count(), value.dollars())
                };
                values.iter().map(of).collect()
            };
            assert_eq!(all(&values), all(&others));
        }
    }
}

/// Finds the API of an input.
fn api(first: u8) -> (Dialect, Route) {
    let (dialect, path, query) = APIS[usize::from(first) % APIS.len()];
    (dialect, route::find("POST", path, query).expect("a route"))
}

/// A request is refused, or what is sent for it can be read again and is bound to the limit that was priced.
fn request(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let (dialect, route) = api(first);
    let Ok(request) = Request::read(&route, dialect, body) else { return };
    let _ = request.texts().map(|text| text.len()).sum::<usize>();
    let most = Tokens::new(500);
    let limit = request.peek().output_limit.map_or(most, |limit| limit.min(most));
    let sending = Sending { limit: Some(limit), model: None, usage: UsageAsk::ByGuard };
    let Ok(sent) = request.rewrite(&sending) else { return };
    let again = Request::read(&route, dialect, &sent.body);
    let again = again.unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&sent.body)));
    assert_eq!(again.peek().output_limit, Some(limit));
    assert_eq!(again.peek().choices, request.peek().choices);
}

/// The way a stream is cut changes nothing of what is metered, and nothing of what the client gets.
fn stream(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else { return };
    let (_, route) = api(first);
    let run = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let (mut meter, mut strip) = (Meter::new(route.operation, route.framing), Strip::default());
        let (mut text, mut client) = (String::new(), Vec::new());
        for chunk in chunks {
            meter.feed(chunk, &mut |piece| text.push_str(piece));
            strip.feed(chunk, &mut client);
        }
        strip.finish(&mut client);
        (meter.finish(), text, client)
    };
    let whole = run(&mut std::iter::once(bytes));
    assert!(whole.2.len() <= bytes.len());
    assert_eq!(whole, run(&mut bytes.chunks(1 + bytes.len() / 3)));
    meter::body(route.operation, bytes);
}

/// Reads what an answer says beside its usage: headers, a line each, then a blank line and the body. The first byte
/// says who answers.
fn answer(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let (dialect, _) = api(first);
    let text = String::from_utf8_lossy(rest);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(':')).collect();
    let answered = Answered { headers: &headers, now: Timestamp::from_seconds(1_800_000_000) };
    let provider = dialect.provider();
    limits::read(&answered, provider.as_str());
    for status in [400, 402, 429, 503] {
        failure::classify(status, &answered, body.as_bytes(), provider.as_str());
    }
    failure::of_finish(body);
    header::presented_key(&headers);
    for (name, value) in &headers {
        header::passes(header::Way::Downstream, name, value.as_bytes(), "close, te");
    }
}

fn origin(path: &str) -> Origin<'_> {
    Origin {
        path: Path::new(path),
        tenant: None,
        first_seen: Timestamp::from_seconds(1_800_000_000),
        rank: 1,
    }
}
