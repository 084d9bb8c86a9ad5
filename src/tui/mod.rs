//! The live screen: state, keys, cells and the terminal. Knows no store, no feed and no config file.

pub mod event;
pub mod window;
pub mod tab;
pub mod page;
pub mod text;
pub mod glyphs;
pub mod theme;
pub mod detect;
pub mod scheme;
pub mod svg;
pub mod manners;
mod encode;
mod allowance;
pub mod link;
pub mod keys;
pub mod list;
pub mod picture;
pub mod field;
pub mod caps;
pub mod cap_form;
pub mod app;
pub mod place;
mod subject;
pub mod outlook;
mod next_cap;
pub mod alerts;
mod tell;
pub mod first;
mod stale;
mod hits;
pub mod read_page;
pub mod export;
pub mod choose;
pub mod layout;
pub mod mouse;
pub mod hand;
pub mod typing;
pub mod command;
pub mod take;
pub mod act;
pub mod cap_entry;
pub mod cap_act;
pub mod pass;
pub mod paper;
pub mod order;
pub mod draw;
mod clipboard;
pub mod term;
pub mod run;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::picture_of;

pub use app::{App, Setup};
pub use cap_act::conflict;
pub use cap_form::{CapWish, NotSaved, Theirs};
pub use caps::CapsNow;
pub use detect::{Found, detect};
pub use event::{
    BadRow, Detail, Effect, Event, Feed, PriceRow, Snapshot, SourceRow, SourceState, Step, Window,
};
pub use layout::{Layout, PageLayout};
pub use manners::{Manners, Notice};
pub use page::{Ask, Page};
pub use run::{ExitStatus, run};
pub use theme::{Depth, Theme, Themes};
