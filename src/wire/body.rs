//! Provider answers, one per line.

use super::usage::{Left, Object, answer, each_object};
use super::{Decoder, Origin, Place};
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId};
use crate::domain::claim::Claim;
use crate::domain::label::Labels;
use crate::domain::observation::Decoded;
use crate::domain::time::Timestamp;

/// Reads answers of `OpenAI`, Anthropic, Gemini and those that speak like them. The end of a stream that
/// wraps the answer (`response.completed`) is read as the answer.
pub struct Body {
    path: Vec<u8>,
    tenant: Option<TenantId>,
    first_seen: Timestamp,
    rank: u32,
    labels: Labels,
}

impl Body {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Body {
        Body {
            path: origin.path.as_os_str().as_encoded_bytes().to_vec(),
            tenant: origin.tenant,
            first_seen: origin.first_seen,
            rank: origin.rank,
            labels: Labels::default(),
        }
    }

    fn call(&mut self, line: &Object<'_>, written: &str, place: Place) -> Result<Call, Left> {
        let wrapped = line.object("response");
        let body = if wrapped.has("usage") { &wrapped } else { line };
        let answer = answer(body)?;
        let id = match &answer.id {
            Some(id) => CallId::of("provider-body", &[id.as_bytes()]),
            // Embeddings have no id and no time, so that equal answers are common: the place tells them apart.
            None => {
                CallId::of("provider-body", &[&self.path, &place.offset.to_le_bytes(), written.as_bytes()])
            }
        };
        let tenant = self.tenant.unwrap_or_else(|| echoed(body, &mut self.labels));
        let model = ModelId::from_label(self.labels.label(known(&answer.model)));
        let mut call = Call::new(id, answer.at.unwrap_or(self.first_seen), tenant, model);
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        call.provider = Provider::from_label(self.labels.label(answer.provider));
        call.tier = answer.tier;
        call.region = answer.region;
        call.tokens = answer.tokens;
        call.media = answer.media;
        call.searches = answer.searches;
        call.reported = answer.reported;
        Ok(call)
    }
}

impl Decoder for Body {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        each_object(line, place, out, |object, written| self.call(object, written, place));
    }
}

/// Returns the tenant that the body echoes from its request.
fn echoed(body: &Object<'_>, labels: &mut Labels) -> TenantId {
    let metadata = body.object("metadata");
    let name = body
        .text("user")
        .or_else(|| metadata.first_text(&["tenant", "tenant_id", "user_id", "user"]))
        .or_else(|| body.text("safety_identifier"));
    TenantId::from_label(labels.label(known(&name.unwrap_or_default())))
}

