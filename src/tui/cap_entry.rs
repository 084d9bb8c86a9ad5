//! What is typed into the form of a cap means: the cap, or what is wrong with it.

use super::cap_form::{AtCap, CapForm, WINDOWS};
use super::field::Field;
use crate::domain::amount_entry;
use crate::domain::call::ModelId;
use crate::domain::cap::{Cap, Limit, OnBreach};
use crate::domain::cap_book::CapBook;
use crate::domain::cap_trial::Used;
use crate::domain::downgrade::{circle, is_cheaper};
use crate::domain::money::Money;
use crate::domain::price::Price;
use crate::domain::rollup::Sums;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};
use crate::domain::until;
use crate::domain::window::Window;

impl CapForm {
    /// Returns the cap as it is typed, without its reason. The error says what is wrong in plain words.
    pub fn cap(&self) -> Result<Cap, String> {
        let (limit, window) = self.limit()?;
        let mode = if self.at_cap == AtCap::Notify { "--soft" } else { "--hard" };
        let warn = self.shares(limit)?;
        let mut cap = Cap::parse_for(self.scope, &format!("{limit}/{window} {mode} --warn {warn}"))?;
        if self.at_cap == AtCap::Downgrade {
            let model = self.model.text().trim();
            let own =
                matches!(self.scope, Scope::TenantModel(_, own) | Scope::Model(own) if own.as_str() == model);
            if model.is_empty() || own {
                return Err("downgrade needs another, cheaper model".to_owned());
            }
            cap.on_breach = OnBreach::Downgrade(ModelId::new(model));
        }
        cap.until = self.until_when()?;
        Ok(cap)
    }

    /// Returns the cap that is saved for a window, in the unit of the amount that is typed.
    pub fn saved_for(&self, window: Window) -> Option<&Cap> {
        let unit = amount_entry::read(self.written().0, None).map(Limit::unit).ok();
        let mut saved = self.saved.iter().filter(|cap| cap.window == window);
        let same = saved.clone().find(|cap| unit.is_none_or(|unit| cap.limit.unit() == unit));
        same.or_else(|| saved.next().filter(|_| unit.is_none()))
    }

    /// Returns how much in which window is typed.
    pub(super) fn limit(&self) -> Result<(Limit, Window), String> {
        let (amount, window) = self.written();
        let window = match window {
            Some(window) => Window::parse(window)?,
            None => self.chosen_window()?,
        };
        let before = self.saved_for(window).map(|cap| cap.limit);
        Ok((amount_entry::read(amount, before)?, window))
    }

    /// Returns the amount as it is written, and the window that is written behind it.
    fn written(&self) -> (&str, Option<&str>) {
        let text = self.amount.text().trim();
        text.split_once('/').map_or((text, None), |(amount, window)| (amount.trim(), Some(window.trim())))
    }

    fn chosen_window(&self) -> Result<Window, String> {
        match WINDOWS.get(self.window) {
            Some(&"rolling") => Window::parse(&format!("rolling:{}", self.back.text().trim())),
            Some(name) => Window::parse(name),
            None => Ok(Window::Day),
        }
    }

    /// Moves a window that is written behind the amount, as in `50/day`, to where windows are chosen.
    pub(super) fn split_window(&mut self) {
        let (amount, window) = self.written();
        let Some(window) = window.and_then(|window| Window::parse(window).ok()) else { return };
        let (amount, window) = (amount.to_owned(), window.to_string());
        let (name, back) = window.split_once(':').unwrap_or((&window, ""));
        self.window = WINDOWS.iter().position(|known| *known == name).unwrap_or(self.window);
        if !back.is_empty() {
            self.back = Field::new(back);
        }
        self.amount = Field::new(&amount);
    }

    /// Returns the shares at which it warns; one in dollars is a share of the limit.
    fn shares(&self, limit: Limit) -> Result<String, String> {
        let text = self.warn.text().replace(' ', "");
        if text.is_empty() {
            return Ok("none".to_owned());
        }
        let share = |part: &str| match part.strip_prefix('$') {
            None => Ok(part.to_owned()),
            Some(_) => share_of(part, limit),
        };
        Ok(text.split(',').map(share).collect::<Result<Vec<_>, String>>()?.join(","))
    }

