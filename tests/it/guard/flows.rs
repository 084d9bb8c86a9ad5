//! What happens to a call: let through, refused, waiting, downgraded, repeated, and how it is settled.

use std::io::Read;
use std::time::Duration;

use outlay::config::ModelSetting;
use outlay::demo::provider::Fault;
use outlay::domain::calendar::Span;
use outlay::domain::call::ModelId;
use outlay::domain::time::Millis;
use outlay::domain::tokens::Tokens;
use outlay::store::Reader;

use super::world::{APIS, Api, Build, CANARY, Reply, Sums, World};

const CHAT: Api = APIS[0];
const CHAT_STREAM: Api = APIS[1];

#[test]
fn every_api_is_settled_to_the_nanodollar() {
    let world = World::new();
    for api in APIS {
        for script in ["", "output=40 reasoning=10 cached=3", "output=1", "output=200 chunk=7"] {
            let reply = world.post(api.path, &api.with(100, script));
            assert_eq!((reply.status, reply.whole), (200, true), "{} {script}: {}", api.name, reply.text());
            assert!(reply.header("x-outlay-call").is_some_and(|call| call.len() == 32));
            assert_eq!(reply.header("x-outlay-cost-usd").is_some(), !api.streams);
        }
    }
    world.exact(APIS.len() as u64 * 4);
    assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 0);
}

