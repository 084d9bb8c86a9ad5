//! The cells: one function a rectangle, none of which changes anything.
//!
//! ```text
//! title      outlay 0.1.0  box  14:05 UTC                               live
//! tabs      [1 Overview]2 Limits 3 Budget 4 Price 5 Error 6 Event 7 Source 8 Guard 9 Audit
//! numbers    TODAY $415.38   MONTH $7,814   BURN $21.42/h
//! sentence   ! the most urgent thing
//! rule      ───────────────────────────────────────────────────────────────
//! content
//! status     filter: none   sort: window   rows 1-9 of 9
//! footer     ?help  enter open  / filter
//! ```

mod pen;
mod table;
mod title;
mod tabs;
mod numbers;
mod sentence;
mod tenants;
mod detail;
mod limits;
mod budgets;
mod plot;
mod burn_down;
mod prices;
mod paper;
mod price_history;
mod errors;
mod events;
mod sources;
mod guards;
mod bars;
mod gauge;
mod next;
mod selected;
mod groups;
mod service;
mod limit;
mod status;
mod footer;
mod dialog;
mod help;
mod first;
mod command;
mod themes;
mod choice;
mod columns;
mod alerts;
mod cap_words;
mod cap_form;
mod cap_outlook;
mod audit;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::app::{App, Dialog, Mode, Seen};
use super::export::Grid;
use super::tab::Tab;
use super::text;
use super::theme::{Meaning, Theme};
pub(super) use next::soon;
pub(super) use paper::result as paper_result;
use pen::{Pen, Told, row};

/// Asks for the coloured form of the character before it.
const EMOJI_STYLE: char = '\u{fe0f}';

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Under 60 columns or 18 rows.
    Tiny,
    /// Under 80 columns.
    Narrow,
    /// As most terminals are.
    Normal,
    /// From 120 columns and 30 rows.
    Wide,
}

impl Class {
    /// Returns the class of a size.
    pub(super) fn of(area: Rect) -> Class {
        match (area.width, area.height) {
            (0..60, _) | (_, 0..18) => Class::Tiny,
            (60..80, _) => Class::Narrow,
            (120.., 30..) => Class::Wide,
            _ => Class::Normal,
        }
    }
}

/// Draws the screen, and says what of it was visible.
pub fn draw(frame: &mut Frame<'_>, app: &App, theme: &Theme) -> Seen {
    let area = frame.area();
    let mut pen = Pen { buf: frame.buffer_mut(), theme, told: Told::default(), grid: None };
    pen.buf.set_style(area, theme.base());
    let class = Class::of(area);
    let tiny = class == Class::Tiny;
    let (head, foot) = if tiny { (3, 1) } else { (5, 2) };
    title::draw(&mut pen, row(area, 0), app);
    if tiny {
        numbers::draw(&mut pen, row(area, 1), app);
        sentence::draw(&mut pen, row(area, 2), app);
    } else {
        tabs::draw(&mut pen, row(area, 1), app, class);
        numbers::draw(&mut pen, row(area, 2), app);
        sentence::draw(&mut pen, row(area, 3), app);
        pen.rule(row(area, 4), "");
    }
    let height = area.height.saturating_sub(head + foot);
    let content = Rect { y: area.y + head.min(area.height), height, ..area };
    let mut seen = content_of(&mut pen, content, app, class);
    if area.height > head {
        if !tiny {
            status::draw(&mut pen, row(area, area.height.saturating_sub(2)), app, &seen);
        }
        footer::draw(&mut pen, row(area, area.height - 1), app);
    }
    let over = if tiny { area } else { content };
    match &app.dialog {
        Some(Dialog::Help(page)) => seen.help = Some(help::draw(&mut pen, over, app, page)),
        Some(Dialog::Command(line)) => command::draw(&mut pen, over, app, line),
        Some(Dialog::Themes(_)) => themes::draw(&mut pen, over, app),
        Some(Dialog::Choice(choice)) => choice::draw(&mut pen, over, app, choice),
        Some(Dialog::Columns(columns)) => columns::draw(&mut pen, over, columns),
        Some(Dialog::Alerts(alerts)) => alerts::draw(&mut pen, over, app, alerts),
        Some(Dialog::Paper(paper)) => paper::draw(&mut pen, over, app, paper),
        Some(Dialog::Cap(form)) => cap_form::draw(&mut pen, over, app, form),
        Some(Dialog::First(first)) => first::draw(&mut pen, area, app, first),
        Some(Dialog::Text(page)) => seen.help = Some(help::draw_text(&mut pen, over, page)),
        None => {}
    }
    keep_inside(pen.buf);
    let Told { columns, table, tabs, headings, buttons, choices } = pen.told;
    Seen { columns, table, tabs, headings, buttons, choices, ..seen }
}

/// Returns what the page in view shows as text, all of its rows.
pub fn grid(app: &App, theme: &Theme) -> Grid {
    let mut buf = Buffer::empty(Rect::ZERO);
    let mut pen = Pen { buf: &mut buf, theme, told: Told::default(), grid: Some(Grid::default()) };
    // More than what any page keeps beside its rows.
    let rows = app.rows().counts().0.saturating_add(64);
    let area = Rect::new(0, 0, u16::MAX, u16::try_from(rows).unwrap_or(u16::MAX));
    content_of(&mut pen, area, app, Class::Wide);
    pen.grid.unwrap_or_default()
}

