//! One guarded call, from top to bottom: identify, read, estimate, judge and hold, send, relay, settle, write.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::answer::{self, Relayed};
use super::ask::{Ask, Change, Estimate, Who};
use super::body::Body;
use super::estimate::Heeds;
use super::held::{self, Asked, Held};
use super::house::{House, Landing, Stage, reached};
use super::reader::Reader;
use super::settle::{End, Promise, Settled, settle};
use super::upstream::NoAnswer;
use super::{ask, clock, door, free, reply};
use crate::config::OnAbort;
use crate::domain::budget::Budget;
use crate::domain::call::{Call, CallId, ModelId};
use crate::domain::cap_book::Caller;
use crate::domain::closing::Oddity;
use crate::domain::failure::FailureClass;
use crate::domain::gate::{Standing, Verdict};
use crate::domain::hold::Attempt;
use crate::domain::period::periods;
use crate::store::guard::{Dispatch, Repeat, Reserve};
use crate::wire::dialect::Dialect;
use crate::wire::dialect::limits::Answered;
use crate::wire::dialect::refusal::Refusal;
use crate::wire::dialect::route::Billing;

/// How often a call that waits looks for money that another guard has freed.
const LOOK: Duration = Duration::from_millis(100);

/// Answers one request.
pub async fn answer(house: Arc<House>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let dialect = door::dialect(head.uri.path(), &head.headers);
    let answered = serve(&house, &head, body).await;
    answered.unwrap_or_else(|refusal| refused(&house, &refusal, dialect))
}

/// Counts a refusal and writes it.
fn refused(house: &House, refusal: &Refusal, dialect: Dialect) -> Response<Body> {
    house.tally.refused.fetch_add(1, Ordering::Relaxed);
    house.metrics.refused(refusal.code(), refusal.cap().map(|cap| cap.scope.as_str()));
    reply::refuse(refusal, dialect)
}

async fn serve(house: &Arc<House>, head: &Parts, body: Incoming) -> Result<Response<Body>, Refusal> {
    let began = Instant::now();
    door::check(head, &house.names)?;
    let place = ask::place(house, head)?;
    let who = ask::identify(house, &head.headers)?;
    if *house.stage.borrow() > Stage::Open {
        return Err(Refusal::Stopping(reply::SOON));
    }
    door::check_body(head)?;
    let body = ask::read(body, &house.guard.bounds).await?;
    let ask = Ask::new(place, who, head, body);
    pace(house, who)?;
    if ask.route.operation.billing() == Billing::Free {
        return free::pass(house, ask).await;
    }
    let (reader, answered) = Reader::new(house.guard.bounds.progress);
    tokio::spawn(make(Arc::clone(house), ask, reader, began));
    // A task that panics has closed its hold by its `Drop`; its reader only sees that nothing comes.
    answered.await.unwrap_or(Err(Refusal::Unreachable))
}

/// Holds a tenant to the rate of its plan.
fn pace(house: &House, who: Who) -> Result<(), Refusal> {
    let view = house.vault.view();
    let Some(rate) = view.book.plans().rate_of(who.tenant) else { return Ok(()) };
    house.paces.take(who.tenant, rate, house.clock.now()).map_err(Refusal::TooFast)
}

/// Makes a call, whether or not its reader stays: it is cut only where the guard ends.
async fn make(house: Arc<House>, ask: Ask, mut reader: Reader, began: Instant) {
    let landing = Landing::new(&house);
    let mut stage = house.stage.subscribe();
    let tenant = ask.who.tenant;
    tokio::select! {
        made = call(&house, ask, &mut reader, (began, landing)) => {
            if let Err(refusal) = made {
                house.paces.refund(tenant);
                reader.answer(Err(refusal));
            }
        }
        () = reached(&mut stage, Stage::Cut) => reader.break_off(),
    }
}

async fn call(
    house: &Arc<House>,
    ask: Ask,
    reader: &mut Reader,
    (began, landing): (Instant, Landing),
) -> Result<(), Refusal> {
    let ask = Arc::new(ask);
    let id = CallId::from_bits(random()?);
    let (mut held, estimate) = match hold(house, &ask, id, reader).await? {
        Pass::Held(held, estimate) => (held, estimate),
        Pass::Replay(answer) => {
            reader.answer(Ok(answer));
            return Ok(());
        }
    };
    let mut record = record(house, &ask, &estimate, id);
    house.metrics.took(began.elapsed());
    if let Some(to) = estimate.downgraded {
        house.metrics.downgraded(ask.model().as_str(), to.as_str());
    }
    let sent = Instant::now();
    let (end, relayed) = exchange(house, (&ask, &estimate), (&mut held, id), reader).await;
    record.latency = Some(clock::millis(sent));
    record.first_byte = relayed.first_byte;
    let promise = Promise {
        held: held.amount,
        pricing: estimate.bound.pricing,
        output: estimate.bound.output,
        prices: &house.prices,
        call: &record,
    };
    let settled = settle(&promise, &end);
    tell(house, &ask, &settled, &end);
    let heard = relayed.finish(reader, &end, &settled);
    if let (Some(once), Some(answer)) = (ask.once, heard) {
        house.replays.keep(once.key, answer);
    }
    // The hold is closed and the ledger has its row, in one commit.
    house.metrics.closed(&settled.call, settled.closing);
    held.close(settled.closing, settled.call, landing);
    Ok(())
}

