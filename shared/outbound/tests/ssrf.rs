//! A tenant's URL must never lead us to an address that is not on the public Internet. Every payload here carries
//! the port of a listener on this machine's loopback, which must see no connection; nothing may be dialled.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use outbound::{AllowList, check_url};
use support::*;

/// Must be refused before any lookup. `{p}` is the trap's port.
const LITERAL_PAYLOADS: &[(&str, &str)] = &[
    // Loopback, in every spelling an address parser takes.
    ("http://127.0.0.1:{p}/", "blocked_address"),
    ("https://127.0.0.1:{p}/", "blocked_address"),
    ("HTTP://127.0.0.1:{p}/", "blocked_address"),
    ("http://127.0.0.1./", "blocked_address"),
    ("http://127.1:{p}/", "blocked_address"),
    ("http://127.0.1:{p}/", "blocked_address"),
    ("http://127.127.127.127:{p}/", "blocked_address"),
    ("http://2130706433:{p}/", "blocked_address"),
    ("http://0x7f000001:{p}/", "blocked_address"),
    ("http://0x7F.1:{p}/", "blocked_address"),
    ("http://0x7f.0x0.0x0.0x1:{p}/", "blocked_address"),
    ("http://017700000001:{p}/", "blocked_address"),
    ("http://0177.0.0.1:{p}/", "blocked_address"),
    ("http://0177.0x0.0.01:{p}/", "blocked_address"),
    ("http://00000177.0.0.1:{p}/", "blocked_address"),
    ("http://0:{p}/", "blocked_address"),
    ("http://0.0.0.0:{p}/", "blocked_address"),
    ("http://0x:{p}/", "blocked_address"),
    ("http://%31%32%37.0.0.1:{p}/", "blocked_address"),
    ("http://127%2e0%2e0%2e1:{p}/", "blocked_address"),
    ("http://127.0.0.1:0{p}/", "blocked_address"),
    ("http://256.0.0.1:{p}/", "invalid_url"),
    ("http://4294967297:{p}/", "invalid_url"),
    ("http://127.0.0.1.1:{p}/", "invalid_url"),
    ("http://0x7f.0.0.08:{p}/", "invalid_url"),
    ("http://2130706433.:{p}/", "blocked_address"),
    ("http://0x7f000001.:{p}/", "blocked_address"),
    ("http://3232235777:{p}/", "blocked_address"),
    ("http://0xc0a80101:{p}/", "blocked_address"),
    ("http://0300.0250.1.1:{p}/", "blocked_address"),
    ("http://10.1:{p}/", "blocked_address"),
    ("http://172.1048577:{p}/", "blocked_address"),
    ("http://%6c%6f%63%61%6c%68%6f%73%74:{p}/", "blocked_address"),
    ("http://%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1:{p}/", "blocked_address"),
    ("http://127.0.0.1%2f.example.com:{p}/", "invalid_url"),
    ("http://127.0.0.1%00.example.com:{p}/", "invalid_url"),
    // Digits and dots of other scripts become ASCII ones.
    ("http://①②⑦.⓪.⓪.①:{p}/", "blocked_address"),
    ("http://\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}:{p}/", "blocked_address"),
    ("http://127\u{3002}0\u{3002}0\u{3002}1:{p}/", "blocked_address"),
    ("http://127\u{ff0e}0\u{ff0e}0\u{ff0e}1:{p}/", "blocked_address"),
    ("http://127\u{ff61}0\u{ff61}0\u{ff61}1:{p}/", "blocked_address"),
    ("http://\u{ff10}\u{ff58}7f000001:{p}/", "blocked_address"),
    ("http://\u{1d7cf}\u{1d7d0}\u{1d7d5}.\u{1d7ce}.\u{1d7ce}.\u{1d7cf}:{p}/", "blocked_address"),
    ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/", "blocked_address"),
    ("http://lo\u{ad}calhost:{p}/", "blocked_address"),
    ("http://[\u{ff1a}\u{ff1a}1]:{p}/", "invalid_url"),
    // Private, link-local, metadata and other special IPv4.
    ("http://10.0.0.1:{p}/", "blocked_address"),
    ("http://172.16.0.1:{p}/", "blocked_address"),
    ("http://172.31.255.254:{p}/", "blocked_address"),
    ("http://192.168.1.1:{p}/", "blocked_address"),
    ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
    ("http://169.254.170.2/v2/credentials", "blocked_address"),
    ("http://2852039166/latest/meta-data/", "blocked_address"),
    ("http://0xA9FEA9FE/", "blocked_address"),
    ("http://0251.0376.0251.0376/", "blocked_address"),
    ("http://169.254.43518/", "blocked_address"),
    ("http://100.100.100.200/latest/meta-data/", "blocked_address"),
    ("http://168.63.129.16/", "blocked_address"),
    ("http://192.0.0.192/", "blocked_address"),
    ("http://198.18.0.1:{p}/", "blocked_address"),
    ("http://224.0.0.1:{p}/", "blocked_address"),
    ("http://255.255.255.255:{p}/", "blocked_address"),
    // IPv6, and IPv4 inside IPv6.
    ("http://[::1]:{p}/", "blocked_address"),
    ("http://[0:0:0:0:0:0:0:1]:{p}/", "blocked_address"),
    ("http://[0000:0000::0001]:{p}/", "blocked_address"),
    ("http://[::]:{p}/", "blocked_address"),
    ("http://[::127.0.0.1]:{p}/", "blocked_address"),
    ("http://[::ffff:127.0.0.1]:{p}/", "blocked_address"),
    ("http://[::ffff:7f00:1]:{p}/", "blocked_address"),
    ("http://[0:0:0:0:0:ffff:169.254.169.254]/", "blocked_address"),
    ("http://[::ffff:0:127.0.0.1]:{p}/", "blocked_address"),
    ("http://[64:ff9b::127.0.0.1]:{p}/", "blocked_address"),
    ("http://[64:ff9b::a9fe:a9fe]/", "blocked_address"),
    ("http://[64:ff9b::10.0.0.1]:{p}/", "blocked_address"),
    ("http://[64:ff9b:1::7f00:1]:{p}/", "blocked_address"),
    ("http://[::ffff:192.168.1.1]:{p}/", "blocked_address"),
    ("http://[::FFFF:0A00:0001]:{p}/", "blocked_address"),
    ("http://[2002:a00:1::1]:{p}/", "blocked_address"),
    ("http://[2002:c0a8:101::]:{p}/", "blocked_address"),
    // Teredo: 127.0.0.1 behind it, its bits turned over.
    ("http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{p}/", "blocked_address"),
    ("http://[2002:7f00:1::]:{p}/", "blocked_address"),
    ("http://[2002:a9fe:a9fe::1]/", "blocked_address"),
    ("http://[2001:0:7f00:1::]:{p}/", "blocked_address"),
    ("http://[fc00::1]:{p}/", "blocked_address"),
    ("http://[fd00:ec2::254]/latest/meta-data/", "blocked_address"),
    ("http://[fe80::1]:{p}/", "blocked_address"),
    ("http://[fe80::1%25lo]:{p}/", "invalid_url"),
    ("http://[fec0::1]:{p}/", "blocked_address"),
    ("http://[ff02::1]:{p}/", "blocked_address"),
    ("http://[100::1]:{p}/", "blocked_address"),
    ("http://[5f00::1]:{p}/", "blocked_address"),
    ("http://[::1:{p}/", "invalid_url"),
    // Names of the machine and of private networks.
    ("http://localhost:{p}/", "blocked_address"),
    ("http://LOCALHOST:{p}/", "blocked_address"),
    ("http://localhost.:{p}/", "blocked_address"),
    ("http://a.localhost:{p}/", "blocked_address"),
    ("http://localhost.localdomain:{p}/", "blocked_address"),
    ("http://printer.local:{p}/", "blocked_address"),
    ("http://metadata.google.internal/computeMetadata/v1/", "blocked_address"),
    ("http://metadata/", "blocked_address"),
    ("http://router.home.arpa:{p}/", "blocked_address"),
    ("http://bidder.example.com.:{p}/", "blocked_address"),
    ("http://a..example.com:{p}/", "invalid_url"),
    ("http://.:{p}/", "blocked_address"),
    // User name tricks: whom does the reader take for the host?
    ("http://bidder.example.com@127.0.0.1:{p}/", "invalid_url"),
    ("http://127.0.0.1:{p}@bidder.example.com/", "invalid_url"),
    ("http://user:secret@bidder.example.com/", "invalid_url"),
    ("http://@127.0.0.1:{p}/", "invalid_url"),
    ("http://:@127.0.0.1:{p}/", "invalid_url"),
    ("http://bidder.example.com%40127.0.0.1:{p}/", "invalid_url"),
    ("http://bidder.example.com\\@127.0.0.1:{p}/", "invalid_url"),
    ("http://bidder.example.com#@127.0.0.1:{p}/", "dns_failed"),
    ("http://bidder.example.com?@127.0.0.1:{p}/", "dns_failed"),
    ("http://bidder.example.com/@127.0.0.1:{p}/", "dns_failed"),
    // Spellings that a lenient reader repairs.
    ("http:127.0.0.1:{p}/", "invalid_url"),
    ("http:/127.0.0.1:{p}/", "invalid_url"),
    ("http:///127.0.0.1:{p}/", "invalid_url"),
    ("http:\\\\127.0.0.1:{p}\\", "invalid_url"),
    ("//127.0.0.1:{p}/", "invalid_url"),
    (" http://127.0.0.1:{p}/", "invalid_url"),
    ("http://127.0.0.1:{p}/ ", "invalid_url"),
    ("ht\ttp://127.0.0.1:{p}/", "invalid_url"),
    ("http://127.0.\n0.1:{p}/", "invalid_url"),
    ("http://bidder.example.com\r\nHost: 127.0.0.1:{p}/", "invalid_url"),
    ("http://bidder.example.com\u{0}.127.0.0.1:{p}/", "invalid_url"),
    ("http://", "invalid_url"),
    ("http://:{p}/", "invalid_url"),
    ("", "invalid_url"),
    // Other schemes.
    ("file:///etc/passwd", "invalid_url"),
    ("gopher://127.0.0.1:{p}/_x", "invalid_url"),
    ("ftp://127.0.0.1:{p}/", "invalid_url"),
    ("unix:///var/run/docker.sock", "invalid_url"),
    ("ws://127.0.0.1:{p}/", "invalid_url"),
    ("data:text/plain,x", "invalid_url"),
    ("jar:http://127.0.0.1:{p}!/", "invalid_url"),
    // Ports of services that are not the web.
    ("http://bidder.example.com:22/", "blocked_port"),
    ("http://bidder.example.com:25/", "blocked_port"),
    ("http://bidder.example.com:0/", "blocked_port"),
    ("http://bidder.example.com:6379/", "blocked_port"),
    ("http://bidder.example.com:5432/", "blocked_port"),
    ("http://bidder.example.com:2375/", "blocked_port"),
    ("https://bidder.example.com:3306/", "blocked_port"),
    ("http://bidder.example.com:10250/", "blocked_port"),
    ("http://8.8.8.8:53/", "blocked_port"),
    ("http://bidder.example.com:65536/", "invalid_url"),
    ("http://bidder.example.com:-1/", "invalid_url"),
];

