//! The answer on its way through: bytes pass first, a copy is metered, and the fuse cuts what passes its bound.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::ask::{Ask, Estimate};
use super::body::Body;
use super::estimate::Chosen;
use super::fuse::{Count, Fuse};
use super::house::House;
use super::reader::Reader;
use super::replay::Kept;
use super::settle::{End, Settled};
use super::upstream::listed;
use crate::config::{OnAbort, UpstreamSetting};
use crate::count::Tokenizer;
use crate::domain::call::CallId;
use crate::domain::failure::FailureClass;
use crate::domain::time::Millis;
use crate::wire::dialect::Dialect;
use crate::wire::dialect::failure::classify;
use crate::wire::dialect::header::Way;
use crate::wire::dialect::limits::Answered;
use crate::wire::dialect::meter::{self, Meter};
use crate::wire::dialect::refusal::Refusal;
use crate::wire::dialect::request::{Delivery, UsageAsk};
use crate::wire::dialect::route::{Framing, Operation};
use crate::wire::dialect::strip::Strip;

/// The longest answer that is taken in one piece, bytes: the embeddings of a full batch fit.
const MOST_WHOLE: usize = 64 << 20;
/// The longest error that is taken, bytes.
const MOST_ERROR: usize = 1 << 20;
/// The longest stream, bytes.
const MOST_STREAM: u64 = 1 << 30;
/// How long an answer without a reader is read on.
const DRAIN: Duration = Duration::from_mins(1);
/// The longest stream that is kept to be given again, bytes.
const MOST_KEPT: usize = 1 << 20;

/// One answer, and what it belongs to.
pub struct Exchange<'a> {
    /// What all calls share.
    pub house: &'a House,
    /// What was asked.
    pub ask: &'a Ask,
    /// What was sent.
    pub estimate: &'a Estimate,
    /// The call.
    pub id: CallId,
    /// The upstream.
    pub setting: &'a UpstreamSetting,
    /// When it must be over.
    pub deadline: Instant,
}

/// An answer that has passed, or waits for its last word.
#[derive(Default)]
pub struct Relayed {
    /// How long its first byte took.
    pub first_byte: Option<Millis>,
    passed: Passed,
}

#[derive(Default)]
enum Passed {
    /// Nothing came.
    #[default]
    Nothing,
    /// It is whole, and not given yet.
    Whole(Box<Parts>, Bytes),
    /// It was given piece by piece.
    Streamed(Option<Box<Kept>>),
}

impl Relayed {
    /// Notes how long its first byte took.
    #[must_use]
    pub fn after(self, first_byte: Millis) -> Relayed {
        Relayed { first_byte: Some(first_byte), ..self }
    }

    /// Gives the last word, and returns the answer where it may be given again.
    pub fn finish(self, reader: &mut Reader, end: &End, settled: &Settled) -> Option<Kept> {
        match (self.passed, end) {
            (Passed::Whole(head, body), End::Answered(_) | End::Refused(_)) => {
                whole(reader, *head, body, (end, settled))
            }
            (Passed::Streamed(kept), End::Answered(_)) => {
                reader.end();
                kept.map(|kept| *kept)
            }
            (Passed::Streamed(_), _) => {
                reader.break_off();
                None
            }
            (Passed::Nothing | Passed::Whole(..), end) => {
                let late = matches!(end, End::Broken(FailureClass::Timeout, _));
                reader.answer(Err(if late { Refusal::TimedOut } else { Refusal::Unreachable }));
                None
            }
        }
    }
}

/// Gives a whole answer, with what it cost.
fn whole(
    reader: &mut Reader,
    mut head: Parts,
    body: Bytes,
    (end, settled): (&End, &Settled),
) -> Option<Kept> {
    if head.status.is_redirection() {
        reader.answer(Err(Refusal::Unreachable));
        return None;
    }
    let cost = settled.closing.state().charged().money().to_dollars();
    if let Ok(cost) = HeaderValue::try_from(cost) {
        head.headers.insert("x-outlay-cost-usd", cost);
    }
    let answered = matches!(end, End::Answered(_));
    let kept = Kept { status: head.status, headers: head.headers.clone(), body: body.clone() };
    reader.answer(Ok(Response::from_parts(head, Body::whole(body))));
    answered.then_some(kept)
}

