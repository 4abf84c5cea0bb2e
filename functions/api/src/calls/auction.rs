//! The auctions of a call: who was asked, what they bid, how long they took, what became of it.

use std::sync::Arc;

use app::ports::BidLogEntry;
use axum::Json;
use axum::extract::State;
use contract::calls::{AuctionView, BidderView, Exchange, Verdict, WinnerView};
use contract::page::Page;
use domain::auction::{Auction, BidderResult};
use domain::ids::CallId;
use domain::money::Currency;

use super::{load, shown};
use crate::access::{Access, CallsRead};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/auction`. Requests and answers come from the bid log, which follows some seconds later.
pub async fn auction(
    access: Access<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<Page<AuctionView>>, Refusal> {
    let mut record = load(&context, access.tenant, id).await?;
    record.auctions.sort_by_key(|auction| auction.step);
    let mut items = Vec::with_capacity(record.auctions.len());
    for auction in &record.auctions {
        let log = context.bid_log.of_auction(access.tenant, auction.id).await?;
        items.push(view(auction, record.call.currency, &log, access.sees_numbers));
    }
    Ok(Json(Page { items, next: None }))
}

fn view(auction: &Auction, currency: Currency, log: &[BidLogEntry], sees_numbers: bool) -> AuctionView {
    let mut bidders: Vec<BidderView> =
        auction.results.iter().map(|result| bidder(auction, result, log, sees_numbers)).collect();
    bidders.sort_by_key(|bidder| bidder.rank.unwrap_or(u16::MAX));
    let winner = bidders.first().filter(|bidder| bidder.rank == Some(1));
    AuctionView {
        id: auction.id,
        step: auction.step,
        started_at: auction.started_at,
        deadline_ms: auction.deadline_ms,
        took_ms: auction.took_ms,
        currency,
        winner: winner.and_then(|bidder| {
            let (bidder, name, amount) = (bidder.bidder, bidder.name.clone(), bidder.amount?);
            Some(WinnerView { bidder, name, amount })
        }),
        bidders,
    }
}

fn bidder(auction: &Auction, result: &BidderResult, log: &[BidLogEntry], sees_numbers: bool) -> BidderView {
    let place = auction.ranking.iter().position(|bid| bid.bidder == result.bidder);
    let rank = place.and_then(|place| u16::try_from(place + 1).ok());
    let verdict = match (&result.refusal, rank) {
        (Some(refusal), _) => (refusal.code(), shown::words(&refusal.text(), sees_numbers)),
        (None, Some(1)) => ("won", "the best valid bid".to_owned()),
        (None, _) => ("valid", "a valid bid, but another one was better".to_owned()),
    };
    let logged = log.iter().find(|entry| entry.bidder == result.bidder);
    BidderView {
        bidder: result.bidder,
        name: result.name.clone(),
        rank,
        amount: result.amount,
        latency_ms: result.latency_ms,
        destination: result.destination.clone(),
        verdict: Verdict { code: verdict.0.to_owned(), text: verdict.1 },
        exchange: logged.map(|entry| Exchange {
            url: entry.url.clone(),
            request: entry.request.clone(),
            status: entry.status,
            response: entry.response.clone(),
        }),
    }
}
