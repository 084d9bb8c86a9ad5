//! The sequence by which a terminal is handed a text for its clipboard (OSC 52).

/// The most bytes that are sent: terminals drop longer ones, some of them in the middle.
const MOST: usize = 8 * 1024;
/// Letters of base 64, in their order.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns the sequence for a text, wrapped for `screen` where it runs in it. A text that is too long is cut.
pub fn sequence(text: &str, in_screen: bool) -> String {
    let most = MOST / 4 * 3 - 64;
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let plain = format!("\x1b]52;c;{}\x07", base64(text.get(..end).unwrap_or_default().as_bytes()));
    if in_screen { format!("\x1bP{plain}\x1b\\") } else { plain }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let whole = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let index = usize::try_from((whole >> shift) & 63).unwrap_or(0);
            let letter = LETTERS.get(index).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_in_base_64() {
        for (text, want) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("한", "7ZWc")]
        {
            assert_eq!(base64(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_sequence_is_whole_short_and_wrapped_where_it_must_be() {
        assert_eq!(sequence("foo", false), "\x1b]52;c;Zm9v\x07");
        assert_eq!(sequence("foo", true), "\x1bP\x1b]52;c;Zm9v\x07\x1b\\");
        let long = sequence(&"한".repeat(9_000), false);
        assert!(long.len() <= MOST && long.ends_with('\x07'));
    }
}
