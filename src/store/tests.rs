//! The store against a simple model in memory, and against files that are not its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;

use super::foreign::{Foreign, ForeignError};
use super::{Applied, Reader, Store, StoreError};
use crate::domain::calendar::Span;
use crate::domain::call::{Call, CallId, Cost, ModelId, Provider, Status, TenantId};
use crate::domain::claim::{Claim, Contest, Nearness};
use crate::domain::label::Label;
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::money::Money;
use crate::domain::observation::{BadLine, Batch, Decoded};
use crate::domain::rollup::{Sign, Sums};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};
use crate::wire::format::Query;
use crate::wire::row::Value;

const DAY: i64 = 86_400_000;
/// Far after every call of these tests.
const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);
/// 2026-11-20 00:00 UTC.
const START: i64 = 1_795_132_800_000;

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/outlay.db");
    Place { _dir: dir, path }
}

fn call(id: u64, at: i64, tenant: &str) -> Call {
    let id = CallId::of("test", &[&id.to_le_bytes()]);
    let mut call =
        Call::new(id, Timestamp::from_millis(START + at), TenantId::new(tenant), ModelId::new("m"));
    call.tokens = TokenCount::from_inclusive(100, 20, (5, 0), 40).with_reasoning(7);
    call
}

fn batch(source: &str, calls: Vec<Call>) -> Batch {
    let mut decoded = Decoded::default();
    decoded.tally.lines = calls.len() as u64;
    decoded.calls = calls;
    Batch { source: Label::new(source), format: Label::new("native"), decoded, mark: None, note: None }
}

/// A price that depends on what is charged, unknown for one model.
fn price(call: &Call) -> Cost {
    match call.reported {
        Some(money) => Cost::Reported(money),
        None if call.model.as_str() == "unknown" => Cost::Unpriced,
        None => {
            let tokens = i64::try_from(call.tokens.total().count()).unwrap();
            Cost::Priced(Money::from_nanos(tokens * 2_501 + 1))
        }
    }
}

fn record(store: &mut Store, calls: Vec<Call>) -> Applied {
    store.record(&batch("a.jsonl", calls), &mut price, NOW).unwrap()
}

fn copies(applied: &Applied) -> u64 {
    applied.copies.values().sum()
}

fn always() -> Span {
    Span { start: Timestamp::EPOCH, end: Timestamp::MAX }
}

fn total(path: &Path) -> Sums {
    let mut total = Sums::default();
    for (_, sums) in Reader::open(path).unwrap().tenants(always()).unwrap() {
        total += sums;
    }
    total
}

#[track_caller]
fn check_books(store: &Store) {
    assert_eq!(store.check_books().unwrap(), Vec::<String>::new());
}

#[test]
fn a_call_read_twice_counts_once() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let calls = vec![call(1, 0, "acme"), call(2, 10, "acme")];
    let first = record(&mut store, calls.clone());
    assert_eq!((first.added, first.changes.len()), (2, 2));
    let before = total(&place.path);
    let again = record(&mut store, calls);
    assert_eq!((again.added, again.changes.len(), copies(&again)), (0, 0, 2));
    assert_eq!(total(&place.path), before);
    assert_eq!(before.calls, 2);
    check_books(&store);
}

#[test]
fn a_fuller_record_takes_the_place_of_the_earlier_one() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let mut short = call(1, 0, "acme");
    short.claim = Claim { contest: Contest::Fullest, order: 9, ..Claim::default() };
    let mut full = short.clone();
    full.tokens.output = Tokens::new(900);
    full.claim.order = 3;
    record(&mut store, vec![short.clone()]);
    let applied = record(&mut store, vec![full.clone()]);
    let signs: Vec<Sign> = applied.changes.iter().map(|change| change.sign).collect();
    assert_eq!(signs, [Sign::TakesBack, Sign::Adds]);
    assert_eq!(copies(&applied), 1);
    let mut echo = short;
    echo.claim.nearness = Nearness::Echo;
    assert_eq!(copies(&record(&mut store, vec![echo])), 1);
    assert_eq!(Reader::open(&place.path).unwrap().sources().unwrap()[0].copies, [1, 0, 1]);
    assert_eq!(total(&place.path), Sums::of(&full, price(&full)));
    check_books(&store);
}

