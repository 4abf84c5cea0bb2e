//! A crowd of bidders that mean harm, each a server of its own on loopback, and one honest bidder among them.
//!
//! What each does stands in [`Harm`], with the verdict that an auction must come to. A server counts what it could write and
//! which of its connections are still open, so that one sees that a client stopped reading and hung up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Where the honest bidder sends the call.
pub const HONEST: &str = "+12025550110";

const GIGABYTE: u64 = 1 << 30;
const HUGE_HEAD: u64 = 10 * 1024 * 1024;
const PIECE: usize = 16 * 1024;

/// What a hostile bidder does to whoever asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Takes the request and says nothing.
    Hang,
    /// One byte of a head each second.
    DripHead,
    /// One byte of a body each second.
    DripBody,
    /// A gigabyte, announced.
    Gigabyte,
    /// A gigabyte in chunks that nobody announced.
    EndlessChunks,
    /// 60 kB that unpack to more than 9 MB.
    GzipBomb,
    /// JSON that breaks off.
    BrokenJson,
    /// `NaN` where JSON has a number.
    BareNaN,
    /// `"NaN"` as a text.
    WrittenNaN,
    /// Less than nothing.
    Negative,
    /// 1e308.
    BeyondAllMoney,
    /// Euros where dollars were agreed.
    OtherCurrency,
    /// Sends its client to the cloud's metadata service.
    Redirect,
    /// Is called by https and does not speak it.
    NoTls,
    /// Resets the connection in the middle of its body.
    Reset,
    /// Ten megabytes of one header.
    HugeHead,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Hang,
        Self::DripHead,
        Self::DripBody,
        Self::Gigabyte,
        Self::EndlessChunks,
        Self::GzipBomb,
        Self::BrokenJson,
        Self::BareNaN,
        Self::WrittenNaN,
        Self::Negative,
        Self::BeyondAllMoney,
        Self::OtherCurrency,
        Self::Redirect,
        Self::NoTls,
        Self::Reset,
        Self::HugeHead,
    ];

    /// What an auction must say of it: the code, and words that name the cause.
    pub const fn verdict(self) -> (&'static str, &'static str) {
        match self {
            Self::Hang | Self::DripHead | Self::DripBody => ("timed_out", "no answer in time"),
            Self::Gigabyte | Self::EndlessChunks => ("not_reached", "longer than 64 KB"),
            Self::GzipBomb => ("not_reached", "compressed"),
            Self::BrokenJson | Self::BareNaN => ("malformed", "could not be read"),
            Self::WrittenNaN | Self::BeyondAllMoney => ("no_amount", "no amount"),
            Self::Negative => ("below_minimum", "below the minimum"),
            Self::OtherCurrency => ("wrong_currency", "another currency"),
            Self::Redirect => ("not_reached", "elsewhere"),
            Self::NoTls => ("not_reached", "TLS"),
            Self::Reset => ("not_reached", "connection was lost"),
            Self::HugeHead => ("not_reached", "head of its answer"),
        }
    }

    async fn inflict(self, mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
        let stream = &mut stream;
        match self {
            Self::Reset => {
                // Closing with unread bytes is what makes a kernel send a reset.
                stream.readable().await?;
                return write(stream, seen, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"accepted\"")
                    .await;
            }
            Self::NoTls => {
                read_some(stream).await?;
                write(stream, seen, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await?;
                return until_closed(stream).await;
            }
            _ => read_request(stream).await?,
        }
        match self {
            Self::Hang | Self::Reset | Self::NoTls => {}
            Self::DripHead => {
                drip(stream, seen, b"HTTP/1.1 200 OK\r\nx-slow: aaaaaaaaaaaaaaaa\r\n\r\n").await?
            }
            Self::DripBody => {
                write(stream, seen, b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n").await?;
                drip(stream, seen, b"{\"accepted\":true,\"bidAmount\":99}").await?;
            }
            Self::Gigabyte => {
                write(stream, seen, b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await?;
                flood(stream, seen, &[b'9'; PIECE], GIGABYTE).await?;
            }
            Self::EndlessChunks => {
                write(stream, seen, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                let chunk = [b"4000\r\n".as_slice(), &[b'9'; PIECE], b"\r\n"].concat();
                flood(stream, seen, &chunk, GIGABYTE).await?;
            }
            Self::GzipBomb => {
                let body = gzip_bomb();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                write(stream, seen, head.as_bytes()).await?;
                write(stream, seen, &body).await?;
            }
            Self::Redirect => {
                let head = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n";
                write(stream, seen, head).await?;
            }
            Self::HugeHead => {
                write(stream, seen, b"HTTP/1.1 200 OK\r\nx-long: ").await?;
                flood(stream, seen, &[b'a'; PIECE], HUGE_HEAD).await?;
            }
            Self::BrokenJson => answer(stream, seen, r#"{"accepted":true,"bidAmount":99,"phoneNum"#).await?,
            Self::BareNaN => answer(stream, seen, &bid("NaN", "USD")).await?,
            Self::WrittenNaN => answer(stream, seen, &bid("\"NaN\"", "USD")).await?,
            Self::Negative => answer(stream, seen, &bid("-99.00", "USD")).await?,
            Self::BeyondAllMoney => answer(stream, seen, &bid("1e308", "USD")).await?,
            Self::OtherCurrency => answer(stream, seen, &bid("99.00", "EUR")).await?,
        }
        until_closed(stream).await
    }
}

/// What a server saw.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    written: AtomicU64,
}

/// One bidder.
pub struct Bidder {
    /// What it does; `None`: it is the honest one.
    pub harm: Option<Harm>,
    address: SocketAddr,
    seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Bidder {
    fn start(harm: Option<Harm>) -> Self {
        let listener = listen();
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let counts = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                counts.open.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&counts);
                tokio::spawn(async move {
                    // Its client hanging up is what most wait for.
                    let _ = match harm {
                        Some(harm) => harm.inflict(stream, &seen).await,
                        None => honest(stream, &seen).await,
                    };
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { harm, address, seen, task }
    }

    /// Its settings as an RTB target; its name begins with what it does.
    pub fn settings(&self, number: usize) -> Value {
        let scheme = if self.harm == Some(Harm::NoTls) { "https" } else { "http" };
        let name = self.harm.map_or_else(|| "Honest".to_owned(), |harm| format!("{harm:?} {number}"));
        json!({
            "name": name, "url": format!("{scheme}://{}/bid", self.address), "timeout_ms": 5_000,
            "body": "{\"zip\":\"[tag:InboundNumber:Zip]\"}",
            "answer": {
                "acceptance": ["$.accepted"], "amount": ["$.bidAmount"], "destination": ["$.phoneNumber"],
                "currency": ["$.bidCurrency"],
            },
        })
    }

    /// Connections that it took.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Connections that are still open.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// Bytes that it could hand to its side of its connections.
    pub fn written(&self) -> u64 {
        self.seen.written.load(Ordering::SeqCst)
    }
}

impl Drop for Bidder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `hostile` bidders, every [`Harm`] in turn, and an honest one in their middle.
pub fn crowd(hostile: usize) -> Vec<Bidder> {
    let mut crowd: Vec<Bidder> =
        Harm::ALL.iter().cycle().take(hostile).map(|harm| Bidder::start(Some(*harm))).collect();
    crowd.insert(hostile / 2, Bidder::start(None));
    crowd
}

/// `OUTBOUND_ALLOW` for these bidders.
pub fn allowing(crowd: &[Bidder]) -> String {
    crowd.iter().map(|bidder| bidder.address.to_string()).collect::<Vec<_>>().join(",")
}

fn bid(amount: &str, currency: &str) -> String {
    format!(
        r#"{{"accepted":true,"bidAmount":{amount},"bidCurrency":"{currency}","phoneNumber":"+12025550199"}}"#
    )
}

/// Bids as often as it is asked.
async fn honest(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let body =
        format!(r#"{{"accepted":true,"bidAmount":12.50,"bidCurrency":"USD","phoneNumber":"{HONEST}"}}"#);
    loop {
        read_request(&mut stream).await?;
        answer(&mut stream, seen, &body).await?;
    }
}

fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Small, so that what it could write is close to what was taken off.
    socket.set_send_buffer_size(16 * 1024).expect("a buffer size");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    socket.listen(128).expect("listening")
}

/// Fixed Huffman codes: a zero, and again and again the 258 bytes before it in 13 bits.
fn gzip_bomb() -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    const LAST_BLOCK_FIXED: &str = "110";
    const ZERO: &str = "00110000";
    const AGAIN_258: &str = "1100010100000";
    let again = AGAIN_258.repeat(37_000);
    let bits: Vec<bool> = [LAST_BLOCK_FIXED, ZERO, &again]
        .iter()
        .flat_map(|bits| bits.bytes())
        .map(|bit| bit == b'1')
        .collect();
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| (byte << 1) | u8::from(*bit));
    HEADER.into_iter().chain(bits.chunks_exact(8).map(byte)).collect()
}

async fn answer(stream: &mut TcpStream, seen: &Seen, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    write(stream, seen, format!("{head}{body}").as_bytes()).await
}

/// Writes and counts what could be written.
async fn write(stream: &mut TcpStream, seen: &Seen, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = stream.write(bytes).await?;
        seen.written.fetch_add(count as u64, Ordering::SeqCst);
        bytes = &bytes[count..];
    }
    Ok(())
}

async fn flood(stream: &mut TcpStream, seen: &Seen, piece: &[u8], most: u64) -> io::Result<()> {
    let mut written = 0;
    while written < most {
        write(stream, seen, piece).await?;
        written += piece.len() as u64;
    }
    Ok(())
}

/// One byte a second, until its client has gone.
async fn drip(stream: &mut TcpStream, seen: &Seen, text: &[u8]) -> io::Result<()> {
    for byte in text.iter().cycle() {
        write(stream, seen, &[*byte]).await?;
        if tokio::time::timeout(Duration::from_secs(1), until_closed(stream)).await.is_ok() {
            break;
        }
    }
    Ok(())
}

/// Head and body of one request.
async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap_or(0) {
                return Ok(());
            }
        }
        bytes.extend(read_some(stream).await?);
    }
}

async fn read_some(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 4096];
    match stream.read(&mut buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            buffer.truncate(count);
            Ok(buffer)
        }
    }
}

async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
