//! What destinations earned: for each campaign and month an item per destination, and the same for each of its publishers.
//!
//! What must stay true: what a call adds is written in the transaction that closes or moves its books, so it is added once.
//! The writes have no condition and change nothing but sums: of two calls that settle at the same moment one tries again.
//! To make that rare, the sums of one destination lie on [`keys::EARNED_SHARDS`] items, and a call writes to one of them:
//! a destination can settle some hundreds of calls a second. A campaign's month is one partition; its limit is about 500
//! destinations dialled a second. Months that count no more are left to the table's broom.

use std::collections::HashMap;

use app::ports::{PortError, PortResult};
use domain::call::Call;
use domain::ids::{CampaignId, PublisherId, RtbTargetId, TargetId, TenantId};
use domain::money::Money;
use domain::predictive::{Counts, Earned, Lesson, months};
use domain::routing::Via;
use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Store;
use crate::item::{Item, number, number_of, text, text_of};
use crate::keys;
use crate::read::Range;
use crate::write::{Deed, STAMP, Write, stamped};

const KIND: &str = "earned";
const READ: &str = "read what destinations earned";
/// An item may go so many days after its month began; by then nobody has looked at it for a month.
const KEPT_DAYS: i64 = 100;

/// What a call adds: to the destination on the campaign, and to the same for the publisher who sent it.
pub(crate) fn learns(call: &Call, lesson: &Lesson) -> Vec<Write> {
    let of_publisher = call.publisher.map(Some);
    std::iter::once(None).chain(of_publisher).map(|publisher| adds(call, publisher, lesson)).collect()
}

fn adds(call: &Call, publisher: Option<PublisherId>, lesson: &Lesson) -> Write {
    let via = printed(lesson.via);
    let key = keys::earned(call.tenant, (call.campaign, publisher), lesson.month, &via, call.id);
    let sums = [
        ("dialled", number(lesson.counts.dialled)),
        ("connected", number(lesson.counts.connected)),
        ("converted", number(lesson.counts.converted)),
        ("revenue", number(lesson.counts.revenue.micros())),
    ];
    let clauses: Vec<String> = sums.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
    let update = format!("SET {STAMP}, #via = :via, #ttl = :ttl ADD {}", clauses.join(", "));
    let mut write = stamped(Write::new(Deed::Change(key, update)), KIND, call.tenant)
        .name("#via", "via")
        .name("#ttl", "ttl")
        .value(":via", text(via))
        .value(":ttl", number(goes_at(lesson.month)));
    for (name, value) in sums {
        write = write.name(format!("#{name}"), name).value(format!(":{name}"), value);
    }
    write
}

/// Seconds since the epoch.
fn goes_at(month: Date) -> i64 {
    let begins = month.to_zoned(TimeZone::UTC).map_or(0, |begins| begins.timestamp().as_second());
    begins.saturating_add(KEPT_DAYS * 24 * 60 * 60)
}

fn printed(via: Via) -> String {
    match via {
        Via::Target(id) => id.to_string(),
        Via::RtbTarget(id) => id.to_string(),
    }
}

fn via_of(item: &Item) -> PortResult<Via> {
    let id = text_of(item, "via").map_err(|cause| PortError::corrupt(READ, cause))?;
    let target = id.parse::<TargetId>().map(Via::Target);
    let via = target.or_else(|_| id.parse::<RtbTargetId>().map(Via::RtbTarget));
    via.map_err(|cause| PortError::corrupt(READ, cause))
}

fn counts_of(item: &Item) -> Counts {
    let count = |name| number_of::<u64>(item, name).unwrap_or(0);
    Counts {
        dialled: count("dialled"),
        connected: count("connected"),
        converted: count("converted"),
        revenue: Money::from_micros(number_of(item, "revenue").unwrap_or(0)),
    }
}

impl Store {
    /// All of it at the same time.
    pub(crate) async fn read_earned(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        publisher: Option<PublisherId>,
        at: Timestamp,
    ) -> PortResult<HashMap<Via, Earned>> {
        let whose = std::iter::once(None).chain(publisher.map(Some));
        let wanted = whose.flat_map(|whose| months(at).map(|month| (whose, month)));
        let reads = wanted.map(|(whose, month)| async move {
            let partition = keys::earned_in_month(tenant, (campaign, whose), month);
            Ok::<_, PortError>((whose, self.query(READ, Range::of(partition)).await?))
        });
        let mut earned: HashMap<Via, Earned> = HashMap::new();
        for (whose, items) in try_join_all(reads).await? {
            for item in &items {
                let known = earned.entry(via_of(item)?).or_default();
                let sums = if whose.is_some() { &mut known.of_publisher } else { &mut known.of_campaign };
                sums.add(counts_of(item));
            }
        }
        Ok(earned)
    }
}
