//! The ring tree for a waiting caller: ask the bidders at once, stop at the deadline, dial the winner.
//!
//! Idempotency: the step. The first request marks it started; a repeat waits for its answer, and when that does not come
//! takes the step over with the static plan. Whoever writes the answer first decides, the other one gives the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::auction::{self, About, Answer, Auction, Bid, BidRequest, BidderResult, Refusal};
use domain::call::{Call, CallStatus, Leg, leg_end};
use domain::campaign::{AuctionSettings, BidderEntry};
use domain::caps::{CounterId, Price, Usage};
use domain::ids::{AccountSid, AuctionId, CallId, TenantId};
use domain::phone;
use domain::plan::Tree;
use domain::routing::{self, Destined, Passed, Sight, Situation, Stop, Tried, Walk};
use domain::snapshot::Snapshot;
use domain::target::RtbTarget;
use domain::voice::Reply;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::authenticate::authenticate;
use crate::clock::Clock;
use crate::counted;
use crate::place::{self, ANSWER_WITHIN, Placing, SoFar, StepAnswer};
use crate::ports::{
    BidLogEntry, BidderAnswer, Bidders, CallRecord, Calls, Counters, NoAnswer, Outbox, PortError, PortResult,
    Published, Step, StepStart, Vault,
};
use crate::trail::Chain;

/// What a repeat that takes over has left before Twilio stops listening.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(1);

/// How often a repeat looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the bid log's queue may take while a caller waits.
const LOG_WITHIN: Duration = Duration::from_secs(1);

/// How long a repeated request waits.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Longest text of a request or answer kept in the bid log, bytes.
const LOGGED_TEXT: usize = 4_096;

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
    /// Opens bidders' secrets.
    pub vault: Arc<dyn Vault>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// Who is asked, and for whom.
#[derive(Clone, Copy)]
struct Asking<'a> {
    call: &'a Call,
    step: u16,
    tree: Tree,
    settings: &'a AuctionSettings,
    /// Whoever was dialled before is not asked.
    tried: &'a [Tried],
}

