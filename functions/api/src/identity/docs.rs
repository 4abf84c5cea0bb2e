//! What the operations on users, invitations, API keys and the account say of themselves.

use contract::identity::{
    AccountPatch, AccountShown, ApiKeyMade, ApiKeyShown, InvitationShown, Invite, NewApiKey, UserChange,
    UserShown,
};
use contract::problem::Code;
use contract::query::ListQuery;
use domain::ids::{ApiKeyId, InvitationId, UserId};
use serde_json::{Value, json};

use crate::doc::Doc;
use crate::shape::Shape;

/// A user.
pub fn user_example() -> Value {
    json!({
        "id": "US019abc0de1f27a3b8c4d5e6f70819203",
        "email": "anna@example.com",
        "name": "Anna Park",
        "role": "manager",
        "party": null,
        "status": "active",
        "second_factor": true,
        "last_sign_in_at": "2026-11-22T12:00:00Z",
        "created_at": "2026-11-01T09:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "version": 3,
    })
}

/// An account.
pub fn account_example() -> Value {
    json!({
        "id": "AC019abc0de1f27a3b8c4d5e6f70819203",
        "name": "Acme Calls",
        "currency": "USD",
        "time_zone": "America/New_York",
        "created_at": "2026-11-01T09:00:00Z",
        "updated_at": "2026-11-01T09:00:00Z",
        "version": 1,
    })
}

fn invitation_example() -> Value {
    json!({
        "id": "IV019abc0de1f27a3b8c4d5e6f70819203",
        "email": "ben@example.com",
        "role": "analyst",
        "party": null,
        "invited_by": "US019abc0de1f27a3b8c4d5e6f70819203",
        "created_at": "2026-11-22T12:00:00Z",
        "sent_at": "2026-11-22T12:00:00Z",
        "expires_at": "2026-11-29T12:00:00Z",
    })
}

fn key_example() -> Value {
    json!({
        "id": "KY019abc0de1f27a3b8c4d5e6f70819203",
        "name": "Nightly report",
        "scopes": ["calls:read"],
        "created_at": "2026-11-22T12:00:00Z",
        "expires_at": "2027-11-22T12:00:00Z",
        "last_used_at": null,
    })
}

fn page(example: Value) -> Value {
    json!({"items": [example]})
}

/// `GET /api/users`.
pub fn users() -> Doc {
    Doc::new("list_users", "List users")
        .about("`search` looks at names and e-mail addresses.")
        .query(ListQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<UserShown>()), page(user_example()))
}

/// `GET /api/users/{id}`.
pub fn user() -> Doc {
    Doc::new("get_user", "Read a user").of(Shape::of::<UserId>()).answers(
        200,
        Shape::of::<UserShown>(),
        user_example(),
    )
}

/// `PATCH /api/users/{id}`.
pub fn update_user() -> Doc {
    Doc::new("update_user", "Change a user")
        .about(
            "Another role, another party, or suspended: all of their sign-ins end at once. Nobody changes a role above their \
             own, and one active owner always stays.",
        )
        .of(Shape::of::<UserId>())
        .body(Shape::of::<UserChange>(), json!({"version": 1, "name": "Anna Park"}))
        .answers(200, Shape::of::<UserShown>(), user_example())
        .refuses(&[Code::AboveRole, Code::LastOwner])
}

/// `DELETE /api/users/{id}`.
pub fn remove_user() -> Doc {
    Doc::new("remove_user", "Remove a user")
        .about("They cannot sign in any more, and their sign-ins end at once. API keys that they made stay: they belong to the account.")
        .of(Shape::of::<UserId>())
        .refuses(&[Code::AboveRole, Code::LastOwner])
}

/// `GET /api/invitations`.
pub fn invitations() -> Doc {
    Doc::new("list_invitations", "List invitations")
        .about("`search` looks at e-mail addresses. Expired ones are listed for a month.")
        .query(ListQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<InvitationShown>()), page(invitation_example()))
}

/// `POST /api/invitations`.
pub fn invite() -> Doc {
    Doc::new("invite_user", "Invite somebody")
        .about("They get a mail with a link that is good for seven days. Nobody invites to a role above their own.")
        .body(Shape::of::<Invite>(), json!({"email": "ben@example.com", "role": "analyst"}))
        .answers(201, Shape::of::<InvitationShown>(), invitation_example())
        .refuses(&[
            Code::AboveRole,
            Code::LimitReached,
            Code::Taken,
            Code::Locked,
            Code::WrongState,
            Code::NotFound,
        ])
}

/// `POST /api/invitations/{id}/resend`.
pub fn resend() -> Doc {
    Doc::new("resend_invitation", "Send an invitation again")
        .about("With a new link; the old one is not good any more.")
        .of(Shape::of::<InvitationId>())
        .answers(200, Shape::of::<InvitationShown>(), invitation_example())
        .refuses(&[Code::AboveRole, Code::Invalid, Code::Locked])
}

/// `DELETE /api/invitations/{id}`.
pub fn revoke_invitation() -> Doc {
    Doc::new("revoke_invitation", "Take an invitation back")
        .of(Shape::of::<InvitationId>())
        .refuses(&[Code::AboveRole])
}

/// `GET /api/api-keys`.
pub fn api_keys() -> Doc {
    Doc::new("list_api_keys", "List API keys")
        .about("Without their tokens.")
        .query(ListQuery::PARAMETERS)
        .answers(200, Shape::page(Shape::of::<ApiKeyShown>()), page(key_example()))
}

/// `POST /api/api-keys`.
pub fn create_api_key() -> Doc {
    let mut made = key_example();
    made["token"] = json!("ccp_live_…");
    Doc::new("create_api_key", "Make an API key")
        .about(
            "The answer has the token, once. Scopes are names of permissions, or `*` for all; nobody gives a key what they \
             may not do themselves. A key is never changed: make another one and revoke the old.",
        )
        .body(
            Shape::of::<NewApiKey>(),
            json!({"name": "Nightly report", "scopes": ["calls:read"], "expires_at": "2027-11-22T12:00:00Z"}),
        )
        .answers(201, Shape::of::<ApiKeyMade>(), made)
        .refuses(&[Code::LimitReached, Code::WrongState])
}

/// `DELETE /api/api-keys/{id}`.
pub fn revoke_api_key() -> Doc {
    Doc::new("revoke_api_key", "Revoke an API key")
        .about("Effective with the next request.")
        .of(Shape::of::<ApiKeyId>())
}

/// `GET /api/account`.
pub fn account() -> Doc {
    Doc::new("get_account", "Read the account")
        .about("A key of an installation that nobody has signed up to yet has no account to read.")
        .answers(200, Shape::of::<AccountShown>(), account_example())
        .refuses(&[Code::NotFound])
}

/// `PATCH /api/account`.
pub fn update_account() -> Doc {
    let mut after = account_example();
    after["version"] = json!(2);
    Doc::new("update_account", "Change the account's settings")
        .about("Currency and time zone are what new campaigns begin with.")
        .body(Shape::of::<AccountPatch>(), json!({"version": 1, "time_zone": "America/New_York"}))
        .answers(200, Shape::of::<AccountShown>(), after)
        .refuses(&[Code::NotFound])
}