impl Exchange<'_> {
    /// Passes an answer on.
    pub async fn relay(self, response: Response<Incoming>, reader: &mut Reader) -> (End, Relayed) {
        let (head, body) = response.into_parts();
        let ours = self.head(&head);
        let (end, passed) = if !head.status.is_success() {
            self.error(&head, (ours, body), reader).await
        } else if self.streams(&head) {
            self.stream((ours, body), reader).await
        } else {
            self.whole((ours, body), reader).await
        };
        (end, Relayed { first_byte: None, passed })
    }

    /// Returns the head that the client gets: listed headers and our own.
    fn head(&self, theirs: &Parts) -> Parts {
        let mut head = Response::new(()).into_parts().0;
        head.status = theirs.status;
        head.headers = listed(Way::Downstream, &theirs.headers);
        let call = HeaderValue::try_from(format!("{:032x}", self.id.bits()));
        head.headers.extend(call.ok().map(|call| (http::HeaderName::from_static("x-outlay-call"), call)));
        let model = self.estimate.downgraded.and_then(|model| HeaderValue::try_from(model.as_str()).ok());
        head.headers.extend(model.map(|model| (http::HeaderName::from_static("x-outlay-model"), model)));
        let bound = &self.estimate.bound;
        let limit = bound.limit.filter(|_| bound.chosen == Chosen::ByGuard);
        let limit = limit.map(|limit| HeaderValue::from(limit.count()));
        head.headers.extend(limit.map(|limit| (http::HeaderName::from_static("x-outlay-max-output"), limit)));
        head
    }

    /// Says whether an answer comes as a stream: it was asked for, and the head says so too.
    fn streams(&self, head: &Parts) -> bool {
        let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let events = kind.starts_with(b"text/event-stream");
        let array =
            self.ask.route.framing == Framing::Array && self.ask.route.operation == Operation::StreamGenerate;
        self.estimate.delivery != Delivery::Whole && (events || array)
    }

    async fn error(
        &self,
        theirs: &Parts,
        (head, body): (Parts, Incoming),
        reader: &mut Reader,
    ) -> (End, Passed) {
        let gathered = match self.gather(body, MOST_ERROR, reader).await {
            Ok(gathered) => gathered,
            Err(class) => return (End::Broken(class, None), Passed::Nothing),
        };
        let headers = texts(&theirs.headers);
        let answered = Answered { headers: &headers, now: self.house.clock.now() };
        let provider = self.setting.provider.as_str();
        let failure = classify(theirs.status.as_u16(), &answered, &gathered, provider);
        (End::Refused(failure), Passed::Whole(Box::new(head), gathered))
    }

    async fn whole(&self, (head, body): (Parts, Incoming), reader: &mut Reader) -> (End, Passed) {
        match self.gather(body, MOST_WHOLE, reader).await {
            Ok(gathered) => {
                let metered = meter::body(self.ask.route.operation, &gathered);
                (End::Answered(Some(metered)), Passed::Whole(Box::new(head), gathered))
            }
            Err(class) => (End::Broken(class, None), Passed::Nothing),
        }
    }

    /// Gathers a whole body; the error says why it is not whole.
    async fn gather(
        &self,
        mut body: Incoming,
        most: usize,
        reader: &mut Reader,
    ) -> Result<Bytes, FailureClass> {
        let (mut gathered, mut leaving) = (BytesMut::new(), Leaving::new(self.deadline));
        loop {
            let piece = tokio::select! {
                piece = next(&mut body, leaving.deadline) => piece?,
                () = reader.gone(), if leaving.stays => {
                    leaving.leave(self)?;
                    continue;
                }
            };
            let Some(piece) = piece else { return Ok(gathered.freeze()) };
            if gathered.len() + piece.len() > most {
                return Err(FailureClass::ServerError);
            }
            gathered.extend_from_slice(&piece);
        }
    }

    async fn stream(&self, (head, mut body): (Parts, Incoming), reader: &mut Reader) -> (End, Passed) {
        let mut watch = Watch::new(self, &head);
        reader.begin(head);
        let mut leaving = Leaving::new(self.deadline);
        let ended = loop {
            let piece = tokio::select! {
                piece = next(&mut body, leaving.deadline) => piece,
                () = reader.gone(), if leaving.stays => match leaving.leave(self) {
                    Ok(()) => continue,
                    Err(class) => break Err(class),
                },
            };
            let piece = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) => break Ok(true),
                Err(class) => break Err(class),
            };
            let ours = watch.pass(&piece);
            if leaving.stays
                && !reader.give(ours).await
                && let Err(class) = leaving.leave(self)
            {
                break Err(class);
            }
            if !watch.holds(&piece) {
                break Ok(false);
            }
        };
        let rest = watch.rest();
        if leaving.stays && ended == Ok(true) {
            reader.give(rest).await;
        }
        watch.end(ended)
    }
}

