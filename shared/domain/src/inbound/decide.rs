//! Whether a ping gets a bid, and how much.
//!
//! The order in which reasons are looked for is the order in which publishers' systems expect their codes: 1001, 1024,
//! 1025, 1026, 1100, the bid of the same ping, 1002, 1004, 1003, the price, 1005, 1006, 1007. Of several reasons the first
//! is told.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::free::{Free, Paying, free};
use super::price::modified;
use super::{
    Agreed, Environment, InboundBid, InboundRtb, Modifier, PassThrough, PassedOn, Per, Ping, PublisherRtb,
    Then,
};
use crate::call::Call;
use crate::caps::{CounterId, Price, Usage};
use crate::filter::Tags;
use crate::ids::PublisherId;
use crate::ledger::Payout;
use crate::money::Money;
use crate::plan::Tree;
use crate::routing::{self, Asked, Situation, TurnedAway, call_limits, switched_off, turned_away};
use crate::snapshot::Snapshot;

/// Pings of one account in a minute.
const PER_ACCOUNT: u64 = 6_000;
/// Answers with one and the same bid in a minute.
const SAME_AGAIN: u64 = 30;

/// Why there is no bid, as publishers' systems know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PingReject)]
pub enum Reject {
    /// 1001: the campaign, its pings or the publisher are switched off.
    Disabled,
    /// 1002: what was sent is refused by a modifier, also an empty value.
    InitialTagFilter,
    /// 1003: nobody takes calls now, or there is no number to give.
    NoCapacity,
    /// 1004: the caller is blocked, screened out, or a duplicate.
    CallerId,
    /// 1005: something is refused because a parameter was not sent; or nothing is left of the bid.
    FinalTagFilters,
    /// 1006: every destination asks for tags that the ping does not have; or none pays enough for a bid that keeps the
    /// margin.
    FinalCapacityCheck,
    /// 1007: outside of the publisher's hours, or above its caps.
    ClosedOrCapped,
    /// 1024: more pings of the publisher than agreed.
    RateLimited,
    /// 1025: the same ping too often.
    SameTooOften,
    /// 1026: more pings in the whole account than we answer.
    AccountRateLimited,
    /// 1100: the caller's number is required and missing.
    CallerIdRequired,
}

impl Reject {
    /// Its number.
    pub const fn code(self) -> u16 {
        match self {
            Self::Disabled => 1001,
            Self::InitialTagFilter => 1002,
            Self::NoCapacity => 1003,
            Self::CallerId => 1004,
            Self::FinalTagFilters => 1005,
            Self::FinalCapacityCheck => 1006,
            Self::ClosedOrCapped => 1007,
            Self::RateLimited => 1024,
            Self::SameTooOften => 1025,
            Self::AccountRateLimited => 1026,
            Self::CallerIdRequired => 1100,
        }
    }

    /// As answers say it, before the code.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::InitialTagFilter => "Initial tag filter",
            Self::NoCapacity => "No capacity",
            Self::CallerId => "Caller ID",
            Self::FinalTagFilters => "Final tag filters",
            Self::FinalCapacityCheck => "Final capacity check",
            Self::ClosedOrCapped => "Closed or capped",
            Self::RateLimited => "Rate-limited",
            Self::SameTooOften => "Same request rate-limited",
            Self::AccountRateLimited => "Pool rate-limited",
            Self::CallerIdRequired => "Caller ID verification",
        }
    }
}

/// How many requests were counted, this one included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// Of the publisher, in its span.
    pub publisher: u64,
    /// Of the whole account, in this minute.
    pub account: u64,
    /// Of this very ping since it has a bid, in this minute.
    pub same: u64,
}

