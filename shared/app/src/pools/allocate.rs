//! Buys numbers for a pool, as the pool says which.
//!
//! Everything that can be refused is looked at before the first is bought. Each purchase stands for itself: what was bought is in
//! the pool, and is told with what was not. What is about the account, not about one number, ends it.

use std::collections::HashSet;

use domain::ids::{AccountSid, CampaignId, NumberId, NumberPoolId, PublisherId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use domain::pool::PoolPurchase;
use futures::future::join_all;
use tokio::time::Instant;

use super::members::{Moved, each_once, move_one, widen};
use super::{invalid, pool};
use crate::campaigns::BulkOutcome;
use crate::catalog::{self, Outcome, Refused, Stored, Tools, Warning};
use crate::numbers::{self, PARALLEL, check_account, deadline, numbers_of};
use crate::ports::{CarrierRefusal, NumberSearch, PortResult};
use crate::publish_campaign::id_of;

/// Most numbers that one request buys.
pub const MAX_ALLOCATED: u16 = 50;
/// More than are wanted are looked for: some will be gone by then.
const SPARE: u16 = 10;

/// What is bought for a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// How many numbers.
    pub count: u16,
    /// Who pays; `None`: the tenant's only Twilio account.
    pub account: Option<AccountSid>,
    /// The campaign that answers when nobody is shown the number.
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid then.
    pub publisher: Option<PublisherId>,
    /// Only looks what would be bought.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Allocated {
    /// What was bought, and is in the pool.
    pub bought: Vec<Bought>,
    /// What a dry run would have bought.
    pub would_buy: Vec<E164>,
    /// What was tried and not bought, as far as is known.
    pub not_bought: Vec<NotBought>,
    /// Of those bought, or that would be, so many have the pool's area code; `None`: it prefers none.
    pub in_area: Option<u16>,
    /// So many are still missing.
    pub remaining: u16,
}

/// A number that was bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Bought {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// What did not work although it was bought.
    pub warnings: Vec<Warning>,
}

/// A number that was not bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBought {
    /// The number.
    pub number: E164,
    /// For programs: Twilio's refusal, `taken`, `refused`, or `unknown` when there was no answer.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// Buys numbers for a pool.
///
/// # Errors
/// A port did not answer before anything was bought.
pub async fn allocate(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberPoolId,
    wanted: &Allocation,
) -> Outcome<Allocated> {
    if !(1..=MAX_ALLOCATED).contains(&wanted.count) {
        let words = format!("a whole number from 1 to {MAX_ALLOCATED}: for more, ask again");
        return Ok(Err(invalid("count", "range", words)));
    }
    let (_, pool) = match pool(tools, tenant, id).await? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let account = match account(tools, wanted.account.as_ref()).await? {
        Ok(account) => account,
        Err(refused) => return Ok(Err(refused)),
    };
    let known = numbers_of(tools, tenant).await?;
    let in_it = known.iter().filter(|(_, number)| number.pool == Some(id)).count();
    let known: HashSet<E164> = known.into_iter().map(|(_, number)| number.number).collect();
    let found = match look(tools, &account, &pool.buys, wanted.count, &known).await? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let entry = |number: &E164| Number {
        number: number.clone(),
        account_sid: account.clone(),
        campaign: wanted.campaign,
        publisher: wanted.publisher,
        pool: Some(id),
        pool_shard: 0,
        left_pool_at: None,
        fallback_number: None,
        twilio: None,
    };
    // What the request names is looked at once, so that something wrong is refused as a whole.
    if let Some(number) = found.first() {
        let problems = catalog::problems_of(tools, tenant, &entry(number), None).await?;
        if !problems.is_empty() {
            return Ok(Err(Refused::Invalid(problems)));
        }
    }
    let area = pool.buys.area_code.as_deref();
    if wanted.dry_run {
        let would_buy: Vec<E164> = found.into_iter().take(usize::from(wanted.count)).collect();
        let remaining = missing(wanted.count, would_buy.len());
        let in_area = area.map(|area| count_in(area, would_buy.iter()));
        return Ok(Ok(Allocated {
            would_buy,
            in_area,
            remaining,
            bought: Vec::new(),
            not_bought: Vec::new(),
        }));
    }
    if let Err(refused) = widen(tools, tenant, id, in_it + usize::from(wanted.count)).await? {
        return Ok(Err(refused));
    }
    let (bought, not_bought) = buy_some(tools, tenant, wanted.count, found.iter().map(entry).collect()).await;
    let in_area = area.map(|area| count_in(area, bought.iter().map(|bought| &bought.number)));
    let remaining = missing(wanted.count, bought.len());
    Ok(Ok(Allocated { bought, would_buy: Vec::new(), not_bought, in_area, remaining }))
}

