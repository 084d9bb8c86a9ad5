//! The form of a cap: its fields, and below them what the change would mean.
//!
//! ```text
//! ┌ Cap: docs-rag (rev 41) ─────────────────────────────┐
//! │▸ Limit      [250.00/day      ]  now 200.00/day       │
//! │  At limit   ( ) notify (x) reject ( ) downgrade to   │
//! │  Warn at %  [80              ]                       │
//! │  Why        [docs launch     ]                       │
//! │                                                      │
//! │  Used       186.40 of 250.00, 75%, left 63.60        │
//! │  Reached    21:13 at 8.92/h                          │
//! │  Guard      1 guard applies it at once               │
//! └──────────────────────────────────────────────────────┘
//! ```

use ratatui::layout::Rect;

use super::cap_words::{cap_line, figure, limit_of, reached};
use super::dialog::{self, Dialog, wrap};
use super::pen::Pen;
use crate::domain::cap::{Cap, Mode, OnBreach};
use crate::domain::cap_trial::{Reach, Used, ends, measure, reach};
use crate::domain::enforcement::Enforcement;
use crate::domain::scope::Scope;
use crate::tui::app::App;
use crate::tui::cap_form::{AtCap, CapForm, Slot, Stage};
use crate::tui::field::Field;
use crate::tui::text;

/// Columns of the words before the fields.
const LABEL: usize = 10;
/// The widest the form gets.
const WIDEST: usize = 74;

/// Lines of the form, and where the cursor is among them.
struct Sheet {
    lines: Vec<String>,
    cursor: Option<(usize, usize)>,
    columns: usize,
}

impl Sheet {
    /// Adds words under a label, in as many lines as they need.
    fn say(&mut self, label: &str, words: &str) {
        let room = self.columns.saturating_sub(LABEL + 3);
        for (place, line) in wrap(words, room).into_iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            self.lines.push(format!("  {label:<LABEL$} {line}"));
        }
    }

    /// Adds a field; what stands beside it goes below where there is no room.
    fn field(&mut self, (label, beside): (&str, &str), field: &Field, focused: Option<&str>) {
        let room = self.columns.saturating_sub(LABEL + 5).clamp(1, 24);
        let (shown, cursor) = field.visible(room);
        let shown = text::cut(&shown, room);
        let pad = " ".repeat(room.saturating_sub(text::width(&shown)));
        let mark = focused.unwrap_or(" ");
        if focused.is_some() {
            self.cursor = Some((self.lines.len(), LABEL + 4 + cursor));
        }
        let line = format!("{mark} {label:<LABEL$} [{shown}{pad}]");
        if text::width(&line) + text::width(beside) + 2 <= self.columns {
            self.lines.push(format!("{line}  {beside}").trim_end().to_owned());
        } else {
            self.lines.push(line);
            self.say("", beside);
        }
    }
}

/// Draws the form.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, form: &CapForm) {
    let columns = usize::from(area.width.saturating_sub(4)).min(WIDEST);
    let mut sheet = Sheet { lines: Vec::new(), cursor: None, columns };
    if matches!(form.stage, Stage::Conflict(_)) {
        conflict(&mut sheet, app, form);
    } else {
        fields(&mut sheet, app, form, pen.theme.glyphs.cursor);
        sheet.lines.push(String::new());
        preview(&mut sheet, app, form);
    }
    confirm(&mut sheet, form, pen.theme.glyphs.cursor);
    if let Some(fault) = &form.fault {
        sheet.say("!", fault);
    }
    let rows = usize::from(area.height.saturating_sub(2));
    // Where not all fits: the cursor is on the last row, but below the last field stands what it means.
    let offset = match sheet.cursor {
        Some((line, _)) if form.focus == Slot::Why && form.stage == Stage::Typing => line,
        Some((line, _)) => (line + 1).saturating_sub(rows),
        None => 0,
    };
    let title = format!("Cap: {} (rev {})", name(form), form.seen.0);
    let Sheet { lines, cursor, .. } = sheet;
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected: None, cursor });
}

fn name(form: &CapForm) -> String {
    match form.scope {
        Scope::Tenant(tenant) => tenant.to_string(),
        Scope::TenantModel(tenant, model) => format!("{tenant} on {model}"),
        scope => scope.to_string(),
    }
}

fn fields(sheet: &mut Sheet, app: &App, form: &CapForm, cursor: &str) {
    let old = form.cap().ok().and_then(|cap| app.live.caps.find(cap.key()));
    let now = old.map_or_else(|| "no such cap yet".to_owned(), |old| format!("now {}", limit_of(old)));
    let typing = form.stage == Stage::Typing;
    for slot in form.slots() {
        let focused = (typing && form.focus == *slot).then_some(cursor);
        let words = match slot {
            Slot::Limit => ("Limit", now.as_str()),
            Slot::AtCap => ("At limit", ""),
            Slot::Model => ("Model", "cheaper, in its place"),
            Slot::Warn => ("Warn at %", ""),
            Slot::Why => ("Why", "needed"),
        };
        match form.field(*slot) {
            Some(field) => sheet.field(words, field, focused),
            None => choice(sheet, form, focused),
        }
    }
}

fn choice(sheet: &mut Sheet, form: &CapForm, focused: Option<&str>) {
    let mark = |at: AtCap| if at == form.at_cap { "(x)" } else { "( )" };
    let words: Vec<String> = AtCap::ALL.iter().map(|at| format!("{} {}", mark(*at), at.says())).collect();
    let first = sheet.lines.len();
    sheet.say("At limit", &words.join(" "));
    if let Some(cursor) = focused {
        if let Some(line) = sheet.lines.get_mut(first) {
            line.replace_range(..1, cursor);
        }
        sheet.cursor = Some((first, 0));
    }
}

