//! What keys and answers do to the caps: the form is opened, confirmed, saved and taken back.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Dialog, Mode};
use super::cap_form::{CapForm, CapWords, NotSaved, Slot, Stage, Theirs};
use super::caps::CapsNow;
use super::event::Effect;
use super::field::Field;
use super::hand::{BURST, IGNORED, TOO_FAST};
use super::keys::Action;
use super::page::tenant::Part;
use super::tab::Tab;
use crate::domain::amount_entry::{lowered, raised};
use crate::domain::calendar::Calendar;
use crate::domain::call::ModelId;
use crate::domain::cap::{Cap, CapRev, Limit};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::cap_trial::{Asking, Used};
use crate::domain::enforcement::{Enforcement, Heartbeat, enforcement};
use crate::domain::price::Price;
use crate::domain::scope::Scope;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::window::Window;

/// How long the outcome of a change is shown.
const SHOWN: Millis = Millis::new(10_000);
/// A change that was made from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mine {
    /// As it is on record.
    pub change: CapChange,
    /// When it was saved.
    pub saved: Timestamp,
    /// When every guard had it in force.
    pub held: Option<Timestamp>,
}

impl App {
    /// Says whether an action is told of: a change is not where none can be made.
    pub(super) fn offers(&self, action: Action) -> bool {
        self.setup.read_only.is_none() || !action.is_change()
    }

    /// Opens the form on the cap of the row.
    pub(super) fn open_cap(&mut self) -> Vec<Effect> {
        if self.cannot_change() {
            return Vec::new();
        }
        if self.tab == Tab::Budgets {
            let cap = self.budgets.picked().and_then(|key| self.live.caps.find(key));
            let form =
                cap.map(|cap| CapForm::new(cap.scope, Some(cap), self.live.caps.book.rev(), self.at()));
            return form.map(|form| self.open_form(form)).unwrap_or_default();
        }
        let Some(scope) = self.scope_of_row() else { return Vec::new() };
        let caps = &self.live.caps;
        let nearest = match scope {
            Scope::TenantModel(tenant, model) => caps.of_model(tenant, model),
            Scope::Tenant(tenant) => caps.of_tenant(tenant),
            _ => Vec::new(),
        };
        let mine = nearest.iter().map(|standing| &standing.touch.cap).find(|cap| cap.scope == scope);
        let form = CapForm::new(scope, mine.map(AsRef::as_ref), caps.book.rev(), self.at());
        self.open_form(form)
    }

    /// Returns what the selected row would be capped on.
    fn scope_of_row(&self) -> Option<Scope> {
        let tenant = self.tenants.picked()?;
        let place = match self.mode {
            Mode::Opened(place) if self.part == Part::Models => place,
            _ => return Some(Scope::Tenant(tenant)),
        };
        let detail = self.picture().detail.as_ref().filter(|detail| detail.tenant == tenant)?;
        let (model, _) = detail.models.get(place.min(detail.models.len().checked_sub(1)?))?;
        Some(Scope::TenantModel(tenant, *model))
    }

    /// Opens the form on taking a change back: the selected one of the audit, else the last made here.
    pub(super) fn open_undo(&mut self) -> Vec<Effect> {
        if self.cannot_change() {
            return Vec::new();
        }
        let change = if self.tab == Tab::Audit {
            self.picked_change().cloned()
        } else {
            self.mine.as_ref().map(|mine| mine.change.clone())
        };
        let Some(CapChange { rev, what, .. }) = change else {
            self.say("no cap was changed from here yet: A shows all changes");
            return Vec::new();
        };
        let (old, new) = match what {
            Changed::Cap { old, new } => (old, new),
            Changed::Ended { .. } => {
                self.say("a temporary cap came to its end here: c on the cap sets it anew");
                return Vec::new();
            }
            Changed::Price { .. } => {
                self.say("a price is set anew on the page of prices");
                return Vec::new();
            }
            Changed::PassThrough { .. } => {
                self.say("p on the Guard page lets calls pass, or enforces caps again");
                return Vec::new();
            }
            Changed::Plan { .. } => {
                self.say("a plan is changed with `outlay plans assign`");
                return Vec::new();
            }
        };
        let mut form = CapForm::undo(rev, old.as_ref(), &new, self.at());
        let newer = self.live.caps.newest(new.key()).filter(|newest| newest.rev > rev);
        if let Some(theirs) = newer.and_then(theirs) {
            form.stage = Stage::Conflict(Box::new(theirs));
        }
        self.open_form(form)
    }

    /// Returns the change that is selected in the audit.
    pub(super) fn picked_change(&self) -> Option<&CapChange> {
        let picked = self.audit.picked()?;
        self.picture().caps.log.iter().find(|change| change.rev == picked)
    }