/// What the auction brought.
struct Outcome {
    auction: Arc<Auction>,
    log: Vec<BidLogEntry>,
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
        let now = self.clock.now();
        let Some((tree, settings)) = next_tree(&record.call, &so_far, snapshot, usage, now) else {
            return self.place_after(record, (step, token), snapshot, usage, None, answer_by).await;
        };
        let asking = Asking { call: &record.call, step, tree, settings, tried: &so_far.tried };
        let outcome = self.ask_everyone(&asking, snapshot, usage).await;
        // Seconds have passed: what was full may have room, what was open may be paused. An old look is better than none.
        let (call, of) = (&record.call, rows_of(snapshot, &record.call));
        let whose = (snapshot, call.publisher);
        let fresh = counted::usage(&*self.counters, call.tenant, whose, &of, call.started_at).await;
        let fresh = fresh.unwrap_or_else(|_| usage.clone());
        let auction = Some(&outcome.auction);
        let placed = self.place_after(record, (step, token), snapshot, &fresh, auction, answer_by);
        // The caller does not wait for a slow queue: the auction itself is stored with the step, and only the texts would
        // be missing from the log.
        let logging =
            timeout_at(answer_by.min(Instant::now() + LOG_WITHIN), self.outbox.log_bids(&outcome.log));
        let (reply, logged) = futures::join!(placed, logging);
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
        let next = next_tree(call, &SoFar::of(record), &snapshot, &usage, self.clock.now());
        // It has had its time: whoever answers now is too late, and nobody is asked twice.
        let auction = next.map(|(tree, settings)| {
            Arc::new(Auction {
                id: AuctionId::from_uuid(self.clock.new_id()),
                call: call.id,
                step,
                tree,
                started_at,
                deadline_ms: settings.deadline_on_call_ms(),
                took_ms: milliseconds(waited),
                results: Vec::new(),
                ranking: Vec::new(),
            })
        });
        let answer_by = Instant::now() + TAKE_OVER_WITHIN;
        self.place_after(record, (step, by), &snapshot, &usage, auction.as_ref(), answer_by).await
    }

    /// Goes on along the plan, with what this step's auction brought, in the step that was started under a token. Without an
    /// auction, because the plan has come to none: since the caller was sent here a cap may have filled that holds for the
    /// whole call, or the time for finding somebody may be over.
    async fn place_after(
        &self,
        record: &CallRecord,
        (step, started_by): (u16, Uuid),
        snapshot: &Snapshot,
        usage: &HashMap<CounterId, Usage>,
        auction: Option<&Arc<Auction>>,
        answer_by: Instant,
    ) -> PortResult<Reply> {
        let so_far = auction.into_iter().fold(SoFar::of(record), |so_far, auction| so_far.and(auction));
        let placing = Placing {
            call: Arc::clone(&record.call),
            begins: false,
            step,
            started_by: Some(started_by),
            snapshot,
            usage,
            asked: &so_far.asked,
            tried: &so_far.tried,
            caller: None,
            gives_back: Vec::new(),
            recovers: false,
            auction: auction.cloned(),
            answer_by,
        };
        place::place(&*self.calls, &*self.clock, placing).await
    }

    /// Asks all eligible bidders at once; whoever has not answered at the deadline is abandoned.
    async fn ask_everyone(
        &self,
        asking: &Asking<'_>,
        snapshot: &Snapshot,
        usage: &HashMap<CounterId, Usage>,
    ) -> Outcome {
        let Asking { call, step, tree, settings, tried } = *asking;
        let deadline_ms = settings.deadline_on_call_ms();
        let (began, started_at) = (Instant::now(), self.clock.now());
        let deadline = began + Duration::from_millis(u64::from(deadline_ms));
        let tags = routing::tags(call, snapshot);
        let situation = Situation { call, now: started_at, usage, tried, asked: &[], tags };
        let verdicts = eligible(settings, snapshot, &situation);

        let mut results: Vec<Option<Heard>> = settings.bidders.iter().map(|_| None).collect();
        let mut asked = FuturesUnordered::new();
        for (index, (entry, verdict)) in settings.bidders.iter().zip(verdicts).enumerate() {
            let Some(bidder) = snapshot.rtb_targets.get(&entry.rtb_target) else { continue };
            match verdict {
                Err(reason) => {
                    results[index] = Some(Heard::silent(entry, bidder, Refusal::NotAsked(reason), None));
                }
                Ok(()) => {
                    let about = About {
                        call,
                        campaign: &snapshot.campaign,
                        settings,
                        bidder_id: &entry.rtb_target.to_string(),
                        bidder,
                        tags: &situation.tags,
                        now: started_at,
                    };
                    let request = auction::request(bidder, &auction::facts(&about));
                    asked.push(
                        async move { (index, self.ask(asking, entry, bidder, request, deadline).await) },
                    );
                }
            }
        }
        while let Some((index, heard)) = asked.next().await {
            results[index] = Some(heard);
        }
        drop(asked);

        let id = AuctionId::from_uuid(self.clock.new_id());
        let heard: Vec<Heard> = results.into_iter().flatten().collect();
        let mut ranking = auction::rank(heard.iter().filter_map(|heard| heard.bid.clone()).collect());
        let mut results: Vec<BidderResult> = heard.iter().map(|heard| heard.result.clone()).collect();
        if ranking.len() < usize::from(settings.min_bidders) {
            ranking.clear();
            for result in results.iter_mut().filter(|result| result.refusal.is_none()) {
                result.refusal = Some(Refusal::TooFewBidders);
            }
        }
        let winner = ranking.first().map(|bid| bid.bidder);
        let log = heard
            .into_iter()
            .zip(&results)
            .map(|(heard, result)| BidLogEntry {
                tenant: call.tenant,
                auction: id,
                call: call.id,
                campaign: call.campaign,
                bidder: result.bidder,
                at: started_at,
                url: heard.url,
                request: heard.request,
                status: heard.status,
                response: heard.response,
                result: without_numbers(result),
                won: winner == Some(result.bidder),
            })
            .collect();
        let took_ms = milliseconds(began.elapsed());
        let call = call.id;
        let auction = Auction { id, call, step, tree, started_at, deadline_ms, took_ms, results, ranking };
        Outcome { auction: Arc::new(auction), log }
    }

    async fn ask(
        &self,
        asking: &Asking<'_>,
        entry: &BidderEntry,
        bidder: &RtbTarget,
        mut request: BidRequest,
        deadline: Instant,
    ) -> Heard {
        let began = Instant::now();
        let own_deadline = deadline.min(began + Duration::from_millis(u64::from(bidder.timeout_ms)));
        let signed = self.authenticate(asking.call.tenant, bidder, &mut request);
        // The adapter keeps the deadline itself; this one holds even if an adapter does not.
        let answer = match tokio::time::timeout_at(own_deadline, signed).await {
            Ok(Ok(())) => self.ask_until(own_deadline, bidder.retries, &request).await,
            Ok(Err(no_answer)) => Ok(Err(no_answer)),
            Err(elapsed) => Err(elapsed),
        };
        let mut heard = match answer {
            Err(_) => Heard::silent(entry, bidder, Refusal::TimedOut, Some(began.elapsed())),
            Ok(Err(NoAnswer { code, .. })) if code == "timed_out" => {
                Heard::silent(entry, bidder, Refusal::TimedOut, Some(began.elapsed()))
            }
            Ok(Err(NoAnswer { code, .. })) => {
                Heard::silent(entry, bidder, Refusal::NotReached(code), Some(began.elapsed()))
            }
            Ok(Ok(answer)) => {
                let reading = Answer {
                    status: answer.status,
                    headers: &answer.headers,
                    body: &answer.body,
                    latency_ms: milliseconds(answer.elapsed),
                    received_at: self.clock.now(),
                };
                let caller = routing::place_of(asking.call);
                let (result, bid) = auction::read_answer(bidder, entry, asking.settings, &caller, reading);
                Heard {
                    result,
                    bid,
                    url: String::new(),
                    request: None,
                    status: Some(answer.status),
                    response: Some(for_log(&String::from_utf8_lossy(&answer.body))),
                }
            }
        };
        heard.url = for_log(request.url.split(['?', '#']).next().unwrap_or_default());
        heard.request = Some(for_log(&request.body));
        heard
    }

    /// Asks, and asks again when nothing was sent or the bidder failed, while time remains.
    async fn ask_until(
        &self,
        deadline: Instant,
        retries: u8,
        request: &BidRequest,
    ) -> Result<Result<BidderAnswer, NoAnswer>, Elapsed> {
        let mut left = retries;
        loop {
            let answer = timeout_at(deadline, self.bidders.ask(request, deadline)).await?;
            let again_helps = match &answer {
                Ok(answer) => answer.status >= 500,
                Err(no_answer) => no_answer.before_sending,
            };
            if !again_helps || left == 0 || Instant::now() + RETRY_AFTER >= deadline {
                return Ok(answer);
            }
            left -= 1;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Puts in how the bidder knows us. A secret that cannot be opened is our fault, and costs only this bidder's bid.
    async fn authenticate(
        &self,
        tenant: TenantId,
        bidder: &RtbTarget,
        request: &mut BidRequest,
    ) -> Result<(), NoAnswer> {
        let now = self.clock.now();
        let done = authenticate(&*self.vault, tenant, &bidder.authentication, request, now).await;
        done.map_err(|error| {
            tracing::error!(bidder = bidder.name, error = %Chain(&error), "bid request not authenticated");
            NoAnswer { code: "not_authenticated".to_owned(), before_sending: false }
        })
    }
}

/// Whether each bidder may be asked, in their order.
fn eligible(
    settings: &AuctionSettings,
    snapshot: &Snapshot,
    situation: &Situation<'_>,
) -> Vec<Result<(), Passed>> {
    let mut sight = Sight::new(snapshot, situation);
    let of_entry = |entry: &BidderEntry| {
        let Some(bidder) = snapshot.rtb_targets.get(&entry.rtb_target) else { return Ok(()) };
        Destined::bidder(entry.rtb_target, bidder).eligible(&mut sight, Price::Unknown, true).map(drop)
    };
    settings.bidders.iter().map(of_entry).collect()
}

/// The auction that the plan has come to, if it has come to one.
fn next_tree<'a>(
    call: &Call,
    so_far: &SoFar<'_>,
    snapshot: &'a Snapshot,
    usage: &HashMap<CounterId, Usage>,
    now: Timestamp,
) -> Option<(Tree, &'a AuctionSettings)> {
    let SoFar { tried, asked } = so_far;
    let tags = routing::tags(call, snapshot);
    let situation = Situation { call, now, usage, tried, asked, tags };
    // Targets that stand before it are passed over: there was no room with them a moment ago.
    let tree = Walk::new(snapshot, &situation).find_map(|stop| match stop {
        Stop::Ask(tree) => Some(tree),
        Stop::Dial(_) => None,
    })?;
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

/// What we heard from one bidder, with what the log keeps of it.
struct Heard {
    result: BidderResult,
    bid: Option<Bid>,
    url: String,
    request: Option<String>,
    status: Option<u16>,
    response: Option<String>,
}

impl Heard {
    fn silent(entry: &BidderEntry, bidder: &RtbTarget, refusal: Refusal, after: Option<Duration>) -> Self {
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

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