#[test]
fn originals_of_different_requests_are_two_calls_and_an_anonymous_record_joins() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let with = |request: Option<u64>, order: u64, output: u64| {
        let mut call = call(1, 0, "acme");
        call.claim = Claim { contest: Contest::Fullest, request, order, ..Claim::default() };
        call.tokens.output = Tokens::new(output);
        call
    };
    record(&mut store, vec![with(Some(1), 1, 10), with(None, 2, 20), with(Some(2), 3, 5)]);
    assert_eq!(total(&place.path).calls, 2);
    // The anonymous record won, and the request it joined is still known.
    record(&mut store, vec![with(Some(1), 4, 30)]);
    let sums = total(&place.path);
    assert_eq!((sums.calls, sums.tokens.output.count()), (2, 35));
    check_books(&store);
}

#[test]
fn the_cost_is_frozen_and_only_unknown_ones_are_priced_anew() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let mut unknown = call(1, 0, "acme");
    unknown.model = ModelId::unknown();
    record(&mut store, vec![unknown, call(2, 0, "acme")]);
    let before = total(&place.path);
    assert_eq!(before.unpriced, 1);
    assert_eq!(store.reprice_unpriced(1, &mut |_| Cost::Unpriced).unwrap(), 0);
    let seven = Cost::Priced(Money::from_nanos(7));
    assert_eq!(store.reprice_unpriced(1, &mut |_| seven).unwrap(), 0, "the prices have not changed");
    assert_eq!(store.reprice_unpriced(2, &mut |_| seven).unwrap(), 1);
    let after = total(&place.path);
    assert_eq!(after.unpriced, 0);
    assert_eq!(after.cost, before.cost + Money::from_nanos(7));
    check_books(&store);
}

#[test]
fn a_call_with_sound_is_not_priced_later_as_if_it_were_text() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let mut spoken = call(1, 0, "acme");
    spoken.model = ModelId::unknown();
    spoken.media.audio_input = Tokens::new(30);
    record(&mut store, vec![spoken]);
    assert_eq!(store.reprice_unpriced(1, &mut |_| Cost::Priced(Money::from_nanos(7))).unwrap(), 0);
    assert_eq!(total(&place.path).unpriced, 1);
    check_books(&store);
}

#[test]
fn a_row_from_the_future_counts_when_it_arrives_and_only_once() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let now = Timestamp::from_millis(START);
    let ahead = batch("a", vec![call(1, 6 * 60_000, "acme"), call(2, 4 * 60_000, "acme")]);
    let applied = store.record(&ahead, &mut price, now).unwrap();
    assert_eq!((applied.added, applied.ahead), (2, 1));
    assert_eq!(applied.changes[0].at, now);
    let later = now.after(Millis::from_minutes(60));
    assert!(store.record(&ahead, &mut price, later).unwrap().changes.is_empty());
    check_books(&store);
}

#[test]
fn sums_past_the_end_of_the_range_hold_there() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    for id in 0..3 {
        let mut huge = call(id, 0, "acme");
        huge.reported = Some(Money::from_nanos(i64::MAX));
        record(&mut store, vec![huge]);
    }
    assert_eq!(total(&place.path).cost, Money::from_nanos(i64::MAX));
    check_books(&store);
}

