//! The guards, as they last told of themselves, and what passed them today.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cli::screen::librarian::{AHEAD, Librarian};
use crate::domain::calendar::Span;
use crate::domain::call::TenantId;
use crate::store::StoreError;
use crate::store::guard::GuardRow;
use crate::tui::page::guard::{GuardLine, Now, Through};

/// What the sources of guards begin with.
const SOURCE: &str = "guard:";

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let (reader, now) = (&librarian.reader, librarian.now());
    let today = Span { end: now.after(AHEAD), ..librarian.calendar.day(now) };
    let mut tenants: BTreeMap<TenantId, Through> = BTreeMap::new();
    reader.rollups_by_day(Some(today), &mut |_, slice, sums| {
        if slice.source.as_str().starts_with(SOURCE) {
            let through = tenants.entry(slice.tenant).or_default();
            through.answered += sums.calls;
            through.failed += sums.failed;
            through.cost += sums.cost;
        }
    })?;
    let mut today: Vec<(TenantId, Through)> = tenants.into_iter().collect();
    today.sort_by_key(|(tenant, through)| (Reverse(through.answered + through.failed), *tenant));
    let uncertain = reader.uncertain()?;
    let charged = uncertain.iter().map(|row| row.charged.money()).sum();
    Ok(Now {
        guards: reader.guards()?.iter().map(line).collect(),
        today,
        uncertain: (u64::try_from(uncertain.len()).unwrap_or(u64::MAX), charged),
    })
}

fn line(row: &GuardRow) -> GuardLine {
    GuardLine {
        name: row.name,
        listen: row.listen,
        started: row.started,
        seen: row.seen,
        rev: row.rev,
        in_flight: row.in_flight,
        admitted: row.admitted,
        refused: row.refused,
        alive: row.alive,
    }
}
