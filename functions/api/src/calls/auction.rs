//! The auctions of a call: who was asked, what they bid, how long they took, what became of it.

use std::sync::Arc;

use app::ports::{BidLogEntry, CallRecord};
use axum::Json;
use axum::extract::State;
use contract::calls::{AuctionView, BidderView, Exchange, Verdict, WinnerView};
use contract::page::Page;
use domain::auction::{Auction, BidderResult};
use domain::ids::{CallId, RtbTargetId};
use domain::money::Currency;
use domain::routing::Via;

use super::{Viewer, load, shown};
use crate::access::{CallsRead, OwnAccess};
use crate::context::Context;
use crate::params::Named;
use crate::refusal::Refusal;

/// `GET /api/calls/{id}/auction`. Requests and answers come from the bid log, which follows some seconds later.
pub async fn auction(
    access: OwnAccess<CallsRead>,
    State(context): State<Arc<Context>>,
    Named(id): Named<CallId>,
) -> Result<Json<Page<AuctionView>>, Refusal> {
    auction_for(&context, &Viewer::of(&access), id).await.map(Json)
}

/// A call's auctions as a viewer may see them: to a buyer only the part of its own bidders that were dialled, to a
/// publisher none.
///
/// # Errors
/// The call does not exist for them.
pub async fn auction_for(
    context: &Context,
    viewer: &Viewer,
    id: CallId,
) -> Result<Page<AuctionView>, Refusal> {
    let mut record = load(context, viewer, id).await?;
    if !viewer.sees_destinations() {
        record.auctions.clear();
    }
    let own = own_bidders(&record, viewer);
    record.auctions.sort_by_key(|auction| auction.step);
    let mut items = Vec::with_capacity(record.auctions.len());
    for auction in &record.auctions {
        let log = context.bid_log.of_auction(viewer.tenant, auction.id).await?;
        let mut view = view(auction, record.call.currency, &log, viewer.sees_numbers);
        if !viewer.sees_all() {
            narrow(&mut view, &own);
        }
        items.push(view);
    }
    Ok(Page { items, next: None })
}

/// The bidders whose attempts the viewer may see.
fn own_bidders(record: &CallRecord, viewer: &Viewer) -> Vec<RtbTargetId> {
    let seen = record.attempts.iter().filter(|attempt| viewer.sees_attempt(attempt));
    seen.filter_map(|attempt| match attempt.via {
        Via::RtbTarget(id) => Some(id),
        Via::Target(_) => None,
    })
    .collect()
}

/// Leaves only these bidders; a place among the others would tell of them.
fn narrow(view: &mut AuctionView, own: &[RtbTargetId]) {
    view.winner.take_if(|winner| !own.contains(&winner.bidder));
    view.bidders.retain(|bidder| own.contains(&bidder.bidder));
    for bidder in &mut view.bidders {
        bidder.rank = None;
    }
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

/// One bidder's part, with what the log holds of it.
pub fn bidder(
    auction: &Auction,
    result: &BidderResult,
    log: &[BidLogEntry],
    sees_numbers: bool,
) -> BidderView {
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
