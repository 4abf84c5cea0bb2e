//! What a tenant sets up: campaigns and what they refer to. One set of deeds for all nouns.
//!
//! What must stay true:
//!
//! * A change names the version it was made from; of two changes from the same version one is refused.
//! * What is stored has passed the domain's rules, and refers only to things of the same tenant.
//! * What is in use is not deleted, and the refusal says what uses it.
//! * Whatever is changed stands in the audit log, written in the same transaction; a refused change stands nowhere.
//! * A changed thing that published campaigns hold a copy of is put into them, see [`crate::campaigns`].
//! * Live flags follow the stored status at once: published campaigns look at the flags.
//! * A tenant has at most [`MAX_OF_A_KIND`] things of a kind.

pub mod body;
mod entry;
mod listing;
mod noting;
mod objects;
mod switches;
mod uses;

pub use entry::Entry;
pub(crate) use listing::cut;
pub use listing::{Listed, Listing, Position, SortBy, list, page};
pub use noting::Scribe;
pub(crate) use noting::{Noted, noted};
pub use uses::{Reference, User, Using};
pub(crate) use uses::{fetch, users_of};

use domain::audit::By;
use domain::ids::{Id, IdError, TenantId};
use domain::validate::{Problem, Problems};
use serde_json::{Map, Value};

use crate::campaigns::follow;
use crate::clock::Clock;
use crate::ports::{
    CarrierRefusal, Catalog, Counters, Identity, Kind, MAX_OF_A_KIND, PortError, PortResult, Published,
    Record, Saved, Vault,
};
use crate::publish_campaign::Lines;
use crate::twilio_accounts::OwnAccounts;

/// Judges a bidder's address when it is saved; the words say what is wrong with it.
pub type UrlCheck = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// Largest body of a thing that is stored, bytes of its JSON. Patches could add up to more than a record can hold.
pub const MAX_STORED: usize = 256 * 1024;

/// What these deeds work with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Who does it, and from where: for the audit log.
    pub by: &'a By,
    /// Makes personal values recognisable in the audit log without showing them.
    pub vault: &'a dyn Vault,
    /// The tenant's things.
    pub catalog: &'a dyn Catalog,
    /// Published campaigns.
    pub published: &'a dyn Published,
    /// Live flags.
    pub counters: &'a dyn Counters,
    /// Numbers at Twilio and their fallback documents.
    pub lines: Lines<'a>,
    /// Buyers' and publishers' people.
    pub people: &'a dyn Identity,
    /// Time and new ids.
    pub clock: &'a dyn Clock,
    /// The tenant's Twilio accounts.
    pub accounts: OwnAccounts<'a>,
    /// The rules for addresses that bidders are asked at.
    pub check_url: &'a UrlCheck,
}

impl<'a> Tools<'a> {
    /// What entries of the audit log are made with.
    pub const fn scribe(&self) -> Scribe<'a> {
        Scribe { by: self.by, vault: self.vault, clock: self.clock }
    }
}

/// Why something was not done. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such thing in this account.
    NotFound,
    /// Broken rules.
    Invalid(Vec<Problem>),
    /// Another one has the name, or the phone number.
    Taken {
        /// The field.
        field: &'static str,
    },
    /// Somebody changed it meanwhile.
    Changed {
        /// The version that is stored now, when known.
        current: Option<u64>,
    },
    /// Something else uses it.
    InUse(Vec<User>),
    /// The campaign is archived: it is neither published nor switched on or off.
    Archived,
    /// The campaign could not place a call; what stands in the way.
    NotReady(Vec<Problem>),
    /// There are as many of this kind as there may be.
    LimitReached {
        /// How many.
        most: u32,
    },
    /// Twilio would not do it.
    Carrier {
        /// The field of the request that it is about.
        field: &'static str,
        /// Why.
        refusal: CarrierRefusal,
    },
}

/// Something was stored, but a part of what belongs to it did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// For programs.
    pub code: &'static str,
    /// For people: what did not work, and what to do.
    pub message: String,
}