fn known(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{SEEN, classes, comes_out, counted, json, one, read};
    use super::*;
    use crate::domain::call::{Region, Tier};
    use crate::domain::money::Money;
    use crate::domain::observation::Skip;
    use crate::domain::tokens::Tokens;

    #[track_caller]
    fn check(line: &str, provider: &str, want: [u64; 6]) -> Call {
        let call = one(&Format::Body, line);
        assert_eq!((call.provider.as_str(), classes(&call)), (provider, want), "{line}");
        call
    }

    #[test]
    fn openai_counts_cached_tokens_and_reasoning_inside() {
        let call = check(
            r#"{"id":"chatcmpl-1","created":1781906400,"model":"gpt-4.1","user":"acme","service_tier":"flex",
            "usage":{"prompt_tokens":"1000","completion_tokens":300.0,"total_tokens":1300,
            "prompt_tokens_details":{"cached_tokens":900},"completion_tokens_details":{"reasoning_tokens":192}}}"#
                .replace('\n', "")
                .as_str(),
            "openai",
            [100, 900, 0, 0, 300, 192],
        );
        assert_eq!((call.tenant.as_str(), call.tier), ("acme", Tier::Flex));
        assert_eq!(call.at, Timestamp::from_seconds(1_781_906_400));
    }

    #[test]
    fn sound_and_pictures_are_told_apart() {
        let count = |call: &Call| {
            let media = call.media;
            [media.audio_input, media.audio_output, media.image_input, media.image_output].map(Tokens::count)
        };
        let line = r#"{"id":"c","created":1781906400,"model":"gpt-audio","object":"chat.completion","usage":{"prompt_tokens":500,"completion_tokens":80,"total_tokens":580,"prompt_tokens_details":{"audio_tokens":400,"image_tokens":30},"completion_tokens_details":{"audio_tokens":60}}}"#;
        let call = check(line, "openai", [500, 0, 0, 0, 80, 0]);
        assert_eq!(count(&call), [400, 60, 30, 0]);
        let line = r#"{"responseId":"g","createTime":"2026-06-19T22:00:00Z","modelVersion":"gemini-2.5-flash","candidates":[],"usageMetadata":{"promptTokenCount":700,"candidatesTokenCount":9,"promptTokensDetails":[{"modality":"TEXT","tokenCount":100},{"modality":"AUDIO","tokenCount":600}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":5}]}}"#;
        assert_eq!(count(&check(line, "gemini", [700, 0, 0, 0, 9, 0])), [600, 0, 0, 5]);
        let line = line.replace("600", "\"many\"");
        assert!(read(&Format::Body, &line).bad[0].reason.contains("tokenCount"));
    }

    #[test]
    fn responses_tell_cache_writes_and_searches() {
        let usage = r#"{"input_tokens":2006,"output_tokens":300,"input_tokens_details":{"cached_tokens":1500,
            "cache_write_tokens":400,"cache_write_tokens_details":{"ttl_30m_tokens":300,"ttl_12h_tokens":100}}}"#
            .replace('\n', "");
        let tail = r#""created_at":1781906400,"output":[{"type":"web_search_call"},{"type":"message"}]"#;
        let line = format!(r#"{{"id":"resp_1","object":"response","usage":{usage},{tail}}}"#);
        let call = check(&line, "openai", [106, 1500, 300, 100, 300, 0]);
        assert_eq!((call.searches, call.model.as_str()), (1, "unknown"));
        let wrapped = format!(r#"{{"type":"response.completed","response":{line}}}"#);
        assert_eq!(one(&Format::Body, &wrapped).id, call.id);
    }

    #[test]
    fn anthropic_counts_apart_and_has_no_time() {
        let line = r#"{"id":"msg_1","type":"message","model":"claude-haiku-4-5","usage":{"input_tokens":96,
            "cache_creation_input_tokens":310,"cache_read_input_tokens":2732,"output_tokens":38,
            "cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},
            "server_tool_use":{"web_search_requests":2},"service_tier":"standard","speed":"fast",
            "inference_geo":"us"}}"#
            .replace('\n', "");
        let call = check(&line, "anthropic", [96, 2732, 110, 200, 38, 0]);
        assert_eq!((call.tier, call.region, call.searches), (Tier::Fast, Region::Us, 2));
        assert_eq!(call.at, Timestamp::from_seconds(SEEN));
        assert_eq!(call.tenant, TenantId::unknown());
    }

    #[test]
    fn gemini_thoughts_and_tool_use_are_addends() {
        check(
            r#"{"responseId":"g1","modelVersion":"models/gemini-3","usageMetadata":{"promptTokenCount":12000,"cachedContentTokenCount":9000,"candidatesTokenCount":400,"thoughtsTokenCount":650,"toolUsePromptTokenCount":50}}"#,
            "gemini",
            [3050, 9000, 0, 0, 1050, 650],
        );
    }

    #[test]
    fn stated_dollars_are_kept() {
        let call = check(
            r#"{"id":"gen-1","model":"m","usage":{"prompt_tokens":10,"completion_tokens":2,"cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.02}}}"#,
            "openrouter",
            [10, 0, 0, 0, 2, 0],
        );
        assert_eq!(call.reported, Some(Money::from_nanos(21_000_000)));
        let call = check(
            r#"{"id":"x1","model":"grok","usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":20,"completion_tokens_details":{"reasoning_tokens":8},"cost_in_usd_ticks":37756000}}"#,
            "xai",
            [10, 0, 0, 0, 10, 8],
        );
        assert_eq!(call.reported, Some(Money::from_nanos(3_775_600)));
    }

    #[test]
    fn deepseek_hits_are_cache_reads() {
        check(
            r#"{"id":"d1","model":"deepseek-chat","usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":6,"prompt_cache_miss_tokens":4}}"#,
            "deepseek",
            [4, 6, 0, 0, 2, 0],
        );
    }

    #[test]
    fn answers_without_an_id_are_told_apart_by_their_place() {
        let line = r#"{"object":"list","model":"embed","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let out = read(&Format::Body, &format!("{line}\n{line}\n"));
        assert_eq!(classes(&out.calls[0]), [8, 0, 0, 0, 0, 0]);
        assert_eq!(counted(out.calls).len(), 2);
    }

    #[test]
    fn chunks_without_usage_are_skipped_and_the_last_count_stays() {
        let chunk = |usage: &str| format!(r#"{{"id":"c","created":1781906400,"model":"m","usage":{usage}}}"#);
        let counts = |output: u32| format!(r#"{{"prompt_tokens":5,"completion_tokens":{output}}}"#);
        let text = [chunk("null"), chunk(&counts(1)), chunk(&counts(9))].join("\n");
        let out = read(&Format::Body, &text);
        assert_eq!(out.tally.skipped[Skip::NoUsage as usize], 1);
        let calls = counted(out.calls);
        assert_eq!((calls.len(), classes(&calls[0])), (1, [5, 0, 0, 0, 9, 0]));
    }

    #[test]
    fn a_bad_line_does_not_end_the_file() {
        let text = "\u{feff}{\"id\":\"a\",\"usage\":{\"prompt_tokens\":-1}}\r\n\r\nnot json\n[{\"id\":\"b\",\"usage\":{\"prompt_tokens\":1}}]\n";
        let out = read(&Format::Body, text);
        assert_eq!((out.calls.len(), out.tally.bad, out.tally.lines), (1, 2, 4));
        assert_eq!(out.tally.skipped[Skip::Blank as usize], 1);
    }

    const KEYS: &[&str] = &[
        "id",
        "model",
        "usage",
        "response",
        "usageMetadata",
        "input_tokens",
        "output_tokens",
        "type",
        "prompt_tokens",
        "prompt_tokens_details",
        "cached_tokens",
        "cache_creation",
        "cost",
        "iterations",
        "cost_in_usd_ticks",
        "promptTokenCount",
        "created",
        "metadata",
        "user",
    ];

    proptest! {
        #[test]
        fn any_bytes_come_out_as_something(line in prop::collection::vec(any::<u8>(), 0..80)) {
            comes_out(&Format::Body, &line);
        }

        #[test]
        fn any_json_comes_out_as_something(line in json(KEYS)) {
            comes_out(&Format::Body, line.as_bytes());
        }
    }
}
