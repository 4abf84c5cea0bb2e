//! Buys a number: one that a search showed, with everything that could be refused looked at before money is spent.
//!
//! Doing it again does not buy again: an account that has the number by then just gets it set up here. A purchase whose
//! setting up failed shows among the numbers that can be imported.

use domain::ids::{AccountSid, CampaignId, NumberPoolId, PublisherId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use futures::future::join;

use super::connect::{application, page_warning, published_fallback, write_page};
use super::{asked, carrier, check_account, deadline, numbers_of};
use crate::catalog::{self, Entry as _, Outcome, Refused, Stored, Tools, Warning};
use crate::pools::place;
use crate::ports::{CarrierRefusal, OwnedNumber, PortError};
use crate::publish_campaign::id_of;

/// What is bought, and what it shall be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Who pays.
    pub account: AccountSid,
    /// The number, exactly.
    pub number: E164,
    /// The campaign that shall answer it.
    pub campaign: Option<CampaignId>,
    /// The publisher who is paid for its calls.
    pub publisher: Option<PublisherId>,
    /// The pool that it is bought for.
    pub pool: Option<NumberPoolId>,
    /// Where callers go when our servers cannot answer.
    pub fallback_number: Option<E164>,
}

/// Buys a number and sets it up.
///
/// # Errors
/// A port did not answer. Whether the number was bought is seen among the account's importable numbers.
pub async fn buy(tools: &Tools<'_>, tenant: TenantId, purchase: Purchase) -> Outcome<Stored> {
    let Purchase { account, number, campaign, publisher, pool, fallback_number } = purchase;
    if let Err(refused) = check_account(tools, &account).await? {
        return Ok(Err(refused));
    }
    let entry = Number {
        number,
        account_sid: account,
        campaign,
        publisher,
        pool,
        pool_shard: 0,
        left_pool_at: None,
        fallback_number,
        twilio: None,
    };
    let problems = catalog::problems_of(tools, tenant, &entry, None).await?;
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    if numbers_of(tools, tenant).await?.iter().any(|(_, known)| known.number == entry.number) {
        return Ok(Err(Refused::Taken { field: Number::UNIQUE_FIELD }));
    }
    buy_checked(tools, tenant, entry).await
}

/// Buys a number whose account and references were looked at and that is not set up here, and sets it up.
///
/// # Errors
/// As [`buy`].
pub(crate) async fn buy_checked(tools: &Tools<'_>, tenant: TenantId, mut entry: Number) -> Outcome<Stored> {
    if let Err(refused) = place::stand(tools, tenant, &mut entry, None).await? {
        return Ok(Err(refused));
    }
    let (owned, warnings) = match obtain(tools, &entry).await? {
        Ok(obtained) => obtained,
        Err(refused) => return Ok(Err(refused)),
    };
    entry.twilio = Some(owned.line());
    let is_connected = published_fallback(tools, tenant, &entry).await?.is_some();
    let fallback = entry.fallback_number.clone();
    let mut stored = match catalog::store_new(tools, tenant, entry, "bought").await? {
        Ok(stored) => stored,
        Err(refused) => return Ok(Err(refused)),
    };
    // A number of a published campaign was connected when it was stored; any other rings here too, from its purchase on.
    if !is_connected {
        let id = id_of(&stored.record)?;
        if !write_page(&tools.lines, id, &owned.number, fallback.as_ref(), deadline(tools)).await {
            stored.warnings.push(page_warning(&owned.number));
        }
    }
    stored.warnings.splice(0..0, warnings);
    Ok(Ok(stored))
}

/// The number in the account: bought now, or there already.
async fn obtain(tools: &Tools<'_>, entry: &Number) -> Outcome<(OwnedNumber, Vec<Warning>)> {
    let (telephony, account, number) = (tools.lines.telephony, &entry.account_sid, &entry.number);
    let until = deadline(tools);
    let known = asked(until, "number", telephony.owned_number(account, number));
    let (known, application) = join(known, application(&tools.lines, account, until)).await;
    match known? {
        Err(refused) => return Ok(Err(refused)),
        Ok(Some(owned)) => {
            let warning = Warning {
                code: "already_owned",
                message: "the Twilio account had this number already: nothing was bought".to_owned(),
            };
            return Ok(Ok((owned, vec![warning])));
        }
        Ok(None) => {}
    }
    // Why was logged where it happened.
    let what = "making sure of the application at Twilio";
    let application = application.map_err(|_| PortError::Busy { what })?;
    // Not cut short by our patience: an answer that nobody waits for would be a purchase that nobody knows of.
    match telephony.buy_number(account, number, &application).await? {
        Ok(owned) => Ok(Ok((owned, Vec::new()))),
        // Two purchases at the same time: the other one was ours, too.
        Err(refusal @ CarrierRefusal::NotAvailable) => {
            match asked(deadline(tools), "number", telephony.owned_number(account, number)).await? {
                Ok(Some(owned)) => Ok(Ok((owned, Vec::new()))),
                Ok(None) => Ok(Err(carrier("number", refusal))),
                Err(refused) => Ok(Err(refused)),
            }
        }
        Err(refusal) => Ok(Err(carrier("number", refusal))),
    }
}
