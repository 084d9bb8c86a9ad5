//! Answers that break: the client leaves, the provider fails, the usage lies. What is counted is never less
//! than what is billed, and nothing stays held.

use std::io::Read;
use std::time::Duration;

use outlay::config::OnAbort;
use outlay::demo::provider::{Cuts, Fault};

use super::world::{APIS, Api, Build, Sums, World};

/// At how many places of each answer a client leaves.
const PLACES: usize = 50;
/// An answer of more chunks than that, one by one.
const PIECES: &str = "output=60 chunk=1 slow=1ms";

/// Reads so many bytes of an answer and leaves.
fn leave(world: &World, api: &Api, bytes: usize) {
    let open = world.open(api.path, &api.with(60, PIECES));
    let mut taken = Vec::new();
    open.take(bytes as u64).read_to_end(&mut taken).expect("it is read");
}

fn streams() -> impl Iterator<Item = &'static Api> {
    APIS.iter().filter(|api| api.streams)
}

/// Lets clients leave at each of many places of each API, some at once; one reads to the end.
fn clients_leave(on_abort: OnAbort) -> World {
    let close = |setting: &mut outlay::config::UpstreamSetting| setting.on_abort = OnAbort::Close;
    let drain = |setting: &mut outlay::config::UpstreamSetting| setting.on_abort = OnAbort::Drain;
    let upstream: fn(&mut outlay::config::UpstreamSetting) =
        if on_abort == OnAbort::Close { close } else { drain };
    let world = World::build(Build { upstream, ..Build::default() });
    for api in streams() {
        let whole = super::world::read_all(&mut world.open(api.path, &api.with(60, PIECES))).len();
        let places: Vec<usize> = (0..PLACES).map(|place| 1 + whole * place / PLACES).collect();
        for some in places.chunks(10) {
            std::thread::scope(|scope| {
                for place in some {
                    scope.spawn(|| leave(&world, api, *place));
                }
            });
        }
    }
    world.quiet();
    world
}

/// The requests of [`clients_leave`].
fn left() -> u64 {
    (streams().count() * (PLACES + 1)) as u64
}

#[test]
fn a_client_that_leaves_is_settled_exactly_where_the_answer_is_read_on() {
    let world = clients_leave(OnAbort::Drain);
    world.exact(left());
}

#[test]
fn a_client_that_leaves_is_charged_at_least_the_bill_where_the_answer_is_closed() {
    let world = clients_leave(OnAbort::Close);
    let sums = world.books();
    let billed = world.billed(left());
    assert!(sums.settled + sums.uncertain >= billed, "{sums:?} against {billed}");
    let cut = uncertain(&world);
    assert!(cut >= left() / 2, "{cut} of {} were closed in the middle", left());
}

