//! The rows around the pages of a tenant: which there are, how it stands, where its number comes from.

use super::{cost, detail, joined, total};
use crate::domain::books::Book;
use crate::domain::cap_trial::Reach;
use crate::domain::gate::Standing;
use crate::tui::app::App;
use crate::tui::caps::{CapState, state};
use crate::tui::draw::cap_words::{figure, limit_of, used_of};
use crate::tui::draw::next::{range_of, when};
use crate::tui::draw::pen::Span;
use crate::tui::event::Window;
use crate::tui::keys::Action;
use crate::tui::page::tenant::Part;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Columns that a name takes at most before the pages.
const NAME: usize = 24;

/// Returns row 3: the name, the pages, and the keys that lead to others.
pub(in crate::tui::draw) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(tenant) = app.tenants.picked() else { return Vec::new() };
    let key = |action| app.setup.keys.key_of(action).unwrap_or("-");
    let hints = format!("   {} next   {} back", key(Action::NextTab), key(Action::Back));
    let pages = |name: &str| {
        let mut spans = vec![(format!(" {name}  "), Meaning::Text)];
        for part in Part::ALL {
            spans.push(if part == app.part {
                (format!("[{}]", part.says()), Meaning::Text)
            } else {
                (format!(" {} ", part.says()), Meaning::Muted)
            });
        }
        spans
    };
    let name = text::cut(tenant.as_str(), NAME);
    let mut whole = pages(&name);
    whole.push((hints, Meaning::Muted));
    let place = format!("  {} ({} of {})", app.part.says(), app.part as usize + 1, Part::ALL.len());
    vec![
        whole,
        pages(&name),
        pages(&text::cut(tenant.as_str(), 12)),
        vec![(format!(" {name}"), Meaning::Text), (place, Meaning::Muted)],
        vec![(format!(" {}", text::cut(tenant.as_str(), 8)), Meaning::Text)],
    ]
}

/// Returns row 4: what the tenant spent, how fast, and how its nearest cap stands.
pub(in crate::tui::draw) fn sentence(app: &App, columns: usize) -> Option<Span> {
    let tenant = app.tenants.picked()?;
    let picture = app.picture();
    let nothing = Book::default();
    let book = picture.books.tenant(tenant).unwrap_or(&nothing);
    let sums = picture.sums_of(tenant, book, app.window);
    let sums = sums.map_or_else(|| "...".to_owned(), |live| text::cost(&live));
    let burn = book.minutes.burn(picture.books.now());
    let mut parts = vec![format!("{} {sums}", app.window.says())];
    let month = format!("MONTH {}", text::cost(&book.month));
    let nearest = picture.caps.of_tenant(tenant).into_iter().next();
    let Some(standing) = nearest else {
        parts.push(format!("${}/h", text::cost(&burn)));
        parts.push("no cap".to_owned());
        parts.extend(Some(month).filter(|_| app.window != Window::Month));
        return Some((format!(" {}", joined(&parts, "   ", columns.saturating_sub(1))), Meaning::Muted));
    };
    let held = app.enforcement();
    let stands = state(&standing, held);
    parts.push(share_of(&standing, stands));
    parts.push(format!("${}/h", text::cost(&burn)));
    parts.push(foretold(app, &standing, book));
    parts.extend(Some(month).filter(|_| app.window != Window::Month));
    let meaning = match stands {
        CapState::Ok => Meaning::Text,
        CapState::Warn => Meaning::Warn,
        CapState::Block | CapState::Down | CapState::Over => Meaning::Bad,
    };
    Some((format!(" {}", joined(&parts, "   ", columns.saturating_sub(1))), meaning))
}

/// Returns how much of a cap is used: `cap 186.40 of 200.00/day, 93%!`.
fn share_of(standing: &Standing, stands: CapState) -> String {
    let cap = &standing.touch.cap;
    let used = figure(cap.limit.unit(), standing.exposure());
    format!("cap {used} of {}/{}, {}", cap.limit, cap.window, used_of(standing, stands).trim_end())
}

/// Returns when a cap is reached, and what happens then.
fn foretold(app: &App, standing: &Standing, book: &Book) -> String {
    let then = limit_of(&standing.touch.cap);
    let then = then.split_once(", ").map_or("", |(_, then)| then).to_owned();
    let habit = app.tenants.picked().and_then(|tenant| app.habit(tenant));
    let (reach, range) = app.reach_of(standing, book, habit);
    match reach {
        Reach::Unknown => format!("nobody can say when it is reached, then {then}"),
        Reach::NotInWindow => "cap not reached in its window".to_owned(),
        Reach::Now => format!("cap reached: {then}"),
        Reach::At(at) => {
            let range = range_of(range, &app.setup.calendar, app.now);
            let range = if range.is_empty() { range } else { format!(" ({range})") };
            format!("reaches cap {}{range}, then {then}", when(at, &app.setup.calendar, app.now))
        }
    }
}

/// Returns where the number of the window comes from; nothing until it was read.
pub(in crate::tui::draw) fn provenance(app: &App, columns: usize) -> Option<String> {
    let total = total(detail(app)?);
    let calls = total.calls.saturating_add(total.failed);
    let mut sum = format!("{} = {}", cost(&total), text::plural(calls, "call"));
    if let Some(now) = app.tenant_now() {
        let sources = i64::try_from(now.sources.len()).unwrap_or(i64::MAX);
        sum = format!("{sum} from {}", text::plural(sources, "source"));
    }
    let parts = [sum, "no provider bill is read".to_owned(), format!("window: {}", app.window.phrase())];
    Some(joined(&parts, "; ", columns))
}
