//! Row 3: the numbers of this page. A number is shown whole or not at all.

use ratatui::layout::Rect;

use super::pen::{Pen, Span};
use super::{budgets, detail, errors, events, guards, limits};
use crate::domain::burn::Live;
use crate::domain::cap::Limit;
use crate::domain::money::Money;
use crate::domain::scope::Scope;
use crate::domain::window::Window;
use crate::tui::app::App;
use crate::tui::event::SourceState;
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the numbers.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    let versions = match app.tab {
        Tab::Overview if app.shows_tenant() => detail::numbers(app),
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

/// Returns what all tenants spent, how fast they do, and what that will come to; the most that fits is shown.
fn totals(app: &App) -> Vec<Vec<Span>> {
    let books = &app.picture().books;
    let book = books.total();
    let burn = book.minutes.burn(books.now());
    let guess = if books.burn_is_sure() { "" } else { "~" };
    let line = |long: bool, windows: usize, usual: &str, month: &str| {
        let mut spans: Vec<Span> = Vec::new();
        let parts = [("TODAY", &book.today, usual), ("MONTH", &book.month, month)];
        for (word, live, more) in parts.iter().take(windows) {
            spans.push((format!(" {word} "), Meaning::Muted));
            spans.extend(doubted(app, amount(live, "", long)));
            spans.push((format!("{more}  "), Meaning::Text));
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
    let (usual, brief) = usual(app);
    let month = of_month(app);
    let mut end = line(true, 2, &usual, &month);
    if let Some(likely) = month_end(app) {
        end.push((likely, Meaning::Text));
    }
    let with_feeds = |mut spans: Vec<Span>| {
        spans.push(("   ".to_owned(), Meaning::Text));
        spans.extend(feeds(app));
        spans
    };
    vec![
        with_feeds(end.clone()),
        end,
        with_feeds(line(true, 2, &brief, &month)),
        line(true, 2, &brief, &month),
        with_feeds(line(true, 2, &brief, "")),
        line(true, 2, &brief, ""),
        line(true, 2, "", ""),
        line(false, 2, "", ""),
        line(false, 1, "", ""),
    ]
}

/// Returns how today compares with other days, in full and in short; empty where nothing is usual.
fn usual(app: &App) -> (String, String) {
    let usual = app.overview_now().and_then(|now| now.usual);
    let Some((more, until)) = usual.and_then(|usual| Some((usual.more()?, usual.until))) else {
        return (String::new(), String::new());
    };
    let (hour, minute) = app.setup.calendar.clock(until);
    let brief =
        format!("  {}{}%", if more < 0 { '-' } else { '+' }, more.unsigned_abs().saturating_add(50) / 100);
    (format!("{brief} vs usual by {hour:02}:{minute:02}"), brief)
}

/// Returns how much of a cap on all of the month is used: ` of 12,000 (65%)`; empty where there is none.
fn of_month(app: &App) -> String {
    let caps = app.picture().caps.book.caps();
    let mut limits = caps.filter_map(|cap| match (cap.scope, cap.window, cap.limit) {
        (Scope::Everything, Window::Month, Limit::Money(money)) if money > Money::ZERO => Some(money),
        _ => None,
    });
    let Some(limit) = limits.next() else { return String::new() };
    let spent = app.picture().books.total().month.cost;
    let share = i128::from(spent.nanos()) * 100 / i128::from(limit.nanos());
    format!(" of {} ({share}%)", text::headline(limit).trim_start_matches('$'))
}

/// Returns what the month will come to, with its range; nothing where too little is known.
fn month_end(app: &App) -> Option<String> {
    let likely = app.month_end()?;
    let unknown = if app.picture().books.total().month.unpriced > 0 { "+?" } else { "" };
    let range = likely.range.map_or_else(String::new, |(low, high)| {
        let plain = |money| text::headline(money).replace('$', "");
        format!(" ({}-{})", plain(low), plain(high))
    });
    Some(format!("   EOM {}{unknown}{range}", text::headline(likely.middle)))
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
