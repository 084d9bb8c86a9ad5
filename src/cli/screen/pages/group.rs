//! What each model, provider or source comes to.

use std::collections::BTreeMap;

use crate::cli::screen::librarian::Librarian;
use crate::domain::burn::{BURN_MINUTES, Live, minute_of};
use crate::domain::hour::{Hour, LATEST};
use crate::domain::label::Label;
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::tui::Window;
use crate::tui::page::group::{GroupRow, Grouping, Now};

/// Reads the rows.
pub(super) fn read(librarian: &Librarian, by: Grouping, window: Window) -> Result<Now, StoreError> {
    let now = librarian.now();
    let sums = sums(librarian, by, window)?;
    let month = if window == Window::Month { sums.clone() } else { sums_of_month(librarian, by)? };
    let mut desk = librarian.hour.borrow_mut();
    let burns = burns(desk.look(&librarian.reader, now)?, by, now);
    let mut names: Vec<Label> = sums.keys().chain(month.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let of = |sums: &BTreeMap<Label, Sums>, name| sums.get(&name).copied().unwrap_or_default();
    let rows = names.into_iter().map(|name| GroupRow {
        name,
        sums: of(&sums, name),
        month: of(&month, name),
        burn: burns.as_ref().map(|burns| burns.get(&name).copied().unwrap_or_default()),
    });
    Ok(Now { by, window, rows: rows.collect() })
}

fn sums_of_month(librarian: &Librarian, by: Grouping) -> Result<BTreeMap<Label, Sums>, StoreError> {
    sums(librarian, by, Window::Month)
}

fn sums(librarian: &Librarian, by: Grouping, window: Window) -> Result<BTreeMap<Label, Sums>, StoreError> {
    let mut all: BTreeMap<Label, Sums> = BTreeMap::new();
    librarian.reader.rollups_by_day(Some(librarian.span(window)), &mut |_, slice, sums| {
        *all.entry(by.of(slice)).or_default() += *sums;
    })?;
    Ok(all)
}

/// Returns what each came to in the last 15 minutes, times four; nothing where not all calls of that time are
/// kept, or a call does not tell where it was read.
fn burns(hour: &Hour, by: Grouping, now: Timestamp) -> Option<BTreeMap<Label, Live>> {
    let latest = hour.latest();
    let since = minute_of(now) - BURN_MINUTES;
    let reaches = latest.len() < LATEST || latest.last().is_some_and(|made| minute_of(made.0.at) <= since);
    if !reaches || by == Grouping::Source {
        return None;
    }
    let mut burns: BTreeMap<Label, Live> = BTreeMap::new();
    let recent = |at| minute_of(at) > since && minute_of(at) <= minute_of(now);
    for (call, cost) in latest.iter().map(AsRef::as_ref).filter(|(call, _)| recent(call.at)) {
        let name = by.of(&Slice::of(call, Label::new("")));
        let live = Live::of(&Sums::of(call, *cost));
        (0..4).for_each(|_| *burns.entry(name).or_default() += live);
    }
    Some(burns)
}
