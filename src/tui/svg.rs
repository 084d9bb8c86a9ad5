//! A frame of the screen as a picture: cells become SVG text, and what is drawn with blocks becomes rectangles, so
//! that it looks the same whatever font the reader has.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::app::App;
use super::draw::draw;
use super::theme::Theme;

/// The size of a cell, in the picture's units.
const CELL: (u32, u32) = (9, 20);
/// Where letters stand, below the top of their cell.
const BASELINE: u32 = 15;
/// Room around the cells.
const EDGE: u32 = 12;
/// What stands for the terminal's own colors.
const GROUND: &str = "#16181d";
const LETTERS: &str = "#d8dce4";
const FONT: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK KR', monospace";

/// Draws a frame of this size, lets the screen know what was seen, and returns it as a picture.
///
/// Twice: what is drawn depends on what the frame before has told, as the columns there are.
pub fn picture(app: &mut App, theme: &Theme, (width, height): (u16, u16), says: &str) -> String {
    let mut frame = Buffer::default();
    for _ in 0..2 {
        let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
        let mut seen = super::app::Seen::default();
        let Ok(_) = terminal.draw(|frame| seen = draw(frame, app, theme));
        app.seen(seen);
        frame = terminal.backend().buffer().clone();
    }
    of(&frame, says)
}

/// Returns cells as a picture; `says` is what a reader hears who cannot see it.
fn of(frame: &Buffer, says: &str) -> String {
    let area = frame.area;
    let (width, height) =
        (u32::from(area.width) * CELL.0 + 2 * EDGE, u32::from(area.height) * CELL.1 + 2 * EDGE);
    let ground =
        frame.cell((area.x, area.y)).map_or_else(|| GROUND.to_owned(), |cell| color(cell.bg, GROUND));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{ground}\"/>\n\
         <g font-family=\"{FONT}\" font-size=\"15\" xml:space=\"preserve\">\n",
        escaped(says)
    );
    for y in 0..area.height {
        row(&mut text, frame, y, &ground);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

/// Cells of one look beside each other.
struct Run {
    column: u32,
    columns: u32,
    words: String,
    look: Look,
}

/// How cells look.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    letters: String,
    ground: String,
    bold: bool,
}

fn row(text: &mut String, frame: &Buffer, y: u16, ground: &str) {
    let mut run: Option<Run> = None;
    let mut covered = 0;
    for x in 0..frame.area.width {
        let Some(cell) = frame.cell((frame.area.x + x, frame.area.y + y)) else { continue };
        if covered > 0 {
            covered -= 1;
            continue;
        }
        let look = look(cell, ground);
        let columns = u32::try_from(cell.symbol().width().max(1)).unwrap_or(1);
        covered = columns - 1;
        let drawn = columns > 1 || is_drawn(cell.symbol());
        match &mut run {
            // What fills its cell from left to right goes on into the next.
            Some(run) if run.look == look && run.words == cell.symbol() && is_even(cell.symbol()) => {
                run.columns += 1;
            }
            Some(run)
                if run.look == look
                    && !drawn
                    && !is_drawn(&run.words)
                    && run.columns == width_of(&run.words) =>
            {
                run.words.push_str(cell.symbol());
                run.columns += columns;
            }
            _ => {
                let next = Run { column: u32::from(x), columns, words: cell.symbol().to_owned(), look };
                if let Some(done) = run.replace(next) {
                    write_run(text, &done, u32::from(y), ground);
                }
            }
        }
    }
    if let Some(done) = run {
        write_run(text, &done, u32::from(y), ground);
    }
}

/// Returns the columns of words that are letters of one column each; of others nothing that fits.
fn width_of(words: &str) -> u32 {
    if words.width() == words.chars().count() { u32::try_from(words.width()).unwrap_or(0) } else { 0 }
}

fn look(cell: &Cell, ground: &str) -> Look {
    let (mut letters, mut behind) = (color(cell.fg, LETTERS), color(cell.bg, ground));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut letters, &mut behind);
    }
    Look { letters, ground: behind, bold: cell.modifier.contains(Modifier::BOLD) }
}

fn write_run(text: &mut String, run: &Run, y: u32, ground: &str) {
    let (left, top) = (EDGE + run.column * CELL.0, EDGE + y * CELL.1);
    let wide = run.columns * CELL.0;
    if run.look.ground != ground {
        rect(text, (left, top), (wide, CELL.1), &run.look.ground);
    }
    if run.words.trim().is_empty() {
        return;
    }
    if is_drawn(&run.words) {
        return shape(text, run, (left, top));
    }
    // Blanks at the ends would only make the file longer.
    let words = run.words.trim_end();
    let skipped = words.len() - words.trim_start().len();
    let words = words.trim_start();
    let x = left + u32::try_from(skipped).unwrap_or(0) * CELL.0;
    let length = u32::try_from(words.width()).unwrap_or(0) * CELL.0;
    let bold = if run.look.bold { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        text,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{length}\" fill=\"{}\"{bold}>{}</text>",
        top + BASELINE,
        run.look.letters,
        escaped(words)
    );
}

