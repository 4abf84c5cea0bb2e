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
    /// The call's tags; only those of the visit are shown to bidders.
    pub tags: &'a Tags,
    /// Now.
    pub now: Timestamp,
}

/// Who is asked for a bid.
#[derive(Debug, Clone, Copy)]
pub struct Bidder<'a> {
    /// Its printed id.
    pub id: &'a str,
    /// How it is set up.
    pub target: &'a RtbTarget,
    /// The rules of the auction.
    pub settings: &'a AuctionSettings,
}

/// What this bidder may know about the call.
pub fn facts(about: &About<'_>, bidder: Bidder<'_>) -> Facts {
    let mut facts = facts_of_call(about);
    address(&mut facts, about.call, bidder);
    facts
}

/// What any bidder may know about the call; nothing of the caller's number. See [`address`].
pub fn facts_of_call(about: &About<'_>) -> Facts {
    let About { call, campaign, .. } = *about;
    Facts {
        call: CallFacts {
            id: Some(call.id),
            started_at: Some(call.started_at),
            duplicate: Some(call.repeat.is_duplicate()),
            ..CallFacts::default()
        },
        caller: CallerFacts {
            valid: Some(call.caller().is_some()),
            number: ShownNumber::Hidden,
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

/// Turns facts of a call to this bidder: its own place in them, its limits, and as much of the caller's number as it may see.
/// Whatever they said of another bidder is gone, so that the facts of an auction are put together once.
pub fn address(facts: &mut Facts, call: &Call, bidder: Bidder<'_>) {
    let Bidder { id, target, settings } = bidder;
    let number: Option<E164> = call.caller();
    facts.caller.number = match (number, target.caller_id_exposure) {
        (None, _) | (_, CallerIdExposure::None) => ShownNumber::Hidden,
        (Some(number), CallerIdExposure::Masked) => ShownNumber::Masked(number),
        (Some(number), CallerIdExposure::Full) => ShownNumber::Whole(number),
    };
    facts.target = TargetFacts { id: Some(id.to_owned()), name: Some(target.name.clone()), sub_id: None };
    facts.bid = BidFacts {
        min: Some(target.min_bid.max(settings.min_revenue)),
        max: target.max_bid,
        currency: Some(target.currency),
        ..BidFacts::default()
    };
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