#[test]
fn what_goes_upstream_is_what_was_priced_and_carries_one_key() {
    let world = World::new();
    let headers = [
        ("x-outlay-tenant", "acme"),
        ("authorization", "Bearer sk-of-the-client"),
        ("openai-organization", "org-of-another"),
        ("x-forwarded-for", "6.6.6.6"),
        ("connection", "close, user-agent"),
        ("user-agent", "test"),
        ("accept-encoding", "gzip"),
    ];
    let body = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let reply = world.send("POST", "/openai/v1/chat/completions", &headers, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    world.exact(1);
    let received = world.provider.received();
    let [sent] = received.as_slice() else { panic!("one request") };
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/v1/chat/completions"));
    let values = |name: &str| -> Vec<&str> {
        sent.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(values("authorization"), [format!("Bearer {CANARY}")]);
    assert_eq!(values("accept-encoding"), ["identity"]);
    for gone in ["openai-organization", "x-forwarded-for", "user-agent", "x-outlay-tenant"] {
        assert!(values(gone).is_empty(), "{gone}");
    }
    let sent: serde_json::Value = serde_json::from_slice(&sent.body).expect("JSON");
    assert_eq!(
        (&sent["max_completion_tokens"], &sent["stream_options"]["include_usage"]),
        (&500.into(), &true.into())
    );
}

#[test]
fn a_usage_that_only_the_guard_asked_for_is_taken_out_again() {
    let world = World::new();
    let plain = world.post(CHAT_STREAM.path, &CHAT_STREAM.with(50, "output=20"));
    assert!(!plain.text().contains("prompt_tokens") && plain.text().ends_with("data: [DONE]\n\n"));
    let asked = CHAT_STREAM
        .with(50, "output=20")
        .replace(r#""stream":true"#, r#""stream":true,"stream_options":{"include_usage":true}"#);
    assert!(world.post(CHAT_STREAM.path, &asked).text().contains("prompt_tokens"));
    world.exact(2);
}

#[test]
fn an_exhausted_cap_is_402_in_every_language_and_nothing_goes_upstream() {
    let world = World::build(Build { caps: vec!["tenant:acme 0.000001/day"], ..Build::default() });
    for api in APIS {
        let reply = world.post(api.path, &api.with(100, ""));
        assert_eq!((reply.status, reply.header("x-should-retry")), (402, Some("false")), "{}", api.name);
        assert_eq!(reply.json()["error"]["outlay"]["scope"], "tenant:acme");
        assert_eq!(reply.json()["error"]["outlay"]["cap_usd"], "0.000001000");
    }
    assert_eq!(world.provider.requests(), 0);
    let other = world.send("POST", CHAT.path, &[("x-outlay-tenant", "other")], &CHAT.with(10, ""));
    assert_eq!(other.status, 200);
    world.exact(1);
    assert_eq!(
        world.metric(r#"outlay_refusals_total{code="cap_exhausted",cap="tenant:acme"}"#),
        APIS.len() as u64
    );
}

#[test]
fn a_cap_is_used_up_by_calls_and_never_passed() {
    let world = World::build(Build { caps: vec!["tenant:acme 3 calls/day"], ..Build::default() });
    let statuses: Vec<u16> = (0..5).map(|_| world.post(CHAT.path, &CHAT.with(10, "")).status).collect();
    assert_eq!(statuses, [200, 200, 200, 402, 402]);
    world.exact(3);
}

/// A build whose one cap has room for one call at a time.
fn narrow(max_wait: fn(&mut outlay::config::GuardSetting)) -> Build {
    // gpt-4o-mini at $0.60 per million: 1,000 tokens of output are $0.0006.
    Build { caps: vec!["tenant:acme 0.0007/day"], guard: max_wait, ..Build::default() }
}

#[test]
fn money_held_by_a_call_in_flight_is_429_and_not_402() {
    let world = World::build(narrow(|guard| guard.bounds.max_wait = Duration::ZERO));
    let mut open = world.open(CHAT_STREAM.path, &CHAT_STREAM.with(1_000, "output=5 stall@chunk:2"));
    let mut first = [0; 1];
    open.read_exact(&mut first).expect("the answer begins");
    let reply = world.post(CHAT.path, &CHAT.with(1_000, ""));
    assert_eq!((reply.status, reply.header("x-should-retry")), (429, Some("true")), "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    assert_eq!(world.provider.requests(), 0, "the first is not over, the second was not sent");
}

#[test]
fn a_call_waits_its_turn_and_passes_when_another_ends() {
    let world = World::build(narrow(|guard| guard.bounds.max_wait = Duration::from_secs(50)));
    let mut open = world.open(CHAT_STREAM.path, &CHAT_STREAM.with(1_000, "output=5 stall=300ms@chunk:2"));
    let mut first = [0; 1];
    open.read_exact(&mut first).expect("the answer begins");
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let wait = || world.post(CHAT.path, &CHAT.with(1_000, "output=5"));
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(wait)).collect();
        waiting.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    super::world::read_all(&mut open);
    world.exact(4);
}

#[test]
fn a_cheaper_model_is_taken_where_the_cap_says_so_and_the_answer_says_it() {
    let caps = vec!["model:gpt-4.1 0.001/day --on-breach downgrade:gpt-4o-mini"];
    let world = World::build(Build { caps, ..Build::default() });
    let body = CHAT.with(1_000, "output=10").replace("gpt-4o-mini", "gpt-4.1");
    let reply = world.post(CHAT.path, &body);
    assert_eq!((reply.status, reply.header("x-outlay-model")), (200, Some("gpt-4o-mini")));
    assert_eq!(reply.json()["model"], "gpt-4o-mini");
    world.exact(1);
}

#[test]
fn what_has_no_price_is_refused_under_a_hard_cap_on_money_and_passes_under_none() {
    let unknown = CHAT.with(10, "").replace("gpt-4o-mini", "nobodys-model");
    let reply = World::new().post(CHAT.path, &unknown);
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (400, Some("unpriced_request")));
    assert!(reply.text().contains("nobodys-model"));
    let extra = CHAT.with(10, "").replace(r#""max_tokens""#, r#""some_new_field":1,"max_tokens""#);
    assert_eq!(World::new().post(CHAT.path, &extra).status, 400);
}

/// A request without a limit, for gpt-4o-mini at $0.60 per million.
const OPEN: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}"#;

#[test]
fn a_limit_that_the_client_did_not_choose_is_announced() {
    let world = World::new();
    for api in APIS.iter().filter(|api| !api.name.starts_with("messages")) {
        let open = api.with(77, "");
        for field in [r#","max_tokens":77"#, r#","max_output_tokens":77"#, r#"{"maxOutputTokens":77}"#] {
            let open = open.replace(field, if field.starts_with('{') { "{}" } else { "" });
            let given = world.post(api.path, &open).header("x-outlay-max-output").map(str::to_owned);
            assert_eq!(given, (open != api.with(77, "")).then(|| "500".to_owned()), "{}", api.name);
        }
    }
}

#[test]
fn where_little_is_left_a_call_without_a_limit_gets_what_can_be_paid() {
    let caps = || vec!["tenant:acme 0.0002/day"];
    let world =
        World::build(Build { caps: caps(), guard: |g| g.min_output = Tokens::new(100), ..Build::default() });
    let reply = world.post(CHAT.path, OPEN);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let limit: u64 = reply.header("x-outlay-max-output").and_then(|text| text.parse().ok()).expect("a limit");
    assert!((300..334).contains(&limit), "{limit}");
    let received = world.provider.received();
    let sent: serde_json::Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!(sent["max_completion_tokens"], limit);
    world.exact(1);
    // What the client chose is never lowered, and nothing is lowered below the least that is of use.
    let world =
        World::build(Build { caps: caps(), guard: |g| g.min_output = Tokens::new(400), ..Build::default() });
    assert_eq!(world.post(CHAT.path, OPEN).status, 402);
    assert_eq!(world.post(CHAT.path, &CHAT.with(500, "")).status, 402);
    assert_eq!(world.provider.requests(), 0);
}

#[test]
fn a_share_of_a_cap_that_is_reached_is_told_once() {
    let caps = vec!["tenant:acme 4 calls/day --soft --warn 50"];
    let world = World::build(Build { caps, ..Build::default() });
    for _ in 0..6 {
        assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, 200, "a soft cap stops nothing");
    }
    world.exact(6);
    for share in ["50", "100"] {
        let line = format!(r#"outlay_warnings_total{{cap="tenant:acme",share="{share}"}}"#);
        assert_eq!(world.metric(&line), 1, "{share} %");
    }
    world.until(|| note(&world).contains("tenant:acme has reached 100 % of 4 calls/day"));
}

/// What the guard's heartbeat says.
fn note(world: &World) -> String {
    let guards = Reader::open(&world.store).expect("a store").guards().expect("guards");
    guards.first().and_then(|guard| guard.note).map_or_else(String::new, |note| note.as_str().to_owned())
}

const A_DAY: Millis = Millis::new(86_400_000);

#[test]
fn a_full_day_starts_anew_when_a_provider_says_that_the_clock_is_right() {
    let world = World::build(Build { caps: vec!["tenant:acme 1 calls/day"], ..Build::default() });
    let call = || world.post(CHAT.path, &CHAT.with(10, "")).status;
    assert_eq!((call(), call()), (200, 402));
    // The guard's clock jumps, and the provider's does not: no new day.
    world.wall.forward(A_DAY);
    world.until(|| note(&world).contains("the clock is 14"));
    assert_eq!(call(), 402);
    // Any answer of a provider that has come as far brings one, a free one too.
    world.theirs.forward(A_DAY);
    assert_eq!(world.send("GET", "/v1/models", &[("x-outlay-tenant", "acme")], "").status, 200);
    world.until(|| world.house.vault.view().doubt.is_none());
    assert_eq!((call(), call()), (200, 402));
    world.exact(2);
}

#[test]
fn a_guard_in_doubt_asks_the_providers_for_the_time() {
    let world = World::build(Build { caps: vec!["tenant:acme 1 calls/day"], ..Build::default() });
    let call = || world.post(CHAT.path, &CHAT.with(10, "")).status;
    assert_eq!((call(), call()), (200, 402));
    world.theirs.forward(A_DAY);
    world.wall.forward(A_DAY);
    world.until(|| call() == 200);
    world.exact(2);
}

#[test]
fn a_failure_is_written_with_its_class_its_time_and_its_cost() {
    let world = World::new();
    for (status, class) in [(504, "timeout"), (500, "server_error"), (529, "overloaded"), (429, "rate_limit")]
    {
        world.script(&format!("status={status}"));
        assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, status);
        world.quiet();
        let mut calls = Vec::new();
        let all =
            Span { start: outlay::domain::time::Timestamp::EPOCH, end: outlay::domain::time::Timestamp::MAX };
        let reader = Reader::open(&world.store).expect("a store");
        reader.calls(all, &mut |call, cost| calls.push((call.clone(), cost))).expect("calls");
        let found = calls.iter().filter(|(call, _)| call.failure.as_str() == class).collect::<Vec<_>>();
        let [(call, cost)] = found.as_slice() else { panic!("one {class}: {calls:?}") };
        assert!(call.latency.is_some() && call.first_byte.is_some(), "{class}");
        assert_eq!(cost.money().is_some_and(|money| money.nanos() > 0), status == 504 || status == 500);
    }
}

#[test]
fn a_provider_that_counts_more_than_the_text_shows_is_not_believed_again() {
    let world = World::build(Build { caps: vec!["tenant:acme 0.05/day"], ..Build::default() });
    assert_eq!(world.post(CHAT.path, &CHAT.with(10, "input=20000 output=5")).status, 200);
    world.exact(1);
    assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 1);
    assert!(world.post(CHAT.path, &CHAT.with(10, "")).text().contains("ignores output limits"));
}

#[test]
fn a_repeated_request_is_charged_once() {
    let world = World::new();
    let send = |key: &str, body: &str| {
        world.send("POST", CHAT.path, &[("x-outlay-tenant", "acme"), ("idempotency-key", key)], body)
    };
    let body = CHAT.with(50, "output=9");
    let (first, second) = (send("a", &body), send("a", &body));
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!(first.header("x-outlay-call"), second.header("x-outlay-call"));
    assert_eq!(send("a", &CHAT.with(51, "output=9")).status, 409);
    world.exact(1);
    // A refusal was no charge: the key is free again.
    world.script("status=429");
    assert_eq!(send("b", &CHAT.with(50, "")).status, 429);
    assert_eq!(send("b", &CHAT.with(50, "")).status, 200);
    world.exact(3);
    // Another tenant's key is another key.
    let other = [("x-outlay-tenant", "other"), ("idempotency-key", "a")];
    assert_ne!(
        world.send("POST", CHAT.path, &other, &body).header("x-outlay-call"),
        first.header("x-outlay-call")
    );
    world.exact(4);
}

#[test]
fn a_repeated_request_in_flight_is_a_conflict() {
    let world = World::new();
    let body = CHAT_STREAM.with(50, "output=5 stall@chunk:1");
    let headers = [("x-outlay-tenant", "acme"), ("idempotency-key", "k")];
    let mut open = std::net::TcpStream::connect(world.calls).expect("a connection");
    let raw = super::world::raw("POST", CHAT_STREAM.path, &headers, &body);
    std::io::Write::write_all(&mut open, raw.as_bytes()).expect("it is sent");
    open.read_exact(&mut [0; 1]).expect("the answer begins");
    assert_eq!(world.send("POST", CHAT_STREAM.path, &headers, &body).status, 409);
}

#[test]
fn a_plan_holds_its_tenants_to_a_rate() {
    let world = World::build(Build { rate: Some("2 calls/60s"), ..Build::default() });
    let statuses: Vec<u16> = (0..3).map(|_| world.post(CHAT.path, &CHAT.with(10, "")).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let other = world.send("POST", CHAT.path, &[("x-outlay-tenant", "other")], &CHAT.with(10, ""));
    assert_eq!(other.status, 200);
    world.exact(3);
}

#[test]
fn without_books_nothing_is_sent() {
    let world = World::new();
    assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, 200);
    world.exact(1);
    std::fs::remove_dir_all(world.folder.path()).expect("the folder goes");
    let reply = world.post(CHAT.path, &CHAT.with(10, ""));
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    assert_eq!(world.provider.requests(), 1);
}

#[test]
fn redirects_are_not_followed() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    trap.set_nonblocking(true).expect("a socket");
    let world = World::new();
    let target = format!("redirect=http://{}/steal", trap.local_addr().expect("an address"));
    for api in APIS {
        world.script(&target);
        let reply = world.post(api.path, &api.with(10, ""));
        assert_eq!((reply.status, reply.header("location")), (502, None), "{}", api.name);
        assert!(!reply.text().contains("steal"));
    }
    assert!(trap.accept().is_err(), "nobody came");
    assert_eq!(world.provider.fired(Fault::Redirect), APIS.len() as u64);
    let sums = world.books();
    assert!(sums.settled == 0 && sums.uncertain > 0, "nobody says that a redirect is free: {sums:?}");
}

