//! Raw requests of every shape: each is refused, or is exactly one metered request upstream, the same bytes.

use std::time::Duration;

use super::world::{APIS, Build, Reply, World, raw};

/// A world whose connections are not waited for long.
fn brisk() -> World {
    World::build(Build {
        guard: |guard| {
            guard.bounds.head = Duration::from_millis(300);
            guard.bounds.idle = Duration::from_millis(300);
            guard.bounds.progress = Duration::from_millis(300);
        },
        ..Build::default()
    })
}

const BODY: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"max_tokens":5}"#;

/// Returns a request with these lines in its head before the empty one, and this body.
fn shape(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /v1/chat/completions HTTP/1.1\r\n{lines}\r\n{body}").into_bytes()
}

/// Lines that every good head has.
fn good(more: &str) -> String {
    format!("Host: localhost\r\nContent-Type: application/json\r\nx-outlay-tenant: acme\r\n{more}")
}

fn chunks(body: &str, size: &str) -> String {
    format!("{size}\r\n{body}\r\n0\r\n\r\n")
}

/// Shapes that are good, and must be metered once.
fn taken() -> Vec<(&'static str, Vec<u8>)> {
    let length = format!("Content-Length: {}\r\n", BODY.len());
    let hex = format!("{:x}", BODY.len());
    let chunked = |body: &str| shape(&good("Transfer-Encoding: chunked\r\n"), body);
    let (first, second) = BODY.split_at(10);
    let two = format!("a\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    vec![
        ("plain", shape(&good(&length), BODY)),
        ("lower case names", shape(&good(&length).to_ascii_lowercase(), BODY)),
        ("blanks around values", shape(&good(&length).replace(": ", ":  \t"), BODY)),
        ("no blank after the colon", shape(&good(&length).replace(": ", ":"), BODY)),
        ("chunks", chunked(&chunks(BODY, &hex))),
        ("chunks in capitals", chunked(&chunks(BODY, &hex.to_ascii_uppercase()))),
        ("leading zeros", chunked(&chunks(BODY, &format!("000{hex}")))),
        ("two chunks", chunked(&two)),
        ("100-continue", shape(&good(&format!("{length}Expect: 100-continue\r\n")), BODY)),
        ("close", shape(&good(&format!("{length}Connection: close\r\n")), BODY)),
        ("63 headers", shape(&good(&format!("{length}{}", "A: b\r\n".repeat(60))), BODY)),
        ("a long header", shape(&good(&format!("{length}A: {}\r\n", "b".repeat(16_000))), BODY)),
    ]
}

/// Bodies and their lengths that must not be passed on.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let length = format!("Content-Length: {}\r\n", BODY.len());
    let hex = format!("{:x}", BODY.len());
    let te = "Transfer-Encoding: chunked\r\n";
    let with = |more: &str| shape(&good(&format!("{length}{more}")), BODY);
    let chunked = |body: &str| shape(&good(te), body);
    vec![
        ("a length beside chunks", shape(&good(&format!("{length}{te}")), &chunks(BODY, &hex))),
        ("chunks beside a length", shape(&good(&format!("{te}{length}")), &chunks(BODY, &hex))),
        ("two equal lengths", with(&length)),
        ("two lengths", with("Content-Length: 3\r\n")),
        ("a list of lengths", shape(&good("Content-Length: 90, 90\r\n"), BODY)),
        ("a length with a sign", shape(&good("Content-Length: +90\r\n"), BODY)),
        ("a negative length", shape(&good("Content-Length: -1\r\n"), BODY)),
        ("a length in hex", shape(&good("Content-Length: 0x5a\r\n"), BODY)),
        ("a huge length", shape(&good("Content-Length: 99999999999999999999\r\n"), BODY)),
        ("an empty length", shape(&good("Content-Length: \r\n"), BODY)),
        ("a length over the limit", shape(&good("Content-Length: 999999999\r\n"), BODY)),
        ("chunks twice", shape(&good(&format!("{te}{te}")), &chunks(BODY, &hex))),
        ("gzip and chunks", shape(&good("Transfer-Encoding: gzip, chunked\r\n"), &chunks(BODY, &hex))),
        (
            "chunks and identity",
            shape(&good("Transfer-Encoding: chunked, identity\r\n"), &chunks(BODY, &hex)),
        ),
        ("a tab in the coding", shape(&good("Transfer-Encoding: \x0bchunked\r\n"), &chunks(BODY, &hex))),
        ("an unknown coding", shape(&good("Transfer-Encoding: xchunked\r\n"), &chunks(BODY, &hex))),
        ("a chunk extension", chunked(&chunks(BODY, &format!("{hex};a=b")))),
        ("a chunk size overflow", chunked(&chunks(BODY, "fffffffffffffffff"))),
        ("a chunk size with 0x", chunked(&chunks(BODY, &format!("0x{hex}")))),
        ("a chunk size with a blank", chunked(&chunks(BODY, &format!("{hex} ")))),
        ("a negative chunk", chunked(&chunks(BODY, "-1"))),
        ("a chunk too short", chunked(&chunks(BODY, "5"))),
        ("chunks with bare line feeds", chunked(&chunks(BODY, &hex).replace("\r\n", "\n"))),
        ("trailers", chunked(&format!("{hex}\r\n{BODY}\r\n0\r\nX: y\r\n\r\n"))),
        ("announced trailers", shape(&good(&format!("{te}Trailer: X\r\n")), &chunks(BODY, &hex))),
        ("no last chunk", chunked(&format!("{hex}\r\n{BODY}\r\n"))),
    ]
}

