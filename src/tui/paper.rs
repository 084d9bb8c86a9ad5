//! Small forms of the page of prices: what if, the calculator, and the edit of a price.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Dialog, Mode};
use super::event::{Effect, Window};
use super::field::Field;
use super::hand::{BURST, IGNORED, TOO_FAST};
use super::keys::Action;
use super::page::Ask;
use super::page::prices::{PriceWish, Repriced, WhatIf};
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::label::Label;
use crate::domain::money::Rate;
use crate::domain::time::Timestamp;
use crate::domain::what_if::Pattern;

/// The shortest reason, in letters.
const LEAST_WHY: usize = 3;
/// What stands for all tenants.
pub const EVERYONE: &str = "all";

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What calls would have cost with another model.
    WhatIf,
    /// What a pattern of calls costs.
    Calculator,
    /// Another price for a model.
    Edit(Provider, ModelId),
    /// To let every call pass for a while.
    PassThrough,
    /// To enforce caps again.
    Enforce,
}

/// How far an edit is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is typed.
    Typing,
    /// It is to be said again.
    Sure,
    /// It is being kept.
    Saving,
}

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// What for.
    pub kind: Kind,
    /// Its fields with their names.
    pub fields: Vec<(&'static str, Field)>,
    /// Which of them keys act on.
    pub focus: usize,
    /// How far an edit is confirmed.
    pub step: Step,
    /// What went wrong, until the next key.
    pub fault: Option<String>,
    /// When it was opened.
    pub opened: Timestamp,
}

impl Paper {
    pub(super) fn new(kind: Kind, fields: Vec<(&'static str, &str)>, focus: usize, now: Timestamp) -> Paper {
        let fields = fields.into_iter().map(|(name, text)| (name, Field::new(text))).collect();
        let mut paper = Paper { kind, fields, focus, step: Step::Typing, fault: None, opened: now };
        if let Some(field) = paper.fields.get_mut(focus) {
            field.1 = std::mem::take(&mut field.1).selected();
        }
        paper
    }

    /// Returns what is typed into a field.
    pub fn text(&self, place: usize) -> &str {
        self.fields.get(place).map_or("", |field| field.1.text().trim())
    }

    /// Returns the field that text goes into.
    pub fn typed(&mut self) -> Option<&mut Field> {
        if self.step != Step::Typing {
            return None;
        }
        self.fields.get_mut(self.focus).map(|field| &mut field.1)
    }

    fn turn(&mut self, by: isize) {
        let count = isize::try_from(self.fields.len()).unwrap_or(1).max(1);
        let next = (isize::try_from(self.focus).unwrap_or(0) + by).rem_euclid(count);
        self.focus = usize::try_from(next).unwrap_or(0);
    }

    /// Returns the question of a what-if. The error says what is missing.
    pub fn what_if(&self) -> Result<WhatIf, String> {
        let name = |place, what: &str| match self.text(place) {
            "" => Err(format!("which {what}?")),
            text => Ok(text),
        };
        let tenant = name(0, "tenant")?;
        let window = Window::ALL.into_iter().find(|window| window.says().eq_ignore_ascii_case(self.text(1)));
        let window = window.ok_or_else(|| {
            let names: Vec<String> = Window::ALL.iter().map(|window| window.says().to_lowercase()).collect();
            format!("no window `{}`: {}", self.text(1), names.join(", "))
        })?;
        let share = self.text(4).trim_end_matches('%').parse().ok().filter(|share| *share <= 100);
        Ok(WhatIf {
            tenant: (tenant != EVERYONE).then(|| TenantId::new(tenant)),
            window,
            from: ModelId::new(name(2, "model is moved")?),
            to: ModelId::new(name(3, "model are they moved to")?),
            share: share.ok_or_else(|| format!("`{}` is no share: 0 to 100 of a hundred", self.text(4)))?,
        })
    }

    /// Returns the pattern of the calculator. The error says what is wrong.
    pub fn pattern(&self) -> Result<(ModelId, Pattern), String> {
        let number = |place: usize| {
            let text = self.text(place).replace([',', '_'], "");
            let (digits, zeros) = match text.strip_suffix(['k', 'K']) {
                Some(digits) => (digits.to_owned(), 1_000),
                None => (
                    text.strip_suffix('M').map_or(text.clone(), str::to_owned),
                    if text.ends_with('M') { 1_000_000 } else { 1 },
                ),
            };
            let count: Option<u64> = if digits.is_empty() { Some(0) } else { digits.parse().ok() };
            let count = count.and_then(|count| count.checked_mul(zeros)).filter(|count| *count <= 1 << 40);
            count
                .ok_or_else(|| format!("`{}` is no number: expected one like 10000 or 10k", self.text(place)))
        };
        if self.text(0).is_empty() {
            return Err("which model?".to_owned());
        }
        let pattern =
            Pattern { input: number(1)?, cached: number(2)?, output: number(3)?, calls: number(4)? };
        Ok((ModelId::new(self.text(0)), pattern))
    }

    /// Returns the rates of an edit. The error says what is wrong.
    fn rates(&self) -> Result<[Option<Rate>; 3], String> {
        let rate = |place: usize| match self.text(place) {
            "" | "-" => Ok(None),
            text => Rate::per_million(text).map(Some).ok_or_else(|| {
                format!("`{text}` is no price: expected dollars per million tokens, like 2.50")
            }),
        };
        let rates = [rate(0)?, rate(1)?, rate(2)?];
        if rates.iter().all(Option::is_none) {
            return Err("a price needs a rate: dollars per million tokens, like 2.50".to_owned());
        }
        Ok(rates)
    }
}

impl App {
    /// Opens what-if on the selected model: the tenant that spends most, moved to the next model of the table.
    pub(super) fn open_what_if(&mut self) {
        let (Some((_, from)), to) = (self.prices.picked(), self.next_model()) else { return };
        let books = &self.picture().books;
        let most = books.tenants().max_by_key(|(_, book)| book.today.cost);
        let tenant = most.map_or_else(|| EVERYONE.to_owned(), |(tenant, _)| tenant.to_string());
        let window = self.window.says().to_lowercase();
        let to = to.map(|model| model.to_string()).unwrap_or_default();
        let from = from.to_string();
        let fields = vec![
            ("tenant", tenant.as_str()),
            ("window", &window),
            ("move", &from),
            ("to", &to),
            ("share %", "100"),
        ];
        self.dialog = Some(Dialog::Paper(Box::new(Paper::new(Kind::WhatIf, fields, 0, self.now))));
    }