/// A ping, and everything its answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The ping.
    pub ping: &'a Ping,
    /// Where it came to.
    pub environment: Environment,
    /// When.
    pub now: Timestamp,
    /// The campaign.
    pub snapshot: &'a Snapshot,
    /// Who asks.
    pub publisher: PublisherId,
    /// The call as it would begin, its caller recognised.
    pub call: &'a Call,
    /// Counters and live flags of the call and of every destination.
    pub usage: &'a HashMap<CounterId, Usage>,
    /// Whether the block list names the caller.
    pub blocked: bool,
    /// The bid that the same ping was given before.
    pub same: Option<&'a InboundBid>,
    /// Counted requests.
    pub counted: Counted,
    /// The auctions that were run for this ping, with what they brought.
    pub asked: &'a [Asked<'a>],
    /// Whether calls can be sent to a SIP address of ours.
    pub has_sip: bool,
}

/// What is given with a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A SIP address, and no number.
    Sip,
    /// A number, for this caller.
    Number,
    /// A number of its own, because the caller is not known; a SIP address when there is none.
    ExclusiveNumber,
}

/// A bid that may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// How much; never nothing.
    pub amount: Money,
    /// For how many seconds.
    pub good_for_s: u16,
    /// What the publisher earns.
    pub payout: Payout,
    /// What goes with it.
    pub given: Given,
    /// What it was made of, where it passes on what a destination pays.
    pub passed_on: Option<PassedOn>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// As the publisher's system knows it.
    pub reject: Reject,
    /// Why, for people.
    pub why: String,
}

/// What a ping gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A new bid.
    Bid(Priced),
    /// The bid it was given before.
    Same,
    /// It depends on what these bidders would pay, who were not asked yet.
    Ask(Tree),
    /// None.
    Rejected(Rejected),
}

pub(super) fn rejected<T>(reject: Reject, why: impl Into<String>) -> Result<T, Rejected> {
    Err(Rejected { reject, why: why.into() })
}

/// Decides a ping; see the head of this module.
pub fn decide(asking: &Asking<'_>) -> Verdict {
    match admitted(asking).and_then(|rtb| judged(asking, rtb)) {
        Ok(verdict) => verdict,
        Err(rejected) => Verdict::Rejected(rejected),
    }
}

/// What is looked at before the ping's own words: 1001, 1024 to 1026, 1100.
fn admitted<'a>(asking: &Asking<'a>) -> Result<&'a InboundRtb, Rejected> {
    let Asking { snapshot, counted, .. } = asking;
    let Some(rtb) = &snapshot.campaign.rtb else {
        return rejected(Reject::Disabled, "the campaign answers no pings");
    };
    let agreed = rtb.agreed(own(asking));
    if !agreed.enabled {
        return rejected(Reject::Disabled, "pings are switched off");
    }
    if let Some(off) = switched_off(asking.call, asking.usage) {
        return rejected(Reject::Disabled, off.text());
    }
    let limit = asking.environment.rate_limit(agreed.rate_limit);
    if counted.publisher > u64::from(limit.max_requests) {
        let span = match limit.per {
            Per::Minute => "minute",
            Per::Hour => "hour",
            Per::Day => "day",
        };
        let why = format!("more than {} pings in this {span}", limit.max_requests);
        return rejected(Reject::RateLimited, why);
    }
    if counted.same > SAME_AGAIN {
        return rejected(
            Reject::SameTooOften,
            format!("the same ping more than {SAME_AGAIN} times a minute"),
        );
    }
    if counted.account > PER_ACCOUNT {
        let why = format!("more than {PER_ACCOUNT} pings in this minute, of all publishers");
        return rejected(Reject::AccountRateLimited, why);
    }
    if rtb.caller_id_required && asking.ping.caller.is_none() {
        return rejected(Reject::CallerIdRequired, "the ping names no caller");
    }
    Ok(rtb)
}

fn own<'a>(asking: &Asking<'a>) -> Option<&'a PublisherRtb> {
    asking.snapshot.campaign.publishers.get(&asking.publisher)?.rtb.as_ref()
}

