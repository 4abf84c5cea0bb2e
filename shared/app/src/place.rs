//! Places a call with the best destination that has room: takes capacity, writes the step, gives the reply. When the plan
//! comes to bidders who were not asked yet, the reply sends the call to their auction.
//!
//! The step's answer, the attempt and the capacity it takes are one transaction, so a repeat finds the same answer and
//! nothing is ever taken twice. A full or busy counter sends us to the next destination with that reason.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::auction::Auction;
use domain::call::{Attempt, Call, LAST_STEP, attempt_number};
use domain::caps::{CounterId, Held, Joint, Limit, Measure, Outcome, Reservation, Shares, Usage};
use domain::filter::Tags;
use domain::inbound::{BidVerdict, StaleBid};
use domain::ledger::Payout;
use domain::routing::{self, Asked, Candidate, Decisions, Passed, Situation, Stop, Tried, TurnedAway, Walk};
use domain::snapshot::Snapshot;
use domain::voice::{Callback, CallbackTo, Dial, DialNoun, Recording, Reply, TIME_LIMIT_S, Verb};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::ports::{Answered, CallRecord, Calls, KnownCaller, PortError, PortResult, StepWrite, Written};

/// Said when nobody can take the call.
pub const NOBODY_FREE: &str =
    "We are sorry, nobody is available to take your call right now. Please try again later. Goodbye.";

/// Said when the number leads nowhere.
pub const NOT_IN_SERVICE: &str = "We are sorry, this number is not in service at the moment. Goodbye.";

/// From the arrival of a request to its answer: a caller hears nothing meanwhile, and Twilio gives up after six seconds.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(3_900);

/// Longest that a destination may ring, seconds.
const LONGEST_RING_S: u16 = 600;

/// How long after everything must be over somebody looks whether it is.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// What a webhook about a call's step gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAnswer {
    /// What to do.
    Reply(Reply),
    /// We know no such call.
    UnknownCall,
    /// The account that signed does not own the call.
    WrongAccount,
}

/// What a call has been through when its next step is answered.
#[derive(Debug)]
pub struct SoFar<'a> {
    /// Its auctions.
    pub asked: Vec<Asked<'a>>,
    /// The destinations that were dialled.
    pub tried: Vec<Tried>,
}

impl<'a> SoFar<'a> {
    /// As it was stored.
    pub fn of(record: &'a CallRecord) -> Self {
        Self {
            asked: record.auctions.iter().map(Auction::asked).collect(),
            tried: record
                .attempts
                .iter()
                .map(|attempt| Tried {
                    via: attempt.via,
                    agent: attempt.agent.as_ref().map(|agent| agent.id),
                })
                .collect(),
        }
    }

    /// The same, and an auction that is only just over.
    #[must_use]
    pub fn and(mut self, auction: &'a Auction) -> Self {
        self.asked.push(auction.asked());
        self
    }
}

/// A step that is to be answered.
#[derive(Debug)]
pub struct Placing<'a> {
    /// The call.
    pub call: Arc<Call>,
    /// Whether this step creates it.
    pub begins: bool,
    /// The step.
    pub step: u16,
    /// The token it was started under.
    pub started_by: Option<Uuid>,
    /// The campaign.
    pub snapshot: &'a Snapshot,
    /// Counters and live flags.
    pub usage: &'a HashMap<CounterId, Usage>,
    /// The auctions this call has had.
    pub asked: &'a [Asked<'a>],
    /// Destinations dialled before.
    pub tried: &'a [Tried],
    /// What filters compare, when it was put together for this call before.
    pub tags: Option<Tags>,
    /// What was known of the caller when this step was begun; only with [`Self::begins`].
    pub caller: Option<KnownCaller>,
    /// What attempts held whose dial failed, and goes back.
    pub gives_back: Vec<Held>,
    /// Whether the caller had been connected and is sent on.
    pub recovers: bool,
    /// The auction this step ran.
    pub auction: Option<Arc<Auction>>,
    /// When no further destination is tried after the first: [`ANSWER_WITHIN`] of the request.
    pub answer_by: Instant,
}

