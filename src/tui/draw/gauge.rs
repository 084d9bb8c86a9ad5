//! Lying bars: how large a part of a whole is.

use crate::tui::theme::Glyphs;

/// Returns a bar of `columns` cells, so many of them full as the part is of the whole; what is more than nothing
/// has one at least, and the rest is empty.
pub(super) fn bar(part: u128, whole: u128, columns: usize, glyphs: &Glyphs) -> String {
    let full = filled(part, whole, columns);
    glyphs.levels[7].repeat(full) + &" ".repeat(columns - full)
}

/// Returns the same with a dot in each empty cell.
pub(super) fn gauge(part: u128, whole: u128, columns: usize, glyphs: &Glyphs) -> String {
    let full = filled(part, whole, columns);
    glyphs.levels[7].repeat(full) + &glyphs.dot.repeat(columns - full)
}

fn filled(part: u128, whole: u128, columns: usize) -> usize {
    let cells = u128::try_from(columns).unwrap_or(0);
    let full = part.min(whole).saturating_mul(cells).checked_div(whole).unwrap_or(0);
    let full = usize::try_from(full).unwrap_or(columns);
    full.max(usize::from(part > 0 && whole > 0)).min(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::ASCII;
    use proptest::prelude::*;

    #[test]
    fn a_part_is_as_long_as_it_is_large() {
        assert_eq!(bar(1, 2, 4, &ASCII), "##  ");
        assert_eq!(gauge(1, 1_000, 4, &ASCII), "#---");
        assert_eq!(
            (bar(0, 5, 2, &ASCII), bar(9, 5, 2, &ASCII), bar(1, 0, 2, &ASCII)),
            ("  ".into(), "##".into(), "  ".into())
        );
    }

    proptest! {
        #[test]
        fn a_bar_has_the_columns_it_was_given(part in any::<u128>(), whole in any::<u128>(), columns in 0_usize..300) {
            prop_assert_eq!(bar(part, whole, columns, &ASCII).len(), columns);
            prop_assert_eq!(gauge(part, whole, columns, &ASCII).len(), columns);
        }
    }
}
