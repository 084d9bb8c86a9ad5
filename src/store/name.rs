//! The table `name`: texts as small numbers, and back.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension};

use super::slice::Slices;
use crate::domain::label::Label;

/// The names met so far, and what is named by them.
#[derive(Default)]
pub(super) struct Names {
    pub(super) slices: Slices,
    // A label is kept once in the program, so its address is enough to know it by.
    ids: HashMap<(usize, usize), i64, RandomState>,
    labels: HashMap<i64, Label, RandomState>,
}

impl Names {
    /// Returns the number of a label's text, and gives it one at first sight.
    pub(super) fn id(&mut self, conn: &Connection, text: &'static str) -> rusqlite::Result<i64> {
        let address = (text.as_ptr().addr(), text.len());
        if let Some(&id) = self.ids.get(&address) {
            return Ok(id);
        }
        let known = conn
            .prepare_cached("SELECT id FROM name WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => conn.prepare_cached("INSERT INTO name (text) VALUES (?1)")?.insert([text])?,
        };
        self.ids.insert(address, id);
        self.labels.insert(id, Label::new(text));
        Ok(id)
    }

    /// Returns the name of a number.
    pub(super) fn label(&mut self, conn: &Connection, id: i64) -> rusqlite::Result<Label> {
        if let Some(&label) = self.labels.get(&id) {
            return Ok(label);
        }
        let text: String =
            conn.prepare_cached("SELECT text FROM name WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
        let label = Label::new(&text);
        self.labels.insert(id, label);
        Ok(label)
    }
}

/// Returns the number of a name that has one.
pub(super) fn number(conn: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM name WHERE text = ?1")?.query_row([text], |row| row.get(0)).optional()
}
