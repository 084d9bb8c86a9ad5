//! Row 4: the most urgent thing, as a sentence. Empty where nothing is.

use ratatui::layout::Rect;

use super::pen::Pen;
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
    let unpriced = picture.books.total().today.unpriced;
    if unpriced > 0 {
        let mut models = picture.prices.iter().filter(|row| row.today.unpriced > 0);
        let whose = match (models.next(), models.count()) {
            (Some(row), 0) => format!("{}: ", row.model),
            (Some(row), more) => format!("{} and {more} more: ", row.model),
            (None, _) => String::new(),
        };
        let calls = text::plural(unpriced, "call");
        return Some((format!("{whose}{calls} today without a price, cost unknown (2)"), Meaning::Warn));
    }
    let bad = picture.sources.iter().find(|row| row.bad > 0)?;
    let lines = text::plural(i64::try_from(bad.bad).unwrap_or(i64::MAX), "line");
    Some((format!("{}: {lines} could not be read (3)", bad.source), Meaning::Warn))
}
