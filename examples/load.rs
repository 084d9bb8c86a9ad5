//! Posts one body over and over and tells how long that took; the measurements of `tests/bench` use it.
//!
//! `load ADDRESS PATH CONNECTIONS RATE SECONDS BODY [NAME:VALUE]…`: RATE calls a second over all connections, or 0
//! for as many as there can be. Prints one line of JSON; times are microseconds from the moment a request is sent.

#![expect(clippy::print_stdout, reason = "a measurement for the terminal")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What is to be done.
struct Plan {
    address: SocketAddr,
    connections: u32,
    /// Calls a second; `None` as many as there can be.
    rate: Option<u32>,
    length: Duration,
    request: Request<Full<Bytes>>,
}

/// What one connection saw, in microseconds.
#[derive(Default)]
struct Seen {
    first: Vec<u64>,
    whole: Vec<u64>,
    faults: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let plan = Arc::new(Plan::read(&words)?);
    let began = Instant::now();
    let callers: Vec<_> =
        (0..plan.connections).map(|number| tokio::spawn(caller(Arc::clone(&plan), number, began))).collect();
    let mut all = Seen::default();
    for caller in callers {
        let seen = caller.await?;
        all.first.extend(seen.first);
        all.whole.extend(seen.whole);
        all.faults += seen.faults;
    }
    let calls = all.whole.len();
    let second = calls as u128 * 1_000_000 / began.elapsed().as_micros().max(1);
    println!(
        r#"{{"calls":{calls},"faults":{},"per_second":{second},"first":{},"whole":{}}}"#,
        all.faults,
        shares(all.first),
        shares(all.whole)
    );
    Ok(())
}

/// Writes the middle, the slowest tenth and hundredth, and the slowest.
fn shares(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    let [p50, p90, p99, most] = [50, 90, 99, 100].map(|share| at(share).copied().unwrap_or(0));
    format!(r#"{{"p50":{p50},"p90":{p90},"p99":{p99},"max":{most}}}"#)
}

impl Plan {
    fn read(words: &[String]) -> anyhow::Result<Plan> {
        let [address, path, connections, rate, seconds, body, headers @ ..] = words else {
            anyhow::bail!("usage: load ADDRESS PATH CONNECTIONS RATE SECONDS BODY [NAME:VALUE]…")
        };
        let mut request = Request::post(path.as_str()).header("host", address.as_str());
        request = request.header("content-type", "application/json");
        for header in headers {
            let (name, value) = header.split_once(':').with_context(|| format!("`{header}` is no header"))?;
            request = request.header(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(Plan {
            address: address.parse()?,
            connections: connections.parse()?,
            rate: Some(rate.parse()?).filter(|rate| *rate > 0),
            length: Duration::from_secs(seconds.parse()?),
            request: request.body(Full::new(Bytes::from(body.clone())))?,
        })
    }

    /// Returns when a connection makes its next call.
    fn due(&self, began: Instant, number: u32, made: u32) -> Instant {
        let Some(rate) = self.rate else { return Instant::now() };
        let nth = u64::from(number) + u64::from(made) * u64::from(self.connections);
        began + Duration::from_micros(nth * 1_000_000 / u64::from(rate))
    }
}

async fn caller(plan: Arc<Plan>, number: u32, began: Instant) -> Seen {
    let (mut seen, mut made, mut open) = (Seen::default(), 0, None);
    loop {
        let due = plan.due(began, number, made);
        if due >= began + plan.length {
            return seen;
        }
        tokio::time::sleep_until(due).await;
        made += 1;
        if open.is_none() {
            open = connect(plan.address).await.ok();
        }
        let called = match &mut open {
            Some(connection) => call(connection, plan.request.clone(), &mut seen).await,
            None => Err(anyhow::anyhow!("no connection")),
        };
        if called.is_err() {
            seen.faults += 1;
            open = None;
            // A server that is not there must not be asked without a breath.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its end is seen by whoever sends.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn call(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    connection.ready().await?;
    let sent = Instant::now();
    let micros = || u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
    let response = connection.send_request(request).await?;
    anyhow::ensure!(response.status().is_success(), "status {}", response.status());
    let (mut body, mut first) = (response.into_body(), None);
    while let Some(frame) = body.frame().await {
        frame?;
        first.get_or_insert_with(micros);
    }
    seen.first.extend(first);
    seen.whole.push(micros());
    Ok(())
}