#[test]
fn a_refusal_that_is_free_costs_nothing_and_any_other_all_that_was_held() {
    for api in APIS {
        for status in [400, 401, 403, 404, 413, 422, 429, 503, 529] {
            let world = World::new();
            world.script(&format!("status={status}"));
            let reply = world.post(api.path, &api.with(10, ""));
            assert_eq!((reply.status, reply.whole), (status, true), "{}", api.name);
            world.exact(1);
        }
    }
}

#[test]
fn a_refusal_that_may_be_billed_is_charged_in_full() {
    let world = World::new();
    let (mut before, mut requests) = (0, 0);
    for (api, status) in APIS.iter().flat_map(|api| [500, 502, 504].map(|status| (api, status))) {
        world.script(&format!("status={status}"));
        assert_eq!(world.post(api.path, &api.with(10, "")).status, status);
        let sums = world.books();
        assert!(sums.uncertain > before && sums.settled == 0, "{} {status}", api.name);
        // What is in doubt is never tried again.
        requests += 1;
        (before, _) = (sums.uncertain, world.billed(requests));
    }
    assert_eq!(
        world.metric(r#"outlay_calls_total{provider="openai",model="gpt-4o-mini",closing="uncertain"}"#),
        6
    );
}

#[test]
fn nobody_at_home_is_502_and_free() {
    let closed = |setting: &mut outlay::config::UpstreamSetting| {
        // Nobody listens on the discard port of this machine.
        setting.base_url.authority = "127.0.0.1:9".to_owned();
    };
    let world = World::build(Build { upstream: closed, ..Build::default() });
    for api in APIS {
        assert_eq!(world.post(api.path, &api.with(10, "")).status, 502);
    }
    assert_eq!(world.books(), Sums { settled: 0, uncertain: 0 });
}

#[test]
fn a_model_that_passes_its_limit_is_cut_marked_and_not_trusted_again() {
    for api in APIS.iter().filter(|api| api.streams) {
        let world = World::new();
        let reply = world.post(api.path, &api.with(100, "overrun=100x"));
        assert_eq!((reply.status, reply.whole), (200, false), "{} is cut", api.name);
        world.quiet();
        assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 1, "{}", api.name);
        let reply = world.post(api.path, &api.with(100, ""));
        assert_eq!(reply.status, 400, "{}: {}", api.name, reply.text());
        assert!(reply.text().contains("ignores output limits"));
        let sums = world.books();
        assert!(sums.settled > 0 && sums.uncertain == 0);
    }
}