    /// Opens the calculator on the selected model.
    pub(super) fn open_calculator(&mut self) {
        let Some((_, model)) = self.prices.picked() else { return };
        let model = model.to_string();
        let fields = vec![
            ("model", model.as_str()),
            ("in", "10000"),
            ("cached", "0"),
            ("out", "500"),
            ("calls a day", "1000"),
        ];
        self.dialog = Some(Dialog::Paper(Box::new(Paper::new(Kind::Calculator, fields, 1, self.now))));
    }

    /// Opens the edit of the selected price.
    pub(super) fn open_price(&mut self) {
        if let Some(reason) = self.setup.read_only.clone() {
            return self.say(&reason);
        }
        if self.setup.manners.confirm.is_on() {
            return self.say("every change needs a name here: `outlay prices set` sets a price");
        }
        let Some(key) = self.prices.picked() else { return };
        let Some(row) = self.live.prices.get(&key) else { return };
        let text = |rate: Option<Rate>| rate.map(Rate::to_per_million).unwrap_or_default();
        let rates = [text(row.input), text(row.cached), text(row.output)];
        let today = self.setup.calendar.minute_text(self.now);
        let today = today.get(..10).unwrap_or_default();
        let fields = vec![
            ("in $/M", rates[0].as_str()),
            ("cached", &rates[1]),
            ("out", &rates[2]),
            ("valid from", today),
            ("why", ""),
        ];
        self.dialog =
            Some(Dialog::Paper(Box::new(Paper::new(Kind::Edit(key.0, key.1), fields, 0, self.now))));
    }

    /// Returns the model below the selected one.
    fn next_model(&self) -> Option<ModelId> {
        let order = &self.prices.order;
        let place = self.prices.index();
        let below = order.get(place + 1).or_else(|| place.checked_sub(1).and_then(|above| order.get(above)));
        below.map(|key| key.1)
    }

    /// Returns what the store is asked for a form of the page.
    pub(super) fn ask_of_paper(&self) -> Option<Ask> {
        match (&self.dialog, &self.mode) {
            (Some(Dialog::Paper(paper)), _) => match paper.kind {
                Kind::WhatIf => paper.what_if().ok().map(Ask::WhatIf),
                Kind::Calculator | Kind::PassThrough | Kind::Enforce => None,
                Kind::Edit(..) => self.repriced(paper).ok().map(Ask::Repriced),
            },
            (_, Mode::Opened(_)) => self.prices.picked().map(|key| Ask::PriceHistory(key.0, key.1)),
            _ => None,
        }
    }

    /// Returns what an edit says. The error says what is wrong.
    pub(super) fn repriced(&self, paper: &Paper) -> Result<Repriced, String> {
        let Kind::Edit(provider, model) = paper.kind else { return Err(String::new()) };
        let rates = paper.rates()?;
        let date = paper.text(3);
        let since = self.setup.calendar.parse_date(date);
        let since = since.ok_or_else(|| format!("`{date}` is no date: expected one like 2026-11-20"))?;
        Ok(Repriced { provider, model, rates, since })
    }

