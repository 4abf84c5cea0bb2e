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

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use domain::agent::{Agent, Availability};
use domain::campaign::{Campaign, CampaignStatus};
use domain::group::{RingTree, TargetGroup};
use domain::ids::{CampaignId, Id, TenantId};
use domain::number::Number;
use domain::partner::Buyer;
use domain::plan::Planned;
use domain::snapshot::{Parts, Snapshot};
use domain::target::{RtbTarget, Status, Target};
use domain::validate::Problem;
use jiff::Timestamp;
use serde_json::json;

use crate::campaigns::republish;
use crate::catalog::{self, Entry, Noted, Outcome, Refused, Tools, Warning};
use crate::numbers::connect_numbers;
pub use crate::numbers::{ConnectedNumber, Hooks, Line, Lines, RenderFallback};
use crate::ports::{PortError, PortResult, Record, Saved};

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
    let snapshot = match compile(tools, tenant, (id, version), campaign).await? {
        Ok(snapshot) => snapshot,
        Err(problems) => return Ok(Err(Refused::Invalid(problems))),
    };
    match store(tools, tenant, &snapshot, "published").await? {
        Saved::Done => {}
        Saved::Changed | Saved::Taken | Saved::LimitReached => {
            return Ok(Err(Refused::Changed { current: None }));
        }
    }
    // A shared thing that was changed while this was going on did not see this version yet.
    let current = republish::bring_up_to_date(tools, tenant, id, Some(snapshot)).await?;
    let numbers = connect_numbers(tools, tenant, id, fallback.as_ref()).await?;
    Ok(Ok(Publication { version: current.version, published_at: current.published_at, status, numbers }))
}

/// A campaign with what it names as that is set up now, as one version; or why it could not place a call.
///
/// # Errors
/// The catalogue did not answer.
pub(crate) async fn compile(
    tools: &Tools<'_>,
    tenant: TenantId,
    (id, version): (CampaignId, u64),
    campaign: Campaign,
) -> PortResult<Result<Snapshot, Vec<Problem>>> {
    let parts = parts_of(tools, tenant, &campaign).await?;
    Ok(Snapshot::compile(id, version, tools.clock.now(), campaign, parts))
}

/// Stores a version with its audit entry.
pub(crate) async fn store(
    tools: &Tools<'_>,
    tenant: TenantId,
    snapshot: &Snapshot,
    deed: &'static str,
) -> PortResult<Saved> {
    let version = |version: u64| json!({ "version": version });
    let (before, after) = (version(snapshot.version - 1), version(snapshot.version));
    let id = snapshot.campaign_id.to_string();
    let what = Noted {
        deed,
        before: (snapshot.version > 1).then_some(&before),
        after: Some(&after),
        ..Noted::of::<Campaign>(&id, &snapshot.campaign.name)
    };
    let note = catalog::noted(tools, tenant, what).await?;
    tools.catalog.publish(tenant, snapshot, &note).await
}

/// What a campaign names, as it is set up now; what does not exist is left out. Destinations stand in it as active: their
/// live flags alone say what is paused.
///
/// # Errors
/// The catalogue did not answer.
pub async fn parts_of(tools: &Tools<'_>, tenant: TenantId, campaign: &Campaign) -> PortResult<Parts> {
    let (mut planned, mut groups, mut trees) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for entry in &campaign.plan {
        match entry.to {
            Planned::Target(id) => planned.insert(id),
            Planned::Group(id) => groups.insert(id),
            Planned::Tree(id) => trees.insert(id),
        };
    }
    trees.extend(campaign.ring_tree);
    let (target_groups, ring_trees) = futures::try_join!(
        things::<TargetGroup>(tools, tenant, groups),
        things::<RingTree>(tools, tenant, trees),
    )?;
    let members = target_groups.values().flat_map(|group| &group.members).map(|member| member.target);
    let own_bidders = campaign.auction.bidders.iter();
    let bidders = own_bidders.chain(ring_trees.values().flat_map(|tree| &tree.bidders));
    let (mut targets, mut rtb_targets) = futures::try_join!(
        things::<Target>(tools, tenant, planned.into_iter().chain(members).collect()),
        things::<RtbTarget>(tools, tenant, bidders.map(|entry| entry.rtb_target).collect()),
    )?;
    targets.values_mut().for_each(|target| target.status = Status::Active);
    rtb_targets.values_mut().for_each(|bidder| bidder.status = Status::Active);
    let of_targets = targets.values().filter_map(|target| target.buyer);
    let buyers = of_targets.chain(rtb_targets.values().filter_map(|bidder| bidder.buyer)).collect();
    let agents = targets.values().filter_map(|target| target.agents.as_ref());
    let agents = agents.flat_map(|team| &team.members).copied().collect();
    let given_out = campaign.rtb.iter().flat_map(|rtb| rtb.numbers.iter().chain(&rtb.exclusive_numbers));
    let (buyers, mut agents, numbers) = futures::try_join!(
        things::<Buyer>(tools, tenant, buyers),
        things::<Agent>(tools, tenant, agents),
        things::<Number>(tools, tenant, given_out.copied().collect()),
    )?;
    agents.values_mut().for_each(|agent| agent.status = Availability::Available);
    Ok(Parts { targets, rtb_targets, target_groups, ring_trees, agents, buyers, numbers })
}

async fn things<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    ids: BTreeSet<Id<E::Noun>>,
) -> PortResult<BTreeMap<Id<E::Noun>, E>> {
    let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
    let mut found = BTreeMap::new();
    for record in catalog::fetch(tools.catalog, tenant, E::KIND, &ids).await? {
        found.insert(id_of(&record)?, catalog::entry_of(&record)?);
    }
    Ok(found)
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
                message: "the campaign is published but takes no calls: activate it".to_owned(),
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
