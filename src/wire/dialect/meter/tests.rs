//! Answers as the providers stream them, cut anywhere, and the odd ones among them.

use proptest::prelude::*;

use super::super::sse::testing::pieces;
use super::*;
use crate::domain::failure::{Charge, FailureClass};
use crate::domain::tokens::Tokens;

fn stream(operation: Operation, chunks: &[&[u8]]) -> (Metered, String) {
    let mut meter = Meter::new(operation, Framing::Events);
    let mut text = String::new();
    for chunk in chunks {
        meter.feed(chunk, &mut |piece| text.push_str(piece));
    }
    (meter.finish(), text)
}

fn events(events: &[&str]) -> String {
    format!("data: {}\n\n", events.join("\n\ndata: "))
}

fn read(operation: Operation, data: &[&str]) -> Metered {
    stream(operation, &[events(data).as_bytes()]).0
}

fn classes(answer: &Answer) -> [u64; 6] {
    let count = answer.tokens;
    [
        count.input,
        count.cache_read,
        count.cache_write_short,
        count.cache_write_long,
        count.output,
        count.reasoning,
    ]
    .map(Tokens::count)
}

#[track_caller]
fn ends(metered: &Metered, want: [u64; 6]) {
    match &metered.usage {
        Usage::Final(answer) => assert_eq!(classes(answer), want),
        other => panic!("no final usage: {other:?}"),
    }
}

const CHAT: &[&str] = &[
    r#"{"id":"c1","model":"m-1","choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}"#,
    r#"{"id":"c1","model":"m-1","choices":[{"delta":{"content":"Hé "}}],"usage":null}"#,
    r#"{"id":"c1","model":"m-1","choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}"#,
    r#"{"id":"c1","model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"c1","model":"m-1","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":5}}}"#,
    "[DONE]",
];

const MESSAGES: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","model":"claude-x","usage":{"input_tokens":9,"cache_creation_input_tokens":30,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":1,"service_tier":"standard"}}}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":12}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":null,"output_tokens":25}}"#,
    r#"{"type":"message_stop"}"#,
];

const RESPONSES: &[&str] = &[
    r#"{"type":"response.created","response":{"id":"resp_1","model":"m-2","usage":null}}"#,
    r#"{"type":"response.output_text.delta","delta":"Hello"}"#,
    r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#,
    r#"{"type":"response.completed","response":{"id":"resp_1","model":"m-2","status":"completed","error":null,"service_tier":"priority","usage":{"input_tokens":100,"output_tokens":30,"output_tokens_details":{"reasoning_tokens":12}}}}"#,
];

const GEMINI: &[&str] = &[
    r#"{"responseId":"g1","modelVersion":"gemini-x","candidates":[{"content":{"parts":[{"text":"He"}]}}],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#,
    r#"{"responseId":"g1","candidates":[{"content":{"parts":[{"text":"llo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":4,"thoughtsTokenCount":6}}"#,
];

#[test]
fn a_chat_ends_in_the_usage_that_was_asked_for() {
    let (metered, text) = stream(Operation::Chat, &[events(CHAT).as_bytes()]);
    ends(&metered, [15, 5, 0, 0, 7, 0]);
    assert_eq!((text.as_str(), metered.seen.bytes, metered.seen.deltas), ("Hé f{}", 7, 3));
    assert_eq!((metered.id.as_deref(), metered.finish.as_deref()), (Some("c1"), Some("stop")));
    assert_eq!(metered.failure, None);
    let cut = read(Operation::Chat, &CHAT[..4]);
    assert_eq!((cut.usage, cut.model.as_deref()), (Usage::Missing, Some("m-1")));
    // The usage event is the last that matters: a reset before [DONE] changes nothing.
    ends(&read(Operation::Chat, &CHAT[..5]), [15, 5, 0, 0, 7, 0]);
}

