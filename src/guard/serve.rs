//! Listeners and connections: who gets one, how many there are, and when each ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::body::Body;
use super::house::{House, Stage, reached};
use super::stream::Stream;
use super::strict::{MAX_HEAD, MAX_HEADERS};
use super::{admin, call};
use crate::config::Bounds;

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Calls.
    Calls,
    /// Health and metrics.
    Admin,
}

/// How long a listener rests after an error: the system is out of something.
const REST: Duration = Duration::from_millis(50);

/// The connections that are open, by the address of their other end.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection's place among those that are open.
struct Seat {
    open: Open,
    peer: IpAddr,
    house: Arc<House>,
}

impl Open {
    /// Gives a place, where there is one.
    fn sit(&self, peer: IpAddr, house: &Arc<House>) -> Option<Seat> {
        let Bounds { connections, per_peer, .. } = house.guard.bounds;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (open.values().sum::<usize>(), open.get(&peer).copied().unwrap_or(0));
        if all >= connections || own >= per_peer {
            return None;
        }
        open.insert(peer, own + 1);
        house.metrics.connections.inc();
        Some(Seat { open: self.clone(), peer, house: Arc::clone(house) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
        self.house.metrics.connections.dec();
    }
}

/// Takes connections until the guard is cut. While it is being stopped it still answers, with refusals.
pub async fn serve(listener: TcpListener, house: Arc<House>, face: Face) {
    let open = Open::default();
    let mut stage = house.stage.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = reached(&mut stage, Stage::Cut) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(seat) = open.sit(peer.ip(), &house) {
                    tokio::spawn(connection(stream, seat, face));
                }
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, seat: Seat, face: Face) {
    // Small pieces of a stream must not wait for each other; where that cannot be said they just may.
    let _ = stream.set_nodelay(true);
    let house = Arc::clone(&seat.house);
    let bounds = house.guard.bounds;
    let mut stage = house.stage.subscribe();
    let service = service_fn(move |request| answer(Arc::clone(&house), request, face));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .half_close(false);
    let io = TokioIo::new(Stream::new(stream, bounds.head));
    let connection = builder.serve_connection(io, service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = reached(&mut stage, Stage::Cut) => {
            connection.as_mut().graceful_shutdown();
            // What is under way has been cut; its last words may still go out.
            let _ = tokio::time::timeout(REST, connection).await;
        }
    }
}

async fn answer(
    house: Arc<House>,
    request: Request<Incoming>,
    face: Face,
) -> Result<Response<Body>, Infallible> {
    Ok(match face {
        Face::Calls => call::answer(house, request).await,
        Face::Admin => admin::answer(&house, request),
    })
}
