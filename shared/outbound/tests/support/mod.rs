//! A network whose name server is scripted and whose dialled addresses are recorded, and servers that behave as a
//! test tells them. Nothing here ever leaves loopback: an address without a route is not dialled.
#![expect(dead_code, reason = "each test binary uses its own part")]

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use outbound::{
    AllowList, Network, Outbound, OutboundError, OutboundOptions, OutboundRequest, SystemNetwork,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// A public address that tests route to loopback.
pub const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Prints a measured figure; `--nocapture` shows it.
#[expect(clippy::print_stdout, reason = "figures are for the reader of the test run")]
pub fn report(figures: std::fmt::Arguments<'_>) {
    println!("{figures}");
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the scripted name server says to one question.
#[derive(Clone, Debug)]
pub enum Answer {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    Silence,
}

/// What is behind an address.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    Listener(SocketAddr),
    Silence,
}

#[derive(Default)]
pub struct TestNetwork {
    names: Mutex<HashMap<String, VecDeque<Answer>>>,
    routes: Mutex<HashMap<IpAddr, Route>>,
    pub lookups: Mutex<Vec<String>>,
    pub dialled: Mutex<Vec<SocketAddr>>,
}

impl TestNetwork {
    /// Answers in turn; the last one stays.
    pub fn name(&self, name: &str, answers: impl IntoIterator<Item = Answer>) {
        locked(&self.names).insert(name.to_owned(), answers.into_iter().collect());
    }

    pub fn address(&self, name: &str, addresses: &[&str]) {
        self.name(name, [Answer::Addresses(addresses.iter().map(|text| ip(text)).collect())]);
    }

    pub fn route(&self, address: IpAddr, route: Route) {
        locked(&self.routes).insert(address, route);
    }

    pub fn dialled(&self) -> Vec<SocketAddr> {
        locked(&self.dialled).clone()
    }

    pub fn lookups(&self) -> Vec<String> {
        locked(&self.lookups).clone()
    }

    fn next_answer(&self, host: &str) -> Answer {
        locked(&self.lookups).push(host.to_owned());
        let mut names = locked(&self.names);
        let Some(answers) = names.get_mut(host) else { return Answer::NoSuchName };
        match answers.len() {
            0 => Answer::NoSuchName,
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap_or(Answer::NoSuchName),
        }
    }
}

#[async_trait]
impl Network for TestNetwork {
    async fn lookup(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        match self.next_answer(host) {
            // A hostile resolver may answer with a port too; the client must not use it.
            Answer::Addresses(list) => Ok(list.into_iter().map(|ip| SocketAddr::new(ip, 22)).collect()),
            Answer::NoSuchName => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            Answer::Silence => std::future::pending().await,
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        locked(&self.dialled).push(address);
        let route = locked(&self.routes).get(&address.ip()).copied();
        match route {
            Some(Route::Listener(listener)) => SystemNetwork.connect(listener).await,
            Some(Route::Silence) => std::future::pending().await,
            None if address.ip().to_canonical().is_loopback() || address.ip().is_unspecified() => {
                SystemNetwork.connect(address).await
            }
            None => Err(io::Error::new(io::ErrorKind::NetworkUnreachable, "no route in this test")),
        }
    }
}

/// A client on `network`; `allow` as in `OUTBOUND_ALLOW`.
pub fn client(network: &Arc<TestNetwork>, allow: &str) -> Outbound {
    client_trusting(network, allow, Vec::new())
}

pub fn client_trusting(network: &Arc<TestNetwork>, allow: &str, extra_roots: Vec<Vec<u8>>) -> Outbound {
    let allow = AllowList::parse(allow).expect("allow list");
    let network: Arc<dyn Network> = Arc::<TestNetwork>::clone(network);
    Outbound::with_options(OutboundOptions { allow, network, extra_roots }).expect("client")
}

/// The client as the product builds it, with `port` on loopback exempt.
pub fn product_client(port: u16) -> Outbound {
    Outbound::new(AllowList::parse(&format!("127.0.0.1:{port}")).expect("allow list")).expect("client")
}

pub fn get(url: impl Into<String>) -> OutboundRequest {
    OutboundRequest { method: "GET".into(), url: url.into(), ..OutboundRequest::default() }
}

pub fn post(url: impl Into<String>, body: &[u8]) -> OutboundRequest {
    OutboundRequest {
        method: "POST".into(),
        url: url.into(),
        body: body.to_vec(),
        ..OutboundRequest::default()
    }
}

pub fn within(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

/// The error's own text, its debug form, and those of all its causes.
pub fn whole_text(error: &OutboundError) -> String {
    let mut text = format!("{error}\n{error:?}\n");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!("{cause}\n{cause:?}\n");
        next = cause.source();
    }
    text
}

/// Counts of one test server.
#[derive(Default)]
pub struct Seen {
    /// Connections accepted.
    pub connections: AtomicUsize,
    /// Bytes that the server could hand to its side of the connection.
    pub written: AtomicU64,
    /// Connections whose script has ended.
    pub ended: watch::Sender<usize>,
}

/// A server on loopback that runs one script per connection.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `script` gets each connection. Its send buffer is small, so that `written` is close to what was taken off.
    pub fn start<F, Fut>(script: F) -> Server
    where
        F: Fn(TcpStream, Arc<Seen>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        Server::start_on(listen(), script)
    }

    fn start_on<F, Fut>(listener: TcpListener, script: F) -> Server
    where
        F: Fn(TcpStream, Arc<Seen>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let address = listener.local_addr().expect("address");
        let seen = Arc::new(Seen::default());
        let counts = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let counts = Arc::clone(&counts);
                let run = script(stream, Arc::clone(&counts));
                tokio::spawn(async move {
                    // The client hanging up is what most scripts are waiting for.
                    let _ = run.await;
                    counts.ended.send_modify(|ended| *ended += 1);
                });
            }
        });
        Server { address, seen, task }
    }

    /// Reads each request and answers with the same bytes, on as many requests as the client sends.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Server {
        Server::answering_on(listen(), answer)
    }

    /// The same on every address of this machine: IPv6 and IPv4, or IPv4 alone where it has nothing else.
    pub fn answering_everywhere(answer: impl Into<Vec<u8>>) -> Server {
        let both =
            TcpSocket::new_v6().and_then(|socket| listen_at(socket, (Ipv6Addr::UNSPECIFIED, 0).into()));
        Server::answering_on(both.unwrap_or_else(|_| listen_on(Ipv4Addr::UNSPECIFIED)), answer)
    }

    fn answering_on(listener: TcpListener, answer: impl Into<Vec<u8>>) -> Server {
        let answer = Arc::new(answer.into());
        Server::start_on(listener, move |mut stream, seen| {
            let answer = Arc::clone(&answer);
            async move {
                while read_request(&mut stream).await?.is_some() {
                    write(&mut stream, &seen, &answer).await?;
                }
                Ok(())
            }
        })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/bid", self.port())
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn written(&self) -> u64 {
        self.seen.written.load(Ordering::SeqCst)
    }

    /// Waits until the scripts of `count` connections have ended, which for a silent script means: hung up on.
    pub async fn wait_for_ended(&self, count: usize) {
        let mut ended = self.seen.ended.subscribe();
        tokio::time::timeout(Duration::from_secs(10), ended.wait_for(|ended| *ended >= count))
            .await
            .expect("the client did not hang up")
            .expect("counter");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen() -> TcpListener {
    listen_on(Ipv4Addr::LOCALHOST)
}

fn listen_on(address: Ipv4Addr) -> TcpListener {
    TcpSocket::new_v4().and_then(|socket| listen_at(socket, (address, 0).into())).expect("listener")
}

fn listen_at(socket: TcpSocket, address: SocketAddr) -> io::Result<TcpListener> {
    socket.set_send_buffer_size(16 * 1024)?;
    socket.bind(address)?;
    socket.listen(128)
}

/// Writes and counts what could be written.
pub async fn write(stream: &mut TcpStream, seen: &Seen, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = stream.write(bytes).await?;
        seen.written.fetch_add(count as u64, Ordering::SeqCst);
        bytes = &bytes[count..];
    }
    Ok(())
}

/// One request, head and body, as text; `None` when the client has closed the connection.
pub async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap_or(0) {
                return Ok(Some(text.into_owned()));
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Waits for the client to hang up.
pub async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
