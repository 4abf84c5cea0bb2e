//! A call reaches one of our numbers, or the SIP address of a bid: find its campaign and give the first answer.
//!
//! Warm path, in round trips one after the other: the number or the bid; everything else at once (published version, live
//! flags and counters, block list, the visit, an earlier answer); one write. A number of a pool costs one more: the write that
//! notes the call on it, so that nobody else is shown it meanwhile, and says whose it is. A bid that brings its auction, or is another publisher's,
//! costs one more: the counters that only show with it. Idempotency: step 0 of the call, whose id is made from Twilio's
//! CallSid.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::auction::Auction;
use domain::blocked::BlockPattern;
use domain::call::Call;
use domain::caps::{CounterId, Usage};
use domain::dni::call_tags::call_tags;
use domain::dni::lease::{Attribution, Lease};
use domain::dni::visit::Visit;
use domain::duplicates::Verdict;
use domain::ids::{
    AccountSid, CallId, CallSid, CampaignId, NumberId, NumberPoolId, PublisherId, TenantId, TrackingTagId,
    VisitId,
};
use domain::inbound::{self, Arrived, BidVerdict, InboundBid, StaleBid};
use domain::number::NumberOwner;
use domain::phone::{Called, E164, number_of_caller};
use domain::routing::{Asked, Decisions, TurnedAway, recognise, turned_away};
use domain::snapshot::Snapshot;
use domain::voice::Reply;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::clock::Clock;
use crate::close_call;
use crate::counted;
use crate::place::{self, ANSWER_WITHIN, NOBODY_FREE, NOT_IN_SERVICE, Placing, no_room_reply};
use crate::ports::{
    BlockedCallers, Calls, Counters, KnownCaller, Leases, Numbers, PoolPlace, PortError, PortResult,
    PostbackQueue, Promises, Published, Step, Vault, Visits,
};
use crate::trail::Chain;

/// How long the write that tells whose a pool's number is may take. After that the call is nobody's: taken it is all the same.
const RING_WITHIN: Duration = Duration::from_millis(1_000);
/// How long a caller waits for it to be noted that a tracker is to be told; the call's end notes it again.
const NOTE_WITHIN: Duration = Duration::from_millis(300);

/// What Twilio told us about the call.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Twilio's id of the call.
    pub call_sid: CallSid,
    /// The account whose token signed the request.
    pub account_sid: AccountSid,
    /// Whose account it is.
    pub tenant: TenantId,
    /// The caller as written: E.164, `anonymous`, a SIP address.
    pub from: String,
    /// The dialled number, or the SIP address that was called, as written.
    pub to: String,
    /// Two-letter state of the caller.
    pub from_state: Option<String>,
    /// ZIP code of the caller.
    pub from_zip: Option<String>,
    /// Two-letter country of the caller.
    pub from_country: Option<String>,
    /// How the carrier vouches for the caller's number: Twilio's `StirVerstat`.
    pub verstat: Option<String>,
}

/// What became of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has its first answer; also when that answer was given before.
    Taken(Reply),
    /// Nothing takes calls on that number; the words to say.
    NotTaken(Reply, NotTaken),
    /// The account that signed does not own the number; or the bid of the SIP address is another tenant's.
    WrongAccount,
}

/// Why a call was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// Not a number of ours.
    UnknownNumber,
    /// The SIP address is of no bid, or of one that is not kept any more.
    UnknownBid,
    /// No campaign answers it.
    NoCampaign,
    /// The campaign was never published.
    NotPublished,
}

impl NotTaken {
    /// Stable code for the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownNumber => "unknown_number",
            Self::UnknownBid => "unknown_bid",
            Self::NoCampaign => "number_without_campaign",
            Self::NotPublished => "campaign_not_published",
        }
    }
}

/// What was called, as far as one read tells.
struct Reached {
    to: Called,
    tenant: TenantId,
    number: Option<NumberId>,
    pool: Option<NumberPoolId>,
    shard: u16,
    campaign: CampaignId,
    publisher: Option<PublisherId>,
    /// How it is known whose visit the call belongs to, of a number.
    attribution: Option<Attribution>,
    visit: Option<VisitId>,
    tag: Option<TrackingTagId>,
    /// The bid whose SIP address it is.
    bid: Option<InboundBid>,
}

