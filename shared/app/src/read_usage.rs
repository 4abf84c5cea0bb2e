//! How much of their caps things have used, and whether they take calls now.
//!
//! The caps are those that are set up now; counts are read strongly consistent, so what is shown is what the next call meets.

use std::collections::HashMap;

use domain::access::Party;
use domain::campaign::Campaign;
use domain::caps::{CapOwner, Capped, Caps, CounterId, Expected, Price, Usage};
use domain::ids::{BuyerId, CampaignId, Id, PublisherId, RtbTargetId, TargetId, TenantId};
use domain::partner::{Buyer, Publisher};
use domain::routing::Passed;
use domain::target::{RtbTarget, Target};
use futures::future::try_join_all;
use jiff::Timestamp;

use crate::catalog::{Entry, entry_of};
use crate::ports::{Catalog, Counters, PortResult};

/// A thing with its caps and what it has used of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its printed id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its caps.
    pub caps: Caps,
    /// Their clock.
    pub time_zone: String,
    /// What its row says.
    pub usage: Usage,
    /// Why it takes no call now; `None` when it does.
    pub passed: Option<Passed>,
}

/// A thing as it is set up.
struct Thing {
    id: String,
    counter: CounterId,
    name: String,
    caps: Caps,
    time_zone: String,
    /// Who pays for its calls.
    buyer: Option<BuyerId>,
    /// Whether a party may see it.
    owner: Option<Party>,
}

/// What the named things have used, in the given order; `only` is the party whose things alone are seen. What does not
/// exist, or is not to be seen, is left out.
///
/// # Errors
/// A port did not answer.
pub async fn read_usage(
    (catalog, counters): (&dyn Catalog, &dyn Counters),
    tenant: TenantId,
    ids: &[String],
    only: Option<Party>,
    now: Timestamp,
) -> PortResult<Vec<Used>> {
    let things = try_join_all(ids.iter().map(|id| thing(catalog, tenant, id))).await?;
    let things: Vec<Thing> =
        things.into_iter().flatten().filter(|thing| only.is_none() || thing.owner == only).collect();
    let mut buyers: Vec<BuyerId> = things.iter().filter_map(|thing| thing.buyer).collect();
    buyers.sort_unstable();
    buyers.dedup();
    let rows: Vec<CounterId> =
        things.iter().map(|thing| thing.counter).chain(buyers.iter().map(|id| (*id).into())).collect();
    let of_buyers = buyers.iter().map(|id| async {
        let found = entry::<Buyer>(catalog, tenant, *id).await?;
        Ok(found.map(|buyer| (*id, buyer)))
    });
    let (usage, buyers) = futures::try_join!(counters.usage(tenant, &rows), try_join_all(of_buyers))?;
    let buyers: HashMap<BuyerId, Buyer> = buyers.into_iter().flatten().collect();
    Ok(things.into_iter().map(|thing| used(thing, &buyers, &usage, now)).collect())
}

fn used(
    thing: Thing,
    buyers: &HashMap<BuyerId, Buyer>,
    usage: &HashMap<CounterId, Usage>,
    now: Timestamp,
) -> Used {
    let row = |of: &CounterId| usage.get(of).cloned().unwrap_or_default();
    let closed = |owner, counter: CounterId, caps: &Caps, time_zone: &str, paused| {
        let usage = row(&counter);
        if usage.paused {
            return Some(paused);
        }
        let expected = Expected { price: Price::Unknown, currency: caps.revenue.currency };
        let room = Capped { owner, counter, caps, time_zone }.room(Some(&usage), now, expected);
        room.err().map(Passed::Cap)
    };
    let Thing { id, counter, name, caps, time_zone, buyer, .. } = thing;
    let own = closed(CapOwner::Destination, counter, &caps, &time_zone, Passed::Paused);
    let buyers = || {
        let (id, buyer) = buyer.and_then(|id| Some((id, buyers.get(&id)?)))?;
        closed(CapOwner::Buyer, id.into(), &buyer.caps, &buyer.time_zone, Passed::BuyerPaused)
    };
    Used { passed: own.or_else(buyers), usage: row(&counter), id, name, caps, time_zone }
}

/// The thing, by the kind that its id names.
async fn thing(catalog: &dyn Catalog, tenant: TenantId, id: &str) -> PortResult<Option<Thing>> {
    let found = |counter, name, caps, time_zone| Thing {
        id: id.to_owned(),
        counter,
        name,
        caps,
        time_zone,
        buyer: None,
        owner: None,
    };
    Ok(if let Ok(of) = id.parse::<CampaignId>() {
        let campaign = entry::<Campaign>(catalog, tenant, of).await?;
        campaign.map(|it| found(of.into(), it.name, it.caps, it.time_zone))
    } else if let Ok(of) = id.parse::<PublisherId>() {
        let publisher = entry::<Publisher>(catalog, tenant, of).await?;
        let owner = Some(Party::Publisher(of));
        publisher.map(|it| Thing { owner, ..found(of.into(), it.name, it.caps, it.time_zone) })
    } else if let Ok(of) = id.parse::<BuyerId>() {
        let buyer = entry::<Buyer>(catalog, tenant, of).await?;
        let owner = Some(Party::Buyer(of));
        buyer.map(|it| Thing { owner, ..found(of.into(), it.name, it.caps, it.time_zone) })
    } else if let Ok(of) = id.parse::<TargetId>() {
        let target = entry::<Target>(catalog, tenant, of).await?;
        target.map(|it| Thing {
            buyer: it.buyer,
            owner: it.buyer.map(Party::Buyer),
            ..found(of.into(), it.name, it.caps, it.time_zone)
        })
    } else if let Ok(of) = id.parse::<RtbTargetId>() {
        let bidder = entry::<RtbTarget>(catalog, tenant, of).await?;
        bidder.map(|it| Thing {
            buyer: it.buyer,
            owner: it.buyer.map(Party::Buyer),
            ..found(of.into(), it.name, it.caps, it.time_zone)
        })
    } else {
        None
    })
}

async fn entry<E: Entry>(catalog: &dyn Catalog, tenant: TenantId, id: Id<E::Noun>) -> PortResult<Option<E>> {
    let record = catalog.get(tenant, E::KIND, &id.to_string()).await?;
    record.as_ref().map(entry_of::<E>).transpose()
}
