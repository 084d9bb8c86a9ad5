//! Each page at each size, as it is meant to look.

use super::*;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

/// Returns every page, and a word for it.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |app: App, keys: &str| {
        let mut app = app;
        press(&mut app, keys);
        app
    };
    let normal = || app(Some(snapshot(3)));
    let of_sources = |count: usize| {
        let books = Books::new(Calendar::utc(), NOW);
        app(Some(Snapshot { books, sources: source_rows()[..count].to_vec() }))
    };
    let mut failed = of_sources(0);
    failed.update(Event::FeedState(Feed::Failed("no ledger found: use --ledger GLOB".to_owned())), NOW);
    let mut opened = pressed(normal(), "<enter>");
    opened.update(Event::Detail(Box::new(detail())), NOW);
    let mut week = pressed(normal(), "w");
    let today = Calendar::utc().day(NOW).start;
    let days = [(today.before(Millis::from_minutes(6 * 1440)), sums(4, "11", 0)), (today, sums(4, "12", 0))];
    week.update(Event::Window(Window::Week, vec![(TenantId::new("docs-rag"), sums(8, "1023", 0))]), NOW);
    press(&mut week, "<enter>");
    week.update(Event::Detail(Box::new(detail_of(Window::Week, &days))), NOW);
    let mut hour = pressed(normal(), "www<enter>");
    let tenant = hour.tenants.picked().expect("a tenant");
    hour.update(Event::Detail(Box::new(Detail { tenant, ..detail_of(Window::Hour, &[]) })), NOW);
    let mut down = normal();
    let mut source = source_rows().remove(1);
    (source.state, source.note) = (SourceState::Error, "permission denied".to_owned());
    down.update(Event::Changed(Vec::new(), vec![source]), NOW);
    vec![
        ("loading", app(None)),
        ("no_ledger", failed),
        ("empty", of_sources(1)),
        ("overview", app(Some(snapshot(0)))),
        ("unpriced", normal()),
        ("paused", pressed(normal(), " ")),
        ("source_down", down),
        ("filter", pressed(normal(), "/rag")),
        ("nothing_matches", pressed(normal(), "/zzz<enter>")),
        ("detail", opened),
        ("detail_week", week),
        ("detail_hour", hour),
        ("prices", pressed(normal(), "4")),
        ("sources", pressed(normal(), "7")),
        ("bad_lines", pressed(normal(), "7j<enter>")),
        ("help", pressed(normal(), "?")),
        ("themes", pressed(normal(), "tj")),
    ]
    .into_iter()
    .chain(caps::pages())
    .chain(budgets::pages())
    .chain(cap_entry::pages())
    .chain(prices::pages())
    .chain(frame::pages())
    .chain(keyboard::pages())
    .chain(look::pages())
    .chain(tenant::pages())
    .chain(overview::pages())
    .chain(manners::pages())
    .collect()
}

#[test]
fn pages_look_as_before() {
    for (name, mut app) in pages() {
        for (width, height) in SIZES {
            let text = screen(&mut app, width, height, &UNICODE);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text);
        }
    }
}

#[test]
fn sixteen_colors_look_as_before() {
    for (name, mut app) in pages() {
        for theme in ["dusk", "signal"] {
            let theme = super::theme(theme, Depth::Sixteen, &UNICODE);
            let text = styled(&cells(&mut app, 80, 24, &theme));
            insta::assert_snapshot!(format!("{name}_sixteen_{}", theme.name()), text);
        }
    }
}

#[test]
fn no_color_and_ascii_look_as_before() {
    for (name, mut app) in pages() {
        let theme = super::theme("dusk", Depth::Plain, &ASCII);
        insta::assert_snapshot!(format!("{name}_plain"), styled(&cells(&mut app, 80, 24, &theme)));
    }
}

/// Returns a frame as text, below it a letter for each cell's style, and what the letters stand for.
fn styled(buffer: &Buffer) -> String {
    let mut styles = vec![(buffer[(0, 0)].style(), '.')];
    let mut letters = String::new();
    for line in buffer.area.rows() {
        for position in line.positions() {
            let style = buffer[position].style();
            let letter = styles.iter().find(|known| known.0 == style).map(|known| known.1);
            letters.push(letter.unwrap_or_else(|| {
                let letter = char::from(b'a' + u8::try_from(styles.len() - 1).expect("few styles"));
                styles.push((style, letter));
                letter
            }));
        }
        letters.truncate(letters.trim_end_matches('.').len());
        letters.push('\n');
    }
    let legend = |(style, letter): &(ratatui::style::Style, char)| {
        format!("{letter} {:?} on {:?} {:?}", style.fg, style.bg, style.add_modifier)
    };
    let legend: Vec<String> = styles.iter().map(legend).collect();
    format!("{}{letters}{}\n", text_of(buffer), legend.join("\n"))
}
