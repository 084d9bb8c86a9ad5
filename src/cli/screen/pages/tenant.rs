//! What the live picture does not hold of one tenant in a window.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::cli::screen::librarian::Librarian;
use crate::count::Tokenizer;
use crate::domain::calendar::Span;
use crate::domain::call::{ModelId, Status, TenantId};
use crate::domain::failure::FailureClass;
use crate::domain::guess::{Guess, by_model, worst};
use crate::domain::hold::State;
use crate::domain::hour::class_of;
use crate::domain::label::Label;
use crate::store::StoreError;
use crate::store::guard::Attempted;
use crate::tui::Window;
use crate::tui::page::tenant::{Counted, Held, Now};

/// Attempts that are looked at, the latest of the window.
const ATTEMPTS: usize = 10_000;
/// Calls whose guess was off by most that are listed.
const WORST: usize = 10;

/// Reads the pages.
pub(super) fn read(librarian: &Librarian, tenant: TenantId, window: Window) -> Result<Box<Now>, StoreError> {
    let (reader, now, span) = (&librarian.reader, librarian.now(), librarian.span(window));
    let mut desk = librarian.sheet.borrow_mut();
    let (sheet, since) = desk.look(reader, &librarian.book(), (tenant, window, span), now)?;
    let mut faults: BTreeMap<FailureClass, i64> = BTreeMap::new();
    let mut sources: BTreeSet<Label> = BTreeSet::new();
    for (slice, sums) in reader.slices(tenant, span)? {
        sources.insert(slice.source);
        if slice.status == Status::Failed {
            *faults.entry(class_of(slice.failure)).or_default() += sums.failed;
        }
    }
    let mut faults: Vec<(FailureClass, i64)> = faults.into_iter().filter(|(_, count)| *count > 0).collect();
    faults.sort_by_key(|(class, count)| (Reverse(*count), *class));
    let keys = reader.keys()?.into_iter().filter(|key| key.tenant == tenant && key.is_active(now));
    let keys = keys.map(|key| Label::new(&key.name.to_string())).collect();
    let sources = sources.into_iter().collect();
    let held = held(librarian, tenant, span)?;
    Ok(Box::new(Now { tenant, window, sheet, since, faults, sources, held, keys }))
}

/// Returns what became of the attempts that passed guards.
fn held(librarian: &Librarian, tenant: TenantId, span: Span) -> Result<Held, StoreError> {
    let attempts = librarian.reader.attempts(tenant, span, ATTEMPTS)?;
    let mut held = Held::default();
    if attempts.len() == ATTEMPTS {
        held.since = attempts.last().map(|attempt| attempt.at);
    }
    for attempt in &attempts {
        *match attempt.state {
            State::Open | State::Dispatched => &mut held.open,
            State::Settled(_) => &mut held.settled,
            State::Uncertain(_) => &mut held.uncertain,
            State::Voided => &mut held.voided,
        } += 1;
    }
    let guesses: Vec<Guess> = attempts.iter().filter_map(guess).collect();
    let (models, all) = by_model(&guesses);
    held.models = models.into_iter().map(|(model, guessed)| (model, guessed, counted(model))).collect();
    (held.all, held.worst) = (all, worst(&guesses, WORST));
    Ok(held)
}

/// Returns what was expected of an attempt and what it cost, where both are known.
fn guess(attempt: &Attempted) -> Option<Guess> {
    let State::Settled(actual) = attempt.state else { return None };
    let Attempted { call: id, at, model, predicted, .. } = *attempt;
    Some(Guess { id, at, model, predicted: predicted?, actual: actual.money() })
}

fn counted(model: ModelId) -> Counted {
    if Tokenizer::of(model.as_str()).is_some() { Counted::Published } else { Counted::Bytes }
}