/// Public-looking names and what the name server says. Must be refused after the lookup, before any dialling.
const NAME_PAYLOADS: &[(&str, &[&str])] = &[
    ("127.0.0.1.nip.example", &["127.0.0.1"]),
    ("localtest.example", &["127.0.0.1"]),
    ("zero.example.com", &["0.0.0.0"]),
    ("imds.example.com", &["169.254.169.254"]),
    ("office.example.com", &["10.1.2.3"]),
    ("nat.example.com", &["100.64.0.1"]),
    ("six.example.com", &["::1"]),
    ("mapped.example.com", &["::ffff:127.0.0.1"]),
    ("nat64.example.com", &["64:ff9b::7f00:1"]),
    ("six-to-four.example.com", &["2002:7f00:1::1"]),
    ("ula.example.com", &["fd00:ec2::254"]),
    ("mixed-last.example.com", &["93.184.215.14", "127.0.0.1"]),
    ("mixed-first.example.com", &["127.0.0.1", "93.184.215.14"]),
    ("mixed-families.example.com", &["93.184.215.14", "::1"]),
    ("mixed-many.example.com", &["93.184.215.14", "8.8.8.8", "1.1.1.1", "9.9.9.9", "8.8.4.4", "10.0.0.1"]),
    ("xn--bcher-kva.example", &["127.0.0.1"]),
];

