//! Number pools: which numbers stand in them, how they are bought and given back, and how they are used.
//!
//! What must stay true: a number that visitors may see is not given back to Twilio; money is spent by [`crate::numbers`] alone; what
//! became of each number is told exactly, also when only some of it worked.

mod advice;
mod allocate;
mod members;
pub(crate) mod place;
mod sample;
mod shrink;

pub use advice::{Advice, Basis, Need, Question, advise};
pub use allocate::{Allocated, Allocation, Bought, MAX_ALLOCATED, NotBought, Replaced, allocate, replace};
pub use members::{MAX_MOVED, Member, Members, Moved, add, members, remove};
pub use sample::{SamplePools, Sampled};
pub use shrink::{Shrunk, shrink};

use domain::ids::{NumberPoolId, TenantId};
use domain::pool::NumberPool;
use domain::validate::Problem;

use crate::catalog::{self, Outcome, Refused, Tools};
use crate::ports::Record;

/// A pool as it is stored.
async fn pool(tools: &Tools<'_>, tenant: TenantId, id: NumberPoolId) -> Outcome<(Record, NumberPool)> {
    let Some(record) = catalog::get::<NumberPool>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let pool = catalog::entry_of(&record)?;
    Ok(Ok((record, pool)))
}

fn invalid(field: &str, rule: &str, message: impl Into<String>) -> Refused {
    Refused::Invalid(vec![Problem {
        field: field.to_owned(),
        rule: rule.to_owned(),
        message: message.into(),
    }])
}
