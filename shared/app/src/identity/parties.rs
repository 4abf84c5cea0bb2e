//! Whose things a buyer's or publisher's person sees: a buyer or publisher of the same account.

use domain::access::{Party, Role};
use domain::ids::TenantId;
use domain::people::check_party;
use domain::validate::Problems;

use super::{Done, Refused, Tools};
use crate::ports::Kind;

/// Refuses a party that does not go with the role, or that the account does not have.
pub(super) async fn check(tools: &Tools<'_>, tenant: TenantId, role: Role, party: Option<Party>) -> Done<()> {
    let mut problems = Problems::new();
    check_party(&mut problems, role, party);
    problems.into_result().map_err(Refused::Invalid)?;
    let (kind, id, word) = match party {
        None => return Ok(()),
        Some(Party::Buyer(id)) => (Kind::Buyer, id.to_string(), "buyer"),
        Some(Party::Publisher(id)) => (Kind::Publisher, id.to_string(), "publisher"),
    };
    if tools.catalog.get(tenant, kind, &id).await?.is_some() {
        return Ok(());
    }
    let mut problems = Problems::new();
    problems.add("party", "exists", format!("this account has no {word} {id}"));
    Ok(problems.into_result().map_err(Refused::Invalid)?)
}