impl Placing<'_> {
    /// What becomes of a call that turns out not to have its bid; `None` when it came without one, when it was decided before
    /// that it has none, and when somebody was dialled for it: then there was capacity, whether they answered or not.
    fn stale_bid(&self) -> Option<StaleBid> {
        let rule = self.snapshot.campaign.rtb.as_ref().map(|rtb| rtb.stale).unwrap_or_default();
        (self.tried.is_empty() && self.call.has_bid()).then_some(rule)
    }

    /// The same step of the same call, which has not got its bid for this reason.
    fn without_bid(self, why: BidVerdict) -> Self {
        let call = Arc::new(self.call.without_bid(why, &self.snapshot.campaign));
        Self { call, tags: None, ..self }
    }
}

/// Does what the plan says next: dials the first destination that has room, or asks the bidders who stand before it; words
/// and a hang-up when nobody is left.
pub async fn place(calls: &dyn Calls, clock: &dyn Clock, placing: Placing<'_>) -> PortResult<Reply> {
    let now = clock.now();
    let Placing { tried, asked, .. } = placing;
    let usage = as_if_given_back(placing.usage, &placing.gives_back);
    let usage = usage.as_ref();
    let tags = placing.tags.clone().unwrap_or_else(|| routing::tags(&placing.call, placing.snapshot));
    let situation = Situation { call: &placing.call, now, usage, tried, asked, tags };
    let mut walk = Walk::new(placing.snapshot, &situation);
    let mut tried_one = false;
    while let Some(stop) = walk.next().filter(|_| placing.step < LAST_STEP) {
        let parties = match stop {
            Stop::Dial(parties) if parties.iter().all(|party| !party.to_confirm) => parties,
            // Bidders are asked in a step of its own, also those who are to confirm their bid.
            Stop::Dial(_) | Stop::Ask(_) => {
                let to = CallbackTo::Auction(placing.step.saturating_add(1));
                let auction = Callback { tenant: placing.call.tenant, call: placing.call.id, to };
                let decisions = std::mem::take(&mut walk.decisions);
                return finish(calls, &placing, Reply::redirect(auction), decisions, now).await;
            }
        };
        let mut rounds = VecDeque::from([parties]);
        while let Some(parties) = rounds.pop_front() {
            let passed_over = if tried_one && Instant::now() >= placing.answer_by {
                Passed::BusyCounter
            } else {
                tried_one = true;
                let reply = dial(&placing, &parties);
                let mut decisions = walk.dialling(&parties);
                for left in rounds.iter().flatten() {
                    decisions.note(left.via, &left.called(), Some(Passed::NotNeeded));
                }
                match calls.write_step(&dialling(&placing, &parties, reply.clone(), decisions, now)).await? {
                    Written::Done => return Ok(reply),
                    Written::Repeated(earlier) => return Ok(earlier.reply),
                    Written::Over => return Ok(Reply::hangup()),
                    Written::BidGone => return bid_gone(calls, clock, placing).await,
                    // One of them has no room: it does not stand in the way of the others.
                    Written::Full(_) | Written::Busy if parties.len() > 1 => {
                        rounds.extend(parties.into_iter().map(|party| vec![party]));
                        continue;
                    }
                    Written::Full(full) => Passed::Cap(full),
                    Written::Busy => Passed::BusyCounter,
                }
            };
            for party in parties {
                walk.decisions.note(party.via, &party.called(), Some(passed_over.clone()));
            }
            if let Passed::Cap(full) = passed_over
                && full.owner.is_of_the_call()
                && full.measure == Measure::Calls
            {
                // No other destination would find room either; of revenue a cheaper one might.
                let decisions = std::mem::take(&mut walk.decisions);
                let decisions = Decisions { turned_away: Some(TurnedAway::Cap(full)), ..decisions };
                return nobody(calls, placing, decisions, now).await;
            }
        }
    }
    let decisions = std::mem::take(&mut walk.decisions);
    nobody(calls, placing, decisions, now).await
}

/// Nobody takes the call. If it came by a bid, the capacity that was there at the ping is gone, at whichever step that shows.
async fn nobody(
    calls: &dyn Calls,
    placing: Placing<'_>,
    decisions: Decisions,
    now: Timestamp,
) -> PortResult<Reply> {
    let Some(rule) = placing.stale_bid() else {
        return finish(calls, &placing, Reply::words_and_hangup(NOBODY_FREE), decisions, now).await;
    };
    let gone = TurnedAway::StaleBid(BidVerdict::CapacityGone);
    let refused = (rule == StaleBid::Reject).then_some(gone);
    let decisions = Decisions { turned_away: decisions.turned_away.or(refused), ..decisions };
    let placing = placing.without_bid(BidVerdict::CapacityGone);
    finish(calls, &placing, no_room_reply(rule), decisions, now).await
}

