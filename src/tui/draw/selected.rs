//! What the selected tenant spends on: a line, or where there is room a table beside its caps.

use ratatui::layout::Rect;

use super::detail::{caps, models_of};
use super::pen::{Pen, row};
use crate::domain::burn::Live;
use crate::tui::app::App;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the line: `docs-rag  claude-sonnet-4-6 151.47  gpt-5.4 31.15  +1`. Empty until it was read.
pub(super) fn line(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let Some((tenant, models)) = app.picked_models() else { return };
    let room = usize::from(area.width).saturating_sub(1);
    let mut line = text::cut(tenant.as_str(), room.min(24));
    let mut shown = 0;
    for (model, sums) in models {
        let part = format!("  {} {}", text::cut(model.as_str(), 24), text::cost(&Live::of(sums)));
        let rest = models.len() - shown - 1;
        let more = if rest > 0 { format!("  +{rest}") } else { String::new() };
        if text::width(&line) + text::width(&part) + more.len() > room {
            break;
        }
        line.push_str(&part);
        shown += 1;
    }
    if shown > 0 && shown < models.len() {
        line = format!("{line}  +{}", models.len() - shown);
    }
    pen.put(row(area, 0), 1, &line, Meaning::Muted);
}

/// Draws the table with its rule, its caps beside it where there is room.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let Some(tenant) = app.tenants.picked() else { return };
    pen.rule(row(area, 0), &format!("selected: {}", text::cut(tenant.as_str(), 40)));
    let below = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    let Some((_, models)) = app.picked_models() else {
        pen.put(row(below, 0), 1, "reading...", Meaning::Muted);
        return;
    };
    let left = area.width * 3 / 5;
    models_of(models, app.window, usize::from(below.height)).draw(pen, Rect { width: left, ..below });
    let right =
        Rect { x: area.x + left + 2.min(area.width), width: (area.width - left).saturating_sub(2), ..below };
    let caps = caps(app, usize::from(right.width));
    for (index, (line, meaning)) in (0..right.height).zip(&caps) {
        pen.put(row(right, index), 0, line, *meaning);
    }
    if caps.is_empty() {
        pen.put(
            row(right, 0),
            0,
            &text::cut("no cap holds this tenant", usize::from(right.width)),
            Meaning::Muted,
        );
    }
}
