//! Letting every call pass for a while, and enforcing caps again: the form, and what is said of it.

use super::app::{App, Dialog};
use super::event::Effect;
use super::paper::{Kind, Paper, Step};
use crate::domain::cap::CapRev;
use crate::domain::label::Label;
use crate::domain::pass_through;
use crate::domain::time::Timestamp;
use crate::domain::until;

/// The shortest reason, in letters.
const LEAST_WHY: usize = 3;
/// What is typed to say that it is meant.
pub const NAME: &str = "all";

/// What is to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassWish {
    /// Until when every call passes; `None`: caps hold again.
    pub until: Option<Timestamp>,
    /// Why.
    pub why: Label,
    /// The caps that were looked at: later changes are a conflict.
    pub seen: CapRev,
}

impl App {
    /// Returns until when every call passes; nothing where caps hold, as far as a guard holds them.
    pub(super) fn passes_until(&self) -> Option<Timestamp> {
        self.live.caps.book.passes_until(self.now)
    }

    /// Opens the form: to let calls pass, or where they do, to enforce caps again.
    pub(super) fn open_pass(&mut self) {
        if let Some(reason) = self.setup.read_only.clone() {
            return self.say(&reason);
        }
        let (kind, fields) = match self.passes_until() {
            None => (Kind::PassThrough, vec![("until", "1h"), ("why", ""), ("type all", "")]),
            Some(_) => (Kind::Enforce, vec![("why", "")]),
        };
        self.dialog = Some(Dialog::Paper(Box::new(Paper::new(kind, fields, 0, self.now))));
    }

    /// Returns until when calls are to pass as it is typed. The error says what is wrong.
    pub(super) fn passing(&self, paper: &Paper) -> Result<Timestamp, String> {
        let until = until::parse(paper.text(0), &self.setup.calendar, self.now)?;
        pass_through::check(until, self.now).map(|()| until)
    }

    /// Returns what the form says. The error says what is missing.
    fn pass_wish(&self, paper: &Paper) -> Result<PassWish, String> {
        let (until, why) = match paper.kind {
            Kind::Enforce => (None, paper.text(0)),
            _ => (Some(self.passing(paper)?), paper.text(1)),
        };
        if why.chars().count() < LEAST_WHY {
            return Err(format!("say why, in at least {LEAST_WHY} letters: it is kept with the change"));
        }
        if until.is_some() && paper.text(2) != NAME {
            return Err(format!("type {NAME} in the last field: no cap stops a call until then"));
        }
        Ok(PassWish { until, why: Label::new(why), seen: self.live.caps.book.rev() })
    }

    /// Takes the step that saves it, where all is said.
    pub(super) fn apply_pass(&mut self) -> Vec<Effect> {
        let Some(Dialog::Paper(paper)) = &self.dialog else { return Vec::new() };
        if paper.step != Step::Typing {
            return Vec::new();
        }
        let wish = self.pass_wish(paper);
        let Some(Dialog::Paper(paper)) = &mut self.dialog else { return Vec::new() };
        match wish {
            Ok(wish) => {
                paper.step = Step::Saving;
                vec![Effect::SavePass(Box::new(wish))]
            }
            Err(fault) => {
                paper.fault = Some(fault);
                Vec::new()
            }
        }
    }

    /// Takes what became of it.
    pub(super) fn take_pass_saved(&mut self, saved: Result<(), String>) {
        let waits = matches!(&self.dialog, Some(Dialog::Paper(paper)) if paper.step == Step::Saving);
        match (saved, &mut self.dialog) {
            (Ok(()), _) => {
                if waits {
                    self.dialog = None;
                }
                self.say("saved: a guard goes by it from the next call on");
            }
            (Err(why), Some(Dialog::Paper(paper))) if waits => {
                (paper.step, paper.fault) = (Step::Typing, Some(why));
            }
            (Err(why), _) => self.say(&format!("not saved: {why}")),
        }
    }
}
