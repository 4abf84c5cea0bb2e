//! Servers that mean harm. Each one must end in its own cause, by the deadline, with a bounded number of bytes taken
//! off the wire. Times and byte counts are printed.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use outbound::{Outbound, OutboundError, limits};
use support::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// What a loaded machine may add to a deadline before a test calls it broken.
const GENEROUS: Duration = Duration::from_millis(500);
/// What a hostile answer may cost: our own limit, plus buffers of both kernels.
const WIRE_CEILING: u64 = 1024 * 1024;

/// Sends one request with a deadline that is not to be reached.
async fn cause_of(server: &Server) -> OutboundError {
    let error = product_client(server.port())
        .send(post(server.url(), b"{\"zip\":\"10001\"}"), within(8000))
        .await
        .expect_err("a hostile answer is no answer");
    // The connection is closed, not left to the sender.
    server.wait_for_ended(1).await;
    error
}

/// Sends one request that only the deadline ends, and returns by how much it was missed.
async fn overshoot(client: &Outbound, url: &str, milliseconds: u64) -> Duration {
    let deadline = within(milliseconds);
    let error = client.send(post(url, b"{}"), deadline).await.expect_err("no answer is coming");
    let late = Instant::now().saturating_duration_since(deadline);
    assert_eq!(error.code(), "timed_out", "{error}");
    assert!(!error.is_connect());
    late
}

/// Reads the request, sends `head`, then `chunk` again and again until hung up on or `limit` bytes were written.
fn flooding(head: &'static str, chunk: Vec<u8>, limit: u64) -> Server {
    let chunk = Arc::new(chunk);
    Server::start(move |mut stream, seen| {
        let chunk = Arc::clone(&chunk);
        async move {
            read_request(&mut stream).await?;
            write(&mut stream, &seen, head.as_bytes()).await?;
            while seen.written.load(std::sync::atomic::Ordering::SeqCst) < limit {
                write(&mut stream, &seen, &chunk).await?;
            }
            until_closed(&mut stream).await
        }
    })
}

const GIGABYTE: u64 = 1 << 30;

#[tokio::test]
async fn a_server_that_never_answers_costs_exactly_the_deadline_and_is_hung_up_on() {
    let server = Server::start(|mut stream, _| async move { until_closed(&mut stream).await });
    let client = product_client(server.port());
    let mut late = Vec::new();
    for _ in 0..10 {
        let url = server.url();
        let batch: Vec<_> = (0..20)
            .map(|_| {
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(async move { overshoot(&client, &url, 50).await })
            })
            .collect();
        for call in batch {
            late.push(call.await.expect("call"));
        }
    }
    server.wait_for_ended(late.len()).await;
    late.sort();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    report(format_args!(
        "overshoot of {} hung calls: p50 {:?}, p99 {:?}, max {:?}",
        late.len(),
        at(50),
        at(99),
        at(100)
    ));
    assert!(at(100) < GENEROUS, "{:?}", at(100));
}

