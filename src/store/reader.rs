//! Reading the store: sums by tenant, model and time, and what is known about the sources.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use rusqlite::Connection;

use super::call;
use super::figures::Figures;
use super::name::Names;
use super::pieces::{self, Piece};
use super::rollup::{self, Grain, SLOT};
use super::slice::Key;
use super::source::SourceRow;
use super::{StoreError, bad_line, check, mark, open, source};
use crate::domain::calendar::Span;
use crate::domain::call::TenantId;
use crate::domain::label::Label;
use crate::domain::mark::Mark;
use crate::domain::observation::BadLine;
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::Timestamp;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// How far back minutes are read.
const MINUTES_KEPT: i64 = 60 * MINUTE;

/// The store, open for reading.
pub struct Reader {
    conn: Connection,
    path: PathBuf,
    names: RefCell<Names>,
}

impl Reader {
    /// Opens the store at a path, which has to be there.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        Ok(Reader { conn: open::reader(path)?, path: path.to_owned(), names: RefCell::default() })
    }

    /// Returns a number that changes when another connection has written.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        let version = self.conn.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Returns the sums of each tenant in a span, by name.
    pub fn tenants(&self, span: Span) -> Result<Vec<(TenantId, Sums)>, StoreError> {
        self.read(|conn, names| {
            let mut sums: HashMap<i64, Figures> = HashMap::new();
            for piece in pieces::by_day(span, rollup::extent(conn)?) {
                let mut add = |_, tenant, figures: &Figures| sums.entry(tenant).or_default().add(figures);
                match piece {
                    Piece::Days(start, end) => {
                        rollup::tenants_between(conn, Grain::Day, (start, end), &mut add)?;
                    }
                    Piece::Slots(start, end) => {
                        rollup::tenants_between(conn, Grain::Slot, (start, end), &mut add)?;
                    }
                    Piece::Calls(start, end) => call::between(conn, (start, end), &mut |_, key, figures| {
                        add(0, key.tenant, figures);
                    })?,
                }
            }
            let mut tenants = Vec::with_capacity(sums.len());
            for (tenant, figures) in sums.into_iter().filter(|(_, figures)| !figures.is_zero()) {
                tenants.push((TenantId::from_label(names.label(conn, tenant)?), figures.sums()));
            }
            tenants.sort_by_key(|(tenant, _)| *tenant);
            Ok(tenants)
        })
    }

    /// Returns the sums of each minute and tenant since an instant, in order of time; at most the hour
    /// before the latest call.
    pub fn minutes(&self, since: Timestamp) -> Result<Vec<(Timestamp, TenantId, Sums)>, StoreError> {
        self.read(|conn, names| {
            let Some(latest) = call::latest(conn)? else { return Ok(Vec::new()) };
            let earliest = latest - latest.rem_euclid(MINUTE) - MINUTES_KEPT;
            let since = since.millis() - since.millis().rem_euclid(MINUTE);
            let mut sums: HashMap<(i64, i64), Figures, RandomState> = HashMap::default();
            call::since(conn, since.max(earliest), &mut |at, tenant, figures| {
                sums.entry((at - at.rem_euclid(MINUTE), tenant)).or_default().add(figures);
            })?;
            let mut minutes = Vec::with_capacity(sums.len());
            for ((minute, tenant), figures) in sums {
                let tenant = TenantId::from_label(names.label(conn, tenant)?);
                minutes.push((Timestamp::from_millis(minute), tenant, figures.sums()));
            }
            minutes.sort_unstable_by_key(|(minute, tenant, _)| (*minute, *tenant));
            Ok(minutes)
        })
    }

    /// Shows all sums in a span (or all there are) by 15 minutes, in order of time. Where the span cuts
    /// a quarter of an hour, only its part is shown, under the instant at which the part begins.
    pub fn rollups(
        &self,
        span: Option<Span>,
        visit: &mut dyn FnMut(Timestamp, &Slice, &Sums),
    ) -> Result<(), StoreError> {
        self.read(|conn, names| {
            show(conn, names, &pieces::by_slot(whole(span), rollup::extent(conn)?), visit)
        })
    }

    /// Shows all sums like [`Reader::rollups`], but whole UTC days as one: less to read where nothing
    /// finer is asked for.
    pub fn rollups_by_day(
        &self,
        span: Option<Span>,
        visit: &mut dyn FnMut(Timestamp, &Slice, &Sums),
    ) -> Result<(), StoreError> {
        self.read(|conn, names| show(conn, names, &pieces::by_day(whole(span), rollup::extent(conn)?), visit))
    }

    /// Returns one tenant's sums of each hour in a span, in order of time. Hours are counted from the
    /// span's start, so that they are those of its zone.
    pub fn hours(&self, tenant: TenantId, span: Span) -> Result<Vec<(Timestamp, Sums)>, StoreError> {
        self.read(|conn, _| {
            let Some(tenant) = number_of(conn, tenant)? else { return Ok(Vec::new()) };
            let mut sums: BTreeMap<i64, Figures> = BTreeMap::new();
            let mut add = |at: i64, figures: &Figures| {
                let into = at.saturating_sub(span.start.millis()).rem_euclid(HOUR);
                sums.entry(at - into).or_default().add(figures);
            };
            for piece in pieces::by_slot(span, rollup::extent(conn)?) {
                match piece {
                    Piece::Slots(start, end) => {
                        rollup::steps_of_tenant(
                            conn,
                            Grain::Slot,
                            (start, end, tenant),
                            &mut |slot, figures| {
                                add(slot * SLOT, figures);
                            },
                        )?;
                    }
                    Piece::Calls(start, end) => {
                        call::between(conn, (start, end), &mut |at, key, figures| {
                            if key.tenant == tenant {
                                add(at.millis(), figures);
                            }
                        })?;
                    }
                    Piece::Days(..) => {}
                }
            }
            let used = sums.into_iter().filter(|(_, figures)| !figures.is_zero());
            Ok(used.map(|(hour, figures)| (Timestamp::from_millis(hour), figures.sums())).collect())
        })
    }

    /// Returns what was read from each source, by name.
    pub fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        self.read(source::all)
    }

    /// Returns the newest lines that could not be read, with their sources, newest first.
    pub fn bad_lines(&self, limit: usize) -> Result<Vec<(Label, BadLine)>, StoreError> {
        self.read(|conn, names| bad_line::newest(conn, names, limit))
    }

    /// Returns how far each file has been read; the mark set last comes last.
    pub fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.read(|conn, _| mark::all(conn))
    }

    /// Returns how many rows of calls there are.
    pub fn call_count(&self) -> Result<u64, StoreError> {
        self.read(|conn, _| call::count(conn))
    }

    /// Compares every sum with the calls it stands for, and returns what differs, in plain words.
    pub fn check_books(&self) -> Result<Vec<String>, StoreError> {
        check::books(&self.conn).map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Returns the path of the store.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads within one snapshot of the store.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let run = || {
            let tx = self.conn.unchecked_transaction()?;
            let mut names = self.names.take();
            let answer = work(&tx, &mut names);
            self.names.replace(names);
            answer
        };
        run().map_err(|error| StoreError::of(&self.path, &error))
    }
}

