//! `outlay demo`: a simulated provider, the guard before it, applications that call, and the screen.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Usage;
use super::args::DemoArgs;
use super::context::{Context, now};
use super::screen;
use crate::config::{
    Access, BaseUrl, FeedSetting, FormatChoice, GuardSetting, InputBound, KeySource, Ledger, OnAbort, Place,
    UpstreamSetting,
};
use crate::demo::client::Applications;
use crate::demo::history::history;
use crate::demo::provider::{Options, Provider, serve};
use crate::demo::traffic::{Incident, Scenario, TENANTS, plan};
use crate::domain::calendar::Calendar;
use crate::domain::call::{Region, TenantId};
use crate::domain::cap::Cap;
use crate::domain::label::Label;
use crate::domain::observation::{Batch, Decoded};
use crate::domain::price::PriceBook;
use crate::domain::switch::Switch;
use crate::domain::time::{Millis, Timestamp};
use crate::guard::{Clock, House, Plan, Ready, Upstream, run as guard};
use crate::store::Store;
use crate::store::guard::{Author, Base, KeyWish, Setup, Vault};
use crate::wire::dialect::Dialect;
use crate::wire::format::Format;

/// The caps that the demo's operator has set. They hold what passes the guard, and that begins with the demo:
/// what was spent before is history, so the limits are what is left of a day. The client that runs away meets
/// its own within minutes.
const CAPS: [&str; 8] = [
    "all 1000/day --soft",
    "tenant:docs-rag 13.60/day --on-breach downgrade:claude-haiku-4-5",
    "tenant:acme-search 57.82/day",
    "tenant:chat-web 1097/month --soft",
    "tenant:evals-nightly 0.01/day",
    "tenant:growth-bot 7.45/day --soft",
    "tenant:beta-copilot 4.10/day",
    "tenant:한빛-번역 2.36/month",
];
/// How long the plan of calls is, in its own time.
const LENGTH: Millis = Millis::from_minutes(24 * 60);
/// A day that is younger has not all in it that [`Scenario::now`] asks for.
const YOUNG: Millis = Millis::from_minutes(6 * 60);
/// What the applications show to nobody: the simulated provider takes any key.
const KEY: &str = "sk-simulated";

/// Runs it. `speed` is how many seconds of the applications' day pass in one.
pub fn run(mut context: Context, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.picture {
        return screen::picture::run(folder);
    }
    let speed = args.speed;
    if speed == 0 || speed > 600 {
        return Err(Usage("--speed is from 1 to 600".to_owned()).into());
    }
    let folder = tempfile::tempdir().context("cannot make a folder for the demo's store")?;
    let path = folder.path().join("demo.db");
    let prices = context.prices()?;
    context.calendar = calendar(now());
    let scenario = scenario(&context.calendar, now());
    remember(&path, (&scenario, &context.calendar), &prices)?;
    let keys = set_up(&path)?;
    // Nothing of the user's is touched, and of the configuration no feed, cap or plan is read: the screen follows
    // a ledger of its own, and the store.
    (context.settings.caps, context.settings.plans) = (Vec::new(), Vec::new());
    let ledger = folder.path().join("more.jsonl");
    std::fs::write(&ledger, "").context("cannot make the demo's ledger")?;
    context.settings.access = Access::default();
    let confirm = Switch::Off;
    context.settings.ui.env = Some(Place { label: "DEMO".to_owned(), color: String::new(), confirm });
    context.settings.set_store(path.clone());
    context.settings.feeds = vec![FeedSetting {
        ledger: Ledger::Glob(ledger.display().to_string()),
        format: FormatChoice::Named(Format::Native),
        tenant: None,
        line: 0,
    }];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let started = runtime.block_on(start(&path, prices, &context.calendar))?;
    let applications = Applications { guard: started.address, keys, speed };
    let from = scenario.now;
    runtime.spawn(async move {
        // The plan of a whole day takes a moment, which the first frame should not wait for.
        if let Ok(calls) = tokio::task::spawn_blocking(move || plan(&scenario)).await {
            applications.run(calls, from).await;
        }
    });
    let house = Arc::clone(&started.house);
    let running =
        runtime.spawn(async move { guard(house, started.ready, async { drop(stopped.await) }).await });
    let shown = screen::run(&context, &args.screen, &[]);
    drop(stop);
    let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(3), running).await });
    runtime.shutdown_background();
    shown
}

/// Returns the calendar of the demo: UTC, or where its day is too young for the plan of a day, one that is eight
/// hours ahead.
fn calendar(now: Timestamp) -> Calendar {
    let utc = Calendar::utc();
    let young = now.since(utc.day(now).start) < YOUNG;
    young.then(|| Calendar::named("Etc/GMT-8").ok()).flatten().unwrap_or(utc)
}

