//! The calls of the tenant that is open, as the librarian keeps them: read once, then only what is new.

use crate::domain::calendar::Span;
use crate::domain::call::{Call, Cost, TenantId};
use crate::domain::price::PriceBook;
use crate::domain::sheet::Sheet;
use crate::domain::time::{Millis, Timestamp};
use crate::store::{Reader, StoreError};
use crate::tui::Window;

/// How often everything is read anew: a better record of a call takes an older one's place unnoticed, and windows
/// that move let go of their oldest calls.
const ANEW: Millis = Millis::from_minutes(1);
/// Calls of all tenants that are looked at, the latest of the window.
const MOST: u32 = 50_000;

/// The sheet of one tenant in one window, and how far it was read.
#[derive(Default)]
pub(super) struct SheetDesk {
    sheet: Sheet,
    row: i64,
    since: Option<Timestamp>,
    /// Of whom, in which window, and when it was read whole; nothing where none was.
    read: Option<(TenantId, Window, Timestamp)>,
}

impl SheetDesk {
    /// Returns the sheet as it is now, and since when it holds every call, where that is not all of the span.
    pub(super) fn look(
        &mut self,
        reader: &Reader,
        book: &PriceBook,
        (tenant, window, span): (TenantId, Window, Span),
        now: Timestamp,
    ) -> Result<(Sheet, Option<Timestamp>), StoreError> {
        let add = |sheet: &mut Sheet, call: &Call, cost: Cost| {
            let price = book.find_in(call.region, call.provider, call.model, call.at);
            sheet.add(call, cost, price.as_deref());
        };
        let is_fresh = |(whose, which, read): (TenantId, Window, Timestamp)| {
            (whose, which) == (tenant, window) && now >= read.max(span.start) && now.since(read) < ANEW
        };
        if !self.read.is_some_and(is_fresh) {
            let mut sheet = Sheet::default();
            let looked =
                reader.calls_of((tenant, span), MOST, &mut |call, cost| add(&mut sheet, call, cost))?;
            (self.sheet, self.row, self.since) = (sheet, looked.row, looked.since);
            self.read = Some((tenant, window, now));
        }
        loop {
            let sheet = &mut self.sheet;
            let last = reader.calls_after(self.row, &mut |call, cost| {
                if call.tenant == tenant && span.contains(call.at) {
                    add(sheet, call, cost);
                }
            })?;
            if std::mem::replace(&mut self.row, last) == last {
                break;
            }
        }
        Ok((self.sheet.clone(), self.since))
    }
}
