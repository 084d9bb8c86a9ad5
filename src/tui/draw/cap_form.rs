//! The form of a cap: its fields, and below them what the change would mean.
//!
//! ```text
//! ┌ Cap: docs-rag (rev 41) ─────────────────────────────┐
//! │▸ Amount     [250.00          ]  now 200.00  (+25%)   │
//! │  Window     minute hour [day] week month total roll… │
//! │  At cap     ( ) notify (x) reject ( ) downgrade to   │
//! │  Warn at %  [80              ]  = 200.00             │
//! │  Until      [Mon 09:00       ]  then back to 200.00  │
//! │  Why        [docs launch     ]  needed               │
//! │                                                      │
//! │  Used       186.40 of 250.00, 75%, left 63.60        │
//! │  Reached    21:13 at 8.92/h   was 15:36              │
//! │  Guard      ops-1 1s: in force at once               │
//! └──────────────────────────────────────────────────────┘
//! ```

use ratatui::layout::Rect;

use super::cap_outlook;
use super::cap_words::{cap_line, clock, figure, limit_of};
use super::dialog::{self, Dialog, wrap};
use super::pen::Pen;
use crate::domain::cap::{Cap, Fraction};
use crate::domain::period::periods;
use crate::domain::scope::Scope;
use crate::domain::window::Window;
use crate::tui::app::App;
use crate::tui::cap_form::{AtCap, CapForm, Slot, Stage, WINDOWS};
use crate::tui::field::Field;
use crate::tui::text;

/// Columns of the words before the fields.
const LABEL: usize = 10;
/// The widest the form gets.
const WIDEST: usize = 74;

/// Lines of the form, and where the cursor is among them.
pub(super) struct Sheet {
    pub(super) lines: Vec<String>,
    pub(super) cursor: Option<(usize, usize)>,
    columns: usize,
}

impl Sheet {
    /// Returns an empty sheet, so many columns wide.
    pub(super) fn new(columns: usize) -> Sheet {
        Sheet { lines: Vec::new(), cursor: None, columns }
    }

    /// Marks a line as the one keys act on.
    fn mark(&mut self, line: usize, focused: Option<&str>) {
        let Some(cursor) = focused else { return };
        if let Some(line) = self.lines.get_mut(line) {
            line.replace_range(..1, cursor);
        }
        self.cursor = Some((line, 0));
    }

    /// Adds words under a label, in as many lines as they need.
    pub(super) fn say(&mut self, label: &str, words: &str) {
        let room = self.columns.saturating_sub(LABEL + 3);
        for (place, line) in wrap(words, room).into_iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            self.lines.push(format!("  {label:<LABEL$} {line}"));
        }
    }

    /// Adds a field; what stands beside it goes below where there is no room.
    pub(super) fn field(&mut self, (label, beside): (&str, &str), field: &Field, focused: Option<&str>) {
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
    let mut sheet = Sheet::new(columns);
    if matches!(form.stage, Stage::Conflict(_)) {
        conflict(&mut sheet, app, form);
    } else {
        fields(&mut sheet, app, form, pen.theme.glyphs.cursor);
        sheet.lines.push(String::new());
        cap_outlook::say(&mut sheet, app, form);
    }
    let said = [form.cap().err(), form.check_downgrade(&app.live.caps.book).err()];
    if let Some(fault) = form.fault.as_ref().filter(|fault| !said.contains(&Some((*fault).clone()))) {
        sheet.say("!", fault);
    }
    confirm(&mut sheet, form, pen.theme.glyphs.cursor);
    let rows = usize::from(area.height.saturating_sub(2));
    // Where not all fits: the cursor is on the last row, but below the last field stands what it means.
    let offset = match sheet.cursor {
        Some((line, _)) if form.focus == Slot::Why && form.stage == Stage::Typing => line,
        Some((line, _)) => (line + 1).saturating_sub(rows),
        // What is asked stands below everything else.
        None if form.stage != Stage::Typing => sheet.lines.len().saturating_sub(rows),
        None => 0,
    };
    let title = match form.stage {
        Stage::Conflict(_) => format!("Changed meanwhile: {}", name(form)),
        _ => format!("Cap: {} (rev {})", name(form), form.seen.0),
    };
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
    let new = form.cap().ok();
    let old = new.as_ref().and_then(|cap| app.live.caps.find(cap.key()));
    let now = old.map_or_else(|| "no such cap yet".to_owned(), |old| format!("now {}", old.limit));
    let now = format!("{now}{}", change_of(new.as_ref(), old));
    let warns = new.as_ref().map_or_else(String::new, warns_at);
    let back = match (form.field(Slot::Until).is_some_and(|field| field.text().trim().is_empty()), old) {
        (true, _) => "optional".to_owned(),
        (false, Some(old)) => format!("then back to {}", old.limit),
        (false, None) => "then none again".to_owned(),
    };
    let typing = form.stage == Stage::Typing;
    for slot in form.slots() {
        let focused = (typing && form.focus == slot).then_some(cursor);
        let words = match slot {
            Slot::Amount => ("Amount", now.as_str()),
            Slot::Window => ("Window", ""),
            Slot::Back => ("Back", "as 24h or 30d"),
            Slot::AtCap => ("At cap", ""),
            Slot::Model => ("Model", "cheaper, in its place"),
            Slot::Warn => ("Warn at %", warns.as_str()),
            Slot::Until => ("Until", back.as_str()),
            Slot::Why => ("Why", "needed"),
        };
        match (form.field(slot), slot) {
            (Some(field), _) => sheet.field(words, field, focused),
            (None, Slot::Window) => windows(sheet, app, form, focused),
            (None, _) => choice(sheet, form, focused),
        }
    }
}