/// A change that was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// As it is stored now.
    pub record: Record,
    /// What did not work although it was stored.
    pub warnings: Vec<Warning>,
}

/// A refusal is a value; an error means that a port did not work.
pub type Outcome<T> = PortResult<Result<T, Refused>>;

/// One thing; `None` when this tenant has no such thing.
///
/// # Errors
/// The catalogue did not answer.
pub async fn get<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
) -> PortResult<Option<Record>> {
    tools.catalog.get(tenant, E::KIND, &id.to_string()).await
}

/// A new thing from its JSON body.
///
/// # Errors
/// A port did not answer. The thing may be stored all the same when only its follow-up failed.
pub async fn create<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    body: Map<String, Value>,
) -> Outcome<Stored> {
    let problems = read_only::<E>(&body);
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    let mut entry: E = match read_body(body) {
        Ok(entry) => entry,
        Err(refused) => return Ok(Err(refused)),
    };
    let problems = problems_of(tools, tenant, &entry, None).await?;
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    if let Err(refused) = entry.complete(tools, tenant, None).await? {
        return Ok(Err(refused));
    }
    store_new(tools, tenant, entry, "created").await
}

/// Stores a new thing that was looked at and completed; `deed` is for the audit log.
///
/// # Errors
/// As [`create`].
pub(crate) async fn store_new<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    entry: E,
    deed: &'static str,
) -> Outcome<Stored> {
    let id = Id::<E::Noun>::from_uuid(tools.clock.new_id());
    let now = tools.clock.now();
    let body = body_of(&entry)?;
    let record = Record { id: id.to_string(), version: 1, created_at: now, updated_at: now, body };
    let what = Noted { deed, after: Some(&record.body), ..Noted::of::<E>(&record.id, entry.unique()) };
    let note = noted(tools, tenant, what).await?;
    switches::before_birth(tools, tenant, id, &entry).await?;
    match tools.catalog.create(tenant, E::KIND, &record, entry.unique(), &note).await? {
        Saved::Done => {}
        Saved::Taken => return Ok(Err(Refused::Taken { field: E::UNIQUE_FIELD })),
        Saved::Changed => return Ok(Err(Refused::Changed { current: None })),
        Saved::LimitReached => return Ok(Err(Refused::LimitReached { most: MAX_OF_A_KIND })),
    }
    let warnings = entry.after_save(tools, tenant, id, None).await?;
    Ok(Ok(Stored { record, warnings }))
}

