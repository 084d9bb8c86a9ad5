//! Answers of the Responses API.

use std::fmt::Write;

use super::reply::{Chunk, Finish, Reply, id, quoted};
use super::script::Lie;

fn usage_value(reply: &Reply, shown: u64, lie: Lie) -> String {
    let used = reply.used(shown);
    let told = |count| Reply::told(count, lie);
    let (short, long) = (used.cache_write_short.count(), used.cache_write_long.count());
    let (prompt, output) = (used.prompt().count(), used.output.count());
    format!(
        r#"{{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{},"cache_write_tokens":{},"cache_write_tokens_details":{{"ttl_30m_tokens":{},"ttl_12h_tokens":{}}}}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}}"#,
        told(prompt),
        told(used.cache_read.count()),
        told(short + long),
        told(short),
        told(long),
        told(output),
        told(used.reasoning.count()),
        told(prompt + output),
    )
}

/// Writes the response around its output. `rest` are members with a comma before them.
fn response(reply: &Reply, status: &str, output: &str, rest: &str) -> String {
    let details = if status == "incomplete" { r#"{"reason":"max_output_tokens"}"# } else { "null" };
    format!(
        r#"{{"id":"{}","object":"response","created_at":{},"status":"{status}","background":false,"error":null,"incomplete_details":{details},"instructions":null,"max_output_tokens":null,"model":{},"output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{{"effort":null,"summary":null}},"service_tier":"default","store":false,"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","user":null,"metadata":{{}}{rest}}}"#,
        id("resp_", reply.number),
        reply.created.seconds(),
        quoted(&reply.model),
    )
}

fn item(reply: &Reply, status: &str, arguments: &str, content: &str) -> String {
    match &reply.tool {
        Some(call) => format!(
            r#"{{"id":"{}","type":"function_call","status":"{status}","arguments":"{arguments}","call_id":"{}","name":{}}}"#,
            id("fc_", reply.number),
            id("call_", reply.number),
            quoted(&call.name)
        ),
        None => format!(
            r#"{{"id":"{}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#,
            id("msg_", reply.number)
        ),
    }
}

fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

fn status(reply: &Reply) -> &'static str {
    if reply.finish == Finish::Length { "incomplete" } else { "completed" }
}

fn last(reply: &Reply, lie: Lie) -> String {
    let usage = Reply::member("usage", lie, |lie| usage_value(reply, reply.all_shown(), lie));
    let output = item(reply, status(reply), &reply.arguments(), &part(&reply.text()));
    response(reply, status(reply), &output, &usage)
}

/// Writes the whole body.
pub(super) fn whole(reply: &Reply, lie: Lie) -> String {
    last(reply, lie)
}

fn event(kind: &str, number: u64, members: &str, out: &mut String) {
    let _ =
        write!(out, "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number}{members}}}\n\n");
}

/// How many events come before the first chunk.
fn opened(reply: &Reply) -> u64 {
    if reply.tool.is_some() { 3 } else { 4 }
}

/// How many events come between the last chunk and the one that tells the usage.
fn closing(reply: &Reply) -> u64 {
    if reply.tool.is_some() { 2 } else { 3 }
}

/// Writes what comes before the first chunk.
pub(super) fn open(reply: &Reply, out: &mut String) {
    let begun = format!(r#","response":{}"#, response(reply, "in_progress", "", r#","usage":null"#));
    event("response.created", 0, &begun, out);
    event("response.in_progress", 1, &begun, out);
    let item = item(reply, "in_progress", "", "");
    event("response.output_item.added", 2, &format!(r#","output_index":0,"item":{item}"#), out);
    if reply.tool.is_none() {
        let place = place(reply);
        event("response.content_part.added", 3, &format!(r#"{place},"part":{}"#, part("")), out);
    }
}

fn place(reply: &Reply) -> String {
    match &reply.tool {
        Some(_) => format!(r#","item_id":"{}","output_index":0"#, id("fc_", reply.number)),
        None => format!(r#","item_id":"{}","output_index":0,"content_index":0"#, id("msg_", reply.number)),
    }
}

/// Writes one chunk.
pub(super) fn chunk(reply: &Reply, chunk: &Chunk, out: &mut String) {
    let mut text = String::new();
    reply.write(chunk.from, chunk.to, &mut text);
    let number = opened(reply) + chunk.before;
    let place = place(reply);
    if reply.tool.is_some() {
        let members = format!(r#"{place},"delta":"{text}""#);
        event("response.function_call_arguments.delta", number, &members, out);
    } else {
        let members = format!(r#"{place},"delta":"{text}","logprobs":[]"#);
        event("response.output_text.delta", number, &members, out);
    }
    if reply.lie == Lie::Growing {
        let usage = usage_value(reply, chunk.shown, Lie::Truth);
        let so_far = response(reply, "in_progress", "", &format!(r#","usage":{usage}"#));
        event("response.in_progress", number, &format!(r#","response":{so_far}"#), out);
    }
}

/// Writes what closes the output.
pub(super) fn finish(reply: &Reply, chunks: u64, out: &mut String) {
    let number = opened(reply) + chunks;
    let place = place(reply);
    let (text, arguments) = (reply.text(), reply.arguments());
    if let Some(call) = &reply.tool {
        let members = format!(r#"{place},"name":{},"arguments":"{arguments}""#, quoted(&call.name));
        event("response.function_call_arguments.done", number, &members, out);
    } else {
        let members = format!(r#"{place},"text":"{text}","logprobs":[]"#);
        event("response.output_text.done", number, &members, out);
        let members = format!(r#"{place},"part":{}"#, part(&text));
        event("response.content_part.done", number + 1, &members, out);
    }
    let item = item(reply, status(reply), &arguments, &part(&text));
    event(
        "response.output_item.done",
        number + closing(reply) - 1,
        &format!(r#","output_index":0,"item":{item}"#),
        out,
    );
}

/// Writes the last event, which tells the usage.
pub(super) fn usage(reply: &Reply, chunks: u64, out: &mut String) {
    let number = opened(reply) + chunks + closing(reply);
    let kind = format!("response.{}", status(reply));
    let silent = [Lie::None];
    let told = match reply.usages() {
        [] => &silent,
        told => told,
    };
    for (again, &lie) in (0..).zip(told) {
        event(&kind, number + again, &format!(r#","response":{}"#, last(reply, lie)), out);
    }
}

/// Writes an event that tells an error.
pub(super) fn error(code: &str, out: &mut String) {
    let code = if code.is_empty() { "server_error" } else { code };
    let members = format!(
        r#","code":{},"message":"The server had an error while processing your request. Sorry about that!","param":null"#,
        quoted(code)
    );
    event("error", 0, &members, out);
}