/// Says what the change would mean, from the numbers at hand.
fn preview(sheet: &mut Sheet, app: &App, form: &CapForm) {
    let cap = match form.cap() {
        Ok(cap) => cap,
        Err(fault) => return sheet.say("!", &fault),
    };
    match form.used_in(cap.window) {
        None => sheet.say("Used", "reading the sums..."),
        Some(used) => {
            spent(sheet, &cap, used);
            foretold(sheet, app, &cap, used);
        }
    }
    sheet.say("Guard", &guards(app.enforcement()));
    let others =
        app.live.caps.book.caps().filter(|other| other.scope == cap.scope && other.key() != cap.key());
    let others: Vec<String> = others.map(|other| limit_of(other)).collect();
    if !others.is_empty() {
        sheet.say("Also", &others.join("; "));
    }
}

fn spent(sheet: &mut Sheet, cap: &Cap, used: &Used) {
    let unit = cap.limit.unit();
    let exposure = used.budget.exposure(unit);
    let held = used.budget.reserved.of(unit);
    let held =
        if held == 0 { String::new() } else { format!(", {} of it in flight", figure(unit, held.into())) };
    let words = match cap.limit.size() {
        None => format!("{} this {}{held}", figure(unit, exposure), cap.window),
        Some(limit) => {
            let limit = u128::from(limit);
            let share = text::share(small(exposure), small(limit));
            let left = limit.saturating_sub(exposure);
            let (used, all) = (figure(unit, exposure), figure(unit, limit));
            format!("{used} of {all}, {share}, left {}{held}", figure(unit, left))
        }
    };
    sheet.say("Used", &words);
    match measure(&used.ledger, unit) {
        Some(ledger) if ledger <= exposure => {}
        Some(ledger) => {
            let all = figure(unit, ledger);
            sheet.say("Ledgers", &format!("{all} in all: what passed no guard does not count"));
        }
        None => sheet.say("Ledgers", "some calls have no price: a hard cap on money stops such calls"),
    }
}

fn foretold(sheet: &mut Sheet, app: &App, cap: &Cap, used: &Used) {
    let Some(limit) = cap.limit.size() else {
        return sheet.say("!", "the cap is taken away");
    };
    let unit = cap.limit.unit();
    let exposure = used.budget.exposure(unit);
    let per_hour = used.per_hour(unit);
    let until = ends(cap.window, used.resets_at, app.now);
    let then = reach(limit, exposure, per_hour, until, app.now);
    let calendar = &app.setup.calendar;
    if then == Reach::Now {
        let resets =
            used.resets_at.map(|at| format!(" until {}", calendar.minute_text(at))).unwrap_or_default();
        let over = figure(unit, exposure.saturating_sub(limit.into()));
        sheet.say("!", &format!("already passed, by {over}"));
        return match (cap.mode, cap.on_breach) {
            (Mode::Soft, _) => {}
            (Mode::Hard, OnBreach::Reject) => sheet.say("!", &format!("calls are REJECTED at once{resets}")),
            (Mode::Hard, OnBreach::Downgrade(to)) => {
                sheet.say("!", &format!("calls go to {to} at once{resets}"));
            }
        };
    }
    let pace = match per_hour {
        Some(growth) if growth > 0 => format!(" at {}/h", figure(unit, growth)),
        _ => String::new(),
    };
    sheet.say("Reached", &format!("{}{pace}", reached(then, calendar, app.now)));
}

fn guards(held: Enforcement) -> String {
    match held {
        Enforcement::Nobody => "none is running: nothing will enforce this".to_owned(),
        Enforcement::Held { guards, .. } => {
            let guards = text::plural(i64::try_from(guards).unwrap_or(i64::MAX), "guard");
            format!("{guards} running: in force within a tenth of a second")
        }
        Enforcement::Late { name, age } => format!("{name} has told nothing for {}", text::age(age)),
        Enforcement::Behind { name, rev } => format!("{name} is behind: it holds rev {}", rev.0),
    }
}

fn conflict(sheet: &mut Sheet, app: &App, form: &CapForm) {
    let Stage::Conflict(theirs) = &form.stage else { return };
    let ago = text::age(app.now.since(theirs.at));
    sheet.say(
        "!",
        &format!("{} changed this cap {ago} ago (rev {}). Nothing is saved.", theirs.by, theirs.rev.0),
    );
    let none = || "none".to_owned();
    sheet.say("Was", &theirs.old.as_ref().map_or_else(none, cap_line));
    sheet.say("Theirs", &cap_line(&theirs.new));
    sheet.say("Yours", &form.cap().map_or_else(|fault| fault, |cap| cap_line(&cap)));
}

/// Asks for what the change still needs.
fn confirm(sheet: &mut Sheet, form: &CapForm, cursor: &str) {
    match &form.stage {
        Stage::Typing | Stage::Conflict(_) => {}
        Stage::Sure => sheet.say("!", "this is stricter than before: y applies it, esc goes back"),
        Stage::Naming(field) => {
            sheet.say("!", &format!("type {} to confirm, then ctrl-s:", form.name()));
            sheet.field(("Name", ""), field, Some(cursor));
        }
        Stage::Saving => sheet.say("", "saving..."),
    }
}

fn small(size: u128) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
