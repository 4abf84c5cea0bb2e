//! Publishes a campaign: compiles what is set up into one immutable snapshot for the call path, then makes its phone
//! numbers ring here.
//!
//! What must stay true:
//!
//! * The publication stands once the snapshot is stored. A number that Twilio would not connect, or a fallback document
//!   that could not be written, is told as a warning and repaired by publishing again.
//! * The document that callers hear when we cannot answer is written for every number of a published campaign that the
//!   tenant's Twilio account really has, before Twilio is told its address.
//! * The snapshot holds no pauses of destinations: their live flag alone decides, so that switching on works at once, too.
//! * Publishing changes no status. A draft or paused campaign can be published; it takes no calls.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use domain::campaign::{Campaign, CampaignStatus, Planned};
use domain::group::{RingTree, TargetGroup};
use domain::ids::{CampaignId, Id, NumberId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use domain::snapshot::{Parts, Snapshot};
use domain::target::{RtbTarget, Status, Target};
use domain::validate::Problem;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use crate::campaigns::republish;
use crate::catalog::{self, Entry, Noted, Outcome, Refused, Tools, Warning};
use crate::ports::{FallbackPages, NumberRouting, PortError, PortResult, Record, Saved, Telephony};

/// Numbers connected at the same time, at most.
const PARALLEL: usize = 8;

/// Writes a fallback document that dials this number, or apologises.
pub type RenderFallback = dyn Fn(Option<&E164>) -> String + Send + Sync;

/// What makes a number ring here.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    /// Twilio.
    pub telephony: &'a dyn Telephony,
    /// The documents on the CDN.
    pub pages: &'a dyn FallbackPages,
    /// Where Twilio reaches us.
    pub hooks: &'a Hooks,
    /// Writes a document.
    pub render_fallback: &'a RenderFallback,
}

/// The addresses a number is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// POST: what to do with a call.
    pub voice_url: String,
    /// POST: a call has ended.
    pub status_url: String,
    /// The fallback documents are below this, without a slash at the end: `<base>/<digits>.xml`.
    pub fallback_base_url: String,
    /// How long all the numbers of one publication may take together. What is not done by then is told as failed.
    pub patience: Duration,
}

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

/// What became of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// Whether its fallback document was written.
    pub fallback_written: bool,
    /// What Twilio did.
    pub line: Line,
}

/// What Twilio did with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It rings here.
    Routed,
    /// The Twilio account has no such number.
    NotInAccount,
    /// It did not work; the reason in words.
    Failed(String),
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
    let groups = campaign.plan.iter().filter_map(|entry| match entry.to {
        Planned::Group(id) => Some(id),
        Planned::Target(_) => None,
    });
    let (target_groups, ring_trees) = futures::try_join!(
        things::<TargetGroup>(tools, tenant, groups.collect()),
        things::<RingTree>(tools, tenant, campaign.ring_tree.into_iter().collect()),
    )?;
    let planned = campaign.plan.iter().filter_map(|entry| match entry.to {
        Planned::Target(id) => Some(id),
        Planned::Group(_) => None,
    });
    let members = target_groups.values().flat_map(|group| &group.members).map(|member| member.target);
    let own_bidders = campaign.auction.bidders.iter();
    let bidders = own_bidders.chain(ring_trees.values().flat_map(|tree| &tree.bidders));
    let (mut targets, mut rtb_targets) = futures::try_join!(
        things::<Target>(tools, tenant, planned.chain(members).collect()),
        things::<RtbTarget>(tools, tenant, bidders.map(|entry| entry.rtb_target).collect()),
    )?;
    targets.values_mut().for_each(|target| target.status = Status::Active);
    rtb_targets.values_mut().for_each(|bidder| bidder.status = Status::Active);
    Ok(Parts { targets, rtb_targets, target_groups, ring_trees })
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

fn id_of<I: std::str::FromStr>(record: &Record) -> PortResult<I>
where
    I::Err: Error + Send + Sync + 'static,
{
    record.id.parse().map_err(|cause: I::Err| PortError::corrupt("read the id of a catalogue entry", cause))
}

async fn connect_numbers(
    tools: &Tools<'_>,
    tenant: TenantId,
    campaign: CampaignId,
    fallback: Option<&E164>,
) -> PortResult<Vec<ConnectedNumber>> {
    let mut numbers: Vec<(NumberId, Number)> = Vec::new();
    for record in tools.catalog.list(tenant, Number::KIND).await? {
        let number: Number = catalog::entry_of(&record)?;
        if number.campaign == Some(campaign) {
            numbers.push((id_of(&record)?, number));
        }
    }
    let until = Instant::now() + tools.lines.hooks.patience;
    let mut connected = Vec::with_capacity(numbers.len());
    for some in numbers.chunks(PARALLEL) {
        let work = some.iter().map(|(id, number)| connect(&tools.lines, *id, number, fallback, until));
        connected.extend(join_all(work).await);
    }
    Ok(connected)
}

