//! The rows in which pools' numbers are leased: one for each number of a pool. [`crate::leases`] writes them from then on.
//!
//! What must stay true: a number has a row exactly as long as its catalogue entry names a pool, in the partition that the entry
//! names; both change in one transaction. A number that was in a pool before is free only when nobody can see it any more.

use domain::geo::AreaCode;
use domain::ids::TenantId;
use domain::number::Number;
use domain::phone::E164;

use crate::item::{Draft, Item, number as digits, text};
use crate::keys::{self, Key};
use crate::write::{Deed, Write};

/// What happens to a number's row when the number was the first and is the second.
pub(crate) fn moves(tenant: TenantId, before: Option<&Number>, after: Option<&Number>) -> Vec<Write> {
    let (from, to) =
        (before.and_then(|number| place(tenant, number)), after.and_then(|number| place(tenant, number)));
    if from == to {
        return Vec::new();
    }
    let leaves = from.map(|key| Write::new(Deed::Remove(key)));
    let enters = after.and_then(|number| pool_row(tenant, number)).map(|row| Write::new(Deed::Put(row)));
    leaves.into_iter().chain(enters).collect()
}

fn place(tenant: TenantId, number: &Number) -> Option<Key> {
    Some(keys::pool_number(tenant, number.pool?, number.pool_shard, &number.number))
}

/// The row of a number that has entered its pool just now; `None`: it is in none.
pub(crate) fn pool_row(tenant: TenantId, number: &Number) -> Option<Item> {
    let free_after = number.unseen_from().map_or(0, |at| at.as_millisecond());
    let row = Draft::new(place(tenant, number)?, "pool_number", Some(tenant))
        .with("number", text(number.number.as_str()))
        .with("visit", text(""))
        .with("lease", text(""))
        .with("until", digits(0))
        .with("free_after", digits(free_after))
        .with("previous", text(""))
        .with("previous_free_after", digits(0));
    let row = match state_of(&number.number) {
        Some(state) => row.with("state", text(state)),
        None => row,
    };
    Some(row.build())
}

/// The state of a number by its area code.
fn state_of(number: &E164) -> Option<String> {
    let code: AreaCode = number.nanp()?.get(..3)?.to_owned().try_into().ok()?;
    let (_, state) = code.place()?;
    Some(state?.as_str().to_owned())
}
