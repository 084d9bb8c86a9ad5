//! The screen over a store: its figures are those of `outlay report` of the same store and instant.

use serde_json::Value;

use super::book::SharedBook;
use super::librarian::{Librarian, Question};
use crate::domain::calendar::Calendar;
use crate::domain::call::{Call, CallId, Cost, ModelId, Provider, Status, TenantId};
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::observation::{Batch, Decoded};
use crate::domain::price::PriceBook;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};
use crate::report::build::Builder;
use crate::report::json;
use crate::report::query::{By, Query};
use crate::report::resolve::Way;
use crate::store::guard::Base;
use crate::store::{Reader, Store};
use crate::tui::keys::Keys;
use crate::tui::page::group::Grouping;
use crate::tui::{App, Ask, Effect, Event, Layout, Page, Setup, Window};

/// Sunday, 2026-11-22, 14:05 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

const CALLS: u64 = 400;

/// Returns calls of the last two days: each costs another sum.
fn calls() -> Vec<Call> {
    let tenants = ["docs-rag", "acme-search", "chat-web"];
    let call = |index: u64| {
        let at = NOW.before(Millis::from_minutes(index * 7));
        let place = |count: usize| usize::try_from(index).expect("small") % count;
        let model = ["claude-sonnet-4-6", "gpt-5.4"][place(2)];
        let id = CallId::of("test", &[&index.to_le_bytes()]);
        let mut call = Call::new(id, at, TenantId::new(tenants[place(3)]), ModelId::new(model));
        call.provider = Provider::new(["anthropic", "openai"][place(2)]);
        call.tokens =
            TokenCount { input: Tokens::new(100 + index), output: Tokens::new(7), ..TokenCount::default() };
        call.latency = Some(Millis::new(300 + index));
        if index % 11 == 3 {
            (call.status, call.failure) = (Status::Failed, Label::new("rate_limit"));
        }
        call
    };
    (0..CALLS).map(call).collect()
}

fn librarian() -> (tempfile::TempDir, Librarian) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/outlay.db");
    let mut store = Store::open(&path).expect("a store");
    let (source, format) = (Label::new("logs/a.jsonl"), Label::new("native"));
    let decoded = Decoded { calls: calls(), ..Decoded::default() };
    let mut price = |call: &Call| match call.tokens.input.count() {
        count if count % 50 == 0 => Cost::Unpriced,
        count => Cost::Priced(Money::from_nanos(i64::try_from(count).expect("small") * 12_345_678)),
    };
    store
        .record(&Batch { source, format, decoded, mark: None, note: None }, &mut price, NOW)
        .expect("recorded");
    let reader = Reader::open(&path).expect("a reader");
    let book = SharedBook::new(PriceBook::builtin());
    let librarian = Librarian::new(reader, Calendar::utc(), book, Base::default(), || NOW);
    (folder, librarian)
}

/// Returns the rows of `outlay report --format json` of today, by these.
fn report(reader: &Reader, by: &[By]) -> Vec<Value> {
    let today = Calendar::utc().day(NOW);
    let (since, until) = (Some(today.start), Some(today.end));
    let query = Query { by: by.to_vec(), since, until, calendar: Calendar::utc(), now: NOW };
    let mut builder = Builder::new(&query, Way::Careful);
    reader.rollups_by_day(query.span(), &mut |at, slice, sums| builder.add(at, slice, *sums)).expect("sums");
    let report = builder.finish().expect("room").expect("a report");
    let mut text = Vec::new();
    json::write(&report, &mut text).expect("json");
    let value: Value = serde_json::from_slice(&text).expect("json");
    value["rows"].as_array().expect("rows").clone()
}

/// Returns an amount of a report as a table shows it.
fn shown(row: &Value) -> String {
    let cost = row["cost_usd"].as_str().expect("a cost");
    let money = Money::parse_dollars(cost).expect("dollars").rounded(2);
    if row["unpriced_calls"].as_u64().unwrap_or(0) > 0 { format!("{money}+?") } else { money }
}

fn app(librarian: &Librarian) -> App {
    let setup = Setup {
        calendar: Calendar::utc(),
        version: "0.1.0".to_owned(),
        host: String::new(),
        themes: vec!["dusk".to_owned()],
        theme: "dusk".to_owned(),
        keys: Keys::default(),
        layout: Layout::default(),
        read_only: None,
        price_list: Some(("built-in prices".to_owned(), NOW.before(Millis::from_minutes(2 * 1440)))),
        manners: crate::tui::Manners::default(),
    };
    let mut app = App::new(setup, NOW);
    let snapshot = librarian.snapshot().expect("a snapshot");
    app.update(Event::Loaded(Box::new(snapshot)), NOW);
    app
}

