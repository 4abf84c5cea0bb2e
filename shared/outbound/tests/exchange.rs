//! Honest servers and unlucky networks: what is sent, what comes back, which connection is used, which cause is named.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outbound::{OutboundRequest, check_header, limits};
use support::*;
use tokio::net::TcpSocket;
use tokio::time::Instant;

/// Answers 200 and keeps every request's text.
fn recording() -> (Server, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let server = Server::start(move |mut stream, seen| {
        let kept = Arc::clone(&kept);
        async move {
            while let Some(request) = read_request(&mut stream).await? {
                kept.lock().expect("kept").push(request);
                write(
                    &mut stream,
                    &seen,
                    b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nX-Bid: 1\r\n\r\n{\"accept\":true}",
                )
                .await?;
            }
            Ok(())
        }
    });
    (server, requests)
}

#[tokio::test]
async fn a_request_goes_out_as_written_and_its_answer_comes_back_whole() {
    let (server, requests) = recording();
    let request = OutboundRequest {
        method: "post".into(),
        url: format!("http://127.0.0.1:{}/v1/bid?zip=10001&name=J%C3%BCrgen#fragment", server.port()),
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("X-Api-Key".into(), "abc".into()),
            ("X-Twice".into(), "1".into()),
            ("X-Twice".into(), "2".into()),
        ],
        body: b"{\"zip\":\"10001\"}".to_vec(),
    };
    let answer = product_client(server.port()).send(request, within(5000)).await.expect("answer");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{\"accept\":true}"[..]));
    assert!(answer.headers.contains(&("x-bid".into(), "1".into())), "{:?}", answer.headers);
    assert!(answer.elapsed > Duration::ZERO && answer.elapsed < Duration::from_secs(5));

    let sent = requests.lock().expect("kept").remove(0);
    let (head, body) = sent.split_once("\r\n\r\n").expect("head and body");
    let mut lines: Vec<String> = head.lines().map(str::to_lowercase).collect();
    assert_eq!(lines.remove(0), "post /v1/bid?zip=10001&name=j%c3%bcrgen http/1.1");
    lines.sort();
    let expected = [
        "accept-encoding: identity".to_owned(),
        "content-length: 15".to_owned(),
        "content-type: application/json".to_owned(),
        format!("host: 127.0.0.1:{}", server.port()),
        format!("user-agent: callcenter-pro/{}", env!("CARGO_PKG_VERSION")),
        "x-api-key: abc".to_owned(),
        "x-twice: 1".to_owned(),
        "x-twice: 2".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "{\"zip\":\"10001\"}");
}