#[test]
fn marks_sources_and_bad_lines_are_kept_with_the_calls() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let mut step = batch("a.jsonl", vec![call(1, 0, "acme")]);
    step.decoded.bad(BadLine {
        offset: 7,
        line: 2,
        length: 3,
        reason: "no JSON".to_owned(),
        excerpt: "{".to_owned(),
    });
    let sight = Sight {
        file: FileId { device: 1, inode: u64::MAX },
        size: 10,
        modified: i128::from(i64::MAX) + 5,
        changed: -1,
    };
    let mark = Mark {
        path: "/a.jsonl".into(),
        format: Label::new("native"),
        sight,
        offset: 10,
        head: u64::MAX,
        tail: 3,
        half: Some(u64::MAX),
        cursor: Some("[[1,{\"Integer\":5},2]]".into()),
    };
    step.mark = Some(mark.clone());
    step.note = Some("rotated".to_owned());
    store.record(&step, &mut price, NOW).unwrap();
    let moved = Mark { path: "/b.jsonl".into(), offset: 20, ..mark };
    step.mark = Some(moved.clone());
    store.record(&step, &mut price, NOW).unwrap();
    let reader = Reader::open(&place.path).unwrap();
    assert_eq!(reader.marks().unwrap(), [moved]);
    assert_eq!(reader.bad_lines(5).unwrap().len(), 1);
    let sources = reader.sources().unwrap();
    assert_eq!((sources.len(), sources[0].calls, sources[0].tally.bad), (1, 1, 1));
    assert_eq!(sources[0].copies, [2, 0, 0]);
    assert_eq!(sources[0].note.as_deref(), Some("rotated"));
    assert_eq!(reader.call_count().unwrap(), 1);
}

#[test]
fn an_error_leaves_nothing_behind() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let other = Connection::open(&place.path).unwrap();
    other
        .execute_batch("CREATE TRIGGER t BEFORE INSERT ON source BEGIN SELECT RAISE(ABORT, 'no'); END")
        .unwrap();
    let refused = store.record(&batch("a", vec![call(1, 0, "new")]), &mut price, NOW);
    assert!(matches!(refused, Err(StoreError::Statement { .. })));
    other.execute_batch("DROP TRIGGER t").unwrap();
    record(&mut store, vec![call(1, 0, "new")]);
    let tenants = Reader::open(&place.path).unwrap().tenants(always()).unwrap();
    assert_eq!(tenants[0].0, TenantId::new("new"));
    check_books(&store);
}

#[test]
fn a_sum_that_was_tampered_with_is_found() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    record(&mut store, vec![call(1, 0, "acme")]);
    for table in ["rollup", "rollup_day", "tenant_slot", "tenant_day"] {
        let other = Connection::open(&place.path).unwrap();
        other.execute_batch(&format!("UPDATE {table} SET cost = cost + 1")).unwrap();
        assert_eq!(store.check_books().unwrap().len(), 1, "{table}");
        other.execute_batch(&format!("UPDATE {table} SET cost = cost - 1")).unwrap();
    }
    check_books(&store);
}

#[test]
fn the_bell_rings_when_another_connection_writes() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let reader = Reader::open(&place.path).unwrap();
    let before = reader.data_version().unwrap();
    assert_eq!(reader.data_version().unwrap(), before);
    record(&mut store, vec![call(1, 0, "acme")]);
    assert_ne!(reader.data_version().unwrap(), before);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    record(&mut store, vec![call(1, 0, "acme")]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path), 0o600);
    assert_eq!(mode(&place.path.with_file_name("outlay.db-wal")), 0o600);
    assert_eq!(mode(place.path.parent().unwrap()), 0o700);
    assert_eq!(std::fs::read_dir(place.path.parent().unwrap()).unwrap().count(), 3);
}

#[test]
fn two_that_create_at_once_both_succeed() {
    for round in 0..50 {
        let place = place();
        if round % 2 == 1 {
            // A file that is there and empty is made a store as well.
            std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
            std::fs::write(&place.path, "").unwrap();
        }
        let barrier = std::sync::Barrier::new(2);
        let open = || {
            barrier.wait();
            let mut store = Store::open(&place.path)?;
            store.record(&batch("a.jsonl", vec![call(1, 0, "acme")]), &mut price, NOW)
        };
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(total(&place.path).calls, 1);
        check_books(&Store::open(&place.path).unwrap());
    }
}

/// Makes a folder with these permissions, and returns a store's path in it.
fn in_folder(place: &Place, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = place.path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
    folder.join("outlay.db")
}

