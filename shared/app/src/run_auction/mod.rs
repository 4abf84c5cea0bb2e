//! The ring tree for a waiting caller: ask the bidders at once, stop at the deadline, dial the winner.
//!
//! Idempotency: the step. The first request marks it started; a repeat waits for its answer, and when that does not come
//! takes the step over with the static plan. Whoever writes the answer first decides, the other one gives the same.

mod asking;
pub(crate) mod for_ping;
mod heard;
pub mod trial;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::auction::{self, About, Answer, Auction, Bid, Refusal};
use domain::call::{Call, CallStatus, Leg, leg_end};
use domain::campaign::AuctionSettings;
use domain::caps::{CounterId, Usage};
use domain::filter::Tags;
use domain::ids::{AccountSid, AuctionId, CallId, TenantId};
use domain::phone::Destination;
use domain::plan::Tree;
use domain::routing::{self, Asked, Situation, Stop, Tried, Via, Walk};
use domain::snapshot::Snapshot;
use domain::voice::Reply;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use self::asking::{Asker, Asking, Occasion, Outcome, not_reached};
use self::heard::milliseconds;
use crate::clock::Clock;
use crate::counted;
use crate::place::{self, ANSWER_WITHIN, Placing, SoFar, StepAnswer};
use crate::ports::{
    AskedFor, Bidders, CallRecord, Calls, Counters, Limiter, Outbox, PortError, PortResult, Published, Step,
    StepStart, Vault,
};
use crate::trail::Chain;

/// What a repeat that takes over has left before Twilio stops listening.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(1);

/// How often a repeat looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the bid log's queue may take while a caller waits.
const LOG_WITHIN: Duration = Duration::from_secs(1);

/// What the way from a confirmation to the dial takes at most.
const DIAL_WITHIN: Duration = Duration::from_millis(300);

/// Runs auctions.
#[derive(Clone)]
pub struct RunAuction {
    /// The campaign as published.
    pub published: Arc<dyn Published>,
    /// Counters and live flags.
    pub counters: Arc<dyn Counters>,
    /// The call.
    pub calls: Arc<dyn Calls>,
    /// The bidders.
    pub bidders: Arc<dyn Bidders>,
    /// The bid log.
    pub outbox: Arc<dyn Outbox>,
    /// Counts requests to bidders that limit them.
    pub limiter: Arc<dyn Limiter>,
    /// Opens bidders' secrets.
    pub vault: Arc<dyn Vault>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl RunAuction {
    /// Answers the auction step of a call. `account` is the one whose token signed the request.
    pub async fn run(
        &self,
        tenant: TenantId,
        call: CallId,
        account: &AccountSid,
        step: u16,
        caller: CallStatus,
    ) -> PortResult<StepAnswer> {
        let Some(record) = self.calls.load(tenant, call).await? else { return Ok(StepAnswer::UnknownCall) };
        if record.call.account_sid != *account {
            return Ok(StepAnswer::WrongAccount);
        }
        self.answer(&record, step, caller).await.map(StepAnswer::Reply)
    }

    async fn answer(&self, record: &CallRecord, step: u16, caller: CallStatus) -> PortResult<Reply> {
        let (tenant, call) = (record.call.tenant, record.call.id);
        match record.steps.iter().find(|(number, _)| *number == step) {
            Some((_, Step::Answered(earlier))) => return Ok(earlier.reply.clone()),
            Some((_, Step::Started { by, at })) => {
                return self.wait_or_take_over(record, step, *by, *at).await;
            }
            None => {}
        }
        if caller.is_terminal() || record.closing.is_some() || leg_end(Leg::Caller, &record.events).is_some()
        {
            return Ok(Reply::hangup());
        }
        let token = self.clock.new_id();
        let started = self.calls.start_step(tenant, call, step, token, self.clock.now());
        let (started, context) = futures::try_join!(started, self.context(record))?;
        match started {
            StepStart::Theirs(Step::Answered(earlier)) => Ok(earlier.reply),
            StepStart::Theirs(Step::Started { by, at }) => self.wait_or_take_over(record, step, by, at).await,
            StepStart::Ours => {
                let (snapshot, usage) = context;
                self.auction_and_dial(record, step, token, &snapshot, &usage).await
            }
        }
    }

    fn asker(&self) -> Asker<'_> {
        Asker {
            bidders: &*self.bidders,
            counters: &*self.counters,
            limiter: &*self.limiter,
            vault: &*self.vault,
            clock: &*self.clock,
            occasion: Occasion::Call,
        }
    }

