//! One test per known mistake in reading transcripts.

use proptest::prelude::*;

use super::*;
use crate::domain::claim::Nearness;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

const HOME: &str = "/home/dev/.claude/projects/-home-dev-shop/0a0a0a0a-0000-4000-8000-000000000001.jsonl";

fn decode_at(path: &str, text: &[u8]) -> Decoded {
    let origin = Origin { path: Path::new(path), tenant: None, first_seen: Timestamp::EPOCH, rank: 3 };
    let mut out = Decoded::default();
    ClaudeCode::new(&origin).block(text, Place { offset: 0, line: 1 }, &mut out);
    out
}

/// A record of an assistant, with more fields for the record and for its usage.
fn record(record: &str, usage: &str) -> String {
    format!(
        r#"{{"type":"assistant","timestamp":"2026-06-20T10:00:00.000Z","requestId":"req_1","uuid":"u"{record},"message":{{"id":"msg_1","model":"claude-opus-4-6","usage":{{"input_tokens":10,"output_tokens":7{usage}}}}}}}"#
    )
}

fn call(text: &str) -> Call {
    let mut out = decode_at(HOME, text.as_bytes());
    assert!(out.bad.is_empty(), "{:?}", out.bad);
    out.calls.remove(0)
}

/// Checks how many calls, lines left out and bad lines a text has.
#[track_caller]
fn check(text: &[u8], calls: usize, skipped: u64, bad: u64) {
    let out = decode_at(HOME, text);
    let sum: u64 = out.tally.skipped.iter().sum();
    assert_eq!(
        (out.calls.len(), sum, out.tally.bad),
        (calls, skipped, bad),
        "{}",
        String::from_utf8_lossy(text)
    );
}

/// Checks how the cache writes are split.
#[track_caller]
fn check_writes(usage: &str, short: u64, long: u64) {
    let tokens = call(&record("", usage)).tokens;
    assert_eq!((tokens.cache_write_short.count(), tokens.cache_write_long.count()), (short, long), "{usage}");
}

