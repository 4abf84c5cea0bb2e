//! API keys: made with scopes that their maker has, shown once, worthless from the moment they are revoked.

use domain::access::Permission;
use domain::audit::By;
use domain::ids::{ApiKeyId, TenantId};
use domain::validate::Problems;
use jiff::{SignedDuration, Timestamp};

use super::lists::{self, Listable};
use super::{Done, Refused, Tools, notes};
use crate::api_keys::TOKEN_PREFIX;
use crate::catalog::{Listing, Position, SortBy};
use crate::ports::{Act, ApiKey, KeptKey};
use crate::secret::Secret;

/// Most keys of an account.
pub const MOST: u32 = 100;
/// The scope that opens everything.
pub const EVERYTHING: &str = "*";
/// Longest life of a key that has an end.
const LONGEST: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

impl Listable for KeptKey {
    fn matches(&self, part: &str) -> bool {
        self.key.name.to_lowercase().contains(part)
    }

    fn position(&self, sort: SortBy) -> Position {
        let key = match sort {
            SortBy::Name => self.key.name.to_lowercase(),
            // A key is never changed.
            SortBy::CreatedAt | SortBy::UpdatedAt => format!("{:.9}", self.key.created_at),
        };
        Position { key, id: self.key.id.to_string() }
    }
}

/// A page of them, without their hashes.
///
/// # Errors
/// A port failed.
pub async fn list(
    tools: &Tools<'_>,
    tenant: TenantId,
    listing: &Listing,
) -> Done<(Vec<ApiKey>, Option<Position>)> {
    let (page, next) = lists::cut(tools.identity.api_keys(tenant).await?, listing);
    Ok((page.into_iter().map(|kept| kept.key).collect(), next))
}

/// How a key shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// For people: what it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Not valid from then on.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key. `may` says what its maker may do with everything in the account.
///
/// # Errors
/// Broken rules, a scope that the maker lacks, too many keys; or a port failed.
pub async fn create(
    tools: &Tools<'_>,
    by: &By,
    tenant: TenantId,
    new: NewKey,
    may: &(dyn Fn(Permission) -> bool + Sync),
) -> Done<(ApiKey, Secret)> {
    let now = tools.clock.now();
    let mut problems = Problems::new();
    problems.name("name", &new.name);
    check_scopes(&mut problems, &new.scopes, may);
    if new.expires_at.is_some_and(|at| at <= now || at.duration_since(now) > LONGEST) {
        problems.add("expires_at", "range", "a time in the next five years; leave it out for no end");
    }
    problems.into_result().map_err(Refused::Invalid)?;
    if tools.identity.api_keys(tenant).await?.len() >= MOST as usize {
        return Err(Refused::Full { what: "API keys", most: MOST }.into());
    }
    let (secret, token_hash) = super::new_token(TOKEN_PREFIX)?;
    let key = ApiKey {
        id: ApiKeyId::from_uuid(tools.clock.new_id()),
        tenant,
        name: new.name,
        scopes: new.scopes,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    let mut changes = vec![notes::set("scopes", &key.scopes)];
    notes::change(&mut changes, "expires_at", None, key.expires_at);
    let mut entry = notes::entry(tools, tenant, by, "api_key.created", key.id, changes);
    entry.name = Some(key.name.clone());
    let step = Act::CreateKey(KeptKey { token_hash, key: key.clone() });
    if !tools.commit(tenant, &[step], Some(&entry)).await? {
        return Err(Refused::State("the key could not be made: try again").into());
    }
    Ok((key, secret))
}

fn check_scopes(problems: &mut Problems, scopes: &[String], may: &(dyn Fn(Permission) -> bool + Sync)) {
    if scopes.is_empty() {
        problems.add("scopes", "required", "name at least one scope, such as calls:read; * is everything");
    }
    problems.at_most("scopes", scopes.len(), Permission::ALL.len());
    for (place, scope) in scopes.iter().enumerate() {
        let field = format!("scopes[{place}]");
        if scopes.iter().take(place).any(|other| other == scope) {
            problems.add(field, "unique", "this scope stands here twice");
            continue;
        }
        let needed: Vec<Permission> = if scope == EVERYTHING {
            Permission::ALL.iter().copied().filter(|permission| permission.is_scope()).collect()
        } else {
            match scope.parse::<Permission>() {
                Ok(permission) if permission.is_scope() => vec![permission],
                _ => {
                    problems.add(field, "choice", "there is no such scope");
                    continue;
                }
            }
        };
        if !needed.into_iter().all(may) {
            problems.add(field, "not_yours", "a key may not do more than whoever makes it");
        }
    }
}

/// Makes a key worthless, at once.
///
/// # Errors
/// There is no such key, or a port failed.
pub async fn revoke(tools: &Tools<'_>, by: &By, tenant: TenantId, id: ApiKeyId) -> Done<()> {
    let keys = tools.identity.api_keys(tenant).await?;
    let kept = keys.into_iter().find(|kept| kept.key.id == id).ok_or(Refused::NotFound)?;
    let mut changes = Vec::new();
    notes::change(&mut changes, "scopes", Some(kept.key.scopes), None);
    let mut entry = notes::entry(tools, tenant, by, "api_key.revoked", id, changes);
    entry.name = Some(kept.key.name);
    let step = Act::RevokeKey { id, token_hash: kept.token_hash };
    if tools.commit(tenant, &[step], Some(&entry)).await? { Ok(()) } else { Err(Refused::NotFound.into()) }
}