#[track_caller]
fn check_exposed(path: &Path) {
    let error = Store::open(path).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_folder_that_everyone_can_write_to_is_refused() {
    let place = place();
    let path = in_folder(&place, 0o777);
    check_exposed(&path);
    check_exposed(&path.with_file_name("deeper/still/outlay.db"));
    assert!(
        Store::open(&in_folder(&place, 0o1777)).is_ok(),
        "where names are protected, as in /tmp, it is not"
    );
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let place = place();
    let path = in_folder(&place, 0o700);
    let link = path.parent().unwrap().with_file_name("link");
    std::os::unix::fs::symlink(path.parent().unwrap(), &link).unwrap();
    check_exposed(&link.join("outlay.db"));
}

#[test]
fn a_store_beside_which_nothing_can_be_written_is_read_as_it_stands() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    record(&mut store, vec![call(1, 0, "acme")]);
    drop(store);
    // What a read-only disk does, whoever runs the test: the log cannot be made.
    std::fs::create_dir(place.path.with_file_name("outlay.db-wal")).unwrap();
    let refused = Store::open(&place.path).map(drop).unwrap_err();
    assert!(refused.leaves_reading(), "{refused}");
    assert_eq!(total(&place.path).calls, 1);
}

#[test]
fn a_folder_is_no_store() {
    let place = place();
    std::fs::create_dir_all(&place.path).unwrap();
    for error in [Store::open(&place.path).map(drop), Reader::open(&place.path).map(drop)] {
        assert!(matches!(error, Err(StoreError::Folder { .. })), "{error:?}");
    }
}

#[track_caller]
fn check_refused(prepare: impl FnOnce(&Path), is_it: impl Fn(&StoreError) -> bool) {
    let place = place();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    prepare(&place.path);
    let before = std::fs::read(&place.path).unwrap();
    let writer = Store::open(&place.path).map(drop).unwrap_err();
    assert!(is_it(&writer), "{writer:?}");
    let reader = Reader::open(&place.path).map(drop).unwrap_err();
    assert!(is_it(&reader), "{reader:?}");
    assert!(std::fs::read(&place.path).unwrap() == before, "the file was touched");
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let prepare = |path: &Path| {
        drop(Store::open(path).unwrap());
        Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    };
    check_refused(prepare, |error| matches!(error, StoreError::Newer { found: 99, known: 8, .. }));
}

fn bad(offset: u64) -> BadLine {
    let (reason, excerpt) = ("no JSON".to_owned(), format!("line {offset}"));
    BadLine { offset, line: 0, length: 7, reason, excerpt }
}

#[test]
fn the_bad_lines_of_a_copy_count_once_and_are_kept_once() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    // More than are kept with their text at a time.
    let lines = 2 * u64::try_from(Decoded::BAD_KEPT).unwrap();
    let file = |source: &str, bads: std::ops::Range<u64>| {
        let mut file = batch(source, vec![call(1, 0, "acme")]);
        file.decoded.tally.lines += bads.end - bads.start;
        bads.map(bad).for_each(|line| file.decoded.bad(line));
        file
    };
    let steps = [file("a", 0..lines), file("b", 0..lines), file("a", 0..1), file("c", lines..lines + 3)];
    let copies = |applied: Applied| applied.bad_copies.values().sum::<u64>();
    let copies: Vec<u64> =
        steps.iter().map(|step| copies(store.record(step, &mut price, NOW).unwrap())).collect();
    assert_eq!(copies, [0, lines, 1, 0]);
    let reader = Reader::open(&place.path).unwrap();
    let sources = reader.sources().unwrap();
    assert_eq!(sources.iter().map(|source| source.tally.bad).sum::<u64>(), lines + 3);
    for source in &sources {
        let counted =
            source.calls + source.failed + i64::try_from(source.copies.iter().sum::<u64>()).unwrap();
        assert_eq!(source.tally.lines, u64::try_from(counted).unwrap() + source.tally.bad, "{source:?}");
    }
    assert_eq!(reader.bad_lines(1000).unwrap().len(), Decoded::BAD_KEPT + 3);
    check_books(&store);
}

#[test]
fn a_gap_is_kept_though_it_is_no_line() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    let mut step = batch("a", Vec::new());
    step.decoded.tally.lost = 4;
    step.decoded.bad.push(bad(2));
    (0..2).for_each(|_| drop(store.record(&step, &mut price, NOW).unwrap()));
    let reader = Reader::open(&place.path).unwrap();
    let source = &reader.sources().unwrap()[0];
    assert_eq!((source.tally.lost, source.tally.bad, source.copies), (8, 0, [0, 0, 0]));
    assert_eq!(reader.bad_lines(5).unwrap().len(), 1);
}

