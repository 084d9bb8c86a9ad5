//! OpenCode's database of sessions and messages, and the files that it kept messages in before.

use std::borrow::Cow;

use super::document::Documents;
use super::format::{Query, RowDecoder};
use super::json::short;
use super::row::Row;
use super::usage::{Left, Object, each_object};
use super::{Decoder, Origin, Place, bad_line, time};
use crate::domain::call::{Call, CallId, ModelId, Provider, Status, TenantId};
use crate::domain::claim::{Claim, Contest};
use crate::domain::label::Labels;
use crate::domain::money::Money;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::tokens::{TokenCount, Tokens};

/// Reads the assistant's messages. A message is rewritten while it runs, so that the row changed last
/// counts; the totals of a session and the steps within a message repeat it and are not read.
pub struct OpenCode {
    tenant: Option<TenantId>,
    rank: u32,
    labels: Labels,
}

/// Where the order of changes begins, in milliseconds since 1970: before the first release. Without
/// it, instants would not fit the places of one ledger.
const BEGINNING: u64 = 1_700_000_000_000;

impl OpenCode {
    /// Starts on one database. The tenant is the directory worked in, unless the file has one.
    pub fn new(origin: &Origin<'_>) -> OpenCode {
        OpenCode { tenant: origin.tenant, rank: origin.rank, labels: Labels::default() }
    }

    fn row_call(&mut self, row: &Row<'_>, number: u64) -> Result<Call, Left> {
        let id = row.text("id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Left::Bad("the row has no id".to_owned()))?;
        let data = row.text("data").unwrap_or_default();
        let data = Object::parse(&data)?;
        let created = row.text("time_created").unwrap_or_default();
        let mut call = self.call(&id, &data, &created, row.text("directory"))?;
        let changed = row.text("time_updated").and_then(|text| text.parse::<u64>().ok());
        let place = changed.map_or(number, |millis| millis.saturating_sub(BEGINNING));
        call.claim = Claim { order: Origin::order(self.rank, place), ..Claim::default() };
        Ok(call)
    }

    /// Reads a message of its own file. It is written again and again while it runs, each time fuller.
    fn file_call(&mut self, data: &Object<'_>, place: Place) -> Result<Call, Left> {
        let id = data.text("id").ok_or(Left::Skip(Skip::OtherRecord))?;
        let mut call = match data.object("metadata").object("assistant") {
            inner if inner.is_empty() => self.call(&id, data, "", None)?,
            // The first releases kept these under a heading of their own.
            inner => {
                let created = data.object("metadata").object("time").text("created").unwrap_or_default();
                self.call(&id, &inner, &created, None)?
            }
        };
        let order = Origin::order(self.rank, place.offset);
        call.claim = Claim { contest: Contest::Fullest, order, ..Claim::default() };
        Ok(call)
    }

    fn call(
        &mut self,
        id: &str,
        data: &Object<'_>,
        created: &str,
        directory: Option<Cow<'_, str>>,
    ) -> Result<Call, Left> {
        if data.text("role").is_some_and(|role| role != "assistant") || !data.has("tokens") {
            return Err(Left::Skip(Skip::OtherRecord));
        }
        let error = data.object("error");
        let tokens = tokens(&data.object("tokens"))?;
        if tokens == TokenCount::default() && error.is_empty() {
            return Err(Left::Skip(Skip::NoUsage));
        }
        let times = data.object("time");
        let created = times.text("created").unwrap_or(Cow::Borrowed(created));
        let at = time::parse(&created).ok_or_else(|| {
            Left::Bad(format!("time.created is \"{}\": expected an instant", short(&created)))
        })?;
        let tenant = self.tenant.unwrap_or_else(|| self.owner(data, directory));
        let model = self.labels.label(data.text("modelID").as_deref().unwrap_or("unknown"));
        let mut call =
            Call::new(CallId::of("opencode", &[id.as_bytes()]), at, tenant, ModelId::from_label(model));
        let provider = data.text("providerID").unwrap_or_default();
        call.provider = Provider::from_label(self.labels.label(&provider));
        call.tokens = tokens;
        // OpenCode writes 0 where it knows no price.
        call.reported = data.dollars("cost")?.filter(|cost| *cost != Money::ZERO);
        call.latency = times.get("completed").time().filter(|end| *end >= at).map(|end| end.since(at));
        if !error.is_empty() {
            call.status = Status::Failed;
            call.failure = self.labels.label(failure(&error));
        }
        Ok(call)
    }

    fn owner(&mut self, data: &Object<'_>, directory: Option<Cow<'_, str>>) -> TenantId {
        let path = data.object("path");
        let directory = path.text("root").filter(|root| root != "/").or(directory);
        let directory = directory.or_else(|| path.text("cwd")).filter(|name| !name.is_empty());
        TenantId::from_label(self.labels.label(directory.as_deref().unwrap_or("unknown")))
    }
}

/// Reads messages that each have a file of their own, as releases before the database wrote them.
pub struct OpenCodeFile {
    messages: OpenCode,
    documents: Documents,
}

impl OpenCodeFile {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> OpenCodeFile {
        OpenCodeFile { messages: OpenCode::new(origin), documents: Documents::default() }
    }
}

impl Decoder for OpenCodeFile {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let messages = &mut self.messages;
        self.documents.line(line, place, out, &mut |text, place, out| {
            each_object(text, place, out, |message, _| messages.file_call(message, place));
        });
    }

