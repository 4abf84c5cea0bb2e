//! What each step of a commit writes, under which condition, and what it means when the condition does not hold.

use app::ports::{Act, KeptKey, KeptSession, OneTimeToken, PortResult, Standing, Why};
use domain::email::EmailAddress;
use domain::ids::{TenantId, UserId};
use domain::people::{Invitation, MAX_USERS, User};
use jiff::{SignedDuration, Timestamp};

use super::{EmailOwner, NOT_A_HASH, is_hash};
use crate::item::{Draft, Item, json, number, text};
use crate::keys::{self, Key};
use crate::read::unusable;
use crate::write::{Deed, Write};

/// How long an expired invitation is shown, so that it can be sent again.
const INVITATION_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

type Writes = Vec<(Write, Why)>;

/// The writes of a step.
pub(super) fn writes(what: &'static str, tenant: TenantId, step: &Act) -> PortResult<Writes> {
    Ok(match step {
        Act::CreateAccount(account) => {
            let item = Draft::new(keys::account(tenant), "account", Some(tenant))
                .with("version", number(account.version))
                .with("users", number(1))
                .with("owners", number(1))
                .with("body", json(what, account)?);
            vec![(Write::create(item.build()), Why::Changed)]
        }
        Act::ChangeAccount { account, before } => {
            let write = body_change(what, keys::account(tenant), account, "version", account.version)?;
            vec![(only_from(write, "version", *before), Why::Changed)]
        }
        Act::Seats { users, owners } => vec![seats(tenant, *users, *owners)],
        Act::CreateUser { user, credentials } => {
            let shown = Draft::new(keys::user(tenant, user.id), "user", Some(tenant))
                .with("version", number(user.version))
                .with("sign_ins", number(0))
                .with("body", json(what, user)?)
                .gsi1(keys::in_list(keys::users(tenant), user.id));
            let secret = Draft::new(keys::credentials(tenant, user.id), "credentials", Some(tenant))
                .with("revision", number(credentials.revision))
                .with("body", json(what, credentials)?);
            vec![
                (Write::create(shown.build()), Why::Changed),
                (Write::create(secret.build()), Why::Changed),
                (claim_email(what, tenant, user.id, &user.email)?, Why::Taken),
            ]
        }
        Act::ChangeUser { user, before } => {
            let write = body_change(what, keys::user(tenant, user.id), user, "version", user.version)?;
            vec![(if_standing(write, *before), Why::Changed)]
        }
        Act::RemoveUser { user, before } => remove_user(tenant, user, *before),
        Act::MoveEmail { user, from, to } => vec![
            (claim_email(what, tenant, *user, to)?, Why::Taken),
            (release_email(*user, from), Why::Changed),
        ],
        Act::ChangeCredentials { user, credentials, before } => {
            let key = keys::credentials(tenant, *user);
            let write = body_change(what, key, credentials, "revision", credentials.revision)?;
            vec![(only_from(write, "revision", *before), Why::Changed)]
        }
        Act::PutToken { token_hash, token } => vec![(put_token(what, token_hash, token)?, Why::Changed)],
        Act::UseToken { token_hash } => {
            vec![(if_there(Write::new(Deed::Remove(token_key(what, token_hash)?))), Why::TokenUsed)]
        }
        Act::CreateInvitation { invitation, token_hash } => vec![
            (Write::create(invitation_item(what, invitation, token_hash)?), Why::Changed),
            (Write::create(invited_item(invitation)), Why::Taken),
            (put_token(what, token_hash, &invitation_token(invitation))?, Why::Changed),
        ],
        Act::RenewInvitation { invitation, token_hash, before } => {
            let item = invitation_item(what, invitation, token_hash)?;
            vec![
                (if_token(Write::new(Deed::Put(item)), before), Why::Changed),
                (Write::new(Deed::Put(invited_item(invitation))), Why::Changed),
                (put_token(what, token_hash, &invitation_token(invitation))?, Why::Changed),
                (Write::new(Deed::Remove(token_key(what, before)?)), Why::Changed),
            ]
        }
        Act::RemoveInvitation { invitation, token_hash } => {
            let key = keys::invitation(tenant, invitation.id);
            vec![
                (if_token(Write::new(Deed::Remove(key)), token_hash), Why::Changed),
                (Write::new(Deed::Remove(keys::invited(tenant, &invitation.email))), Why::Changed),
                (Write::new(Deed::Remove(token_key(what, token_hash)?)), Why::Changed),
            ]
        }
        Act::BeginSession(kept) => {
            let items = session_items(what, kept)?;
            items.map(|item| (Write::create(item), Why::Changed)).into()
        }
        Act::CountSignIn { user, before, at } => {
            vec![(count_sign_in(tenant, *user, *before, *at), Why::Changed)]
        }
        Act::EndSession { user, session, token_hash } => vec![
            (Write::new(Deed::Remove(keys::session(hash(what, token_hash)?))), Why::Changed),
            (Write::new(Deed::Remove(keys::session_of_user(tenant, *user, *session))), Why::Changed),
        ],
        Act::CreateKey(kept) => key_items(what, kept)?.map(|item| (Write::create(item), Why::Changed)).into(),
        Act::RevokeKey { id, token_hash } => vec![
            (if_there(Write::new(Deed::Remove(keys::listed_key(tenant, *id)))), Why::Changed),
            (Write::new(Deed::Remove(keys::api_key(hash(what, token_hash)?))), Why::Changed),
        ],
    })
}

