//! A client's connection, watched by the strict reader on its way to the server.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::strict::Strict;

/// What stands in the place of bytes that are not plain: no parser takes it, so the server answers 400 and
/// closes, or the body that is being read breaks off.
const POISON: &[u8] = b"\0\r\n\r\n";

/// A connection whose requests are read strictly, and whose heads come in time.
pub struct Stream<S> {
    inner: S,
    strict: Strict,
    within: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    poisoned: bool,
}

impl<S> Stream<S> {
    /// Watches a connection; a head may take `within`, the first counted from now.
    pub fn new(inner: S, within: Duration) -> Stream<S> {
        let deadline = Some(Box::pin(tokio::time::sleep(within)));
        Stream { inner, strict: Strict::default(), within, deadline, poisoned: false }
    }

    /// Starts the clock of a head at its first byte, and stops it at its last.
    fn time(&mut self) {
        let inside = self.strict.is_in_head() && !self.strict.is_between();
        if !inside {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(Box::pin(tokio::time::sleep_until(Instant::now() + self.within)));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.poisoned {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(())) => {
                let new = buffer.filled().get(before..).unwrap_or_default();
                if this.strict.feed(new).is_err() {
                    this.poisoned = true;
                    buffer.set_filled(before);
                    let poison = POISON.get(..POISON.len().min(buffer.remaining())).unwrap_or_default();
                    buffer.put_slice(poison);
                }
                this.time();
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let late = this.deadline.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
                if late {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