#[tokio::test]
async fn a_drip_of_one_byte_per_second_does_not_move_the_deadline() {
    for (part, before) in [
        ("head", ""),
        ("body", "HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n"),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    ] {
        let server = Server::start(move |mut stream, seen| async move {
            read_request(&mut stream).await?;
            write(&mut stream, &seen, before.as_bytes()).await?;
            let drip = match part {
                "head" => &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
                "body" => b"{\"accept\":true}",
                _ => b"1\r\n{\r\n1\r\n}\r\n",
            };
            for byte in drip.iter().cycle() {
                write(&mut stream, &seen, &[*byte]).await?;
                sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        });
        let late = overshoot(&product_client(server.port()), &server.url(), 1500).await;
        report(format_args!(
            "drip in {part}: {late:?} after a deadline of 1.5 s, {} bytes sent",
            server.written()
        ));
        assert!(late < GENEROUS, "{late:?}");
    }
}

#[tokio::test]
async fn a_gigabyte_is_refused_after_64_kilobytes() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    let unannounced = "HTTP/1.1 200 OK\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let text = vec![b'x'; 16 * 1024];
    let chunk = [b"4000\r\n".to_vec(), text.clone(), b"\r\n".to_vec()].concat();
    let one_byte_chunks = b"1;padding=xxxxxxxxxxxx\r\nx\r\n".repeat(500);
    for (name, head, bytes) in [
        ("announced", announced, text.clone()),
        ("until closed", unannounced, text),
        ("chunked", chunked, chunk),
        ("chunks of one byte", chunked, one_byte_chunks),
    ] {
        let server = flooding(head, bytes, GIGABYTE);
        let error = cause_of(&server).await;
        report(format_args!(
            "1 GB body, {name}: {}, {} kB written by the server",
            error.code(),
            server.written() / 1024
        ));
        // Chunk extensions have a limit of their own in the HTTP library.
        let expected = if name == "chunks of one byte" { "protocol_error" } else { "body_too_large" };
        assert_eq!(error.code(), expected, "{name}");
        assert!(server.written() < WIRE_CEILING, "{name}: {}", server.written());
    }
    let bare_chunks = flooding(chunked, b"1\r\nx\r\n".repeat(1000), GIGABYTE);
    assert_eq!(cause_of(&bare_chunks).await.code(), "body_too_large");
    assert!(bare_chunks.written() < WIRE_CEILING);
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let long_line = vec![b'a'; 16 * 1024];
    let many_lines = b"x-header: value\r\n".repeat(1000);
    let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(300);
    for (name, head, bytes) in [
        ("10 MB in one header", "HTTP/1.1 200 OK\r\nx-long: ", long_line.clone()),
        ("10 MB in many headers", "HTTP/1.1 200 OK\r\n", many_lines),
        ("10 MB of status line", "HTTP/1.1 200 ", long_line),
        ("10 MB of interim answers", "", interim),
    ] {
        let server = flooding(head, bytes, 10 * 1024 * 1024);
        let error = cause_of(&server).await;
        report(format_args!(
            "{name}: {}, {} kB written by the server",
            error.code(),
            server.written() / 1024
        ));
        assert_eq!(error.code(), "headers_too_large", "{name}: {}", whole_text(&error));
        assert!(server.written() < WIRE_CEILING, "{name}: {}", server.written());
    }
}

#[tokio::test]
async fn endless_trailers_are_refused() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
    let server = flooding(head, b"x-trailer: value\r\n".repeat(1000), 10 * 1024 * 1024);
    let error = cause_of(&server).await;
    assert_eq!(error.code(), "protocol_error", "{}", whole_text(&error));
    assert!(server.written() < WIRE_CEILING, "{}", server.written());
}

#[tokio::test]
async fn a_compressed_answer_is_refused_not_expanded() {
    for encoding in ["gzip", "GZIP", "br", "deflate", "zstd", "gzip, gzip", "identity, gzip", "x-unheard-of"]
    {
        let head: &'static str = match encoding {
            "gzip" => "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
            other => format!("HTTP/1.1 200 OK\r\ncontent-encoding: {other}\r\n\r\n").leak(),
        };
        let server = flooding(head, vec![0; 16 * 1024], GIGABYTE);
        let error = cause_of(&server).await;
        assert_eq!(error.code(), "unsupported_encoding", "{encoding}");
        assert!(server.written() < WIRE_CEILING, "{encoding}: {}", server.written());
    }
    let transfer =
        flooding("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", vec![b'1'; 1024], GIGABYTE);
    assert_eq!(cause_of(&transfer).await.code(), "unsupported_encoding");
}