/// Heads and first lines that must not be passed on.
fn refused_heads() -> Vec<(&'static str, Vec<u8>)> {
    let length = format!("Content-Length: {}\r\n", BODY.len());
    let with = |more: &str| shape(&good(&format!("{length}{more}")), BODY);
    let line = |first: &str| format!("{first}\r\n{}\r\n{BODY}", good(&length)).into_bytes();
    vec![
        ("a folded header", with("A: b\r\n c\r\n")),
        ("a blank before the colon", with("A : b\r\n")),
        ("a header without a colon", with("A\r\n")),
        ("a header without a name", with(": b\r\n")),
        ("a bare carriage return", with("A: b\rc\r\n")),
        ("a bare line feed", with("A: b\nc: d\r\n")),
        ("a null", with("A: b\0c\r\n")),
        ("a control character", with("A: b\x01c\r\n")),
        ("a name with a control character", with("A\x01: b\r\n")),
        ("two hosts", with("Host: localhost\r\n")),
        ("another second host", with("Host: evil.example\r\n")),
        ("no host", shape(&good(&length).replace("Host: localhost\r\n", ""), BODY)),
        ("an empty host", shape(&good(&length).replace("localhost", ""), BODY)),
        ("a foreign host", shape(&good(&length).replace("localhost", "evil.example"), BODY)),
        ("absolute form", line("POST http://evil.example/v1/chat/completions HTTP/1.1")),
        ("absolute form of this host", line("POST http://localhost/v1/chat/completions HTTP/1.1")),
        ("authority form", line("CONNECT evil.example:443 HTTP/1.1")),
        ("asterisk form", line("OPTIONS * HTTP/1.1")),
        ("HTTP/1.0", line("POST /v1/chat/completions HTTP/1.0")),
        ("HTTP/1.2", line("POST /v1/chat/completions HTTP/1.2")),
        ("HTTP/2.0", line("POST /v1/chat/completions HTTP/2.0")),
        ("no version", line("POST /v1/chat/completions")),
        ("two blanks", line("POST  /v1/chat/completions HTTP/1.1")),
        ("a tab for a blank", line("POST\t/v1/chat/completions HTTP/1.1")),
        ("a lower-case method", line("post /v1/chat/completions HTTP/1.1")),
        ("an unknown method", line("PATCH /v1/chat/completions HTTP/1.1")),
        ("an empty line first", [b"\r\n".to_vec(), with("")].concat()),
        ("bytes past the end", [with("Connection: close\r\n"), b"\r\n\r\n".to_vec()].concat()),
        ("http 2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("an upgrade", with("Connection: upgrade\r\nUpgrade: websocket\r\n")),
        ("h2c", with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n")),
        ("10,000 headers", with(&"A: b\r\n".repeat(10_000))),
        ("65 headers", with(&"A: b\r\n".repeat(61))),
        ("a head of 40 KiB", with(&format!("A: {}\r\n", "b".repeat(40 << 10)))),
        ("a path of 40 KiB", line(&format!("POST /{} HTTP/1.1", "a".repeat(40 << 10)))),
        ("an unknown expectation", with("Expect: 200-ok\r\n")),
        ("a compressed body", with("Content-Encoding: gzip\r\n")),
        ("a second content type", with("Content-Type: text/plain\r\n")),
        ("a body cut short", shape(&good(&length), &BODY[..40])),
        ("half a head", b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc".to_vec()),
        ("a tenant with a line break", with("x-outlay-tenant: a\\r\\nb\r\n")),
        ("two tenants", with("x-outlay-tenant: other\r\n")),
        ("bytes that are no text", with("A: \u{ff}\u{fe}\r\n").iter().map(|byte| byte ^ 0x80).collect()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
    ]
}

#[test]
fn every_shape_is_refused_or_is_one_metered_request() {
    let world = brisk();
    let mut requests = 0;
    for (name, bytes) in taken() {
        let reply = Reply::parse(&skip_continue(World::talk(world.calls, &bytes)));
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
        requests += 1;
        world.exact(requests);
        let received = world.provider.received();
        let sent: serde_json::Value =
            serde_json::from_slice(&received.last().expect("it was sent").body).expect("JSON");
        assert_eq!(sent, serde_json::from_str::<serde_json::Value>(BODY).expect("JSON"), "{name}");
    }
    for (name, bytes) in refused().into_iter().chain(refused_heads()) {
        let reply = Reply::parse(&skip_continue(World::talk(world.calls, &bytes)));
        assert!(reply.status == 0 || (400..500).contains(&reply.status), "{name}: {}", reply.status);
        assert_eq!(world.provider.requests(), requests, "{name} went upstream");
    }
    assert!(taken().len() + refused().len() + refused_heads().len() >= 60);
    world.exact(requests);
}

/// Takes an interim answer off.
fn skip_continue(bytes: Vec<u8>) -> Vec<u8> {
    bytes.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").map(<[u8]>::to_vec).unwrap_or(bytes)
}

#[test]
fn requests_in_a_row_are_each_metered_once() {
    let world = brisk();
    let one = raw("POST", APIS[0].path, &[("x-outlay-tenant", "acme"), ("connection", "keep-alive")], BODY);
    let answers = World::talk(world.calls, one.repeat(3).as_bytes());
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 200 OK").count(), 3);
    world.exact(3);
}

/// Paths that lead nowhere.
const PATHS: &[&str] = &[
    "//evil.example/v1/chat/completions",
    "/\\evil.example/v1/chat/completions",
    "/@evil.example/v1/chat/completions",
    "/evil.example/v1/chat/completions",
    "/v1/chat/completions/",
    "/v1/chat/completions//",
    "/v1//chat/completions",
    "/v1/./chat/completions",
    "/v1/../v1/chat/completions",
    "/openai/../../v1/chat/completions",
    "/v1/chat/%2e%2e/completions",
    "/v1/chat%2fcompletions",
    "/v1%2Fchat/completions",
    "/%76%31/chat/completions",
    "/v1/chat/completions%00",
    "/v1/chat/completions%09",
    "/v1/chat/completions;x=y",
    "/v1/chat/completions?x=y",
    "/v1/chat/completions?api-version=1&key=k",
    "/V1/chat/completions",
    "/v1/Chat/Completions",
    "/v1/chat/completions#x",
    "/v1/chat/completions\t",
    "/v1/chat/comple\u{0442}ions",
    "/openai",
    "/openai/",
    "/openai//v1/chat/completions",
    "/OPENAI/v1/chat/completions",
    "/anthropic/v1/chat/completions",
    "/openai/v1/messages",
    "/nobody/v1/chat/completions",
    "/v1/models/../files",
    "/v1/files",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/realtime",
    "/v1beta/models/..:generateContent",
    "/v1beta/models/a/b:generateContent",
    "/v1beta/models/a%2fb:generateContent",
    "/v1beta/models/a@evil.example:generateContent",
    "/v1beta/models/:generateContent",
    "/v1beta/models/gemini-2.5-flash:batchEmbedContents",
    "/v1beta/models/gemini-2.5-flash:generateContent?key=k",
    "/v1beta/models/gemini-2.5-flash:generateContent:x",
    "/_sim/bill",
    "/_sim/reset",
    "/health/live",
    "/metrics",
    "*",
    "",
];

#[test]
fn host_and_path_upstream_are_constants() {
    let world = brisk();
    for path in PATHS {
        let reply = world.post(path, BODY);
        assert!(matches!(reply.status, 0 | 400 | 404 | 405), "{path}: {}", reply.status);
    }
    assert_eq!((world.provider.requests(), world.provider.received().len()), (0, 0));
    let reply = world.post("/other/v1/chat/completions", &BODY.replace("gpt-4o-mini", "deepseek-chat"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    for path in ["/v1/chat/completions", "/openai/v1/chat/completions"] {
        assert_eq!(world.post(path, BODY).status, 200);
    }
    let targets: Vec<String> = world.provider.received().into_iter().map(|sent| sent.target).collect();
    assert_eq!(targets, ["/v1/chat/completions"; 3]);
    world.exact(3);
}

#[test]
fn the_host_of_a_request_does_not_choose_where_it_goes() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    trap.set_nonblocking(true).expect("a socket");
    let address = trap.local_addr().expect("an address");
    let world = brisk();
    for host in [address.to_string(), format!("localhost:{}", address.port())] {
        let headers = [("host", host.as_str()), ("x-outlay-tenant", "acme")];
        assert_eq!(world.send("POST", APIS[0].path, &headers, BODY).status, 200);
    }
    assert!(trap.accept().is_err(), "nobody came");
    world.exact(2);
}

#[test]
fn every_route_is_metered_or_not_there() {
    let world = World::new();
    let mut metered = 0;
    let paths = ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/models"];
    let more = [
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        "/v1beta/models/gemini-2.5-flash:countTokens",
        "/v1/models/gemini-2.5-flash:generateContent",
    ];
    for path in paths.iter().chain(&more) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let body = match *path {
                _ if method != "POST" => "",
                "/v1/responses" => r#"{"model":"gpt-4.1","input":"hi","max_output_tokens":5}"#,
                "/v1/completions" => r#"{"model":"gpt-4o-mini","prompt":"hi","max_tokens":5}"#,
                "/v1/embeddings" => r#"{"model":"text-embedding-3-small","input":"hi"}"#,
                "/v1/messages" | "/v1/messages/count_tokens" => {
                    r#"{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"hi"}],"max_tokens":5}"#
                }
                path if path.contains("gemini") => {
                    r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#
                }
                _ => BODY,
            };
            let reply = world.send(method, path, &[("x-outlay-tenant", "acme")], body);
            match (reply.status, reply.header("x-outlay-call"), reply.header("x-outlay-cost-usd")) {
                (200, Some(_), _) => metered += 1,
                (200, None, Some("0.000000000")) => {}
                (405, None, None) => assert!(reply.header("allow").is_some(), "{method} {path}"),
                other => panic!("{method} {path}: {other:?} {}", reply.text()),
            }
        }
    }
    assert_eq!(metered, 8);
    world.exact(metered);
}

#[test]
fn bodies_that_try_to_be_priced_as_less_are_refused_or_bound() {
    let limits = [
        "-1",
        "0",
        "1.5",
        "\"10\"",
        "null",
        "9223372036854775808",
        "1e400",
        "NaN",
        "[]",
        "{}",
        "true",
        "5,\"max_tokens\":500",
        "5,\"max_completion_tokens\":500",
        "5,\"m\\u0061x_tokens\":500",
        "5,\"n\":100",
        "5,\"n\":-1",
        "5,\"best_of\":3",
        "5,\"max_output_tokens\":400",
        "5,\"stream\":\"true\"",
        "5,\"MAX_TOKENS\":500",
        "5,\"n_predict\":9000",
    ];
    let world = World::build(Build { caps: vec!["tenant:acme 0.1/day"], ..Build::default() });
    let mut passed = 0;
    for api in APIS {
        for limit in limits {
            let body = api.body.replace("LIMIT", limit).replace("PROMPT", "[[sim output=100000]]");
            let reply = world.post(api.path, &body);
            assert!(matches!(reply.status, 200 | 400 | 402), "{} {limit}: {}", api.name, reply.status);
            passed += u64::from(reply.status == 200);
        }
        for (before, after) in [("\u{feff}", ""), ("", "x"), ("", "{}"), ("[", "]"), ("{\"a\":", "}")] {
            let reply = world.post(api.path, &format!("{before}{}{after}", api.with(5, "")));
            assert_eq!(reply.status, 400, "{} {before} {after}", api.name);
        }
        let deep = api.with(5, "").replace("hello", &format!("\",\"x\":{}", "[".repeat(10_000)));
        assert_eq!(world.post(api.path, &deep).status, 400, "{}", api.name);
    }
    assert!(passed > 20, "{passed}");
    world.exact(world.provider.requests());
    assert!(world.provider.billed().nanos() <= 100_000_000);
}

#[test]
fn bombs_in_the_prompt_are_bounded_and_break_nothing() {
    let world = World::new();
    let mut requests = 0;
    for api in APIS.iter().filter(|api| !api.streams) {
        for letter in ["a", " ", "\t", "\n", "😀", "e\u{301}", "QUJD", "\u{200d}"] {
            for bytes in [9_999, 300_000] {
                let text = serde_json::to_string(&letter.repeat(bytes / letter.len())).expect("JSON");
                let body = api.with(5, "").replace(r#""hello""#, &text);
                let reply = world.post(api.path, &body);
                assert_eq!(reply.status, 200, "{} {letter:?} {bytes}: {}", api.name, reply.text());
                requests += 1;
            }
        }
    }
    let largest = APIS[0].with(5, "").replace("hello", &" ".repeat(30 << 20));
    assert_eq!(world.post(APIS[0].path, &largest).status, 200);
    world.exact(requests + 1);
    assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 0);
}
