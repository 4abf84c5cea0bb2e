//! A publisher pings us: decide whether to bid, promise the bid, write the log.
//!
//! Nothing is counted as capacity: see [`domain::inbound`]. In round trips one after the other: the address; the published
//! version; everything else at once; where the bid is to pass on what our own bidders would pay, those (with one more for
//! bidders that limit requests); for a new bid the number's owner and the promise, while the bid log is written; the log.
//! Idempotency: the fingerprint of the ping; the same ping again is answered with the same bid while that is open.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::blocked::BlockPattern;
use domain::call::Call;
use domain::caps::{CounterId, Usage};
use domain::ids::{AuctionId, InboundBidId, TenantId};
use domain::inbound::{
    self, Answer, Asking, Counted, Environment, Given, InboundBid, PHONE_OF_NOBODY, Ping, PingLine, Priced,
    Reject, Rejected, RtbAddress, RtbId, SIP_HOST_OF_NOBODY, Verdict,
};
use domain::money::Currency;
use domain::phone::{E164, PhoneError};
use domain::routing::{self, recognise};
use domain::snapshot::Snapshot;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::counted;
use crate::ports::{
    Accounts, Bidders, BlockedCallers, Calls, Counters, InboundBids, Limiter, Numbers, Outbox, PortError,
    PortResult, Promised, Published, Vault,
};
use crate::preview_route::{Hypothetical, call_of};
use crate::run_auction::for_ping::{Market, Prospect, Ways};

/// Numbers that are tried for one bid, at most: others may take them at the same moment.
const TRIES: usize = 10;
/// The span in which requests of the whole account, and repetitions of one, are counted.
const MINUTE: i64 = 60;

/// Answers pings.
#[derive(Clone)]
pub struct AnswerPing {
    /// Addresses, bids, the log.
    pub bids: Arc<dyn InboundBids>,
    /// The campaign as published.
    pub published: Arc<dyn Published>,
    /// Counters and live flags.
    pub counters: Arc<dyn Counters>,
    /// Callers who are refused.
    pub blocked: Arc<dyn BlockedCallers>,
    /// What is known of callers.
    pub calls: Arc<dyn Calls>,
    /// Whose a number is.
    pub numbers: Arc<dyn Numbers>,
    /// Our own bidders, for campaigns that pass on what they would pay.
    pub bidders: Arc<dyn Bidders>,
    /// The bid log.
    pub outbox: Arc<dyn Outbox>,
    /// Counts requests, ours to bidders too.
    pub limiter: Arc<dyn Limiter>,
    /// Keyed hashes.
    pub vault: Arc<dyn Vault>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Twilio accounts, of which one may take calls by SIP.
    pub accounts: Arc<dyn Accounts>,
}

/// Who was asked at an address.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose the address is.
    pub address: RtbAddress,
    /// The campaign; `None` when it was never published.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// What a ping is decided with, besides the campaign.
struct Known {
    call: Call,
    caller_key: Option<String>,
    fingerprint: String,
    usage: HashMap<CounterId, Usage>,
    blocked: bool,
    same: Option<InboundBid>,
    counted: Counted,
    /// The host of the tenant's SIP addresses; `None`: calls come to numbers only.
    sip_host: Option<String>,
}

/// What goes into the log besides the answer.
struct Noted {
    id: InboundBidId,
    amount: Option<domain::money::Money>,
    cached: bool,
    rejected: Option<Rejected>,
    auctions: Vec<AuctionId>,
    caller: Option<String>,
}

impl Noted {
    fn of(id: InboundBidId) -> Self {
        Self { id, amount: None, cached: false, rejected: None, auctions: Vec::new(), caller: None }
    }
}

impl AnswerPing {
    /// Who is asked at an address; `None` when it is nobody's.
    ///
    /// # Errors
    /// A port did not answer.
    pub async fn asked(&self, id: &RtbId) -> PortResult<Option<Asked>> {
        let Some(address) = self.bids.address(id).await? else { return Ok(None) };
        let RtbAddress { tenant, campaign, .. } = address;
        let snapshot = match self.published.version(tenant, campaign).await? {
            Some(version) => self.published.snapshot(tenant, campaign, version).await?,
            None => None,
        };
        Ok(Some(Asked { address, snapshot }))
    }

