//! Number pools beyond the catalogue: their numbers, buying and giving back, use, and advice.

use domain::ids::{AccountSid, CampaignId, NumberId, PublisherId, TrackingTagId};
use domain::phone::E164;
use domain::pool::erlang::{Load, ONE_PERCENT, Share};
use domain::pool::usage::{PoolCounts, Standing};
use domain::validate::{Problem, Problems};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::campaigns::BulkOutcome;
use crate::numbers::VerifiedNumber;
use crate::query::{Parameter, Takes, by_name};
use crate::resource::Warning;

/// The numbers of a pool: a page of them, and how many do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolNumbers {
    /// Of all of them.
    pub counts: PoolCounts,
    /// The page, by id.
    pub items: Vec<PoolNumber>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A number of a pool, and what it does. Whom it is shown to is not told here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// What it does.
    pub state: Standing,
    /// Until when, if nothing happens; null: until it is leased.
    pub until: Option<Timestamp>,
    /// The tag that leased it last; null: none has since it came into the pool.
    pub tag: Option<TrackingTagId>,
    /// Since when that visitor was shown it.
    pub since: Option<Timestamp>,
}

/// Numbers to be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolMove {
    /// At most 100; one that stands there twice counts once.
    pub numbers: Vec<NumberId>,
}

/// Numbers to be bought for a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocateNumbers {
    /// How many; for more than 50, ask again until nothing is `remaining`.
    #[schema(minimum = 1, maximum = 50)]
    pub count: u16,
    /// The Twilio account that pays. Without it your only one.
    #[serde(default)]
    pub account_sid: Option<AccountSid>,
    /// The campaign that answers when nobody is shown the number.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid then.
    #[serde(default)]
    pub publisher: Option<PublisherId>,
    /// Only looks what would be bought; nothing is spent.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of buying numbers for a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AllocatedNumbers {
    /// What was bought, and is in the pool.
    pub bought: Vec<BoughtNumber>,
    /// What a dry run would have bought.
    pub would_buy: Vec<E164>,
    /// What was tried and not bought.
    pub not_bought: Vec<NotBoughtNumber>,
    /// So many of them have the pool's area code; null: it prefers none.
    pub in_area: Option<u16>,
    /// So many are still missing.
    pub remaining: u16,
}

/// A number that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BoughtNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// What did not work although it was bought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A number that was not bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NotBoughtNumber {
    /// The number.
    pub number: E164,
    /// `not_available` and Twilio's other refusals; `taken`, `limit_reached`, `refused`; `unknown`: there was no answer, it may have
    /// been bought.
    pub code: String,
    /// Why, and what to do.
    pub message: String,
}

/// Numbers to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShrinkPool {
    /// How many; for more than 50, ask again.
    #[schema(minimum = 1, maximum = 50)]
    pub count: u16,
    /// These stay in any case.
    #[serde(default)]
    pub keep: Vec<NumberId>,
    /// Only looks which would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of giving numbers back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ShrunkPool {
    /// Each that was to be given back. `done`: Twilio has it again, for ever.
    pub outcomes: Vec<BulkOutcome>,
    /// What a dry run would give back.
    pub would_release: Vec<NumberId>,
    /// So many are still to go: the others are in use, or to be kept.
    pub remaining: u16,
}

/// Numbers to be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceNumbers {
    /// At most 50 numbers of the pool.
    pub numbers: Vec<NumberId>,
    /// The Twilio account that pays. Without it your only one.
    #[serde(default)]
    pub account_sid: Option<AccountSid>,
    /// The campaign that answers when nobody is shown the number.
    #[serde(default)]
    pub campaign: Option<CampaignId>,
    /// Only looks what would be bought; nothing is spent.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of replacing numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplacedNumbers {
    /// The new ones.
    pub allocated: AllocatedNumbers,
    /// The old ones: as many as were bought have left the pool. They stay yours.
    pub removed: Vec<BulkOutcome>,
}

/// Which numbers of a pool are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyPool {
    /// Where to go on: `next` of the answer before.
    pub cursor: Option<String>,
}

/// What was found of a pool's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VerifiedPool {
    /// How many were looked at.
    pub looked_at: u32,
    /// Those that were not as they should be, and what was put right.
    pub items: Vec<VerifiedNumber>,
    /// Those that Twilio has no more, or not for you: replace them.
    pub replace: Vec<NumberId>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Longest time of a pool's usage, days.
const MAX_DAYS: u16 = 400;

/// `?days` of a pool's usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsageQuery {
    /// 1 to 400.
    pub days: u16,
}

impl PoolUsageQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[Parameter {
        name: "days",
        about: "For how many days, up to now.",
        takes: Takes::Whole(1, MAX_DAYS, 7),
    }];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let days = given.get("days").map_or(Some(7), |text| text.parse().ok());
        let days = days.filter(|days| (1..=MAX_DAYS).contains(days)).unwrap_or_else(|| {
            problems.add("days", "range", format!("a whole number from 1 to {MAX_DAYS}"));
            7
        });
        problems.into_result().map(|()| Self { days })
    }
}