/// What a caller hears for whom there was room at the ping and is none any more.
pub(crate) fn no_room_reply(rule: StaleBid) -> Reply {
    match rule {
        StaleBid::Reject => Reply::reject(),
        StaleBid::RouteNormally => Reply::words_and_hangup(NOBODY_FREE),
    }
}

/// Another call has used the bid at the same moment.
async fn bid_gone(calls: &dyn Calls, clock: &dyn Clock, placing: Placing<'_>) -> PortResult<Reply> {
    let rule = placing.stale_bid().unwrap_or_default();
    // What was promised with the bid is the other call's.
    let placing = Placing { asked: &[], auction: None, ..placing.without_bid(BidVerdict::Used) };
    match rule {
        StaleBid::Reject => {
            let turned_away = Some(TurnedAway::StaleBid(BidVerdict::Used));
            let decisions = Decisions { turned_away, ..Decisions::default() };
            finish(calls, &placing, Reply::reject(), decisions, clock.now()).await
        }
        StaleBid::RouteNormally => Box::pin(place(calls, clock, placing)).await,
    }
}

/// The counters as they are once this very step has given the failed attempts' capacity back: a call that fails over does
/// not stand in its own way.
fn as_if_given_back<'a>(
    usage: &'a HashMap<CounterId, Usage>,
    gives_back: &[Held],
) -> Cow<'a, HashMap<CounterId, Usage>> {
    let mut usage = Cow::Borrowed(usage);
    for taken in gives_back.iter().flat_map(|held| &held.reservation.taken) {
        if let Some(row) = usage.to_mut().get_mut(&taken.counter) {
            row.give_back(&taken.gives_back(&Outcome::NOTHING));
        }
    }
    usage
}

/// A call that is turned away before anybody was dialled pays nobody: it could not earn anything.
fn as_judged(placing: &Placing<'_>, decisions: &Decisions) -> Arc<Call> {
    let is_written = placing.begins || placing.call.lost_its_bid();
    if is_written && decisions.turned_away.is_some() {
        let call = placing.call.as_ref().clone();
        return Arc::new(Call { payout: Payout::default(), ..call });
    }
    Arc::clone(&placing.call)
}

/// Writes a step that dials nobody.
pub async fn finish(
    calls: &dyn Calls,
    placing: &Placing<'_>,
    reply: Reply,
    decisions: Decisions,
    now: Timestamp,
) -> PortResult<Reply> {
    let write = finishing(placing, reply, decisions, now);
    match calls.write_step(&write).await? {
        Written::Done => Ok(write.answered.reply),
        Written::Repeated(earlier) => Ok(earlier.reply),
        Written::Over => Ok(Reply::hangup()),
        // A call on its way to an auction.
        Written::BidGone => {
            let call = Arc::new(write.call.without_bid(BidVerdict::Used, &placing.snapshot.campaign));
            let rule = placing.stale_bid().unwrap_or_default();
            let answered = match rule {
                StaleBid::RouteNormally => write.answered.clone(),
                StaleBid::Reject => {
                    let turned_away = Some(TurnedAway::StaleBid(BidVerdict::Used));
                    let decisions = Decisions { turned_away, ..Decisions::default() };
                    Answered { reply: Reply::reject(), decisions, ..write.answered.clone() }
                }
            };
            let write = StepWrite { call, answered, auction: None, ..write };
            match calls.write_step(&write).await? {
                Written::Done => Ok(write.answered.reply),
                Written::Repeated(earlier) => Ok(earlier.reply),
                _ => Err(PortError::Busy { what: "store a step" }),
            }
        }
        Written::Full(_) | Written::Busy => Err(PortError::Busy { what: "store a step" }),
    }
}

fn finishing(placing: &Placing<'_>, reply: Reply, decisions: Decisions, now: Timestamp) -> StepWrite {
    // As the call's last one, an attempt that nobody answered may yet convert: then the books give its capacity back.
    let gives_back = placing.gives_back.iter().filter(|held| held.returns_unanswered()).cloned().collect();
    StepWrite {
        call: as_judged(placing, &decisions),
        begins: placing.begins,
        number: placing.step,
        started_by: placing.started_by,
        answered: Answered { reply, decisions, at: now, recovers: placing.recovers },
        caller: placing.caller.clone(),
        attempts: Vec::new(),
        joints: Vec::new(),
        limits: Vec::new(),
        gives_back,
        auction: placing.auction.clone(),
        due_at: due_at(now, 0, 0),
    }
}

