//! Tells a ledger's format by its content, never by its name.

use std::collections::BTreeMap;
use std::path::Path;

use crate::wire::format::Format;
use crate::wire::trim_line;

/// Looks at the first bytes of a file and says what it is; `None` where it is nothing known.
///
/// `has_table` is asked only of SQLite databases. The path is a hint where two formats share a shape.
pub fn detect(sample: &[u8], _path: &Path, has_table: &dyn Fn(&str) -> bool) -> Option<Format> {
    if sample.starts_with(b"SQLite format 3\0") {
        return database(has_table);
    }
    let text = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let begin = text.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0)?;
    let text = &text[begin..];
    if !text.starts_with(b"{") && !text.starts_with(b"[") {
        return csv(text).or_else(|| lines(text));
    }
    lines(text).or_else(|| shape(&Keys::of(text)))
}

fn database(has_table: &dyn Fn(&str) -> bool) -> Option<Format> {
    if has_table("turns") || has_table("responses") {
        return Some(Format::Llm);
    }
    (has_table("message") && has_table("session")).then_some(Format::OpenCode)
}

fn csv(text: &[u8]) -> Option<Format> {
    let header = text.split(|&byte| byte == b'\n').next()?;
    let header = String::from_utf8_lossy(trim_line(header));
    let columns: Vec<&str> =
        header.split([',', ';', '\t', '|']).map(|name| name.trim().trim_matches('"')).collect();
    let has = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    (has("request_id") && has("spend") && (has("startTime") || has("prompt_tokens")))
        .then_some(Format::LitellmCsv)
}

fn lines(text: &[u8]) -> Option<Format> {
    text.split(|&byte| byte == b'\n').map(trim_line).find_map(|line| shape(&Keys::of(line)))
}

type Test = fn(&Keys) -> bool;

fn shape(keys: &Keys) -> Option<Format> {
    const TESTS: [(Test, Format); 9] = [
        (is_gemini_cli, Format::GeminiCli),
        (is_otel, Format::Otel),
        (is_codex, Format::Codex),
        (is_opencode, Format::OpenCodeFile),
        (is_batch, Format::OpenAiBatch),
        (is_litellm, Format::Litellm),
        (is_claude_code, Format::ClaudeCode),
        (is_body, Format::Body),
        (is_native, Format::Native),
    ];
    TESTS.into_iter().find(|(test, _)| test(keys)).map(|(_, format)| format)
}

fn is_otel(keys: &Keys) -> bool {
    keys.any(&["resourceSpans", "resourceLogs", "resourceMetrics"])
        || keys.any(&["resource_spans", "resource_logs", "resource_metrics"])
        || (keys.any(&["attributes"])
            && keys.any(&["hrTime", "startTime", "start_time", "endTime", "end_time"]))
}

fn is_codex(keys: &Keys) -> bool {
    const TYPES: [&str; 6] =
        ["session_meta", "turn_context", "event_msg", "response_item", "token_usage_record", "compacted"];
    keys.all(&["type", "payload"]) && TYPES.contains(&keys.text("type"))
}

fn is_gemini_cli(keys: &Keys) -> bool {
    keys.all(&["sessionId", "projectHash"])
        || keys.any(&["$set.messages"])
        || (keys.text("type") == "gemini" && keys.any(&["tokens"]))
        || (keys.any(&["hrTime"]) && keys.text("attributes.event.name").starts_with("gemini_cli."))
}

fn is_opencode(keys: &Keys) -> bool {
    keys.text("id").starts_with("msg_")
        && keys.any(&["role"])
        && keys.any(&["sessionID", "metadata.sessionID", "metadata.assistant"])
}

fn is_batch(keys: &Keys) -> bool {
    keys.any(&["custom_id"]) && keys.any(&["response", "result", "error"])
}

fn is_litellm(keys: &Keys) -> bool {
    keys.any(&["litellm_call_id", "custom_llm_provider", "standard_logging_object"])
        || keys.all(&["request_id", "spend"])
        || keys.all(&["response_cost", "startTime"])
}

fn is_claude_code(keys: &Keys) -> bool {
    const TYPES: [&str; 8] = [
        "summary",
        "file-history-snapshot",
        "queue-operation",
        "progress",
        "user",
        "assistant",
        "system",
        "attachment",
    ];
    let record = TYPES.contains(&keys.text("type"));
    (record && keys.any(&["sessionId", "leafUuid", "messageId", "parentUuid", "isSidechain"]))
        || keys.all(&["sessionId", "message"])
        || keys.all(&["timestamp", "message.usage"])
        // Notices beside the answers: titles and modes of a session, the journal of its subagents.
        || keys.all(&["type", "sessionId"])
        || keys.all(&["type", "agentId"])
}