/// How a pool is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolUsage {
    /// Now.
    pub now: PoolCounts,
    /// By UTC hour, oldest first. Hours in which nothing was shown are left out.
    pub hours: Vec<PoolHourView>,
}

/// One UTC hour of a pool, looked at every five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PoolHour)]
pub struct PoolHourView {
    /// When it began.
    pub begins: Timestamp,
    /// How many numbers the pool had.
    pub numbers: u32,
    /// How many of them could not be leased on average, in hundredths: 1250 is 12.5 numbers. Null without a look.
    pub mean_occupied_hundredths: Option<u64>,
    /// The most at one look.
    pub peak_occupied: Option<u32>,
    /// Lookups that found no number free.
    pub exhausted: u32,
}

/// `?sessions_per_minute&hold_s&overflow` of an advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolAdviceQuery {
    /// The traffic that is expected.
    pub load: Option<Load>,
    /// The share of visitors who may go without.
    pub overflow: Share,
}

/// Most sessions a minute.
const MAX_SESSIONS: u64 = 100_000;
/// Longest time that a session holds a number, seconds.
const MAX_HOLD_S: u32 = 86_400;

impl PoolAdviceQuery {
    /// What it takes.
    pub const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            name: "sessions_per_minute",
            about: "How many visitors come in a minute. Together with `hold_s`; without both, the busiest hour of the last seven \
                    days is taken.",
            takes: Takes::Like(r"^[0-9]{1,6}(\.[0-9]{1,3})?$", "20"),
        },
        Parameter {
            name: "hold_s",
            about: "For how many seconds each holds a number: the visit, and the pool's closed-browser delay after it.",
            takes: Takes::Like("^[1-9][0-9]{0,4}$", "300"),
        },
        Parameter {
            name: "overflow",
            about: "The share of visitors who may go without a number of their own, as a decimal: `0.01`, unless given, is 1 %.",
            takes: Takes::Like(r"^0\.[0-9]{1,6}$", "0.01"),
        },
    ];

    /// Reads the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown, repeated or out of bounds.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new();
        let given = by_name(pairs, Self::PARAMETERS, &mut problems);
        let sessions = given.get("sessions_per_minute").map(|text| {
            let thousandths = decimal(text, 3).filter(|thousandths| *thousandths <= MAX_SESSIONS * 1_000);
            thousandths.unwrap_or_else(|| {
                let words = format!("a number from 0 to {MAX_SESSIONS} with at most three decimals");
                problems.add("sessions_per_minute", "range", words);
                0
            })
        });
        let hold_s = given.get("hold_s").map(|text| {
            let seconds = text.parse().ok().filter(|seconds| (1..=MAX_HOLD_S).contains(seconds));
            seconds.unwrap_or_else(|| {
                problems.add("hold_s", "range", format!("a whole number from 1 to {MAX_HOLD_S}"));
                1
            })
        });
        let overflow = given.get("overflow").map_or(Some(ONE_PERCENT), |text| {
            let millionths = decimal(text, 6).and_then(|millionths| u32::try_from(millionths).ok());
            millionths.filter(|millionths| (1..1_000_000).contains(millionths)).and_then(Share::of_millionths)
        });
        if overflow.is_none() {
            problems.add("overflow", "range", "a decimal above 0 and below 1 with at most six decimals");
        }
        if sessions.is_some() != hold_s.is_some() {
            let missing = if hold_s.is_none() { "hold_s" } else { "sessions_per_minute" };
            problems.add(missing, "required", "give sessions_per_minute and hold_s together, or neither");
        }
        let load = sessions.zip(hold_s).map(|(sessions, hold_s)| Load::of_sessions(sessions, hold_s));
        problems.into_result().map(|()| Self { load, overflow: overflow.unwrap_or(ONE_PERCENT) })
    }
}

/// A decimal without sign, in units of its last place.
fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}

/// How many numbers a pool needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolAdvice {
    /// `expected`: the traffic that was asked about. `measured`: that of the busiest hour of the last seven days. `nothing`: nothing
    /// was measured.
    pub basis: String,
    /// With `measured`: when that hour began.
    pub hour: Option<Timestamp>,
    /// With `measured`: lookups that found none free in it. If there were any, the true traffic is higher.
    pub exhausted: Option<u32>,
    /// The traffic in thousandths of an erlang: how many numbers would be held on average if there were enough.
    pub load_thousandths: Option<u64>,
    /// How many numbers there are.
    pub numbers: u32,
    /// The share of visitors who go without with as many, in millionths: 10000 is 1 %.
    pub overflow_now_millionths: Option<u32>,
    /// What it takes.
    pub needs: Vec<PoolNeed>,
    /// The same in words.
    pub words: String,
}

/// How many numbers it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolNeed {
    /// For this share of visitors at most to go without, in millionths.
    pub overflow_millionths: u32,
    /// So many.
    pub numbers: u32,
}
