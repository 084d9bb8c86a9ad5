//! Whoever waits for an answer, as the task sees it that makes one: it may leave at any time.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::sync::oneshot;

use super::body::{Body, Feeder, stream};
use crate::wire::dialect::refusal::Refusal;

/// Pieces that are on their way to a client at a time.
const AHEAD: usize = 16;

/// What a request comes to.
pub type Answer = Result<Response<Body>, Refusal>;

/// The one who waits.
pub struct Reader {
    head: Option<oneshot::Sender<Answer>>,
    pieces: Option<Feeder>,
    patience: Duration,
}

impl Reader {
    /// Returns a reader, and where its answer arrives. It must take each piece within `patience`.
    pub fn new(patience: Duration) -> (Reader, oneshot::Receiver<Answer>) {
        let (head, answer) = oneshot::channel();
        (Reader { head: Some(head), pieces: None, patience }, answer)
    }

    /// Answers in one piece.
    pub fn answer(&mut self, answer: Answer) {
        if let Some(head) = self.head.take() {
            // Nobody hears it where the client has gone.
            let _ = head.send(answer);
        }
    }

    /// Begins to answer piece by piece.
    pub fn begin(&mut self, head: http::response::Parts) {
        let (pieces, body) = stream(AHEAD);
        self.pieces = Some(pieces);
        self.answer(Ok(Response::from_parts(head, body)));
    }

    /// Gives a piece, and says whether it was taken.
    pub async fn give(&mut self, piece: Bytes) -> bool {
        let Some(pieces) = &self.pieces else { return false };
        let taken = piece.is_empty() || pieces.give(piece, self.patience).await;
        if !taken {
            self.pieces = None;
        }
        taken
    }

    /// Breaks an answer off, so that nobody takes it for whole.
    pub fn break_off(&mut self) {
        self.pieces = None;
    }

    /// Ends an answer.
    pub fn end(&mut self) {
        if let Some(pieces) = self.pieces.take() {
            pieces.end();
        }
    }

    /// Waits until the client has gone; for ever once it was answered in one piece.
    pub async fn gone(&mut self) {
        match (&mut self.head, &self.pieces) {
            (Some(head), _) => head.closed().await,
            (None, Some(pieces)) => pieces.closed().await,
            (None, None) => std::future::pending().await,
        }
    }
}
