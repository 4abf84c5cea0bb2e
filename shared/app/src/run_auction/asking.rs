//! Asks the bidders of a ring tree, all at once, and says who is ahead.
//!
//! What must stay true: nothing that a bidder does or leaves undone takes the auction past its deadline or harms another's
//! bid; whoever is ahead when nobody can overtake them any more is who would have won after the longest wait; a bidder is
//! never asked more often than it allows; one that does not work costs no time.

use std::collections::HashMap;
use std::time::Duration;

use domain::auction::{self, About, Answer, Auction, BidRequest, Bidder, BidderResult, Ceiling, Refusal};
use domain::breaker::{self, Ask};
use domain::call::Call;
use domain::campaign::{AuctionSettings, BidderEntry};
use domain::caps::{CounterId, Price, Usage};
use domain::filter::Tags;
use domain::geo::Place;
use domain::ids::{AuctionId, RtbTargetId, TenantId};
use domain::plan::Tree;
use domain::routing::{self, Destined, Passed, Sight, Situation, Tried};
use domain::rtb_target::{Asked, NotTaken, Prospect, RtbTarget};
use domain::snapshot::Snapshot;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::heard::{Exchange, Heard, milliseconds};
use crate::authenticate::authenticate;
use crate::clock::Clock;
use crate::ports::{BidderAnswer, Bidders, Counters, Limiter, NoAnswer, Vault};
use crate::trail::Chain;

/// How long a repeated request waits.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) bidders: &'a dyn Bidders,
    pub(super) counters: &'a dyn Counters,
    pub(super) limiter: &'a dyn Limiter,
    pub(super) vault: &'a dyn Vault,
    pub(super) clock: &'a dyn Clock,
    pub(super) occasion: Occasion,
}

/// What bidders are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A caller waits: nobody is waited for who cannot win any more, and requests are counted.
    Call,
    /// A publisher waits for what we bid: asked like on a call.
    Ping,
    /// Somebody tries the auction out: everybody is heard to the end, and nothing stays counted. A window that is full keeps
    /// a bidder from being asked all the same; one that was left alone is asked by whoever looks, without a claim.
    Trial,
}

/// Who is asked, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) call: &'a Call,
    pub(super) step: u16,
    pub(super) tree: Tree,
    pub(super) settings: &'a AuctionSettings,
    pub(super) deadline_ms: u32,
    /// When the caller calls, by which it is decided who is asked.
    pub(super) now: Timestamp,
    /// What is known of the call.
    pub(super) tags: &'a Tags,
    /// Whoever was dialled before is not asked.
    pub(super) tried: &'a [Tried],
    pub(super) snapshot: &'a Snapshot,
    pub(super) usage: &'a HashMap<CounterId, Usage>,
}

/// What the auction brought.
pub(super) struct Outcome {
    pub(super) auction: Auction,
    /// In the order of the auction's results.
    pub(super) exchanges: Vec<Exchange>,
    /// The bidders that were asked, and whether each of them works: any answer is one.
    pub(super) answered: Vec<(RtbTargetId, bool)>,
}

/// A bidder whose turn it is.
#[derive(Clone, Copy)]
struct Turn<'a> {
    entry: &'a BidderEntry,
    bidder: &'a RtbTarget,
}