fn is_body(keys: &Keys) -> bool {
    let object = keys.text("object");
    if keys.text("type").starts_with("response.") && keys.any(&["response"]) {
        return true;
    }
    object.starts_with("chat.completion")
        || ["response", "text_completion"].contains(&object)
        || (object == "list" && keys.any(&["usage"]))
        || (keys.text("type") == "message" && keys.all(&["role", "usage"]))
        || keys.all(&["usageMetadata", "candidates"])
        || keys.all(&["usageMetadata", "modelVersion"])
        || (keys.all(&["id", "model", "usage"]) && keys.any(&["choices", "content", "output"]))
}

fn is_native(keys: &Keys) -> bool {
    const COUNTS: [&str; 8] = [
        "input",
        "output",
        "cache_read",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "cost_usd",
    ];
    keys.any(&["ts", "timestamp", "time", "at"])
        && keys.any(&["tenant", "tenant_id"])
        && keys.any(&["model"])
        && keys.any(&COUNTS)
}

/// The keys of the beginning of a JSON text down to the second level, with the strings of the first.
///
/// Made for texts that are cut off: a ledger's first line is often longer than the sample.
#[derive(Debug, Default)]
struct Keys(BTreeMap<String, String>);

impl Keys {
    /// Scans an object, or the first object of an array.
    fn of(text: &[u8]) -> Keys {
        let mut keys = Keys::default();
        let mut scan = Scan { text, at: 0 };
        scan.blanks();
        while scan.eat(b'[') {
            scan.blanks();
        }
        keys.object(&mut scan, "");
        keys
    }

    fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }

    fn all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.0.contains_key(*name))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Reads an object's keys; `None` at the end of the text, or where it is no JSON.
    fn object(&mut self, scan: &mut Scan<'_>, under: &str) -> Option<()> {
        if !scan.eat(b'{') {
            return None;
        }
        loop {
            scan.blanks();
            if scan.eat(b'}') {
                return Some(());
            }
            let name = format!("{under}{}", scan.string()?);
            scan.blanks();
            if !scan.eat(b':') {
                return None;
            }
            scan.blanks();
            // The key counts even where its value is cut off.
            let text =
                if scan.peek()? == b'"' { scan.clone().string().unwrap_or_default() } else { String::new() };
            if scan.null() {
                self.0.entry(name.clone()).or_default();
            } else {
                self.0.insert(name.clone(), text);
            }
            if under.is_empty() && scan.peek() == Some(b'{') {
                self.object(scan, &format!("{name}."))?;
            } else {
                scan.value()?;
            }
            scan.blanks();
            scan.eat(b',');
        }
    }
}

