//! Brings numbers in that the Twilio account has and we do not know yet.
//!
//! Importing leads no call here by itself: a number that answers elsewhere goes on doing so until it is given a published
//! campaign.

use std::collections::BTreeSet;

use domain::ids::{AccountSid, CampaignId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use domain::validate::Problem;
use futures::future::join_all;
use tokio::time::Instant;

use super::connect::said;
use super::{PARALLEL, asked, check_account, deadline, numbers_of};
use crate::catalog::{self, Outcome as Done, Refused, Stored, Tools};
use crate::ports::{OwnedNumber, PortResult};

/// Most numbers imported at once.
pub const MAX_IMPORT: usize = 100;

/// What became of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The number.
    pub number: E164,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one number.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is set up here now.
    Imported(Box<Stored>),
    /// It was set up here before.
    AlreadyHere,
    /// It is set up in another account of this product.
    Taken,
    /// The Twilio account has no such number.
    NotInAccount,
    /// It did not work; the reason in words.
    Failed(String),
    /// The time was up before it was its turn: import it again.
    NotTried,
}

/// The account's numbers that are not set up here, by number.
///
/// # Errors
/// A port did not answer.
pub async fn importable(tools: &Tools<'_>, tenant: TenantId, account: &AccountSid) -> Done<Vec<OwnedNumber>> {
    if let Err(refused) = check_account(tools, account).await? {
        return Ok(Err(refused));
    }
    let here: BTreeSet<E164> =
        numbers_of(tools, tenant).await?.into_iter().map(|(_, number)| number.number).collect();
    let owned = asked(deadline(tools), "account_sid", tools.lines.telephony.owned_numbers(account)).await?;
    Ok(owned.map(|owned| {
        let mut found: Vec<OwnedNumber> =
            owned.into_iter().filter(|owned| !here.contains(&owned.number)).collect();
        found.sort_by(|one, other| one.number.cmp(&other.number));
        found
    }))
}

/// Sets numbers up that the account has. Each one stands for itself.
///
/// # Errors
/// The catalogue did not answer; some numbers may be set up all the same, and importing again says so.
pub async fn import(
    tools: &Tools<'_>,
    tenant: TenantId,
    account: &AccountSid,
    numbers: Vec<E164>,
    campaign: Option<CampaignId>,
) -> Done<Vec<Imported>> {
    if let Err(refused) = check_account(tools, account).await? {
        return Ok(Err(refused));
    }
    let distinct: BTreeSet<E164> = numbers.into_iter().collect();
    if distinct.is_empty() || distinct.len() > MAX_IMPORT {
        return Ok(Err(Refused::Invalid(vec![Problem {
            field: "numbers".to_owned(),
            rule: "length".to_owned(),
            message: format!("name 1 to {MAX_IMPORT} numbers"),
        }])));
    }
    // The campaign is looked at once, so that a wrong one is refused as a whole.
    if let Some(number) = distinct.first() {
        let problems =
            catalog::problems_of(tools, tenant, &entry(account, number.clone(), campaign), None).await?;
        if !problems.is_empty() {
            return Ok(Err(Refused::Invalid(problems)));
        }
    }
    let here: BTreeSet<E164> =
        numbers_of(tools, tenant).await?.into_iter().map(|(_, number)| number.number).collect();
    let until = deadline(tools);
    let distinct: Vec<E164> = distinct.into_iter().collect();
    let mut imported = Vec::with_capacity(distinct.len());
    for some in distinct.chunks(PARALLEL) {
        let work = some.iter().map(|number| {
            let known = here.contains(number);
            one(tools, tenant, entry(account, number.clone(), campaign), known, until)
        });
        for done in join_all(work).await {
            imported.push(done?);
        }
    }
    Ok(Ok(imported))
}

fn entry(account: &AccountSid, number: E164, campaign: Option<CampaignId>) -> Number {
    Number {
        number,
        account_sid: account.clone(),
        campaign,
        publisher: None,
        fallback_number: None,
        pool: None,
        pool_shard: 0,
        left_pool_at: None,
        twilio: None,
    }
}

async fn one(
    tools: &Tools<'_>,
    tenant: TenantId,
    mut entry: Number,
    known: bool,
    until: Instant,
) -> PortResult<Imported> {
    let number = entry.number.clone();
    let told = |outcome| Ok(Imported { number: number.clone(), outcome });
    if known {
        return told(Outcome::AlreadyHere);
    }
    if Instant::now() >= until {
        return told(Outcome::NotTried);
    }
    let asked = tools.lines.telephony.owned_number(&entry.account_sid, &entry.number);
    let owned = match said(until, asked).await {
        Ok(Some(owned)) => owned,
        Ok(None) => return told(Outcome::NotInAccount),
        Err(reason) => return told(Outcome::Failed(reason)),
    };
    entry.twilio = Some(owned.line());
    told(match catalog::store_new(tools, tenant, entry, "imported").await? {
        Ok(stored) => Outcome::Imported(Box::new(stored)),
        Err(Refused::Taken { .. }) => Outcome::Taken,
        Err(Refused::Invalid(problems)) => Outcome::Failed(
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; "),
        ),
        Err(Refused::LimitReached { most }) => {
            Outcome::Failed(format!("an account has at most {most} numbers: remove what is no longer needed"))
        }
        Err(_) => Outcome::Failed("it was changed meanwhile: import it again".to_owned()),
    })
}
