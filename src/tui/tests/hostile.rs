//! Names that try to write where they should not, seen through a terminal emulator.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::domain::cap::{Cap, CapRev, OnBreach, Revision};
use crate::domain::cap_book::CapBook;
use crate::domain::plan::Plans;
use crate::domain::scope::Scope;
use crate::tui::CapsNow;

/// How many hostile names each view is shown.
const NAMES: usize = 10_000;
/// How many of them are on one screen.
const AT_ONCE: usize = 46;

/// Counts what a terminal is asked to do beside showing characters in colour.
#[derive(Default)]
struct Asked(Vec<String>);

impl vt100::Callbacks for Asked {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell".to_owned());
    }
    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.0.push(format!("icon name {name:?}"));
    }
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("title {title:?}"));
    }
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.0.push(format!("copy {data:?}"));
    }
    fn unhandled_char(&mut self, _: &mut vt100::Screen, c: char) {
        self.0.push(format!("{c:?}"));
    }
    fn unhandled_control(&mut self, _: &mut vt100::Screen, byte: u8) {
        self.0.push(format!("control {byte:#x}"));
    }
    fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, byte: u8) {
        self.0.push(format!("escape {byte:#x}"));
    }
    fn unhandled_osc(&mut self, _: &mut vt100::Screen, parts: &[&[u8]]) {
        self.0.push(format!("command {parts:?}"));
    }
}

/// Pieces that break careless programs.
fn pieces() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "\u{1b}[2J",
        "\u{1b}]0;owned\u{7}",
        "\u{1b}]52;c;aGk=\u{7}",
        "\u{1b}c",
        "\u{9b}31m",
        "\u{90}q\u{9c}",
        "\r",
        "\n",
        "\t",
        "\u{8}\u{8}",
        "\0",
        "\u{7f}",
        "\u{202e}",
        "\u{2066}",
        "\u{200f}",
        "\u{200b}",
        "\u{feff}",
        "\u{2028}",
        "\u{e0041}",
        "\u{301}\u{302}\u{303}",
        "\u{fe0f}",
        "👩\u{200d}👩\u{200d}👧",
        "👍🏽",
        "🇰🇷",
        "❤\u{fe0f}",
        "한글",
        "ﷺ",
        "क्ष",
        "نص",
        "\u{1100}\u{1161}",
        "\u{3164}",
        "~",
        "acme",
        "%s%n",
        "\u{fffd}",
        "\u{85}",
        "\u{ad}",
    ]);
    let known = known.prop_map(str::to_owned);
    let any = proptest::prelude::any::<String>();
    let piece = proptest::prop_oneof![6 => known, 2 => "[a-z]{1,9}", 1 => any];
    proptest::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

/// Returns a screen whose every text from outside is one of these.
fn app_with(names: &[String]) -> App {
    let tenants = names.iter().map(|name| (TenantId::new(name), sums(3, "12.5", 1))).collect();
    let mut app = app_of(tenants);
    let price = price_rows(1).remove(0);
    let prices = names.iter().map(|name| PriceRow {
        model: ModelId::new(name),
        provider: Provider::new(name),
        ..price.clone()
    });
    app.update(Event::Prices(Window::Today, prices.collect()), NOW);
    let bad = |name: &String| BadRow { file: Label::new(name), ..source_rows()[1].bad_lines[0].clone() };
    let bad_lines: Vec<BadRow> = names.iter().map(bad).collect();
    let sources = names.iter().map(|name| SourceRow {
        source: Label::new(name),
        format: Label::new(name),
        bad_lines: bad_lines.clone(),
        ..source_rows().remove(0)
    });
    app.update(Event::Changed(Vec::new(), sources.collect()), NOW);
    let revision = |(rev, name): (u64, &String)| {
        let scope = Scope::TenantModel(TenantId::new(name), ModelId::new(name));
        let mut cap = Cap::parse_for(scope, "10/day").expect("a cap");
        cap.on_breach = OnBreach::Downgrade(ModelId::new(name));
        Revision { rev: CapRev(rev), cap, by: Label::new(name), at: NOW }
    };
    let book = CapBook::new((1..).zip(names).map(revision), Plans::default());
    app.update(Event::Caps(Box::new(CapsNow { book: book.into(), ..CapsNow::default() })), NOW);
    app
}

