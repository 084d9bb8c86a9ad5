//! One test per known mistake in reading rollouts.

use std::path::Path;

use proptest::prelude::*;

use super::*;

const PARENT: &str = "01a20134-a516-76c1-a9f1-d482056a19be";
const CHILD: &str = "01a20134-a59a-7473-b1be-a9d18fe25bb2";
const PARENT_TURN: &str = "01a20134-a52e-7362-8922-88cd6da8b0c7";
const CHILD_TURN: &str = "01a20134-a5b1-7d32-b2d4-47e1eb6e6d86";

const ARCHIVED: &str =
    "/x/archived_sessions/rollout-2026-11-22T03-02-37-01a20134-a516-76c1-a9f1-d482056a19be.jsonl";

fn decode(lines: &[String]) -> Decoded {
    decode_at(ARCHIVED, lines)
}

fn decode_at(path: &str, lines: &[String]) -> Decoded {
    let path = Path::new(path);
    let origin = Origin { path, tenant: None, first_seen: Timestamp::EPOCH, rank: 0 };
    let mut out = Decoded::default();
    let mut codex = Codex::new(&origin);
    codex.block(lines.join("\n").as_bytes(), Place { offset: 0, line: 1 }, &mut out);
    codex.pause(&mut out);
    assert_eq!(
        out.tally.lines,
        out.calls.len() as u64 + out.tally.skipped.iter().sum::<u64>() + out.tally.bad
    );
    out
}

