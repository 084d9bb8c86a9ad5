//! The cells: one function a rectangle, none of which changes anything.
//!
//! ```text
//! title      outlay 0.1.0  box  14:05 UTC                               live
//! tabs      [1 Overview] 2 Prices  3 Sources
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
mod prices;
mod sources;
mod bars;
mod status;
mod footer;
mod help;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::app::{App, Mode, Seen, Tab};
use super::theme::{Meaning, Theme};
use pen::{Pen, row};

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
    let mut pen = Pen { buf: frame.buffer_mut(), theme };
    pen.buf.set_style(area, theme.base());
    let class = Class::of(area);
    let tiny = class == Class::Tiny;
    let (head, foot) = if tiny { (3, 1) } else { (5, 2) };
    title::draw(&mut pen, row(area, 0), app);
    if tiny {
        numbers::draw(&mut pen, row(area, 1), app);
        sentence::draw(&mut pen, row(area, 2), app);
    } else {
        tabs::draw(&mut pen, row(area, 1), app);
        numbers::draw(&mut pen, row(area, 2), app);
        sentence::draw(&mut pen, row(area, 3), app);
        pen.rule(row(area, 4), "");
    }
    let height = area.height.saturating_sub(head + foot);
    let content = Rect { y: area.y + head.min(area.height), height, ..area };
    let seen = content_of(&mut pen, content, app, class);
    if area.height > head {
        if !tiny {
            status::draw(&mut pen, row(area, area.height.saturating_sub(2)), app, seen);
        }
        footer::draw(&mut pen, row(area, area.height - 1), app);
    }
    if matches!(app.mode, Mode::Help(_)) {
        help::draw(&mut pen, if tiny { area } else { content }, app);
    }
    seen
}

fn content_of(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let opened = match &app.mode {
        Mode::Opened(offset) => Some(*offset),
        Mode::Help(before) => match before.as_ref() {
            Mode::Opened(offset) => Some(*offset),
            _ => None,
        },
        _ => None,
    };
    match (app.tab, opened) {
        (Tab::Overview, Some(offset)) => detail::draw(pen, area, app, offset),
        (Tab::Sources, Some(offset)) => sources::draw_bad(pen, area, app, offset),
        (Tab::Overview, None) => tenants::draw(pen, area, app, class),
        (Tab::Prices, _) => prices::draw(pen, area, app),
        (Tab::Sources, None) => sources::draw(pen, area, app),
    }
}

/// Says in the content's place why there are no rows.
fn nothing(pen: &mut Pen<'_>, area: Rect, app: &App, all: usize) {
    let lines: Vec<String> = if !app.loaded {
        vec!["Reading the ledgers...".to_owned()]
    } else if all > 0 {
        let rows = crate::tui::text::plural(i64::try_from(all).unwrap_or(i64::MAX), "row");
        vec![format!("nothing matches  {}  ({rows} without it)   esc clear", app.filter())]
    } else {
        match app.tab {
            Tab::Overview => {
                let sources = i64::try_from(app.picture().sources.len()).unwrap_or(i64::MAX);
                vec![
                    "No call has been recorded yet.".to_owned(),
                    String::new(),
                    format!(
                        "{} watched. Calls appear here as they are logged.",
                        crate::tui::text::plural(sources, "source")
                    ),
                    "3 shows what is read, and what could not be.".to_owned(),
                ]
            }
            Tab::Prices => vec!["No price is known.".to_owned()],
            Tab::Sources => vec!["No source is watched.".to_owned()],
        }
    };
    for (index, line) in lines.iter().enumerate() {
        let line_area = row(area, u16::try_from(index + 1).unwrap_or(u16::MAX));
        let text = crate::tui::text::cut(line, usize::from(area.width).saturating_sub(3));
        pen.put(line_area, 3, &text, Meaning::Text);
    }
}
