//! One request of the simulated provider, from its head to the answer's.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use super::ask::Ask;
use super::bill::{Ending, Line};
use super::body::{Body, Source, Tab, Telling};
use super::chat;
use super::limits::{State, headers, length};
use super::price::Price;
use super::refusal::{PAGE, Refusal, sentence};
use super::reply::{Making, Reply, quoted};
use super::route::{Api, Family, Framing, Route, key, route};
use super::script::{Action, Fault, Lie, Point, Script, marked};
use super::serve::{Cuts, Hangup, Link, Provider};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::tokens::TokenCount;

/// The longest body that is read.
const LONGEST: usize = 64 << 20;

/// Answers one request.
pub(super) async fn answer(provider: &Provider, link: &Link, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST).collect().await else {
        return plain(413, "text/plain", "too large");
    };
    let body = body.to_bytes();
    provider.receive(&head, &body);
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    match route(&head.method, path, query) {
        Route::Call { api, model, framing } => {
            let number = provider.next_number();
            let call =
                Call { provider, link, head: &head, body: &body, api, framing, number, now: provider.now() };
            call.answer(model).await
        }
        Route::Count(api) => count(api, &body),
        Route::Models => models(provider, head.headers.contains_key("anthropic-version")),
        Route::Bill => plain(200, "application/json", provider.bill_json()),
        Route::Reset => {
            provider.reset();
            plain(200, "application/json", "{}")
        }
        Route::Nothing => {
            let refusal = Refusal::new(404, format!("no such route: {} {path}", head.method));
            plain(404, "application/json", refusal.body(Family::OpenAi, 0))
        }
    }
}

/// A request that is billed, or refused.
struct Call<'c> {
    provider: &'c Provider,
    link: &'c Link,
    head: &'c Parts,
    body: &'c Bytes,
    api: Api,
    framing: Framing,
    number: u64,
    now: Timestamp,
}

/// What a request comes to, before anything is said.
struct Settled<'c> {
    key: &'c str,
    script: Script,
    reply: Reply,
    limit: Option<u64>,
    /// The text of an answer that is a list of vectors.
    vectors: Option<String>,
    state: State,
}

impl<'c> Call<'c> {
    async fn answer(self, model: Option<String>) -> Response<Body> {
        let settled = match self.settle(model) {
            Ok(settled) => settled,
            Err(refusal) => return self.refuse(&refusal, None, None),
        };
        if let Some((Point::Headers, Action::Stall(Some(length)))) = &settled.script.at {
            self.provider.fire(Fault::Stall);
            tokio::time::sleep(*length).await;
        }
        if let Some(response) = self.turned_away(&settled) {
            return response;
        }
        let mut tab = Tab::new(self.provider, self.line(&settled));
        if let Some((Point::Headers, action)) = &settled.script.at {
            self.before_head(action, &mut tab).await;
        }
        self.tell(settled, tab)
    }

