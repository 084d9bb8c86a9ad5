//! How well a tenant is served, in a few lines: lengths, failures, the cache, what was expected, the guards, caps.

use super::models::{quantile, tail};
use super::{count, failed_of, joined, per_cent, signed, tokens, total};
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::sheet::{Line, Saved};
use crate::tui::app::App;
use crate::tui::caps::{CapState, state};
use crate::tui::draw::cap_words::standing_line;
use crate::tui::draw::pen::Span;
use crate::tui::event::Detail;
use crate::tui::page::tenant::Now;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Caps that are told of.
const CAPS: usize = 3;
/// Classes of failures that are told one by one.
const CLASSES: usize = 3;
/// Columns of what a line is about.
const LABEL: usize = 10;

/// Returns the lines, none wider than `columns`.
pub(super) fn lines(app: &App, detail: &Detail, columns: usize) -> Vec<Span> {
    let room = columns.saturating_sub(LABEL);
    let line = |label: &str, parts: &[String]| {
        (text::cut(&format!("{label:<LABEL$}{}", joined(parts, "   ", room)), columns), Meaning::Text)
    };
    let Some(now) = app.tenant_now() else {
        let mut lines = vec![("reading its calls...".to_owned(), Meaning::Muted)];
        lines.extend(caps(app, columns));
        return lines;
    };
    let all = now.sheet.all();
    let mut lines = vec![
        line("latency", &latency(app, now, &all)),
        line("errors", &errors(now, detail)),
        line("cache", &cache(app, now, &all.saved)),
        line("estimate", &estimate(now)),
        line("guard", &guard(now)),
    ];
    lines.extend(caps(app, columns));
    lines
}

/// Says of which calls something is told, where those are not all.
pub(super) fn partly(app: &App, now: &Now) -> Option<String> {
    let since = now.since?;
    Some(format!("~ of calls since {}", app.setup.calendar.minute_text(since)))
}

fn latency(app: &App, now: &Now, all: &Line) -> Vec<String> {
    let (took, first) = (&all.service.took, &all.service.first_byte);
    if took.count() == 0 {
        return vec!["not told by the ledgers".to_owned()];
    }
    let mut parts = vec![
        format!("p50 {}", quantile(took, 5_000)),
        format!("p90 {}", tail(took, 9_000)),
        format!("p95 {}", tail(took, 9_500)),
        format!("p99 {}", tail(took, 9_900)),
    ];
    if first.count() > 0 {
        parts.push(format!("first byte p50 {}", quantile(first, 5_000)));
    }
    parts.extend(partly(app, now));
    parts
}

fn errors(now: &Now, detail: &Detail) -> Vec<String> {
    let mut parts = vec![failed_of(&total(detail))];
    let shown = now.faults.iter().take(CLASSES);
    parts.extend(shown.map(|(class, count)| format!("{} {}", class.as_str(), text::count(*count))));
    let rest: i64 = now.faults.iter().skip(CLASSES).map(|(_, count)| count).sum();
    if rest > 0 {
        parts.push(format!("+{}", text::count(rest)));
    }
    parts
}

/// Returns what reading from the cache saved, in parts.
pub(super) fn cache(app: &App, now: &Now, saved: &Saved) -> Vec<String> {
    if saved.tokens.count() == 0 {
        return vec!["nothing was read from a provider's cache".to_owned()];
    }
    let mut parts = vec![format!("{} tokens read", tokens(saved.tokens.count()))];
    if saved.unknown == saved.tokens {
        parts.push("saved ?".to_owned());
    } else {
        let verb = if saved.money() < Money::ZERO { "cost more by" } else { "saved" };
        let money = text::headline(Money::from_nanos(saved.money().nanos().saturating_abs()));
        let unknown = if saved.unknown.count() > 0 { "+?" } else { "" };
        let share = saved.share().map_or_else(String::new, |share| format!(" ({})", per_cent(share)));
        parts.push(format!("{verb} {money}{unknown}{share}"));
    }
    parts.extend(partly(app, now));
    parts
}

fn estimate(now: &Now) -> Vec<String> {
    let all = &now.held.all;
    if all.calls == 0 {
        return vec!["no call was foreseen and billed: guards do that".to_owned()];
    }
    vec![
        format!("cost {} median", signed(all.median())),
        format!("{} p95", all.p95().map_or_else(|| "-".to_owned(), per_cent)),
        format!("{} in all", signed(all.bias())),
        format!("n={}", count(all.calls as u64)),
    ]
}

/// Returns what passed the guards, in parts.
pub(super) fn guard(now: &Now) -> Vec<String> {
    let held = &now.held;
    let mut parts = if held.attempts() == 0 {
        vec!["no call of the window passed a guard".to_owned()]
    } else {
        vec![
            format!("billed {}", count(held.settled)),
            format!("not billed {}", count(held.voided)),
            format!("uncertain {}", count(held.uncertain)),
            format!("in flight {}", count(held.open)),
        ]
    };
    match now.keys.as_slice() {
        [] => {}
        [key] => parts.push(format!("key {key}")),
        [key, rest @ ..] => parts.push(format!("key {key} +{}", rest.len())),
    }
    parts
}

/// Returns how the caps of the tenant stand, the nearest first.
pub(in crate::tui::draw) fn caps(app: &App, columns: usize) -> Vec<Span> {
    let Some(tenant) = app.tenants.picked() else { return Vec::new() };
    let held = app.enforcement();
    let lines = |standing: &Standing| {
        let meaning = match state(standing, held) {
            CapState::Ok => Meaning::Muted,
            CapState::Warn => Meaning::Warn,
            CapState::Block | CapState::Down | CapState::Over => Meaning::Bad,
        };
        let words = format!("cap {}", standing_line(standing, held));
        let wrapped = crate::tui::draw::dialog::wrap(&words, columns.max(1));
        wrapped.into_iter().map(move |line| (line, meaning))
    };
    app.picture().caps.of_tenant(tenant).iter().take(CAPS).flat_map(lines).collect()
}
