//! A planned call as its client sends it, in the language of its model's API.

use serde_json::{Value, json};

use super::traffic::{Fate, Planned};
use crate::domain::failure::FailureClass;

/// The longest prompt, in words.
const LONGEST: u64 = 20_000;

/// What is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub path: &'static str,
    /// What: JSON.
    pub body: String,
}

/// Returns what is posted for a call; the simulated provider reads in the prompt what is to become of it.
pub fn request(call: &Planned) -> Request {
    let tokens = &call.tokens;
    let output = tokens.output.count().max(1);
    let words = (tokens.input.count() + tokens.cache_read.count()).clamp(1, LONGEST);
    let cached = tokens.cache_read.count().min(words - 1);
    let fate = match call.fate {
        Fate::Answered | Fate::Rejected => format!("cached={cached} output={output}"),
        Fate::Failed(class) => refusal(class).to_owned(),
    };
    let length = usize::try_from(words).unwrap_or(1);
    let prompt = format!("[[sim {fate}]]{}", " word".repeat(length));
    let messages = json!([{ "role": "user", "content": prompt }]);
    let (path, body): (_, Value) = if call.model.starts_with("claude") {
        ("/v1/messages", json!({ "model": call.model, "max_tokens": output, "messages": messages }))
    } else if call.model.starts_with("text-embedding") {
        ("/v1/embeddings", json!({ "model": call.model, "input": prompt }))
    } else {
        let body = json!({ "model": call.model, "max_completion_tokens": output, "messages": messages });
        ("/v1/chat/completions", body)
    };
    Request { path, body: body.to_string() }
}

fn refusal(class: FailureClass) -> &'static str {
    match class {
        FailureClass::RateLimit => "status=429 code=rate_limit_exceeded retry-after=2",
        FailureClass::Timeout => "status=504",
        FailureClass::InvalidRequest => "status=400",
        FailureClass::ContentFilter => "status=400 code=content_filter",
        FailureClass::ContextLength => "status=400 code=context_length_exceeded",
        FailureClass::Authentication => "status=401",
        FailureClass::ModelUnavailable => "status=404",
        _ => "status=503",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::tokens::{TokenCount, Tokens};

    fn planned(model: &'static str, fate: Fate) -> Planned {
        let [input, cache_read, output] = [300, 40, 25].map(Tokens::new);
        let tokens = TokenCount { input, cache_read, output, ..TokenCount::default() };
        Planned { at: Timestamp::EPOCH, tenant: "docs-rag", model, tokens, fate }
    }

    #[test]
    fn each_model_is_asked_in_its_own_language() {
        for (model, path) in [
            ("claude-sonnet-4-6", "/v1/messages"),
            ("gpt-5.4", "/v1/chat/completions"),
            ("text-embedding-3-small", "/v1/embeddings"),
        ] {
            let request = request(&planned(model, Fate::Answered));
            assert_eq!(request.path, path);
            assert!(request.body.contains(model) && request.body.contains("cached=40 output=25"));
            assert_eq!(request.body.matches(" word").count(), 340);
        }
    }

    #[test]
    fn a_failure_is_ordered_by_a_script_that_the_provider_knows() {
        for class in FailureClass::ALL {
            let body = request(&planned("gpt-5.4", Fate::Failed(class))).body;
            let script = body.split("[[sim ").nth(1).and_then(|rest| rest.split("]]").next());
            let script = super::super::provider::Script::parse(script.expect("a script"));
            assert!(script.expect("known words").status.is_some(), "{class:?}");
        }
    }
}