fn judged(asking: &Asking<'_>, rtb: &InboundRtb) -> Result<Verdict, Rejected> {
    let Asking { snapshot, call, ping, .. } = *asking;
    let agreed = rtb.agreed(own(asking));
    let given = match ping.caller {
        _ if asking.has_sip && (rtb.sip_only || ping.sip_ok) => Given::Sip,
        Some(_) => Given::Number,
        None => Given::ExclusiveNumber,
    };
    if asking.environment == Environment::Sandbox {
        // A sample shows the form of an answer, whatever the campaign is ready for.
        let sample = modified(agreed.base_bid.max(Money::from_units(1)), &agreed, std::iter::empty());
        return Ok(Verdict::Bid(usual(rtb, sample, given)));
    }
    if asking.same.is_some_and(|bid| bid.is_open(asking.now)) {
        return Ok(Verdict::Same);
    }
    let mut tags = routing::tags(call, snapshot);
    ping.add_to(&mut tags);
    let applying: Vec<&Modifier> = snapshot.modifiers_for(&tags);
    let refused = |waits_for_more: bool| {
        let mut refusing = applying.iter().filter(|modifier| modifier.then == Then::Reject);
        refusing.find(|modifier| lacks(modifier, ping, &tags) == waits_for_more)
    };
    if refused(false).is_some() {
        return rejected(Reject::InitialTagFilter, "a modifier refuses what was sent");
    }

    let away = caller_refused(asking, rtb)?;
    let publishers_cap = match away {
        Some(full @ TurnedAway::Cap(cap)) if cap.owner.is_of_the_publisher() => Some(full),
        Some(other) => return rejected(Reject::NoCapacity, other.text()),
        None => None,
    };
    let free = match publishers_cap {
        Some(_) => Free::Somebody,
        None => free(asking, rtb, tags.clone())?,
    };
    if given != Given::Sip && rtb.sip_only {
        return rejected(Reject::NoCapacity, "only SIP addresses are given, and the account has none");
    }

    if refused(true).is_some() {
        return rejected(Reject::FinalTagFilters, "a modifier asks for a parameter that was not sent");
    }
    let last = || last_look(asking, &agreed, &free, publishers_cap);
    if let Some(pass_through) = &rtb.pass_through {
        // Bidders are not asked for a ping that gets no bid whatever they answer.
        last()?;
        let paying = match free {
            Free::Paying(paying) => paying,
            Free::Asking(tree) => return Ok(Verdict::Ask(tree)),
            Free::TooLittle(earned) => return too_little(earned),
            // Refused above.
            Free::Somebody | Free::OnlyFiltered => return rejected(Reject::NoCapacity, "nobody takes calls"),
        };
        let bid = |base| modified(base, &agreed, applying.iter().copied());
        return passed_on(rtb, pass_through, &paying, given, bid).map(Verdict::Bid);
    }
    let amount = modified(agreed.base_bid, &agreed, applying.iter().copied());
    if amount == Money::ZERO {
        return rejected(Reject::FinalTagFilters, NOTHING_LEFT);
    }
    last()?;
    Ok(Verdict::Bid(usual(rtb, amount, given)))
}

fn too_little<T>(earned: Money) -> Result<T, Rejected> {
    let why = format!("of the {earned} that would be paid, no bid keeps the margin");
    rejected(Reject::FinalCapacityCheck, why)
}

const NOTHING_LEFT: &str = "the bid comes to nothing";

/// 1006 and 1007, whatever the bid would be.
fn last_look(
    asking: &Asking<'_>,
    agreed: &Agreed<'_>,
    free: &Free,
    publishers_cap: Option<TurnedAway>,
) -> Result<(), Rejected> {
    if matches!(free, Free::OnlyFiltered) {
        let why = "every destination that is free asks for other tags";
        return rejected(Reject::FinalCapacityCheck, why);
    }
    if agreed.hours.is_some_and(|hours| !hours.is_open(asking.now, &asking.snapshot.campaign.time_zone)) {
        return rejected(Reject::ClosedOrCapped, "outside of the publisher's hours");
    }
    match publishers_cap {
        Some(full) => rejected(Reject::ClosedOrCapped, full.text()),
        None => Ok(()),
    }
}

