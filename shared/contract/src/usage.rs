//! How much of its caps a thing has used, as the API shows it.

use domain::money::{Currency, Money};
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calls::Verdict;
use crate::query::{Parameter, Takes, by_name};

/// Most things asked for at once.
pub const MAX_THINGS: usize = 50;

/// `?of` of the usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Ids, each once, in the order in which they were given.
    pub of: Vec<String>,
}

impl UsageQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[Parameter {
        name: "of",
        about: "Ids of campaigns, publishers, buyers, targets and RTB targets, at most 50, separated by commas.",
        takes: Takes::Needed(
            "^(CA|AF|BU|TA|PI)[0-9a-f]{32}(,(CA|AF|BU|TA|PI)[0-9a-f]{32}){0,49}$",
            "TA019abc0de1f27a3b8c4d5e6f70819203",
        ),
    }];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let mut of: Vec<String> = Vec::new();
        for id in given.get("of").copied().unwrap_or_default().split(',') {
            let (kind, digits) = id.split_at_checked(2).unwrap_or((id, ""));
            let is_id = ["CA", "AF", "BU", "TA", "PI"].contains(&kind)
                && digits.len() == 32
                && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            if !is_id {
                let words =
                    "ids of campaigns, publishers, buyers, targets and RTB targets, separated by commas";
                problems.add("of", "ids", words);
                break;
            }
            if !of.iter().any(|known| known == id) {
                of.push(id.to_owned());
            }
        }
        if of.len() > MAX_THINGS {
            problems.add("of", "count", format!("at most {MAX_THINGS} ids at once"));
        }
        problems.into_result().map(|()| Self { of })
    }
}

/// Usage of all that was asked for, in that order; what does not exist, or is not theirs to see, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsageList {
    /// One for each.
    pub items: Vec<UsageView>,
}

/// What one thing has used of its caps. Nothing is counted of a thing without any cap: its counts are 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsageView {
    /// Which.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The clock of its windows: an IANA name.
    pub time_zone: String,
    /// Whether it takes a call now, as far as pauses and caps say (a target's: also its buyer's).
    pub accepting: bool,
    /// Why not: `paused`, `buyer_paused` or `cap_reached`, with words such as `daily cap 50 reached`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Verdict>,
    /// Calls that are dialled or talking now.
    pub live: CallSpan,
    /// `connected` or `converted`: which calls stay counted when they are over. Live ones count always.
    pub count: String,
    /// This clock hour.
    pub hour: CallSpan,
    /// This calendar day.
    pub day: CallSpan,
    /// This calendar month.
    pub month: CallSpan,
    /// Since the beginning.
    pub total: CallSpan,
    /// Revenue, if it is capped and theirs to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<RevenueUsage>,
}

/// Calls in one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallSpan {
    /// So many.
    pub used: u32,
    /// The cap; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<u32>,
    /// `used` in percent of `cap`, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// When counting begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns_at: Option<Timestamp>,
}

/// Revenue against its caps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevenueUsage {
    /// The currency of its amounts.
    pub currency: Currency,
    /// This clock hour.
    pub hour: RevenueSpan,
    /// This calendar day.
    pub day: RevenueSpan,
    /// This calendar month.
    pub month: RevenueSpan,
    /// Since the beginning.
    pub total: RevenueSpan,
    /// Live calls whose price shows only at their end (a price a minute): what these will bring is not in the sums yet,
    /// and a cap may be exceeded by it. No other call exceeds a cap.
    pub may_exceed_by_calls: u32,
}

/// Revenue in one span, with what is reserved for live calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevenueSpan {
    /// So much.
    pub used: Money,
    /// The cap; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
    /// `used` in percent of `cap`, rounded down; it may be above 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// When counting begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns_at: Option<Timestamp>,
}
