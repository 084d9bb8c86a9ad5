//! The first start: what was found is offered, and nothing is written before it is agreed to.

use crossterm::event::KeyEvent;

use super::app::{App, Dialog};
use super::event::Effect;
use super::field::Field;
use super::keys::Action;
use crate::domain::calendar::Calendar;
use crate::domain::money::Money;
use crate::domain::switch::Switch;

/// Something that can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is: `a log of calls`.
    pub what: String,
    /// Where it is.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// The lines that it is in the configuration; none for made-up data.
    pub lines: Vec<String>,
    /// Whether it is chosen.
    pub chosen: Switch,
}

/// Where keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// To the list.
    List,
    /// To the limit of everything in a month.
    Limit,
    /// To the zone.
    Zone,
}

/// What is agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// To write this configuration, and to begin with this limit for everything in a month, if any.
    Begin {
        /// The text of the file.
        config: String,
        /// The limit: `12000.00`.
        limit: Option<String>,
    },
    /// To look at made-up data, and write nothing.
    Demo,
}

/// The first start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// What is offered, the made-up data last.
    pub offers: Vec<Offer>,
    /// Which is picked.
    pub picked: usize,
    /// Where keys go.
    pub slot: Slot,
    /// The limit of everything in a month, in dollars; empty for none.
    pub limit: Field,
    /// The zone.
    pub zone: Field,
    /// The file that would be written.
    pub file: String,
    /// The store that would be made.
    pub store: String,
    /// What is wrong, until the next key.
    pub fault: Option<String>,
}

impl First {
    /// Offers what was found.
    pub fn new(offers: Vec<Offer>, zone: &str, file: &str, store: &str) -> First {
        let (limit, zone) = (Field::default(), Field::new(zone));
        let (file, store) = (file.to_owned(), store.to_owned());
        First { offers, picked: 0, slot: Slot::List, limit, zone, file, store, fault: None }
    }

    /// Returns the lines that would be written.
    pub fn lines(&self) -> Vec<String> {
        let chosen = self.offers.iter().filter(|offer| offer.chosen.is_on());
        let mut lines = vec![format!("zone = \"{}\"", self.zone.text().trim())];
        lines.extend(chosen.flat_map(|offer| offer.lines.iter().cloned()));
        lines
    }

    /// Returns what is agreed to. The error says what is missing.
    fn agreed(&self) -> Result<Agreed, String> {
        let demo = self.offers.get(self.picked).filter(|_| self.slot == Slot::List);
        if demo.is_some_and(|offer| offer.lines.is_empty()) {
            return Ok(Agreed::Demo);
        }
        Calendar::named(self.zone.text().trim())?;
        let limit = self.limit.text().trim();
        let limit = (!limit.is_empty()).then(|| limit.to_owned());
        if limit.as_deref().is_some_and(|text| Money::parse_dollars(text).is_none_or(|it| it <= Money::ZERO))
        {
            return Err("the limit is dollars, like 12000.00, or nothing".to_owned());
        }
        Ok(Agreed::Begin { config: self.lines().join("\n") + "\n", limit })
    }

    fn field(&mut self) -> Option<&mut Field> {
        match self.slot {
            Slot::List => None,
            Slot::Limit => Some(&mut self.limit),
            Slot::Zone => Some(&mut self.zone),
        }
    }

    fn step(&mut self, by: isize) {
        const SLOTS: [Slot; 3] = [Slot::List, Slot::Limit, Slot::Zone];
        let place = SLOTS.iter().position(|slot| *slot == self.slot).unwrap_or(0);
        let step = if by > 0 { 1 } else { SLOTS.len() - 1 };
        self.slot = SLOTS.get((place + step) % SLOTS.len()).copied().unwrap_or(Slot::List);
    }
}

impl App {
    /// Offers what was found.
    pub fn offer(&mut self, first: First) {
        self.dialog = Some(Dialog::First(Box::new(first)));
    }

    /// Takes a key of the first start.
    pub(super) fn first_key(&mut self, key: KeyEvent, action: Option<Action>, burst: bool) -> Vec<Effect> {
        let Some(Dialog::First(first)) = &mut self.dialog else { return Vec::new() };
        first.fault = None;
        let last = first.offers.len().saturating_sub(1);
        match action {
            Some(Action::Quit) => self.quit_soon(),
            Some(Action::Agree) if burst => first.fault = Some(super::hand::TOO_FAST.to_owned()),
            Some(Action::Agree) => match first.agreed() {
                Ok(agreed) => return vec![Effect::Begin(Box::new(agreed))],
                Err(why) => first.fault = Some(why),
            },
            Some(Action::Choose) => {
                if let Some(offer) = first.offers.get_mut(first.picked).filter(|it| !it.lines.is_empty()) {
                    offer.chosen = Switch::from(!offer.chosen.is_on());
                }
            }
            Some(Action::NextField) => first.step(1),
            Some(Action::PrevField | Action::Back) => first.step(-1),
            Some(Action::Down) if first.slot == Slot::List => first.picked = (first.picked + 1).min(last),
            Some(Action::Up) if first.slot == Slot::List => first.picked = first.picked.saturating_sub(1),
            Some(Action::First) if first.slot == Slot::List => first.picked = 0,
            Some(Action::Last) if first.slot == Slot::List => first.picked = last,
            _ => {
                if let Some(field) = first.field() {
                    field.key(key);
                }
            }
        }
        Vec::new()
    }
}
