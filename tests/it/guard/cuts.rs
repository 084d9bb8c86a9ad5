//! Answers that break: the client leaves, the provider fails, the usage lies. What is counted is never less
//! than what is billed, and nothing stays held.

use std::io::Read;
use std::time::Duration;

use outlay::config::OnAbort;
use outlay::demo::provider::{Cuts, Fault};

use super::world::{APIS, Api, Build, World};

/// Where a client leaves: after so many bytes of the answer.
const LEAVES: u64 = 50;

/// Reads so many bytes of an answer and leaves.
fn leave(world: &World, api: &Api, bytes: u64) {
    let open = world.open(api.path, &api.with(60, "output=40 slow=1ms"));
    let mut taken = Vec::new();
    open.take(bytes).read_to_end(&mut taken).expect("it is read");
}

fn streams() -> impl Iterator<Item = &'static Api> {
    APIS.iter().filter(|api| api.streams)
}

/// Lets clients leave at each of many places of each API, some at once.
fn clients_leave(on_abort: OnAbort) -> World {
    let close = |setting: &mut outlay::config::UpstreamSetting| setting.on_abort = OnAbort::Close;
    let drain = |setting: &mut outlay::config::UpstreamSetting| setting.on_abort = OnAbort::Drain;
    let upstream: fn(&mut outlay::config::UpstreamSetting) =
        if on_abort == OnAbort::Close { close } else { drain };
    let world = World::build(Build { upstream, ..Build::default() });
    for api in streams() {
        for batch in 0..LEAVES / 10 {
            std::thread::scope(|scope| {
                for place in 0..10 {
                    let world = &world;
                    scope.spawn(move || leave(world, api, 1 + (batch * 10 + place) * 120));
                }
            });
        }
    }
    world.quiet();
    world
}

#[test]
fn a_client_that_leaves_is_settled_exactly_where_the_answer_is_read_on() {
    let world = clients_leave(OnAbort::Drain);
    world.exact(streams().count() as u64 * LEAVES);
}

#[test]
fn a_client_that_leaves_is_charged_at_least_the_bill_where_the_answer_is_closed() {
    let world = clients_leave(OnAbort::Close);
    let sums = world.books();
    let billed = world.billed(streams().count() as u64 * LEAVES);
    assert!(sums.settled + sums.uncertain >= billed, "{sums:?} against {billed}");
    assert!(sums.uncertain > 0, "some have left");
}

#[test]
fn a_provider_that_breaks_off_anywhere_is_never_counted_short() {
    let whole = |options: &mut outlay::demo::provider::Options| options.cuts = Cuts::Whole;
    let mut fired = 0;
    let world = World::build(Build { provider: whole, ..Build::default() });
    let mut requests = 0;
    for api in APIS {
        let places =
            ["headers", "chunk:0", "chunk:1", "chunk:2", "chunk:7", "byte:1", "byte:100", "usage", "end"];
        for place in places {
            for action in ["cut", "reset"] {
                let body = api.with(60, &format!("output=20 {action}@{place}"));
                let _ = world.post(api.path, &body);
                requests += 1;
                fired += 1;
            }
        }
    }
    let sums = world.books();
    let billed = world.billed(requests);
    assert!(sums.settled + sums.uncertain >= billed, "{sums:?} against {billed}");
    assert_eq!(world.provider.fired(Fault::Cut) + world.provider.fired(Fault::Reset), fired);
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
    for (api, place) in [(APIS[0], "headers"), (APIS[1], "chunk:3"), (APIS[4], "chunk:0"), (APIS[7], "usage")]
    {
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
fn an_explicit_zero_is_zero_and_the_last_usage_counts() {
    let world = World::new();
    assert_eq!(world.post(APIS[0].path, &APIS[0].with(60, "output=20 usage=zero")).status, 200);
    let sums = world.books();
    assert_eq!((sums.settled, sums.uncertain), (0, 0));
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