#[track_caller]
fn has_line(text: &str, name: &str, cell: &str) {
    let whole = |line: &&str| line.split_whitespace().any(|word| word.trim_start_matches('▸') == name);
    let cells = |line: &str| line.split_whitespace().any(|word| word == cell);
    assert!(text.lines().filter(whole).any(cells), "no line of {name} with {cell} in\n{text}");
}

fn screen(app: &mut App) -> String {
    crate::tui::picture_of(app, 120, 40)
}

#[test]
fn the_overview_shows_what_a_report_of_the_same_instant_says() {
    let (_folder, librarian) = librarian();
    let mut app = app(&librarian);
    let text = screen(&mut app);
    let rows = report(&librarian.reader, &[By::Tenant]);
    assert_eq!(rows.len(), 3);
    for row in rows {
        has_line(&text, row["tenant"].as_str().expect("a tenant"), &shown(&row));
    }
}

#[test]
fn a_tenants_page_shows_what_a_report_of_the_same_instant_says() {
    let (_folder, librarian) = librarian();
    let mut app = app(&librarian);
    let enter = crate::tui::keys::parse("enter").expect("a key");
    let mut opened = None;
    for effect in app.update(Event::Key(enter), NOW.after(Millis::new(100))) {
        let question = match effect {
            Effect::LoadDetail(tenant, window) => {
                opened = Some(tenant);
                Question::Detail(tenant, window)
            }
            Effect::Load(ask) => Question::Page(ask),
            _ => continue,
        };
        app.update(librarian.answer_one(&question).expect("an answer"), NOW);
    }
    let tenant = opened.expect("a tenant was opened");
    let text = screen(&mut app);
    let rows = report(&librarian.reader, &[By::Tenant, By::Model]);
    let mine: Vec<&Value> = rows.iter().filter(|row| row["tenant"] == tenant.as_str()).collect();
    assert_eq!(mine.len(), 2);
    for row in &mine {
        has_line(&text, row["model"].as_str().expect("a model"), &shown(row));
    }
    let count = |key: &str| mine.iter().map(|row| row[key].as_u64().expect("a count")).sum::<u64>();
    let (calls, failed) = (count("calls"), count("failed_calls"));
    assert!(failed > 0);
    assert!(text.contains(&format!("errors today: {failed} of {} (", calls + failed)), "{text}");
    assert!(text.contains(&format!("{} calls from 1 source", calls + failed)), "{text}");
}

#[test]
fn groups_show_what_a_report_of_the_same_instant_says() {
    let (_folder, librarian) = librarian();
    for (grouping, by, key) in
        [(Grouping::Model, By::Model, "model"), (Grouping::Provider, By::Provider, "provider")]
    {
        let ask = Ask::Group(grouping, Window::Today);
        let Event::Page(_, page) = librarian.answer_one(&Question::Page(ask)).expect("an answer") else {
            panic!("another answer");
        };
        let Page::Group(now) = *page else { panic!("another page") };
        for row in report(&librarian.reader, &[by]) {
            let name = Label::new(row[key].as_str().expect("a name"));
            let found = now.rows.iter().find(|it| it.name == name).expect("a row");
            assert_eq!(row["cost_usd"].as_str(), Some(found.sums.cost.to_dollars().as_str()));
            assert_eq!(row["calls"].as_i64(), Some(found.sums.calls));
        }
    }
}

#[test]
fn what_the_sheet_of_a_tenant_holds_are_its_calls_of_the_window() {
    let (_folder, librarian) = librarian();
    let tenant = TenantId::new("acme-search");
    let ask = Ask::Tenant(tenant, Window::Today);
    let Event::Page(_, page) = librarian.answer_one(&Question::Page(ask)).expect("an answer") else {
        panic!("another answer");
    };
    let Page::Tenant(now) = *page else { panic!("another page") };
    let today = Calendar::utc().day(NOW);
    let mine = calls().into_iter().filter(|call| call.tenant == tenant && today.contains(call.at));
    let mine: Vec<Call> = mine.collect();
    let all = now.sheet.all();
    let failed = mine.iter().filter(|call| call.status == Status::Failed).count();
    let counts = (usize::try_from(all.service.calls), usize::try_from(all.service.failed));
    assert_eq!(counts, (Ok(mine.len()), Ok(failed)));
    assert_eq!(
        now.sheet.latest().map(|made| made.0.id).collect::<Vec<_>>(),
        mine.iter().map(|call| call.id).collect::<Vec<_>>()
    );
    let faults: i64 = now.faults.iter().map(|(_, count)| count).sum();
    assert_eq!((now.since, usize::try_from(faults)), (None, Ok(failed)));
}