    /// Returns by which clocks a form reads what is typed.
    fn at(&self) -> (&Calendar, Timestamp) {
        (&self.setup.calendar, self.now)
    }

    fn open_form(&mut self, mut form: CapForm) -> Vec<Effect> {
        form.begin(&self.live.caps);
        self.dialog = Some(Dialog::Cap(Box::new(form)));
        self.load_used()
    }

    fn cannot_change(&mut self) -> bool {
        let reason = self.setup.read_only.clone();
        if let Some(reason) = &reason {
            self.say(reason);
        }
        reason.is_some()
    }

    /// Opens the form on taking the cap of the row away.
    pub(super) fn open_removal(&mut self) -> Vec<Effect> {
        if self.cannot_change() {
            return Vec::new();
        }
        let cap = self.budgets.picked().and_then(|key| self.live.caps.find(key));
        let Some(cap) = cap.cloned() else { return Vec::new() };
        let none = Cap::new(cap.scope, Limit::Uncapped(cap.limit.unit()), cap.window);
        let mut form = CapForm::new(cap.scope, Some(&cap), self.live.caps.book.rev(), self.at());
        form.take(&none);
        form.focus = Slot::Why;
        self.open_form(form)
    }

    /// Opens the form of a scope with these values typed into it.
    pub(super) fn open_cap_with(&mut self, words: &CapWords) -> Vec<Effect> {
        if self.cannot_change() {
            return Vec::new();
        }
        let caps = &self.live.caps;
        let window = Cap::parse_for(words.scope, &words.limit).ok().map(|cap| cap.window);
        let of_scope = |cap: &&Cap| cap.scope == words.scope;
        let same = |cap: &&Cap| window.is_none_or(|window| cap.window == window);
        let known = caps.book.caps().map(AsRef::as_ref).filter(of_scope).find(same);
        let mut form = CapForm::new(words.scope, known, caps.book.rev(), self.at());
        form.fill(words);
        self.open_form(form)
    }

    /// Shows who changed the caps of the selected tenant, or all changes.
    pub(super) fn show_audit(&mut self) {
        let tenant = self.tenants.picked().filter(|_| self.tab == Tab::Overview);
        self.show(Tab::Audit);
        if let Some(tenant) = tenant {
            self.filter_by_name(tenant.as_str());
        }
    }

    /// Takes a key of the form.
    pub(super) fn form_key(&mut self, key: KeyEvent, burst: bool) -> Vec<Effect> {
        let contexts = self.contexts();
        let Some(Dialog::Cap(form)) = &mut self.dialog else { return Vec::new() };
        form.fault = None;
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if burst && plain && matches!(key.code, KeyCode::Char(_)) && self.now.since(form.opened) < BURST {
            self.dialog = None;
            self.hand.deaf = true;
            self.say(IGNORED);
            return Vec::new();
        }
        let action = self.setup.keys.action(key, contexts);
        let Some(Dialog::Cap(form)) = &mut self.dialog else { return Vec::new() };
        form.now = self.now;
        match action {
            Some(Action::Yes) if form.stage == Stage::Leaving => self.dialog = None,
            Some(Action::Apply | Action::Yes) if burst => form.fault = Some(TOO_FAST.to_owned()),
            Some(Action::Apply | Action::Yes) => return self.apply(),
            Some(Action::NextField) => form.step(1),
            Some(Action::PrevField) => form.step(-1),
            Some(Action::Raise) => {
                if !form.nudge(raised) {
                    form.step(-1);
                }
            }
            Some(Action::Lower) => {
                if !form.nudge(lowered) {
                    form.step(1);
                }
            }
            Some(Action::Left) if form.choose(-1) => {}
            Some(Action::Right) if form.choose(1) => {}
            Some(Action::Left | Action::Right) | None => form.key(key),
            Some(Action::Restore) => form.restore(&self.live.caps),
            Some(Action::TakeTheirs) => form.settle_conflict(&|form, theirs| form.take(&theirs.new)),
            Some(Action::KeepMine) => form.settle_conflict(&|_, _| {}),
            Some(_) => self.leave_form(),
        }
        self.load_used()
    }

    /// Goes one step back: to typing, or out of the form.
    fn leave_form(&mut self) {
        let Some(Dialog::Cap(form)) = &mut self.dialog else { return };
        match form.stage {
            Stage::Sure | Stage::Naming(_) | Stage::Leaving => form.stage = Stage::Typing,
            Stage::Typing if form.is_worth_asking() => form.stage = Stage::Leaving,
            Stage::Typing | Stage::Saving | Stage::Conflict(_) => self.dialog = None,
        }
    }

