//! Number pools: phone numbers that belong together. A tracking tag leases them to visitors, each to one at a time; and a
//! call's filters can ask from which pool its dialled number is, so a plan can be made by pool.

pub mod erlang;
pub mod usage;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::country::Country;
use crate::hash::fnv1a;
use crate::number::LineKind;
use crate::partner::MAX_NOTES;
use crate::phone::E164;
use crate::validate::{Problem, Problems, Validate};

/// Numbers that one partition of a pool holds: its leases are written there.
pub const NUMBERS_PER_SHARD: usize = 500;
/// Most numbers of a pool.
pub const MAX_NUMBERS: usize = 5_000;
/// Shortest and longest idle limit, seconds.
pub const IDLE_LIMIT_S: std::ops::RangeInclusive<u32> = 60..=3_600;
/// Shortest and longest closed-browser delay, seconds. The shortest is longer than the number script shows a number that it
/// has given back (20 s), with room for clocks that differ.
pub const CLOSED_BROWSER_DELAY_S: std::ops::RangeInclusive<u32> = 30..=3_600;

/// Phone numbers that belong together; each number names the pool that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberPool {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Free text for the tenant's own people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub notes: String,
    /// Seconds after which a visitor who does nothing is not shown the number any more.
    #[serde(default = "idle_limit")]
    #[schema(minimum = 60, maximum = 3600, default = 300)]
    pub idle_limit_s: u32,
    /// Seconds for which a number rests after its visitor has left: calls that come by then are still that visitor's.
    #[serde(default = "closed_browser_delay")]
    #[schema(minimum = 30, maximum = 3600, default = 30)]
    pub closed_browser_delay_s: u32,
    /// What visitors are shown when no number is free.
    #[serde(default)]
    pub overflow: Overflow,
    /// Whether a visitor rather gets a number of their own state, where one is free.
    #[serde(default)]
    pub near_visitor: bool,
    /// Which numbers are bought for it.
    #[serde(default)]
    pub buys: PoolPurchase,
    /// Over how many partitions its leases are spread. Only we write this; it never shrinks.
    #[serde(default = "one_shard")]
    #[schema(read_only)]
    pub shards: u16,
}

/// What visitors are shown when no number is free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The page keeps the number that stands in it.
    #[default]
    NoSwap,
    /// All of them this number. Its calls are of no visit.
    Number(E164),
    /// The number of whoever was seen longest ago. Two visitors may then see the same number; a call is the newer one's.
    LeastRecentlyUsed,
}

/// Which numbers are bought for a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberPoolPurchase)]
pub struct PoolPurchase {
    /// Of this country.
    #[serde(default = "united_states")]
    pub country: Country,
    /// Of this sort: `local` or `toll_free`.
    #[serde(default = "local")]
    pub kind: LineKind,
    /// Rather with this area code (three digits, North America only).
    #[serde(default)]
    #[schema(min_length = 3, max_length = 3)]
    pub area_code: Option<String>,
}

impl Default for PoolPurchase {
    fn default() -> Self {
        Self { country: united_states(), kind: local(), area_code: None }
    }
}

const fn united_states() -> Country {
    Country::US
}

const fn idle_limit() -> u32 {
    300
}

const fn closed_browser_delay() -> u32 {
    30
}

const fn one_shard() -> u16 {
    1
}

const fn local() -> LineKind {
    LineKind::Local
}

impl NumberPool {
    /// The partition that a number which enters it is put in.
    pub fn shard_of(&self, number: &E164) -> u16 {
        let place = fnv1a(number.as_str()) % u64::from(self.shards.max(1));
        u16::try_from(place).unwrap_or_default()
    }

    /// The partitions that so many numbers need.
    pub fn shards_for(numbers: usize) -> u16 {
        u16::try_from(numbers.div_ceil(NUMBERS_PER_SHARD)).unwrap_or(u16::MAX).max(1)
    }

    /// How long a lease lasts from the last sign of its visitor.
    pub fn idle_limit(&self) -> SignedDuration {
        SignedDuration::from_secs(self.idle_limit_s.into())
    }

    /// How long a number rests after a lease.
    pub fn closed_browser_delay(&self) -> SignedDuration {
        SignedDuration::from_secs(self.closed_browser_delay_s.into())
    }
}

impl Validate for NumberPool {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        problems.text("notes", &self.notes, MAX_NOTES);
        problems.within("idle_limit_s", self.idle_limit_s, IDLE_LIMIT_S);
        problems.within("closed_browser_delay_s", self.closed_browser_delay_s, CLOSED_BROWSER_DELAY_S);
        if !matches!(self.buys.kind, LineKind::Local | LineKind::TollFree) {
            problems.add("buys.kind", "kind", "numbers of a pool are bought as local or toll_free");
        }
        if self
            .buys
            .area_code
            .as_ref()
            .is_some_and(|code| code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()))
        {
            problems.add("buys.area_code", "area_code", "an area code has three digits");
        }
        problems.into_result()
    }
}
