//! Who is let in: keys, web pages, other machines; and what the admin listener shows.

use std::net::TcpStream;
use std::time::Duration;

use outlay::config::Identity;
use outlay::domain::call::TenantId;
use outlay::domain::label::Label;
use outlay::domain::time::{Millis, Timestamp};
use outlay::store::Store;
use outlay::store::guard::KeyWish;

use super::world::{APIS, Build, CANARY, NOW, Reply, World, raw, read_all};

fn keyed() -> World {
    World::build(Build { guard: |guard| guard.identity = Identity::Key, ..Build::default() })
}

/// Makes a key and waits until the guard knows it.
fn key(world: &World, tenant: &str, expires: Option<Timestamp>) -> (String, outlay::domain::scope::KeyId) {
    let mut store = Store::open(&world.store).expect("a store");
    let wish = KeyWish { tenant: TenantId::new(tenant), expires, by: Label::new("ann"), at: NOW };
    let new = store.create_key(&wish).expect("a key");
    let key = new.reveal().to_owned();
    if expires.is_none() {
        known(world, &key, true);
    }
    (key, new.name())
}

/// Waits until the guard's view of a key is as wanted: it is at most a moment behind the store.
fn known(world: &World, key: &str, want: bool) {
    world.until(|| world.house.vault.verify(key, NOW).is_some() == want);
}

#[test]
fn a_key_opens_its_tenant_in_every_form_and_never_goes_upstream() {
    let world = keyed();
    let (key, _) = key(&world, "acme", None);
    let bearer = format!("Bearer {key}");
    let mut requests = 0;
    for api in APIS {
        for header in [("authorization", bearer.as_str()), ("x-api-key", &key), ("x-goog-api-key", &key)] {
            let reply =
                world.send("POST", api.path, &[header, ("x-outlay-tenant", "other")], &api.with(5, ""));
            assert_eq!(reply.status, 200, "{}: {}", api.name, reply.text());
            requests += 1;
        }
    }
    world.exact(requests);
    for sent in world.provider.received() {
        let all = format!("{} {:?} {}", sent.target, sent.headers, String::from_utf8_lossy(&sent.body));
        assert!(!all.contains(&key) && all.matches(CANARY).count() == 1, "{all}");
    }
}