    /// Puts pasted text into the field that is typed; it cannot apply anything.
    pub(super) fn paste_into_form(&mut self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        let taken = match &mut self.dialog {
            Some(Dialog::Cap(form)) => form.typed().map(|field| field.insert(line)),
            _ => None,
        };
        if taken.is_none() {
            self.say("paste ignored");
        }
    }

    /// Asks for what is used of the window that is typed, where that is not known yet.
    pub(super) fn load_used(&mut self) -> Vec<Effect> {
        let Some(Dialog::Cap(form)) = &mut self.dialog else { return Vec::new() };
        let scope = form.scope;
        let prices = form.wants_prices().into_iter().map(Effect::LoadPrice);
        let sums = form.wants().map(|window| Effect::LoadUsed(scope, window));
        sums.into_iter().chain(prices).collect()
    }

    /// Asks for it again: it may be something else now.
    pub(super) fn load_used_anew(&mut self) -> Vec<Effect> {
        if let Some(Dialog::Cap(form)) = &mut self.dialog {
            form.refresh();
        }
        self.load_used()
    }

    /// Takes one step towards saving: as careful a one as the change deserves by the newest numbers.
    fn apply(&mut self) -> Vec<Effect> {
        let caps = &self.live.caps;
        let Some(Dialog::Cap(form)) = &mut self.dialog else { return Vec::new() };
        let least = if self.setup.manners.confirm.is_on() { Asking::ByName } else { Asking::Once };
        match form.apply(caps, least) {
            Ok(Some(wish)) => {
                form.stage = Stage::Saving;
                vec![Effect::SaveCap(Box::new(wish))]
            }
            Ok(None) => Vec::new(),
            Err(fault) => {
                form.fault = Some(fault);
                Vec::new()
            }
        }
    }

    /// Takes what guards tell of themselves.
    pub(super) fn take_guards(&mut self, guards: Vec<Heartbeat>) {
        self.live.caps.guards = guards;
        self.asked.spoil();
        let held = self.held_since_saved().is_some_and(Enforcement::holds);
        if let Some(mine) = self.mine.as_mut().filter(|_| held) {
            mine.held.get_or_insert(self.now);
        }
    }

    /// Takes the caps as they are saved.
    pub(super) fn take_caps(&mut self, caps: CapsNow) -> Vec<Effect> {
        let guards = caps.guards.clone();
        let first = !self.live.caps.known;
        self.live.caps = CapsNow { known: true, ..caps };
        self.unsorted = true;
        if let Some(Dialog::Cap(form)) = &mut self.dialog {
            form.know(&self.live.caps);
            // It was opened before any cap was known: these are the first that could be looked at.
            if first {
                form.seen = self.live.caps.book.rev();
            }
        }
        self.take_guards(guards);
        self.load_used_anew()
    }

    pub(super) fn take_used(&mut self, scope: Scope, window: Window, used: &Used) {
        if let Some(Dialog::Cap(form)) = self.dialog.as_mut()
            && form.scope == scope
        {
            form.take_used(window, used);
        }
    }

    /// Takes what is known of the price of a model.
    pub(super) fn take_price(&mut self, model: ModelId, price: Option<Arc<Price>>) {
        if let Some(Dialog::Cap(form)) = &mut self.dialog {
            form.take_price(model, price);
        }
    }

    /// Takes what became of a change.
    pub(super) fn take_saved(&mut self, saved: Result<Box<CapChange>, NotSaved>) -> Vec<Effect> {
        let waiting = match &mut self.dialog {
            Some(Dialog::Cap(form)) if form.stage == Stage::Saving => Some(form),
            _ => None,
        };
        match (saved, waiting) {
            (Ok(change), waiting) => {
                if waiting.is_some() {
                    self.dialog = None;
                }
                self.mine = Some(Mine { change: *change, saved: self.now, held: None });
                self.beside.saved = self.beside.saved.saturating_add(1);
            }
            (Err(why), Some(form)) => form.was_refused(why),
            (Err(NotSaved::Failed(why)), None) => self.say(&format!("not saved: {why}")),
            (Err(NotSaved::Conflict(_) | NotSaved::Graver), None) => {
                self.say("not saved: the caps have changed meanwhile");
            }
        }
        Vec::new()
    }

    /// Returns what holds the caps that are saved, those included that were saved from here just now.
    pub(super) fn enforcement(&self) -> Enforcement {
        enforcement(&self.live.caps.guards, self.saved_rev(), self.passes_until(), self.now)
    }

