//! Answers of Anthropic's Messages.

use std::fmt::Write;

use super::reply::{Chunk, Finish, Reply, id, quoted};
use super::script::Lie;

fn inputs(reply: &Reply, lie: Lie) -> String {
    let used = reply.used(0);
    let told = |count| Reply::told(count, lie);
    let (short, long) = (used.cache_write_short.count(), used.cache_write_long.count());
    format!(
        r#""input_tokens":{},"cache_creation_input_tokens":{},"cache_read_input_tokens":{},"cache_creation":{{"ephemeral_5m_input_tokens":{},"ephemeral_1h_input_tokens":{}}}"#,
        told(used.input.count()),
        told(short + long),
        told(used.cache_read.count()),
        told(short),
        told(long)
    )
}

fn output(reply: &Reply, shown: u64, lie: Lie) -> String {
    let used = reply.used(shown);
    let told = |count| Reply::told(count, lie);
    let thinking = match used.reasoning.count() {
        0 => String::new(),
        count => format!(r#","output_tokens_details":{{"thinking_tokens":{}}}"#, told(count)),
    };
    format!(r#""output_tokens":{}{thinking}"#, told(used.output.count()))
}

fn usage_value(reply: &Reply, shown: u64, lie: Lie) -> String {
    format!(r#"{{{},{},"service_tier":"standard"}}"#, inputs(reply, lie), output(reply, shown, lie))
}

/// Writes the usage of a later event, which tells the output only.
fn later_value(reply: &Reply, shown: u64, lie: Lie) -> String {
    format!("{{{}}}", output(reply, shown, lie))
}

fn reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
    }
}

fn message(reply: &Reply, content: &str, reason: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"{}","type":"message","role":"assistant","model":{},"content":[{content}],"stop_reason":{reason},"stop_sequence":null{usage}}}"#,
        id("msg_", reply.number),
        quoted(&reply.model)
    )
}

/// Writes a block: of text, or a tool with its input.
fn block(reply: &Reply, text: &str, input: &str) -> String {
    match &reply.tool {
        Some(call) => format!(
            r#"{{"type":"tool_use","id":"{}","name":{},"input":{input}}}"#,
            id("toolu_", reply.number),
            quoted(&call.name)
        ),
        None => format!(r#"{{"type":"text","text":"{text}"}}"#),
    }
}

/// Writes the whole body.
pub(super) fn whole(reply: &Reply, lie: Lie) -> String {
    let usage = Reply::member("usage", lie, |lie| usage_value(reply, reply.all_shown(), lie));
    let block = block(reply, &reply.text(), reply.arguments_object());
    message(reply, &block, &format!(r#""{}""#, reason(reply)), &usage)
}

fn event(kind: &str, members: &str, out: &mut String) {
    let _ = write!(out, "event: {kind}\ndata: {{\"type\":\"{kind}\"{members}}}\n\n");
}

/// Writes what comes before the first chunk.
pub(super) fn open(reply: &Reply, out: &mut String) {
    let lie = reply.usages().first().copied().unwrap_or(Lie::None);
    let first = format!(r#"{{{},"output_tokens":1,"service_tier":"standard"}}"#, inputs(reply, lie));
    let usage = Reply::member("usage", lie, |_| first.clone());
    event("message_start", &format!(r#","message":{}"#, message(reply, "", "null", &usage)), out);
    let block = block(reply, "", "{}");
    event("content_block_start", &format!(r#","index":0,"content_block":{block}"#), out);
    event("ping", "", out);
}

/// Writes one chunk.
pub(super) fn chunk(reply: &Reply, chunk: &Chunk, out: &mut String) {
    let mut text = String::new();
    reply.write(chunk.from, chunk.to, &mut text);
    let delta = match &reply.tool {
        Some(_) => format!(r#"{{"type":"input_json_delta","partial_json":"{text}"}}"#),
        None => format!(r#"{{"type":"text_delta","text":"{text}"}}"#),
    };
    event("content_block_delta", &format!(r#","index":0,"delta":{delta}"#), out);
    if reply.lie == Lie::Growing {
        let usage = later_value(reply, chunk.shown, Lie::Truth);
        let delta = r#","delta":{"stop_reason":null,"stop_sequence":null}"#;
        event("message_delta", &format!(r#"{delta},"usage":{usage}"#), out);
    }
}

/// Writes what closes the output.
pub(super) fn finish(_reply: &Reply, out: &mut String) {
    event("content_block_stop", r#","index":0"#, out);
}

/// Writes the events that tell why it stops and what it used.
pub(super) fn usage(reply: &Reply, out: &mut String) {
    let silent = [Lie::None];
    let told = match reply.usages() {
        [] => &silent,
        told => told,
    };
    for &lie in told {
        let usage = Reply::member("usage", lie, |lie| later_value(reply, reply.all_shown(), lie));
        let delta = format!(r#","delta":{{"stop_reason":"{}","stop_sequence":null}}"#, reason(reply));
        event("message_delta", &format!("{delta}{usage}"), out);
    }
}

/// Writes the end.
pub(super) fn done(out: &mut String) {
    event("message_stop", "", out);
}

/// Writes an event that tells an error.
pub(super) fn error(code: &str, out: &mut String) {
    let code = if code.is_empty() { "overloaded_error" } else { code };
    event("error", &format!(r#","error":{{"type":{},"message":"Overloaded"}}"#, quoted(code)), out);
}