/// A listener that must stay alone, and a client whose allow-list names another port of the same host.
fn trap() -> (Server, Server, Arc<TestNetwork>) {
    (Server::answering(ok("trap")), Server::answering(ok("ours")), Arc::new(TestNetwork::default()))
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn no_payload_reaches_a_listener() {
    let (trap, ours, network) = trap();
    let allow = format!("127.0.0.1:{},localhost:{}", ours.port(), ours.port());
    let client = client(&network, &allow);
    for (payload, expected) in LITERAL_PAYLOADS {
        let url = payload.replace("{p}", &trap.port().to_string());
        let error = client.send(get(&url), within(2000)).await.expect_err(&url);
        assert_eq!(error.code(), *expected, "{url:?}: {error}");
        let saved = check_url(&url, &AllowList::parse(&allow).expect("allow list"));
        assert_eq!(saved.is_err(), *expected != "dns_failed", "{url:?} when saved: {saved:?}");
    }
    let looked_up = network.lookups();
    assert!(looked_up.iter().all(|name| name == "bidder.example.com"), "{looked_up:?}");

    for (name, addresses) in NAME_PAYLOADS {
        network.address(name, addresses);
        let url = format!("http://{name}:{}/", trap.port());
        let error = client.send(get(&url), within(2000)).await.expect_err(&url);
        assert_eq!(error.code(), "blocked_address", "{url}: {error}");
        assert!(!error.is_connect() && error.is_refusal());
    }
    assert_eq!(network.dialled(), [], "nothing may be dialled");
    assert_eq!(trap.connections(), 0);

    // The trap works and the exemption is real: exactly its own host and port answer.
    let answer = client.send(get(ours.url()), within(2000)).await.expect("the exempt port");
    assert_eq!(answer.body, b"ours");
    let different: BTreeSet<&str> = LITERAL_PAYLOADS.iter().map(|(url, _)| *url).collect();
    let count = different.len() + NAME_PAYLOADS.len();
    assert!(count >= 60);
    report(format_args!("{count} payloads, 0 connections, 0 dialled addresses"));
}

/// No scripted network between: the product's client, this machine's network, a listener on all of its addresses.
#[tokio::test]
async fn no_payload_reaches_this_machine_by_any_of_its_addresses() {
    let trap = Server::answering_everywhere(ok("trap"));
    let elsewhere = product_client(1);
    let mut refused = 0;
    // Those that need a lookup would ask a real name server.
    for (payload, expected) in LITERAL_PAYLOADS.iter().filter(|(_, expected)| *expected != "dns_failed") {
        let url = payload.replace("{p}", &trap.port().to_string());
        let error = elsewhere.send(get(&url), within(2000)).await.expect_err(&url);
        assert_eq!(error.code(), *expected, "{url:?}: {error}");
        assert!(error.is_refusal(), "{url:?}: refused before anything is connected to");
        refused += 1;
    }
    assert_eq!(trap.connections(), 0);
    report(format_args!("{refused} payloads, 0 connections to any address of this machine"));

    // The trap is one: whoever is let through gets there, by IPv6 too where the machine has it.
    let let_in = outbound::Outbound::new(
        AllowList::parse(&format!("127.0.0.1:{0},127.1.2.3:{0},[::1]:{0}", trap.port())).expect("allow list"),
    );
    let let_in = let_in.expect("client");
    for host in ["127.0.0.1", "127.1.2.3"] {
        let url = format!("http://{host}:{}/", trap.port());
        assert_eq!(let_in.send(get(&url), within(2000)).await.expect(&url).body, b"trap");
    }
    if trap.address.is_ipv6() {
        let url = format!("http://[::1]:{}/", trap.port());
        assert_eq!(let_in.send(get(&url), within(2000)).await.expect(&url).body, b"trap");
    }
}

#[tokio::test]
async fn a_name_that_turns_private_between_two_calls_is_refused() {
    let (trap, _, network) = trap();
    let honest = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    network.route(PUBLIC, Route::Listener(honest.address));
    network.name(
        "rebind.example.com",
        [Answer::Addresses(vec![PUBLIC]), Answer::Addresses(vec![ip("127.0.0.1")])],
    );
    let client = client(&network, "127.0.0.1:1");
    let url = format!("http://rebind.example.com:{}/", trap.port());

    let first = client.send(get(&url), within(2000)).await.expect("the first answer is public");
    assert_eq!(first.body, b"ok");
    let second = client.send(get(&url), within(2000)).await.expect_err("the second is not");
    assert_eq!(second.code(), "blocked_address");
    assert_eq!(network.dialled().len(), 1, "{:?}", network.dialled());
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_connection_is_made_from_one_lookup_to_the_very_address_that_was_checked() {
    let (trap, _, network) = trap();
    let honest = Server::answering(ok("ok"));
    network.route(PUBLIC, Route::Listener(honest.address));
    // A second question for the same connection would get the private address.
    let mut answers = vec![Answer::Addresses(vec![PUBLIC])];
    answers.extend((0..5).map(|_| Answer::Addresses(vec![ip("127.0.0.1")])));
    network.name("rebind.example.com", answers);
    let client = client(&network, "");
    let url = format!("http://rebind.example.com:{}/", trap.port());
    for _ in 0..5 {
        assert_eq!(client.send(get(&url), within(2000)).await.expect("pooled").body, b"ok");
    }
    assert_eq!(network.lookups().len(), 1, "the pooled connection needs no second lookup");
    assert_eq!(
        network.dialled(),
        [(PUBLIC, trap.port()).into()],
        "the port is the URL's, not the name server's"
    );
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (trap, _, network) = trap();
    let targets = [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://127.0.0.1:{}/", trap.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", trap.port()),
        format!("//127.0.0.1:{}/", trap.port()),
        "file:///etc/passwd".to_owned(),
        "https://bidder.example.com/elsewhere".to_owned(),
        "/same-host".to_owned(),
    ];
    let statuses = [300, 301, 302, 303, 304, 305, 307, 308];
    for target in &targets {
        for status in statuses {
            let answer = format!(
                "HTTP/1.1 {status} Moved\r\nlocation: {target}\r\nrefresh: 0; url={target}\r\ncontent-length: 0\r\n\r\n"
            );
            let bidder = Server::answering(answer);
            let network = Arc::new(TestNetwork::default());
            network.address("bidder.example.com", &["93.184.215.14"]);
            network.route(PUBLIC, Route::Listener(bidder.address));
            let error =
                client(&network, "").send(post("http://bidder.example.com/", b"{}"), within(2000)).await;
            let error = error.expect_err("a redirect is no answer");
            assert_eq!(error.code(), "redirect_refused");
            assert!(error.to_string().contains(&status.to_string()));
            assert!(!whole_text(&error).contains(target.as_str()), "the target is not repeated");
            assert_eq!(network.dialled(), [(PUBLIC, 80).into()]);
        }
    }
    assert_eq!(trap.connections(), 0);
    assert_eq!(network.dialled(), []);
}

#[tokio::test]
async fn an_exemption_is_for_one_host_and_one_port() {
    let (trap, ours, network) = trap();
    network.address("ours.example.com", &["127.0.0.1"]);
    let port = ours.port();
    let client = client(&network, &format!("127.0.0.1:{port}, ours.example.com:{port} ,[::1]:{port}"));
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://ours.example.com:{port}/"),
        format!("http://0x7f.1:{port}/"),
    ] {
        assert_eq!(client.send(get(&url), within(2000)).await.expect(&url).body, b"ours", "{url}");
    }
    let refused = [
        format!("http://127.0.0.1:{}/", trap.port()),
        format!("http://ours.example.com:{}/", trap.port()),
        format!("http://127.0.0.2:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://x.ours.example.com:{port}/"),
        format!("http://ours.example.com.:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://user@127.0.0.1:{port}/"),
    ];
    network.address("x.ours.example.com", &["127.0.0.1"]);
    for url in refused {
        let error = client.send(get(&url), within(2000)).await.expect_err(&url);
        assert!(error.is_refusal(), "{url}: {error}");
    }
    assert_eq!(trap.connections(), 0);
}

#[test]
fn the_allow_list_is_exact_and_empty_by_default() {
    assert!(AllowList::default().is_empty());
    assert!(AllowList::parse("").expect("blank").is_empty());
    assert!(AllowList::parse(" , ").expect("blank").is_empty());
    let list = AllowList::parse("LOCALHOST:4010,127.0.0.1:4011,[::1]:4012").expect("three entries");
    assert!(!list.is_empty());
    assert_eq!(list.to_string(), "127.0.0.1:4011,[::1]:4012,localhost:4010");
    for wrong in [
        "localhost",
        "localhost:",
        ":80",
        "localhost:0",
        "localhost:99999",
        "http://localhost:1",
        "*:80",
        "a b:1",
        "::1:80",
        "10.0.0.0/8:80",
    ] {
        let error = AllowList::parse(&format!("127.0.0.1:1,{wrong}")).expect_err(wrong);
        assert_eq!(error.entry, wrong);
    }
}
