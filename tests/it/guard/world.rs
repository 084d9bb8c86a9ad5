//! A guard, a provider behind it, a store under it, and a client that says exactly what it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use outlay::config::{BaseUrl, GuardSetting, Identity, InputBound, KeySource, OnAbort, UpstreamSetting};
use outlay::demo::provider::{Options, Provider, Script, serve};
use outlay::domain::calendar::Calendar;
use outlay::domain::call::Region;
use outlay::domain::cap::Cap;
use outlay::domain::label::Label;
use outlay::domain::period_clock::Clocks;
use outlay::domain::plan::{Plan as TenantPlan, Plans};
use outlay::domain::price::PriceBook;
use outlay::domain::scope::{Account, PlanId};
use outlay::domain::time::{Millis, Timestamp};
use outlay::domain::tokens::Tokens;
use outlay::guard::{Clock, House, Plan, Ready, Upstream, run};
use outlay::store::Reader;
use outlay::store::guard::{Base, Setup, Vault};
use outlay::wire::dialect::Dialect;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The time in all these tests: 2026-11-20 09:00 UTC, a Friday.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_165_200);
/// The provider's key, which must be seen nowhere but upstream.
pub const CANARY: &str = "sk-canary-7f3a91";
/// A cap that keeps sums of everything and stops nothing.
const ALL: &str = "all 1000000/total";
/// How long a test waits before it takes something for hung.
const HUNG: Duration = Duration::from_mins(1);

/// What a world is built of.
pub struct Build {
    /// Caps beside the one that keeps sums.
    pub caps: Vec<&'static str>,
    /// The rate of everybody's plan.
    pub rate: Option<&'static str>,
    /// Changes the guard's settings.
    pub guard: fn(&mut GuardSetting),
    /// Changes each upstream's settings.
    pub upstream: fn(&mut UpstreamSetting),
    /// Changes the provider.
    pub provider: fn(&mut Options),
    /// Changes the prices.
    pub prices: fn(PriceBook) -> PriceBook,
}

impl Default for Build {
    fn default() -> Build {
        Build {
            caps: Vec::new(),
            rate: None,
            guard: |_| {},
            upstream: |_| {},
            provider: |_| {},
            prices: |prices| prices,
        }
    }
}

/// All of it.
pub struct World {
    pub rt: Runtime,
    pub house: Arc<House>,
    pub provider: Provider,
    pub calls: SocketAddr,
    pub admin: SocketAddr,
    pub store: PathBuf,
    pub base: Base,
    pub folder: tempfile::TempDir,
    /// The guard's wall clock, and the provider's.
    pub wall: Hands,
    pub theirs: Hands,
    stop: Option<oneshot::Sender<()>>,
    run: Option<tokio::task::JoinHandle<()>>,
}

/// The hands of a clock that a test sets.
#[derive(Clone)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Hands {
        Hands(Arc::new(AtomicI64::new(NOW.millis())))
    }

    fn read(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Sets the clock forward.
    pub fn forward(&self, length: Millis) {
        self.0.fetch_add(length.count().cast_signed(), Ordering::Relaxed);
    }
}

/// Nanodollars that the books hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    pub settled: i64,
    pub uncertain: i64,
}

fn upstreams(provider: SocketAddr, change: fn(&mut UpstreamSetting)) -> Vec<UpstreamSetting> {
    let names = [
        ("openai", Dialect::OpenAi, "/v1"),
        ("anthropic", Dialect::Anthropic, ""),
        ("gemini", Dialect::Gemini, ""),
        ("other", Dialect::Compatible, "/v1"),
    ];
    let upstream = |(name, dialect, path): (&str, Dialect, &str)| {
        let mut setting = UpstreamSetting {
            name: name.to_owned(),
            dialect,
            provider: dialect.provider(),
            base_url: BaseUrl { scheme: "http", authority: provider.to_string(), path: path.to_owned() },
            key: KeySource::Environment("KEY".to_owned()),
            region: Region::Global,
            tiers: Vec::new(),
            on_abort: OnAbort::Drain,
            input_bound: InputBound::Tokens,
            timeout: Duration::from_mins(1),
            line: 1,
        };
        change(&mut setting);
        setting
    };
    names.into_iter().map(upstream).collect()
}

