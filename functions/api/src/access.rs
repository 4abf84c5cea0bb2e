//! Whether somebody may do what a route does.
//!
//! A handler takes [`Access`] (or [`OwnAccess`]) with the permission it needs as its type; extracting it is the check. Who
//! asks was found out before, by [`crate::guard`]. What must stay true: the tenant of a request is the credential's; what a
//! role may do stands in [`domain::access::TABLE`] alone.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use contract::problem::Code;
use domain::access::{self, Grant, Party, Role};
use domain::audit::{Actor, By};
use domain::ids::{ApiKeyId, SessionId, TenantId, UserId};
use http::request::Parts;

use crate::context::Context;
use crate::refusal::Refusal;

/// The scope that opens everything to an API key.
const EVERYTHING: &str = "*";

/// A right that a handler demands, as a type.
pub trait Permission: Send + Sync + 'static {
    /// Its line in the table.
    const PERMISSION: access::Permission;
}

macro_rules! markers {
    ($($name:ident)*) => {$(
        #[doc = concat!("See [`domain::access::Permission::", stringify!($name), "`].")]
        pub enum $name {}
        impl Permission for $name {
            const PERMISSION: access::Permission = access::Permission::$name;
        }
    )*};
}

markers! {
    CampaignsRead CampaignsWrite TargetsRead TargetsWrite RtbTargetsRead RtbTargetsWrite PublishersRead PublishersWrite
    BuyersRead BuyersWrite PhoneNumbersRead PhoneNumbersWrite PhoneNumbersBuy TrackingTagsRead TrackingTagsWrite BlockedNumbersRead
    BlockedNumbersWrite
    CallsRead ConversionsWrite UsageRead AdjustmentsRead AdjustmentsRequest AdjustmentsDecide LedgerRead PingsRead
    IncomingWebhooksRead IncomingWebhooksWrite UsersRead UsersWrite ApiKeysRead ApiKeysWrite AccountRead AccountWrite
    TwilioAccountsRead
    TwilioAccountsWrite AuditRead PrivacyWrite Myself
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Somebody who is signed in.
    User {
        /// Who.
        user: UserId,
        /// Under which sign-in.
        session: SessionId,
        /// The SHA-256 of its token.
        token_hash: String,
        /// What they are in the account.
        role: Role,
        /// Whose things a buyer or publisher sees.
        party: Option<Party>,
    },
    /// A program.
    ApiKey {
        /// With which key.
        key: ApiKeyId,
        /// What the key may do.
        scopes: Vec<String>,
    },
}

/// Who asks, and in which account. Every way to sign in ends here, so that permissions are asked in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Who.
    pub who: Who,
}

impl Principal {
    /// How much of this permission they have.
    pub fn grant(&self, permission: access::Permission) -> Grant {
        match &self.who {
            Who::User { role, .. } => role.grant(permission),
            Who::ApiKey { scopes, .. } => {
                let named = |scope: &String| scope == EVERYTHING || scope == permission.as_str();
                if permission.is_scope() && scopes.iter().any(named) { Grant::All } else { Grant::No }
            }
        }
    }

    /// Whose things are shown to somebody whose grant is [`Grant::Own`].
    pub fn party(&self) -> Option<Party> {
        match &self.who {
            Who::User { party, .. } => *party,
            Who::ApiKey { .. } => None,
        }
    }

    /// The id of the user or of the key.
    pub fn id(&self) -> String {
        match &self.who {
            Who::User { user, .. } => user.to_string(),
            Who::ApiKey { key, .. } => key.to_string(),
        }
    }

    /// As the audit log names them.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::User { user, .. } => Actor::User(*user),
            Who::ApiKey { key, .. } => Actor::ApiKey(*key),
        }
    }

    /// The refusal of somebody who lacks a permission.
    pub fn refusal(&self, permission: access::Permission) -> Refusal {
        match &self.who {
            Who::ApiKey { .. } if !permission.is_scope() => {
                Refusal::new(Code::NotPermitted, "this is for people who are signed in, not for API keys")
            }
            Who::ApiKey { .. } => {
                let detail = format!("this needs an API key with the scope {permission}");
                Refusal::new(Code::MissingScope, detail)
            }
            Who::User { role, .. } => {
                let detail = format!(
                    "your role, {role}, does not include {permission}: ask an owner or admin of the account"
                );
                Refusal::new(Code::NotPermitted, detail)
            }
        }
    }
}

/// Somebody who may do `P` with everything in the account.
pub struct Access<P> {
    /// The tenant whose things the handler may touch.
    pub tenant: TenantId,
    /// Whether callers' numbers are shown whole.
    pub sees_numbers: bool,
    /// Who it is.
    pub principal: Principal,
    /// Who it is and from where, for the audit log.
    pub by: By,
    permission: PhantomData<fn() -> P>,
}

/// Somebody who may do `P`, perhaps only with their own: the handler shows nothing but that party's when `only` is set.
pub struct OwnAccess<P> {
    /// The tenant whose things the handler may touch.
    pub tenant: TenantId,
    /// Whether callers' numbers are shown whole.
    pub sees_numbers: bool,
    /// Whose things alone they see; `None` is everything.
    pub only: Option<Party>,
    /// Who it is and from where, for the audit log.
    pub by: By,
    permission: PhantomData<fn() -> P>,
}

/// The principal that the guard found.
fn principal(parts: &Parts) -> Result<&Principal, Refusal> {
    parts.extensions.get::<Principal>().ok_or_else(|| Refusal::unauthenticated(HOW_TO_SIGN_IN, false))
}

fn by_of(parts: &Parts, principal: &Principal) -> By {
    By { actor: principal.actor(), origin: parts.extensions.get().cloned().unwrap_or_default() }
}

/// What somebody unknown is told.
pub(crate) const HOW_TO_SIGN_IN: &str =
    "sign in, or send an API key in the header Authorization: Bearer ccp_live_…";

impl<P: Permission> FromRequestParts<Arc<Context>> for Access<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _context: &Arc<Context>) -> Result<Self, Refusal> {
        let principal = principal(parts)?;
        if principal.grant(P::PERMISSION) != Grant::All {
            return Err(principal.refusal(P::PERMISSION));
        }
        Ok(Self {
            tenant: principal.tenant,
            sees_numbers: principal.grant(access::Permission::NumbersRead) == Grant::All,
            principal: principal.clone(),
            by: by_of(parts, principal),
            permission: PhantomData,
        })
    }
}

impl<P: Permission> FromRequestParts<Arc<Context>> for OwnAccess<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _context: &Arc<Context>) -> Result<Self, Refusal> {
        let principal = principal(parts)?;
        let only = match (principal.grant(P::PERMISSION), principal.party()) {
            (Grant::All, _) => None,
            (Grant::Own, Some(party)) => Some(party),
            // A buyer's person without a buyer has nothing of their own to see.
            (Grant::Own, None) | (Grant::No, _) => return Err(principal.refusal(P::PERMISSION)),
        };
        Ok(Self {
            tenant: principal.tenant,
            sees_numbers: principal.grant(access::Permission::NumbersRead) == Grant::All,
            only,
            by: by_of(parts, principal),
            permission: PhantomData,
        })
    }
}
