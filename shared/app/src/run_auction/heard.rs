//! What we heard from one bidder, and what the log keeps of it.

use std::time::Duration;

use domain::auction::{Bid, BidRequest, BidderResult, Refusal};
use domain::call::Call;
use domain::campaign::BidderEntry;
use domain::ids::AuctionId;
use domain::phone;
use domain::rtb_target::RtbTarget;
use jiff::Timestamp;

use crate::ports::BidLogEntry;

/// Longest text of a request or answer kept in the bid log, bytes.
const LOGGED_TEXT: usize = 4_096;

/// What we heard from one bidder, with what the log keeps of it.
pub(super) struct Heard {
    pub(super) result: BidderResult,
    pub(super) bid: Option<Bid>,
    url: String,
    request: Option<String>,
    status: Option<u16>,
    response: Option<String>,
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
        Self { result, bid: None, url: String::new(), request: None, status: None, response: None }
    }

    /// An answer, and what it means.
    pub(super) fn answer((result, bid): (BidderResult, Option<Bid>), status: u16, body: &[u8]) -> Self {
        let response = Some(for_log(&String::from_utf8_lossy(body)));
        Self { result, bid, url: String::new(), request: None, status: Some(status), response }
    }

    /// What it was an answer to.
    pub(super) fn sent(&mut self, request: &BidRequest) {
        self.url = for_log(request.url.split(['?', '#']).next().unwrap_or_default());
        self.request = Some(for_log(&request.body));
    }

    /// Its line in the log of an auction.
    pub(super) fn into_log(
        self,
        call: &Call,
        (auction, at): (AuctionId, Timestamp),
        result: &BidderResult,
        won: bool,
    ) -> BidLogEntry {
        BidLogEntry {
            tenant: call.tenant,
            auction,
            call: call.id,
            campaign: call.campaign,
            bidder: result.bidder,
            at,
            url: self.url,
            request: self.request,
            status: self.status,
            response: self.response,
            result: without_numbers(result),
            won,
        }
    }
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