    async fn context(&self, record: &CallRecord) -> PortResult<(Arc<Snapshot>, HashMap<CounterId, Usage>)> {
        call_context(&*self.published, &*self.counters, &record.call).await
    }

    async fn auction_and_dial(
        &self,
        record: &CallRecord,
        step: u16,
        token: Uuid,
        snapshot: &Snapshot,
        usage: &HashMap<CounterId, Usage>,
    ) -> PortResult<Reply> {
        let answer_by = Instant::now() + ANSWER_WITHIN;
        let so_far = SoFar::of(record);
        let (call, now) = (&record.call, self.clock.now());
        let tags = routing::tags(call, snapshot);
        let Some((tree, settings)) = next_tree(call, &so_far, snapshot, usage, &tags, now) else {
            return self.place_after(record, (step, token), (snapshot, &tags), usage, None, answer_by).await;
        };
        let asking = Asking {
            call,
            step,
            tree,
            settings,
            deadline_ms: settings.deadline_on_call_ms(),
            now,
            tags: &tags,
            tried: &so_far.tried,
            snapshot,
            usage,
        };
        let Outcome { auction, exchanges, answered } = self.asker().ask_everyone(&asking).await;
        // Seconds have passed: what was full may have room, what was open may be paused. An old look is better than none.
        let of = rows_of(snapshot, call);
        let whose = (snapshot, call.publisher);
        let fresh = counted::usage(&*self.counters, call.tenant, whose, &of, call.started_at).await;
        let fresh = fresh.unwrap_or_else(|_| usage.clone());
        let log = heard::log(call, &auction, exchanges, AskedFor::Call);
        let placed =
            self.place_after(record, (step, token), (snapshot, &tags), &fresh, Some(auction), answer_by);
        // The caller does not wait for a slow queue: the auction itself is stored with the step, and only the texts would
        // be missing from the log.
        let log_by = answer_by.min(Instant::now() + LOG_WITHIN);
        let logging = timeout_at(log_by, self.outbox.log_bids(&log));
        let asker = self.asker();
        let noting = timeout_at(log_by, asker.note_health(call.tenant, usage, &answered));
        let (reply, logged, noted) = futures::join!(placed, logging, noting);
        if noted.is_err() {
            tracing::error!(call = %record.call.id, "whether bidders work was not noted: it took too long");
        }
        match logged {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(call = %record.call.id, error = %Chain(&error), "bids not logged");
            }
            Err(_) => tracing::error!(call = %record.call.id, "bids not logged: the queue took too long"),
        }
        reply
    }

    /// A repeat of a request that is being worked on: waits for its answer as long as the first one may take.
    async fn wait_or_take_over(
        &self,
        record: &CallRecord,
        step: u16,
        by: Uuid,
        started_at: Timestamp,
    ) -> PortResult<Reply> {
        let call = &record.call;
        let waited = Duration::try_from(self.clock.now().duration_since(started_at)).unwrap_or_default();
        let take_over_at = Instant::now() + ANSWER_WITHIN.saturating_sub(waited);
        loop {
            if let Some(Step::Answered(earlier)) = self.calls.step(call.tenant, call.id, step).await? {
                return Ok(earlier.reply);
            }
            if Instant::now() >= take_over_at {
                break;
            }
            tokio::time::sleep(LOOK_EVERY.min(take_over_at - Instant::now())).await;
        }
        tracing::warn!(call = %call.id, step, "auction did not answer in time, taking the static route");
        let (snapshot, usage) = self.context(record).await?;
        let tags = routing::tags(call, &snapshot);
        let next = next_tree(call, &SoFar::of(record), &snapshot, &usage, &tags, self.clock.now());
        // It has had its time: whoever answers now is too late, and nobody is asked twice.
        let auction = next.map(|(tree, settings)| Auction {
            id: AuctionId::from_uuid(self.clock.new_id()),
            call: call.id,
            step,
            tree,
            started_at,
            deadline_ms: settings.deadline_on_call_ms(),
            took_ms: milliseconds(waited),
            results: Vec::new(),
            ranking: Vec::new(),
        });
        let answer_by = Instant::now() + TAKE_OVER_WITHIN;
        self.place_after(record, (step, by), (&snapshot, &tags), &usage, auction, answer_by).await
    }

    /// Goes on along the plan, with what this step's auction brought, in the step that was started under a token. Without an
    /// auction, because the plan has come to none: since the caller was sent here a cap may have filled that holds for the
    /// whole call, or the time for finding somebody may be over.
    async fn place_after(
        &self,
        record: &CallRecord,
        (step, started_by): (u16, Uuid),
        (snapshot, tags): (&Snapshot, &Tags),
        usage: &HashMap<CounterId, Usage>,
        mut auction: Option<Auction>,
        answer_by: Instant,
    ) -> PortResult<Reply> {
        let mut bids: Vec<(Tree, Vec<Bid>)> =
            record.auctions.iter().map(|auction| (auction.tree, auction.ranking.clone())).collect();
        let own = auction.as_mut().map(|auction| (auction.tree, std::mem::take(&mut auction.ranking)));
        bids.extend(own);
        let tried = SoFar::of(record).tried;
        self.confirm(record, (snapshot, tags), usage, (&mut bids, &tried), answer_by).await;
        // What was confirmed is kept with the auction of this step.
        let auction = auction.map(|auction| {
            let ranking = bids.pop().map(|(_, bids)| bids).unwrap_or_default();
            Arc::new(Auction { ranking, ..auction })
        });
        let earlier = bids.iter().map(|(tree, bids)| Asked { tree: *tree, bids: bids.as_slice() });
        let asked: Vec<Asked<'_>> = earlier.chain(auction.iter().map(|auction| auction.asked())).collect();
        let placing = Placing {
            call: Arc::clone(&record.call),
            begins: false,
            step,
            started_by: Some(started_by),
            snapshot,
            usage,
            asked: &asked,
            tried: &tried,
            tags: Some(tags.clone()),
            caller: None,
            gives_back: Vec::new(),
            recovers: false,
            auction: auction.clone(),
            answer_by,
        };
        place::place(&*self.calls, &*self.clock, placing).await
    }

    /// Asks the bidder that is next whether it takes the call, if it wants to be asked twice; the one after it when it does
    /// not. A step that dials is answered once, so nobody is asked twice for the same.
    async fn confirm(
        &self,
        record: &CallRecord,
        (snapshot, tags): (&Snapshot, &Tags),
        usage: &HashMap<CounterId, Usage>,
        (bids, tried): (&mut [(Tree, Vec<Bid>)], &[Tried]),
        answer_by: Instant,
    ) {
        let confirms = |bid: &Bid| {
            let bidder = snapshot.rtb_targets.get(&bid.bidder);
            bidder.is_some_and(|bidder| bidder.confirmation.is_some())
        };
        if !bids.iter().flat_map(|(_, bids)| bids).any(confirms) {
            return;
        }
        let call = &record.call;
        let now = self.clock.now();
        loop {
            let asked: Vec<Asked<'_>> =
                bids.iter().map(|(tree, bids)| Asked { tree: *tree, bids: bids.as_slice() }).collect();
            let situation = Situation { call, now, usage, tried, asked: &asked, tags: tags.clone() };
            let Some(Stop::Dial(parties)) = Walk::new(snapshot, &situation).next() else { return };
            let Some(Via::RtbTarget(bidder)) =
                parties.first().filter(|party| party.to_confirm).map(|party| party.via)
            else {
                return;
            };
            let unconfirmed = |(_, bids): &(Tree, Vec<Bid>)| {
                bids.iter().position(|bid| bid.bidder == bidder && bid.confirmed.is_none())
            };
            let found = bids.iter().enumerate().find_map(|(of, bids)| Some((of, unconfirmed(bids)?)));
            let Some((of, place)) = found else { return };
            let Some((tree, bid)) = bids.get(of).and_then(|(tree, bids)| Some((*tree, bids.get(place)?)))
            else {
                return;
            };
            let answer = self.ask_to_confirm(call, (snapshot, tags), (tree, bid), answer_by).await;
            let Some(bid) = bids.get_mut(of).and_then(|(_, bids)| bids.get_mut(place)) else { return };
            bid.confirmed = Some(answer.is_ok());
            match answer {
                Ok(Some(destination)) => bid.destination = destination,
                Ok(None) => {}
                Err(why) => {
                    tracing::info!(call = %call.id, %bidder, why = why.code(), "a bid was not confirmed");
                }
            }
        }
    }

    /// # Errors
    /// Why the bid is not confirmed.
    async fn ask_to_confirm(
        &self,
        call: &Call,
        (snapshot, tags): (&Snapshot, &Tags),
        (tree, bid): (Tree, &Bid),
        answer_by: Instant,
    ) -> Result<Option<Destination>, Refusal> {
        let bidder = snapshot.rtb_targets.get(&bid.bidder).ok_or(Refusal::TimedOut)?;
        let confirmation = bidder.confirmation.as_ref().ok_or(Refusal::TimedOut)?;
        let settings = snapshot.auction(tree).ok_or(Refusal::TimedOut)?;
        let about = About {
            call,
            place: &routing::place_of(call),
            campaign: &snapshot.campaign,
            tags,
            now: self.clock.now(),
        };
        let asked = auction::Bidder { id: &bid.bidder.to_string(), target: bidder, settings };
        let mut request = auction::confirmation_request(confirmation, &auction::facts(&about, asked), bid);
        let own_deadline = Instant::now() + Duration::from_millis(u64::from(confirmation.timeout_ms));
        let deadline = own_deadline.min(answer_by.checked_sub(DIAL_WITHIN).unwrap_or(answer_by));
        let answer = timeout_at(deadline, async {
            self.asker().signed(call.tenant, bidder, &mut request).await?;
            self.bidders.ask(&request, deadline).await.map_err(not_reached)
        });
        let answer = answer.await.map_err(|_| Refusal::TimedOut)??;
        let reading = Answer {
            status: answer.status,
            headers: &answer.headers,
            body: &answer.body,
            latency_ms: milliseconds(answer.elapsed),
            received_at: self.clock.now(),
        };
        auction::read_confirmation(confirmation, reading)
    }
}