/// Makes an identity.
fn random() -> Result<u128, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::Closed(reply::SOON))?;
    Ok(u128::from_le_bytes(bytes))
}

/// What may happen with a request.
enum Pass {
    /// Its money is held.
    Held(Held, Estimate),
    /// It was answered before, and is answered so again.
    Replay(Response<Body>),
}

/// Judges a call and holds its money: as it is, else as the cheaper model that a cap names, once, else with
/// as much output as can be paid, where the client named no limit.
async fn hold(house: &Arc<House>, ask: &Arc<Ask>, id: CallId, reader: &mut Reader) -> Result<Pass, Refusal> {
    let mut change = Change::default();
    let mut estimate = ask::estimate(house, ask, change).await?;
    loop {
        let verdict = match early(house, ask, &estimate) {
            Some(verdict) => verdict,
            None => match admit(house, ask, &estimate, (id, reader)).await? {
                // While it waited the model was seen to pass its bound: what was asked for is not enough.
                Asked::Held(_) if heeds(house, ask, estimate.model) != estimate.heeds => {
                    estimate = ask::estimate(house, ask, change).await?;
                    continue;
                }
                Asked::Held(held) => {
                    house.warn(&held.admission.warnings);
                    return Ok(Pass::Held(held, estimate));
                }
                Asked::Stopped(stop) => stop.verdict,
                Asked::Repeated(repeat) => return repeated(house, ask, repeat).map(Pass::Replay),
                Asked::Closed => return Err(Refusal::Closed(reply::SOON)),
            },
        };
        match verdict {
            Verdict::Downgrade { to, .. } if change.model.is_none() && ask.can_be(to) => {
                change.model = Some(to);
                estimate = ask::estimate(house, ask, change).await?;
            }
            Verdict::Wait { why } => return Err(Refusal::InFlight(reply::cap(&why), reply::SOON)),
            Verdict::Downgrade { why, .. } | Verdict::Reject { why } => {
                change.room = Some((why.touch.cap.limit.unit(), why.room()));
                let lowered = ask::estimate(house, ask, change).await?;
                if lowered.bound.limit >= estimate.bound.limit {
                    return Err(Refusal::Exhausted(reply::cap(&why)));
                }
                estimate = lowered;
            }
            Verdict::Unpriced { .. } => return Err(Refusal::Unpriced(estimate.bound.unknown)),
            Verdict::Allow => return Err(Refusal::Closed(reply::SOON)),
        }
    }
}

/// Says how a model of the upstream is trusted just now.
fn heeds(house: &House, ask: &Ask, model: ModelId) -> Heeds {
    let provider = house.upstreams.get(ask.upstream).map(|upstream| upstream.setting.provider);
    provider.map_or(Heeds::Limits, |provider| house.heeds(provider, model))
}

/// Judges by the caps in memory as if nothing had been spent: what does not pass even so is refused without
/// asking the store. Nothing is let through by it.
fn early(house: &House, ask: &Ask, estimate: &Estimate) -> Option<Verdict> {
    let view = house.vault.view();
    let standings = view.book.caps_for(&caller(house, ask, estimate)).into_iter().map(|touch| Standing {
        resets_at: periods(touch.cap.window, &house.calendar, house.clock.now()).resets_at,
        budget: Budget::default(),
        touch,
    });
    let standings: Vec<Standing> = standings.collect();
    match view.book.judge(&estimate.ask(), &standings, house.clock.now()) {
        Verdict::Allow | Verdict::Wait { .. } => None,
        stopped => Some(stopped),
    }
}

fn caller(house: &House, ask: &Ask, estimate: &Estimate) -> Caller {
    let provider = house.upstreams.get(ask.upstream).map(|upstream| upstream.setting.provider);
    Caller {
        tenant: ask.who.tenant,
        model: estimate.model,
        provider: provider.unwrap_or_else(crate::domain::call::Provider::unknown),
        key: ask.who.key,
    }
}