    fn pause(&mut self, out: &mut Decoded) {
        let messages = &mut self.messages;
        self.documents.pause(out, &mut |text, place, out| {
            each_object(text, place, out, |message, _| messages.file_call(message, place));
        });
    }
}

impl RowDecoder for OpenCode {
    fn queries(&self, columns: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Vec<Query>, String> {
        let Some(message) = columns("message") else {
            return Err("there is no table message".to_owned());
        };
        let has = |name: &str| message.iter().any(|column| column == name);
        if let Some(name) = ["id", "data"].into_iter().find(|name| !has(name)) {
            return Err(format!("table message has no column {name}"));
        }
        let mut wanted = vec!["m.id AS id", "m.data AS data"];
        if has("time_created") {
            wanted.push("m.time_created AS time_created");
        }
        let sessions = columns("session").filter(|there| {
            has("session_id")
                && ["id", "directory"].iter().all(|name| there.iter().any(|column| column == name))
        });
        let mut from = "message m".to_owned();
        if sessions.is_some() {
            wanted.push("s.directory AS directory");
            from.push_str(" LEFT JOIN session s ON s.id = m.session_id");
        }
        let cursor = has("time_updated").then(|| "time_updated".to_owned());
        if cursor.is_some() {
            wanted.push("m.time_updated AS time_updated");
            from.push_str(" WHERE m.time_updated >= coalesce(?1, 0) ORDER BY m.time_updated");
        }
        Ok(vec![Query { sql: format!("SELECT {} FROM {from}", wanted.join(", ")), cursor }])
    }

    fn row(&mut self, _query: usize, row: &Row<'_>, number: u64, out: &mut Decoded) {
        match self.row_call(row, number) {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(why)) => out.tally.skip(why),
            Err(Left::Bad(reason)) => {
                let data = row.text("data").unwrap_or_default();
                out.bad(bad_line(data.as_bytes(), Place { offset: number, line: 0 }, reason));
            }
        }
    }
}

/// Reads the counts: no class holds another, and reasoning stands beside the output.
fn tokens(counts: &Object<'_>) -> Result<TokenCount, String> {
    let cache = counts.object("cache");
    let reasoning = counts.count("reasoning")?.unwrap_or(0);
    let count = TokenCount {
        input: Tokens::new(counts.count("input")?.unwrap_or(0)),
        cache_read: Tokens::new(cache.count("read")?.unwrap_or(0)),
        cache_write_short: Tokens::new(cache.count("write")?.unwrap_or(0)),
        cache_write_long: Tokens::ZERO,
        output: Tokens::new(counts.count("output")?.unwrap_or(0)) + Tokens::new(reasoning),
        reasoning: Tokens::ZERO,
    };
    Ok(count.with_reasoning(reasoning))
}

