//! Answers of Chat Completions, of the old Completions and of Embeddings.

use std::fmt::Write;

use super::reply::{Chunk, Finish, Reply, id, quoted};
use super::route::Api;
use super::script::Lie;

fn usage_value(reply: &Reply, shown: u64, lie: Lie) -> String {
    let used = reply.used(shown);
    let told = |count| Reply::told(count, lie);
    let (prompt, output) = (used.prompt().count(), used.output.count());
    if reply.api == Api::Embeddings {
        return format!(r#"{{"prompt_tokens":{},"total_tokens":{}}}"#, told(prompt), told(prompt));
    }
    let (short, long) = (used.cache_write_short.count(), used.cache_write_long.count());
    let writes = match short + long {
        0 => String::new(),
        all => format!(
            r#","cache_write_tokens":{},"cache_write_tokens_details":{{"ttl_30m_tokens":{},"ttl_12h_tokens":{}}}"#,
            told(all),
            told(short),
            told(long)
        ),
    };
    format!(
        r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},"audio_tokens":0{writes}}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        told(prompt),
        told(output),
        told(prompt + output),
        told(used.cache_read.count()),
        told(used.reasoning.count()),
    )
}

fn reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
    }
}

/// Writes the whole body.
pub(super) fn whole(reply: &Reply, lie: Lie) -> String {
    let is_chat = reply.api == Api::Chat;
    let choices: Vec<String> = (0..reply.choices)
        .map(|index| match &reply.tool {
            _ if !is_chat => format!(
                r#"{{"text":"{}","index":{index},"logprobs":null,"finish_reason":"{}"}}"#,
                reply.text(),
                reason(reply)
            ),
            Some(call) => format!(
                r#"{{"index":{index},"message":{{"role":"assistant","content":null,"refusal":null,"tool_calls":[{{"id":"{}","type":"function","function":{{"name":{},"arguments":"{}"}}}}]}},"logprobs":null,"finish_reason":"{}"}}"#,
                id("call_", reply.number),
                quoted(&call.name),
                reply.arguments(),
                reason(reply)
            ),
            None => format!(
                r#"{{"index":{index},"message":{{"role":"assistant","content":"{}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"{}"}}"#,
                reply.text(),
                reason(reply)
            ),
        })
        .collect();
    let usage = Reply::member("usage", lie, |lie| usage_value(reply, reply.all_shown(), lie));
    let (before, object) =
        if is_chat { ("chatcmpl-", "chat.completion") } else { ("cmpl-", "text_completion") };
    format!(
        r#"{{"id":"{}","object":"{object}","created":{},"model":{},"choices":[{}]{usage},"service_tier":"default","system_fingerprint":"fp_simulated"}}"#,
        id(before, reply.number),
        reply.created.seconds(),
        quoted(&reply.model),
        choices.join(",")
    )
}

/// Writes the answer of Embeddings: a vector for each input.
pub(super) fn embeddings(reply: &Reply, inputs: usize, vector: &str) -> String {
    let lie = reply.usages().last().copied().unwrap_or(Lie::None);
    let data: Vec<String> = (0..inputs)
        .map(|index| format!(r#"{{"object":"embedding","index":{index},"embedding":{vector}}}"#))
        .collect();
    let usage = Reply::member("usage", lie, |lie| usage_value(reply, 0, lie));
    format!(r#"{{"object":"list","data":[{}],"model":{}{usage}}}"#, data.join(","), quoted(&reply.model))
}

/// Writes one event around its choices. `shown` is where the usage stands that the event may tell.
fn event(reply: &Reply, choices: std::fmt::Arguments<'_>, shown: u64, out: &mut String) {
    let (before, object) = if reply.api == Api::Chat {
        ("chatcmpl-", "chat.completion.chunk")
    } else {
        ("cmpl-", "text_completion")
    };
    let _ = write!(
        out,
        r#"data: {{"id":"{before}{:016x}","object":"{object}","created":{},"model":{},"service_tier":"default","system_fingerprint":"fp_simulated","choices":[{choices}]"#,
        reply.number,
        reply.created.seconds(),
        quoted(&reply.model),
    );
    if reply.lie == Lie::Growing {
        let _ = write!(out, r#","usage":{}"#, usage_value(reply, shown, Lie::Truth));
    } else if reply.wants_usage {
        out.push_str(r#","usage":null"#);
    }
    out.push_str("}\n\n");
}

/// Writes the first event of each choice.
pub(super) fn open(reply: &Reply, out: &mut String) {
    if reply.api != Api::Chat {
        return;
    }
    for index in 0..reply.choices {
        let delta = match &reply.tool {
            Some(call) => format!(
                r#"{{"role":"assistant","content":null,"tool_calls":[{{"index":0,"id":"{}","type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
                id("call_", reply.number),
                quoted(&call.name)
            ),
            None => r#"{"role":"assistant","content":"","refusal":null}"#.to_owned(),
        };
        let choice =
            format_args!(r#"{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":null}}"#);
        event(reply, choice, 0, out);
    }
}

/// Writes one chunk.
pub(super) fn chunk(reply: &Reply, chunk: &Chunk, out: &mut String) {
    let mut text = String::new();
    reply.write(chunk.from, chunk.to, &mut text);
    let index = chunk.choice;
    let (before, after) = match (reply.api, &reply.tool) {
        (Api::Chat, Some(_)) => {
            (r#""delta":{"tool_calls":[{"index":0,"function":{"arguments":""#, r#""}}]}"#)
        }
        (Api::Chat, None) => (r#""delta":{"content":""#, r#""}"#),
        _ => (r#""text":""#, r#"""#),
    };
    let choice =
        format_args!(r#"{{"index":{index},{before}{text}{after},"logprobs":null,"finish_reason":null}}"#);
    event(reply, choice, chunk.shown, out);
}

/// Writes why each choice stops.
pub(super) fn finish(reply: &Reply, out: &mut String) {
    let nothing = if reply.api == Api::Chat { r#""delta":{}"# } else { r#""text":"""# };
    let why = reason(reply);
    for index in 0..reply.choices {
        let choice = format_args!(r#"{{"index":{index},{nothing},"logprobs":null,"finish_reason":"{why}"}}"#);
        event(reply, choice, reply.all_shown(), out);
    }
}

/// Writes the events that tell the usage, where they are asked for.
pub(super) fn usage(reply: &Reply, out: &mut String) {
    if !reply.wants_usage {
        return;
    }
    let (before, object) = if reply.api == Api::Chat {
        ("chatcmpl-", "chat.completion.chunk")
    } else {
        ("cmpl-", "text_completion")
    };
    for &lie in reply.usages() {
        let usage = Reply::member("usage", lie, |lie| usage_value(reply, reply.all_shown(), lie));
        let _ = write!(
            out,
            "data: {{\"id\":\"{}\",\"object\":\"{object}\",\"created\":{},\"model\":{},\"service_tier\":\"default\",\"choices\":[]{usage}}}\n\n",
            id(before, reply.number),
            reply.created.seconds(),
            quoted(&reply.model),
        );
    }
}

/// Writes the end.
pub(super) fn done(out: &mut String) {
    out.push_str("data: [DONE]\n\n");
}

/// Writes an event that tells an error.
pub(super) fn error(code: &str, out: &mut String) {
    let code = if code.is_empty() { "server_error" } else { code };
    let _ = write!(
        out,
        "data: {{\"error\":{{\"message\":\"The server had an error while processing your request. Sorry about that!\",\"type\":\"server_error\",\"param\":null,\"code\":{}}}}}\n\n",
        quoted(code)
    );
}