/// Asks the store; where calls in flight hold the money, waits its turn for some of them to end.
async fn admit(
    house: &Arc<House>,
    ask: &Ask,
    estimate: &Estimate,
    (id, reader): (CallId, &mut Reader),
) -> Result<Asked, Refusal> {
    let order = || Reserve {
        caller: caller(house, ask, estimate),
        amount: estimate.bound.amount,
        pricing: estimate.bound.pricing,
        call: id,
        attempt: Attempt(1),
        price_rev: house.price_rev,
        predicted: estimate.bound.predicted,
        dispatch: Dispatch::Now,
        once: ask.once,
        now: house.clock.both(),
    };
    let deadline = Instant::now() + house.guard.bounds.max_wait;
    let touches = house.vault.view().book.caps_for(&caller(house, ask, estimate));
    let mut line = house.turns.waits(touches.iter().map(|touch| touch.account));
    if line.is_none() {
        match held::reserve(house, order()).await {
            Asked::Stopped(stop) => match &stop.verdict {
                Verdict::Wait { why } => line = Some(why.touch.account),
                _ => return Ok(Asked::Stopped(stop)),
            },
            other => return Ok(other),
        }
    }
    let Some(account) = line else { return Ok(held::reserve(house, order()).await) };
    let waited = async {
        let turn = house.turns.stand(account).await?;
        loop {
            match held::reserve(house, order()).await {
                Asked::Stopped(stop) if matches!(stop.verdict, Verdict::Wait { .. }) => {}
                other => return Some(other),
            }
            let _ = tokio::time::timeout(LOOK, turn.freed()).await;
        }
    };
    tokio::select! {
        waited = timeout_at(deadline, waited) => match waited {
            Ok(Some(asked)) => Ok(asked),
            // The last look says what stands in the way.
            Ok(None) | Err(_) => Ok(held::reserve(house, order()).await),
        },
        () = reader.gone() => Err(Refusal::TimedOut),
    }
}

/// Answers a request that was made before: as then, where that is still known.
fn repeated(house: &House, ask: &Ask, repeat: Repeat) -> Result<Response<Body>, Refusal> {
    let kept = ask.once.and_then(|once| house.replays.find(&once.key)).filter(|_| repeat.same);
    let kept = kept.ok_or(Refusal::Conflict)?;
    let mut response = Response::new(Body::whole(kept.body));
    (*response.status_mut(), *response.headers_mut()) = (kept.status, kept.headers);
    Ok(response)
}

/// Begins the row of the ledger.
fn record(house: &House, ask: &Ask, estimate: &Estimate, id: CallId) -> Call {
    let mut call = Call::new(id, house.clock.now(), ask.who.tenant, estimate.model);
    if let Some(upstream) = house.upstreams.get(ask.upstream) {
        call.provider = upstream.setting.provider;
        call.region = estimate.region;
    }
    call
}

/// Sends what was judged, and passes the answer on.
async fn exchange(
    house: &Arc<House>,
    (ask, estimate): (&Ask, &Estimate),
    (held, id): (&mut Held, CallId),
    reader: &mut Reader,
) -> (End, Relayed) {
    let none = |class| (End::NotSent(class), Relayed::default());
    let Some(upstream) = house.upstreams.get(ask.upstream) else { return none(FailureClass::Unknown) };
    let model = estimate.downgraded.map(ModelId::as_str);
    let Some(request) = upstream.request(&ask.route, model, (&ask.headers, estimate.body.clone())) else {
        return none(FailureClass::InvalidRequest);
    };
    let (sent, deadline) = (Instant::now(), Instant::now() + upstream.setting.timeout);
    held.sent();
    let closes = upstream.setting.on_abort == OnAbort::Close;
    let response = tokio::select! {
        response = timeout_at(deadline, upstream.send(request)) => response,
        () = reader.gone(), if closes => return broken(FailureClass::Cancelled),
    };
    let response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(NoAnswer::NotSent)) => return none(FailureClass::ServerError),
        Ok(Err(NoAnswer::Broken)) => return broken(FailureClass::ServerError),
        Err(_) => return broken(FailureClass::Timeout),
    };
    house.metrics.answered(sent.elapsed());
    let first_byte = clock::millis(sent);
    observe(house, ask, estimate, &response);
    house.witness(response.headers());
    let exchange = answer::Exchange { house, ask, estimate, id, setting: &upstream.setting, deadline };
    let (end, relayed) = exchange.relay(response, reader).await;
    (end, relayed.after(first_byte))
}

fn broken(class: FailureClass) -> (End, Relayed) {
    (End::Broken(class, None), Relayed::default())
}

/// Keeps what the provider says of its limits.
fn observe(house: &House, ask: &Ask, estimate: &Estimate, response: &Response<Incoming>) {
    let headers = answer::texts(response.headers());
    let now = house.clock.now();
    let Some(upstream) = house.upstreams.get(ask.upstream) else { return };
    let provider = upstream.setting.provider.label();
    let answered = Answered { headers: &headers, now };
    let told = crate::wire::dialect::limits::read(&answered, provider.as_str());
    if !told.is_empty() {
        let key = crate::domain::label::Label::new(&upstream.setting.name);
        let model = estimate.model.label();
        house.vault.observe(crate::domain::limits::Limits { provider, key, model, observed_at: now, told });
    }
}

/// Tells the operator what is odd, and remembers models that pass their bounds.
fn tell(house: &House, ask: &Ask, settled: &Settled, end: &End) {
    let Some(oddity) = settled.oddity else { return };
    house.metrics.odd(oddity);
    let cut = matches!(end, End::Fused(..));
    if oddity == Oddity::BoundPassed || cut {
        let provider = house.upstreams.get(ask.upstream).map(|upstream| upstream.setting.provider);
        house.mark(provider.unwrap_or(settled.call.provider), ask.model());
        house.mark(settled.call.provider, settled.call.model);
    }
}