#[test]
fn a_store_of_an_earlier_version_keeps_what_it_holds() {
    let place = place();
    std::fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    let old = Connection::open(&place.path).unwrap();
    old.execute_batch(include_str!("migrations/0001.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO mark VALUES ('native 1:2', '/a.jsonl', 'native', 1, 2, 10, '5', '6', 10, 7, 8, 9);
         PRAGMA application_id = 0x4f75744c; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let marks = Store::open(&place.path).unwrap().marks().unwrap();
    assert_eq!(marks.len(), 1);
    assert_eq!((&*marks[0].path, marks[0].offset, &marks[0].cursor), ("/a.jsonl", 10, &None));
    assert!(Reader::open(&place.path).is_ok());
}

#[test]
fn a_database_of_another_program_is_refused_untouched() {
    let prepare = |path: &Path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    check_refused(prepare, |error| matches!(error, StoreError::Foreign { .. }));
}

#[test]
fn a_damaged_store_is_left_as_it_is() {
    let noise = |path: &Path| std::fs::write(path, "not a database ".repeat(1000)).unwrap();
    check_refused(noise, |error| matches!(error, StoreError::Corrupt { .. }));
    let few = |path: &Path| std::fs::write(path, "x").unwrap();
    check_refused(few, |error| matches!(error, StoreError::Corrupt { .. }));
}

#[test]
fn a_store_that_is_missing_is_named() {
    let place = place();
    let error = Reader::open(&place.path).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }));
    assert!(error.to_string().contains("outlay.db"), "{error}");
}

/// The last winner of each identity, and its cost: what the store has to come to.
type Model = BTreeMap<CallId, Call>;

fn model_add(model: &mut Model, call: &Call) {
    match model.get(&call.id) {
        Some(held) if !call.claim.beats(&call.tokens, &held.claim, &held.tokens) => {}
        _ => {
            model.insert(call.id, call.clone());
        }
    }
}

fn model_sums(model: &Model, span: Span) -> BTreeMap<&'static str, Sums> {
    let mut sums: BTreeMap<&'static str, Sums> = BTreeMap::new();
    for call in model.values().filter(|call| span.contains(call.at)) {
        *sums.entry(call.tenant.as_str()).or_default() += Sums::of(call, price(call));
    }
    sums
}

prop_compose! {
    fn any_call()(
        (id, at, tenant, model, contest) in (0_u64..12, 0_i64..3 * DAY, 0_usize..3, 0_usize..3, 0_usize..3),
        (order, nearness, output, input) in (0_u64..1000, 0_usize..3, 0_u64..5, 0_u64..3),
        (failed, reported) in (any::<bool>(), proptest::option::of(0_i64..1000)),
    ) -> Call {
        // One identity has one way to decide, as one ledger has.
        let id = id * 3 + contest as u64;
        let mut call = call(id, at, ["acme", "한빛", "umbrella"][tenant]);
        call.model = ModelId::new(["big", "small", ""][model]);
        call.provider = Provider::new(["openai", ""][usize::from(failed)]);
        call.claim = Claim {
            contest: Contest::ALL[contest],
            nearness: Nearness::ALL[nearness],
            request: None,
            order,
        };
        call.tokens = TokenCount::from_inclusive(input, 0, (0, 0), output);
        call.reported = reported.map(Money::from_nanos);
        call.status = Status::ALL[usize::from(failed)];
        call.failure = Label::new(if failed { "rate_limit" } else { "" });
        call
    }
}

/// Makes orders distinct: two records never stand in one place.
fn spread(mut calls: Vec<Call>) -> Vec<Call> {
    for (place, call) in (0..).zip(&mut calls) {
        call.claim.order = call.claim.order * 1000 + place;
    }
    calls
}

fn by_tenant(sums: Vec<(TenantId, Sums)>) -> BTreeMap<&'static str, Sums> {
    sums.into_iter().map(|(tenant, sums)| (tenant.as_str(), sums)).collect()
}

