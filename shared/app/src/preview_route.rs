//! What would become of a call: the whole list of decisions, for a caller and a time that somebody thinks up.
//!
//! Nothing is counted, dialled, asked or written. Counters are looked at as they are now, whatever time is thought up, and
//! bidders are not asked: where their turn comes, the list says so.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use domain::blocked::{BlockPattern, BlockedNumber};
use domain::call::Call;
use domain::campaign::Campaign;
use domain::caps::{CounterId, Usage};
use domain::duplicates::Verdict;
use domain::filter::{TagName, Tags};
use domain::ids::{AccountSid, CallId, CallSid, CampaignId, PublisherId, TenantId};
use domain::phone::{E164, number_of_caller};
use domain::routing::{self, Asked, Decisions, Situation, Stop, TurnedAway, Walk, recognise, turned_away};
use domain::snapshot::Snapshot;
use jiff::Timestamp;

use crate::campaigns::newest;
use crate::catalog::{self, Outcome, Refused, Tools};
use crate::counted;
use crate::ports::{Calls, Kind, KnownCaller, PortError, PortResult};
use crate::publish_campaign::compile;

/// A call that somebody thinks up.
#[derive(Debug, Clone)]
pub struct Hypothetical {
    /// The caller as Twilio would write it.
    pub from: String,
    /// The dialled number.
    pub to: E164,
    /// When.
    pub at: Timestamp,
    /// Who sent it.
    pub publisher: Option<PublisherId>,
    /// State, ZIP code and country as Twilio would say.
    pub from_state: Option<String>,
    /// ZIP code.
    pub from_zip: Option<String>,
    /// Country.
    pub from_country: Option<String>,
    /// `StirVerstat` as Twilio would write it.
    pub verstat: Option<String>,
    /// Further tags, written `Category:Name`.
    pub tags: Vec<(TagName, String)>,
    /// Decides the draws among equals.
    pub seed: u64,
}

/// What would become of it.
#[derive(Debug)]
pub struct Preview {
    /// The version it would run on; `None` is the campaign as it is set up, because it was never published.
    pub version: Option<u64>,
    /// Why it would be given to nobody.
    pub turned_away: Option<TurnedAway>,
    /// What would be done, in this order, each if everything before it did not work out.
    pub stops: Vec<Stop>,
    /// Who would be passed over, and why; and by what everybody was ranked.
    pub passed: Decisions,
}

/// Goes through a campaign's newest published version for a call that does not exist; through the campaign as it is set up
/// when it was never published.
///
/// # Errors
/// A port did not answer.
pub async fn preview_route(
    tools: &Tools<'_>,
    calls: &dyn Calls,
    tenant: TenantId,
    id: CampaignId,
    wanted: &Hypothetical,
) -> Outcome<Preview> {
    let thought_up = match think_up(tools, calls, tenant, id, wanted).await? {
        Ok(thought_up) => thought_up,
        Err(refused) => return Ok(Err(refused)),
    };
    let (version, why) = (thought_up.version, thought_up.turned_away);
    if why.is_some() {
        let passed = Decisions { turned_away: why, ..Decisions::default() };
        return Ok(Ok(Preview { version, turned_away: why, stops: Vec::new(), passed }));
    }
    let (stops, passed) = walk(&thought_up, wanted.at, &[]);
    Ok(Ok(Preview { version, turned_away: None, stops, passed }))
}

/// A call that somebody thinks up, as it would begin.
pub(crate) struct ThoughtUp {
    /// What it would run on.
    pub(crate) snapshot: Arc<Snapshot>,
    /// `None`: the campaign as it is set up, because it was never published.
    pub(crate) version: Option<u64>,
    /// The call; it is never stored.
    pub(crate) call: Call,
    /// The counters as they are now.
    pub(crate) usage: HashMap<CounterId, Usage>,
    /// Its tags, those that were thought up among them.
    pub(crate) tags: Tags,
    /// Why it would be given to nobody.
    pub(crate) turned_away: Option<TurnedAway>,
}

