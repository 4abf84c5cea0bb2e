//! An auction that is tried out: bidders are really asked for a caller that somebody thinks up.

use std::sync::Arc;

use app::catalog::Refused;
use app::run_auction::trial::{Exchange, MAX_DEADLINE_MS, Trial, Tried, Ways, try_auction};
use axum::Json;
use axum::extract::State;
use contract::calls::Verdict;
use contract::rtb_targets::PreviewRequest;
use contract::test_auction::{TestAuction, TestAuctionQuery, TestedAuction, TestedBidder, TestedWinner};
use domain::auction::{Auction, BidRequest, BidderResult};
use domain::ids::CampaignId;
use domain::money::Currency;
use domain::phone;
use domain::validate::Problems;

use super::preview::{hypothetical, planned, step};
use crate::access::{Access, CampaignsWrite};
use crate::body::Body;
use crate::calls::{address, bidder as line, decision};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// What a call does besides asking.
const NOT_DONE: [&str; 3] = [
    "the winner was not asked to confirm its bid: that would promise it the call",
    "no capacity was taken, and no request was counted against a bidder's limits",
    "no failure was counted against a bidder, and nothing was written to the bid log",
];

/// `POST /api/campaigns/{id}/test-auction`. Requests go out to other companies, so reading campaigns is not enough.
pub async fn test_auction(
    access: Access<CampaignsWrite>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CampaignId>,
    Body(wishes): Body<TestAuctionQuery>,
) -> Result<Json<TestAuction>, Refusal> {
    let mut problems = Problems::new();
    if let Some(deadline_ms) = wishes.deadline_ms {
        problems.within("deadline_ms", deadline_ms, 50..=MAX_DEADLINE_MS);
    }
    problems.into_result().map_err(|problems| Refusal::from(Refused::Invalid(problems)))?;
    let trial = Trial {
        caller: hypothetical(wishes.call, "call.", &context)?,
        ring_tree: wishes.ring_tree,
        deadline_ms: wishes.deadline_ms,
    };
    let tools = context.tools(access.tenant, &access.by);
    let ways = Ways { calls: &*context.calls, bidders: &*context.bidders, limiter: &*context.limiter };
    let tried = try_auction(&tools, ways, access.tenant, id, &trial).await??;
    Ok(Json(shown(id, tried, access.sees_numbers)))
}

fn shown(campaign: CampaignId, tried: Tried, sees_numbers: bool) -> TestAuction {
    let Tried { version, currency, turned_away, auction, exchanges, stops, passed } = tried;
    TestAuction {
        campaign,
        version,
        turned_away: turned_away.map(|why| Verdict { code: why.code().to_owned(), text: why.text() }),
        auction: auction.map(|auction| tested(&auction, currency, exchanges, sees_numbers)),
        steps: stops.iter().map(|stop| step(stop, &passed.scores)).collect(),
        passed: passed.each.iter().map(decision).collect(),
        more: passed.more,
        not_done: NOT_DONE.map(str::to_owned).to_vec(),
    }
}

fn tested(
    auction: &Auction,
    currency: Currency,
    exchanges: Vec<Exchange>,
    sees_numbers: bool,
) -> TestedAuction {
    let best = auction.ranking.first();
    let winner = best.and_then(|bid| {
        let result = auction.results.iter().find(|result| result.bidder == bid.bidder)?;
        let exchange = exchanges.iter().find(|exchange| exchange.bidder == bid.bidder)?;
        Some(TestedWinner {
            bidder: bid.bidder,
            name: result.name.clone(),
            amount: bid.amount,
            destination: address(&bid.destination, sees_numbers),
            to_confirm: exchange.to_confirm,
        })
    });
    let each = auction.results.iter().zip(exchanges);
    let mut bidders: Vec<TestedBidder> =
        each.map(|(result, exchange)| bidder(auction, result, exchange, sees_numbers)).collect();
    bidders.sort_by_key(|bidder| bidder.rank.unwrap_or(u16::MAX));
    TestedAuction {
        ring_tree: planned(auction.tree),
        deadline_ms: auction.deadline_ms,
        took_ms: auction.took_ms,
        currency,
        winner,
        bidders,
    }
}

fn bidder(auction: &Auction, result: &BidderResult, exchange: Exchange, sees_numbers: bool) -> TestedBidder {
    let line = line(auction, result, &[], sees_numbers);
    let bid = auction.ranking.iter().find(|bid| bid.bidder == result.bidder);
    TestedBidder {
        bidder: line.bidder,
        name: line.name,
        asked: exchange.request.is_some(),
        verdict: line.verdict,
        rank: line.rank,
        amount: line.amount,
        counts: bid.map(|bid| bid.counted()),
        call_length_s: bid.and_then(|bid| bid.call_length_s),
        expires_at: bid.and_then(|bid| bid.expires_at),
        latency_ms: line.latency_ms,
        destination: line.destination,
        request: exchange.request.map(|request| sent(request, sees_numbers)),
        status: exchange.status,
        answer: exchange.answer,
    }
}

/// What was sent, as it may be seen.
fn sent(request: BidRequest, sees_numbers: bool) -> PreviewRequest {
    let text = |text: String| if sees_numbers { text } else { phone::mask_all(&text) };
    PreviewRequest {
        method: request.method.as_str().to_owned(),
        url: text(request.url),
        headers: request.headers,
        body: text(request.body),
    }
}