#[test]
fn a_message_lays_its_last_count_over_its_first() {
    let (metered, text) = stream(Operation::Messages, &[events(MESSAGES).as_bytes()]);
    ends(&metered, [9, 4, 10, 20, 25, 0]);
    assert_eq!((text.as_str(), metered.model.as_deref()), ("Hi", Some("claude-x")));
    let cut = read(Operation::Messages, &MESSAGES[..5]);
    assert!(
        matches!(&cut.usage, Usage::Floor(answer) if classes(answer) == [9, 4, 10, 20, 12, 0]),
        "{cut:?}"
    );
}

#[test]
fn a_response_says_it_in_its_terminal_event() {
    let (metered, text) = stream(Operation::Responses, &[events(RESPONSES).as_bytes()]);
    ends(&metered, [100, 0, 0, 0, 30, 12]);
    assert_eq!((text.as_str(), metered.finish.as_deref()), ("Hello{}", Some("completed")));
    assert_eq!(read(Operation::Responses, &RESPONSES[..3]).usage, Usage::Missing);
}

#[test]
fn a_gemini_stream_counts_up() {
    let (metered, text) = stream(Operation::StreamGenerate, &[events(GEMINI).as_bytes()]);
    ends(&metered, [8, 0, 0, 0, 10, 6]);
    assert_eq!(text, "Hello");
    assert!(matches!(read(Operation::StreamGenerate, &GEMINI[..1]).usage, Usage::Floor(_)));
    let mut meter = Meter::new(Operation::StreamGenerate, Framing::Array);
    format!("[{}]", GEMINI.join(",\r\n"))
        .as_bytes()
        .chunks(7)
        .for_each(|chunk| meter.feed(chunk, &mut |_| {}));
    assert!(meter.has_ended());
    ends(&meter.finish(), [8, 0, 0, 0, 10, 6]);
}

#[test]
fn whole_bodies_are_read_alike() {
    let chat = r#"{"id":"c","model":"m","choices":[{"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let metered = body(Operation::Chat, chat.as_bytes());
    ends(&metered, [3, 0, 0, 0, 4, 0]);
    assert_eq!(metered.finish.as_deref(), Some("length"));
    let embedding = r#"{"object":"list","model":"e","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    ends(&body(Operation::Embeddings, embedding.as_bytes()), [8, 0, 0, 0, 0, 0]);
    let queued = r#"{"id":"r","status":"queued","usage":{"input_tokens":1,"output_tokens":0}}"#;
    assert!(matches!(body(Operation::Responses, queued.as_bytes()).usage, Usage::Floor(_)));
    for broken in ["", "<html>", "[]", "null", "{\"usage\":{"] {
        assert_eq!(body(Operation::Messages, broken.as_bytes()).usage, Usage::Missing, "{broken}");
    }
}

/// One chat event with this usage, and no choices.
fn usage(written: &str) -> String {
    format!(r#"{{"choices":[],"usage":{written}}}"#)
}

#[track_caller]
fn odd(usages: &[&str], want: &Usage) -> Metered {
    let chunks: Vec<String> = usages.iter().map(|written| usage(written)).collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let metered = read(Operation::Chat, &chunks);
    match (&metered.usage, want) {
        (Usage::Final(told), Usage::Final(answer)) => assert_eq!(told.tokens, answer.tokens, "{usages:?}"),
        (told, want) => assert_eq!(told, want, "{usages:?}"),
    }
    metered
}

fn counted(prompt: u64, completion: u64) -> (String, Usage) {
    let written = format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}"#);
    let metered = read(Operation::Chat, &[&usage(&written)]);
    (written, metered.usage)
}

