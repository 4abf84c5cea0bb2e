//! Invitations: seven days, one mail each, accepted once.

use domain::access::{Party, Role};
use domain::audit::{Actor, By};
use domain::email::EmailAddress;
use domain::ids::{InvitationId, TenantId, UserId};
use domain::people::{Invitation, MAX_USERS, User, UserStatus, may_decide_over};
use domain::validate::Problems;
use jiff::SignedDuration;

use super::lists::{self, Listable};
use super::lockout::{Limit, attempt};
use super::sessions::{self, SignedIn};
use super::sign_up::first_credentials;
use super::{Done, ONCE_PREFIX, Refused, Tools, Tries, Visitor, mails, notes, parties, password};
use crate::catalog::{Listing, Position, SortBy};
use crate::ports::{Act, TokenUse};
use crate::secret::Secret;

/// How long the link works.
pub const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Listable for Invitation {
    fn matches(&self, part: &str) -> bool {
        self.email.as_str().contains(part)
    }

    fn position(&self, sort: SortBy) -> Position {
        let key = match sort {
            SortBy::Name => self.email.as_str().to_owned(),
            SortBy::CreatedAt => format!("{:.9}", self.created_at),
            SortBy::UpdatedAt => format!("{:.9}", self.sent_at),
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
) -> Done<(Vec<Invitation>, Option<Position>)> {
    Ok(lists::cut(tools.identity.invitations(tenant).await?, listing))
}

/// Whom to invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Where the link is sent.
    pub email: EmailAddress,
    /// What they will be.
    pub role: Role,
    /// Whose things a buyer's or publisher's person will see.
    pub party: Option<Party>,
}

/// Invites somebody. `authority` is the role of whoever does so.
///
/// # Errors
/// Broken rules, above the authority, invited or a user already, too many; or a port failed.
pub async fn invite(
    tools: &Tools<'_>,
    by: &By,
    authority: Role,
    tenant: TenantId,
    invite: Invite,
) -> Done<Invitation> {
    parties::check(tools, tenant, invite.role, invite.party).await?;
    if !may_decide_over(authority, invite.role) {
        return Err(Refused::AboveRole.into());
    }
    let account = tools.identity.account(tenant).await?.ok_or(Refused::NotFound)?;
    let owner = tools.identity.owner_of_email(&invite.email).await?;
    if owner.is_some_and(|(of, _)| of == tenant) {
        return Err(Refused::EmailTaken.into());
    }
    if tools.identity.invitations(tenant).await?.len() >= MAX_USERS as usize {
        return Err(Refused::Full { what: "invitations", most: MAX_USERS }.into());
    }
    attempt(tools, vec![Limit::mail_to(invite.email.as_str())]).await?;
    let now = tools.clock.now();
    let invitation = Invitation {
        id: InvitationId::from_uuid(tools.clock.new_id()),
        tenant,
        email: invite.email,
        role: invite.role,
        party: invite.party,
        invited_by: match by.actor {
            Actor::User(user) => Some(user),
            _ => None,
        },
        created_at: now,
        sent_at: now,
        expires_at: now.saturating_add(LINK_LIFETIME).unwrap_or(now),
    };
    let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
    let entry = noted(tools, by, "user.invited", &invitation).await?;
    let step = Act::CreateInvitation { invitation: invitation.clone(), token_hash };
    if !tools.commit(tenant, &[step], Some(&entry)).await? {
        return Err(Refused::State("the invitation was changed meanwhile: look at the list again").into());
    }
    mails::invitation(tools, &account.settings.name, &invitation, &secret).await?;
    Ok(invitation)
}

async fn noted(
    tools: &Tools<'_>,
    by: &By,
    action: &str,
    invitation: &Invitation,
) -> Done<domain::audit::AuditEntry> {
    let mut changes = vec![
        notes::set("email", notes::recognisable(tools, invitation.tenant, &invitation.email).await?),
        notes::set("role", invitation.role),
    ];
    notes::change(&mut changes, "party", None, invitation.party);
    Ok(notes::entry(tools, invitation.tenant, by, action, invitation.id, changes))
}

/// Sends it again, with a new link; the old one is worthless, and the seven days begin anew.
///
/// # Errors
/// There is none, its buyer or publisher is gone, above the authority, sent too often; or a port failed.
pub async fn resend(
    tools: &Tools<'_>,
    by: &By,
    authority: Role,
    tenant: TenantId,
    id: InvitationId,
) -> Done<Invitation> {
    let account = tools.identity.account(tenant).await?.ok_or(Refused::NotFound)?;
    let mut tries = Tries::new();
    loop {
        tries.next("send an invitation again").await?;
        let (found, before) = tools.identity.invitation(tenant, id).await?.ok_or(Refused::NotFound)?;
        if !may_decide_over(authority, found.role) {
            return Err(Refused::AboveRole.into());
        }
        // Only invitations that are still good keep a buyer or publisher from being deleted.
        parties::check(tools, tenant, found.role, found.party).await?;
        attempt(tools, vec![Limit::mail_to(found.email.as_str())]).await?;
        let now = tools.clock.now();
        let expires_at = now.saturating_add(LINK_LIFETIME).unwrap_or(now);
        let invitation = Invitation { sent_at: now, expires_at, ..found };
        let (secret, token_hash) = super::new_token(ONCE_PREFIX)?;
        let entry = noted(tools, by, "invitation.sent_again", &invitation).await?;
        let step = Act::RenewInvitation { invitation: invitation.clone(), token_hash, before };
        if tools.commit(tenant, &[step], Some(&entry)).await? {
            mails::invitation(tools, &account.settings.name, &invitation, &secret).await?;
            return Ok(invitation);
        }
    }
}

/// Takes it back.
///
/// # Errors
/// There is none, above the authority; or a port failed.
pub async fn revoke(
    tools: &Tools<'_>,
    by: &By,
    authority: Role,
    tenant: TenantId,
    id: InvitationId,
) -> Done<()> {
    let mut tries = Tries::new();
    loop {
        tries.next("take an invitation back").await?;
        let (invitation, token_hash) =
            tools.identity.invitation(tenant, id).await?.ok_or(Refused::NotFound)?;
        if !may_decide_over(authority, invitation.role) {
            return Err(Refused::AboveRole.into());
        }
        let entry = noted(tools, by, "invitation.revoked", &invitation).await?;
        let step = Act::RemoveInvitation { invitation, token_hash };
        if tools.commit(tenant, &[step], Some(&entry)).await? {
            return Ok(());
        }
    }
}

/// Joins the account and signs in.
///
/// # Errors
/// The link is not good any more, broken rules, the password is not good enough, the address signs in elsewhere, no seat
/// is free; or a port failed.
pub async fn accept(
    tools: &Tools<'_>,
    visitor: &Visitor,
    token: &Secret,
    name: &str,
    new_password: &Secret,
) -> Done<SignedIn> {
    let mut problems = Problems::new();
    problems.name("name", name);
    problems.into_result().map_err(Refused::Invalid)?;
    let mut hash = None;
    let mut tries = Tries::new();
    loop {
        tries.next("accept an invitation").await?;
        let (found, token_hash) = tools.good_token(token).await?;
        let TokenUse::Invitation(id) = found.used_for else { return Err(Refused::TokenInvalid.into()) };
        let tenant = found.tenant;
        let invitation = tools.identity.invitation(tenant, id).await?;
        let (invitation, _) =
            invitation.filter(|(_, current)| *current == token_hash).ok_or(Refused::TokenInvalid)?;
        let hash = match &hash {
            Some(hash) => String::clone(hash),
            None => {
                password::check("password", new_password, &[invitation.email.as_str(), name])?;
                hash.insert(tools.passwords.hash(new_password).await?).clone()
            }
        };
        let now = tools.clock.now();
        let user = User {
            id: UserId::from_uuid(tools.clock.new_id()),
            tenant,
            email: invitation.email.clone(),
            name: name.to_owned(),
            role: invitation.role,
            party: invitation.party,
            status: UserStatus::Active,
            second_factor: false,
            created_at: now,
            updated_at: now,
            last_sign_in_at: Some(now),
            version: 1,
        };
        let by = By { actor: Actor::User(user.id), origin: visitor.by.origin.clone() };
        let entry = noted(tools, &by, "invitation.accepted", &invitation).await?;
        let (secret, kept) = sessions::fresh(tools, &user, &by.origin)?;
        let session = kept.session.clone();
        let steps = [
            Act::RemoveInvitation { invitation, token_hash },
            Act::Seats { users: 1, owners: i8::from(user.is_active_owner()) },
            Act::CreateUser { user: user.clone(), credentials: first_credentials(hash) },
            Act::BeginSession(kept),
        ];
        if tools.commit(tenant, &steps, Some(&entry)).await? {
            return Ok(SignedIn { token: secret, session, user });
        }
    }
}
