//! What if, the calculator and the edit of a price: fields above, below them what they come to.

use ratatui::layout::Rect;

use super::cap_form::Sheet;
use super::cap_words::runs_out;
use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::domain::cap::Mode;
use crate::domain::money::Money;
use crate::domain::what_if::{Estimate, estimate};
use crate::tui::app::{self, App};
use crate::tui::keys::Action;
use crate::tui::page::prices::WhatIfNow;
use crate::tui::paper::{Kind, Paper, Step};
use crate::tui::text;

/// The widest a form gets.
const WIDEST: usize = 74;
/// Other models that the same is reckoned for.
const OTHERS: usize = 5;

/// Draws the form.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, paper: &Paper) {
    let columns = usize::from(area.width.saturating_sub(4)).min(WIDEST);
    let mut sheet = Sheet::new(columns);
    let typing = paper.step == Step::Typing;
    for (place, (name, field)) in paper.fields.iter().enumerate() {
        let focused = (typing && paper.focus == place).then_some(pen.theme.glyphs.cursor);
        sheet.field((name, beside(paper, place)), field, focused);
    }
    sheet.lines.push(String::new());
    for (label, words) in lines(app, paper) {
        sheet.say(&label, &words);
    }
    match (paper.kind, paper.step) {
        (_, Step::Sure) => {
            sheet.say("!", "recorded costs stay as they are: y keeps the price, esc goes back");
        }
        (_, Step::Saving) => sheet.say("", "keeping it..."),
        (Kind::Edit(..) | Kind::PassThrough | Kind::Enforce, Step::Typing) => {}
        (_, Step::Typing) => sheet.say("", &hint(app)),
    }
    if let Some(fault) = &paper.fault {
        sheet.say("!", fault);
    }
    let rows = usize::from(area.height.saturating_sub(2));
    let offset = match sheet.cursor {
        Some((line, _)) => (line + 1).saturating_sub(rows),
        None => sheet.lines.len().saturating_sub(rows),
    };
    let title = match paper.kind {
        Kind::WhatIf => "What if".to_owned(),
        Kind::Calculator => "Calculator".to_owned(),
        Kind::Edit(provider, model) => format!("Price: {model} at {provider}"),
        Kind::PassThrough => "Pass-through: every call passes, caps only warn".to_owned(),
        Kind::Enforce => "Enforce caps again".to_owned(),
    };
    let Sheet { lines, cursor, .. } = sheet;
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected: None, cursor });
}

fn beside(paper: &Paper, place: usize) -> &'static str {
    match (paper.kind, place) {
        (Kind::WhatIf, 0..=3) | (Kind::Calculator, 0) => "up down: others",
        (Kind::Edit(..), 0..=2) => "dollars per million tokens",
        (Kind::Edit(..), 4) | (Kind::PassThrough, 1) | (Kind::Enforce, 0) => "needed",
        (Kind::PassThrough, 0) => "a day ahead at most",
        (Kind::PassThrough, 2) => "to say that it is meant",
        _ => "",
    }
}

fn hint(app: &App) -> String {
    let key = |action| app.setup.keys.key_of(action).unwrap_or("-").to_owned();
    format!("{} copies this, {} writes it to a file", key(Action::CopyResult), key(Action::ExportResult))
}

/// Returns what the open form comes to as lines of text; nothing where there is no result.
pub(in crate::tui) fn result(app: &App) -> Vec<String> {
    let Some(app::Dialog::Paper(paper)) = &app.dialog else { return Vec::new() };
    if !matches!(paper.kind, Kind::WhatIf | Kind::Calculator) {
        return Vec::new();
    }
    let asked: Vec<String> =
        paper.fields.iter().map(|(name, field)| format!("{name} {}", field.text())).collect();
    let lines = lines(app, paper).into_iter().map(|(label, words)| format!("{label:<10} {words}"));
    std::iter::once(asked.join("  ")).chain(lines).collect()
}

/// Returns what a form comes to: labels and words.
fn lines(app: &App, paper: &Paper) -> Vec<(String, String)> {
    match paper.kind {
        Kind::WhatIf => what_if(app, paper),
        Kind::Calculator => calculator(app, paper),
        Kind::Edit(..) => edit(app, paper),
        Kind::PassThrough => pass(app, paper),
        Kind::Enforce => {
            let until = app.passes_until().map(|until| app.setup.calendar.minute_text(until));
            let until = until.unwrap_or_else(|| "just now".to_owned());
            vec![
                line("Now", format!("every call passes until {until}")),
                line("Then", "caps hold from the next call on"),
            ]
        }
    }
}

fn pass(app: &App, paper: &Paper) -> Vec<(String, String)> {
    let until = match app.passing(paper) {
        Ok(until) => until,
        Err(fault) => return vec![line("!", fault)],
    };
    let caps = &app.live.caps;
    let hard = caps.book.caps().filter(|cap| cap.mode == Mode::Hard).count();
    let hard = text::plural(i64::try_from(hard).unwrap_or(i64::MAX), "hard cap");
    let burn = app.live.books.total().minutes.burn(app.live.books.now());
    vec![
        line("Until", app.setup.calendar.minute_text(until)),
        line("!", format!("{hard} will stop no call until then, and hold again by themselves")),
        line("Burn", format!("{}/h now; nothing bounds it", text::headline_of(&burn))),
    ]
}

