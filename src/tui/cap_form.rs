//! The form in which a cap is changed: what is typed, what it means, and how far it has been confirmed.

use crossterm::event::KeyEvent;

use super::caps::CapsNow;
use super::field::Field;
use crate::domain::call::ModelId;
use crate::domain::cap::{Cap, CapRev, Fraction, Limit, Mode, OnBreach};
use crate::domain::cap_trial::{Asking, Used, asking};
use crate::domain::label::Label;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::window::Window;

/// The shortest reason, in letters.
const LEAST_WHY: usize = 3;

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// How much, in which window: `50.00/day`.
    Limit,
    /// What happens at the limit: chosen, not typed.
    AtCap,
    /// The cheaper model.
    Model,
    /// At which shares it warns.
    Warn,
    /// Why.
    Why,
}

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
    limit: Field,
    model: Field,
    warn: Field,
    why: Field,
    /// The note that a cap had before, which comes back with it.
    note: Option<Label>,
    /// The window whose sums were asked for.
    asked_for: Option<Window>,
}

impl CapForm {
    /// Opens the form on the cap of a scope, or a new one.
    pub fn new(scope: Scope, cap: Option<&Cap>, seen: CapRev, now: Timestamp) -> CapForm {
        let mut form = CapForm {
            scope,
            seen,
            stage: Stage::Typing,
            focus: Slot::Limit,
            at_cap: AtCap::Reject,
            fault: None,
            used: Vec::new(),
            opened: now,
            limit: Field::default(),
            model: Field::default(),
            warn: Field::new("80"),
            why: Field::default(),
            note: None,
            asked_for: None,
        };
        if let Some(cap) = cap {
            form.take(cap);
        }
        form.limit = form.limit.selected();
        form
    }

    /// Opens the form on taking a change back: the cap as it was before, or none.
    pub fn undo(rev: CapRev, old: Option<&Cap>, new: &Cap, now: Timestamp) -> CapForm {
        let none = Cap::new(new.scope, Limit::Uncapped(new.limit.unit()), new.window);
        let before = old.unwrap_or(&none);
        let mut form = CapForm::new(new.scope, Some(before), rev, now);
        form.why = Field::new(&format!("undo rev {}", rev.0));
        form.note = Some(before.note);
        form
    }

    /// Takes the values of a cap.
    pub fn take(&mut self, cap: &Cap) {
        self.limit = Field::new(&format!("{}/{}", cap.limit, cap.window));
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
    }

    /// Types in what a command says.
    pub fn fill(&mut self, words: &CapWords) {
        if !words.limit.is_empty() {
            self.limit = Field::new(&words.limit);
            self.focus = Slot::Why;
        }
        self.at_cap = words.at_cap.unwrap_or(self.at_cap);
        if !words.model.is_empty() {
            self.model = Field::new(&words.model);
        }
        self.why = Field::new(&words.why);
    }

    /// Returns the fields that there are now, from top to bottom.
    pub fn slots(&self) -> &'static [Slot] {
        match self.at_cap {
            AtCap::Downgrade => &[Slot::Limit, Slot::AtCap, Slot::Model, Slot::Warn, Slot::Why],
            _ => &[Slot::Limit, Slot::AtCap, Slot::Warn, Slot::Why],
        }
    }

    /// Returns the text of a field; `None` where it is chosen and not typed.
    pub fn field(&self, slot: Slot) -> Option<&Field> {
        match slot {
            Slot::Limit => Some(&self.limit),
            Slot::AtCap => None,
            Slot::Model => Some(&self.model),
            Slot::Warn => Some(&self.warn),
            Slot::Why => Some(&self.why),
        }
    }

    /// Returns the field that text goes into now.
    pub fn typed(&mut self) -> Option<&mut Field> {
        match (&mut self.stage, self.focus) {
            (Stage::Naming(name), _) => Some(name),
            (Stage::Typing, Slot::Limit) => Some(&mut self.limit),
            (Stage::Typing, Slot::Model) => Some(&mut self.model),
            (Stage::Typing, Slot::Warn) => Some(&mut self.warn),
            (Stage::Typing, Slot::Why) => Some(&mut self.why),
            (Stage::Typing, Slot::AtCap) | (Stage::Sure | Stage::Saving | Stage::Conflict(_), _) => None,
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
        let slots = self.slots();
        let place = slots.iter().position(|slot| *slot == self.focus).unwrap_or(0);
        let count = isize::try_from(slots.len()).unwrap_or(1);
        let next = (isize::try_from(place).unwrap_or(0) + by).rem_euclid(count);
        self.focus = slots[usize::try_from(next).unwrap_or(0)];
    }

    /// Chooses what happens at the limit, where that is what keys act on. Says whether it is.
    pub fn choose(&mut self, by: isize) -> bool {
        if self.focus != Slot::AtCap || self.stage != Stage::Typing {
            return false;
        }
        let place = (self.at_cap as usize).saturating_add_signed(by).min(AtCap::ALL.len() - 1);
        self.at_cap = AtCap::ALL[place];
        true
    }

    /// Returns the cap as it is typed, without its reason. The error says what is wrong in plain words.
    pub fn cap(&self) -> Result<Cap, String> {
        let mut words = vec![self.limit.text().to_owned()];
        words.push(if self.at_cap == AtCap::Notify { "--soft" } else { "--hard" }.to_owned());
        let warn = self.warn.text().replace(' ', "");
        words.push(format!("--warn {}", if warn.is_empty() { "none" } else { &warn }));
        if self.limit.text().contains("--") {
            return Err("the limit is an amount and a window, as in 50.00/day".to_owned());
        }
        let mut cap = Cap::parse_for(self.scope, &words.join(" "))?;
        if self.at_cap == AtCap::Downgrade {
            let model = self.model.text().trim();
            let own = matches!(self.scope, Scope::TenantModel(_, own) if own.as_str() == model);
            if model.is_empty() || own {
                return Err("downgrade needs another, cheaper model".to_owned());
            }
            cap.on_breach = OnBreach::Downgrade(ModelId::new(model));
        }
        Ok(cap)
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