/// Thinks a call of a campaign up.
///
/// # Errors
/// A port did not answer.
pub(crate) async fn think_up(
    tools: &Tools<'_>,
    calls: &dyn Calls,
    tenant: TenantId,
    id: CampaignId,
    wanted: &Hypothetical,
) -> Outcome<ThoughtUp> {
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let (snapshot, version) = match newest(tools, tenant, id).await? {
        Some(snapshot) => (Arc::clone(&snapshot), Some(snapshot.version)),
        None => match compile(tools, tenant, (id, 1), catalog::entry_of(&record)?).await? {
            Ok(draft) => (Arc::new(draft), None),
            Err(problems) => return Ok(Err(Refused::NotReady(problems))),
        },
    };
    let usage = usage_for(tools, tenant, &snapshot, wanted).await?;
    let known = known_caller(tools, calls, tenant, id, wanted).await?;
    let mut call = call_of(tenant, (id, snapshot.version), &snapshot.campaign, wanted)?;
    if let Some(KnownCaller { history, .. }) = &known {
        recognise(&mut call, &snapshot, history);
    }
    let blocked = is_blocked(tools, tenant, wanted).await?;
    let turned_away = turned_away(&call, &snapshot, &usage, blocked);
    let mut tags: Tags = routing::tags(&call, &snapshot);
    for (name, value) in &wanted.tags {
        if let Some((category, name)) = name.as_str().split_once(':') {
            tags.set(category, name, value);
        }
    }
    Ok(Ok(ThoughtUp { snapshot, version, call, usage, tags, turned_away }))
}

/// Goes along the whole plan with what these auctions brought.
pub(crate) fn walk(thought_up: &ThoughtUp, now: Timestamp, asked: &[Asked<'_>]) -> (Vec<Stop>, Decisions) {
    let ThoughtUp { snapshot, call, usage, tags, .. } = thought_up;
    let situation = Situation { call, now, usage, tried: &[], asked, tags: tags.clone() };
    let mut walk = Walk::new(snapshot, &situation);
    let stops = walk.by_ref().collect();
    (stops, std::mem::take(&mut walk.decisions))
}

async fn usage_for(
    tools: &Tools<'_>,
    tenant: TenantId,
    snapshot: &Snapshot,
    wanted: &Hypothetical,
) -> PortResult<HashMap<CounterId, Usage>> {
    let mut of = Snapshot::counters_of_call(snapshot.campaign_id, wanted.publisher);
    of.extend(snapshot.payouts_that_refuse(wanted.publisher));
    of.extend(snapshot.counters());
    let whose = (snapshot, wanted.publisher);
    counted::usage(tools.counters, tenant, whose, &of, tools.clock.now()).await
}

async fn known_caller(
    tools: &Tools<'_>,
    calls: &dyn Calls,
    tenant: TenantId,
    campaign: CampaignId,
    wanted: &Hypothetical,
) -> PortResult<Option<KnownCaller>> {
    let Some(number) = number_of_caller(&wanted.from) else { return Ok(None) };
    let key = tools.vault.pseudonym(tenant, number.as_str()).await?;
    calls.caller(tenant, campaign, &key).await.map(Some)
}

/// Whether the block list names the caller. The list is read whole: this is not the call path.
async fn is_blocked(tools: &Tools<'_>, tenant: TenantId, wanted: &Hypothetical) -> PortResult<bool> {
    let patterns = BlockPattern::of_caller(&wanted.from);
    for record in tools.catalog.list(tenant, Kind::BlockedNumber).await? {
        let entry: BlockedNumber = catalog::entry_of(&record)?;
        if patterns.contains(&entry.number) && entry.holds(wanted.at) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The call as it would begin. Its id, account and number are nobody's; it is never stored.
pub(crate) fn call_of(
    tenant: TenantId,
    (id, version): (CampaignId, u64),
    campaign: &Campaign,
    wanted: &Hypothetical,
) -> PortResult<Call> {
    fn nobodys<T: FromStr>(letters: &str) -> PortResult<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let id = format!("{letters}{}", "0".repeat(32));
        id.parse().map_err(|cause| PortError::failed("think up a call", cause))
    }
    Ok(Call {
        too_often: Vec::new(),
        id: CallId::from_sid(&nobodys::<CallSid>("CA")?),
        tenant,
        account_sid: nobodys::<AccountSid>("AC")?,
        campaign: id,
        snapshot_version: version,
        to: wanted.to.clone().into(),
        number: None,
        pool: None,
        from: wanted.from.clone(),
        from_state: wanted.from_state.clone(),
        from_zip: wanted.from_zip.clone(),
        from_country: wanted.from_country.clone(),
        verstat: wanted.verstat.clone(),
        repeat: Verdict::First,
        not_again: Vec::new(),
        pool_shard: 0,
        attribution: None,
        visit: None,
        tag: None,
        tags: BTreeMap::new(),
        caller_key: None,
        started_at: wanted.at,
        seed: wanted.seed,
        currency: campaign.currency,
        previous_call_s: None,
        publisher: wanted.publisher,
        payout: campaign.payout_for(wanted.publisher),
        payout_limit: campaign.payout_limit_for(wanted.publisher),
        bid: None,
    })
}