/// Returns the next piece of a body; `None` is its end, an error why there is none.
async fn next(body: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, FailureClass> {
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| FailureClass::Timeout)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(FailureClass::ServerError),
            // Trailers end here.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
        }
    }
}

/// Whether the reader is still there, and until when the answer is read.
struct Leaving {
    stays: bool,
    deadline: Instant,
    room: Option<OwnedSemaphorePermit>,
}

impl Leaving {
    const fn new(deadline: Instant) -> Leaving {
        Leaving { stays: true, deadline, room: None }
    }

    /// The reader has gone: the answer is read on, within bounds, or closed.
    fn leave(&mut self, exchange: &Exchange<'_>) -> Result<(), FailureClass> {
        if exchange.setting.on_abort == OnAbort::Close {
            return Err(FailureClass::Cancelled);
        }
        let room = std::sync::Arc::clone(&exchange.house.drains).try_acquire_owned();
        self.room = Some(room.map_err(|_| FailureClass::Cancelled)?);
        self.stays = false;
        self.deadline = self.deadline.min(Instant::now() + DRAIN);
        Ok(())
    }
}

/// What watches a stream.
struct Watch {
    meter: Meter,
    fuse: Option<Fuse>,
    bound: u64,
    strip: Option<Strip>,
    bytes: u64,
    holds: bool,
    kept: Option<(Parts, BytesMut)>,
}

impl Watch {
    fn new(exchange: &Exchange<'_>, head: &Parts) -> Watch {
        let route = &exchange.ask.route;
        let own = Tokenizer::of(exchange.estimate.model.as_str())
            .filter(|_| exchange.ask.dialect == Dialect::OpenAi)
            .map(Count::Exact);
        let count = own.or_else(|| Tokenizer::of("gpt-4o").map(Count::Like));
        let bound = exchange.estimate.bound.output;
        Watch {
            meter: Meter::new(route.operation, route.framing),
            fuse: count.map(|count| Fuse::new(bound, count)),
            bound: bound.count(),
            strip: (exchange.estimate.usage == UsageAsk::ByGuard).then(Strip::default),
            bytes: 0,
            holds: true,
            kept: exchange.ask.once.map(|_| (head.clone(), BytesMut::new())),
        }
    }

    /// Returns what the client gets of a piece.
    fn pass(&mut self, piece: &Bytes) -> Bytes {
        let Some(strip) = &mut self.strip else {
            self.keep(piece);
            return piece.clone();
        };
        let mut out = Vec::with_capacity(piece.len());
        strip.feed(piece, &mut out);
        self.keep(&out);
        out.into()
    }

    /// Returns what was held back at the end.
    fn rest(&mut self) -> Bytes {
        let mut out = Vec::new();
        if let Some(strip) = &mut self.strip {
            strip.finish(&mut out);
        }
        self.keep(&out);
        out.into()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.kept.as_ref().is_some_and(|(_, kept)| kept.len() + bytes.len() > MOST_KEPT) {
            self.kept = None;
        }
        if let Some((_, kept)) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }

    /// Meters a piece, and says whether the bound holds.
    fn holds(&mut self, piece: &[u8]) -> bool {
        let (fuse, holds) = (&mut self.fuse, &mut self.holds);
        self.meter.feed(piece, &mut |text| {
            *holds &= fuse.as_mut().is_none_or(|fuse| fuse.feed(text));
        });
        self.bytes += piece.len() as u64;
        let told = self.meter.usage_so_far().map_or(0, |usage| usage.tokens.output.count());
        // The last word of an answer that has ended is no reason to cut it.
        let passed = told > self.bound && !self.meter.has_ended();
        self.holds && !passed && self.bytes <= MOST_STREAM
    }

    /// Ends the watch: `Ok(true)` the stream came to its end, `Ok(false)` it was cut.
    fn end(self, ended: Result<bool, FailureClass>) -> (End, Passed) {
        let counted = self.fuse.as_ref().map(Fuse::tokens).unwrap_or_default();
        let metered = Some(self.meter.finish());
        match ended {
            Ok(true) => {
                let kept = self.kept.map(|(head, body)| {
                    Box::new(Kept { status: head.status, headers: head.headers, body: body.freeze() })
                });
                (End::Answered(metered), Passed::Streamed(kept))
            }
            Ok(false) => (End::Fused(metered, counted), Passed::Streamed(None)),
            Err(class) => (End::Broken(class, metered), Passed::Streamed(None)),
        }
    }
}

/// Returns the headers that are text.
pub fn texts(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
}