/// Compares every way to read with the model.
fn check_reads(reader: &Reader, model: &Model, span: Span) -> Result<(), TestCaseError> {
    let mut want = model_sums(model, span);
    want.retain(|_, sums| !sums.is_empty());
    prop_assert_eq!(&by_tenant(reader.tenants(span).unwrap()), &want);
    for grain in 0..2 {
        let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
        let mut last = span.start;
        let mut visit = |at: Timestamp, slice: &crate::domain::rollup::Slice, part: &Sums| {
            assert!(at >= last && span.contains(at));
            last = at;
            *sums.entry(slice.tenant.as_str()).or_default() += *part;
        };
        match grain {
            0 => reader.rollups(Some(span), &mut visit).unwrap(),
            _ => reader.rollups_by_day(Some(span), &mut visit).unwrap(),
        }
        prop_assert_eq!(&sums, &want);
    }
    for (tenant, sums) in &want {
        let tenant = TenantId::new(tenant);
        let mut by_model = Sums::default();
        reader.models(tenant, span).unwrap().into_iter().for_each(|(_, _, sums)| by_model += sums);
        prop_assert_eq!(&by_model, sums);
        let mut by_hour = Sums::default();
        reader.hours(tenant, span).unwrap().into_iter().for_each(|(_, sums)| by_hour += sums);
        prop_assert_eq!(&by_hour, sums);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_comes_to_what_the_model_comes_to(
        calls in proptest::collection::vec(any_call(), 1..60).prop_map(spread),
        cuts in proptest::collection::vec(1_usize..20, 1..8),
        (from, length) in (-DAY..3 * DAY, 1_i64..4 * DAY),
    ) {
        let place = place();
        let mut store = Store::open(&place.path).unwrap();
        let mut model = Model::new();
        let mut live = Sums::default();
        let mut rest = calls.as_slice();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            for call in now {
                model_add(&mut model, call);
            }
            // All but the last record of a step are read once more, as after a restart.
            let again = now.iter().take(now.len().saturating_sub(1)).cloned().collect();
            for change in [record(&mut store, now.to_vec()), record(&mut store, again)].iter().flat_map(|a| &a.changes) {
                match change.sign {
                    Sign::Adds => live += change.sums,
                    Sign::TakesBack => live = live - change.sums,
                }
            }
            check_books(&store);
        }
        let reader = Reader::open(&place.path).unwrap();
        check_reads(&reader, &model, always())?;
        let start = START + from;
        let span = Span { start: Timestamp::from_millis(start), end: Timestamp::from_millis(start + length) };
        check_reads(&reader, &model, span)?;
        prop_assert_eq!(total(&place.path), live);
    }

    #[test]
    fn the_order_of_reading_changes_no_figure_of_any_source(
        calls in proptest::collection::vec((any_call(), 0_usize..3), 1..40),
        bads in proptest::collection::vec(proptest::option::of(0_u64..4), 40), sizes in (1_usize..9, 1_usize..9),
    ) {
        // Every record has its own place in its source; those of different sources may have equal ones.
        let mut next = [0; 3];
        let place_in = |(mut call, source): (Call, usize)| {
            next[source] += 1;
            call.claim.order = call.claim.order % 3 * 100 + next[source];
            (call, source)
        };
        let forward: Vec<((Call, usize), Option<u64>)> = calls.into_iter().map(place_in).zip(bads).collect();
        let backward = forward.iter().rev().cloned().collect();
        let read = |records: Vec<((Call, usize), Option<u64>)>, size: usize| {
            let place = place();
            let mut store = Store::open(&place.path).unwrap();
            for part in records.chunks(size) {
                let batches: Vec<Batch> = part
                    .iter()
                    .map(|((call, source), line)| {
                        let mut batch = batch(["a", "b", "c"][*source], vec![call.clone()]);
                        batch.decoded.tally.lines += u64::from(line.is_some());
                        if let Some(line) = line {
                            batch.decoded.bad(bad(*line));
                        }
                        batch
                    })
                    .collect();
                store.record_all(&batches, &mut price, NOW).unwrap();
            }
            check_books(&store);
            let reader = Reader::open(&place.path).unwrap();
            let sources = reader.sources().unwrap();
            for source in &sources {
                let counted = source.calls + source.failed + i64::try_from(source.copies.iter().sum::<u64>()).unwrap();
                let accounted = u64::try_from(counted).unwrap() + source.tally.bad;
                assert_eq!(source.tally.lines, accounted, "{source:?}");
            }
            let mut bad = reader.bad_lines(100).unwrap();
            bad.sort_by_key(|(source, line)| (*source, line.offset));
            (by_tenant(reader.tenants(always()).unwrap()), sources, bad)
        };
        prop_assert_eq!(read(forward, sizes.0), read(backward, sizes.1));
    }
}