#[test]
fn an_honest_stream_at_its_limit_is_not_cut() {
    let world = World::new();
    for api in APIS.iter().filter(|api| api.streams) {
        for limit in [1, 2, 50, 1_000] {
            let reply = world.post(api.path, &api.with(limit, "output=100000"));
            assert!(reply.whole, "{} at {limit}", api.name);
        }
    }
    world.exact(APIS.iter().filter(|api| api.streams).count() as u64 * 4);
    assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 0);
}

#[test]
fn a_whole_answer_past_its_limit_is_charged_as_it_is_and_the_next_is_held_for_all_that_it_can_write() {
    let known = |guard: &mut outlay::config::GuardSetting| {
        guard.models.push(ModelSetting {
            name: ModelId::new("gpt-4o-mini"),
            context_window: Some(Tokens::new(128_000)),
            max_output: Some(Tokens::new(16_384)),
            ignores_limits: false,
        });
    };
    let world = World::build(Build { guard: known, caps: vec!["tenant:acme 0.005/day"], ..Build::default() });
    let reply = world.post(CHAT.path, &CHAT.with(10, "overrun=10x"));
    assert_eq!(reply.status, 200);
    world.exact(1);
    assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 1);
    // 16,384 tokens at $0.60 per million do not fit under half a cent any more.
    assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, 402);
}

