//! The numbers of the spare Twilio account: after a start they ring again. The simulated network forgets them at every end;
//! Twilio would not.

use api::Context;
use app::catalog;
use app::numbers::{self, MAX_VERIFIED};
use app::ports::Kind;
use domain::audit::{Actor, By, Origin};
use domain::ids::AccountSid;
use domain::number::Number;
use runtime::Cause;
use testkit::phone::PhoneNetwork;

use crate::simulator::own_number;

/// Gives the network the numbers that whoever connected the account has there, and points them at us.
///
/// # Errors
/// The database does not answer.
pub async fn ring_again(
    context: &Context,
    account: &AccountSid,
    network: &PhoneNetwork,
) -> Result<(), Cause> {
    let Some(connected) = context.accounts.account(account).await? else { return Ok(()) };
    let tenant = connected.tenant;
    for record in context.catalog.list(tenant, Kind::Number).await? {
        let number: Number = catalog::entry_of(&record)?;
        if number.account_sid == *account {
            own_number(network, number.number.as_str());
        }
    }
    let by = By { actor: Actor::System, origin: Origin::default() };
    let tools = context.tools(tenant, &by);
    let mut after = None;
    loop {
        let verified = numbers::verify(&tools, tenant, None, after.as_deref(), MAX_VERIFIED).await?;
        if verified.next.is_none() {
            return Ok(());
        }
        after = verified.next;
    }
}
