//! What the simulator counts: requests, bytes written, answers still under way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Method};

/// Requests kept for inspection, per name.
const KEPT: usize = 256;

/// The counts of all bidders, by scenario or by the `name=` of the request. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, Tally>>>);

/// What one bidder has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests of any method.
    pub requests: u64,
    /// Those that were `HEAD`.
    pub heads: u64,
    /// Bytes of bodies handed to the connection.
    pub bytes_written: u64,
    /// Answers that are neither complete nor given up by the client.
    pub under_way: u64,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// `POST`, `GET` or `HEAD`.
    pub method: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; what is not text is replaced.
    pub body: String,
}

#[derive(Debug, Default)]
struct Tally {
    count: Count,
    seen: VecDeque<SeenRequest>,
}

impl SeenRequest {
    pub(super) fn new(method: &Method, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            method: method.to_string(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: text(body),
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Counts {
    /// What one bidder has seen; zeros when it was never asked.
    pub fn of(&self, name: &str) -> Count {
        self.locked().get(name).map(|tally| tally.count).unwrap_or_default()
    }

    /// All bidders that were asked.
    pub fn all(&self) -> BTreeMap<String, Count> {
        self.locked().iter().map(|(name, tally)| (name.clone(), tally.count)).collect()
    }

    /// The last requests of one bidder, oldest first.
    pub fn requests_of(&self, name: &str) -> Vec<SeenRequest> {
        self.locked().get(name).map(|tally| tally.seen.iter().cloned().collect()).unwrap_or_default()
    }

    /// Counts a request: its number, from 1, and the guard that knows when its answer is over.
    pub(super) fn begin(&self, name: &str, request: SeenRequest) -> (u64, UnderWay) {
        let mut tallies = self.locked();
        let tally = tallies.entry(name.to_owned()).or_default();
        tally.count.requests += 1;
        tally.count.under_way += 1;
        if request.method == "HEAD" {
            tally.count.heads += 1;
        }
        if tally.seen.len() == KEPT {
            tally.seen.pop_front();
        }
        tally.seen.push_back(request);
        (tally.count.requests, UnderWay { counts: self.clone(), name: name.to_owned() })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lives as long as its answer does: until it is complete, or the client has gone away.
#[derive(Debug)]
pub(super) struct UnderWay {
    counts: Counts,
    name: String,
}

impl UnderWay {
    pub(super) fn wrote(&self, bytes: usize) {
        if let Some(tally) = self.counts.locked().get_mut(&self.name) {
            tally.count.bytes_written += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(tally) = self.counts.locked().get_mut(&self.name) {
            tally.count.under_way = tally.count.under_way.saturating_sub(1);
        }
    }
}
