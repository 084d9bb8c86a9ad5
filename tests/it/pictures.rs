//! The pictures in the docs are what the program draws.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::home::Home;

/// Returns every picture of a folder by its name.
fn pictures(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder of pictures").map(|entry| entry.expect("an entry"));
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read_to_string(entry.path()).expect("a picture"))
    };
    entries.map(read).collect()
}

#[test]
fn the_pictures_in_the_docs_are_what_the_program_draws() {
    let home = Home::new();
    let drawn = home.path("pictures");
    home.print(&["demo", "--picture", &drawn.display().to_string()]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let (drawn, kept) = (pictures(&drawn), pictures(&root));
    assert_eq!(drawn.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    let old: Vec<&String> =
        drawn.iter().filter(|(name, text)| kept.get(*name) != Some(text)).map(|it| it.0).collect();
    assert!(old.is_empty(), "old: {old:?}; draw them anew: `outlay demo --picture docs/pictures`");
}

#[test]
fn every_picture_that_a_page_shows_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = 0;
    for (page, folder) in [("README.md", ""), ("docs/tour.md", "docs/")] {
        let text = fs::read_to_string(root.join(page)).expect("a page");
        for place in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|it| it.0)) {
            if Path::new(place).extension().is_some_and(|end| end == "svg") {
                assert!(root.join(folder).join(place).exists(), "{page} shows {place}, which is not there");
                shown += 1;
            }
        }
    }
    assert!(shown >= 4, "{shown} pictures are shown");
}
