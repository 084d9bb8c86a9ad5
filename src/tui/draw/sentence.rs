//! Row 4: the most urgent thing, as a sentence. Empty where nothing is.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::domain::enforcement::{Enforcement, LATE};
use crate::tui::app::App;
use crate::tui::event::{Feed, SourceState};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the sentence.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    if let Some((sentence, meaning)) = sentence(app) {
        let room = usize::from(line.width);
        pen.put(line, 0, &text::cut(&format!(" ! {sentence}"), room), meaning);
    }
}

fn sentence(app: &App) -> Option<(String, Meaning)> {
    if let Feed::Failed(why) = &app.feed {
        return Some((why.clone(), Meaning::Bad));
    }
    let picture = app.picture();
    let source = |state| picture.sources.iter().find(|row| row.state == state);
    if let Some(row) = source(SourceState::Error) {
        return Some((format!("{}: {}", row.source, row.note), Meaning::Bad));
    }
    if let Some(row) = source(SourceState::Stale) {
        return Some((format!("{}: nothing new. {}", row.source, row.note), Meaning::Warn));
    }
    if let Some(sentence) = guard(app) {
        return Some((sentence, Meaning::Bad));
    }
    if let Some(sentence) = unpriced(app) {
        return Some((sentence, Meaning::Warn));
    }
    let bad = picture.sources.iter().find(|row| row.bad > 0)?;
    let lines = text::plural(i64::try_from(bad.bad).unwrap_or(i64::MAX), "line");
    Some((format!("{}: {lines} could not be read (7)", bad.source), Meaning::Warn))
}

/// Says that a guard does not hold the caps that are saved.
fn guard(app: &App) -> Option<String> {
    let waits = app.shown_change().is_some_and(|(mine, _)| app.now.since(mine.saved) < LATE);
    match app.enforcement() {
        Enforcement::Late { name, age } => {
            Some(format!("{name} has told nothing for {}: nobody knows which caps it holds", text::age(age)))
        }
        Enforcement::Behind { name, rev } if !waits => {
            Some(format!("{name} has not applied rev {}: it holds rev {}", app.saved_rev().0, rev.0))
        }
        _ => None,
    }
}

/// Says which models of the window have no price: the one with most calls by name.
fn unpriced(app: &App) -> Option<String> {
    let picture = app.picture();
    let unpriced = picture.total(app.window).map(|total| total.unpriced).filter(|unpriced| *unpriced > 0)?;
    let models = || picture.prices.values().filter(|row| row.used.unpriced > 0);
    let most = models().max_by_key(|row| (row.used.unpriced, std::cmp::Reverse((row.model, row.provider))));
    let whose = match (most, models().count()) {
        (Some(row), 1) => format!("{}: ", row.model),
        (Some(row), count) => format!("{} and {} more: ", row.model, count - 1),
        (None, _) => String::new(),
    };
    let calls = text::plural(unpriced, "call");
    Some(format!("{whose}{calls} {} without a price, cost unknown (4)", app.window.phrase()))
}
