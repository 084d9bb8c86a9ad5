//! How the providers stand, how fast calls fail and how long they take: a line, or areas where there is room.

use ratatui::layout::Rect;

use super::Class;
use super::bars::{self, Bars};
use super::detail::{count, halves, quantile, rows_from, tail};
use super::gauge::bar;
use super::pen::{Pen, Span, row};
use super::table::{Column, Table};
use crate::domain::health::Health;
use crate::domain::time::Millis;
use crate::tui::app::App;
use crate::tui::page::errors::{Now, ProviderRow};
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the areas, their rule included.
const AREAS: u16 = 9;
/// The least rows for what stands below.
const BELOW: u16 = 5;
/// Providers that are told of in a line.
const TOLD: usize = 4;
/// Where lengths are counted apart, and how each part is called.
const BOUNDS: [(u64, &str); 6] = [
    (500, "< 0.5s"),
    (1_000, "< 1s"),
    (2_000, "< 2s"),
    (5_000, "< 5s"),
    (10_000, "< 10s"),
    (30_000, "< 30s"),
];
/// What is longer than all.
const LONGER: &str = "longer";
/// Columns of a bar.
const BAR: usize = 24;

/// Draws what there is room for, and returns how many rows that took.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, (now, class): (&Now, Class)) -> u16 {
    let providers = u16::try_from(now.providers.len()).unwrap_or(u16::MAX).min(5);
    let wanted = AREAS + providers + 2;
    if now.providers.is_empty() || area.height < BELOW {
        return 0;
    }
    if class < Class::Wide || area.height < wanted + BELOW {
        pen.first_that_fits(row(area, 0), &line(now));
        return 1;
    }
    let table = providers_of(now, usize::from(providers));
    pen.rule(row(area, 0), "providers, last hour; health of the last 15 minutes");
    table.draw(pen, rows_from(area, 1, providers + 1));
    let [left, right] = halves(rows_from(area, providers + 2, AREAS));
    failing(pen, left, app);
    lengths(pen, right, now);
    wanted
}

/// Returns how the providers stand in a line, shorter and shorter.
fn line(now: &Now) -> Vec<Vec<Span>> {
    let of = |row: &ProviderRow| {
        let name = if row.provider.as_str().is_empty() { "(not said)" } else { row.provider.as_str() };
        (format!("{} {}   ", text::cut(name, 20), row.health.says()), meaning(row.health))
    };
    let known = now.providers.len().min(TOLD);
    let shown = |most: usize| {
        let mut spans = vec![(" providers  ".to_owned(), Meaning::Muted)];
        spans.extend(now.providers.iter().take(most).map(of));
        let rest = now.providers.len() - most;
        if rest > 0 {
            spans.push((format!("+{rest}"), Meaning::Muted));
        }
        spans
    };
    (1..=known).rev().map(shown).collect()
}

fn meaning(health: Health) -> Meaning {
    match health {
        Health::Quiet => Meaning::Muted,
        Health::Ok => Meaning::Good,
        Health::Shaky => Meaning::Warn,
        Health::Failing | Health::Down => Meaning::Bad,
    }
}

fn providers_of(now: &Now, rows: usize) -> Table {
    let mut name = Column::word("PROVIDER", 16, 0);
    let mut columns = vec![
        Column::word("HEALTH", 8, 0),
        Column::number("REQ", 8, 1),
        Column::number("FAILED", 7, 2),
        Column::number("BY IT", 7, 2),
        Column::number("P50", 6, 3),
        Column::number("P95", 6, 3),
        Column::number("P99", 6, 4),
    ];
    for ProviderRow { provider, health, hour } in now.providers.iter().take(rows) {
        let said = !provider.as_str().is_empty();
        name.cells.push(if said { provider.to_string() } else { "(not said)".to_owned() });
        let service = &hour.service;
        let cells = [
            health.says().to_owned(),
            count(service.calls),
            count(service.failed),
            count(hour.blamed),
            quantile(&service.took, 5_000),
            tail(&service.took, 9_500),
            tail(&service.took, 9_900),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Draws how many calls failed in each minute.
fn failing(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 0), "failed calls per minute, last hour");
    let books = &app.picture().books;
    let minutes = books.total().minutes.hour(60, books.now());
    let values: Vec<i64> = minutes.iter().map(|live| live.failed).collect();
    let labels = bars::minutes_ago(values.len());
    let below = rows_from(area, 1, AREAS - 2);
    bars::draw(pen, below, &Bars { values, labels, measure: Measure::Calls });
}

/// Draws how many calls took how long.
fn lengths(pen: &mut Pen<'_>, area: Rect, now: &Now) {
    pen.rule(row(area, 0), "how long calls took, last hour");
    if now.took.count() == 0 {
        pen.put(row(area, 1), 1, "not told by the ledgers", Meaning::Muted);
        return;
    }
    let counts = now.took.below(&BOUNDS.map(|(bound, _)| Millis::new(bound)));
    let most = counts.iter().copied().max().unwrap_or(0);
    let words = BOUNDS.iter().map(|(_, word)| *word).chain([LONGER]);
    for (index, (word, many)) in (1..area.height).zip(words.zip(&counts)) {
        let end = pen.put(row(area, index), 1, &format!("{word:<7}{:>8}  ", count(*many)), Meaning::Text);
        let lies = bar(u128::from(*many), u128::from(most), BAR, &pen.theme.glyphs);
        pen.put(row(area, index), end, lies.trim_end(), Meaning::Series);
    }
}