fn hash<'a>(what: &'static str, token_hash: &'a str) -> PortResult<&'a str> {
    if is_hash(token_hash) { Ok(token_hash) } else { Err(unusable(what, NOT_A_HASH)) }
}

fn token_key(what: &'static str, token_hash: &str) -> PortResult<Key> {
    Ok(keys::one_time_token(hash(what, token_hash)?))
}

/// An item's body and the number that counts its changes.
fn body_change<T: serde::Serialize>(
    what: &'static str,
    key: Key,
    body: &T,
    counter: &str,
    to: u64,
) -> PortResult<Write> {
    let set = "SET #body = :body, #counter = :counter";
    Ok(Write::new(Deed::Change(key, set.to_owned()))
        .name("#body", "body")
        .name("#counter", counter)
        .value(":body", json(what, body)?)
        .value(":counter", number(to)))
}

fn only_from(write: Write, counter: &str, before: u64) -> Write {
    write.only_if("#counter = :before").name("#counter", counter).value(":before", number(before))
}

fn if_standing(write: Write, before: Standing) -> Write {
    write
        .only_if("#version = :version_before AND #sign_ins = :sign_ins_before")
        .name("#version", "version")
        .name("#sign_ins", "sign_ins")
        .value(":version_before", number(before.version))
        .value(":sign_ins_before", number(before.sign_ins))
}

fn if_there(write: Write) -> Write {
    write.only_if("attribute_exists(#pk)").name("#pk", "pk")
}

fn if_token(write: Write, token_hash: &str) -> Write {
    write
        .only_if("#token_hash = :token_hash")
        .name("#token_hash", "token_hash")
        .value(":token_hash", text(token_hash))
}

fn seats(tenant: TenantId, users: i8, owners: i8) -> (Write, Why) {
    let change = "ADD #users :users, #owners :owners";
    let write = Write::new(Deed::Change(keys::account(tenant), change.to_owned()))
        .name("#users", "users")
        .name("#owners", "owners")
        .value(":users", number(users))
        .value(":owners", number(owners));
    if owners < 0 {
        return (write.only_if("#owners > :least").value(":least", number(1)), Why::LastOwner);
    }
    if users > 0 {
        return (write.only_if("#users < :most").value(":most", number(MAX_USERS)), Why::Full);
    }
    (write.only_if("attribute_exists(#users)"), Why::Changed)
}

fn claim_email(
    what: &'static str,
    tenant: TenantId,
    user: UserId,
    email: &EmailAddress,
) -> PortResult<Write> {
    let item = Draft::new(keys::email(email), "email", Some(tenant))
        .with("owner", text(user.to_string()))
        .with("body", json(what, &EmailOwner { tenant, user })?);
    Ok(Write::create(item.build()))
}