    /// Returns the newest revision that is known to be saved.
    pub(super) fn saved_rev(&self) -> CapRev {
        let mine = self.mine.as_ref().map_or(CapRev::default(), |mine| mine.change.rev);
        self.live.caps.book.rev().max(mine)
    }

    /// Returns what holds the change that was made last from here.
    pub(super) fn held_since_saved(&self) -> Option<Enforcement> {
        let mine = self.mine.as_ref()?;
        Some(enforcement(&self.live.caps.guards, mine.change.rev, self.passes_until(), self.now))
    }

    /// Returns the change that was made last from here, while its outcome is shown.
    pub(super) fn shown_change(&self) -> Option<(&Mine, Enforcement)> {
        let (mine, held) = (self.mine.as_ref()?, self.held_since_saved()?);
        let waits = mine.held.is_none() && held != Enforcement::Nobody;
        let fresh = self.now.since(mine.held.unwrap_or(mine.saved)) < SHOWN;
        (waits || fresh).then_some((mine, held))
    }

    /// Returns when the outcome of a change is no longer shown.
    pub(super) fn saved_until(&self) -> Option<Timestamp> {
        let (mine, _) = self.shown_change()?;
        Some(mine.held.unwrap_or(mine.saved).after(SHOWN)).filter(|until| *until > self.now)
    }
}

impl CapForm {
    /// Takes one step towards saving, and returns what is to be saved once enough was said. The error says
    /// what is missing.
    fn apply(&mut self, caps: &CapsNow, least: Asking) -> Result<Option<super::CapWish>, String> {
        self.cap()?;
        self.check_downgrade(&caps.book)?;
        let due = self.asking(caps).unwrap_or(Asking::ByName).max(least);
        let said = match &self.stage {
            Stage::Typing => Asking::Once,
            Stage::Sure => Asking::Twice,
            Stage::Naming(name) if name.text().trim() == self.name() => Asking::ByName,
            Stage::Naming(_) => return Err(format!("that is not the name: {}", self.name())),
            Stage::Leaving | Stage::Saving | Stage::Conflict(_) => return Ok(None),
        };
        let wish = self.wish(said)?;
        if said >= due {
            return Ok(Some(wish));
        }
        let again = self.stage != Stage::Typing;
        self.stage = if due == Asking::Twice { Stage::Sure } else { Stage::Naming(Field::default()) };
        if again { Err("so much was spent meanwhile that it needs the name".to_owned()) } else { Ok(None) }
    }

    /// Takes that the store did not save it.
    fn was_refused(&mut self, why: NotSaved) {
        self.stage = match why {
            NotSaved::Conflict(theirs) => Stage::Conflict(theirs),
            NotSaved::Graver => {
                self.fault = Some("by the newest sums this stops calls: it needs the name".to_owned());
                Stage::Naming(Field::default())
            }
            NotSaved::Failed(why) => {
                self.fault = Some(why);
                Stage::Typing
            }
        };
    }

    /// Goes on after a conflict, having seen what the other one made.
    fn settle_conflict(&mut self, take: &dyn Fn(&mut CapForm, &Theirs)) {
        if let Stage::Conflict(theirs) = std::mem::replace(&mut self.stage, Stage::Typing) {
            self.seen = theirs.rev;
            take(self, &theirs);
        }
    }

    /// Puts the saved values back, where there is a cap of the window that is typed.
    fn restore(&mut self, caps: &CapsNow) {
        let key = self.cap().map(|cap| cap.key());
        let saved = key
            .ok()
            .and_then(|key| caps.find(key))
            .or_else(|| caps.book.caps().map(AsRef::as_ref).find(|cap| cap.scope == self.scope));
        if let Some(cap) = saved {
            self.take(cap);
        }
    }
}

/// Returns a change of a cap as someone else's.
fn theirs(change: &CapChange) -> Option<Theirs> {
    match &change.what {
        Changed::Cap { old, new } => {
            Some(Theirs { rev: change.rev, by: change.by, at: change.at, old: old.clone(), new: new.clone() })
        }
        Changed::Ended { old, new, .. } => Some(Theirs {
            rev: change.rev,
            by: change.by,
            at: change.at,
            old: Some(old.clone()),
            new: new.clone(),
        }),
        Changed::Price { .. } | Changed::Plan { .. } | Changed::PassThrough { .. } => None,
    }
}

/// Returns the newest change of the same cap that is later than `seen`: what a change must not bury unseen.
pub fn conflict(log: &[CapChange], wish: &super::CapWish) -> Option<Theirs> {
    let key = Some(wish.cap.key());
    let newest = log.iter().filter(|change| change.key() == key && change.rev > wish.seen);
    newest.max_by_key(|change| change.rev).and_then(theirs)
}
