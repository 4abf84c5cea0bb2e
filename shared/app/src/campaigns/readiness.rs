//! What stands between a campaign and its next call.
//!
//! Calls run on what was published, so that is what is looked at; a campaign that was never published is looked at as it
//! is set up. Reading this changes nothing.

use std::time::Duration;

use domain::campaign::{Campaign, CampaignStatus};
use domain::ids::{AccountSid, CampaignId, TenantId};
use domain::number::Number;
use domain::snapshot::Snapshot;
use domain::validate::Problem;
use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{idle, newest};
use crate::catalog::{self, Outcome, Refused, Tools};
use crate::ports::{Kind, PortResult};
use crate::publish_campaign::compile;

/// Numbers that Twilio is asked about, at most.
const ASKED: usize = 20;
/// How long Twilio may take for all of them.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All is well.
    Ok,
    /// Calls are taken, but somebody should look.
    Warning,
    /// Without it no call is taken.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// For programs.
    pub code: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found, in plain words.
    pub message: String,
    /// What to do; nothing when all is well.
    pub action: Option<String>,
    /// The campaign's field it is about.
    pub field: Option<String>,
    /// The thing it is about, when that is another one.
    pub object: Option<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The campaign's status.
    pub status: CampaignStatus,
    /// In the order in which a campaign is set up.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// Whether the next call is taken.
    pub fn takes_calls(&self) -> bool {
        self.blocking().next().is_none()
    }

    /// The checks that stand in the way.
    pub fn blocking(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.state == State::Missing)
    }
}

impl Check {
    fn ok(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, state: State::Ok, message: message.into(), action: None, field: None, object: None }
    }

    fn warning(code: &'static str, message: impl Into<String>, action: &str) -> Self {
        Self { state: State::Warning, action: Some(action.to_owned()), ..Self::ok(code, message) }
    }

    fn missing(code: &'static str, message: impl Into<String>, action: &str) -> Self {
        Self { state: State::Missing, ..Self::warning(code, message, action) }
    }

    fn field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    fn about(self, object: &str) -> Self {
        Self { object: Some(object.to_owned()), ..self }
    }
}

/// Looks at everything a campaign needs to take calls.
///
/// # Errors
/// The catalogue or the counters did not answer. What Twilio does not answer is a warning.
pub async fn readiness(tools: &Tools<'_>, tenant: TenantId, id: CampaignId) -> Outcome<Readiness> {
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let campaign: Campaign = catalog::entry_of(&record)?;
    let published = newest(tools, tenant, id).await?;
    let version = published.as_ref().map_or(1, |published| published.version + 1);
    let draft = compile(tools, tenant, (id, version), campaign.clone()).await?;

    let mut checks = set_up(&draft, published.is_some());
    checks.push(match &published {
        Some(published) => Check::ok("published", format!("version {} is published", published.version)),
        None => Check::missing("published", "the campaign was never published", "publish it"),
    });
    if let Some(published) = &published {
        checks.push(unpublished_changes(published, &draft));
    }
    let running = published.as_deref().or(draft.as_ref().ok());
    checks.extend(destinations(tools, tenant, running).await?);
    let takes_sip = tools.accounts.takes_sip().await?;
    checks.extend(numbers(tools, tenant, id, &campaign, takes_sip).await?);
    checks.extend(sip(&campaign, takes_sip));
    checks.push(status(&campaign));
    Ok(Ok(Readiness { status: campaign.status, checks }))
}

fn status(campaign: &Campaign) -> Check {
    let missing = |message: &str, action: &str| Check::missing("active", message, action).field("status");
    match (campaign.status, campaign.paused_reason) {
        (CampaignStatus::Active, _) => Check::ok("active", "the campaign is active").field("status"),
        (CampaignStatus::Draft, _) => missing("the campaign is a draft", "activate it"),
        (CampaignStatus::Archived, _) => {
            missing("the campaign is archived", "set it to paused, then activate it")
        }
        (CampaignStatus::Paused, None) => missing("the campaign is paused", "activate it"),
        (CampaignStatus::Paused, Some(_)) => missing(
            "the campaign was paused by itself because none of its destinations took calls any more",
            "switch a destination on, then activate the campaign",
        ),
    }
}

/// Whether the campaign as it is set up now could be published.
fn set_up(draft: &Result<Snapshot, Vec<Problem>>, is_published: bool) -> Vec<Check> {
    let Err(problems) = draft else {
        return vec![Check::ok("set_up", "the campaign can be published as it is set up")];
    };
    problems
        .iter()
        .map(|problem| {
            let code = if problem.rule == "currency" { "bidder_currency" } else { "set_up" };
            let action = "correct the campaign, then publish it";
            let check = Check::missing(code, problem.message.clone(), action).field(&problem.field);
            // Calls go on running on what was published.
            if is_published { Check { state: State::Warning, ..check } } else { check }
        })
        .collect()
}

fn unpublished_changes(published: &Snapshot, draft: &Result<Snapshot, Vec<Problem>>) -> Check {
    const CODE: &str = "unpublished_changes";
    let Ok(draft) = draft else {
        return Check::warning(
            CODE,
            "calls run on an older version than what is set up",
            "publish the campaign",
        );
    };
    // Status is effective without publishing.
    let campaign = Campaign {
        status: published.campaign.status,
        paused_reason: published.campaign.paused_reason,
        ..draft.campaign.clone()
    };
    if campaign != published.campaign {
        return Check::warning(CODE, "the campaign was changed since it was published", "publish it");
    }
    let draft = Snapshot { campaign, ..draft.clone() };
    if draft.runs_like(published) {
        return Check::ok(CODE, "calls run on what is set up");
    }
    Check::warning(CODE, "something that the campaign shares was changed and is not in it yet", "publish it")
}

