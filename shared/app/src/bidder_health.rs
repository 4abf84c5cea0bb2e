//! Whether bidders work: what the looks between calls showed, what auctions met, and what they make of it.
//!
//! What must stay true: without a look or a request there is no number, least of all a good one; an outage is no longer
//! than what was seen of it.

use domain::bidder_hour::{BidderHour, Requests};
use domain::breaker::{Ask, Health};
use domain::caps::CounterId;
use domain::ids::{RtbTargetId, TenantId};
use domain::rtb_target::RtbTarget;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use crate::catalog::{self, Listing, Outcome, Position, Refused, Tools};
use crate::ports::{self, HealthCheck, PortError, PortResult};

/// Reads at the same time.
const AT_ONCE: usize = 20;
/// Looks are five minutes apart. What lies between two that are further apart than this, nobody saw.
const UNSEEN_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// What is known of one bidder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub rtb_target: RtbTargetId,
    /// Its name.
    pub name: String,
    /// What the newest look showed; `None`: it was not looked at.
    pub check: Option<HealthCheck>,
    /// Its failures in auctions.
    pub breaker: Health,
    /// Whether an auction asks it now.
    pub asks: Ask,
}

/// A page of bidders, and where to go on.
///
/// # Errors
/// A port did not answer.
pub async fn bidders(
    tools: &Tools<'_>,
    health: &dyn ports::Health,
    tenant: TenantId,
    listing: &Listing,
) -> PortResult<(Vec<Known>, Option<Position>)> {
    let listed = catalog::list::<RtbTarget>(tools, tenant, listing).await?;
    let named = listed.items.iter().map(|record| {
        let wrong = |cause| PortError::corrupt("read the id of a bidder", cause);
        let id: RtbTargetId = record.id.parse().map_err(wrong)?;
        Ok((id, catalog::entry_of::<RtbTarget>(record)?.name))
    });
    let named = named.collect::<PortResult<Vec<_>>>()?;
    let ids: Vec<RtbTargetId> = named.iter().map(|(id, _)| *id).collect();
    let rows: Vec<CounterId> = ids.iter().map(|id| (*id).into()).collect();
    let newest = ids.into_iter().map(|id| health.newest_check(tenant, id));
    let newest = stream::iter(newest).buffered(AT_ONCE).try_collect::<Vec<_>>();
    let (usage, newest) = futures::try_join!(tools.counters.usage(tenant, &rows), newest)?;
    let now = tools.clock.now();
    let known = named.into_iter().zip(newest).map(|((rtb_target, name), check)| {
        let breaker = usage.get(&rtb_target.into()).map(|usage| usage.health).unwrap_or_default();
        Known { rtb_target, name, check, asks: breaker.asks(now), breaker }
    });
    Ok((known.collect(), listed.next))
}

/// How much of a time a bidder answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uptime {
    /// Looks.
    pub checks: u32,
    /// Those that found it up.
    pub up: u32,
    /// The longest time for which it was seen to be down; `None` without a look.
    pub longest_outage: Option<SignedDuration>,
    /// Requests of auctions, from the hour on in which the time begins.
    pub requests: Requests,
}

impl Uptime {
    /// The share of looks that found it up, see [`share`].
    pub fn share(&self) -> Option<u32> {
        share(self.up, self.checks)
    }

    /// The share of requests that it answered, see [`share`].
    pub fn answered_share(&self) -> Option<u32> {
        share(self.requests.answered(), self.requests.asked)
    }
}

/// A share in hundredths of a percent, rounded down: 10,000 is all of them. `None` of nothing.
fn share(part: u32, of: u32) -> Option<u32> {
    u32::try_from((u64::from(part) * 10_000).checked_div(u64::from(of))?).ok()
}

/// The uptime of a bidder since an instant.
///
/// # Errors
/// A port did not answer.
pub async fn uptime(
    tools: &Tools<'_>,
    health: &dyn ports::Health,
    tenant: TenantId,
    bidder: RtbTargetId,
    since: Timestamp,
) -> Outcome<Uptime> {
    if catalog::get::<RtbTarget>(tools, tenant, bidder).await?.is_none() {
        return Ok(Err(Refused::NotFound));
    }
    Ok(Ok(of_hours(&health.hours_since(tenant, bidder, since).await?, since)))
}

/// What hours, oldest first, say together from an instant on. An outage lasts from the first look that failed to the next
/// that did not, or to the last one that was made in time.
pub fn of_hours(hours: &[BidderHour], from: Timestamp) -> Uptime {
    let mut uptime = Uptime::default();
    for hour in hours {
        uptime.requests.add(&hour.requests);
    }
    let looks = hours.iter().flat_map(|hour| {
        let at = |second: u16| hour.begins.checked_add(SignedDuration::from_secs(i64::from(second)));
        hour.looks.iter().filter_map(move |(second, up)| Some((at(*second).ok()?, *up)))
    });
    let mut longest = SignedDuration::ZERO;
    let mut down: Option<(Timestamp, Timestamp)> = None;
    for (at, up) in looks.filter(|(at, _)| *at >= from) {
        uptime.checks = uptime.checks.saturating_add(1);
        uptime.up = uptime.up.saturating_add(u32::from(up));
        let seen = down.filter(|(_, last)| at.duration_since(*last) <= UNSEEN_AFTER);
        if let Some((since, _)) = seen {
            longest = longest.max(at.duration_since(since));
        }
        let since = seen.map_or(at, |(since, _)| since);
        down = (!up).then_some((since, at));
    }
    uptime.longest_outage = (uptime.checks > 0).then_some(longest);
    uptime
}

#[cfg(test)]
mod tests {
    use domain::bidder_hour::hour_of;

    use super::*;

    fn looks(minutes: &[(i64, bool)]) -> Uptime {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut hours: Vec<BidderHour> = Vec::new();
        for (minute, up) in minutes {
            let at = start + SignedDuration::from_mins(*minute);
            let begins = hour_of(at);
            if hours.last().is_none_or(|hour| hour.begins != begins) {
                hours.push(BidderHour { begins, ..BidderHour::default() });
            }
            let second = u16::try_from(at.duration_since(begins).as_secs()).unwrap();
            hours.last_mut().unwrap().looks.insert(second, *up);
        }
        of_hours(&hours, start)
    }

    #[test]
    fn without_a_look_there_is_no_number() {
        let nothing = looks(&[]);
        assert_eq!((nothing.share(), nothing.longest_outage), (None, None));
    }

    #[test]
    fn one_failure_among_many_is_never_rounded_away() {
        let mut all = vec![(0, false)];
        all.extend((1..9_000).map(|look| (look * 5, true)));
        assert_eq!(looks(&all).share(), Some(9_998));
        assert_eq!(looks(&all[1..]).share(), Some(10_000));
    }

    #[test]
    fn an_outage_is_no_longer_than_what_was_seen_of_it() {
        let longest = |minutes: &[(i64, bool)]| looks(minutes).longest_outage.unwrap().as_mins();
        assert_eq!(longest(&[(0, true), (5, true)]), 0);
        assert_eq!(longest(&[(0, true), (5, false), (10, true)]), 5, "to the next that worked");
        assert_eq!(
            longest(&[(0, false), (5, false), (10, false)]),
            10,
            "one that goes on: to the newest look"
        );
        assert_eq!(longest(&[(0, false), (5, true), (10, false), (15, false), (20, true)]), 10);
        assert_eq!(
            longest(&[(0, false), (5, false), (600, false), (605, true)]),
            5,
            "ten hours nobody looked"
        );
        assert_eq!(longest(&[(0, false), (600, true)]), 0, "how long it was down, nobody saw");
    }
}
