//! simonw/llm's logs.db, both generations.

use super::format::{Query, RowDecoder};
use super::json::{count, short};
use super::row::Row;
use super::usage::{Left, Object, exclusive, inclusive};
use super::{Origin, Place, bad_line, time};
use crate::domain::call::{Call, CallId, ModelId, TenantId};
use crate::domain::claim::Claim;
use crate::domain::label::Labels;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::Millis;
use crate::domain::tokens::TokenCount;

/// Reads `responses` (up to 0.31) and `turns` (from 0.32). An id in both is one call, and the turn counts.
pub struct Llm {
    tenant: TenantId,
    rank: u32,
    labels: Labels,
}

/// Half of the places in one ledger: turns stand in the upper half, so that they win.
const TURNS: u64 = 1 << 39;

/// The columns that are read where they exist.
const COLUMNS: [&str; 8] = [
    "id",
    "model",
    "resolved_model",
    "input_tokens",
    "output_tokens",
    "token_details",
    "duration_ms",
    "datetime_utc",
];

impl Llm {
    /// Starts on one database. The database names nobody: without a tenant of its own, all is `llm`'s.
    pub fn new(origin: &Origin<'_>) -> Llm {
        Llm {
            tenant: origin.tenant.unwrap_or_else(|| TenantId::new("llm")),
            rank: origin.rank,
            labels: Labels::default(),
        }
    }

    fn call(&mut self, row: &Row<'_>, number: u64) -> Result<Call, Left> {
        let id = row.text("id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Left::Bad("the row has no id".to_owned()))?;
        let tokens = tokens(row)?.ok_or(Left::Skip(Skip::NoUsage))?;
        let said = row.text("datetime_utc").unwrap_or_default();
        let at = time::parse(&said)
            .ok_or_else(|| Left::Bad(format!("datetime_utc is \"{}\": expected an instant", short(&said))))?;
        let named = |column| row.text(column).filter(|name| !name.is_empty());
        let model = named("resolved_model").or_else(|| named("model"));
        let model = ModelId::from_label(self.labels.label(model.as_deref().unwrap_or("unknown")));
        let mut call = Call::new(CallId::of("llm", &[id.as_bytes()]), at, self.tenant, model);
        let turn = row.text("generation").is_some_and(|table| table == "turns");
        let place = if turn { TURNS | number } else { number.min(TURNS - 1) };
        call.claim = Claim { order: Origin::order(self.rank, place), ..Claim::default() };
        call.tokens = tokens;
        call.latency = row.text("duration_ms").and_then(|text| text.parse().ok()).map(Millis::new);
        Ok(call)
    }
}

impl RowDecoder for Llm {
    fn queries(&self, columns: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Vec<Query>, String> {
        let mut queries = Vec::new();
        let mut missing = Vec::new();
        for table in ["responses", "turns"] {
            let Some(there) = columns(table) else {
                missing.push(format!("there is no table {table}"));
                continue;
            };
            let wanted = ["id", "model", "input_tokens", "output_tokens", "datetime_utc"];
            match wanted.into_iter().find(|name| !there.iter().any(|column| column == name)) {
                Some(name) => missing.push(format!("table {table} has no column {name}")),
                None => queries.push(query(table, &there)),
            }
        }
        if queries.is_empty() { Err(missing.join(", and ")) } else { Ok(queries) }
    }

    fn row(&mut self, _query: usize, row: &Row<'_>, number: u64, out: &mut Decoded) {
        match self.call(row, number) {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(why)) => out.tally.skip(why),
            Err(Left::Bad(reason)) => {
                let id = row.text("id").unwrap_or_default();
                out.bad(bad_line(id.as_bytes(), Place { offset: number, line: 0 }, reason));
            }
        }
    }
}

/// Asks for the rows from the cursor on.
///
/// An id begins with its time, and a slow call is written after a quick one that began later: the
/// first five letters alone reach some hours back.
fn query(table: &str, there: &[String]) -> Query {
    let columns: Vec<&str> =
        COLUMNS.into_iter().filter(|name| there.iter().any(|column| column == name)).collect();
    Query {
        sql: format!(
            "SELECT '{table}' AS generation, {} FROM {table} WHERE id >= coalesce(substr(?1, 1, 5), '') ORDER BY id",
            columns.join(", ")
        ),
        cursor: Some("id".to_owned()),
    }
}

/// Reads the counts as the plugin that wrote the row meant them: Anthropic's leaves cached tokens out
/// of the input, the others have them in it.
fn tokens(row: &Row<'_>) -> Result<Option<TokenCount>, String> {
    let number = |column: &str| match row.text(column) {
        Some(text) if !text.trim().is_empty() => {
            count(&text).map(Some).map_err(|reason| format!("{column}: {reason}"))
        }
        _ => Ok(None),
    };
    let (input, output) = match (number("input_tokens")?, number("output_tokens")?) {
        (None, None) => return Ok(None),
        (input, output) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let written = row.text("token_details").unwrap_or_default();
    let details = match written.trim() {
        "" | "null" => Object::default(),
        text => Object::parse(text).map_err(|reason| format!("token_details: {reason}"))?,
    };
    let anthropic = ["cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"];
    if anthropic.iter().any(|key| details.has(key)) {
        return exclusive(&details, (input, output)).map(Some);
    }
    let cached = details.count("cachedContentTokenCount")?;
    let thoughts = details.count("thoughtsTokenCount")?;
    if cached.is_some() || thoughts.is_some() {
        let count = TokenCount::from_inclusive(input, cached.unwrap_or(0), (0, 0), output);
        return Ok(Some(count.with_reasoning(thoughts.unwrap_or(0))));
    }
    inclusive(&details, input, output).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{classes, counted, origin, outcomes, read_rows};
    use super::*;

    fn row<'a>(id: &'a str, counts: (&'a str, &'a str), details: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("id", id),
            ("model", "shop-mini"),
            ("input_tokens", counts.0),
            ("output_tokens", counts.1),
            ("token_details", details),
            ("datetime_utc", "2026-11-22T02:55:25.308819+00:00"),
        ]
    }

