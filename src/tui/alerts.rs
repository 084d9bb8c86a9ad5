//! Everything urgent, the most urgent first: what row 4 says, and what `a` lists.

use crossterm::event::KeyEvent;

use super::app::{App, Dialog};
use super::caps::{CapState, subject_of};
use super::event::{Effect, Feed, SourceState};
use super::field::Field;
use super::keys::Action;
use super::text;
use super::theme::Meaning;
use crate::domain::enforcement::{Enforcement, LATE};
use crate::domain::gate::Standing;
use crate::domain::time::{Millis, Timestamp};

/// How long an alert that was muted says nothing.
const MUTED: Millis = Millis::from_minutes(60);
/// The shortest reason, in letters.
const LEAST_WHY: usize = 3;
/// Days from which on a list of prices is old.
pub const OLD_PRICES: u64 = 30;
/// Alerts of one kind that are told one by one.
const EACH: usize = 20;

/// Something urgent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about, the same as long as it lasts.
    pub id: String,
    /// The sentence.
    pub says: String,
    /// How bad it is.
    pub meaning: Meaning,
}

/// An alert that says nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Muted {
    /// What it is about.
    pub id: String,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

/// The list of alerts while it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertList {
    /// Which is picked.
    pub picked: usize,
    /// The reason for muting it, while that is typed.
    pub why: Option<Field>,
    /// What went wrong, until the next key.
    pub fault: Option<String>,
}