#[test]
fn minutes_reach_back_an_hour_from_the_latest_call() {
    let place = place();
    let mut store = Store::open(&place.path).unwrap();
    record(
        &mut store,
        vec![
            call(1, 2 * 3_600_000, "a"),
            call(2, 2 * 3_600_000 + 60_000, "a"),
            call(3, 3 * 3_600_000 + 61_000, "a"),
        ],
    );
    let minutes = Reader::open(&place.path).unwrap().minutes(Timestamp::EPOCH).unwrap();
    let starts: Vec<i64> = minutes.iter().map(|(minute, ..)| minute.millis() - START).collect();
    assert_eq!(starts, [2 * 3_600_000 + 60_000, 3 * 3_600_000 + 60_000]);
}

fn foreign(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, cost REAL, body BLOB);
         INSERT INTO t VALUES (1, 0.1, NULL), (2, 3.0, 'x'), (3, 1.25e-9, x'ff');",
    )
    .unwrap();
    conn
}

fn read_foreign(foreign: &Foreign, after: Option<&Value>) -> Vec<String> {
    let query = Query {
        sql: "SELECT id, cost, body FROM t WHERE ?1 IS NULL OR id >= ?1 ORDER BY id DESC".to_owned(),
        cursor: Some("id".to_owned()),
    };
    let mut seen = Vec::new();
    foreign
        .rows(&query, after, &mut |row, number| {
            let text = |name| row.text(name).map_or("-".to_owned(), std::borrow::Cow::into_owned);
            seen.push(format!("{number} {} {} {}", text("id"), text("cost"), text("BODY")));
        })
        .unwrap();
    seen
}

#[test]
fn a_foreign_table_is_read_and_read_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs.db");
    let theirs = foreign(&path);
    let ours = Foreign::open(&path, Duration::ZERO).unwrap();
    let version = ours.data_version().unwrap();
    let seen = read_foreign(&ours, None);
    assert_eq!(seen, ["1 3 0.00000000125 \u{fffd}", "2 2 3 x", "3 1 0.1 -"]);
    theirs.execute_batch("INSERT INTO t VALUES (4, NULL, 'y')").unwrap();
    assert_ne!(ours.data_version().unwrap(), version);
    assert_eq!(read_foreign(&ours, Some(&Value::Integer(3))).len(), 2);
    assert_eq!(ours.columns("t").unwrap().unwrap(), ["id", "cost", "body"]);
    assert_eq!(ours.columns("u").unwrap(), None);
    let write = Query { sql: "DELETE FROM t".to_owned(), cursor: None };
    assert!(ours.rows(&write, None, &mut |_, _| {}).is_err());
    assert_eq!(read_foreign(&ours, None).len(), 4);
}

#[test]
fn what_keeps_a_foreign_database_from_being_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs.db");
    let open = || Foreign::open(&path, Duration::ZERO);
    assert!(matches!(open(), Err(ForeignError::Missing { .. })));
    std::fs::write(&path, "no database at all, but text ".repeat(100)).unwrap();
    assert!(matches!(open(), Err(ForeignError::Corrupt { .. })));
    std::fs::remove_file(&path).unwrap();
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE t (id); BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(open(), Err(ForeignError::Locked { .. })));
    theirs.execute_batch("COMMIT").unwrap();
    let question = Query { sql: "SELECT nothing FROM t".to_owned(), cursor: None };
    let answer = open().unwrap().rows(&question, None, &mut |_, _| {});
    assert!(matches!(answer, Err(ForeignError::Question { .. })));
}