    #[track_caller]
    fn check(details: &str, want: [u64; 6]) {
        let out = read_rows(&Format::Llm, &[&row("a", ("1000", "40"), details)]);
        assert_eq!(out.calls.iter().map(classes).collect::<Vec<_>>(), [want], "{details} {:?}", out.bad);
    }

    #[test]
    fn every_plugin_counts_in_its_own_manner() {
        check("", [1000, 0, 0, 0, 40, 0]);
        check(r#"{"prompt_tokens_details":{"cached_tokens":384}}"#, [616, 384, 0, 0, 40, 0]);
        check(r#"{"completion_tokens_details":{"reasoning_tokens":3}}"#, [1000, 0, 0, 0, 40, 3]);
        check(r#"{"cache_read_input_tokens":9,"cache_creation_input_tokens":5}"#, [1000, 9, 5, 0, 40, 0]);
        check(r#"{"cachedContentTokenCount":100,"thoughtsTokenCount":30}"#, [900, 100, 0, 0, 40, 30]);
    }

    #[test]
    fn both_generations_are_asked_and_the_turn_wins() {
        let tables = |name: &str| {
            let columns = ["id", "model", "input_tokens", "output_tokens", "datetime_utc", "token_details"];
            ["responses", "turns"].contains(&name).then(|| columns.map(str::to_owned).to_vec())
        };
        let queries = Llm::new(&origin()).queries(&tables).expect("both tables");
        assert_eq!(queries.len(), 2);
        assert!(queries.iter().all(|query| query.sql.matches("?1").count() == 1 && query.cursor.is_some()));
        let mut turn = row("a", ("7", "1"), "");
        turn.push(("generation", "turns"));
        let response = row("a", ("5", "1"), "");
        for order in [[&turn, &response], [&response, &turn]] {
            let calls = counted(read_rows(&Format::Llm, &[order[0], order[1]]).calls);
            assert_eq!(calls.iter().map(|call| call.tokens.input.count()).collect::<Vec<_>>(), [7]);
        }
    }

    #[test]
    fn a_database_of_something_else_is_named() {
        let error = Llm::new(&origin()).queries(&|_| None).expect_err("no tables");
        assert_eq!(error, "there is no table responses, and there is no table turns");
        let old = |name: &str| (name == "responses").then(|| vec!["id".to_owned(), "model".to_owned()]);
        let error = Llm::new(&origin()).queries(&old).expect_err("old table");
        assert_eq!(error, "table responses has no column input_tokens, and there is no table turns");
    }

    #[test]
    fn rows_without_counts_are_skipped_and_bad_ones_say_why() {
        let out = read_rows(
            &Format::Llm,
            &[&row("a", ("", ""), ""), &row("b", ("-1", "2"), ""), &row("c", ("1", "2"), "{")],
        );
        assert_eq!((out.tally.skipped[Skip::NoUsage as usize], out.tally.bad), (1, 2));
        assert!(out.bad[0].reason.starts_with("input_tokens: "), "{:?}", out.bad);
    }

    proptest! {
        #[test]
        fn any_row_comes_out_as_something(input in any::<String>(), details in any::<String>()) {
            let out = read_rows(&Format::Llm, &[&row("a", (&input, "1"), &details)]);
            prop_assert_eq!(outcomes(&out), 1);
        }
    }
}
