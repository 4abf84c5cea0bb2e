//! A bid that was given, and what it means for the call that arrives.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Environment, PassedOn, Reject};
use crate::auction::{Auction, Bid};
use crate::ids::{AuctionId, CallId, CampaignId, InboundBidId, PublisherId, TenantId};
use crate::ledger::Payout;
use crate::money::{Currency, Money};
use crate::phone::E164;

/// Stands for the caller where a bid was given without one.
pub const ANY_CALLER: &str = "*";

/// See [`InboundBid::free_after`].
const REST: SignedDuration = SignedDuration::from_secs(60);

/// The last part of an address for pings: 32 hex digits, and all that a publisher's system needs to know. A secret, so it
/// shows itself only where it is asked to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RtbId(String);

/// The text is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RTB id: expected 32 hexadecimal digits")]
pub struct RtbIdError;

impl RtbId {
    /// The digits, in lower case.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl TryFrom<String> for RtbId {
    type Error = RtbIdError;
    fn try_from(text: String) -> Result<Self, RtbIdError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex { Ok(Self(text.to_ascii_lowercase())) } else { Err(RtbIdError) }
    }
}
impl From<RtbId> for String {
    fn from(id: RtbId) -> Self {
        id.0
    }
}
impl std::fmt::Debug for RtbId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RtbId(***)")
    }
}

/// Whose an address for pings is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtbAddress {
    /// The account.
    pub tenant: TenantId,
    /// The campaign that is asked.
    pub campaign: CampaignId,
    /// The publisher who asks.
    pub publisher: PublisherId,
}

/// A bid, as it is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundBid {
    /// Its id.
    pub id: InboundBidId,
    /// Keyed hash of what makes two pings the same.
    pub fingerprint: String,
    /// Who bids.
    pub campaign: CampaignId,
    /// For whom.
    pub publisher: PublisherId,
    /// Where it was asked for.
    pub environment: Environment,
    /// How much.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// What the publisher earns by it.
    pub payout: Payout,
    /// When it was given.
    pub given_at: Timestamp,
    /// From then on it is not good any more.
    pub expires_at: Timestamp,
    /// The number to call.
    pub number: Option<E164>,
    /// The SIP address to call, without its scheme.
    pub sip: Option<String>,
    /// Keyed hash of the caller's number; `None`: any caller.
    pub caller_key: Option<String>,
    /// The caller's ZIP code, as the ping said.
    pub zip: Option<String>,
    /// The caller's state, as the ping said.
    pub state: Option<String>,
    /// Those parameters of the ping that filters ask for, by name in lower case.
    pub tags: BTreeMap<String, String>,
    /// What it was made of, where it passes on what a destination of ours would pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_on: Option<PassedOn>,
    /// The auction that one was asked in, as far as the call needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction: Option<Box<Auction>>,
    /// The call it was used for. Stands beside the body when it is stored.
    #[serde(skip)]
    pub used_by: Option<CallId>,
}

impl InboundBid {
    /// The caller, or [`ANY_CALLER`].
    pub fn caller(&self) -> &str {
        self.caller_key.as_deref().unwrap_or(ANY_CALLER)
    }

    /// From then on its number may be promised again. One that was promised to any caller rests for a while: a call that
    /// comes late must not be taken for the next bid's.
    pub fn free_after(&self) -> Timestamp {
        match self.caller_key {
            Some(_) => self.expires_at,
            None => self.expires_at.checked_add(REST).unwrap_or(self.expires_at),
        }
    }

    /// Its auction as one of the call that it brings. `None` when no bid of it is good any more: then bidders are asked anew.
    pub fn auction_of(&self, call: CallId, now: Timestamp) -> Option<Auction> {
        let auction = self.auction.as_deref()?;
        let is_good = |bid: &Bid| bid.expires_at.is_none_or(|at| now < at);
        let good = auction.ranking.iter().any(is_good);
        good.then(|| Auction { call, step: 0, ..auction.clone() })
    }

    /// What it means for a call by it.
    fn verdict(&self, call: CallId, now: Timestamp) -> BidVerdict {
        match self.used_by {
            Some(by) if by != call => BidVerdict::Used,
            _ if self.expires_at <= now => BidVerdict::Late,
            _ => BidVerdict::Honoured,
        }
    }

    /// Whether it can be given again to the same ping.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_by.is_none() && now < self.expires_at
    }
}

/// What a bid means for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BidVerdict {
    /// The publisher earns it, by its terms.
    Honoured,
    /// The call came after it had expired.
    Late,
    /// Another call had used it.
    Used,
    /// None was given for this caller on this number.
    Unknown,
    /// The address that was called is of a bid for another caller.
    WrongCaller,
    /// Nobody could take the call any more.
    CapacityGone,
    /// The call was refused for a reason of its own.
    Refused,
}