/// Returns the day of the demo: today, with a client that runs away and an outage soon.
fn scenario(calendar: &Calendar, now: Timestamp) -> Scenario {
    let midnight = calendar.day(now).start;
    let minutes = |count| now.after(Millis::from_minutes(count));
    let incidents = vec![
        Incident::Runaway { tenant: "beta-copilot", from: minutes(1), until: minutes(31), times: 150 },
        Incident::Outage { models: "claude", from: minutes(3), until: minutes(5) },
    ];
    Scenario { seed: 7, midnight, now, until: now.after(LENGTH), incidents }
}

/// Writes what was spent before the demo begins.
pub(super) fn remember(
    path: &Path,
    (scenario, calendar): (&Scenario, &Calendar),
    book: &PriceBook,
) -> anyhow::Result<()> {
    let calls = history(scenario, calendar.month(scenario.now).start);
    let mut decoded = Decoded { calls, ..Decoded::default() };
    decoded.tally.lines = decoded.calls.len() as u64;
    let (source, format) = (Label::new("before the demo"), Label::new("demo"));
    let batch = Batch { source, format, decoded, mark: None, note: None };
    let mut pricer = book.pricer();
    Store::open(path)?.import_all(&[batch], &mut |call| pricer.cost(call), scenario.now)?;
    Ok(())
}

/// Sets the caps, and makes each tenant a key.
fn set_up(path: &Path) -> anyhow::Result<HashMap<&'static str, String>> {
    let mut store = Store::open(path)?;
    let author = Author { by: Label::new("demo"), at: now(), why: Label::new("the demo begins") };
    for text in CAPS {
        let cap = Cap::parse(text).map_err(|why| anyhow::anyhow!("{text}: {why}"))?;
        let rev = store.cap_revision()?;
        store.set_cap(&cap, rev, &author)?;
    }
    let mut keys = HashMap::new();
    for tenant in &TENANTS {
        let wish =
            KeyWish { tenant: TenantId::new(tenant.name), expires: None, by: author.by, at: author.at };
        keys.insert(tenant.name, store.create_key(&wish)?.reveal().to_owned());
    }
    Ok(keys)
}

/// A guard that is about to run.
struct Started {
    address: std::net::SocketAddr,
    house: Arc<House>,
    ready: Ready,
}

/// Starts the provider, and makes the guard before it ready, each on a port of its own on this machine.
async fn start(path: &Path, prices: PriceBook, calendar: &Calendar) -> anyhow::Result<Started> {
    let behind = listen().await?;
    let provider = behind.local_addr()?.to_string();
    tokio::spawn(serve(behind, Provider::new(Options::new(Arc::new(now)))));
    let (calls, admin) = (listen().await?, listen().await?);
    let address = calls.local_addr()?;
    let upstreams = [("openai", Dialect::OpenAi, "/v1"), ("anthropic", Dialect::Anthropic, "")];
    let upstreams = upstreams.map(|(name, dialect, path)| upstream(name, dialect, (&provider, path)));
    let upstreams = upstreams.into_iter().map(|setting| Upstream::new(setting, &|_| Some(KEY.to_owned())));
    let upstreams = upstreams.collect::<Result<Vec<_>, String>>().map_err(anyhow::Error::msg)?;
    let clock = Clock::system();
    let vault = Vault::open(Setup {
        path: path.to_owned(),
        name: Label::new("demo"),
        pid: std::process::id(),
        listen: Label::new(&address.to_string()),
        calendar: calendar.clone(),
        base: Base::default(),
        linger: super::guard::LINGER,
        now: clock.both(),
    })?;
    let guard = GuardSetting { listen: address, admin: admin.local_addr()?, ..GuardSetting::default() };
    let house = House::new(Plan { guard, upstreams, vault, prices, calendar: calendar.clone(), clock });
    Ok(Started { address, house: Arc::new(house), ready: Ready { calls, admin } })
}

async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await.context("cannot listen on this machine for the demo")
}

fn upstream(name: &str, dialect: Dialect, (provider, path): (&str, &str)) -> UpstreamSetting {
    UpstreamSetting {
        name: name.to_owned(),
        dialect,
        provider: dialect.provider(),
        base_url: BaseUrl { scheme: "http", authority: provider.to_owned(), path: path.to_owned() },
        key: KeySource::Environment("SIMULATED".to_owned()),
        region: Region::Global,
        tiers: Vec::new(),
        on_abort: OnAbort::Drain,
        input_bound: InputBound::Tokens,
        timeout: Duration::from_mins(1),
        line: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_demo_is_old_enough_at_any_hour() {
        for minute in 0..24 * 60 {
            let now = Timestamp::from_seconds(1_795_305_600).after(Millis::from_minutes(minute));
            let day = calendar(now).day(now);
            assert!(day.contains(now) && now.since(day.start) >= YOUNG, "{minute}");
        }
    }

    #[test]
    fn every_cap_of_the_demo_can_be_read() {
        for text in CAPS {
            assert!(Cap::parse(text).is_ok(), "{text}");
        }
    }
}
