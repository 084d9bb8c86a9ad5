//! What is asked: by whom, for what, within which bounds.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::estimate::{self, Bound, Heeds, Terms};
use super::house::House;
use crate::config::{Bounds, Identity, InputBound};
use crate::count::Tokenizer;
use crate::domain::amount::Unit;
use crate::domain::call::{ModelId, Region, TenantId};
use crate::domain::gate;
use crate::domain::scope::KeyId;
use crate::store::guard::Once;
use crate::wire::dialect::Dialect;
use crate::wire::dialect::field::Unfit;
use crate::wire::dialect::header::{is_plain, presented_key};
use crate::wire::dialect::refusal::Refusal;
use crate::wire::dialect::request::{Delivery, Request, Sending, UsageAsk};
use crate::wire::dialect::route::{self, NotServed, Route, is_model};

/// The header that names the tenant in trust mode.
const TENANT: &str = "x-outlay-tenant";
/// The header by which a request is known again.
const ONCE: &str = "idempotency-key";
/// Bodies above this are read on a thread of their own, bytes.
const LARGE: usize = 64 << 10;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The tenant.
    pub tenant: TenantId,
    /// The key it showed; `None` in trust mode.
    pub key: Option<KeyId>,
}

/// Where a request goes: the number of an upstream and a route.
pub struct Place {
    upstream: usize,
    dialect: Dialect,
    route: Route,
}

/// A request, read.
pub struct Ask {
    /// What it asks for.
    pub route: Route,
    /// Which upstream it goes to.
    pub upstream: usize,
    /// The language of that upstream.
    pub dialect: Dialect,
    /// Who asks.
    pub who: Who,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What it is known by when it is repeated.
    pub once: Option<Once>,
    model: std::sync::OnceLock<ModelId>,
}

/// What would be sent, and what it may cost.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The model that is sent.
    pub model: ModelId,
    /// The model in place of the one asked for.
    pub downgraded: Option<ModelId>,
    /// The bounds.
    pub bound: Bound,
    /// How the model was trusted when they were made.
    pub heeds: Heeds,
    /// Where it is processed.
    pub region: Region,
    /// The body to send.
    pub body: Bytes,
    /// How the answer comes.
    pub delivery: Delivery,
    /// Whether the event with the usage is to be taken out of the answer.
    pub usage: UsageAsk,
}

impl Estimate {
    /// Returns what the gate is asked.
    pub fn ask(&self) -> gate::Ask {
        gate::Ask { model: self.model, amount: self.bound.amount, pricing: self.bound.pricing }
    }
}

/// Finds the route and the upstream by exact look-ups.
pub fn place(house: &House, head: &Parts) -> Result<Place, Refusal> {
    let names: Vec<&str> = house.upstreams.iter().map(|upstream| upstream.setting.name.as_str()).collect();
    let path = head.uri.path();
    let joined = path.strip_prefix("//").and_then(|rest| rest.get(rest.find('/')?..));
    let path = joined.filter(|_| mutant!("url-join-upstream")).unwrap_or(path);
    let (name, path) = route::named(path, &names);
    let route = route::find(head.method.as_str(), path, head.uri.query()).map_err(Refusal::NotServed)?;
    let speaks = |dialect: Dialect| route.operation.is_spoken_by(dialect);
    let own = |dialect: Dialect| dialect == route.operation.dialect();
    let find = |fits: &dyn Fn(Dialect) -> bool| {
        house.upstreams.iter().position(|upstream| fits(upstream.setting.dialect))
    };
    let upstream = match name {
        Some(name) => house
            .upstreams
            .iter()
            .position(|upstream| upstream.setting.name == name && speaks(upstream.setting.dialect)),
        None => find(&own).or_else(|| find(&speaks)),
    };
    let found = upstream.and_then(|number| Some((number, house.upstreams.get(number)?)));
    let (upstream, found) = found.ok_or(Refusal::NotServed(NotServed::Path))?;
    Ok(Place { upstream, dialect: found.setting.dialect, route })
}

/// Tells who asks. Every key that opens nothing gets the same answer.
pub fn identify(house: &House, headers: &HeaderMap) -> Result<Who, Refusal> {
    if house.guard.identity == Identity::Trust {
        let mut named = headers.get_all(TENANT).iter();
        let (tenant, other) = (named.next().and_then(|name| name.to_str().ok()), named.next());
        let good = |name: &&str| other.is_none() && !name.is_empty() && is_plain(name.as_bytes());
        let tenant = tenant.map(str::trim).filter(good).ok_or(Refusal::Unauthorized)?;
        return Ok(Who { tenant: TenantId::new(tenant), key: None });
    }
    let texts = super::answer::texts(headers);
    let shown = presented_key(&texts).unwrap_or_default();
    let known = house.vault.verify(shown, house.clock.now()).ok_or(Refusal::Unauthorized)?;
    Ok(Who { tenant: known.tenant(), key: Some(known.key()) })
}