impl BidVerdict {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Honoured => "bid_honoured",
            Self::Late => "bid_late",
            Self::Used => "bid_used",
            Self::Unknown => "bid_unknown",
            Self::WrongCaller => "bid_wrong_caller",
            Self::CapacityGone => "capacity_gone",
            Self::Refused => "bid_refused",
        }
    }

    /// In plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Honoured => "the call came by its bid",
            Self::Late => "the bid had expired before the call came",
            Self::Used => "the bid had been used for another call",
            Self::Unknown => "no bid was given for this caller on this number",
            Self::WrongCaller => "the bid was given for another caller",
            Self::CapacityGone => "nobody could take the call any more",
            Self::Refused => "the call was refused",
        }
    }
}

/// The bid by which a call came, or should have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBid {
    /// Which; `None` when there is none.
    pub id: Option<InboundBidId>,
    /// How much was bid.
    pub amount: Option<Money>,
    /// What it means for the call.
    pub verdict: BidVerdict,
    /// See [`InboundBid::fingerprint`].
    pub fingerprint: Option<String>,
    /// Whether it was given for any caller.
    pub any_caller: bool,
    /// The number it promised, whichever way the call came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<E164>,
    /// Whether it promised a SIP address.
    #[serde(default)]
    pub by_sip: bool,
    /// Parameters of the ping that filters ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// See [`InboundBid::passed_on`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_on: Option<PassedOn>,
}

impl CallBid {
    /// Whether the publisher earns it.
    pub fn is_honoured(&self) -> bool {
        self.verdict == BidVerdict::Honoured
    }
}

/// A call that arrives where bids are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// The bid; `None` when there is none.
    pub bid: Option<&'a InboundBid>,
    /// What it means for the call.
    pub verdict: BidVerdict,
}

/// Matches a call with the bids that were found for its number, for its caller and for any. `awaited`: whether the number
/// is one that the campaign gives out with bids. `None`: an ordinary call.
pub fn arrive(
    found: &[InboundBid],
    call: CallId,
    campaign: CampaignId,
    awaited: bool,
    now: Timestamp,
) -> Option<Arrived<'_>> {
    found
        .iter()
        .filter(|bid| bid.campaign == campaign)
        .map(|bid| Arrived { bid: Some(bid), verdict: bid.verdict(call, now) })
        // A bid for this very caller goes before one for any.
        .min_by_key(|arrived| (arrived.verdict, arrived.bid.is_some_and(|bid| bid.caller_key.is_none())))
        .or_else(|| awaited.then_some(Arrived { bid: None, verdict: BidVerdict::Unknown }))
}

/// Judges a call to the SIP address of a bid. `caller`: the keyed hash of the caller's number, if they have one.
pub fn arrive_by_address<'a>(
    bid: &'a InboundBid,
    call: CallId,
    caller: Option<&str>,
    now: Timestamp,
) -> Arrived<'a> {
    let is_for_caller = bid.caller_key.is_none() || bid.caller_key.as_deref() == caller;
    let verdict = if is_for_caller { bid.verdict(call, now) } else { BidVerdict::WrongCaller };
    Arrived { bid: Some(bid), verdict }
}

impl Arrived<'_> {
    /// What the call keeps of it.
    pub fn of_call(&self) -> CallBid {
        CallBid {
            id: self.bid.map(|bid| bid.id),
            amount: self.bid.map(|bid| bid.amount),
            verdict: self.verdict,
            fingerprint: self.bid.map(|bid| bid.fingerprint.clone()),
            any_caller: self.bid.is_some_and(|bid| bid.caller_key.is_none()),
            number: self.bid.and_then(|bid| bid.number.clone()),
            by_sip: self.bid.is_some_and(|bid| bid.sip.is_some()),
            tags: self.bid.map(|bid| bid.tags.clone()).unwrap_or_default(),
            passed_on: self.bid.and_then(|bid| bid.passed_on),
        }
    }
}

/// A line of the log of pings. It holds no number: callers are masked before it is written, and of parameters there are
/// only the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingLine {
    /// The id that the answer names, also that of a refusal.
    pub id: InboundBidId,
    /// When it was asked.
    pub at: Timestamp,
    /// Who was asked.
    pub campaign: CampaignId,
    /// Who asked.
    pub publisher: PublisherId,
    /// Where.
    pub environment: Environment,
    /// The caller, masked (`555***1234`); `None` when the ping named none.
    pub caller: Option<String>,
    /// Names of the parameters.
    pub parameters: Vec<String>,
    /// The bid; `None` for a refusal.
    pub amount: Option<Money>,
    /// Currency of the bid.
    pub currency: Currency,
    /// Whether the bid had been given before.
    pub cached: bool,
    /// The refusal.
    pub rejected: Option<Reject>,
    /// Why, in words.
    pub why: Option<String>,
    /// The auctions that were held for it: the bid log says who was sent what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auctions: Vec<AuctionId>,
    /// How long the answer took.
    pub elapsed_ms: u32,
}
