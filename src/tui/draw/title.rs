//! Row 1: what this is, where, what time; how current it is.

use ratatui::layout::Rect;

use super::pen::{Pen, Span, width};
use crate::domain::enforcement::Enforcement;
use crate::tui::app::App;
use crate::tui::event::Feed;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the title.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    let (hour, minute) = app.setup.calendar.clock(app.now);
    let clock = format!("{hour:02}:{minute:02}");
    let zone = app.setup.calendar.name();
    let date = app.setup.calendar.date(app.now);
    let (version, host) = (&app.setup.version, &app.setup.host);
    let host = if host.is_empty() { String::new() } else { format!("  {host}") };
    let label = app.setup.manners.label.as_ref();
    let with_label = |before: String, after: String| -> Vec<Span> {
        let Some(label) = label else { return vec![(before + &after, Meaning::Text)] };
        let label = [(" ".to_owned(), Meaning::Text), (format!(" {label} "), Meaning::Label)];
        [vec![(before, Meaning::Text)], label.to_vec(), vec![(after, Meaning::Text)]].concat()
    };
    let mut lefts = vec![
        with_label(format!(" outlay {version}{host}"), format!("  {clock} {zone}")),
        with_label(format!(" outlay{host}"), format!("  {clock} {zone}")),
        with_label(" outlay".to_owned(), format!("  {clock}")),
        with_label(" outlay".to_owned(), String::new()),
    ];
    if let Some(label) = label {
        lefts.push(vec![(format!(" {label} "), Meaning::Label)]);
    }
    if line.width >= 120 {
        lefts.insert(0, with_label(format!(" outlay {version}{host}"), format!("  {date} {clock} {zone}")));
    }
    let total = usize::from(line.width);
    let right = match guard(app, pen.theme.glyphs.dot, line.width) {
        Some(guard) => [vec![guard, ("  ".to_owned(), Meaning::Text)], state(app)].concat(),
        None => state(app),
    };
    let rest = total.saturating_sub(width(&right) + 1);
    if let Some(left) = lefts.iter().find(|left| width(left) < rest) {
        pen.spans(line, 0, left);
    }
    if width(&right) <= total {
        pen.spans(line, rest, &right);
    }
}

/// Says whether the caps are in force, as the guards tell it; nothing where there is neither.
fn guard(app: &App, dot: &str, width: u16) -> Option<Span> {
    let caps = &app.live.caps;
    let wide = width >= 60;
    let rev = app.saved_rev().0;
    caps.is_used().then(|| match app.enforcement() {
        Enforcement::Nobody => ("not enforced".to_owned(), Meaning::Warn),
        Enforcement::Passing { .. } if !wide => ("PASSING".to_owned(), Meaning::Bad),
        Enforcement::Passing { until } => {
            let (hour, minute) = app.setup.calendar.clock(until);
            (format!("PASS-THROUGH until {hour:02}:{minute:02}"), Meaning::Bad)
        }
        Enforcement::Held { .. } if !wide => ("enforced".to_owned(), Meaning::Good),
        Enforcement::Held { age, .. } => {
            (format!("enforced {dot} rev {rev} {dot} {}", text::age(age)), Meaning::Good)
        }
        Enforcement::Behind { rev: old, .. } => (format!("guard rev {}<{rev}", old.0), Meaning::Bad),
        Enforcement::Late { age, .. } => (format!("guard STALE {}", text::age(age)), Meaning::Bad),
    })
}

fn state(app: &App) -> Vec<Span> {
    let feed = match &app.feed {
        Feed::Failed(_) if app.stale_since().is_some() => {
            app.age_words().unwrap_or((String::new(), Meaning::Bad))
        }
        _ if !app.loaded => ("loading".to_owned(), Meaning::Muted),
        Feed::Starting => ("starting".to_owned(), Meaning::Muted),
        Feed::Reading(percent) => (format!("reading {percent}%"), Meaning::Muted),
        Feed::Live => ("live".to_owned(), Meaning::Good),
        Feed::Lag(since) => (format!("lag {}", text::age(app.now.since(*since))), Meaning::Warn),
        Feed::Failed(_) => ("NO DATA".to_owned(), Meaning::Bad),
    };
    let mut feed = vec![feed];
    if app.beside.slow.is_on() {
        feed.insert(0, ("slow link  ".to_owned(), Meaning::Warn));
    }
    if app.setup.read_only.is_some() {
        feed.push(("  RO".to_owned(), Meaning::Warn));
    }
    match app.paused() {
        None => feed,
        Some(since) => {
            let age = text::age(app.now.since(since));
            let paused = (format!("PAUSED {age}, {} behind  ", app.behind), Meaning::Warn);
            std::iter::once(paused).chain(feed).collect()
        }
    }
}