impl App {
    /// Returns everything urgent, the most urgent first, also what is muted.
    pub(super) fn alerts(&self) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let mut add = |id: String, says: String, meaning| alerts.push(Alert { id, says, meaning });
        if let Feed::Failed(why) = &self.feed {
            let shown = self.stale_since().map_or_else(String::new, |since| {
                let (hour, minute) = self.setup.calendar.clock(since);
                format!(". Numbers marked ? are of {hour:02}:{minute:02}")
            });
            add("feed".to_owned(), format!("{why}{shown}"), Meaning::Bad);
        }
        let picture = self.picture();
        let sources = |state| picture.sources.iter().filter(move |row| row.state == state).take(EACH);
        for row in sources(SourceState::Error) {
            add(format!("source {}", row.source), format!("{}: {}", row.source, row.note), Meaning::Bad);
        }
        for row in sources(SourceState::Stale) {
            let says = format!("{}: nothing new. {}", row.source, row.note);
            add(format!("source {}", row.source), says, Meaning::Warn);
        }
        if let Some(says) = self.guard_alert() {
            add("guard".to_owned(), says, Meaning::Bad);
        }
        for (standing, state) in self.pressing_caps().into_iter().take(EACH) {
            let who = subject_of(standing.touch.account);
            let limit = format!("{}/{}", standing.touch.cap.limit, standing.touch.cap.window);
            let says = match state {
                CapState::Block => format!("{who}: cap {limit} is reached, calls are refused"),
                CapState::Down => format!("{who}: cap {limit} is reached, calls go to a cheaper model"),
                _ => format!("{who}: cap {limit} is passed, and nothing stops a call"),
            };
            add(format!("cap {who} {limit} {}", state.says()), says, Meaning::Bad);
        }
        for cap in self.caps_reached_soon() {
            let limit = format!("{}/{}", cap.standing.touch.cap.limit, cap.standing.touch.cap.window);
            let says = super::draw::soon(&cap, &self.setup.calendar, self.now);
            add(format!("soon {} {limit}", cap.who), says, Meaning::Warn);
        }
        if let Some(says) = self.unpriced_alert() {
            add("unpriced".to_owned(), says, Meaning::Warn);
        }
        if let Some((name, since)) = &self.setup.price_list {
            let days = self.now.since(*since).count() / 86_400_000;
            if days >= OLD_PRICES {
                let says = format!(
                    "{name} are {days} days old: `outlay prices update --from FILE` takes newer ones"
                );
                add("old prices".to_owned(), says, Meaning::Warn);
            }
        }
        let key = self.setup.keys.key_of(Action::Tab(super::tab::Tab::Sources)).unwrap_or("");
        for row in picture.sources.iter().filter(|row| row.bad > 0).take(EACH) {
            let lines = text::plural(i64::try_from(row.bad).unwrap_or(i64::MAX), "line");
            let says = format!("{}: {lines} could not be read ({key})", row.source);
            add(format!("bad {}", row.source), says, Meaning::Warn);
        }
        alerts
    }

    /// Returns the alerts that are not muted.
    pub(super) fn open_alerts(&self) -> Vec<Alert> {
        self.alerts().into_iter().filter(|alert| self.muted_until(alert).is_none()).collect()
    }

    /// Returns until when an alert is muted, and why.
    pub(super) fn muted_until(&self, alert: &Alert) -> Option<&Muted> {
        self.muted.iter().find(|muted| muted.id == alert.id && muted.until > self.now)
    }

    /// Returns the caps that are reached or passed, the worst first.
    fn pressing_caps(&self) -> Vec<(Standing, CapState)> {
        let caps = &self.picture().caps;
        let held = self.enforcement();
        let mut pressing: Vec<(Standing, CapState)> = caps
            .standings
            .values()
            .map(|standing| (standing.clone(), super::caps::state(standing, held)))
            .filter(|(_, state)| *state < CapState::Warn)
            .collect();
        pressing.sort_by_key(|(standing, state)| (*state, subject_of(standing.touch.account)));
        pressing
    }

    /// Says that a guard does not hold the caps that are saved.
    fn guard_alert(&self) -> Option<String> {
        let waits = self.shown_change().is_some_and(|(mine, _)| self.now.since(mine.saved) < LATE);
        match self.enforcement() {
            Enforcement::Passing { until } => Some(format!(
                "every call passes until {}: no cap stops one",
                self.setup.calendar.minute_text(until)
            )),
            Enforcement::Late { name, age } => Some(format!(
                "{name} has told nothing for {}: nobody knows which caps it holds",
                text::age(age)
            )),
            Enforcement::Behind { name, rev } if !waits => {
                Some(format!("{name} has not applied rev {}: it holds rev {}", self.saved_rev().0, rev.0))
            }
            _ => None,
        }
    }

    /// Says which models of the window have no price: the one with most calls by name.
    fn unpriced_alert(&self) -> Option<String> {
        let picture = self.picture();
        let unpriced =
            picture.total(self.window).map(|total| total.unpriced).filter(|unpriced| *unpriced > 0)?;
        let models = || picture.prices.values().filter(|row| row.used.unpriced > 0);
        let most =
            models().max_by_key(|row| (row.used.unpriced, std::cmp::Reverse((row.model, row.provider))));
        let whose = match (most, models().count()) {
            (Some(row), 1) => format!("{}: ", row.model),
            (Some(row), count) => format!("{} and {} more: ", row.model, count - 1),
            (None, _) => String::new(),
        };
        let calls = text::plural(unpriced, "call");
        let key = self.setup.keys.key_of(Action::Tab(super::tab::Tab::Prices)).unwrap_or("");
        Some(format!("{whose}{calls} {} without a price, cost unknown ({key})", self.window.phrase()))
    }

    /// Takes a key of the list.
    pub(super) fn alert_key(&mut self, key: KeyEvent, action: Option<Action>, burst: bool) -> Vec<Effect> {
        let alerts = self.alerts();
        let Some(Dialog::Alerts(list)) = &mut self.dialog else { return Vec::new() };
        list.fault = None;
        list.picked = list.picked.min(alerts.len().saturating_sub(1));
        let Some(why) = &mut list.why else {
            match action {
                Some(Action::Mute) if !alerts.is_empty() => list.why = Some(Field::default()),
                Some(Action::Mute) | None => {}
                Some(Action::Back) => self.dialog = None,
                Some(action) => return self.act(action),
            }
            return Vec::new();
        };
        match action {
            Some(Action::Back) => list.why = None,
            Some(Action::Keep) if burst => list.fault = Some(super::hand::TOO_FAST.to_owned()),
            Some(Action::Keep) if why.text().trim().chars().count() < LEAST_WHY => {
                list.fault = Some(format!("say why, in at least {LEAST_WHY} letters"));
            }
            Some(Action::Keep) => {
                let why = why.text().trim().to_owned();
                list.why = None;
                let id = alerts.get(list.picked).map(|alert| alert.id.clone());
                self.muted.retain(|muted| muted.until > self.now && Some(&muted.id) != id.as_ref());
                self.muted.extend(id.map(|id| Muted { id, until: self.now.after(MUTED), why }));
            }
            _ => drop(why.key(key)),
        }
        Vec::new()
    }
}