    /// Reads the request and decides on everything.
    fn settle(&self, model: Option<String>) -> Result<Settled<'c>, Refusal> {
        let key = key(&self.head.headers, self.head.uri.query().unwrap_or_default())
            .filter(|key| self.provider.knows(key))
            .ok_or_else(|| Refusal::new(401, sentence(401)))?;
        let mut ask = Ask::read(self.body).map_err(|error| Refusal::new(400, error))?;
        ask.model = model.map(Cow::Owned).or(ask.model);
        let script = self.script()?;
        let price = self.price(&ask)?;
        if self.api == Api::Messages && ask.limit().is_none() {
            return Err(Refusal::new(400, "max_tokens: Field required"));
        }
        let making = Making {
            api: self.api,
            framing: framing(self.framing, &ask),
            number: self.number,
            created: self.now,
            seed: self.provider.seed(),
            body: self.body,
        };
        let reply = Reply::new(&ask, &script, price, &making);
        let used = reply.used(if reply.is_endless() { 0 } else { reply.all_shown() });
        if used.prompt().count() > price.context {
            return Err(too_long(self.api, used.prompt().count(), price.context));
        }
        let state = self.provider.take(key, used.total().count(), self.now);
        let vectors = (self.api == Api::Embeddings).then(|| vectors(&ask, &reply));
        Ok(Settled { key, script, reply, limit: ask.limit(), vectors, state })
    }

    fn script(&self) -> Result<Script, Refusal> {
        let header = self.head.headers.get("x-sim").and_then(|value| value.to_str().ok());
        let Some(text) = header.or_else(|| marked(self.body)) else { return Ok(self.provider.next_script()) };
        Script::parse(text).map_err(|unknown| Refusal::new(400, unknown.to_string()))
    }

    fn price(&self, ask: &Ask<'_>) -> Result<&'c Price, Refusal> {
        let model = ask.model.as_deref().unwrap_or_default();
        self.provider.price(model).ok_or_else(|| {
            let message = match self.api.family() {
                Family::OpenAi => {
                    format!("The model `{model}` does not exist or you do not have access to it.")
                }
                Family::Anthropic => format!("model: {model}"),
                Family::Gemini => format!("models/{model} is not found for API version v1beta."),
            };
            Refusal::new(404, message)
        })
    }

    /// Refuses by limit, by script, or sends elsewhere.
    fn turned_away(&self, settled: &Settled<'_>) -> Option<Response<Body>> {
        let script = &settled.script;
        if !settled.state.fits {
            self.provider.fire(Fault::Limit);
            return Some(self.refuse(&limited(self.api, &settled.state), Some(settled), None));
        }
        if let Some(status) = script.status {
            self.provider.fire(Fault::Status);
            let mut refusal = Refusal::new(status, sentence(status));
            refusal.code.clone_from(&script.code);
            return Some(self.refuse(&refusal, Some(settled), script.retry_after.as_deref()));
        }
        let target = HeaderValue::from_str(script.redirect.as_ref()?).ok()?;
        self.provider.fire(Fault::Redirect);
        let refusal = Refusal::new(307, "moved");
        let mut response = self.refuse(&refusal, Some(settled), None);
        response.headers_mut().insert("location", target);
        Some(response)
    }

    fn refuse(
        &self,
        refusal: &Refusal,
        settled: Option<&Settled<'_>>,
        after: Option<&str>,
    ) -> Response<Body> {
        let html = settled.is_some_and(|settled| settled.script.html);
        let mut response = if html {
            plain(refusal.status, "text/html", PAGE)
        } else {
            plain(refusal.status, "application/json", refusal.body(self.api.family(), self.number))
        };
        let wait = refusal.wait_ms.map(|wait| wait.div_ceil(1000).to_string());
        if let Some(value) = after.or(wait.as_deref()).and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert("retry-after", value);
        }
        if let Some(settled) = settled {
            self.tell_limits(&settled.state, &mut response);
        }
        self.name(&mut response);
        let line = settled.map_or_else(|| self.blank(), |settled| self.line(settled));
        let line = Line { tokens: TokenCount::default(), status: refusal.status, ..line };
        self.provider.charge(line, Ending::Refused);
        response
    }

    fn blank(&self) -> Line {
        Line {
            api: self.api,
            model: String::new(),
            key: String::new(),
            tokens: TokenCount::default(),
            cost: Money::ZERO,
            at: self.now,
            status: 200,
            limit: None,
            ending: Ending::Refused,
        }
    }

    /// Returns the line of the bill as it stands before the first byte: a stream has used its prompt, all
    /// else is charged in full.
    fn line(&self, settled: &Settled<'_>) -> Line {
        let reply = &settled.reply;
        let grows = settled.script.endless
            || (reply.framing != Framing::Whole && self.provider.cuts() == Cuts::Generated);
        let shown = if grows { 0 } else { reply.all_shown() };
        Line {
            model: reply.model.clone(),
            key: settled.key.to_owned(),
            tokens: reply.used(shown),
            limit: settled.limit,
            ..self.blank()
        }
    }

    /// Does what happens in place of a head, and then says nothing more.
    async fn before_head(&self, action: &Action, tab: &mut Tab) {
        let (fault, hangup) = match action {
            Action::Stall(Some(_)) | Action::Error(_) => return,
            Action::Stall(None) => (Fault::Stall, None),
            Action::Cut => (Fault::Cut, Some(Hangup::Close)),
            Action::Reset => (Fault::Reset, Some(Hangup::Reset)),
            Action::EndlessHead => (Fault::EndlessHead, Some(Hangup::EndlessHead)),
        };
        self.provider.fire(fault);
        if let Some(hangup) = hangup {
            tab.close(Ending::Cut);
            self.link.hang_up(hangup);
        }
        std::future::pending::<()>().await;
    }

    fn tell(&self, settled: Settled<'_>, tab: Tab) -> Response<Body> {
        let Settled { script, reply, vectors, state, .. } = settled;
        for (fires, fault) in [
            (script.overrun.is_some(), Fault::Overrun),
            (script.endless, Fault::Endless),
            (script.slow.is_some(), Fault::Slow),
            (script.gzip, Fault::Gzip),
            (script.lie != Lie::Truth && reply.framing == Framing::Whole, Fault::Usage),
        ] {
            if fires {
                self.provider.fire(fault);
            }
        }
        let kind = match reply.framing {
            Framing::Body | Framing::Events => "text/event-stream; charset=utf-8",
            Framing::Whole | Framing::Array => "application/json",
        };
        let source = match (reply.framing, vectors) {
            (Framing::Whole, _) if script.endless => Source::flood(reply),
            (Framing::Whole, vectors) => Source::whole(vectors.unwrap_or_else(|| reply.whole()), &script),
            _ => Source::events(reply),
        };
        let telling = Telling::new(source, tab, self.link.clone(), &script);
        let mut response = Response::new(Body::Told(Box::new(telling)));
        response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
        if script.gzip {
            response.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        }
        self.tell_limits(&state, &mut response);
        self.name(&mut response);
        response
    }

    fn tell_limits(&self, state: &State, response: &mut Response<Body>) {
        for (name, value) in headers(self.api.family(), state, self.now) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// Gives the answer its number.
    fn name(&self, response: &mut Response<Body>) {
        let name = match self.api.family() {
            Family::OpenAi => "x-request-id",
            Family::Anthropic => "request-id",
            Family::Gemini => return,
        };
        if let Ok(value) = HeaderValue::from_str(&format!("req_{:016x}", self.number)) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Settles how the answer is framed: where the path leaves it open, the body says.
fn framing(by_path: Framing, ask: &Ask<'_>) -> Framing {
    match by_path {
        Framing::Body if ask.stream == Some(true) => Framing::Events,
        Framing::Body => Framing::Whole,
        framing => framing,
    }
}

fn too_long(api: Api, tokens: u64, most: u64) -> Refusal {
    match api.family() {
        Family::OpenAi => Refusal::new(
            400,
            format!("This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} tokens."),
        )
        .with_code("context_length_exceeded"),
        Family::Anthropic => Refusal::new(400, format!("prompt is too long: {tokens} tokens > {most} maximum")),
        Family::Gemini => Refusal::new(
            400,
            format!("The input token count ({tokens}) exceeds the maximum number of tokens allowed ({most})."),
        ),
    }
}

fn limited(api: Api, state: &State) -> Refusal {
    let wait = state.requests.wait_ms.max(state.tokens.wait_ms);
    let (kind, told) = if state.tokens.wait_ms >= state.requests.wait_ms {
        ("tokens per min (TPM)", &state.tokens)
    } else {
        ("requests per min (RPM)", &state.requests)
    };
    let message = match api.family() {
        Family::OpenAi => format!(
            "Rate limit reached in organization org-simulated on {kind}: Limit {}, Used {}. Please try again in {}.",
            told.limit,
            told.limit - told.remaining,
            length(wait)
        ),
        Family::Anthropic => {
            format!("This request would exceed your organization's rate limit of {} {kind}.", told.limit)
        }
        Family::Gemini => "Resource has been exhausted (e.g. check quota).".to_owned(),
    };
    Refusal { wait_ms: Some(wait), ..Refusal::new(429, message) }
}

/// Writes the answer of Embeddings.
fn vectors(ask: &Ask<'_>, reply: &Reply) -> String {
    let input = ask.input.map_or("", serde_json::value::RawValue::get);
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(input).unwrap_or_default();
    // A list of numbers is one text, already cut into tokens.
    let texts = list.iter().filter(|part| part.get().starts_with(['"', '['])).count().max(1);
    let length = ask.dimensions.unwrap_or(1536).clamp(1, 4096);
    let vector = if ask.encoding_format.as_deref() == Some("base64") {
        let bytes: Vec<u8> = std::iter::repeat_n(0.03125_f32.to_le_bytes(), length).flatten().collect();
        format!("\"{}\"", base64(&bytes))
    } else {
        format!("[{}]", vec!["0.03125"; length].join(","))
    };
    chat::embeddings(reply, texts, &vector)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = [0_u8; 3];
        bits[..group.len()].copy_from_slice(group);
        let all = u32::from_be_bytes([0, bits[0], bits[1], bits[2]]);
        for place in 0..4 {
            let letter = ALPHABET[(all >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Answers a token count, which is free of charge.
fn count(api: Api, body: &[u8]) -> Response<Body> {
    let Ok(ask) = Ask::read(body) else {
        let refusal = Refusal::new(400, "The request is not valid.");
        return plain(400, "application/json", refusal.body(api.family(), 0));
    };
    let name = if api == Api::Gemini { "totalTokens" } else { "input_tokens" };
    plain(200, "application/json", format!(r#"{{"{name}":{}}}"#, ask.prompt()))
}

/// Answers the list of models, in the shape that the asking family knows.
fn models(provider: &Provider, anthropic: bool) -> Response<Body> {
    let mut data = String::new();
    for model in provider.models() {
        let name = quoted(model);
        let comma = if data.is_empty() { "" } else { "," };
        let _ = if anthropic {
            write!(
                data,
                r#"{comma}{{"type":"model","id":{name},"display_name":{name},"created_at":"2026-01-01T00:00:00Z"}}"#
            )
        } else {
            write!(
                data,
                r#"{comma}{{"id":{name},"object":"model","created":1767225600,"owned_by":"simulated"}}"#
            )
        };
    }
    let body = if anthropic {
        format!(r#"{{"data":[{data}],"has_more":false,"first_id":null,"last_id":null}}"#)
    } else {
        format!(r#"{{"object":"list","data":[{data}]}}"#)
    };
    plain(200, "application/json", body)
}

fn plain(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Plain(Some(body.into())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    response
}
