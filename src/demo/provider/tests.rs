//! The simulated provider over real sockets, read by our own meters.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::domain::failure::FailureClass;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};
use crate::wire::dialect::failure::classify;
use crate::wire::dialect::limits::{self, Answered};
use crate::wire::dialect::meter::{self, Meter, Metered, Usage};
use crate::wire::dialect::route::{Framing, Operation};

const NOW: Timestamp = Timestamp::from_seconds(1_795_356_309);

/// One way to ask: path, body around the members of the test, and who reads the answer.
#[derive(Clone, Copy, Debug)]
struct Way {
    path: &'static str,
    /// With `%` where the prompt goes.
    body: &'static str,
    operation: Operation,
    stream: Option<Framing>,
}

const fn way(path: &'static str, body: &'static str, operation: Operation, stream: Option<Framing>) -> Way {
    Way { path, body, operation, stream }
}

const EVENTS: Option<Framing> = Some(Framing::Events);
const WAYS: [Way; 10] = [
    way("/v1/chat/completions", CHAT, Operation::Chat, None),
    way("/v1/chat/completions", CHAT_STREAM, Operation::Chat, EVENTS),
    way("/v1/completions", r#"{"model":"gpt-6-sol","prompt":"%"}"#, Operation::Completions, None),
    way("/v1/responses", r#"{"model":"gpt-6-sol","input":"%"}"#, Operation::Responses, None),
    way("/v1/responses", r#"{"model":"gpt-6-sol","input":"%","stream":true}"#, Operation::Responses, EVENTS),
    way("/v1/messages", MESSAGES, Operation::Messages, None),
    way("/v1/messages", MESSAGES_STREAM, Operation::Messages, EVENTS),
    way("/v1beta/models/gemini-2.5-flash:generateContent", GEMINI, Operation::Generate, None),
    way(
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        GEMINI,
        Operation::StreamGenerate,
        EVENTS,
    ),
    way(
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        GEMINI,
        Operation::StreamGenerate,
        Some(Framing::Array),
    ),
];
const CHAT: &str = r#"{"model":"gpt-6-sol","messages":[{"role":"user","content":"%"}]}"#;
const CHAT_STREAM: &str = r#"{"model":"gpt-6-sol","messages":[{"role":"user","content":"%"}],"stream":true,"stream_options":{"include_usage":true}}"#;
const MESSAGES: &str =
    r#"{"model":"claude-haiku-4-5","max_tokens":5000,"messages":[{"role":"user","content":"%"}]}"#;
const MESSAGES_STREAM: &str = r#"{"model":"claude-haiku-4-5","max_tokens":5000,"stream":true,"messages":[{"role":"user","content":"%"}]}"#;
const GEMINI: &str = r#"{"contents":[{"role":"user","parts":[{"text":"%"}]}]}"#;

fn streams() -> impl Iterator<Item = Way> {
    WAYS.into_iter().filter(|way| way.stream.is_some())
}

/// A provider that is served for as long as this lives.
struct World {
    provider: Provider,
    address: SocketAddr,
    served: tokio::task::JoinHandle<std::convert::Infallible>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// An answer with all that came of its body, and whether the body came to its end.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    whole: bool,
}

impl World {
    async fn start(change: impl FnOnce(&mut Options)) -> World {
        let mut options = Options::new(Arc::new(|| NOW));
        change(&mut options);
        let provider = Provider::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = tokio::spawn(serve(listener, provider.clone()));
        World { provider, address, served }
    }

    /// Asks, and returns the answer from its head on; `None` where none comes.
    async fn open(&self, way: Way, prompt: &str) -> Option<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let body = way.body.replace('%', prompt);
        let request = Request::post(way.path)
            .header("host", "simulated")
            .header("authorization", "Bearer sk-test")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        sender.send_request(request).await.ok()
    }

    async fn ask(&self, way: Way, prompt: &str) -> Option<Got> {
        let response = self.open(way, prompt).await?;
        let (head, mut body) = response.into_parts();
        let (mut bytes, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => whole = false,
            }
        }
        Some(Got { status: head.status, headers: head.headers, body: bytes, whole })
    }

    async fn line(&self) -> Line {
        self.provider.until(1).await;
        self.provider.bill().lines.pop_back().expect("a line")
    }
}

fn metered(way: Way, body: &[u8]) -> Metered {
    let Some(framing) = way.stream else { return meter::body(way.operation, body) };
    let mut meter = Meter::new(way.operation, framing);
    meter.feed(body, &mut |_| {});
    meter.finish()
}

fn tokens([input, read, short, long, output, reasoning]: [u64; 6]) -> TokenCount {
    TokenCount {
        input: Tokens::new(input),
        cache_read: Tokens::new(read),
        cache_write_short: Tokens::new(short),
        cache_write_long: Tokens::new(long),
        output: Tokens::new(output),
        reasoning: Tokens::new(reasoning),
    }
}

#[tokio::test]
async fn every_api_tells_what_it_bills_in_every_class() {
    for way in WAYS {
        let world = World::start(|_| {}).await;
        // Gemini has no price for writes and does not tell them.
        let gemini = way.operation.dialect() == crate::wire::dialect::Dialect::Gemini;
        let writes = if gemini { "" } else { "write=200 write-long=100" };
        let script = format!("[[sim input=1000 cached=300 {writes} output=50 reasoning=20]]");
        let got = world.ask(way, &script).await.expect("an answer");
        assert_eq!((got.status.as_u16(), got.whole), (200, true), "{way:?}");
        let metered = metered(way, &got.body);
        let Usage::Final(answer) = metered.usage else { panic!("{way:?}: {metered:?}") };
        let want = if gemini { [700, 300, 0, 0, 50, 20] } else { [400, 300, 200, 100, 50, 20] };
        assert_eq!(answer.tokens, tokens(want), "{way:?}");
        assert_eq!(metered.seen.unread, 0, "{way:?}");
        let line = world.line().await;
        assert_eq!((line.tokens, line.ending), (answer.tokens, Ending::Complete), "{way:?}");
        let nanos = match way.operation.dialect() {
            crate::wire::dialect::Dialect::Anthropic => 400_000 + 30_000 + 250_000 + 200_000 + 250_000,
            crate::wire::dialect::Dialect::Gemini => 210_000 + 9_000 + 125_000,
            _ => 800_000 + 60_000 + 500_000 + 500_000 + 500_000,
        };
        assert_eq!((line.cost, world.provider.billed()), (Money::from_nanos(nanos), line.cost), "{way:?}");
    }
}

#[tokio::test]
async fn every_answer_is_the_same_again_and_keeps_its_limit() {
    for way in WAYS {
        let world = World::start(|_| {}).await;
        let first = world.ask(way, "one two three").await.expect("an answer");
        let again = world.ask(way, "one two three").await.expect("an answer");
        let lines = world.provider.bill().lines;
        assert_eq!(lines[0].tokens, lines[1].tokens, "{way:?}");
        assert_eq!(first.body.len(), again.body.len(), "{way:?}");
        let limited = match way.operation.dialect() {
            crate::wire::dialect::Dialect::Gemini => {
                way.body.replacen('{', r#"{"generationConfig":{"maxOutputTokens":7},"#, 1)
            }
            _ if way.operation == Operation::Responses => {
                way.body.replacen('{', r#"{"max_output_tokens":7,"#, 1)
            }
            _ => way.body.replace(r#""max_tokens":5000,"#, "").replacen('{', r#"{"max_tokens":7,"#, 1),
        };
        // The body lives as long as the test's process: a handful of bytes.
        let way = Way { body: limited.leak(), ..way };
        let got = world.ask(way, "four").await.expect("an answer");
        assert_eq!(world.provider.bill().lines[2].tokens.output, Tokens::new(7), "{way:?}");
        assert_eq!(world.provider.bill().lines[2].limit, Some(7), "{way:?}");
        let finish = metered(way, &got.body).finish.expect("a reason");
        assert!(
            ["length", "max_output_tokens", "max_tokens", "MAX_TOKENS"].contains(&finish.as_str()),
            "{finish}"
        );
        world.ask(way, "[[sim overrun=10x]]").await.expect("an answer");
        assert_eq!(world.provider.bill().lines[3].tokens.output, Tokens::new(70), "{way:?}");
        assert_eq!(world.provider.fired(Fault::Overrun), 1);
    }
}

#[tokio::test]
async fn a_cut_stream_is_billed_up_to_the_cut_or_in_full() {
    for (cuts, way) in
        [Cuts::Generated, Cuts::Whole].into_iter().flat_map(|cuts| streams().map(move |way| (cuts, way)))
    {
        for (word, fault) in [("cut", Fault::Cut), ("reset", Fault::Reset)] {
            let world = World::start(|options| options.cuts = cuts).await;
            let prompt = format!("[[sim output=50 {word}@chunk:5]]");
            let got = world.ask(way, &prompt).await.expect("a head");
            assert!(!got.whole, "{way:?}");
            let line = world.line().await;
            let billed = if cuts == Cuts::Generated { 5 } else { 50 };
            assert_eq!((line.tokens.output, line.ending), (Tokens::new(billed), Ending::Cut), "{way:?}");
            assert_eq!(world.provider.fired(fault), 1, "{way:?}");
            if word == "cut" {
                let metered = metered(way, &got.body);
                assert_eq!(metered.seen.deltas, 5, "{way:?}: what was generated was sent");
                assert!(!matches!(metered.usage, Usage::Final(_)), "{way:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_point_of_a_stream_can_be_the_last() {
    for way in streams() {
        let world = World::start(|_| {}).await;
        let points = [("chunk:0", false), ("byte:40", false), ("usage", false), ("end", true)];
        for (number, (point, final_usage)) in (0..).zip(points) {
            let got = world.ask(way, &format!("[[sim output=3 cut@{point}]]")).await.expect("a head");
            assert!(!got.whole, "{way:?} {point}");
            match point {
                "chunk:0" => assert_eq!(got.body.len(), 0, "{way:?}"),
                "byte:40" => assert_eq!(got.body.len(), 40, "{way:?}"),
                _ => {}
            }
            let usage = metered(way, &got.body).usage;
            assert_eq!(matches!(usage, Usage::Final(_)), final_usage, "{way:?} {point}: {usage:?}");
            world.provider.until(number + 1).await;
        }
        assert_eq!(world.provider.fired(Fault::Cut), 4, "{way:?}");
    }
}

#[tokio::test]
async fn a_whole_body_breaks_where_the_script_says() {
    let whole = WAYS[0];
    let world = World::start(|_| {}).await;
    let got = world.ask(whole, "[[sim output=9 cut@byte:100]]").await.expect("a head");
    assert_eq!((got.whole, got.body.len()), (false, 100));
    let got = world.ask(whole, "[[sim output=9 cut@end]]").await.expect("a head");
    assert!(!got.whole && got.body.ends_with(b"}"));
    let cost = world.line().await.cost;
    assert!(world.provider.bill().lines.iter().all(|line| line.cost == cost && line.ending == Ending::Cut));
    for word in ["cut@headers", "reset@headers"] {
        assert!(world.ask(whole, &format!("[[sim {word}]]")).await.is_none(), "{word}");
    }
    assert_eq!((world.provider.fired(Fault::Cut), world.provider.fired(Fault::Reset)), (3, 1));
    assert!(world.ask(whole, "[[sim endless@headers]]").await.is_none(), "a client gives up");
    assert_eq!(world.provider.fired(Fault::EndlessHead), 1);
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_and_billed() {
    for way in streams() {
        let world = World::start(|_| {}).await;
        let response = world.open(way, "[[sim output=50 stall@chunk:3]]").await.expect("a head");
        let mut body = response.into_body();
        let mut meter = Meter::new(way.operation, way.stream.expect("a stream"));
        while meter.seen().deltas < 3 {
            let frame = body.frame().await.expect("more").expect("bytes");
            meter.feed(&frame.into_data().unwrap_or_default(), &mut |_| {});
        }
        assert_eq!(world.provider.requests(), 0, "{way:?}: nothing is billed before the end");
        drop(body);
        let line = world.line().await;
        assert_eq!((line.ending, line.tokens.output), (Ending::ClientGone, Tokens::new(3)), "{way:?}");
        assert_eq!(world.provider.fired(Fault::Stall), 1);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_billed_as_far_as_it_came() {
    for way in [WAYS[0], WAYS[1], WAYS[6], WAYS[8]] {
        let world = World::start(|_| {}).await;
        let mut body = world.open(way, "[[sim endless]]").await.expect("a head").into_body();
        let mut seen = 0;
        while seen < 100_000 {
            seen += body.frame().await.expect("more").expect("bytes").into_data().unwrap_or_default().len();
        }
        drop(body);
        let line = world.line().await;
        assert_eq!((line.ending, world.provider.fired(Fault::Endless)), (Ending::ClientGone, 1), "{way:?}");
        assert!(line.tokens.output.count() > 300, "{way:?}: {line:?}");
    }
}

#[track_caller]
fn check_lie(way: Way, word: &str, usage: &Usage) {
    let tells_early = way.operation == Operation::StreamGenerate;
    let told = match usage {
        Usage::Final(answer) => Some(answer.tokens.output.count()),
        _ => None,
    };
    let name = format!("{way:?} {word}: {usage:?}");
    match word {
        "truth" | "twice" | "growing" => assert_eq!(told, Some(40), "{name}"),
        "smaller" => assert_eq!(told, Some(20), "{name}"),
        "zero" => assert_eq!(told, Some(0), "{name}"),
        "negative" | "huge" | "string" => assert_eq!(*usage, Usage::Unreadable, "{name}"),
        _ if tells_early || way.stream.is_none() => assert_eq!(*usage, Usage::Missing, "{name}"),
        _ => assert_ne!(told, Some(40), "{name}"),
    }
}

#[tokio::test]
async fn every_lie_about_the_usage_is_told_and_the_bill_stays_true() {
    let words =
        ["twice", "growing", "smaller", "null", "string", "negative", "zero", "huge", "elsewhere", "none"];
    for way in WAYS {
        for word in words {
            let world = World::start(|_| {}).await;
            let got =
                world.ask(way, &format!("[[sim input=30 output=40 usage={word}]]")).await.expect("an answer");
            let usage = metered(way, &got.body).usage;
            if !(way.operation.dialect() == crate::wire::dialect::Dialect::Gemini && word == "zero") {
                let whole = way.stream.is_none() && matches!(word, "twice" | "growing");
                check_lie(way, if whole { "truth" } else { word }, &usage);
            }
            let line = world.line().await;
            assert_eq!(
                (line.tokens.prompt().count(), line.tokens.output.count()),
                (30, 40),
                "{way:?} {word}"
            );
            assert_eq!(world.provider.fired(Fault::Usage), 1, "{way:?} {word}");
        }
    }
}

#[tokio::test]
async fn refusals_are_read_by_their_class() {
    let world = World::start(|_| {}).await;
    for (script, class) in [
        ("status=429", FailureClass::RateLimit),
        ("status=429 code=insufficient_quota", FailureClass::Billing),
        ("status=401", FailureClass::Authentication),
        ("status=402", FailureClass::Billing),
        ("overloaded", FailureClass::Overloaded),
        ("status=500", FailureClass::ServerError),
        ("status=504", FailureClass::Timeout),
        ("html", FailureClass::ServerError),
    ] {
        for way in [WAYS[0], WAYS[3], WAYS[5], WAYS[7]] {
            if script.contains("insufficient")
                && way.operation.dialect() != crate::wire::dialect::Dialect::OpenAi
            {
                continue;
            }
            let got = world.ask(way, &format!("[[sim {script} retry-after=7]]")).await.expect("an answer");
            let provider = way.operation.dialect().as_str();
            let answered = Answered { headers: &[], now: NOW };
            let failure = classify(got.status.as_u16(), &answered, &got.body, provider);
            assert_eq!(failure.class, class, "{way:?} {script}");
            assert_eq!(
                got.headers.get("retry-after").map(hyper::header::HeaderValue::as_bytes),
                Some(&b"7"[..])
            );
        }
    }
    let bill = world.provider.bill();
    assert_eq!((bill.requests, bill.cost), (bill.refused, Money::ZERO));
    assert_eq!(world.provider.fired(Fault::Status), bill.refused);
}

#[tokio::test]
async fn what_a_provider_refuses_of_its_own_accord() {
    let world = World::start(|options| options.keys = vec!["sk-test".to_owned()]).await;
    let model = |body: &'static str| Way { body, ..WAYS[0] };
    for (way, prompt, status) in [
        (model(r#"{"model":"nobody","messages":[]}"#), "", 404),
        (model(r#"{"model":"gpt-4.1","max_tokens":"many"}"#), "", 400),
        (model("{"), "", 400),
        (WAYS[0], "[[sim cutt]]", 400),
        (WAYS[0], "[[sim input=99999999]]", 400),
        (Way { body: r#"{"model":"claude-haiku-4-5","messages":[]}"#, ..WAYS[5] }, "", 400),
        (Way { path: "/v1/nothing", ..WAYS[0] }, "", 404),
    ] {
        assert_eq!(world.ask(way, prompt).await.expect("an answer").status.as_u16(), status, "{way:?}");
    }
    assert_eq!(world.provider.billed(), Money::ZERO);
    let closed = World::start(|options| options.keys = vec!["sk-other".to_owned()]).await;
    assert_eq!(closed.ask(WAYS[0], "hello").await.expect("an answer").status.as_u16(), 401);
}

#[tokio::test]
async fn limits_are_told_and_refuse_what_is_past_them() {
    let limits_of_one = Limits { requests: 2, tokens: 100_000, manner: Manner::Refuse };
    for (way, told) in [(WAYS[0], 2), (WAYS[5], 2), (WAYS[7], 0)] {
        let world = World::start(|options| options.limits = limits_of_one).await;
        let got = world.ask(way, "[[sim input=900 output=100]]").await.expect("an answer");
        let headers: Vec<_> = got
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let provider = way.operation.dialect().as_str();
        let answered = Answered { headers: &headers, now: NOW };
        let read = limits::read(&answered, provider);
        let remaining: Vec<_> = read.iter().filter_map(|limit| limit.remaining).collect();
        assert_eq!(read.len(), told, "{way:?}: {read:?}");
        assert!(told == 0 || (remaining.contains(&1) && remaining.contains(&99_000)), "{way:?}: {read:?}");
        world.ask(way, "again").await.expect("an answer");
        let got = world.ask(way, "and again").await.expect("an answer");
        let failure =
            classify(got.status.as_u16(), &Answered { headers: &[], now: NOW }, &got.body, provider);
        assert_eq!(
            (failure.class, got.headers["retry-after"].as_bytes()),
            (FailureClass::RateLimit, &b"30"[..])
        );
        assert_eq!(world.provider.fired(Fault::Limit), 1, "{way:?}");
    }
}

#[tokio::test]
async fn redirects_compressed_answers_and_errors_in_a_stream_happen() {
    let world = World::start(|_| {}).await;
    let got = world.ask(WAYS[0], "[[sim redirect=http://127.0.0.1:9/x]]").await.expect("an answer");
    assert_eq!(
        (got.status.as_u16(), got.headers["location"].as_bytes()),
        (307, &b"http://127.0.0.1:9/x"[..])
    );
    for (way, pad) in [(WAYS[0], "pad=100000"), (WAYS[1], "")] {
        let got = world.ask(way, &format!("[[sim gzip output=20 {pad}]]")).await.expect("an answer");
        let mut text = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(got.body.as_slice());
        std::io::Read::read_to_end(&mut decoder, &mut text).expect("gzip");
        assert!(pad.is_empty() || got.body.len() * 50 < text.len(), "a bomb");
        assert!(matches!(metered(way, &text).usage, Usage::Final(_)));
    }
    assert_eq!((world.provider.fired(Fault::Redirect), world.provider.fired(Fault::Gzip)), (1, 2));
    for way in streams() {
        let got = world.ask(way, "[[sim output=9 slow=0ms/chunk error@chunk:2]]").await.expect("an answer");
        let metered = metered(way, &got.body);
        assert!(metered.failure.is_some() && got.whole, "{way:?}: {metered:?}");
        assert_eq!(world.provider.bill().lines.back().map(|line| line.tokens.output), Some(Tokens::new(2)));
    }
    let streams = streams().count() as u64;
    assert_eq!((world.provider.fired(Fault::Error), world.provider.fired(Fault::Slow)), (streams, streams));
}

#[tokio::test]
async fn scripts_wait_for_the_next_request_in_their_order() {
    let world = World::start(|options| options.remember = 2).await;
    world.provider.script(Script::parse("status=503").expect("a script"));
    world.provider.script(Script::parse("output=5").expect("a script"));
    let statuses =
        [world.ask(WAYS[0], "a").await, world.ask(WAYS[0], "b").await, world.ask(WAYS[0], "c").await]
            .map(|got| got.map(|got| got.status.as_u16()));
    assert_eq!(statuses, [Some(503), Some(200), Some(200)]);
    assert_eq!(world.provider.bill().lines[1].tokens.output, Tokens::new(5));
    let received = world.provider.received();
    assert_eq!(received.len(), 2);
    assert!(received[1].headers.contains(&("authorization".to_owned(), "Bearer sk-test".to_owned())));
    assert_eq!(received[1].body, WAYS[0].body.replace('%', "c"));
}

#[tokio::test]
async fn the_bill_is_served_and_reset_over_http() {
    let world = World::start(|_| {}).await;
    world.ask(WAYS[0], "[[sim input=10 output=20]]").await.expect("an answer");
    world.ask(WAYS[0], "[[sim status=500]]").await.expect("an answer");
    let json: serde_json::Value = serde_json::from_str(&world.provider.bill_json()).expect("JSON");
    assert_eq!(
        (&json["requests"], &json["refused"], &json["nanodollars"]),
        (&2.into(), &1.into(), &220_000.into())
    );
    assert_eq!((&json["lines"][0]["tokens"]["output"], &json["fired"]["status"]), (&20.into(), &1.into()));
    let reset = Way { path: "/_sim/reset", ..WAYS[0] };
    assert_eq!(world.ask(reset, "").await.map(|got| got.status.as_u16()), Some(200));
    assert_eq!((world.provider.bill(), world.provider.fired(Fault::Status)), (Bill::default(), 0));
}

#[tokio::test]
async fn tools_are_called_once_in_every_api() {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    for way in WAYS.into_iter().filter(|way| way.operation != Operation::Completions) {
        let tools = match way.operation.dialect() {
            crate::wire::dialect::Dialect::Gemini => {
                format!(r#"[{{"functionDeclarations":[{{"name":"weather","parameters":{schema}}}]}}]"#)
            }
            crate::wire::dialect::Dialect::Anthropic => {
                format!(r#"[{{"name":"weather","input_schema":{schema}}}]"#)
            }
            _ => format!(r#"[{{"type":"function","function":{{"name":"weather","parameters":{schema}}}}}]"#),
        };
        let world = World::start(|_| {}).await;
        let body = way.body.replacen('{', &format!(r#"{{"tools":{tools},"#), 1);
        let way = Way { body: body.leak(), ..way };
        let got = world.ask(way, "hello").await.expect("an answer");
        let text = String::from_utf8(got.body).expect("text");
        assert!(text.contains(r#""name":"weather""#), "{way:?}: {text}");
        let metered = metered(way, text.as_bytes());
        let Usage::Final(answer) = metered.usage else { panic!("{way:?}: {metered:?}") };
        assert_eq!(answer.tokens, world.line().await.tokens, "{way:?}");
        let why = metered.finish.expect("a reason");
        assert!(["tool_calls", "tool_use", "completed", "STOP"].contains(&why.as_str()), "{way:?}: {why}");
    }
}

#[tokio::test]
async fn embeddings_have_a_vector_for_each_text() {
    let body = r#"{"model":"text-embedding-3-small","input":["one two","three"],"dimensions":5,"encoding_format":"base64"}"#;
    let way = Way { path: "/v1/embeddings", body, operation: Operation::Embeddings, stream: None };
    let world = World::start(|_| {}).await;
    let got = world.ask(way, "").await.expect("an answer");
    let json: serde_json::Value = serde_json::from_slice(&got.body).expect("JSON");
    assert_eq!(json["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["data"][1]["embedding"], "AAAAPQAAAD0AAAA9AAAAPQAAAD0=");
    let Usage::Final(answer) = metered(way, &got.body).usage else { panic!("no usage") };
    let line = world.line().await;
    assert_eq!((answer.tokens, line.cost), (line.tokens, Money::from_nanos(60)));
}
