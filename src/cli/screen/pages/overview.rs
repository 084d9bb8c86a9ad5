//! What the live picture does not hold of the tenants together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cli::screen::librarian::Librarian;
use crate::domain::call::{ModelId, TenantId};
use crate::domain::rollup::Sums;
use crate::store::StoreError;
use crate::tui::Window;
use crate::tui::page::overview::Now;

/// Reads the page.
pub(super) fn read(
    librarian: &Librarian,
    picked: Option<TenantId>,
    window: Window,
) -> Result<Box<Now>, StoreError> {
    let (reader, now) = (&librarian.reader, librarian.now());
    let mut learned = librarian.learned.borrow_mut();
    learned.look(reader, &librarian.calendar, now)?;
    let mut desk = librarian.hour.borrow_mut();
    let served = desk.look(reader, now)?.tenants();
    let picked = match picked {
        Some(tenant) => Some((tenant, window, models(librarian, tenant, window)?)),
        None => None,
    };
    Ok(Box::new(Now {
        habits: learned.habits.clone(),
        all: learned.all.clone(),
        took: served.into_iter().map(|(tenant, service)| (tenant, service.took)).collect(),
        usual: learned.usual,
        hours: learned.hours.clone(),
        picked,
    }))
}

fn models(
    librarian: &Librarian,
    tenant: TenantId,
    window: Window,
) -> Result<Vec<(ModelId, Sums)>, StoreError> {
    let mut sums: BTreeMap<ModelId, Sums> = BTreeMap::new();
    for (_, model, more) in librarian.reader.models(tenant, librarian.span(window))? {
        *sums.entry(model).or_default() += more;
    }
    let mut models: Vec<(ModelId, Sums)> = sums.into_iter().collect();
    models.sort_by_key(|(model, sums)| (Reverse(sums.cost), *model));
    Ok(models)
}
