//! OpenAI batch output, and Anthropic batch results.

use std::borrow::Cow;

use super::usage::{Answer, Left, Object, answer, each_object};
use super::{Decoder, Origin, Place};
use crate::domain::call::{Call, CallId, ModelId, Provider, Status, TenantId, Tier};
use crate::domain::claim::Claim;
use crate::domain::label::{Label, Labels};
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::Timestamp;

/// Reads the answers of a batch. The tenant is the part of `custom_id` before the first `:`.
pub struct OpenAiBatch {
    path: Vec<u8>,
    tenant: Option<TenantId>,
    first_seen: Timestamp,
    rank: u32,
    labels: Labels,
}

/// One line of a batch, of either provider.
struct Item<'a> {
    /// An id of the line or the answer that no other batch has.
    id: Option<Cow<'a, str>>,
    provider: &'static str,
    body: Object<'a>,
    /// The provider's word for why there is no answer.
    failure: Option<String>,
}

impl OpenAiBatch {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> OpenAiBatch {
        OpenAiBatch {
            path: origin.path.as_os_str().as_encoded_bytes().to_vec(),
            tenant: origin.tenant,
            first_seen: origin.first_seen,
            rank: origin.rank,
            labels: Labels::default(),
        }
    }

    fn call(&mut self, line: &Object<'_>, place: Place) -> Result<Call, Left> {
        let item = if line.has("result") { anthropic(line) } else { openai(line) };
        let custom = line.text("custom_id").unwrap_or_default();
        let item = item.ok_or(Left::Skip(Skip::OtherRecord))?;
        let id = match &item.id {
            Some(id) => CallId::of("openai-batch", &[id.as_bytes()]),
            // A custom id is unique only within its batch.
            None => CallId::of("openai-batch", &[&self.path, custom.as_bytes()]),
        };
        let tenant = self.tenant.unwrap_or_else(|| self.owner(&custom));
        let answer = match &item.failure {
            None => Some(answer(&item.body)?),
            Some(_) => None,
        };
        let mut call = Call::new(id, self.first_seen, tenant, ModelId::unknown());
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        call.provider = Provider::from_label(self.labels.label(item.provider));
        call.tier = Tier::Batch;
        if let Some(answer) = answer {
            self.fill(&mut call, &answer);
        }
        if let Some(failure) = item.failure {
            call.status = Status::Failed;
            call.failure = Label::new(&failure);
        }
        Ok(call)
    }

    fn owner(&mut self, custom: &str) -> TenantId {
        let name = custom.split(':').next().unwrap_or_default();
        TenantId::from_label(self.labels.label(if name.is_empty() { "unknown" } else { name }))
    }

    fn fill(&mut self, call: &mut Call, answer: &Answer) {
        call.at = answer.at.unwrap_or(self.first_seen);
        if !answer.model.is_empty() {
            call.model = ModelId::from_label(self.labels.label(&answer.model));
        }
        call.region = answer.region;
        call.tokens = answer.tokens;
        call.media = answer.media;
        call.searches = answer.searches;
        call.reported = answer.reported;
    }
}

impl Decoder for OpenAiBatch {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        each_object(line, place, out, |object, _| self.call(object, place));
    }
}

fn openai<'a>(line: &Object<'a>) -> Option<Item<'a>> {
    let response = line.object("response");
    if response.is_empty() && !line.has("error") {
        return None;
    }
    let body = response.object("body");
    let status = response.text("status_code");
    let answered = status.as_deref() == Some("200") || (status.is_none() && body.has("usage"));
    let failure = (!answered).then(|| {
        let said = status.as_deref().and_then(by_status).map(str::to_owned);
        let error = line.object("error").first_text(&["code", "type"]).map(Cow::into_owned);
        said.or(error).unwrap_or_default()
    });
    Some(Item { id: line.text("id").or_else(|| body.text("id")), provider: "openai", body, failure })
}

/// Returns the failure class of an HTTP status; `None` where the status alone does not say.
fn by_status(status: &str) -> Option<&'static str> {
    Some(match status {
        "400" | "422" => "invalid_request",
        "401" => "authentication",
        "402" => "billing",
        "403" => "permission",
        "404" => "model_unavailable",
        "408" | "504" => "timeout",
        "413" => "payload_too_large",
        "429" => "rate_limit",
        "503" | "529" => "overloaded",
        _ if status.starts_with('5') => "server_error",
        _ => return None,
    })
}