/// Writes a number's fallback document and points the number at us, if the account has the number: a document under a
/// stranger's number would take that stranger's callers.
async fn connect(
    lines: &Lines<'_>,
    id: NumberId,
    number: &Number,
    campaign_fallback: Option<&E164>,
    until: Instant,
) -> ConnectedNumber {
    let not_connected =
        |line| ConnectedNumber { id, number: number.number.clone(), fallback_written: false, line };
    match timeout_at(until, lines.telephony.owns_number(&number.account_sid, &number.number)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return not_connected(Line::NotInAccount),
        Ok(Err(error)) => {
            tracing::warn!(number_id = %id, error = words(&error), "a number could not be found at Twilio");
            return not_connected(Line::Failed(words(&error)));
        }
        Err(_) => return not_connected(Line::Failed("Twilio did not answer in time".to_owned())),
    }
    let dials = number.fallback_number.as_ref().or(campaign_fallback);
    let fallback_written = write_page(lines, id, &number.number, dials, until).await;
    let routing = NumberRouting {
        voice_url: lines.hooks.voice_url.clone(),
        fallback_url: format!("{}/{}.xml", lines.hooks.fallback_base_url, number.number.digits()),
        status_url: lines.hooks.status_url.clone(),
    };
    let asked =
        timeout_at(until, lines.telephony.route_number(&number.account_sid, &number.number, &routing)).await;
    let line = match asked {
        Ok(Ok(true)) => Line::Routed,
        Ok(Ok(false)) => Line::NotInAccount,
        Ok(Err(error)) => {
            tracing::warn!(number_id = %id, error = words(&error), "a number could not be routed at Twilio");
            Line::Failed(words(&error))
        }
        Err(_) => Line::Failed("Twilio did not answer in time".to_owned()),
    };
    ConnectedNumber { id, number: number.number.clone(), fallback_written, line }
}

async fn write_page(
    lines: &Lines<'_>,
    id: NumberId,
    number: &E164,
    dials: Option<&E164>,
    until: Instant,
) -> bool {
    let document = (lines.render_fallback)(dials);
    match timeout_at(until, lines.pages.write(number, &document)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(number_id = %id, error = words(&error), "a fallback document could not be written");
            false
        }
        Err(_) => {
            tracing::warn!(number_id = %id, "a fallback document could not be written in time");
            false
        }
    }
}

/// An error with its causes.
fn words(error: &PortError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(words, ": {inner}");
        cause = inner.source();
    }
    words
}

/// After a number was saved: when its campaign is published, it is connected at once; when it left a campaign, its
/// document no longer names that campaign's fallback.
pub(crate) async fn reconnect_number(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberId,
    number: &Number,
    before: Option<&Number>,
) -> PortResult<Vec<Warning>> {
    let until = Instant::now() + tools.lines.hooks.patience;
    let published = match number.campaign {
        Some(campaign) => tools.published.version(tenant, campaign).await?.map(|version| (campaign, version)),
        None => None,
    };
    if let Some((campaign, version)) = published {
        let snapshot = tools.published.snapshot(tenant, campaign, version).await?;
        let fallback = snapshot.as_ref().and_then(|snapshot| snapshot.campaign.fallback_number.as_ref());
        return Ok(connect(&tools.lines, id, number, fallback, until).await.warnings());
    }
    let left = before.is_some_and(|before| before.campaign.is_some() && before.campaign != number.campaign);
    if !left {
        return Ok(Vec::new());
    }
    let asked = tools.lines.telephony.owns_number(&number.account_sid, &number.number);
    let is_ours = matches!(timeout_at(until, asked).await, Ok(Ok(true)));
    if is_ours && !write_page(&tools.lines, id, &number.number, number.fallback_number.as_ref(), until).await
    {
        return Ok(vec![page_warning(&number.number)]);
    }
    Ok(Vec::new())
}

impl ConnectedNumber {
    /// What a person should know about it; nothing when all is well.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match &self.line {
            Line::Routed => {}
            Line::NotInAccount => warnings.push(Warning {
                code: "number_not_in_account",
                message: format!(
                    "{} is not in the Twilio account it is set up with: calls to it do not arrive here",
                    self.number.as_str()
                ),
            }),
            Line::Failed(reason) => warnings.push(Warning {
                code: "number_not_routed",
                message: format!(
                    "{} could not be connected ({reason}): publish the campaign again",
                    self.number.as_str()
                ),
            }),
        }
        // Nothing is written under a number that the account does not have, and that is said already.
        if !self.fallback_written && self.line != Line::NotInAccount {
            warnings.push(page_warning(&self.number));
        }
        warnings
    }
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

fn page_warning(number: &E164) -> Warning {
    Warning {
        code: "fallback_not_written",
        message: format!(
            "what callers of {} hear when our servers cannot answer could not be written: save or publish again",
            number.as_str()
        ),
    }
}