fn whole(span: Option<Span>) -> Span {
    let all = Span { start: Timestamp::from_millis(i64::MIN), end: Timestamp::from_millis(i64::MAX) };
    span.unwrap_or(all)
}

fn number_of(conn: &Connection, tenant: TenantId) -> rusqlite::Result<Option<i64>> {
    super::name::number(conn, tenant.as_str())
}

/// Shows the slices of each piece.
fn show(
    conn: &Connection,
    names: &mut Names,
    pieces: &[Piece],
    visit: &mut dyn FnMut(Timestamp, &Slice, &Sums),
) -> rusqlite::Result<()> {
    let mut fault = Ok(());
    let mut hand_on = |at: i64, key: &Key, figures: &Figures| {
        if figures.is_zero() || fault.is_err() {
            return;
        }
        match key.slice(conn, names) {
            Ok(slice) => visit(Timestamp::from_millis(at), &slice, &figures.sums()),
            Err(error) => fault = Err(error),
        }
    };
    for piece in pieces {
        match *piece {
            Piece::Calls(start, end) => {
                let mut part: BTreeMap<Key, Figures> = BTreeMap::new();
                call::between(conn, (start, end), &mut |_, key, figures| {
                    part.entry(*key).or_default().add(figures);
                })?;
                for (key, figures) in &part {
                    hand_on(start, key, figures);
                }
            }
            Piece::Slots(start, end) => {
                show_steps(conn, Grain::Slot, (start, end), &mut hand_on)?;
            }
            Piece::Days(start, end) => show_steps(conn, Grain::Day, (start, end), &mut hand_on)?,
        }
    }
    fault
}

fn show_steps(
    conn: &Connection,
    grain: Grain,
    steps: (i64, i64),
    hand_on: &mut dyn FnMut(i64, &Key, &Figures),
) -> rusqlite::Result<()> {
    rollup::slices_between(conn, grain, steps, &mut |when, key, figures| {
        hand_on(when * grain.step(), key, figures);
    })
}