#[tokio::test]
async fn any_status_but_a_redirect_is_an_answer() {
    for status in [200, 201, 204, 400, 401, 404, 429, 500, 503] {
        let server = Server::answering(format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n"));
        let answer =
            product_client(server.port()).send(get(server.url()), within(5000)).await.expect("answer");
        assert_eq!(answer.status, status);
    }
    // An answer without a body may announce the length that a body would have.
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n");
    let head = OutboundRequest { method: "HEAD".into(), ..get(server.url()) };
    assert_eq!(product_client(server.port()).send(head, within(5000)).await.expect("answer").body, b"");
}

#[tokio::test]
async fn connections_are_reused_and_replaced_when_the_peer_has_closed_them() {
    let (server, _) = recording();
    let client = product_client(server.port());
    let started = Instant::now();
    for _ in 0..200 {
        client.clone().send(get(server.url()), within(5000)).await.expect("answer");
    }
    report(format_args!(
        "200 calls one after another over one connection: {:?} each (dev build, server included)",
        started.elapsed() / 200
    ));
    assert_eq!(server.connections(), 1);

    let closing = Server::start(|mut stream, seen| async move {
        read_request(&mut stream).await?;
        write(&mut stream, &seen, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await
    });
    let client = product_client(closing.port());
    for number in 1..=5 {
        client.send(get(closing.url()), within(5000)).await.expect("a closed connection is replaced");
        closing.wait_for_ended(number).await;
    }
    assert_eq!(closing.connections(), 5);
}

#[tokio::test]
async fn nothing_of_one_answer_reaches_the_next_request() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let server = Server::start(move |mut stream, seen| {
        let kept = Arc::clone(&kept);
        async move {
            while let Some(request) = read_request(&mut stream).await? {
                kept.lock().expect("kept").push(request);
                write(&mut stream, &seen, b"HTTP/1.1 401 Unauthorized\r\nset-cookie: session=1\r\nalt-svc: h2=\":1\"\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n").await?;
            }
            Ok(())
        }
    });
    let client = product_client(server.port());
    for _ in 0..2 {
        assert_eq!(client.send(get(server.url()), within(5000)).await.expect("answer").status, 401);
    }
    let requests = requests.lock().expect("kept");
    assert_eq!(requests[0], requests[1], "no cookie, no credentials, no referrer");
}

#[tokio::test]
async fn header_limits_are_exact() {
    let lines = |count: usize| {
        let filler: String = (0..count - 1).map(|number| format!("x-{number}: v\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{filler}\r\n")
    };
    let bytes = |count: usize| {
        let value = "v".repeat(count - "content-length".len() - 1 - "x".len());
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: {value}\r\n\r\n")
    };
    for (answer, fits) in [
        (lines(limits::RESPONSE_HEADERS), true),
        (lines(limits::RESPONSE_HEADERS + 1), false),
        (bytes(limits::RESPONSE_HEADER_BYTES), true),
        (bytes(limits::RESPONSE_HEADER_BYTES + 1), false),
    ] {
        let server = Server::answering(answer);
        let result = product_client(server.port()).send(get(server.url()), within(5000)).await;
        match result {
            Ok(answer) => assert!(fits, "{} headers", answer.headers.len()),
            Err(error) => assert!(!fits && error.code() == "headers_too_large", "{error}"),
        }
    }
}

#[tokio::test]
async fn what_a_tenant_may_not_set_is_refused_before_connecting() {
    let (server, _) = recording();
    let client = product_client(server.port());
    for (name, value) in [
        ("Host", "internal.example.com"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Upgrade", "websocket"),
        ("Expect", "100-continue"),
        ("Accept-Encoding", "gzip"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic x"),
        ("X-Split", "a\r\nHost: b"),
        ("X-Split", "a\nb"),
        ("X-Null", "a\0b"),
        ("X Space", "a"),
        ("X:Colon", "a"),
        ("", "a"),
    ] {
        assert_eq!(check_header(name, value).expect_err(name).code(), "invalid_request");
        let request = OutboundRequest { headers: vec![(name.into(), value.into())], ..get(server.url()) };
        let error = client.send(request, within(5000)).await.expect_err(name);
        assert_eq!(error.code(), "invalid_request", "{name:?}");
    }
    assert!(check_header("Authorization", "Bearer abc").is_ok());
    for method in ["CONNECT", "TRACE", "OPTIONS", "", "GET / HTTP/1.1\r\nX:"] {
        let request = OutboundRequest { method: method.into(), ..get(server.url()) };
        assert_eq!(client.send(request, within(5000)).await.expect_err(method).code(), "invalid_request");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_network_failure_before_sending_may_be_tried_again() {
    let network = Arc::new(TestNetwork::default());
    let client = client(&network, "");
    let unknown =
        client.send(get("http://nowhere.example.com/"), within(5000)).await.expect_err("no such name");
    assert_eq!((unknown.code(), unknown.is_connect()), ("dns_failed", true));
    network.address("empty.example.com", &[]);
    let empty = client.send(get("http://empty.example.com/"), within(5000)).await.expect_err("no address");
    assert_eq!((empty.code(), empty.is_connect()), ("dns_failed", true));
    network.address("down.example.com", &["93.184.215.14", "93.184.215.15"]);
    let down = client.send(get("http://down.example.com/"), within(5000)).await.expect_err("nobody there");
    assert_eq!((down.code(), down.is_connect()), ("connect_failed", true));
    assert_eq!(network.dialled().len(), 2, "both addresses were tried");

    // Bound but not listening: nobody else can take the port, and the system refuses connections to it.
    let unused = TcpSocket::new_v4().expect("socket");
    unused.bind(([127, 0, 0, 1], 0).into()).expect("bind");
    let port = unused.local_addr().expect("address").port();
    let refused = product_client(port).send(get(format!("http://127.0.0.1:{port}/")), within(5000)).await;
    assert_eq!(refused.expect_err("refused").code(), "connect_failed");
}

#[tokio::test]
async fn a_silent_name_server_or_address_is_ended_by_the_deadline() {
    let network = Arc::new(TestNetwork::default());
    network.name("silent-dns.example.com", [Answer::Silence]);
    network.address("silent-host.example.com", &["93.184.215.14"]);
    network.address("silent-hosts.example.com", &["93.184.215.14", "93.184.215.14"]);
    network.route(PUBLIC, Route::Silence);
    let client = client(&network, "");
    for name in ["silent-dns", "silent-host", "silent-hosts"] {
        let deadline = within(300);
        let error = client.send(get(format!("http://{name}.example.com/")), deadline).await.expect_err(name);
        assert_eq!(error.code(), "timed_out", "{name}");
        assert!(Instant::now() - deadline < Duration::from_millis(500), "{name}");
    }
    let past = client.send(get("http://silent-dns.example.com/"), Instant::now()).await.expect_err("past");
    assert_eq!(past.code(), "timed_out");
    assert_eq!(network.lookups().len(), 3, "a deadline that has passed starts nothing");
}

#[tokio::test(start_paused = true)]
async fn opening_a_connection_ends_even_when_the_deadline_is_far() {
    let network = Arc::new(TestNetwork::default());
    network.address("silent-host.example.com", &["93.184.215.14"]);
    network.route(PUBLIC, Route::Silence);
    let started = Instant::now();
    let error = client(&network, "").send(get("http://silent-host.example.com/"), within(600_000)).await;
    assert_eq!(error.expect_err("silent").code(), "timed_out");
    assert!(started.elapsed() <= limits::CONNECT + Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_silent_first_address_gives_way_to_the_next() {
    let (server, _) = recording();
    let network = Arc::new(TestNetwork::default());
    network.address("two.example.com", &["93.184.215.14", "93.184.215.15"]);
    network.route(PUBLIC, Route::Silence);
    network.route(ip("93.184.215.15"), Route::Listener(server.address));
    let answer =
        client(&network, "").send(get("http://two.example.com/"), within(5000)).await.expect("the second");
    assert_eq!(answer.status, 200);
    assert!(answer.elapsed < Duration::from_secs(1), "{:?}", answer.elapsed);
}

#[tokio::test]
async fn dropping_the_call_hangs_up() {
    let server = Server::start(|mut stream, _| async move { until_closed(&mut stream).await });
    let client = product_client(server.port());
    let call = tokio::spawn({
        let (client, url) = (client.clone(), server.url());
        async move { client.send(get(url), within(60_000)).await }
    });
    while server.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    server.wait_for_ended(1).await;
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_error_repeats_a_path_query_header_or_body() {
    const SECRET: &str = "s3cr3t";
    let network = Arc::new(TestNetwork::default());
    network.address("down.example.com", &["93.184.215.14"]);
    network.address("private.example.com", &["10.0.0.1"]);
    let client = client(&network, "");
    let not_http = Server::answering("s3cr3t\r\n\r\n");
    network.address("garbage.example.com", &["93.184.215.16"]);
    network.route(ip("93.184.215.16"), Route::Listener(not_http.address));
    let mut seen = std::collections::BTreeSet::new();
    for url in [
        "http://s3cr3t:s3cr3t@bidder.example.com/",
        "gopher://s3cr3t/",
        "http://127.0.0.1/s3cr3t?key=s3cr3t",
        "http://bidder.example.com:25/s3cr3t?key=s3cr3t",
        "http://nowhere.example.com/s3cr3t?key=s3cr3t",
        "http://down.example.com/s3cr3t?key=s3cr3t",
        "https://garbage.example.com/s3cr3t?key=s3cr3t",
        "http://garbage.example.com/s3cr3t?key=s3cr3t",
        "http://private.example.com/s3cr3t?key=s3cr3t",
    ] {
        let mut request = post(url, SECRET.as_bytes());
        request.headers.push(("Authorization".into(), format!("Bearer {SECRET}")));
        let error = client.send(request, within(2000)).await.expect_err(url);
        let text = whole_text(&error);
        assert!(!text.contains(SECRET), "{}: {text}", error.code());
        seen.insert(error.code());
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}