    /// Answers a ping.
    ///
    /// # Errors
    /// A port did not answer; nothing was promised, or the same ping will be told what was.
    pub async fn answer(&self, asked: &Asked, environment: Environment, ping: &Ping) -> PortResult<Answer> {
        let (began, now) = (Instant::now(), self.clock.now());
        let RtbAddress { tenant, campaign, publisher } = asked.address;
        let (answer, noted) = match &asked.snapshot {
            Some(snapshot) => self.decided(asked.address, snapshot, environment, ping, now).await?,
            None => {
                let id = self.new_id();
                let why = "the campaign was never published".to_owned();
                self.refusal(id, Rejected { reject: Reject::Disabled, why })
            }
        };
        let currency = asked.snapshot.as_ref().map_or(Currency::USD, |snapshot| snapshot.campaign.currency);
        let line = PingLine {
            id: noted.id,
            at: now,
            campaign,
            publisher,
            environment,
            caller: ping.caller.as_ref().map(E164::masked),
            parameters: ping.parameters.keys().cloned().collect(),
            amount: noted.amount,
            currency,
            cached: noted.cached,
            rejected: noted.rejected.as_ref().map(|rejected| rejected.reject),
            why: noted.rejected.map(|rejected| rejected.why),
            auctions: noted.auctions,
            elapsed_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        self.bids.log_ping(tenant, noted.caller.as_deref(), &line).await?;
        Ok(answer)
    }

    fn new_id(&self) -> InboundBidId {
        InboundBidId::from_uuid(self.clock.new_id())
    }

    fn refusal(&self, id: InboundBidId, rejected: Rejected) -> (Answer, Noted) {
        let answer = Answer::reject(id, rejected.reject);
        (answer, Noted { id, rejected: Some(rejected), ..Noted::of(id) })
    }

    fn bid(bid: &InboundBid, now: Timestamp, cached: bool, has_sip: bool) -> (Answer, Noted) {
        let answer = Answer::bid(bid, now, cached, has_sip);
        (answer, Noted { amount: Some(bid.amount), cached, ..Noted::of(bid.id) })
    }

    async fn decided(
        &self,
        address: RtbAddress,
        snapshot: &Snapshot,
        environment: Environment,
        ping: &Ping,
        now: Timestamp,
    ) -> PortResult<(Answer, Noted)> {
        let known = self.known(address, snapshot, environment, ping, now).await?;
        let mut tags = routing::tags(&known.call, snapshot);
        ping.add_to(&mut tags);
        let of = Prospect { call: &known.call, tags: &tags, now, snapshot, usage: &known.usage };
        let mut market =
            Market::new(self.ways(), of, deadline(snapshot), environment != Environment::Production);
        // Every tree that is asked is one less to ask.
        let verdict = loop {
            let asking = Asking {
                ping,
                environment,
                now,
                snapshot,
                publisher: address.publisher,
                call: &known.call,
                usage: &known.usage,
                blocked: known.blocked,
                same: known.same.as_ref(),
                counted: known.counted,
                asked: &market.asked(),
                has_sip: known.sip_host.is_some(),
            };
            match inbound::decide(&asking) {
                Verdict::Ask(tree) => market.ask(tree).await,
                verdict => break verdict,
            }
        };
        let given = async {
            match verdict {
                Verdict::Rejected(rejected) => Ok(self.refusal(self.new_id(), rejected)),
                Verdict::Bid(priced) => {
                    let new = (priced, &market, &known);
                    self.promised(address, snapshot, environment, ping, new, now).await
                }
                Verdict::Same | Verdict::Ask(_) => match &known.same {
                    Some(bid) => Ok(Self::bid(bid, now, true, known.sip_host.is_some())),
                    None => Err(PortError::failed("answer a ping", "a bid is the same as none")),
                },
            }
        };
        let (given, ()) = futures::join!(given, market.note());
        let (answer, noted) = given?;
        Ok((answer, Noted { auctions: market.logged(), caller: known.caller_key.clone(), ..noted }))
    }

    fn ways(&self) -> Ways<'_> {
        Ways {
            bidders: &*self.bidders,
            outbox: &*self.outbox,
            counters: &*self.counters,
            limiter: &*self.limiter,
            vault: &*self.vault,
            clock: &*self.clock,
        }
    }