#[test]
fn odd_usage_has_a_rule_each() {
    let ((small, less), (large, more), (zero, nothing)) = (counted(5, 2), counted(5, 9), counted(0, 0));
    odd(&[&zero], &nothing);
    odd(&["null"], &Usage::Missing);
    odd(&["{}"], &Usage::Missing);
    odd(&[&small, &small], &less);
    odd(&[&small, &large], &more);
    assert!(odd(&[&large, &small], &less).seen.shrank, "the later one counts, and it is told");
    odd(&[&large, "null"], &more);
    odd(&[r#"{"prompt_tokens":"5","completion_tokens":"9"}"#], &more);
    for unreadable in [
        "\"many\"",
        "7",
        "[]",
        r#"{"prompt_tokens":-1}"#,
        r#"{"prompt_tokens":1.5}"#,
        r#"{"completion_tokens":1e400}"#,
        r#"{"prompt_tokens":2199023255552}"#,
    ] {
        odd(&[unreadable], &Usage::Unreadable);
        odd(&[&large, unreadable], &Usage::Unreadable);
        odd(&[unreadable, &large], &more);
    }
    let elsewhere = format!(r#"{{"choices":[],"x_groq":{{"usage":{large}}}}}"#);
    ends(&read(Operation::Chat, &[&elsewhere]), [5, 0, 0, 0, 9, 0]);
}

#[test]
fn an_unreadable_last_count_of_a_message_is_not_its_first() {
    let mut broken = MESSAGES.to_vec();
    broken[5] =
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":-25}}"#;
    assert_eq!(read(Operation::Messages, &broken).usage, Usage::Unreadable);
}

#[test]
fn failures_inside_a_good_answer_are_told() {
    let class = |operation, data: &str| {
        let failure = read(operation, &[data]).failure.expect("a failure");
        assert_eq!(failure.charge, Charge::Uncertain);
        failure.class
    };
    assert_eq!(
        class(
            Operation::Messages,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
        ),
        FailureClass::Overloaded
    );
    assert_eq!(
        class(Operation::Responses, r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#),
        FailureClass::RateLimit
    );
    assert_eq!(
        class(
            Operation::Responses,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#
        ),
        FailureClass::ServerError
    );
    assert_eq!(
        class(
            Operation::Chat,
            r#"{"error":{"code":502,"message":"gone"},"choices":[{"finish_reason":"error"}]}"#
        ),
        FailureClass::ServerError
    );
    assert_eq!(
        class(Operation::StreamGenerate, r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}"#),
        FailureClass::Overloaded
    );
    for (operation, data) in [
        (Operation::Chat, r#"{"choices":[{"finish_reason":"content_filter"}]}"#),
        (
            Operation::Messages,
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":1}}"#,
        ),
        (Operation::StreamGenerate, r#"{"promptFeedback":{"blockReason":"OTHER"}}"#),
        (Operation::StreamGenerate, r#"{"candidates":[{"finishReason":"SAFETY"}]}"#),
    ] {
        assert_eq!(class(operation, data), FailureClass::ContentFilter, "{data}");
    }
}

const OPERATIONS: [Operation; 4] =
    [Operation::Chat, Operation::Responses, Operation::Messages, Operation::StreamGenerate];

proptest! {
    #[test]
    fn the_way_a_stream_is_cut_changes_nothing(
        which in 0_usize..4, cuts in prop::collection::vec(any::<usize>(), 0..12), end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let data = [CHAT, RESPONSES, MESSAGES, GEMINI][which];
        let text = events(data).replace('\n', end);
        let whole = stream(OPERATIONS[which], &[text.as_bytes()]);
        prop_assert!(matches!(whole.0.usage, Usage::Final(_)));
        prop_assert_eq!(stream(OPERATIONS[which], &pieces(text.as_bytes(), &cuts)), whole);
    }

    #[test]
    fn any_json_is_watched(which in 0_usize..4, data in super::super::super::usage::testing::json(KEYS)) {
        read(OPERATIONS[which], &[&data]);
        body(OPERATIONS[which], data.as_bytes());
    }

    #[test]
    fn any_bytes_are_watched(which in 0_usize..4, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        stream(OPERATIONS[which], &[&bytes]);
        body(OPERATIONS[which], &bytes);
    }
}

const KEYS: &[&str] = &[
    "type",
    "id",
    "model",
    "usage",
    "message",
    "delta",
    "response",
    "choices",
    "candidates",
    "content",
    "parts",
    "text",
    "finish_reason",
    "error",
    "code",
    "usageMetadata",
    "output_tokens",
    "input_tokens",
    "prompt_tokens",
    "completion_tokens",
    "tool_calls",
    "function",
    "arguments",
    "stop_reason",
    "status",
    "promptFeedback",
];