/// Returns by how much the amount is another, in whole per cents.
fn change_of(new: Option<&Cap>, old: Option<&Cap>) -> String {
    let sizes = new.and_then(|cap| cap.limit.size()).zip(old.and_then(|cap| cap.limit.size()));
    let Some((new, old)) = sizes.filter(|(new, old)| new != old && *old > 0) else { return String::new() };
    let share = (i128::from(new) - i128::from(old)) * 100 / i128::from(old);
    format!("  ({share:+}%)")
}

fn warns_at(cap: &Cap) -> String {
    let Some(limit) = cap.limit.size() else { return String::new() };
    let one = |share: &Fraction| {
        let size = u128::from(limit) * u128::from(share.basis()) / 10_000;
        figure(cap.limit.unit(), size)
    };
    let sizes: Vec<String> = cap.warn_at.iter().map(one).collect();
    if sizes.is_empty() {
        "it warns at no share".to_owned()
    } else {
        format!("= {}, then it warns", sizes.join(", "))
    }
}

/// Writes the windows to choose from, and when the chosen one begins anew.
fn windows(sheet: &mut Sheet, app: &App, form: &CapForm, focused: Option<&str>) {
    let names = WINDOWS.iter().enumerate();
    let names: Vec<String> = names
        .map(|(place, name)| if place == form.window { format!("[{name}]") } else { (*name).to_owned() })
        .collect();
    let window = form.cap().ok().map(|cap| cap.window);
    let resets = window.and_then(|window| {
        let at = periods(window, &app.setup.calendar, app.now).resets_at?;
        let moves = matches!(window, Window::Rolling(_));
        (!moves).then(|| {
            let calendar = &app.setup.calendar;
            format!("  resets {}", clock(calendar, at, app.now))
        })
    });
    let first = sheet.lines.len();
    let names = names.join(" ");
    let whole = format!("  {:<LABEL$} {names}{}", "Window", resets.unwrap_or_default());
    if text::width(&whole) <= sheet.columns {
        sheet.lines.push(whole);
    } else {
        sheet.say("Window", &names);
    }
    sheet.mark(first, focused);
}

fn choice(sheet: &mut Sheet, form: &CapForm, focused: Option<&str>) {
    let mark = |at: AtCap| if at == form.at_cap { "(x)" } else { "( )" };
    let words: Vec<String> = AtCap::ALL.iter().map(|at| format!("{} {}", mark(*at), at.says())).collect();
    let first = sheet.lines.len();
    sheet.say("At cap", &words.join(" "));
    sheet.mark(first, focused);
}

/// Says what someone else made of the cap meanwhile: before, theirs, and what is typed here, side by side.
fn conflict(sheet: &mut Sheet, app: &App, form: &CapForm) {
    let Stage::Conflict(theirs) = &form.stage else { return };
    let ago = text::age(app.now.since(theirs.at));
    sheet.say("!", &format!("{} changed this cap {ago} ago. Nothing is saved.", theirs.by));
    let mine = form.cap();
    let caps = [theirs.old.as_ref(), Some(&theirs.new), mine.as_ref().ok()];
    let by = text::cut(theirs.by.as_str(), 12);
    let width = (sheet.columns.saturating_sub(LABEL + 3) / 3).min(22);
    if width < 12 {
        for (label, cap) in ["Was", "Theirs", "Yours"].into_iter().zip(caps) {
            sheet.say(label, &cap.map_or_else(|| "none".to_owned(), cap_line));
        }
        return;
    }
    let mut row = |label: &str, cells: [String; 3]| {
        let cells = cells.map(|cell| {
            let cell = text::cut(&cell, width - 1);
            format!("{cell}{}", " ".repeat(width - text::width(&cell)))
        });
        sheet.lines.push(format!("  {label:<LABEL$} {}", cells.concat()).trim_end().to_owned());
    };
    row("", ["was".to_owned(), format!("{by} (rev {})", theirs.rev.0), "you".to_owned()]);
    let each = |of: &dyn Fn(&Cap) -> String| caps.map(|cap| cap.map_or_else(|| "none".to_owned(), of));
    row("Amount", each(&|cap| format!("{}/{}", cap.limit, cap.window)));
    row("At cap", each(&|cap| limit_of(cap).split_once(", ").map_or("-", |(_, then)| then).to_owned()));
    row(
        "Warn at",
        each(&|cap| {
            let shares: Vec<String> = cap.warn_at.iter().map(|share| format!("{share}%")).collect();
            if shares.is_empty() { "none".to_owned() } else { shares.join(", ") }
        }),
    );
    row(
        "Until",
        each(&|cap| cap.until.map_or_else(|| "-".to_owned(), |at| clock(&app.setup.calendar, at, app.now))),
    );
    if let Err(fault) = mine {
        sheet.say("You", &fault);
    }
    sheet.lines.push(String::new());
    sheet.say("r", &format!("start again from {by}'s values"));
    sheet.say("k", "keep yours on top of them: a new change");
    sheet.say("esc", "drop yours");
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
        Stage::Leaving => sheet.say("!", "what was typed is not saved: y drops it, esc goes back to it"),
        Stage::Saving => sheet.say("", "saving..."),
    }
}
