//! The small grammar that caps, plans and rates share: words, quoted names, lengths of time.

/// Splits a line into words at white space outside quotes. Quotes stay in the words.
///
/// The error says that a quote is not closed.
pub fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut words, mut start, mut quoted, mut escaped) = (Vec::new(), None, false, false);
    for (index, c) in text.char_indices() {
        if !quoted && c.is_whitespace() {
            words.extend(start.take().map(|start: usize| &text[start..index]));
            continue;
        }
        start.get_or_insert(index);
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
    }
    if quoted {
        return Err(format!("`{text}` opens a quote and does not close it"));
    }
    words.extend(start.map(|start| &text[start..]));
    Ok(words)
}

/// Returns a name as one word: bare where nothing in it can be misread, else in quotes.
pub fn quote(name: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\\' | '+');
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Reads the quoted name that a text begins with, and returns it with the rest; `None` where it begins
/// with no quote or the quote is not closed.
pub fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let (mut name, mut escaped) = (String::new(), false);
    for (index, c) in inner.char_indices() {
        match c {
            _ if escaped => {
                name.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((name, &inner[index + 1..])),
            _ => name.push(c),
        }
    }
    None
}

/// Reads a whole word as a name, quoted or bare. The error says what is wrong with it.
pub fn name(word: &str) -> Result<String, String> {
    let name = match quoted(word) {
        Some((name, "")) => name,
        Some(_) => return Err(format!("`{word}` goes on after its quote")),
        None => word.to_owned(),
    };
    if name.is_empty() { Err("a name is missing".to_owned()) } else { Ok(name) }
}

/// Units of time with their seconds, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads a length of time such as `30d`, `12h`, `5m`, `90s`, in seconds; `None` where it is none.
pub fn seconds(text: &str) -> Option<u64> {
    let (unit, each) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?;
    count(digits)?.checked_mul(each)
}

/// Returns a length of time in its longest whole unit.
pub fn length(seconds: u64) -> String {
    let whole = UNITS.into_iter().find(|(_, each)| seconds.is_multiple_of(*each));
    let (unit, each) = whole.unwrap_or(("s", 1));
    format!("{}{unit}", seconds / each)
}

/// Reads digits, nothing else.
pub fn count(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_end_at_white_space_but_not_in_quotes() {
        assert_eq!(split(r#" a:"b \" c"  d "#), Ok(vec![r#"a:"b \" c""#, "d"]));
        assert!(split("a \"b").is_err());
        assert_eq!(split("  "), Ok(vec![]));
    }

    #[test]
    fn lengths_are_read_and_written_in_whole_units() {
        for (text, value) in [("30d", 2_592_000), ("36h", 129_600), ("5m", 300), ("90s", 90)] {
            assert_eq!((seconds(text), length(value).as_str()), (Some(value), text));
        }
        for text in ["", "d", "-1d", "1.5h", "1", "1w", "99999999999999999999d", "+1d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(raw in "[a-z\"\\\\ +:가é]{1,12}") {
            let word = quote(&raw);
            prop_assert_eq!(split(&word), Ok(vec![word.as_str()]));
            prop_assert_eq!(name(&word), Ok(raw));
        }

        #[test]
        fn any_text_splits_or_is_refused(raw in any::<String>()) {
            let _ = split(&raw);
            let _ = name(&raw);
            let _ = seconds(&raw);
        }
    }
}