    /// Takes a key of a form.
    pub(super) fn paper_key(&mut self, key: KeyEvent, action: Option<Action>, burst: bool) -> Vec<Effect> {
        let Some(Dialog::Paper(paper)) = &mut self.dialog else { return Vec::new() };
        paper.fault = None;
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if burst && plain && matches!(key.code, KeyCode::Char(_)) && self.now.since(paper.opened) < BURST {
            self.dialog = None;
            self.hand.deaf = true;
            self.say(IGNORED);
            return Vec::new();
        }
        match action {
            Some(Action::Apply | Action::Yes) if burst => paper.fault = Some(TOO_FAST.to_owned()),
            Some(Action::Apply) if matches!(paper.kind, Kind::PassThrough | Kind::Enforce) => {
                return self.apply_pass();
            }
            Some(Action::Apply | Action::Yes) => return self.apply_price(action == Some(Action::Yes)),
            Some(Action::NextField) => paper.turn(1),
            Some(Action::PrevField) => paper.turn(-1),
            Some(Action::Raise) => self.offer_name(-1),
            Some(Action::Lower) => self.offer_name(1),
            Some(Action::CopyResult) => return self.copy_result(),
            Some(Action::ExportResult) => return self.export_result(),
            Some(Action::Back) if paper.step == Step::Sure => paper.step = Step::Typing,
            Some(Action::Back) => self.dialog = None,
            Some(Action::Left | Action::Right) | None => {
                if let Some(field) = paper.typed() {
                    field.key(key);
                }
            }
            Some(_) => {}
        }
        Vec::new()
    }

    /// Puts the next known name into a field where names are typed; else goes to another field.
    fn offer_name(&mut self, by: isize) {
        let Some(Dialog::Paper(paper)) = &self.dialog else { return };
        let (place, kind, text) = (paper.focus, paper.kind, paper.text(paper.focus).to_owned());
        let names: Vec<String> = match (kind, place) {
            (Kind::WhatIf, 0) => {
                let tenants = self.picture().books.tenants().map(|(tenant, _)| tenant.to_string());
                std::iter::once(EVERYONE.to_owned()).chain(tenants).collect()
            }
            (Kind::WhatIf, 1) => Window::ALL.iter().map(|window| window.says().to_lowercase()).collect(),
            (Kind::WhatIf, 2 | 3) | (Kind::Calculator, 0) => {
                self.prices.order.iter().map(|key| key.1.to_string()).collect()
            }
            _ => Vec::new(),
        };
        let known = names.iter().position(|name| *name == text);
        let next = match known {
            Some(place) => place.saturating_add_signed(by).min(names.len().saturating_sub(1)),
            None => 0,
        };
        let Some(Dialog::Paper(paper)) = &mut self.dialog else { return };
        match names.get(next) {
            Some(name) => {
                if let Some(field) = paper.typed() {
                    *field = Field::new(name);
                }
            }
            None => paper.turn(by),
        }
    }

    /// Takes one step towards keeping a price: typed, said again, kept.
    fn apply_price(&mut self, again: bool) -> Vec<Effect> {
        let Some(Dialog::Paper(paper)) = &self.dialog else { return Vec::new() };
        if !matches!(paper.kind, Kind::Edit(..)) || paper.step == Step::Saving {
            return Vec::new();
        }
        let why = paper.text(4).to_owned();
        let wish = self.repriced(paper).and_then(|asked| {
            if why.chars().count() < LEAST_WHY {
                return Err(format!("say why, in at least {LEAST_WHY} letters: it is kept with the change"));
            }
            let Repriced { provider, model, rates, since } = asked;
            Ok(PriceWish { provider, model, rates, since, why: Label::new(&why) })
        });
        let Some(Dialog::Paper(paper)) = &mut self.dialog else { return Vec::new() };
        match (wish, paper.step) {
            (Err(fault), _) => paper.fault = Some(fault),
            (Ok(_), Step::Typing) if !again => paper.step = Step::Sure,
            (Ok(wish), Step::Sure) if again => {
                paper.step = Step::Saving;
                return vec![Effect::SavePrice(Box::new(wish))];
            }
            _ => {}
        }
        Vec::new()
    }

    /// Takes what became of a price.
    pub(super) fn take_price_saved(&mut self, saved: Result<String, String>) -> Vec<Effect> {
        let waits = matches!(&self.dialog, Some(Dialog::Paper(paper)) if paper.step == Step::Saving);
        match saved {
            Ok(what) => {
                if waits {
                    self.dialog = None;
                }
                self.say(&format!("kept: {what}"));
                self.load_what_is_shown()
            }
            Err(why) => {
                match &mut self.dialog {
                    Some(Dialog::Paper(paper)) if waits => {
                        (paper.step, paper.fault) = (Step::Typing, Some(why));
                    }
                    _ => self.say(&format!("not kept: {why}")),
                }
                Vec::new()
            }
        }
    }

    fn copy_result(&mut self) -> Vec<Effect> {
        let lines = super::draw::paper_result(self);
        if lines.is_empty() {
            return Vec::new();
        }
        self.say("sent to the terminal's clipboard");
        vec![Effect::Copy(lines.join("\n"))]
    }

    fn export_result(&mut self) -> Vec<Effect> {
        let lines = super::draw::paper_result(self);
        if lines.is_empty() {
            return Vec::new();
        }
        let name = match &self.dialog {
            Some(Dialog::Paper(paper)) if paper.kind == Kind::WhatIf => "outlay-what-if",
            _ => "outlay-calculator",
        };
        let stamp = self.setup.calendar.minute_text(self.now);
        let stamp: String = stamp.chars().filter(char::is_ascii_digit).collect();
        vec![Effect::WriteExport(format!("{name}-{stamp}.txt"), lines.join("\n") + "\n")]
    }
}
