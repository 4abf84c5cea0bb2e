//! The names of counter rows.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{AgentId, BuyerId, CampaignId, PublisherId, RtbTargetId, TargetId};

/// Names the counter row of a limited thing, or of one that can be paused. Printed it is the thing's id; a publisher's row
/// on one campaign is `CA…#AF…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterId {
    /// A campaign.
    Campaign(CampaignId),
    /// A publisher, over all campaigns.
    Publisher(PublisherId),
    /// What was agreed with one publisher on one campaign.
    Terms(CampaignId, PublisherId),
    /// What one publisher was paid on one campaign: payouts count as calls do elsewhere, and their amounts as revenue does.
    Paid(CampaignId, PublisherId),
    /// A buyer, over all of its destinations.
    Buyer(BuyerId),
    /// A target.
    Target(TargetId),
    /// A bidder.
    RtbTarget(RtbTargetId),
    /// An agent.
    Agent(AgentId),
}

/// The text names no counter row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a counter row")]
pub struct CounterIdError;

const PAID: &str = "paid";

impl fmt::Display for CounterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Campaign(id) => id.fmt(formatter),
            Self::Publisher(id) => id.fmt(formatter),
            Self::Terms(campaign, publisher) => write!(formatter, "{campaign}#{publisher}"),
            Self::Paid(campaign, publisher) => write!(formatter, "{campaign}#{publisher}#{PAID}"),
            Self::Buyer(id) => id.fmt(formatter),
            Self::Target(id) => id.fmt(formatter),
            Self::RtbTarget(id) => id.fmt(formatter),
            Self::Agent(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for CounterId {
    type Err = CounterIdError;

    fn from_str(text: &str) -> Result<Self, CounterIdError> {
        let mut parts = text.split('#');
        let (Some(first), second, third, None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CounterIdError);
        };
        let of_publisher = |second: &str| Some((first.parse().ok()?, second.parse().ok()?));
        let read = match (second, third) {
            (None, _) => alone(first),
            (Some(second), None) => of_publisher(second).map(|(of, with)| Self::Terms(of, with)),
            (Some(second), Some(PAID)) => of_publisher(second).map(|(of, with)| Self::Paid(of, with)),
            (Some(_), Some(_)) => None,
        };
        read.ok_or(CounterIdError)
    }
}

fn alone(id: &str) -> Option<CounterId> {
    let target = || id.parse().map(CounterId::Target);
    let read = target()
        .or_else(|_| id.parse().map(CounterId::RtbTarget))
        .or_else(|_| id.parse().map(CounterId::Buyer))
        .or_else(|_| id.parse().map(CounterId::Agent))
        .or_else(|_| id.parse().map(CounterId::Campaign))
        .or_else(|_| id.parse().map(CounterId::Publisher));
    read.ok()
}

impl Serialize for CounterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CounterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl From<CampaignId> for CounterId {
    fn from(id: CampaignId) -> Self {
        Self::Campaign(id)
    }
}
impl From<PublisherId> for CounterId {
    fn from(id: PublisherId) -> Self {
        Self::Publisher(id)
    }
}
impl From<BuyerId> for CounterId {
    fn from(id: BuyerId) -> Self {
        Self::Buyer(id)
    }
}
impl From<TargetId> for CounterId {
    fn from(id: TargetId) -> Self {
        Self::Target(id)
    }
}
impl From<RtbTargetId> for CounterId {
    fn from(id: RtbTargetId) -> Self {
        Self::RtbTarget(id)
    }
}
impl From<AgentId> for CounterId {
    fn from(id: AgentId) -> Self {
        Self::Agent(id)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{Id, Noun};

    fn id<N: Noun>(number: u128) -> Id<N> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn every_row_is_read_back_as_it_was_printed() {
        let (campaign, publisher) = (id(1), id(2));
        for row in [
            CounterId::Campaign(campaign),
            CounterId::Publisher(publisher),
            CounterId::Terms(campaign, publisher),
            CounterId::Paid(campaign, publisher),
            CounterId::Buyer(id(3)),
            CounterId::Target(id(4)),
            CounterId::RtbTarget(id(5)),
            CounterId::Agent(id(6)),
        ] {
            assert_eq!(row.to_string().parse(), Ok(row));
        }
        assert_eq!(CounterId::Paid(campaign, publisher).to_string(), format!("{campaign}#{publisher}#paid"));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let (campaign, publisher) = (id::<crate::ids::CampaignNoun>(1), id::<crate::ids::PublisherNoun>(2));
        for text in [
            String::new(),
            "#".to_owned(),
            "TA1".to_owned(),
            format!("{campaign}#"),
            format!("{publisher}#{campaign}"),
            format!("{campaign}#{publisher}#owed"),
            format!("{campaign}#{publisher}#paid#"),
        ] {
            assert_eq!(text.parse::<CounterId>(), Err(CounterIdError), "{text}");
        }
    }
}