impl World {
    /// The usual one: tenants by header, nothing scarce.
    pub fn new() -> World {
        World::build(Build::default())
    }

    /// Builds one.
    pub fn build(build: Build) -> World {
        let Build { caps, rate, guard: change_guard, prices, .. } = build;
        let (change_upstream, change_provider) = (build.upstream, build.provider);
        let folder = tempfile::tempdir().expect("a folder");
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let rt = threads.worker_threads(2).enable_all().build().expect("a runtime");
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.set_nonblocking(true).expect("a socket");
            (listener.local_addr().expect("an address"), listener)
        };
        let ((behind, upstream), (calls, proxy), (admin, health)) = (listen(), listen(), listen());
        let (wall, theirs) = (Hands::new(), Hands::new());
        let (guards, providers) = (wall.clone(), theirs.clone());
        let mut options = Options::new(Arc::new(move || providers.read()));
        options.remember = 1_000;
        change_provider(&mut options);
        let provider = Provider::new(options);
        let mut guard = GuardSetting {
            listen: calls,
            admin,
            identity: Identity::Trust,
            default_output: Tokens::new(500),
            ..GuardSetting::default()
        };
        change_guard(&mut guard);
        let found = upstreams(behind, change_upstream).into_iter().map(|setting| {
            Upstream::new(setting, &|name| (name == "KEY").then(|| CANARY.to_owned())).expect("a key")
        });
        let base = base(&caps, rate);
        let store = folder.path().join("outlay.db");
        let vault = Vault::open(Setup {
            path: store.clone(),
            name: Label::new("test"),
            pid: std::process::id(),
            listen: Label::new(&calls.to_string()),
            calendar: Calendar::utc(),
            base: base.clone(),
            linger: Duration::ZERO,
            now: Clocks { wall: NOW, steady: Millis::new(0) },
        });
        let entered = rt.enter();
        let house = Arc::new(House::new(Plan {
            guard,
            upstreams: found.collect(),
            vault: vault.expect("a store"),
            prices: prices(PriceBook::builtin()),
            calendar: Calendar::utc(),
            clock: Clock::with(Arc::new(move || guards.read())),
        }));
        let socket = |listener| tokio::net::TcpListener::from_std(listener).expect("a socket");
        rt.spawn(serve(socket(upstream), provider.clone()));
        let (stop, stopped) = oneshot::channel();
        let ready = Ready { calls: socket(proxy), admin: socket(health) };
        let end = async move { drop(stopped.await) };
        let run = Some(rt.spawn(run(Arc::clone(&house), ready, end)));
        drop(entered);
        World { rt, house, provider, calls, admin, store, base, folder, wall, theirs, stop: Some(stop), run }
    }

    /// Lays a script down for the next request.
    pub fn script(&self, text: &str) {
        self.provider.script(Script::parse(text).expect("a script"));
    }

    /// Tells the guard to stop.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the guard has ended.
    pub fn ended(&mut self) {
        let run = self.run.take().expect("it is waited for once");
        let ended = self.rt.block_on(async { tokio::time::timeout(HUNG, run).await });
        ended.expect("it ends").expect("it does not panic");
    }

    /// Waits until no call is in flight.
    pub fn quiet(&self) {
        let quiet = async { tokio::time::timeout(HUNG, self.house.quiet()).await };
        self.rt.block_on(quiet).expect("calls end");
    }

    /// Waits until something that another thread does has been done.
    pub fn until(&self, done: impl Fn() -> bool) {
        let seen = async {
            while !done() {
                tokio::task::yield_now().await;
            }
        };
        self.rt.block_on(async { tokio::time::timeout(HUNG, seen).await }).expect("it is done");
    }

    /// Waits until the provider has so many requests on its bill.
    pub fn billed(&self, requests: u64) -> i64 {
        let billed = async { tokio::time::timeout(HUNG, self.provider.until(requests)).await };
        self.rt.block_on(billed).expect("the provider bills");
        assert_eq!(self.provider.requests(), requests, "requests upstream");
        self.provider.billed().nanos()
    }

    /// Checks the books, and returns what they hold: nothing is held, and nothing is lost.
    #[track_caller]
    pub fn books(&self) -> Sums {
        self.quiet();
        let reader = Reader::open(&self.store).expect("a store");
        assert_eq!(reader.check_books().expect("a check"), Vec::<String>::new());
        let standings = reader.standings(&self.base, &Calendar::utc(), NOW).expect("sums");
        let all = standings
            .iter()
            .find(|standing| {
                standing.touch.account == Account::Everything
                    && standing.touch.cap.window == outlay::domain::window::Window::Total
            })
            .expect("the cap that keeps sums");
        assert_eq!(all.budget.reserved.money().nanos(), 0, "nothing is held");
        let (settled, uncertain) = (all.budget.settled.money().nanos(), all.budget.uncertain.money().nanos());
        Sums { settled, uncertain }
    }

    /// Checks that the books hold what the provider billed for so many requests, to the nanodollar, and that
    /// nothing of it is in doubt.
    #[track_caller]
    pub fn exact(&self, requests: u64) {
        let sums = self.books();
        assert_eq!(sums, Sums { settled: self.billed(requests), uncertain: 0 });
    }

    /// Posts a body for a tenant.
    pub fn post(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, &[("x-outlay-tenant", "acme")], body)
    }

    /// Sends a request with the headers that it needs and those given.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let raw = raw(method, path, headers, body);
        Reply::parse(&World::talk(self.calls, raw.as_bytes()))
    }

    /// Asks the admin listener.
    pub fn ask_admin(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        Reply::parse(&World::talk(self.admin, raw(method, path, headers, "").as_bytes()))
    }

    /// Writes bytes, and reads until the connection is closed.
    pub fn talk(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
        let mut stream = connect(address);
        // The other side may refuse before it has read all.
        let _ = stream.write_all(bytes);
        read_all(&mut stream)
    }

    /// Opens a connection and writes a request to it.
    pub fn open(&self, path: &str, body: &str) -> TcpStream {
        let mut stream = connect(self.calls);
        let raw = raw("POST", path, &[("x-outlay-tenant", "acme")], body);
        stream.write_all(raw.as_bytes()).expect("it is sent");
        stream
    }

    /// Returns a figure of the metrics.
    pub fn metric(&self, line: &str) -> u64 {
        let text = self.ask_admin("GET", "/metrics", &[]).text();
        let found = text.lines().find_map(|have| have.strip_prefix(line)?.strip_prefix(' '));
        found.map_or(0, |number| number.parse().expect("a number"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test may leave calls in flight: they end with the runtime, and close their holds as they go.
        self.stop();
    }
}

fn base(caps: &[&str], rate: Option<&str>) -> Base {
    let caps = [ALL].iter().chain(caps).map(|text| Cap::parse(text).expect("a cap")).collect();
    let plan = TenantPlan::parse("all", &[], rate).expect("a plan");
    Base { caps, plans: Plans::new([plan], Some(PlanId::new("all"))) }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(HUNG)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Reads until the other side closes or resets.
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "it hangs");
                return all;
            }
        }
    }
}

