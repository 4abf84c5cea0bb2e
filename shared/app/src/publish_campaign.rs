//! Publishes a campaign: compiles what is set up into one immutable snapshot for the call path, then makes its phone
//! numbers ring here.
//!
//! What must stay true:
//!
//! * The publication stands once the snapshot is stored. A number that Twilio would not connect, or a fallback document
//!   that could not be written, is told as a warning and repaired by publishing again.
//! * The document that callers hear when we cannot answer is written for every number of a published campaign that the
//!   tenant's Twilio account really has, before the number is given to our application (see [`crate::numbers`]).
//! * The snapshot holds no pauses of destinations: their live flag alone decides, so that switching on works at once, too.
//! * Publishing changes no status. A draft or paused campaign can be published; it takes no calls.

use std::collections::BTreeMap;
use std::error::Error;

use domain::campaign::{Campaign, CampaignStatus};
use domain::ids::{CampaignId, RtbTargetId, TargetId, TenantId};
use domain::snapshot::Snapshot;
use domain::target::{RtbTarget, Status, Target};
use jiff::Timestamp;

use crate::catalog::{self, Outcome, Refused, Tools, Warning};
use crate::numbers::connect_numbers;
pub use crate::numbers::{ConnectedNumber, Hooks, Line, Lines, RenderFallback};
use crate::ports::{Kind, PortError, PortResult, Record, Saved};

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Counts publications of the campaign, from 1.
    pub version: u64,
    /// When.
    pub published_at: Timestamp,
    /// Its status then: only an active campaign takes calls.
    pub status: CampaignStatus,
    /// What became of its numbers.
    pub numbers: Vec<ConnectedNumber>,
}

/// Publishes a campaign as it is set up now.
///
/// # Errors
/// The catalogue did not answer; nothing was published.
pub async fn publish_campaign(tools: &Tools<'_>, tenant: TenantId, id: CampaignId) -> Outcome<Publication> {
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let campaign: Campaign = catalog::entry_of(&record)?;
    if campaign.status == CampaignStatus::Archived {
        return Ok(Err(Refused::Archived));
    }
    let (status, fallback) = (campaign.status, campaign.fallback_number.clone());
    let version = tools.published.version(tenant, id).await?.unwrap_or(0) + 1;
    let published_at = tools.clock.now();
    let targets = targets_of(tools, tenant, &campaign).await?;
    let bidders = bidders_of(tools, tenant, &campaign).await?;
    let snapshot = match Snapshot::compile(id, version, published_at, campaign, targets, bidders) {
        Ok(snapshot) => snapshot,
        Err(problems) => return Ok(Err(Refused::Invalid(problems))),
    };
    match tools.catalog.publish(tenant, &snapshot).await? {
        Saved::Done => {}
        Saved::Changed | Saved::Taken => return Ok(Err(Refused::Changed { current: None })),
    }
    let numbers = connect_numbers(tools, tenant, id, fallback.as_ref()).await?;
    Ok(Ok(Publication { version, published_at, status, numbers }))
}

async fn targets_of(
    tools: &Tools<'_>,
    tenant: TenantId,
    campaign: &Campaign,
) -> PortResult<BTreeMap<TargetId, Target>> {
    let ids: Vec<String> = campaign.plan.iter().map(|entry| entry.target.to_string()).collect();
    let mut targets = BTreeMap::new();
    for record in catalog::fetch(tools.catalog, tenant, Kind::Target, &ids).await? {
        let mut target: Target = catalog::entry_of(&record)?;
        target.status = Status::Active;
        targets.insert(id_of(&record)?, target);
    }
    Ok(targets)
}

async fn bidders_of(
    tools: &Tools<'_>,
    tenant: TenantId,
    campaign: &Campaign,
) -> PortResult<BTreeMap<RtbTargetId, RtbTarget>> {
    let ids: Vec<String> =
        campaign.auction.bidders.iter().map(|entry| entry.rtb_target.to_string()).collect();
    let mut bidders = BTreeMap::new();
    for record in catalog::fetch(tools.catalog, tenant, Kind::RtbTarget, &ids).await? {
        let mut bidder: RtbTarget = catalog::entry_of(&record)?;
        bidder.status = Status::Active;
        bidders.insert(id_of(&record)?, bidder);
    }
    Ok(bidders)
}

pub(crate) fn id_of<I: std::str::FromStr>(record: &Record) -> PortResult<I>
where
    I::Err: Error + Send + Sync + 'static,
{
    record.id.parse().map_err(|cause: I::Err| PortError::corrupt("read the id of a catalogue entry", cause))
}

impl Publication {
    /// Whether calls are taken.
    pub fn takes_calls(&self) -> bool {
        self.status == CampaignStatus::Active
    }

    /// What a person should know; nothing when all is well.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if !self.takes_calls() {
            warnings.push(Warning {
                code: "takes_no_calls",
                message:
                    "the campaign is published but takes no calls: set its status to active and publish again"
                        .to_owned(),
            });
        }
        if self.numbers.is_empty() {
            warnings.push(Warning {
                code: "no_number",
                message: "no phone number leads to this campaign: assign one to it".to_owned(),
            });
        }
        warnings.extend(self.numbers.iter().flat_map(ConnectedNumber::warnings));
        warnings
    }
}
