//! Prints `docs/keys.md` from the table of keys.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().lock().write_all(outlay::tui::keys::document().as_bytes())
}
