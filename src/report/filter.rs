//! `--filter`: fewer rows, chosen in the language of the screen.

use std::borrow::Cow;

use super::query::By;
use super::{Report, Row};
use crate::domain::filter::{Fact, Filter, FilterFault, Key, Subject};
use crate::domain::rollup::Sums;

/// Returns what a filter can ask of the rows of a report that is summed by this.
fn keys(by: &[By]) -> Vec<Key> {
    let of_cell = |by: &By| match by {
        By::Tenant => Some(Key::Tenant),
        By::Model => Some(Key::Model),
        By::Provider => Some(Key::Provider),
        By::Status => Some(Key::State),
        By::Failure => Some(Key::Class),
        By::Source => Some(Key::What),
        By::Hour | By::Day | By::Week | By::Month | By::Tier => None,
    };
    by.iter().filter_map(of_cell).chain([Key::Cost, Key::Tokens]).collect()
}

/// Reads a filter for a report that is summed by this. A key is known where the report is summed by it.
pub fn parse(text: &str, by: &[By]) -> Result<Filter, FilterFault> {
    Filter::parse(text, &keys(by))
}

/// A row with what its cells are.
struct Line<'a> {
    by: &'a [By],
    row: &'a Row,
}

impl Line<'_> {
    fn cell(&self, by: By) -> Fact<'_> {
        let place = self.by.iter().position(|it| *it == by);
        let cell = place.and_then(|place| self.row.key.get(place)).filter(|cell| !cell.is_empty());
        cell.map_or(Fact::None, |cell| Fact::Text(Cow::Borrowed(cell.as_str())))
    }
}

impl Subject for Line<'_> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        self.row.key.iter().any(|cell| passes(cell.as_str()))
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        let sums = &self.row.sums;
        match key {
            Key::Tenant => self.cell(By::Tenant),
            Key::Model => self.cell(By::Model),
            Key::Provider => self.cell(By::Provider),
            Key::State => self.cell(By::Status),
            Key::Class => self.cell(By::Failure),
            Key::What => self.cell(By::Source),
            // Nothing but calls without a price: nobody knows what it cost.
            Key::Cost if sums.unpriced > 0 && sums.unpriced >= sums.calls => Fact::None,
            Key::Cost => Fact::Money(sums.cost),
            Key::Tokens => Fact::Count(i64::try_from(sums.tokens.total().count()).unwrap_or(i64::MAX)),
            _ => Fact::None,
        }
    }
}

impl Report {
    /// Keeps the rows that a filter wants. The total is that of the rows that are left.
    pub fn keep(&mut self, filter: &Filter) {
        if filter.is_empty() {
            return;
        }
        let by = std::mem::take(&mut self.by);
        self.rows.retain(|row| filter.passes(&Line { by: &by, row }));
        self.by = by;
        self.total = Sums::default();
        for row in &self.rows {
            self.total += row.sums;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;
    use crate::domain::money::Money;

    fn report() -> Report {
        let row = |tenant: &str, model: &str, dollars, unpriced| Row {
            key: [tenant, model].map(Label::new).into(),
            sums: Sums {
                calls: 2,
                unpriced,
                cost: Money::parse_dollars(dollars).expect("dollars"),
                ..Sums::default()
            },
        };
        let rows = vec![
            row("acme", "gpt-5.4", "3", 0),
            row("docs-rag", "gpt-5.4", "0.5", 0),
            row("docs-rag", "llama", "0", 2),
        ];
        let by = vec![By::Tenant, By::Model];
        let total = Sums::default();
        Report { zone: "UTC".to_owned(), by, rows, total, sources: Vec::new(), bad: Vec::new() }
    }

    #[track_caller]
    fn check(filter: &str, rows: usize, dollars: &str) {
        let mut report = report();
        report.keep(&parse(filter, &report.by).expect(filter));
        let cost = Money::parse_dollars(dollars).expect("dollars");
        assert_eq!((report.rows.len(), report.total.cost), (rows, cost), "{filter}");
    }

    #[test]
    fn rows_are_left_out_and_the_total_is_of_the_rest() {
        check("docs", 2, "0.5");
        check("tenant=acme model:gpt*", 1, "3");
        check("cost>1", 1, "3");
        check("cost:none", 1, "0");
        check("-tenant:docs*", 1, "3");
    }

    #[test]
    fn what_the_report_is_not_summed_by_is_not_known() {
        assert!(parse("provider:openai", &[By::Tenant]).is_err());
        assert!(parse("used>80%", &[By::Tenant]).is_err());
    }
}
