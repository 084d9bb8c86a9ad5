//! What a page shows as text: for the clipboard and for files.

use std::fmt::Write as _;

/// The cells of a page as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// The headings.
    pub titles: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// Which row is selected.
    pub selected: Option<usize>,
}

/// How a page is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For spreadsheets.
    Csv,
    /// A list of objects.
    Json,
    /// A table for people.
    Markdown,
}

impl Form {
    /// All, in the order they are offered.
    pub const ALL: [Form; 3] = [Form::Csv, Form::Json, Form::Markdown];

    /// Returns its name.
    pub const fn says(self) -> &'static str {
        match self {
            Form::Csv => "csv",
            Form::Json => "json",
            Form::Markdown => "markdown",
        }
    }

    /// Returns how names of such files end.
    pub const fn ending(self) -> &'static str {
        match self {
            Form::Markdown => "md",
            other => other.says(),
        }
    }

    /// Returns the form of a name; `md` is one too.
    pub fn named(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.says() == name || form.ending() == name)
    }
}

impl Grid {
    /// Returns the grid in a form.
    pub fn text(&self, form: Form) -> String {
        match form {
            Form::Csv => self.csv(),
            Form::Json => self.json(),
            Form::Markdown => self.markdown(),
        }
    }

    /// Returns the selected row with its headings, for the clipboard: `tenant docs-rag, today 186.40`.
    pub fn row(&self) -> Option<String> {
        let row = self.rows.get(self.selected?)?;
        let cells = self.titles.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        Some(cells.map(|(title, cell)| format!("{title} {cell}")).collect::<Vec<_>>().join(", "))
    }

    fn csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.titles).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
            let _ = writeln!(text, "{}", cells.join(","));
        }
        text
    }

    fn json(&self) -> String {
        let object = |row: &Vec<String>| -> serde_json::Map<String, serde_json::Value> {
            let pairs = self.titles.iter().zip(row);
            pairs.map(|(title, cell)| (title.clone(), serde_json::Value::String(cell.clone()))).collect()
        };
        let rows: Vec<_> = self.rows.iter().map(object).collect();
        serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = vec!["---".to_owned(); self.titles.len()];
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.titles) + &line(&rule) + &rows
    }
}

/// Returns a cell of a CSV file; what a spreadsheet would take for a formula is marked as text.
fn csv_cell(cell: &str) -> String {
    let number = cell.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    let formula = cell.starts_with(['=', '+', '@', '-', '\t']) && !number;
    let cell = if formula && cell.len() > 1 { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        Grid {
            titles: row(["tenant", "today"]),
            rows: vec![row(["docs|rag, \"x\"", "186.40"]), row(["=cmd()", "-0.02"])],
            selected: Some(1),
        }
    }

    #[test]
    fn each_form_says_the_same_and_a_formula_is_text() {
        assert_eq!(grid().text(Form::Csv), "tenant,today\n\"docs|rag, \"\"x\"\"\",186.40\n'=cmd(),-0.02\n");
        let json: serde_json::Value = serde_json::from_str(&grid().text(Form::Json)).expect("json");
        assert_eq!((&json[0]["tenant"], &json[1]["today"]), (&"docs|rag, \"x\"".into(), &"-0.02".into()));
        let markdown = grid().text(Form::Markdown);
        assert_eq!(markdown.lines().nth(2), Some("| docs\\|rag, \"x\" | 186.40 |"));
        assert_eq!(grid().row().as_deref(), Some("tenant =cmd(), today -0.02"));
        assert_eq!(Form::named("md"), Some(Form::Markdown));
    }
}
