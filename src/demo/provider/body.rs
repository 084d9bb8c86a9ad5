//! The bytes of an answer as they go out, with what the script does to them, and the tab that is billed.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use super::bill::{Ending, Line};
use super::reply::{Chunk, Reply};
use super::script::{Action, Fault, Point, Script};
use super::serve::{Cuts, Hangup, Link, Provider};
use crate::domain::tokens::TokenCount;

/// What one request will be billed. It is billed once: at the end, or when it is dropped because the
/// client has gone.
pub(super) struct Tab {
    provider: Provider,
    line: Option<Line>,
}

impl Tab {
    /// Opens a tab. The line's tokens are what has been used so far; its cost is not yet known.
    pub fn new(provider: &Provider, line: Line) -> Tab {
        Tab { provider: provider.clone(), line: Some(line) }
    }

    fn uses(&mut self, tokens: TokenCount) {
        if let Some(line) = &mut self.line {
            line.tokens = tokens;
        }
    }

    /// Bills it.
    pub fn close(&mut self, ending: Ending) {
        if let Some(line) = self.line.take() {
            self.provider.charge(line, ending);
        }
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.close(Ending::ClientGone);
    }
}

/// The body of an answer.
pub(super) enum Body {
    /// Bytes that cost nothing.
    Plain(Option<Bytes>),
    /// An answer that is billed.
    Told(Box<Telling>),
}

/// An answer on its way out.
pub(super) struct Telling {
    source: Source,
    tab: Tab,
    link: Link,
    at: Option<(Point, Action)>,
    slow: Option<Duration>,
    has_waited: bool,
    wait: Option<Pin<Box<Sleep>>>,
    /// Made, but past the point where something happens.
    held: Option<Bytes>,
    sent: u64,
    gzip: Option<GzEncoder<Vec<u8>>>,
    halted: bool,
}

/// Where the bytes come from.
pub(super) enum Source {
    /// One body.
    Whole(Option<Bytes>),
    /// A stream of events.
    Events(Box<Events>),
    /// A body that never ends.
    Flood(Box<Events>),
}

/// A stream of events, as far as it has come.
pub(super) struct Events {
    reply: Reply,
    stage: Stage,
    last: Option<Chunk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Chunks,
    Finish,
    Usage,
    Done,
    Over,
}

impl Source {
    /// Makes the source of an answer that is one body.
    pub fn whole(text: String, script: &Script) -> Source {
        let mut text = text;
        if script.pad > 0 {
            text.insert_str(0, &" ".repeat(script.pad));
        }
        if !script.gzip {
            return Source::Whole(Some(text.into()));
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail.
        let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Source::Whole(Some(packed.into()))
    }

    /// Makes the source of a stream.
    pub fn events(reply: Reply) -> Source {
        Source::Events(Box::new(Events { reply, stage: Stage::Open, last: None }))
    }

    /// Makes the source of a body without end.
    pub fn flood(reply: Reply) -> Source {
        Source::Flood(Box::new(Events { reply, stage: Stage::Open, last: None }))
    }

    fn length(&self) -> u64 {
        match self {
            Source::Whole(Some(bytes)) => bytes.len() as u64,
            _ => 0,
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Source::Whole(bytes) => bytes.is_none(),
            Source::Events(events) => events.stage == Stage::Over,
            Source::Flood(_) => false,
        }
    }
}

impl Events {
    fn chunks(&self) -> u64 {
        self.last.map_or(0, |chunk| chunk.before + 1)
    }

    fn used(&self) -> TokenCount {
        self.reply.used(self.last.map_or(0, |chunk| chunk.shown))
    }

    fn reaches(&self, point: Point) -> bool {
        match point {
            Point::Chunk(0) => self.stage == Stage::Open,
            Point::Chunk(count) => self.stage == Stage::Chunks && self.chunks() == count,
            Point::Usage => self.stage == Stage::Usage,
            Point::End => self.stage == Stage::Done,
            Point::Headers | Point::Byte(_) => false,
        }
    }

    /// Writes the next piece. `stops_at_end` keeps the end apart from the usage, so that something can
    /// happen between them.
    fn step(&mut self, stops_at_end: bool, out: &mut String) {
        match self.stage {
            Stage::Open => {
                self.reply.open(out);
                self.stage = Stage::Chunks;
            }
            Stage::Chunks => match self.reply.next(self.last) {
                Some(chunk) => {
                    self.reply.chunk(&chunk, out);
                    self.last = Some(chunk);
                }
                None => self.stage = Stage::Finish,
            },
            Stage::Finish => {
                self.reply.finish(self.chunks(), out);
                self.stage = Stage::Usage;
            }
            Stage::Usage => {
                self.reply.usage(self.chunks(), out);
                self.stage = Stage::Done;
                if !stops_at_end {
                    self.step(stops_at_end, out);
                }
            }
            Stage::Done => {
                self.reply.done(out);
                self.stage = Stage::Over;
            }
            Stage::Over => {}
        }
    }

    /// Writes a run of words that belongs to no end.
    fn pour(&mut self, out: &mut String) {
        if self.stage == Stage::Open {
            self.stage = Stage::Chunks;
            out.push_str(r#"{"content":""#);
        }
        for _ in 0..256 {
            let Some(chunk) = self.reply.next(self.last) else { return };
            self.reply.write(chunk.from, chunk.to, out);
            self.last = Some(chunk);
        }
    }
}

impl Telling {
    /// Starts an answer.
    pub fn new(source: Source, tab: Tab, link: Link, script: &Script) -> Telling {
        let half = source.length() / 2;
        let at = script.at.clone().map(|(point, action)| match (&source, point) {
            (Source::Whole(_), Point::Chunk(0)) => (Point::Byte(0), action),
            (Source::Whole(_), Point::Chunk(_) | Point::Usage) => (Point::Byte(half), action),
            (Source::Whole(_), Point::End) => (Point::Byte(source.length()), action),
            _ => (point, action),
        });
        let streams = !matches!(source, Source::Whole(_));
        let gzip = (streams && script.gzip).then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Telling {
            source,
            tab,
            link,
            at,
            slow: script.slow,
            has_waited: false,
            wait: None,
            held: None,
            sent: 0,
            gzip,
            halted: false,
        }
    }

