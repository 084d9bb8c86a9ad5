//! When a tenant spent: bars, and a table with a line for each step of the window.

use ratatui::layout::Rect;

use crate::domain::burn::Live;
use crate::domain::calendar::Calendar;
use crate::domain::rollup::Sums;
use crate::domain::time::{Millis, Timestamp};
use crate::tui::app::{App, Seen};
use crate::tui::draw::bars::{self, Bars};
use crate::tui::draw::gauge::bar;
use crate::tui::draw::pen::{Pen, row};
use crate::tui::draw::table::{Column, Table, level};
use crate::tui::event::{Detail, Step};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Minutes that are drawn where the window is an hour.
const MINUTES: usize = 60;
/// Steps that gaps are filled up to; no window has more.
const MOST_STEPS: usize = 48;
/// Columns of the bar beside a line.
const BAR: usize = 20;

/// Draws a line for each step, the latest first, scrolled down by `offset`.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, (detail, offset): (&Detail, usize)) -> Seen {
    let steps = of(app, detail);
    let rows = usize::from(area.height.saturating_sub(2));
    let offset = offset.min(steps.len().saturating_sub(rows));
    let word = detail.window.step().says().to_uppercase();
    let mut name = Column::word(&word, 16, 0);
    let mut columns = vec![
        Column::number("REQ", 7, 3),
        Column::number("FAILED", 6, 4),
        Column::number("TOKENS", 6, 2),
        Column::money("COST", 9, 0),
        Column::number("SHARE", 6, 5),
        Column { meaning: Meaning::Series, ..Column::word("", BAR, 6) },
    ];
    let mut total = Live::default();
    for (_, live) in &steps {
        total += *live;
    }
    let most = steps.iter().map(|(_, live)| app.measure.of(live)).max().unwrap_or(0);
    let size = |count: i64| u128::try_from(count).unwrap_or(0);
    for (label, live) in steps.iter().rev().skip(offset).take(rows) {
        name.cells.push(label.clone());
        let lies = bar(size(app.measure.of(live)), size(most), BAR, &pen.theme.glyphs);
        push(&mut columns, live, app.measure.of(&total), (app.measure.of(live), lies));
    }
    name.cells.push("all".to_owned());
    push(&mut columns, &total, app.measure.of(&total), (app.measure.of(&total), String::new()));
    columns[3].cells = level(std::mem::take(&mut columns[3].cells));
    Table { name, columns, selected: None, sum: true }.draw(pen, area);
    Seen { rows, opened: Some(offset), ..Seen::default() }
}

fn push(columns: &mut [Column], live: &Live, whole: i64, (part, bar): (i64, String)) {
    let cells = [
        text::count(live.calls.saturating_add(live.failed)),
        text::count(live.failed),
        text::short(live.tokens),
        text::cost(live),
        text::share(part, whole),
        bar,
    ];
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.cells.push(cell);
    }
}

/// Draws the bars with their rule.
pub(super) fn bars(pen: &mut Pen<'_>, area: Rect, app: &App, detail: &Detail) {
    let step = detail.window.step();
    let heading = format!("{} per {} {}", app.measure.says(), step.says(), detail.window.phrase());
    pen.rule(row(area, 0), &heading);
    let calendar = app.picture().books.calendar();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    if step == Step::Minute {
        values.extend(minutes(app, detail).iter().map(|live| app.measure.of(live)));
        labels.extend(bars::minutes_ago(values.len()));
    }
    for (at, sums) in steps_of(detail, calendar) {
        values.push(app.measure.of(&Live::of(&sums)));
        labels.push(match step {
            Step::Day => format!("{:02}", calendar.date(at).day()),
            Step::Hour | Step::Minute => format!("{:02}", calendar.clock(at).0),
        });
    }
    let below = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    bars::draw(pen, below, &Bars { values, labels, measure: app.measure });
}

/// Returns each step of the window with its name, oldest first.
fn of(app: &App, detail: &Detail) -> Vec<(String, Live)> {
    let books = &app.picture().books;
    let calendar = books.calendar();
    if detail.window.step() == Step::Minute {
        let minutes = minutes(app, detail);
        let ago = |index: usize| u64::try_from(minutes.len() - 1 - index).unwrap_or(0);
        let at = |index: usize| books.now().before(Millis::from_minutes(ago(index)));
        let name = |index: usize| calendar.minute_text(at(index));
        return minutes.iter().enumerate().map(|(index, live)| (name(index), *live)).collect();
    }
    let name = |at: Timestamp| match detail.window.step() {
        Step::Day => calendar.date(at).strftime("%Y-%m-%d %a").to_string(),
        Step::Hour | Step::Minute => calendar.hour_text(at),
    };
    steps_of(detail, calendar).into_iter().map(|(at, sums)| (name(at), Live::of(&sums))).collect()
}

fn minutes(app: &App, detail: &Detail) -> Vec<Live> {
    let books = &app.picture().books;
    let book = books.tenant(detail.tenant);
    book.map(|book| book.minutes.hour(MINUTES, books.now())).unwrap_or_default()
}

/// Returns each step from the first to the last, also those in which nothing happened.
fn steps_of(detail: &Detail, calendar: &Calendar) -> Vec<(Timestamp, Sums)> {
    let mut steps: Vec<(Timestamp, Sums)> = Vec::new();
    for (at, sums) in &detail.steps {
        while let Some(last) = steps.last() {
            let next = detail.window.step().of(calendar, last.0).end;
            if next >= *at || steps.len() > MOST_STEPS {
                break;
            }
            steps.push((next, Sums::default()));
        }
        steps.push((*at, *sums));
    }
    steps
}