fn usual(rtb: &InboundRtb, amount: Money, given: Given) -> Priced {
    Priced { amount, good_for_s: rtb.good_for_s, payout: rtb.payout(amount), given, passed_on: None }
}

/// What is bid of what a destination would pay: less the margin, modified, and only if the margin is still kept then.
fn passed_on(
    rtb: &InboundRtb,
    pass_through: &PassThrough,
    paying: &Paying,
    given: Given,
    bid: impl FnOnce(Money) -> Money,
) -> Result<Priced, Rejected> {
    let Paying { via, earned, conversion } = *paying;
    let Some(base) = pass_through.base(earned) else { return too_little(earned) };
    let amount = bid(base);
    if amount == Money::ZERO {
        return rejected(Reject::FinalTagFilters, NOTHING_LEFT);
    }
    let Some(amount) = pass_through.within(amount, earned) else { return too_little(earned) };
    Ok(Priced {
        amount,
        good_for_s: rtb.good_for_s,
        payout: rtb.payout_on(pass_through.pays_on(rtb.pays_on, conversion), amount),
        given,
        passed_on: Some(PassedOn { via, earned, least_margin: pass_through.least_margin() }),
    })
}

/// Whether a modifier compares a tag about which the ping says nothing at all.
fn lacks(modifier: &Modifier, ping: &Ping, tags: &Tags) -> bool {
    modifier.when.tags().iter().any(|tag| tags.get(tag).is_none() && !ping.has_sent(tag))
}

/// 1004; or a cap that is full for the call whatever its destination, which is looked at later. Nothing is held against a
/// caller who is not known yet.
fn caller_refused(asking: &Asking<'_>, rtb: &InboundRtb) -> Result<Option<TurnedAway>, Rejected> {
    let Asking { snapshot, call, usage, now, .. } = *asking;
    if asking.ping.caller.is_none() {
        let situation = Situation { call, now, usage, tried: &[], asked: &[], tags: Tags::new() };
        let full = call_limits(snapshot, &situation, Price::Known(Money::ZERO)).err();
        return Ok(full.map(TurnedAway::Cap));
    }
    let away = turned_away(call, snapshot, usage, asking.blocked);
    if let Some(why) = away.filter(|away| !matches!(away, TurnedAway::Cap(_))) {
        return rejected(Reject::CallerId, why.text());
    }
    if !rtb.duplicates.pays(call.previous_call_s) {
        return rejected(Reject::CallerId, "the caller called before: such calls are not paid");
    }
    Ok(away)
}

/// Those parameters of a ping that any filter asks for: what the call by the bid must know, too.
pub fn sent_tags(ping: &Ping, snapshot: &Snapshot) -> BTreeMap<String, String> {
    let matters = |name: &str| snapshot.asks_for(&format!("user:{name}"));
    let named = ping.parameters.iter().filter(|(name, value)| !value.is_empty() && matters(name));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What makes two pings the same, as text: who asks where, about whom, with which of the tags that matter. The publisher's
/// own id of the call tells callers apart only where the ping does not name them.
pub fn fingerprint(
    ping: &Ping,
    environment: Environment,
    asking: PublisherId,
    snapshot: &Snapshot,
) -> String {
    let mut text = format!("ping\n{}\n{}\n{asking}\n", environment.as_str(), snapshot.campaign_id);
    let caller = match &ping.caller {
        Some(number) => number.as_str(),
        None => ping.parameters.get("publisherinboundcallid").map_or("", String::as_str),
    };
    let (zip, state) = (ping.zip.as_deref().unwrap_or_default(), ping.state.as_deref().unwrap_or_default());
    // Writing to a String cannot fail.
    let _ = write!(text, "{caller:?}\n{zip:?}\n{state:?}\n{}\n{:?}", ping.sip_ok, sent_tags(ping, snapshot));
    text
}