#[test]
fn streaming_states_of_an_answer_share_its_identity_and_the_fullest_counts() {
    let early = call(&record("", r#","output_tokens_details":null"#));
    let late = call(&record("", "").replace("\"output_tokens\":7", "\"output_tokens\":900"));
    assert_eq!(early.id, late.id);
    assert!(late.claim.beats(&late.tokens, &early.claim, &early.tokens));
    assert!(!early.claim.beats(&early.tokens, &late.claim, &late.tokens));
}

#[test]
fn a_replay_of_another_session_does_not_replace_its_original() {
    let replay = call(&record(r#","sessionId":"0a0a0a0a-0000-4000-8000-000000000002""#, ""));
    let original = call(&record(r#","sessionId":"0a0a0a0a-0000-4000-8000-000000000001""#, ""));
    assert!(original.claim.beats(&original.tokens, &replay.claim, &replay.tokens));
    assert!(!replay.claim.beats(&replay.tokens, &original.claim, &original.tokens));
}

#[test]
fn a_side_conversation_comes_after_the_original_whatever_it_counts() {
    let main = call(&record("", ""));
    let side = call(&record(r#","isSidechain":true"#, r#","cache_read_input_tokens":50000"#));
    assert_eq!(side.claim.nearness, Nearness::Sidechain);
    assert!(!side.claim.beats(&side.tokens, &main.claim, &main.tokens));
}

#[test]
fn an_empty_request_identity_is_none_and_the_model_is_part_of_the_call() {
    let plain = call(&record("", ""));
    let without = call(&record("", "").replace("req_1", ""));
    assert_eq!(without.claim.request, None);
    assert!(plain.claim.same_call(&without.claim));
    let other = call(&record("", "").replace("req_1", "req_2"));
    assert!(!plain.claim.same_call(&other.claim));
    assert_ne!(plain.id, call(&record("", "").replace("opus", "haiku")).id);
}

#[test]
fn without_a_message_identity_the_record_or_its_place_stands_in() {
    let text = record("", "").replace("\"msg_1\"", "null");
    let twice = decode_at(HOME, format!("{text}\n{}\n", text.replace("\"u\"", "\"v\"")).as_bytes());
    assert_ne!(twice.calls[0].id, twice.calls[1].id);
    let bare = text.replace("\"u\"", "null");
    let twice = decode_at(HOME, format!("{bare}\n{bare}\n").as_bytes());
    assert_ne!(twice.calls[0].id, twice.calls[1].id);
}

#[test]
fn spaces_nulls_and_repeated_keys_do_not_hide_a_call() {
    let nulls = r#","speed":null,"service_tier":null,"inference_geo":null,"cache_creation":null"#;
    check(record(r#","costUSD":null,"cwd":null"#, nulls).as_bytes(), 1, 0, 0);
    check(record("", "").replace("\":", "\" : ").as_bytes(), 1, 0, 0);
    check(record(r#","uuid":"again""#, "").as_bytes(), 1, 0, 0);
    check(&[record("", "").as_bytes(), b"\r\n"].concat(), 1, 0, 0);
    let broken = record("", "").into_bytes();
    let at = broken.len() - 2;
    let broken = [&broken[..at], b",\"content\":\"\xff\"}}"].concat();
    check(&broken, 1, 0, 0);
}

#[test]
fn usage_that_is_not_an_answers_does_not_count() {
    check(br#"{"type":"user","toolUseResult":{"usage":{"output_tokens":9}},"message":{"role":"user","content":"x"}}"#, 0, 1, 0);
    check(br#"{"type":"user","message":{"content":"{\"usage\":{\"output_tokens\":9}}"}}"#, 0, 1, 0);
    check(br#"{"type":"assistant","message":{"usage":{"input_tokens":9}}}"#, 0, 1, 0);
    check(record("", "").replace("claude-opus-4-6", "<synthetic>").as_bytes(), 0, 1, 0);
}

#[test]
fn noise_is_skipped_or_counted_bad_and_ends_nothing() {
    let good = record("", "");
    check(format!("\n \r\n{good}\n[1,2]\n\u{feff}{good}\n").as_bytes(), 2, 3, 0);
    check(format!("not json\n{{\"torn\n\0\0\0\n{good}\n").as_bytes(), 1, 0, 3);
    check(record("", "").replace("2026-06-20T10:00:00.000Z", "soon").as_bytes(), 0, 0, 1);
    check(record("", r#","cache_read_input_tokens":-4"#).as_bytes(), 0, 0, 1);
}

#[test]
fn an_array_is_many_records() {
    let second = record("", "").replace("msg_1", "msg_2");
    check(format!("[{},{second},{{\"type\":\"user\"}},7]\n", record("", "")).as_bytes(), 2, 1, 1);
}

#[test]
fn cache_writes_follow_the_flat_count() {
    check_writes(
        r#","cache_creation_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":600,"ephemeral_1h_input_tokens":400}"#,
        600,
        400,
    );
    check_writes(r#","cache_creation_input_tokens":500"#, 500, 0);
    check_writes(
        r#","cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":250}"#,
        0,
        250,
    );
    check_writes(
        r#","cache_creation_input_tokens":900,"cache_creation":{"ephemeral_5m_input_tokens":0}"#,
        900,
        0,
    );
    check_writes(
        r#","cache_creation_input_tokens":800,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":300}"#,
        500,
        300,
    );
}

#[test]
fn an_echo_counts_only_where_the_original_is_gone() {
    let inner = record("", "");
    let echo = call(&format!(r#"{{"type":"progress","data":{{"message":{inner}}}}}"#));
    let original = call(&record(r#","isSidechain":true"#, ""));
    assert_eq!((echo.id, echo.claim.nearness), (original.id, Nearness::Echo));
    assert!(original.claim.beats(&original.tokens, &echo.claim, &echo.tokens));
}

#[test]
fn an_advisor_adds_tokens_of_its_own_model_and_no_call() {
    let steps = r#","iterations":[{"type":"message","input_tokens":10,"output_tokens":7},{"type":"advisor_message","model":"claude-opus-4-8","input_tokens":40,"output_tokens":5}]"#;
    let out = decode_at(HOME, record("", steps).as_bytes());
    assert_eq!(out.calls.len(), 2);
    let advice = &out.calls[1];
    assert_eq!(
        (advice.model.as_str(), advice.calls, advice.tokens.total().count()),
        ("claude-opus-4-8", 0, 45)
    );
    assert_ne!(advice.id, out.calls[0].id);
}

#[test]
fn what_changes_the_price_is_kept() {
    let usage = r#","speed":"fast","service_tier":"priority","inference_geo":"us","output_tokens_details":{"thinking_tokens":3},"server_tool_use":{"web_search_requests":2}"#;
    let fast = call(&record(r#","costUSD":0.136064"#, usage));
    assert_eq!((fast.tier, fast.region, fast.searches), (Tier::Fast, Region::Us, 2));
    assert_eq!((fast.tokens.reasoning.count(), fast.tokens.output.count()), (3, 7));
    assert_eq!(fast.reported.map(Money::nanos), Some(136_064_000));
    assert_eq!(call(&record("", r#","service_tier":"batch""#)).tier, Tier::Batch);
}

#[test]
fn the_model_says_who_bills() {
    for (model, provider) in [
        ("claude-opus-4-6", "anthropic"),
        ("us.anthropic.claude-opus-4-6-v1:0", "bedrock"),
        ("anthropic.claude-opus-4-6-v1:0", "bedrock"),
        ("claude-opus-4-6@20260101", "vertex_ai"),
        ("glm-5.2", ""),
    ] {
        assert_eq!(
            call(&record("", "").replace("claude-opus-4-6", model)).provider.as_str(),
            provider,
            "{model}"
        );
    }
}

#[test]
fn the_tenant_is_the_first_directory_below_projects() {
    for (path, tenant) in [
        (HOME, "-home-dev-shop"),
        (
            "/x/projects/alpha/0a0a0a0a-0000-4000-8000-000000000001/subagents/workflows/wf/agent-b.jsonl",
            "alpha",
        ),
        ("/x/projects/alpha/session/chat.jsonl", "alpha"),
        ("/x/backup/beta/a.jsonl", "beta"),
        ("a.jsonl", "unknown"),
    ] {
        assert_eq!(decode_at(path, record("", "").as_bytes()).calls[0].tenant.as_str(), tenant, "{path}");
    }
}

proptest! {
    #[test]
    fn every_line_becomes_calls_or_is_left_out_or_is_bad(
        lines in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                r#"[\{]?("usage"|"message"|"type"|[:,{}\[\]0-9a-z"])*[\}]?"#.prop_map(String::into_bytes),
                (0_usize..300).prop_map(|at| record("", "").into_bytes().into_iter().take(at).collect()),
            ],
            0..6,
        )
    ) {
        for line in &lines {
            let line = [line.as_slice(), b"\n"].concat();
            let out = decode_at(HOME, &line);
            let accounted = out.tally.skipped.iter().sum::<u64>() + out.tally.bad;
            let lines = memchr_iter(b'\n', &line).count() as u64;
            prop_assert!(out.tally.lines >= lines);
            prop_assert_eq!(accounted + out.calls.len() as u64, out.tally.lines);
        }
        let whole = lines.join(&b'\n');
        let parts = decode_at(HOME, &whole);
        let accounted = parts.tally.skipped.iter().sum::<u64>() + parts.tally.bad + parts.calls.len() as u64;
        prop_assert_eq!(parts.tally.lines, accounted);
    }
}