fn line(label: &str, words: impl Into<String>) -> (String, String) {
    (label.to_owned(), words.into())
}

fn what_if(app: &App, paper: &Paper) -> Vec<(String, String)> {
    let asked = match paper.what_if() {
        Ok(asked) => asked,
        Err(fault) => return vec![line("!", fault)],
    };
    let known = app.live.pages.what_if.as_ref().filter(|known| known.0 == asked);
    let Some((_, now)) = known else { return vec![line("", "reading the sums...")] };
    let mut lines = vec![line("Tokens", tokens(now))];
    let when = asked.window.phrase();
    let Some(moved) = now.moved else {
        let why = match (now.priced, now.used.unpriced) {
            (false, _) => format!("no price is known for {}", asked.to),
            (true, 1..) => format!("{} calls have no known cost", text::count(now.used.unpriced)),
            (true, _) => format!("{} has no rate for some of these tokens", asked.to),
        };
        lines.push(line("!", format!("cannot be said: {why}")));
        return lines;
    };
    lines.push(line("Cost", format!("{} -> {}   {when}", text::money(moved.was), text::money(moved.would))));
    let saves = moved.saves();
    let word = if saves < Money::ZERO { "Costs more" } else { "Saves" };
    let amount = |money: Money| text::money(Money::from_nanos(money.nanos().saturating_abs()));
    let pace = moved.a_day(now.length).zip(moved.a_month(now.length));
    let pace = pace.map_or_else(String::new, |(day, month)| {
        format!(", at this pace {} a day, {} in 30 days", amount(day), amount(month))
    });
    lines.push(line(word, format!("{} {when}{pace}", amount(saves))));
    if let Some((cap, before, after)) = &now.cap {
        let when = |reach| {
            let (at, range) = runs_out(reach, &app.setup.calendar, app.now);
            let at = if at == "-" { "not in this window".to_owned() } else { at };
            if range.is_empty() { at } else { format!("{at} {range}") }
        };
        let words = format!(
            "{}/{} runs out {} -> {} if moved now",
            cap.limit,
            cap.window,
            when(*before),
            when(*after)
        );
        lines.push(line("Cap", words));
    }
    lines
}

fn tokens(now: &WhatIfNow) -> String {
    let short = |tokens: crate::domain::tokens::Tokens| {
        text::short(i64::try_from(tokens.count()).unwrap_or(i64::MAX))
    };
    let used = &now.used;
    let cached = used.tokens.prompt() - used.tokens.input;
    let cached =
        if cached.count() == 0 { String::new() } else { format!(", {} through the cache", short(cached)) };
    let calls = text::plural(used.calls, "call");
    format!("{} in{cached}, {} out, {calls}", short(used.tokens.input), short(used.tokens.output))
}

fn calculator(app: &App, paper: &Paper) -> Vec<(String, String)> {
    let (model, pattern) = match paper.pattern() {
        Ok(asked) => asked,
        Err(fault) => return vec![line("!", fault)],
    };
    let prices = &app.picture().prices;
    let rates = |row: &crate::tui::event::PriceRow| [row.input, row.cached, row.output];
    let row = app.prices.order.iter().filter_map(|key| prices.get(key)).find(|row| row.model == model);
    let row = row.or_else(|| prices.values().find(|row| row.model == model && !row.is_unpriced()));
    let Some(found) = row.and_then(|row| estimate(&pattern, rates(row))) else {
        return vec![line(
            "!",
            format!("cannot be said: no price is known for {model}, or a rate is missing"),
        )];
    };
    let Estimate { call, day, month } = found;
    let mut lines = vec![
        line("A call", call.rounded(6)),
        line("A day", text::money(day)),
        line("30 days", text::money(month)),
    ];
    let mut others: Vec<_> = prices.values().filter(|row| row.model != model && row.used.calls > 0).collect();
    others.sort_by_key(|row| (std::cmp::Reverse(row.used.cost), row.model));
    let others: Vec<String> = others
        .into_iter()
        .filter_map(|row| Some(format!("{} {}", row.model, text::money(estimate(&pattern, rates(row))?.day))))
        .take(OTHERS)
        .collect();
    if !others.is_empty() {
        lines.push(line("Same on", format!("{} a day", others.join(", "))));
    }
    lines
}

fn edit(app: &App, paper: &Paper) -> Vec<(String, String)> {
    let asked = match app.repriced(paper) {
        Ok(asked) => asked,
        Err(fault) => return vec![line("!", fault)],
    };
    let known = app.live.pages.repriced.as_ref().filter(|known| known.0 == asked);
    let words = match known {
        None => "reading the sums...".to_owned(),
        Some((_, now)) => match now.would {
            Some(would) => {
                format!(
                    "this month would have been {} in place of {}",
                    text::money(would),
                    text::money(now.month)
                )
            }
            None => {
                format!("this month came to {}; with this price it cannot be said", text::money(now.month))
            }
        },
    };
    vec![
        line("Month", words),
        line("Costs", "what is recorded stays; calls that are read from now on cost this"),
        line("Guards", "they take it when they are started next"),
    ]
}
