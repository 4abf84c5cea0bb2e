//! What templates can say. Whoever fills a template fills in what it knows; what it does not know stays empty, and is never
//! made up.

use jiff::Timestamp;

use crate::filter::Tags;
use crate::geo::Place;
use crate::ids::{BuyerId, CallId, CampaignId, PublisherId};
use crate::money::{Currency, Money};
use crate::phone::E164;
use crate::screening::Attestation;

/// Everything that is known when a template is filled.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The call.
    pub call: CallFacts,
    /// Who calls.
    pub caller: CallerFacts,
    /// The number that was dialled.
    pub dialled: DialledFacts,
    /// The campaign.
    pub campaign: CampaignFacts,
    /// Who sent the call.
    pub publisher: PublisherFacts,
    /// Where it went.
    pub target: TargetFacts,
    /// Who pays for it.
    pub buyer: BuyerFacts,
    /// Where the visitor was.
    pub geo: GeoFacts,
    /// With what they looked at the page.
    pub visitor: VisitorFacts,
    /// The bid that is asked for, or was given.
    pub bid: BidFacts,
    /// The step of a call flow that the caller is at.
    pub step: StepFacts,
    /// Now.
    pub now: Option<Timestamp>,
    /// The clock by which dates and times are written: an IANA name. Without one it is UTC.
    pub time_zone: Option<String>,
    /// Whatever else is known of a visit or a person, by tag: `User:zip`, `Address:City`, `Integration:googleClickId`. Of
    /// these, templates see only the categories that the catalogue names.
    pub tags: Tags,
}

/// What is known of a call.
#[derive(Debug, Clone, Default)]
pub struct CallFacts {
    /// Its id.
    pub id: Option<CallId>,
    /// When it came in.
    pub started_at: Option<Timestamp>,
    /// When it was connected.
    pub connected_at: Option<Timestamp>,
    /// Whether the caller called before.
    pub duplicate: Option<bool>,
    /// Seconds from the beginning to the end.
    pub total_s: Option<u32>,
    /// Seconds from the connection to the end.
    pub from_connect_s: Option<u32>,
    /// Seconds from dialling to the end.
    pub from_dial_s: Option<u32>,
    /// Whether it was converted before it ended.
    pub converted: Option<bool>,
    /// What it is worth.
    pub revenue: Option<Money>,
    /// What the publisher earns.
    pub payout: Option<Money>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Where its recording is.
    pub recording_url: Option<String>,
}

/// What a reader may know of a caller.
#[derive(Debug, Clone, Default)]
pub struct CallerFacts {
    /// The number as far as the reader may see it.
    pub number: ShownNumber,
    /// Where they are.
    pub place: Place,
    /// Whether their number is one.
    pub valid: Option<bool>,
    /// How the carrier vouches for it.
    pub attestation: Option<Attestation>,
}

/// A caller's number as far as a reader may see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ShownNumber {
    /// Nothing of it, or there is none.
    #[default]
    Hidden,
    /// `555***1234`.
    Masked(E164),
    /// All of it.
    Whole(E164),
}

impl ShownNumber {
    /// As it is written: with `+` when it is whole.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Hidden => None,
            Self::Masked(number) => Some(number.masked()),
            Self::Whole(number) => Some(number.as_str().to_owned()),
        }
    }

    /// The area code, which the masked form shows, too.
    pub(super) fn area_code(&self) -> Option<String> {
        self.part(0..3, true)
    }

    /// The three digits after it, which only the whole number shows.
    pub(super) fn prefix(&self) -> Option<String> {
        self.part(3..6, false)
    }

    /// The last four digits, which the masked form shows, too.
    pub(super) fn suffix(&self) -> Option<String> {
        self.part(6..10, true)
    }

    /// A part of a North American number.
    fn part(&self, digits: std::ops::Range<usize>, also_masked: bool) -> Option<String> {
        let number = match self {
            Self::Whole(number) => number,
            Self::Masked(number) if also_masked => number,
            Self::Masked(_) | Self::Hidden => return None,
        };
        number.nanp()?.get(digits).map(str::to_owned)
    }
}

/// What is known of the dialled number.
#[derive(Debug, Clone, Default)]
pub struct DialledFacts {
    /// The number.
    pub number: Option<E164>,
    /// What the tenant calls it.
    pub name: Option<String>,
}

/// What is known of a campaign.
#[derive(Debug, Clone, Default)]
pub struct CampaignFacts {
    /// Its id.
    pub id: Option<CampaignId>,
    /// Its name.
    pub name: Option<String>,
    /// What another system calls it.
    pub tracking_id: Option<String>,
}

/// What is known of a publisher.
#[derive(Debug, Clone, Default)]
pub struct PublisherFacts {
    /// Its id.
    pub id: Option<PublisherId>,
    /// Its name.
    pub name: Option<String>,
    /// Its own word for where the call came from.
    pub sub_id: Option<String>,
    /// Its company.
    pub company_id: Option<String>,
}

/// What is known of a destination.
#[derive(Debug, Clone, Default)]
pub struct TargetFacts {
    /// The printed id of the target or the bidder.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What its buyer calls it.
    pub sub_id: Option<String>,
}

/// What is known of a buyer.
#[derive(Debug, Clone, Default)]
pub struct BuyerFacts {
    /// Its id.
    pub id: Option<BuyerId>,
    /// Its name.
    pub name: Option<String>,
    /// What it is called elsewhere.
    pub sub_id: Option<String>,
}

/// What is known of a visitor's place. A caller's own place is in [`CallerFacts`]; of both, the caller's counts first.
#[derive(Debug, Clone, Default)]
pub struct GeoFacts {
    /// City.
    pub city: Option<String>,
    /// State or province in full.
    pub sub_division: Option<String>,
    /// State or province, its letters.
    pub sub_division_code: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Country in full.
    pub country: Option<String>,
    /// Country, two letters.
    pub country_code: Option<String>,
    /// Degrees north, as written.
    pub latitude: Option<String>,
    /// Degrees east, as written.
    pub longitude: Option<String>,
    /// The visitor's clock, an IANA name.
    pub time_zone: Option<String>,
}

/// What is known of a visitor's device.
#[derive(Debug, Clone, Default)]
pub struct VisitorFacts {
    /// Internet address.
    pub ip: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// Whether it is a telephone.
    pub is_mobile: Option<bool>,
    /// Operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Browser.
    pub browser: Option<String>,
    /// Its version.
    pub browser_version: Option<String>,
    /// The visit.
    pub session: Option<String>,
    /// The page they came from.
    pub referrer: Option<String>,
}

/// What is known of a bid.
#[derive(Debug, Clone, Default)]
pub struct BidFacts {
    /// What the bidder calls its bid; in a request for one, our word for the request.
    pub id: Option<String>,
    /// How much was bid.
    pub amount: Option<Money>,
    /// The least that is taken.
    pub min: Option<Money>,
    /// The most that is taken.
    pub max: Option<Money>,
    /// Its currency.
    pub currency: Option<Currency>,
}

/// What is known of a step of a call flow.
#[derive(Debug, Clone, Default)]
pub struct StepFacts {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}