/// Answers calls.
#[derive(Clone)]
pub struct AnswerCall {
    /// Whose number it is.
    pub numbers: Arc<dyn Numbers>,
    /// The campaign as published.
    pub published: Arc<dyn Published>,
    /// Counters and live flags.
    pub counters: Arc<dyn Counters>,
    /// What was promised to publishers.
    pub bids: Arc<dyn Promises>,
    /// Callers who are refused.
    pub blocked: Arc<dyn BlockedCallers>,
    /// The call.
    pub calls: Arc<dyn Calls>,
    /// Whose a pool's number is.
    pub leases: Arc<dyn Leases>,
    /// What is known of the visit.
    pub visits: Arc<dyn Visits>,
    /// Where it is noted that trackers are to be told of the call.
    pub postbacks: Arc<dyn PostbackQueue>,
    /// Keyed hashes, by which a caller's calls are found when they are to be erased.
    pub vault: Arc<dyn Vault>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl AnswerCall {
    /// Answers a call.
    pub async fn answer(&self, incoming: &Incoming) -> PortResult<Answer> {
        let reached = if inbound::is_sip(&incoming.to) {
            self.bid_called(incoming).await?
        } else {
            self.number_called(incoming).await?
        };
        let reached = match reached {
            Ok(reached) => reached,
            Err(answer) => return Ok(answer),
        };
        let (tenant, place) = (reached.tenant, place_of(&reached));
        let answer = self.taken(incoming, reached).await;
        if let (Ok(Answer::NotTaken(..)), Some(place)) = (&answer, place) {
            self.leave(tenant, &place, CallId::from_sid(&incoming.call_sid)).await;
        }
        answer
    }

    async fn number_called(&self, incoming: &Incoming) -> PortResult<Result<Reached, Answer>> {
        let Ok(to) = incoming.to.parse::<E164>() else { return Ok(Err(not_taken(NotTaken::UnknownNumber))) };
        let Some(owner) = self.numbers.owner(&to).await? else {
            return Ok(Err(not_taken(NotTaken::UnknownNumber)));
        };
        if owner.account_sid != incoming.account_sid {
            return Ok(Err(Answer::WrongAccount));
        }
        let NumberOwner { tenant, publisher, pool, shard, number_id, .. } = owner;
        let place = pool.map(|pool| PoolPlace { pool, shard, number: to.clone() });
        let call = CallId::from_sid(&incoming.call_sid);
        let holder = match &place {
            Some(place) => self.holder(tenant, place, call, self.clock.now()).await,
            None => Holder { attribution: Attribution::StaticNumber, lease: None },
        };
        let (campaign, publisher) = match &holder.lease {
            Some(held) => (Some(held.campaign), held.publisher),
            None => (owner.campaign, publisher),
        };
        let Some(campaign) = campaign else {
            if let Some(place) = &place {
                self.leave(tenant, place, call).await;
            }
            return Ok(Err(not_taken(NotTaken::NoCampaign)));
        };
        Ok(Ok(Reached {
            to: to.into(),
            tenant,
            number: Some(number_id),
            pool,
            shard,
            campaign,
            publisher,
            attribution: Some(holder.attribution),
            visit: holder.lease.as_ref().map(|held| held.visit),
            tag: holder.lease.as_ref().map(|held| held.tag),
            bid: None,
        }))
    }

    /// Whose a pool's number is. Not to know it costs nobody the call.
    async fn holder(&self, tenant: TenantId, place: &PoolPlace, call: CallId, now: Timestamp) -> Holder {
        let ringing = self.leases.ring(tenant, place, call, place::latest_end(now));
        let rang = timeout(RING_WITHIN, ringing).await;
        let rang = rang.unwrap_or(Err(PortError::Busy { what: "note a call on a pool's number" }));
        let row = rang.unwrap_or_else(|error| {
            tracing::error!(error = %Chain(&error), "nobody knows whose call it is");
            None
        });
        let Some(mut row) = row else { return Holder { attribution: Attribution::Nobody, lease: None } };
        // A repetition finds the call there already.
        row.calls.remove(&call);
        let (lease, attribution) = row.holder(now);
        Holder { attribution, lease: lease.cloned() }
    }

    /// A call that is not taken keeps nobody from the number.
    async fn leave(&self, tenant: TenantId, place: &PoolPlace, call: CallId) {
        if let Err(error) = self.leases.hang_up(tenant, place, call, self.clock.now()).await {
            tracing::warn!(error = %Chain(&error), "a pool's number is kept for a call that was not taken");
        }
    }

    /// What is known of the visit; without it the call goes on.
    async fn visit(&self, tenant: TenantId, visit: Option<VisitId>) -> Option<Visit> {
        let read = self.visits.visit(tenant, visit?).await;
        read.unwrap_or_else(|error| {
            tracing::error!(error = %Chain(&error), "a call goes on without its visit's tags");
            None
        })
    }

    /// The bid in the address says everything that a number would. That its tenant is whose account signed is what makes a
    /// call to it theirs.
    async fn bid_called(&self, incoming: &Incoming) -> PortResult<Result<Reached, Answer>> {
        let (Some(id), Ok(to)) = (inbound::bid_of_address(&incoming.to), incoming.to.parse()) else {
            return Ok(Err(not_taken(NotTaken::UnknownBid)));
        };
        let Some((tenant, bid)) = self.bids.bid_by_sip(id).await? else {
            return Ok(Err(not_taken(NotTaken::UnknownBid)));
        };
        if tenant != incoming.tenant {
            return Ok(Err(Answer::WrongAccount));
        }
        let (campaign, publisher) = (bid.campaign, Some(bid.publisher));
        Ok(Ok(Reached {
            to,
            tenant,
            number: None,
            pool: None,
            shard: 0,
            campaign,
            publisher,
            attribution: None,
            visit: None,
            tag: None,
            bid: Some(bid),
        }))
    }

    async fn taken(&self, incoming: &Incoming, reached: Reached) -> PortResult<Answer> {
        let Reached { tenant, campaign, .. } = reached;
        let call_id = CallId::from_sid(&incoming.call_sid);
        let cached = self.published.cached(tenant, campaign);
        let patterns = BlockPattern::of_caller(&incoming.from);
        let (earlier, version, usage, blocks, (caller_key, known), promises, visit) = futures::try_join!(
            self.calls.step(tenant, call_id, 0),
            self.published.version(tenant, campaign),
            self.usage_for(&reached, cached.as_deref()),
            self.blocked.blocks(tenant, &patterns),
            self.caller(tenant, campaign, &incoming.from),
            self.promises(tenant, &reached.to, &incoming.from),
            async { Ok(self.visit(tenant, reached.visit).await) },
        )?;
        if let Some(Step::Answered(earlier)) = earlier {
            if reached.pool.is_some() {
                self.leave_if_over(tenant, call_id).await;
            }
            return Ok(Answer::Taken(earlier.reply));
        }
        let Some(version) = version else { return Ok(not_taken(NotTaken::NotPublished)) };
        let (snapshot, mut usage) = match cached.filter(|snapshot| snapshot.version == version) {
            Some(snapshot) => (snapshot, usage),
            None => match self.load(&reached, version).await? {
                Some(loaded) => loaded,
                None => return Ok(not_taken(NotTaken::NotPublished)),
            },
        };
        // The tenant's own URL parameters say what each is called; until they are read here, all are `User:…`.
        let tags = visit.map(|visit| call_tags(&visit, reached.pool, |_| None)).unwrap_or_default();
        let call = Call { caller_key, tags, ..self.begin(incoming, &reached, &snapshot) };
        let arrived = match &reached.bid {
            Some(bid) => {
                let caller = call.caller_key.as_deref();
                Some(inbound::arrive_by_address(bid, call.id, caller, call.started_at))
            }
            None => {
                let awaited = reached.number.is_some_and(|number| snapshot.gives_out(number));
                inbound::arrive(&promises, call.id, campaign, awaited, call.started_at)
            }
        };
        let mut call = by_bid(call, arrived, &snapshot);
        let promised = promised(&call, arrived);
        usage.extend(self.usage_of_bid(&reached, &call, promised.as_deref(), &snapshot).await?);
        if let Some(KnownCaller { history, .. }) = &known {
            recognise(&mut call, &snapshot, history);
        }
        let blocked = blocks.iter().any(|block| block.holds(call.started_at));
        let turned_away = turned_away(&call, &snapshot, &usage, blocked).or(stale(&call, &snapshot));
        let call = as_turned_away(call, turned_away, &snapshot);
        let has_click = call.tag.is_some() && call.click_id().is_some();
        let first_step = self.first_step((Arc::new(call), known), promised, turned_away, &snapshot, &usage);
        let reply = first_step.await?;
        if has_click {
            let noted = timeout(NOTE_WITHIN, self.postbacks.look_at(tenant, call_id)).await;
            if !matches!(noted, Ok(Ok(()))) {
                tracing::warn!(call = %call_id, "that a tracker is to be told of a call is noted when it ends");
            }
        }
        Ok(Answer::Taken(reply))
    }

    /// A repetition that comes when the call is over has noted it on its number again.
    async fn leave_if_over(&self, tenant: TenantId, call: CallId) {
        let left = match self.calls.load(tenant, call).await {
            Ok(Some(record)) => match &record.closing {
                Some(closing) => {
                    close_call::leave_number(&*self.leases, &record.call, closing.ended_at).await
                }
                None => Ok(()),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = left {
            tracing::warn!(error = %Chain(&error), "a pool's number is kept for a call that is over");
        }
    }

    /// What only shows with the bid by which the call comes. Of a number that several publishers' bids share nobody knew
    /// whose call it would be; and with an auction that the bid brings, destinations are dialled in this step.
    async fn usage_of_bid(
        &self,
        reached: &Reached,
        call: &Call,
        promised: Option<&Auction>,
        snapshot: &Snapshot,
    ) -> PortResult<HashMap<CounterId, Usage>> {
        let mut of = Vec::new();
        if call.publisher != reached.publisher {
            of.extend(Snapshot::counters_of_call(snapshot.campaign_id, call.publisher));
        }
        if promised.is_some() && snapshot.has_auction() {
            of.extend(snapshot.counters());
        }
        if of.is_empty() {
            return Ok(HashMap::new());
        }
        counted::usage(&*self.counters, reached.tenant, (snapshot, call.publisher), &of, call.started_at)
            .await
    }

    async fn first_step(
        &self,
        (call, caller): (Arc<Call>, Option<KnownCaller>),
        promised: Option<Arc<Auction>>,
        turned_away: Option<TurnedAway>,
        snapshot: &Snapshot,
        usage: &HashMap<CounterId, Usage>,
    ) -> PortResult<Reply> {
        let asked: Vec<Asked<'_>> = promised.iter().map(|auction| auction.asked()).collect();
        let placing = Placing {
            call,
            begins: true,
            step: 0,
            started_by: None,
            snapshot,
            usage,
            asked: &asked,
            tried: &[],
            tags: None,
            caller,
            gives_back: Vec::new(),
            recovers: false,
            auction: promised.clone(),
            answer_by: Instant::now() + ANSWER_WITHIN,
        };
        let Some(why) = turned_away else {
            return place::place(&*self.calls, &*self.clock, placing).await;
        };
        let reply = match why {
            TurnedAway::BlockedNumber
            | TurnedAway::Screened(_)
            | TurnedAway::Duplicate
            | TurnedAway::StaleBid(_) => Reply::reject(),
            TurnedAway::Cap(_) => match placing.call.bid.as_ref().map(|bid| bid.verdict) {
                Some(BidVerdict::CapacityGone) => no_room_reply(stale_rule(snapshot)),
                _ => Reply::words_and_hangup(NOBODY_FREE),
            },
            TurnedAway::CampaignPaused | TurnedAway::PublisherPaused | TurnedAway::PublisherTermsPaused => {
                Reply::words_and_hangup(NOT_IN_SERVICE)
            }
        };
        let decisions = Decisions { turned_away, ..Decisions::default() };
        place::finish(&*self.calls, &placing, reply, decisions, self.clock.now()).await
    }

    /// The live flags and caps of campaign and publisher; and those of the destinations, if it dials in this step, which it
    /// does without an auction.
    async fn usage_for(
        &self,
        reached: &Reached,
        snapshot: Option<&Snapshot>,
    ) -> PortResult<HashMap<CounterId, Usage>> {
        let Reached { tenant, campaign, publisher, .. } = *reached;
        let dials_now = snapshot.filter(|snapshot| !snapshot.has_auction());
        let mut of = Snapshot::counters_of_call(campaign, publisher);
        of.extend(snapshot.and_then(|snapshot| snapshot.payouts_that_refuse(publisher)));
        of.extend(dials_now.into_iter().flat_map(Snapshot::counters));
        let Some(snapshot) = dials_now else { return self.counters.usage(tenant, &of).await };
        counted::usage(&*self.counters, tenant, (snapshot, publisher), &of, self.clock.now()).await
    }

    async fn load(
        &self,
        reached: &Reached,
        version: u64,
    ) -> PortResult<Option<(Arc<Snapshot>, HashMap<CounterId, Usage>)>> {
        let snapshot = self.published.snapshot(reached.tenant, reached.campaign, version).await?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let usage = self.usage_for(reached, Some(&snapshot)).await?;
        Ok(Some((snapshot, usage)))
    }

    /// By what the caller is recognised, and what is known of them; nothing of callers without a number.
    async fn caller(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: &str,
    ) -> PortResult<(Option<String>, Option<KnownCaller>)> {
        let Some(number) = number_of_caller(from) else { return Ok((None, None)) };
        let key = self.vault.pseudonym(tenant, number.as_str()).await?;
        let known = self.calls.caller(tenant, campaign, &key).await?;
        Ok((Some(key), Some(known)))
    }

    /// What was promised on the dialled number for this caller, and for any.
    async fn promises(&self, tenant: TenantId, to: &Called, from: &str) -> PortResult<Vec<InboundBid>> {
        let Some(to) = to.number() else { return Ok(Vec::new()) };
        let key = match number_of_caller(from) {
            Some(number) => Some(self.vault.pseudonym(tenant, number.as_str()).await?),
            None => None,
        };
        self.bids.promises(tenant, &[to], key.as_deref()).await
    }

    fn begin(&self, incoming: &Incoming, reached: &Reached, snapshot: &Snapshot) -> Call {
        let (_, seed) = self.clock.new_id().as_u64_pair();
        Call {
            too_often: Vec::new(),
            id: CallId::from_sid(&incoming.call_sid),
            tenant: reached.tenant,
            account_sid: incoming.account_sid.clone(),
            campaign: snapshot.campaign_id,
            snapshot_version: snapshot.version,
            to: reached.to.clone(),
            number: reached.number,
            pool: reached.pool,
            from: incoming.from.clone(),
            from_state: incoming.from_state.clone(),
            from_zip: incoming.from_zip.clone(),
            from_country: incoming.from_country.clone(),
            verstat: incoming.verstat.clone(),
            repeat: Verdict::First,
            not_again: Vec::new(),
            pool_shard: reached.shard,
            attribution: reached.attribution,
            visit: reached.visit,
            tag: reached.tag,
            tags: BTreeMap::new(),
            caller_key: None,
            previous_call_s: None,
            started_at: self.clock.now(),
            seed,
            currency: snapshot.campaign.currency,
            publisher: reached.publisher,
            payout: snapshot.campaign.payout_for(reached.publisher),
            payout_limit: snapshot.campaign.payout_limit_for(reached.publisher),
            bid: None,
        }
    }
}

/// Whose a number is.
struct Holder {
    attribution: Attribution,
    lease: Option<Lease>,
}

fn place_of(reached: &Reached) -> Option<PoolPlace> {
    let number = reached.to.number()?.clone();
    Some(PoolPlace { pool: reached.pool?, shard: reached.shard, number })
}

fn not_taken(why: NotTaken) -> Answer {
    Answer::NotTaken(Reply::words_and_hangup(NOT_IN_SERVICE), why)
}

/// The call with the bid by which it came, or should have come: whoever was given the bid sent the call, and earns the bid
/// if it is good. What the ping said of the caller is known of the call, too.
fn by_bid(call: Call, arrived: Option<Arrived<'_>>, snapshot: &Snapshot) -> Call {
    let Some(arrived) = arrived else { return call };
    let call = Call { bid: Some(arrived.of_call()), ..call };
    let Some(bid) = arrived.bid else { return call };
    let publisher = Some(bid.publisher);
    let usual = || snapshot.campaign.payout_for(publisher);
    Call {
        publisher,
        payout: if call.has_bid() { bid.payout } else { usual() },
        payout_limit: snapshot.campaign.payout_limit_for(publisher),
        from_zip: bid.zip.clone().or(call.from_zip),
        from_state: bid.state.clone().or(call.from_state),
        ..call
    }
}

/// The auction that was held when its bid was given, as far as it is still good: its bidder is dialled at once.
fn promised(call: &Call, arrived: Option<Arrived<'_>>) -> Option<Arc<Auction>> {
    let bid = arrived.filter(|_| call.has_bid())?.bid?;
    bid.auction_of(call.id, call.started_at).map(Arc::new)
}

fn stale_rule(snapshot: &Snapshot) -> StaleBid {
    snapshot.campaign.rtb.as_ref().map(|rtb| rtb.stale).unwrap_or_default()
}

/// A call whose bid is not good is refused, where the campaign says so.
fn stale(call: &Call, snapshot: &Snapshot) -> Option<TurnedAway> {
    let bid = call.bid.as_ref().filter(|bid| !bid.is_honoured())?;
    (stale_rule(snapshot) == StaleBid::Reject).then_some(TurnedAway::StaleBid(bid.verdict))
}

/// A call that is refused does not use its bid up: the caller may try again.
fn as_turned_away(call: Call, why: Option<TurnedAway>, snapshot: &Snapshot) -> Call {
    match why.filter(|_| call.has_bid()) {
        None => call,
        Some(TurnedAway::Cap(_)) => call.without_bid(BidVerdict::CapacityGone, &snapshot.campaign),
        Some(_) => call.without_bid(BidVerdict::Refused, &snapshot.campaign),
    }
}
