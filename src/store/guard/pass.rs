//! The table `pass_rev`: when calls were to pass, and when caps were to hold again. The newest row counts.

use rusqlite::{Connection, params};

use super::cap;
use super::change::{Author, ChangeError};
use crate::domain::cap::CapRev;
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::label::Label;
use crate::domain::pass_through::{self, Passing};
use crate::domain::time::Timestamp;
use crate::store::Store;

/// Returns every order, oldest first.
pub(super) fn log(conn: &Connection) -> rusqlite::Result<Vec<CapChange>> {
    let mut statement = conn.prepare_cached("SELECT rev, at, by, until, why FROM pass_rev ORDER BY rev")?;
    let rows = statement.query_map([], |row| {
        Ok(CapChange {
            rev: CapRev(row.get::<_, i64>(0)?.cast_unsigned()),
            at: Timestamp::from_millis(row.get(1)?),
            by: Label::new(&row.get::<_, String>(2)?),
            what: Changed::PassThrough { until: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis) },
            why: Label::new(&row.get::<_, String>(4)?),
        })
    })?;
    rows.collect()
}

/// Returns the times in which calls passed.
pub(super) fn times(conn: &Connection) -> rusqlite::Result<Vec<Passing>> {
    let orders = log(conn)?.into_iter().filter_map(|change| match change.what {
        Changed::PassThrough { until } => Some((change.at, until)),
        _ => None,
    });
    Ok(pass_through::passings(orders))
}

impl Store {
    /// Lets every call pass until an instant, a day ahead at most; with `None` caps are enforced again from now on.
    /// The next reserve goes by it.
    pub fn pass_through(
        &mut self,
        until: Option<Timestamp>,
        expected: CapRev,
        author: &Author,
    ) -> Result<CapRev, ChangeError> {
        if let Some(until) = until {
            pass_through::check(until, author.at).map_err(ChangeError::NoPassing)?;
        }
        self.change(expected, |conn| {
            let rev = CapRev(cap::revision(conn)?.0 + 1);
            conn.execute(
                "INSERT INTO pass_rev (rev, at, by, until, why) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    rev.0.cast_signed(),
                    author.at.millis(),
                    author.by.as_str(),
                    until.map(Timestamp::millis),
                    author.why.as_str()
                ],
            )?;
            Ok(Ok(rev))
        })
    }
}