fn dialling(
    placing: &Placing<'_>,
    parties: &[Candidate],
    reply: Reply,
    decisions: Decisions,
    now: Timestamp,
) -> StepWrite {
    let shares = Shares::of(parties.iter().map(|party| party.limits.clone()).collect());
    let attempt = |((number, party), own): ((u16, &Candidate), &Vec<Limit>)| Attempt {
        number,
        via: party.via,
        name: party.name.clone(),
        agent: party.agent.clone(),
        destination: party.destination.clone(),
        bid: party.bid,
        terms: party.terms.clone(),
        reservation: (!own.is_empty()).then(|| Reservation::of(own)),
        dialled_at: now,
    };
    let attempts: Vec<Attempt> = numbered(placing, parties).zip(&shares.own).map(attempt).collect();
    let joint = |(number, (parties, limits)): (u16, &(Vec<usize>, Vec<Limit>))| {
        let of = parties.iter().filter_map(|index| attempts.get(*index)).map(|attempt| attempt.number);
        let number = attempt_number(placing.step, number);
        Joint { number, attempts: of.collect(), reservation: Reservation::of(limits) }
    };
    let joints = (0..).zip(&shares.joint).map(joint).collect();
    let together = shares.joint.iter().flat_map(|(_, limits)| limits);
    let limits = shares.own.iter().flatten().chain(together).cloned().collect();
    let rings_s = parties.first().map_or(0, |party| party.dial.timeout_s);
    StepWrite {
        call: Arc::clone(&placing.call),
        begins: placing.begins,
        number: placing.step,
        started_by: placing.started_by,
        answered: Answered { reply, decisions, at: now, recovers: placing.recovers },
        caller: placing.caller.clone(),
        attempts,
        joints,
        limits,
        gives_back: placing.gives_back.clone(),
        auction: placing.auction.clone(),
        due_at: due_at(now, placing.snapshot.campaign.time_limit_s, rings_s),
    }
}

/// The parties that ring, each with the number of its attempt.
fn numbered<'a>(
    placing: &Placing<'_>,
    parties: &'a [Candidate],
) -> impl Iterator<Item = (u16, &'a Candidate)> {
    let step = placing.step;
    (0..).zip(parties).map(move |(party, candidate)| (attempt_number(step, party), candidate))
}

/// Who rings first decides what holds for all: TwiML has one time-out, one caller id and one recording for a dial.
fn dial(placing: &Placing<'_>, parties: &[Candidate]) -> Reply {
    let campaign = &placing.snapshot.campaign;
    let to = |to| Callback { tenant: placing.call.tenant, call: placing.call.id, to };
    let Some(first) = parties.first() else { return Reply::hangup() };
    let recording = routing::recording(&first.dial, campaign.recording);
    let noun = |(number, party): (u16, &Candidate)| DialNoun {
        destination: party.destination.clone(),
        send_digits: party.dial.send_digits.clone(),
        sip_headers: party.dial.sip_headers.clone(),
        status_callback: to(CallbackTo::Leg(number)),
    };
    let dial = Dial {
        nouns: numbered(placing, parties).map(noun).collect(),
        caller_id: routing::caller_id(
            &first.dial.caller_id,
            &placing.call,
            placing.snapshot,
            &first.destination,
        ),
        timeout_s: first.dial.timeout_s,
        time_limit_s: campaign.time_limit_s.clamp(*TIME_LIMIT_S.start(), *TIME_LIMIT_S.end()),
        recording,
        answer_on_bridge: true,
        action: to(CallbackTo::DialResult(placing.step.saturating_add(1))),
        recording_callback: (recording != Recording::Off).then(|| to(CallbackTo::Recording(placing.step))),
    };
    Reply { verbs: vec![Verb::Dial(dial)] }
}

/// The latest end of a call that begins now with a dial. One that is sent on after a long conversation may last longer.
pub(crate) fn latest_end(now: Timestamp) -> Timestamp {
    due_at(now, *TIME_LIMIT_S.end(), LONGEST_RING_S)
}

/// When somebody must look: nothing of this step can still be going on then.
fn due_at(now: Timestamp, time_limit_s: u32, dial_timeout_s: u16) -> Timestamp {
    let longest = SignedDuration::from_secs(i64::from(time_limit_s) + i64::from(dial_timeout_s)) + GRACE;
    now.checked_add(longest).unwrap_or(now)
}
