//! The form in which a cap is changed: what is typed, what it means, and how far it has been confirmed.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use super::caps::CapsNow;
use super::field::Field;
use crate::domain::calendar::Calendar;
use crate::domain::call::ModelId;
use crate::domain::cap::{Cap, CapRev, Fraction, Limit, Mode, OnBreach};
use crate::domain::cap_trial::{Asking, Used, asking};
use crate::domain::label::Label;
use crate::domain::price::Price;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::window::Window;

/// The shortest reason, in letters.
const LEAST_WHY: usize = 3;

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// How much: `50.00`, `+25%`, `1000 calls`.
    Amount,
    /// In which window: chosen, not typed.
    Window,
    /// How far a rolling window reaches back.
    Back,
    /// What happens at the limit: chosen, not typed.
    AtCap,
    /// The cheaper model.
    Model,
    /// At which shares it warns.
    Warn,
    /// Until when, after which the cap before is back.
    Until,
    /// Why.
    Why,
}

/// The windows to choose from; the last reaches back as far as is typed.
pub const WINDOWS: [&str; 7] = ["minute", "hour", "day", "week", "month", "total", ROLLING];
/// The one that moves.
const ROLLING: &str = "rolling";

/// What happens at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtCap {
    /// It warns.
    Notify,
    /// Calls are refused.
    Reject,
    /// Calls go to a cheaper model.
    Downgrade,
}

impl AtCap {
    /// All, from the mildest on.
    pub const ALL: [AtCap; 3] = [AtCap::Notify, AtCap::Reject, AtCap::Downgrade];

    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            AtCap::Notify => "notify",
            AtCap::Reject => "reject",
            AtCap::Downgrade => "downgrade to",
        }
    }
}

/// How far a change has been confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being typed.
    Typing,
    /// It was applied once, and is to be said again.
    Sure,
    /// It is to be left though much was typed.
    Leaving,
    /// The tenant's name is to be typed.
    Naming(Field),
    /// The store was asked.
    Saving,
    /// Someone else has changed the same cap: what they made of it, and when it was.
    Conflict(Box<Theirs>),
}

/// A change that someone else made meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// Its number.
    pub rev: CapRev,
    /// Who made it.
    pub by: Label,
    /// When.
    pub at: Timestamp,
    /// The cap before.
    pub old: Option<Cap>,
    /// The cap from then on.
    pub new: Cap,
}

/// What is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapWish {
    /// The cap.
    pub cap: Cap,
    /// Why.
    pub why: Label,
    /// The newest revision that was looked at: later changes of the same cap are a conflict.
    pub seen: CapRev,
    /// How carefully was asked.
    pub asked: Asking,
}

/// Why a change was not made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSaved {
    /// Someone else has changed the same cap.
    Conflict(Box<Theirs>),
    /// So much was spent meanwhile that it must be asked for more carefully.
    Graver,
    /// The store does not take it, and why.
    Failed(String),
}

/// What a cap is to be, as it was typed in the command line; empty where nothing was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapWords {
    /// What it is set on.
    pub scope: Scope,
    /// How much, in which window: `250/day`.
    pub limit: String,
    /// What happens at the limit.
    pub at_cap: Option<AtCap>,
    /// The cheaper model.
    pub model: String,
    /// Until when.
    pub until: String,
    /// Why.
    pub why: String,
}