fn anthropic<'a>(line: &Object<'a>) -> Option<Item<'a>> {
    let result = line.object("result");
    let kind = result.text("type")?;
    let body = result.object("message");
    let failure = (kind != "succeeded").then(|| {
        // The error stands in an envelope of its own, as in an HTTP answer.
        let outer = result.object("error");
        let inner = outer.object("error");
        let word = inner.text("type").or_else(|| outer.text("type")).unwrap_or(kind);
        let word = if word == "canceled" { Cow::Borrowed("cancelled") } else { word };
        word.strip_suffix("_error").filter(|bare| *bare != "server").unwrap_or(&word).to_owned()
    });
    Some(Item { id: body.text("id"), provider: "anthropic", body, failure })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{SEEN, classes, comes_out, json, one, read};
    use super::*;

    #[test]
    fn an_openai_line_is_a_batch_call_of_the_tenant_in_its_custom_id() {
        let call = one(
            &Format::OpenAiBatch,
            r#"{"id":"batch_req_1","custom_id":"acme:7","response":{"status_code":200,"body":{"id":"c","created":1781906400,"model":"gpt-4o-mini","usage":{"prompt_tokens":30,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":10}}}},"error":null}"#,
        );
        assert_eq!((call.tenant.as_str(), call.tier, call.status), ("acme", Tier::Batch, Status::Settled));
        assert_eq!(call.at, Timestamp::from_seconds(1_781_906_400));
        assert_eq!(classes(&call), [20, 10, 0, 0, 3, 0]);
    }

    #[track_caller]
    fn check_failed(line: &str, failure: &str) {
        let call = one(&Format::OpenAiBatch, line);
        assert_eq!((call.status, call.failure.as_str()), (Status::Failed, failure));
        assert_eq!((classes(&call), call.tenant.as_str()), ([0; 6], "acme"));
    }

    #[test]
    fn a_line_without_an_answer_is_a_failed_call() {
        check_failed(
            r#"{"id":"b","custom_id":"acme:1","response":{"status_code":429,"body":{"error":{"message":"x"}}}}"#,
            "rate_limit",
        );
        check_failed(
            r#"{"id":"b","custom_id":"acme","response":null,"error":{"code":"batch_expired"}}"#,
            "batch_expired",
        );
        check_failed(
            r#"{"custom_id":"acme:2","result":{"type":"errored","error":{"type":"error","error":{"type":"overloaded_error"}}}}"#,
            "overloaded",
        );
        check_failed(r#"{"custom_id":"acme:3","result":{"type":"expired"}}"#, "expired");
    }

    #[test]
    fn an_anthropic_result_counts_apart_and_takes_the_time_it_was_seen() {
        let line = r#"{"custom_id":"acme:1","result":{"type":"succeeded","message":{"id":"msg_9","type":"message","model":"claude","usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":2,"service_tier":"batch"}}}}"#;
        let call = one(&Format::OpenAiBatch, line);
        assert_eq!((classes(&call), call.tier), ([5, 7, 0, 0, 2, 0], Tier::Batch));
        assert_eq!((call.provider.as_str(), call.at), ("anthropic", Timestamp::from_seconds(SEEN)));
    }

    #[test]
    fn other_lines_are_skipped() {
        let out = read(&Format::OpenAiBatch, "{\"method\":\"POST\",\"custom_id\":\"x\"}\n7\n");
        assert_eq!(out.tally.skipped[Skip::OtherRecord as usize], 2);
    }

    const KEYS: &[&str] = &[
        "id",
        "custom_id",
        "response",
        "status_code",
        "body",
        "usage",
        "error",
        "result",
        "type",
        "message",
        "input_tokens",
        "prompt_tokens",
        "code",
    ];

    proptest! {
        #[test]
        fn any_bytes_come_out_as_something(line in prop::collection::vec(any::<u8>(), 0..80)) {
            comes_out(&Format::OpenAiBatch, &line);
        }

        #[test]
        fn any_json_comes_out_as_something(line in json(KEYS)) {
            comes_out(&Format::OpenAiBatch, line.as_bytes());
        }
    }
}