/// Bytes on their way to a terminal.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A screen and the terminal it is shown on.
struct Shown {
    wire: Wire,
    screen: Terminal<CrosstermBackend<Wire>>,
    terminal: vt100::Parser<Asked>,
}

impl Shown {
    fn new(width: u16, height: u16) -> Shown {
        let count = |count| std::num::NonZero::new(count).expect("some");
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let backend = CrosstermBackend::new(wire.clone());
        let screen = Terminal::with_options(backend, TerminalOptions { viewport }).expect("a screen");
        let terminal = vt100::Parser::new_with_callbacks(count(height), count(width), 0, Asked::default());
        Shown { wire, screen, terminal }
    }

    /// Draws a frame, and compares what the terminal shows with what was meant.
    #[track_caller]
    fn check(&mut self, app: &mut App, theme: &Theme) {
        let mut seen = Seen::default();
        let frame = self.screen.draw(|frame| seen = crate::tui::draw::draw(frame, app, theme));
        let frame = frame.expect("a frame").buffer;
        app.seen(seen);
        // The emulator does not draw what stands for the unreadable; terminals do.
        let bytes = String::from_utf8(self.wire.0.take()).expect("text").replace('\u{fffd}', "?");
        self.terminal.process(bytes.as_bytes());
        let asked = std::mem::take(&mut self.terminal.callbacks_mut().0);
        assert!(asked.is_empty(), "{asked:?}");
        let shown = self.terminal.screen();
        for line in frame.area.rows() {
            let mut x = 0;
            while x < line.width {
                let want = frame[(x, line.y)].symbol();
                let next = x + u16::try_from(want.width().max(1)).expect("a width");
                let mut cells: String =
                    (x..next).filter_map(|x| shown.cell(line.y, x)).map(vt100::Cell::contents).collect();
                if cells.is_empty() {
                    cells.push(' ');
                }
                let same = cells == want.replace('\u{fffd}', "?");
                assert!(same, "{x}, {} shows {cells:?} for {want:?} in\n{}", line.y, text_of(frame));
                assert!(want.chars().all(is_harmless), "{want:?}");
                x = next;
            }
        }
    }
}

fn is_harmless(c: char) -> bool {
    let bidi =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{feff}'
    );
    !(c.is_control() || bidi || invisible)
}

#[test]
fn hostile_names_stay_in_their_cells_on_every_page() {
    let theme = theme("dusk", Depth::True, &UNICODE);
    let mut runner = TestRunner::deterministic();
    let pieces = pieces();
    let names: Vec<String> =
        (0..NAMES).map(|_| pieces.new_tree(&mut runner).expect("a name").current()).collect();
    for (round, names) in names.chunks(AT_ONCE).enumerate() {
        let mut shown = Shown::new([80, 41, 24, 60][round % 4], 56);
        let mut app = app_with(names);
        let prices = ["<esc>4", "W", "<esc>K", "<esc>e", "<esc>H", "<esc>"];
        for keys in ["", "<enter>"].into_iter().chain(prices).chain(["3", "c", "<esc>7", "<enter>"]) {
            press(&mut app, keys);
            if let Some(tenant) = app.tenants.picked() {
                let models = names.iter().map(|name| (ModelId::new(name), sums(3, "12.5", 1))).collect();
                app.update(Event::Detail(Box::new(Detail { tenant, models, ..detail() })), NOW);
            }
            shown.check(&mut app, &theme);
        }
    }
}

#[test]
fn a_hostile_filter_and_message_stay_in_their_cells() {
    let theme = theme("dusk", Depth::True, &UNICODE);
    let mut runner = TestRunner::deterministic();
    let pieces = pieces();
    let mut shown = Shown::new(80, 24);
    for _ in 0..200 {
        let text = pieces.new_tree(&mut runner).expect("a text").current();
        let mut app = app(Some(snapshot(0)));
        press(&mut app, "/");
        app.update(Event::Paste(text.clone()), NOW);
        app.update(Event::FeedState(Feed::Failed(text)), NOW);
        shown.check(&mut app, &theme);
    }
}
