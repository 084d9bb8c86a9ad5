//! The strict reader of requests: what two readers of HTTP/1.1 could take for different requests is refused.
//!
//! The server's own parser is lenient in places (a length beside chunks, equal lengths twice, extensions of
//! chunks). This machine watches the same bytes before it, and stops at the first that is not plain.

/// The longest head, bytes.
pub const MAX_HEAD: usize = 32 << 10;
/// The most headers of a head.
pub const MAX_HEADERS: usize = 64;
/// The longest line that gives the size of a chunk: sixteen digits and its end.
const MAX_SIZE_LINE: usize = 18;

/// What is not plain about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The head is too long.
    #[error("the head is too long")]
    LongHead,
    /// There are too many headers.
    #[error("there are too many headers")]
    ManyHeaders,
    /// A line ends in another way than with CR LF, or has a control character.
    #[error("a line of the head has a stray control character")]
    Control,
    /// The first line is not a method, a path and a version.
    #[error("the first line is no request of HTTP/1.1")]
    RequestLine,
    /// A header has no plain name.
    #[error("a header has no plain name")]
    Name,
    /// The body's length is told in two ways, or in one that is not plain.
    #[error("the length of the body is not told in one plain way")]
    Length,
    /// There is not exactly one `Host`.
    #[error("there is not exactly one host")]
    Host,
    /// A chunk is not plain.
    #[error("a chunk of the body is not plain")]
    Chunk,
    /// It asks for another protocol.
    #[error("it asks for another protocol")]
    Upgrade,
}

/// Where in a request the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between two requests, or inside a head.
    Head,
    /// In a body of a known length: so many bytes are left.
    Body(u64),
    /// In the line that gives a chunk's size.
    Size,
    /// In a chunk: so many bytes are left.
    Chunk(u64),
    /// In the end of line behind a chunk, at this byte of it.
    ChunkEnd(u8),
    /// In the empty line that ends the chunks, at this byte of it.
    LastEnd(u8),
}

/// The reader of one connection.
#[derive(Debug)]
pub struct Strict {
    place: Place,
    held: Vec<u8>,
}

impl Default for Strict {
    fn default() -> Strict {
        Strict { place: Place::Head, held: Vec::new() }
    }
}

impl Strict {
    /// Says whether no byte of a next request has come.
    pub fn is_between(&self) -> bool {
        self.place == Place::Head && self.held.is_empty()
    }

    /// Says whether it is between requests or in a head.
    pub fn is_in_head(&self) -> bool {
        self.place == Place::Head
    }

    /// Reads bytes as they come.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match self.place {
                Place::Body(left) | Place::Chunk(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    self.skip(left - taken as u64);
                    bytes.get(taken..).unwrap_or_default()
                }
                Place::Head => {
                    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
                    let (line, rest) = bytes.split_at(end);
                    self.head(line)?;
                    rest
                }
                Place::Size => {
                    self.size(first)?;
                    rest
                }
                Place::ChunkEnd(at) | Place::LastEnd(at) => {
                    self.end(first, at)?;
                    rest
                }
            };
        }
        Ok(())
    }

    fn skip(&mut self, left: u64) {
        self.place = match (self.place, left) {
            (Place::Body(_), 0) => Place::Head,
            (Place::Body(_), left) => Place::Body(left),
            (_, 0) => Place::ChunkEnd(0),
            (_, left) => Place::Chunk(left),
        };
    }

    /// Takes a line, or a part of one.
    fn head(&mut self, line: &[u8]) -> Result<(), Violation> {
        if self.held.len() + line.len() > MAX_HEAD {
            return Err(Violation::LongHead);
        }
        self.held.extend_from_slice(line);
        if line.last() != Some(&b'\n') {
            return Ok(());
        }
        if !self.held.ends_with(b"\r\n") {
            return Err(Violation::Control);
        }
        if self.held.ends_with(b"\r\n\r\n") || self.held == b"\r\n" {
            let head = std::mem::take(&mut self.held);
            self.place = body_of(&head)?;
        }
        Ok(())
    }

    fn size(&mut self, byte: u8) -> Result<(), Violation> {
        self.held.push(byte);
        if self.held.len() > MAX_SIZE_LINE {
            return Err(Violation::Chunk);
        }
        if byte != b'\n' {
            return Ok(());
        }
        let line = std::mem::take(&mut self.held);
        let digits = line.strip_suffix(b"\r\n").ok_or(Violation::Chunk)?;
        let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| plain).ok_or(Violation::Chunk)?;
        let size = u64::from_str_radix(digits, 16).map_err(|_| Violation::Chunk)?;
        self.place = if size == 0 { Place::LastEnd(0) } else { Place::Chunk(size) };
        Ok(())
    }

    /// Reads CR LF behind a chunk or behind the last one, where trailers would stand.
    fn end(&mut self, byte: u8, at: u8) -> Result<(), Violation> {
        self.place = match (self.place, at, byte) {
            (Place::ChunkEnd(_), 0, b'\r') => Place::ChunkEnd(1),
            (Place::ChunkEnd(_), 1, b'\n') => Place::Size,
            (Place::LastEnd(_), 0, b'\r') => Place::LastEnd(1),
            (Place::LastEnd(_), 1, b'\n') => Place::Head,
            _ => return Err(Violation::Chunk),
        };
        Ok(())
    }
}

