//! Filters read, printed and put to rows.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// A row of nine facts.
struct Row(&'static str, HashMap<&'static str, Fact<'static>>);

impl Subject for Row {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.0)
    }

    fn ago(&self, minute: u16) -> Option<Millis> {
        // It is 14:30.
        Some(Millis::from_minutes(u64::from((14 * 60 + 30 + 1_440 - minute) % 1_440)))
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        self.1.get(key.as_str()).cloned().unwrap_or(Fact::None)
    }
}

fn row() -> Row {
    let usd = |dollars| Fact::Money(Money::parse_dollars(dollars).expect("dollars"));
    let facts = [
        ("tenant", Fact::Text("docs-RAG".into())),
        ("state", Fact::Text("warn".into())),
        ("cap", Fact::Text("none".into())),
        ("used", Fact::Share(9_320)),
        ("burn", usd("8.92")),
        ("today", usd("186.40")),
        ("tokens", Fact::Count(96_400)),
        ("took", Fact::Length(Millis::new(6_400))),
        ("rev", Fact::Count(41)),
    ];
    Row("docs-RAG", facts.into_iter().collect())
}

fn parse(text: &str) -> Result<Filter, FilterFault> {
    Filter::parse(text, &Key::ALL)
}

#[track_caller]
fn check(text: &str, want: bool) {
    assert_eq!(parse(text).expect(text).passes(&row()), want, "{text}");
}

#[track_caller]
fn refuses(text: &str, wrong: &str, words: &str) {
    let fault = parse(text).expect_err(text);
    assert_eq!(&text[fault.at.clone()], wrong, "{fault:?}");
    assert!(fault.reason.contains(words), "{fault:?}");
}

#[test]
fn an_age_is_also_compared_with_a_time_of_day() {
    // 23 and a half minutes ago, at 14:06:30.
    let row = Row("call", [("age", Fact::Length(Millis::new(1_410_000)))].into_iter().collect());
    let wanted = |text: &str| parse(text).expect(text).passes(&row);
    for text in ["age<14:05", "age>14:07", "age:14:06", "age:14:05,14:06", "age<15:00", "-age<14:07"] {
        assert!(wanted(text), "{text}");
    }
    for text in ["age<14:07", "age:14:05", "-age<14:05", "age>15:00"] {
        assert!(!wanted(text), "{text}");
    }
    refuses("age<24:00", "24:00", "14:05");
    refuses("age<14:5", "14:5", "14:05");
    refuses("took>14:05", "14:05", "30s");
}

#[test]
fn words_are_found_in_the_name_and_left_out_of_it() {
    check("", true);
    check("docs", true);
    check("drag", true);
    check("DOCS rag", true);
    check("docs -rag", false);
    check("-drag", true);
    check("xyz", false);
    check("\"cs-r\"", true);
}

#[test]
fn a_key_contains_or_is_one_of_several() {
    check("state:warn,block", true);
    check("state:block,over", false);
    check("state:wa", true);
    check("state=wa", false);
    check("tenant:docs*", true);
    check("tenant:*rag", true);
    check("tenant:*s-*g", true);
    check("tenant=docs", false);
    check("-tenant:eval*", true);
    check("tenant:\"docs-rag\"", true);
}

#[test]
fn numbers_are_compared_in_their_own_unit() {
    check("used>80%", true);
    check("used>93.2", false);
    check("used>=93.20%", true);
    check("burn>1 burn<$9", true);
    check("today>0.2k", false);
    check("today<=186.40", true);
    check("tokens>96k", true);
    check("tokens>0.1M", false);
    check("took>5s", true);
    check("took<0.1m", false);
    check("rev:40,41", true);
    check("rev=41", true);
    check("-used>80%", false);
}

#[test]
fn what_is_not_known_passes_no_comparison_but_none() {
    check("age<10m", false);
    check("-age<10m", true);
    check("age:none", true);
    check("cap:none", true);
    check("used:none", false);
}

#[test]
fn a_fault_is_marked_and_told() {
    refuses("docs used>", "used>", "expected per cent");
    refuses("used>many", "many", "per cent like 80%");
    refuses("used>5s", "5s", "per cent");
    refuses("state>warn", "state>warn", "no number");
    refuses("sate:warn", "sate", "not known here");
    refuses("docs \"rag", "\"rag", "not closed");
    refuses("docs -", "-", "say which");
    refuses("state:warn,", "state:warn,", "missing");
    let fault = Filter::parse("class:timeout", &[Key::Tenant]).expect_err("not known");
    assert!(fault.reason.contains("`class` is not known here: tenant;"), "{fault:?}");
}

#[test]
fn a_name_with_a_sign_in_it_is_found_where_it_is_quoted() {
    let named = Named(&["ollama/llama3:8b"]);
    assert!(parse("\"llama3:8b\"").expect("a filter").passes(&named));
    assert!(!parse("\"llama3:9b\"").expect("a filter").passes(&named));
}

fn typed() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "tenant",
        "used",
        "state",
        "took",
        "age",
        ":",
        "=",
        ">",
        "<",
        ">=",
        "<=",
        "\"",
        "-",
        ",",
        "*",
        " ",
        "80",
        "%",
        "k",
        "M",
        "$",
        ".",
        "5s",
        "14:05",
        "none",
        "?",
        "docs",
        "한",
        "İ",
        "\u{301}",
        "9999999999999999999",
    ]);
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_a_fault_within_it(text in prop_oneof![typed(), any::<String>()]) {
        match parse(&text) {
            Ok(filter) => drop(filter.passes(&row())),
            Err(fault) => prop_assert!(text.get(fault.at.clone()).is_some(), "{:?} of {:?}", fault, text),
        }
    }

    #[test]
    fn what_is_printed_reads_as_the_same(text in typed()) {
        if let Ok(filter) = parse(&text) {
            let printed = filter.to_string();
            let again = parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&filter), "{} as {}", text, printed);
        }
    }

    #[test]
    fn a_term_and_its_opposite_split_the_rows(text in typed()) {
        let (one, other) = (parse(&text), parse(&format!("-{text}")));
        if let (Ok(one), Ok(other)) = (one, other)
            && one.terms.len() == 1
            && matches!(one.terms[0].test, term::Test::Compare(..))
        {
            prop_assert_ne!(one.passes(&row()), other.passes(&row()));
        }
    }
}