/// Writes a request. The connection closes behind it.
pub fn raw(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    let mut line = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            text.push_str(part);
        }
    };
    let given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if !given("host") {
        line("Host", "localhost");
    }
    if !given("content-type") && !body.is_empty() {
        line("Content-Type", "application/json");
    }
    if !given("connection") {
        line("Connection", "close");
    }
    for (name, value) in headers {
        line(name, value);
    }
    if !body.is_empty() && !given("content-length") && !given("transfer-encoding") {
        line("Content-Length", &body.len().to_string());
    }
    format!("{text}\r\n{body}")
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status; zero where the connection closed without one.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether it came to its end.
    pub whole: bool,
}

impl Reply {
    /// Reads what came over a connection that was closed.
    pub fn parse(bytes: &[u8]) -> Reply {
        let none = Reply { status: 0, headers: Vec::new(), body: Vec::new(), whole: false };
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return none };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply { status: status.expect("a status"), headers, ..none };
        let rest = &bytes[end + 4..];
        if reply.header("transfer-encoding") == Some("chunked") {
            (reply.body, reply.whole) = unchunked(rest);
        } else {
            reply.body = rest.to_vec();
            let length = reply.header("content-length").and_then(|length| length.parse().ok());
            reply.whole = length == Some(reply.body.len());
        }
        reply
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else { return (body, false) };
        let size = std::str::from_utf8(&bytes[..end]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        bytes = &bytes[end + 2..];
        if size == 0 {
            return (body, bytes == b"\r\n");
        }
        if bytes.len() < size + 2 {
            body.extend_from_slice(&bytes[..size.min(bytes.len())]);
            return (body, false);
        }
        body.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size + 2..];
    }
}

