//! There is one way out to addresses that tenants name, and it is this crate. Held against the text of the whole workspace:
//! whatever could open a connection stands in a file that is listed here, with the reason why it leads to no tenant's
//! address.
//!
//! `clippy.toml` bans the calls themselves, but an `#[expect]` lifts a ban anywhere; this list does not move with one.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Words without which nothing connects: sockets, clients, name lookup, TLS, and programs that could do it for us.
const WORDS: [&str; 21] = [
    "TcpStream",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixDatagram",
    "ToSocketAddrs",
    "to_socket_addrs",
    "lookup_host",
    "reqwest",
    "hyper_util::client",
    "hyper::client",
    "HttpConnector",
    "GuardedConnector",
    "tokio_rustls",
    "aws_smithy_http_client",
    "socket2",
    "ureq",
    "tungstenite",
    "libc",
    "process::Command",
    "Command::new",
];

/// Files that may hold such words, or folders that end with `/`, and why none of them leads to an address of a tenant.
const PLACES: [(&str, &[&str], &str); 14] = [
    (
        "shared/outbound/src/",
        &["TcpStream", "TcpSocket", "lookup_host", "hyper_util::client", "GuardedConnector", "tokio_rustls"],
        "this is the way out",
    ),
    ("shared/twilio/src/rest/", &["reqwest"], "Twilio's REST API: its address is configuration"),
    (
        "shared/runtime/src/aws.rs",
        &["aws_smithy_http_client"],
        "AWS: its addresses are the SDK's, or configuration",
    ),
    (
        "shared/store/src/direct.rs",
        &["HttpConnector"],
        "the table: its address is the SDK's, or configuration; the connections are the SDK's client's",
    ),
    ("shared/testkit/src/phone/webhook.rs", &["reqwest"], "tests: the simulated carrier calls us"),
    (
        "shared/testkit/src/faults.rs",
        &["TcpStream", "hyper_util::client", "HttpConnector"],
        "tests: a proxy before the database",
    ),
    ("shared/testkit/src/database/", &["aws_smithy_http_client"], "tests: the embedded database"),
    ("infra/local/src/client.rs", &["reqwest"], "the command line talks to the local platform"),
    ("infra/local/src/serve.rs", &["TcpStream"], "connections that others opened"),
    ("infra/xtask/src/check.rs", &["reqwest"], "a name in a list of packages"),
    // Packages, by what their manifests name.
    ("shared/twilio/Cargo.toml", &["reqwest"], "see above"),
    (
        "shared/testkit/Cargo.toml",
        &["reqwest", "hyper-util", "aws-smithy-http-client"],
        "never part of a function",
    ),
    ("infra/local/Cargo.toml", &["reqwest", "hyper-util"], "never part of a function"),
    ("shared/runtime/Cargo.toml", &["aws-smithy-http-client"], "see above"),
];

/// Packages with which a crate could connect. `shared/outbound` has its own.
const PACKAGES: [&str; 6] =
    ["reqwest", "hyper-util", "tokio-rustls", "aws-smithy-http-client", "socket2", "hickory-resolver"];

/// Clients that are not linked at all: nobody needs a second one.
const NEVER_LINKED: [&str; 16] = [
    "async-std",
    "attohttpc",
    "awc",
    "curl",
    "curl-sys",
    "fantoccini",
    "ftp",
    "http-client",
    "isahc",
    "lettre",
    "minreq",
    "openssl",
    "ssh2",
    "surf",
    "tungstenite",
    "ureq",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_owned()
}

/// Which of these words stand in a text, comments aside.
fn found<'a>(words: &[&'a str], text: &str, comment: &str) -> Vec<&'a str> {
    let letter = |found: Option<char>| {
        found.is_some_and(|found| found.is_alphanumeric() || found == '_' || found == '-')
    };
    let stands_in = |word: &str, line: &str| {
        line.match_indices(word).any(|(at, _)| {
            !letter(line[..at].chars().next_back()) && !letter(line[at + word.len()..].chars().next())
        })
    };
    let lines = || text.lines().map(str::trim_start).filter(|line| !line.starts_with(comment));
    words.iter().copied().filter(|word| lines().any(|line| stands_in(word, line))).collect()
}

