//! `docs/keys.md`, made from the table.

use std::fmt::Write as _;

use super::{Context, Keys};

/// Returns the text of `docs/keys.md`: every key, what it does, and its name in the configuration.
pub fn document() -> String {
    let mut text = String::from(HEAD);
    let keys = Keys::default();
    for context in Context::ALL {
        let lines = keys.help(context);
        if lines.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n| key | does | name |\n|---|---|---|\n", capital(context.says()));
        for (action, keys) in lines {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(text, "| {} | {} | `{}` |", keys.join(" "), action.says(), action.name());
        }
    }
    text
}

const HEAD: &str = "# Keys

This page is printed from the table that the program itself reads: `cargo run --example keys > docs/keys.md`.

Any of them can be bound anew in the configuration, by the name in the last column. The new keys take the place of
the old ones, wherever the action works; an empty list leaves it without a key.

```toml
[keys]
sort = \"F5\"
filter = [\"/\", \"ctrl-f\"]
pause = []
```

A key is a letter or sign, `space`, `minus`, `enter`, `esc`, `tab`, `shift-tab`, `backspace`, `delete`, `insert`,
`up`, `down`, `left`, `right`, `home`, `end`, `pgup`, `pgdn`, `F1` to `F12`, with `ctrl-` or `alt-` before it or not.
A key that would mean two things in the same place, and a name that is not known, are mistakes: they are told with file
and line, and nothing starts.
";

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_docs_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == super::document(), "docs/keys.md is old: cargo run --example keys > docs/keys.md");
    }
}
