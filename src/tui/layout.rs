//! What is kept from one start to the next: how the pages are looked at, the window, the theme, what was typed.

use super::app::{App, Fold};
use super::event::Window;
use super::list::Shown;
use super::page::group::Grouping;
use super::tab::Tab;
use crate::domain::filter::Filter;

/// What is kept. Names that are not known any more are left aside when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The window of time, by its word.
    pub window: String,
    /// Whether idle tenants are folded into one row.
    pub folded: bool,
    /// How each page is looked at.
    pub pages: Vec<PageLayout>,
    /// Commands that were typed, the latest last, without their reasons.
    pub commands: Vec<String>,
}

/// How a page is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLayout {
    /// Its name.
    pub page: String,
    /// What it is sorted by.
    pub sort: String,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// Its columns in their order; empty where none was chosen.
    pub columns: Vec<String>,
    /// Those of them that are hidden.
    pub hidden: Vec<String>,
    /// Its filter; empty where there is none, or none is to be kept.
    pub filter: String,
}

impl App {
    /// Returns what is to be kept for the next start.
    pub fn layout(&self) -> Layout {
        let mut app = self.clone();
        app.grouping = Grouping::Tenant;
        let mut pages = Vec::new();
        for tab in Tab::ALL {
            app.tab = tab;
            let view = app.rows().view();
            let keeps = self.setup.manners.keep_filters.is_on();
            let filter = if keeps { view.filter.text() } else { "" };
            if view.sort == 0 && !view.reverse && view.columns.is_empty() && filter.is_empty() {
                continue;
            }
            let hidden = view.columns.iter().filter(|column| column.1 == Shown::No);
            pages.push(PageLayout {
                page: tab.says().to_lowercase(),
                sort: tab.sorts().get(view.sort).copied().unwrap_or_default().to_owned(),
                reverse: view.reverse,
                hidden: hidden.map(|column| column.0.clone()).collect(),
                columns: view.columns.iter().map(|column| column.0.clone()).collect(),
                filter: filter.to_owned(),
            });
        }
        let (folded, commands) = (self.fold == Fold::Idle, self.commands.clone());
        Layout { window: self.window.says().to_lowercase(), folded, pages, commands }
    }

    /// Looks at the pages as was kept.
    pub(super) fn take_layout(&mut self, layout: &Layout) {
        let named = |window: &Window| window.says().eq_ignore_ascii_case(&layout.window);
        self.window = Window::ALL.into_iter().find(named).unwrap_or_default();
        self.fold = if layout.folded { Fold::Idle } else { Fold::Open };
        self.commands.clone_from(&layout.commands);
        let before = self.tab;
        for page in &layout.pages {
            let named = |tab: &Tab| tab.says().eq_ignore_ascii_case(&page.page);
            let Some(tab) = Tab::ALL.into_iter().find(named) else { continue };
            self.tab = tab;
            let view = self.rows_mut().view_mut();
            view.sort = tab.sorts().iter().position(|sort| *sort == page.sort).unwrap_or(0);
            view.reverse = page.reverse;
            let shown = |id: &String| if page.hidden.contains(id) { Shown::No } else { Shown::Yes };
            view.filter = Filter::parse(&page.filter, tab.keys()).unwrap_or_default();
            view.columns = page.columns.iter().map(|id| (id.clone(), shown(id))).collect();
        }
        self.tab = before;
    }
}
