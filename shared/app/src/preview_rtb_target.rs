//! What a bidder would be sent for a call that somebody thinks up, and what an answer of it would mean.
//!
//! Nothing is sent, counted or written. Secrets are not opened: their headers are named, their values hidden.

use domain::auction::{self, About, Answer, Bid, BidRequest, Bidder, BidderResult, Explanation};
use domain::campaign::{AuctionSettings, BidderEntry, Campaign};
use domain::filter::Tags;
use domain::ids::{CampaignId, RtbTargetId, TenantId};
use domain::routing;
use domain::rtb_target::{Asked, Confirmation, NotTaken, Prospect, RtbTarget};

use crate::authenticate;
use crate::catalog::{self, Outcome, Refused, Tools};
use crate::ports::PortResult;
use crate::preview_route::{Hypothetical, call_of};

/// An answer that somebody pastes.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: String,
}

/// What would be asked, and what an answer means.
#[derive(Debug)]
pub struct Preview {
    /// Why its own rules keep it from being asked for this call; the request is made up all the same.
    pub not_taken: Option<NotTaken>,
    /// The request, its secrets hidden.
    pub request: BidRequest,
    /// Tokens for which this call has no value.
    pub unresolved: Vec<String>,
    /// What the sample means.
    pub answer: Option<Meaning>,
}

/// What an answer means.
#[derive(Debug)]
pub struct Meaning {
    /// The verdict.
    pub result: BidderResult,
    /// The bid, when it is one.
    pub bid: Option<Bid>,
    /// How it was read; `None` when it cannot be.
    pub explanation: Option<Explanation>,
    /// The request that would confirm the bid.
    pub confirmation: Option<BidRequest>,
}

/// Makes up the request for a call of this campaign (or of none in particular), and reads the sample.
///
/// # Errors
/// The catalogue did not answer.
pub async fn preview_rtb_target(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: RtbTargetId,
    campaign: Option<CampaignId>,
    wanted: &Hypothetical,
    sample: Option<&Sample>,
) -> Outcome<Preview> {
    let Some(record) = catalog::get::<RtbTarget>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let bidder: RtbTarget = catalog::entry_of(&record)?;
    let Some((campaign_id, campaign)) = campaign_of(tools, tenant, campaign).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let call = call_of(tenant, (campaign_id, 1), &campaign, wanted)?;
    let mut tags = Tags::new();
    for (name, value) in &wanted.tags {
        if let Some((category, name)) = name.as_str().split_once(':') {
            tags.set(category, name, value);
        }
    }
    let caller = routing::place_of(&call);
    let prospect = Prospect {
        place: &caller,
        position: caller.position(),
        sub_id: tags.get("Publisher:SubId"),
        history: None,
        asked: Asked::default(),
        now: wanted.at,
    };
    let settings = AuctionSettings { bidders: Vec::new(), ..campaign.auction.clone() };
    let about = About { call: &call, place: &caller, campaign: &campaign, tags: &tags, now: wanted.at };
    let facts = auction::facts(&about, Bidder { id: &record.id, target: &bidder, settings: &settings });
    let hidden = |mut request: BidRequest| {
        authenticate::hidden(&bidder.authentication, &mut request);
        request
    };
    let answer = sample.map(|sample| {
        let entry = BidderEntry { rtb_target: id, priority: 1, weight: 100 };
        let answer = Answer {
            status: sample.status,
            headers: &sample.headers,
            body: sample.body.as_bytes(),
            latency_ms: 0,
            received_at: wanted.at,
        };
        let (result, bid) = auction::read_answer(&bidder, &entry, &settings, &caller, answer);
        let step = bidder.confirmation.as_ref().filter(|step| step.enabled);
        let confirm =
            |(step, bid): (&Confirmation, &Bid)| hidden(auction::confirmation_request(step, &facts, bid));
        Meaning {
            confirmation: step.zip(bid.as_ref()).map(confirm),
            result,
            bid,
            explanation: auction::explain(&bidder, answer),
        }
    });
    Ok(Ok(Preview {
        not_taken: bidder.takes(&prospect).err(),
        request: hidden(auction::request(&bidder, &facts)),
        unresolved: bidder.unresolved(&facts),
        answer,
    }))
}

/// The campaign; without one, one that says nothing.
async fn campaign_of(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Option<CampaignId>,
) -> PortResult<Option<(CampaignId, Campaign)>> {
    let Some(id) = id else {
        let nobodys = serde_json::from_value(serde_json::json!({"name": ""}));
        let campaign =
            nobodys.map_err(|cause| crate::ports::PortError::corrupt("think up a campaign", cause))?;
        return Ok(Some((CampaignId::from_uuid(uuid::Uuid::nil()), campaign)));
    };
    let record = catalog::get::<Campaign>(tools, tenant, id).await?;
    record.map(|record| Ok((id, catalog::entry_of(&record)?))).transpose()
}