    /// Everything that the decision needs, at once.
    async fn known(
        &self,
        address: RtbAddress,
        snapshot: &Snapshot,
        environment: Environment,
        ping: &Ping,
        now: Timestamp,
    ) -> PortResult<Known> {
        let RtbAddress { tenant, campaign, publisher } = address;
        let text = inbound::fingerprint(ping, environment, publisher, snapshot);
        let fingerprint = self.vault.pseudonym(tenant, &text).await?;
        let caller_key = match &ping.caller {
            Some(number) => Some(self.vault.pseudonym(tenant, number.as_str()).await?),
            None => None,
        };
        let mut call = hypothetical(address, snapshot, ping, now, self.clock.new_id().as_u64_pair().1)?;
        let mut counters = Snapshot::counters_of_call(campaign, Some(publisher));
        counters.extend(snapshot.counters());
        let patterns = BlockPattern::of_caller(&call.from);
        let history = async {
            match &caller_key {
                Some(key) => self.calls.caller(tenant, campaign, key).await.map(Some),
                None => Ok(None),
            }
        };
        let own = snapshot.campaign.publishers.get(&publisher).and_then(|terms| terms.rtb.as_ref());
        let agreed = snapshot.campaign.rtb.as_ref().map(|rtb| rtb.agreed(own).rate_limit);
        let span = environment.rate_limit(agreed.unwrap_or_default()).per.seconds();
        let of_publisher = format!("rtb:{campaign}:{publisher}:{}", environment.as_str());
        let (usage, blocks, history, same, of_publisher, of_account, accounts) = futures::try_join!(
            counted::usage(&*self.counters, tenant, (snapshot, Some(publisher)), &counters, now),
            self.blocked.blocks(tenant, &patterns),
            history,
            self.bids.bid_of_ping(tenant, &fingerprint),
            self.count(of_publisher, span, now),
            self.count(format!("rtb:{tenant}"), MINUTE, now),
            self.accounts.accounts_of(tenant),
        )?;
        let sip_host = accounts.into_iter().find_map(|account| account.sip?.host());
        if let Some(known) = &history {
            recognise(&mut call, snapshot, &known.history);
        }
        let same = same.filter(|bid| bid.is_open(now));
        let again = match same {
            Some(_) => self.count(format!("rtb:{fingerprint}"), MINUTE, now).await?,
            None => 0,
        };
        let counted = Counted { publisher: of_publisher, account: of_account, same: again };
        let blocked = blocks.iter().any(|block| block.holds(now));
        Ok(Known { call, caller_key, fingerprint, usage, blocked, same, counted, sip_host })
    }

    async fn count(&self, key: String, span_s: i64, now: Timestamp) -> PortResult<u64> {
        let second = now.as_second();
        let start = Timestamp::from_second(second - second.rem_euclid(span_s)).unwrap_or(now);
        let ends = start.checked_add(SignedDuration::from_secs(2 * span_s)).unwrap_or(start);
        self.limiter.count(&key, start, ends).await
    }

