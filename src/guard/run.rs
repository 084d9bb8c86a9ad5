//! The life of a guard: it listens, tells how it is, and ends without losing money.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::house::{House, Stage};
use super::serve::{Face, serve};
use crate::count::Tokenizer;
use crate::domain::label::Label;
use crate::domain::period_clock::Doubt;
use crate::store::guard::Beat;
use crate::wire::dialect::Dialect;

/// How often it tells how it is.
const BEAT: Duration = Duration::from_millis(250);
/// How often the providers are asked for the time, while the clock is in doubt.
const ASK: Duration = Duration::from_secs(10);
/// How often holds of guards that have died are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// How long cut calls may take to close their holds.
const LAST: Duration = Duration::from_secs(2);

/// The sockets that a guard listens on.
pub struct Ready {
    /// For calls.
    pub calls: TcpListener,
    /// For health and metrics.
    pub admin: TcpListener,
}

/// Runs until `stop` comes; then new calls are refused, those in flight may end, and the rest is charged as
/// uncertain.
pub async fn run(house: Arc<House>, ready: Ready, stop: impl Future<Output = ()>) {
    if house.upstreams.iter().any(|upstream| upstream.setting.dialect == Dialect::OpenAi) {
        // The vocabulary of older models is loaded when one of them is called.
        let known = Tokenizer::of("gpt-4o");
        drop(known.map(|tokenizer| tokio::task::spawn_blocking(move || tokenizer.load())));
    }
    tokio::spawn(serve(ready.calls, Arc::clone(&house), Face::Calls));
    tokio::spawn(serve(ready.admin, Arc::clone(&house), Face::Admin));
    tokio::pin!(stop);
    tokio::select! {
        () = pulse(&house) => {}
        () = &mut stop => {}
    }
    house.stage.send_replace(Stage::Stopping);
    tokio::select! {
        () = pulse(&house) => {}
        () = house.quiet() => {}
        () = tokio::time::sleep(house.guard.bounds.drain) => {}
    }
    house.stage.send_replace(Stage::Cut);
    // Each call that is cut closes its hold as it goes; what is not written by then the next sweep finds.
    let _ = tokio::time::timeout(LAST, closed(&house)).await;
}

/// Waits until no call is in flight and all that they have closed is written: a sweep stands in line behind it.
async fn closed(house: &House) {
    house.quiet().await;
    let (written, wait) = oneshot::channel();
    house.vault.sweep(house.clock.now(), |_| {
        // Nobody may wait any more.
        let _ = written.send(());
    });
    let _ = wait.await;
}

/// Tells how the guard is, and looks for others that have died.
async fn pulse(house: &Arc<House>) {
    let mut beat = tokio::time::interval(BEAT);
    let mut swept = tokio::time::Instant::now();
    let mut asked: Option<tokio::time::Instant> = None;
    loop {
        beat.tick().await;
        house.vault.beat(Beat {
            now: house.clock.both(),
            in_flight: *house.flight.borrow() as u64,
            admitted: house.tally.admitted.load(Ordering::Relaxed),
            refused: house.tally.refused.load(Ordering::Relaxed),
            note: note(house),
        });
        let doubted = matches!(house.vault.view().doubt, Some(Doubt::Ahead(_)));
        if doubted && asked.is_none_or(|asked| asked.elapsed() >= ASK) {
            asked = Some(tokio::time::Instant::now());
            tokio::spawn(ask_the_time(Arc::clone(house)));
        }
        if swept.elapsed() >= SWEEP {
            swept = tokio::time::Instant::now();
            house.vault.sweep(house.clock.now(), |_| {});
        }
    }
}

/// Says what people should look at, the gravest first.
fn note(house: &House) -> Option<Label> {
    house.vault.view().doubt.map(doubt).or_else(|| passed(house)).or_else(|| house.warned())
}

fn doubt(doubt: Doubt) -> Label {
    let (word, apart) = match doubt {
        Doubt::Ahead(apart) => ("ahead", apart),
        Doubt::Behind(apart) => ("behind", apart),
    };
    let minutes = apart.count() / 60_000;
    Label::new(&format!(
        "the clock is {minutes} min {word}: no window starts anew until a provider's date agrees"
    ))
}

fn passed(house: &House) -> Option<Label> {
    let marked = house.marked();
    let first = marked.first()?;
    let more = if marked.len() > 1 { format!(" and {} more", marked.len() - 1) } else { String::new() };
    Some(Label::new(&format!("bound passed: {first}{more}")))
}

/// Asks the providers for their time, where the clock is ahead of all that is known: calls that a full window
/// stops would never bring an answer that says it.
async fn ask_the_time(house: Arc<House>) {
    for upstream in &house.upstreams {
        if let Some(date) = upstream.date().await {
            house.vault.witness(date, house.clock.both(), |_| {});
        }
    }
}
