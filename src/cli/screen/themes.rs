//! Looks after the user's own themes while the screen is shown: a file that was changed is read again.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use super::super::context::variable;
use super::own::own_themes;
use crate::config::paths;
use crate::tui::{Event, Found, Themes};

/// How often the files are looked at: whoever writes a theme waits as long as it takes to look up.
const LOOK: Duration = Duration::from_secs(1);

/// A watch that ends when it is dropped.
pub(super) struct Watch {
    _alive: SyncSender<()>,
}

impl Watch {
    /// Begins to look, and sends the themes anew whenever a file has changed.
    pub(super) fn start(found: &Found, label: &str, events: &SyncSender<Event>) -> io::Result<Watch> {
        let (alive, ended) = sync_channel::<()>(1);
        let (depth, glyphs, label, events) = (found.depth, found.glyphs, label.to_owned(), events.clone());
        let mut seen = stamps();
        std::thread::Builder::new().name("themes".to_owned()).spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let now = stamps();
                if now == seen {
                    continue;
                }
                seen = now;
                let (mut themes, _) = Themes::new(depth, glyphs, &own_themes());
                if !label.is_empty() {
                    // The fault was told at the start.
                    let _ = themes.set_label(&label);
                }
                if events.send(Event::Themes(Box::new(themes))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Watch { _alive: alive })
    }
}

/// Returns the files there are, each with when it was changed and its size.
fn stamps() -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let folder = paths::config_dir(&variable).map(|folder| folder.join("themes"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let stamp = |entry: std::fs::DirEntry| {
        let facts = entry.metadata().ok()?;
        Some((entry.path(), facts.modified().ok(), facts.len()))
    };
    let mut stamps: Vec<_> = entries.filter_map(stamp).collect();
    stamps.sort();
    stamps
}