#[test]
fn every_key_that_opens_nothing_gets_the_same_answer() {
    let world = keyed();
    let (good, name) = key(&world, "acme", None);
    let (expired, _) = key(&world, "acme", Some(NOW.before(Millis::new(1))));
    let (second, revoked) = key(&world, "other", None);
    Store::open(&world.store).expect("a store").revoke_key(revoked, NOW).expect("it is revoked");
    known(&world, &second, false);
    let half = &good[..good.len() / 2];
    let (upper, long) = (good.to_ascii_uppercase(), "k".repeat(16_000));
    let mut bodies = Vec::new();
    for shown in [
        "",
        "x",
        half,
        &upper,
        &expired,
        &second,
        &long,
        name.as_str(),
        CANARY,
        &format!("{good}x"),
        &format!("{good},{good}"),
    ] {
        let bearer = format!("Bearer {shown}");
        let reply = world.send("POST", APIS[0].path, &[("authorization", &bearer)], &APIS[0].with(5, ""));
        assert_eq!(reply.status, 401, "{shown}");
        bodies.push(reply.body);
    }
    for headers in [
        vec![],
        vec![("authorization", "Basic eDp5")],
        vec![("x-api-key", good.as_str()), ("authorization", "Bearer other")],
        vec![("x-outlay-tenant", "acme")],
        vec![("x-api-key", "ключ")],
    ] {
        let reply = world.send("POST", APIS[0].path, &headers, &APIS[0].with(5, ""));
        assert_eq!(reply.status, 401, "{headers:?}");
        bodies.push(reply.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one answer for all");
    assert_eq!(world.provider.received().len(), 0);
}

#[test]
fn a_web_page_cannot_spend() {
    let world = World::new();
    let body = APIS[0].with(5, "");
    let tenant = ("x-outlay-tenant", "acme");
    for header in [
        ("host", "evil.example"),
        ("host", "localhost.evil.example"),
        ("origin", "http://localhost"),
        ("origin", "null"),
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "multipart/form-data; boundary=x"),
    ] {
        let reply = world.send("POST", APIS[0].path, &[tenant, header], &body);
        assert!(matches!(reply.status, 403 | 415), "{header:?}: {}", reply.status);
        assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control-")));
        let admin = world.ask_admin("GET", "/metrics", &[header]);
        assert_eq!(admin.status == 403, header.0 != "content-type", "{header:?}");
    }
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    let reply = world.send("OPTIONS", APIS[0].path, &preflight, "");
    assert!(reply.status == 403 && !reply.text().contains("evil"));
    assert_eq!(world.provider.received().len(), 0);
}

#[test]
fn nothing_that_a_caller_or_a_provider_says_splits_an_answer() {
    let world = World::new();
    for tenant in ["a\u{7f}b", "", " ", "\u{202e}evil", &"x".repeat(5_000)] {
        let reply = world.send("POST", APIS[0].path, &[("x-outlay-tenant", tenant)], &APIS[0].with(5, ""));
        assert!(matches!(reply.status, 400 | 401), "{tenant:?}: {}", reply.status);
    }
    for model in ["gpt-4o-mini\\r\\nx: y", "gpt-4o-mini\\u0000", "gpt-4o\\u200b-mini", " gpt-4o-mini", ""] {
        let body = APIS[0].with(5, "").replace("gpt-4o-mini", model);
        let reply = world.post(APIS[0].path, &body);
        assert_eq!(reply.status, 400, "{model:?}");
        assert_eq!(reply.header("x"), None);
    }
    assert_eq!(world.provider.received().len(), 0);
}

#[test]
fn the_admin_listener_shows_and_changes_nothing() {
    let world = World::new();
    assert_eq!(world.post(APIS[0].path, &APIS[0].with(5, "")).status, 200);
    world.exact(1);
    assert_eq!(world.ask_admin("GET", "/health/live", &[]).status, 200);
    assert_eq!(world.ask_admin("GET", "/health/ready", &[]).text(), "ready\n");
    let text = world.ask_admin("GET", "/metrics", &[]).text();
    for line in [
        "outlay_calls_total{",
        "outlay_spend_nanodollars_total{",
        "outlay_tokens_total{",
        "outlay_holds_open 0",
        "outlay_held_nanodollars 0",
        "outlay_upstream_latency_seconds_count 1",
        "outlay_guard_overhead_seconds_count 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains(CANARY) && text.ends_with("# EOF\n"));
    for (method, path, status) in [
        ("POST", "/metrics", 405),
        ("DELETE", "/health/live", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/metrics?x=y", 404),
        ("GET", "/v1/models", 404),
        ("POST", "/v1/chat/completions", 404),
    ] {
        assert_eq!(world.ask_admin(method, path, &[]).status, status, "{method} {path}");
    }
}

#[test]
fn the_key_of_the_provider_is_in_no_answer() {
    let world = World::new();
    for script in ["", "status=401", "status=500", "cut@headers", "cut@chunk:1", "error@chunk:1"] {
        for api in APIS {
            let reply = world.post(api.path, &api.with(20, script));
            let all = format!("{:?} {}", reply.headers, reply.text());
            assert!(!all.contains(CANARY), "{}: {all}", api.name);
        }
    }
    world.quiet();
    let mut files = vec![world.ask_admin("GET", "/metrics", &[]).body];
    for entry in std::fs::read_dir(world.folder.path()).expect("a folder") {
        files.push(std::fs::read(entry.expect("an entry").path()).unwrap_or_default());
    }
    let hit =
        |bytes: &[u8]| bytes.windows(8).any(|window| CANARY.as_bytes().windows(8).any(|part| part == window));
    assert!(files.iter().all(|bytes| !hit(bytes)));
}

#[test]
fn slow_and_idle_connections_are_closed_and_others_go_on() {
    let brisk = |guard: &mut outlay::config::GuardSetting| {
        guard.bounds.head = Duration::from_millis(200);
        guard.bounds.idle = Duration::from_millis(200);
        guard.bounds.progress = Duration::from_millis(200);
        guard.bounds.connections = 40;
    };
    let world = World::build(Build { guard: brisk, ..Build::default() });
    let start = |bytes: &str| {
        let mut stream = TcpStream::connect(world.calls).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
        std::io::Write::write_all(&mut stream, bytes.as_bytes()).expect("it is sent");
        stream
    };
    let slow = raw("POST", APIS[0].path, &[("x-outlay-tenant", "acme"), ("content-length", "9000")], "{");
    let mut open: Vec<TcpStream> =
        (0..10).flat_map(|_| [start(""), start("POST /v1"), start(&slow)]).collect();
    assert_eq!(world.post(APIS[0].path, &APIS[0].with(5, "")).status, 200);
    for stream in &mut open {
        let reply = Reply::parse(&read_all(stream));
        assert!(matches!(reply.status, 0 | 408), "{}", reply.status);
    }
    world.exact(1);
}

#[test]
fn more_connections_than_allowed_are_turned_away() {
    let few = |guard: &mut outlay::config::GuardSetting| guard.bounds.per_peer = 3;
    let world = World::build(Build { guard: few, ..Build::default() });
    let held: Vec<TcpStream> =
        (0..3).map(|_| world.open(APIS[1].path, &APIS[1].with(20, "output=5 stall@chunk:1"))).collect();
    for mut stream in &held {
        std::io::Read::read_exact(&mut stream, &mut [0; 1]).expect("the answer begins");
    }
    assert_eq!(
        Reply::parse(&World::talk(world.calls, raw("GET", "/v1/models", &[], "").as_bytes())).status,
        0
    );
}
