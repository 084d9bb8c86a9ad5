//! Reads the text of a filter, term by term.

use std::ops::Range;

use super::FilterFault;
use super::number::Number;
use super::term::{Key, Op, Sort, Term, Test, Value, fits};

/// A piece between blanks: where it stands, and its characters, each with its byte and whether it was quoted.
struct Piece {
    at: Range<usize>,
    letters: Vec<(usize, char, bool)>,
}

/// Reads every term.
pub(super) fn terms(text: &str, known: &[Key]) -> Result<Vec<Term>, FilterFault> {
    pieces(text)?.iter().map(|piece| term(piece, known)).collect()
}

fn fault(at: Range<usize>, reason: impl Into<String>) -> FilterFault {
    FilterFault { at, reason: reason.into() }
}

/// Splits a text at blanks that are not quoted.
fn pieces(text: &str) -> Result<Vec<Piece>, FilterFault> {
    let mut pieces = Vec::new();
    let mut piece: Option<Piece> = None;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && quote.is_none() {
            pieces.extend(piece.take());
            continue;
        }
        let end = at + c.len_utf8();
        let piece = piece.get_or_insert_with(|| Piece { at: at..end, letters: Vec::new() });
        piece.at.end = end;
        if c == '"' {
            quote = if quote.is_some() { None } else { Some(at) };
            // An empty pair of quotes is a word too, one that is in every name.
            continue;
        }
        piece.letters.push((at, c, quote.is_some()));
    }
    if let Some(start) = quote {
        return Err(fault(start..text.len(), "the quote is not closed"));
    }
    pieces.extend(piece);
    Ok(pieces)
}

fn term(piece: &Piece, known: &[Key]) -> Result<Term, FilterFault> {
    let not = matches!(piece.letters.first(), Some((_, '-', false)));
    let letters = piece.letters.get(usize::from(not)..).unwrap_or_default();
    if letters.is_empty() && not {
        return Err(fault(piece.at.clone(), "`-` leaves rows out: say which"));
    }
    let sign = letters.iter().position(|(_, c, quoted)| !quoted && matches!(c, ':' | '=' | '>' | '<'));
    let Some(sign) = sign else {
        return Ok(Term { not, test: Test::Word(small(letters)) });
    };
    let name = small(letters.get(..sign).unwrap_or_default());
    let whole = piece.at.clone();
    let start = letters.first().map_or(whole.start, |letter| letter.0);
    let at = start..letters.get(sign).map_or(whole.end, |letter| letter.0).max(start);
    let key = Key::ALL.into_iter().find(|key| key.as_str() == name);
    let key = key.filter(|key| known.contains(key)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|key| key.as_str()).collect();
        fault(at, format!("`{name}` is not known here: {}; quote it to find it in a name", names.join(" ")))
    })?;
    let after: String = letters.iter().skip(sign).take(2).filter(|it| !it.2).map(|it| it.1).collect();
    let op = Op::ALL.into_iter().find(|op| after.starts_with(op.as_str())).unwrap_or(Op::Has);
    let values = letters.get(sign + op.as_str().len()..).unwrap_or_default();
    Ok(Term { not, test: Test::Compare(key, op, comparands(key, op, values, &whole)?) })
}

/// Reads what a key is compared with: one value, or several with commas between.
fn comparands(
    key: Key,
    op: Op,
    letters: &[(usize, char, bool)],
    whole: &Range<usize>,
) -> Result<Vec<Value>, FilterFault> {
    if letters.is_empty() {
        return Err(fault(whole.clone(), format!("{} of what? {}", key.as_str(), expected(key.sort()))));
    }
    let values: Vec<&[(usize, char, bool)]> =
        letters.split(|(_, c, quoted)| *c == ',' && !quoted && matches!(op, Op::Has | Op::Is)).collect();
    values.into_iter().map(|value| comparand(key, op, value, whole)).collect()
}

fn comparand(
    key: Key,
    op: Op,
    letters: &[(usize, char, bool)],
    whole: &Range<usize>,
) -> Result<Value, FilterFault> {
    let at = letters.first().map_or(whole.end, |it| it.0)
        ..letters.last().map_or(whole.end, |it| it.0 + it.1.len_utf8());
    let text: String = letters.iter().map(|it| it.1).collect();
    let quoted = letters.iter().any(|it| it.2);
    if letters.is_empty() {
        return Err(fault(whole.clone(), "a value is missing beside the comma"));
    }
    if matches!(op, Op::Has | Op::Is) && !quoted && matches!(text.as_str(), "none" | "?" | "-") {
        return Ok(Value::None);
    }
    let (name, sort) = (key.as_str(), key.sort());
    if sort == Sort::Text {
        return if matches!(op, Op::Has | Op::Is) {
            Ok(Value::Text(small(letters)))
        } else {
            Err(fault(whole.clone(), format!("{name} is no number: use {name}: or {name}=")))
        };
    }
    if key == Key::Age
        && let Some(minute) = clock(&text)
    {
        return Ok(Value::Clock(minute));
    }
    let number = Number::parse(&text).filter(|number| fits(sort, number.unit));
    number.map(Value::Number).ok_or_else(|| fault(at, format!("`{text}`: {}", expected(sort))))
}

/// Reads a time of day, `14:05`, in minutes since midnight.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) || minute.len() < 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Says what a value looks like.
const fn expected(sort: Sort) -> &'static str {
    match sort {
        Sort::Text => "expected a word, or several with commas between",
        Sort::Money => "expected dollars like 0.05, $250 or 2k",
        Sort::Share => "expected per cent like 80%",
        Sort::Count => "expected a number like 812, 96k or 1.2M",
        Sort::Length => "expected a length of time like 30s, 5m, 2h or 1d, or for an age a time like 14:05",
    }
}

fn small(letters: &[(usize, char, bool)]) -> String {
    letters.iter().flat_map(|it| it.1.to_lowercase()).collect()
}
