//! A table: a heading, the visible rows, a sum. Columns leave as a whole when it gets narrow.

use ratatui::layout::Rect;

use super::pen::{Pen, row, spot};
use crate::tui::export::Grid;
use crate::tui::list::{List, Shown, View};
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// A column with the cells of the visible rows, the sum last where there is one.
pub(super) struct Column {
    /// Its heading.
    pub(super) title: String,
    /// Its cells.
    pub(super) cells: Vec<String>,
    /// What they mean.
    pub(super) meaning: Meaning,
    /// The least width, so that it does not jump as cells change.
    pub(super) least: usize,
    /// Which stays longest when it gets narrow: the lowest.
    pub(super) rank: u8,
    /// Whether the cells stand to the right.
    pub(super) right: bool,
    /// What it is known by where that is not its heading.
    pub(super) id: Option<&'static str>,
}

impl Column {
    /// Returns an empty column of numbers.
    pub(super) fn number(title: &str, least: usize, rank: u8) -> Column {
        Column {
            title: title.to_owned(),
            cells: Vec::new(),
            meaning: Meaning::Text,
            least,
            rank,
            right: true,
            id: None,
        }
    }

    /// Returns an empty column of words.
    pub(super) fn word(title: &str, least: usize, rank: u8) -> Column {
        Column { right: false, meaning: Meaning::Muted, ..Column::number(title, least, rank) }
    }

    /// Returns it with money in it.
    pub(super) fn money(title: &str, least: usize, rank: u8) -> Column {
        Column { meaning: Meaning::Money, ..Column::number(title, least, rank) }
    }

    /// Returns it known by another word than its heading.
    pub(super) fn known_as(self, id: &'static str) -> Column {
        Column { id: Some(id), ..self }
    }

    /// Returns what it is known by: its heading in small letters, without the arrow.
    fn id(&self) -> String {
        let heading = self.title.trim_end_matches(['▾', '▴', 'v', '^']);
        self.id.map_or_else(|| heading.to_lowercase(), str::to_owned)
    }

    fn width(&self) -> usize {
        let widest = self.cells.iter().map(|cell| text::width(cell)).max().unwrap_or(0);
        widest.max(self.least).max(text::width(&self.title))
    }
}

/// Which column a table is sorted by, and the arrow that says so.
#[derive(Clone, Copy)]
pub(super) struct Sorted {
    by: usize,
    arrow: &'static str,
}

impl Sorted {
    /// Takes the order of a list.
    pub(super) fn of<K>(list: &List<K>, glyphs: &Glyphs) -> Sorted {
        Sorted { by: list.view.sort, arrow: if list.view.reverse { glyphs.up } else { glyphs.down } }
    }

    /// Returns a heading, with the arrow where it is the sorted column's.
    pub(super) fn title(self, word: &str, column: usize) -> String {
        if self.by == column { format!("{word}{}", self.arrow) } else { word.to_owned() }
    }
}

/// A table as it is drawn.
pub(super) struct Table {
    /// The first column: names. It is the only one that is cut.
    pub(super) name: Column,
    /// The others.
    pub(super) columns: Vec<Column>,
    /// Which of the visible rows is selected.
    pub(super) selected: Option<usize>,
    /// Whether the last cells are a sum.
    pub(super) sum: bool,
}

/// Names are not cut below this, if another column can leave instead.
const LEAST_NAME: usize = 10;

/// Columns from this rank on leave before a name is cut below [`WHOLE_NAME`].
const EXTRA: u8 = 7;
/// A name that most names are shorter than.
const WHOLE_NAME: usize = 20;

impl Table {
    /// Draws the table of a page as the user looks at it, and notes what of it there is to choose from.
    pub(super) fn draw_as(mut self, pen: &mut Pen<'_>, area: Rect, view: &View) {
        pen.told.columns = self.columns.iter().map(Column::id).collect();
        pen.told.table = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
        self.choose(&view.columns);
        if let Some(grid) = &mut pen.grid {
            *grid = self.grid();
            return;
        }
        let pan = view.pan.min(self.columns.len().saturating_sub(1));
        self.columns.drain(..pan);
        self.draw(pen, area);
    }