#[test]
fn a_guard_that_is_stopped_refuses_ends_what_it_can_and_charges_the_rest() {
    let mut world = World::build(Build {
        guard: |guard| guard.bounds.drain = Duration::from_millis(300),
        ..Build::default()
    });
    let mut stuck = world.open(CHAT_STREAM.path, &CHAT_STREAM.with(100, "output=5 stall@chunk:2"));
    let mut ends = world.open(CHAT_STREAM.path, &CHAT_STREAM.with(100, "output=5 stall=50ms@chunk:2"));
    for open in [&mut stuck, &mut ends] {
        open.read_exact(&mut [0; 1]).expect("the answer begins");
    }
    world.stop();
    let mut stage = world.house.stage.subscribe();
    let stopping = async { drop(stage.wait_for(|stage| *stage > outlay::guard::Stage::Open).await) };
    world.rt.block_on(stopping);
    assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, 503);
    let rest = super::world::read_all(&mut ends);
    assert!(String::from_utf8_lossy(&rest).ends_with("0\r\n\r\n"), "it came to its end");
    world.ended();
    assert!(!String::from_utf8_lossy(&super::world::read_all(&mut stuck)).ends_with("0\r\n\r\n"));
    let sums = world.books();
    assert!(sums.settled > 0 && sums.uncertain > 0, "{sums:?}");
}

