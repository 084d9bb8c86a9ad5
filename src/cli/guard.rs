//! `outlay guard`: the proxy in front of the providers.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Usage;
use super::args::GuardArgs;
use super::context::{Context, variable};
use crate::config::{GuardSetting, Identity, Reach, Settings};
use crate::domain::label::Label;
use crate::domain::price::PriceBook;
use crate::guard::{Clock, House, Plan, Ready, Upstream, run as guard};
use crate::store::guard::{Setup, Vault};

/// How long a closing may wait for company on its way to the store.
pub const LINGER: Duration = Duration::from_millis(20);

/// Runs it.
pub fn run(context: &Context, args: &GuardArgs) -> anyhow::Result<ExitCode> {
    let setting = setting(&context.settings, args)?;
    let upstreams = upstreams(&context.settings)?;
    let prices = context.prices()?;
    warn(&setting)?;
    if args.check {
        writeln!(io::stdout(), "the configuration can be used: {} upstreams", upstreams.len())?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let house = runtime.block_on(serve(context, setting, (upstreams, prices)))?;
    // Blocked threads of a tokenizer must not hold up the end; the vault writes what waits as it is dropped.
    runtime.shutdown_background();
    drop(house);
    Ok(ExitCode::SUCCESS)
}

/// Takes what the command line says over what the file says.
fn setting(settings: &Settings, args: &GuardArgs) -> anyhow::Result<GuardSetting> {
    let mut setting = settings.guard.clone();
    setting.listen = args.listen.unwrap_or(setting.listen);
    setting.admin = args.admin.unwrap_or(setting.admin);
    if args.expose {
        setting.reach = Reach::Exposed;
    }
    match setting.refuses() {
        Some(why) => Err(Usage(why).into()),
        None => Ok(setting),
    }
}

/// Finds the keys of all upstreams; every fault is told at once.
fn upstreams(settings: &Settings) -> anyhow::Result<Vec<Upstream>> {
    if settings.upstreams.is_empty() {
        let what =
            "there is no [[upstream]] in the configuration: the guard has nothing to stand in front of";
        return Err(Usage(format!("{what}; docs/guard.md shows one")).into());
    }
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for setting in &settings.upstreams {
        match Upstream::new(setting.clone(), &variable) {
            Ok(upstream) => found.push(upstream),
            Err(fault) => faults.push(format!("\n  {fault}")),
        }
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(Usage(format!("keys are missing:{}", faults.concat())).into())
    }
}

fn warn(setting: &GuardSetting) -> io::Result<()> {
    let mut out = io::stderr().lock();
    for (what, address) in [("calls", setting.listen), ("health and metrics", setting.admin)] {
        if !address.ip().is_loopback() {
            writeln!(
                out,
                "outlay: warning: other machines can reach {address} ({what}), without encryption"
            )?;
        }
    }
    if setting.identity == Identity::Trust {
        writeln!(out, "outlay: warning: trust = true: any program here can spend in any tenant's name")?;
    }
    Ok(())
}

async fn serve(
    context: &Context,
    mut setting: GuardSetting,
    (upstreams, prices): (Vec<Upstream>, PriceBook),
) -> anyhow::Result<Arc<House>> {
    let calls = bind(setting.listen).await?;
    let admin = bind(setting.admin).await?;
    (setting.listen, setting.admin) = (calls.local_addr()?, admin.local_addr()?);
    let clock = Clock::system();
    let vault = Vault::open(Setup {
        path: context.store_path()?.to_owned(),
        name: Label::new(&setting.listen.to_string()),
        pid: std::process::id(),
        listen: Label::new(&setting.listen.to_string()),
        calendar: context.calendar.clone(),
        base: context.base(),
        linger: LINGER,
        now: clock.both(),
    })?;
    let mut out = io::stderr();
    writeln!(
        out,
        "outlay: guard on http://{}, health and metrics on http://{}",
        setting.listen, setting.admin
    )?;
    let calendar = context.calendar.clone();
    let house = Arc::new(House::new(Plan { guard: setting, upstreams, vault, prices, calendar, clock }));
    guard(Arc::clone(&house), Ready { calls, admin }, stop()?).await;
    writeln!(io::stderr(), "outlay: guard stopped")?;
    Ok(house)
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Waits for whoever ends the guard: a signal.
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