#[tokio::test]
async fn a_connection_lost_at_any_point_has_its_cause() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    for (name, sent, reset) in [
        ("closed before the head", "", false),
        ("closed in the head", "HTTP/1.1 200 OK\r\ncontent-le", false),
        ("closed in the body", HALF, false),
        ("closed in a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf", false),
        ("reset before the head", "", true),
        ("reset in the body", HALF, true),
    ] {
        let server = Server::start(move |mut stream, seen| async move {
            if !reset {
                read_request(&mut stream).await?;
            } else {
                // Closing with unread bytes is what makes a kernel send a reset.
                stream.readable().await?;
            }
            write(&mut stream, &seen, sent.as_bytes()).await
        });
        let error = cause_of(&server).await;
        assert_eq!(error.code(), "connection_lost", "{name}: {}", whole_text(&error));
        assert!(!error.is_connect(), "{name}: the request may have been handled");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let answers: [&'static [u8]; 13] = [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"220 mail.example.com ESMTP ready\r\n\r\n",
        b"-ERR unknown command\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00\r\n\r\n",
        b"<html>no head at all</html>\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ];
    for answer in answers {
        let server = Server::answering(answer);
        let error = cause_of(&server).await;
        let shown = String::from_utf8_lossy(answer);
        assert_eq!(error.code(), "protocol_error", "{shown:?}: {}", whole_text(&error));
    }
}

#[tokio::test]
async fn the_byte_limit_counts_one_answer_not_one_connection() {
    let body = "x".repeat(limits::RESPONSE_BODY_BYTES);
    let server =
        Server::answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    let client = product_client(server.port());
    for _ in 0..20 {
        let answer = client.send(get(server.url()), within(8000)).await.expect("as long as an answer may be");
        assert_eq!(answer.body.len(), limits::RESPONSE_BODY_BYTES);
    }
    assert_eq!(server.connections(), 1, "1.3 MB over one pooled connection");

    let longer =
        Server::answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}!", body.len() + 1));
    assert_eq!(cause_of(&longer).await.code(), "body_too_large");
}

/// Each of these is refused on what has arrived, without waiting for more.
#[tokio::test]
async fn a_limit_is_enforced_as_soon_as_it_is_passed() {
    let body = "x".repeat(limits::RESPONSE_BODY_BYTES + 1);
    let head = "x".repeat(2 * limits::READ_BUFFER_BYTES);
    for (sent, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_owned(), "body_too_large"),
        (format!("HTTP/1.1 200 OK\r\n\r\n{body}"), "body_too_large"),
        (format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20000\r\n{body}"), "body_too_large"),
        (format!("HTTP/1.1 200 OK\r\nx-long: {head}"), "headers_too_large"),
    ] {
        let server = Server::answering(sent);
        assert_eq!(cause_of(&server).await.code(), expected);
    }
}

#[tokio::test]
async fn fifty_hostile_servers_at_once_end_by_the_deadline_and_stay_small() {
    let servers: Vec<Server> = (0..50)
        .map(|number| match number % 5 {
            0 => Server::start(|mut stream, _| async move { until_closed(&mut stream).await }),
            1 => flooding("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 16 * 1024], GIGABYTE),
            2 => flooding("HTTP/1.1 200 OK\r\nx-long: ", vec![b'x'; 16 * 1024], GIGABYTE),
            3 => Server::start(drip),
            _ => Server::answering(
                "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
            ),
        })
        .collect();
    let allow: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let client =
        Outbound::new(outbound::AllowList::parse(&allow.join(",")).expect("allow list")).expect("client");
    let before = resident_kilobytes();
    let deadline = within(1000);
    let calls: Vec<_> = servers
        .iter()
        .map(|server| {
            let (client, request) = (client.clone(), post(server.url(), b"{}"));
            tokio::spawn(async move {
                let error = client.send(request, deadline).await.expect_err("hostile");
                (error.code(), Instant::now().saturating_duration_since(deadline))
            })
        })
        .collect();
    let mut causes = std::collections::BTreeMap::new();
    let mut worst = Duration::ZERO;
    for call in calls {
        let (code, late) = call.await.expect("call");
        *causes.entry(code).or_insert(0) += 1;
        worst = worst.max(late);
    }
    report(format_args!(
        "50 hostile servers: {causes:?}, latest {worst:?} after the deadline, memory {before:?} kB before, {:?} kB after, both sides",
        resident_kilobytes()
    ));
    assert!(worst < GENEROUS, "{worst:?}");
    let expected =
        [("body_too_large", 10), ("headers_too_large", 10), ("redirect_refused", 10), ("timed_out", 20)];
    assert_eq!(causes.into_iter().collect::<Vec<_>>(), expected);
}

async fn drip(mut stream: TcpStream, seen: Arc<Seen>) -> io::Result<()> {
    read_request(&mut stream).await?;
    loop {
        write(&mut stream, &seen, b"H").await?;
        stream.flush().await?;
        sleep(Duration::from_secs(1)).await;
    }
}

/// Peak and present memory of this process, where the system tells.
fn resident_kilobytes() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let read = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((read("VmHWM:")?, read("VmRSS:")?))
}
