//! What is sent to the terminal for the cells that changed: as few bytes as they need.
//!
//! Most of a frame with news is a digit here and there, and what leads there is longer than the digit. So within a
//! row only the column is said, and a color only where it is another one than before.

use std::fmt::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// How a cell looks.
type Look = (Color, Color, Modifier);

/// How a terminal looks that was told nothing.
const PLAIN: Look = (Color::Reset, Color::Reset, Modifier::empty());

/// The modifiers that are used, each with its code.
const MODIFIERS: [(Modifier, u8); 8] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Returns what brings these cells, in the order of rows and columns, onto a terminal. It is left as plain as it is
/// expected to be.
pub fn encode<'a>(cells: impl Iterator<Item = (u16, u16, &'a Cell)>) -> String {
    let mut out = String::new();
    let mut look = PLAIN;
    // Behind the last cell; whether a wide character has led further does not matter, its neighbour is placed.
    let mut cursor = None;
    for (x, y, cell) in cells {
        go(&mut out, (x, y), cursor);
        let wanted = (cell.fg, cell.bg, cell.modifier);
        if wanted != look {
            paint(&mut out, look, wanted);
            look = wanted;
        }
        out.push_str(cell.symbol());
        cursor = Some((x.saturating_add(1), y));
    }
    if look != PLAIN {
        out.push_str("\x1b[m");
    }
    out
}

/// Brings the cursor to a cell.
fn go(out: &mut String, (x, y): (u16, u16), cursor: Option<(u16, u16)>) {
    let (column, row) = (x.saturating_add(1), y.saturating_add(1));
    // Writing to a text cannot fail.
    let _ = match cursor {
        Some(cursor) if cursor == (x, y) => Ok(()),
        Some((_, same)) if same == y => write!(out, "\x1b[{column}G"),
        _ => write!(out, "\x1b[{row};{column}H"),
    };
}

/// Turns one look into another.
fn paint(out: &mut String, from: Look, to: Look) {
    if to == PLAIN {
        out.push_str("\x1b[m");
        return;
    }
    let mut codes = Vec::new();
    let anew = from.2 != to.2 && !to.2.contains(from.2);
    let from = if anew { PLAIN } else { from };
    if anew {
        codes.push("0".to_owned());
    }
    for (modifier, code) in MODIFIERS {
        if to.2.contains(modifier) && !from.2.contains(modifier) {
            codes.push(code.to_string());
        }
    }
    if from.0 != to.0 {
        codes.push(color(to.0, 30));
    }
    if from.1 != to.1 {
        codes.push(color(to.1, 40));
    }
    let _ = write!(out, "\x1b[{}m", codes.join(";"));
}

/// Returns the code of a color; `base` is 30 for what is written, 40 for what is behind it.
fn color(color: Color, base: u8) -> String {
    let plain = |number: u8| (base + number).to_string();
    let bright = |number: u8| (base + 60 + number).to_string();
    match color {
        Color::Reset => plain(9),
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(number) => format!("{};5;{number}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::backend::{Backend as _, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::num::NonZero;

    const AREA: Rect = Rect { x: 0, y: 0, width: 12, height: 4 };

    fn size(of: u16) -> NonZero<u16> {
        NonZero::new(of).expect("a size")
    }

    /// What a terminal shows that had one picture and was sent another.
    fn shown(sent: &[&[u8]]) -> Vec<String> {
        let mut terminal = vt100::Parser::new(size(AREA.height), size(AREA.width), 0);
        terminal.process(b"\x1b[?7l");
        for bytes in sent {
            terminal.process(bytes);
        }
        let screen = terminal.screen();
        // Where the cursor is does not matter: it is hidden.
        screen.rows_formatted(0, AREA.width).collect()
    }

    fn by_the_library(before: &Buffer, after: &Buffer) -> Vec<u8> {
        let mut bytes = Vec::new();
        CrosstermBackend::new(&mut bytes).draw(before.diff(after).into_iter()).expect("written");
        bytes
    }

    #[test]
    fn a_digit_here_and_there_costs_little() {
        let before = Buffer::with_lines(["docs 186.40", "acme  92.18"]);
        let after = Buffer::with_lines(["docs 187.41", "acme  92.18"]);
        assert_eq!(encode(before.diff(&after).into_iter()), "\x1b[1;8H7\x1b[11G1");
    }

    #[test]
    fn a_look_is_said_where_it_changes_and_taken_back_at_the_end() {
        let mut after = Buffer::empty(Rect { height: 1, ..AREA });
        let bold = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        after.set_string(0, 0, "ab", bold);
        after.set_string(2, 0, "c", Style::new().fg(Color::Rgb(1, 2, 3)));
        let before = Buffer::empty(Rect { height: 1, ..AREA });
        let text = encode(before.diff(&after).into_iter());
        assert_eq!(text, "\x1b[1;1H\x1b[1;31mab\x1b[0;38;2;1;2;3mc\x1b[m");
    }

    fn color() -> impl Strategy<Value = Color> {
        let named = prop::sample::select(vec![Color::Reset, Color::Red, Color::White, Color::DarkGray]);
        prop_oneof![
            named,
            any::<u8>().prop_map(Color::Indexed),
            any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b))
        ]
    }

    fn picture() -> impl Strategy<Value = Buffer> {
        let kept = prop::sample::select(vec![
            Modifier::BOLD,
            Modifier::UNDERLINED,
            Modifier::REVERSED,
            Modifier::ITALIC,
        ]);
        let modifier =
            prop::collection::vec(kept, 0..3).prop_map(|all| all.into_iter().collect::<Modifier>());
        let text = prop::sample::select(vec!["a", "7", ".", " ", "한", "e\u{301}", "─", "⣿", "한빛", "12.5"]);
        let piece = (0..AREA.width, 0..AREA.height, text, color(), color(), modifier);
        prop::collection::vec(piece, 0..20).prop_map(|pieces| {
            let mut buffer = Buffer::empty(AREA);
            for (x, y, text, fg, bg, modifier) in pieces {
                buffer.set_string(x, y, text, Style::new().fg(fg).bg(bg).add_modifier(modifier));
            }
            buffer
        })
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_the_library_would_have_sent_and_gets_fewer_bytes(
            first in picture(), second in picture(),
        ) {
            let empty = Buffer::empty(AREA);
            let theirs = [by_the_library(&empty, &first), by_the_library(&first, &second)];
            let ours = [encode(empty.diff(&first).into_iter()), encode(first.diff(&second).into_iter())];
            prop_assert_eq!(
                shown(&[ours[0].as_bytes(), ours[1].as_bytes()]),
                shown(&[&theirs[0], &theirs[1]])
            );
            prop_assert!(ours[1].len() <= theirs[1].len(), "{:?} against {:?}", ours[1], String::from_utf8_lossy(&theirs[1]));
        }
    }
}
