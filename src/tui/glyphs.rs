//! The characters that are not letters, in three sets.

/// The characters that are not letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A horizontal rule.
    pub rule: &'static str,
    /// Corners and sides of a box: top left, top right, bottom left, bottom right, side.
    pub corners: [&'static str; 5],
    /// The marker of the selected row.
    pub cursor: &'static str,
    /// Largest first.
    pub down: &'static str,
    /// Smallest first.
    pub up: &'static str,
    /// Between words of one thing.
    pub dot: &'static str,
    /// A trend's eight levels.
    pub levels: [&'static str; 8],
}

/// Box and block characters.
pub const UNICODE: Glyphs = Glyphs {
    rule: "─",
    corners: ["┌", "┐", "└", "┘", "│"],
    cursor: "▸",
    down: "▾",
    up: "▴",
    dot: "·",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

/// ASCII only.
pub const ASCII: Glyphs = Glyphs {
    rule: "-",
    corners: ["+", "+", "+", "+", "|"],
    cursor: ">",
    down: "v",
    up: "^",
    dot: "-",
    levels: ["_", ".", ":", "-", "=", "+", "*", "#"],
};

/// Only characters that every terminal draws one column wide, also one that is set to draw those wide whose
/// width depends on the surroundings ("ambiguous" in Unicode's table of East Asian widths).
pub const NARROW: Glyphs = Glyphs {
    rule: "╌",
    corners: ["╶", "╌", "╶", "╌", "╎"],
    cursor: "▸",
    down: "▾",
    up: "▴",
    dot: "-",
    levels: ["⡀", "⣀", "⣄", "⣤", "⣦", "⣶", "⣷", "⣿"],
};

impl Glyphs {
    /// All sets by their names in the configuration.
    pub const ALL: [(&'static str, Glyphs); 3] = [("unicode", UNICODE), ("narrow", NARROW), ("ascii", ASCII)];

    /// Reads the values of `LC_ALL`, `LC_CTYPE` and `LANG`; the first that is set counts.
    pub fn detect(locale: [Option<&str>; 3]) -> Glyphs {
        let locale = locale.into_iter().flatten().find(|value| !value.is_empty()).unwrap_or("");
        let locale = locale.to_ascii_lowercase().replace('-', "");
        if !locale.contains("utf8") {
            return ASCII;
        }
        if ["ja", "ko", "zh"].iter().any(|language| locale.starts_with(language)) { NARROW } else { UNICODE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_follow_the_locale() {
        assert_eq!(Glyphs::detect([None, Some("C"), Some("en_US.UTF-8")]), ASCII);
        assert_eq!(Glyphs::detect([None, None, Some("en_US.UTF-8")]), UNICODE);
        assert_eq!(Glyphs::detect([Some("ko_KR.utf8"), None, Some("en_US.UTF-8")]), NARROW);
        assert_eq!(Glyphs::detect([Some("C"), None, Some("ja_JP.UTF-8")]), ASCII);
    }

    #[test]
    fn narrow_glyphs_are_one_column_wide_on_every_terminal() {
        use unicode_width::UnicodeWidthStr as _;
        let all = NARROW.corners.iter().chain(&NARROW.levels);
        let all = all.chain([&NARROW.rule, &NARROW.cursor, &NARROW.down, &NARROW.up, &NARROW.dot]);
        for glyph in all {
            assert_eq!((glyph.width(), glyph.width_cjk()), (1, 1), "{glyph}");
        }
    }
}