/// One API as the tests use it.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    pub name: &'static str,
    pub path: &'static str,
    /// The body, with `LIMIT` in the place of a number.
    pub body: &'static str,
    pub streams: bool,
}

impl Api {
    /// Returns the model that it asks for.
    pub fn model(&self) -> &'static str {
        let named = self.body.split(r#""model":""#).nth(1).or(self.path.split("/models/").nth(1));
        named.and_then(|rest| rest.split(['"', ':']).next()).expect("a model")
    }

    /// Returns the body with a limit and a script for the provider.
    pub fn with(&self, limit: u64, script: &str) -> String {
        let mark = if script.is_empty() { "hello".to_owned() } else { format!("[[sim {script}]]") };
        self.body.replace("LIMIT", &limit.to_string()).replace("PROMPT", &mark)
    }
}

/// All APIs, whole and as streams.
pub const APIS: &[Api] = &[
    Api {
        name: "chat",
        path: "/v1/chat/completions",
        body: r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"PROMPT"}],"max_tokens":LIMIT}"#,
        streams: false,
    },
    Api {
        name: "chat stream",
        path: "/v1/chat/completions",
        body: r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"PROMPT"}],"max_tokens":LIMIT}"#,
        streams: true,
    },
    Api {
        name: "responses",
        path: "/v1/responses",
        body: r#"{"model":"gpt-4.1","input":"PROMPT","max_output_tokens":LIMIT}"#,
        streams: false,
    },
    Api {
        name: "responses stream",
        path: "/v1/responses",
        body: r#"{"model":"gpt-4.1","input":"PROMPT","stream":true,"max_output_tokens":LIMIT}"#,
        streams: true,
    },
    Api {
        name: "messages",
        path: "/v1/messages",
        body: r#"{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"PROMPT"}],"max_tokens":LIMIT}"#,
        streams: false,
    },
    Api {
        name: "messages stream",
        path: "/v1/messages",
        body: r#"{"model":"claude-haiku-4-5","stream":true,"messages":[{"role":"user","content":"PROMPT"}],"max_tokens":LIMIT}"#,
        streams: true,
    },
    Api {
        name: "gemini",
        path: "/v1beta/models/gemini-2.5-flash:generateContent",
        body: r#"{"contents":[{"role":"user","parts":[{"text":"PROMPT"}]}],"generationConfig":{"maxOutputTokens":LIMIT}}"#,
        streams: false,
    },
    Api {
        name: "gemini stream",
        path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        body: r#"{"contents":[{"role":"user","parts":[{"text":"PROMPT"}]}],"generationConfig":{"maxOutputTokens":LIMIT}}"#,
        streams: true,
    },
    Api {
        name: "gemini array",
        path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        body: r#"{"contents":[{"role":"user","parts":[{"text":"PROMPT"}]}],"generationConfig":{"maxOutputTokens":LIMIT}}"#,
        streams: true,
    },
];
