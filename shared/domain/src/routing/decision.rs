//! What routing decided and why, in codes and in words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Scores, Via};
use crate::caps::{CapOwner, CapReached};
use crate::duplicates::Restricted;
use crate::inbound::BidVerdict;
use crate::money::Money;
use crate::rtb_target::NotTaken;
use crate::screening;

/// Most individual decisions kept with one step; the rest is counted by reason.
pub const MAX_DECISIONS: usize = 50;

/// Why a destination was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Switched off.
    Paused,
    /// Its buyer is switched off.
    BuyerPaused,
    /// A bidder's own rules.
    Bidder(NotTaken),
    /// A bidder that failed too often is left alone for a while.
    NotWorking,
    /// A bidder that was ahead and did not confirm its bid.
    NotConfirmed,
    /// An agent who is away.
    Away,
    /// None of its agents has the skills that it asks for.
    NoAgent,
    /// Its hours; until when it is closed, in words.
    Closed(String),
    /// Its buyer's hours; until when they are closed, in words.
    BuyerClosed(String),
    /// Its filter; what it asks for, in words.
    Filtered(String),
    /// It does not take this caller again.
    NotAgain(Restricted),
    /// It had this caller before, and another one shall have them now.
    SameAsBefore,
    /// Tried before in this call.
    AlreadyTried,
    /// A cap is full.
    Cap(CapReached),
    /// Its counter was too busy to say; not the same as full.
    BusyCounter,
    /// Its bid ran out.
    BidExpired,
    /// Too little would be left of what it pays once the publisher has the bid that the call came by.
    Margin {
        /// What it pays; `None`: nobody knows before the call has ended.
        pays: Option<Money>,
        /// What the publisher gets.
        bid: Money,
        /// What must be left.
        least: Money,
    },
    /// The time for finding somebody was over.
    OutOfTime,
    /// Another one came first.
    NotNeeded,
}

impl Passed {
    /// Stable code for programs and filters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::BuyerPaused => "buyer_paused",
            Self::Bidder(not_taken) => not_taken.code(),
            Self::NotWorking => "not_working",
            Self::NotConfirmed => "not_confirmed",
            Self::Away => "away",
            Self::NoAgent => "no_agent",
            Self::Closed(_) => "closed",
            Self::BuyerClosed(_) => "buyer_closed",
            Self::Filtered(_) => "filtered",
            Self::NotAgain(restricted) => restricted.code(),
            Self::SameAsBefore => "same_as_before",
            Self::AlreadyTried => "already_tried",
            Self::Cap(_) => "cap_reached",
            Self::BusyCounter => "busy_counter",
            Self::BidExpired => "bid_expired",
            Self::Margin { .. } => "margin_not_kept",
            Self::OutOfTime => "out_of_time",
            Self::NotNeeded => "not_needed",
        }
    }

    /// The reason in plain words.
    pub fn text(&self) -> String {
        match self {
            Self::Paused => "paused".to_owned(),
            Self::BuyerPaused => "its buyer is paused".to_owned(),
            Self::Bidder(not_taken) => not_taken.text(),
            Self::NotWorking => "it failed too often and is left alone for a while".to_owned(),
            Self::NotConfirmed => "it did not confirm its bid".to_owned(),
            Self::Away => "away".to_owned(),
            Self::NoAgent => "none of its agents has the skills that it asks for".to_owned(),
            Self::Closed(words) | Self::Filtered(words) => words.clone(),
            Self::BuyerClosed(words) => format!("its buyer is {words}"),
            Self::NotAgain(restricted) => restricted.text(),
            Self::SameAsBefore => "the caller was connected to it before: another destination".to_owned(),
            Self::AlreadyTried => "already tried in this call".to_owned(),
            Self::Cap(full) => full.text(),
            Self::BusyCounter => "its counter was busy".to_owned(),
            Self::BidExpired => "its bid had expired".to_owned(),
            Self::Margin { pays: Some(pays), bid, least } => {
                format!("it pays {pays}: too little for a margin of {least} on the bid of {bid}")
            }
            Self::Margin { pays: None, bid, least } => format!(
                "what it pays shows when the call has ended: too late for a margin of {least} on the bid of {bid}"
            ),
            Self::OutOfTime => "the time for finding somebody was over".to_owned(),
            Self::NotNeeded => "another destination came first".to_owned(),
        }
    }
}

/// What was decided about one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which.
    pub via: Via,
    /// Its name then.
    pub name: String,
    /// `None`: it was dialled.
    pub passed: Option<Passed>,
    /// What it earned, in words, where equals were ranked by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
}

/// Why a call was given to nobody at all, without looking at destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnedAway {
    /// The caller is on the block list.
    BlockedNumber,
    /// The campaign's screening.
    Screened(screening::Refusal),
    /// The caller called before, and the campaign does not take them again.
    Duplicate,
    /// The campaign takes no calls.
    CampaignPaused,
    /// The publisher's calls are not taken.
    PublisherPaused,
    /// The campaign does not take this publisher's calls.
    PublisherTermsPaused,
    /// It has no bid that is good, on a number where one is needed.
    StaleBid(BidVerdict),
    /// A cap is full that holds for the call whatever its destination.
    Cap(CapReached),
}

impl TurnedAway {
    /// Stable code for programs and filters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BlockedNumber => "blocked_number",
            Self::Screened(refusal) => refusal.code(),
            Self::Duplicate => "duplicate",
            Self::CampaignPaused => "campaign_paused",
            Self::PublisherPaused => "publisher_paused",
            Self::PublisherTermsPaused => "publisher_terms_paused",
            Self::StaleBid(verdict) => verdict.code(),
            Self::Cap(full) => match full.owner {
                CapOwner::Publisher | CapOwner::PublisherTerms => "publisher_cap_reached",
                CapOwner::Payouts => "payout_cap",
                _ => "campaign_cap_reached",
            },
        }
    }

    /// The reason in plain words.
    pub fn text(self) -> String {
        let words = match self {
            Self::Screened(refusal) => return refusal.text(),
            Self::Cap(full) => return full.text(),
            Self::StaleBid(verdict) => verdict.text(),
            Self::Duplicate => "the caller called before and is not taken again",
            Self::BlockedNumber => "the caller is blocked",
            Self::CampaignPaused => "the campaign takes no calls",
            Self::PublisherPaused => "the publisher is paused",
            Self::PublisherTermsPaused => "the publisher is paused on this campaign",
        };
        words.to_owned()
    }
}

/// Everything a step decided, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// Up to [`MAX_DECISIONS`], in the order in which destinations were considered.
    pub each: Vec<Decision>,
    /// How many more, by reason code.
    #[serde(default)]
    pub more: BTreeMap<String, u32>,
    /// Why nobody was considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<TurnedAway>,
    /// By what the plan was ranked; each decision keeps its own in words.
    #[serde(skip)]
    pub scores: Scores,
}

impl Decisions {
    /// Whether the next decision is kept with its words.
    pub fn has_room(&self) -> bool {
        self.each.len() < MAX_DECISIONS
    }

    /// Notes one decision.
    pub fn note(&mut self, via: Via, name: &str, passed: Option<Passed>) {
        if self.has_room() || passed.is_none() {
            let score = self.scores.text(via);
            self.each.push(Decision { via, name: name.to_owned(), passed, score });
        } else if let Some(reason) = passed {
            *self.more.entry(reason.code().to_owned()).or_default() += 1;
        }
    }
}
