//! How long a guard waits for a hold, at 1, 64, 256 and 1,000 callers, against the disk in the same run.
//!
//! `cargo bench --bench reserve [FOLDER]`: the store is made in FOLDER, or where temporary files are. A hold takes some
//! microseconds besides the wait for the disk, which all that ask at once share: on a disk that is quick, a crowd waits
//! for one another. How it is on a slower one is seen with
//! `strace -f --seccomp-bpf -e trace=fsync,fdatasync -e inject=fsync,fdatasync:delay_exit=4000 PROGRAM FOLDER`, where
//! PROGRAM is what `cargo bench --no-run` names: each wait for the disk is then 4 ms longer.

#![expect(clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use outlay::domain::amount::Amount;
use outlay::domain::calendar::Calendar;
use outlay::domain::call::{CallId, ModelId, Provider, TenantId};
use outlay::domain::cap::Cap;
use outlay::domain::cap_book::Caller;
use outlay::domain::gate::Pricing;
use outlay::domain::hold::{Attempt, PriceRev};
use outlay::domain::label::Label;
use outlay::domain::money::Money;
use outlay::domain::period_clock::Clocks;
use outlay::domain::time::{Millis, Timestamp};
use outlay::domain::tokens::Tokens;
use outlay::store::Store;
use outlay::store::guard::{Answer, Author, Base, Dispatch, Reserve, Setup, Vault};

const CALLERS: [usize; 4] = [1, 64, 256, 1_000];
const CALLS: usize = 8_000;
const NOW: Clocks = Clocks { wall: Timestamp::from_millis(1_795_132_800_000), steady: Millis::new(0) };

fn main() {
    let folder = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let made = match folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let made = made.expect("a folder");
    let disk = disk(made.path());
    let base = told("fdatasync", disk, None);
    for callers in CALLERS {
        let path = made.path().join(format!("{callers}.db"));
        told(&format!("{callers} callers"), reserves(&path, callers), Some(base));
    }
}

/// Prints the middle, the slowest hundredth and the slowest, and how they stand to the disk's.
fn told(name: &str, mut times: Vec<Duration>, base: Option<[Duration; 3]>) -> [Duration; 3] {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied();
    let figures = [50, 99, 100].map(|share| at(share).expect("a time"));
    let [middle, slow, most] = figures;
    let ratio = base.map_or_else(String::new, |base| {
        let of = |time: Duration, base: Duration| time.as_micros() * 100 / base.as_micros().max(1);
        let (middle, slow) = (of(middle, base[0]), of(slow, base[1]));
        format!("  p50 {}.{:02}x  p99 {}.{:02}x", middle / 100, middle % 100, slow / 100, slow % 100)
    });
    println!("{name:<14} p50 {middle:>10.1?}  p99 {slow:>10.1?}  max {most:>10.1?}{ratio}");
    figures
}

/// Waits for the disk, as each commit must.
fn disk(folder: &Path) -> Vec<Duration> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("disk")).expect("a file");
    let one = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4_096]).expect("written");
        file.sync_data().expect("synced");
        start.elapsed()
    };
    (0..500).map(one).collect()
}

/// Lets callers ask, each again as soon as it is answered.
fn reserves(path: &Path, callers: usize) -> Vec<Duration> {
    let mut store = Store::open(path).expect("a store");
    let author = Author { by: Label::new("bench"), at: NOW.wall, why: Label::new("") };
    for text in ["all 1000000/day", "each-tenant 100000/month", "model:m 100000/rolling:30d"] {
        let expected = store.cap_revision().expect("the caps");
        store.set_cap(&Cap::parse(text).expect("a cap"), expected, &author).expect("set");
    }
    drop(store);
    let name = Label::new("bench");
    let (listen, calendar, base) = (Label::new(""), Calendar::utc(), Base::default());
    let linger = Duration::ZERO;
    let setup = Setup { path: path.to_owned(), name, pid: 1, listen, calendar, base, linger, now: NOW };
    let vault = Vault::open(setup).expect("a vault");
    let (tell, told) = sync_channel(CALLS + callers);
    for caller in 0..callers {
        ask(&vault, caller, &tell);
    }
    let mut times = Vec::with_capacity(CALLS);
    let calls = if callers == 1 { CALLS / 16 } else { CALLS };
    for call in 0..calls {
        times.push(told.recv().expect("an answer"));
        if call + callers < calls {
            ask(&vault, call + callers, &tell);
        }
    }
    times
}

fn ask(vault: &Vault, call: usize, tell: &SyncSender<Duration>) {
    let (start, tell) = (Instant::now(), tell.clone());
    let tenant = TenantId::new(&format!("t{}", call % 100));
    let (model, provider) = (ModelId::new("m"), Provider::new("p"));
    let order = Reserve {
        caller: Caller { tenant, model, provider, key: None },
        amount: Amount::new(Money::from_nanos(1_000), 1, Tokens::new(10)).expect("fits"),
        pricing: Pricing::Known,
        call: CallId::from_bits(call as u128),
        attempt: Attempt(1),
        price_rev: PriceRev(1),
        predicted: None,
        dispatch: Dispatch::Now,
        once: None,
        now: NOW,
    };
    vault.reserve(order, move |answer| {
        assert!(matches!(answer, Ok(Answer::Admitted(_))), "{answer:?}");
        let _ = tell.send(start.elapsed());
    });
}
