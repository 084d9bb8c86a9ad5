//! Bodies that try to be priced as one thing and billed as another, at every API.

use proptest::prelude::*;
use serde_json::Value;

use super::Dialect;
use super::field::Unfit;
use super::request::{CacheLife, Delivery, ExtraKind, Open, Peek, Request};
use super::rewrite::{Sending, UsageAsk};
use super::route::{self, Route};
use super::sse::testing::pieces;
use super::strip::Strip;
use crate::domain::call::{Region, Tier};
use crate::domain::tokens::Tokens;

/// What the guard gives a request without a limit, in these tests.
const DEFAULT: u64 = 500;

/// An API as the corpus sees it.
struct Api {
    dialect: Dialect,
    path: &'static str,
    limit: &'static str,
    /// What a body has beside the limit.
    rest: &'static str,
}

const APIS: &[Api] = &[
    Api {
        dialect: Dialect::OpenAi,
        path: "/v1/chat/completions",
        limit: "max_completion_tokens",
        rest: r#""model":"m","messages":[{"role":"user","content":"hi"}]"#,
    },
    Api {
        dialect: Dialect::OpenAi,
        path: "/v1/responses",
        limit: "max_output_tokens",
        rest: r#""model":"m","input":"hi""#,
    },
    Api {
        dialect: Dialect::OpenAi,
        path: "/v1/completions",
        limit: "max_tokens",
        rest: r#""model":"m","prompt":"hi""#,
    },
    Api {
        dialect: Dialect::Compatible,
        path: "/v1/chat/completions",
        limit: "max_tokens",
        rest: r#""model":"m","messages":[]"#,
    },
    Api {
        dialect: Dialect::Anthropic,
        path: "/v1/messages",
        limit: "max_tokens",
        rest: r#""model":"m","messages":[]"#,
    },
    Api {
        dialect: Dialect::Gemini,
        path: "/v1beta/models/m:generateContent",
        limit: "maxOutputTokens",
        rest: r#""contents":[]"#,
    },
];

impl Api {
    fn route(&self) -> Route {
        route::find("POST", self.path, None).expect("a route")
    }

    /// Writes a body with these members beside the limit's place.
    fn body(&self, members: &str) -> String {
        let members = members.replace("LIMIT", self.limit);
        match (self.dialect, members.is_empty()) {
            (_, true) => format!("{{{}}}", self.rest),
            (Dialect::Gemini, false) => format!("{{{},\"generationConfig\":{{{members}}}}}", self.rest),
            (_, false) => format!("{{{},{members}}}", self.rest),
        }
    }
}

/// Members that hold a limit, or something like one.
const MEMBERS: &[&str] = &[
    "",
    r#""LIMIT":100"#,
    r#""LIMIT":1"#,
    r#""LIMIT":0"#,
    r#""LIMIT":-1"#,
    r#""LIMIT":-0"#,
    r#""LIMIT":1.5"#,
    r#""LIMIT":100.0"#,
    r#""LIMIT":1e2"#,
    r#""LIMIT":1E5"#,
    r#""LIMIT":"10""#,
    r#""LIMIT":"""#,
    r#""LIMIT":null"#,
    r#""LIMIT":true"#,
    r#""LIMIT":[]"#,
    r#""LIMIT":[100]"#,
    r#""LIMIT":{}"#,
    r#""LIMIT":{"value":9}"#,
    r#""LIMIT":2147483648"#,
    r#""LIMIT":2147483649"#,
    r#""LIMIT":9223372036854775808"#,
    r#""LIMIT":18446744073709551616"#,
    r#""LIMIT":340282366920938463463374607431768211456"#,
    r#""LIMIT":1e400"#,
    r#""LIMIT":-1e400"#,
    r#""LIMIT":NaN"#,
    r#""LIMIT":Infinity"#,
    r#""LIMIT":0x10"#,
    r#""LIMIT":010"#,
    r#""LIMIT":+10"#,
    r#""LIMIT":1_000"#,
    r#""LIMIT": 100 "#,
    r#""LIMIT":100,"LIMIT":100000"#,
    r#""LIMIT":100000,"LIMIT":100"#,
    r#""LIMIT":100,"LIMIT":null"#,
    r#""LIMIT":100,"\u004cIMIT":100000"#,
    r#""m\u0061x_tokens":100000,"LIMIT":100"#,
    r#""max_token\u0073":100000"#,
    r#""m\u0061xOutputTokens":100000"#,
    r#""max_tokens":100,"max_completion_tokens":100000"#,
    r#""max_tokens":100000,"max_completion_tokens":100"#,
    r#""max_completion_tokens":100,"max_output_tokens":100000"#,
    r#""max_tokens":null,"max_completion_tokens":null"#,
    r#""maxOutputTokens":100,"max_output_tokens":100000"#,
    r#""max_output_tokens":100000"#,
    r#""MAX_TOKENS":100000"#,
    r#""Max_Tokens":100000,"max_tokens":10"#,
    r#""maxTokens":100000"#,
    r#""max-tokens":100000"#,
    r#""max__tokens":100000"#,
    r#""max_new_tokens":100000"#,
    r#""n_predict":-1"#,
    r#""num_predict":100000"#,
    r#""parameters":{"LIMIT":100000}"#,
    r#""options":{"num_predict":100000}"#,
    r#""extra_body":{"LIMIT":100000}"#,
    r#""n":100,"LIMIT":100"#,
    r#""n":0"#,
    r#""n":-5"#,
    r#""n":"3""#,
    r#""n":1.5"#,
    r#""n":3,"n":1"#,
    r#""best_of":20,"n":2"#,
    r#""best_of":-1"#,
    r#""candidateCount":8"#,
    r#""candidateCount":0"#,
    r#""candidate_count":8"#,
    r#""candidateCount":1,"candidate_count":8"#,
    r#""stream":"true""#,
    r#""stream":1"#,
    r#""stream":true,"stream":false"#,
    r#""LIMIT":100,"unknown_field":7"#,
    r#""LIMIT":100,"metadata":{"a":{"b":[{"LIMIT":100000}]}}"#,
    r#""generationConfig":{"maxOutputTokens":100000}"#,
    r#""LIMIT":100,"thinkingConfig":{"thinkingBudget":100000}"#,
];