/// The form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapForm {
    /// What the cap is set on: a tenant, or one model of a tenant.
    pub scope: Scope,
    /// The newest revision that was looked at.
    pub seen: CapRev,
    /// How far it is confirmed.
    pub stage: Stage,
    /// The field that keys act on.
    pub focus: Slot,
    /// What happens at the limit.
    pub at_cap: AtCap,
    /// What went wrong, until the next key.
    pub fault: Option<String>,
    /// What is used in which window, as far as it came.
    pub used: Vec<(Window, Used)>,
    /// When it was opened.
    pub opened: Timestamp,
    /// What the time is, as far as it was told.
    pub now: Timestamp,
    /// What is known of the price of models that were asked for; nothing inside where there is none.
    pub prices: Vec<(ModelId, Option<Arc<Price>>)>,
    pub(super) calendar: Calendar,
    pub(super) amount: Field,
    /// The place of the window in [`WINDOWS`].
    pub(super) window: usize,
    pub(super) back: Field,
    pub(super) model: Field,
    pub(super) warn: Field,
    pub(super) until: Field,
    pub(super) why: Field,
    /// An instant that was saved, and how it is written in its field.
    pub(super) saved_until: Option<(String, Timestamp)>,
    /// The caps of this scope that are saved.
    pub(super) saved: Vec<Cap>,
    /// The note that a cap had before, which comes back with it.
    note: Option<Label>,
    /// The window whose sums were asked for.
    asked_for: Option<Window>,
    /// The models whose prices were asked for.
    asked_prices: Vec<ModelId>,
    /// What stood in the fields when it was opened.
    first: Vec<String>,
}

impl CapForm {
    /// Opens the form on the cap of a scope, or a new one.
    pub fn new(
        scope: Scope,
        cap: Option<&Cap>,
        seen: CapRev,
        (calendar, now): (&Calendar, Timestamp),
    ) -> CapForm {
        let mut form = CapForm {
            scope,
            seen,
            stage: Stage::Typing,
            focus: Slot::Amount,
            at_cap: AtCap::Reject,
            fault: None,
            used: Vec::new(),
            opened: now,
            now,
            prices: Vec::new(),
            calendar: calendar.clone(),
            amount: Field::default(),
            window: 2,
            back: Field::new("24h"),
            model: Field::default(),
            warn: Field::new("80"),
            until: Field::default(),
            why: Field::default(),
            saved_until: None,
            saved: Vec::new(),
            note: None,
            asked_for: None,
            asked_prices: Vec::new(),
            first: Vec::new(),
        };
        if let Some(cap) = cap {
            form.take(cap);
        }
        form.amount = form.amount.selected();
        form
    }

    /// Opens the form on taking a change back: the cap as it was before, or none.
    pub fn undo(rev: CapRev, old: Option<&Cap>, new: &Cap, at: (&Calendar, Timestamp)) -> CapForm {
        let none = Cap::new(new.scope, Limit::Uncapped(new.limit.unit()), new.window);
        // What was to last until an instant that is past does not come back.
        let before = old.filter(|old| !old.is_over(at.1)).unwrap_or(&none);
        let mut form = CapForm::new(new.scope, Some(before), rev, at);
        form.why = Field::new(&format!("undo rev {}", rev.0));
        form.note = Some(before.note);
        form
    }

    /// Takes the values of a cap.
    pub fn take(&mut self, cap: &Cap) {
        self.amount = Field::new(&cap.limit.to_string());
        let window = cap.window.to_string();
        let (name, back) = window.split_once(':').unwrap_or((&window, "24h"));
        self.window = WINDOWS.iter().position(|window| *window == name).unwrap_or(2);
        self.back = Field::new(back);
        self.at_cap = match (cap.mode, cap.on_breach) {
            (Mode::Soft, _) => AtCap::Notify,
            (Mode::Hard, OnBreach::Reject) => AtCap::Reject,
            (Mode::Hard, OnBreach::Downgrade(_)) => AtCap::Downgrade,
        };
        self.model = match cap.on_breach {
            OnBreach::Downgrade(model) => Field::new(model.as_str()),
            OnBreach::Reject => Field::default(),
        };
        let shares: Vec<String> = cap.warn_at.iter().map(Fraction::to_string).collect();
        self.warn = Field::new(&if shares.is_empty() { "none".to_owned() } else { shares.join(",") });
        self.saved_until = cap.until.map(|at| (self.calendar.minute_text(at), at));
        self.until = Field::new(self.saved_until.as_ref().map_or("", |(text, _)| text));
    }

