//! What we heard from one bidder, and what the log keeps of it.

use std::borrow::Cow;
use std::time::Duration;

use domain::auction::{Auction, Bid, BidRequest, BidderResult, Refusal};
use domain::call::Call;
use domain::campaign::BidderEntry;
use domain::phone;
use domain::rtb_target::RtbTarget;

use crate::authenticate;
use crate::ports::{AskedFor, BidLogEntry};

/// Longest text of a request or answer kept in the bid log, bytes.
const LOGGED_TEXT: usize = 4_096;

/// What we heard from one bidder, with what the log keeps of it.
pub(super) struct Heard {
    pub(super) result: BidderResult,
    pub(super) bid: Option<Bid>,
    pub(super) exchange: Exchange,
}

/// What was said between a bidder and us.
#[derive(Default)]
pub(super) struct Exchange {
    /// What was sent, its secrets hidden; `None` when it was not asked.
    pub(super) request: Option<BidRequest>,
    pub(super) status: Option<u16>,
    /// What came back, masked and shortened.
    pub(super) response: Option<String>,
}

impl Heard {
    /// Nothing, for a reason.
    pub(super) fn silent(
        entry: &BidderEntry,
        bidder: &RtbTarget,
        refusal: Refusal,
        after: Option<Duration>,
    ) -> Self {
        let result = BidderResult {
            bidder: entry.rtb_target,
            name: bidder.name.clone(),
            latency_ms: after.map(milliseconds),
            amount: None,
            destination: None,
            refusal: Some(refusal),
        };
        Self { result, bid: None, exchange: Exchange::default() }
    }

    /// An answer, and what it means.
    pub(super) fn answer((result, bid): (BidderResult, Option<Bid>), status: u16, body: &[u8]) -> Self {
        // Looking first whether it is UTF-8 is many times quicker when it is.
        let text = str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
        let response = Some(for_log(&text));
        Self { result, bid, exchange: Exchange { request: None, status: Some(status), response } }
    }

    /// What it was an answer to.
    pub(super) fn sent(&mut self, bidder: &RtbTarget, mut request: BidRequest) {
        authenticate::hidden_wholly(bidder, &mut request);
        self.exchange.request = Some(request);
    }
}

impl Exchange {
    /// Its line in the log of an auction, with what became of it there.
    fn into_log(
        self,
        call: &Call,
        auction: &Auction,
        result: &BidderResult,
        asked_for: AskedFor,
    ) -> BidLogEntry {
        let url = self.request.as_ref().and_then(|request| request.url.split(['?', '#']).next());
        BidLogEntry {
            tenant: call.tenant,
            auction: auction.id,
            call: call.id,
            asked_for,
            campaign: call.campaign,
            bidder: result.bidder,
            at: auction.started_at,
            url: for_log(url.unwrap_or_default()),
            request: self.request.map(|request| for_log(&request.body)),
            status: self.status,
            response: self.response,
            result: without_numbers(result),
            won: auction.ranking.first().is_some_and(|bid| bid.bidder == result.bidder),
        }
    }
}

/// The log of an auction.
pub(super) fn log(
    call: &Call,
    auction: &Auction,
    exchanges: Vec<Exchange>,
    asked_for: AskedFor,
) -> Vec<BidLogEntry> {
    let each = exchanges.into_iter().zip(&auction.results);
    each.map(|(exchange, result)| exchange.into_log(call, auction, result, asked_for)).collect()
}

/// A bidder's own words may repeat the caller's number.
fn without_numbers(result: &BidderResult) -> BidderResult {
    let mut result = result.clone();
    if let Some(Refusal::Declined(words)) = &mut result.refusal {
        *words = phone::mask_words(words);
    }
    result
}

/// Masked first and cut then: a number at the cut would not be recognised.
fn for_log(text: &str) -> String {
    let mut masked = phone::mask_all(text);
    let mut end = masked.len().min(LOGGED_TEXT);
    while !masked.is_char_boundary(end) {
        end -= 1;
    }
    masked.truncate(end);
    masked
}

/// Whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
