//! What goes wrong, and how much is said, by script.
//!
//! A script is words apart by blanks or commas: `cut@chunk:5`, `status=429 retry-after=2`, `output=50`.
//! It comes from the test itself, in the header `x-sim`, or in the prompt as `[[sim cut@chunk:5]]`, which
//! also passes a proxy that drops headers.

use std::time::Duration;

/// Where in an answer something happens.
///
/// A whole body counts as two chunks, the second of which holds the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the head of the answer.
    Headers,
    /// After so many chunks of output; zero is after the head.
    Chunk(u64),
    /// After so many bytes of the body.
    Byte(u64),
    /// After the output, before the usage.
    Usage,
    /// After the usage, before the end.
    End,
}

/// What happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The connection closes.
    Cut,
    /// The connection is reset.
    Reset,
    /// Nothing comes for a while; for ever without a length.
    Stall(Option<Duration>),
    /// An event tells an error, and the stream ends. Empty for the API's usual word.
    Error(String),
    /// Header lines that never end. Only before the head.
    EndlessHead,
}

/// How the usage is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// As it was billed.
    #[default]
    Truth,
    /// Not at all.
    None,
    /// Two times.
    Twice,
    /// With every chunk, cumulative.
    Growing,
    /// First as it is, then half.
    Smaller,
    /// Null.
    Null,
    /// A word where numbers belong.
    Text,
    /// Below zero.
    Negative,
    /// Zero.
    Zero,
    /// More than anyone can use.
    Huge,
    /// Under a name that nobody knows.
    Elsewhere,
}

/// What is counted when it has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A refusal by script.
    Status,
    /// A redirect.
    Redirect,
    /// A cut.
    Cut,
    /// A reset.
    Reset,
    /// A stall.
    Stall,
    /// An error in the stream.
    Error,
    /// A head without end.
    EndlessHead,
    /// A body without end, counted when it begins.
    Endless,
    /// A usage that is no truth.
    Usage,
    /// An answer past its limit.
    Overrun,
    /// Slow chunks, counted once per answer.
    Slow,
    /// A compressed answer.
    Gzip,
    /// A refusal because a limit was reached.
    Limit,
}

impl Fault {
    /// All of them, by number.
    pub(super) const ALL: [Fault; 13] = [
        Fault::Status,
        Fault::Redirect,
        Fault::Cut,
        Fault::Reset,
        Fault::Stall,
        Fault::Error,
        Fault::EndlessHead,
        Fault::Endless,
        Fault::Usage,
        Fault::Overrun,
        Fault::Slow,
        Fault::Gzip,
        Fault::Limit,
    ];

    /// Returns the word of the bill.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Status => "status",
            Fault::Redirect => "redirect",
            Fault::Cut => "cut",
            Fault::Reset => "reset",
            Fault::Stall => "stall",
            Fault::Error => "error",
            Fault::EndlessHead => "endless_head",
            Fault::Endless => "endless",
            Fault::Usage => "usage",
            Fault::Overrun => "overrun",
            Fault::Slow => "slow",
            Fault::Gzip => "gzip",
            Fault::Limit => "limit",
        }
    }
}

/// What one request is to get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Refuses with this status.
    pub status: Option<u16>,
    /// The machine-readable code of the refusal; each API has its usual ones.
    pub code: Option<String>,
    /// The value of `retry-after`.
    pub retry_after: Option<String>,
    /// Refuses with a page of HTML, as gateways do.
    pub html: bool,
    /// Redirects there.
    pub redirect: Option<String>,
    /// Something at a point of the answer.
    pub at: Option<(Point, Action)>,
    /// How the usage is told.
    pub lie: Lie,
    /// Answers with so many times the limit.
    pub overrun: Option<u64>,
    /// Never stops.
    pub endless: bool,
    /// Waits before each chunk.
    pub slow: Option<Duration>,
    /// Compresses the answer.
    pub gzip: bool,
    /// Blanks before a whole body, in bytes: with `gzip` a bomb.
    pub pad: usize,
    /// Prompt tokens in place of those counted.
    pub input: Option<u64>,
    /// Of the prompt, tokens read from the cache.
    pub cached: u64,
    /// Of the prompt, tokens written to the cache for its short life.
    pub write: u64,
    /// Of the prompt, tokens written for the long life.
    pub write_long: u64,
    /// Answer tokens in place of the default, reasoning included. The limit still holds.
    pub output: Option<u64>,
    /// Of the answer, tokens of reasoning.
    pub reasoning: u64,
    /// Tokens in a chunk; nothing for one.
    pub chunk: Option<u64>,
}

/// A word of a script that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the script has no word `{0}`")]
pub struct Unknown(pub String);

