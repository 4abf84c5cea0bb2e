//! The account's users: seen, changed, removed.
//!
//! What must stay true: nobody gives, changes or takes away a role above their own; an active owner remains; whoever's
//! role, party or status changes has to sign in again.

use domain::access::{Party, Role};
use domain::audit::By;
use domain::ids::{TenantId, UserId};
use domain::people::{Account, User, UserStatus, may_decide_over};
use domain::validate::Problems;

use super::lists::{self, Listable};
use super::password::next_version;
use super::sessions;
use super::{Done, Refused, Tools, Tries, notes, parties};
use crate::catalog::{Listing, Position, SortBy};
use crate::ports::{Act, Person};

impl Listable for User {
    fn matches(&self, part: &str) -> bool {
        self.name.to_lowercase().contains(part) || self.email.as_str().contains(part)
    }

    fn position(&self, sort: SortBy) -> Position {
        let key = match sort {
            SortBy::Name => self.name.to_lowercase(),
            SortBy::CreatedAt => format!("{:.9}", self.created_at),
            SortBy::UpdatedAt => format!("{:.9}", self.updated_at),
        };
        Position { key, id: self.id.to_string() }
    }
}

/// A page of them.
///
/// # Errors
/// A port failed.
pub async fn list(
    tools: &Tools<'_>,
    tenant: TenantId,
    listing: &Listing,
) -> Done<(Vec<User>, Option<Position>)> {
    Ok(lists::cut(tools.identity.users(tenant).await?, listing))
}

/// One of them.
///
/// # Errors
/// There is no such user, or a port failed.
pub async fn get(tools: &Tools<'_>, tenant: TenantId, user: UserId) -> Done<User> {
    Ok(tools.person(tenant, user).await?.user)
}

/// The account and the user who is signed in.
///
/// # Errors
/// They are gone, or a port failed.
pub async fn myself(tools: &Tools<'_>, tenant: TenantId, user: UserId) -> Done<(Account, User)> {
    let (account, person) =
        futures::future::try_join(tools.identity.account(tenant), tools.identity.person(tenant, user))
            .await?;
    let account = account.ok_or(Refused::NotFound)?;
    Ok((account, person.ok_or(Refused::NotFound)?.user))
}

/// Changes to a user; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// The version it was made from.
    pub version: u64,
    /// Another name.
    pub name: Option<String>,
    /// Another role.
    pub role: Option<Role>,
    /// Another party, or none.
    pub party: Option<Option<Party>>,
    /// Another status.
    pub status: Option<UserStatus>,
}

fn owners(before: &User, after: Option<&User>) -> i8 {
    let count = |user: &User| i8::from(user.is_active_owner());
    after.map_or(0, count) - count(before)
}

/// Changes a user. `authority` is the role of whoever does so.
///
/// # Errors
/// No such user, another version, broken rules, above the authority, the last owner; or a port failed.
pub async fn update(
    tools: &Tools<'_>,
    by: &By,
    authority: Role,
    tenant: TenantId,
    user: UserId,
    patch: &UserPatch,
) -> Done<User> {
    let mut tries = Tries::new();
    loop {
        tries.next("change a user").await?;
        let person = tools.person(tenant, user).await?;
        let after = patched(tools, &person, patch)?;
        let decides = patch.role.is_some() || patch.party.is_some() || patch.status.is_some();
        let touches_others = by.actor != domain::audit::Actor::User(user);
        if (decides || touches_others) && !may_decide_over(authority, person.user.role)
            || !may_decide_over(authority, after.role)
        {
            return Err(Refused::AboveRole.into());
        }
        if (User { version: person.user.version, updated_at: person.user.updated_at, ..after.clone() })
            == person.user
        {
            return Ok(person.user);
        }
        if (after.role, after.party) != (person.user.role, person.user.party) {
            parties::check(tools, tenant, after.role, after.party).await?;
        }
        let (steps, entry) = change_steps(tools, by, &person, &after);
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return Ok(after);
        }
    }
}

fn patched(tools: &Tools<'_>, person: &Person, patch: &UserPatch) -> Result<User, Refused> {
    if person.user.version != patch.version {
        return Err(Refused::Changed { current: person.user.version });
    }
    let mut after = next_version(tools, &person.user);
    after.name = patch.name.clone().unwrap_or(after.name);
    after.role = patch.role.unwrap_or(after.role);
    after.party = patch.party.unwrap_or(after.party);
    after.status = patch.status.unwrap_or(after.status);
    let mut problems = Problems::new();
    problems.name("name", &after.name);
    problems.into_result().map_err(Refused::Invalid)?;
    Ok(after)
}

fn change_steps(
    tools: &Tools<'_>,
    by: &By,
    person: &Person,
    after: &User,
) -> (Vec<Act>, domain::audit::AuditEntry) {
    let before = &person.user;
    let mut steps = vec![Act::ChangeUser { user: after.clone(), before: person.standing() }];
    if (before.role, before.party, before.status) != (after.role, after.party, after.status) {
        steps.extend(sessions::end_all(person));
    }
    let owners = owners(before, Some(after));
    if owners != 0 {
        steps.push(Act::Seats { users: 0, owners });
    }
    let mut changes = Vec::new();
    if before.name != after.name {
        // A person's name is personal: that it changed is enough.
        notes::change(&mut changes, "name", Some("***"), Some("*** (changed)"));
    }
    notes::change(&mut changes, "role", Some(before.role), Some(after.role));
    notes::change(&mut changes, "party", before.party, after.party);
    notes::change(&mut changes, "status", Some(before.status), Some(after.status));
    let entry = notes::entry(tools, before.tenant, by, "user.updated", before.id, changes);
    (steps, entry)
}

/// Removes a user; their sign-ins end.
///
/// # Errors
/// No such user, above the authority, the last owner; or a port failed.
pub async fn remove(tools: &Tools<'_>, by: &By, authority: Role, tenant: TenantId, user: UserId) -> Done<()> {
    let mut tries = Tries::new();
    loop {
        tries.next("remove a user").await?;
        let person = tools.person(tenant, user).await?;
        if !may_decide_over(authority, person.user.role) {
            return Err(Refused::AboveRole.into());
        }
        let mut steps = sessions::end_all(&person);
        steps.push(Act::RemoveUser { user: person.user.clone(), before: person.standing() });
        steps.push(Act::Seats { users: -1, owners: owners(&person.user, None) });
        let email = notes::recognisable(tools, tenant, &person.user.email).await?;
        let mut changes = Vec::new();
        notes::change(&mut changes, "email", Some(email), None);
        notes::change(&mut changes, "role", Some(person.user.role), None);
        let entry = notes::entry(tools, tenant, by, "user.removed", user, changes);
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return Ok(());
        }
    }
}