    /// Puts the columns into the user's order, and leaves out the hidden ones. Those further to the left stay
    /// longest when it gets narrow: what was chosen is what is wanted.
    fn choose(&mut self, chosen: &[(String, Shown)]) {
        if chosen.is_empty() {
            return;
        }
        let mut rest = std::mem::take(&mut self.columns);
        for (id, shown) in chosen {
            if let Some(place) = rest.iter().position(|column| column.id() == *id) {
                let column = rest.remove(place);
                if *shown == Shown::Yes {
                    self.columns.push(column);
                }
            }
        }
        self.columns.append(&mut rest);
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.rank = u8::try_from(place.min(usize::from(EXTRA) - 1)).unwrap_or(0);
        }
    }

    /// Returns all cells as text, with their headings.
    fn grid(&self) -> Grid {
        let rows = self.name.cells.len() - usize::from(self.sum && !self.name.cells.is_empty());
        let columns = || std::iter::once(&self.name).chain(&self.columns);
        let titles = columns().map(Column::id).collect();
        let cell =
            |column: &Column, row: usize| column.cells.get(row).map_or("", |cell| cell.trim()).to_owned();
        let rows = (0..rows).map(|row| columns().map(|column| cell(column, row)).collect()).collect();
        Grid { titles, rows, selected: self.selected }
    }

    /// Draws the table; rows that do not fit are left out.
    pub(super) fn draw(&self, pen: &mut Pen<'_>, area: Rect) {
        let total = usize::from(area.width).saturating_sub(1);
        let shown = self.fitting(total);
        let used: usize = shown.iter().map(|(_, width)| width + 1).sum();
        let name = self.name.width().min(total.saturating_sub(used));
        self.heading(pen, row(area, 0), &shown, name);
        for index in 0..self.name.cells.len().min(usize::from(area.height)) {
            let line = row(area, u16::try_from(index + 1).unwrap_or(u16::MAX));
            let is_sum = self.sum && index + 1 == self.name.cells.len();
            let marker = if self.selected == Some(index) { pen.theme.glyphs.cursor } else { " " };
            pen.put(line, 0, marker, Meaning::Text);
            let title = if is_sum { Meaning::Muted } else { Meaning::Text };
            pen.put(line, 1, &text::cut(&self.name.cells[index], name), title);
            let mut at = 1 + name;
            for (column, width) in &shown {
                let cell = column.cells.get(index).map_or("", String::as_str);
                let room = if column.right { width.saturating_sub(text::width(cell)) } else { 0 };
                pen.put(line, at + 1 + room, cell, warned(cell, column.meaning));
                at += 1 + width;
            }
            if self.selected == Some(index) {
                pen.focus(line);
            }
        }
    }

    fn heading(&self, pen: &mut Pen<'_>, line: Rect, shown: &[(&Column, usize)], name: usize) {
        pen.put(line, 1, &text::cut(&self.name.title, name), Meaning::Muted);
        pen.told.headings.push(spot(line, 1, name, self.name.id()));
        let mut at = 1 + name;
        for (column, width) in shown {
            let room = if column.right { width - text::width(&column.title) } else { 0 };
            pen.put(line, at + 1 + room, &column.title, Meaning::Muted);
            pen.told.headings.push(spot(line, at + 1, *width, column.id()));
            at += 1 + width;
        }
    }

    /// Returns the columns that fit beside the name with their widths, the most important first chosen.
    fn fitting(&self, total: usize) -> Vec<(&Column, usize)> {
        let name = self.name.width();
        let mut ranked: Vec<usize> = (0..self.columns.len()).collect();
        ranked.sort_by_key(|index| self.columns[*index].rank);
        let mut used = 0;
        let mut shown = Vec::new();
        for (place, index) in ranked.into_iter().enumerate() {
            let column = &self.columns[index];
            let least = match (place, column.rank) {
                (0, _) => 2,
                (_, ..EXTRA) => LEAST_NAME.min(name),
                _ => WHOLE_NAME.min(name),
            };
            let width = column.width();
            if used + width + 1 + least > total {
                break;
            }
            used += width + 1;
            shown.push((index, column, width));
        }
        shown.sort_unstable_by_key(|it| it.0);
        shown.into_iter().map(|(_, column, width)| (column, width)).collect()
    }
}

fn warned(cell: &str, meaning: Meaning) -> Meaning {
    match cell.trim_end() {
        "STALE" | "stale" | "warn" => Meaning::Warn,
        "ERROR" | "BLOCK" | "DOWN" | "over" => Meaning::Bad,
        "nocap" => Meaning::Muted,
        "ok" => Meaning::Good,
        cell if cell.ends_with(['?', '!']) => Meaning::Warn,
        _ => meaning,
    }
}

/// Gives money cells the same place for their last digit, whether `+?` follows it or not.
pub(super) fn level(cells: Vec<String>) -> Vec<String> {
    if !cells.iter().any(|cell| cell.ends_with("+?")) {
        return cells;
    }
    let pad = |cell: String| if cell.ends_with("+?") { cell } else { cell + "  " };
    cells.into_iter().map(pad).collect()
}