/// Whole bodies that are wrong in themselves.
fn broken(api: &Api) -> Vec<String> {
    let good = api.body(r#""LIMIT":100"#);
    vec![
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("{good}\n{good}"),
        format!("{good}x"),
        format!("{good}\0"),
        format!("[{good}]"),
        format!("\"{}\"", good.replace('"', "\\\"")),
        good.replace('"', "'"),
        good[..good.len() - 1].to_owned(),
        good.replace(":100", ":100,"),
        good.replace("hi", "h\ni").replace(":100", ":100/*c*/"),
        good.replace(":100", &format!(":100,\"deep\":{}{}", "[".repeat(10_000), "]".repeat(10_000))),
        good.replace(":100", ":100,\"x\":\"\\ud800\""),
        good.replace(":100", ":100,\"x\":\"\u{1}\""),
    ]
}

fn chosen(peek: &Peek) -> Tokens {
    peek.output_limit.unwrap_or(Tokens::new(DEFAULT)).min(Tokens::new(DEFAULT))
}

/// The most tokens that any server could take a sent body to allow: the largest number under any key that
/// looks like a limit, in any spelling, and the largest count of answers; nothing given is no bound.
fn allowed(dialect: Dialect, body: &[u8]) -> Option<u64> {
    let value: Value = serde_json::from_slice(body).expect("what is sent is JSON");
    let mut objects = vec![&value];
    if dialect == Dialect::Gemini {
        objects.extend(["generationConfig", "generation_config"].iter().filter_map(|key| value.get(key)));
    }
    let plain = |key: &str| key.replace(['_', '-'], "").to_ascii_lowercase();
    let members = || objects.iter().filter_map(|object| object.as_object()).flatten();
    let limits =
        ["maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "npredict", "numpredict"];
    let copies: &[&str] = match dialect {
        Dialect::OpenAi | Dialect::Compatible => &["n", "bestof"],
        Dialect::Anthropic => &[],
        Dialect::Gemini => &["candidatecount"],
    };
    let largest = |names: &[&str]| {
        let given = members().filter(|(key, value)| names.contains(&plain(key).as_str()) && !value.is_null());
        given.map(|(_, value)| value.as_u64().unwrap_or(u64::MAX)).max()
    };
    largest(&limits)?.checked_mul(largest(copies).unwrap_or(1))
}

/// Refused, or what is sent allows no more than what was priced. Returns the sent body's own reading.
#[track_caller]
fn bound(api: &Api, body: &str) -> Result<(), Unfit> {
    let route = api.route();
    let request = Request::read(&route, api.dialect, body.as_bytes())?;
    let limit = chosen(request.peek());
    let sent = request.rewrite(&Sending { limit: Some(limit), ..Sending::default() })?;
    let priced = limit.count() * request.peek().choices;
    let allowed = allowed(api.dialect, &sent.body).unwrap_or(u64::MAX);
    let shown = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(allowed <= priced, "{body}: priced {priced}, sent {shown}");
    let again = Request::read(&route, api.dialect, &sent.body).unwrap_or_else(|why| panic!("{why}: {shown}"));
    assert_eq!(again.peek().output_limit, Some(limit), "{shown}");
    assert_eq!(again.peek().choices, request.peek().choices, "{shown}");
    Ok(())
}

#[test]
fn each_body_is_refused_or_bound() {
    let (mut refused, mut passed) = (0, 0);
    for api in APIS {
        for members in MEMBERS {
            match bound(api, &api.body(members)) {
                Ok(()) => passed += 1,
                Err(_) => refused += 1,
            }
        }
        for body in broken(api) {
            assert!(bound(api, &body).is_err(), "{}: {}", api.path, &body[..body.len().min(200)]);
            refused += 1;
        }
    }
    assert!(MEMBERS.len() >= 60 && passed > 60 && refused > 200, "passed {passed}, refused {refused}");
}

#[track_caller]
fn check(path: &str, body: &str, want: impl Fn(&Peek) -> bool) {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let route = route::find("POST", path, query).expect("a route");
    let dialect = route.operation.dialect();
    match Request::read(&route, dialect, body.as_bytes()) {
        Ok(request) => assert!(want(request.peek()), "{body}: {:?}", request.peek()),
        Err(why) => panic!("{why}: {body}"),
    }
}

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";
const GEMINI: &str = "/v1beta/models/g:streamGenerateContent?alt=sse";

#[test]
fn what_a_price_hangs_on_is_seen() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"n":3,"max_tokens":7,"service_tier":"fast",
        "tools":[{"type":"function","function":{"name":"f"}}],"reasoning_effort":"high","stream":true,"modalities":["text","audio"],
        "prediction":{"type":"content","content":"abc"}}"#;
    check(CHAT, body, |peek| {
        peek.choices == 3
            && peek.output_limit == Some(Tokens::new(7))
            && peek.tier == Some(Tier::Priority)
            && peek.delivery == Delivery::StreamWithoutUsage
            && peek.effort.as_deref() == Some("high")
            && peek.extras.iter().any(|extra| extra.kind == ExtraKind::AudioOutput)
            && peek.predicted == 34
            && (peek.input.messages, peek.input.tools, peek.input.open.len()) == (1, 1, 0)
            && peek.unknown.is_empty()
    });
    let body = r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"}]}],"previous_response_id":"r",
        "tools":[{"type":"web_search"},{"type":"new_tool"}],"max_tool_calls":4,"prompt_cache_options":{"ttl":"12h"},"moderation":{"model":"o"}}"#;
    check(RESPONSES, body, |peek| {
        peek.extras.iter().any(|extra| extra.kind == ExtraKind::WebSearch && extra.at_most == Some(4))
            && peek.input.open == [Open::Earlier, Open::Tool]
            && peek.cache_write == CacheLife::Long
            && peek.unknown == ["moderation", "tools.type=new_tool"]
            && peek.tier.is_none()
    });
    let body = r#"{"model":"m","max_tokens":9,"stream":true,"speed":"fast","inference_geo":"us","thinking":{"type":"enabled","budget_tokens":1024},
        "system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[],
        "tools":[{"type":"web_search_20260318","name":"web_search","max_uses":5},{"name":"own"}],"fallbacks":"default","billing_policy":{}}"#;
    check(MESSAGES, body, |peek| {
        let kinds: Vec<_> = peek.extras.iter().map(|extra| (extra.kind, extra.at_most)).collect();
        kinds == [(ExtraKind::WebSearch, Some(5)), (ExtraKind::OtherModel, None)]
            && (peek.tier, peek.region, peek.cache_write) == (Some(Tier::Fast), Region::Us, CacheLife::Long)
            && peek.thinking == Some(Tokens::new(1024))
            && peek.delivery == Delivery::Stream
            && peek.unknown == ["billing_policy"]
    });
    let body = r#"{"contents":[{"parts":[{"text":"a"}]}],"generation_config":{"max_output_tokens":5,"candidateCount":2,"newThing":1,
        "thinkingConfig":{"thinkingBudget":-1}},"cached_content":"c","tools":[{"google_search":{}}],"serviceTier":"FLEX"}"#;
    check(GEMINI, body, |peek| {
        (peek.model.as_str(), peek.choices, peek.output_limit) == ("g", 2, Some(Tokens::new(5)))
            && peek.input.open == [Open::Cached, Open::Tool]
            && peek.tier == Some(Tier::Flex)
            && peek.unknown == ["generationConfig.newThing"]
            && peek.thinking.is_none()
    });
    let prompts = r#"{"model":"m","prompt":["a","b","c"],"n":2,"best_of":4}"#;
    check("/v1/completions", prompts, |peek| peek.choices == 12);
    check("/v1/completions", r#"{"model":"m","prompt":[1,2,3]}"#, |peek| peek.choices == 1);
    check("/v1/embeddings", r#"{"model":"m","input":["a","b"]}"#, |peek| peek.input.messages == 2);
}

#[test]
fn of_two_limits_the_larger_counts_in_any_order() {
    let larger = |peek: &Peek| peek.output_limit == Some(Tokens::new(9_000));
    check(CHAT, r#"{"model":"m","messages":[],"max_tokens":9000,"max_completion_tokens":5}"#, larger);
    check(CHAT, r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":9000}"#, larger);
    check(RESPONSES, r#"{"model":"m","input":"a","max_tokens":5,"max_output_tokens":9000}"#, larger);
}

#[test]
fn what_cannot_be_metered_or_named_is_refused() {
    for (path, body) in [
        (RESPONSES, r#"{"model":"m","input":"a","background":true}"#),
        (RESPONSES, r#"{"model":"m","input":"a","background":"true"}"#),
        (CHAT, r#"{"messages":[]}"#),
        (CHAT, r#"{"model":"","messages":[]}"#),
        (CHAT, r#"{"model":7,"messages":[]}"#),
        (CHAT, r#"{"model":"a\u0000b","messages":[]}"#),
        (CHAT, r#"{"model":"m","stream":true,"stream_options":[]}"#),
        (CHAT, r#"{"model":"m","stream":true,"stream_options":{"include_usage":"yes"}}"#),
        (MESSAGES, r#"{"model":"m","max_tokens":null,"messages":[]}"#),
        (MESSAGES, r#"{"model":"m","max_tokens":5,"messages":[],"thinking":{"budget_tokens":-1}}"#),
        (GEMINI, r#"{"model":"models/other","contents":[]}"#),
        (GEMINI, r#"{"contents":[],"generationConfig":[]}"#),
    ] {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let route = route::find("POST", path, query).expect("a route");
        assert!(Request::read(&route, route.operation.dialect(), body.as_bytes()).is_err(), "{body}");
    }
}

#[track_caller]
fn sends(api: (&str, Dialect), body: &str, sending: &Sending<'_>, want: (&str, UsageAsk)) {
    let route = route::find("POST", api.0, None).expect("a route");
    let request = Request::read(&route, api.1, body.as_bytes()).unwrap_or_else(|why| panic!("{why}: {body}"));
    let sent = request.rewrite(sending).unwrap_or_else(|why| panic!("{why}: {body}"));
    assert_eq!((String::from_utf8_lossy(&sent.body).as_ref(), sent.usage), want);
}

#[test]
fn only_the_fields_that_were_decided_change() {
    let limit = Sending { limit: Some(Tokens::new(50)), ..Sending::default() };
    let chat = (CHAT, Dialect::OpenAi);
    let same = UsageAsk::ByClient;
    // Spaces, order and the spelling of other numbers stay.
    sends(
        chat,
        "{ \"seed\": 12345678901234567890123, \"temperature\":1.50e+0,\"model\" :\"m\",\n \"max_tokens\": 80 }",
        &limit,
        (
            "{ \"seed\": 12345678901234567890123, \"temperature\":1.50e+0,\"model\" :\"m\",\n \"max_tokens\": 50 }",
            same,
        ),
    );
    sends(chat, r#"{"model":"m","max_tokens":20}"#, &limit, (r#"{"model":"m","max_tokens":20}"#, same));
    sends(chat, r#"{"model":"m"}"#, &limit, (r#"{"max_completion_tokens":50,"model":"m"}"#, same));
    let other = (CHAT, Dialect::Compatible);
    sends(other, r#"{"model":"m"}"#, &limit, (r#"{"max_tokens":50,"model":"m"}"#, same));
    sends(other, r#"{"model":"m","max_tokens":null}"#, &limit, (r#"{"model":"m","max_tokens":50}"#, same));
    sends(
        (RESPONSES, Dialect::OpenAi),
        r#"{"model":"m"}"#,
        &limit,
        (r#"{"max_output_tokens":50,"model":"m"}"#, same),
    );
    sends(
        (MESSAGES, Dialect::Anthropic),
        r#"{"model":"m"}"#,
        &limit,
        (r#"{"max_tokens":50,"model":"m"}"#, same),
    );
    sends(("/v1/embeddings", Dialect::OpenAi), r#"{"model":"m"}"#, &limit, (r#"{"model":"m"}"#, same));
    let gemini = ("/v1/models/g:generateContent", Dialect::Gemini);
    sends(gemini, "{}", &limit, (r#"{"generationConfig":{"maxOutputTokens":50}}"#, same));
    let null = r#"{"generationConfig":null}"#;
    sends(gemini, null, &limit, (r#"{"generationConfig":{"maxOutputTokens":50}}"#, same));
    let given = r#"{"generation_config":{"topK":5}}"#;
    sends(gemini, given, &limit, (r#"{"generation_config":{"maxOutputTokens":50,"topK":5}}"#, same));
    let model = Sending { model: Some("small \"x\""), ..limit };
    let downgraded = r#"{"model":"small \"x\"","max_tokens":50}"#;
    sends(chat, r#"{"model":"big","max_tokens":90}"#, &model, (downgraded, same));
}

#[test]
fn the_usage_is_asked_for_once() {
    let ask = Sending { usage: UsageAsk::ByGuard, ..Sending::default() };
    let (chat, ours, same) = ((CHAT, Dialect::OpenAi), UsageAsk::ByGuard, UsageAsk::ByClient);
    let asked = r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#;
    sends(chat, r#"{"model":"m","stream":true}"#, &ask, (asked, ours));
    for options in ["null", r#"{"include_usage":false}"#, r#"{"include_usage":null}"#, "{}"] {
        let body = format!(r#"{{"model":"m","stream":true,"stream_options":{options}}}"#);
        let want = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
        sends(chat, &body, &ask, (want, ours));
    }
    let kept = r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false}}"#;
    let want =
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}"#;
    sends(chat, kept, &ask, (want, ours));
    for body in [
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"m","stream":false}"#,
        r#"{"model":"m"}"#,
    ] {
        sends(chat, body, &ask, (body, same));
    }
    let response = r#"{"model":"m","stream":true}"#;
    sends((RESPONSES, Dialect::OpenAi), response, &ask, (response, same));
}

#[test]
fn the_pieces_of_text_are_all_there() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"h\u00e9\n"}],"temperature":0.5}"#;
    let route = route::find("POST", CHAT, None).expect("a route");
    let read = Request::read(&route, Dialect::OpenAi, body.as_bytes());
    let request = read.unwrap_or_else(|why| panic!("{why}"));
    let texts: Vec<_> = request.texts().collect();
    assert_eq!(texts, ["model", "m", "messages", "role", "user", "content", "hé\n", "temperature", "0.5"]);
    assert_eq!(request.peek().input.bytes, body.len() as u64);
}

fn member() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "maxOutputTokens",
        "n",
        "best_of",
        "candidateCount",
        "generationConfig",
        "stream",
        "stream_options",
        "MAX_TOKENS",
        "x",
        "tools",
        "input",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "99",
        "501",
        "0",
        "-1",
        "1.0",
        "1e3",
        "null",
        "true",
        "\"7\"",
        "[]",
        "{}",
        "[{}]",
        "{\"maxOutputTokens\":900}",
        "{\"include_usage\":false}",
        "4294967296",
    ]);
    (key, value).prop_map(|(key, value)| format!("\"{key}\":{value}"))
}

proptest! {
    #[test]
    fn any_members_are_refused_or_bound(which in 0..APIS.len(), members in prop::collection::vec(member(), 0..5)) {
        let _ = bound(&APIS[which], &APIS[which].body(&members.join(",")));
    }

    #[test]
    fn any_bytes_are_refused_or_bound(which in 0..APIS.len(), bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(request) = Request::read(&APIS[which].route(), APIS[which].dialect, &bytes) {
            let _ = request.rewrite(&Sending { limit: Some(Tokens::new(5)), ..Sending::default() });
        }
    }

    #[test]
    fn any_bytes_pass_the_filter_that_are_not_the_event(
        bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let (mut strip, mut out) = (Strip::default(), Vec::new());
        for piece in pieces(&bytes, &cuts) {
            strip.feed(piece, &mut out);
        }
        strip.finish(&mut out);
        prop_assert_eq!(out, bytes);
    }
}