fn release_email(user: UserId, email: &EmailAddress) -> Write {
    Write::new(Deed::Remove(keys::email(email)))
        .only_if("#owner = :owner")
        .name("#owner", "owner")
        .value(":owner", text(user.to_string()))
}

fn remove_user(tenant: TenantId, user: &User, before: Standing) -> Writes {
    vec![
        (if_standing(Write::new(Deed::Remove(keys::user(tenant, user.id))), before), Why::Changed),
        (Write::new(Deed::Remove(keys::credentials(tenant, user.id))), Why::Changed),
        (release_email(user.id, &user.email), Why::Changed),
    ]
}

fn count_sign_in(tenant: TenantId, user: UserId, before: Standing, at: Timestamp) -> Write {
    let set = "SET #last_sign_in_at = :at ADD #sign_ins :one";
    let write = Write::new(Deed::Change(keys::user(tenant, user), set.to_owned()))
        .name("#last_sign_in_at", "last_sign_in_at")
        .value(":at", text(keys::time(at)))
        .value(":one", number(1));
    if_standing(write, before)
}

fn put_token(what: &'static str, token_hash: &str, token: &OneTimeToken) -> PortResult<Write> {
    let item = Draft::new(token_key(what, token_hash)?, "one_time_token", Some(token.tenant))
        .with("body", json(what, token)?)
        .expires(token.expires_at);
    Ok(Write::create(item.build()))
}

fn invitation_token(invitation: &Invitation) -> OneTimeToken {
    OneTimeToken {
        tenant: invitation.tenant,
        used_for: app::ports::TokenUse::Invitation(invitation.id),
        expires_at: invitation.expires_at,
    }
}

fn kept_until(invitation: &Invitation) -> Timestamp {
    invitation.expires_at.saturating_add(INVITATION_KEPT).unwrap_or(invitation.expires_at)
}

fn invitation_item(what: &'static str, invitation: &Invitation, token_hash: &str) -> PortResult<Item> {
    let key = keys::invitation(invitation.tenant, invitation.id);
    Ok(Draft::new(key, "invitation", Some(invitation.tenant))
        .with("token_hash", text(hash(what, token_hash)?))
        .with("body", json(what, invitation)?)
        .gsi1(keys::in_list(keys::invitations(invitation.tenant), invitation.id))
        .expires(kept_until(invitation))
        .build())
}

fn invited_item(invitation: &Invitation) -> Item {
    let key = keys::invited(invitation.tenant, &invitation.email);
    Draft::new(key, "claim", Some(invitation.tenant))
        .with("owner", text(invitation.id.to_string()))
        .expires(kept_until(invitation))
        .build()
}

/// A session where its token finds it, and in its user's list.
fn session_items(what: &'static str, kept: &KeptSession) -> PortResult<[Item; 2]> {
    let session = &kept.session;
    let listed = keys::session_of_user(session.tenant, session.user, session.id);
    let of = |key: Key, kind: &str| {
        Ok(Draft::new(key, kind, Some(session.tenant))
            .with("last_used_at", text(keys::time(session.last_used_at)))
            .with("body", json(what, session)?)
            .expires(session.expires_at))
    };
    let found = of(keys::session(hash(what, &kept.token_hash)?), "session")?;
    let listed = of(listed, "listed_session")?.with("token_hash", text(&kept.token_hash));
    Ok([found.build(), listed.build()])
}

/// An API key where its token finds it, and in its account's list.
pub(super) fn key_items(what: &'static str, kept: &KeptKey) -> PortResult<[Item; 2]> {
    let key = &kept.key;
    let of = |place: Key, kind: &str| {
        let draft = Draft::new(place, kind, Some(key.tenant)).with("body", json(what, key)?);
        Ok(match key.expires_at {
            Some(end) => draft.expires(end),
            None => draft,
        })
    };
    let found = of(keys::api_key(hash(what, &kept.token_hash)?), "api_key")?;
    let listed = of(keys::listed_key(key.tenant, key.id), "listed_api_key")?
        .with("token_hash", text(&kept.token_hash))
        .gsi1(keys::in_list(keys::listed_keys(key.tenant), key.id));
    Ok([found.build(), listed.build()])
}