/// Changes a thing by a JSON merge patch (RFC 7396) that also names the `version` it was made from. A patch that
/// changes nothing keeps the version, but its follow-up (live flag, number at Twilio) is done again.
///
/// # Errors
/// A port did not answer. The change may be stored all the same when only its follow-up failed; sending the same fields
/// again, with the new version, repairs that.
pub async fn update<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    mut patch: Map<String, Value>,
) -> Outcome<Stored> {
    let version = match body::take_version(&mut patch) {
        Ok(version) => version,
        Err(problem) => return Ok(Err(Refused::Invalid(vec![problem]))),
    };
    let Some(before) = get::<E>(tools, tenant, id).await? else { return Ok(Err(Refused::NotFound)) };
    if before.version != version {
        return Ok(Err(Refused::Changed { current: Some(before.version) }));
    }
    let problems = read_only::<E>(&patch);
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    let old: E = entry_of(&before)?;
    let mut entry: E = match body::read(body::merged(&before.body, patch)) {
        Ok(entry) => entry,
        Err(problems) => return Ok(Err(Refused::Invalid(problems))),
    };
    let problems = problems_of(tools, tenant, &entry, Some(&old)).await?;
    if !problems.is_empty() {
        return Ok(Err(Refused::Invalid(problems)));
    }
    entry.settle();
    if let Err(refused) = entry.complete(tools, tenant, Some(&old)).await? {
        return Ok(Err(refused));
    }
    let warnings = match entry.before_change(tools, tenant, id, &old).await? {
        Ok(warnings) => warnings,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut stored = match save(tools, tenant, &before, (&old, &entry), "updated").await? {
        Ok(stored) => stored,
        Err(refused) => return Ok(Err(refused)),
    };
    stored.warnings.extend(warnings);
    stored.warnings.extend(follow(tools, tenant, E::KIND, &stored.record.id, true).await?);
    entry.after_change(tools, tenant, id, &old, stored).await.map(Ok)
}

/// Stores a thing in the place of what it was, with the live flags and whatever else follows from it; `deed` is for the
/// audit log. What is the same is not stored again, but what follows is done again.
///
/// # Errors
/// A port did not answer. The change may be stored all the same.
pub(crate) async fn save<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    before: &Record,
    (old, new): (&E, &E),
    deed: &'static str,
) -> Outcome<Stored> {
    let corrupt = |cause| PortError::corrupt("read the id of a catalogue entry", cause);
    let id: Id<E::Noun> = before.id.parse().map_err(|cause: IdError| corrupt(cause))?;
    let touched = switches::before_change(tools, tenant, id, (old, new)).await?;
    let saved = save_change(tools, tenant, before, (old, new), deed).await;
    if touched || matches!(saved, Ok(Ok(_))) {
        switches::follow::<E>(tools, tenant, id).await?;
    }
    let record = match saved? {
        Ok(record) => record,
        Err(refused) => return Ok(Err(refused)),
    };
    let warnings = new.after_save(tools, tenant, id, Some(old)).await?;
    Ok(Ok(Stored { record, warnings }))
}

/// Stores a changed thing that was looked at and completed; one that did not change keeps its version.
pub(crate) async fn save_change<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    before: &Record,
    (old, new): (&E, &E),
    deed: &'static str,
) -> Outcome<Record> {
    let body = body_of(new)?;
    if body == before.body {
        return Ok(Ok(before.clone()));
    }
    let record = Record {
        id: before.id.clone(),
        version: before.version + 1,
        created_at: before.created_at,
        updated_at: tools.clock.now(),
        body,
    };
    let what = Noted {
        deed,
        before: Some(&before.body),
        after: Some(&record.body),
        ..Noted::of::<E>(&record.id, new.unique())
    };
    let note = noted(tools, tenant, what).await?;
    let from = (before, old.unique());
    let saved = tools.catalog.replace(tenant, E::KIND, &record, new.unique(), from, &note).await?;
    Ok(match saved {
        Saved::Done => Ok(record),
        Saved::Taken => Err(Refused::Taken { field: E::UNIQUE_FIELD }),
        Saved::Changed | Saved::LimitReached => Err(Refused::Changed { current: None }),
    })
}

/// Removes a thing that nothing uses; what a person should know about it.
///
/// # Errors
/// A port did not answer.
pub async fn delete<E: Entry>(tools: &Tools<'_>, tenant: TenantId, id: Id<E::Noun>) -> Outcome<Vec<Warning>> {
    remove::<E>(tools, tenant, id, "deleted").await
}

/// The same; `deed` is for the audit log.
///
/// # Errors
/// As [`delete`].
pub(crate) async fn remove<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    deed: &'static str,
) -> Outcome<Vec<Warning>> {
    let Some(record) = get::<E>(tools, tenant, id).await? else { return Ok(Err(Refused::NotFound)) };
    let users = uses::users_of(tools, tenant, E::KIND, &record.id).await?;
    if !users.is_empty() {
        return Ok(Err(Refused::InUse(users)));
    }
    let entry: E = entry_of(&record)?;
    let what = Noted { deed, before: Some(&record.body), ..Noted::of::<E>(&record.id, entry.unique()) };
    let note = noted(tools, tenant, what).await?;
    entry.before_removal(tools, id).await?;
    switches::before_removal(tools, tenant, id, &entry).await?;
    let deleted = tools.catalog.delete(tenant, E::KIND, &record, entry.unique(), &note).await;
    if !matches!(deleted, Ok(Saved::Done)) {
        switches::follow::<E>(tools, tenant, id).await?;
        if let Some(record) = get::<E>(tools, tenant, id).await? {
            entry_of::<E>(&record)?.after_failed_removal(tools, tenant, id).await?;
        }
    }
    Ok(match deleted? {
        Saved::Done => Ok(follow(tools, tenant, E::KIND, &record.id, false).await?),
        Saved::Changed | Saved::Taken | Saved::LimitReached => Err(Refused::Changed { current: None }),
    })
}