impl Script {
    /// Reads a script. Every word must be known: a test with a slip of the pen must not pass.
    pub fn parse(text: &str) -> Result<Script, Unknown> {
        let mut script = Script::default();
        for word in text.split([' ', ',', ';']).filter(|word| !word.is_empty()) {
            script.word(word).ok_or_else(|| Unknown(word.to_owned()))?;
        }
        Ok(script)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        if let Some((what, point)) = word.split_once('@') {
            self.at = Some((self::point(point)?, action(what)?));
            return Some(());
        }
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "status" => self.status = Some(value.parse().ok().filter(|status| (400..600).contains(status))?),
            "overloaded" => self.status = Some(529),
            "html" => (self.status, self.html) = (Some(self.status.unwrap_or(502)), true),
            "code" => self.code = Some(value.to_owned()),
            "retry-after" => self.retry_after = Some(value.to_owned()),
            "redirect" => self.redirect = Some(value.to_owned()),
            "endless" => self.endless = true,
            "gzip" => self.gzip = true,
            "no-usage" => self.lie = Lie::None,
            "usage" => self.lie = lie(value)?,
            "overrun" => self.overrun = Some(value.trim_end_matches('x').parse().ok()?),
            "slow" => self.slow = Some(duration(value.trim_end_matches("/chunk"))?),
            _ => self.number(name, value)?,
        }
        Some(())
    }

    fn number(&mut self, name: &str, value: &str) -> Option<()> {
        let count: u64 = value.parse().ok()?;
        match name {
            "pad" => self.pad = usize::try_from(count).ok()?,
            "input" => self.input = Some(count),
            "cached" => self.cached = count,
            "write" => self.write = count,
            "write-long" => self.write_long = count,
            "output" => self.output = Some(count),
            "reasoning" => self.reasoning = count,
            "chunk" => self.chunk = Some(count),
            _ => return None,
        }
        Some(())
    }
}

fn point(text: &str) -> Option<Point> {
    match text.split_once(':') {
        Some(("chunk", count)) => Some(Point::Chunk(count.parse().ok()?)),
        Some(("byte", count)) => Some(Point::Byte(count.parse().ok()?)),
        Some(_) => None,
        None => match text {
            "headers" => Some(Point::Headers),
            "usage" => Some(Point::Usage),
            "end" => Some(Point::End),
            _ => None,
        },
    }
}

fn action(text: &str) -> Option<Action> {
    match text.split_once('=').unwrap_or((text, "")) {
        ("cut" | "close", "") => Some(Action::Cut),
        ("reset", "") => Some(Action::Reset),
        ("endless", "") => Some(Action::EndlessHead),
        ("stall", "") => Some(Action::Stall(None)),
        ("stall", length) => Some(Action::Stall(Some(duration(length)?))),
        ("error", code) => Some(Action::Error(code.to_owned())),
        _ => None,
    }
}

fn lie(word: &str) -> Option<Lie> {
    Some(match word {
        "none" => Lie::None,
        "twice" => Lie::Twice,
        "growing" => Lie::Growing,
        "smaller" => Lie::Smaller,
        "null" => Lie::Null,
        "string" => Lie::Text,
        "negative" => Lie::Negative,
        "zero" => Lie::Zero,
        "huge" => Lie::Huge,
        "elsewhere" => Lie::Elsewhere,
        _ => return None,
    })
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

/// Finds the script that stands in a request's body.
pub(super) fn marked(body: &[u8]) -> Option<&str> {
    const MARK: &[u8] = b"[[sim ";
    let start = memchr::memmem::find(body, MARK)? + MARK.len();
    let rest = body.get(start..)?;
    let end = memchr::memmem::find(rest, b"]]")?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_read() {
        let script = Script::parse("stall=2s@chunk:3, usage=twice overrun=10x;slow=5ms/chunk output=7 gzip")
            .expect("a script");
        let stall = Action::Stall(Some(Duration::from_secs(2)));
        assert_eq!(script.at, Some((Point::Chunk(3), stall)));
        assert_eq!((script.lie, script.overrun, script.output), (Lie::Twice, Some(10), Some(7)));
        assert_eq!((script.slow, script.gzip), (Some(Duration::from_millis(5)), true));
        let at = |text| Script::parse(text).expect("a script").at;
        assert_eq!(at("reset@headers"), Some((Point::Headers, Action::Reset)));
        assert_eq!(at("cut@byte:1234"), Some((Point::Byte(1234), Action::Cut)));
        assert_eq!(
            at("error=overloaded_error@usage"),
            Some((Point::Usage, Action::Error("overloaded_error".into())))
        );
        assert_eq!(Script::parse("html").map(|script| script.status), Ok(Some(502)));
    }

    #[test]
    fn a_word_that_says_nothing_is_refused() {
        for word in ["cutt", "cut@chunk", "status=200", "stall=2", "usage=odd", "slow=fast", "output=-1"] {
            assert_eq!(Script::parse(word), Err(Unknown(word.to_owned())), "{word}");
        }
    }

    #[test]
    fn a_mark_in_the_prompt_is_found() {
        assert_eq!(marked(br#"{"content":"hello [[sim cut@chunk:5]] there"}"#), Some("cut@chunk:5"));
        assert_eq!(marked(b"[[sim cut"), None);
    }
}
