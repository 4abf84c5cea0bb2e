//! Who uses what: references must lead somewhere, and what is referred to stays.
//!
//! A deletion and a new reference made in the same instant may miss each other; publishing looks once more and names what
//! is missing, and a deleted destination is switched off, so no call is ever sent to it.

use domain::campaign::Campaign;
use domain::ids::TenantId;
use domain::number::Number;
use domain::validate::{Problem, Problems};
use futures::future::try_join_all;

use super::{entry_of, word};
use crate::ports::{Catalog, Kind, PortResult, Record};

/// Reads at the same time, at most.
const PARALLEL: usize = 16;

/// One thing names another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    field: String,
    kind: Kind,
    id: String,
}

impl Reference {
    /// The field that names it, its kind and its id.
    pub const fn new(field: String, kind: Kind, id: String) -> Self {
        Self { field, kind, id }
    }
}

/// Something that uses a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its name, or the phone number.
    pub name: String,
}

/// References that lead nowhere, as problems of their fields.
pub(super) async fn missing(
    catalog: &dyn Catalog,
    tenant: TenantId,
    references: &[Reference],
) -> PortResult<Vec<Problem>> {
    let mut problems = Problems::new();
    for some in references.chunks(PARALLEL) {
        let reads = some.iter().map(|reference| catalog.get(tenant, reference.kind, &reference.id));
        for (reference, found) in some.iter().zip(try_join_all(reads).await?) {
            if found.is_none() {
                let message = format!("there is no {} {}", word(reference.kind), reference.id);
                problems.add(reference.field.as_str(), "exists", message);
            }
        }
    }
    Ok(problems.into_vec())
}

/// Many things of one kind, in the order of their ids; those that do not exist are left out.
pub(crate) async fn fetch(
    catalog: &dyn Catalog,
    tenant: TenantId,
    kind: Kind,
    ids: &[String],
) -> PortResult<Vec<Record>> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(PARALLEL) {
        let reads = some.iter().map(|id| catalog.get(tenant, kind, id));
        found.extend(try_join_all(reads).await?.into_iter().flatten());
    }
    Ok(found)
}

/// What uses a thing: campaigns use destinations, numbers use campaigns.
pub(super) async fn users_of(
    catalog: &dyn Catalog,
    tenant: TenantId,
    kind: Kind,
    id: &str,
) -> PortResult<Vec<User>> {
    let user_kind = match kind {
        Kind::Target | Kind::RtbTarget => Kind::Campaign,
        Kind::Campaign => Kind::Number,
        Kind::Number => return Ok(Vec::new()),
    };
    let mut users = Vec::new();
    for record in catalog.list(tenant, user_kind).await? {
        if let Some(name) = uses(&record, kind, id)? {
            users.push(User { kind: user_kind, id: record.id, name });
        }
    }
    Ok(users)
}

/// The user's name, when it uses the thing.
fn uses(record: &Record, kind: Kind, id: &str) -> PortResult<Option<String>> {
    Ok(match kind {
        Kind::Target => {
            let campaign: Campaign = entry_of(record)?;
            let used = campaign.plan.iter().any(|entry| entry.target.to_string() == id);
            used.then_some(campaign.name)
        }
        Kind::RtbTarget => {
            let campaign: Campaign = entry_of(record)?;
            let used = campaign.auction.bidders.iter().any(|entry| entry.rtb_target.to_string() == id);
            used.then_some(campaign.name)
        }
        Kind::Campaign => {
            let number: Number = entry_of(record)?;
            let used = number.campaign.is_some_and(|campaign| campaign.to_string() == id);
            used.then(|| number.number.into())
        }
        Kind::Number => None,
    })
}
