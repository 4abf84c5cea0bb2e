//! What a bidder is asked, with no more of the caller than it may see.

use jiff::Timestamp;

use super::Bid;
use crate::call::Call;
use crate::campaign::{AuctionSettings, Campaign};
use crate::filter::Tags;
use crate::geo::Place;
use crate::phone::E164;
use crate::rtb_target::{BidRequest, CallerIdExposure, Confirmation, RtbTarget};
use crate::screening::Attestation;
use crate::tokens::{
    BidFacts, CallFacts, CallerFacts, CampaignFacts, DialledFacts, Facts, GeoFacts, PublisherFacts,
    ShownNumber, TargetFacts, VisitorFacts,
};

/// What a bid is asked for.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The call.
    pub call: &'a Call,
    /// Where its caller is.
    pub place: &'a Place,
    /// Its campaign.
    pub campaign: &'a Campaign,
    /// The rules of the auction.
    pub settings: &'a AuctionSettings,
    /// The bidder's printed id.
    pub bidder_id: &'a str,
    /// Who is asked.
    pub bidder: &'a RtbTarget,
    /// The call's tags; only those of the visit are shown to bidders.
    pub tags: &'a Tags,
    /// Now.
    pub now: Timestamp,
}

/// What the bidder may know about the call.
pub fn facts(about: &About<'_>) -> Facts {
    let About { call, campaign, settings, bidder, .. } = *about;
    let number: Option<E164> = call.caller();
    Facts {
        call: CallFacts {
            id: Some(call.id),
            started_at: Some(call.started_at),
            duplicate: Some(call.repeat.is_duplicate()),
            ..CallFacts::default()
        },
        caller: CallerFacts {
            valid: Some(number.is_some()),
            number: match (number, bidder.caller_id_exposure) {
                (None, _) | (_, CallerIdExposure::None) => ShownNumber::Hidden,
                (Some(number), CallerIdExposure::Masked) => ShownNumber::Masked(number),
                (Some(number), CallerIdExposure::Full) => ShownNumber::Whole(number),
            },
            place: about.place.clone(),
            attestation: Some(Attestation::of_verstat(call.verstat.as_deref())),
        },
        dialled: DialledFacts { number: call.to.number().cloned(), name: None },
        campaign: CampaignFacts {
            id: Some(call.campaign),
            name: Some(campaign.name.clone()),
            tracking_id: None,
        },
        publisher: PublisherFacts {
            id: call.publisher,
            sub_id: about.tags.get("Publisher:SubId").map(str::to_owned),
            ..PublisherFacts::default()
        },
        target: TargetFacts {
            id: Some(about.bidder_id.to_owned()),
            name: Some(bidder.name.clone()),
            sub_id: None,
        },
        bid: BidFacts {
            min: Some(bidder.min_bid.max(settings.min_revenue)),
            max: bidder.max_bid,
            currency: Some(bidder.currency),
            ..BidFacts::default()
        },
        geo: geo(about.tags),
        visitor: visitor(about.tags),
        now: Some(about.now),
        time_zone: Some(campaign.time_zone.clone()),
        tags: about.tags.clone(),
        ..Facts::default()
    }
}

/// Where the visitor was whose call it is.
fn geo(tags: &Tags) -> GeoFacts {
    let tag = |name: &str| tags.get(name).map(str::to_owned);
    GeoFacts {
        city: tag("Visitor:City"),
        sub_division_code: tag("Visitor:Region"),
        zip: tag("Visitor:PostalCode"),
        country_code: tag("Visitor:Country"),
        time_zone: tag("Visitor:TimeZone"),
        ..GeoFacts::default()
    }
}

/// With what they looked at the page.
fn visitor(tags: &Tags) -> VisitorFacts {
    let tag = |name: &str| tags.get(name).map(str::to_owned);
    VisitorFacts {
        ip: tag("Technology:IPAddress"),
        user_agent: tag("Technology:UserAgentString"),
        is_mobile: tag("Technology:IsMobile").map(|is| is == "yes"),
        os: tag("Technology:OS"),
        browser: tag("Technology:Browser"),
        session: tag("Visit:Id"),
        referrer: tag("Visit:Referrer"),
        ..VisitorFacts::default()
    }
}

/// The request for one bidder, not yet authenticated.
pub fn request(bidder: &RtbTarget, facts: &Facts) -> BidRequest {
    bidder.form().fill(facts)
}

/// The request that confirms a winning bid, not yet authenticated.
pub fn confirmation_request(confirmation: &Confirmation, facts: &Facts, bid: &Bid) -> BidRequest {
    let facts = Facts {
        bid: BidFacts { id: bid.bid_id.clone(), amount: Some(bid.amount), ..facts.bid.clone() },
        ..facts.clone()
    };
    confirmation.form().fill(&facts)
}
