//! Numbers that leave us: taken off our application (they stay in the Twilio account), or given back to Twilio for ever.
//!
//! What must stay true: a number that leads elsewhere by now is left alone; afterwards its fallback document names nobody's
//! number; a number that Twilio knows no more can leave all the same.

use domain::ids::{NumberId, TenantId};
use domain::number::Number;
use domain::validate::Problem;
use tokio::time::{Instant, timeout_at};

use super::{asked, deadline};
use crate::catalog::{self, Entry as _, Outcome, Refused, Tools};
use crate::ports::{PortError, PortResult};

/// Takes a number off our application, if it is on it, and resets its fallback document.
///
/// # Errors
/// Twilio or the pages did not answer: the number may still ring here, so it must not be forgotten yet.
pub(crate) async fn unroute(tools: &Tools<'_>, id: NumberId, number: &Number) -> PortResult<()> {
    let until = deadline(tools);
    // Without the account's token nothing can be asked, nor do its calls get in any more.
    if tools.accounts.contains(&number.account_sid).await?
        && let Err(refused) = take_off(tools, number, until).await?
    {
        tracing::warn!(number_id = %id, reason = ?refused, "a number leaves, but Twilio refused to take it off");
    }
    reset_page(tools, number, until).await
}

async fn take_off(tools: &Tools<'_>, number: &Number, until: Instant) -> Outcome<()> {
    let (telephony, account) = (tools.lines.telephony, &number.account_sid);
    let owned = match asked(until, "number", telephony.owned_number(account, &number.number)).await? {
        Ok(Some(owned)) => owned,
        Ok(None) => return Ok(Ok(())),
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(application) = owned.application else { return Ok(Ok(())) };
    let name = &tools.lines.hooks.application;
    let ours = match asked(until, "number", telephony.applications(account, name)).await? {
        Ok(ours) => ours,
        Err(refused) => return Ok(Err(refused)),
    };
    if !ours.contains(&application) {
        return Ok(Ok(()));
    }
    let taken = asked(until, "number", telephony.point_number(account, &owned.sid, None)).await?;
    Ok(taken.map(drop))
}

async fn reset_page(tools: &Tools<'_>, number: &Number, until: Instant) -> PortResult<()> {
    let apology = (tools.lines.render_fallback)(None);
    let written = timeout_at(until, tools.lines.pages.write(&number.number, &apology)).await;
    written.unwrap_or(Err(PortError::Busy { what: "resetting a fallback document" }))
}

/// Gives a number back to Twilio and forgets it. Whoever asks repeats the number, because it cannot be undone.
///
/// # Errors
/// A port did not answer. Asking again goes on where it stopped.
pub async fn release(tools: &Tools<'_>, tenant: TenantId, id: NumberId, confirm: &str) -> Outcome<()> {
    let Some(record) = catalog::get::<Number>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let number: Number = catalog::entry_of(&record)?;
    if confirm != number.number.as_str() {
        return Ok(Err(Refused::Invalid(vec![Problem {
            field: "confirm".to_owned(),
            rule: "confirm".to_owned(),
            message: "repeat the number here, with + and country code: giving it back cannot be undone"
                .to_owned(),
        }])));
    }
    // What is in use would stay here, without a number behind it.
    let users = catalog::users_of(tools, tenant, Number::KIND, &record.id).await?;
    if !users.is_empty() {
        return Ok(Err(Refused::InUse(users)));
    }
    let (telephony, account) = (tools.lines.telephony, &number.account_sid);
    if let Err(refused) = super::check_account(tools, account).await? {
        return Ok(Err(refused));
    }
    let until = deadline(tools);
    let owned = match asked(until, "number", telephony.owned_number(account, &number.number)).await? {
        Ok(owned) => owned,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(owned) = owned
        && let Err(refused) = asked(until, "number", telephony.release_number(account, &owned.sid)).await?
    {
        return Ok(Err(refused));
    }
    Ok(catalog::remove::<Number>(tools, tenant, id, "released").await?.map(drop))
}