    /// Types in what a command says.
    pub fn fill(&mut self, words: &CapWords) {
        if !words.limit.is_empty() {
            self.amount = Field::new(&words.limit);
            self.split_window();
            self.focus = Slot::Why;
        }
        self.at_cap = words.at_cap.unwrap_or(self.at_cap);
        if !words.model.is_empty() {
            self.model = Field::new(&words.model);
        }
        if !words.until.is_empty() {
            self.until = Field::new(&words.until);
        }
        self.why = Field::new(&words.why);
    }

    /// Remembers what stands in the fields, as nothing that was typed here.
    pub fn begin(&mut self, caps: &CapsNow) {
        self.know(caps);
        self.first = self.values();
    }

    /// Takes the caps that are saved.
    pub fn know(&mut self, caps: &CapsNow) {
        let mine = caps.book.caps().filter(|cap| cap.scope == self.scope);
        self.saved = mine.map(|cap| Cap::clone(cap)).collect();
    }

    /// Says whether so much was typed that leaving is asked for: a reason, and something else.
    pub fn is_worth_asking(&self) -> bool {
        let values = self.values();
        let changed = values.iter().zip(&self.first).filter(|(now, first)| now != first).count();
        let why = self.first.last() != values.last() && !self.why.text().trim().is_empty();
        why && changed >= 2
    }

    fn values(&self) -> Vec<String> {
        let fields = [&self.amount, &self.back, &self.model, &self.warn, &self.until];
        let texts = fields.map(|field| field.text().to_owned()).into_iter();
        let chosen = [WINDOWS.get(self.window).copied().unwrap_or_default(), self.at_cap.says()];
        texts.chain(chosen.map(str::to_owned)).chain([self.why.text().to_owned()]).collect()
    }

    /// Returns the fields that there are now, from top to bottom.
    pub fn slots(&self) -> Vec<Slot> {
        use Slot::{Amount, AtCap as At, Back, Model, Until, Warn, Why};
        let rolling = WINDOWS.get(self.window) == Some(&ROLLING);
        let down = self.at_cap == AtCap::Downgrade;
        let all = [Amount, Slot::Window, Back, At, Model, Warn, Until, Why];
        all.into_iter().filter(|slot| (*slot != Back || rolling) && (*slot != Model || down)).collect()
    }

    /// Returns the text of a field; `None` where it is chosen and not typed.
    pub fn field(&self, slot: Slot) -> Option<&Field> {
        match slot {
            Slot::Amount => Some(&self.amount),
            Slot::Window | Slot::AtCap => None,
            Slot::Back => Some(&self.back),
            Slot::Model => Some(&self.model),
            Slot::Warn => Some(&self.warn),
            Slot::Until => Some(&self.until),
            Slot::Why => Some(&self.why),
        }
    }

    /// Returns the field that text goes into now.
    pub fn typed(&mut self) -> Option<&mut Field> {
        match (&mut self.stage, self.focus) {
            (Stage::Naming(name), _) => Some(name),
            (Stage::Typing, Slot::Amount) => Some(&mut self.amount),
            (Stage::Typing, Slot::Back) => Some(&mut self.back),
            (Stage::Typing, Slot::Model) => Some(&mut self.model),
            (Stage::Typing, Slot::Warn) => Some(&mut self.warn),
            (Stage::Typing, Slot::Until) => Some(&mut self.until),
            (Stage::Typing, Slot::Why) => Some(&mut self.why),
            (Stage::Typing, Slot::AtCap | Slot::Window)
            | (Stage::Sure | Stage::Leaving | Stage::Saving | Stage::Conflict(_), _) => None,
        }
    }

    /// Takes a key that no binding wants.
    pub fn key(&mut self, key: KeyEvent) {
        if let Some(field) = self.typed() {
            field.key(key);
        }
    }

    /// Moves to another field.
    pub fn step(&mut self, by: isize) {
        self.split_window();
        let slots = self.slots();
        let place = slots.iter().position(|slot| *slot == self.focus).unwrap_or(0);
        let count = isize::try_from(slots.len()).unwrap_or(1);
        let next = (isize::try_from(place).unwrap_or(0) + by).rem_euclid(count);
        self.focus = slots.get(usize::try_from(next).unwrap_or(0)).copied().unwrap_or(Slot::Amount);
    }