/// Replaces a character where terminals do not agree how wide it is: one that takes it for wider or
/// narrower would shift the cells beside it. Of a joined one its first part stays.
fn keep_inside(buf: &mut Buffer) {
    let width = |c: char| c.width().unwrap_or(0);
    let unsure = |symbol: &str| {
        let whole = symbol.width();
        whole > 2
            || symbol.contains(EMOJI_STYLE)
            || symbol.chars().next().is_some_and(|first| width(first) == 0)
            || symbol.chars().map(width).sum::<usize>() != whole
    };
    for cell in buf.content.iter_mut().filter(|cell| cell.symbol().len() > 1 && unsure(cell.symbol())) {
        let first = cell.symbol().chars().find(|c| matches!(width(*c), 1..=2)).unwrap_or('?');
        cell.set_char(first);
    }
}

fn content_of(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let opened = if let Mode::Opened(offset) = app.mode { Some(offset) } else { None };
    if let (Tab::Overview | Tab::Errors, Mode::Record(id, offset)) = (app.tab, &app.mode) {
        return events::draw_record(pen, area, app, (*id, *offset));
    }
    match (app.tab, opened) {
        (Tab::Overview, Some(offset)) => detail::draw(pen, area, app, class, offset),
        (Tab::Sources, Some(offset)) => sources::draw_bad(pen, area, app, offset),
        (Tab::Overview, None) if app.is_grouped() => groups::draw(pen, area, app),
        (Tab::Overview, None) => tenants::draw(pen, area, app, class),
        (Tab::Limits, Some(_)) => limit::draw(pen, area, app),
        (Tab::Limits, None) => limits::draw(pen, area, app),
        (Tab::Budgets, Some(_)) => budgets::draw_one(pen, area, app),
        (Tab::Budgets, None) => budgets::draw(pen, area, app, class),
        (Tab::Prices, Some(offset)) => price_history::draw(pen, area, app, offset),
        (Tab::Prices, None) => prices::draw(pen, area, app),
        (Tab::Errors, Some(_)) => errors::draw_one(pen, area, app),
        (Tab::Errors, None) => errors::draw(pen, area, app, class),
        (Tab::Events, Some(offset)) => events::draw_one(pen, area, app, offset),
        (Tab::Events, None) => events::draw(pen, area, app),
        (Tab::Guard, _) => guards::draw(pen, area, app),
        (Tab::Sources, None) => sources::draw(pen, area, app, class),
        (Tab::Audit, Some(offset)) => audit::draw_one(pen, area, app, offset),
        (Tab::Audit, None) => audit::draw(pen, area, app),
    }
}

/// What a newcomer reads before the first call.
fn empty(sources: usize) -> Vec<String> {
    if sources == 0 {
        return vec![
            "No ledger has been found yet. To watch some:".to_owned(),
            String::new(),
            "  outlay --ledger 'logs/*.jsonl'   these files, this once".to_owned(),
            "  outlay config init               a config file, for good".to_owned(),
            "  outlay guard                     calls that pass through it".to_owned(),
            "  outlay demo                      made-up data, to look around".to_owned(),
        ];
    }
    let sources = text::plural(i64::try_from(sources).unwrap_or(i64::MAX), "source");
    vec![
        "No call has been recorded yet.".to_owned(),
        String::new(),
        format!("{sources} watched. Calls appear here as they are logged."),
        "7 shows what is read, and what could not be.".to_owned(),
        String::new(),
        "To send calls through the guard, which holds tenants to their caps:".to_owned(),
        String::new(),
        "  outlay guard".to_owned(),
        "  export OPENAI_BASE_URL=http://127.0.0.1:4180/v1".to_owned(),
        String::new(),
        "outlay demo shows all of it with made-up data.".to_owned(),
    ]
}

/// Says in the content's place why there are no rows.
fn nothing(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let all = app.rows().counts().1;
    let lines: Vec<String> = if !app.loaded {
        vec!["Reading the ledgers...".to_owned()]
    } else if all > 0 {
        let rows = text::plural(i64::try_from(all).unwrap_or(i64::MAX), "row");
        vec![format!("nothing matches  {}  ({rows} without it)   esc clear", app.filter())]
    } else if app.ask().is_some_and(|ask| !app.picture().pages.has(&ask)) {
        vec!["Reading the store...".to_owned()]
    } else {
        match app.tab {
            Tab::Overview if app.is_grouped() => groups::empty(app),
            Tab::Overview => empty(app.picture().sources.len()),
            Tab::Limits => limits::empty(app),
            Tab::Budgets => budgets::empty(app),
            Tab::Prices => vec!["No price is known.".to_owned()],
            Tab::Errors => errors::empty(app),
            Tab::Events => events::empty(app),
            Tab::Sources => vec!["No source is watched.".to_owned()],
            Tab::Guard => guards::empty(app),
            Tab::Audit => vec!["No cap was ever changed.".to_owned()],
        }
    };
    let room = usize::from(area.width).saturating_sub(3);
    let lines = lines.iter().flat_map(|line| {
        let wraps = text::width(line) > room && !line.starts_with(' ');
        if wraps { dialog::wrap(line, room) } else { vec![text::cut(line, room)] }
    });
    for (index, line) in lines.enumerate() {
        let line_area = row(area, u16::try_from(index + 1).unwrap_or(u16::MAX));
        pen.put(line_area, 3, &line, Meaning::Text);
    }
}
