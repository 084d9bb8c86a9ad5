//! How long the screen takes from a key or from news to a drawn frame, with ten and with ten thousand tenants.
//!
//! `cargo bench --bench frame`. The terminal is one in memory, so that no other program's work is in the figures: a
//! frame is what a key or a call changes in the state, the cells of the whole screen, and their difference to the
//! frame before.

#![expect(clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use outlay::domain::books::Books;
use outlay::domain::calendar::Calendar;
use outlay::domain::call::{Call, CallId, ModelId, TenantId};
use outlay::domain::label::Label;
use outlay::domain::money::Money;
use outlay::domain::rollup::{Change, Sign, Slice, Sums};
use outlay::domain::time::{Millis, Timestamp};
use outlay::tui::draw::draw;
use outlay::tui::keys::Keys;
use outlay::tui::theme::UNICODE;
use outlay::tui::{App, Depth, Event, Layout, Setup, Snapshot, Theme, Themes};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// 2026-11-22 14:05 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);
const FRAMES: usize = 2_000;

fn main() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        for tenants in [10, 10_000] {
            let mut bench = Bench::new(tenants, (columns, rows));
            let size = format!("{columns}x{rows}, {tenants} tenants");
            bench.told(&format!("{size}: a call"), Bench::call);
            bench.told(&format!("{size}: down and up"), |bench, number| {
                bench.key(if number % 200 < 100 { KeyCode::Down } else { KeyCode::Up });
            });
            bench.told(&format!("{size}: pages"), |bench, number| {
                bench.key(if number % 20 < 10 { KeyCode::PageDown } else { KeyCode::PageUp });
            });
            bench.key(KeyCode::Char('/'));
            bench.told(&format!("{size}: a filter typed"), |bench, number| {
                let typed =
                    ['t', '4', '2', '7'].get(number % 8).map_or(KeyCode::Backspace, |c| KeyCode::Char(*c));
                bench.key(typed);
            });
        }
    }
}

struct Bench {
    app: App,
    theme: Theme,
    terminal: Terminal<TestBackend>,
    tenants: usize,
    now: Timestamp,
}

impl Bench {
    fn new(tenants: usize, (columns, rows): (u16, u16)) -> Bench {
        let (themes, faults) = Themes::new(Depth::True, UNICODE, &[]);
        assert!(faults.is_empty(), "{faults:?}");
        let theme = themes.get("dusk").expect("a theme").clone();
        let setup = Setup {
            calendar: Calendar::utc(),
            version: "0.1.0".to_owned(),
            host: "ops-1".to_owned(),
            themes: themes.names(),
            theme: "dusk".to_owned(),
            keys: Keys::default(),
            layout: Layout::default(),
            read_only: None,
            manners: outlay::tui::Manners::default(),
            price_list: None,
        };
        let mut app = App::new(setup, NOW);
        let all = || (0..tenants).map(tenant);
        let spent =
            |size: usize| all().enumerate().map(move |(n, tenant)| (tenant, sums((n * size) % 9_973)));
        let minutes = (0..60).flat_map(|minute| {
            let at = NOW.before(Millis::from_minutes(minute));
            all().take(100).map(move |tenant| (at, tenant, sums(7)))
        });
        let books =
            Books::load(Calendar::utc(), NOW, spent(37).collect(), spent(911).collect(), minutes.collect());
        app.update(Event::Loaded(Box::new(Snapshot { books, sources: Vec::new() })), NOW);
        let terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        Bench { app, theme, terminal, tenants, now: NOW }
    }

    /// One call of some tenant comes.
    fn call(&mut self, number: usize) {
        let call = Call::new(
            CallId::from_bits(number as u128),
            self.now,
            tenant(number * 31 % self.tenants),
            ModelId::new("m"),
        );
        let slice = Slice::of(&call, Label::new("bench"));
        let change = Change { at: self.now, slice, sums: sums(number), sign: Sign::Adds };
        self.app.update(Event::Changed(vec![change], Vec::new()), self.now);
    }

    fn key(&mut self, code: KeyCode) {
        self.app.update(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), self.now);
    }

    /// Does something many times, and prints how long each took until it was drawn.
    fn told(&mut self, name: &str, mut does: impl FnMut(&mut Bench, usize)) {
        let mut times: Vec<Duration> = (0..FRAMES)
            .map(|number| {
                self.now = self.now.after(Millis::new(100));
                let start = Instant::now();
                does(self, number);
                let (app, theme) = (&self.app, &self.theme);
                let mut seen = None;
                self.terminal.draw(|frame| seen = Some(draw(frame, app, theme))).expect("drawn");
                if let Some(seen) = seen {
                    self.app.seen(seen);
                }
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 1_000).copied().expect("a time");
        println!("{name:<42} p50 {:>8.1?}  p99 {:>8.1?}  max {:>8.1?}", at(500), at(990), at(999));
    }
}

fn tenant(number: usize) -> TenantId {
    TenantId::new(&format!("tenant-{number:05}"))
}

fn sums(cents: usize) -> Sums {
    let cost = Money::from_nanos(i64::try_from(cents).unwrap_or(0) * 10_000_000);
    Sums { calls: 1, cost, ..Sums::default() }
}
