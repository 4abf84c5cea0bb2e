//! Phone numbers at Twilio: found, bought, brought in, led here, looked after, given back.
//!
//! What must stay true:
//!
//! * One TwiML application per Twilio account and installation carries our addresses; a number rings here by being given to
//!   it ([`connect`]). A number's own addresses stay as they are, so that taking it off the application undoes everything.
//! * Nobody claims a number that their Twilio account does not have: ownership is proved before the claim is written.
//! * What costs money is not done twice, and not before everything that can be refused was looked at.
//! * A fallback document stands only under a number that the account has: it would take a stranger's callers.

mod buy;
mod connect;
mod import;
mod leave;
mod search;
mod verify;

pub(crate) use buy::buy_checked;
pub use buy::{Purchase, buy};
pub(crate) use connect::said;
pub use connect::{ConnectedNumber, FALLBACK_DOCUMENT, Hooks, Line, Lines, RenderFallback, application_name};
pub(crate) use connect::{connect_numbers, reconnect_number};
pub use import::{Imported, MAX_IMPORT, Outcome as ImportOutcome, import, importable};
pub use leave::release;
pub(crate) use leave::unroute;
pub use search::search;
pub use verify::{Finding, MAX_VERIFIED, Verified, VerifiedNumber, verify, verify_one};

use domain::ids::{AccountSid, TenantId};
use domain::number::{Number, TwilioLine};
use domain::phone::E164;
use domain::validate::Problem;
use tokio::time::{Instant, timeout_at};

use crate::catalog::{Entry as _, Outcome as Done, Refused, Tools};
use crate::ports::{Carried, CarrierRefusal, PortError, PortResult, Record};

/// Numbers worked on at the same time, at most.
pub(crate) const PARALLEL: usize = 8;

/// Asks Twilio until the time is up; a refusal is about this field of the request.
pub(crate) async fn asked<T>(
    until: Instant,
    field: &'static str,
    answer: impl Future<Output = Carried<T>>,
) -> Done<T> {
    let what = "asking Twilio";
    let carried = timeout_at(until, answer).await.unwrap_or(Err(PortError::Busy { what }))?;
    Ok(carried.map_err(|refusal| carrier(field, refusal)))
}

/// A refusal of Twilio's; one about the account's token is about the account, whatever was asked.
fn carrier(field: &'static str, refusal: CarrierRefusal) -> Refused {
    let field = match refusal {
        CarrierRefusal::NotAuthorised | CarrierRefusal::TrialLimit => "account_sid",
        _ => field,
    };
    Refused::Carrier { field, refusal }
}

/// The account must be one of the tenant's.
pub(crate) async fn check_account(tools: &Tools<'_>, account: &AccountSid) -> Done<()> {
    if tools.accounts.contains(account).await? {
        return Ok(Ok(()));
    }
    Ok(Err(Refused::Invalid(vec![Problem {
        field: "account_sid".to_owned(),
        rule: "account".to_owned(),
        message: NOT_YOUR_ACCOUNT.to_owned(),
    }])))
}

/// Why an account cannot be used.
pub(crate) const NOT_YOUR_ACCOUNT: &str =
    "this is not one of your connected Twilio accounts: connect it first";

/// What Twilio says of a number that the account must have.
pub(crate) async fn prove(tools: &Tools<'_>, account: &AccountSid, number: &E164) -> Done<TwilioLine> {
    let owned = tools.lines.telephony.owned_number(account, number);
    Ok(match asked(deadline(tools), Number::UNIQUE_FIELD, owned).await? {
        Ok(Some(owned)) => Ok(owned.line()),
        Ok(None) => Err(Refused::Invalid(vec![Problem {
            field: Number::UNIQUE_FIELD.to_owned(),
            rule: "owned".to_owned(),
            message: "this Twilio account does not have the number: buy it, or name the account that has it"
                .to_owned(),
        }])),
        Err(refused) => Err(refused),
    })
}

/// The tenant's numbers.
pub(crate) async fn numbers_of(tools: &Tools<'_>, tenant: TenantId) -> PortResult<Vec<(Record, Number)>> {
    let records = tools.catalog.list(tenant, Number::KIND).await?;
    let read = records.into_iter().map(|record| {
        let number = crate::catalog::entry_of(&record)?;
        Ok((record, number))
    });
    read.collect()
}

/// How long the numbers of one request may take together.
pub(crate) fn deadline(tools: &Tools<'_>) -> Instant {
    Instant::now() + tools.lines.hooks.patience
}