/// The auction that the plan has come to, if it has come to one.
fn next_tree<'a>(
    call: &Call,
    so_far: &SoFar<'_>,
    snapshot: &'a Snapshot,
    usage: &HashMap<CounterId, Usage>,
    tags: &Tags,
    now: Timestamp,
) -> Option<(Tree, &'a AuctionSettings)> {
    let SoFar { tried, asked } = so_far;
    let situation = Situation { call, now, usage, tried, asked, tags: tags.clone() };
    // Targets that stand before it are passed over: there was no room with them a moment ago. A bid that stands before it is
    // what the call was sent here for: it is to be confirmed.
    let next = Walk::new(snapshot, &situation).find_map(|stop| match stop {
        Stop::Ask(tree) => Some(Some(tree)),
        Stop::Dial(parties) => parties.iter().any(|party| party.to_confirm).then_some(None),
    });
    let tree = next.flatten()?;
    Some((tree, snapshot.auction(tree)?))
}

/// The published version a call runs on, and the counters of its destinations.
pub(crate) async fn call_context(
    published: &dyn Published,
    counters: &dyn Counters,
    call: &Call,
) -> PortResult<(Arc<Snapshot>, HashMap<CounterId, Usage>)> {
    let snapshot = published.snapshot(call.tenant, call.campaign, call.snapshot_version).await?;
    let missing = || PortError::corrupt("read the campaign of a call", "its published version is missing");
    let snapshot = snapshot.ok_or_else(missing)?;
    let (whose, of) = ((&*snapshot, call.publisher), rows_of(&snapshot, call));
    let usage = counted::usage(counters, call.tenant, whose, &of, call.started_at).await?;
    Ok((snapshot, usage))
}

/// The rows that say who may be dialled.
fn rows_of(snapshot: &Snapshot, call: &Call) -> Vec<CounterId> {
    let of_call = Snapshot::counters_of_call(snapshot.campaign_id, call.publisher);
    of_call.into_iter().chain(snapshot.counters()).collect()
}
