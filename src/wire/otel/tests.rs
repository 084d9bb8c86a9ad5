//! One test per known mistake in reading spans and logs.

use proptest::prelude::*;

use super::super::format::Format;
use super::super::usage::testing::{classes, comes_out, counted, json, one, read};
use super::*;
use crate::domain::money::Money;
use crate::domain::time::Millis;

/// Writes attributes; the values stand as they are to be written.
fn attributes(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!(r#"{{"key":"{key}","value":{{{value}}}}}"#)).collect();
    format!("[{}]", pairs.join(","))
}

fn span(id: &str, parent: &str, pairs: &[(&str, &str)]) -> String {
    format!(
        r#"{{"traceId":"t1","spanId":"{id}","parentSpanId":"{parent}","name":"x","startTimeUnixNano":"1781906399822000000","endTimeUnixNano":"1781906400822000000","attributes":{}}}"#,
        attributes(pairs)
    )
}

fn traces(spans: &[String]) -> String {
    let resource =
        attributes(&[("service.name", r#""stringValue":"svc""#), ("tenant.id", r#""stringValue":"acme""#)]);
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":{resource}}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    )
}

fn log(times: &str, pairs: &[(&str, &str)]) -> String {
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":{}}},"scopeLogs":[{{"logRecords":[{{{times},"attributes":{}}}]}}]}}]}}"#,
        attributes(&[("service.name", r#""stringValue":"svc""#)]),
        attributes(pairs)
    )
}

const AT: &str = r#""timeUnixNano":"1781906400000000000""#;
const CHAT: (&str, &str) = ("gen_ai.operation.name", r#""stringValue":"chat""#);
const MODEL_M: (&str, &str) = ("gen_ai.response.model", r#""stringValue":"m""#);
const IN: (&str, &str) = ("gen_ai.usage.input_tokens", r#""intValue":"3543""#);
const OUT: (&str, &str) = ("gen_ai.usage.output_tokens", r#""stringValue":"368""#);

#[test]
fn counts_come_in_every_envelope_and_include_what_was_cached() {
    let call = one(
        &Format::Otel,
        &traces(&[span(
            "s1",
            "",
            &[
                CHAT,
                MODEL_M,
                IN,
                OUT,
                ("gen_ai.request.model", r#""stringValue":"alias""#),
                ("gen_ai.usage.cache_read.input_tokens", r#""doubleValue":1181.0"#),
                ("gen_ai.usage.reasoning.output_tokens", r#""intValue":92"#),
            ],
        )]),
    );
    assert_eq!(classes(&call), [2362, 1181, 0, 0, 368, 92]);
    assert_eq!((call.tenant.as_str(), call.model.as_str()), ("acme", "m"));
    assert_eq!((call.at.millis(), call.latency), (1_781_906_400_822, Some(Millis::new(1000))));
}

#[test]
fn older_names_are_read_and_agents_never_count() {
    let old = [
        ("gen_ai.system", r#""stringValue":"openai""#),
        ("gen_ai.request.model", r#""stringValue":"gpt""#),
        ("gen_ai.usage.prompt_tokens", r#""intValue":"10""#),
        ("gen_ai.usage.completion_tokens", r#""intValue":"2""#),
    ];
    let agent = [("gen_ai.operation.name", r#""stringValue":"invoke_agent""#), IN, OUT];
    let call = one(&Format::Otel, &traces(&[span("s1", "s2", &old), span("s2", "", &agent)]));
    assert_eq!((classes(&call), call.provider.as_str()), ([10, 0, 0, 0, 2, 0], "openai"));
    let out = read(&Format::Otel, &traces(&[span("s2", "", &agent)]));
    assert_eq!((out.calls.len(), out.tally.skipped[Skip::OtherRecord as usize]), (0, 1));
}

#[test]
fn a_nameless_span_above_another_with_usage_repeats_it() {
    let line = traces(&[span("s1", "mid", &[MODEL_M, IN]), span("mid", "top", &[]), span("top", "", &[IN])]);
    assert_eq!(one(&Format::Otel, &line).model.as_str(), "m");
}

#[test]
fn the_model_is_taken_from_a_span_above() {
    let model = [("model", r#""stringValue":"gpt-5.2-codex""#)];
    let line = traces(&[span("s1", "mid", &[IN]), span("mid", "top", &[]), span("top", "", &model)]);
    assert_eq!(one(&Format::Otel, &line).model.as_str(), "gpt-5.2-codex");
    let circle = traces(&[span("s1", "s2", &[CHAT, IN]), span("s2", "s1", &[])]);
    assert_eq!(one(&Format::Otel, &circle).model.as_str(), "unknown");
}

#[test]
fn a_model_named_in_a_later_line_replaces_the_unknown_one() {
    let model = [("model", r#""stringValue":"gpt-5.2-codex""#)];
    let lines = [
        traces(&[span("s1", "s2", &[IN])]),
        traces(&[span("s2", "s3", &[])]),
        traces(&[span("s4", "top", &model), span("s3", "s4", &[])]),
        traces(&[span("top", "", &[])]),
    ];
    let calls = counted(read(&Format::Otel, &lines.join("\n")).calls);
    assert_eq!(calls.iter().map(|call| call.model.as_str()).collect::<Vec<_>>(), ["gpt-5.2-codex"]);
}

#[test]
fn an_emitter_that_counts_cached_tokens_apart_is_recognised() {
    let cached = ("gen_ai.usage.cache_read_input_tokens", r#""intValue":"9000""#);
    let call = one(&Format::Otel, &traces(&[span("s1", "", &[CHAT, IN, OUT, cached])]));
    assert_eq!(classes(&call), [3543, 9000, 0, 0, 368, 0]);
}

#[test]
fn one_response_in_two_signals_or_two_deliveries_counts_once() {
    let response = ("gen_ai.response.id", r#""stringValue":"resp_1""#);
    let line = traces(&[span("s1", "", &[CHAT, IN, OUT, response]), span("s9", "", &[CHAT, IN])]);
    let event = log(r#""timeUnixNano":"1781906400822000000""#, &[CHAT, IN, OUT, response]);
    let out = read(&Format::Otel, &format!("{line}\n{line}\n{event}\n"));
    assert_eq!((out.calls.len(), counted(out.calls).len()), (5, 2));
}

#[test]
fn codex_logs_carry_no_time_and_only_one_of_two_has_counts() {
    let kind = [
        ("event.name", r#""stringValue":"codex.sse_event""#),
        ("event.kind", r#""stringValue":"response.completed""#),
        ("model", r#""stringValue":"gpt-5.2-codex""#),
        ("event.timestamp", r#""stringValue":"2026-11-22T03:12:01.011Z""#),
    ];
    let counts = [
        ("input_token_count", r#""stringValue":"6571""#),
        ("output_token_count", r#""stringValue":"78""#),
        ("cached_token_count", r#""intValue":"2816""#),
        ("cache_write_token_count", r#""intValue":"128""#),
        ("reasoning_token_count", r#""intValue":"12""#),
    ];
    let times = r#""timeUnixNano":"0","observedTimeUnixNano":"1795317121011617209""#;
    let call = one(&Format::Otel, &log(times, &[&kind[..], &counts[..]].concat()));
    assert_eq!((classes(&call), call.at.millis()), ([3627, 2816, 128, 0, 78, 12], 1_795_317_121_011));
    let timeless = one(&Format::Otel, &log(r#""timeUnixNano":"0""#, &[&kind[..], &counts[..]].concat()));
    assert_eq!(timeless.at, call.at);
    let out = read(&Format::Otel, &log(times, &kind));
    assert_eq!(out.tally.skipped[Skip::NoUsage as usize], 1);
}

#[test]
fn a_codex_response_in_logs_and_spans_counts_once_and_the_log_names_the_model() {
    let service = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"codex_exec"}}]}"#;
    let counts = [
        ("input_token_count", r#""stringValue":"6571""#),
        ("output_token_count", r#""stringValue":"78""#),
        ("cached_token_count", r#""intValue":"2816""#),
        ("event.name", r#""stringValue":"codex.sse_event""#),
        ("model", r#""stringValue":"gpt-5.2-codex""#),
    ];
    let usage = [
        ("gen_ai.usage.input_tokens", r#""intValue":"6571""#),
        ("gen_ai.usage.output_tokens", r#""intValue":"78""#),
        ("gen_ai.usage.cache_read.input_tokens", r#""intValue":"2816""#),
    ];
    let log = format!(
        r#"{{"resourceLogs":[{{"resource":{service},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"0","observedTimeUnixNano":"1781906400811617209","attributes":{}}}]}}]}}]}}"#,
        attributes(&counts)
    );
    let spans = format!(
        r#"{{"resourceSpans":[{{"resource":{service},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        span("s1", "", &usage)
    );
    for text in [format!("{log}\n{spans}\n"), format!("{spans}\n{log}\n")] {
        let calls = counted(read(&Format::Otel, &text).calls);
        assert_eq!(calls.len(), 1);
        assert_eq!(
            (calls[0].model.as_str(), classes(&calls[0])),
            ("gpt-5.2-codex", [3755, 2816, 0, 0, 78, 0])
        );
    }
    let later = spans.replace("400822000000", "401822000000");
    assert_eq!(counted(read(&Format::Otel, &format!("{spans}\n{later}\n")).calls).len(), 2);
}

#[test]
fn gemini_cli_reports_a_response_twice_and_adds_thoughts_and_tools() {
    let response = [
        ("event.name", r#""stringValue":"gemini_cli.api_response""#),
        ("model", r#""stringValue":"gemini-2.5-pro""#),
        ("input_token_count", r#""intValue":"12000""#),
        ("cached_content_token_count", r#""intValue":"8000""#),
        ("output_token_count", r#""intValue":"350""#),
        ("thoughts_token_count", r#""intValue":"420""#),
        ("tool_token_count", r#""intValue":"7""#),
    ];
    let twin = [("event.name", r#""stringValue":"gen_ai.client.inference.operation.details""#), IN, OUT];
    let text = format!("{}\n{}\n", log(AT, &response), log(AT, &twin).replace("svc", "gemini-cli"));
    let out = read(&Format::Otel, &text);
    assert_eq!(out.calls.iter().map(classes).collect::<Vec<_>>(), [[4007, 8000, 0, 0, 770, 420]]);
    assert_eq!((out.calls[0].provider.as_str(), out.calls[0].model.as_str()), ("gemini", "gemini-2.5-pro"));
    assert_eq!(out.tally.skipped[Skip::Repeat as usize], 1);
    assert_eq!(one(&Format::Otel, &log(AT, &twin)).tokens.output.count(), 368);
}

#[test]
fn the_schemas_own_field_names_are_read() {
    let usage = [CHAT, MODEL_M, IN, ("gen_ai.usage.output_tokens", r#""int_value":"368""#)];
    let camel = traces(&[span("s1", "s0", &[CHAT, MODEL_M, IN, OUT])]);
    let snake = traces(&[span("s1", "s0", &usage)]);
    let mut snake = snake.replace("\"stringValue\"", "\"string_value\"");
    for (from, to) in [
        ("resourceSpans", "resource_spans"),
        ("scopeSpans", "scope_spans"),
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
        ("parentSpanId", "parent_span_id"),
        ("startTimeUnixNano", "start_time_unix_nano"),
        ("endTimeUnixNano", "end_time_unix_nano"),
    ] {
        snake = snake.replace(&format!("\"{from}\""), &format!("\"{to}\""));
    }
    assert_eq!(one(&Format::Otel, &snake), one(&Format::Otel, &camel));
    let old = camel.replace("scopeSpans", "instrumentationLibrarySpans");
    assert_eq!(one(&Format::Otel, &old), one(&Format::Otel, &camel));
}

#[test]
fn what_sdks_print_to_files_is_read() {
    let own = r#""gen_ai.operation.name":"chat","gen_ai.response.model":"m","gen_ai.usage.input_tokens":3543,"gen_ai.usage.output_tokens":368"#;
    let console = format!(
        r#"{{"name":"chat m","context":{{"trace_id":"0xt1","span_id":"0xs1"}},"kind":"SpanKind.CLIENT","parent_id":null,"start_time":"2026-06-19T21:59:59.822Z","end_time":"2026-06-19T22:00:00.822Z","status":{{"status_code":"ERROR"}},"attributes":{{{own}}},"resource":{{"attributes":{{"service.name":"svc"}}}}}}"#
    );
    let dumped = format!(
        r#"{{"type":"span","traceId":"t1","spanId":"s1","startTime":[1781906399,822000000],"endTime":[1781906400,822000000],"attributes":{{{own}}},"resource":{{"_rawAttributes":[["service.name","svc"]]}}}}"#
    );
    let enveloped = one(&Format::Otel, &traces(&[span("s1", "", &[CHAT, MODEL_M, IN, OUT])]));
    for line in [&console, &dumped] {
        let call = one(&Format::Otel, line);
        assert_eq!((call.id, call.at, call.latency), (enveloped.id, enveloped.at, enveloped.latency));
        assert_eq!((classes(&call), call.tenant.as_str()), (classes(&enveloped), "svc"));
    }
    assert_eq!(one(&Format::Otel, &console).status, Status::Failed);
    let log = format!(
        r#"{{"hrTime":[1781906400,822000000],"attributes":{{"event.name":"gen_ai.client.inference.operation.details",{own}}},"_body":"x"}}"#
    );
    assert_eq!(one(&Format::Otel, &log).at, enveloped.at);
    assert_eq!(read(&Format::Otel, r#"{"attributes":{"a":1},"other":2}"#).calls, []);
}

/// Checks the counts and the provider of a span with these attributes.
#[track_caller]
fn check_span(pairs: &[(&str, &str)], want: [u64; 6], provider: &str) {
    let call = one(&Format::Otel, &traces(&[span("s1", "", pairs)]));
    assert_eq!(
        (classes(&call), call.provider.as_str(), call.model.as_str()),
        (want, provider, "m"),
        "{pairs:?}"
    );
}

#[test]
fn related_conventions_are_read() {
    check_span(
        &[
            ("openinference.span.kind", r#""stringValue":"LLM""#),
            ("llm.model_name", r#""stringValue":"m""#),
            ("llm.provider", r#""stringValue":"openai""#),
            ("llm.token_count.prompt", r#""intValue":"80""#),
            ("llm.token_count.completion", r#""intValue":15"#),
            ("llm.token_count.prompt_details.cache_read", r#""intValue":"40""#),
            ("llm.token_count.prompt_details.cache_write", r#""intValue":"20""#),
            ("llm.token_count.completion_details.reasoning", r#""intValue":"5""#),
        ],
        [20, 40, 20, 0, 15, 5],
        "openai",
    );
    check_span(
        &[
            ("gen_ai.system", r#""stringValue":"Langchain""#),
            ("gen_ai.request.model", r#""stringValue":"m""#),
            ("gen_ai.usage.prompt_tokens", r#""intValue":"100""#),
            ("gen_ai.usage.completion_tokens", r#""intValue":"50""#),
            ("llm.usage.total_tokens", r#""intValue":"150""#),
            ("gen_ai.usage.cache_read_input_tokens", r#""intValue":"20""#),
            ("llm.usage.reasoning_tokens", r#""intValue":"9""#),
        ],
        [80, 20, 0, 0, 50, 9],
        "",
    );
    check_span(
        &[
            ("ai.operationId", r#""stringValue":"ai.generateText.doGenerate""#),
            ("gen_ai.system", r#""stringValue":"openai.responses""#),
            ("ai.model.id", r#""stringValue":"m""#),
            ("gen_ai.usage.input_tokens", r#""intValue":"100""#),
            ("gen_ai.usage.output_tokens", r#""intValue":"50""#),
            ("ai.usage.cachedInputTokens", r#""intValue":"60""#),
        ],
        [40, 60, 0, 0, 50, 0],
        "openai",
    );
    check_span(
        &[
            CHAT,
            MODEL_M,
            ("gen_ai.usage.input_tokens", r#""intValue":"100""#),
            ("gen_ai.usage.output_tokens", r#""intValue":"50""#),
            ("gen_ai.usage.details.cache_read_tokens", r#""intValue":"30""#),
            ("gen_ai.usage.details.reasoning_tokens", r#""intValue":"7""#),
        ],
        [70, 30, 0, 0, 50, 7],
        "",
    );
}

#[test]
fn a_total_tells_who_counts_cached_tokens_apart() {
    check_span(
        &[
            CHAT,
            MODEL_M,
            ("gen_ai.usage.input_tokens", r#""intValue":"100""#),
            ("gen_ai.usage.output_tokens", r#""intValue":"50""#),
            ("gen_ai.usage.total_tokens", r#""intValue":"190""#),
            ("gen_ai.usage.cache_read_input_tokens", r#""intValue":"30""#),
            ("gen_ai.usage.cache_write_input_tokens", r#""intValue":"10""#),
        ],
        [100, 30, 10, 0, 50, 0],
        "",
    );
}

#[test]
fn what_stands_around_a_question_never_counts() {
    for (key, word) in [
        ("gen_ai.operation.name", "invoke_workflow"),
        ("gen_ai.operation.name", "fetch_response"),
        ("gen_ai.operation.name", "search_memory"),
        ("openinference.span.kind", "CHAIN"),
        ("traceloop.span.kind", "workflow"),
        ("ai.operationId", "ai.streamText"),
        ("agent_name", "helper"),
    ] {
        let value = format!(r#""stringValue":"{word}""#);
        let out = read(&Format::Otel, &traces(&[span("s1", "", &[(key, &value), IN, OUT])]));
        assert_eq!((out.calls.len(), out.tally.bad), (0, 0), "{key} {word}");
    }
    let own = ("gen_ai.operation.name", r#""stringValue":"our_chat""#);
    assert_eq!(read(&Format::Otel, &traces(&[span("s1", "", &[own, IN])])).calls.len(), 1);
}

#[test]
fn a_span_above_usage_is_known_in_later_lines_too() {
    let lines = [
        traces(&[span("s1", "s2", &[CHAT, IN, OUT])]),
        traces(&[span("s2", "s3", &[])]),
        traces(&[span("s3", "", &[IN, OUT])]),
    ];
    assert_eq!(read(&Format::Otel, &lines.join("\n")).calls.len(), 1);
}

#[test]
fn a_claude_code_request_in_log_and_span_counts_once() {
    let counts = [
        ("model", r#""stringValue":"claude-opus-4-6""#),
        ("input_tokens", r#""intValue":"292""#),
        ("output_tokens", r#""intValue":"191""#),
        ("request_id", r#""stringValue":"req_110""#),
    ];
    let event = ("event.name", r#""stringValue":"claude_code.api_request""#);
    let log = log(AT, &[&[event], &counts[..]].concat());
    let spans = traces(&[span("s1", "", &counts).replace("\"x\"", "\"claude_code.llm_request\"")]);
    let calls = counted(read(&Format::Otel, &format!("{log}\n{spans}\n")).calls);
    assert_eq!(calls.iter().map(classes).collect::<Vec<_>>(), [[292, 0, 0, 0, 191, 0]]);
}

#[test]
fn claude_code_counts_apart_and_names_the_person() {
    let call = one(
        &Format::Otel,
        &log(
            r#""timeUnixNano":"1781906400000000000","body":{"stringValue":"claude_code.api_request"}"#,
            &[
                ("event.name", r#""stringValue":"api_request""#),
                ("user.email", r#""stringValue":"dev@example.com""#),
                ("model", r#""stringValue":"claude-opus-4-6""#),
                ("cost_usd", r#""stringValue":"0.038959""#),
                ("input_tokens", r#""intValue":"292""#),
                ("output_tokens", r#""intValue":"191""#),
                ("cache_read_tokens", r#""intValue":"34935""#),
                ("cache_creation_tokens", r#""intValue":"314""#),
                ("request_id", r#""stringValue":"req_110""#),
                ("speed", r#""stringValue":"fast""#),
            ],
        ),
    );
    assert_eq!((classes(&call), call.tier), ([292, 34935, 314, 0, 191, 0], Tier::Fast));
    assert_eq!(
        (call.tenant.as_str(), call.reported),
        ("dev@example.com", Some(Money::from_nanos(38_959_000)))
    );
}

#[test]
fn metrics_and_spans_without_usage_are_skipped_and_bad_counts_say_why() {
    let bad = span("s1", "", &[CHAT, ("gen_ai.usage.input_tokens", r#""stringValue":"many""#)]);
    let text = [
        r#"{"resourceMetrics":[]}"#.to_owned(),
        traces(&[span("s0", "", &[CHAT])]),
        traces(&[bad, span("s2", "", &[CHAT, IN])]),
    ];
    let out = read(&Format::Otel, &text.join("\n"));
    assert_eq!((out.calls.len(), out.tally.bad), (1, 1));
    assert_eq!(out.tally.skipped, [0, 0, 1, 1, 0, 0]);
    assert!(out.bad[0].reason.starts_with("gen_ai.usage.input_tokens: "), "{:?}", out.bad);
}

const KEYS: &[&str] = &[
    "resourceSpans",
    "scopeSpans",
    "spans",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "resource",
    "attributes",
    "key",
    "value",
    "intValue",
    "stringValue",
    "spanId",
    "parentSpanId",
    "endTimeUnixNano",
    "timeUnixNano",
];

proptest! {
    #[test]
    fn any_bytes_come_out_as_something(line in prop::collection::vec(any::<u8>(), 0..80)) {
        comes_out(&Format::Otel, &line);
    }

    #[test]
    fn any_json_comes_out_as_something(line in json(KEYS)) {
        comes_out(&Format::Otel, line.as_bytes());
    }

    #[test]
    fn any_count_comes_out_as_something(value in json(KEYS), time in any::<u64>()) {
        let inner = format!("\"intValue\":{value}");
        let own = [CHAT, ("gen_ai.usage.input_tokens", inner.as_str())];
        comes_out(&Format::Otel, log(&format!("\"timeUnixNano\":{time}"), &own).as_bytes());
    }
}