#[test]
fn a_new_cap_is_in_force_at_the_next_call() {
    use outlay::domain::cap::{Cap, CapRev};
    use outlay::domain::label::Label;
    use outlay::store::Store;
    use outlay::store::guard::Author;
    let world = World::new();
    assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, 200);
    let mut store = Store::open(&world.store).expect("a store");
    let author = Author { by: Label::new("ann"), at: super::world::NOW, why: Label::new("") };
    let mut rev = CapRev(0);
    for (text, status) in
        [("tenant:acme 0/day", 402), ("tenant:acme 1/day", 200), ("tenant:acme 0 calls/day", 402)]
    {
        rev = store.set_cap(&Cap::parse(text).expect("a cap"), rev, &author).expect("a change");
        if status == 200 {
            // What is lowered holds at once; what is raised, when the guard has looked.
            world.until(|| world.house.vault.revision() == rev);
        }
        assert_eq!(world.post(CHAT.path, &CHAT.with(10, "")).status, status, "{text}");
    }
    world.exact(2);
}

#[test]
fn lists_of_models_and_counts_of_tokens_are_free() {
    let world = World::build(Build { caps: vec!["tenant:acme 0/day"], ..Build::default() });
    let tenant = [("x-outlay-tenant", "acme")];
    let models = world.send("GET", "/v1/models", &tenant, "");
    assert_eq!((models.status, models.header("x-outlay-cost-usd")), (200, Some("0.000000000")));
    let count = r#"{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(world.post("/v1/messages/count_tokens", count).status, 200);
    assert_eq!(world.send("GET", "/v1/models", &[], "").status, 401);
    assert_eq!(world.books(), Sums { settled: 0, uncertain: 0 });
}
