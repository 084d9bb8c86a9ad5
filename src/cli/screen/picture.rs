//! `outlay demo --picture DIR`: pictures of the screen, drawn by the screen's own code from the demo's data, at one
//! fixed instant. The same program draws the same pictures on every machine.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use anyhow::Context as _;

use super::super::context::stop_clock;
use super::super::demo::remember;
use super::book::SharedBook;
use super::caps::{CapClerk, Order, account_of};
use super::librarian::{Librarian, Question};
use crate::demo::traffic::Scenario;
use crate::domain::amount::{Amount, Unit};
use crate::domain::budget::Budget;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::cap::{Cap, Limit};
use crate::domain::cap_book::Touch;
use crate::domain::enforcement::Heartbeat;
use crate::domain::gate::Standing;
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::period::periods;
use crate::domain::price::PriceBook;
use crate::domain::scope::{Account, Scope};
use crate::domain::switch::Switch;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::Tokens;
use crate::domain::window::Window;
use crate::store::guard::{Author, Base};
use crate::store::{Reader, Store, StoreError};
use crate::tui::caps::Standings;
use crate::tui::theme::UNICODE;
use crate::tui::{App, CapsNow, Depth, Effect, Event, Feed, Layout, Manners, Setup, Themes, keys, svg};

/// Sunday, 2026-11-22, 14:05:09 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_356_309);
const MIDNIGHT: Timestamp = Timestamp::from_seconds(1_795_305_600);
/// The caps, and who set each.
const CAPS: [(&str, &str, &str); 8] = [
    ("all 12000.00/month --soft", "jun", "what the quarter has room for"),
    ("tenant:한빛-번역 60.00/month", "jun", "new tenant"),
    ("tenant:evals-nightly 48.00/day", "cron", "save 20%"),
    ("tenant:beta-copilot 10.00/rolling:24h", "mira", "trial"),
    ("tenant:acme-search 150.00/day", "jun", "runaway loop 11-18"),
    ("tenant:growth-bot 20.00/day --soft", "mira", "campaign, ok by Jun"),
    ("tenant:chat-web 2500.00/month --soft", "mira", "as last month"),
    ("tenant:docs-rag 200.00/day --on-breach downgrade:gpt-4o-mini", "mira", "launch week"),
];

/// A picture: its file, the keys that lead there, its size, and what a reader hears who cannot see it.
struct Shot {
    name: &'static str,
    keys: &'static [&'static str],
    size: (u16, u16),
    says: &'static str,
}

const SHOTS: [Shot; 7] = [
    Shot {
        name: "overview",
        keys: &[],
        size: (120, 36),
        says: "The Overview: nine tenants, what each spends, and when its cap is reached",
    },
    Shot {
        name: "overview-80x24",
        keys: &[],
        size: (80, 24),
        says: "The Overview in 80 columns and 24 rows",
    },
    Shot {
        name: "tenant",
        keys: &["enter"],
        size: (120, 36),
        says: "One tenant: its models and what it spends by the hour",
    },
    Shot {
        name: "cap",
        keys: &["c"],
        size: (80, 24),
        says: "The form in which a cap is changed, with what the change would mean",
    },
    Shot {
        name: "budgets",
        keys: &["3"],
        size: (120, 36),
        says: "The Budgets: every cap, how much of it is used, what is left",
    },
    Shot { name: "errors", keys: &["5"], size: (120, 36), says: "The Errors of the last hour by class" },
    Shot { name: "events", keys: &["6"], size: (120, 36), says: "The Events: calls as they come" },
];

