//! A copy of a campaign, to be changed: a draft with the same routing and money, and without phone numbers.

use std::collections::HashSet;

use domain::campaign::{Campaign, CampaignStatus};
use domain::ids::{CampaignId, TenantId};
use serde_json::Value;

use crate::catalog::{self, Entry as _, Outcome, Refused, Stored, Tools};
use crate::ports::{Kind, PortError, PortResult};

/// Longest name, characters; see `Problems::name`.
const MAX_NAME: usize = 120;
/// Names tried against others who copy at the same time.
const ROUNDS: u8 = 5;

/// Copies the campaign as it is set up now; without a name it is called `… (copy)`, `… (copy 2)`.
///
/// # Errors
/// A port did not answer.
pub async fn duplicate(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    name: Option<String>,
) -> Outcome<Stored> {
    let Some(record) = catalog::get::<Campaign>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let original: Campaign = catalog::entry_of(&record)?;
    for _ in 0..ROUNDS {
        let copied = match &name {
            Some(name) => name.clone(),
            None => free_name(tools, tenant, &original.name).await?,
        };
        let mut copy =
            Campaign { name: copied, status: CampaignStatus::Draft, paused_reason: None, ..original.clone() };
        if let Some(rtb) = &mut copy.rtb {
            (rtb.numbers, rtb.exclusive_numbers) = (Vec::new(), Vec::new());
        }
        let Value::Object(body) =
            serde_json::to_value(&copy).map_err(|cause| PortError::corrupt("copy a campaign", cause))?
        else {
            return Ok(Err(Refused::NotFound));
        };
        match catalog::create::<Campaign>(tools, tenant, body).await? {
            Err(Refused::Taken { .. }) if name.is_none() => {}
            outcome => return Ok(outcome),
        }
    }
    Ok(Err(Refused::Taken { field: Campaign::UNIQUE_FIELD }))
}

async fn free_name(tools: &Tools<'_>, tenant: TenantId, original: &str) -> PortResult<String> {
    let mut taken = HashSet::new();
    for record in tools.catalog.list(tenant, Kind::Campaign).await? {
        let campaign: Campaign = catalog::entry_of(&record)?;
        taken.insert(campaign.name);
    }
    // One more number than there are names, so one of them is free.
    let numbers = 1..=taken.len() + 1;
    let mut names = numbers.map(|number| copy_name(original, number));
    Ok(names.find(|name| !taken.contains(name)).unwrap_or_else(|| copy_name(original, taken.len() + 2)))
}

fn copy_name(original: &str, number: usize) -> String {
    let suffix = if number == 1 { " (copy)".to_owned() } else { format!(" (copy {number})") };
    let room = MAX_NAME.saturating_sub(suffix.chars().count());
    let kept: String = original.chars().take(room).collect();
    format!("{}{suffix}", kept.trim_end())
}
