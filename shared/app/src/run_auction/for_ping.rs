//! Asking our own bidders while a publisher waits for the answer to its ping.
//!
//! What must stay true: the publisher never waits longer than its campaign says, however many ring trees the plan comes to;
//! each of them is asked once; nobody is asked to confirm, that is for the call; a ping that is a test leaves no trace.

use std::collections::HashMap;
use std::time::Duration;

use domain::auction::Auction;
use domain::call::Call;
use domain::caps::{CounterId, Usage};
use domain::filter::Tags;
use domain::ids::{AuctionId, RtbTargetId};
use domain::plan::Tree;
use domain::routing::{Asked, Via};
use domain::snapshot::Snapshot;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::asking::{Asker, Asking, Occasion, Outcome};
use super::{LOG_WITHIN, heard};
use crate::clock::Clock;
use crate::ports::{AskedFor, BidLogEntry, Bidders, Counters, Limiter, Outbox, Vault};
use crate::trail::Chain;

/// Less time than this is not worth asking for.
const LEAST: Duration = Duration::from_millis(50);

/// The ways out.
#[derive(Clone, Copy)]
pub(crate) struct Ways<'a> {
    pub(crate) bidders: &'a dyn Bidders,
    pub(crate) outbox: &'a dyn Outbox,
    pub(crate) counters: &'a dyn Counters,
    pub(crate) limiter: &'a dyn Limiter,
    pub(crate) vault: &'a dyn Vault,
    pub(crate) clock: &'a dyn Clock,
}

/// The ping, as the call that it would bring.
#[derive(Clone, Copy)]
pub(crate) struct Prospect<'a> {
    pub(crate) call: &'a Call,
    pub(crate) tags: &'a Tags,
    pub(crate) now: Timestamp,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) usage: &'a HashMap<CounterId, Usage>,
}

/// What our bidders would pay for the call that a ping is about.
pub(crate) struct Market<'a> {
    ways: Ways<'a>,
    of: Prospect<'a>,
    occasion: Occasion,
    until: Instant,
    auctions: Vec<(Tree, Option<Auction>)>,
    log: Vec<BidLogEntry>,
    answered: Vec<(RtbTargetId, bool)>,
}

impl<'a> Market<'a> {
    /// Nobody was asked yet; everybody together may take so long. `test`: nothing stays counted or written.
    pub(crate) fn new(ways: Ways<'a>, of: Prospect<'a>, deadline: Duration, test: bool) -> Self {
        let occasion = if test { Occasion::Trial } else { Occasion::Ping };
        let until = Instant::now() + deadline;
        Self { ways, of, occasion, until, auctions: Vec::new(), log: Vec::new(), answered: Vec::new() }
    }

    fn asker(&self) -> Asker<'a> {
        let Ways { bidders, counters, limiter, vault, clock, .. } = self.ways;
        Asker { bidders, counters, limiter, vault, clock, occasion: self.occasion }
    }

    /// The auctions so far.
    pub(crate) fn asked(&self) -> Vec<Asked<'_>> {
        let auctions = self.auctions.iter();
        let nobody = |tree| Asked { tree, bids: &[] };
        auctions
            .map(|(tree, auction)| auction.as_ref().map_or_else(|| nobody(*tree), Auction::asked))
            .collect()
    }

    /// Asks these bidders. When the time is over nobody is asked, and none of them bids.
    pub(crate) async fn ask(&mut self, tree: Tree) {
        let left = self.until.saturating_duration_since(Instant::now());
        let Some(settings) = self.of.snapshot.auction(tree).filter(|_| left >= LEAST) else {
            self.auctions.push((tree, None));
            return;
        };
        let Prospect { call, tags, now, snapshot, usage } = self.of;
        let left_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        let deadline_ms = settings.deadline_ms.min(left_ms);
        let asking =
            Asking { call, step: 0, tree, settings, deadline_ms, now, tags, tried: &[], snapshot, usage };
        let Outcome { auction, exchanges, answered } = self.asker().ask_everyone(&asking).await;
        if self.occasion == Occasion::Ping {
            self.log.extend(heard::log(call, &auction, exchanges, AskedFor::Ping));
            self.answered.extend(answered);
        }
        self.auctions.push((tree, Some(auction)));
    }

    /// The auctions whose bids are logged.
    pub(crate) fn logged(&self) -> Vec<AuctionId> {
        let mut auctions: Vec<AuctionId> = self.log.iter().map(|entry| entry.auction).collect();
        auctions.dedup();
        auctions
    }

    /// What is kept of the auction in which a destination bid; `None` when it is no bidder.
    pub(crate) fn auction_of(&self, via: Via) -> Option<Auction> {
        let Via::RtbTarget(bidder) = via else { return None };
        let bid = |auction: &&Auction| auction.ranking.iter().any(|bid| bid.bidder == bidder);
        self.auctions.iter().filter_map(|(_, auction)| auction.as_ref()).find(bid).map(Auction::kept)
    }

    /// Writes the bid log, and which bidders failed or are back. The publisher does not wait for a slow queue.
    pub(crate) async fn note(&self) {
        if self.log.is_empty() && self.answered.is_empty() {
            return;
        }
        let by = Instant::now() + LOG_WITHIN;
        let logging = timeout_at(by, self.ways.outbox.log_bids(&self.log));
        let (asker, tenant) = (self.asker(), self.of.call.tenant);
        let noting = timeout_at(by, asker.note_health(tenant, self.of.usage, &self.answered));
        let (logged, noted) = futures::join!(logging, noting);
        if noted.is_err() {
            tracing::error!("whether bidders work was not noted: it took too long");
        }
        match logged {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = %Chain(&error), "bids for a ping not logged"),
            Err(_) => tracing::error!("bids for a ping not logged: the queue took too long"),
        }
    }
}