/// Draws every picture into a folder.
pub fn run(folder: &Path) -> anyhow::Result<ExitCode> {
    stop_clock(NOW);
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let kept = tempfile::tempdir().context("cannot make a folder for the pictures' store")?;
    let path = kept.path().join("demo.db");
    let book = PriceBook::builtin();
    let scenario =
        Scenario { seed: 7, midnight: MIDNIGHT, now: NOW, until: NOW.after(HOUR), incidents: Vec::new() };
    remember(&path, (&scenario, &Calendar::utc()), &book)?;
    set_caps(&path)?;
    let (themes, _) = Themes::new(Depth::True, UNICODE, &[]);
    let theme = themes.get("dusk").context("the theme of the pictures is not there")?;
    let mut out = io::stdout().lock();
    for shot in &SHOTS {
        let mut studio = Studio::open(&path, &book)?;
        let mut app = studio.app()?;
        for key in shot.keys {
            studio.press(&mut app, key)?;
        }
        // What a frame tells of the room there is decides what the screen asks for.
        svg::picture(&mut app, theme, shot.size, shot.says);
        studio.rest(&mut app)?;
        let picture = svg::picture(&mut app, theme, shot.size, shot.says);
        let file = folder.join(format!("{}.svg", shot.name));
        std::fs::write(&file, picture).with_context(|| format!("cannot write {}", file.display()))?;
        writeln!(out, "{}", file.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

const HOUR: Millis = Millis::from_minutes(60);

fn set_caps(path: &Path) -> anyhow::Result<()> {
    let mut store = Store::open(path)?;
    for (place, (text, by, why)) in (0..).zip(CAPS) {
        let cap = Cap::parse(text).map_err(|why| anyhow::anyhow!("{text}: {why}"))?;
        let at = NOW.before(Millis::from_minutes(1_440 * (CAPS.len() as u64 - place) - 1_257));
        let author = Author { by: Label::new(by), at, why: Label::new(why) };
        let rev = store.cap_revision()?;
        store.set_cap(&cap, rev, &author)?;
    }
    Ok(())
}

/// Who answers the screen, one question after the other.
struct Studio {
    librarian: Librarian,
    clerk: CapClerk,
    at: Timestamp,
}

impl Studio {
    fn open(path: &Path, book: &PriceBook) -> anyhow::Result<Studio> {
        let shared = SharedBook::new(book.clone());
        let (reader, clock) = (Reader::open(path)?, crate::cli::context::now);
        let librarian = Librarian::new(reader, Calendar::utc(), shared.clone(), Base::default(), clock);
        let clerk = CapClerk {
            path: path.to_owned(),
            reader: Reader::open(path)?,
            base: Base::default(),
            calendar: Calendar::utc(),
            book: shared,
            // Nobody is told anything of itself here.
            events: sync_channel(1).0,
            person: "mira".to_owned(),
        };
        Ok(Studio { librarian, clerk, at: NOW })
    }

    /// Returns a screen over all of it.
    fn app(&mut self) -> anyhow::Result<App> {
        let setup = Setup {
            calendar: Calendar::utc(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: "ops-1".to_owned(),
            themes: Vec::new(),
            theme: "dusk".to_owned(),
            keys: keys::Keys::default(),
            layout: Layout::default(),
            read_only: None,
            manners: Manners { label: Some("PROD".to_owned()), title: Switch::Off, ..Manners::default() },
            // What is said of the age of prices would change with them.
            price_list: Some(("built-in prices".to_owned(), NOW.before(Millis::from_minutes(2 * 24 * 60)))),
        };
        let mut app = App::new(setup, NOW);
        let events = [
            Event::Loaded(Box::new(self.librarian.snapshot()?)),
            Event::FeedState(Feed::Live),
            Event::Caps(Box::new(self.caps()?)),
        ];
        for event in events {
            let effects = app.update(event, NOW);
            self.answer(&mut app, effects)?;
        }
        Ok(app)
    }

    fn press(&mut self, app: &mut App, key: &str) -> anyhow::Result<()> {
        let key = keys::parse(key).with_context(|| format!("there is no key {key}"))?;
        self.at = self.at.after(Millis::new(100));
        let effects = app.update(Event::Key(key), self.at);
        self.answer(app, effects)
    }

    /// Lets some time pass, in which the screen may ask for more.
    fn rest(&mut self, app: &mut App) -> anyhow::Result<()> {
        self.at = self.at.after(Millis::new(600));
        let effects = app.update(Event::Tick, self.at);
        self.answer(app, effects)
    }

    /// Answers what the screen asks, and what it asks then.
    fn answer(&self, app: &mut App, effects: Vec<Effect>) -> anyhow::Result<()> {
        let mut open = effects;
        while let Some(effect) = open.pop() {
            let event = match effect {
                Effect::LoadUsed(scope, window) => self.used(scope, window)?,
                Effect::Reload => Some(self.librarian.answer_one(&Question::Everything)?),
                Effect::LoadWindow(window) => Some(self.librarian.answer_one(&Question::Window(window))?),
                Effect::LoadDetail(tenant, window) => {
                    Some(self.librarian.answer_one(&Question::Detail(tenant, window))?)
                }
                Effect::LoadPrice(model) => Some(self.librarian.answer_one(&Question::Price(model))?),
                Effect::LoadPrices(window) => Some(self.librarian.answer_one(&Question::Prices(window))?),
                Effect::Load(ask) => Some(self.librarian.answer_one(&Question::Page(ask))?),
                _ => None,
            };
            open.extend(event.map(|event| app.update(event, self.at)).unwrap_or_default());
        }
        Ok(())
    }

    /// Answers what is used of a window, as a guard would have counted it.
    fn used(&self, scope: Scope, window: Window) -> anyhow::Result<Option<Event>> {
        let answer = self.clerk.answer(&Order::Used(scope, window));
        let (Some(Event::Used(scope, window, mut used)), Some(account)) = (answer, account_of(scope)) else {
            return Ok(None);
        };
        let cap = Arc::new(Cap::new(scope, Limit::Uncapped(Unit::Money), window));
        used.budget = self.standing(Touch { cap, account })?.budget;
        Ok(Some(Event::Used(scope, window, used)))
    }

    /// Returns the caps as a guard would tell of them through which all of it has passed.
    fn caps(&self) -> anyhow::Result<CapsNow> {
        let caps = self.clerk.caps(NOW)?;
        let mut standings: Standings = HashMap::new();
        for cap in caps.book.caps() {
            let Some(account) = account_of(cap.scope) else { continue };
            let touch = Touch { cap: Arc::clone(cap), account };
            let key = (cap.key(), account);
            standings.insert(key, self.standing(touch)?);
        }
        let rev = caps.book.rev();
        let guards = ["ops-1", "ops-2"].map(|name| Heartbeat { name: Label::new(name), rev, seen: NOW });
        Ok(CapsNow { guards: guards.to_vec(), standings: Arc::new(standings), ..caps })
    }

    fn standing(&self, touch: Touch) -> Result<Standing, StoreError> {
        let calendar = Calendar::utc();
        let start = Timestamp::from_millis(periods(touch.cap.window, &calendar, NOW).since);
        let spent = self.librarian.reader.tenants(Span { start, end: NOW.after(HOUR) })?;
        let mine = spent.into_iter().filter(|(tenant, _)| match touch.account {
            Account::Tenant(wanted) => wanted == *tenant,
            _ => true,
        });
        let (mut money, mut calls, mut tokens) = (Money::ZERO, 0_u64, 0_u64);
        for (_, sums) in mine {
            money += sums.cost;
            calls += sums.calls.unsigned_abs();
            tokens += sums.tokens.total().count();
        }
        let settled = Amount::new(money, calls, Tokens::new(tokens)).unwrap_or_default();
        let day = calendar.day(NOW).end;
        let resets_at = match touch.cap.window.to_string().as_str() {
            "day" => Some(day),
            "month" => Some(calendar.month(NOW).end),
            _ => None,
        };
        Ok(Standing { touch, budget: Budget { settled, ..Budget::default() }, resets_at })
    }
}