/// Returns the failure class of OpenCode's error names; empty for those that say nothing.
fn failure(error: &Object<'_>) -> &'static str {
    let name = error.text("name").unwrap_or_default();
    let status = error.object("data").text("statusCode").unwrap_or_default();
    match (name.as_ref(), status.as_ref()) {
        ("MessageAbortedError", _) => "cancelled",
        ("ProviderAuthError", _) | (_, "401") => "authentication",
        ("ContextOverflowError" | "MessageOutputLengthError", _) => "context_length",
        (_, "429") => "rate_limit",
        (_, "400") => "invalid_request",
        ("APIError", _) => "server_error",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{classes, counted, decoder, json, origin, outcomes, read_rows};
    use super::*;
    use crate::domain::time::Millis;

    const DATA: &str = r#"{"role":"assistant","path":{"cwd":"/home/dev/shop/src","root":"/home/dev/shop"},"cost":0.0002369,"tokens":{"total":954,"input":666,"output":30,"reasoning":2,"cache":{"write":4,"read":256}},"modelID":"gpt-5-mini","providerID":"openai","time":{"created":1795315838342,"completed":1795315841622}}"#;

    fn row<'a>(data: &'a str, updated: &'a str) -> [(&'a str, &'a str); 4] {
        [("id", "msg_1"), ("data", data), ("directory", "/srv"), ("time_updated", updated)]
    }

    #[track_caller]
    fn one(data: &str) -> Call {
        let out = read_rows(&Format::OpenCode, &[&row(data, "1795315841623")]);
        assert_eq!(out.calls.len(), 1, "{:?}", out.bad);
        out.calls.into_iter().next().expect("one call")
    }

    #[test]
    fn reasoning_stands_beside_the_output() {
        let call = one(DATA);
        assert_eq!(classes(&call), [666, 256, 4, 0, 32, 2]);
        assert_eq!((call.tenant.as_str(), call.provider.as_str()), ("/home/dev/shop", "openai"));
        assert_eq!(
            (call.reported, call.latency),
            (Some(Money::from_nanos(236_900)), Some(Millis::new(3280)))
        );
    }

    #[test]
    fn no_cost_is_no_price_and_outside_a_project_the_session_names_the_tenant() {
        let call = one(&DATA.replace("0.0002369", "0").replace("\"/home/dev/shop\"", "\"/\""));
        assert_eq!((call.reported, call.tenant.as_str()), (None, "/srv"));
    }

    #[test]
    fn a_message_counts_as_it_was_changed_last() {
        let early = DATA.replace("\"output\":30", "\"output\":1");
        for (first, second) in [
            (row(&early, "1795315840000"), row(DATA, "1795315841623")),
            (row(DATA, "1795315841623"), row(&early, "1795315840000")),
        ] {
            let calls = counted(read_rows(&Format::OpenCode, &[&first, &second]).calls);
            assert_eq!(calls.iter().map(|call| call.tokens.output.count()).collect::<Vec<_>>(), [32]);
        }
    }

    #[test]
    fn questions_and_messages_just_begun_are_skipped() {
        let begun =
            r#"{"role":"assistant","tokens":{"input":0,"output":0},"time":{"created":1795315838342}}"#;
        let out = read_rows(
            &Format::OpenCode,
            &[&row(r#"{"role":"user"}"#, "1"), &row(begun, "1"), &row("{", "1")],
        );
        assert_eq!((out.calls.len(), outcomes(&out), out.tally.bad), (0, 3, 1));
    }

    #[test]
    fn a_message_that_broke_off_is_failed() {
        let call = one(&DATA.replace("\"role\"", "\"error\":{\"name\":\"MessageAbortedError\"},\"role\""));
        assert_eq!((call.status, call.failure.as_str()), (Status::Failed, "cancelled"));
    }

    /// Reads a file as it lies on disk, and as it is when it is complete but for the last line end.
    fn file(text: &str) -> Decoded {
        let mut out = Decoded::default();
        let mut decoder = decoder(&Format::OpenCodeFile);
        decoder.block(text.as_bytes(), Place { offset: 0, line: 1 }, &mut out);
        decoder.pause(&mut out);
        out
    }

    #[test]
    fn a_message_of_its_own_file_is_the_same_call_as_its_row() {
        let whole = DATA.replacen('{', "{\n  \"id\": \"msg_1\",\n  \"sessionID\": \"ses_1\",\n  ", 1);
        let whole = whole.replace("{\"cwd\"", "{\n    \"cwd\"") + "\n";
        let pretty = whole.replacen("}}\n", "}\n}", 1);
        let out = file(&pretty);
        assert_eq!((out.calls.len(), out.tally.bad), (1, 0), "{:?}", out.bad);
        let row = one(DATA);
        assert_eq!((out.calls[0].id, classes(&out.calls[0])), (row.id, classes(&row)));
        assert_eq!((out.calls[0].tenant, out.calls[0].reported), (row.tenant, row.reported));
        let early = file(&pretty.replace("\"output\":30", "\"output\":3"));
        let calls = counted([out.calls, early.calls].concat());
        assert_eq!(calls.iter().map(|call| call.tokens.output.count()).collect::<Vec<_>>(), [32]);
    }

    #[test]
    fn the_first_releases_kept_the_counts_in_the_metadata() {
        let data = DATA
            .replace("\"role\":\"assistant\",", "")
            .replace(",\"time\":{\"created\":1795315838342,\"completed\":1795315841622}", "");
        let line = format!(
            r#"{{"id":"msg_1","role":"assistant","parts":[],"metadata":{{"time":{{"created":1795315838342}},"assistant":{data}}}}}"#
        );
        let out = file(&line);
        assert_eq!(out.calls.iter().map(classes).collect::<Vec<_>>(), [[666, 256, 4, 0, 32, 2]]);
        assert_eq!(out.calls[0].at, one(DATA).at);
        assert_eq!(file(r#"{"id":"msg_2","role":"user","metadata":{}}"#).calls, []);
    }

    #[test]
    fn rows_changed_since_are_asked_for() {
        let tables = |name: &str| {
            let columns: &[&str] = match name {
                "message" => &["id", "session_id", "time_created", "time_updated", "data"],
                "session" => &["id", "directory"],
                _ => return None,
            };
            Some(columns.iter().map(|column| (*column).to_owned()).collect())
        };
        let queries = OpenCode::new(&origin()).queries(&tables).expect("the tables");
        assert_eq!(queries[0].cursor.as_deref(), Some("time_updated"));
        assert!(queries[0].sql.contains("LEFT JOIN session") && queries[0].sql.matches("?1").count() == 1);
        assert!(OpenCode::new(&origin()).queries(&|_| None).is_err());
    }

    const KEYS: &[&str] =
        &["role", "tokens", "input", "output", "cache", "read", "cost", "time", "created", "error", "path"];

    proptest! {
        #[test]
        fn any_row_comes_out_as_something(data in json(KEYS), raw in any::<String>()) {
            let rows = read_rows(&Format::OpenCode, &[&row(&data, "x"), &row(&raw, "1")]);
            prop_assert_eq!(outcomes(&rows), 2);
        }
    }
}
