//! Row 3: the numbers of this page. A number is shown whole or not at all.

use ratatui::layout::Rect;

use super::pen::{Pen, Span};
use super::{budgets, errors, events, guards, limits};
use crate::domain::burn::Live;
use crate::tui::app::{App, Mode};
use crate::tui::event::SourceState;
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the numbers.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    let versions = match app.tab {
        Tab::Overview => totals(app),
        Tab::Limits => limits::numbers(app),
        Tab::Budgets => budgets::numbers(app),
        Tab::Prices => prices(app),
        Tab::Errors => errors::numbers(app),
        Tab::Events => events::numbers(app),
        Tab::Guard => guards::numbers(app),
        Tab::Sources => sources_row(app),
        Tab::Audit => audit(app),
    };
    pen.first_that_fits(line, &versions);
}

fn totals(app: &App) -> Vec<Vec<Span>> {
    let books = &app.picture().books;
    let opened = matches!(app.mode, Mode::Opened(_)).then(|| app.tenants.picked()).flatten();
    let nothing = crate::domain::books::Book::default();
    let book = match opened {
        Some(tenant) => books.tenant(tenant).unwrap_or(&nothing),
        None => books.total(),
    };
    let burn = book.minutes.burn(books.now());
    let guess = if books.burn_is_sure() { "" } else { "~" };
    let name = opened.map(|tenant| (format!(" {tenant}  "), Meaning::Text));
    let line = |long: bool, windows: usize| {
        let mut spans: Vec<Span> = name.iter().filter(|_| windows > 1).cloned().collect();
        let parts = [("TODAY", &book.today), ("MONTH", &book.month)];
        for (word, live) in parts.iter().take(windows) {
            spans.push((format!(" {word} "), Meaning::Muted));
            spans.extend(doubted(app, amount(live, "", long)));
            spans.push(("  ".to_owned(), Meaning::Text));
        }
        if windows > 1 {
            spans.push((format!(" BURN {guess}"), Meaning::Muted));
            let stale = app.stale_since().is_some();
            spans.extend(if stale {
                vec![("?".to_owned(), Meaning::Warn)]
            } else {
                amount(&burn, "/h", long)
            });
        }
        spans
    };
    let mut full = line(true, 2);
    full.push(("   ".to_owned(), Meaning::Text));
    full.extend(feeds(app));
    let mut medium = line(false, 2);
    medium.push(("   ".to_owned(), Meaning::Text));
    medium.extend(feeds(app));
    vec![full, line(true, 2), medium, line(false, 2), line(false, 1)]
}

/// Marks an amount that is not current.
fn doubted(app: &App, mut amount: Vec<Span>) -> Vec<Span> {
    if app.stale_since().is_some() {
        amount.push(("?".to_owned(), Meaning::Warn));
    }
    amount
}

fn amount(live: &Live, per: &str, long: bool) -> Vec<Span> {
    let known = if live.is_unknown() { "?".to_owned() } else { text::headline(live.cost) };
    let unpriced = match (live.unpriced, long) {
        (..1, _) => return vec![(known + per, Meaning::Money)],
        (unpriced, true) => format!(" + {} unpriced", text::plural(unpriced, "call")),
        (unpriced, false) => format!(" +{}?", text::short(unpriced)),
    };
    vec![(known + per, Meaning::Money), (unpriced, Meaning::Warn)]
}

fn feeds(app: &App) -> Vec<Span> {
    let sources = &app.picture().sources;
    let count = |state| sources.iter().filter(|row| row.state == state).count();
    let all = text::plural(i64::try_from(sources.len()).unwrap_or(i64::MAX), "source");
    let mut spans = vec![(all, Meaning::Muted)];
    for (state, meaning) in [(SourceState::Stale, Meaning::Warn), (SourceState::Error, Meaning::Bad)] {
        if count(state) > 0 {
            spans.push((format!(", {} {}", count(state), state.says()), meaning));
        }
    }
    spans
}

fn prices(app: &App) -> Vec<Vec<Span>> {
    let rows = &app.picture().prices;
    let models = text::plural(i64::try_from(rows.len()).unwrap_or(i64::MAX), "model");
    let unknown = rows.values().filter(|row| row.is_unpriced()).count();
    let short = vec![(format!(" {models}"), Meaning::Text)];
    let mut long = short.clone();
    if unknown > 0 {
        let verb = if unknown == 1 { "has" } else { "have" };
        long.push((format!("   {unknown} {verb} NO PRICE"), Meaning::Warn));
    }
    let mut dated = long.clone();
    if let Some((name, since)) = &app.setup.price_list {
        let date = app.setup.calendar.minute_text(*since);
        let days = app.now.since(*since).count() / 86_400_000;
        let old = text::plural(i64::try_from(days).unwrap_or(i64::MAX), "day");
        let says = format!("   {name} of {} ({old} old)", date.get(..10).unwrap_or_default());
        dated.push((
            says,
            if days >= crate::tui::alerts::OLD_PRICES { Meaning::Warn } else { Meaning::Muted },
        ));
    }
    vec![dated, long, short]
}

fn audit(app: &App) -> Vec<Vec<Span>> {
    let changes = i64::try_from(app.picture().caps.log.len()).unwrap_or(i64::MAX);
    let short = vec![(format!(" {}", text::plural(changes, "change")), Meaning::Text)];
    let mut long = short.clone();
    long.push(("   nothing is ever deleted here".to_owned(), Meaning::Muted));
    vec![long, short]
}

fn sources_row(app: &App) -> Vec<Vec<Span>> {
    let rows = &app.picture().sources;
    let sum = |of: fn(&crate::tui::event::SourceRow) -> u64| {
        text::count(i64::try_from(rows.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX))
    };
    let mut short = vec![(" ".to_owned(), Meaning::Text)];
    short.extend(feeds(app));
    let mut long = short.clone();
    long.push((format!("   {} calls", sum(|row| row.calls)), Meaning::Text));
    long.push((format!("   {} copies dropped", sum(|row| row.copies)), Meaning::Muted));
    long.push((format!("   bad lines {}", sum(|row| row.bad)), Meaning::Muted));
    vec![long, short]
}