/// Everything that is wrong with a thing about to be stored: its own rules, its references, what surrounds it.
pub(crate) async fn problems_of<E: Entry>(
    tools: &Tools<'_>,
    tenant: TenantId,
    entry: &E,
    before: Option<&E>,
) -> PortResult<Vec<Problem>> {
    let mut found = entry.validate().err().unwrap_or_default();
    let mut around = Problems::new();
    if body_of(entry)?.to_string().len() > MAX_STORED {
        around.add("", "size", format!("all of it together is larger than {MAX_STORED} bytes"));
    }
    entry.check_surroundings(tools, before, &mut around);
    entry.check_account(tools, &mut around).await?;
    found.extend(around.into_vec());
    // What it referred to before was looked up then, and cannot be removed while it does.
    let new = uses::new_ones(entry.references(), &before.map(E::references).unwrap_or_default());
    found.extend(uses::missing(tools.catalog, tenant, &new).await?);
    Ok(found)
}

/// Reads the JSON body of a request strictly; what is wrong is told with its field.
///
/// # Errors
/// [`Refused::Invalid`] names the field.
pub fn read_body<T: serde::de::DeserializeOwned>(body: Map<String, Value>) -> Result<T, Refused> {
    body::read(Value::Object(body)).map_err(Refused::Invalid)
}

/// Fields of the system's own that a request names.
fn read_only<E: Entry>(body: &Map<String, Value>) -> Vec<Problem> {
    let named = E::SYSTEM_FIELDS.iter().filter(|field| body.contains_key(**field));
    let problem = |field: &&str| Problem {
        field: (*field).to_owned(),
        rule: "read_only".to_owned(),
        message: "this is filled in by us: leave it out".to_owned(),
    };
    named.map(problem).collect()
}

/// The thing inside a stored record.
///
/// # Errors
/// The record does not hold such a thing.
pub fn entry_of<E: Entry>(record: &Record) -> PortResult<E> {
    serde_json::from_value(record.body.clone())
        .map_err(|cause| PortError::corrupt("read a catalogue entry", cause))
}

/// A record as everybody sees it: without secrets.
pub fn shown<E: Entry>(mut record: Record) -> Record {
    if let Value::Object(body) = &mut record.body {
        E::hide_secrets(body);
    }
    record
}

/// A record as those see it who may not see callers' numbers.
pub fn masked<E: Entry>(mut record: Record) -> Record {
    if let Value::Object(body) = &mut record.body {
        E::mask_personal(body);
    }
    record
}

fn body_of<E: Entry>(entry: &E) -> PortResult<Value> {
    serde_json::to_value(entry).map_err(|cause| PortError::corrupt("write a catalogue entry", cause))
}

/// The kind in words.
pub const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Campaign => "campaign",
        Kind::Target => "target",
        Kind::RtbTarget => "RTB target",
        Kind::Number => "phone number",
        Kind::Publisher => "publisher",
        Kind::Buyer => "buyer",
        Kind::TargetGroup => "target group",
        Kind::RingTree => "ring tree",
        Kind::Agent => "agent",
        Kind::NumberPool => "number pool",
        Kind::BlockedNumber => "blocked number",
        Kind::IncomingWebhook => "incoming webhook",
        Kind::TrackingTag => "tracking tag",
        Kind::UrlParameter => "URL parameter",
    }
}
