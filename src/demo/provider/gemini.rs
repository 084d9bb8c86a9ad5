//! Answers of Gemini's own API.

use std::fmt::Write;

use super::reply::{Chunk, Finish, Reply, id, quoted};
use super::route::Framing;
use super::script::Lie;

fn usage_value(reply: &Reply, shown: u64, lie: Lie) -> String {
    let used = reply.used(shown);
    let told = |count| Reply::told(count, lie);
    let (prompt, thoughts) = (used.prompt().count(), used.reasoning.count());
    let mut out = format!(r#"{{"promptTokenCount":{}"#, told(prompt));
    // Gemini leaves zeros out; one that is a lie is told.
    for (name, count) in [
        ("cachedContentTokenCount", used.cache_read.count()),
        ("candidatesTokenCount", shown),
        ("thoughtsTokenCount", thoughts),
    ] {
        if count > 0 {
            let _ = write!(out, r#","{name}":{}"#, told(count));
        }
    }
    let total = told(prompt + shown + thoughts);
    let _ = write!(
        out,
        r#","totalTokenCount":{total},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{}}}]}}"#,
        told(prompt)
    );
    out
}

fn reason(reply: &Reply) -> &'static str {
    if reply.finish == Finish::Length { "MAX_TOKENS" } else { "STOP" }
}

fn part(reply: &Reply, text: &str) -> String {
    match &reply.tool {
        Some(call) => format!(
            r#"{{"functionCall":{{"name":{},"args":{}}}}}"#,
            quoted(&call.name),
            reply.arguments_object()
        ),
        None => format!(r#"{{"text":"{text}"}}"#),
    }
}

fn candidate(index: u64, parts: &str, reason: Option<&str>) -> String {
    let reason = reason.map_or_else(String::new, |word| format!(r#","finishReason":"{word}""#));
    format!(r#"{{"content":{{"parts":[{parts}],"role":"model"}}{reason},"index":{index}}}"#)
}

fn body(reply: &Reply, candidates: &str, usage: &str) -> String {
    format!(
        r#"{{"candidates":[{candidates}]{usage},"modelVersion":{},"responseId":"{}"}}"#,
        quoted(&reply.model),
        id("sim", reply.number)
    )
}

/// Writes the whole body.
pub(super) fn whole(reply: &Reply, lie: Lie) -> String {
    let part = part(reply, &reply.text());
    let candidates: Vec<String> =
        (0..reply.choices).map(|index| candidate(index, &part, Some(reason(reply)))).collect();
    let usage = Reply::member("usageMetadata", lie, |lie| usage_value(reply, reply.all_shown(), lie));
    body(reply, &candidates.join(","), &usage)
}

/// Frames one element. The first of an array opens it.
fn element(reply: &Reply, first: bool, text: &str, out: &mut String) {
    let (before, after) = match (reply.framing, first) {
        (Framing::Array, true) => ("[", ""),
        (Framing::Array, false) => (",\r\n", ""),
        _ => ("data: ", "\r\n\r\n"),
    };
    let _ = write!(out, "{before}{text}{after}");
}

/// Writes one chunk, with the usage so far where the truth is told. A tool is called by the last element.
pub(super) fn chunk(reply: &Reply, chunk: &Chunk, out: &mut String) {
    let mut text = String::new();
    if reply.tool.is_none() {
        reply.write(chunk.from, chunk.to, &mut text);
    }
    let usage = match reply.lie {
        Lie::Truth | Lie::Growing | Lie::Twice | Lie::Smaller => {
            format!(r#","usageMetadata":{}"#, usage_value(reply, chunk.shown, Lie::Truth))
        }
        _ => String::new(),
    };
    let candidate = candidate(chunk.choice, &format!(r#"{{"text":"{text}"}}"#), None);
    element(reply, chunk.before == 0, &body(reply, &candidate, &usage), out);
}

/// Writes the last elements, which tell why it stops and what it used.
pub(super) fn usage(reply: &Reply, out: &mut String) {
    let silent = [Lie::None];
    let told = match reply.usages() {
        [] => &silent,
        told => told,
    };
    let part = if reply.tool.is_some() { part(reply, "") } else { r#"{"text":""}"#.to_owned() };
    let candidates: Vec<String> =
        (0..reply.choices).map(|index| candidate(index, &part, Some(reason(reply)))).collect();
    for (place, &lie) in told.iter().enumerate() {
        let usage = Reply::member("usageMetadata", lie, |lie| usage_value(reply, reply.all_shown(), lie));
        let first = place == 0 && reply.shown == 0;
        element(reply, first, &body(reply, &candidates.join(","), &usage), out);
    }
}

/// Writes the end of an array.
pub(super) fn done(reply: &Reply, out: &mut String) {
    if reply.framing == Framing::Array {
        out.push(']');
    }
}

/// Writes an element that tells an error.
pub(super) fn error(reply: &Reply, code: &str, out: &mut String) {
    let code = if code.is_empty() { "UNAVAILABLE" } else { code };
    let text = format!(
        r#"{{"error":{{"code":503,"message":"The model is overloaded. Please try again later.","status":{}}}}}"#,
        quoted(code)
    );
    element(reply, false, &text, out);
}
