//! The simulated provider's handle, and the shell that accepts and ends its connections.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::answer::answer;
use super::bill::{Bill, Ending, Line};
use super::limits::{Buckets, Limits, State};
use super::price::{self, Price, prices};
use super::script::{Fault, Script};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// Tells what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What is billed of a stream that breaks off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cuts {
    /// What was generated until it was noticed.
    #[default]
    Generated,
    /// All of it.
    Whole,
}

/// How a provider is set up.
#[derive(Clone)]
pub struct Options {
    /// The models and what they cost.
    pub prices: Vec<Price>,
    /// The limits of each key.
    pub limits: Limits,
    /// The keys that are let in; empty for all.
    pub keys: Vec<String>,
    /// What is billed of a stream that breaks off.
    pub cuts: Cuts,
    /// Decides how long answers are.
    pub seed: u64,
    /// How many lines of the bill are kept. The sums go on.
    pub keep: usize,
    /// How many requests are kept as they came.
    pub remember: usize,
    /// What every request gets that brings no script and finds none waiting.
    pub script: Script,
    /// What time it is.
    pub clock: Clock,
}

impl Options {
    /// Returns the usual set-up.
    pub fn new(clock: Clock) -> Options {
        Options {
            prices: prices(),
            limits: Limits::default(),
            keys: Vec::new(),
            cuts: Cuts::default(),
            seed: 0,
            keep: 10_000,
            remember: 0,
            script: Script::default(),
            clock,
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names and values, in their order. Bytes that are no text are replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// The handle of a provider: cheap to copy, all copies are one provider.
#[derive(Clone)]
pub struct Provider(Arc<Shared>);

struct Shared {
    options: Options,
    bill: Mutex<Bill>,
    buckets: Mutex<Buckets>,
    scripts: Mutex<VecDeque<Script>>,
    received: Mutex<VecDeque<Received>>,
    fired: [AtomicU64; Fault::ALL.len()],
    number: AtomicU64,
    /// How many requests are on the bill.
    billed: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider {
    /// Sets a provider up. It answers once it is [`serve`]d.
    pub fn new(options: Options) -> Provider {
        Provider(Arc::new(Shared {
            options,
            bill: Mutex::default(),
            buckets: Mutex::default(),
            scripts: Mutex::default(),
            received: Mutex::default(),
            fired: Default::default(),
            number: AtomicU64::new(0),
            billed: watch::Sender::new(0),
        }))
    }

    /// Lays a script down for the next request that brings none; they are taken in their order.
    pub fn script(&self, script: Script) {
        lock(&self.0.scripts).push_back(script);
    }

    /// Returns the bill so far.
    pub fn bill(&self) -> Bill {
        lock(&self.0.bill).clone()
    }

    /// Returns what was billed so far.
    pub fn billed(&self) -> Money {
        lock(&self.0.bill).cost
    }

    /// Returns how many requests of billed routes have been answered or refused.
    pub fn requests(&self) -> u64 {
        lock(&self.0.bill).requests
    }

    /// Waits until so many requests are on the bill.
    pub async fn until(&self, requests: u64) {
        // The sender lives in this handle, so that the wait cannot fail.
        let _ = self.0.billed.subscribe().wait_for(|billed| *billed >= requests).await;
    }

    /// Returns how often a fault has happened.
    pub fn fired(&self, fault: Fault) -> u64 {
        self.0.fired[fault as usize].load(Ordering::Relaxed)
    }

    /// Returns the newest requests, as many as are remembered, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.0.received).iter().cloned().collect()
    }

    /// Forgets the bill, the limits, the scripts that wait, the requests and the counts of faults.
    pub fn reset(&self) {
        *lock(&self.0.bill) = Bill::default();
        self.0.billed.send_replace(0);
        *lock(&self.0.buckets) = Buckets::default();
        lock(&self.0.scripts).clear();
        lock(&self.0.received).clear();
        for count in &self.0.fired {
            count.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.0.options.clock)()
    }

    pub(super) fn cuts(&self) -> Cuts {
        self.0.options.cuts
    }

    pub(super) fn seed(&self) -> u64 {
        self.0.options.seed
    }

    pub(super) fn next_number(&self) -> u64 {
        self.0.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        let keys = &self.0.options.keys;
        keys.is_empty() || keys.iter().any(|known| known == key)
    }

    pub(super) fn price(&self, model: &str) -> Option<&Price> {
        price::find(&self.0.options.prices, model)
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &str> {
        self.0.options.prices.iter().map(|price| price.model.as_str())
    }

    pub(super) fn next_script(&self) -> Script {
        lock(&self.0.scripts).pop_front().unwrap_or_else(|| self.0.options.script.clone())
    }

    pub(super) fn take(&self, key: &str, tokens: u64, now: Timestamp) -> State {
        lock(&self.0.buckets).take(key, tokens, self.0.options.limits, now)
    }

    pub(super) fn fire(&self, fault: Fault) {
        self.0.fired[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Bills a line. Its cost is settled here.
    pub(super) fn charge(&self, line: Line, ending: Ending) {
        let cost = self.price(&line.model).map_or(Money::ZERO, |price| price.bill(&line.tokens));
        let keep = self.0.options.keep;
        let mut bill = lock(&self.0.bill);
        bill.add(Line { cost, ending, ..line }, keep);
        self.0.billed.send_replace(bill.requests);
    }

    pub(super) fn bill_json(&self) -> String {
        let fired: Vec<_> = Fault::ALL
            .into_iter()
            .map(|fault| (fault.as_str(), self.fired(fault)))
            .filter(|(_, count)| *count > 0)
            .collect();
        self.bill().to_json(&fired)
    }

    pub(super) fn receive(&self, head: &Parts, body: &Bytes) {
        let most = self.0.options.remember;
        if most == 0 {
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let request = Received {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: headers.collect(),
            body: body.clone(),
        };
        let mut received = lock(&self.0.received);
        received.push_back(request);
        while received.len() > most {
            received.pop_front();
        }
    }
}

/// How a connection ends by script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hangup {
    Close,
    Reset,
    EndlessHead,
}

/// How an answer ends the connection that it goes out on.
#[derive(Clone)]
pub(super) struct Link(mpsc::Sender<Hangup>);

impl Link {
    /// Ends the connection. What has been written before goes out, as far as the socket takes it at once.
    pub fn hang_up(&self, hangup: Hangup) {
        // Full means that it is ending already.
        let _ = self.0.try_send(hangup);
    }
}

/// Serves a provider until the future is dropped, which also ends its connections.
pub async fn serve(listener: TcpListener, provider: Provider) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, provider.clone()));
                }
                // Out of descriptors, as a rule: some will be free soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Writes the provider's own time as HTTP does.
fn date(now: Timestamp) -> Option<HeaderValue> {
    let now = jiff::Timestamp::from_millisecond(now.millis()).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
    HeaderValue::try_from(text).ok()
}

async fn connection(stream: TcpStream, provider: Provider) {
    // Without it small chunks wait for each other; that alone makes the simulation slow, not wrong.
    let _ = stream.set_nodelay(true);
    let (link, mut hangups) = mpsc::channel(1);
    let link = Link(link);
    let service = service_fn(|request| {
        let (provider, link) = (provider.clone(), link.clone());
        async move {
            let mut response = answer(&provider, &link, request).await;
            response.headers_mut().extend(date(provider.now()).map(|date| (DATE, date)));
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let hangup = tokio::select! {
        biased;
        _ = &mut connection => return,
        Some(hangup) = hangups.recv() => hangup,
    };
    let mut stream = connection.into_parts().io.into_inner();
    match hangup {
        Hangup::Close => {}
        Hangup::Reset => {
            // Where it cannot be set the connection closes, which is an end too.
            let _ = stream.set_zero_linger();
        }
        Hangup::EndlessHead => {
            let lines = "x-simulated: more\r\n".repeat(64);
            let mut written = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while written.is_ok() {
                written = stream.write_all(lines.as_bytes()).await;
            }
        }
    }
}