impl Asker<'_> {
    /// Asks all eligible bidders at once; whoever has not answered at the deadline, or on a call when the winner is known, is
    /// abandoned.
    pub(super) async fn ask_everyone(&self, asking: &Asking<'_>) -> Outcome {
        let Asking { call, step, tree, settings, deadline_ms, now, tags, tried, snapshot, usage } = *asking;
        let (began, started_at) = (Instant::now(), self.clock.now());
        let deadline = began + Duration::from_millis(u64::from(deadline_ms));
        let situation = Situation { call, now, usage, tried, asked: &[], tags: tags.clone() };
        let caller = routing::place_of(call);
        let verdicts = eligible(settings, snapshot, &situation, &caller);

        let about = About { call, place: &caller, campaign: &snapshot.campaign, tags, now };
        let mut facts = auction::facts_of_call(&about);
        let mut heard: Vec<(Turn<'_>, Option<Heard>)> = Vec::new();
        let mut asked = FuturesUnordered::new();
        for (entry, verdict) in settings.bidders.iter().zip(verdicts) {
            let id = entry.rtb_target;
            let prepared = snapshot.prepared_request(id);
            let Some((bidder, prepared)) = snapshot.rtb_targets.get(&id).zip(prepared) else { continue };
            let turn = Turn { entry, bidder };
            let silent = |reason| Heard::silent(entry, bidder, Refusal::NotAsked(reason), None);
            let index = heard.len();
            heard.push((turn, verdict.as_ref().err().cloned().map(silent)));
            if let Ok(ask) = verdict {
                auction::address(&mut facts, call, Bidder { id: &id.to_string(), target: bidder, settings });
                let request = prepared.fill(&facts);
                let (turn, place) = ((turn, ask), &caller);
                asked.push(async move { (index, self.ask(asking, turn, place, request, deadline).await) });
            }
        }
        while let Some((index, answer)) = asked.next().await {
            if let Some((_, place)) = heard.get_mut(index) {
                *place = Some(answer);
            }
            if self.occasion == Occasion::Trial {
                continue;
            }
            let bids = heard.iter().filter_map(|(_, heard)| heard.as_ref()?.bid.as_ref());
            let outstanding = heard.iter().filter(|(_, heard)| heard.is_none());
            let outstanding = outstanding.map(|(turn, _)| Ceiling::of(turn.entry, turn.bidder, &caller));
            if auction::is_decided(bids, settings.min_bidders, outstanding) {
                break;
            }
        }
        drop(asked);

        let waited = began.elapsed();
        let (mut results, mut exchanges): (Vec<BidderResult>, Vec<Exchange>) = Default::default();
        let mut bids = Vec::new();
        for (turn, heard) in heard {
            let given_up = || Heard::silent(turn.entry, turn.bidder, Refusal::NotWaitedFor, Some(waited));
            let Heard { result, bid, exchange } = heard.unwrap_or_else(given_up);
            results.push(result);
            bids.extend(bid);
            exchanges.push(exchange);
        }
        let mut ranking = auction::rank(bids);
        if ranking.len() < usize::from(settings.min_bidders) {
            ranking.clear();
            for result in results.iter_mut().filter(|result| result.refusal.is_none()) {
                result.refusal = Some(Refusal::TooFewBidders);
            }
        }
        let (id, took_ms) = (AuctionId::from_uuid(self.clock.new_id()), milliseconds(waited));
        let answered = results.iter().filter_map(|result| Some((result.bidder, works(result)?))).collect();
        let call = call.id;
        let auction = Auction { id, call, step, tree, started_at, deadline_ms, took_ms, results, ranking };
        Outcome { auction, exchanges, answered }
    }

    async fn ask(
        &self,
        asking: &Asking<'_>,
        (turn, ask): (Turn<'_>, Ask),
        caller: &Place,
        mut request: BidRequest,
        deadline: Instant,
    ) -> Heard {
        let Turn { entry, bidder } = turn;
        let began = Instant::now();
        let own_deadline = deadline.min(began + Duration::from_millis(u64::from(bidder.timeout_ms)));
        // The adapter keeps the deadline itself; this one holds even if an adapter does not.
        let answer = timeout_at(own_deadline, async {
            self.may_look(asking, turn, ask).await?;
            self.signed(asking.call.tenant, bidder, &mut request).await?;
            self.ask_until(own_deadline, asking, turn, &request).await
        });
        let refused = match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::TimedOut),
        };
        let mut heard = match refused {
            Err(refusal @ Refusal::NotAsked(_)) => return Heard::silent(entry, bidder, refusal, None),
            Err(refusal) => Heard::silent(entry, bidder, refusal, Some(began.elapsed())),
            Ok(answer) => {
                let reading = Answer {
                    status: answer.status,
                    headers: &answer.headers,
                    body: &answer.body,
                    latency_ms: milliseconds(answer.elapsed),
                    received_at: self.clock.now(),
                };
                let read = auction::read_answer(bidder, entry, asking.settings, caller, reading);
                Heard::answer(read, answer.status, &answer.body)
            }
        };
        heard.sent(bidder, request);
        heard
    }

    /// Of the auctions that meet a bidder which failed too often, one looks whether it is back.
    async fn may_look(&self, asking: &Asking<'_>, turn: Turn<'_>, ask: Ask) -> Result<(), Refusal> {
        let Ask::ToLook(seen) = ask else { return Ok(()) };
        if self.occasion == Occasion::Trial {
            return Ok(());
        }
        let until = breaker::look_after(self.clock.now());
        let (tenant, bidder) = (asking.call.tenant, turn.entry.rtb_target);
        match self.counters.claim_look(tenant, bidder, seen, until).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::NotAsked(Passed::NotWorking)),
            Err(_) => Err(Refusal::NotAsked(Passed::BusyCounter)),
        }
    }

    /// Takes a place for one request in every window in which the bidder limits them. Counting is exact, and what was counted
    /// of a request that is not sent is taken back: so it is never asked more often, and seldom less. A trial takes back
    /// whatever it counted.
    async fn take_place(&self, asking: &Asking<'_>, turn: Turn<'_>) -> Result<(), Refusal> {
        if !turn.bidder.rate_limits.any() {
            return Ok(());
        }
        let now = self.clock.now();
        let of = format!("bidder#{}#{}", asking.call.tenant, turn.entry.rtb_target);
        let windows: Vec<_> = turn.bidder.rate_limits.windows(now).collect();
        let key = |window: &str| format!("{of}#{window}");
        let counts = windows.iter().map(|(window, _, begins, ends)| {
            let key = key(window.code());
            async move { self.limiter.count(&key, *begins, *ends).await }
        });
        let counts = join_all(counts).await;
        let over = windows.iter().zip(&counts).find_map(|((window, most, ..), count)| match count {
            Ok(count) if *count <= u64::from(*most) => None,
            Ok(_) => Some(Passed::Bidder(NotTaken::RateReached { window: *window, most: *most })),
            Err(_) => Some(Passed::BusyCounter),
        });
        if over.is_none() && self.occasion != Occasion::Trial {
            return Ok(());
        }
        let counted = windows.iter().zip(&counts).filter(|(_, count)| count.is_ok());
        let back = counted.map(|((window, _, begins, _), _)| {
            let key = key(window.code());
            async move { self.limiter.take_back(&key, *begins).await }
        });
        for error in join_all(back).await.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %Chain(&error), "a request that was not sent stays counted");
        }
        over.map_or(Ok(()), |reason| Err(Refusal::NotAsked(reason)))
    }

    /// Asks, and asks again when nothing was sent or the bidder failed, while time remains.
    async fn ask_until(
        &self,
        deadline: Instant,
        asking: &Asking<'_>,
        turn: Turn<'_>,
        request: &BidRequest,
    ) -> Result<BidderAnswer, Refusal> {
        let mut left = turn.bidder.retries;
        self.take_place(asking, turn).await?;
        loop {
            let answer = self.bidders.ask(request, deadline).await;
            let again_helps = match &answer {
                Ok(answer) => answer.status >= 500,
                Err(no_answer) => no_answer.before_sending,
            };
            let again = again_helps && left > 0 && Instant::now() + RETRY_AFTER < deadline;
            if !again || self.take_place(asking, turn).await.is_err() {
                return answer.map_err(not_reached);
            }
            left -= 1;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Notes which bidders failed, and which are back; of those that work as before there is nothing to note.
    pub(super) async fn note_health(
        &self,
        tenant: TenantId,
        usage: &HashMap<CounterId, Usage>,
        answered: &[(RtbTargetId, bool)],
    ) {
        let now = self.clock.now();
        let news = answered.iter().filter_map(|(bidder, answered)| {
            let before = usage.get(&(*bidder).into()).map(|usage| usage.health).unwrap_or_default();
            let health = before.after(*answered, now)?;
            Some(async move { (bidder, self.counters.note_health(tenant, *bidder, &health).await) })
        });
        for (bidder, noted) in join_all(news).await {
            if let Err(error) = noted {
                tracing::error!(%bidder, error = %Chain(&error), "whether a bidder works was not noted");
            }
        }
    }

    /// Puts in how the bidder knows us. A secret that cannot be opened is our fault, and costs only this bidder's bid.
    pub(super) async fn signed(
        &self,
        tenant: TenantId,
        bidder: &RtbTarget,
        request: &mut BidRequest,
    ) -> Result<(), Refusal> {
        let now = self.clock.now();
        let done = authenticate(self.vault, tenant, &bidder.authentication, request, now).await;
        done.map_err(|error| {
            tracing::error!(bidder = bidder.name, error = %Chain(&error), "bid request not authenticated");
            Refusal::NotReached(Refusal::NOT_AUTHENTICATED.to_owned())
        })
    }
}

pub(super) fn not_reached(no_answer: NoAnswer) -> Refusal {
    match no_answer.code.as_str() {
        "timed_out" => Refusal::TimedOut,
        _ => Refusal::NotReached(no_answer.code),
    }
}

/// Whether a bidder works, by its part in an auction; `None` when that says nothing of it.
fn works(result: &BidderResult) -> Option<bool> {
    match &result.refusal {
        Some(Refusal::NotAsked(_) | Refusal::NotWaitedFor) => None,
        Some(Refusal::NotReached(code)) if code == Refusal::NOT_AUTHENTICATED => None,
        Some(Refusal::TimedOut | Refusal::NotReached(_)) => Some(false),
        Some(Refusal::HttpStatus(status)) => Some(*status < 500),
        _ => Some(true),
    }
}

/// Whether each bidder may be asked, in their order.
fn eligible(
    settings: &AuctionSettings,
    snapshot: &Snapshot,
    situation: &Situation<'_>,
    place: &Place,
) -> Vec<Result<Ask, Passed>> {
    let mut sight = Sight::new(snapshot, situation);
    let prospect = Prospect {
        place,
        position: place.position(),
        sub_id: situation.tags.get("Publisher:SubId"),
        // Callers who called too often were found out when the call began, see `Call::too_often`.
        history: None,
        // Requests are counted when one is made.
        asked: Asked::default(),
        now: situation.now,
    };
    let of_entry = |entry: &BidderEntry| {
        let Some(bidder) = snapshot.rtb_targets.get(&entry.rtb_target) else { return Ok(Ask::Yes) };
        Destined::bidder(entry.rtb_target, bidder).eligible(&mut sight, Price::Unknown, true)?;
        if let Some((_, why)) = situation.call.too_often.iter().find(|(id, _)| *id == entry.rtb_target) {
            return Err(Passed::Bidder(why.clone()));
        }
        bidder.takes(&prospect).map_err(Passed::Bidder)?;
        let usage = situation.usage.get(&entry.rtb_target.into());
        match usage.map_or(Ask::Yes, |usage| usage.health.asks(situation.now)) {
            Ask::Not(_) => Err(Passed::NotWorking),
            ask => Ok(ask),
        }
    };
    settings.bidders.iter().map(of_entry).collect()
}
