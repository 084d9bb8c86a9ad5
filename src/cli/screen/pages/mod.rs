//! What each page shows, read from the store: a file and a function a page.
//!
//! These run on the librarian's thread, so none of them may take long: bounded queries only.

mod limits;
pub(super) mod budgets;
mod errors;
mod events;
mod guard;
mod tenant;
mod overview;
mod group;
pub(super) mod prices;

use super::librarian::Librarian;
use crate::store::StoreError;
use crate::tui::{Ask, Page};

/// Answers the question of a page.
pub(super) fn read(librarian: &Librarian, ask: &Ask) -> Result<Page, StoreError> {
    Ok(match ask {
        Ask::Limits => Page::Limits(limits::read(librarian)?),
        Ask::Budgets(picked) => Page::Budgets(Box::new(budgets::read(librarian, *picked)?)),
        Ask::Errors => Page::Errors(errors::read(librarian)?),
        Ask::Events => Page::Events(events::read(librarian)?),
        Ask::Record(id) => Page::Record(events::read_one(librarian, *id)?),
        Ask::WhatIf(asked) => Page::WhatIf(*asked, Box::new(prices::what_if(librarian, asked)?)),
        Ask::Repriced(asked) => Page::Repriced(*asked, prices::repriced(librarian, asked)?),
        Ask::PriceHistory(provider, model) => {
            Page::PriceHistory(Box::new(prices::history(librarian, *provider, *model)?))
        }
        Ask::Guard => Page::Guard(guard::read(librarian)?),
        Ask::Overview(picked, window) => Page::Overview(overview::read(librarian, *picked, *window)?),
        Ask::Group(by, window) => Page::Group(group::read(librarian, *by, *window)?),
        Ask::Tenant(tenant, window) => Page::Tenant(tenant::read(librarian, *tenant, *window)?),
    })
}