/// Reads a body that comes in time and is not too large.
pub async fn read(mut body: Incoming, bounds: &Bounds) -> Result<Bytes, Refusal> {
    use hyper::body::Body;
    if body.size_hint().lower() > bounds.max_body as u64 {
        return Err(Refusal::TooLarge);
    }
    let end = Instant::now() + bounds.body;
    let (mut gathered, mut seen, mut next) = (BytesMut::new(), 0, Instant::now() + bounds.progress);
    loop {
        let frame = timeout_at(next.min(end), body.frame()).await.map_err(|_| Refusal::TooSlow)?;
        let Some(frame) = frame else { return Ok(gathered.freeze()) };
        let frame = frame.map_err(|_| Refusal::Malformed("the body broke off"))?;
        let piece = frame.into_data().map_err(|_| Refusal::Malformed("trailers are not taken"))?;
        if gathered.len() + piece.len() > bounds.max_body {
            return Err(Refusal::TooLarge);
        }
        gathered.extend_from_slice(&piece);
        if gathered.len() - seen >= Bounds::PROGRESS {
            (seen, next) = (gathered.len(), Instant::now() + bounds.progress);
        }
    }
}

impl Ask {
    /// Puts a request together.
    pub fn new(place: Place, who: Who, head: &Parts, body: Bytes) -> Ask {
        let Place { upstream, dialect, route } = place;
        let once = once(who, head, &body);
        let model = std::sync::OnceLock::new();
        Ask { route, upstream, dialect, who, headers: head.headers.clone(), body, once, model }
    }

    /// Returns the model that was asked for, once it has been estimated.
    pub fn model(&self) -> ModelId {
        self.model.get().copied().unwrap_or_else(ModelId::unknown)
    }

    /// Says whether it can be sent as another model: where the path names the model, as one that may stand
    /// there.
    pub fn can_be(&self, model: ModelId) -> bool {
        self.route.model.is_none() || is_model(model.as_str())
    }
}

/// Hashes what a request is known by when it is repeated.
fn once(who: Who, head: &Parts, body: &[u8]) -> Option<Once> {
    let key = head.headers.get(ONCE).filter(|key| !key.is_empty())?;
    let short = |hasher: &blake3::Hasher| {
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        short
    };
    let (mut of_key, mut of_body) = (blake3::Hasher::new(), blake3::Hasher::new());
    for part in [who.tenant.as_str().as_bytes(), key.as_bytes()] {
        of_key.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    for part in [target.as_bytes(), body] {
        of_body.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    Some(Once { key: short(&of_key), body: short(&of_body) })
}

/// What is changed of a request before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The model in place of the one asked for.
    pub model: Option<ModelId>,
    /// The most that it may cost: where the client chose no output limit, one that fits is written. Where none
    /// does, nothing is changed.
    pub room: Option<(Unit, u64)>,
}

/// Estimates a request, as the model it asks for or as another. Large ones are read on a thread of their own.
pub async fn estimate(house: &Arc<House>, ask: &Arc<Ask>, change: Change) -> Result<Estimate, Refusal> {
    if ask.body.len() <= LARGE {
        return work_out(house, ask, change);
    }
    let (house, ask) = (Arc::clone(house), Arc::clone(ask));
    let worked = tokio::task::spawn_blocking(move || work_out(&house, &ask, change)).await;
    worked.unwrap_or(Err(Refusal::Unpriced("the request could not be read".to_owned())))
}

fn work_out(house: &House, ask: &Ask, change: Change) -> Result<Estimate, Refusal> {
    let instead = change.model;
    let upstream = house.upstreams.get(ask.upstream).ok_or(Refusal::NotServed(NotServed::Path))?;
    let request = Request::read(&ask.route, ask.dialect, &ask.body).map_err(Refusal::Unfit)?;
    let peek = request.peek();
    let asked = *ask.model.get_or_init(|| ModelId::new(&peek.model));
    // What is priced is what is sent: a name that is shown in another way is no name of a model.
    if asked.as_str() != peek.model {
        let (field, expected) = ("model".to_owned(), "the plain name of a model");
        return Err(Refusal::Unfit(Unfit::Field { field, found: asked.to_string(), expected }));
    }
    let model = instead.unwrap_or(asked);
    let terms = Terms {
        guard: &house.guard,
        upstream: &upstream.setting,
        prices: &house.prices,
        at: house.clock.now(),
    };
    let counts = upstream.setting.input_bound == InputBound::Tokens && ask.dialect == Dialect::OpenAi;
    let tokenizer = if counts { Tokenizer::of(model.as_str()) } else { None };
    let counted = tokenizer.and_then(|tokenizer| tokenizer.count(request.texts()).ok());
    let heeds = house.heeds(upstream.setting.provider, model);
    let bound = |lowered| {
        estimate::bound(terms, ask.route.operation, peek, (model, counted), (heeds, lowered))
            .map_err(|error| Refusal::Unpriced(error.to_string()))
    };
    let mut found = bound(None)?;
    let again = |limit| bound(Some(limit)).ok().map(|bound| bound.amount);
    let afford = |room| estimate::afford(&found, house.guard.min_output, room, again);
    if let Some(lowered) = change.room.and_then(afford) {
        found = bound(Some(lowered))?;
    }
    let bound = found;
    let sending =
        Sending { limit: bound.limit, model: instead.map(ModelId::as_str), usage: UsageAsk::ByGuard };
    let sent = request.rewrite(&sending).map_err(Refusal::Unfit)?;
    let region = if peek.region == Region::Global { upstream.setting.region } else { peek.region };
    let delivery = peek.delivery;
    let downgraded = instead;
    Ok(Estimate {
        model,
        downgraded,
        bound,
        heeds,
        region,
        body: sent.body.into(),
        delivery,
        usage: sent.usage,
    })
}