fn line(kind: &str, payload: &str) -> String {
    format!(r#"{{"timestamp":"2026-11-22T03:02:37.110Z","type":"{kind}","payload":{payload}}}"#)
}

fn meta(id: &str, more: &str) -> String {
    line(
        "session_meta",
        &format!(r#"{{"id":"{id}","cwd":"/home/dev/shop","model_provider":"openai"{more}}}"#),
    )
}

fn turn(id: &str) -> String {
    line("turn_context", &format!(r#"{{"turn_id":"{id}","model":"gpt-5.2-codex"}}"#))
}

fn usage(input: u64) -> String {
    format!(
        r#"{{"input_tokens":{input},"cached_input_tokens":4,"cache_write_input_tokens":2,"output_tokens":5,"reasoning_output_tokens":3}}"#
    )
}

fn counter(total: u64, last: u64) -> String {
    let (total, last) = (usage(total), usage(last));
    line(
        "event_msg",
        &format!(
            r#"{{"type":"token_count","info":{{"total_token_usage":{total},"last_token_usage":{last}}}}}"#
        ),
    )
}

fn record(thread: &str, turn: &str, response: &str, input: u64) -> String {
    let usage = usage(input);
    line(
        "token_usage_record",
        &format!(
            r#"{{"thread_id":"{thread}","turn_id":"{turn}","response_id":"{response}","usage":{usage},"thread_token_usage":{{"input_tokens":99999}}}}"#
        ),
    )
}

/// Checks the inputs (with cached and written tokens) of the calls that count as this file's own.
#[track_caller]
fn check(lines: &[String], own: &[u64]) {
    let out = decode(lines);
    assert!(out.bad.is_empty(), "{:?}", out.bad);
    let counted: Vec<u64> = out
        .calls
        .iter()
        .filter(|call| call.claim.nearness == Nearness::Main)
        .map(|call| call.tokens.prompt().count())
        .collect();
    assert_eq!(counted, own);
}

#[test]
fn a_record_counts_once_and_its_counter_not_at_all() {
    let lines = [
        meta(PARENT, ""),
        turn(PARENT_TURN),
        record(PARENT, PARENT_TURN, "resp_1", 100),
        counter(100, 100),
        counter(100, 100),
        record(PARENT, PARENT_TURN, "resp_2", 50),
        counter(150, 50),
    ];
    check(&lines, &[100, 50]);
    let call = &decode(&lines).calls[0];
    assert_eq!((call.tenant.as_str(), call.provider.as_str()), ("/home/dev/shop", "openai"));
    assert_eq!((call.model.as_str(), call.tokens.input.count()), ("gpt-5.2-codex", 94));
    assert_eq!((call.tokens.cache_read.count(), call.tokens.cache_write_short.count()), (4, 2));
    assert_eq!((call.tokens.output.count(), call.tokens.reasoning.count()), (5, 3));
}

#[test]
fn running_totals_are_not_summed_and_repeated_counters_are_nothing() {
    let lines = [meta(PARENT, ""), turn(PARENT_TURN), counter(100, 100), counter(100, 100), counter(130, 30)];
    check(&lines, &[100, 30]);
}

#[test]
fn a_total_that_falls_begins_anew_with_its_last() {
    check(&[meta(PARENT, ""), counter(900, 900), counter(300, 40), counter(340, 40)], &[900, 40, 40]);
}

#[test]
fn without_a_last_the_difference_counts() {
    let bare = |total: u64| {
        line(
            "event_msg",
            &format!(r#"{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{total}}}}}}}"#),
        )
    };
    check(&[meta(PARENT, ""), bare(100), bare(160), bare(20)], &[100, 60]);
}

#[test]
fn a_counter_without_a_record_in_a_continued_thread_is_a_call() {
    let lines = [
        meta(PARENT, ""),
        turn(PARENT_TURN),
        counter(100, 100),
        record(PARENT, PARENT_TURN, "resp_1", 60),
        counter(160, 60),
        counter(200, 40),
    ];
    check(&lines, &[100, 60, 40]);
}

#[test]
fn copied_history_has_the_identity_of_its_own_thread() {
    let parent = [meta(PARENT, ""), turn(PARENT_TURN), counter(100, 100), counter(150, 50)];
    let child = [
        meta(CHILD, &format!(r#","forked_from_id":"{PARENT}","parent_thread_id":"{PARENT}""#)),
        meta(PARENT, ""),
        turn(PARENT_TURN),
        counter(100, 100),
        turn(CHILD_TURN),
        counter(170, 70),
    ];
    check(&child, &[70]);
    let (parent, child) = (decode(&parent), decode(&child));
    assert_eq!(parent.calls[0].id, child.calls[0].id);
    assert_eq!(child.calls[0].claim.nearness, Nearness::Echo);
    assert_ne!(parent.calls[1].id, child.calls[1].id);
}

#[test]
fn a_subagent_that_answers_within_a_second_is_no_replay() {
    let header = meta(CHILD, &format!(r#","parent_thread_id":"{PARENT}","source":{{"subagent":{{}}}}"#));
    check(&[header, turn(CHILD_TURN), counter(100, 100), counter(150, 50)], &[100, 50]);
}

#[test]
fn an_archived_file_is_the_same_thread() {
    let lines = [turn(PARENT_TURN), counter(100, 100), record(PARENT, PARENT_TURN, "resp_1", 60)];
    let dated = ARCHIVED.replace("archived_sessions", "sessions/2026/11/22");
    let (archived, dated) = (decode(&lines).calls, decode_at(&dated, &lines).calls);
    assert_eq!(archived.iter().map(|call| call.id).collect::<Vec<_>>(), [dated[0].id, dated[1].id]);
    let packed = decode_at(&format!("{ARCHIVED}.zst"), &lines).calls;
    assert_eq!(packed[0].id, archived[0].id);
}

#[test]
fn settings_of_the_child_end_a_copy_without_dated_turns() {
    let settings = line(
        "event_msg",
        &format!(r#"{{"type":"thread_settings_applied","thread_id":"{CHILD}","thread_settings":{{}}}}"#),
    );
    check(&[meta(CHILD, ""), meta(PARENT, ""), counter(100, 100), settings, counter(170, 70)], &[70]);
}

#[test]
fn the_first_pause_ends_a_copy_without_dated_turns() {
    let later = counter(170, 70).replace("03:02:37.110", "03:02:39.000");
    check(&[meta(CHILD, ""), meta(PARENT, ""), counter(100, 100), later], &[70]);
}

#[test]
fn lines_below_the_childs_first_number_are_inherited() {
    let numbered = |line: String, ordinal: u64| line.replacen('{', &format!(r#"{{"ordinal":{ordinal},"#), 1);
    let lines = [
        numbered(meta(CHILD, r#","subagent_history_start_ordinal":4"#), 0),
        numbered(meta(PARENT, ""), 1),
        numbered(counter(100, 100), 2),
        numbered(counter(170, 70), 4),
    ];
    check(&lines, &[70]);
}

#[test]
fn a_record_of_another_thread_is_an_echo_of_its_own_files() {
    let copy = decode(&[meta(CHILD, ""), record(PARENT, PARENT_TURN, "resp_1", 100)]);
    let own = decode(&[meta(PARENT, ""), turn(PARENT_TURN), record(PARENT, PARENT_TURN, "resp_1", 100)]);
    assert_eq!(copy.calls[0].id, own.calls[0].id);
    assert!(own.calls[0].claim.beats(&own.calls[0].tokens, &copy.calls[0].claim, &copy.calls[0].tokens));
    let latest = record(PARENT, PARENT_TURN, "resp_1", 100);
    let payload =
        latest.split_once(r#""payload":"#).map(|(_, rest)| &rest[..rest.len() - 1]).expect("a payload");
    let compacted = decode(&[line("compacted", &format!(r#"{{"latest_token_usage_record":{payload}}}"#))]);
    assert_eq!((compacted.calls[0].id, compacted.calls[0].claim.nearness), (own.calls[0].id, Nearness::Echo));
}

#[test]
fn the_model_may_change_in_the_middle_of_a_thread() {
    let other = turn(CHILD_TURN).replace("gpt-5.2-codex", "gpt-5.5");
    let lines = [meta(PARENT, ""), turn(PARENT_TURN), counter(100, 100), other, counter(160, 60)];
    let models: Vec<_> = decode(&lines).calls.iter().map(|call| call.model.as_str()).collect();
    assert_eq!(models, ["gpt-5.2-codex", "gpt-5.5"]);
}

#[test]
fn a_header_without_a_name_is_the_files_own() {
    let header =
        line("session_meta", r#"{"session_id":"s","cwd":"/home/dev/shop","model_provider":"openai"}"#);
    let lines = [header, turn(PARENT_TURN), counter(100, 100)];
    check(&lines, &[100]);
    let call = &decode(&lines).calls[0];
    assert_eq!((call.tenant.as_str(), call.provider.as_str()), ("/home/dev/shop", "openai"));
}

#[test]
fn a_resumed_thread_goes_on_from_its_total_and_a_compaction_begins_a_new_one() {
    let lines = [
        meta(PARENT, ""),
        turn(PARENT_TURN),
        counter(100, 100),
        counter(100, 100),
        meta(PARENT, ""),
        turn(CHILD_TURN),
        counter(150, 50),
        line("compacted", r#"{"message":"summary","replacement_history":[]}"#),
        counter(30, 30),
        counter(75, 45),
    ];
    check(&lines, &[100, 50, 30, 45]);
}

#[test]
fn the_model_is_the_turns_and_never_assumed() {
    let lines = [meta(PARENT, ""), turn(PARENT_TURN), record(PARENT, "another", "resp_1", 100)];
    assert_eq!(decode(&lines).calls[0].model.as_str(), "unknown");
    let root = record(PARENT, "another", "resp_1", 100)
        .replace(r#""turn_id""#, &format!(r#""root_turn_id":"{PARENT_TURN}","turn_id""#));
    assert_eq!(decode(&[meta(PARENT, ""), turn(PARENT_TURN), root]).calls[0].model.as_str(), "gpt-5.2-codex");
}

#[test]
fn the_tier_is_the_one_the_turn_began_with() {
    let settings = |tier: &str| {
        let tier =
            format!(r#"{{"type":"thread_settings_applied","thread_settings":{{"service_tier":"{tier}"}}}}"#);
        line("event_msg", &tier)
    };
    let lines = [
        meta(PARENT, ""),
        turn(PARENT_TURN),
        settings("flex"),
        counter(10, 10),
        settings("priority"),
        counter(20, 11),
        turn(CHILD_TURN),
        counter(30, 12),
    ];
    let tiers: Vec<Tier> = decode(&lines).calls.iter().map(|call| call.tier).collect();
    assert_eq!(tiers, [Tier::Flex, Tier::Flex, Tier::Priority]);
}

#[test]
fn noise_is_skipped_or_bad() {
    let limits = line("event_msg", r#"{"type":"token_count","info":null,"rate_limits":{}}"#);
    let zero = counter(0, 0).replace("_tokens\":5", "_tokens\":0");
    check(&[meta(PARENT, ""), limits, zero, String::new(), line("new_kind", "[1]")], &[]);
    assert_eq!(decode(&["{\"torn".to_owned(), "\0\0".to_owned(), counter(7, 7)]).tally.bad, 2);
    assert_eq!(decode(&[counter(9, 9).replace("2026-11-22", "someday")]).tally.bad, 1);
}

#[test]
fn repeated_keys_take_the_last() {
    check(&[counter(9, 9).replacen('{', r#"{"type":"x","#, 1)], &[9]);
}

proptest! {
    #[test]
    fn every_line_becomes_a_call_or_is_left_out_or_is_bad(
        lines in prop::collection::vec(
            prop_oneof![
                r"[\{]?[ -~]{0,40}".prop_map(String::from),
                (0_u64..9, 0_u64..9).prop_map(|(total, last)| counter(total, last)),
                (0_usize..200).prop_map(|at| counter(7, 7).chars().take(at).collect()),
                Just(meta(PARENT, "")), Just(meta(CHILD, "")), Just(turn(CHILD_TURN)),
                Just(record(CHILD, CHILD_TURN, "r", 3)),
            ],
            0..12,
        )
    ) {
        decode(&lines);
    }
}