/// Calls that are charged without proof.
fn uncertain(world: &World) -> u64 {
    let text = world.ask_admin("GET", "/metrics", &[]).text();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("outlay_calls_total{") && line.contains(r#"closing="uncertain""#));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[test]
fn a_provider_that_breaks_off_before_the_usage_is_charged_in_full_wherever_it_was() {
    let whole = |options: &mut outlay::demo::provider::Options| options.cuts = Cuts::Whole;
    let mut fired = 0;
    let world = World::build(Build { provider: whole, ..Build::default() });
    let mut before = Sums { settled: 0, uncertain: 0 };
    for api in APIS {
        let places = ["headers", "chunk:0", "chunk:1", "chunk:2", "chunk:7", "byte:1", "byte:100", "usage"];
        for place in places {
            for action in ["cut", "reset"] {
                let name = format!("{} {action} {place}", api.name);
                let _ = world.post(api.path, &api.with(60, &format!("output=20 {action}@{place}")));
                fired += 1;
                let (sums, billed) = (world.books(), world.billed(fired));
                let is_there = world.provider.fired(Fault::Cut) + world.provider.fired(Fault::Reset) == fired;
                assert!(is_there, "{name}");
                assert_eq!(sums.settled, before.settled, "{name}: nothing proves what it cost");
                assert!(
                    sums.uncertain > before.uncertain && sums.uncertain >= billed,
                    "{name}: {sums:?} {billed}"
                );
                before = sums;
            }
        }
    }
}

#[test]
fn a_provider_that_breaks_off_after_the_usage_is_never_counted_short() {
    let whole = |options: &mut outlay::demo::provider::Options| options.cuts = Cuts::Whole;
    for api in APIS {
        for action in ["cut", "reset"] {
            let world = World::build(Build { provider: whole, ..Build::default() });
            let _ = world.post(api.path, &api.with(60, &format!("output=20 {action}@end")));
            let (sums, billed) = (world.books(), world.billed(1));
            let proven = sums == Sums { settled: billed, uncertain: 0 };
            assert!(
                proven || (sums.settled == 0 && sums.uncertain >= billed),
                "{} {action}: {sums:?}",
                api.name
            );
        }
    }
}

#[test]
fn a_handshake_that_fails_is_502_and_free() {
    let secure = |setting: &mut outlay::config::UpstreamSetting| setting.base_url.scheme = "https";
    let world = World::build(Build { upstream: secure, ..Build::default() });
    for api in APIS {
        assert_eq!(world.post(api.path, &api.with(10, "")).status, 502, "{}", api.name);
    }
    assert_eq!(world.books(), Sums { settled: 0, uncertain: 0 });
    assert_eq!(world.provider.requests(), 0);
}

#[test]
fn usage_that_came_before_the_break_is_the_last_word() {
    // Where the stream has told all before it breaks, nothing is in doubt.
    for api in streams().filter(|api| !api.name.contains("array")) {
        let world = World::new();
        let reply = world.post(api.path, &api.with(60, "output=20 cut@end"));
        assert!(!reply.whole, "{}", api.name);
        world.exact(1);
    }
}

#[test]
fn a_provider_that_hangs_is_charged_in_full_after_its_time() {
    let quick = |setting: &mut outlay::config::UpstreamSetting| setting.timeout = Duration::from_millis(200);
    let world = World::build(Build { upstream: quick, ..Build::default() });
    let places = ["headers", "chunk:0", "chunk:1", "usage"];
    for (api, place) in APIS.iter().flat_map(|api| places.map(|place| (api, place))) {
        let reply = world.post(api.path, &api.with(60, &format!("output=20 stall@{place}")));
        assert!(reply.status == 504 || !reply.whole, "{} {place}", api.name);
    }
    let sums = world.books();
    assert!(sums.settled == 0 && sums.uncertain > 0, "{sums:?}");
}

#[test]
fn a_usage_that_lies_is_taken_by_rule() {
    for api in APIS {
        for (lie, exact) in [
            ("twice", true),
            ("growing", true),
            ("none", false),
            ("null", false),
            ("string", false),
            ("negative", false),
            ("huge", false),
            ("elsewhere", false),
        ] {
            let world = World::new();
            let reply = world.post(api.path, &api.with(60, &format!("output=20 usage={lie}")));
            assert_eq!(reply.status, 200, "{} {lie}", api.name);
            let (sums, billed) = (world.books(), world.billed(1));
            assert!(sums.settled + sums.uncertain >= billed, "{} {lie}: {sums:?} {billed}", api.name);
            assert_eq!(sums.settled == billed, exact, "{} {lie}: {sums:?} {billed}", api.name);
        }
    }
}

#[test]
fn an_explicit_zero_is_zero() {
    for api in APIS {
        let world = World::new();
        assert_eq!(world.post(api.path, &api.with(60, "output=20 usage=zero")).status, 200);
        assert_eq!(world.books(), Sums { settled: 0, uncertain: 0 }, "{}", api.name);
    }
}

#[test]
fn a_usage_that_is_told_again_and_smaller_counts_as_it_was_told_last_and_is_shown() {
    for api in streams() {
        let world = World::new();
        assert!(world.post(api.path, &api.with(60, "output=20 usage=smaller")).whole);
        let (sums, billed) = (world.books(), world.billed(1));
        // Each count is told as its half, rounded down; Anthropic's language tells the prompt only once.
        let half = billed / 3..=billed * 3 / 5;
        assert!(sums.uncertain == 0 && half.contains(&sums.settled), "{sums:?} {billed}");
        assert_eq!(world.metric(r#"outlay_oddities_total{kind="usage_shrank"}"#), 1, "{}", api.name);
    }
}

#[test]
fn a_usage_past_the_bound_is_charged_as_it_is_and_the_model_is_marked() {
    for api in APIS {
        let world = World::new();
        assert_eq!(world.post(api.path, &api.with(60, "output=20 input=20000")).status, 200);
        world.exact(1);
        assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 1, "{}", api.name);
    }
}

#[test]
fn an_error_inside_a_stream_still_bills_what_was_said() {
    for api in streams() {
        let world = World::new();
        let _ = world.post(api.path, &api.with(60, "output=20 error@chunk:5"));
        let (sums, billed) = (world.books(), world.billed(1));
        assert!(sums.settled + sums.uncertain >= billed, "{}: {sums:?} {billed}", api.name);
    }
}

#[test]
fn what_never_ends_ends() {
    let quick = |setting: &mut outlay::config::UpstreamSetting| setting.timeout = Duration::from_secs(20);
    let world = World::build(Build { upstream: quick, ..Build::default() });
    // An endless stream burns its fuse; an endless head and a bomb are too large.
    let endless = world.post(APIS[1].path, &APIS[1].with(60, "endless"));
    assert!(!endless.whole);
    let head = world.post(APIS[2].path, &APIS[2].with(60, "endless@headers"));
    assert_eq!(head.status, 502);
    let bomb = world.post(APIS[4].path, &APIS[4].with(60, "gzip pad=50000000"));
    assert_eq!((bomb.status, bomb.header("content-encoding")), (200, Some("gzip")));
    assert!(bomb.body.len() < 1 << 20, "it passes as it is and is not blown up");
    let sums = world.books();
    assert!(sums.uncertain > 0 && sums.settled > 0, "{sums:?}");
}
