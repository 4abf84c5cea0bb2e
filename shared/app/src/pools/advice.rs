//! How many numbers a pool needs: for traffic that somebody expects, or for the busiest hour that was seen.

use domain::ids::{NumberPoolId, TenantId};
use domain::pool::erlang::{Load, ONE_PERCENT, Share, numbers_for, overflow};
use domain::pool::usage::PoolHour;
use jiff::{SignedDuration, Timestamp};

use super::pool;
use crate::catalog::{Outcome, Tools};
use crate::ports::Pools;

/// From so far back an hour is taken.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The traffic that is expected; `None`: as measured.
    pub load: Option<Load>,
    /// The share of visitors who may go without a number of their own.
    pub overflow: Share,
}

/// Where the traffic is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Whoever asked has said it.
    Expected,
    /// The hour of the last seven days in which most numbers were in use, and how many lookups found none free in it. If any did,
    /// the true traffic is higher.
    Measured {
        /// When the hour began.
        hour: Timestamp,
        /// Lookups that found none free.
        exhausted: u32,
    },
    /// Nothing was seen in the last seven days.
    Nothing,
}

/// How many numbers it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// For this share of visitors at most to go without.
    pub overflow: Share,
    /// So many.
    pub numbers: u32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Where the traffic is known from.
    pub basis: Basis,
    /// The traffic.
    pub load: Option<Load>,
    /// How many numbers there are.
    pub numbers: u32,
    /// The share of visitors who go without, with as many.
    pub overflow_now: Option<Share>,
    /// What it takes for 1 %, and for the share that was asked for.
    pub needs: Vec<Need>,
    /// In words.
    pub words: String,
}

/// How many numbers a pool needs.
///
/// # Errors
/// A port did not answer.
pub async fn advise(
    tools: &Tools<'_>,
    pools: &dyn Pools,
    tenant: TenantId,
    id: NumberPoolId,
    question: Question,
) -> Outcome<Advice> {
    let (_, pool) = match pool(tools, tenant, id).await? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let numbers = pools.pool_numbers(tenant, id, pool.shards).await?.len();
    let numbers = u32::try_from(numbers).unwrap_or(u32::MAX);
    let (basis, load) = match question.load {
        Some(load) => (Basis::Expected, Some(load)),
        None => {
            let now = tools.clock.now();
            let since = now.checked_sub(LOOKED_BACK).unwrap_or(now);
            measured(&pools.pool_hours(tenant, id, since).await?)
        }
    };
    let Some(load) = load else {
        let words = "nothing of this pool was shown in the last seven days: say which traffic you expect, with sessions_per_minute \
                     and hold_s"
            .to_owned();
        return Ok(Ok(Advice { basis, load, numbers, overflow_now: None, needs: Vec::new(), words }));
    };
    let mut shares = vec![ONE_PERCENT, question.overflow];
    shares.dedup();
    let needs = shares.into_iter().map(|overflow| Need { overflow, numbers: numbers_for(load, overflow) });
    let needs: Vec<Need> = needs.collect();
    let overflow_now = overflow(load, numbers);
    let needed: Vec<String> = needs
        .iter()
        .map(|need| format!("{} numbers for {} overflow", need.numbers, need.overflow.percent()))
        .collect();
    let mut words = format!(
        "At this traffic you need {}. With the {numbers} you have, {} of the visitors find none free.",
        needed.join(", and "),
        overflow_now.percent()
    );
    if let Basis::Measured { exhausted: exhausted @ 1.., .. } = basis {
        words.push_str(&format!(
            " In the hour that this rests on, {exhausted} lookups found none free: the true traffic is higher."
        ));
    }
    Ok(Ok(Advice { basis, load: Some(load), numbers, overflow_now: Some(overflow_now), needs, words }))
}

fn measured(hours: &[PoolHour]) -> (Basis, Option<Load>) {
    let Some(busiest) = PoolHour::busiest(hours) else { return (Basis::Nothing, None) };
    (Basis::Measured { hour: busiest.begins, exhausted: busiest.exhausted }, busiest.load())
}
