//! Who asks, and whether they may.
//!
//! A handler takes [`Access`] with the permission it needs as its type; extracting it is the check. What must stay true:
//! the tenant of a request is the key's; an unknown key and an expired one are refused alike.

use std::marker::PhantomData;
use std::sync::Arc;

use app::api_keys;
use axum::extract::FromRequestParts;
use contract::problem::Code;
use domain::ids::{ApiKeyId, TenantId};
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::context::Context;
use crate::refusal::Refusal;

/// Opens everything.
const EVERYTHING: &str = "*";
/// Shows callers' numbers whole; not a permission of any route.
pub const SEES_NUMBERS: &str = "numbers:read";
/// Longer tokens are none of ours.
const MAX_TOKEN: usize = 200;

/// A right that a handler demands.
pub trait Permission: Send + Sync + 'static {
    /// The scope that gives it.
    const SCOPE: &'static str;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $scope:literal;)*) => {
        $(
            $(#[$doc])*
            pub enum $name {}
            impl Permission for $name {
                const SCOPE: &'static str = $scope;
            }
        )*
        /// Every scope there is.
        pub const SCOPES: &[&str] = &[$($scope,)* SEES_NUMBERS, EVERYTHING];
    };
}

permissions! {
    /// See campaigns.
    CampaignsRead = "campaigns:read";
    /// Set up and publish campaigns.
    CampaignsWrite = "campaigns:write";
    /// See targets.
    TargetsRead = "targets:read";
    /// Set up targets.
    TargetsWrite = "targets:write";
    /// See RTB targets.
    RtbTargetsRead = "rtb_targets:read";
    /// Set up RTB targets.
    RtbTargetsWrite = "rtb_targets:write";
    /// See the account's phone numbers.
    PhoneNumbersRead = "phone_numbers:read";
    /// Set up the account's phone numbers.
    PhoneNumbersWrite = "phone_numbers:write";
    /// Search, buy and release phone numbers.
    PhoneNumbersBuy = "phone_numbers:buy";
    /// See calls and their books.
    CallsRead = "calls:read";
}

/// Who asks. Every way to sign in ends here, so that permissions are asked in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// With which key.
    pub key: ApiKeyId,
    /// What they may do.
    pub scopes: Vec<String>,
}

impl Principal {
    /// Whether they have this scope.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|has| has == EVERYTHING || has == scope)
    }
}

/// Somebody who may do `P`.
pub struct Access<P> {
    /// The tenant whose things the handler may touch.
    pub tenant: TenantId,
    /// Whether callers' numbers are shown whole.
    pub sees_numbers: bool,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> FromRequestParts<Arc<Context>> for Access<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<Context>) -> Result<Self, Refusal> {
        let principal = principal(parts, context).await?;
        if !principal.may(P::SCOPE) {
            let detail = format!("this needs an API key with the scope {}", P::SCOPE);
            return Err(Refusal::new(Code::MissingScope, detail));
        }
        let sees_numbers = principal.may(SEES_NUMBERS);
        Ok(Self { tenant: principal.tenant, sees_numbers, permission: PhantomData })
    }
}

async fn principal(parts: &Parts, context: &Context) -> Result<Principal, Refusal> {
    let missing = || Refusal::unauthenticated("send the header Authorization: Bearer ccp_live_…", false);
    let wrong = || Refusal::unauthenticated("this API key is unknown or has expired", true);
    let header = parts.headers.get(AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|value| value.trim().split_once(' ')).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let token = token.trim();
    if !token.starts_with(api_keys::TOKEN_PREFIX) || token.len() > MAX_TOKEN {
        return Err(wrong());
    }
    let key = context.identity.api_key(&api_keys::hash(token)).await?.ok_or_else(wrong)?;
    if key.expires_at.is_some_and(|at| at <= context.clock.now()) {
        return Err(wrong());
    }
    Ok(Principal { tenant: key.tenant, key: key.id, scopes: key.scopes })
}