    /// Chooses what is chosen, where that is what keys act on. Says whether it is.
    pub fn choose(&mut self, by: isize) -> bool {
        if self.stage != Stage::Typing {
            return false;
        }
        match self.focus {
            Slot::AtCap => {
                let place = (self.at_cap as usize).saturating_add_signed(by).min(AtCap::ALL.len() - 1);
                self.at_cap = AtCap::ALL.get(place).copied().unwrap_or(self.at_cap);
            }
            Slot::Window => self.window = self.window.saturating_add_signed(by).min(WINDOWS.len() - 1),
            _ => return false,
        }
        true
    }

    /// Changes the amount by five in a hundred, where that is what keys act on. Says whether it is.
    pub fn nudge(&mut self, step: fn(Limit) -> Limit) -> bool {
        if self.focus != Slot::Amount || self.stage != Stage::Typing {
            return false;
        }
        self.split_window();
        if let Ok((limit, _)) = self.limit() {
            self.amount = Field::new(&step(limit).to_string());
        }
        true
    }

    /// Returns what is to be saved, asked for so carefully. The error says what is missing.
    pub fn wish(&self, asked: Asking) -> Result<CapWish, String> {
        let mut cap = self.cap()?;
        let why = self.why.text().trim();
        if why.chars().count() < LEAST_WHY {
            return Err(format!("say why, in at least {LEAST_WHY} letters: it is kept with the change"));
        }
        let why = Label::new(why);
        cap.note = self.note.unwrap_or(why);
        Ok(CapWish { cap, why, seen: self.seen, asked })
    }

    /// Returns how carefully to ask, by the newest numbers. Where they have not come, as if nothing was
    /// used: the store looks again before it saves.
    pub fn asking(&self, caps: &CapsNow) -> Option<Asking> {
        let cap = self.cap().ok()?;
        let used = self.used_in(cap.window).map_or(0, |used| used.budget.exposure(cap.limit.unit()));
        Some(asking(caps.find(cap.key()), &cap, used))
    }

    /// Returns what is used of a window, where that has come.
    pub fn used_in(&self, window: Window) -> Option<&Used> {
        self.used.iter().find(|known| known.0 == window).map(|known| &known.1)
    }

    /// Takes what is used of a window.
    pub fn take_used(&mut self, window: Window, used: &Used) {
        match self.used.iter_mut().find(|known| known.0 == window) {
            Some(known) => known.1 = *used,
            None => self.used.push((window, *used)),
        }
    }

    /// Returns the models whose prices are to be read: those that calls would go to and come from.
    pub fn wants_prices(&mut self) -> Vec<ModelId> {
        let mut wanted = Vec::new();
        if let Ok(Cap { on_breach: OnBreach::Downgrade(to), .. }) = self.cap() {
            wanted.push(to);
            if let Scope::TenantModel(_, own) | Scope::Model(own) = self.scope {
                wanted.push(own);
            }
        }
        wanted.retain(|model| !self.asked_prices.contains(model));
        self.asked_prices.extend(&wanted);
        wanted
    }

    /// Takes what is known of the price of a model.
    pub fn take_price(&mut self, model: ModelId, price: Option<Arc<Price>>) {
        if self.asked_prices.contains(&model) && !self.prices.iter().any(|known| known.0 == model) {
            self.prices.push((model, price));
        }
    }

    /// Returns the window whose sums are to be read: the one typed, where it was not asked for last.
    pub fn wants(&mut self) -> Option<Window> {
        let window = self.cap().ok()?.window;
        let new = self.asked_for != Some(window);
        self.asked_for = Some(window);
        new.then_some(window)
    }

    /// Forgets that sums were asked for: they may be others now.
    pub fn refresh(&mut self) {
        self.asked_for = None;
    }

    /// Returns the name that confirms a grave change: the tenant's, else what the cap is set on.
    pub fn name(&self) -> String {
        match self.scope {
            Scope::Tenant(tenant) | Scope::TenantModel(tenant, _) => tenant.as_str().to_owned(),
            scope => scope.to_string(),
        }
    }
}