/// A place in a JSON text that may be cut off anywhere.
#[derive(Clone)]
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn null(&self) -> bool {
        self.text[self.at..].starts_with(b"null")
    }

    /// Reads a string as written, escapes included.
    fn string(&mut self) -> Option<String> {
        if !self.eat(b'"') {
            return None;
        }
        let begin = self.at;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        let text = String::from_utf8_lossy(&self.text[begin..self.at]).into_owned();
        self.at += 1;
        Some(text)
    }

    /// Skips one value of any kind and depth.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => return Some(()),
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sample: &str, want: Option<&Format>) {
        assert_eq!(detect(sample.as_bytes(), Path::new("any.txt"), &|_| false).as_ref(), want);
    }

    #[test]
    fn telemetry_files_and_single_messages() {
        check(
            "{\n  \"hrTime\": [1, 2],\n  \"attributes\": {\n    \"event.name\": \"gemini_cli.config\"\n",
            Some(&Format::GeminiCli),
        );
        check(
            r#"{"hrTime":[1,2],"attributes":{"event.name":"copilot_chat.tool.call"}}"#,
            Some(&Format::Otel),
        );
        check(r#"{"resource_spans":[]}"#, Some(&Format::Otel));
        check(
            "{\n  \"id\": \"msg_1\",\n  \"sessionID\": \"ses_1\",\n  \"role\": \"user\"\n}",
            Some(&Format::OpenCodeFile),
        );
        check(r#"{"type":"response.completed","response":{"id":"r"}}"#, Some(&Format::Body));
    }

    #[test]
    fn our_own_line() {
        let line =
            r#"{"v":1,"ts":"2026-11-20T09:00:00Z","tenant":"acme","model":"gpt-4o","input":12,"output":3}"#;
        check(line, Some(&Format::Native));
        check(
            r#"{"timestamp":1,"tenant_id":"a","model":"m","prompt_tokens":1,"completion_tokens":2}"#,
            Some(&Format::Native),
        );
        check(&format!("\u{feff}\r\n\n{line}\r\n"), Some(&Format::Native));
        check(&format!("not json\n{{\"a\":1}}\n{line}\n"), Some(&Format::Native));
    }

    #[test]
    fn claude_code() {
        check(r#"{"type":"summary","summary":"Fix","leafUuid":"6"}"#, Some(&Format::ClaudeCode));
        check(
            r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{"messageId":"m"}}"#,
            Some(&Format::ClaudeCode),
        );
        check(
            r#"{"parentUuid":null,"sessionId":"s","type":"user","message":{"role":"user","content":"{\"ts\":1"}}"#,
            Some(&Format::ClaudeCode),
        );
        check(
            r#"{"timestamp":"2025-01-10T10:00:00Z","message":{"usage":{"output_tokens":5}}}"#,
            Some(&Format::ClaudeCode),
        );
    }

    #[test]
    fn codex_even_where_the_first_line_is_cut() {
        check(
            r#"{"timestamp":"2026-11-22T03:02:31Z","type":"session_meta","payload":{"id":"1","base_instructions":"You are"#,
            Some(&Format::Codex),
        );
        check(
            r#"{"timestamp":"t","type":"event_msg","payload":{"type":"token_count","info":null}}"#,
            Some(&Format::Codex),
        );
    }

    #[test]
    fn litellm() {
        check(
            r#"{"id":"chatcmpl-1","litellm_call_id":"0","call_type":"acompletion","model":"gpt"}"#,
            Some(&Format::Litellm),
        );
        check(
            r#"{"request_id": "c", "call_type": "acompletion", "spend": 0.001878}"#,
            Some(&Format::Litellm),
        );
        check(r#"[{"id":"chatcmpl-1","litellm_call_id":"0"}]"#, Some(&Format::Litellm));
        check("[\n  {\n    \"request_id\": \"c\",\n    \"spend\": 1\n  }\n]", Some(&Format::Litellm));
        check(
            "request_id,call_type,api_key,spend,prompt_tokens,startTime\nc,a,0,1,2,3\n",
            Some(&Format::LitellmCsv),
        );
        check("\"request_id\",\"spend\",\"startTime\"\r\n", Some(&Format::LitellmCsv));
    }

    #[test]
    fn gemini_cli() {
        check(
            r#"{"sessionId":"s","projectHash":"h","startTime":"t","kind":"main"}"#,
            Some(&Format::GeminiCli),
        );
        check(
            "{\n  \"sessionId\": \"s\",\n  \"projectHash\": \"h\",\n  \"messages\": [",
            Some(&Format::GeminiCli),
        );
    }

    #[test]
    fn telemetry() {
        check(r#"{"resourceSpans":[{"resource":{"attributes":["#, Some(&Format::Otel));
        check(r#"{"resourceLogs":[]}"#, Some(&Format::Otel));
        check(r#"{"resourceMetrics":[]}"#, Some(&Format::Otel));
    }

    #[test]
    fn batches_and_bodies() {
        check(
            r#"{"id":"b","custom_id":"acme:1","response":{"status_code":200,"body":{}},"error":null}"#,
            Some(&Format::OpenAiBatch),
        );
        check(r#"{"custom_id":"acme:1","result":{"type":"succeeded"}}"#, Some(&Format::OpenAiBatch));
        check(
            r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[],"usage":{}}"#,
            Some(&Format::Body),
        );
        check(
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[],"usage":{}}"#,
            Some(&Format::Body),
        );
        check(r#"{"candidates":[],"usageMetadata":{},"modelVersion":"gemini-2.5-pro"}"#, Some(&Format::Body));
    }

    #[test]
    fn databases_by_their_tables() {
        let of = |tables: &'static [&str]| {
            detect(b"SQLite format 3\0...", Path::new("x"), &move |name| tables.contains(&name))
        };
        assert_eq!(of(&["responses"]), Some(Format::Llm));
        assert_eq!(of(&["turns"]), Some(Format::Llm));
        assert_eq!(of(&["session", "message", "part"]), Some(Format::OpenCode));
        assert_eq!(of(&["usages"]), None);
    }

    #[test]
    fn what_is_nothing_known_stays_unknown() {
        for text in
            ["", "\n\n", "hello\nworld\n", "{", "[", "{\"a\":1}\n", "\0\0\0", "{\"a\\", "a,b,c\n1,2,3\n"]
        {
            check(text, None);
        }
    }
}