    /// Finds a number and promises the bid on it.
    async fn promised(
        &self,
        address: RtbAddress,
        snapshot: &Snapshot,
        environment: Environment,
        ping: &Ping,
        (priced, market, known): (Priced, &Market<'_>, &Known),
        now: Timestamp,
    ) -> PortResult<(Answer, Noted)> {
        let id = self.new_id();
        let good_for = SignedDuration::from_secs(i64::from(priced.good_for_s));
        let mut bid = InboundBid {
            id,
            fingerprint: known.fingerprint.clone(),
            campaign: address.campaign,
            publisher: address.publisher,
            environment,
            amount: priced.amount,
            currency: snapshot.campaign.currency,
            payout: priced.payout,
            given_at: now,
            expires_at: now.checked_add(good_for).unwrap_or(now),
            number: None,
            sip: known.sip_host.as_ref().map(|host| format!("{id}@{host}")),
            caller_key: known.caller_key.clone(),
            zip: ping.zip.clone(),
            state: ping.state.clone(),
            tags: inbound::sent_tags(ping, snapshot),
            passed_on: priced.passed_on,
            auction: priced.passed_on.and_then(|passed| market.auction_of(passed.via)).map(Box::new),
            used_by: None,
        };
        if environment != Environment::Production {
            bid.sip = Some(format!("{id}@{SIP_HOST_OF_NOBODY}"));
            bid.number = if priced.given == Given::Sip || ping.sip_ok { None } else { Some(nobodys()?) };
            return Ok(Self::bid(&bid, now, false, known.sip_host.is_some()));
        }
        if priced.given == Given::Sip {
            let made = self.made(address.tenant, bid, known, now).await?;
            return Ok(made.unwrap_or_else(|| self.none_free(id)));
        }
        for number in self.candidates((address.tenant, snapshot), priced.given, known, now).await? {
            let owner = self.numbers.owner(&number).await?;
            // Somebody has taken the number off the campaign since it was published.
            let ours = owner.is_some_and(|owner| {
                owner.tenant == address.tenant && owner.campaign == Some(address.campaign)
            });
            if !ours {
                continue;
            }
            let with_number = InboundBid { number: Some(number), ..bid.clone() };
            if let Some(made) = self.made(address.tenant, with_number, known, now).await? {
                return Ok(made);
            }
        }
        if known.sip_host.is_some() {
            let made = self.made(address.tenant, bid, known, now).await?;
            return Ok(made.unwrap_or_else(|| self.none_free(id)));
        }
        Ok(self.none_free(id))
    }

    fn none_free(&self, id: InboundBidId) -> (Answer, Noted) {
        let why = "no number is free".to_owned();
        self.refusal(id, Rejected { reject: Reject::NoCapacity, why })
    }

    /// Promises a bid; `None` when its number is taken.
    async fn made(
        &self,
        tenant: TenantId,
        bid: InboundBid,
        known: &Known,
        now: Timestamp,
    ) -> PortResult<Option<(Answer, Noted)>> {
        let has_sip = known.sip_host.is_some();
        Ok(match self.bids.promise(tenant, &bid).await? {
            Promised::Done => Some(Self::bid(&bid, now, false, has_sip)),
            // The same ping came twice at the same moment.
            Promised::Before(earlier) => Some(Self::bid(&earlier, now, true, has_sip)),
            Promised::NumberTaken => None,
        })
    }

    /// The numbers to try, in an order of this ping's own. For a caller who is known any number will do; for others those
    /// are looked for that are free.
    async fn candidates(
        &self,
        (tenant, snapshot): (TenantId, &Snapshot),
        given: Given,
        known: &Known,
        now: Timestamp,
    ) -> PortResult<Vec<E164>> {
        let Some(rtb) = &snapshot.campaign.rtb else { return Ok(Vec::new()) };
        let mut numbers = match given {
            Given::Sip => Vec::new(),
            Given::Number => snapshot.dialled(&rtb.numbers),
            Given::ExclusiveNumber => {
                let all = snapshot.dialled(&rtb.exclusive_numbers);
                let promised = self.bids.promises(tenant, &all, None).await?;
                let kept = promised.iter().filter(|bid| bid.used_by.is_none() && now < bid.free_after());
                let taken: HashSet<&E164> = kept.filter_map(|bid| bid.number.as_ref()).collect();
                all.into_iter().filter(|number| !taken.contains(number)).collect()
            }
        };
        if !numbers.is_empty() {
            let count = u64::try_from(numbers.len()).unwrap_or(1);
            let first = usize::try_from(known.call.seed % count).unwrap_or(0);
            numbers.rotate_left(first);
        }
        Ok(numbers.into_iter().take(TRIES).cloned().collect())
    }
}

/// How long all our bidders together may take for a ping of this campaign.
fn deadline(snapshot: &Snapshot) -> Duration {
    let pass_through = snapshot.campaign.rtb.as_ref().and_then(|rtb| rtb.pass_through);
    Duration::from_millis(pass_through.map_or(0, |pass_through| u64::from(pass_through.deadline_ms)))
}

fn nobodys() -> PortResult<E164> {
    PHONE_OF_NOBODY.parse().map_err(|cause: PhoneError| PortError::failed("think up a number", cause))
}

/// The call as it would begin. How its carrier will vouch for it is not known yet: the best is assumed.
fn hypothetical(
    address: RtbAddress,
    snapshot: &Snapshot,
    ping: &Ping,
    now: Timestamp,
    seed: u64,
) -> PortResult<Call> {
    let to = match snapshot.rtb_numbers.values().next() {
        Some(number) => number.clone(),
        None => nobodys()?,
    };
    let wanted = Hypothetical {
        from: ping.caller.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default(),
        to,
        at: now,
        publisher: Some(address.publisher),
        from_state: ping.state.clone(),
        from_zip: ping.zip.clone(),
        from_country: None,
        verstat: Some("TN-Validation-Passed-A".to_owned()),
        tags: Vec::new(),
        seed,
    };
    call_of(address.tenant, (snapshot.campaign_id, snapshot.version), &snapshot.campaign, &wanted)
}