fn missing(wanted: u16, came: usize) -> u16 {
    wanted.saturating_sub(u16::try_from(came).unwrap_or(u16::MAX))
}

fn count_in<'a>(area: &str, numbers: impl Iterator<Item = &'a E164>) -> u16 {
    let own = numbers.filter(|number| number.nanp().is_some_and(|digits| digits.starts_with(area)));
    u16::try_from(own.count()).unwrap_or(u16::MAX)
}

/// Who pays: the account that is named, or the only one there is.
async fn account(tools: &Tools<'_>, named: Option<&AccountSid>) -> Outcome<AccountSid> {
    if let Some(account) = named {
        return Ok(check_account(tools, account).await?.map(|()| account.clone()));
    }
    let mut connected = tools.accounts.sids().await?;
    Ok(match (connected.pop(), connected.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(invalid("account_sid", "account", numbers::NOT_YOUR_ACCOUNT)),
        (Some(_), false) => {
            let words = "you have several Twilio accounts: say which of them pays";
            Err(invalid("account_sid", "required", words))
        }
    })
}

/// Numbers that can be bought: first those with the area code, then others.
async fn look(
    tools: &Tools<'_>,
    account: &AccountSid,
    buys: &PoolPurchase,
    count: u16,
    known: &HashSet<E164>,
) -> Outcome<Vec<E164>> {
    let mut found: Vec<E164> = Vec::new();
    let area = buys.area_code.as_ref().and_then(|code| code.parse().ok());
    let areas = if area.is_some() { vec![area, None] } else { vec![None] };
    for area_code in areas {
        if found.len() >= usize::from(count) {
            break;
        }
        let search = NumberSearch {
            country: buys.country,
            kind: buys.kind,
            area_code,
            contains: None,
            region: None,
            locality: None,
            postal_code: None,
            limit: count + SPARE,
        };
        match numbers::search(tools, account, &search).await? {
            Ok(available) => {
                let numbers = available.into_iter().map(|available| available.number);
                for number in numbers.filter(|number| !known.contains(number)) {
                    if !found.contains(&number) {
                        found.push(number);
                    }
                }
            }
            // The area code is a preference.
            Err(Refused::Carrier {
                refusal: CarrierRefusal::NoNumbersInArea | CarrierRefusal::InvalidArea,
                ..
            }) if area_code.is_some() => {}
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(found))
}

/// Buys as many as are wanted, from the first on; what cannot be bought is made up for by the next.
async fn buy_some(
    tools: &Tools<'_>,
    tenant: TenantId,
    wanted: u16,
    entries: Vec<Number>,
) -> (Vec<Bought>, Vec<NotBought>) {
    let (wanted, until) = (usize::from(wanted), deadline(tools));
    let (mut bought, mut not_bought) = (Vec::new(), Vec::new());
    let mut entries = entries.into_iter();
    let mut goes_on = true;
    while goes_on && bought.len() < wanted && Instant::now() < until {
        let some: Vec<Number> = entries.by_ref().take(PARALLEL.min(wanted - bought.len())).collect();
        if some.is_empty() {
            break;
        }
        let tries = some.into_iter().map(|entry| async {
            let number = entry.number.clone();
            (number, numbers::buy_checked(tools, tenant, entry).await)
        });
        for (number, outcome) in join_all(tries).await {
            match came_of(number, outcome) {
                Ok(one) => bought.push(one),
                Err((one, is_of_account)) => {
                    goes_on &= !is_of_account;
                    not_bought.push(one);
                }
            }
        }
    }
    (bought, not_bought)
}

/// What came of a purchase; what did not work may be about the whole account.
fn came_of(number: E164, outcome: PortResult<Result<Stored, Refused>>) -> Result<Bought, (NotBought, bool)> {
    let (code, message, is_of_account) = match outcome {
        Ok(Ok(stored)) => match id_of(&stored.record) {
            Ok(id) => return Ok(Bought { id, number, warnings: stored.warnings }),
            Err(error) => ("unknown", error.to_string(), false),
        },
        Ok(Err(Refused::Carrier { refusal, .. })) => {
            let is_of_number =
                matches!(refusal, CarrierRefusal::NotAvailable | CarrierRefusal::InvalidNumber);
            (refusal.code(), refusal.words(), !is_of_number)
        }
        Ok(Err(Refused::Taken { .. })) => {
            let words = "it was bought, but somebody else has set it up: it is in no pool";
            ("taken", words.to_owned(), false)
        }
        Ok(Err(Refused::LimitReached { most })) => {
            let words =
                format!("it was bought, but an account has at most {most} numbers: it is not set up here");
            ("limit_reached", words, true)
        }
        Ok(Err(_)) => {
            let words = "what it was to be bought for has changed meanwhile: ask again";
            ("refused", words.to_owned(), true)
        }
        Err(error) => {
            tracing::warn!(%error, "a number of a pool could not be bought, or not set up");
            let words = "there was no answer, so it may have been bought: look among the numbers to import";
            ("unknown", words.to_owned(), true)
        }
    };
    Err((NotBought { number, code, message }, is_of_account))
}

/// New numbers for old ones.
#[derive(Debug)]
pub struct Replaced {
    /// What was bought.
    pub allocated: Allocated,
    /// What became of the old ones: as many as were bought have left the pool; those that were not in it are refused, and nothing was bought
    /// for them.
    pub removed: Moved,
}

/// Buys as many numbers as are named, then takes those out of the pool. Nobody goes without: the new ones come first.
///
/// # Errors
/// As [`allocate`].
pub async fn replace(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberPoolId,
    old: &[NumberId],
    wanted: Allocation,
) -> Outcome<Replaced> {
    let old = match each_once(old) {
        Ok(old) => old,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Err(refused) = pool(tools, tenant, id).await? {
        return Ok(Err(refused));
    }
    let (mut of_it, mut removed) = (Vec::new(), Moved::new());
    for number in old {
        let found = catalog::get::<Number>(tools, tenant, number).await?;
        match found.map(|record| catalog::entry_of::<Number>(&record)).transpose()? {
            Some(found) if found.pool == Some(id) => of_it.push(number),
            Some(_) => {
                let refused = invalid("numbers", "in_pool", "this number is not in the pool");
                removed.push((number, BulkOutcome::Refused(refused)));
            }
            None => removed.push((number, BulkOutcome::Refused(Refused::NotFound))),
        }
    }
    if of_it.is_empty() {
        return Ok(Ok(Replaced { allocated: Allocated::default(), removed }));
    }
    let wanted = Allocation { count: u16::try_from(of_it.len()).unwrap_or(u16::MAX), ..wanted };
    let allocated = match allocate(tools, tenant, id, &wanted).await? {
        Ok(allocated) => allocated,
        Err(refused) => return Ok(Err(refused)),
    };
    for number in of_it.into_iter().take(allocated.bought.len()) {
        let outcome = match move_one(tools, tenant, number, Some(id), None).await {
            Ok(Ok(warnings)) => BulkOutcome::Done(warnings),
            Ok(Err(refused)) => BulkOutcome::Refused(refused),
            Err(error) => BulkOutcome::Failed(error),
        };
        removed.push((number, outcome));
    }
    Ok(Ok(Replaced { allocated, removed }))
}
