//! What was said on the command line of the page to begin with.

use super::super::Usage;
use super::super::args::ScreenArgs;
use crate::domain::filter::Filter;
use crate::domain::label::Label;
use crate::tui::Window;
use crate::tui::tab::Tab;

/// What to begin with.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) tab: Tab,
    pub(super) filter: Filter,
    /// The window of time, by its word.
    pub(super) window: Option<String>,
}

/// Reads it. The error says what is wrong, and what there is.
pub(super) fn wishes(flags: &ScreenArgs) -> Result<Wishes, Usage> {
    let page = flags.screen.as_deref().unwrap_or("overview");
    let names = || Tab::ALL.map(|tab| tab.says().to_lowercase()).join(", ");
    let tab = Tab::ALL.into_iter().find(|tab| tab.says().eq_ignore_ascii_case(page));
    let tab =
        tab.ok_or_else(|| Usage(format!("--screen {}: expected one of {}", Label::new(page), names())))?;
    let filter = flags.filter.as_deref().unwrap_or_default();
    let filter = Filter::parse(filter, tab.keys()).map_err(|it| Usage(format!("--filter: {}", it.reason)))?;
    let words = || Window::ALL.map(|window| window.says().to_lowercase()).join(", ");
    let window = match flags.since.as_deref() {
        None => None,
        Some(word) if Window::ALL.iter().any(|window| window.says().eq_ignore_ascii_case(word)) => {
            Some(word.to_lowercase())
        }
        Some(word) => {
            return Err(Usage(format!("--since {}: expected one of {}", Label::new(word), words())));
        }
    };
    Ok(Wishes { tab, filter, window })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_is_read_or_told_of() {
        let flags = ScreenArgs {
            screen: Some("Events".to_owned()),
            filter: Some("class:timeout".to_owned()),
            since: Some("7D".to_owned()),
            ..ScreenArgs::default()
        };
        let it = wishes(&flags).expect("wishes");
        assert_eq!(
            (it.tab, it.filter.text(), it.window.as_deref()),
            (Tab::Events, "class:timeout", Some("7d"))
        );
        for (flags, words) in [
            (ScreenArgs { screen: Some("money".to_owned()), ..ScreenArgs::default() }, "overview, limits"),
            (ScreenArgs { filter: Some("class:x".to_owned()), ..ScreenArgs::default() }, "is not known here"),
            (ScreenArgs { since: Some("3h".to_owned()), ..ScreenArgs::default() }, "1h, 6h"),
        ] {
            assert!(wishes(&flags).expect_err("a fault").0.contains(words));
        }
    }
}