    fn until_when(&self) -> Result<Option<Timestamp>, String> {
        let text = self.until.text().trim();
        match &self.saved_until {
            _ if text.is_empty() => Ok(None),
            Some((known, at)) if known == text && *at > self.now => Ok(Some(*at)),
            _ => until::parse(text, &self.calendar, self.now).map(Some),
        }
    }

    /// Checks that calls may be sent to the model that is typed. The error says why not.
    pub fn check_downgrade(&self, book: &CapBook) -> Result<(), String> {
        let cap = self.cap()?;
        let OnBreach::Downgrade(to) = cap.on_breach else { return Ok(()) };
        if let Some(way) = circle(book, &cap) {
            let way: Vec<String> = way.iter().map(ToString::to_string).collect();
            return Err(format!("{} leads back to the first: calls would go round", way.join(" > ")));
        }
        match self.price_of(to) {
            Looked::NotYet => return Err(format!("the price of {to} is being looked up: a moment")),
            Looked::Nothing => {
                return Err(format!("no price is known for {to}: a downgrade needs a model with a price"));
            }
            Looked::Found(_) => {}
        }
        match self.used_in(cap.window).and_then(|used| self.in_place(to, used)).or_else(|| self.by_rates(to))
        {
            Some((cheap, dear)) => is_cheaper(to, cheap, dear),
            None => Ok(()),
        }
    }

    /// Returns what the calls of the last 15 minutes, else of the window, cost with another model and what they did
    /// cost; nothing where that cannot be told.
    pub fn in_place(&self, to: ModelId, used: &Used) -> Option<(Money, Money)> {
        let told = |sums: &&Sums| sums.unpriced == 0 && sums.cost > Money::ZERO;
        let mix = [&used.quarter, &used.ledger].into_iter().find(told)?;
        let price = self.price_of(to).price()?;
        Some((price.flat_cost(u64::try_from(mix.calls).ok()?, &mix.tokens)?, mix.cost))
    }

    /// Returns what a million tokens read and a million written cost with another model and with the one that the
    /// cap is set on.
    fn by_rates(&self, to: ModelId) -> Option<(Money, Money)> {
        let (Scope::TenantModel(_, own) | Scope::Model(own)) = self.scope else { return None };
        let million = Tokens::new(1_000_000);
        let tokens = TokenCount { input: million, output: million, ..TokenCount::default() };
        let cost = |model| self.price_of(model).price()?.flat_cost(1, &tokens);
        cost(to).zip(cost(own))
    }

    fn price_of(&self, model: ModelId) -> Looked<'_> {
        match self.prices.iter().find(|known| known.0 == model) {
            None => Looked::NotYet,
            Some((_, None)) => Looked::Nothing,
            Some((_, Some(price))) => Looked::Found(price),
        }
    }
}

/// What is known of a price that was asked for.
enum Looked<'a> {
    /// The answer has not come.
    NotYet,
    /// None is known.
    Nothing,
    /// This one.
    Found(&'a Price),
}

impl<'a> Looked<'a> {
    fn price(self) -> Option<&'a Price> {
        if let Looked::Found(price) = self { Some(price) } else { None }
    }
}

/// Returns an amount of dollars as a share of a limit, in per cent with two places.
fn share_of(part: &str, limit: Limit) -> Result<String, String> {
    let (Limit::Money(amount), Limit::Money(whole)) = (amount_entry::read(part, None)?, limit) else {
        return Err(format!("`{part}` is no share: dollars are a share of dollars alone"));
    };
    let share = i128::from(amount.nanos()) * 10_000 / i128::from(whole.nanos()).max(1);
    if share > 10_000 {
        return Err(format!("{part} is more than the cap itself"));
    }
    Ok(format!("{}.{:02}", share / 100, share % 100))
}
