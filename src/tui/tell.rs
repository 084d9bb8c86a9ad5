//! What the screen tells beside its cells: the terminal's title, notices of new alerts, and the summary that stays
//! after its end.

use super::app::App;
use super::caps::{CapState, subject_of};
use super::event::Effect;
use super::text;
use super::theme::Meaning;
use crate::domain::books::Book;
use crate::domain::cap_trial::Reach;
use crate::domain::scope::Account;
use crate::domain::switch::Switch;
use crate::domain::time::{Millis, Timestamp};

/// The least time between two notices.
const NOTICE: Millis = Millis::from_minutes(1);
/// The least time between two titles: foretelling costs something.
const TITLE: Millis = Millis::new(1_000);
/// Tenants that the summary names.
const NAMED: usize = 3;

/// What was told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    title: String,
    titled: Timestamp,
    noticed: Option<Timestamp>,
    /// The grave alerts there were, by what they are about; `None` until the first data.
    alerts: Option<Vec<String>>,
    /// Changes that were saved from here.
    pub(super) saved: u32,
    /// Whether the line to the terminal is slow.
    pub(super) slow: Switch,
}

impl App {
    /// Returns what is to be told beside the cells after something has come.
    pub(super) fn tell_beside(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        effects.extend(self.new_title());
        effects.extend(self.new_notice());
        effects
    }

    fn new_title(&mut self) -> Option<Effect> {
        let due = self.beside.titled > self.now || self.now.since(self.beside.titled) >= TITLE;
        if !self.setup.manners.title.is_on() || !self.loaded || !due {
            return None;
        }
        self.beside.titled = self.now;
        let label = self.setup.manners.label.as_ref().map_or_else(String::new, |label| format!(" {label}"));
        let today = text::headline_of(&self.live.books.total().today);
        let next = self.next_cap().map_or_else(String::new, |(who, at)| format!(" {who} {at}"));
        let title = format!("outlay{label} {today}{next}");
        (title != self.beside.title).then(|| {
            self.beside.title.clone_from(&title);
            Effect::Title(title)
        })
    }

    /// Tells of grave alerts that were not there before, at most once a minute: of those that come meanwhile, then.
    fn new_notice(&mut self) -> Option<Effect> {
        let notice = self.setup.manners.notice;
        let quiet = self.beside.noticed.is_some_and(|at| at <= self.now && self.now.since(at) < NOTICE);
        if notice == super::manners::Notice::None || !self.loaded || quiet {
            return None;
        }
        let grave: Vec<_> = self.open_alerts().into_iter().filter(|it| it.meaning == Meaning::Bad).collect();
        let ids = grave.iter().map(|alert| alert.id.clone()).collect();
        // What there is at the start is on the screen, which is just looked at.
        let known = self.beside.alerts.replace(ids)?;
        let new = grave.iter().find(|alert| !known.contains(&alert.id))?;
        self.beside.noticed = Some(self.now);
        Some(Effect::Notify(notice.sequence(&new.says)))
    }

    /// Takes whether the line to the terminal is slow.
    pub fn take_link(&mut self, slow: bool) {
        self.beside.slow = Switch::from(slow);
    }

    /// Returns the program that takes what is copied; empty where the terminal does.
    pub fn copy_command(&self) -> &[String] {
        &self.setup.manners.copy_command
    }

    /// Takes that what was to be copied was not taken, and why.
    pub fn not_copied(&mut self, why: &str) {
        self.say(&format!("not copied: {why}"));
    }

    /// Returns whose cap is reached next, and when; nothing where none is in its window.
    pub(super) fn next_cap(&self) -> Option<(String, String)> {
        let nothing = Book::default();
        let books = &self.live.books;
        let tenants = self.live.caps.standings.keys().filter_map(|(_, account)| match account {
            Account::Tenant(tenant) => Some(*tenant),
            _ => None,
        });
        let soon = tenants.filter_map(|tenant| {
            let outlook = self.outlook(tenant, books.tenant(tenant).unwrap_or(&nothing));
            match outlook.reach {
                Some(Reach::At(at)) => Some((at, tenant)),
                _ => None,
            }
        });
        let (at, tenant) = soon.min()?;
        let calendar = &self.setup.calendar;
        let stamp = calendar.minute_text(at);
        let cut = if calendar.day(self.now).contains(at) { "2026-11-20 ".len() } else { "2026-".len() };
        Some((tenant.to_string(), stamp.get(cut..).unwrap_or(&stamp).to_owned()))
    }

    /// Returns what stays on the terminal after the end; nothing where nothing was read, or none is wanted.
    pub fn farewell(&self) -> Option<String> {
        let total = self.live.books.total();
        if !self.setup.manners.exit_summary.is_on() || !self.loaded || *total == Book::default() {
            return None;
        }
        let (hour, minute) = self.setup.calendar.clock(self.now);
        let burn = total.minutes.burn(self.live.books.now());
        let first = format!(
            "outlay: {hour:02}:{minute:02} {}  today {}  month {}  burn {}/h",
            self.setup.calendar.name(),
            text::headline_of(&total.today),
            text::headline_of(&total.month),
            text::headline_of(&burn)
        );
        let more = self.farewell_of_caps();
        Some(if more.is_empty() { first } else { format!("{first}\n        {}", more.join("   ")) })
    }

    /// Says who is blocked, whose cap is next, and what was changed from here.
    fn farewell_of_caps(&self) -> Vec<String> {
        let held = self.enforcement();
        let standings = self.live.caps.standings.values();
        let blocked = standings.filter(|standing| super::caps::state(standing, held) == CapState::Block);
        let mut names: Vec<String> = blocked.map(|standing| subject_of(standing.touch.account)).collect();
        names.sort();
        names.dedup();
        let mut parts = Vec::new();
        if !names.is_empty() {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            let shown = names.get(..NAMED).unwrap_or(&names).join(" ");
            parts.push(format!("{} blocked: {shown}{more}", names.len()));
        }
        parts.extend(self.next_cap().map(|(who, at)| format!("next cap: {who} {at}")));
        if let Some(mine) = self.mine.as_ref().filter(|_| self.beside.saved > 0) {
            parts.push(format!("changes by you: {} (rev {})", self.beside.saved, mine.change.rev.0));
        }
        parts
    }
}
