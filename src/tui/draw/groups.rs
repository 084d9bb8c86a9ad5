//! The Overview by models, providers or sources.

use ratatui::layout::Rect;

use super::gauge::bar;
use super::nothing;
use super::pen::Pen;
use super::table::{Column, Sorted, Table, level};
use crate::domain::burn::Live;
use crate::domain::rollup::Sums;
use crate::tui::app::{App, Plain, Seen};
use crate::tui::event::Window;
use crate::tui::page::group::GroupRow;
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// Columns of the bar beside the share.
const BAR: usize = 12;

/// Draws the table.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(2));
    let Some(now) = app.group_now().filter(|_| !app.groups.order.is_empty()) else {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    };
    let (start, visible) = app.groups.visible(rows);
    let shown: Vec<&GroupRow> =
        visible.iter().filter_map(|name| now.rows.iter().find(|row| row.name == *name)).collect();
    let mut table = columns(app, &now.rows, &shown, &pen.theme.glyphs);
    table.selected = app.groups.index().checked_sub(start);
    table.draw_as(pen, area, &app.groups.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, all: &[GroupRow], rows: &[&GroupRow], glyphs: &Glyphs) -> Table {
    let sorted = Sorted::of(&app.groups, glyphs);
    let title = |word: &str, sort: usize| sorted.title(word, sort);
    let word = app.grouping.says().to_uppercase();
    let mut name = Column::word(&title(&word, 5), 20, 0);
    let mut columns = vec![
        Column::money(&title(app.window.says(), 0), 9, 0).known_as("window"),
        Column::money(&title("MONTH", 1), 9, 1).known_as("month"),
        Column::money(&title("$/H", 2), 7, 2).known_as("$/h"),
        Column::number(&title("CALLS", 3), 8, 3).known_as("calls"),
        Column::number("ERR%", 5, 6),
        Column::number(&title("TOKENS", 4), 6, 4).known_as("tokens"),
        Column::number("SHARE", 6, 5),
    ];
    if app.plain == Plain::Bars {
        columns.push(Column { meaning: Meaning::Series, ..Column::word("", BAR, 7) });
    }
    let (mut sums, mut month, mut burn) = (Sums::default(), Sums::default(), Some(Live::default()));
    for row in all {
        sums += row.sums;
        month += row.month;
        burn = burn.zip(row.burn).map(|(mut all, more)| {
            all += more;
            all
        });
    }
    let whole = app.measure.of(&Live::of(&sums));
    for row in rows {
        name.cells.push(if row.name.is_empty() { "(not said)".to_owned() } else { row.name.to_string() });
        push(&mut columns, row, (whole, app.measure), glyphs);
    }
    let count = i64::try_from(app.groups.all).unwrap_or(i64::MAX);
    name.cells.push(text::plural(count, app.grouping.says()));
    let total = GroupRow { name: crate::domain::label::Label::new(""), sums, month, burn };
    push(&mut columns, &total, (0, app.measure), glyphs);
    for column in columns.iter_mut().filter(|column| column.meaning == Meaning::Money) {
        column.cells = level(std::mem::take(&mut column.cells));
    }
    Table { name, columns, selected: None, sum: true }
}

/// Adds a row; a whole of nothing is that of the sum, which has no share.
fn push(columns: &mut [Column], row: &GroupRow, (whole, measure): (i64, Measure), glyphs: &Glyphs) {
    let live = Live::of(&row.sums);
    let part = measure.of(&live);
    let size = |count: i64| u128::try_from(count).unwrap_or(0);
    let requests = live.calls.saturating_add(live.failed);
    let cells = [
        text::cost(&live),
        text::cost(&Live::of(&row.month)),
        row.burn.map_or_else(|| "?".to_owned(), |burn| text::cost(&burn)),
        text::count(live.calls),
        text::share(live.failed, requests).trim_end_matches('%').to_owned(),
        text::short(live.tokens),
        match whole {
            0 => String::new(),
            _ if live.is_unknown() && measure == Measure::Cost => "?".to_owned(),
            whole => text::share(part, whole),
        },
        if whole == 0 { String::new() } else { bar(size(part), size(whole), BAR, glyphs) },
    ];
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.cells.push(cell);
    }
}

/// Returns what the rows are sorted by.
pub(super) fn sorted_by(app: &App) -> &'static str {
    match app.groups.view.sort {
        0 => app.window.says(),
        sort => crate::tui::order::TENANT_SORTS.get(sort).copied().unwrap_or_default(),
    }
}

/// Returns what is said where there is none.
pub(super) fn empty(app: &App) -> Vec<String> {
    let when = match app.window {
        Window::Month => "this month".to_owned(),
        other => format!("{} or this month", other.phrase()),
    };
    vec![format!("No call {when}.")]
}