async fn destinations(
    tools: &Tools<'_>,
    tenant: TenantId,
    running: Option<&Snapshot>,
) -> PortResult<Vec<Check>> {
    let (live, all) = match running {
        Some(snapshot) => idle::live(tools, tenant, snapshot).await?,
        None => (0, 0),
    };
    if all == 0 {
        let action = "add a target to its plan, or a bidder to its auction, and publish it";
        return Ok(vec![
            Check::missing("destination", "there is nobody whom calls could be sent to", action)
                .field("plan"),
        ]);
    }
    let counted =
        |count: usize| if count == 1 { "1 destination".to_owned() } else { format!("{count} destinations") };
    let active = match live {
        0 => {
            Check::missing("active_destination", "all destinations are switched off", "switch one of them on")
        }
        live if live < all => {
            Check::ok("active_destination", format!("{live} of {} take calls", counted(all)))
        }
        _ => Check::ok("active_destination", "all destinations take calls"),
    };
    Ok(vec![Check::ok("destination", format!("the campaign has {}", counted(all))), active])
}

async fn numbers(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    campaign: &Campaign,
    takes_sip: bool,
) -> PortResult<Vec<Check>> {
    let accounts = tools.accounts.sids().await?;
    let mut checks = vec![if accounts.is_empty() {
        Check::missing("twilio_account", "no Twilio account is connected", "connect one")
    } else {
        Check::ok("twilio_account", format!("{} connected", plural(accounts.len(), "Twilio account")))
    }];
    let mut numbers: Vec<(String, Number)> = Vec::new();
    for record in tools.catalog.list(tenant, Kind::Number).await? {
        let number: Number = catalog::entry_of(&record)?;
        if number.campaign == Some(id) {
            numbers.push((record.id, number));
        }
    }
    if numbers.is_empty() && takes_sip && answers_pings(campaign) {
        checks
            .push(Check::ok("phone_number", "no phone number leads to this campaign: its calls come by SIP"));
        return Ok(checks);
    }
    if numbers.is_empty() {
        let action = "assign a phone number to it";
        checks.push(Check::missing("phone_number", "no phone number leads to this campaign", action));
        return Ok(checks);
    }
    let found = plural(numbers.len(), "phone number");
    checks.push(Check::ok("phone_number", format!("{found} assigned to this campaign")));
    checks.extend(connected(tools, &accounts, &numbers).await);
    let without = numbers.iter().filter(|(_, number)| number.fallback_number.is_none()).count();
    checks.push(if campaign.fallback_number.is_some() || without == 0 {
        Check::ok("fallback_number", "callers are put through even when our servers cannot answer")
    } else {
        let message = "without a fallback number callers hear an apology when our servers cannot answer";
        Check::warning("fallback_number", message, "name a fallback number").field("fallback_number")
    });
    Ok(checks)
}

fn answers_pings(campaign: &Campaign) -> bool {
    campaign.rtb.as_ref().is_some_and(|rtb| rtb.enabled)
}

/// What bids with a SIP address need; nothing to say of a campaign that gives none.
fn sip(campaign: &Campaign, takes_sip: bool) -> Option<Check> {
    let rtb = campaign.rtb.as_ref().filter(|_| answers_pings(campaign))?;
    if !takes_sip {
        let message =
            "bids name a SIP address only, and no Twilio account takes calls by SIP: every ping is refused";
        let action = "set SIP up for a Twilio account (PUT /api/twilio-accounts/{sid}/sip)";
        return rtb.sip_only.then(|| Check::warning("sip", message, action).field("rtb.sip_only"));
    }
    let shows_something =
        campaign.default_caller_id.is_some() || !rtb.numbers.is_empty() || !rtb.exclusive_numbers.is_empty();
    if !shows_something {
        let message = "calls that come by SIP need a number of the Twilio account to be shown to phone numbers, and there is none";
        let check = Check::warning("sip", message, "name a default caller id");
        return Some(check.field("default_caller_id"));
    }
    Some(Check::ok("sip", "bids can name a SIP address"))
}

/// Whether the numbers are at a Twilio account of the tenant's. As long as one is, calls come in.
async fn connected(tools: &Tools<'_>, accounts: &[AccountSid], numbers: &[(String, Number)]) -> Vec<Check> {
    const CODE: &str = "number_connected";
    let until = Instant::now() + PATIENCE.min(tools.lines.hooks.patience);
    let asked = numbers.iter().take(ASKED).map(|(id, number)| async move {
        if !accounts.contains(&number.account_sid) {
            let message = format!("the Twilio account of {} is not connected", number.number.as_str());
            return Some(Check::missing(CODE, message, "connect the account").about(id));
        }
        let owned = tools.lines.telephony.owned_number(&number.account_sid, &number.number);
        match timeout_at(until, owned).await {
            Ok(Ok(Ok(Some(_)))) => None,
            Ok(Ok(Ok(None))) => {
                let message = format!("{} is not in its Twilio account any more", number.number.as_str());
                Some(Check::missing(CODE, message, "remove it here, or buy it again").about(id))
            }
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => {
                let message = format!("Twilio did not say whether it still has {}", number.number.as_str());
                Some(Check::warning(CODE, message, "look again in a minute").about(id))
            }
        }
    });
    let mut troubled: Vec<Check> = join_all(asked).await.into_iter().flatten().collect();
    let gone = troubled.iter().filter(|check| check.state == State::Missing).count();
    if troubled.is_empty() {
        return vec![Check::ok(CODE, "the phone numbers are at Twilio")];
    }
    if gone < numbers.len() {
        troubled.iter_mut().for_each(|check| check.state = State::Warning);
    }
    troubled
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
