//! Looks for numbers that can be bought.

use crate::catalog::{Outcome, Tools};
use crate::ports::{AvailableNumber, NumberSearch};
use domain::ids::AccountSid;

use super::{asked, check_account, deadline};

/// Numbers that can be bought now, as Twilio orders them.
///
/// # Errors
/// Twilio did not answer.
pub async fn search(
    tools: &Tools<'_>,
    account: &AccountSid,
    search: &NumberSearch,
) -> Outcome<Vec<AvailableNumber>> {
    if let Err(refused) = check_account(tools, account).await? {
        return Ok(Err(refused));
    }
    let field = if search.area_code.is_some() { "area_code" } else { "country" };
    asked(deadline(tools), field, tools.lines.telephony.search_numbers(account, search)).await
}
