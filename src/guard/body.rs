//! The bodies that go out: one piece, or a stream that another task feeds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// A body on its way to a client.
pub enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// Piece by piece.
    Stream(Pieces),
}

/// The pieces of a stream. Only where it was said that the last one was the last does it end: else the connection
/// is broken off, so that nobody takes what came for the whole.
pub struct Pieces {
    taken: mpsc::Receiver<Bytes>,
    whole: Arc<AtomicBool>,
    over: bool,
}

/// Where the pieces come from.
pub struct Feeder {
    pieces: mpsc::Sender<Bytes>,
    whole: Arc<AtomicBool>,
}

/// Returns a stream of which `ahead` pieces may be under way, and its feeder. A feeder that is dropped breaks it off.
pub fn stream(ahead: usize) -> (Feeder, Body) {
    let ((pieces, taken), whole) = (mpsc::channel(ahead), Arc::new(AtomicBool::new(false)));
    let body = Body::Stream(Pieces { taken, whole: Arc::clone(&whole), over: false });
    (Feeder { pieces, whole }, body)
}

impl Feeder {
    /// Gives a piece, and says whether it was taken in time.
    pub async fn give(&self, piece: Bytes, within: Duration) -> bool {
        self.pieces.send_timeout(piece, within).await.is_ok()
    }

    /// Says that the last piece was the last.
    pub fn end(self) {
        self.whole.store(true, Ordering::Release);
    }

    /// Waits until nobody takes pieces any more.
    pub async fn closed(&self) {
        self.pieces.closed().await;
    }
}

impl Body {
    /// Returns a body of one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        Body::Whole(Some(bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Stream(stream) => stream.taken.poll_recv(cx).map(|piece| match piece {
                Some(piece) => Some(Ok(Frame::data(piece))),
                None if stream.over || stream.whole.load(Ordering::Acquire) => None,
                None => {
                    stream.over = true;
                    Some(Err(io::ErrorKind::ConnectionAborted.into()))
                }
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn taken(body: Body) -> Result<Bytes, io::Error> {
        body.collect().await.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn a_stream_is_whole_only_where_that_was_said() {
        for (ends, want) in [(true, Some("ab")), (false, None)] {
            let (feeder, body) = stream(2);
            for piece in ["a", "b"] {
                assert!(feeder.give(Bytes::from(piece), Duration::from_secs(1)).await);
            }
            // Nothing more fits: what is said of the end is said beside the pieces.
            if ends {
                feeder.end();
            } else {
                drop(feeder);
            }
            assert_eq!(taken(body).await.ok(), want.map(Bytes::from));
        }
    }
}