/// Reads a whole head, and returns where its body begins.
fn body_of(head: &[u8]) -> Result<Place, Violation> {
    let text = std::str::from_utf8(head).map_err(|_| Violation::Control)?;
    let mut lines = text.strip_suffix("\r\n\r\n").ok_or(Violation::RequestLine)?.split("\r\n");
    let first = lines.next().unwrap_or_default();
    request_line(first)?;
    let (mut count, mut hosts, mut length, mut chunked) = (0, 0, None, false);
    for line in lines {
        count += 1;
        if line.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err(Violation::Control);
        }
        let (name, value) = line.split_once(':').ok_or(Violation::Name)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Violation::Name);
        }
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "host" => hosts += 1,
            "content-length" => match (length, plain_length(value)) {
                (None, Some(plain)) => length = Some(plain),
                _ => return Err(Violation::Length),
            },
            "transfer-encoding" if !chunked && value.eq_ignore_ascii_case("chunked") => chunked = true,
            "transfer-encoding" => return Err(Violation::Length),
            "upgrade" | "trailer" | "http2-settings" => return Err(Violation::Upgrade),
            _ => {}
        }
    }
    match (length, chunked) {
        _ if count > MAX_HEADERS => Err(Violation::ManyHeaders),
        _ if hosts != 1 => Err(Violation::Host),
        (Some(_), true) => Err(Violation::Length),
        (None, true) => Ok(Place::Size),
        (None | Some(0), false) => Ok(Place::Head),
        (Some(length), false) => Ok(Place::Body(length)),
    }
}

/// Checks `METHOD /path HTTP/1.1`: printable characters, single blanks, a path that begins with a slash.
fn request_line(line: &str) -> Result<(), Violation> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words.as_slice() else { return Err(Violation::RequestLine) };
    let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'));
    let named = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let elsewhere = target.starts_with("//") && !mutant!("url-join-upstream");
    if named && target.starts_with('/') && !elsewhere && plain { Ok(()) } else { Err(Violation::RequestLine) }
}

fn plain_length(value: &str) -> Option<u64> {
    let plain = (1..=18).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| value.parse().ok())?
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<bool, Violation> {
        let mut strict = Strict::default();
        strict.feed(text.as_bytes())?;
        Ok(strict.is_between())
    }

    #[track_caller]
    fn check(text: &str, want: Result<bool, Violation>) {
        assert_eq!(read(text), want, "{text:?}");
        let mut strict = Strict::default();
        let bytes = text.as_bytes().chunks(1).try_for_each(|byte| strict.feed(byte));
        assert_eq!(bytes.map(|()| strict.is_between()), want, "byte by byte: {text:?}");
    }

    #[test]
    fn plain_requests_pass_one_after_the_other() {
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(true));
        check("POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", Ok(true));
        check("POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", Ok(false));
        let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        check(chunks, Ok(true));
        check(&format!("{chunks}{chunks}GET /"), Ok(false));
    }

    #[test]
    fn whatever_can_be_read_in_two_ways_is_refused() {
        let post = |rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}");
        let chunked = |rest: &str| post(&format!("Transfer-Encoding: chunked\r\n\r\n{rest}"));
        for (text, violation) in [
            (post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), Violation::Length),
            (post("Content-Length: 3\r\nContent-Length: 3\r\n\r\n"), Violation::Length),
            (post("Content-Length: +3\r\n\r\n"), Violation::Length),
            (post("Content-Length: 3, 3\r\n\r\n"), Violation::Length),
            (post("Content-Length:\r\n\r\n"), Violation::Length),
            (post("Transfer-Encoding: gzip, chunked\r\n\r\n"), Violation::Length),
            (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), Violation::Length),
            (post("Host: b\r\n\r\n"), Violation::Host),
            (post("Upgrade: h2c\r\n\r\n"), Violation::Upgrade),
            (post("A : b\r\n\r\n"), Violation::Name),
            (post("A: b\r\n c\r\n\r\n"), Violation::Name),
            (post("A\r\n\r\n"), Violation::Name),
            (post("A: b\rc\r\n\r\n"), Violation::Control),
            (post("A: b\n\r\n"), Violation::Control),
            (post("A: b\0\r\n\r\n"), Violation::Control),
            (chunked("3;x=y\r\n"), Violation::Chunk),
            (chunked("3\n"), Violation::Chunk),
            (chunked("0x3\r\n"), Violation::Chunk),
            (chunked("ffffffffffffffffff\r\n"), Violation::Chunk),
            (chunked("1\r\nab"), Violation::Chunk),
            (chunked("0\r\nA: b\r\n"), Violation::Chunk),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), Violation::Host),
            ("GET / HTTP/1.0\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("GET //a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("GET /\\a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Violation::RequestLine),
            ("\r\n".to_owned(), Violation::RequestLine),
            ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), Violation::Control),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_HEAD)), Violation::LongHead),
            (post(&format!("{}\r\n", "A: b\r\n".repeat(MAX_HEADERS))), Violation::ManyHeaders),
        ] {
            check(&text, Err(violation));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Strict::default().feed(&bytes);
        }
    }
}
