//! Who uses what: references must lead somewhere, and what is referred to stays. What a thing refers to, its noun says
//! ([`Entry::references`]); who may use it, [`users`] says.
//!
//! A deletion and a new reference made in the same instant may miss each other; publishing looks once more and names what
//! is missing, and a deleted destination is switched off, so no call is ever sent to it.

use std::collections::HashSet;

use domain::access::Party;
use domain::campaign::Campaign;
use domain::dni::tag::TrackingTag;
use domain::group::{RingTree, TargetGroup};
use domain::ids::TenantId;
use domain::incoming_webhook::IncomingWebhook;
use domain::number::Number;
use domain::target::{RtbTarget, Target};
use domain::validate::{Problem, Problems};
use futures::future::{try_join, try_join_all};

use super::{Entry, Tools, entry_of, word};
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

    /// The same for a field with a plain name.
    pub fn of(field: &str, kind: Kind, id: &impl ToString) -> Self {
        Self::new(field.to_owned(), kind, id.to_string())
    }
}

/// What may use a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Using {
    /// Another thing of the catalogue.
    Thing(Kind),
    /// A buyer's or publisher's person: they see its things, and nothing without it.
    Person,
    /// An invitation to become one.
    Invitation,
}

impl Using {
    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Thing(kind) => word(kind),
            Self::Person => "user",
            Self::Invitation => "invitation",
        }
    }
}

/// Something that uses a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What it is.
    pub kind: Using,
    /// Its id.
    pub id: String,
    /// Its name, or the phone number; of an invitation the masked address.
    pub name: String,
}

/// Those references that name something that was not referred to before, in whatever field.
pub(super) fn new_ones(mut references: Vec<Reference>, before: &[Reference]) -> Vec<Reference> {
    let known: HashSet<(Kind, &str)> =
        before.iter().map(|reference| (reference.kind, reference.id.as_str())).collect();
    references.retain(|reference| !known.contains(&(reference.kind, reference.id.as_str())));
    references
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

/// The kinds whose things may refer to things of this kind.
const fn users(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Target => &[Kind::Campaign, Kind::TargetGroup],
        Kind::RtbTarget => &[Kind::Campaign, Kind::RingTree],
        Kind::Publisher => &[Kind::Campaign, Kind::Number, Kind::TrackingTag],
        Kind::Buyer => &[Kind::Target, Kind::RtbTarget],
        Kind::Agent => &[Kind::Target],
        Kind::NumberPool => &[Kind::Number, Kind::TrackingTag],
        Kind::TargetGroup | Kind::RingTree => &[Kind::Campaign],
        Kind::Campaign => &[Kind::Number, Kind::IncomingWebhook, Kind::TrackingTag],
        Kind::Number => &[Kind::Campaign, Kind::TrackingTag],
        Kind::BlockedNumber | Kind::IncomingWebhook | Kind::TrackingTag | Kind::UrlParameter => &[],
    }
}

/// What uses a thing: other things, and people.
pub(crate) async fn users_of(
    tools: &Tools<'_>,
    tenant: TenantId,
    kind: Kind,
    id: &str,
) -> PortResult<Vec<User>> {
    let mut found = Vec::new();
    for user_kind in users(kind) {
        for record in tools.catalog.list(tenant, *user_kind).await? {
            if let Some(name) = name_if_uses(&record, *user_kind, kind, id)? {
                found.push(User { kind: Using::Thing(*user_kind), id: record.id, name });
            }
        }
    }
    if matches!(kind, Kind::Buyer | Kind::Publisher) {
        found.extend(people_of(tools, tenant, id).await?);
    }
    Ok(found)
}

/// The people of a buyer or publisher, whatever their status, and those who are invited to be.
async fn people_of(tools: &Tools<'_>, tenant: TenantId, id: &str) -> PortResult<Vec<User>> {
    let is_of = |party: Option<Party>| match party {
        Some(Party::Buyer(buyer)) => buyer.to_string() == id,
        Some(Party::Publisher(publisher)) => publisher.to_string() == id,
        None => false,
    };
    let now = tools.clock.now();
    let (users, invitations) = try_join(tools.people.users(tenant), tools.people.invitations(tenant)).await?;
    let users = users.into_iter().filter(|user| is_of(user.party));
    let users = users.map(|user| User { kind: Using::Person, id: user.id.to_string(), name: user.name });
    let invited = invitations.into_iter().filter(|invited| is_of(invited.party) && now < invited.expires_at);
    let invited = invited.map(|invited| {
        let name = invited.email.masked();
        User { kind: Using::Invitation, id: invited.id.to_string(), name }
    });
    Ok(users.chain(invited).collect())
}

/// The user's name, when it uses the thing.
fn name_if_uses(record: &Record, user: Kind, kind: Kind, id: &str) -> PortResult<Option<String>> {
    match user {
        Kind::Campaign => named::<Campaign>(record, kind, id),
        Kind::Number => named::<Number>(record, kind, id),
        Kind::Target => named::<Target>(record, kind, id),
        Kind::RtbTarget => named::<RtbTarget>(record, kind, id),
        Kind::TargetGroup => named::<TargetGroup>(record, kind, id),
        Kind::RingTree => named::<RingTree>(record, kind, id),
        Kind::IncomingWebhook => named::<IncomingWebhook>(record, kind, id),
        Kind::TrackingTag => named::<TrackingTag>(record, kind, id),
        // They refer to nothing.
        Kind::Publisher
        | Kind::Buyer
        | Kind::BlockedNumber
        | Kind::Agent
        | Kind::NumberPool
        | Kind::UrlParameter => Ok(None),
    }
}

fn named<E: Entry>(record: &Record, kind: Kind, id: &str) -> PortResult<Option<String>> {
    let entry: E = entry_of(record)?;
    let used = entry.references().iter().any(|reference| reference.kind == kind && reference.id == id);
    Ok(used.then(|| entry.unique().to_owned()))
}
