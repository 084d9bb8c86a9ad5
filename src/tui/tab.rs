//! The pages and their fixed places.

use super::order::{AUDIT_SORTS, PRICE_SORTS, SOURCE_SORTS, TENANT_SORTS};
use super::page::{budgets, errors, events, guard, limits};
use crate::domain::filter::Key;

/// A page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Tenants.
    Overview,
    /// What providers still let through.
    Limits,
    /// Caps and what is left of them.
    Budgets,
    /// Models and their prices.
    Prices,
    /// Why calls failed.
    Errors,
    /// Calls as they come.
    Events,
    /// What is read.
    Sources,
    /// Who enforces the caps.
    Guard,
    /// Who changed which cap.
    Audit,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Tab; 9] = [
        Tab::Overview,
        Tab::Limits,
        Tab::Budgets,
        Tab::Prices,
        Tab::Errors,
        Tab::Events,
        Tab::Sources,
        Tab::Guard,
        Tab::Audit,
    ];

    /// Returns its name.
    pub const fn says(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Limits => "Limits",
            Tab::Budgets => "Budgets",
            Tab::Prices => "Prices",
            Tab::Errors => "Errors",
            Tab::Events => "Events",
            Tab::Sources => "Sources",
            Tab::Guard => "Guard",
            Tab::Audit => "Audit",
        }
    }

    /// Returns its name where all nine have to stand in 80 columns.
    pub const fn short(self) -> &'static str {
        match self {
            Tab::Budgets => "Budget",
            Tab::Prices => "Price",
            Tab::Errors => "Error",
            Tab::Events => "Event",
            Tab::Sources => "Source",
            other => other.says(),
        }
    }

    /// Returns the columns that its rows can be sorted by, the one they begin with first.
    pub const fn sorts(self) -> &'static [&'static str] {
        match self {
            Tab::Overview => &TENANT_SORTS,
            Tab::Limits => &limits::SORTS,
            Tab::Budgets => &budgets::SORTS,
            Tab::Prices => &PRICE_SORTS,
            Tab::Errors => &errors::SORTS,
            Tab::Events => &events::SORTS,
            Tab::Sources => &SOURCE_SORTS,
            Tab::Guard => &guard::SORTS,
            Tab::Audit => &AUDIT_SORTS,
        }
    }

    /// Returns what a filter can ask of its rows.
    pub const fn keys(self) -> &'static [Key] {
        match self {
            Tab::Overview => &[
                Key::Tenant,
                Key::State,
                Key::Cap,
                Key::Used,
                Key::Burn,
                Key::Today,
                Key::Month,
                Key::Cost,
                Key::Tokens,
            ],
            Tab::Limits => &[Key::Provider, Key::Key, Key::Model, Key::Age],
            Tab::Budgets => &[Key::Tenant, Key::What, Key::State, Key::Cap, Key::Used],
            Tab::Prices => &[Key::Model, Key::Provider, Key::Cost, Key::Tokens],
            Tab::Errors => &[Key::Class],
            Tab::Events => &[
                Key::Tenant,
                Key::Model,
                Key::Provider,
                Key::Class,
                Key::Cost,
                Key::Tokens,
                Key::Took,
                Key::Age,
            ],
            Tab::Sources => &[Key::State, Key::Kind],
            Tab::Guard => &[Key::Rev, Key::Age],
            Tab::Audit => &[Key::Tenant, Key::Who, Key::What, Key::Rev, Key::Age],
        }
    }

    /// Returns the one so many places further on; after the last comes the first.
    #[must_use]
    pub fn other(self, by: usize) -> Tab {
        Tab::ALL[(self as usize + by) % Tab::ALL.len()]
    }
}