/// Paths with their text: the product's sources and manifests. Tests may connect to what they start.
fn sources(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
                sources(&path, files);
            }
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            let text = fs::read_to_string(&path).expect("text");
            let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            files.push((path, text));
        }
    }
}

/// What could connect in a file and is not listed for it.
fn unlisted(path: &str, text: &str) -> Vec<String> {
    let (words, comment): (&[&str], &str) =
        if path.ends_with(".toml") { (&PACKAGES, "#") } else { (&WORDS, "//") };
    // Manifests also say what only their tests use.
    let text = text.split("[dev-dependencies]").next().unwrap_or_default();
    let listed = |word: &str| {
        let here = PLACES
            .iter()
            .filter(|(place, ..)| *place == path || (place.ends_with('/') && path.starts_with(place)));
        path == "shared/outbound/Cargo.toml"
            || here.flat_map(|(_, words, _)| *words).any(|known| *known == word)
    };
    let unlisted = found(words, text, comment).into_iter().filter(|word| !listed(word));
    unlisted.map(|word| format!("{path}: {word}")).collect()
}

#[test]
fn nothing_else_in_the_workspace_can_connect() {
    let mut files = Vec::new();
    for folder in ["shared", "functions", "infra"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "the sources were not found: {}", files.len());
    let wrong: Vec<String> = files.iter().flat_map(|(path, text)| unlisted(path, text)).collect();
    assert_eq!(
        wrong, [""; 0],
        "only `outbound` calls addresses that tenants name; whatever else connects is listed here with a reason"
    );

    // A list that is longer than the truth hides the next one.
    for (place, words, _) in PLACES {
        let here = || {
            files
                .iter()
                .filter(|(path, _)| path == place || (place.ends_with('/') && path.starts_with(place)))
        };
        for word in words {
            let comment = if place.ends_with(".toml") { "#" } else { "//" };
            assert!(
                here().any(|(_, text)| !found(&[word], text, comment).is_empty()),
                "{place} has no {word} any more"
            );
        }
    }
}

#[test]
fn no_second_client_is_linked() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let linked: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(linked.contains("hyper"), "the list was not read");
    let wrong: Vec<&str> = NEVER_LINKED.into_iter().filter(|name| linked.contains(name)).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_way_around_is_seen() {
    for line in [
        "let client = reqwest::Client::new();",
        "use reqwest as http;",
        "    reqwest::get(url).await?;",
        "use tokio::net::{TcpListener, TcpStream};",
        "let stream = std::net::TcpStream::connect(address)?;",
        "let socket = tokio::net::TcpSocket::new_v4()?;",
        "use std::net::ToSocketAddrs as _;",
        "let client = hyper_util::client::legacy::Client::builder(executor).build_http();",
        "let (sender, connection) = hyper::client::conn::http1::handshake(io).await?;",
        "std::process::Command::new(\"curl\").arg(url).output()?;",
        "let mut child = Command::new(\"curl\");",
        "#[expect(clippy::disallowed_methods, reason = \"just this once\")] let s = TcpStream::connect(a);",
    ] {
        for path in
            ["functions/api/src/hook.rs", "shared/app/src/deliver_pixel.rs", "shared/domain/src/url.rs"]
        {
            assert!(!unlisted(path, line).is_empty(), "{path}: {line}");
        }
    }
    assert!(!unlisted("functions/api/Cargo.toml", "[dependencies]\nreqwest.workspace = true\n").is_empty());
    assert!(!unlisted("shared/mail/Cargo.toml", "[dependencies]\nhyper-util = \"0.1\"\n").is_empty());
    // A word that is listed for one file is not for its neighbour, nor another word for that file.
    assert!(!unlisted("infra/local/src/server.rs", "use tokio::net::TcpStream;").is_empty());
    assert!(!unlisted("shared/twilio/src/door.rs", "use reqwest::Client;").is_empty());
    assert!(!unlisted("shared/twilio/src/rest/mod.rs", "use tokio::net::TcpStream;").is_empty());

    assert_eq!(unlisted("shared/app/src/lib.rs", "// a TcpStream is nothing for us"), [""; 0]);
    assert_eq!(unlisted("shared/app/src/lib.rs", "let my_reqwests = 1; let calibconfig = 2;"), [""; 0]);
    assert_eq!(
        unlisted("functions/api/Cargo.toml", "[dev-dependencies]\nreqwest.workspace = true\n"),
        [""; 0]
    );
}