fn rect(text: &mut String, (x, y): (u32, u32), (width, height): (u32, u32), fill: &str) {
    let _ =
        writeln!(text, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>");
}

/// Says whether a character is drawn and not written.
fn is_drawn(symbol: &str) -> bool {
    let mut letters = symbol.chars();
    let first = letters.next();
    letters.next().is_none()
        && first.is_some_and(
            |c| matches!(c, '─' | '│' | '┌' | '┐' | '└' | '┘' | '▁'..='█' | '▉'..='▏' | '░' | '⠀'..='⣿'),
        )
}

/// Says whether a drawn character is the same from its left edge to its right one.
fn is_even(symbol: &str) -> bool {
    symbol.chars().next().is_some_and(|c| matches!(c, '─' | '░' | '▁'..='█'))
}

/// Draws a character that is made of lines, blocks or dots.
fn shape(text: &mut String, run: &Run, (x, y): (u32, u32)) {
    let Some(c) = run.words.chars().next() else { return };
    let (fill, height) = (run.look.letters.as_str(), CELL.1);
    let width = run.columns * CELL.0;
    let (middle, half) = (x + width / 2, y + height / 2);
    let code = u32::from(c);
    match c {
        '─' | '░' => rect(text, (x, half), (width, 1), fill),
        '│' => rect(text, (middle, y), (1, height), fill),
        '┌' | '┐' | '└' | '┘' => {
            let right = matches!(c, '┌' | '└');
            let down = matches!(c, '┌' | '┐');
            rect(text, (if right { middle } else { x }, half), (width / 2 + 1, 1), fill);
            rect(text, (middle, if down { half } else { y }), (1, height / 2), fill);
        }
        '▁'..='█' => {
            let tall = height * (code - u32::from('▁') + 1) / 8;
            rect(text, (x, y + height - tall), (width, tall), fill);
        }
        '▉'..='▏' => rect(text, (x, y), (width * (u32::from('▏') - code + 1) / 8, height), fill),
        _ => {
            // Dots of braille: two columns of four, numbered 1 2 3 7 and 4 5 6 8.
            const DOTS: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
            for (_, (column, row)) in DOTS.iter().enumerate().filter(|(bit, _)| code & (1 << bit) != 0) {
                rect(text, (x + 1 + column * 4, y + 2 + row * 5), (2, 2), fill);
            }
        }
    }
}

/// Returns a color as the picture has it; the terminal's own becomes `own`.
fn color(color: Color, own: &str) -> String {
    let named = match color {
        Color::Reset => return own.to_owned(),
        Color::Rgb(red, green, blue) => return format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Indexed(index) => return indexed(index),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    indexed(named)
}

/// Returns a color of the table of 256, the first sixteen as xterm has them.
fn indexed(index: u8) -> String {
    const FIRST: [&str; 16] = [
        "#000000", "#cd0000", "#00cd00", "#cdcd00", "#5c8cff", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f",
        "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
    ];
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if let Some(first) = FIRST.get(usize::from(index)) {
        return (*first).to_owned();
    }
    if index >= 232 {
        let gray = 8 + 10 * (index - 232);
        return format!("#{gray:02x}{gray:02x}{gray:02x}");
    }
    let step = |by: u8| STEPS.get(usize::from((index - 16) / by % 6)).copied().unwrap_or(0);
    format!("#{:02x}{:02x}{:02x}", step(36), step(6), step(1))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn frame(text: &str, style: Style) -> String {
        let mut frame = Buffer::empty(Rect::new(0, 0, 12, 1));
        frame.set_stringn(0, 0, text, 12, style);
        of(&frame, "a \"picture\"")
    }

    #[test]
    fn letters_are_text_of_a_fixed_length_and_wide_ones_stand_alone() {
        let picture = frame("a<b 한c", Style::default());
        assert!(
            picture.contains("<text x=\"12\" y=\"27\" textLength=\"27\" fill=\"#d8dce4\">a&lt;b</text>"),
            "{picture}"
        );
        assert!(
            picture.contains("<text x=\"48\" y=\"27\" textLength=\"18\" fill=\"#d8dce4\">한</text>"),
            "{picture}"
        );
        assert!(
            picture.contains("<text x=\"66\" y=\"27\" textLength=\"9\" fill=\"#d8dce4\">c</text>"),
            "{picture}"
        );
        assert!(picture.contains("aria-label=\"a &quot;picture&quot;\""));
    }

    #[test]
    fn blocks_are_rectangles_and_reversed_cells_have_a_ground() {
        let picture = frame("▄", Style::default());
        assert!(
            picture.contains("<rect x=\"12\" y=\"22\" width=\"9\" height=\"10\" fill=\"#d8dce4\"/>"),
            "{picture}"
        );
        assert!(!picture.contains("<text"));
        let picture = frame("x", Style::default().add_modifier(Modifier::REVERSED).fg(Color::Indexed(196)));
        assert!(picture.contains("height=\"20\" fill=\"#ff0000\"/>"), "{picture}");
        assert_eq!(frame("⣿", Style::default()).matches("width=\"2\"").count(), 8);
    }

    #[test]
    fn the_table_of_256_has_its_colors() {
        assert_eq!(
            (indexed(196), indexed(16), indexed(255)),
            ("#ff0000".into(), "#000000".into(), "#eeeeee".into())
        );
    }
}
