//! The RTB simulator: bidders that answer well, badly, late, for ever or not at all.
//!
//! `POST|GET|HEAD /_sim/rtb/{scenario}`; the scenarios are those of [`Scenario`], the query parameters those of
//! [`Wishes`]. Every request is counted, and so is every byte written and every answer still under way, so that a test can
//! see that a client stopped reading. Field names are the trade's (`bidAmount`, `phoneNumber`, `sipAddress`,
//! `expireInSeconds`, …); all phone numbers are fictional ones (`555-01xx`).

mod answer;
mod counts;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::ListenerExt;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use counts::{Count, Counts, SeenRequest};

/// Where the simulator's bidders are.
pub const PATH: &str = "/_sim/rtb";

/// How a bidder behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Takes the call to a phone number.
    Accept,
    /// Takes the call to a SIP address.
    AcceptSip,
    /// Takes the call and says in all three ways for how long the bid is good.
    AcceptWithExpiration,
    /// Does not want the call.
    Reject,
    /// Takes the call to something that is no phone number.
    InvalidNumber,
    /// Answers after six seconds.
    Timeout,
    /// Answers after 1.5 seconds, or `delay_ms`.
    Slow,
    /// A bid that ran out a minute ago.
    Expired,
    /// The same bid as before, with less time left (warning 230).
    Cached,
    /// JSON that breaks off.
    Malformed,
    /// A gigabyte of JSON.
    Huge,
    /// A good answer at one byte a second.
    Drip,
    /// Sends the client to the cloud's metadata address.
    Redirect,
    /// Takes the request and never answers.
    Hang,
    /// Bytes that are no text.
    Garbage,
    /// 204: no bid.
    Empty,
    /// 500.
    Error,
    /// Fails with 503 at every first of two requests, takes the call at every second.
    Flaky,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Accept,
        Self::AcceptSip,
        Self::AcceptWithExpiration,
        Self::Reject,
        Self::InvalidNumber,
        Self::Timeout,
        Self::Slow,
        Self::Expired,
        Self::Cached,
        Self::Malformed,
        Self::Huge,
        Self::Drip,
        Self::Redirect,
        Self::Hang,
        Self::Garbage,
        Self::Empty,
        Self::Error,
        Self::Flaky,
    ];

    /// The word in the path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::AcceptSip => "accept_sip",
            Self::AcceptWithExpiration => "accept_with_expiration",
            Self::Reject => "reject",
            Self::InvalidNumber => "invalid_number",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Cached => "cached",
            Self::Malformed => "malformed",
            Self::Huge => "huge",
            Self::Drip => "drip",
            Self::Redirect => "redirect",
            Self::Hang => "hang",
            Self::Garbage => "garbage",
            Self::Empty => "empty",
            Self::Error => "error",
            Self::Flaky => "flaky",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == word)
    }

    /// How long it thinks when it is not told.
    const fn delay(self) -> Duration {
        match self {
            Self::Timeout => Duration::from_secs(6),
            Self::Slow => Duration::from_millis(1_500),
            _ => Duration::ZERO,
        }
    }
}

/// Query parameters: what a test or a demonstration wants of a bidder.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wishes {
    /// The bid, a decimal such as `18.50`.
    pub amount: Option<String>,
    /// Milliseconds before the answer.
    pub delay_ms: Option<u64>,
    /// Where the call shall go, E.164.
    pub number: Option<String>,
    /// Connected seconds from which the call is payable.
    pub min_duration: Option<u32>,
    /// Counts the request under this name instead of the scenario's.
    pub name: Option<String>,
}

/// The bidders, all of them. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct BidderSimulator {
    counts: Counts,
}

impl BidderSimulator {
    /// With nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The routes, to be served by whoever has a listener.
    pub fn router(&self) -> Router {
        Router::new().route(&format!("{PATH}/{{scenario}}"), any(answer_request)).with_state(self.clone())
    }

    /// Serves on a listener until the answer is dropped or stopped.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(&self, listener: TcpListener) -> std::io::Result<RunningBidders> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = self.router();
        // Answers are small: without this the kernel holds the last part back for up to 40 ms.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let task = tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            tokio::select! {
                // Hanging answers would outlive a graceful end, so this one is abrupt.
                _ = stopped => {}
                result = serving.into_future() => drop(result),
            }
        });
        Ok(RunningBidders { address, simulator: self.clone(), stop: Some(stop), task: Some(task) })
    }

    /// Serves on a free port of the loopback address.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(&self) -> std::io::Result<RunningBidders> {
        self.serve(TcpListener::bind(("127.0.0.1", 0)).await?)
    }
}

/// Bidders that can be asked. Dropping it stops them.
#[derive(Debug)]
pub struct RunningBidders {
    address: SocketAddr,
    simulator: BidderSimulator,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl RunningBidders {
    /// Where they listen; its text is an `OUTBOUND_ALLOW` entry.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        self.simulator.counts()
    }

    /// The same bidders, to be served at another address, too.
    pub fn router(&self) -> Router {
        self.simulator.router()
    }

    /// The address of one bidder.
    pub fn url(&self, scenario: Scenario) -> String {
        format!("http://{}{PATH}/{}", self.address, scenario.as_str())
    }

    /// The address of one bidder with wishes, such as `amount=12.50&name=alpine`.
    pub fn url_with(&self, scenario: Scenario, wishes: &str) -> String {
        format!("{}?{wishes}", self.url(scenario))
    }

    /// Stops listening.
    pub async fn stop(mut self) {
        // Dropping the sender is the signal.
        self.stop = None;
        if let Some(task) = self.task.take() {
            drop(task.await);
        }
    }
}

async fn answer_request(
    State(simulator): State<BidderSimulator>,
    Path(word): Path<String>,
    Query(wishes): Query<Wishes>,
    method: Method,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response {
    if ![Method::POST, Method::GET, Method::HEAD].contains(&method) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(scenario) = Scenario::named(&word) else {
        return (StatusCode::BAD_REQUEST, "{\"error\":\"Invalid scenario\"}").into_response();
    };
    let name = wishes.name.clone().unwrap_or(word);
    let seen = SeenRequest::new(&method, &headers, &body);
    let (number, under_way) = simulator.counts.begin(&name, seen);
    let delay = wishes.delay_ms.map_or(scenario.delay(), Duration::from_millis);
    tokio::time::sleep(delay).await;
    answer::write(scenario, &wishes, &method, number, under_way).await
}