    fn reaches(&self, point: Point) -> bool {
        match (point, &self.source) {
            (Point::Byte(count), _) => self.sent == count,
            (_, Source::Events(events)) => self.held.is_none() && events.reaches(point),
            _ => false,
        }
    }

    fn act(&mut self, action: Action) {
        let provider = self.tab.provider.clone();
        match action {
            Action::Stall(length) => {
                provider.fire(Fault::Stall);
                self.halted = length.is_none();
                self.wait = length.map(|length| Box::pin(tokio::time::sleep(length)));
            }
            Action::Cut | Action::Reset | Action::EndlessHead => {
                let (fault, hangup) = match action {
                    Action::Reset => (Fault::Reset, Hangup::Reset),
                    _ => (Fault::Cut, Hangup::Close),
                };
                provider.fire(fault);
                self.tab.close(Ending::Cut);
                self.link.hang_up(hangup);
                self.halted = true;
            }
            Action::Error(code) => self.fail(&provider, &code),
        }
    }

    /// Ends a stream with an event that tells an error. A body that is whole has no place for one.
    fn fail(&mut self, provider: &Provider, code: &str) {
        let Source::Events(events) = &mut self.source else { return };
        provider.fire(Fault::Error);
        let mut text = String::new();
        events.reply.error(code, &mut text);
        events.stage = Stage::Over;
        self.held = Some(text.into());
        self.tab.close(Ending::Cut);
    }

    /// Makes the next bytes; `None` after the end.
    fn make(&mut self) -> Option<Bytes> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let stops_at_end = matches!(self.at, Some((Point::End, _)));
        let mut out = String::new();
        let provider = &self.tab.provider;
        match &mut self.source {
            Source::Whole(bytes) => return bytes.take(),
            Source::Flood(events) => events.pour(&mut out),
            Source::Events(events) => {
                while out.is_empty() && events.stage != Stage::Over {
                    if self.at.as_ref().is_some_and(|(point, _)| events.reaches(*point)) {
                        break;
                    }
                    let tells = events.stage == Stage::Usage && events.reply.lies();
                    events.step(stops_at_end, &mut out);
                    if tells {
                        provider.fire(Fault::Usage);
                    }
                }
            }
        }
        if let Source::Events(events) | Source::Flood(events) = &self.source
            && (provider.cuts() == Cuts::Generated || events.reply.is_endless())
        {
            let used = events.used();
            self.tab.uses(used);
        }
        (!out.is_empty()).then(|| out.into())
    }

    fn pack(&mut self, bytes: Bytes) -> Bytes {
        let over = self.source.is_over();
        let Some(encoder) = &mut self.gzip else { return bytes };
        // Writing to memory does not fail.
        let _ = encoder.write_all(&bytes);
        let _ = if over { encoder.try_finish() } else { encoder.flush() };
        std::mem::take(encoder.get_mut()).into()
    }

    /// Returns the bytes up to the point where something happens, and keeps the rest.
    fn up_to_point(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some((Point::Byte(count), _)) = self.at {
            let room = usize::try_from(count.saturating_sub(self.sent)).unwrap_or(usize::MAX);
            if room < bytes.len() {
                self.held = Some(bytes.split_off(room));
            }
        }
        self.sent += bytes.len() as u64;
        bytes
    }

    /// Bills the answer when nothing more can happen to it: before its last bytes are handed over, so
    /// that who has read them finds the bill complete.
    fn close_at_end(&mut self) {
        let awaits = matches!(self.at, Some((Point::Byte(count), _)) if count == self.sent);
        if self.source.is_over() && self.held.is_none() && !awaits {
            self.tab.close(Ending::Complete);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            if self.halted {
                return Poll::Pending;
            }
            if self.at.as_ref().is_some_and(|&(point, _)| self.reaches(point))
                && let Some((_, action)) = self.at.take()
            {
                self.act(action);
                continue;
            }
            if let Some(slow) = self.slow.filter(|_| !self.has_waited) {
                self.has_waited = true;
                self.wait = Some(Box::pin(tokio::time::sleep(slow)));
                continue;
            }
            self.has_waited = false;
            let Some(bytes) = self.make() else {
                if self.source.is_over() {
                    self.close_at_end();
                    return Poll::Ready(None);
                }
                continue;
            };
            let bytes = self.pack(bytes);
            let bytes = self.up_to_point(bytes);
            self.close_at_end();
            return Poll::Ready(Some(bytes));
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.get_mut() {
            Body::Plain(bytes) => bytes.take(),
            Body::Told(telling) => ready!(telling.poll(cx)),
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Plain(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            // Once the last byte of a known length is out, nobody asks for more: what happens there needs
            // a body of unknown length.
            Body::Told(telling) => match (&telling.source, &telling.at) {
                (Source::Whole(Some(bytes)), Some((Point::Byte(count), _)))
                    if *count >= bytes.len() as u64 =>
                {
                    SizeHint::default()
                }
                (Source::Whole(Some(bytes)), _) => SizeHint::with_exact(bytes.len() as u64),
                _ => SizeHint::default(),
            },
        }
    }
}
